package http

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// pairCore is one of two nodes of the same log.
type pairCore struct {
	*testCore
	node  string
	leads atomic.Bool
	loses atomic.Int64 // commands that are taken, and whose answer never comes to this node's gateway
	lost  func(o wire.Origin)
}

func (c *pairCore) Ready() bool   { return true }
func (c *pairCore) Leading() bool { return c.leads.Load() }

func (c *pairCore) Submit(cmd *wire.Command) error {
	if !c.leads.Load() {
		return errTestDeposed
	}
	if c.loses.Add(-1) < 0 {
		return c.testCore.Submit(cmd)
	}
	in := *cmd
	in.Origin = wire.Origin{}
	err := c.testCore.Submit(&in)
	go c.lost(cmd.Origin)
	return err
}

func (c *pairCore) Status() NodeStatus {
	s := c.testCore.Status()
	if s.NodeID, s.Leader, s.Role = c.node, c.leads.Load(), "leader"; !s.Leader {
		s.Role, s.ContactMs = "follower", 3
	}
	return s
}

// pairCluster names the one of two nodes that leads.
type pairCluster struct {
	fakeCluster
	cores  [2]*pairCore
	venues [2]*venue
}

func (c *pairCluster) Leader() (Peer, bool) {
	for i, core := range c.cores {
		if core.leads.Load() {
			return Peer{Node: core.node, HTTP: c.venues[i].url}, true
		}
	}
	return Peer{}, false
}

// TestClientOnTwoNodes: a client sends orders to two real gateways on one log, between which leadership moves and answers are
// lost. Each order is there once and has one answer, and what the client reads at either never goes back.
func TestClientOnTwoNodes(t *testing.T) {
	operator, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	operator.ID, operator.Role = wire.OperatorKey, wire.Operator
	base := newTestCore()
	c := &pairCluster{}
	for i := range c.cores {
		v := &venue{t: t, core: base, clock: &testClock{}, logs: &logBuffer{}, keys: map[string]*client.Client{},
			raw: map[string]*auth.Key{"operator": &operator}, check: loadContract(t)}
		core := &pairCore{testCore: base, node: fmt.Sprintf("node-%d", i+1)}
		core.lost = func(o wire.Origin) { v.server.Refused(o, fmt.Errorf("leadership was lost")) }
		v.assemble(core, base.events, Limits{}, make(chan struct{}))
		v.server.cluster = c
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := v.server.Shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		})
		c.cores[i], c.venues[i] = core, v
	}
	c.cores[0].leads.Store(true)
	var g wire.Command
	(&wire.Genesis{Venue: wire.MustText("Test Venue"), ClusterID: [16]byte{1, 2, 3}, OperatorPub: operator.Public()}).Put(&g)
	if err := base.Submit(&g); err != nil {
		t.Fatal(err)
	}
	for _, v := range c.venues {
		if !v.view.WaitFor(1, patience) {
			t.Fatal("the view did not see the genesis")
		}
	}
	leader := c.venues[0]
	leader.keys["operator"] = leader.client(&operator)
	leader.setUp()

	alice, err := client.New(client.Config{URLs: []string{c.venues[1].url, c.venues[0].url}, Key: leader.raw["alice"]})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	const orders = 60
	var all sync.WaitGroup
	end := make(chan struct{})
	all.Go(func() { // the fault
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(7 * time.Millisecond):
			}
			now, next := c.cores[i%2], c.cores[(i+1)%2]
			now.loses.Store(2)
			time.Sleep(2 * time.Millisecond)
			now.leads.Store(false)
			time.Sleep(time.Duration(i%3) * time.Millisecond) // nobody leads
			next.loses.Store(0)
			next.leads.Store(true)
		}
	})
	var last uint64
	for i := range orders {
		ops := []client.Operation{{Op: "new", Account: "A", Symbol: "BTC/USD", Side: "buy", Type: "limit", Price: "1.00", Quantity: "1", ClientOrderID: fmt.Sprint(i)}}
		results, err := alice.Settle(ctx, ops)
		if err != nil || results[0].Order == nil || results[0].Order.ClientOrderID != fmt.Sprint(i) {
			t.Fatalf("order %d: %+v, %v", i, results, err)
		}
		var a struct {
			AsOf  uint64     `json:"as_of,string"`
			Items []struct{} `json:"items"`
		}
		if err := alice.Until(ctx, "GET", "/v1/orders?account=A&limit=1000", nil, &a); err != nil {
			t.Fatal(err)
		}
		if a.AsOf < last || len(a.Items) != i+1 {
			t.Fatalf("after order %d: %d orders as of %d, after %d", i, len(a.Items), a.AsOf, last)
		}
		last = a.AsOf
	}
	close(end)
	all.Wait()
	for _, v := range c.venues {
		if s := v.logs.String(); strings.Contains(s, "level=ERROR") {
			t.Errorf("a client made the server log an error: %s", s)
		}
	}
}
