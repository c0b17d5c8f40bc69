package ring

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Reader is one reader of a Broadcast. Read is called by one goroutine at a time; Lag and Close by any.
type Reader[T any] struct {
	_      pad
	cursor atomic.Uint64 // number of the next value to read
	_      pad
	sleep  parker
	closed atomic.Bool

	b        *Broadcast[T]
	name     string
	lossless bool
	ready    func() bool // made once, so that Read does not allocate
}

// Reader attaches a reader, from the next published value on. A lossless reader holds the producer up when it is behind
// by the capacity; a lossy one is overrun. The name is for status pages. Any goroutine may call it, at any time.
func (b *Broadcast[T]) Reader(name string, lossless bool) *Reader[T] {
	r := &Reader[T]{b: b, name: name, lossless: lossless, sleep: newParker()}
	r.ready = r.available
	b.change.Lock()
	defer b.change.Unlock()
	// Listed first, then moved to what is published now: see hasRoom.
	r.cursor.Store(b.published.Load())
	all := append(slices.Clone(*b.readers.Load()), r)
	b.readers.Store(&all)
	r.cursor.Store(b.published.Load())
	return r
}

// Name returns the name that the reader was attached with.
func (r *Reader[T]) Name() string { return r.name }

// Lag returns how many values are published and not yet read.
func (r *Reader[T]) Lag() uint64 {
	cursor := r.cursor.Load() // before published, so that the difference is never negative
	return r.b.published.Load() - cursor
}

// Read copies the next values to dst, in order, up to len(dst), and returns how many. When there is none it looks for a
// moment and then sleeps until there is. lost is the number of values that this lossy reader missed just before dst[0],
// because it was overrun; a lossless reader misses none. ok is false, and nothing is read, when stop is closed (also
// when there is something left), when the reader is closed, and when the ring is closed and all of it has been read.
func (r *Reader[T]) Read(dst []T, stop <-chan struct{}) (n int, lost uint64, ok bool) {
	if len(dst) == 0 {
		panic("ring: Read with nowhere to put values")
	}
	if stopped(stop) {
		return 0, 0, false
	}
	for {
		if r.closed.Load() {
			return 0, lost, false
		}
		ended := r.b.closed.Load() // before published: what is published later than this is dropped or seen
		published := r.b.published.Load()
		if cursor := r.cursor.Load(); cursor < published {
			var skipped uint64
			n, skipped = r.take(dst, cursor, published)
			lost += skipped
			if n > 0 {
				return n, lost, true
			}
			continue
		}
		if ended {
			return 0, lost, false
		}
		if !r.sleep.await(stop, r.ready) {
			return 0, lost, false
		}
	}
}

// take copies values from cursor on, below published, and moves the cursor. When the value at the cursor is gone it
// copies nothing, moves the cursor towards the producer, and returns how many values that skips.
func (r *Reader[T]) take(dst []T, cursor, published uint64) (n int, skipped uint64) {
	b := r.b
	for n < len(dst) && cursor < published {
		at := cursor % b.blockSize
		k := b.block(cursor).Load()
		if !k.pin(cursor - at) {
			if n > 0 {
				break // the next Read tells the loss
			}
			return 0, r.skip(cursor)
		}
		end := min(b.blockSize, at+published-cursor)
		m := copy(dst[n:], k.values[at:end])
		k.unpin()
		n += m
		cursor += uint64(m)
	}
	r.moveTo(cursor)
	return n, 0
}

// skip moves an overrun reader half the capacity behind the producer and returns how many values it misses by that.
func (r *Reader[T]) skip(cursor uint64) uint64 {
	if r.lossless {
		panic(fmt.Sprintf("ring: the lossless reader %s was overrun at value %d", r.name, cursor))
	}
	published := r.b.published.Load()
	to := max(published-min(published, r.b.capacity/resumeBehind), cursor)
	r.moveTo(to)
	return to - cursor
}

func (r *Reader[T]) moveTo(cursor uint64) {
	r.cursor.Store(cursor)
	if r.lossless {
		r.b.sleep.wake()
	}
}

// available reports whether Read has something to say.
func (r *Reader[T]) available() bool {
	return r.cursor.Load() < r.b.published.Load() || r.b.closed.Load() || r.closed.Load()
}

// Close detaches the reader: the producer no longer waits for it, and a Read that sleeps returns with ok=false. It may
// be called more than once.
func (r *Reader[T]) Close() {
	r.b.change.Lock()
	defer r.b.change.Unlock()
	if r.closed.Swap(true) {
		return
	}
	all := slices.DeleteFunc(slices.Clone(*r.b.readers.Load()), func(o *Reader[T]) bool { return o == r })
	r.b.readers.Store(&all)
	r.sleep.wake()
	r.b.sleep.wake()
}
