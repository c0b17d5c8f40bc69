package mirror

import (
	"testing"

	"uncross/engine/wire"
)

// TestApplyDoesNotAllocate sends a steady flow: orders at many prices, fills, replaces and cancels.
func TestApplyDoesNotAllocate(t *testing.T) {
	f := newFlow(t)
	for range 5000 {
		f.round()
	}
	if n := testing.AllocsPerRun(2000, f.round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
	if err := f.b.Validate(); err != nil {
		t.Fatal(err)
	}
}

// TestReadsDoNotAllocate reads levels, the best one, and the indication of an auction.
func TestReadsDoNotAllocate(t *testing.T) {
	f := newFlow(t)
	for range 200 {
		f.round()
	}
	k := f.b.Book(1)
	levels := make([]Level, 0, 1000)
	n := testing.AllocsPerRun(100, func() {
		levels = k.Levels(wire.Buy, 0, levels[:0])
		k.Best(wire.Sell)
		k.Level(wire.Buy, levels[0].Price)
		k.First(wire.Sell)
		k.Auction()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// flow is a deterministic flow of events around a price.
type flow struct {
	t       testing.TB
	b       *Books
	seq     uint64
	order   wire.OrderID
	changes []Change
	e       wire.Event
	resting [512]Resting // a ring
	at      uint64       // counts what goes into it
}

func newFlow(t testing.TB) *flow {
	f := &flow{t: t, b: New(), changes: make([]Change, 0, 64)}
	m := wire.Instrument{ID: 1}
	m.PutEvent(&f.e)
	f.send(true)
	for i := range f.resting {
		f.resting[i] = f.enter()
	}
	return f
}

func (f *flow) send(last bool) {
	f.e.Flags = 0
	f.e.Seq = f.seq
	if last {
		f.e.Flags = wire.FlagLast
		f.seq++
	}
	var err error
	if f.changes, err = f.b.Apply(&f.e, f.changes[:0]); err != nil {
		f.t.Fatal(err)
	}
}

// spot returns a side and a price that moves on.
func (f *flow) spot() (wire.Side, wire.Price) {
	away := wire.Price(f.at * 7919 % 331)
	if f.at%2 == 0 {
		return wire.Buy, 10_000 - away
	}
	return wire.Sell, 10_001 + away
}

func (f *flow) enter() Resting {
	f.order++
	f.at++
	side, price := f.spot()
	m := wire.OrderAccepted{Order: f.order, Instrument: 1, Side: side, Type: wire.Limit, TIF: wire.GTC, Price: price, Qty: 10}
	m.PutEvent(&f.e)
	f.send(true)
	return Resting{f.order, side, price, 10}
}

// round enters an order in place of the oldest, which trades in part, is replaced and then canceled.
func (f *flow) round() {
	old := &f.resting[f.at%uint64(len(f.resting))]
	f.order++
	accepted := wire.OrderAccepted{Order: f.order, Instrument: 1, Side: old.Side.Opposite(), Type: wire.Limit, TIF: wire.IOC, Price: old.Price, Qty: 4}
	accepted.PutEvent(&f.e)
	f.send(false)
	trade := wire.Trade{Instrument: 1, Taker: accepted.Side, Price: old.Price, Qty: 4, BuyOrder: f.order, SellOrder: old.Order, SellLeft: 6}
	if old.Side == wire.Buy {
		trade.BuyOrder, trade.SellOrder, trade.BuyLeft, trade.SellLeft = old.Order, f.order, 6, 0
	}
	trade.PutEvent(&f.e)
	f.send(true)
	kept := wire.OrderReplaced{Order: old.Order, Instrument: 1, Side: old.Side, KeptPriority: 1, Price: old.Price, Qty: 9, Left: 5}
	kept.PutEvent(&f.e)
	f.send(true)
	moved := wire.OrderReplaced{Order: old.Order, Instrument: 1, Side: old.Side, Price: old.Price - 1, Qty: 20, Left: 16}
	moved.PutEvent(&f.e)
	f.send(true)
	canceled := wire.OrderCanceled{Order: old.Order, Instrument: 1, Side: old.Side, Left: 16}
	canceled.PutEvent(&f.e)
	f.send(true)
	*old = f.enter()
}

func BenchmarkApply(b *testing.B) {
	f := newFlow(b)
	for b.Loop() {
		f.round() // 6 events of orders
	}
}
