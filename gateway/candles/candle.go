package candles

import (
	"math"

	"uncross/engine/wire"
)

// Candle is what traded in one bucket. The zero Candle has no trades.
type Candle struct {
	StartNs                int64 // beginning of the bucket, nanoseconds since the Unix epoch
	Open, High, Low, Close wire.Price
	Volume                 wire.Amount // lots
	Notional               wire.Amount // smallest units of the quote asset
	Trades                 uint64
}

// Add takes in a trade that came after those that the candle has.
func (c *Candle) Add(p wire.Price, q wire.Qty, n wire.Amount) {
	if c.Trades == 0 {
		c.Open, c.High, c.Low = p, p, p
	}
	c.High, c.Low, c.Close = max(c.High, p), min(c.Low, p), p
	c.Volume = sum(c.Volume, wire.Amount{Lo: uint64(q)})
	c.Notional = sum(c.Notional, n)
	c.Trades++
}

// Merge takes in a candle of a later piece of time.
func (c *Candle) Merge(later *Candle) {
	if later.Trades == 0 {
		return
	}
	if c.Trades == 0 {
		c.Open, c.High, c.Low = later.Open, later.High, later.Low
	}
	c.High, c.Low, c.Close = max(c.High, later.High), min(c.Low, later.Low), later.Close
	c.Volume, c.Notional = sum(c.Volume, later.Volume), sum(c.Notional, later.Notional)
	c.Trades += later.Trades
}

// sum stays at the greatest amount where it is beyond it: no client can stop the venue with a number.
func sum(a, b wire.Amount) wire.Amount {
	s, ok := a.Add(b)
	if !ok {
		return wire.Amount{Hi: math.MaxUint64, Lo: math.MaxUint64}
	}
	return s
}
