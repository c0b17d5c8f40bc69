package view

import (
	"cmp"
	"slices"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Picture returns every instrument with its resting orders as of one command. Other reads and the writer are held up for
// a time that depends on the number of memory pages, not of orders; it then works aside, and until it returns, the
// writer's first change in each page copies that page.
func (v *View) Picture() Picture {
	p, orders := v.freeze()
	defer orders.Release()
	for _, w := range queue(orders) {
		o := orders.At(w.order)
		in := &p.Instruments[w.instrument-1]
		in.Orders = append(in.Orders, Resting{Order: o.ID, Side: o.Side, Price: o.Price, Qty: o.Left})
	}
	return p
}

// freeze takes what changes, but for the orders, which it only shares.
func (v *View) freeze() (Picture, *slab.View[order]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := Picture{Seq: v.s.seq, TimeNs: v.s.timeNs, Instruments: make([]BookState, len(v.s.instruments))}
	for i, in := range v.s.instruments {
		p.Instruments[i] = BookState{
			Instrument: in.Instrument, Sequence: in.book.seq, BookNs: in.book.timeNs,
			Was: in.was, PhaseSeq: in.phase.seq, PhaseNs: in.phase.timeNs, Result: in.result,
		}
	}
	return p, v.s.orders.Freeze()
}

// waiting is an order's place among all orders.
type waiting struct {
	instrument wire.InstrumentID
	side       wire.Side
	price      wire.Price
	priority   uint64
	order      slab.Handle
}

// queue returns the resting orders by instrument, bids before asks, in the order in which they would trade.
func queue(orders *slab.View[order]) []waiting {
	all := make([]waiting, 0, orders.Len())
	for h := slab.Handle(1); h <= orders.High(); h++ {
		if !orders.Live(h) {
			continue
		}
		o := orders.At(h)
		all = append(all, waiting{o.Instrument, o.Side, o.Price, o.priority, h})
	}
	slices.SortFunc(all, func(a, b waiting) int {
		c := cmp.Or(cmp.Compare(a.instrument, b.instrument), cmp.Compare(a.side, b.side), cmp.Compare(a.price, b.price))
		if a.side == wire.Buy && a.instrument == b.instrument && a.side == b.side {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.priority, b.priority))
	})
	return all
}
