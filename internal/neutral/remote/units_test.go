package remote

import (
	"testing"
	"time"
)

// TestPrices holds that prices of the set and of the venue are told into each other.
func TestPrices(t *testing.T) {
	for _, c := range []struct {
		d     decimals
		price int64
		text  string
	}{{0, 54800, "54800"}, {4, 54800, "5.4800"}, {4, 1, "0.0001"}, {2, 100, "1.00"}, {9, 1_234_567_890_123, "1234.567890123"}} {
		if s := c.d.text(c.price); s != c.text {
			t.Errorf("%d with %d decimals is %s, expected %s", c.price, c.d, s, c.text)
		}
		if n, err := c.d.parse(c.text); n != c.price || err != nil {
			t.Errorf("%s with %d decimals is %d, %v", c.text, c.d, n, err)
		}
	}
	for _, s := range []string{"", "5", "5.48", ".4800", "5.48000", "54800", "5,4800", "x.4800"} {
		if n, err := decimals(4).parse(s); err == nil {
			t.Errorf("%q was read as %d", s, n)
		}
	}
	if p := decimals(4).power(12); p != "100000000" {
		t.Errorf("10^12 ticks of four decimals are %s", p)
	}
}

// TestPace holds when commands are due: in the recording's own proportions, with silences cut.
func TestPace(t *testing.T) {
	set := &Pace{Speed: 10, Silence: time.Minute}
	var p pacer
	start := p.due(set, 33_300_280)
	for _, c := range []struct {
		timeMs int64
		after  time.Duration
	}{
		{33_300_280, 0}, {33_300_380, 10 * time.Millisecond}, {33_310_380, 1010 * time.Millisecond},
		{33_310_380 + 90*60_000, 7010 * time.Millisecond}, // 90 minutes are as one
		{33_310_380 + 90*60_000 + 1000, 7110 * time.Millisecond},
	} {
		if d := p.due(set, c.timeMs).Sub(start); d != c.after {
			t.Errorf("%d ms is due after %v, expected %v", c.timeMs, d, c.after)
		}
	}
	var q pacer
	set.Speed = 0
	if a, b := q.due(set, 0), q.due(set, 1_000_000); !a.Equal(b) {
		t.Error("without a speed there is something to wait for")
	}
}
