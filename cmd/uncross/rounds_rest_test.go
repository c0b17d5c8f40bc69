//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// This file has the brokers that trade by REST, each with what it remembers of its answers.

const (
	repeatLately = 100 // operations of late that are sent once more between two rounds
	repeatOlder  = 20  // older ones
)

// restBroker is one account's orders by REST.
type restBroker struct {
	load    *load
	account string
	client  *client.Client
	rnd     *rand.Rand
	sent    int
	resting []string // client order ids that may rest

	impatient *client.Client // another connection of the same broker

	// Read in silence.
	done    []doneOperation
	from    int               // of done, not looked at yet
	orders  map[string]string // client order id by order id, of the orders that were accepted
	refused map[string]int
	repeats int // answers that were those of an earlier sending
}
type doneOperation struct {
	op     client.Operation
	answer client.Order
}

func newRESTBroker(l *load, account string, k *auth.Key, rnd *rand.Rand) *restBroker {
	l.t.Helper()
	return &restBroker{
		load: l, account: account, rnd: rnd, client: l.c.Client(k), impatient: l.c.Client(k), orders: map[string]string{}, refused: map[string]int{},
	}
}

func (b *restBroker) name() string {
	b.sent++
	return fmt.Sprintf("%s-%d", b.account, b.sent)
}

// trade sends one batch after the other.
func (b *restBroker) trade(ctx context.Context) {
	for ctx.Err() == nil {
		b.load.gate.RLock()
		b.batch()
		b.load.gate.RUnlock()
		time.Sleep(time.Duration(5+b.rnd.IntN(20)) * time.Millisecond)
	}
}

// batch sends a few operations, until their outcome is known.
func (b *restBroker) batch() {
	var ops []client.Operation
	for range 1 + b.rnd.IntN(4) {
		ops = append(ops, b.operation())
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadPatience)
	defer cancel()
	b.client.Stamp(ops)
	settle := func(by *client.Client) []client.Result {
		results, err := by.Settle(ctx, ops)
		if err != nil {
			b.load.wrong("%s: the outcome of %s … is not known: %v", b.account, ops[0].ClientOrderID, err)
			return nil
		}
		return results
	}
	var second []client.Result
	var both sync.WaitGroup
	if b.rnd.IntN(8) == 0 { // an impatient broker sends the very same on another connection at the same time
		both.Go(func() { second = settle(b.impatient) })
	}
	results := settle(b.client)
	both.Wait()
	if results == nil {
		return
	}
	b.load.answered()
	if second != nil {
		b.twice(ops, results, second)
	}
	for i := range results {
		if e := results[i].Error; e != nil {
			b.refused[e.Reason]++
			continue
		}
		b.accepted(ops[i], results[i].Order)
	}
}

// twice holds the answers to operations that were sent twice at the same time against each other.
func (b *restBroker) twice(ops []client.Operation, results, second []client.Result) {
	for i := range ops {
		if r, s := results[i].Order, second[i].Order; r != nil && s != nil {
			b.same(ops[i].ClientOrderID, *r, *s)
			if !r.Repeat && !s.Repeat {
				b.load.wrong("%s: %s was done twice", b.account, ops[i].ClientOrderID)
			}
		} else if (r == nil) != (s == nil) {
			b.load.wrong("%s: %s was sent twice, and answered with %+v and %+v", b.account, ops[i].ClientOrderID, results[i], second[i])
		}
	}
}

// accepted remembers an answer.
func (b *restBroker) accepted(op client.Operation, o *client.Order) {
	if o.Repeat {
		b.repeats++
	}
	b.done = append(b.done, doneOperation{op, *o})
	if op.Op == "new" {
		if was, ok := b.orders[o.OrderID]; ok {
			b.load.wrong("%s: %s and %s are both answered with order %s", b.account, was, op.ClientOrderID, o.OrderID)
		}
		b.orders[o.OrderID] = op.ClientOrderID
	}
	if o.Status == "open" || o.Remaining != "0" && op.Op != "cancel" {
		b.resting = append(b.resting, op.ClientOrderID)
	}
}

// operation draws one.
func (b *restBroker) operation() client.Operation {
	op := client.Operation{Op: "new", Account: b.account, ClientOrderID: b.name()}
	draw := b.rnd.IntN(10)
	if len(b.resting) > 0 && (draw < 2 || len(b.resting) > restingOrders) {
		op.Op, op.OrigClientOrderID = "cancel", b.resting[0]
		b.resting = b.resting[1:]
		return op
	}
	op.Symbol, op.Side = loadSymbol, []string{"buy", "sell"}[b.rnd.IntN(2)]
	op.Quantity = strconv.Itoa(1 + b.rnd.IntN(20))
	if draw == 9 && len(b.resting) > 0 {
		i := b.rnd.IntN(len(b.resting))
		op.Op, op.OrigClientOrderID, op.Side = "replace", b.resting[i], ""
		op.Symbol = loadSymbol
		b.resting = slices.Delete(b.resting, i, i+1)
	}
	switch {
	case draw == 3 && op.Op == "new":
		op.Type, op.TimeInForce = "market", "ioc"
	default:
		op.Price = strconv.Itoa(990 + b.rnd.IntN(21))
		if op.Op == "new" {
			op.Type, op.TimeInForce = "limit", "gtc"
		}
	}
	return op
}

// repeat sends operations again that have been answered, those since the last call and some older ones: the answers must be the
// same. There is silence.
func (b *restBroker) repeat() {
	var which []int
	for i := max(b.from, len(b.done)-repeatLately); i < len(b.done); i++ {
		which = append(which, i)
	}
	for range min(repeatOlder, b.from) {
		which = append(which, rand.IntN(b.from)) // not by b.rnd: trade draws its next pause from that
	}
	b.from = len(b.done)
	ctx, cancel := context.WithTimeout(context.Background(), loadPatience)
	defer cancel()
	for some := range slices.Chunk(which, 100) {
		var ops []client.Operation
		for _, i := range some {
			ops = append(ops, b.done[i].op)
		}
		results, err := b.client.Settle(ctx, ops)
		if err != nil {
			b.load.wrong("%s: repeats are not answered: %v", b.account, err)
			return
		}
		for k, i := range some {
			want, got := b.done[i].answer, results[k]
			if got.Order == nil {
				b.load.wrong("%s: %s was accepted, its repeat is answered with %v", b.account, ops[k].ClientOrderID, got.Error)
				continue
			}
			if !got.Order.Repeat {
				b.load.wrong("%s: %s was answered, and is done once more", b.account, ops[k].ClientOrderID)
			}
			b.same(ops[k].ClientOrderID, want, *got.Order)
		}
	}
}

// same holds two answers to the same operation against each other.
func (b *restBroker) same(name string, one, other client.Order) {
	one.Repeat, other.Repeat = false, false
	first, _ := json.Marshal(one)
	again, _ := json.Marshal(other)
	if !bytes.Equal(first, again) {
		b.load.wrong("%s: %s was answered with\n  %s\nits repeat with\n  %s", b.account, name, first, again)
	}
}
