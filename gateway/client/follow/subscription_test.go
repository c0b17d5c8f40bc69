package follow

import (
	"strings"
	"testing"
)

func TestParseSubscription(t *testing.T) {
	for text, want := range map[string]Subscription{
		"book:BTC-USD":            {Channel: "book", Symbol: "BTC-USD"},
		"bbo:*":                   {Channel: "bbo", Symbol: "*"},
		"orders:A@B":              {Channel: "orders", Symbol: "A@B"},
		"candles:A:B:1m":          {Channel: "candles", Symbol: "A:B", Interval: "1m"},
		"trades:X@0":              {Channel: "trades", Symbol: "X", After: "0"},
		"executions:alice":        {Channel: "executions", Account: "alice"},
		"balances:a/b 1@12.7":     {Channel: "balances", Account: "a/b 1", After: "12.7"},
		"executions:x@5.00000001": {Channel: "executions", Account: "x", After: "5.00000001"},
	} {
		got, err := ParseSubscription(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%s comes back as %s", text, got)
		}
	}
	for text, says := range map[string]string{
		"":                "no such channel",
		"book":            "missing",
		"book:":           "missing",
		"quotes:X":        "no such channel",
		"candles:X":       "interval",
		"candles:X:":      "interval",
		"candles::1m":     "interval",
		"trades:X@":       "behind the @",
		"trades:X@1.0":    "behind the @",
		"executions:x@17": "behind the @",
		"balances:x@1.-1": "behind the @",
	} {
		if s, err := ParseSubscription(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestEventID(t *testing.T) {
	a, b := EventID{5, 0}, EventID{5, 1}
	if !a.Before(b) || b.Before(a) || a.Before(a) || !b.Before(EventID{6, 0}) {
		t.Error("the order is wrong")
	}
	if b.just() != a || a.just() != (EventID{4, 1<<32 - 1}) || (EventID{}).just() != (EventID{}) {
		t.Error("what is just before is wrong")
	}
}

// TestPlace walks through events of which one has two messages, with the connection lost between them.
func TestPlace(t *testing.T) {
	at := func(c uint64, o uint32) *Message { return &Message{Event: EventID{c, o}} }
	p := place{after: "3.0"}
	take := func(m *Message, want bool) {
		t.Helper()
		if fresh, err := p.take(m); err != nil || fresh != want {
			t.Errorf("%v: %v, %v", m.Event, fresh, err)
		}
	}
	if p.resume() != "3.0" {
		t.Error("it does not begin where it is told")
	}
	take(at(4, 2), true)
	take(at(7, 1), true)
	if r := p.resume(); r != "7.0" {
		t.Errorf("it goes on at %s", r)
	}
	take(at(7, 1), false)
	take(at(7, 1), true) // the other side of it
	take(at(9, 0), true)
	if _, err := p.take(at(8, 0)); err == nil {
		t.Error("an event of before is taken")
	}
	if r := p.resume(); r != "8.4294967295" {
		t.Errorf("it goes on at %s", r)
	}
	take(at(12, 0), true) // the venue has forgotten 9.0
	take(&Message{Snapshot: true, Event: EventID{20, 3}}, true)
	if r := p.resume(); r != "20.3" {
		t.Errorf("after a snapshot it goes on at %s", r)
	}
}
