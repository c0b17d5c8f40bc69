package view

import (
	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// Instrument is an instrument with its changing part.
type Instrument struct {
	decimal.Instrument
	BaseCode  wire.Text
	QuoteCode wire.Text
	Phase     wire.Phase
	Last      Trade // the last trade. Price 0: none yet; ID 0 with a price: traded before the image that the view began with
}

// Trade is one trade as the public sees it.
type Trade struct {
	ID     wire.TradeID
	Seq    uint64 // event id: command …
	Ord    uint32 // … and number in the command
	TimeNs int64  // nanoseconds since the Unix epoch
	Price  wire.Price
	Qty    wire.Qty
	Taker  wire.Side // 0 in an auction
}

// Balance is an account's balance of one asset in smallest units. The account owns the sum of the two.
type Balance struct {
	Asset     wire.AssetID
	Available wire.Amount
	Held      wire.Amount
}

// Order is an open order.
type Order struct {
	ID         wire.OrderID
	Account    wire.AccountID
	Instrument wire.InstrumentID
	Side       wire.Side
	Type       wire.OrderType
	TIF        wire.TIF
	Flags      wire.OrderFlags
	Status     wire.OrderStatus
	Price      wire.Price
	Qty        wire.Qty // total
	Left       wire.Qty
	Filled     wire.Qty
	Notional   wire.Amount // of its trades, smallest units of the quote asset
	Held       wire.Amount // quote asset for a buy, base asset for a sell
	EnteredNs  int64
	UpdatedNs  int64  // last change; after an image the time of entry
	UpdatedSeq uint64 // command of the last change; after an image the image's
	ClientID   wire.Text
}

// Level is one price of a book.
type Level struct {
	Price  wire.Price
	Qty    wire.Qty
	Orders int
}

// Book is the best levels of an instrument, as of command Seq. Best first; in a call auction the sides may cross.
type Book struct {
	Instrument wire.InstrumentID
	Seq        uint64
	TimeNs     int64  // engine time of Seq
	Sequence   uint64 // command that changed this instrument's book last; after an image the image's
	Bids, Asks []Level
}

// Picture is every instrument with every resting order, as of command Seq: what a mirror of the books starts from.
type Picture struct {
	Seq         uint64
	TimeNs      int64       // engine time of Seq
	Instruments []BookState // in the order of ids
}

// BookState is an instrument with its resting orders. After an image the two commands are the image's.
type BookState struct {
	Instrument
	Sequence uint64         // command that changed the book last; 0: none has
	BookNs   int64          // engine time of it
	Was      wire.Phase     // the phase before the present one; the present one where that is not known
	PhaseSeq uint64         // command that changed the phase last; 0: none has
	PhaseNs  int64          // engine time of it
	Result   wire.Uncrossed // of the auction that ended with the present phase; Instrument 0: none did, or it is not known
	Orders   []Resting      // bids, then asks, each in priority order
}

// Resting is a resting order, as far as the public sees it.
type Resting struct {
	Order wire.OrderID
	Side  wire.Side
	Price wire.Price
	Qty   wire.Qty // left
}

// Status is the view's own state in numbers.
type Status struct {
	Initialised                                                   bool      // the venue has had its genesis
	Venue                                                         wire.Text // its name; after an image that does not carry it, the name of its own firm
	ClusterID                                                     [16]byte
	Applied                                                       uint64 // last command
	TimeNs                                                        int64  // engine time of it
	HashSeq                                                       uint64 // command of the last state hash seen, 0: none yet
	Hash                                                          wire.StateHash
	Assets, Instruments, Firms, Users, Keys, Accounts, OpenOrders int
	Sessions                                                      int
}
