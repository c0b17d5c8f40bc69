package engine

import (
	"iter"

	"uncross/book"
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// Read access, for tests and tools that own the engine. A running venue is read through views that are built from events.

// Book is the reading side of an instrument's book.
type Book struct{ b *book.Book }

// Best returns the best price of a side and what rests there.
func (b Book) Best(s wire.Side) (wire.Price, wire.Qty, bool) { return b.b.Best(s) }

// Levels appends up to depth price levels of a side to dst, the best first.
func (b Book) Levels(s wire.Side, depth int, dst []book.Level) []book.Level {
	return b.b.Levels(s, depth, dst)
}

// Orders walks the orders of a side in priority order.
func (b Book) Orders(s wire.Side) iter.Seq[book.Order] { return b.b.Orders(s) }

// Len returns the number of open orders.
func (b Book) Len() int { return b.b.Len() }

// Crossed reports whether the best bid is at or above the best ask.
func (b Book) Crossed() bool { return b.b.Crossed() }

// Auction returns what an uncrossing would come to now.
func (b Book) Auction(reference wire.Price) (book.AuctionResult, bool) {
	return b.b.Auction(reference, reference != 0)
}

// Book returns the book of an instrument, which must exist.
func (e *Engine) Book(id wire.InstrumentID) Book { return Book{e.book(id)} }

// Initialised reports whether there is a venue, and returns the command that created it.
func (e *Engine) Initialised() (wire.Genesis, bool) { return e.venue, e.rules != 0 }

// AssetByCode returns an asset's definition.
func (e *Engine) AssetByCode(code wire.Text) (wire.Asset, bool) {
	id := e.findAsset(&code)
	if id == 0 {
		return wire.Asset{}, false
	}
	return e.assets.At(handle(id)).def, true
}

// InstrumentBySymbol returns an instrument's definition.
func (e *Engine) InstrumentBySymbol(symbol wire.Text) (wire.Instrument, bool) {
	return e.Instrument(e.findInstrument(&symbol))
}

// Instrument returns an instrument's definition.
func (e *Engine) Instrument(id wire.InstrumentID) (wire.Instrument, bool) {
	if !has(e.instruments, id) {
		return wire.Instrument{}, false
	}
	return e.instruments.At(handle(id)).def, true
}

// Phase returns an instrument's phase, 0 where there is no such instrument.
func (e *Engine) Phase(id wire.InstrumentID) wire.Phase {
	if !has(e.instruments, id) {
		return 0
	}
	return e.instruments.At(handle(id)).phase
}

// LastTrade returns the price and quantity of an instrument's last trade, zero where there was none.
func (e *Engine) LastTrade(id wire.InstrumentID) (wire.Price, wire.Qty) {
	if !has(e.instruments, id) {
		return 0, 0
	}
	in := e.instruments.At(handle(id))
	return in.lastPrice, in.lastQty
}

// AccountByName returns an account's definition.
func (e *Engine) AccountByName(name wire.Text) (wire.Account, bool) {
	id := e.findAccount(&name)
	if id == 0 {
		return wire.Account{}, false
	}
	return e.accounts.At(handle(id)).def, true
}

// UserByName returns a user's definition.
func (e *Engine) UserByName(name wire.Text) (wire.User, bool) {
	id := e.findUser(&name)
	if id == 0 {
		return wire.User{}, false
	}
	return e.users.At(handle(id)).def, true
}

// FirmByName returns a firm's definition.
func (e *Engine) FirmByName(name wire.Text) (wire.Firm, bool) {
	id := e.findFirm(&name)
	if id == 0 {
		return wire.Firm{}, false
	}
	return e.firms.At(handle(id)).def, true
}

// Key returns a key's definition.
func (e *Engine) Key(id wire.KeyID) (wire.Key, bool) {
	if !has(e.keys, id) {
		return wire.Key{}, false
	}
	return e.keys.At(handle(id)).def, true
}

// KeyByPub returns the definition of the key with a public key.
func (e *Engine) KeyByPub(pub [32]byte) (wire.Key, bool) { return e.Key(e.findKey(&pub)) }

// Sessions returns how many sessions there are: their ids are 1 to that.
func (e *Engine) Sessions() int { return e.sessions.Len() }

// Session returns a session's definition.
func (e *Engine) Session(id wire.SessionID) (wire.Session, bool) {
	if !has(e.sessions, id) {
		return wire.Session{}, false
	}
	return e.sessions.At(handle(id)).def, true
}

// SessionByCompID returns the definition of the session with a client's name.
func (e *Engine) SessionByCompID(compID wire.Text) (wire.Session, bool) {
	return e.Session(e.findSession(&compID))
}

// Balance returns what an account has of an asset.
func (e *Engine) Balance(a wire.AccountID, s wire.AssetID) (available, held wire.Amount) {
	if h, ok := e.byBalance.Get(balanceKey(a, s)); ok {
		b := e.balances.At(h)
		return b.available, b.held
	}
	return amount.Amount{}, amount.Amount{}
}

// Issued returns what exists of an asset: deposits less withdrawals.
func (e *Engine) Issued(s wire.AssetID) wire.Amount {
	if !has(e.assets, s) {
		return wire.Amount{}
	}
	return e.assets.At(handle(s)).issued
}

// Order returns an open order.
func (e *Engine) Order(id wire.OrderID) (wire.OrderState, bool) {
	h, ok := e.byOrder.Get(uint64(id))
	if !ok {
		return wire.OrderState{}, false
	}
	return e.orders.At(h).state(), true
}

// OpenOrders returns the number of open orders.
func (e *Engine) OpenOrders() int { return e.orders.Len() }

// Remembered returns the number of requests that are remembered with their answers.
func (e *Engine) Remembered() int { return e.repeats.Len() }
