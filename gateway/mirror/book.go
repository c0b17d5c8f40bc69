package mirror

import (
	"iter"

	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Book is the order book of one instrument.
type Book struct {
	all        *Books
	instrument wire.Instrument
	phase      wire.Phase
	last       wire.Price
	sequence   uint64
	sides      [2]levels // buys, sells
}

// side returns the levels of a side, which must be valid.
func (k *Book) side(s wire.Side) *levels { return &k.sides[(s-1)&1] }

// resize changes the quantity of an order's level and side.
func (k *Book) resize(o *order, by wire.Qty) {
	k.all.levels.Mut(o.level).qty += by
	k.side(o.side).qty += by
}

// Instrument returns the instrument's definition.
func (k *Book) Instrument() wire.Instrument { return k.instrument }

// Phase returns the instrument's phase.
func (k *Book) Phase() wire.Phase { return k.phase }

// LastPrice returns the price of the last trade, 0 where there was none yet.
func (k *Book) LastPrice() wire.Price { return k.last }

// Sequence returns the number of the command that changed a resting order of the book last; after an image or Load the one
// that these say. A command that changed the phase or the definition alone does not count.
func (k *Book) Sequence() uint64 { return k.sequence }

// Best returns the best level of a side, false where the side is empty.
func (k *Book) Best(side wire.Side) (Level, bool) {
	l := k.side(side)
	if l.best == 0 {
		return Level{}, false
	}
	return l.public(l.best), true
}

// Level returns the level of a price, false where there is none.
func (k *Book) Level(side wire.Side, price wire.Price) (Level, bool) {
	l := k.side(side)
	h := l.at(price)
	if h == 0 {
		return Level{}, false
	}
	return l.public(h), true
}

// Levels appends up to depth levels of a side (0: all) to dst, the best first.
func (k *Book) Levels(side wire.Side, depth int, dst []Level) []Level {
	l := k.side(side)
	s := steps{l, l.best}
	for n := 0; depth == 0 || n < depth; n++ {
		v, ok := s.next()
		if !ok {
			break
		}
		dst = append(dst, v)
	}
	return dst
}

// Orders returns the orders of a side in priority order. The book must not change while they are ranged over.
func (k *Book) Orders(side wire.Side) iter.Seq[Resting] {
	return func(yield func(Resting) bool) {
		for lh := k.side(side).best; lh != 0; lh = k.all.levels.At(lh).worse {
			for h := k.all.levels.At(lh).head; h != 0; h = k.all.orders.At(h).next {
				if !yield(k.all.orders.At(h).public()) {
					return
				}
			}
		}
	}
}

// Order returns a resting order, false where it does not rest in this book.
func (k *Book) Order(id wire.OrderID) (Resting, bool) {
	h := k.all.find(id)
	if h == 0 {
		return Resting{}, false
	}
	if o := k.all.orders.At(h); o.level != 0 && o.instrument == k.instrument.ID {
		return o.public(), true
	}
	return Resting{}, false
}

// First returns the order of a side that trades first, false where the side is empty.
func (k *Book) First(side wire.Side) (Resting, bool) {
	l := k.side(side)
	if l.best == 0 {
		return Resting{}, false
	}
	return k.all.orders.At(k.all.levels.At(l.best).head).public(), true
}

// FirstAt returns the order of a price that trades first, false where nothing rests there.
func (k *Book) FirstAt(side wire.Side, price wire.Price) (Resting, bool) {
	h := k.side(side).at(price)
	if h == 0 {
		return Resting{}, false
	}
	return k.all.orders.At(k.all.levels.At(h).head).public(), true
}

// Ahead returns how many orders of the same price trade before a resting one.
func (k *Book) Ahead(id wire.OrderID) (n int) {
	for h := k.all.find(id); h != 0; h = k.all.orders.At(h).prev {
		n++
	}
	return n - 1
}

// Len returns the number of orders that rest on a side.
func (k *Book) Len(side wire.Side) int { return k.side(side).orders }

// Total returns the sum of the quantities that rest on a side.
func (k *Book) Total(side wire.Side) wire.Qty { return k.side(side).qty }

// Depth returns the number of levels of a side.
func (k *Book) Depth(side wire.Side) int { return k.side(side).tree.Len() }

// Crossed reports whether the best buy is at or above the best sell, as it may be in an auction.
func (k *Book) Crossed() bool {
	buy, buys := k.Best(wire.Buy)
	sell, sells := k.Best(wire.Sell)
	return buys && sells && buy.Price >= sell.Price
}

// Auction returns what an auction would come to now, with the last price as its reference; false where nothing crosses.
func (k *Book) Auction() (book.AuctionResult, bool) {
	buys := steps{k.side(wire.Buy), k.side(wire.Buy).best}
	sells := steps{k.side(wire.Sell), k.side(wire.Sell).best}
	return book.Indicate(buys.next, sells.next, k.last, k.last != 0)
}

// public returns an order as readers see it.
func (o *order) public() Resting {
	return Resting{Order: o.id, Side: o.side, Price: o.price, Qty: o.qty}
}

// clear takes every order away, those that have entered as well, and reports each one that rested.
func (k *Book) clear(gone func(h slab.Handle)) {
	b := k.all
	if b.entering != 0 && b.orders.At(b.entering).instrument == k.instrument.ID {
		b.forget(b.entering)
		b.entering = 0
	}
	for i := range k.sides {
		for l := &k.sides[i]; l.best != 0; {
			h := b.levels.At(l.best).head
			gone(h)
			b.unrest(k, h)
			b.forget(h)
		}
	}
}
