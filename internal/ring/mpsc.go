package ring

import "sync/atomic"

// MPSC is a bounded queue with many producers and one consumer. No method but Wait ever blocks.
//
// A producer claims a place by moving tail, writes the value, and then marks the slot with its number; the consumer
// takes marked slots in order and moves head, which frees their places.
type MPSC[T any] struct {
	_     pad
	tail  atomic.Uint64 // number of the next place to claim
	_     pad
	head  atomic.Uint64 // number of the next value to take
	_     pad
	sleep parker // the consumer
	slots []slot[T]
	mask  uint64
	ready func() bool // made once, so that Wait does not allocate
}

// slot is one place; mark is the number of the value that is in it, plus one.
type slot[T any] struct {
	mark  atomic.Uint64
	value T
}

// NewMPSC returns an empty queue. The capacity is a power of two, at least 2; anything else panics.
func NewMPSC[T any](capacity int) *MPSC[T] {
	checkCapacity(capacity)
	q := &MPSC[T]{slots: make([]slot[T], capacity), mask: uint64(capacity - 1), sleep: newParker()}
	q.ready = q.available
	return q
}

// TryPush copies *v to the end of the queue and returns true, or returns false when fewer than reserve+1 places are
// free. With a reserve above zero for what may be refused, the last places are kept for what should be refused last.
// It never waits, and may be called by any number of goroutines.
func (q *MPSC[T]) TryPush(v *T, reserve int) bool {
	room := int64(len(q.slots) - reserve)
	var place uint64
	for {
		place = q.tail.Load()
		// Head only grows: when tail is still place below, no more places are in use than counted here.
		used := int64(place - q.head.Load())
		if used >= room {
			return false
		}
		if q.tail.CompareAndSwap(place, place+1) {
			break
		}
	}
	s := &q.slots[place&q.mask]
	s.value = *v
	s.mark.Store(place + 1)
	q.sleep.wake()
	return true
}

// Drain moves what is there, in order, up to len(dst) values, to dst and returns how many. Only the consumer calls it.
func (q *MPSC[T]) Drain(dst []T) int {
	head := q.head.Load()
	n := 0
	for n < len(dst) {
		s := &q.slots[(head+uint64(n))&q.mask]
		if s.mark.Load() != head+uint64(n)+1 {
			break
		}
		dst[n] = s.value
		n++
	}
	if n > 0 {
		q.head.Store(head + uint64(n))
	}
	return n
}

// Wait returns true when there is something to drain, and false when stop is closed, also when there is something left.
// It looks for a moment and then sleeps. Only the consumer calls it.
func (q *MPSC[T]) Wait(stop <-chan struct{}) bool {
	return !stopped(stop) && q.sleep.await(stop, q.ready)
}

// available reports whether the next value is there.
func (q *MPSC[T]) available() bool {
	head := q.head.Load()
	return q.slots[head&q.mask].mark.Load() == head+1
}

// Len returns the number of values in the queue, those counted in that are just being written.
func (q *MPSC[T]) Len() int {
	head := q.head.Load() // before tail, so that the difference is never negative
	return int(min(q.tail.Load()-head, uint64(len(q.slots))))
}

// Cap returns the capacity.
func (q *MPSC[T]) Cap() int { return len(q.slots) }
