package replication

import (
	"fmt"
	"time"
)

// stamper gives commands their time: the wall clock, never running backwards, and never believed when it is further
// ahead than it can be. A time that is in the log cannot be taken back, so that a clock gone wrong once would stand for
// ever. It belongs to the sequencer's goroutine.
type stamper struct {
	clock    func() int64
	elapsed  func() time.Duration
	maxJump  time.Duration
	maxPause time.Duration
	accept   bool // the operator's word for the next reading

	pace *pace // what other leaders have told of the time; nil: there are none

	last int64 // greatest time that was stamped or applied

	// A reading that was believed, and when it was on the monotonic clock.
	believed   bool
	wallNs     int64
	elapsedRef time.Duration
}

// begin tells the engine's time when this node starts to lead. One that has followed since it was started, and has stamped nothing
// yet, knows the time by others.
func (s *stamper) begin(engineNs int64) {
	s.last = max(s.last, engineNs)
	if s.believed || s.pace == nil {
		return
	}
	elapsed := s.elapsed()
	if ns, sure := s.pace.at(elapsed); sure {
		s.wallNs, s.elapsedRef, s.believed = ns, elapsed, true
	}
}

// now returns the time to stamp, or ErrClockJump with what was found.
func (s *stamper) now() (int64, error) {
	wall, elapsed := s.clock(), s.elapsed()
	var expect int64
	if s.believed {
		expect = s.wallNs + int64(elapsed-s.elapsedRef)
	}
	if !s.accept {
		switch {
		case s.believed && wall > max(expect, s.last)+int64(s.maxJump): // what other leaders have stamped is no jump
			return 0, fmt.Errorf("%w: it shows %s, %s more than has passed; at most %s is accepted without the operator's word",
				ErrClockJump, utc(wall), time.Duration(wall-expect), s.maxJump)
		case !s.believed && s.last > 0 && wall > s.last+int64(s.maxPause):
			return 0, fmt.Errorf("%w: it shows %s, the venue's last time is %s; a pause of more than %s needs the operator's word",
				ErrClockJump, utc(wall), utc(s.last), s.maxPause)
		}
		// A clock that went back is waited for: the reference stays, so that its return is no jump.
		wallOrExpect := max(wall, expect)
		s.wallNs, s.elapsedRef, s.believed = wallOrExpect, elapsed, true
	} else {
		s.wallNs, s.elapsedRef, s.believed = wall, elapsed, true
	}
	s.accept = false
	s.last = max(s.last, wall)
	return s.last, nil
}

func utc(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }

// handOnPause is how long a node whose clock is not believed waits before it hands the leadership on once more: the others' may be as
// wrong.
const handOnPause = 5 * time.Second

// handOn hands the leadership to a node whose clock may be right, when this one's is not believed. It does not wait. It belongs to the
// sequencer's goroutine.
func (n *Node) handOn() {
	if n.handed != 0 && n.now()-n.handed < handOnPause {
		return
	}
	n.handed = n.now()
	n.ending.Go(func() {
		if err := n.Transfer(""); err != nil {
			n.cfg.Logger.Warn("no other node took over from one whose clock is not believed", "reason", err)
		}
	})
}
