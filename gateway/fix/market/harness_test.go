package market

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

// stage is a venue with a market: engine, ring, view, and a second view that is told of every command at once and from
// which the truth is written down.
type stage struct {
	t     testing.TB
	gen   *venuetest.Gen
	e     *engine.Engine
	ring  *ring.Broadcast[wire.Event]
	view  *view.View
	truth *view.View
	m     *Market
	buf   []wire.Event

	books  map[string][]string // by instrument and depth: how it was, each once in a row
	trades map[string][]trade  // by symbol
	phases map[string][]string // by symbol
}

type trade struct{ id, px, qty, date, time string }

var depths = []int{1, 3, 0}

func newStage(t testing.TB, seed uint64, capacity int, o Options, wrap func(Source) Source) *stage {
	s := &stage{
		t: t, gen: venuetest.New(seed), e: engine.New(), ring: ring.NewBroadcast[wire.Event](capacity),
		view: view.New(view.Options{}), truth: view.New(view.Options{}),
		books: map[string][]string{}, trades: map[string][]trade{}, phases: map[string][]string{},
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	viewReader := s.ring.Reader("view", true)
	lossy := s.ring.Reader("market", false)
	s.m = New(Config{View: s.view, Options: o, Source: func() Source {
		if wrap != nil {
			return wrap(lossy)
		}
		return lossy
	}})
	work.Go(func() {
		if err := s.view.Run(viewReader, stop); err != nil {
			t.Error(err)
		}
	})
	work.Go(func() { s.m.Run(stop) })
	t.Cleanup(func() {
		close(stop)
		s.ring.Close()
		work.Wait()
	})
	return s
}

// step gives the engine its next command.
func (s *stage) step() {
	c := s.gen.Next()
	s.do(&c)
}

func (s *stage) do(c *wire.Command) {
	s.buf = s.e.Apply(c, s.buf[:0])
	s.gen.See(s.buf)
	s.record()
	s.ring.Publish(s.buf)
}

// setup runs the commands before the venue trades and waits until the view has them.
func (s *stage) setup() {
	for range s.gen.Setup() {
		s.step()
	}
	s.caughtUp()
}

func (s *stage) caughtUp() {
	s.t.Helper()
	if !s.view.WaitFor(s.e.Seq(), time.Minute) {
		s.t.Fatal("the view does not follow")
	}
}

// quiet waits until the market has sent everything.
func (s *stage) quiet() {
	s.t.Helper()
	s.caughtUp()
	s.until("the market has read everything and nothing waits", func() bool {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		idle := s.m.read == s.e.Seq()
		for _, in := range s.m.instruments {
			idle = idle && !in.queued
		}
		return idle
	})
}

func (s *stage) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("not reached: ", what)
		}
	}
}

// record writes down what the last command did.
func (s *stage) record() {
	if err := s.truth.Apply(s.buf); err != nil {
		s.t.Fatal(err)
	}
	for i := range s.buf {
		e := &s.buf[i]
		if e.Flags&wire.FlagRepeat != 0 {
			continue
		}
		switch e.Kind {
		case wire.EvTrade:
			var b wire.Trade
			b.GetEvent(e)
			in, _ := s.truth.Instrument(b.Instrument)
			at := string(message.AppendTime(nil, e.TimeNs))
			s.trades[in.Symbol.String()] = append(s.trades[in.Symbol.String()], trade{
				id: fmt.Sprint(b.Trade), px: in.Price(b.Price), qty: in.Qty(b.Qty), date: at[:8], time: at[9:],
			})
		case wire.EvPhase:
			var b wire.PhaseChanged
			b.GetEvent(e)
			in, _ := s.truth.Instrument(b.Instrument)
			s.phases[in.Symbol.String()] = grow(s.phases[in.Symbol.String()], strconv.Itoa(tradingStatus(b.Phase)))
		}
	}
	for _, in := range s.truth.Instruments() {
		for _, d := range depths {
			k := key(in.Symbol.String(), d)
			s.books[k] = grow(s.books[k], s.bookNow(in, d))
		}
	}
}

func (s *stage) bookNow(in view.Instrument, depth int) string {
	b, _ := s.truth.Book(in.ID, depth)
	var c clientBook
	for _, l := range b.Bids {
		c.bids = append(c.bids, clientLevel{in.Price(l.Price), in.Qty(l.Qty), strconv.Itoa(l.Orders)})
	}
	for _, l := range b.Asks {
		c.offers = append(c.offers, clientLevel{in.Price(l.Price), in.Qty(l.Qty), strconv.Itoa(l.Orders)})
	}
	return c.String()
}

func key(symbol string, depth int) string { return symbol + "/" + strconv.Itoa(depth) }

// grow appends what is not the last entry.
func grow(list []string, s string) []string {
	if len(list) > 0 && list[len(list)-1] == s {
		return list
	}
	return append(list, s)
}

// client is a subscriber that knows nothing but its messages.
type client struct {
	t      testing.TB
	mu     sync.Mutex
	books  map[string]*clientBook // by symbol
	trades map[string][]trade
	phases map[string][]string
	states map[string][]string // by symbol: the book after every message
	kinds  map[string]int      // messages by type
	refuse bool                // takes no more
	late   int                 // messages after that
	last   []message.Body
}

type clientLevel struct{ px, qty, orders string }

type clientBook struct{ bids, offers []clientLevel }

