package book

import (
	"github.com/google/btree"

	"uncross/internal/slab"
)

// MaxSideQty is the greatest sum of quantities that may rest on one side of a book, in lots. An order that could pass it is
// refused with Overflow, so that no sum over levels can overflow.
const MaxSideQty Qty = 1<<63 - 1

// Order is a resting order, or one that is to rest or trade.
type Order struct {
	ID       OrderID
	Side     Side
	Price    Price  // limit, in ticks
	Qty      Qty    // what is left, in lots; always positive
	Data     uint64 // opaque to the book; handed back in fills
	Priority uint64 // the lower, the earlier its turn at its price; given by the book when the order comes to rest
}

// Level is one price of one side.
type Level struct {
	Price  Price
	Qty    Qty // sum over the orders
	Orders int
}

// Config holds a book's sizes. The zero Config is usable.
type Config struct {
	// PageOrders is the number of orders in a memory page, a power of two from 2 to 65,536; 0 means 128. A page is the unit
	// of growth, and what one write copies while a Frozen view is held.
	PageOrders int
	// FreeNodes is the number of unused btree nodes kept for reuse; 0 means 256.
	FreeNodes int
}

const (
	defaultPageOrders = 128
	defaultFreeNodes  = 256
	blockPage         = 16 // blocks in a memory page
)

// order is the stored form of an Order: 56 bytes, which the slab's link makes one cache line.
type order struct {
	id         OrderID
	price      Price
	qty        Qty
	data       uint64
	priority   uint64
	next, prev slab.Handle // neighbours in the level
	block      slab.Handle // the block of its level
	side       Side
}

// public returns the exported form of o.
func (o *order) public() Order {
	return Order{ID: o.id, Side: o.side, Price: o.price, Qty: o.qty, Data: o.data, Priority: o.priority}
}

// Book is the order book of one instrument. Make one with New.
type Book struct {
	sides    [2]ladder // buys, sells
	orders   *slab.Slab[order]
	blocks   *slab.Slab[block] // of both sides; never frozen
	index    slab.Index        // order id → handle
	priority uint64            // last priority given
	hash     uint64
	changes  uint64 // counted only where invariants are on
}

// New returns an empty book.
func New(cfg Config) *Book {
	if cfg.PageOrders == 0 {
		cfg.PageOrders = defaultPageOrders
	}
	if cfg.FreeNodes == 0 {
		cfg.FreeNodes = defaultFreeNodes
	}
	b := &Book{orders: slab.NewPaged[order](cfg.PageOrders), blocks: slab.NewPaged[block](blockPage)}
	free := btree.NewFreeListG[far](cfg.FreeNodes)
	b.side(Buy).init(Buy, b.blocks, free)
	b.side(Sell).init(Sell, b.blocks, free)
	return b
}

// side returns the ladder of a side, which must be valid.
func (b *Book) side(s Side) *ladder { return &b.sides[(s-1)&1] }

// link puts order h, whose fields are set, at the tail of its level.
func (b *Book) link(h slab.Handle, o *order) {
	l := b.side(o.side)
	bh, lv := l.level(int64(o.price) ^ l.flip)
	o.block, o.next, o.prev = bh, 0, lv.tail
	if lv.tail != 0 {
		b.orders.Mut(lv.tail).next = h
	} else {
		lv.head = h
	}
	lv.tail = h
	lv.qty += o.qty
	lv.orders++
	l.qty += o.qty
	l.orders++
	b.hash += o.hash()
}

// unlink takes order o out of its level, and the level out of the book if it was the last there.
func (b *Book) unlink(o *order) {
	l := b.side(o.side)
	key := int64(o.price) ^ l.flip
	bl := b.blocks.Mut(o.block)
	lv := &bl.levels[key&blockMask]
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
	lv.qty -= o.qty
	lv.orders--
	l.qty -= o.qty
	l.orders--
	if lv.orders == 0 {
		l.dropLevel(o.block, bl, key)
	}
	b.hash -= o.hash()
}

// add stores o, which must be valid and new, at the tail of its level with the priority that it carries.
func (b *Book) add(o *Order) { b.index.Put(uint64(o.ID), b.store(o)) }

// store is add without the index.
func (b *Book) store(o *Order) slab.Handle {
	h := b.orders.Alloc()
	n := b.orders.Mut(h)
	n.id, n.side, n.price, n.qty, n.data, n.priority = o.ID, o.Side, o.Price, o.Qty, o.Data, o.Priority
	b.link(h, n)
	return h
}

// nextPriority returns a priority later than all before.
func (b *Book) nextPriority() uint64 {
	b.priority++
	return b.priority
}

// follow moves the windows after the touch.
func (b *Book) follow() {
	b.sides[0].follow()
	b.sides[1].follow()
}

// settle ends every change of the book: the windows follow the touch, and where invariants are on the book is checked now
// and then.
func (b *Book) settle() {
	b.follow()
	if invariants {
		b.changes++
		if b.changes%1024 == 0 {
			if err := b.Validate(); err != nil {
				panic(err)
			}
		}
	}
}
