package report

import (
	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// Order is an order as execution reports show it: open, or as it stood when it ended.
type Order struct {
	ID         wire.OrderID
	Account    wire.AccountID
	Instrument wire.InstrumentID
	Side       wire.Side
	Type       wire.OrderType
	TIF        wire.TIF
	Flags      wire.OrderFlags
	Price      wire.Price  // ticks
	Qty        wire.Qty    // lots, total
	Filled     wire.Qty    // lots
	Funds      wire.Amount // of a market buy by funds, smallest units of the quote asset; otherwise 0
	Notional   wire.Amount // of its trades, smallest units of the quote asset
	EnteredNs  int64       // nanoseconds since the Unix epoch
	ClientID   wire.Text   // latest
}

// Left returns what has not traded, in lots.
func (o *Order) Left() wire.Qty { return o.Qty - o.Filled }

// Status returns where the order stands, taking it to be open unless it has traded completely.
func (o *Order) Status() wire.OrderStatus {
	switch {
	case o.Filled == 0:
		return wire.StatusNew
	case o.Filled < o.Qty:
		return wire.StatusPartiallyFilled
	}
	return wire.StatusFilled
}

// FromState returns the order that an OrderState tells of.
func FromState(m *wire.OrderState) Order {
	return Order{
		ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Price: m.Price, Qty: m.Qty, Filled: m.Filled, Notional: m.Notional, EnteredNs: m.EnteredNs, ClientID: m.ClientID,
	}
}

// Names are what a report calls the things that events know by number.
type Names struct {
	Account    wire.Text           // empty: none
	Instrument *decimal.Instrument // nil: none that is known
	Quote      wire.Text           // code of the instrument's quote asset
}

// Exec is the event that an execution report is born from.
type Exec struct {
	Seq    uint64      // the event's id: command …
	Ord    uint32      // … and ordinal
	TimeNs int64       // nanoseconds since the Unix epoch
	Origin wire.Origin // of the command: what a business reject refers to
}
