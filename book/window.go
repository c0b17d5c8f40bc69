package book

import (
	"math/bits"

	"uncross/internal/slab"
)

const (
	windowBlocks = 1024              // blocks that a window can hold: 16,384 prices
	windowWords  = windowBlocks / 64 // words of its bitmap; the summary has one bit for each
	windowBefore = windowBlocks / 4  // blocks kept on the better side of the touch when the window has settled
	calmBefore   = windowBefore / 2  // the touch may come so near to the better end …
	calmBehind   = windowBefore * 2  // … and so far from it before the window moves
	windowSteps  = 4                 // blocks that the window may move with one change of the book
)

// window finds blocks by number in a ring of places: block no is in place no mod windowBlocks. It never holds blocks whose
// numbers are windowBlocks or more apart. A bitmap of two levels says which places are used.
type window struct {
	places  [windowBlocks]slab.Handle
	used    [windowWords]uint64
	summary uint16 // bit w: used[w] is not 0
}

func (w *window) get(no int64) slab.Handle { return w.places[no&(windowBlocks-1)] }

func (w *window) set(no int64, h slab.Handle) {
	i := uint64(no) & (windowBlocks - 1)
	w.places[i] = h
	w.used[i/64] |= 1 << (i % 64)
	w.summary |= 1 << (i / 64)
}

func (w *window) clear(no int64) {
	i := uint64(no) & (windowBlocks - 1)
	w.places[i] = 0
	w.used[i/64] &^= 1 << (i % 64)
	if w.used[i/64] == 0 {
		w.summary &^= 1 << (i / 64)
	}
}

// next returns the number of the first used place at or after that of block no, going round the ring once and counting up
// from no. A number beyond the window's end stands for a block before no.
func (w *window) next(no int64) (int64, bool) {
	i := uint64(no) & (windowBlocks - 1)
	word := i / 64
	if m := w.used[word] >> (i % 64); m != 0 {
		return no + int64(bits.TrailingZeros64(m)), true
	}
	turned := bits.RotateLeft16(w.summary, -int(word+1))
	if turned == 0 {
		return 0, false
	}
	word = (word + 1 + uint64(bits.TrailingZeros16(turned))) % windowWords
	j := word*64 + uint64(bits.TrailingZeros64(w.used[word]))
	return no + int64((j-i)&(windowBlocks-1)), true
}

// place puts the window of a ladder without levels around block no.
func (l *ladder) place(no int64) {
	if l.win == nil {
		l.win = new(window)
	}
	l.lo = no - windowBefore
	l.hi = l.lo + windowBlocks
	l.calmLo, l.calmHi = l.lo+calmBefore, l.lo+calmBehind
}

// follow moves the window towards the touch where that has gone too near to an end of it. Each call does a bounded amount of
// work; what the window holds in between is always right.
func (l *ladder) follow() {
	no := l.best >> blockBits
	if no < l.calmLo || no > l.calmHi {
		if l.levels > 0 {
			l.shift(no)
		}
	}
}

// shift takes a few steps towards the window that suits a touch in block no. All blocks before that one are empty, so the
// window may end or begin anywhere among them at no cost.
func (l *ladder) shift(no int64) {
	lo := no - windowBefore
	hi := lo + windowBlocks
	if l.lo < lo {
		l.lo, l.hi = lo, max(l.hi, no)
	}
	for range windowSteps {
		switch {
		case l.lo >= hi: // the touch is far before the window: take that down, then begin anew
			if !l.evictFirst() {
				l.lo, l.hi = lo, no
			}
		case l.hi > hi:
			l.hi--
			l.evict(l.hi)
		case l.lo > no:
			l.lo--
			l.admit(l.lo)
		case l.hi < hi:
			l.admit(l.hi)
			l.hi++
		default:
			l.lo = lo
			l.calmLo, l.calmHi = lo+calmBefore, lo+calmBehind
			return
		}
	}
	if l.lo <= no {
		l.lo = max(lo, l.hi-windowBlocks)
	}
	l.calmLo, l.calmHi = 1, 0 // not there yet: go on with the next change
}

// evictFirst moves the window's first block to the tree, and the window's start behind it; false if the window has none.
func (l *ladder) evictFirst() bool {
	no, ok := l.win.next(l.lo)
	if !ok || no >= l.hi {
		return false
	}
	l.evict(no)
	l.lo = no + 1
	return true
}

// evict moves block no, if there is one, from the window to the tree.
func (l *ladder) evict(no int64) {
	if h := l.win.get(no); h != 0 {
		l.win.clear(no)
		l.tree.ReplaceOrInsert(far{no: no, block: h})
	}
}

// admit moves block no, if there is one, from the tree to the window.
func (l *ladder) admit(no int64) {
	if l.tree.Len() == 0 {
		return
	}
	if f, ok := l.tree.Get(far{no: no}); ok {
		l.tree.Delete(f)
		l.win.set(no, f.block)
	}
}
