package mirror

import (
	"fmt"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Validate checks every invariant of the book, in a time that grows with its size.
func (k *Book) Validate() error {
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		if err := k.validateSide(side); err != nil {
			return fmt.Errorf("mirror: instrument %d, %s side: %w", k.instrument.ID, side, err)
		}
	}
	return nil
}

func (k *Book) validateSide(side wire.Side) error {
	l := k.side(side)
	var qty wire.Qty
	orders, n := 0, 0
	before := slab.Handle(0)
	for h := l.best; h != 0; h = l.store.At(h).worse {
		lv := l.store.At(h)
		e, ok := l.tree.Get(entry{key: lv.key})
		switch {
		case !ok || e.level != h:
			return fmt.Errorf("the tree does not have level %d", lv.key^l.flip)
		case lv.better != before:
			return fmt.Errorf("level %d does not name the one before it", lv.key^l.flip)
		case before != 0 && l.store.At(before).key >= lv.key:
			return fmt.Errorf("level %d stands behind a worse one", lv.key^l.flip)
		}
		if err := k.validateLevel(side, h); err != nil {
			return err
		}
		qty += lv.qty
		orders += lv.orders
		n++
		before = h
	}
	if qty != l.qty || orders != l.orders || n != l.tree.Len() {
		return fmt.Errorf("%d levels, %d orders, %d lots where %d, %d, %d are kept", n, orders, qty, l.tree.Len(), l.orders, l.qty)
	}
	return nil
}

func (k *Book) validateLevel(side wire.Side, lh slab.Handle) error {
	lv := k.all.levels.At(lh)
	var qty wire.Qty
	orders := 0
	before := slab.Handle(0)
	for h := lv.head; h != 0; h = k.all.orders.At(h).next {
		o := k.all.orders.At(h)
		switch {
		case o.level != lh || o.prev != before || o.side != side || o.instrument != k.instrument.ID:
			return fmt.Errorf("order %d is not linked to where it stands", o.id)
		case int64(o.price)^k.side(side).flip != lv.key || o.qty <= 0:
			return fmt.Errorf("order %d of %d lots at %d does not belong where it stands", o.id, o.qty, o.price)
		case k.all.find(o.id) != h:
			return fmt.Errorf("order %d is not found by its number", o.id)
		}
		qty += o.qty
		orders++
		before = h
	}
	if qty != lv.qty || orders != lv.orders || orders == 0 || before != lv.tail {
		return fmt.Errorf("a level of %d orders, %d lots where %d, %d are kept", orders, qty, lv.orders, lv.qty)
	}
	return nil
}

// Validate checks the invariants of every book, and that no order is left over.
func (b *Books) Validate() error {
	n := 0
	for _, id := range b.ids {
		k := b.books[id]
		if err := k.Validate(); err != nil {
			return err
		}
		n += k.Len(wire.Buy) + k.Len(wire.Sell)
	}
	if n != b.Len() || b.orders.Len() != b.index.Len() {
		return fmt.Errorf("mirror: %d orders in books, %d stored, %d found by number", n, b.Len(), b.index.Len())
	}
	return nil
}
