package dictionary

import (
	"bytes"

	"uncross/gateway/fix/message"
)

// kind is a type of values, as far as types differ in what their values look like.
type kind uint8

const (
	anyValue kind = iota
	text
	char
	boolean
	integer // digits, a minus sign in front
	natural // digits
	count   // a group's number of entries
	decimal
	tokens // words with a space between
	timestamp
	timeOnly
	date
	monthYear
	data
)

// kinds names the standard's types.
var kinds = map[string]kind{
	"STRING": text, "CURRENCY": text, "EXCHANGE": text, "COUNTRY": text,
	"CHAR": char, "BOOLEAN": boolean,
	"INT": integer, "SEQNUM": natural, "LENGTH": natural, "NUMINGROUP": count,
	"FLOAT": decimal, "PRICE": decimal, "PRICEOFFSET": decimal, "QTY": decimal, "AMT": decimal, "PERCENTAGE": decimal,
	"MULTIPLEVALUESTRING": tokens,
	"UTCTIMESTAMP":        timestamp, "UTCTIMEONLY": timeOnly, "UTCDATEONLY": date, "LOCALMKTDATE": date, "MONTHYEAR": monthYear,
	"DATA": data,
}

// fits reports whether v, which is not empty, looks like a value of kind k.
func (k kind) fits(v []byte) bool {
	switch k {
	case char:
		return len(v) == 1
	case boolean:
		return len(v) == 1 && (v[0] == 'Y' || v[0] == 'N')
	case integer:
		return isDigits(bytes.TrimPrefix(v, []byte{'-'}))
	case natural, count:
		return isDigits(v)
	case decimal:
		return isDecimal(v)
	case timestamp:
		_, ok := message.ParseTime(v)
		return ok
	case timeOnly:
		return isTime(v)
	case date:
		return len(v) == 8 && isMonth(v[:6]) && between(v[6:], 1, 31)
	case monthYear:
		return isMonthYear(v)
	}
	return true
}

func isDigits(v []byte) bool {
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(v) > 0
}

// isDecimal accepts digits with one point or none, before, among or after them, and a minus sign in front.
func isDecimal(v []byte) bool {
	v = bytes.TrimPrefix(v, []byte{'-'})
	whole, fraction, point := bytes.Cut(v, []byte{'.'})
	if !point || len(fraction) == 0 {
		return isDigits(whole)
	}
	return isDigits(fraction) && (len(whole) == 0 || isDigits(whole))
}

// isTime accepts HH:MM:SS, with or without a fraction of up to nine digits.
func isTime(v []byte) bool {
	const plain = len("15:04:05")
	if len(v) < plain || v[2] != ':' || v[5] != ':' {
		return false
	}
	if !between(v[:2], 0, 23) || !between(v[3:5], 0, 59) || !between(v[6:8], 0, 60) {
		return false
	}
	f := v[plain:]
	return len(f) == 0 || f[0] == '.' && len(f) <= 10 && isDigits(f[1:])
}

func isMonth(v []byte) bool { return isDigits(v[:4]) && between(v[4:6], 1, 12) }

// isMonthYear accepts YYYYMM, YYYYMMDD and YYYYMMwN.
func isMonthYear(v []byte) bool {
	switch {
	case len(v) == 6:
		return isMonth(v)
	case len(v) == 8 && v[6] == 'w':
		return isMonth(v) && v[7] >= '1' && v[7] <= '5'
	case len(v) == 8:
		return isMonth(v) && between(v[6:], 1, 31)
	}
	return false
}

// between reports whether v, two characters, is a number from low to high.
func between(v []byte, low, high int) bool {
	n := int(v[0]-'0')*10 + int(v[1]-'0')
	return isDigits(v) && n >= low && n <= high
}

// charSet is a set of bytes.
type charSet [4]uint64

func (s *charSet) add(c byte)      { s[c/64] |= 1 << (c % 64) }
func (s *charSet) has(c byte) bool { return s[c/64]>>(c%64)&1 == 1 }

// allows reports whether v is one of the enumerated values; of a field of tokens, whether each of them is.
func (r *tagRule) allows(v []byte) bool {
	if r.chars == nil && r.values == nil {
		return true
	}
	if r.kind != tokens {
		return r.allowsOne(v)
	}
	for more := true; more; {
		var one []byte
		one, v, more = bytes.Cut(v, []byte{' '})
		if !r.allowsOne(one) {
			return false
		}
	}
	return true
}

func (r *tagRule) allowsOne(v []byte) bool {
	if r.chars != nil {
		return len(v) == 1 && r.chars.has(v[0])
	}
	return r.values[string(v)]
}
