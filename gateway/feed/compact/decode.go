package compact

import (
	"encoding/binary"
	"errors"
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

// ErrFormat is wrapped by every error that Decode returns.
var ErrFormat = errors.New("not a message in the stream's binary form")

// Decode reads one message. What it does not know (a version, channel, flag, or value that has no meaning) and what is too
// short or too long is refused with an error that wraps ErrFormat. The message shares no memory with b.
func Decode(b []byte) (Message, error) {
	if len(b) < HeaderSize {
		return Message{}, wrong("%d bytes", len(b))
	}
	m := Message{
		Channel: Channel(b[1]), Snapshot: b[2]&flagSnapshot != 0, Summed: b[2]&flagSummed != 0, Interval: candles.Interval(b[3]),
		Instrument: wire.InstrumentID(u32(b, 4)), Sequence: u64(b, 8), Previous: u64(b, 16), TimeNs: int64(u64(b, 24)),
		Part: int(u32(b, 32)), Parts: int(u32(b, 36)), Checksum: u32(b, 44),
	}
	if err := m.checkHead(b); err != nil {
		return Message{}, err
	}
	count, size := uint64(u32(b, 40)), entrySizes[m.Channel]
	if uint64(len(b)-HeaderSize) != count*uint64(size) {
		return Message{}, wrong("%d bytes for %d entries of %d bytes", len(b), count, size)
	}
	if err := m.readEntries(b[HeaderSize:], int(count), size); err != nil {
		return Message{}, err
	}
	return m, nil
}

// checkHead checks what a header says by itself.
func (m *Message) checkHead(b []byte) error {
	switch {
	case b[0] != Version:
		return wrong("version %d, this program reads %d", b[0], Version)
	case !m.Channel.Valid():
		return wrong("channel %d", b[1])
	case b[2]&^(flagSnapshot|flagSummed) != 0:
		return wrong("flags %#x", b[2])
	case (m.Channel == Candles) != m.Interval.Valid() || m.Channel != Candles && m.Interval != 0:
		return wrong("interval %d of channel %s", b[3], m.Channel)
	case m.Instrument == 0:
		return wrong("no instrument")
	case m.Snapshot && m.Previous != 0:
		return wrong("a snapshot that continues message %d", m.Previous)
	case m.Part > m.Parts || (m.Part == 0) != (m.Parts == 0):
		return wrong("part %d of %d", m.Part, m.Parts)
	case !m.Summed && m.Checksum != 0:
		return wrong("a checksum without its flag")
	}
	return nil
}

// readEntries reads count entries of the given size, which are all of b.
func (m *Message) readEntries(b []byte, count, size int) error {
	single := m.Channel == Auction || m.Channel == Status || m.Channel == Statistics
	if single && count != 1 || m.Channel == BBO && count > 2 {
		return wrong("%d entries of channel %s", count, m.Channel)
	}
	ok := true
	for i := 0; i < count && ok; i++ {
		ok = m.readEntry(entry(b[i*size : (i+1)*size]))
	}
	if !ok {
		return wrong("an entry of channel %s", m.Channel)
	}
	return nil
}

// readEntry reads one entry, and returns false where a value of it has no meaning.
func (m *Message) readEntry(e entry) bool {
	switch m.Channel {
	case Book, BBO:
		l := Level{Side: wire.Side(e[0]), Price: e.price(1), Qty: e.qty(9), Orders: u32(e, 17)}
		m.Levels = append(m.Levels, l)
		return l.Side.Valid() && l.Qty >= 0
	case Orders:
		o := Order{Action: Action(e[0]), Side: wire.Side(e[1]), Order: wire.OrderID(e.u64(2)), Price: e.price(10), Qty: e.qty(18)}
		m.Orders = append(m.Orders, o)
		return o.Side.Valid() && o.Qty >= 0 && o.Action >= Add && o.Action <= Remove && (!m.Snapshot || o.Action == Add)
	case Trades:
		t := Trade{
			Trade: wire.TradeID(e.u64(0)), Command: e.u64(8), TimeNs: int64(e.u64(16)), Price: e.price(24), Qty: e.qty(32), Taker: wire.Side(e[40]),
		}
		m.Trades = append(m.Trades, t)
		return t.Taker <= wire.Sell && t.Qty >= 0
	case Auction:
		a := AuctionState{State: State(e[0]), SurplusSide: wire.Side(e[1]), Price: e.price(2), Volume: e.qty(10), Surplus: e.qty(18)}
		m.Auction = a
		return a.State <= Result && a.SurplusSide <= wire.Sell && a.Volume >= 0 && a.Surplus >= 0
	case Status:
		m.Status = StatusState{Phase: wire.Phase(e[0]), Was: wire.Phase(e[1])}
		return m.Status.Phase.Valid() && m.Status.Was.Valid()
	case Candles:
		m.Candles = append(m.Candles, readBar(e))
	case Statistics:
		c := readBar(e)
		m.Statistics = candles.Statistics{
			FromNs: c.StartNs, Open: c.Open, High: c.High, Low: c.Low, Last: c.Close, Volume: c.Volume, Notional: c.Notional, Trades: c.Trades,
		}
	}
	return true
}

// entry is the bytes of one entry.
type entry []byte

func (e entry) u64(at int) uint64       { return u64(e, at) }
func (e entry) price(at int) wire.Price { return wire.Price(u64(e, at)) }
func (e entry) qty(at int) wire.Qty     { return wire.Qty(u64(e, at)) }

func u64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}
