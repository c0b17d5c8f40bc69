package feed

import (
	"hash/crc32"
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/decimal"
	"uncross/gateway/feed/compact"
)

// definition is what messages need of an instrument. It never changes; a new one takes its place.
type definition struct {
	decimal.Instrument
	quoted string // the symbol in JSON
}

func define(in decimal.Instrument) *definition {
	return &definition{in, strconv.Quote(in.Symbol.String())} // printable ASCII: what Quote escapes, JSON does alike
}

// encoder writes messages. It belongs to one goroutine; its memory is used again.
type encoder struct {
	buf   []byte
	sum   []byte
	stamp [len(stampLayout)]byte
	sec   int64 // of stamp
	dated bool  // stamp has been written
}

const stampLayout = "2006-01-02T15:04:05."

// encode returns a message; the next one overwrites it.
func (e *encoder) encode(enc Encoding, d *definition, m *compact.Message) []byte {
	if enc == Binary {
		e.buf = m.Append(e.buf[:0])
	} else {
		e.buf = e.json(e.buf[:0], d, m)
	}
	return e.buf
}

func (e *encoder) json(b []byte, d *definition, m *compact.Message) []byte {
	b = e.head(b, d, m)
	switch m.Channel {
	case Book:
		b = appendSides(b, d, m.Levels, levelSide, appendLevel)
	case Orders:
		if m.Snapshot {
			b = appendSides(b, d, m.Orders, orderSide, appendResting)
		} else {
			b = appendList(append(b, `,"changes":[`...), d, m.Orders, appendChange)
		}
	case BBO:
		b = appendBest(append(b, `,"bid":`...), d, m.Levels, wire.Buy)
		b = appendBest(append(b, `,"ask":`...), d, m.Levels, wire.Sell)
	case Trades:
		b = appendList(append(b, `,"trades":[`...), d, m.Trades, e.appendTrade)
	case Auction:
		b = appendAuction(b, d, &m.Auction)
	case Status:
		b = appendText(append(b, `,"phase":`...), m.Status.Phase.String())
		b = appendText(append(b, `,"was":`...), m.Status.Was.String())
	case Candles:
		b = appendText(append(b, `,"interval":`...), m.Interval.String())
		b = appendList(append(b, `,"candles":[`...), d, m.Candles, appendCandle)
	case Statistics:
		b = appendStatistics(b, d, &m.Statistics)
	}
	if m.Summed {
		b = strconv.AppendUint(append(b, `,"checksum":`...), uint64(m.Checksum), 10)
	}
	return append(b, '}')
}

// head appends what all messages have.
func (e *encoder) head(b []byte, d *definition, m *compact.Message) []byte {
	b = append(append(append(b, `{"channel":"`...), m.Channel.String()...), `","type":"`...)
	if m.Snapshot {
		b = append(append(b, `snapshot","symbol":`...), d.quoted...)
	} else {
		b = append(append(b, `update","symbol":`...), d.quoted...)
		b = appendID(append(b, `,"previous":`...), m.Previous)
	}
	b = appendID(append(b, `,"sequence":`...), m.Sequence)
	b = e.appendTime(append(b, `,"time":`...), m.TimeNs)
	if m.Part > 0 {
		b = strconv.AppendInt(append(b, `,"part":`...), int64(m.Part), 10)
		b = strconv.AppendInt(append(b, `,"parts":`...), int64(m.Parts), 10)
	}
	return b
}

// appendSides appends the bids and the asks of a list that has the bids first.
func appendSides[T any](b []byte, d *definition, all []T, side func(*T) wire.Side, item func([]byte, *definition, *T) []byte) []byte {
	bids := 0
	for bids < len(all) && side(&all[bids]) == wire.Buy {
		bids++
	}
	b = appendList(append(b, `,"bids":[`...), d, all[:bids], item)
	return appendList(append(b, `,"asks":[`...), d, all[bids:], item)
}

func levelSide(l *compact.Level) wire.Side { return l.Side }
func orderSide(o *compact.Order) wire.Side { return o.Side }

