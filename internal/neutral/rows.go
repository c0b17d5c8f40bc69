package neutral

import (
	"fmt"

	"uncross/book"
)

// Kind is what a command does: one of the letters of the column "cmd".
type Kind byte

// The kinds of commands.
const (
	New     Kind = 'N' // new order in continuous matching
	Enter   Kind = 'A' // order accepted in a call auction: rests without matching
	Uncross Kind = 'X' // uncross the call auction now
	Cancel  Kind = 'C' // cancel what is left of an order
	Resting Kind = 'R' // an order that rested before the recording starts
)

// Command is one row of the commands file.
type Command struct {
	N       uint64 // 1, 2, 3, …
	TimeMs  int64  // the set's own zero
	Kind    Kind
	ID      uint64 // of the order, unique within the file; 0 for Uncross
	Side    book.Side
	Market  bool // no price: takes what there is
	TIF     book.TimeInForce
	Price   int64 // limit; Uncross: the exchange's auction price, 0 when nothing traded
	Qty     int64 // Cancel: what the exchange says was left; Uncross: the exchange's auction volume
	LineNum int   // line of the file, from 1 with the header
	Text    string
}

// String returns the row as it stands in the file, with its line number.
func (c *Command) String() string { return fmt.Sprintf("line %d: %s", c.LineNum, c.Text) }

// Trade is one row of the trades file, or one trade that a driver made.
type Trade struct {
	N         uint64 // command that caused it
	Buy, Sell uint64 // order ids; 0 in a driver's trade: it cannot know
	Price     int64
	Qty       int64
	Taker     book.Side // 0 in an auction
}

// is reports whether t is the trade that the exchange has. An order id of 0 stands for one that a driver cannot know.
func (t Trade) is(want Trade) bool {
	if t.Buy == 0 {
		want.Buy = 0
	}
	if t.Sell == 0 {
		want.Sell = 0
	}
	return t == want
}

// String returns the trade in the words of the file.
func (t Trade) String() string {
	taker := "N"
	switch t.Taker {
	case book.Buy:
		taker = "B"
	case book.Sell:
		taker = "S"
	}
	return fmt.Sprintf("command %d: buy %d, sell %d, price %d, qty %d, taker %s", t.N, t.Buy, t.Sell, t.Price, t.Qty, taker)
}

// SnapshotDepth is the number of levels of each side in a snapshot.
const SnapshotDepth = 10

// ContinuousPhase is the number of the continuous phase in a snapshot.
const ContinuousPhase = 2

// Level is one price level of a snapshot; all zero where there is none.
type Level struct{ Price, Qty int64 }

// Snapshot is one row of the snapshots file.
type Snapshot struct {
	N       uint64 // the first command after which the book equals it; 0: none is named
	Phase   int
	Trades  uint64 // trades so far
	Bids    [SnapshotDepth]Level
	Asks    [SnapshotDepth]Level
	LineNum int
}

// Counted reports whether the snapshot is one of those that a set's figures count: in continuous trading, once
// something has traded.
func (s *Snapshot) Counted() bool { return s.Phase == ContinuousPhase && s.Trades > 0 }
