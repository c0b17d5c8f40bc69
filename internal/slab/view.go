package slab

import (
	"slices"
	"sync/atomic"
)

// View is an immutable picture of a Slab at the moment of Freeze. Any goroutine may read it.
type View[T any] struct {
	dir      []*leaf[T]
	mask     Handle
	shift    uint8
	high     Handle
	count    int
	epoch    uint32
	released atomic.Bool
}

// Freeze returns a view of all values as they are now. It copies the top of the directory only, 8 bytes for every 16 pages; the
// slab goes on, and copies a page, and the leaf of the directory that names it, before its first write to it for as long as
// the view is not released.
func (s *Slab[T]) Freeze() *View[T] {
	v := &View[T]{mask: s.mask, shift: s.shift, high: s.high, count: s.count, epoch: s.epoch}
	v.dir = slices.Clone(s.dir)
	s.shared(s.epoch) // drops released views, so that the list stays short
	s.views = append(s.views, v)
	s.epoch++
	return v
}

func (v *View[T]) slot(h Handle) *slot[T] {
	p := h >> (v.shift & 31)
	return &v.dir[p>>leafBits].pages[p&(leafPages-1)].slots[h&v.mask]
}

// At returns the value of h, which must have been given out before the Freeze. The value must not be written to.
func (v *View[T]) At(h Handle) *T { return &v.slot(h).v }

// Live reports whether h was in use at the Freeze.
func (v *View[T]) Live(h Handle) bool { return h != 0 && h <= v.high && v.slot(h).link == live }

// Len returns the number of live values.
func (v *View[T]) Len() int { return v.count }

// High returns the greatest handle given out before the Freeze. Iterate over all values with
//
//	for h := slab.Handle(1); h <= v.High(); h++ { if v.Live(h) { … v.At(h) … } }
func (v *View[T]) High() Handle { return v.high }

// Release says that the view will not be read any more, so that the slab need not copy pages for it. It may be called from
// any goroutine, and more than once. A view that is never released costs one copy of each page that is written later.
func (v *View[T]) Release() { v.released.Store(true) }