// appendList appends the items of a list that has been opened, and closes it.
func appendList[T any](b []byte, d *definition, all []T, item func([]byte, *definition, *T) []byte) []byte {
	for i := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, d, &all[i])
	}
	return append(b, ']')
}

func appendLevel(b []byte, d *definition, l *compact.Level) []byte {
	b = d.AppendPrice(append(b, `["`...), l.Price)
	b = d.AppendQty(append(b, `","`...), l.Qty)
	b = strconv.AppendUint(append(b, `",`...), uint64(l.Orders), 10)
	return append(b, ']')
}

func appendResting(b []byte, d *definition, o *compact.Order) []byte {
	b = strconv.AppendUint(append(b, `["`...), uint64(o.Order), 10)
	b = d.AppendPrice(append(b, `","`...), o.Price)
	b = d.AppendQty(append(b, `","`...), o.Qty)
	return append(b, `"]`...)
}

func appendChange(b []byte, d *definition, o *compact.Order) []byte {
	b = append(append(b, `["`...), o.Action.String()...)
	b = append(append(b, `","`...), o.Side.String()...)
	b = strconv.AppendUint(append(b, `","`...), uint64(o.Order), 10)
	b = d.AppendPrice(append(b, `","`...), o.Price)
	b = d.AppendQty(append(b, `","`...), o.Qty)
	return append(b, `"]`...)
}

func appendBest(b []byte, d *definition, best []compact.Level, side wire.Side) []byte {
	for i := range best {
		if best[i].Side == side {
			return appendLevel(b, d, &best[i])
		}
	}
	return append(b, `null`...)
}

func (e *encoder) appendTrade(b []byte, d *definition, t *compact.Trade) []byte {
	b = appendID(append(b, `{"trade_id":`...), uint64(t.Trade))
	b = appendID(append(b, `,"command":`...), t.Command)
	b = e.appendTime(append(b, `,"time":`...), t.TimeNs)
	b = appendPrice(append(b, `,"price":`...), d, t.Price)
	b = appendQty(append(b, `,"quantity":`...), d, t.Qty)
	return append(appendText(append(b, `,"taker_side":`...), sideText(t.Taker)), '}')
}

// sideText names a side as the REST interface does; in an auction there is no taker, and without a surplus no side.
func sideText(s wire.Side) string {
	if s == 0 {
		return "none"
	}
	return s.String()
}

func appendAuction(b []byte, d *definition, a *compact.AuctionState) []byte {
	b = appendText(append(b, `,"state":`...), a.State.String())
	if a.Volume > 0 {
		b = appendPrice(append(b, `,"price":`...), d, a.Price)
	}
	b = appendQty(append(b, `,"volume":`...), d, a.Volume)
	b = appendQty(append(b, `,"surplus":`...), d, a.Surplus)
	return appendText(append(b, `,"surplus_side":`...), sideText(a.SurplusSide))
}

func appendCandle(b []byte, d *definition, c *candles.Candle) []byte {
	b = appendSecond(append(b, `{"start":`...), c.StartNs)
	b = appendPrice(append(b, `,"open":`...), d, c.Open)
	b = appendPrice(append(b, `,"high":`...), d, c.High)
	b = appendPrice(append(b, `,"low":`...), d, c.Low)
	b = appendPrice(append(b, `,"close":`...), d, c.Close)
	b = appendSums(b, d, c.Volume, c.Notional, c.Trades)
	return append(b, '}')
}

func appendStatistics(b []byte, d *definition, s *candles.Statistics) []byte {
	if s.Trades > 0 {
		b = appendPrice(append(b, `,"open":`...), d, s.Open)
		b = appendPrice(append(b, `,"high":`...), d, s.High)
		b = appendPrice(append(b, `,"low":`...), d, s.Low)
	}
	if s.Last > 0 {
		b = appendPrice(append(b, `,"last":`...), d, s.Last)
	}
	if s.Trades > 0 {
		b = append(b, `,"change":"`...)
		if s.Last < s.Open {
			b = append(b, '-')
		}
		b = append(d.AppendPrice(b, max(s.Last-s.Open, s.Open-s.Last)), '"')
	}
	b = appendSums(b, d, s.Volume, s.Notional, s.Trades)
	return appendSecond(append(b, `,"from":`...), s.FromNs)
}

