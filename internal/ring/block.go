package ring

import "sync/atomic"

// block is a run of places of a Broadcast. A reader pins a block while it copies from it; the producer takes a block
// over for new values only when nobody has it pinned, and puts another one in its place when somebody has. So no value
// is ever written while it is read, and the producer never waits for a lossy reader.
type block[T any] struct {
	pins   atomic.Int64 // readers that copy from it; taken: the producer's alone
	base   uint64       // number of its first value; changes only while taken
	values []T
}

// taken is the state of a block that the producer turns over.
const taken = -1

func newBlock[T any](size int) *block[T] { return &block[T]{values: make([]T, size), base: ^uint64(0)} }

// pin keeps the producer from turning the block over. It returns false when the block does not hold the values from
// base on, or not for long.
func (k *block[T]) pin(base uint64) bool {
	for {
		n := k.pins.Load()
		if n == taken {
			return false
		}
		if k.pins.CompareAndSwap(n, n+1) {
			break
		}
	}
	if k.base != base {
		k.unpin()
		return false
	}
	return true
}

func (k *block[T]) unpin() { k.pins.Add(-1) }

// turn makes the block ready for the values from base on. It returns false when a reader has it pinned.
func (k *block[T]) turn(base uint64) bool {
	if !k.pins.CompareAndSwap(0, taken) {
		return false
	}
	k.base = base
	k.pins.Store(0)
	return true
}
