package candles

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

type trade struct {
	ns int64
	p  wire.Price
	q  wire.Qty
	n  wire.Amount
}

// randomTrades gives trades in bursts, with pauses from nothing to days.
func randomTrades(r *rand.Rand, n int) []trade {
	pauses := []time.Duration{0, time.Millisecond, time.Second, time.Minute, time.Hour, 26 * time.Hour}
	ts := make([]trade, n)
	at := r.Int64N(int64(3 * 24 * time.Hour))
	for i := range ts {
		at += r.Int64N(int64(pauses[r.IntN(len(pauses))]) + 1)
		p, q := wire.Price(1+r.IntN(1000)), wire.Qty(1+r.Int64N(math.MaxInt64>>r.IntN(60)))
		ts[i] = trade{at, p, q, amount.Product(uint64(p), uint64(q))}
	}
	return ts
}

// naive makes a candle of trades in the simplest way.
func naive(start int64, ts []trade) (c Candle) {
	c.StartNs = start
	for i, t := range ts {
		if i == 0 {
			c.Open, c.Low = t.p, t.p
		}
		c.High, c.Low, c.Close = max(c.High, t.p), min(c.Low, t.p), t.p
		c.Volume = c.Volume.MustAdd(wire.Amount{Lo: uint64(t.q)})
		c.Notional = c.Notional.MustAdd(t.n)
		c.Trades++
	}
	return c
}

func between(ts []trade, from, to int64) []trade {
	return slices.DeleteFunc(slices.Clone(ts), func(t trade) bool { return t.ns < from || t.ns >= to })
}

// Candles of every interval are what a walk over the trades of each bucket gives, and small ones add up to great ones.
func TestAgainstTrades(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		ts := randomTrades(r, 400)
		var small []Candle
		for _, iv := range Intervals() {
			got := map[int64]*Candle{}
			for _, x := range ts {
				start := iv.Start(x.ns)
				if x.ns < start || x.ns >= iv.End(start) || start%int64(iv.Duration()) != 0 {
					t.Fatalf("%v: %d is put into the bucket of %d", iv, x.ns, start)
				}
				if got[start] == nil {
					got[start] = &Candle{StartNs: start}
				}
				got[start].Add(x.p, x.q, x.n)
			}
			merged := map[int64]*Candle{}
			for i := range small {
				start := iv.Start(small[i].StartNs)
				if merged[start] == nil {
					merged[start] = &Candle{StartNs: start}
				}
				merged[start].Merge(&small[i])
			}
			for start, c := range got {
				if want := naive(start, between(ts, start, iv.End(start))); *c != want {
					t.Fatalf("%v: %+v, want %+v", iv, *c, want)
				}
			}
			if iv == S1 {
				for _, c := range got {
					small = append(small, *c)
				}
				slices.SortFunc(small, func(a, b Candle) int { return int(a.StartNs/1e6 - b.StartNs/1e6) })
			} else if !reflect.DeepEqual(merged, got) {
				t.Fatalf("%v: the seconds do not add up to it", iv)
			}
		}
	}
}

// The window says at every moment what a walk over all trades says, however it came to that moment.
func TestDay(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		ts := randomTrades(r, 300)
		var d Day
		for i, x := range ts {
			d.Add(x.ns, x.p, x.q, x.n)
			now := x.ns
			if r.IntN(3) == 0 && i+1 < len(ts) {
				now += r.Int64N(ts[i+1].ns - now + 1)
				d.Advance(now)
			}
			want := windowed(ts[:i+1], now)
			if got := d.Statistics(); got != want {
				t.Fatalf("after trade %d: %+v, want %+v", i, got, want)
			}
			var minutes []Candle
			for _, x := range ts[:i+1] {
				if n := len(minutes); n == 0 || minutes[n-1].StartNs != M1.Start(x.ns) {
					minutes = append(minutes, Candle{StartNs: M1.Start(x.ns)})
				}
				minutes[len(minutes)-1].Add(x.p, x.q, x.n)
			}
			var again Day
			again.Load(minutes, x.p, now)
			if got := again.Statistics(); got != want {
				t.Fatalf("loaded after trade %d: %+v, want %+v", i, got, want)
			}
		}
	}
}

func windowed(ts []trade, now int64) Statistics {
	from := M1.Start(now) - int64(24*time.Hour)
	c := naive(0, between(ts, from, math.MaxInt64))
	return Statistics{c.Open, c.High, c.Low, ts[len(ts)-1].p, c.Volume, c.Notional, c.Trades, from}
}

// A window is left minute by minute, and says when something has left it.
func TestDayAdvances(t *testing.T) {
	day, minute := int64(24*time.Hour), int64(time.Minute)
	var d Day
	d.Add(10*day+1, 5, 7, wire.Amount{Lo: 35})
	for _, c := range []struct {
		at      int64
		changed bool
		trades  uint64
	}{{10*day + 30*minute, false, 1}, {11*day + minute - 1, false, 1}, {11*day + minute, true, 0}, {11*day + minute, false, 0}, {10 * day, false, 0}} {
		if changed := d.Advance(c.at); changed != c.changed || d.Statistics().Trades != c.trades {
			t.Errorf("at %d: changed %v, %+v", c.at, changed, d.Statistics())
		}
	}
	if s := d.Statistics(); s != (Statistics{Last: 5, FromNs: 10*day + minute}) {
		t.Errorf("an empty window: %+v", s)
	}
	d.Add(11*day, 6, 1, wire.Amount{Lo: 6}) // a trade of the past counts into the minute that runs
	if s := d.Statistics(); s.Trades != 1 || s.Last != 6 {
		t.Errorf("%+v", s)
	}
}

// Sums beyond 128 bits stay at the greatest amount.
func TestGreatest(t *testing.T) {
	most := wire.Amount{Hi: math.MaxUint64, Lo: math.MaxUint64}
	c := Candle{Volume: most, Notional: most, Trades: 1, Open: 1, High: 1, Low: 1, Close: 1}
	c.Add(1, math.MaxInt64, wire.Amount{Lo: 1})
	if c.Volume != most || c.Notional != most || c.Trades != 2 {
		t.Errorf("%+v", c)
	}
}

func TestNames(t *testing.T) {
	for i, iv := range Intervals() {
		got, ok := Parse(iv.String())
		if !ok || got != iv || !iv.Valid() || iv.Index() != i {
			t.Errorf("%v: %v, %v", iv, got, ok)
		}
		if i > 0 && Intervals()[i-1].Duration() >= iv.Duration() {
			t.Errorf("%v is not longer than the one before it", iv)
		}
	}
	for _, name := range []string{"", "1", "2m", "1S", "invalid"} {
		if iv, ok := Parse(name); ok {
			t.Errorf("%q is %v", name, iv)
		}
	}
	if Interval(0).Valid() || Interval(Count+1).Valid() || Interval(0).String() != "invalid" {
		t.Error("there is an interval 0")
	}
	if S5.Start(-1) != -int64(5*time.Second) || H1.Start(-int64(time.Hour)) != -int64(time.Hour) {
		t.Error("times before the epoch are put into the wrong bucket")
	}
}

func BenchmarkDayStatistics(b *testing.B) {
	var d Day
	for i := range int64(Minutes + 1) {
		d.Add(i*int64(time.Minute), wire.Price(i%100+1), 1, wire.Amount{Lo: 1})
	}
	for b.Loop() {
		d.Statistics()
	}
}
