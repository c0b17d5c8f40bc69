package mirror

import (
	"errors"
	"testing"

	"uncross/engine/wire"
)

// FuzzApply gives arbitrary events with few different numbers in them: the books say ErrBroken or stay whole, and a copy that
// follows the changes stays equal.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte{11, 0, 0, 1, 40, 1, 1, 0x11, 40, 1, 2, 0x15, 41, 1, 3, 0x29, 42, 1, 0, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, c := New(), copied{}
		var e wire.Event
		var m wire.Instrument
		m.ID = 1
		m.PutEvent(&e)
		if _, err := b.Apply(&e, nil); err != nil {
			t.Fatal(err)
		}
		for ; len(data) >= 4; data = data[4:] {
			random(&e, [4]byte(data))
			changes, err := b.Apply(&e, nil)
			if err != nil && !errors.Is(err, ErrBroken) {
				t.Fatal(err)
			}
			for _, ch := range changes {
				c.follow(t, ch)
			}
			if err := b.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range b.Instruments() {
			for _, side := range []wire.Side{wire.Buy, wire.Sell} {
				i := 0
				for r := range b.Book(id).Orders(side) {
					if c[id][side][i] != r {
						t.Fatalf("the copy has %+v, the book %+v", c[id][side][i], r)
					}
					i++
				}
				if i != len(c[id][side]) {
					t.Fatalf("%d orders, %d in the copy", i, len(c[id][side]))
				}
			}
			b.Book(id).Auction()
		}
	})
}

// random makes an event of four bytes.
func random(e *wire.Event, d [4]byte) {
	order, other := wire.OrderID(d[2]&7), wire.OrderID(d[2]>>3&7)
	in := wire.InstrumentID(d[2] >> 6 & 1)
	side := wire.Side(d[3] & 3)
	price, qty, left := wire.Price(d[3]>>2&3), wire.Qty(d[3]>>4&3), wire.Qty(d[3]>>6&3)
	if d[1]&8 != 0 {
		qty = 1<<63 - 1
	}
	switch d[0] % 10 {
	case 0:
		m := wire.Instrument{ID: in}
		m.PutEvent(e)
	case 1:
		m := wire.PhaseChanged{Instrument: in, Phase: wire.Phase(qty + 1)}
		m.PutEvent(e)
	case 2, 3:
		m := wire.OrderAccepted{Order: order, Instrument: in, Side: side, TIF: wire.TIF(1 + left&1), Price: price, Qty: qty}
		m.PutEvent(e)
	case 4, 5:
		m := wire.Trade{Instrument: in, Taker: side, Price: price, Qty: qty, BuyOrder: order, SellOrder: other, BuyLeft: left}
		m.PutEvent(e)
	case 6:
		m := wire.OrderCanceled{Order: order, Instrument: in, Side: side, Left: qty}
		m.PutEvent(e)
	case 7:
		m := wire.OrderReplaced{Order: order, Instrument: in, Side: side, Price: price, Left: qty, KeptPriority: uint8(left & 1)}
		m.PutEvent(e)
	case 8:
		m := wire.OrderState{Order: order, Instrument: in, Side: side, Price: price, Qty: qty, Filled: left}
		m.PutEvent(e)
	case 9:
		m := wire.Image{}
		m.PutEvent(e, wire.EvImageBegin)
	}
	e.Flags = wire.EventFlags(d[1] & 7)
	e.Seq += uint64(d[1] >> 7)
}
