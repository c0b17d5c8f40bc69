package feed

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
	"uncross/gateway/progress"
	"uncross/gateway/view"
)

// Source is where events come from: a lossy reader of the event ring. Read waits until there is something, and copies it
// to dst; ok is false when stop was closed or the ring has ended and is empty; lost counts events that this reader missed.
type Source interface {
	Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool)
}

// Options are what a feed needs, and what it can be told.
type Options struct {
	View    *view.View       // needed
	History History          // trades, candles and statistics of the past; nil: as far as the view knows them
	Ready   func() bool      // the view has all that was published before Run; nil: it has
	Clock   func() time.Time // needed
	Logger  *slog.Logger     // nil: none

	// The least time between two messages of a topic; 0: the constants of the same names.
	BookInterval, AuctionInterval, CandlesInterval, StatisticsInterval time.Duration

	LogBytes, LogMessages int // kept of one topic and encoding for those who are behind; 0: the constants of the same names

	// Frame wraps a payload as one frame of the connection; nil: the payload is sent as it is. Deflate does it with the payload
	// compressed, and returns nil where that does not pay; nil: nothing is compressed. Both return memory of their own.
	Frame   func(payload []byte, binary bool) []byte
	Deflate func(payload []byte, binary bool) []byte
}

// Feed publishes market data. Its methods may be called by any goroutine; Run once.
type Feed struct {
	o Options

	counts  counts
	applied progress.Number // seq, for those who wait

	mu      sync.Mutex
	ready   bool       // the books were loaded once
	whole   bool       // the books are as of command seq, all of it
	wholly  *sync.Cond // whole has become true
	ended   bool       // Run is over
	seq     uint64     // the last whole command
	timeNs  int64      // engine time of it
	ord     uint32     // while not whole: events of the next one that were applied
	books   *mirror.Books
	markets []*market // by id: entry i has id i+1
	assets  map[wire.AssetID]wire.Asset
	touched []*market // books that the present command changed
	changes []mirror.Change
	queue   []*topic  // have something to publish
	later   dues      // … and may not yet
	hungry  []*line   // somebody waits for the books to be whole, to make a snapshot
	wakes   []*Reader // to be woken once the mutex is free
	minute  int64     // beginning of the minute that the 24 hours are at
	e       encoder
	said    content // what is being published

	// Run's own.
	seen    uint64 // the last command of which something was read
	settled bool   // an event has continued what was loaded
	waking  []*Reader
}

// New returns a feed that has nothing until Run has loaded the books.
func New(o Options) (*Feed, error) {
	if o.View == nil || o.Clock == nil {
		return nil, errors.New("feed: there must be a view and a clock")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	o.BookInterval = orElse(o.BookInterval, BookInterval)
	o.AuctionInterval = orElse(o.AuctionInterval, AuctionInterval)
	o.CandlesInterval = orElse(o.CandlesInterval, CandlesInterval)
	o.StatisticsInterval = orElse(o.StatisticsInterval, StatisticsInterval)
	o.LogBytes = orElse(o.LogBytes, LogBytes)
	o.LogMessages = orElse(o.LogMessages, LogMessages)
	f := &Feed{o: o, books: mirror.New(), assets: map[wire.AssetID]wire.Asset{}}
	f.wholly = sync.NewCond(&f.mu)
	return f, nil
}

func orElse[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// Subscribe returns a reader of a topic. wake is called when a reader that had all there was can read on; it must not wait,
// and must not call back. Errors: ErrNotReady, ErrNoInstrument, ErrNoTopic.
func (f *Feed) Subscribe(t Topic, enc Encoding, wake func()) (*Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ready {
		return nil, ErrNotReady
	}
	if !t.Channel.Valid() || enc > Binary || (t.Channel == Candles) != t.Interval.Valid() || t.Channel != Candles && t.Interval != 0 {
		return nil, ErrNoTopic
	}
	m := f.market(t.Instrument)
	if m == nil {
		return nil, ErrNoInstrument
	}
	l := f.line(m.topic(t.Channel, t.Interval), enc)
	l.readers++
	f.counts.readers.Add(1)
	return &Reader{f: f, l: l, wake: wake}, nil
}

// line returns a topic's line of an encoding, made where there is none.
func (f *Feed) line(t *topic, enc Encoding) *line {
	if t.lines[enc] == nil {
		if !t.active() {
			t.told = t.m.changed(t)
			t.m.forget(t.key.Channel)
		}
		t.lines[enc] = &line{t: t, enc: enc}
	}
	return t.lines[enc]
}

// market returns an instrument's market, nil where there is none.
func (f *Feed) market(id wire.InstrumentID) *market {
	if id == 0 || int(id) > len(f.markets) {
		return nil
	}
	return f.markets[id-1]
}

// interval returns the least time between two messages of a channel.
func (f *Feed) interval(c Channel) time.Duration {
	switch c {
	case Book, BBO:
		return f.o.BookInterval
	case Auction:
		return f.o.AuctionInterval
	case Candles:
		return f.o.CandlesInterval
	case Statistics:
		return f.o.StatisticsInterval
	}
	return 0
}

// counts are what Counts tells.
type counts struct {
	overruns, resyncs, broken, messages, bytes, snapshots, restarts, slow atomic.Uint64
	readers                                                               atomic.Int64
}

// Counts is a feed's own state in numbers. The counts are since New.
type Counts struct {
	Ready     bool   // the books were loaded
	Seq       uint64 // the last command that was applied whole
	Readers   int
	Topics    int    // with readers, or that had some until lately; an encoding each
	Overruns  uint64 // events that were missed
	Resyncs   uint64 // times that the books were loaded
	Broken    uint64 // of them because events contradicted the books
	Messages  uint64 // encoded
	Bytes     uint64 // of them
	Snapshots uint64 // encoded
	Restarts  uint64 // times that a topic's readers were given a new snapshot because what changed was not known
	Slow      uint64 // times that a reader fell behind what is kept
}

// Status returns the feed's own state in numbers.
func (f *Feed) Status() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Counts{
		Ready: f.ready, Seq: f.seq, Readers: int(f.counts.readers.Load()),
		Overruns: f.counts.overruns.Load(), Resyncs: f.counts.resyncs.Load(), Broken: f.counts.broken.Load(),
		Messages: f.counts.messages.Load(), Bytes: f.counts.bytes.Load(), Snapshots: f.counts.snapshots.Load(),
		Restarts: f.counts.restarts.Load(), Slow: f.counts.slow.Load(),
	}
	for _, m := range f.markets {
		for t := range m.all() {
			for _, l := range t.lines {
				if l != nil {
					c.Topics++
				}
			}
		}
	}
	return c
}