// appendSums appends what traded: volume is in lots.
func appendSums(b []byte, d *definition, volume, notional wire.Amount, trades uint64) []byte {
	b = append(d.AppendBase(append(b, `,"volume":"`...), units(d, volume)), '"')
	b = append(d.AppendQuote(append(b, `,"notional":"`...), notional), '"')
	return strconv.AppendUint(append(b, `,"trades":`...), trades, 10)
}

// units returns a number of lots in smallest units of the base asset; what cannot be said is the greatest amount.
func units(d *definition, lots wire.Amount) wire.Amount {
	if a, ok := lots.Mul(uint64(d.LotSize)); ok {
		return a
	}
	return wire.Amount{Hi: ^uint64(0), Lo: ^uint64(0)}
}

func appendPrice(b []byte, d *definition, p wire.Price) []byte {
	return append(d.AppendPrice(append(b, '"'), p), '"')
}

func appendQty(b []byte, d *definition, q wire.Qty) []byte {
	return append(d.AppendQty(append(b, '"'), q), '"')
}

func appendID(b []byte, n uint64) []byte {
	return append(strconv.AppendUint(append(b, '"'), n, 10), '"')
}

func appendText(b []byte, s string) []byte {
	return append(append(append(b, '"'), s...), '"')
}

// appendTime appends a time in RFC 3339 with nanoseconds. Most times are in the same second as the one before.
func (e *encoder) appendTime(b []byte, ns int64) []byte {
	sec, rest := ns/1e9, ns%1e9
	if rest < 0 {
		sec, rest = sec-1, rest+1e9
	}
	if !e.dated || sec != e.sec {
		copy(e.stamp[:], time.Unix(sec, 0).UTC().AppendFormat(e.sum[:0], stampLayout))
		e.sec, e.dated = sec, true
	}
	b = append(append(b, '"'), e.stamp[:]...)
	for unit := int64(1e8); unit > 0; unit /= 10 {
		b = append(b, byte('0'+rest/unit%10))
	}
	return append(b, `Z"`...)
}

// appendSecond appends a time of whole seconds in RFC 3339.
func appendSecond(b []byte, ns int64) []byte {
	return append(time.Unix(ns/1e9, 0).UTC().AppendFormat(append(b, '"'), time.RFC3339), '"')
}

// levelSum returns the checksum over the best levels of a list that has the bids first: of the text that stands in messages,
// or, in the binary form, of ticks and lots.
func (e *encoder) levelSum(enc Encoding, d *definition, bids, asks []compact.Level) uint32 {
	b := e.sum[:0]
	for i := range max(len(bids), len(asks)) {
		for _, side := range [...][]compact.Level{bids, asks} {
			if i < len(side) {
				b = appendNumbers(b, enc, d, side[i].Price, side[i].Qty)
			}
		}
	}
	return e.crc(b)
}

func appendNumbers(b []byte, enc Encoding, d *definition, p wire.Price, q wire.Qty) []byte {
	if enc == JSON {
		b = append(d.AppendPrice(b, p), ':')
		return append(d.AppendQty(b, q), ':')
	}
	b = append(strconv.AppendInt(b, int64(p), 10), ':')
	return append(strconv.AppendInt(b, int64(q), 10), ':')
}

// orderSum returns the checksum over the first orders of each side.
func (e *encoder) orderSum(enc Encoding, d *definition, bids, asks []compact.Order) uint32 {
	b := e.sum[:0]
	for _, side := range [...][]compact.Order{bids, asks} {
		for i := range side {
			b = append(strconv.AppendUint(b, uint64(side[i].Order), 10), ':')
			if enc == JSON {
				b = append(d.AppendQty(b, side[i].Qty), ':')
			} else {
				b = append(strconv.AppendInt(b, int64(side[i].Qty), 10), ':')
			}
		}
	}
	return e.crc(b)
}

// crc returns the checksum of text that has a colon too many.
func (e *encoder) crc(b []byte) uint32 {
	e.sum = b
	return crc32.ChecksumIEEE(b[:max(len(b)-1, 0)])
}
