package replication

import (
	"errors"
	"slices"
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

// TestWrongClockHandsOn: a node whose clock is six days ahead follows for a while and is then made the leader. It refuses what it is
// given, and the leadership goes to one whose clock is right; no time of that clock comes into the log.
func TestWrongClockHandsOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		begin := time.Now()
		k.change = func(cfg *Config) {
			ahead := time.Duration(0)
			if cfg.NodeID == "b" {
				ahead = 6 * 24 * time.Hour
			}
			cfg.Clock = func() int64 { return noon + int64(time.Since(begin)+ahead) }
		}
		l := k.startAll()
		wrong := k.all["b"]
		if l == wrong { // before anything is stamped
			if err := l.Transfer(""); err != nil {
				t.Fatal(err)
			}
			l = k.leader(wrong)
		}
		commands := dayOf(1, 200)
		for batch := range slices.Chunk(commands[:150], 30) {
			k.carry(l, batch)
			time.Sleep(time.Second)
		}
		if err := l.Transfer(wrong.id); err != nil {
			t.Fatal(err)
		}
		await(t, "the node with the wrong clock to lead", wrong.Leading)
		submit(t, wrong.Node, commands[150:160])
		await(t, "the refusals", func() bool { return wrong.told.count(ErrClockJump) == 10 })
		l = k.leader(wrong)
		k.carry(l, commands[150:180])
		// And once more, when it is made the leader again.
		time.Sleep(time.Minute)
		if err := l.Transfer(wrong.id); err != nil {
			t.Fatal(err)
		}
		await(t, "the node with the wrong clock to lead", wrong.Leading)
		submit(t, wrong.Node, commands[180:190])
		await(t, "the refusals", func() bool { return wrong.told.count(ErrClockJump) == 20 })
		l = k.leader(wrong)
		k.carry(l, commands[180:])
		k.everywhere(200)
		if now, most := l.Status().TimeNs, noon+int64(time.Since(begin)); now > most {
			t.Errorf("the venue's time is %s, and it is %s", utc(now), utc(most))
		}
	})
}
