package history

import (
	"encoding/binary"
	"fmt"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// Values are little-endian fields one behind the other; a client id comes last and takes what is left.

func appendAmount(b []byte, a wire.Amount) []byte {
	b = binary.LittleEndian.AppendUint64(b, a.Lo)
	return binary.LittleEndian.AppendUint64(b, a.Hi)
}

// fields reads a value's fields; bad is set when it is too short.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if len(f.b) < n {
		f.bad = true
		return make([]byte, n)
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

func (f *fields) u8() uint8           { return f.take(1)[0] }
func (f *fields) u32() uint32         { return binary.LittleEndian.Uint32(f.take(4)) }
func (f *fields) u64() uint64         { return binary.LittleEndian.Uint64(f.take(8)) }
func (f *fields) amount() wire.Amount { return amount.Get(f.take(amount.Size)) }

func (f *fields) text() wire.Text {
	t, ok := wire.ParseText(string(f.b))
	f.bad = f.bad || !ok
	f.b = nil
	return t
}

func (f *fields) err(what string) error {
	if f.bad || len(f.b) != 0 {
		return fmt.Errorf("%w: %s", ErrDamaged, what)
	}
	return nil
}

const orderPartial = 1

func appendOrder(b []byte, o *Order) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(o.Account))
	b = le.AppendUint32(b, uint32(o.Instrument))
	var marks byte
	if o.Partial {
		marks |= orderPartial
	}
	b = append(b, byte(o.Side), byte(o.Type), byte(o.TIF), byte(o.Flags), byte(o.Status), byte(o.CancelReason), marks)
	b = le.AppendUint64(b, uint64(o.Price))
	b = le.AppendUint64(b, uint64(o.Qty))
	b = le.AppendUint64(b, uint64(o.Left))
	b = le.AppendUint64(b, uint64(o.Filled))
	b = le.AppendUint32(b, o.Replaced)
	b = appendAmount(b, o.Funds)
	b = appendAmount(b, o.Notional)
	b = appendAmount(b, o.Fee)
	b = le.AppendUint64(b, uint64(o.EnteredNs))
	b = le.AppendUint64(b, uint64(o.UpdatedNs))
	b = le.AppendUint64(b, o.EnteredSeq)
	b = le.AppendUint64(b, o.UpdatedSeq)
	return append(b, o.ClientID.Bytes()...)
}

func parseOrder(id wire.OrderID, value []byte) (Order, error) {
	f := fields{b: value}
	o := Order{ID: id, Account: wire.AccountID(f.u32()), Instrument: wire.InstrumentID(f.u32())}
	o.Side, o.Type, o.TIF, o.Flags = wire.Side(f.u8()), wire.OrderType(f.u8()), wire.TIF(f.u8()), wire.OrderFlags(f.u8())
	o.Status, o.CancelReason = wire.OrderStatus(f.u8()), wire.CancelReason(f.u8())
	o.Partial = f.u8()&orderPartial != 0
	o.Price, o.Qty, o.Left, o.Filled = wire.Price(f.u64()), wire.Qty(f.u64()), wire.Qty(f.u64()), wire.Qty(f.u64())
	o.Replaced = f.u32()
	o.Funds, o.Notional, o.Fee = f.amount(), f.amount(), f.amount()
	o.EnteredNs, o.UpdatedNs = int64(f.u64()), int64(f.u64())
	o.EnteredSeq, o.UpdatedSeq = f.u64(), f.u64()
	o.ClientID = f.text()
	return o, f.err(fmt.Sprintf("order %d", id))
}

func appendEntry(b []byte, e *Entry) []byte {
	le := binary.LittleEndian
	var negative byte
	if e.Negative {
		negative = 1
	}
	b = append(b, byte(e.Kind), negative)
	b = le.AppendUint32(b, uint32(e.Asset))
	b = appendAmount(b, e.Amount)
	b = appendAmount(b, e.Total)
	b = le.AppendUint32(b, uint32(e.Instrument))
	b = le.AppendUint64(b, uint64(e.Trade))
	b = le.AppendUint64(b, uint64(e.Order))
	b = le.AppendUint64(b, e.Seq)
	b = le.AppendUint32(b, e.Ord)
	b = le.AppendUint64(b, uint64(e.TimeNs))
	return append(b, e.Reference.Bytes()...)
}

func parseEntry(acc wire.AccountID, number uint64, value []byte) (Entry, error) {
	f := fields{b: value}
	e := Entry{Account: acc, Number: number, Kind: EntryKind(f.u8()), Negative: f.u8() != 0, Asset: wire.AssetID(f.u32())}
	e.Amount, e.Total = f.amount(), f.amount()
	e.Instrument, e.Trade, e.Order = wire.InstrumentID(f.u32()), wire.TradeID(f.u64()), wire.OrderID(f.u64())
	e.Seq, e.Ord, e.TimeNs = f.u64(), f.u32(), int64(f.u64())
	e.Reference = f.text()
	return e, f.err(fmt.Sprintf("ledger entry %d of account %d", number, acc))
}

func parseEvent(value []byte) (wire.Event, error) {
	var e wire.Event
	rest, err := wire.DecodeEvent(&e, value)
	if err != nil || len(rest) != 0 {
		return e, fmt.Errorf("%w: event: %v", ErrDamaged, err)
	}
	return e, nil
}

// eventTime reads the time of an event in wire form without reading the rest.
func eventTime(value []byte) (int64, error) {
	const at = 15 // see the picture in package wire
	if len(value) < at+8 {
		return 0, fmt.Errorf("%w: event cut off", ErrDamaged)
	}
	return int64(binary.LittleEndian.Uint64(value[at:])), nil
}

// position is the id of the last event stored, and whether it was the last of its command.
type position struct {
	seq  uint64
	ord  uint32
	last bool
}

// whole returns the last command of which everything is stored.
func (p position) whole() uint64 {
	if p.last || p.seq == 0 {
		return p.seq
	}
	return p.seq - 1
}

// has reports whether an event has been stored.
func (p position) has(seq uint64, ord uint32) bool {
	return seq < p.seq || (seq == p.seq && (p.last || ord <= p.ord))
}

func (p position) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, p.seq)
	b = binary.LittleEndian.AppendUint32(b, p.ord)
	if p.last {
		return append(b, 1)
	}
	return append(b, 0)
}

func parsePosition(value []byte) (position, error) {
	f := fields{b: value}
	p := position{seq: f.u64(), ord: f.u32(), last: f.u8() != 0}
	return p, f.err("position")
}
