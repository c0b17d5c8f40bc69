package mirror

import (
	"errors"

	"uncross/book"
	"uncross/engine/wire"
)

// ErrBroken is wrapped by the errors of events that contradict the books: something was lost or came twice. The books do not
// follow the engine any more and are to be loaded anew.
var ErrBroken = errors.New("mirror: the events contradict the books")

// ChangeKind says what happened to a resting order.
type ChangeKind uint8

// The kinds of change.
const (
	Added   ChangeKind = 1 // it rests now, behind all others of its price
	Changed ChangeKind = 2 // its quantity is another now; it keeps its place
	Removed ChangeKind = 3 // it does not rest any more
)

// String returns "add", "change" or "remove".
func (k ChangeKind) String() string {
	switch k {
	case Added:
		return "add"
	case Changed:
		return "change"
	case Removed:
		return "remove"
	}
	return "invalid"
}

// Change is one change of a resting order.
type Change struct {
	Kind       ChangeKind
	Side       wire.Side
	Instrument wire.InstrumentID
	Order      wire.OrderID
	Price      wire.Price
	Qty        wire.Qty // left now; 0 when removed
}

// Resting is a resting order.
type Resting struct {
	Order wire.OrderID
	Side  wire.Side
	Price wire.Price
	Qty   wire.Qty // left
}

// Level is one price of one side.
type Level = book.Level

// LoadState is one instrument as of a command, as far as its book is concerned.
type LoadState struct {
	Instrument wire.Instrument
	Phase      wire.Phase
	LastPrice  wire.Price // 0: no trade yet
	Sequence   uint64     // the command that changed the book last
	Orders     []Resting  // each side in priority order; the sides may be mixed
}
