package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"uncross/gateway/client"
	"uncross/gateway/fix/message"
	"uncross/internal/nodes"
)

// restart measures how long a node with many open orders takes to start: alone, and as a follower.
func (b *clusterBench) restart(ctx context.Context) error {
	t, err := b.lay("restart", 1)
	if err != nil {
		return err
	}
	defer b.close(t)
	v, err := b.begin(ctx, t)
	if err != nil {
		return err
	}
	if err := b.rest(ctx, t, &v); err != nil {
		return err
	}
	first := t.Nodes[0]
	type row struct {
		what string
		returned
		memory int64
	}
	var rows []row
	again := func(what string, n *nodes.Node, s syscall.Signal) error {
		b.p.show("restart: %s", what)
		now, err := n.Status(ctx)
		if err := errors.Join(err, n.Stop(s)); err != nil {
			return err
		}
		r, err := b.back(ctx, n, now.Command, now.Command)
		memory, _ := memoryOf(n.PID())
		rows = append(rows, row{what, r, memory})
		return err
	}
	if err := again("one node, the log alone, after SIGKILL", first, syscall.SIGKILL); err != nil {
		return err
	}
	if err := b.snapshot(ctx, first, &v); err != nil {
		return err
	}
	if err := again("one node, a snapshot, after SIGTERM", first, syscall.SIGTERM); err != nil {
		return err
	}
	if err := again("one node, a snapshot, after SIGKILL", first, syscall.SIGKILL); err != nil {
		return err
	}

	// The node becomes the first of a cluster, and another one joins.
	if err := first.Stop(syscall.SIGTERM); err != nil {
		return err
	}
	if first.Raft, err = nodes.FreeAddress(); err != nil {
		return err
	}
	t.Introduce()
	second, err := t.Add("node-2", true)
	if err != nil {
		return err
	}
	second.Join, second.Flags = []string{first.Raft}, first.Flags
	if err := first.Start(); err != nil {
		return err
	}
	if _, err := t.Leader(ctx); err != nil {
		return err
	}
	now, err := first.Status(ctx)
	if err != nil {
		return err
	}
	b.p.show("restart: a new node joins")
	r, err := b.back(ctx, second, 0, now.Command)
	if err != nil {
		return err
	}
	memory, _ := memoryOf(second.PID())
	rows = append(rows, row{"a new node that joins, until it is abreast", r, memory})
	if err := again("a follower, the snapshot it was sent, after SIGKILL", second, syscall.SIGKILL); err != nil {
		return err
	}
	b.p.clear()
	fmt.Fprintf(b.w, `
restart with %s open orders in %d accounts, entered by FIX: from the start of the process until it serves
`, thousands(b.Resting), len(v.Buys)+len(v.Sells))
	w := newTable(b.w)
	fmt.Fprintln(w, "\tanswers after\tserves after\tmemory then\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%v\t%v\t%d MiB\t\n", r.what, round(r.answers), round(max(r.ready, r.abreast)), r.memory>>20)
	}
	w.Flush()
	s, err := t.Level(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.w, "  it answers when its data are loaded, and serves when the views have all that is in its log behind the snapshot\n  check: both nodes stand at command %s with the same hash\n", thousands(int(s.Command)))
	return nil
}

// rest enters orders that stay open.
func (b *clusterBench) rest(ctx context.Context, t *nodes.Venue, v *ClusterVenue) error {
	b.p.show("entering %s orders that stay open", thousands(b.Resting))
	at := v.FIX
	at.Address, at.Trades = t.Nodes[0].FIX, false
	c, err := openFIXClient(ctx, "one node", func(context.Context) (FIXEndpoint, error) { return at, nil })
	if err != nil {
		return err
	}
	defer c.close()
	const middle, levels = 1_000_000, 2_000
	return c.measure(ctx, &fixRun{want: b.Resting, window: b.Window, order: func(m *message.Body, i int) {
		accounts, side, price := v.Buys, byte('1'), int64(middle-1-i%levels)
		if i%2 == 1 {
			accounts, side, price = v.Sells, '2', int64(middle+i%levels)
		}
		m.Str(message.TagAccount, accounts[i/2%len(accounts)]).Str(message.TagSymbol, at.Symbol).Char(message.TagSide, side)
		m.Time(message.TagTransactTime, time.Now().UnixNano()).Int(message.TagOrderQty, 1)
		m.Char(message.TagOrdType, '2').Int(message.TagPrice, price).Char(message.TagTimeInForce, '1')
	}})
}

// snapshot has a node take a snapshot.
func (b *clusterBench) snapshot(ctx context.Context, n *nodes.Node, v *ClusterVenue) error {
	operator, err := client.New(client.Config{URL: n.URL(), Key: &v.Operator, Patience: nodes.Patience})
	if err != nil {
		return err
	}
	return operator.Until(ctx, "POST", "/v1/admin/snapshot", nil, nil)
}
