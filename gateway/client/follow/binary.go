package follow

import (
	"fmt"
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
)

// decodeBinary reads a message in the binary form.
func (d *decoder) decodeBinary(b []byte) (*Message, error) {
	c, err := compact.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("follow: %w", err)
	}
	in := d.byID[uint32(c.Instrument)]
	if in == nil {
		return nil, fmt.Errorf("follow: a message of instrument %d, which no answer has named", c.Instrument)
	}
	m := &Message{
		Channel: c.Channel.String(), Snapshot: c.Snapshot, Symbol: in.Symbol, Previous: c.Previous, Sequence: c.Sequence, TimeNs: c.TimeNs,
		Part: c.Part, Parts: c.Parts, Instrument: in, Binary: true, Raw: b,
	}
	if c.Summed {
		m.Checksum = &c.Checksum
	}
	if c.Interval != 0 {
		m.Interval = c.Interval.String()
	}
	m.fill(&c)
	if !m.written() {
		return nil, fmt.Errorf("follow: a message of %s has a price below 0", m.Channel)
	}
	return m, nil
}

// written reports whether all prices can be written: no venue has one below 0.
func (m *Message) written() bool {
	ok := m.Auction == nil || m.Auction.Price >= 0
	for _, levels := range [][]Level{m.Bids, m.Asks} {
		for i := range levels {
			ok = ok && levels[i].Price >= 0
		}
	}
	for i := range m.Changes {
		ok = ok && m.Changes[i].Price >= 0
	}
	for i := range m.Trades {
		ok = ok && m.Trades[i].Price >= 0
	}
	for i := range m.Candles {
		c := &m.Candles[i]
		ok = ok && min(c.Open, c.High, c.Low, c.Close) >= 0
	}
	if s := m.Statistics; s != nil {
		ok = ok && min(s.Open, s.High, s.Low, s.Last) >= 0
	}
	return ok
}

// fill takes over what a channel has of its own.
func (m *Message) fill(c *compact.Message) {
	switch c.Channel {
	case compact.Book, compact.BBO:
		for _, l := range c.Levels {
			side := &m.Bids
			if l.Side == wire.Sell {
				side = &m.Asks
			}
			*side = append(*side, Level{l.Price, l.Qty, int(l.Orders)})
		}
	case compact.Orders:
		for _, o := range c.Orders {
			// The kinds have the same numbers. A snapshot has them in priority order, so that each is added.
			m.Changes = append(m.Changes, Change{ChangeKind(o.Action), o.Side, Order{o.Order, o.Price, o.Qty}})
		}
	case compact.Trades:
		for _, t := range c.Trades {
			m.Trades = append(m.Trades, Trade{uint64(t.Trade), t.Command, t.TimeNs, t.Price, t.Qty, t.Taker})
		}
	case compact.Auction:
		a := &c.Auction
		m.Auction = &Auction{a.State.String(), a.Price, a.Volume, a.Surplus, a.SurplusSide}
	case compact.Status:
		m.Status = &Status{c.Status.Phase.String(), c.Status.Was.String()}
	case compact.Candles:
		for i := range c.Candles {
			m.Candles = append(m.Candles, m.Instrument.candle(&c.Candles[i]))
		}
	case compact.Statistics:
		s := &c.Statistics
		m.Statistics = &Statistics{
			Open: s.Open, High: s.High, Low: s.Low, Last: s.Last, Volume: m.Instrument.volume(s.Volume), Notional: whole(s.Notional),
			Trades: s.Trades, From: time.Unix(0, s.FromNs).UTC().Format(time.RFC3339),
		}
	}
}

func (in *Instrument) candle(c *candles.Candle) Candle {
	return Candle{c.StartNs, c.Open, c.High, c.Low, c.Close, in.volume(c.Volume), whole(c.Notional), c.Trades}
}

// volume writes a number of lots as a decimal.
func (in *Instrument) volume(lots wire.Amount) string {
	units, ok := lots.Mul(uint64(in.numbers.LotSize))
	if !ok {
		return whole(lots) + " lots"
	}
	return string(in.numbers.AppendBase(nil, units))
}

// whole writes a whole number.
func whole(a wire.Amount) string {
	if a.Hi == 0 {
		return strconv.FormatUint(a.Lo, 10)
	}
	return string(a.Append(nil, 0))
}
