package feed

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

// began is where venuetest's time begins.
const began = 1_700_000_000_000_000_000

// stage is a venue with a feed: engine, ring, view, history; and the truth, written down from the engine after every command.
type stage struct {
	t     testing.TB
	gen   *venuetest.Gen
	e     *engine.Engine
	ring  *ring.Broadcast[wire.Event]
	view  *view.View
	store *history.Store
	f     *Feed
	buf   []wire.Event
	truth truth
}

// truth is what the engine said.
type truth struct {
	mu     sync.Mutex
	defs   map[wire.InstrumentID]decimal.Instrument
	of     map[wire.InstrumentID]*facts
	phases map[wire.InstrumentID]wire.Phase
	assets map[wire.AssetID]wire.Asset
}

// facts are one instrument's.
type facts struct {
	books    []bookAt
	auctions []auctionAt
	phases   []phaseAt
	trades   []tradeAt
}

type (
	restingOrder struct {
		side  wire.Side
		id    wire.OrderID
		price wire.Price
		qty   wire.Qty
	}
	bookAt struct {
		seq    uint64
		timeNs int64
		orders []restingOrder
	}
	auctionAt struct {
		seq   uint64
		state wire.Uncrossed
		name  string
	}
	phaseAt struct {
		seq        uint64
		phase, was wire.Phase
	}
	tradeAt struct {
		wire.Trade
		seq    uint64
		timeNs int64
	}
)

type config struct {
	seed      uint64
	capacity  int
	noHistory bool
	options   Options
	source    func(Source) Source // wraps the lossy reader
}

// losing makes a reader of the ring read in small pieces, sleep now and then, so that it is overrun, and lose the beginning
// of a piece in a few, as if it had been.
func losing(src Source) Source { return &loser{src, rand.New(rand.NewPCG(7, 7))} }

type loser struct {
	Source
	dice *rand.Rand
}

func (s *loser) Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool) {
	if s.dice.IntN(100) == 0 {
		time.Sleep(time.Duration(s.dice.IntN(int(3 * time.Millisecond))))
	}
	n, lost, ok = s.Source.Read(dst[:1+s.dice.IntN(60)], stop)
	if n > 1 && s.dice.IntN(20) == 0 {
		gone := 1 + s.dice.IntN(n-1)
		n, lost = copy(dst, dst[gone:n]), lost+uint64(gone)
	}
	return n, lost, ok
}

// newStage sets a venue up and starts its feed in the middle of its life.
func newStage(t testing.TB, c config) *stage {
	s := &stage{
		t: t, gen: venuetest.New(c.seed), e: engine.New(), ring: ring.NewBroadcast[wire.Event](c.capacity), view: view.New(view.Options{}),
		truth: truth{defs: map[wire.InstrumentID]decimal.Instrument{}, of: map[wire.InstrumentID]*facts{}, phases: map[wire.InstrumentID]wire.Phase{}, assets: map[wire.AssetID]wire.Asset{}},
	}
	o := c.options
	if !c.noHistory {
		s.openHistory()
		o.History = s.store
	}
	if o.Clock == nil {
		start := time.Now()
		o.Clock = func() time.Time { return time.Unix(0, began).Add(time.Since(start)) }
	}
	o.View = s.view
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.f = f
	s.start(c.source)
	return s
}

