//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// This file has the load that goes on through the rounds, and what is held against what it remembers between two rounds:
//
//	rest brokers ── batches, each repeated until it is answered ─┐             ┌ every answer, and what a repeat is answered
//	(rounds_rest_test.go)                                        ├─► the nodes ┤
//	fix brokers ─── one session each, at any of the nodes ───────┘             └ every report by number and by ExecID
//	(rounds_fix_test.go)                                                │
//	          orders and fills of every account, from each node ◄───────┘
//	                               (rounds_history_test.go)

const (
	loadSymbol   = "ROUND"
	loadFirm     = "firm"
	loadPatience = 90 * time.Second // until the outcome of a request is known, through everything
	restBrokers  = 5
	fixBrokers   = 2
	// restingOrders is how many of one broker's rest; then the oldest are canceled.
	restingOrders = 25
)

// load is all brokers.
type load struct {
	t    *testing.T
	c    *trio
	gate sync.RWMutex // held for reading while something is sent; whoever holds it for writing has silence
	rest []*restBroker
	fix  []*fixBroker

	stop context.CancelFunc
	over sync.WaitGroup
	acks atomic.Uint64

	mu     sync.Mutex
	last   time.Time // an answer of a trade or an order
	pauses time.Duration

	orders map[string]*orderList // by account
	fills  map[string]*fillList

	tolerated map[string]int // error lines that are ordinary, by kind
}

// newLoad makes what the load needs on the venue, by its operator.
func newLoad(t *testing.T, c *trio, seed uint64) *load {
	t.Helper()
	l := &load{t: t, c: c, orders: map[string]*orderList{}, fills: map[string]*fillList{}, tolerated: map[string]int{}}
	c.Make(c.Admin, "firms", object{"name": loadFirm}, nil)
	for _, code := range []string{"COIN", "CASH"} {
		c.Make(c.Admin, "assets", object{"code": code, "decimals": 0}, nil)
	}
	c.Make(c.Admin, "instruments", object{
		"symbol": loadSymbol, "base": "COIN", "quote": "CASH", "tick": "1", "lot": "1", "min_price": "1", "max_price": "1000000",
		"min_quantity": "1", "max_quantity": "1000000", "maker_fee_bps": 2, "taker_fee_bps": 5,
	}, nil)
	c.Make(c.Admin, "instruments/"+loadSymbol+"/phase", object{"phase": "continuous"}, nil)
	cashier := c.Client(c.User("cashier", loadFirm, wire.Custodian))
	for i := range restBrokers {
		name := fmt.Sprintf("rest-%d", i+1)
		k := l.trader(cashier, name)
		l.rest = append(l.rest, newRESTBroker(l, name, k, rand.New(rand.NewPCG(seed, uint64(100+i)))))
	}
	for i := range fixBrokers {
		name := fmt.Sprintf("fix-%d", i+1)
		k := l.trader(cashier, name)
		l.fix = append(l.fix, newFIXBroker(l, name, k, rand.New(rand.NewPCG(seed, uint64(200+i)))))
	}
	return l
}

// trader makes a user with a key and an account, both of one name, and pays in.
func (l *load) trader(cashier *client.Client, name string) *auth.Key {
	l.t.Helper()
	k := l.c.User(name, loadFirm, wire.Trader)
	l.c.Make(l.c.Admin, "accounts", object{"name": name, "user": name}, nil)
	l.c.Level() // other clients may be at nodes that do not have it yet
	for _, asset := range []string{"COIN", "CASH"} {
		l.c.Make(cashier, "deposits", object{"account": name, "asset": asset, "amount": "1000000000000", "reference": "first-" + asset}, nil)
	}
	l.orders[name], l.fills[name] = &orderList{all: map[string]orderItem{}}, &fillList{all: map[string]fillItem{}}
	return k
}

// begin lets the brokers trade until end is called.
func (l *load) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.t.Cleanup(l.end)
	for _, b := range l.rest {
		l.over.Go(func() { b.trade(ctx) })
	}
	for _, b := range l.fix {
		l.over.Go(func() { b.trade(ctx) })
	}
}

func (l *load) end() {
	l.stop()
	l.over.Wait()
}

// wrong notes that something is not as it must be.
func (l *load) wrong(format string, args ...any) { l.t.Errorf(format, args...) }

// answered notes the time of an answer.
func (l *load) answered() {
	l.acks.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() {
		l.pauses = max(l.pauses, now.Sub(l.last))
	}
	l.last = now
}

// longestPause returns the longest time between two answers to anybody since the last call; silence is none.
func (l *load) longestPause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pauses
	l.pauses, l.last = 0, time.Time{}
	return p
}

// check has silence, and holds everything against everything. whole are the nodes that are read from their beginning.
func (l *load) check(whole func(*nodes.Node) bool) nodes.Status {
	l.t.Helper()
	l.gate.Lock()
	defer l.gate.Unlock()
	for _, b := range l.fix {
		b.settle()
	}
	for _, b := range l.rest {
		b.repeat()
	}
	for _, b := range l.fix {
		b.askAgain(whole(l.c.Nodes[0]))
	}
	s := l.c.Level()
	l.histories(whole)
	l.mu.Lock()
	l.last = time.Time{}
	l.mu.Unlock()
	return s
}
