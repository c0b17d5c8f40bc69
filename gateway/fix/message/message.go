package message

import (
	"bytes"
	"errors"
	"math"
)

// Field is one tag=value. Value aliases the frame it was parsed from.
type Field struct {
	Tag   int
	Value []byte
}

// Message is a frame split into its fields. Parse may be called again and again on one Message: Fields is reused.
type Message struct {
	Fields []Field // in wire order, header and trailer included
	raw    []byte
	typ    string
}

// ErrSyntax is what Parse returns for bytes that are not a row of tag=value fields, each ended by SOH. FIX calls such a
// message garbled: it is ignored and takes no sequence number.
var ErrSyntax = errors.New("message: not a row of tag=value fields")

// maxTagDigits bounds a tag, so that it fits an int everywhere.
const maxTagDigits = 9

// Parse splits a frame, which must stay unchanged as long as the fields are used. A value may be empty and a tag may be
// zero or negative: whether they are allowed is for the dictionary to say. A data field (96 and its like) that follows
// its length field directly takes as many bytes as that says, SOH included; where the length does not lead to an SOH it
// is not believed and the value ends at the next SOH.
func (m *Message) Parse(frame []byte) error {
	m.raw, m.typ = frame, ""
	var err error
	m.Fields, err = AppendFields(m.Fields[:0], frame)
	if err != nil {
		return err
	}
	if len(m.Fields) > 2 && m.Fields[2].Tag == TagMsgType {
		m.typ = typeOf(m.Fields[2].Value)
	} else if v, ok := m.Get(TagMsgType); ok {
		m.typ = typeOf(v)
	}
	return nil
}

// AppendFields appends the fields of a row of tag=value to dst, as Parse does.
func AppendFields(dst []Field, row []byte) ([]Field, error) {
	dataTag, dataLen := 0, 0 // what the field before promises
	for pos := 0; pos < len(row); {
		tag, start, ok := parseTag(row, pos)
		if !ok {
			return dst, ErrSyntax
		}
		end := -1
		if dataTag != 0 && tag == dataTag && dataLen < len(row)-start && row[start+dataLen] == soh {
			end = start + dataLen
		} else if n := bytes.IndexByte(row[start:], soh); n >= 0 {
			end = start + n
		} else {
			return dst, ErrSyntax
		}
		value := row[start:end:end]
		dst = append(dst, Field{Tag: tag, Value: value})
		pos = end + 1
		if dataTag = DataTag(tag); dataTag != 0 {
			n, ok := parseUint(value)
			if !ok || n > uint64(len(row)) {
				dataTag = 0
			}
			dataLen = int(min(n, uint64(len(row))))
		}
	}
	return dst, nil
}

// parseTag reads the digits up to '=' and returns the tag and where its value begins.
func parseTag(row []byte, pos int) (tag, value int, ok bool) {
	i, negative := pos, false
	if row[i] == '-' {
		negative = true
		i++
	}
	first := i
	for ; i < len(row); i++ {
		c := row[i]
		if c == '=' {
			break
		}
		if c < '0' || c > '9' || i-first == maxTagDigits {
			return 0, 0, false
		}
		tag = tag*10 + int(c-'0')
	}
	if i == first || i == len(row) {
		return 0, 0, false
	}
	if negative {
		tag = -tag
	}
	return tag, i + 1, true
}

// DataTag returns the tag of the data field whose length the field lengthTag gives, and 0 when it gives none.
func DataTag(lengthTag int) int {
	switch lengthTag {
	case TagSecureDataLen:
		return TagSecureData
	case TagSignatureLength:
		return TagSignature
	case TagRawDataLength, TagXmlDataLen, TagEncodedTextLen,
		348, 350, 352, 356, 358, 360, 362, 364, 445, 618, 621: // Encoded… of issuer, description, list, subject, headline, allocation, underlying, leg
		return lengthTag + 1
	}
	return 0
}

// Raw returns the bytes that were parsed.
func (m *Message) Raw() []byte { return m.raw }

// Type returns MsgType (35), "" when there is none.
func (m *Message) Type() string { return m.typ }

// Seq returns MsgSeqNum (34), and false when it is missing, no number or zero.
func (m *Message) Seq() (uint64, bool) {
	n, ok := m.Uint(TagMsgSeqNum)
	return n, ok && n > 0
}

// Get returns the value of the first field with tag; it may be empty.
func (m *Message) Get(tag int) ([]byte, bool) { return Find(m.Fields, tag) }

// Find returns the value of the first of fields with tag.
func Find(fields []Field, tag int) ([]byte, bool) {
	for i := range fields {
		if fields[i].Tag == tag {
			return fields[i].Value, true
		}
	}
	return nil, false
}

// String returns a copy of the first value of tag, "" when there is none.
func (m *Message) String(tag int) string {
	v, _ := m.Get(tag)
	return string(v)
}

// Uint returns the value of tag as a number: only digits, at most 64 bits.
func (m *Message) Uint(tag int) (uint64, bool) {
	v, ok := m.Get(tag)
	if !ok {
		return 0, false
	}
	return parseUint(v)
}

// Int returns the value of tag as a number: digits with or without a minus sign in front.
func (m *Message) Int(tag int) (int64, bool) {
	v, ok := m.Get(tag)
	if !ok {
		return 0, false
	}
	negative := len(v) > 0 && v[0] == '-'
	if negative {
		v = v[1:]
	}
	n, ok := parseUint(v)
	if !ok || n > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// Char returns the value of tag when it is one byte.
func (m *Message) Char(tag int) (byte, bool) {
	v, ok := m.Get(tag)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// Bool reports whether the value of tag is Y.
func (m *Message) Bool(tag int) bool {
	c, _ := m.Char(tag)
	return c == 'Y'
}

// Time returns the UTCTimestamp of tag in nanoseconds since 1970; see ParseTime.
func (m *Message) Time(tag int) (ns int64, ok bool) {
	v, ok := m.Get(tag)
	if !ok {
		return 0, false
	}
	return ParseTime(v)
}

// Group calls fn with every entry of a repeating group: the fields from each tag first up to the next one, at most as
// many entries as the field counter says, in wire order. The last entry runs on to the message's trailer, as only a
// dictionary knows where it ends: fn should look for the group's own tags only. A group inside a group is not taken
// apart.
func (m *Message) Group(counter, first int, fn func(fields []Field)) {
	i := 0
	for i < len(m.Fields) && m.Fields[i].Tag != counter {
		i++
	}
	if i >= len(m.Fields)-1 {
		return
	}
	n, _ := parseUint(m.Fields[i].Value)
	rest := m.Fields[i+1:]
	for len(rest) > 0 && isTrailer(rest[len(rest)-1].Tag) {
		rest = rest[:len(rest)-1]
	}
	for ; n > 0 && len(rest) > 0 && rest[0].Tag == first; n-- {
		end := 1
		for end < len(rest) && rest[end].Tag != first {
			end++
		}
		fn(rest[:end])
		rest = rest[end:]
	}
}

func isTrailer(tag int) bool {
	return tag == TagCheckSum || tag == TagSignature || tag == TagSignatureLength
}

// parseUint reads only digits, at least one, and at most 64 bits; zeros in front are accepted.
func parseUint(v []byte) (uint64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range v {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}
