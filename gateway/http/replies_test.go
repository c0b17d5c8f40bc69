package http

import (
	"testing"
	"time"

	"uncross/engine/wire"
)

// TestRepliesAreOfThisProcess delivers what an earlier process of the same node had asked for: its numbers began at 1 too.
func TestRepliesAreOfThisProcess(t *testing.T) {
	r := newReplies(7, 10)
	p, o := r.expect()
	earlier := wire.Event{Seq: 5, Kind: wire.EvAccepted, Flags: wire.FlagLast, Origin: wire.Origin{Node: 9, Seq: o.Seq}}
	r.deliver(&earlier)
	own := earlier
	own.Origin, own.Flags = o, wire.FlagLast|wire.FlagImage
	r.deliver(&own)
	if len(p.events) != 0 || r.open.Load() != 1 {
		t.Fatalf("the request got %d events of another", len(p.events))
	}
	own.Flags = wire.FlagLast
	r.deliver(&own)
	if fired := r.wait(p, nil); fired || len(p.events) != 1 || p.events[0].Origin != o || r.seen.Load() != 5 || r.open.Load() != 0 {
		t.Errorf("the request got %+v", p)
	}
}

// TestUnknownIsNotTheTimer holds what the core says of one command apart from the time that all share.
func TestUnknownIsNotTheTimer(t *testing.T) {
	r := newReplies(7, 10)
	p, o := r.expect()
	r.refuse(o, OutcomeUnknown)
	if r.wait(p, nil) || p.refused != OutcomeUnknown {
		t.Errorf("the core's word: %+v", p)
	}
	timer := make(chan time.Time, 1)
	timer <- time.Time{}
	p, _ = r.expect()
	if !r.wait(p, timer) || p.refused != OutcomeUnknown || r.open.Load() != 0 {
		t.Errorf("the timer's: %+v", p)
	}
}
