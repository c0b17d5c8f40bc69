package replication

import (
	"errors"
	"testing"
	"time"
)

// TestPace: what comes late tells nothing, a moment tells nothing for sure, and what has been told for a while is known.
func TestPace(t *testing.T) {
	var p pace
	if _, sure := p.at(0); sure {
		t.Error("known from nothing")
	}
	at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	for i, step := range []struct {
		told, elapsed float64 // s, the first behind noon
		sure          bool
	}{
		{-7200, 10, false}, // what it has missed, two hours of it in a moment
		{-3600, 10.1, false},
		{-1, 10.2, false},
		{0, 11, false}, // as it is made
		{1, 12, true},
		{1.5, 20, true},    // late
		{3600, 30, false},  // an hour on: of a leader whose clock was set, or this one has missed it
		{3600.5, 31, true}, // and goes on so
	} {
		p.note(noon+int64(at(step.told)), at(step.elapsed))
		if _, sure := p.at(at(step.elapsed)); sure != step.sure {
			t.Errorf("step %d: sure is %v", i, sure)
		}
	}
	if ns, _ := p.at(at(91)); ns < noon+int64(at(3660)) || ns > noon+int64(at(3661)) {
		t.Errorf("a minute later it is %s", utc(ns))
	}
}

// TestClockWrongWhileFollowing: a node whose clock went wrong while it followed is not believed when it leads for the first time, as
// it would be at a start; one whose clock is right is.
func TestClockWrongWhileFollowing(t *testing.T) {
	for _, ahead := range []time.Duration{0, 5 * time.Minute, 11 * time.Minute, 6 * 24 * time.Hour} {
		var p pace
		for i := range 10 {
			p.note(noon+int64(time.Duration(i)*time.Second), time.Hour+time.Duration(i)*time.Second)
		}
		// It is quiet for a day, and then this node leads.
		quiet := 24 * time.Hour
		s := &stamper{
			clock:   func() int64 { return noon + int64(9*time.Second+quiet+ahead) },
			elapsed: func() time.Duration { return time.Hour + 9*time.Second + quiet },
			maxJump: DefaultMaxJump, maxPause: DefaultMaxPause, pace: &p,
		}
		s.begin(noon + int64(9*time.Second))
		now, err := s.now()
		if wrong := ahead > DefaultMaxJump; wrong != errors.Is(err, ErrClockJump) || !wrong && now != s.clock() {
			t.Errorf("%s ahead: %s, %v", ahead, utc(now), err)
		}
	}
}
