package replication

import (
	"fmt"
	"sync/atomic"
	"time"
)

// diskLooks is how many times in its limit a watchdog looks: a disk that hangs ends the node after the limit and about one
// look more.
const diskLooks = 20

// diskOps is how many disk operations can be watched at once. Raft has one write, one removal, one stable write and a
// read by each replicator under way; what is above it goes unwatched while the others are not.
const diskOps = 16

// watchdog watches the operations of a store: one of the log's, another of the snapshots'. An operation that does not return
// can only be found from outside of it.
type watchdog struct {
	now     func() time.Duration
	limit   time.Duration
	starts  [diskOps]atomic.Int64 // by now, when the operation in the slot began; 0: the slot is free
	what    [diskOps]atomic.Pointer[string]
	slowest atomic.Int64 // ns; of all that have ended
}

// What the operations are called in messages.
var (
	opRead   = "reading the log"
	opWrite  = "writing the log"
	opRemove = "removing entries of the log"
	opStable = "writing raft's term or vote"
	opImage  = "writing a snapshot"
)

// begin notes the beginning of an operation and returns its slot.
func (w *watchdog) begin(what *string) int {
	at := max(int64(w.now()), 1)
	for i := range w.starts {
		if w.starts[i].Load() == 0 && w.starts[i].CompareAndSwap(0, at) {
			w.what[i].Store(what)
			return i
		}
	}
	return -1
}

// end notes the end of the operation in a slot.
func (w *watchdog) end(slot int) {
	if slot < 0 {
		return
	}
	took := int64(w.now()) - w.starts[slot].Load()
	w.starts[slot].Store(0)
	for {
		slowest := w.slowest.Load()
		if took <= slowest || w.slowest.CompareAndSwap(slowest, took) {
			return
		}
	}
}

// longest returns for how long the oldest operation is under way.
func (w *watchdog) longest() time.Duration {
	longest := time.Duration(0)
	for i := range w.starts {
		if at := w.starts[i].Load(); at != 0 {
			longest = max(longest, w.now()-time.Duration(at))
		}
	}
	return longest
}

// run calls fatal when an operation is under way for longer than the limit. Time alone is not believed: in a process that
// was stopped meanwhile every operation is old at once, and ends soon. It must have been there at so many looks, each a
// full pause after the one before, that they make the limit as well.
func (w *watchdog) run(stop <-chan struct{}, fatal func(error)) {
	var seen [diskOps]struct {
		at    int64 // when the operation in the slot began
		looks int   // at which it was there
	}
	for {
		select {
		case <-stop:
			return
		case <-time.After(w.limit / diskLooks):
		}
		for i := range w.starts {
			at, s := w.starts[i].Load(), &seen[i]
			if at == 0 || at != s.at {
				s.at, s.looks = at, 0
			}
			s.looks++
			if age := w.now() - time.Duration(at); at != 0 && s.looks > diskLooks && age > w.limit {
				fatal(fmt.Errorf("%w: %s has been under way for %s, more than %s are not waited for", ErrDisk, *w.what[i].Load(), age.Round(time.Millisecond), w.limit))
				return
			}
		}
	}
}
