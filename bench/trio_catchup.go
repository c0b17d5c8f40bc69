package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"uncross/internal/nodes"
)

// readyLook is the time between two looks whether a node that starts is there.
const readyLook = 5 * time.Millisecond

// returned is how a node came back.
type returned struct {
	missed   uint64        // commands that it has and had not
	answers  time.Duration // from its start until it says how it stands
	ready    time.Duration // until it serves reads
	abreast  time.Duration // until it has what it missed
	restarts int           // that a snapshot from another node made
}

// back starts a node that was away and waits until it has everything up to a command.
func (b *clusterBench) back(ctx context.Context, n *nodes.Node, had, until uint64) (r returned, err error) {
	r.missed = until - had
	installs := n.Count(startingAnew)
	begin := time.Now()
	if err := n.Start(); err != nil {
		return r, err
	}
	for r.ready == 0 || r.abreast == 0 {
		s, err := n.Status(ctx)
		now := time.Since(begin)
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err()
		case now > backPatience:
			return r, fmt.Errorf("%s does not come to command %d in %v: %+v %w\n%s", n.Name, until, backPatience, s, err, n.Tail())
		case err == nil:
			if r.answers == 0 {
				r.answers = now
			}
			if s.Ready && r.ready == 0 {
				r.ready = now
			}
			if s.Ready && s.Command >= until && r.abreast == 0 {
				r.abreast = now
			}
		}
		time.Sleep(readyLook)
	}
	r.restarts = n.Count(startingAnew) - installs
	return r, nil
}

// backPatience is for a node that has a lot to fetch.
const backPatience = 10 * time.Minute

// catchUp measures how fast a follower that was away gets what it missed, from the log and by a snapshot.
func (b *clusterBench) catchUp(ctx context.Context) error {
	t, err := b.lay("catchup", 3, "--trailing-bytes", "1") // a snapshot cuts off what the follower has missed
	if err != nil {
		return err
	}
	defer b.close(t)
	v, err := b.begin(ctx, t)
	if err != nil {
		return err
	}
	c := &fixAtLeader{name: "three nodes", t: t, at: v.FIX}
	defer c.close()
	var found []returned
	for _, cut := range []bool{false, true} {
		b.p.show("catching up: a follower is away for %s orders", thousands(b.Orders))
		leader, err := t.Leader(ctx)
		if err != nil {
			return err
		}
		away := t.Nodes[0]
		if away == leader {
			away = t.Nodes[1]
		}
		had, err := away.Status(ctx)
		if err := errors.Join(err, away.Stop(syscall.SIGKILL)); err != nil {
			return err
		}
		if _, err := c.measure(ctx, func() *fixRun { return &fixRun{want: b.Orders, window: b.Window} }); err != nil {
			return err
		}
		for _, n := range t.Nodes {
			if cut && n != away {
				if err := b.snapshot(ctx, n, &v); err != nil {
					return err
				}
			}
		}
		now, err := c.leader.Status(ctx)
		if err != nil {
			return err
		}
		b.p.show("catching up")
		r, err := b.back(ctx, away, had.Command, now.Command)
		if err != nil {
			return err
		}
		if (r.restarts > 0) != cut {
			return fmt.Errorf("%s came back with %d snapshots of another node\n%s", away.Name, r.restarts, away.Tail())
		}
		found = append(found, r)
	}
	b.p.clear()
	fmt.Fprintf(b.w, `
catching up: a follower is killed, %s orders trade by FIX without it, and it is started again; nobody sends anything then. A
  snapshot leaves next to nothing of the log behind it here (--trailing-bytes 1), so that a node that has missed it is sent one
`, thousands(b.Orders))
	w := newTable(b.w)
	fmt.Fprintln(w, "\tcommands missed\tanswers after\thas them after\tcommands/s\tthe same from when it answers\t")
	for i, r := range found {
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t%s\t%s\t\n", []string{"from the log", "by a snapshot, history and FIX store"}[i], thousands(int(r.missed)), round(r.answers), round(r.abreast),
			rate(float64(r.missed)/r.abreast.Seconds()), rate(float64(r.missed)/max(r.abreast-r.answers, time.Millisecond).Seconds()))
	}
	w.Flush()
	s, err := t.Level(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.w, "  a node that is sent a snapshot starts anew with it: it answers, goes, fetches the stores whole and answers again\n  check: all nodes stand at command %s with the same hash\n", thousands(int(s.Command)))
	return nil
}
