package flow

import (
	"slices"

	"uncross/book"
)

// order is one order that the generator made; its id is its place in the list of all orders.
type order struct {
	price, qty int64 // qty is what remains; 0: ended
	user       uint32
	side       book.Side
	next, prev int32 // in its level, oldest first; 0: none
}

// orders is the generator's book: one list of orders for every price there can be, and a note of the best price.
type orders struct {
	all     []order // by id; 0 is none
	levels  [3][]queue
	touch   [3]int64 // no order of the side rests beyond this price
	resting [3]int   // orders by side
}

// queue is the orders of one side at one price.
type queue struct{ head, tail int32 }

func newOrders(maxPrice int64) *orders {
	b := &orders{all: make([]order, 1)}
	for _, side := range []book.Side{book.Buy, book.Sell} {
		b.levels[side] = make([]queue, maxPrice+1)
	}
	b.touch[book.Sell] = maxPrice
	return b
}

// add makes a new order. It does not rest yet.
func (b *orders) add(side book.Side, price, qty int64, user uint32) int32 {
	b.all = append(b.all, order{price: price, qty: qty, user: user, side: side})
	return int32(len(b.all) - 1)
}

// rest puts an order at the end of its level.
func (b *orders) rest(id int32) {
	o := &b.all[id]
	q := &b.levels[o.side][o.price]
	o.prev, o.next = q.tail, 0
	if q.tail != 0 {
		b.all[q.tail].next = id
	} else {
		q.head = id
	}
	q.tail = id
	if o.side == book.Buy {
		b.touch[book.Buy] = max(b.touch[book.Buy], o.price)
	} else {
		b.touch[book.Sell] = min(b.touch[book.Sell], o.price)
	}
	b.resting[o.side]++
}

// unlink takes a resting order out of its level.
func (b *orders) unlink(id int32) {
	o := &b.all[id]
	q := &b.levels[o.side][o.price]
	if o.prev != 0 {
		b.all[o.prev].next = o.next
	} else {
		q.head = o.next
	}
	if o.next != 0 {
		b.all[o.next].prev = o.prev
	} else {
		q.tail = o.prev
	}
	b.resting[o.side]--
}

// best returns the first order of a side that a taker with this limit may trade with, or 0.
func (b *orders) best(side book.Side, limit int64) int32 {
	step := int64(1)
	if side == book.Buy {
		step = -1
	}
	levels := b.levels[side]
	for p := b.touch[side]; p >= 0 && p < int64(len(levels)) && (limit-p)*step >= 0; p += step {
		b.touch[side] = p
		if levels[p].head != 0 {
			return levels[p].head
		}
	}
	return 0
}

// targets are the oldest resting orders, up to 512, by id: cancels and moves pick among them.
type targets struct {
	ids  []int32 // ascending
	seen int32   // orders up to this id have been here or had ended before they came here
}

// len takes in what is missing and returns the number of targets.
func (t *targets) len(b *orders) int {
	for len(t.ids) < checkEvery && int(t.seen) < len(b.all)-1 {
		t.seen++
		if b.all[t.seen].qty > 0 {
			t.ids = append(t.ids, t.seen)
		}
	}
	return len(t.ids)
}

func (t *targets) at(i int) int32 { return t.ids[i] }

func (t *targets) remove(id int32) {
	if i, ok := slices.BinarySearch(t.ids, id); ok {
		t.ids = slices.Delete(t.ids, i, i+1)
	}
}
