package candles

import "uncross/engine/wire"

// Minutes is how many whole minutes a Day's window has, before the one that runs.
const Minutes = 24 * 60

// Day is the rolling window of the last 24 hours: the minute that runs and the 1,440 before it. It moves on by whole
// minutes, so that it is the same for everybody who has seen the same trades and the same minute. The zero Day is empty;
// its memory grows with the minutes that have trades.
type Day struct {
	minutes []Candle // in the window, with trades, oldest first
	nowNs   int64    // beginning of the minute that runs
	last    wire.Price
}

// Statistics is what the window says.
type Statistics struct {
	Open, High, Low wire.Price // 0: no trade in the window
	Last            wire.Price // of the last trade there ever was; 0: none
	Volume          wire.Amount
	Notional        wire.Amount
	Trades          uint64
	FromNs          int64 // beginning of the window
}

// Load replaces everything by minute candles, oldest first, and the price of the last trade there ever was (0: none).
// Candles that are not in the window of the time are left out.
func (d *Day) Load(minutes []Candle, last wire.Price, nowNs int64) {
	*d = Day{minutes: append([]Candle(nil), minutes...), nowNs: M1.Start(nowNs), last: last}
	if n := len(minutes); n > 0 {
		d.nowNs = max(d.nowNs, minutes[n-1].StartNs)
		d.last = minutes[n-1].Close
	}
	d.leave()
}

// Add takes in a trade. Times do not run back: a trade from before the minute that runs counts into the latest one.
func (d *Day) Add(ns int64, p wire.Price, q wire.Qty, n wire.Amount) {
	d.Advance(ns)
	if k := len(d.minutes); k == 0 || d.minutes[k-1].StartNs != d.nowNs {
		d.minutes = append(d.minutes, Candle{StartNs: d.nowNs})
	}
	d.minutes[len(d.minutes)-1].Add(p, q, n)
	d.last = p
}

// Advance moves the window on to a time, and reports whether a trade has left it. A time that is past changes nothing.
func (d *Day) Advance(nowNs int64) (changed bool) {
	now := M1.Start(nowNs)
	if now <= d.nowNs {
		return false
	}
	d.nowNs = now
	return d.leave()
}

// leave lets go of the minutes that are before the window, and reports whether there were any.
func (d *Day) leave() bool {
	out, from := 0, d.from()
	for out < len(d.minutes) && d.minutes[out].StartNs < from {
		out++
	}
	d.minutes = append(d.minutes[:0], d.minutes[out:]...)
	return out > 0
}

func (d *Day) from() int64 { return d.nowNs - Minutes*int64(M1.Duration()) }

// Statistics adds up the window.
func (d *Day) Statistics() Statistics {
	var c Candle
	for i := range d.minutes {
		c.Merge(&d.minutes[i])
	}
	return Statistics{
		Open: c.Open, High: c.High, Low: c.Low, Last: d.last, Volume: c.Volume, Notional: c.Notional, Trades: c.Trades, FromNs: d.from(),
	}
}
