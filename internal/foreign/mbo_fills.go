package foreign

import (
	"slices"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// fill carries an F out: a resting order has traded. What follows for the book comes again, in a C or M of its own.
func (m *MBO) fill(name Name) {
	r := &m.record
	switch {
	case r.side == 0:
		m.cross = append(m.cross, *r)
		m.Result.AuctionFills++
		return
	case r.order == m.taker.order && r.order != 0 && m.taker.instrument == r.instrument:
		m.Result.Taker++
		return
	}
	o, rests := m.market.find(name)
	d, showed := m.due[name]
	switch {
	case !rests && !showed:
		m.Result.Unknown['F']++
		if m.market.ended.has(name) {
			m.problem("unknown order", "a fill of order %d, which is gone already", name.Number)
		}
		return
	case !rests: // more than it showed, before it shows the rest
		m.Result.Hidden++
		m.judge(m.still(d.ahead))
		return
	}
	ahead := m.ahead(name.Instrument, o)
	m.judge(ahead)
	if r.size > o.Qty-m.traded[o.Order] {
		m.Result.Hidden++
	}
	if m.unlinked {
		m.traded[o.Order] += min(r.size, o.Qty-m.traded[o.Order])
		return
	}
	price := r.price
	if price == noPrice {
		price = o.Price
	}
	qty := min(r.size, o.Qty)
	m.market.execute(name.Instrument, o, price, qty)
	m.due[name] = due{order: o.Order, qty: d.qty + qty, ahead: ahead}
}

// ahead returns the orders that trade before a resting one, up to maxAhead.
func (m *MBO) ahead(in wire.InstrumentID, o mirror.Resting) (ahead []wire.OrderID) {
	for r := range m.Books().Book(in).Orders(o.Side) {
		if r.Order == o.Order || len(ahead) == maxAhead {
			break
		}
		if r.Qty > m.traded[r.Order] {
			ahead = append(ahead, r.Order)
		}
	}
	return ahead
}

// still returns those of some orders that rest.
func (m *MBO) still(ahead []wire.OrderID) []wire.OrderID {
	return slices.DeleteFunc(slices.Clone(ahead), func(id wire.OrderID) bool {
		_, _, rests := m.Books().Order(id)
		return !rests
	})
}

// judge counts a fill by the orders that are ahead of it.
func (m *MBO) judge(ahead []wire.OrderID) {
	m.Result.Fills++
	switch {
	case len(ahead) == 0:
		m.Result.Head++
		return
	case len(m.waiting) == maxWaiting:
		m.Result.Other++
		return
	}
	m.waiting = append(m.waiting, waiter{from: m.record.timeNs, until: m.record.timeNs + skipWindow, ahead: slices.Clone(ahead)})
}

// touch tells the fills that wait that an order leaves or changes.
func (m *MBO) touch(id wire.OrderID) {
	kept := m.waiting[:0]
	for _, w := range m.waiting {
		if m.record.timeNs >= w.from {
			w.ahead = slices.DeleteFunc(w.ahead, func(a wire.OrderID) bool { return a == id })
		}
		if len(w.ahead) == 0 {
			m.Result.Skipped++
			continue
		}
		kept = append(kept, w)
	}
	m.waiting = kept
}

// expire gives up on the fills whose time has passed.
func (m *MBO) expire(now int64) {
	n := len(m.waiting)
	m.waiting = slices.DeleteFunc(m.waiting, func(w waiter) bool { return now > w.until })
	m.Result.Other += uint64(n - len(m.waiting))
}

// uncross carries the fills of an auction out, once all of them are there.
func (m *MBO) uncross() {
	if len(m.cross) == 0 {
		return
	}
	fills := m.cross
	m.cross = m.cross[:0]
	m.Result.Auctions++
	if m.unlinked {
		return
	}
	for len(fills) > 0 {
		n := 1
		for n < len(fills) && fills[n].instrument == fills[0].instrument && fills[n].price == fills[0].price {
			n++
		}
		m.uncrossAt(fills[:n])
		fills = fills[n:]
	}
}

// uncrossAt carries out the fills of one instrument at one price. Orders that the book has not shown, such as market orders
// that were entered for the auction, are known by their fills alone, without a side: what the shown ones of one side have
// traded more than those of the other they have traded with these.
func (m *MBO) uncrossAt(records []mboRecord) {
	in := m.instruments[records[0].instrument]
	var sides [3][]fill
	var sums [3]wire.Qty // side 0: of orders that were not shown
	for i := range records {
		r := &records[i]
		name := Name{in, r.order}
		o, ok := m.market.find(name)
		d := m.due[name]
		qty := min(r.size, o.Qty-d.qty)
		if !ok || qty <= 0 {
			m.Result.AuctionHidden++
			sums[0] += r.size
			continue
		}
		m.due[name] = due{order: o.Order, qty: d.qty + qty}
		sides[o.Side] = append(sides[o.Side], fill{o.Order, qty})
		sums[o.Side] += qty
	}
	volume := min(sums[wire.Buy], sums[wire.Sell])
	buys, restBuys := split(sides[wire.Buy], volume)
	sells, restSells := split(sides[wire.Sell], volume)
	m.market.auction(in, records[0].price, buys, sells)
	if more := max(sums[wire.Buy], sums[wire.Sell]) - volume; more > sums[0] {
		m.problem("one-sided auction", "before this record: %d bought, %d sold, %d by orders that were not shown", sums[wire.Buy], sums[wire.Sell], sums[0])
	}
	for _, f := range append(restBuys, restSells...) {
		m.market.execute(in, m.market.resting(f.order), records[0].price, f.qty)
	}
}

// split divides fills into those up to a volume and the rest.
func split(fills []fill, volume wire.Qty) (first, rest []fill) {
	for _, f := range fills {
		qty := min(f.qty, volume)
		volume -= qty
		if qty > 0 {
			first = append(first, fill{f.order, qty})
		}
		if f.qty > qty {
			rest = append(rest, fill{f.order, f.qty - qty})
		}
	}
	return first, rest
}
