package replication

import (
	"sync"
	"time"
)

// paceSlack is how far two entries may be apart in how they tell the time and be of one pace, and how long it must have been told.
const paceSlack = time.Second

// pace is what a node that follows learns of the venue's time: an entry that comes as it is made tells what time it is. One that
// comes late tells too little, so the greatest counts; and since all may have been late, it counts only when others have told the
// same for a while. A node whose own clock went wrong while it followed finds it by that when it begins to lead.
type pace struct {
	mu     sync.Mutex
	told   bool
	offset int64         // greatest difference of an entry's time and the monotonic clock, ns
	since  time.Duration // on the monotonic clock: when that was told first
	sure   bool
}

// note takes the time of an entry that was applied just now.
func (p *pace) note(ns int64, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch o := ns - int64(elapsed); {
	case !p.told || o > p.offset+int64(paceSlack):
		p.told, p.offset, p.since, p.sure = true, o, elapsed, false
	case o > p.offset-int64(paceSlack):
		p.offset = max(p.offset, o)
		p.sure = p.sure || elapsed-p.since >= paceSlack
	}
}

// at returns the venue's time at a moment of the monotonic clock, and false where it is not known.
func (p *pace) at(elapsed time.Duration) (ns int64, sure bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offset + int64(elapsed), p.sure
}
