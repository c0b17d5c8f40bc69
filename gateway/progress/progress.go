// Package progress has a number that only grows and that others wait for: how far a reader of the venue's commands is.
package progress

import (
	"sync"
	"sync/atomic"
	"time"
)

// Number is a number that grows. The zero value is 0 and ready for use. One goroutine sets it, any may read and wait.
type Number struct {
	n atomic.Uint64

	mu      sync.Mutex
	changed chan struct{} // closed when the number is set next; nil: nobody waits
}

// Load returns the number.
func (p *Number) Load() uint64 { return p.n.Load() }

// Set changes the number and wakes those who wait.
func (p *Number) Set(n uint64) {
	p.n.Store(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// WaitFor waits until the number is at least n, for at most the given time, and reports whether it is.
func (p *Number) WaitFor(n uint64, timeout time.Duration) bool {
	if p.n.Load() >= n {
		return true
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		next := p.next()
		if p.n.Load() >= n {
			return true
		}
		select {
		case <-next:
		case <-timer.C:
			return p.n.Load() >= n
		}
	}
}

// next returns a channel that is closed when the number is set next.
func (p *Number) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}
