package history

import (
	"errors"

	"uncross/engine/wire"
)

// The errors that callers tell apart with errors.Is.
var (
	ErrForeign = errors.New("not a history store of this venue") // wrapped: says what was found and what to do
	ErrFormat  = errors.New("a history store of another format") // wrapped: says which
	ErrDamaged = errors.New("damaged history store")             // a record that cannot be read
	ErrGap     = errors.New("commands are missing")              // in what the source gave
	ErrClosed  = errors.New("history: the store is closed")
	ErrCursor  = errors.New("not a cursor of this list")
	ErrLimit   = errors.New("a page has 1 to 1,000 items")
	ErrTrimmed = errors.New("that far back is not kept")    // wrapped: says from where on it is
	ErrPeriod  = errors.New("not a period for a statement") // wrapped: says why
)

// Page sizes.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// scanBudget is how many items one page looks at when it leaves some out: a page that runs out of it ends early.
const scanBudget = 10_000

// Query asks for a page of a list.
type Query struct {
	Cursor     string            // where an earlier page ended; empty: the start
	Limit      int               // 0: DefaultLimit
	Oldest     bool              // oldest first; else newest first. A cursor belongs to one direction
	FromNs     int64             // only what happened at or after this time (orders: entered), nanoseconds since the Unix epoch; 0: any
	ToNs       int64             // only what happened before this time; 0: any
	Instrument wire.InstrumentID // only this one; 0: all
	Order      wire.OrderID      // only this one's fills and ledger entries; 0: all
}

// Page is a part of a list. Next continues it: after a page with More set it gives the rest; after the last page of an
// oldest-first list it gives what has been added since. A page may have few items, even none, and More set.
type Page[T any] struct {
	Items []T
	Next  string
	More  bool
}

// EventID names an event: the command and the event's number in it. The zero one is before all of them.
type EventID struct {
	Seq uint64
	Ord uint32
}

// Trade is a trade with its event's id and time.
type Trade struct {
	wire.Trade
	Seq    uint64
	Ord    uint32
	TimeNs int64
}

// Liquidity is an order's part in a fill.
type Liquidity uint8

// The parts.
const (
	Maker   Liquidity = 1 // rested
	Taker   Liquidity = 2 // came in
	Crossed Liquidity = 3 // either side of an auction's trade
)

// String returns "maker", "taker" or "auction".
func (l Liquidity) String() string {
	switch l {
	case Maker:
		return "maker"
	case Taker:
		return "taker"
	case Crossed:
		return "auction"
	}
	return "invalid"
}

// Fill is one account's side of a trade.
type Fill struct {
	Account    wire.AccountID
	Instrument wire.InstrumentID
	Order      wire.OrderID
	ClientID   wire.Text // of the order when it traded
	Side       wire.Side
	Liquidity  Liquidity
	Price      wire.Price
	Qty        wire.Qty
	Left       wire.Qty    // of the order after it
	Notional   wire.Amount // smallest units of the quote asset
	Fee        wire.Amount // same
	Trade      wire.TradeID
	Seq        uint64
	Ord        uint32
	TimeNs     int64
}

// Order is an order as it stands after the last command stored, or as it ended.
type Order struct {
	ID           wire.OrderID
	Account      wire.AccountID
	Instrument   wire.InstrumentID
	Side         wire.Side
	Type         wire.OrderType
	TIF          wire.TIF
	Flags        wire.OrderFlags
	Status       wire.OrderStatus
	CancelReason wire.CancelReason // where Status is canceled
	Partial      bool              // part of its life lies in a gap: Fee, EnteredSeq and Replaced may lack something
	Price        wire.Price
	Qty          wire.Qty // total
	Left         wire.Qty // not traded; of an ended order what was canceled
	Filled       wire.Qty
	Replaced     uint32      // times replaced
	Funds        wire.Amount // market buy by funds: as in the command
	Notional     wire.Amount // of its trades
	Fee          wire.Amount // of its trades
	EnteredNs    int64
	UpdatedNs    int64
	EnteredSeq   uint64    // command that entered it
	UpdatedSeq   uint64    // command that changed it last; an image counts as one
	ClientID     wire.Text // latest
	Lost         bool      // it was open before a gap and is not after it: how it ended is not known. Not stored
}

// EntryKind says why a balance changed.
type EntryKind uint8

