package compact

import (
	"encoding/binary"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

// Version is the version of the binary form.
const Version = 1

// HeaderSize is the size of a message's header in bytes.
//
//	 0 version u8 │ 1 channel u8 │ 2 flags u8 │ 3 interval u8 │ 4 instrument u32 │ 8 sequence u64 │ 16 previous u64
//	24 time i64 │ 32 part u32 │ 36 parts u32 │ 40 count u32 │ 44 checksum u32 │ 48 entries
const HeaderSize = 48

// The flags.
const (
	flagSnapshot = 1
	flagSummed   = 2
)

// The sizes of entries in bytes.
//
//	book, bbo    0 side u8 │ 1 price i64 │ 9 quantity i64 │ 17 orders u32
//	orders       0 action u8 │ 1 side u8 │ 2 order u64 │ 10 price i64 │ 18 quantity i64
//	trades       0 trade u64 │ 8 command u64 │ 16 time i64 │ 24 price i64 │ 32 quantity i64 │ 40 taker u8
//	auction      0 state u8 │ 1 surplus side u8 │ 2 price i64 │ 10 volume i64 │ 18 surplus i64
//	status       0 phase u8 │ 1 was u8
//	candles      0 start i64 │ 8 open, 16 high, 24 low, 32 close i64 │ 40 volume u128 │ 56 notional u128 │ 72 trades u64
//	statistics   0 from i64 │ 8 open, 16 high, 24 low, 32 last i64 │ 40 volume u128 │ 56 notional u128 │ 72 trades u64
const (
	levelSize   = 21
	orderSize   = 26
	tradeSize   = 41
	auctionSize = 26
	statusSize  = 2
	candleSize  = 80
)

var entrySizes = [ChannelCount + 1]int{
	Book: levelSize, Orders: orderSize, BBO: levelSize, Trades: tradeSize, Auction: auctionSize, Status: statusSize,
	Candles: candleSize, Statistics: candleSize,
}

// Append appends a message in the binary form. The channel must be valid.
func (m *Message) Append(b []byte) []byte {
	flags := byte(0)
	if m.Snapshot {
		flags |= flagSnapshot
	}
	if m.Summed {
		flags |= flagSummed
	}
	b = append(b, Version, byte(m.Channel), flags, byte(m.Interval))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.Instrument))
	b = appendU64(b, m.Sequence, m.Previous, uint64(m.TimeNs))
	b = appendU32(b, uint32(m.Part), uint32(m.Parts), uint32(m.count()), m.Checksum)
	return m.appendEntries(b)
}

// count returns the number of entries.
func (m *Message) count() int {
	switch m.Channel {
	case Book, BBO:
		return len(m.Levels)
	case Orders:
		return len(m.Orders)
	case Trades:
		return len(m.Trades)
	case Candles:
		return len(m.Candles)
	}
	return 1
}

func (m *Message) appendEntries(b []byte) []byte {
	switch m.Channel {
	case Book, BBO:
		for i := range m.Levels {
			l := &m.Levels[i]
			b = appendU64(append(b, byte(l.Side)), uint64(l.Price), uint64(l.Qty))
			b = appendU32(b, l.Orders)
		}
	case Orders:
		for i := range m.Orders {
			o := &m.Orders[i]
			b = appendU64(append(b, byte(o.Action), byte(o.Side)), uint64(o.Order), uint64(o.Price), uint64(o.Qty))
		}
	case Trades:
		for i := range m.Trades {
			t := &m.Trades[i]
			b = append(appendU64(b, uint64(t.Trade), t.Command, uint64(t.TimeNs), uint64(t.Price), uint64(t.Qty)), byte(t.Taker))
		}
	case Auction:
		a := &m.Auction
		b = appendU64(append(b, byte(a.State), byte(a.SurplusSide)), uint64(a.Price), uint64(a.Volume), uint64(a.Surplus))
	case Status:
		b = append(b, byte(m.Status.Phase), byte(m.Status.Was))
	case Candles:
		for i := range m.Candles {
			c := &m.Candles[i]
			b = appendBar(b, c.StartNs, c.Open, c.High, c.Low, c.Close, c.Volume, c.Notional, c.Trades)
		}
	case Statistics:
		s := &m.Statistics
		b = appendBar(b, s.FromNs, s.Open, s.High, s.Low, s.Last, s.Volume, s.Notional, s.Trades)
	}
	return b
}

func appendBar(b []byte, start int64, open, high, low, last wire.Price, volume, notional wire.Amount, trades uint64) []byte {
	b = appendU64(b, uint64(start), uint64(open), uint64(high), uint64(low), uint64(last))
	return appendU64(b, volume.Lo, volume.Hi, notional.Lo, notional.Hi, trades)
}

func appendU64(b []byte, vs ...uint64) []byte {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func appendU32(b []byte, vs ...uint32) []byte {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// readBar is appendBar the other way round.
func readBar(e entry) candles.Candle {
	return candles.Candle{
		StartNs: int64(e.u64(0)), Open: e.price(8), High: e.price(16), Low: e.price(24), Close: e.price(32),
		Volume: wire.Amount{Lo: e.u64(40), Hi: e.u64(48)}, Notional: wire.Amount{Lo: e.u64(56), Hi: e.u64(64)}, Trades: e.u64(72),
	}
}