func (s *stage) openHistory() {
	store, err := history.Open(s.t.TempDir(), history.Options{SyncEvery: -1, Fatal: func(err error) { s.t.Error(err) }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.store = store
}

// start starts the goroutines; the test's end stops them.
func (s *stage) start(wrap func(Source) Source) {
	stop := make(chan struct{})
	var work sync.WaitGroup
	viewReader := s.ring.Reader("view", true)
	work.Go(func() {
		if err := s.view.Run(viewReader, stop); err != nil {
			s.t.Error(err)
		}
	})
	if s.store != nil {
		historyReader := s.ring.Reader("history", true)
		work.Go(func() {
			if err := s.store.Run(historyReader, stop); err != nil {
				s.t.Error(err)
			}
		})
	}
	var src Source = s.ring.Reader("feed", false)
	if wrap != nil {
		src = wrap(src)
	}
	work.Go(func() {
		if err := s.f.Run(src, stop); err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(func() {
		close(stop)
		s.ring.Close()
		work.Wait()
		if s.store != nil {
			if err := s.store.Close(); err != nil {
				s.t.Error(err)
			}
		}
	})
}

// step gives the engine its next command.
func (s *stage) step() {
	c := s.gen.Next()
	s.do(&c)
}

func (s *stage) do(c *wire.Command) {
	s.buf = s.e.Apply(c, s.buf[:0])
	s.gen.See(s.buf)
	s.truth.record(s.e, s.buf)
	s.ring.Publish(s.buf)
}

func (s *stage) setup() {
	for range s.gen.Setup() {
		s.step()
	}
	s.caughtUp()
}

// caughtUp waits until the feed has applied everything.
func (s *stage) caughtUp() {
	s.t.Helper()
	if !s.f.WaitFor(s.e.Seq(), time.Minute) {
		s.t.Fatalf("the feed does not follow: %+v", s.f.Status())
	}
}

// quiet waits until the feed has published everything as well.
func (s *stage) quiet() {
	s.t.Helper()
	s.caughtUp()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s.f.mu.Lock()
		idle := len(s.f.queue) == 0 && len(s.f.later) == 0
		s.f.mu.Unlock()
		if idle {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("something waits for ever")
		}
	}
}

// record writes down what a command did.
func (r *truth) record(e *engine.Engine, es []wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	results := map[wire.InstrumentID]wire.Uncrossed{}
	looked := map[wire.InstrumentID]bool{}
	for i := range es {
		ev := &es[i]
		if ev.Flags&wire.FlagRepeat != 0 {
			continue
		}
		switch ev.Kind {
		case wire.EvAsset:
			var m wire.Asset
			m.GetEvent(ev)
			r.assets[m.ID] = m
		case wire.EvInstrument:
			var m wire.Instrument
			m.GetEvent(ev)
			if r.of[m.ID] == nil {
				r.of[m.ID] = &facts{}
				r.phases[m.ID] = wire.Closed
			}
			r.defs[m.ID] = decimal.New(m, r.assets[m.Base], r.assets[m.Quote])
		case wire.EvTrade:
			var m wire.Trade
			m.GetEvent(ev)
			r.of[m.Instrument].trades = append(r.of[m.Instrument].trades, tradeAt{m, ev.Seq, ev.TimeNs})
			looked[m.Instrument] = true
		case wire.EvUncrossed:
			var m wire.Uncrossed
			m.GetEvent(ev)
			results[m.Instrument] = m
		case wire.EvOrderAccepted:
			var m wire.OrderAccepted
			m.GetEvent(ev)
			looked[m.Instrument] = true
		case wire.EvOrderCanceled:
			var m wire.OrderCanceled
			m.GetEvent(ev)
			looked[m.Instrument] = true
		case wire.EvOrderReplaced:
			var m wire.OrderReplaced
			m.GetEvent(ev)
			looked[m.Instrument] = true
		case wire.EvPhase:
			var m wire.PhaseChanged
			m.GetEvent(ev)
			looked[m.Instrument] = true
		}
	}
	for id := range looked {
		r.look(e, id, results)
	}
}

// look writes down how an instrument is now.
func (r *truth) look(e *engine.Engine, id wire.InstrumentID, results map[wire.InstrumentID]wire.Uncrossed) {
	k := r.of[id]
	var orders []restingOrder
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		for o := range e.Book(id).Orders(side) {
			orders = append(orders, restingOrder{side, o.ID, o.Price, o.Qty})
		}
	}
	if n := len(k.books); n == 0 && len(orders) > 0 || n > 0 && !equal(orders, k.books[n-1].orders) {
		k.books = append(k.books, bookAt{e.Seq(), e.Now(), orders})
	}
	phase := e.Phase(id)
	moved := phase != r.phases[id]
	if moved {
		k.phases = append(k.phases, phaseAt{e.Seq(), phase, r.phases[id]})
		r.phases[id] = phase
	}
	a := auctionAt{seq: e.Seq(), name: "none"}
	if n := len(k.auctions); n > 0 && !moved {
		a = k.auctions[n-1]
		a.seq = e.Seq()
	}
	if u, ok := results[id]; ok {
		a.name, a.state = "result", u
	} else if phase == wire.Auction {
		last, _ := e.LastTrade(id)
		a.name, a.state = "indicative", wire.Uncrossed{}
		if x, ok := e.Book(id).Auction(last); ok {
			a.state = wire.Uncrossed{Price: x.Price, Volume: x.Volume, Surplus: x.Surplus, SurplusSide: x.SurplusSide}
		}
	}
	a.state.Instrument = 0
	k.auctions = append(k.auctions, a)
}

func equal(a, b []restingOrder) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// bookBy returns an instrument's book as of the latest command up to seq that changed it.
func (r *truth) bookBy(id wire.InstrumentID, seq uint64) bookAt {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.of[id].books
	i := len(k)
	for i > 0 && k[i-1].seq > seq {
		i--
	}
	if i == 0 {
		return bookAt{}
	}
	return k[i-1]
}

// reading runs a reader: woken, it reads for as long as there is something, with pauses where it is a slow one.
type reading struct {
	s     *stage
	topic Topic
	enc   Encoding
	wake  chan struct{}
	r     *Reader
	dice  *rand.Rand
	pause time.Duration // up to so long after each read
	take  func(m *Message)
	err   error
}

func (s *stage) read(topic Topic, enc Encoding, pause time.Duration, seed uint64, take func(*Message)) *reading {
	s.t.Helper()
	r := &reading{s: s, topic: topic, enc: enc, wake: make(chan struct{}, 1), dice: rand.New(rand.NewPCG(seed, 3)), pause: pause, take: take}
	var err error
	r.r, err = s.f.Subscribe(topic, enc, func() {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// drain reads what there is.
func (r *reading) drain() bool {
	for {
		got, err := r.r.Next(nil, 1+r.dice.IntN(5000))
		for _, m := range got {
			r.take(m)
		}
		if err != nil {
			r.err = err
			return false
		}
		if len(got) == 0 {
			return true
		}
		if r.pause > 0 {
			time.Sleep(time.Duration(r.dice.Int64N(int64(r.pause))))
		}
	}
}

// run reads until done is closed and everything has been read.
func (r *reading) run(done <-chan struct{}) {
	defer r.r.Close()
	for r.drain() {
		select {
		case <-r.wake:
		case <-done:
			for r.drain() && !r.hasAll() { // somebody else makes the snapshot
				<-r.wake
			}
			return
		}
	}
}

// hasAll reports whether the reader is at the end of its line.
func (r *reading) hasAll() bool {
	r.r.l.mu.Lock()
	defer r.r.l.mu.Unlock()
	return r.r.place == inLog && r.r.at == r.r.l.end()
}
