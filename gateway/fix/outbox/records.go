package outbox

import (
	"encoding/binary"
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/fix/report"
)

// record is what is stored of a session besides its messages.
type record struct {
	Numbers
	floor uint64 // numbers below it are not kept any more
	on    bool
	flags wire.LogonFlags
	mass  report.MassRequest // a mass cancel that has been announced and not answered
}

// newRecord is the record of a session that nothing has happened to.
func newRecord() record { return record{Numbers: Numbers{NextIn: 1, NextOut: 1}, floor: 1} }

// Values are little-endian fields one behind the other; a text comes last and takes what is left.

const (
	bitOn      = 1
	bitLost    = 2
	bitMassOne = 4 // the mass cancel is of one instrument
	bitMassAll = 8 // … of all
)

func appendRecord(b []byte, r *record) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, r.Epoch)
	b = le.AppendUint64(b, r.NextIn)
	b = le.AppendUint64(b, r.NextOut)
	b = le.AppendUint64(b, uint64(r.SinceNs))
	b = le.AppendUint64(b, r.floor)
	var bits byte
	if r.on {
		bits |= bitOn
	}
	if r.Lost {
		bits |= bitLost
	}
	switch r.mass.Kind {
	case massOne:
		bits |= bitMassOne
	case massAll:
		bits |= bitMassAll
	}
	b = le.AppendUint16(append(b, bits), uint16(r.flags))
	return append(b, r.mass.ID.Bytes()...)
}

func parseRecord(value []byte) (record, error) {
	f := fields{b: value}
	var r record
	r.Epoch, r.NextIn, r.NextOut, r.SinceNs, r.floor = f.u32(), f.u64(), f.u64(), int64(f.u64()), f.u64()
	bits := f.u8()
	r.on, r.Lost = bits&bitOn != 0, bits&bitLost != 0
	r.flags = wire.LogonFlags(f.u16())
	mass, ok := wire.ParseText(string(f.b))
	r.mass.ID, f.b = mass, nil
	switch bits & (bitMassOne | bitMassAll) {
	case bitMassOne:
		r.mass.Kind = massOne
	case bitMassAll:
		r.mass.Kind = massAll
	case bitMassOne | bitMassAll:
		f.bad = true
	}
	f.bad = f.bad || !ok || r.NextIn == 0 || r.NextOut == 0 || r.floor == 0 || r.floor > r.NextOut || bits > bitOn|bitLost|bitMassOne|bitMassAll
	return r, f.err("a session's numbers")
}

// The kinds of a stored message.
const (
	kindBody  = 'b' // time u64, body
	kindLocal = 'l' // time u64, count u32, token
)

func appendEntry(b []byte, e *Entry) []byte {
	le := binary.LittleEndian
	if !e.Local {
		b = le.AppendUint64(append(b, kindBody), uint64(e.TimeNs))
		return append(b, e.Body...)
	}
	b = le.AppendUint64(append(b, kindLocal), uint64(e.TimeNs))
	b = le.AppendUint32(b, e.Count)
	return append(b, e.Token[:]...)
}

// parseEntry reads a stored message; its body aliases value.
func parseEntry(number uint64, value []byte) (Entry, error) {
	f := fields{b: value}
	kind := f.u8()
	e := Entry{Number: number, Count: 1, TimeNs: int64(f.u64())}
	switch kind {
	case kindBody:
		e.Body, f.b = f.b, nil
		f.bad = f.bad || len(e.Body) == 0
	case kindLocal:
		e.Local = true
		e.Count = f.u32()
		copy(e.Token[:], f.take(TokenSize))
		f.bad = f.bad || e.Count == 0
	default:
		f.bad = true
	}
	return e, f.err("a message")
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

// next reports whether an event is the one that comes next.
func (p position) next(seq uint64, ord uint32) bool {
	if p.seq != 0 && !p.last {
		return seq == p.seq && ord == p.ord+1
	}
	return seq == p.seq+1 && ord == 0
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

func (f *fields) u8() uint8   { return f.take(1)[0] }
func (f *fields) u16() uint16 { return binary.LittleEndian.Uint16(f.take(2)) }
func (f *fields) u32() uint32 { return binary.LittleEndian.Uint32(f.take(4)) }
func (f *fields) u64() uint64 { return binary.LittleEndian.Uint64(f.take(8)) }

func (f *fields) err(what string) error {
	if f.bad || len(f.b) != 0 {
		return fmt.Errorf("%w: %s", ErrDamaged, what)
	}
	return nil
}
