package mirror

import (
	"iter"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Frozen is an immutable view of one book's resting orders at one moment. Any goroutine may read it.
type Frozen struct {
	orders *slab.View[order]
	levels *slab.View[level]
	best   [2]slab.Handle // levels of buys, sells
	counts [2]int
}

// Freeze returns a view of the orders as they are now. It takes time with the number of memory pages of all books together,
// not of orders; until the view is released, the first change in each page copies that page.
func (k *Book) Freeze() *Frozen {
	f := &Frozen{orders: k.all.orders.Freeze(), levels: k.all.levels.Freeze()}
	for i := range k.sides {
		f.best[i], f.counts[i] = k.sides[i].best, k.sides[i].orders
	}
	return f
}

// Len returns the number of orders of a side.
func (f *Frozen) Len(side wire.Side) int { return f.counts[(side-1)&1] }

// Orders returns the orders of a side in priority order.
func (f *Frozen) Orders(side wire.Side) iter.Seq[Resting] {
	return func(yield func(Resting) bool) {
		for lh := f.best[(side-1)&1]; lh != 0; lh = f.levels.At(lh).worse {
			for h := f.levels.At(lh).head; h != 0; h = f.orders.At(h).next {
				if !yield(f.orders.At(h).public()) {
					return
				}
			}
		}
	}
}

// Release says that the view will not be read any more. It may be called from any goroutine.
func (f *Frozen) Release() {
	f.orders.Release()
	f.levels.Release()
}