func (b *clientBook) String() string { return fmt.Sprint(b.bids, b.offers) }

func newClient(t testing.TB) *client {
	return &client{t: t, books: map[string]*clientBook{}, trades: map[string][]trade{}, phases: map[string][]string{},
		states: map[string][]string{}, kinds: map[string]int{}}
}

func (c *client) Push(bodies []message.Body) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse {
		c.late++
		return false
	}
	for i := range bodies {
		c.take(&bodies[i])
	}
	c.last = bodies
	return true
}

// take checks a message against the standard and applies it.
func (c *client) take(b *message.Body) {
	checkBody(c.t, b)
	c.kinds[b.Type()]++
	m := parse(c.t, b)
	switch b.Type() {
	case message.MarketDataSnapshotFullRefresh:
		sym := m.String(message.TagSymbol)
		book := &clientBook{}
		c.books[sym] = book
		m.Group(message.TagNoMDEntries, message.TagMDEntryType, func(f []message.Field) {
			if get(f, 269) == "2" {
				c.trades[sym] = append(c.trades[sym], tradeOf(f))
				return
			}
			side := book.side(get(f, 269))
			*side = append(*side, levelOf(f))
			if get(f, 290) != strconv.Itoa(len(*side)) {
				c.t.Errorf("position %s of level %d", get(f, 290), len(*side))
			}
		})
		c.states[sym] = grow(c.states[sym], book.String())
	case message.MarketDataIncrementalRefresh:
		var sym string
		m.Group(message.TagNoMDEntries, message.TagMDUpdateAction, func(f []message.Field) { sym = c.entry(f) })
		c.states[sym] = grow(c.states[sym], c.books[sym].String())
	case message.SecurityStatus:
		sym := m.String(message.TagSymbol)
		c.phases[sym] = append(c.phases[sym], m.String(message.TagSecurityTradingStatus))
	default:
		c.t.Errorf("pushed a message %s", b.Type())
	}
}

func (b *clientBook) side(kind string) *[]clientLevel {
	if kind == "0" {
		return &b.bids
	}
	return &b.offers
}

// entry applies one entry of an update and returns its symbol.
func (c *client) entry(f []message.Field) string {
	sym, kind := get(f, 55), get(f, 269)
	book := c.books[sym]
	if book == nil {
		c.t.Fatalf("an update of %s before its snapshot", sym)
	}
	if kind == "2" {
		c.trades[sym] = append(c.trades[sym], tradeOf(f))
		return sym
	}
	side, l := book.side(kind), levelOf(f)
	if id := map[string]string{"0": "B", "1": "S"}[kind] + l.px; get(f, 278) != id {
		c.t.Errorf("MDEntryID %s, expected %s", get(f, 278), id)
	}
	at := slices.IndexFunc(*side, func(o clientLevel) bool { return o.px == l.px })
	switch action := get(f, 279); {
	case action == "0" && at < 0:
		at = slices.IndexFunc(*side, func(o clientLevel) bool { return ahead(kind, l.px, o.px) })
		if at < 0 {
			at = len(*side)
		}
		*side = slices.Insert(*side, at, l)
	case action == "1" && at >= 0 && (*side)[at] != l:
		(*side)[at] = l
	case action == "2" && at >= 0:
		*side = slices.Delete(*side, at, at+1)
	default:
		c.t.Errorf("%s: action %s of %v in %v", sym, action, l, *side)
	}
	return sym
}

func ahead(kind, a, b string) bool {
	x, y := units(a), units(b)
	return kind == "0" && x > y || kind == "1" && x < y
}

// units makes prices of one instrument comparable: they all have the same number of decimals.
func units(px string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(px, ".", ""))
	if err != nil {
		panic(err)
	}
	return n
}

func get(f []message.Field, tag int) string {
	v, _ := message.Find(f, tag)
	return string(v)
}

func levelOf(f []message.Field) clientLevel {
	return clientLevel{get(f, 270), get(f, 271), get(f, 346)}
}
func tradeOf(f []message.Field) trade {
	return trade{id: get(f, 278), px: get(f, 270), qty: get(f, 271), date: get(f, 272), time: get(f, 273)}
}

// parse reads a body as a client would.
func parse(t testing.TB, b *message.Body) *message.Message {
	t.Helper()
	var m message.Message
	frame := message.AppendMessage(nil, &message.Header{Sender: "UNCROSS", Target: "MD", Seq: 1, SendingNs: 1}, b)
	if err := m.Parse(frame); err != nil {
		t.Fatalf("%s: %v", show(b), err)
	}
	return &m
}

func show(b *message.Body) string {
	return string(bytes.ReplaceAll(b.AppendTo(nil), []byte{1}, []byte{'|'}))
}

// request makes a message of fields as text: "V 262=a|263=1".
func request(t testing.TB, text string) *message.Message {
	t.Helper()
	typ, fields, _ := strings.Cut(text, " ")
	stored := typ + "\x01" + strings.ReplaceAll(fields, "|", "\x01") + "\x01"
	b, err := message.ParseBody([]byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, &b)
}

// ask subscribes and fails where that is refused.
func (s *stage) ask(k SessionKey, c *client, text string) {
	s.t.Helper()
	for _, b := range s.m.Request(k, c, request(s.t, text)) {
		s.t.Fatalf("%s: answered %s", text, show(&b))
	}
}
