package mirror

import (
	"fmt"
	"slices"

	"github.com/google/btree"

	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// order is an order that rests, or that has entered and may rest when its command ends.
type order struct {
	id         wire.OrderID
	price      wire.Price
	qty        wire.Qty    // left
	prev, next slab.Handle // neighbours in its level
	level      slab.Handle // 0: it does not rest
	instrument wire.InstrumentID
	side       wire.Side
	tif        wire.TIF
}

// Books are the order books of a venue.
type Books struct {
	books    map[wire.InstrumentID]*Book
	ids      []wire.InstrumentID // ascending
	orders   slab.Slab[order]
	index    slab.Index // order id → order
	levels   slab.Slab[level]
	free     *btree.FreeListG[entry]
	entering slab.Handle // the order that has entered, or lost its place, with the command that is being applied
	command  uint64      // number of that command
}

// New returns books that know nothing.
func New() *Books {
	return &Books{books: map[wire.InstrumentID]*Book{}, free: btree.NewFreeListG[entry](freeNodes)}
}

// Book returns the book of an instrument, nil if it was never heard of. The pointer stays valid: events, images and Load
// change the book that it names.
func (b *Books) Book(id wire.InstrumentID) *Book { return b.books[id] }

// Instruments returns the instruments that have been heard of, ascending. The slice is the caller's.
func (b *Books) Instruments() []wire.InstrumentID { return slices.Clone(b.ids) }

// Len returns the number of orders that rest, of all books together.
func (b *Books) Len() int {
	if b.entering != 0 {
		return b.orders.Len() - 1
	}
	return b.orders.Len()
}

// Order returns a resting order of any book and its instrument, false where it does not rest.
func (b *Books) Order(id wire.OrderID) (wire.InstrumentID, Resting, bool) {
	if h := b.find(id); h != 0 && h != b.entering {
		o := b.orders.At(h)
		return o.instrument, o.public(), true
	}
	return 0, Resting{}, false
}

// place returns the book of an instrument, made where there is none.
func (b *Books) place(id wire.InstrumentID) *Book {
	k := b.books[id]
	if k == nil {
		k = &Book{all: b, phase: wire.Closed}
		k.instrument.ID = id
		k.side(wire.Buy).init(wire.Buy, &b.levels, b.free)
		k.side(wire.Sell).init(wire.Sell, &b.levels, b.free)
		b.books[id] = k
		i, _ := slices.BinarySearch(b.ids, id)
		b.ids = slices.Insert(b.ids, i, id)
	}
	return k
}

// find returns the order of an id, 0 where there is none.
func (b *Books) find(id wire.OrderID) slab.Handle {
	h, _ := b.index.Get(uint64(id))
	return h
}

// create makes an order that does not rest yet.
func (b *Books) create(in wire.InstrumentID, r Resting) slab.Handle {
	h := b.orders.Alloc()
	o := b.orders.Mut(h)
	o.id, o.side, o.price, o.qty, o.instrument = r.Order, r.Side, r.Price, r.Qty, in
	b.index.Put(uint64(r.Order), h)
	return h
}

// forget removes an order that does not rest.
func (b *Books) forget(h slab.Handle) {
	b.index.Delete(uint64(b.orders.At(h).id))
	b.orders.Free(h)
}

// rest puts an order behind all others of its price.
func (b *Books) rest(k *Book, h slab.Handle) {
	o := b.orders.Mut(h)
	l := k.side(o.side)
	o.level = l.open(o.price)
	lv := b.levels.Mut(o.level)
	o.prev, o.next = lv.tail, 0
	if lv.tail != 0 {
		b.orders.Mut(lv.tail).next = h
	} else {
		lv.head = h
	}
	lv.tail = h
	lv.orders++
	l.orders++
	k.resize(o, o.qty)
}

// unrest takes a resting order out of its level, and the level away where it was the last one there.
func (b *Books) unrest(k *Book, h slab.Handle) {
	o := b.orders.Mut(h)
	l := k.side(o.side)
	lv := b.levels.Mut(o.level)
	if o.prev != 0 {
		b.orders.Mut(o.prev).next = o.next
	} else {
		lv.head = o.next
	}
	if o.next != 0 {
		b.orders.Mut(o.next).prev = o.prev
	} else {
		lv.tail = o.prev
	}
	lv.orders--
	l.orders--
	k.resize(o, -o.qty)
	if lv.orders == 0 {
		l.drop(o.level)
	}
	o.level, o.prev, o.next = 0, 0, 0
}

// fits checks that an order may come to rest.
func (k *Book) fits(r Resting) error {
	switch {
	case !r.Side.Valid():
		return broken("order %d has no side", r.Order)
	case r.Qty <= 0:
		return broken("order %d rests with %d lots", r.Order, r.Qty)
	case r.Qty > book.MaxSideQty-k.side(r.Side).qty:
		return broken("order %d: its side would pass %d lots", r.Order, book.MaxSideQty)
	}
	return nil
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBroken}, args...)...)
}
