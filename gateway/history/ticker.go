package history

import (
	"encoding/binary"
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

// candleCache holds every instrument's running candles, one of each interval, so that a batch writes a candle once however
// many trades it has.
type candleCache struct {
	of    map[wire.InstrumentID]*running
	dirty []*running
}

// running is an instrument's latest candles.
type running struct {
	instrument wire.InstrumentID
	candles    [candles.Count]candles.Candle // Trades 0: not known
	dirty      bool
	changed    [candles.Count]bool
}

// add takes in a trade. Candles that end with it are written at once.
func (c *candleCache) add(s *Store, m *wire.Trade, ns int64, write func(wire.InstrumentID, candles.Interval, *candles.Candle)) error {
	r := c.of[m.Instrument]
	if r == nil {
		if c.of == nil {
			c.of = map[wire.InstrumentID]*running{}
		}
		r = &running{instrument: m.Instrument}
		c.of[m.Instrument] = r
	}
	if !r.dirty {
		r.dirty = true
		c.dirty = append(c.dirty, r)
	}
	for _, iv := range candles.Intervals() {
		i, start := iv.Index(), iv.Start(ns)
		if k := &r.candles[i]; k.Trades == 0 || k.StartNs != start {
			if r.changed[i] {
				write(m.Instrument, iv, k)
			}
			found, err := s.candle(m.Instrument, iv, start)
			if err != nil {
				return err
			}
			*k = found
		}
		r.candles[i].Add(m.Price, m.Qty, m.Notional)
		r.changed[i] = true
	}
	return nil
}

// flush writes the candles that have changed.
func (c *candleCache) flush(write func(wire.InstrumentID, candles.Interval, *candles.Candle)) {
	for _, r := range c.dirty {
		for i := range r.candles {
			if r.changed[i] {
				write(r.instrument, candles.Interval(i+1), &r.candles[i])
			}
		}
		r.dirty, r.changed = false, [candles.Count]bool{}
	}
	c.dirty = c.dirty[:0]
}

func (w *writer) setCandle(in wire.InstrumentID, iv candles.Interval, c *candles.Candle) {
	w.set(candleKey(w.key(tagCandle), in, iv).u64(uint64(c.StartNs)), appendCandle(w.v[:0], c))
}

// candleKey continues a key up to the interval.
func candleKey(k key, in wire.InstrumentID, iv candles.Interval) key {
	return append(k.u32(uint32(in)), byte(iv))
}

// candle returns the stored candle of a bucket, an empty one where there is none.
func (s *Store) candle(in wire.InstrumentID, iv candles.Interval, start int64) (candles.Candle, error) {
	v, ok, err := s.get(candleKey(newKey(tagCandle), in, iv).u64(uint64(start)))
	if err != nil || !ok {
		return candles.Candle{StartNs: start}, err
	}
	return parseCandle(start, v)
}

func appendCandle(v []byte, c *candles.Candle) []byte {
	v = binary.AppendUvarint(v, uint64(c.Open))
	for _, p := range [...]wire.Price{c.High, c.Low, c.Close} {
		v = binary.AppendVarint(v, int64(p-c.Open))
	}
	v = appendShort(v, c.Volume)
	v = appendShort(v, c.Notional)
	return binary.AppendUvarint(v, c.Trades)
}

func parseCandle(start int64, value []byte) (candles.Candle, error) {
	f := fields{b: value}
	c := candles.Candle{StartNs: start, Open: wire.Price(f.uvarint())}
	for _, p := range [...]*wire.Price{&c.High, &c.Low, &c.Close} {
		*p = c.Open + wire.Price(f.varint())
	}
	c.Volume, c.Notional, c.Trades = f.short(), f.short(), f.uvarint()
	f.bad = f.bad || c.Trades == 0
	return c, f.err(fmt.Sprintf("candle of %d", start))
}

func (f *fields) varint() int64 {
	n, size := binary.Varint(f.b)
	if size <= 0 {
		f.bad = true
		return 0
	}
	f.b = f.b[size:]
	return n
}
