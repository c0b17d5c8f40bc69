package ring

import (
	"slices"
	"sync"
	"sync/atomic"
)

// The places of a Broadcast come in blocks: an overrun lossy reader loses whole blocks, and the producer waits until
// lossless readers have left the whole block that it is about to turn over.
const (
	maxBlock     = 256
	fewBlocks    = 16 // a small ring has at least so many blocks, capacity permitting
	resumeBehind = 2  // an overrun reader goes on at capacity/resumeBehind behind the producer, so that it is not overrun again at once
)

// Broadcast hands every value of one producer to every reader. Lossless readers hold the producer up when the ring is
// full; lossy readers are overrun and told. Numbers of values start at 0 and count what was ever published.
type Broadcast[T any] struct {
	_         pad
	published atomic.Uint64 // values below this number can be read
	_         pad
	readers   atomic.Pointer[[]*Reader[T]] // replaced, never changed
	closed    atomic.Bool
	_         pad

	sleep parker // the producer, when it waits for lossless readers

	// The producer's own.
	next    uint64 // number of the next value
	limit   uint64 // a block may be turned over when its new values are all below this number
	retired []*block[T]

	blocks    []atomic.Pointer[block[T]]
	blockSize uint64
	capacity  uint64

	change sync.Mutex // attaching and detaching readers, closing
	stop   chan struct{}
}

// NewBroadcast returns an empty ring. The capacity is a power of two, at least 2; anything else panics.
func NewBroadcast[T any](capacity int) *Broadcast[T] {
	checkCapacity(capacity)
	size := min(max(capacity/fewBlocks, 1), maxBlock)
	b := &Broadcast[T]{
		sleep:     newParker(),
		blocks:    make([]atomic.Pointer[block[T]], capacity/size),
		blockSize: uint64(size),
		capacity:  uint64(capacity),
		stop:      make(chan struct{}),
	}
	for i := range b.blocks {
		b.blocks[i].Store(newBlock[T](size))
	}
	b.readers.Store(&[]*Reader[T]{})
	return b
}

// Publish appends the values, in pieces where they are more than what is free, and wakes readers that sleep. It waits
// for lossless readers only. One goroutine at a time calls it. What is published after Close, or is still waiting for
// room at Close, is dropped.
func (b *Broadcast[T]) Publish(vs []T) {
	for len(vs) > 0 {
		if b.closed.Load() {
			return
		}
		at := b.next % b.blockSize
		if at == 0 && !b.turnOver() {
			return
		}
		k := b.block(b.next).Load()
		n := copy(k.values[at:], vs)
		vs = vs[n:]
		b.next += uint64(n)
		b.published.Store(b.next)
		for _, r := range *b.readers.Load() {
			r.sleep.wake()
		}
	}
}

// turnOver makes the block for the next value ready. It returns false when the ring was closed before there was room.
func (b *Broadcast[T]) turnOver() bool {
	if b.next+b.blockSize > b.limit && !b.hasRoom() && !b.sleep.await(b.stop, b.hasRoom) {
		return false
	}
	p := b.block(b.next)
	k := p.Load()
	if k.turn(b.next) {
		return true
	}
	// A lossy reader is copying from it. It keeps the block; another takes its place.
	b.retired = append(b.retired, k)
	p.Store(b.spare())
	return true
}

// spare returns a retired block that nobody has pinned any more, or a new one, ready for the next value.
func (b *Broadcast[T]) spare() *block[T] {
	for i, k := range b.retired {
		if k.turn(b.next) {
			b.retired = slices.Delete(b.retired, i, i+1)
			return k
		}
	}
	k := newBlock[T](int(b.blockSize))
	k.turn(b.next)
	return k
}

// hasRoom reports whether every lossless reader has left the block that comes next, and works out the limit anew.
//
// A reader that attaches while this runs is safe: it starts at what was published after it was listed, which is not
// below next, and the limit is never more than the capacity above next.
func (b *Broadcast[T]) hasRoom() bool {
	low := b.next
	for _, r := range *b.readers.Load() {
		if r.lossless {
			low = min(low, r.cursor.Load())
		}
	}
	b.limit = low + b.capacity
	return b.next+b.blockSize <= b.limit
}

// block returns the place of the block that holds, or will hold, value number n.
func (b *Broadcast[T]) block(n uint64) *atomic.Pointer[block[T]] {
	return &b.blocks[n/b.blockSize%uint64(len(b.blocks))]
}

// Close ends the ring: readers get what was published and then ok=false; a Publish that waits for room returns. It may
// be called by any goroutine, more than once.
func (b *Broadcast[T]) Close() {
	b.change.Lock()
	defer b.change.Unlock()
	if b.closed.Swap(true) {
		return
	}
	close(b.stop)
	for _, r := range *b.readers.Load() {
		r.sleep.wake()
	}
}

// Published returns how many values were ever published. Any goroutine may call it.
func (b *Broadcast[T]) Published() uint64 { return b.published.Load() }

// Cap returns the capacity.
func (b *Broadcast[T]) Cap() int { return int(b.capacity) }

// Slowest returns the lossless reader that is furthest behind, and the number of the value that it reads next; nil where
// none is behind. Any goroutine may call it.
func (b *Broadcast[T]) Slowest() (slowest *Reader[T], at uint64) {
	at = b.published.Load()
	for _, r := range *b.readers.Load() {
		if cursor := r.cursor.Load(); r.lossless && cursor < at {
			slowest, at = r, cursor
		}
	}
	return slowest, at
}

// LosslessLag returns by how many values the slowest lossless reader is behind; 0 when there is none. Any goroutine may
// call it. Admission answers "busy" when it passes half the capacity.
func (b *Broadcast[T]) LosslessLag() uint64 {
	var lag uint64
	for _, r := range *b.readers.Load() {
		if r.lossless {
			lag = max(lag, r.Lag())
		}
	}
	return lag
}
