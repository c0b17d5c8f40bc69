package stream

import (
	"errors"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/history"
)

// Channel is a kind of messages that a client subscribes to.
type Channel uint8

// The channels, the private ones last.
const (
	Book Channel = iota + 1
	Orders
	BBO
	Trades
	Auction
	Phases
	Candles
	Statistics
	Executions
	Balances
)

var channelNames = [...]string{Book: "book", Orders: "orders", BBO: "bbo", Trades: "trades", Auction: "auction", Phases: "status",
	Candles: "candles", Statistics: "statistics", Executions: "executions", Balances: "balances"}

// String returns the channel's name, as in requests and messages.
func (c Channel) String() string {
	if c == 0 || int(c) >= len(channelNames) {
		return "invalid"
	}
	return channelNames[c]
}

func parseChannel(name string) (Channel, bool) {
	for c := Book; c <= Balances; c++ {
		if channelNames[c] == name {
			return c, true
		}
	}
	return 0, false
}

// private reports whether the channel needs a login.
func (c Channel) private() bool { return c >= Executions }

// wild reports whether the symbol * stands for every instrument: for channels with few and small messages.
func (c Channel) wild() bool { return c == BBO || c == Phases || c == Statistics }

// Topic is a public channel of one instrument.
type Topic struct {
	Channel    Channel
	Instrument wire.InstrumentID
	Interval   candles.Interval // of Candles; else 0
}

// Message is one encoded message that all subscribers of a topic share. Nobody changes what it returns.
type Message interface {
	Frame() []byte    // a whole WebSocket frame, as Frame of this package makes it
	Deflated() []byte // the same as Deflate makes it, nil where that does not pay; made when it is first asked for
}

// Cursor is a subscriber's place in a topic. It is used by one goroutine.
type Cursor interface {
	// Next appends the messages that come next, up to about so many bytes but at least one where there is one: first a
	// snapshot, then what continues it. ErrSlow: some are no longer there, and the channel has no other way to go on.
	Next(dst []Message, bytes int) ([]Message, error)
	Close()
}

// Feed is where public messages come from.
type Feed interface {
	// Subscribe opens a cursor. wake is called when there is something new; it never waits. Errors: ErrNoInstrument,
	// ErrNotReady.
	Subscribe(t Topic, binary bool, wake func()) (Cursor, error)
}

// The errors of a Feed that callers tell apart with errors.Is.
var (
	ErrNoInstrument = errors.New("stream: the feed has no such instrument")
	ErrNotReady     = errors.New("stream: the feed is not ready")
	ErrSlow         = errors.New("stream: messages were lost to a reader that is too slow")
)

// History is where private messages come from: history.Store.
type History interface {
	// AccountEvents returns what concerns an account behind an event, oldest first, and where to go on.
	AccountEvents(acc wire.AccountID, after history.EventID, limit int) (es []history.AccountEvent, last history.EventID, more bool, err error)
	// Balances returns an account's balances as of an event.
	Balances(acc wire.AccountID) (at history.EventID, bs []history.BalanceAfter, err error)
	// Behind counts what AccountEvents would still give behind an event, but not beyond most.
	Behind(acc wire.AccountID, after history.EventID, most int) (int, error)
	// Watch has poke called when there is news of an account. poke never waits.
	Watch(acc wire.AccountID, poke func()) (cancel func())
	// End returns the last event that is stored.
	End() history.EventID
}
