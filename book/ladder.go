package book

import (
	"math/bits"

	"github.com/google/btree"

	"uncross/internal/slab"
)

// A ladder holds the levels of one side by key. A sell's key is its price; a buy's key is the bitwise complement of its
// price. So keys grow from the best price to the worst on both sides, and no key overflows.

const (
	blockBits   = 4 // log2 of the prices in a block
	blockPrices = 1 << blockBits
	blockMask   = blockPrices - 1
	treeDegree  = 32
)

// level is one price: a queue of orders.
type level struct {
	qty        Qty
	orders     uint32
	head, tail slab.Handle
}

// block is a run of blockPrices neighbouring levels, those with key>>blockBits equal to no.
type block struct {
	no     int64
	used   uint32 // bit i: levels[i] has orders
	levels [blockPrices]level
}

// far is the btree's entry for a block outside the window.
type far struct {
	no    int64
	block slab.Handle
}

// ladder is one side of a book. A block with used levels is in the window if its number is in [lo, hi), else in the tree.
type ladder struct {
	flip   int64 // key = price ^ flip
	best   int64 // key of the best level; only if levels > 0
	touch  slab.Handle
	levels int
	orders int
	qty    Qty

	blocks         *slab.Slab[block]
	win            *window
	lo, hi         int64
	calmLo, calmHi int64 // while the best block is within, the window need not move
	tree           *btree.BTreeG[far]

	// visit is the tree iterator's function, made once so that no call allocates; it stops at the first entry, found.
	visit func(far) bool
	found far
}

func (l *ladder) init(side Side, blocks *slab.Slab[block], free *btree.FreeListG[far]) {
	if side == Buy {
		l.flip = -1
	}
	l.blocks = blocks
	l.tree = btree.NewWithFreeListG(treeDegree, func(a, b far) bool { return a.no < b.no }, free)
	l.visit = func(f far) bool {
		l.found = f
		return false
	}
	l.calmLo, l.calmHi = 1, 0
}

// level returns the level of a key and its block, making both where needed. The caller puts an order there.
func (l *ladder) level(key int64) (slab.Handle, *level) {
	no := key >> blockBits
	if l.levels == 0 {
		l.place(no)
	}
	var h slab.Handle
	if no >= l.lo && no < l.hi {
		h = l.win.get(no)
		if h == 0 {
			h = l.newBlock(no)
			l.win.set(no, h)
		}
	} else {
		h = l.farBlock(no)
	}
	bl := l.blocks.Mut(h)
	i := key & blockMask
	if bit := uint32(1) << i; bl.used&bit == 0 {
		bl.used |= bit
		l.levels++
		if l.levels == 1 || key < l.best {
			l.best, l.touch = key, h
		}
	}
	return h, &bl.levels[i]
}

// farBlock returns the block of a number outside the window, making it where needed.
func (l *ladder) farBlock(no int64) slab.Handle {
	if f, ok := l.tree.Get(far{no: no}); ok {
		return f.block
	}
	h := l.newBlock(no)
	l.tree.ReplaceOrInsert(far{no: no, block: h})
	return h
}

func (l *ladder) newBlock(no int64) slab.Handle {
	h := l.blocks.Alloc()
	l.blocks.Mut(h).no = no
	return h
}

// dropLevel removes the level of key, which has no orders left, and finds the next best where it was the best.
func (l *ladder) dropLevel(h slab.Handle, bl *block, key int64) {
	i := key & blockMask
	if bl.levels[i].qty != 0 {
		panic("book: a level without orders has a quantity")
	}
	bl.used &^= 1 << i
	l.levels--
	if key == l.best && l.levels > 0 {
		if bl.used != 0 { // all used levels of the best block are worse than the best one
			l.best = bl.no<<blockBits | int64(bits.TrailingZeros32(bl.used))
		} else {
			l.touch = l.blockFrom(bl.no + 1)
			next := l.blocks.At(l.touch)
			l.best = next.no<<blockBits | int64(bits.TrailingZeros32(next.used))
		}
	}
	if bl.used != 0 {
		return
	}
	if bl.no >= l.lo && bl.no < l.hi {
		l.win.clear(bl.no)
	} else {
		l.tree.Delete(far{no: bl.no})
	}
	l.blocks.Free(h)
}

// blockFrom returns the first block whose number is no or greater, 0 if there is none.
func (l *ladder) blockFrom(no int64) slab.Handle {
	if no >= l.hi {
		return l.farFrom(no)
	}
	if no < l.lo {
		if h := l.farFrom(no); h != 0 && l.found.no < l.lo {
			return h
		}
		no = l.lo
	}
	if n, ok := l.win.next(no); ok && n < l.hi {
		return l.win.get(n)
	}
	return l.farFrom(l.hi)
}

// farFrom returns the first block in the tree whose number is no or greater and sets l.found to it; 0 if there is none.
func (l *ladder) farFrom(no int64) slab.Handle {
	if l.tree.Len() == 0 {
		return 0
	}
	l.found = far{}
	l.tree.AscendGreaterOrEqual(far{no: no}, l.visit)
	return l.found.block
}

// rung is a place on the ladder: one level of a block. The zero rung is none.
type rung struct {
	block slab.Handle
	i     uint8
}

// first returns the best level.
func (l *ladder) first() rung {
	if l.levels == 0 {
		return rung{}
	}
	return rung{l.touch, uint8(l.best & blockMask)}
}

// after returns the level behind r.
func (l *ladder) after(r rung) rung {
	bl := l.blocks.At(r.block)
	rest := bl.used >> r.i >> 1
	if rest != 0 {
		return rung{r.block, r.i + 1 + uint8(bits.TrailingZeros32(rest))}
	}
	h := l.blockFrom(bl.no + 1)
	if h == 0 {
		return rung{}
	}
	return rung{h, uint8(bits.TrailingZeros32(l.blocks.At(h).used))}
}

// at returns the level of a rung and its key.
func (l *ladder) at(r rung) (int64, *level) {
	bl := l.blocks.At(r.block)
	return bl.no<<blockBits | int64(r.i), &bl.levels[r.i]
}
