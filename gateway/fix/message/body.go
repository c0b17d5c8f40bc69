package message

import (
	"bytes"
	"fmt"
	"strconv"

	"uncross/engine/wire"
)

// Body is a message without its standard header and trailer: its type and its fields, in the order they were added.
// The zero Body has no type and needs Reset.
type Body struct {
	buf []byte // the stored form: "D\x0111=…\x01…"
	n   int    // length of the type
}

// NewBody returns an empty body of a type.
func NewBody(msgType string) *Body { return new(Body).Reset(msgType) }

// Reset empties b for another message and keeps its memory.
func (b *Body) Reset(msgType string) *Body {
	b.buf = append(append(b.buf[:0], msgType...), soh)
	b.n = len(msgType)
	return b
}

// Open appends "tag=" and returns the bytes for the caller to append a value to, without SOH in it; Close ends the field:
//
//	b.Close(instrument.AppendPrice(b.Open(message.TagPrice), price))
func (b *Body) Open(tag int) []byte {
	return append(strconv.AppendInt(b.buf, int64(tag), 10), '=')
}

// Close ends the field that Open began; buf is what Open returned with the value appended.
func (b *Body) Close(buf []byte) *Body {
	b.buf = append(buf, soh)
	return b
}

// Str adds a field; an empty value adds nothing, as FIX has no empty fields. An SOH in it, which would end the field
// early, is written as '?'.
func (b *Body) Str(tag int, s string) *Body {
	if s == "" {
		return b
	}
	buf := b.Open(tag)
	from := len(buf)
	return b.close(append(buf, s...), from)
}

// Bytes is Str for bytes.
func (b *Body) Bytes(tag int, v []byte) *Body {
	if len(v) == 0 {
		return b
	}
	buf := b.Open(tag)
	from := len(buf)
	return b.close(append(buf, v...), from)
}

// close ends a field whose value, from on, may have an SOH in it.
func (b *Body) close(buf []byte, from int) *Body {
	for v := buf[from:]; ; {
		i := bytes.IndexByte(v, soh)
		if i < 0 {
			return b.Close(buf)
		}
		v[i] = '?'
	}
}

// Text is Str for one of the core's texts.
func (b *Body) Text(tag int, t wire.Text) *Body { return b.Str(tag, t.String()) }

// Int adds a number.
func (b *Body) Int(tag int, n int64) *Body { return b.Close(strconv.AppendInt(b.Open(tag), n, 10)) }

// Uint adds a number.
func (b *Body) Uint(tag int, n uint64) *Body { return b.Close(strconv.AppendUint(b.Open(tag), n, 10)) }

// Char adds one character; it must not be SOH.
func (b *Body) Char(tag int, c byte) *Body { return b.Close(append(b.Open(tag), c)) }

// Bool adds Y or N.
func (b *Body) Bool(tag int, v bool) *Body {
	if v {
		return b.Char(tag, 'Y')
	}
	return b.Char(tag, 'N')
}

// Time adds a UTCTimestamp with microseconds; ns counts from 1970.
func (b *Body) Time(tag int, ns int64) *Body { return b.Close(AppendTime(b.Open(tag), ns)) }

// Date adds the day of ns, in UTC, as YYYYMMDD.
func (b *Body) Date(tag int, ns int64) *Body { return b.Close(AppendDate(b.Open(tag), ns)) }

// Data adds a data field, whose bytes are free, with its length in front. lengthTag must be one that DataTag knows.
func (b *Body) Data(lengthTag, dataTag int, v []byte) *Body {
	if len(v) == 0 {
		return b
	}
	b.Int(lengthTag, int64(len(v)))
	return b.Close(append(b.Open(dataTag), v...))
}

// Type returns the message type.
func (b *Body) Type() string { return typeOf(b.buf[:b.n]) }

// Raw returns the fields as bytes, each with its SOH; they are b's own and change with it.
func (b *Body) Raw() []byte {
	if len(b.buf) == 0 {
		return nil
	}
	return b.buf[b.n+1:]
}

// Len returns the length of the stored form in bytes.
func (b *Body) Len() int { return len(b.buf) }

// AppendTo appends the stored form, which ParseBody reads: the type, SOH, and the fields.
func (b *Body) AppendTo(dst []byte) []byte { return append(dst, b.buf...) }

// Clone returns a copy with memory of its own.
func (b *Body) Clone() Body { return Body{buf: bytes.Clone(b.buf), n: b.n} }

// maxTypeLength bounds a message type in stored form; FIX 4.4 has at most two characters.
const maxTypeLength = 16

// ParseBody reads what AppendTo wrote. The body aliases stored; nothing may be added to it before a Reset of a clone.
func ParseBody(stored []byte) (Body, error) {
	n := bytes.IndexByte(stored[:min(len(stored), maxTypeLength+1)], soh)
	if n <= 0 {
		return Body{}, fmt.Errorf("message: stored body of %d bytes has no type", len(stored))
	}
	if stored[len(stored)-1] != soh {
		return Body{}, fmt.Errorf("message: stored body of %d bytes has an open end", len(stored))
	}
	return Body{buf: stored[:len(stored):len(stored)], n: n}, nil
}
