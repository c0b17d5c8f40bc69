// Package plain is the yardstick: the order book that one writes in Go on a good day without thinking of speed. Price
// levels are values behind pointers in a google/btree, the orders of a level a container/list, and a map finds an order
// by its id.
//
// Threading: one goroutine at a time uses a Book.
//
//	bids ─▶ btree of *level ─▶ list of *order ◀─ map[OrderID]
//	asks ─▶ btree of *level ─▶ list of *order ◀─┘
//
// It matches with the same price-time priority as package book, and measurements run both on the same commands. It
// shares no code with it.
package plain

import (
	"container/list"

	"github.com/google/btree"

	"uncross/book"
)

// degree is the btree's, as its own documentation and most programs have it.
const degree = 32

// Trade is one fill, at the maker's price.
type Trade struct {
	Maker, Taker book.OrderID
	Price        book.Price
	Qty          book.Qty
}

// Book is one instrument's order book.
type Book struct {
	bids, asks *btree.BTreeG[*level] // best first
	orders     map[book.OrderID]*list.Element
}

type level struct {
	price  book.Price
	qty    book.Qty
	orders *list.List // of *order, oldest first
}

type order struct {
	id    book.OrderID
	side  book.Side
	qty   book.Qty
	level *level
}

// New returns an empty book.
func New() *Book {
	return &Book{
		bids:   btree.NewG(degree, func(a, b *level) bool { return a.price > b.price }),
		asks:   btree.NewG(degree, func(a, b *level) bool { return a.price < b.price }),
		orders: make(map[book.OrderID]*list.Element),
	}
}

// Place enters a limit order and appends its trades. What does not trade rests, unless the order is immediate or cancel.
func (b *Book) Place(id book.OrderID, side book.Side, price book.Price, qty book.Qty, ioc bool, trades []Trade) []Trade {
	left, trades := b.match(id, side, price, qty, trades)
	if left > 0 && !ioc {
		b.rest(id, side, price, left)
	}
	return trades
}

// Cancel takes a resting order out and reports whether there was one.
func (b *Book) Cancel(id book.OrderID) bool {
	e, ok := b.orders[id]
	if ok {
		b.remove(e)
	}
	return ok
}

// Move gives a resting order a new price, behind the orders that are there, and appends its trades.
func (b *Book) Move(id book.OrderID, price book.Price, trades []Trade) []Trade {
	e, ok := b.orders[id]
	if !ok {
		return trades
	}
	o := e.Value.(*order)
	b.remove(e)
	return b.Place(id, o.side, price, o.qty, false, trades)
}

// Len returns the number of resting orders.
func (b *Book) Len() int { return len(b.orders) }

// Levels returns the number of price levels of both sides.
func (b *Book) Levels() int { return b.bids.Len() + b.asks.Len() }

func (b *Book) side(s book.Side) *btree.BTreeG[*level] {
	if s == book.Buy {
		return b.bids
	}
	return b.asks
}

// match trades against the other side, best price first and oldest order first, up to the limit.
func (b *Book) match(taker book.OrderID, side book.Side, limit book.Price, left book.Qty, trades []Trade) (book.Qty, []Trade) {
	tree := b.side(side.Opposite())
	for left > 0 {
		best, ok := tree.Min()
		if !ok || side == book.Buy && best.price > limit || side == book.Sell && best.price < limit {
			break
		}
		for e := best.orders.Front(); e != nil && left > 0; e = best.orders.Front() {
			maker := e.Value.(*order)
			qty := min(maker.qty, left)
			maker.qty -= qty
			best.qty -= qty
			left -= qty
			trades = append(trades, Trade{Maker: maker.id, Taker: taker, Price: best.price, Qty: qty})
			if maker.qty == 0 {
				b.remove(e)
			}
		}
	}
	return left, trades
}

func (b *Book) rest(id book.OrderID, side book.Side, price book.Price, qty book.Qty) {
	tree := b.side(side)
	l, ok := tree.Get(&level{price: price})
	if !ok {
		l = &level{price: price, orders: list.New()}
		tree.ReplaceOrInsert(l)
	}
	l.qty += qty
	b.orders[id] = l.orders.PushBack(&order{id: id, side: side, qty: qty, level: l})
}

// remove takes an order out of its level, and the level out of the tree when it was its last.
func (b *Book) remove(e *list.Element) {
	o := e.Value.(*order)
	o.level.qty -= o.qty
	o.level.orders.Remove(e)
	delete(b.orders, o.id)
	if o.level.orders.Len() == 0 {
		b.side(o.side).Delete(o.level)
	}
}
