package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// This file breaks the nodes of a soak, one at a time: two of three are always well.

// Bounds of the faults.
const (
	soakDown    = 4 * time.Second // longest time that a node stays down
	soakStopped = 6 * time.Second // longest time that one stands still (SIGSTOP)
)

type soakFault struct {
	name   string
	leader bool // of the leader; otherwise of a follower
	ends   bool // it ends the process: not of the node that is spared
	do     func(s *soak, ctx context.Context, n *nodes.Node) error
}

var soakFaults = []soakFault{
	{"SIGKILL of the leader", true, true, soakEnd(syscall.SIGKILL)},
	{"SIGKILL of a follower", false, true, soakEnd(syscall.SIGKILL)},
	{"SIGTERM of the leader", true, true, soakEnd(syscall.SIGTERM)},
	{"SIGTERM of a follower", false, true, soakEnd(syscall.SIGTERM)},
	{"SIGSTOP of the leader", true, false, soakStandStill},
	{"SIGSTOP of a follower", false, false, soakStandStill},
	{"snapshot of the leader", true, false, soakTakeSnapshot},
	{"snapshot of a follower", false, false, soakTakeSnapshot},
	{"snapshot while a follower is away", false, true, soakMissSnapshot},
	{"transfer of leadership", true, false, soakTransfer},
}

// soakEnd ends a node with a signal, and starts it again a little later.
func soakEnd(sig syscall.Signal) func(*soak, context.Context, *nodes.Node) error {
	return func(_ *soak, ctx context.Context, n *nodes.Node) error {
		if err := n.Stop(sig); err != nil {
			return err
		}
		pauseFor(ctx, rand.N(soakDown))
		return n.Start()
	}
}

// soakStandStill lets a node do nothing for a while. It may end itself behind that, as its disk seems to have hung.
func soakStandStill(_ *soak, ctx context.Context, n *nodes.Node) error {
	n.Signal(syscall.SIGSTOP)
	pauseFor(ctx, 100*time.Millisecond+rand.N(soakStopped))
	n.Signal(syscall.SIGCONT)
	return nil
}

func soakTakeSnapshot(s *soak, ctx context.Context, n *nodes.Node) error {
	c, err := client.New(client.Config{URL: n.URL(), Key: &s.v.Operator, Patience: nodes.Patience})
	if err != nil {
		return err
	}
	return c.Until(ctx, "POST", "/v1/admin/snapshot", nil, nil)
}

// soakMissSnapshot ends a follower, and has the others take snapshots before it comes back: it has to be sent one.
func soakMissSnapshot(s *soak, ctx context.Context, n *nodes.Node) error {
	if err := n.Stop(syscall.SIGKILL); err != nil {
		return err
	}
	pauseFor(ctx, time.Second+rand.N(soakDown))
	for _, o := range s.trio.Nodes {
		if o != n {
			if err := soakTakeSnapshot(s, ctx, o); err != nil {
				return err
			}
		}
	}
	return n.Start()
}

func soakTransfer(s *soak, ctx context.Context, _ *nodes.Node) error { return s.transfer(ctx, "") }

// transfer hands leadership to a node, or to any other.
func (s *soak) transfer(ctx context.Context, to string) error {
	in := map[string]any{}
	if to != "" {
		in["node"] = to
	}
	c, err := client.New(client.Config{URLs: s.trio.URLs(), Key: &s.v.Operator, Patience: nodes.Patience})
	if err != nil {
		return err
	}
	return c.Until(ctx, "POST", "/v1/admin/cluster/transfer", in, nil)
}

// pauseFor waits, unless the piece ends first.
func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// faults breaks one thing after the other, each when all is well again. Every kind comes once before any comes again.
func (s *soak) faults(ctx context.Context) {
	for ctx.Err() == nil {
		for _, i := range rand.Perm(len(soakFaults)) {
			pauseFor(ctx, s.FaultEvery/3+rand.N(s.FaultEvery*2/3))
			if ctx.Err() != nil {
				return
			}
			s.calm.Lock()
			if ctx.Err() == nil {
				s.fault(ctx, &soakFaults[i])
			}
			s.calm.Unlock()
		}
	}
}

// victim returns the node that a fault is to hit. One node in each piece is spared the faults that end a process, so that what grows in
// a process is seen; where that one leads, another is made leader first.
func (s *soak) victim(ctx context.Context, f *soakFault) (*nodes.Node, error) {
	leader, err := s.trio.Leader(ctx)
	if err != nil {
		return nil, err
	}
	if f.leader && f.ends && leader == s.spared {
		if err := s.transfer(ctx, ""); err != nil {
			return nil, err
		}
		if leader, err = s.trio.Leader(ctx); err != nil {
			return nil, err
		}
	}
	n := leader
	for n == leader != f.leader || f.ends && n == s.spared {
		if f.leader { // it leads again
			return nil, nil
		}
		n = s.trio.Nodes[rand.IntN(len(s.trio.Nodes))]
	}
	return n, nil
}

// fault breaks one thing, and waits until all is well.
func (s *soak) fault(ctx context.Context, f *soakFault) {
	n, err := s.victim(ctx, f)
	if err != nil && ctx.Err() == nil {
		s.fail(err)
	}
	if n == nil || err != nil {
		return
	}
	begin := time.Now()
	s.p.show("piece %d: %v of %v: %s (%s)", s.piece, time.Since(s.begin).Round(time.Second), s.For, f.name, n.Name)
	installs := n.Count(startingAnew)
	if err = f.do(s, ctx, n); err == nil {
		broken := time.Since(begin)
		err = s.trio.Ready(ctx)
		s.write(soakLine{Kind: soakFaulted, Node: n.Name, Text: f.name, Broken: broken.Seconds(), Seconds: time.Since(begin).Seconds(), Installs: n.Count(startingAnew) - installs})
	}
	if err != nil && ctx.Err() == nil {
		s.fail(fmt.Errorf("%s (%s): %w", f.name, n.Name, err))
	}
}
