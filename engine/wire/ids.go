package wire

import (
	"encoding/binary"

	"uncross/book"
	"uncross/engine/amount"
)

// Words shared with the book, under the names that the rest of the code uses.
type (
	OrderID = book.OrderID     // venue's order number, from 1, never used twice
	Price   = book.Price       // ticks of the instrument
	Qty     = book.Qty         // lots of the instrument
	Side    = book.Side        // buy or sell
	TIF     = book.TimeInForce // gtc, ioc, fok
	Amount  = amount.Amount    // smallest units of an asset
)

// The two sides and the times in force.
const (
	Buy  = book.Buy
	Sell = book.Sell
	GTC  = book.GTC
	IOC  = book.IOC
	FOK  = book.FOK
)

// Numbers that the engine gives out, each dense from 1 in the order of creation. Zero means none.
type (
	TradeID      uint64
	AssetID      uint32
	InstrumentID uint32
	FirmID       uint32
	UserID       uint32
	KeyID        uint32
	AccountID    uint32
)

// What Genesis creates: the venue's own firm, the first operator with its key, and the account that earns the fees.
const (
	VenueFirm     FirmID    = 1
	OperatorUser  UserID    = 1
	OperatorKey   KeyID     = 1
	VenueAccount  AccountID = 1
	FirstCommand            = 1 // commands are numbered from 1
	NoKey         KeyID     = 0 // commands that come from the venue itself (genesis, ticks)
	BasisPoints             = 10_000
	CurrentRules            = 1 // version of the matching and money rules that this code implements
	MaxTextLength           = 36
)

// OrderType is how an order is priced.
type OrderType uint8

// The order types (FIX tag 40).
const (
	Limit  OrderType = 1 // trades at Price or better
	Market OrderType = 2 // trades at what the book gives; bounded by Price (protection) or Funds where stated
)

// String returns "limit" or "market".
func (t OrderType) String() string {
	switch t {
	case Limit:
		return "limit"
	case Market:
		return "market"
	}
	return "invalid"
}

// OrderFlags are an order's further conditions, a set of bits.
type OrderFlags uint8

// PostOnly refuses an order that would trade on entry.
const PostOnly OrderFlags = 1

// Phase is an instrument's trading phase.
type Phase uint8

// The phases.
const (
	Closed     Phase = 1 // no entry; cancels are accepted
	Auction    Phase = 2 // orders rest without trading; leaving the phase for another than Halted uncrosses
	Continuous Phase = 3 // orders trade on entry
	Halted     Phase = 4 // no entry, no trading; cancels are accepted
)

// Valid reports whether p is a known phase.
func (p Phase) Valid() bool { return p >= Closed && p <= Halted }

// String returns the phase's name in lower case.
func (p Phase) String() string {
	switch p {
	case Closed:
		return "closed"
	case Auction:
		return "auction"
	case Continuous:
		return "continuous"
	case Halted:
		return "halted"
	}
	return "invalid"
}

// Role is what a key may do.
type Role uint8

// The roles.
const (
	Trader    Role = 1 // orders on its user's accounts, and reading them
	ReadOnly  Role = 2 // reading its user's accounts
	Custodian Role = 3 // deposits and withdrawals on every account, and reading their balances
	Operator  Role = 4 // reference data, phases, keys, mass cancel, reading everything; no orders, no money
)

// Valid reports whether r is a known role.
func (r Role) Valid() bool { return r >= Trader && r <= Operator }

// String returns the role's name in lower case.
func (r Role) String() string {
	switch r {
	case Trader:
		return "trader"
	case ReadOnly:
		return "read-only"
	case Custodian:
		return "custodian"
	case Operator:
		return "operator"
	}
	return "invalid"
}

// OrderStatus is where an order stands (FIX tag 39).
type OrderStatus uint8

// The order statuses.
const (
	StatusNew             OrderStatus = 1 // rests, nothing traded yet
	StatusPartiallyFilled OrderStatus = 2 // rests, something traded
	StatusFilled          OrderStatus = 3 // traded completely
	StatusCanceled        OrderStatus = 4 // ended with a rest that did not trade
	StatusRejected        OrderStatus = 5 // never entered
)

// Open reports whether an order of this status rests in a book.
func (s OrderStatus) Open() bool { return s == StatusNew || s == StatusPartiallyFilled }

// String returns the status in lower case with underscores.
func (s OrderStatus) String() string {
	switch s {
	case StatusNew:
		return "new"
	case StatusPartiallyFilled:
		return "partially_filled"
	case StatusFilled:
		return "filled"
	case StatusCanceled:
		return "canceled"
	case StatusRejected:
		return "rejected"
	}
	return "invalid"
}

// Text is up to 36 bytes of printable ASCII without spaces at the ends: client order ids, references, symbols, names.
// It is a plain value without pointers, comparable with ==.
type Text struct {
	n byte
	b [MaxTextLength]byte
}

const textSize = 1 + MaxTextLength

// ParseText returns s as a Text, and false when s is longer than 36 bytes, has a byte outside printable ASCII
// (0x20–0x7e), or begins or ends with a space. The empty text is valid.
func ParseText(s string) (Text, bool) {
	var t Text
	if len(s) > MaxTextLength {
		return Text{}, false
	}
	t.n = byte(copy(t.b[:], s))
	return t, t.Valid()
}

// MustText is ParseText for text known to be good; it panics when it is not.
func MustText(s string) Text {
	t, ok := ParseText(s)
	if !ok {
		panic("wire: not a valid text: " + s)
	}
	return t
}

// Valid reports whether t is well formed: bytes that came from outside may not be.
func (t *Text) Valid() bool {
	if t.n > MaxTextLength {
		return false
	}
	for _, c := range t.b[:t.n] {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	for _, c := range t.b[t.n:] {
		if c != 0 {
			return false
		}
	}
	return t.n == 0 || (t.b[0] != ' ' && t.b[t.n-1] != ' ')
}

// Len returns the number of bytes.
func (t *Text) Len() int { return int(t.n) }

// IsEmpty reports whether t has no bytes.
func (t *Text) IsEmpty() bool { return t.n == 0 }

// Bytes returns the text's bytes, valid as long as t is unchanged.
func (t *Text) Bytes() []byte { return t.b[:t.n] }

// String returns the text.
func (t Text) String() string { return string(t.b[:t.n]) }

// Words returns t as integers, for hashing: the bytes in little-endian order, and the length above the last four.
func (t *Text) Words() (w [5]uint64) {
	for i := range 4 {
		w[i] = binary.LittleEndian.Uint64(t.b[8*i:])
	}
	w[4] = uint64(binary.LittleEndian.Uint32(t.b[32:])) | uint64(t.n)<<32
	return w
}

// PutBytes writes t in its wire form, a length byte and 36 bytes padded with zeros, and returns their number.
func (t *Text) PutBytes(b []byte) int {
	b[0] = t.n
	return 1 + copy(b[1:textSize], t.b[:])
}

// GetBytes reads t from its wire form and returns the number of bytes. What it reads may not be Valid.
func (t *Text) GetBytes(b []byte) int {
	t.n = b[0]
	return 1 + copy(t.b[:], b[1:textSize])
}