// The kinds of ledger entries.
const (
	Deposit    EntryKind = 1
	Withdrawal EntryKind = 2
	TradeLeg   EntryKind = 3 // notional paid or received; base asset received or given
	Fee        EntryKind = 4 // paid
	FeeIncome  EntryKind = 5 // both fees of a trade, to the venue's account
	Carry      EntryKind = 6 // what changed inside a gap, in one sum
)

// String returns the kind in lower case with underscores.
func (k EntryKind) String() string {
	switch k {
	case Deposit:
		return "deposit"
	case Withdrawal:
		return "withdrawal"
	case TradeLeg:
		return "trade"
	case Fee:
		return "fee"
	case FeeIncome:
		return "fee_income"
	case Carry:
		return "carry"
	}
	return "invalid"
}

// Entry is one change of what an account owns of an asset. Holds are no change: the total is available plus held.
type Entry struct {
	Account    wire.AccountID
	Number     uint64 // of the account's entries, from 1 without gaps
	Kind       EntryKind
	Asset      wire.AssetID
	Negative   bool        // Amount went out
	Amount     wire.Amount // smallest units of the asset
	Total      wire.Amount // after it
	Instrument wire.InstrumentID
	Trade      wire.TradeID
	Order      wire.OrderID // the account's own order; 0 where there is none
	Seq        uint64
	Ord        uint32
	TimeNs     int64
	Reference  wire.Text // of a deposit or withdrawal
}

// BalanceAfter is what an account has of an asset after an event, in smallest units.
type BalanceAfter struct {
	Asset     wire.AssetID
	Available wire.Amount
	Held      wire.Amount
	Estimated bool // the sum of the two is right, but how it is divided is not known; see Balances
}

// OrderTerms is what an order asked for at a moment.
type OrderTerms struct {
	ClientID wire.Text
	Price    wire.Price
	Qty      wire.Qty // total
}

// AccountEvent is an event as it concerns one account.
type AccountEvent struct {
	Event wire.Event
	// Side is, of a trade, the account's side; a trade of an account with itself is two AccountEvents, the buy first. It is
	// 0 in every other event, and in a trade that brought the venue's account its fees.
	Side wire.Side
	// Order is how the account's order stood just before a trade, a cancel or a replacement: with the event's own fields
	// (side, quantity left) it makes an execution report. It is zero elsewhere: what accepts or rejects an order has it all.
	Order OrderTerms
	// Balances are those that the event changed, after it: at most two. None where no money moved.
	Balances []BalanceAfter
}

// ID returns the event's id.
func (e *AccountEvent) ID() EventID { return EventID{e.Event.Seq, e.Event.Ord} }

// ChangeReason says why a balance changed. Other than ledger entries, changes tell of holds as well.
type ChangeReason uint8

// The reasons.
const (
	ByDeposit    ChangeReason = 1
	ByWithdrawal ChangeReason = 2
	ByOrder      ChangeReason = 3 // a new order's hold
	ByReplace    ChangeReason = 4 // a changed order's hold
	ByCancel     ChangeReason = 5 // a hold released
	ByTrade      ChangeReason = 6
	ByFeeIncome  ChangeReason = 7 // the venue's account alone
	ByCarry      ChangeReason = 8 // what changed inside a gap, in one sum
)

// String returns the reason in lower case with underscores.
func (r ChangeReason) String() string {
	switch r {
	case ByDeposit:
		return "deposit"
	case ByWithdrawal:
		return "withdrawal"
	case ByOrder:
		return "order"
	case ByReplace:
		return "replace"
	case ByCancel:
		return "cancel"
	case ByTrade:
		return "trade"
	case ByFeeIncome:
		return "fee_income"
	case ByCarry:
		return "carry"
	}
	return "invalid"
}

// BalanceChange is what one event did to an account's balances.
type BalanceChange struct {
	Account    wire.AccountID
	Reason     ChangeReason
	Side       wire.Side         // of the account's order; 0 where there is none
	Instrument wire.InstrumentID // 0 where there is none
	Order      wire.OrderID      // the account's own; 0 where there is none
	Trade      wire.TradeID
	Seq        uint64
	Ord        uint32
	TimeNs     int64
	Reference  wire.Text      // of a deposit or withdrawal
	Balances   []BalanceAfter // after it: one or two assets
}

// Gap is a run of commands that the store has nothing of.
type Gap struct{ From, To uint64 }
