package book

import (
	"errors"
	"strconv"

	"uncross/internal/slab"
)

// Validate checks every invariant of the book, in a time that grows with its size, and returns an error that names the first
// one that does not hold. A book that is used properly never fails it. A crossed book is not an error, see Crossed.
func (b *Book) Validate() error {
	sum, n, blocks := uint64(0), 0, 0
	for side := Buy; side <= Sell; side++ {
		c := checker{book: b, l: b.side(side), side: side}
		if err := c.ladder(); err != nil {
			return err
		}
		sum += c.hash
		n += c.orders
		blocks += c.blocks
	}
	switch {
	case n != b.orders.Len():
		return broken("orders in levels", int64(n), "orders stored", int64(b.orders.Len()))
	case n != b.index.Len():
		return broken("orders in levels", int64(n), "ids indexed", int64(b.index.Len()))
	case blocks != b.blocks.Len():
		return broken("blocks in ladders", int64(blocks), "blocks stored", int64(b.blocks.Len()))
	case sum != b.hash:
		return errors.New("book: the hash kept is not the hash of the orders")
	}
	return nil
}

// checker checks one side.
type checker struct {
	book   *Book
	l      *ladder
	side   Side
	hash   uint64
	qty    Qty
	levels int
	orders int
	blocks int
}

func (c *checker) ladder() error {
	l := c.l
	if err := c.placement(); err != nil {
		return err
	}
	last := int64(0)
	for r := l.first(); r.block != 0; r = l.after(r) {
		key, lv := l.at(r)
		if c.levels == 0 && key != l.best {
			return broken("best key", l.best, "first key", key)
		}
		if c.levels > 0 && key <= last {
			return broken("key", key, "key before", last)
		}
		last = key
		c.levels++
		if err := c.level(r, key, lv); err != nil {
			return err
		}
	}
	switch {
	case c.levels != l.levels:
		return broken("levels found", int64(c.levels), "levels counted", int64(l.levels))
	case c.orders != l.orders:
		return broken("orders found", int64(c.orders), "orders counted", int64(l.orders))
	case c.qty != l.qty:
		return broken("quantity found", int64(c.qty), "quantity counted", int64(l.qty))
	}
	return nil
}

// level checks one level and its queue.
func (c *checker) level(r rung, key int64, lv *level) error {
	qty, n := Qty(0), uint32(0)
	before := slab.Handle(0)
	priority := uint64(0)
	for h := lv.head; h != 0; {
		if !c.book.orders.Live(h) {
			return broken("order of key", key, "is a free handle", int64(h))
		}
		o := c.book.orders.At(h)
		found, ok := c.book.index.Get(uint64(o.id))
		switch {
		case o.side != c.side || int64(o.price)^c.l.flip != key || o.block != r.block:
			return broken("order", int64(o.id), "stands at the wrong key", key)
		case o.prev != before:
			return broken("order", int64(o.id), "is not linked to the one before it at key", key)
		case o.qty <= 0:
			return broken("order", int64(o.id), "has quantity", int64(o.qty))
		case o.priority <= priority || o.priority > c.book.priority:
			return broken("order", int64(o.id), "is out of turn with priority", int64(o.priority))
		case !ok || found != h:
			return broken("order", int64(o.id), "is not in the index at key", key)
		case o.qty > MaxSideQty-qty-c.qty:
			return broken("order", int64(o.id), "makes the side's quantity overflow at key", key)
		}
		c.hash += o.hash()
		qty += o.qty
		n++
		before, priority, h = h, o.priority, o.next
	}
	switch {
	case n == 0:
		return broken("level of key", key, "orders", 0)
	case n != lv.orders:
		return broken("orders of level", int64(n), "counted", int64(lv.orders))
	case qty != lv.qty:
		return broken("quantity of level", int64(qty), "counted", int64(lv.qty))
	case before != lv.tail:
		return broken("last order of level", int64(before), "tail", int64(lv.tail))
	}
	c.qty += qty
	c.orders += int(n)
	return nil
}

// placement checks that each block is where its number says, in the window or in the tree, and that no empty one is kept.
func (c *checker) placement() error {
	l := c.l
	levels := 0
	var err error
	see := func(no int64, h slab.Handle, inside bool) {
		bl := l.blocks.At(h)
		switch {
		case err != nil:
		case !l.blocks.Live(h) || bl.no != no:
			err = broken("block", no, "has the number", bl.no)
		case bl.used == 0:
			err = broken("block", no, "has levels", 0)
		case inside != (no >= l.lo && no < l.hi):
			err = broken("block", no, "is on the wrong side of the window's start", l.lo)
		}
		c.blocks++
		for i := range bl.levels {
			if bl.used>>i&1 == 1 {
				levels++
			} else if bl.levels[i] != (level{}) {
				err = broken("block", no, "has something at an unused level", int64(i))
			}
		}
	}
	if l.win != nil {
		for i, h := range l.win.places {
			used := l.win.used[i/64]>>(i%64)&1 == 1
			if used != (h != 0) || (l.win.used[i/64] != 0) != (l.win.summary>>(i/64)&1 == 1) {
				return broken("window's place", int64(i), "has a wrong bit for block", int64(h))
			}
			if h != 0 {
				see(l.blocks.At(h).no, h, true)
				if l.win.get(l.blocks.At(h).no) != h {
					return broken("block", l.blocks.At(h).no, "is in the window's place", int64(i))
				}
			}
		}
	}
	l.tree.Ascend(func(f far) bool {
		see(f.no, f.block, false)
		return true
	})
	if err == nil && levels != l.levels {
		err = broken("levels in blocks", int64(levels), "levels counted", int64(l.levels))
	}
	return err
}

// broken returns an error that sets two facts side by side.
func broken(what string, a int64, but string, z int64) error {
	return errors.New("book: " + what + " " + strconv.FormatInt(a, 10) + ", " + but + " " + strconv.FormatInt(z, 10))
}
