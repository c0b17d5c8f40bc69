package book

import (
	"cmp"
	"iter"
	"slices"

	"uncross/internal/slab"
)

// Frozen is an immutable view of a book's resting orders at one moment, for a snapshot. Any goroutine may read it.
type Frozen struct {
	view     *slab.View[order]
	priority uint64
}

// Freeze returns a view of the orders as they are now. It takes time with the number of memory pages, not of orders; until
// the view is released, the first change in each page copies that page.
func (b *Book) Freeze() *Frozen { return &Frozen{view: b.orders.Freeze(), priority: b.priority} }

// Len returns the number of orders.
func (f *Frozen) Len() int { return f.view.Len() }

// Priority returns what Book.Priority returned at the Freeze.
func (f *Frozen) Priority() uint64 { return f.priority }

// Orders returns all orders by ascending Priority, as Book.Restore takes them. It needs 16 bytes of memory for each.
func (f *Frozen) Orders() iter.Seq[Order] {
	return func(yield func(Order) bool) {
		type place struct {
			priority uint64
			h        slab.Handle
		}
		all := make([]place, 0, f.view.Len())
		for h := slab.Handle(1); h <= f.view.High(); h++ {
			if f.view.Live(h) {
				all = append(all, place{f.view.At(h).priority, h})
			}
		}
		slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(a.priority, b.priority) })
		for _, p := range all {
			if !yield(f.view.At(p.h).public()) {
				return
			}
		}
	}
}

// Release says that the view will not be read any more. It may be called from any goroutine.
func (f *Frozen) Release() { f.view.Release() }
