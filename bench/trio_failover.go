package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// failoverPause is the longest wait before the leader is ended: at another moment of its heartbeats each time.
const failoverPause = 500 * time.Millisecond

// failover measures how long clients get no answer when the leader is killed, is stopped, and hands over.
func (b *clusterBench) failover(ctx context.Context) (err error) {
	t, err := b.lay("failover", 3)
	if err != nil {
		return err
	}
	defer b.close(t)
	v, err := b.begin(ctx, t)
	if err != nil {
		return err
	}
	probe, err := startProber(ctx, t.URLs(), &v.Trader, v.Account, v.Symbol, "f")
	if err != nil {
		return err
	}
	operator, err := client.New(client.Config{URLs: t.URLs(), Key: &v.Operator, Patience: nodes.Patience})
	if err != nil {
		return err
	}
	type row struct {
		what  string
		times spans
	}
	var rows []row
	for _, x := range []struct {
		what   string
		times  int
		happen func(leader *nodes.Node) func() error
	}{
		{"the leader killed (SIGKILL)", b.Failovers, func(leader *nodes.Node) func() error { return func() error { return leader.Stop(syscall.SIGKILL) } }},
		{"the leader stopped (SIGTERM)", b.Stops, func(leader *nodes.Node) func() error { return func() error { return leader.Stop(syscall.SIGTERM) } }},
		{"leadership transferred", b.Transfers, func(*nodes.Node) func() error {
			return func() error { return operator.Until(ctx, "POST", "/v1/admin/cluster/transfer", map[string]any{}, nil) }
		}},
	} {
		r := row{what: x.what}
		for i := range x.times {
			b.p.show("failover: %s, %d of %d", x.what, i+1, x.times)
			leader, err := t.Leader(ctx)
			if err != nil {
				return errors.Join(err, probe.end())
			}
			time.Sleep(rand.N(failoverPause))
			took, err := probe.gap(ctx, x.happen(leader))
			if err == nil {
				r.times = append(r.times, took)
				err = t.Up(ctx)
			}
			if err != nil {
				return errors.Join(fmt.Errorf("%s, %d of %d: %w", x.what, i+1, x.times, err), probe.end())
			}
			probe.forget()
		}
		rows = append(rows, r)
	}
	if err := probe.end(); err != nil {
		return err
	}
	b.p.clear()
	fmt.Fprintf(b.w, `
time without a leader, as clients see it: from the last answer before to the first answer after
  a small order is due every %v whatever has been answered, each is repeated until it is (package client, three addresses); every
  order has a client order id of its own; the longest time between two answers counts, so that %v of it is the schedule's. The node that
  went is started again, and the next round begins when all three are ready
`, probeEvery, probeEvery)
	w := newTable(b.w)
	fmt.Fprintln(w, "\ttimes\tmedian\tp90\tworst\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%v\n", r.what, len(r.times), r.times)
	}
	w.Flush()
	return b.account(ctx, t, &v, probe.series)
}
