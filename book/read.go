package book

import (
	"iter"

	"uncross/internal/slab"
)

// Len returns the number of resting orders.
func (b *Book) Len() int { return b.orders.Len() }

// Total returns the sum of the quantities that rest on a side.
func (b *Book) Total(side Side) Qty { return b.side(side).qty }

// Depth returns the number of levels of a side.
func (b *Book) Depth(side Side) int { return b.side(side).levels }

// Get returns a resting order.
func (b *Book) Get(id OrderID) (Order, bool) {
	h, ok := b.index.Get(uint64(id))
	if !ok {
		return Order{}, false
	}
	return b.orders.At(h).public(), true
}

// Best returns the best price of a side and the quantity there; false if the side is empty.
func (b *Book) Best(side Side) (Price, Qty, bool) {
	l := b.side(side)
	r := l.first()
	if r.block == 0 {
		return 0, 0, false
	}
	key, lv := l.at(r)
	return Price(key ^ l.flip), lv.qty, true
}

// Crossed reports whether the best buy is at or above the best sell, as it may be during a call auction.
func (b *Book) Crossed() bool {
	buys, sells := b.side(Buy), b.side(Sell)
	return buys.levels > 0 && sells.levels > 0 && buys.best^buys.flip >= sells.best^sells.flip
}

// Levels appends up to depth levels of a side, best first, to the caller's buffer.
func (b *Book) Levels(side Side, depth int, dst []Level) []Level {
	l := b.side(side)
	for r := l.first(); r.block != 0 && depth > 0; r = l.after(r) {
		key, lv := l.at(r)
		dst = append(dst, Level{Price: Price(key ^ l.flip), Qty: lv.qty, Orders: int(lv.orders)})
		depth--
	}
	return dst
}

// Cursor walks the orders of one side by price and then by time. It is valid until the book changes.
type Cursor struct {
	book *Book
	l    *ladder
	rung rung
	next slab.Handle
}

// Walk returns a cursor before the first order of a side.
func (b *Book) Walk(side Side) Cursor {
	l := b.side(side)
	c := Cursor{book: b, l: l, rung: l.first()}
	if c.rung.block != 0 {
		_, lv := l.at(c.rung)
		c.next = lv.head
	}
	return c
}

// Next returns the next order; false behind the last one.
func (c *Cursor) Next() (Order, bool) {
	if c.next == 0 {
		return Order{}, false
	}
	o := c.book.orders.At(c.next)
	c.next = o.next
	if c.next == 0 {
		if c.rung = c.l.after(c.rung); c.rung.block != 0 {
			_, lv := c.l.at(c.rung)
			c.next = lv.head
		}
	}
	return o.public(), true
}

// Orders returns the orders of a side by price and then by time. The book must not change while they are ranged over.
func (b *Book) Orders(side Side) iter.Seq[Order] {
	return func(yield func(Order) bool) {
		c := b.Walk(side)
		for o, ok := c.Next(); ok && yield(o); o, ok = c.Next() {
		}
	}
}
