package engine

import (
	"testing"

	"uncross/engine/wire"
)

// steady is a loop of commands that leaves the venue as it was: rest, replace, trade, cancel, market, refuse, repeat.
func steady(t testing.TB) []wire.Command {
	return script(t, `
new_order key=2 account=2 instrument=1 side=buy type=limit tif=gtc price=100 qty=5
new_order key=3 account=4 instrument=1 side=sell type=limit tif=gtc price=110 qty=5
new_order key=3 account=4 instrument=1 side=sell type=limit tif=gtc price=100 qty=2
new_order key=2 account=2 instrument=1 side=buy type=limit tif=ioc price=110 qty=7
new_order key=3 account=4 instrument=1 side=sell type=market tif=ioc qty=9
new_order key=3 account=4 instrument=1 side=sell type=limit tif=fok price=1 qty=9
new_order key=2 account=2 instrument=1 side=buy type=market tif=ioc funds=500
new_order key=2 account=2 instrument=1 side=buy type=limit tif=gtc price=0 qty=7
new_order key=2 account=2 instrument=1 side=buy type=limit tif=gtc price=90 qty=7
new_order key=2 account=2 instrument=1 side=buy type=limit tif=gtc price=90 qty=8
cancel_all key=2 account=2
mass_cancel key=1 instrument=1
tick`)
}

// TestSteadyStateAllocatesNothing: trading, and replaces and cancels by order number, on warm memory.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	if invariants {
		t.Skip("the checks of invariants allocate")
	}
	e := testVenue(t)
	commands := steady(t)
	order := func(side wire.Side, price wire.Price, id wire.Text) (c wire.Command) {
		key, account := wire.KeyID(2), wire.AccountID(2)
		m := wire.NewOrder{
			Account: account, Instrument: 2, Side: side, Type: wire.Limit, TIF: wire.GTC, Price: price, Qty: 7, ClientID: id,
		}
		m.Put(&c)
		c.Key = key
		return c
	}
	rest, hit := order(wire.Buy, 50, wire.Text{}), order(wire.Sell, 60, wire.Text{})
	buffer := make([]wire.Event, 0, 256)
	var c wire.Command
	loop := func() {
		for i := range commands {
			buffer = e.Apply(&commands[i], buffer[:0])
		}
		buffer = e.Apply(&rest, buffer[:0])
		id := e.orderID
		for _, m := range []wire.ReplaceOrder{{Price: 50, Qty: 6}, {Price: 51, Qty: 9}, {Price: 60, Qty: 20}} {
			m.Account, m.Target.Order = 2, id
			m.Put(&c)
			c.Key = 2
			buffer = e.Apply(&c, buffer[:0])
		}
		buffer = e.Apply(&hit, buffer[:0])
		cancel := wire.CancelOrder{Account: 2, Target: wire.OrderRef{Order: id}}
		cancel.Put(&c)
		buffer = e.Apply(&c, buffer[:0])
	}
	for range 3_000 {
		loop()
	}
	if n := testing.AllocsPerRun(2_000, loop); n != 0 {
		t.Errorf("%v allocations in a loop of commands", n)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// TestClientIDsAllocateNothing: once the memory of an account is full, new client ids replace old ones in place.
func TestClientIDsAllocateNothing(t *testing.T) {
	if invariants {
		t.Skip("the checks of invariants allocate")
	}
	e := testVenue(t)
	m := wire.NewOrder{Account: 2, Instrument: 2, Side: wire.Buy, Type: wire.Limit, TIF: wire.IOC, Price: 50, Qty: 1}
	var c wire.Command
	n := 0
	buffer := make([]wire.Event, 0, 16)
	loop := func() {
		n++
		m.ClientID = numbered(n)
		m.Put(&c)
		c.Key, c.TimeNs = 2, int64(n)
		buffer = e.Apply(&c, buffer[:0])
	}
	for range RepeatsPerAccount + 200_000 {
		loop()
	}
	if n := testing.AllocsPerRun(50_000, loop); n != 0 {
		t.Errorf("%v allocations an order", n)
	}
	if got := e.repeats.Len(); got > RepeatsPerAccount+16 {
		t.Errorf("%d requests are remembered, the limit is %d", got, RepeatsPerAccount)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// numbered returns a client id for a number, without allocating.
func numbered(n int) (t wire.Text) {
	b := []byte{36: 0}
	b[0] = 8
	for i := range 8 {
		b[8-i] = byte('a' + n%16)
		n /= 16
	}
	t.GetBytes(b)
	return t
}

func BenchmarkSteady(b *testing.B) {
	e := testVenue(b)
	commands := steady(b)
	buffer := make([]wire.Event, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		for i := range commands {
			buffer = e.Apply(&commands[i], buffer[:0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(commands)), "ns/command")
}

func BenchmarkFreeze(b *testing.B) {
	r := record(b, 1, 5_000)
	e := New()
	for i := range r.commands {
		e.Apply(&r.commands[i], nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Freeze().Release()
	}
}
