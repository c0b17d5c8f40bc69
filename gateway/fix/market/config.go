package market

import (
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// Bounds that are not configured.
const (
	MaxLevels        = 1000   // levels of one side of a book: the deepest that can be asked for, and what "full" is cut off at
	SnapshotTrades   = 10     // trades in a first snapshot
	MaxEntries       = 1000   // entries of one incremental update; more come in several
	MaxRequestID     = 64     // bytes of 262 and 324
	MaxPendingTrades = 16_384 // trades of an instrument that wait to be sent; beyond, they are taken from the view
)

// Limits bound what subscribers can ask for.
type Limits struct {
	Symbols       int // of one request
	Entries       int // in the snapshots that answer one request
	Subscriptions int // of one session: instruments, each counted once per request
	Total         int // of all sessions
}

// DefaultLimits are used for what is zero.
var DefaultLimits = Limits{Symbols: 500, Entries: 50_000, Subscriptions: 2_000, Total: 200_000}

// DefaultInterval is the least time between two updates of one book.
const DefaultInterval = 10 * time.Millisecond

// Options are a market's options; the zero value is usable.
type Options struct {
	Interval time.Duration // least time between two updates of one book; 0: DefaultInterval
	Limits   Limits
	Trades   int // trades that the view keeps of an instrument; 0: view.MaxTrades
}

// Source is where events come from: a lossy reader of the event ring. Read waits until there is something, and copies it
// to dst; ok is false when stop was closed or the ring has ended and is empty; lost counts events that this reader missed.
type Source interface {
	Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool)
}

// SessionKey names a connection, and with it its subscriptions. The caller gives out the numbers.
type SessionKey uint64

// Sink is where a connection takes messages for its client. Push hands over bodies that never change and may be kept; it
// returns false when the connection is over or takes no more. It must not wait, and must not call back.
type Sink interface {
	Push(bodies []message.Body) bool
}

// Config is what a market needs.
type Config struct {
	View    *view.View
	Source  func() Source // called once, by Run
	Options Options
}

// Market serves market data. Its methods may be called by any goroutine; Run once.
type Market struct {
	view   *view.View
	source func() Source
	o      Options

	poke chan struct{} // there is something to send

	mu          sync.Mutex
	instruments map[wire.InstrumentID]*instrument // those that somebody has subscribed to
	sessions    map[SessionKey]*session
	subscribed  int // of all sessions
	waiting     []*instrument
	seen        uint64 // the last command of which any event was read
	read        uint64 // the last command of which all events were read
	needs       uint64 // a command that the view must have before what was missed is taken from it
	settled     bool   // the first events were read, and nothing before them is outstanding
	swept       uint64 // before that: the view's last command that was looked at
	counts      counts
}

type counts struct{ snapshots, updates, trades, overruns, dropped uint64 }

// New returns a market that answers requests at once; updates begin with Run.
func New(c Config) *Market {
	o := c.Options
	o.Interval = orElse(o.Interval, DefaultInterval)
	o.Trades = orElse(o.Trades, view.MaxTrades)
	o.Limits.Symbols = orElse(o.Limits.Symbols, DefaultLimits.Symbols)
	o.Limits.Entries = orElse(o.Limits.Entries, DefaultLimits.Entries)
	o.Limits.Subscriptions = orElse(o.Limits.Subscriptions, DefaultLimits.Subscriptions)
	o.Limits.Total = orElse(o.Limits.Total, DefaultLimits.Total)
	return &Market{
		view: c.View, source: c.Source, o: o, poke: make(chan struct{}, 1),
		instruments: map[wire.InstrumentID]*instrument{}, sessions: map[SessionKey]*session{},
	}
}

func orElse[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Status is a market's own state in numbers. The counts are since New.
type Status struct {
	Sessions      int    // with subscriptions
	Subscriptions int    // an instrument of a request each
	Instruments   int    // subscribed to
	Seq           uint64 // the last command that was read from the ring
	Snapshots     uint64 // pushed to subscribers, one each
	Updates       uint64 // likewise
	Trades        uint64 // sent, counted once whatever the number of subscribers
	Overruns      uint64 // events that the reader missed
	Dropped       uint64 // sessions whose sink took no more
}

// Status returns the market's own state in numbers.
func (m *Market) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Status{
		Sessions: len(m.sessions), Subscriptions: m.subscribed, Instruments: len(m.instruments), Seq: m.read,
		Snapshots: m.counts.snapshots, Updates: m.counts.updates, Trades: m.counts.trades,
		Overruns: m.counts.overruns, Dropped: m.counts.dropped,
	}
}
