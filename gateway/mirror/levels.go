package mirror

import (
	"github.com/google/btree"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

const (
	treeDegree = 32
	freeNodes  = 1024 // unused btree nodes that are kept for reuse, of all books together
)

// level is one price of one side: a queue of orders.
type level struct {
	key           int64
	qty           wire.Qty
	orders        int
	head, tail    slab.Handle // of orders
	better, worse slab.Handle // neighbouring levels
}

// entry is the btree's entry of a level.
type entry struct {
	key   int64
	level slab.Handle
}

// levels is one side of a book. A sell's key is its price, a buy's is the bitwise complement of its price: keys grow from the
// best price to the worst on both sides, and no key overflows.
type levels struct {
	flip   int64 // key = price ^ flip
	store  *slab.Slab[level]
	tree   *btree.BTreeG[entry]
	best   slab.Handle // of the best level, 0: none
	orders int
	qty    wire.Qty

	// visit is the tree iterator's function, made once so that no call allocates; it stops at the first entry, found.
	visit func(entry) bool
	found entry
}

func (l *levels) init(side wire.Side, store *slab.Slab[level], free *btree.FreeListG[entry]) {
	if side == wire.Buy {
		l.flip = -1
	}
	l.store = store
	l.tree = btree.NewWithFreeListG(treeDegree, func(a, b entry) bool { return a.key < b.key }, free)
	l.visit = func(e entry) bool {
		l.found = e
		return false
	}
}

// at returns the handle of the level of a price, 0 where there is none.
func (l *levels) at(p wire.Price) slab.Handle {
	e, _ := l.tree.Get(entry{key: int64(p) ^ l.flip})
	return e.level
}

// open returns the handle of the level of a price, which is made where there is none. The caller puts an order there.
func (l *levels) open(p wire.Price) slab.Handle {
	if h := l.at(p); h != 0 {
		return h
	}
	key := int64(p) ^ l.flip
	l.found = entry{}
	l.tree.DescendLessOrEqual(entry{key: key}, l.visit)
	h := l.store.Alloc()
	n := l.store.Mut(h)
	n.key, n.better = key, l.found.level
	if n.better != 0 {
		b := l.store.Mut(n.better)
		n.worse, b.worse = b.worse, h
	} else {
		n.worse, l.best = l.best, h
	}
	if n.worse != 0 {
		l.store.Mut(n.worse).better = h
	}
	l.tree.ReplaceOrInsert(entry{key, h})
	return h
}

// drop takes a level away.
func (l *levels) drop(h slab.Handle) {
	n := l.store.At(h)
	if n.better != 0 {
		l.store.Mut(n.better).worse = n.worse
	} else {
		l.best = n.worse
	}
	if n.worse != 0 {
		l.store.Mut(n.worse).better = n.better
	}
	l.tree.Delete(entry{key: n.key})
	l.store.Free(h)
}

// public returns a level as readers see it.
func (l *levels) public(h slab.Handle) Level {
	n := l.store.At(h)
	return Level{Price: wire.Price(n.key ^ l.flip), Qty: n.qty, Orders: n.orders}
}

// steps walks the levels, the best first. It is valid until they change.
type steps struct {
	l *levels
	h slab.Handle
}

// next returns the next level; false behind the last one.
func (s *steps) next() (Level, bool) {
	if s.h == 0 {
		return Level{}, false
	}
	v := s.l.public(s.h)
	s.h = s.l.store.At(s.h).worse
	return v, true
}
