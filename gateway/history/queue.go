package history

import (
	"sync"

	"uncross/engine/wire"
)

// queue is a bounded queue of events between one reader goroutine and one writer goroutine. Its memory is taken once.
type queue struct {
	mu     sync.Mutex
	filled sync.Cond
	freed  sync.Cond
	ring   []wire.Event
	head   int // next to take
	n      int
	closed bool
}

func newQueue(capacity int) *queue {
	q := &queue{ring: make([]wire.Event, capacity)}
	q.filled.L, q.freed.L = &q.mu, &q.mu
	return q
}

// put appends events, and waits where there is no room. It reports false when the queue has been closed.
func (q *queue) put(es []wire.Event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(es) > 0 {
		for q.n == len(q.ring) && !q.closed {
			q.freed.Wait()
		}
		if q.closed {
			return false
		}
		tail := (q.head + q.n) % len(q.ring)
		free := min(len(q.ring)-q.n, len(q.ring)-tail)
		m := copy(q.ring[tail:tail+free], es)
		q.n += m
		es = es[m:]
		q.filled.Signal()
	}
	return true
}

// take moves what is there to dst and waits where there is nothing. It reports false when the queue has been closed and
// is empty.
func (q *queue) take(dst []wire.Event) (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n == 0 && !q.closed {
		q.filled.Wait()
	}
	total := 0
	for q.n > 0 && total < len(dst) {
		m := copy(dst[total:], q.ring[q.head:min(q.head+q.n, len(q.ring))])
		q.head = (q.head + m) % len(q.ring)
		q.n -= m
		total += m
	}
	q.freed.Signal()
	return total, total > 0
}

// close lets take return what is left and then false, and put return false.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.filled.Broadcast()
	q.freed.Broadcast()
}
