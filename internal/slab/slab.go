package slab

import "slices"

// Handle names one value of a Slab. The zero Handle names none.
type Handle uint32

const (
	// DefaultPage is the number of values in a page unless NewPaged says otherwise.
	DefaultPage = 1024

	live = Handle(1<<32 - 1) // link of a slot in use; also the one handle that is never given out

	leafBits  = 4 // log2 of the pages in a leaf of the directory
	leafPages = 1 << leafBits
)

// slot is one place of a page. link is live while the slot is in use and otherwise the next free slot (0: the last).
type slot[T any] struct {
	v    T
	link Handle
}

// page is an entry of a leaf. A page whose epoch is not the slab's own may be shared with a View.
type page[T any] struct {
	slots []slot[T]
	epoch uint32
}

// leaf is a part of the directory. A View may share it unless its epoch is the slab's own, as it is where that of one of its
// pages is.
type leaf[T any] struct{ pages [leafPages]page[T] }

// Slab holds values of the pointer-free type T. The zero Slab is ready for use with pages of DefaultPage values.
type Slab[T any] struct {
	dir   []*leaf[T]
	leafs []uint32 // their epochs
	mask  Handle   // page size − 1
	shift uint8    // log2 of the page size
	epoch uint32   // counts Freeze calls
	free  Handle   // head of the list of free slots
	high  Handle   // greatest handle ever given
	count int
	views []*View[T] // views that may still be read, oldest first
}

// NewPaged returns an empty slab with pages of pageSize values, which must be a power of two from 2 to 65,536. Small pages
// suit slabs that often stay small: memory is taken a page at a time.
func NewPaged[T any](pageSize int) *Slab[T] {
	s := new(Slab[T])
	s.setPage(pageSize)
	return s
}

func (s *Slab[T]) setPage(size int) {
	if size < 2 || size > 1<<16 || size&(size-1) != 0 {
		panic("slab: page size is not a power of two from 2 to 65536")
	}
	s.mask = Handle(size - 1)
	s.shift = 0
	for size > 1 {
		size >>= 1
		s.shift++
	}
}

// Alloc returns the handle of a zeroed value: the one freed last, or a new one. It panics when 2³²−2 values are live.
func (s *Slab[T]) Alloc() Handle {
	h := s.free
	if h == 0 {
		h = s.grow()
	}
	sl := s.mutSlot(h)
	if s.free != 0 {
		s.free = sl.link
	}
	var zero T
	sl.v = zero
	sl.link = live
	s.count++
	return h
}

// grow takes the next handle that was never given out, appending a page where needed.
func (s *Slab[T]) grow() Handle {
	if s.mask == 0 {
		s.setPage(DefaultPage)
	}
	if s.high == live-1 {
		panic("slab: no handle left")
	}
	s.high++
	no := s.high >> (s.shift & 31)
	if no>>leafBits >= Handle(len(s.dir)) {
		s.dir = append(s.dir, new(leaf[T]))
		s.leafs = append(s.leafs, s.epoch)
	}
	if s.page(s.high).slots == nil {
		s.ownLeaf(s.high).pages[no&(leafPages-1)] = page[T]{slots: make([]slot[T], s.mask+1), epoch: s.epoch}
	}
	return s.high
}

// Free gives h back. It panics when h is not live.
func (s *Slab[T]) Free(h Handle) {
	sl := s.mutSlot(h)
	if sl.link != live {
		panic("slab: freed a handle that is not live")
	}
	sl.link = s.free
	s.free = h
	s.count--
}

// page returns the directory's entry for h, for reading unless its epoch is the slab's.
func (s *Slab[T]) page(h Handle) *page[T] {
	p := h >> (s.shift & 31)
	return &s.dir[p>>leafBits].pages[p&(leafPages-1)]
}

// At returns the value of h for reading. The pointer is valid until the next Mut, Alloc or
// Free: where a View shares the page, those move the value to a copy.
func (s *Slab[T]) At(h Handle) *T { return &s.page(h).slots[h&s.mask].v }

// Mut returns the value of h for writing; where a View shares the page, the page is copied first. The pointer is valid
// until the next Freeze and should not be kept longer than one operation.
func (s *Slab[T]) Mut(h Handle) *T {
	p := s.page(h)
	if p.epoch != s.epoch {
		p = s.own(h)
	}
	return &p.slots[h&s.mask].v
}

func (s *Slab[T]) mutSlot(h Handle) *slot[T] {
	p := s.page(h)
	if p.epoch != s.epoch {
		p = s.own(h)
	}
	return &p.slots[h&s.mask]
}

// own makes the page of h writable: it copies the page, and the leaf before, if a view that is not released shares it.
func (s *Slab[T]) own(h Handle) *page[T] {
	s.ownLeaf(h)
	p := s.page(h)
	if s.shared(p.epoch) {
		p.slots = slices.Clone(p.slots)
	}
	p.epoch = s.epoch
	return p
}

// ownLeaf makes the leaf of h writable.
func (s *Slab[T]) ownLeaf(h Handle) *leaf[T] {
	i := h >> (s.shift & 31) >> leafBits
	if s.leafs[i] != s.epoch {
		if s.shared(s.leafs[i]) {
			fresh := *s.dir[i]
			s.dir[i] = &fresh
		}
		s.leafs[i] = s.epoch
	}
	return s.dir[i]
}

// shared reports whether a view taken at or after the given epoch may still be read, and forgets released views.
func (s *Slab[T]) shared(epoch uint32) bool {
	kept := s.views[:0]
	found := false
	for _, v := range s.views {
		if v.released.Load() {
			continue
		}
		kept = append(kept, v)
		// Page or leaf was last claimed in this epoch, so the views of this and of later epochs hold it.
		if v.epoch-epoch < 1<<31 {
			found = true
		}
	}
	clear(s.views[len(kept):])
	s.views = kept
	return found
}

// Live reports whether h is in use.
func (s *Slab[T]) Live(h Handle) bool {
	if h == 0 || h > s.high {
		return false
	}
	return s.page(h).slots[h&s.mask].link == live
}

// Len returns the number of live values.
func (s *Slab[T]) Len() int { return s.count }

// High returns the greatest handle ever given out, 0 before the first.
func (s *Slab[T]) High() Handle { return s.high }
