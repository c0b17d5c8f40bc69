// Package amount is the engine's money: an unsigned 128-bit count of an asset's smallest unit.
//
// Every operation is exact, and nothing here rounds. What cannot be represented is reported (Add, Sub, Mul), never wrapped.
// Values are plain and may be copied and compared with ==.
package amount

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Amount is Hi·2^64 + Lo smallest units of one asset. The zero value is zero.
type Amount struct{ Hi, Lo uint64 }

// Size is the encoded size of an Amount in bytes: Lo then Hi, little-endian.
const Size = 16

// FromUint64 returns v units.
func FromUint64(v uint64) Amount { return Amount{Lo: v} }

// IsZero reports whether a is zero.
func (a Amount) IsZero() bool { return a.Hi|a.Lo == 0 }

// Cmp returns -1, 0 or +1 as a is less than, equal to or greater than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a == b:
		return 0
	case a.Hi < b.Hi || (a.Hi == b.Hi && a.Lo < b.Lo):
		return -1
	}
	return 1
}

// Less reports whether a < b.
func (a Amount) Less(b Amount) bool { return a.Cmp(b) < 0 }

// Add returns a+b, and false when the sum does not fit 128 bits.
func (a Amount) Add(b Amount) (Amount, bool) {
	lo, c := bits.Add64(a.Lo, b.Lo, 0)
	hi, c := bits.Add64(a.Hi, b.Hi, c)
	return Amount{hi, lo}, c == 0
}

// Sub returns a-b, and false when b is greater than a.
func (a Amount) Sub(b Amount) (Amount, bool) {
	lo, c := bits.Sub64(a.Lo, b.Lo, 0)
	hi, c := bits.Sub64(a.Hi, b.Hi, c)
	return Amount{hi, lo}, c == 0
}

// MustAdd returns a+b and panics when the sum does not fit: for sums that an invariant bounds.
func (a Amount) MustAdd(b Amount) Amount {
	s, ok := a.Add(b)
	if !ok {
		panic("amount: sum beyond 128 bits")
	}
	return s
}

// MustSub returns a-b and panics when b is greater than a: for differences that an invariant keeps positive.
func (a Amount) MustSub(b Amount) Amount {
	d, ok := a.Sub(b)
	if !ok {
		panic("amount: negative difference")
	}
	return d
}

// Product returns x·y, which always fits.
func Product(x, y uint64) Amount {
	hi, lo := bits.Mul64(x, y)
	return Amount{hi, lo}
}

// Mul returns a·m, and false when the product does not fit 128 bits.
func (a Amount) Mul(m uint64) (Amount, bool) {
	hi1, lo := bits.Mul64(a.Lo, m)
	over, hi2 := bits.Mul64(a.Hi, m)
	hi, c := bits.Add64(hi1, hi2, 0)
	return Amount{hi, lo}, over == 0 && c == 0
}

// DivRem returns the quotient and remainder of a/d. It panics when d is zero.
func (a Amount) DivRem(d uint64) (Amount, uint64) {
	hi, r := a.Hi/d, a.Hi%d
	lo, r := bits.Div64(r, a.Lo, d)
	return Amount{hi, lo}, r
}

// Put writes a to the first Size bytes of b.
func (a Amount) Put(b []byte) {
	binary.LittleEndian.PutUint64(b, a.Lo)
	binary.LittleEndian.PutUint64(b[8:], a.Hi)
}

// Get reads an Amount from the first Size bytes of b.
func Get(b []byte) Amount {
	return Amount{Lo: binary.LittleEndian.Uint64(b), Hi: binary.LittleEndian.Uint64(b[8:])}
}

// ErrSyntax is returned by Parse for text that is not a plain decimal number.
var ErrSyntax = errors.New("not a plain decimal number")

// ErrPrecision is returned by Parse for more digits after the point than the asset has.
var ErrPrecision = errors.New("more decimals than the asset has")

// ErrRange is returned by Parse for a number beyond 128 bits.
var ErrRange = errors.New("number too large")

// Parse reads plain decimal text such as "12.5" as units of 10^-decimals. No sign, no exponent, no spaces; digits are
// needed on both sides of a point. Trailing zeros beyond the asset's decimals are accepted.
func Parse(s string, decimals int) (Amount, error) {
	var a Amount
	whole, frac, point := 0, 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if point || whole == 0 {
				return Amount{}, ErrSyntax
			}
			point = true
			continue
		}
		if c < '0' || c > '9' {
			return Amount{}, ErrSyntax
		}
		if point {
			frac++
			if frac > decimals {
				if c != '0' {
					return Amount{}, ErrPrecision
				}
				continue
			}
		} else {
			whole++
		}
		var ok1, ok2 bool
		a, ok1 = a.Mul(10)
		a, ok2 = a.Add(Amount{Lo: uint64(c - '0')})
		if !ok1 || !ok2 {
			return Amount{}, ErrRange
		}
	}
	if whole == 0 || (point && frac == 0) {
		return Amount{}, ErrSyntax
	}
	for ; frac < decimals; frac++ {
		var ok bool
		if a, ok = a.Mul(10); !ok {
			return Amount{}, ErrRange
		}
	}
	return a, nil
}

// Append appends a as decimal text with the given number of decimals, without trailing zeros after the point.
func (a Amount) Append(dst []byte, decimals int) []byte {
	var buf [64]byte
	i, n := len(buf), 0
	trim := true
	for !a.IsZero() || n <= decimals {
		var d uint64
		a, d = a.DivRem(10)
		if n < decimals && d == 0 && trim {
			n++
			continue
		}
		if n == decimals && i < len(buf) {
			i--
			buf[i] = '.'
		}
		trim = false
		i--
		buf[i] = byte('0' + d)
		n++
	}
	return append(dst, buf[i:]...)
}

// Text returns a as decimal text with the given number of decimals, as Append.
func (a Amount) Text(decimals int) string { return string(a.Append(nil, decimals)) }

// String returns the count of smallest units.
func (a Amount) String() string { return a.Text(0) }
