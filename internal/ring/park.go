package ring

import (
	"runtime"
	"sync/atomic"
)

// How long one looks again before one sleeps: first looks alone, then looks that let other goroutines run. Together a
// few microseconds; an idle ring costs nothing after that.
const (
	spinLooks  = 64
	yieldLooks = 8
)

// parker puts one goroutine to sleep until others have work for it.
//
// The sleeper raises the flag and then looks for work once more; the waker makes the work visible and then looks at the
// flag. Atomics are sequentially consistent, so at least one of them sees the other: no wake-up is lost. The waker that
// takes the flag down sends the token; waking somebody who is awake is one atomic load.
type parker struct {
	asleep atomic.Bool
	_      pad
	token  chan struct{}
}

func newParker() parker { return parker{token: make(chan struct{}, 1)} }

// wake wakes the sleeper if there is one.
func (p *parker) wake() {
	if p.asleep.Load() && p.asleep.CompareAndSwap(true, false) {
		select {
		case p.token <- struct{}{}:
		default: // an unused token of an earlier wake-up is still there and does the same
		}
	}
}

// await returns true when ready returns true, and false when stop is closed. A nil stop never closes.
func (p *parker) await(stop <-chan struct{}, ready func() bool) bool {
	for {
		for i := range spinLooks + yieldLooks {
			if ready() {
				return true
			}
			if i >= spinLooks {
				runtime.Gosched()
			}
		}
		p.asleep.Store(true)
		if ready() {
			p.asleep.Store(false)
			return true
		}
		select {
		case <-p.token:
		case <-stop:
			p.asleep.Store(false)
			return false
		}
		p.asleep.Store(false)
	}
}

// stopped reports whether stop is closed.
func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}
