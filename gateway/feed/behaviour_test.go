package feed

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

func TestSubscribeRefusals(t *testing.T) {
	v := view.New(view.Options{})
	f, err := New(Options{View: v, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	topic := Topic{Channel: Book, Instrument: 1}
	if _, err := f.Subscribe(topic, JSON, func() {}); err != ErrNotReady {
		t.Errorf("before the books are loaded: %v", err)
	}
	f.tick(nil)
	if f.Status().Ready {
		t.Error("a feed of a view without a venue is ready")
	}
	if _, err := New(Options{View: v}); err == nil {
		t.Error("a feed without a clock")
	}
	h := newHand(t, Options{})
	for _, c := range []struct {
		topic Topic
		enc   Encoding
		want  error
	}{
		{Topic{Channel: Book, Instrument: 0}, JSON, ErrNoInstrument},
		{Topic{Channel: Book, Instrument: 4}, JSON, ErrNoInstrument},
		{Topic{Channel: 0, Instrument: 1}, JSON, ErrNoTopic},
		{Topic{Channel: 9, Instrument: 1}, JSON, ErrNoTopic},
		{Topic{Channel: Candles, Instrument: 1}, JSON, ErrNoTopic},
		{Topic{Channel: Candles, Instrument: 1, Interval: candles.D1 + 1}, JSON, ErrNoTopic},
		{Topic{Channel: Book, Instrument: 1, Interval: candles.M1}, JSON, ErrNoTopic},
		{Topic{Channel: Book, Instrument: 1}, Binary + 1, ErrNoTopic},
	} {
		if _, err := h.f.Subscribe(c.topic, c.enc, func() {}); err != c.want {
			t.Errorf("%+v, encoding %d: %v, want %v", c.topic, c.enc, err, c.want)
		}
	}
	if n := h.f.Status(); n.Readers != 0 || n.Topics != 0 {
		t.Errorf("%+v", n)
	}
}

// The books are loaded when Ready says so; what was read before is not needed.
func TestReady(t *testing.T) {
	h := newHand(t, Options{})
	late, err := New(Options{View: h.view, Clock: func() time.Time { return h.now }, Ready: func() bool { return h.ready }})
	if err != nil {
		t.Fatal(err)
	}
	h.f, h.ready = late, false
	es := h.order(wire.Buy, 90, 5)
	h.f.tick(nil)
	if _, err := h.f.Subscribe(Topic{Channel: Book, Instrument: 1}, JSON, func() {}); err != ErrNotReady {
		t.Fatal(err)
	}
	h.ready = true
	h.f.tick(nil)
	r := h.subscribe(Book, JSON)
	h.expect(r, `"bids":[["4.50","5",1]]`)
	h.see(es) // once more, as it may come from the ring
	h.unseen(trader, limit(wire.Buy, 90, 1))
	h.f.tick(nil) // nothing has come from the ring yet: the view alone tells
	h.expect(r, `snapshot`)
	h.order(wire.Buy, 80, 1)
	h.wait(time.Second)
	h.expect(r, `"bids":[["4.00","1",1]]`)
	if c := h.f.Status(); c.Resyncs != 2 || c.Overruns != 0 {
		t.Errorf("%+v", c)
	}
}

// One encoded message serves everybody; the frame and its compressed form are made once.
func TestMessagesAreShared(t *testing.T) {
	framed, deflated := 0, 0
	h := newHand(t, Options{
		Frame: func(p []byte, binary bool) []byte { framed++; return append([]byte("head"), p...) },
		Deflate: func(p []byte, binary bool) []byte {
			deflated++
			if binary {
				return nil
			}
			return bytes.ToUpper(p)
		},
	})
	var all []*Message
	for range 10 {
		got, err := h.subscribe(Orders, JSON).Next(nil, 1<<20)
		if err != nil || len(got) != 1 {
			t.Fatal(err, got)
		}
		all = append(all, got...)
	}
	if framed != 1 {
		t.Errorf("%d frames for one snapshot", framed)
	}
	for _, m := range all {
		if m != all[0] || string(m.Frame()) != "head"+string(m.Payload()) || !bytes.Equal(m.Deflated(), bytes.ToUpper(m.Payload())) || m.Binary() {
			t.Errorf("%p %s", m, m.Frame())
		}
	}
	got, err := h.subscribe(Orders, Binary).Next(nil, 1<<20)
	if err != nil || got[0].Deflated() != nil || got[0].Deflated() != nil || !got[0].Binary() {
		t.Error(err, got)
	}
	if deflated != 2 {
		t.Errorf("compressed %d times", deflated)
	}
	if plain, _ := newHand(t, Options{}).subscribe(BBO, JSON).Next(nil, 1); plain[0].Deflated() != nil {
		t.Error("compressed without a way to")
	}
}

// A reader is woken once for what it has not read, and not while it reads.
func TestWake(t *testing.T) {
	h := newHand(t, Options{})
	r := h.subscribe(Orders, JSON)
	h.order(wire.Buy, 90, 1)
	if h.wakes["orders"] != 0 {
		t.Error("woken before it has read")
	}
	h.expect(r, `snapshot`)
	h.order(wire.Buy, 90, 1)
	h.order(wire.Buy, 90, 1)
	if h.wakes["orders"] != 1 {
		t.Errorf("woken %d times", h.wakes["orders"])
	}
	if got, _ := r.Next(nil, 1); len(got) != 1 {
		t.Errorf("%d messages within one byte", len(got))
	}
	h.order(wire.Buy, 90, 1)
	if h.wakes["orders"] != 1 {
		t.Error("woken though it has not read all")
	}
	h.expect(r, "update", "update")
	r.Close()
	r.Close()
	h.order(wire.Buy, 90, 1)
	if _, err := r.Next(nil, 1); err != ErrClosed || h.wakes["orders"] != 1 {
		t.Error(err, h.wakes)
	}
}

// A slow reader holds up nobody and costs no memory: it gets a new snapshot, or is cut off from the trades.
func TestSlowReaders(t *testing.T) {
	h := newHand(t, Options{LogMessages: 16})
	readers := map[Channel]*Reader{}
	for c := Book; c <= Statistics; c++ {
		if c != Candles {
			readers[c] = h.subscribe(c, JSON)
			h.expect(readers[c], `snapshot`)
		}
	}
	for n := range 500 {
		h.order(wire.Sell, 100, 1)
		h.order(wire.Buy, 100, 1)
		if n%4 == 0 {
			h.phase(wire.Auction)
			h.wait(time.Second)
			h.phase(wire.Continuous)
		}
		h.wait(time.Second)
		for c, r := range readers {
			l := r.l
			if kept := len(l.log) - l.head; kept > StateMessages || cap(l.log) > 4*StateMessages {
				t.Fatalf("%s: %d messages kept, room for %d", c, kept, cap(l.log))
			}
		}
	}
	for c, r := range readers {
		got, err := r.Next(nil, 1<<20)
		if c == Trades {
			if err != ErrSlow || len(got) != 0 {
				t.Errorf("trades: %v, %d messages", err, len(got))
			}
			if _, again := r.Next(nil, 1<<20); again != ErrSlow {
				t.Error(again)
			}
			continue
		}
		if err != nil || len(got) == 0 || !bytes.Contains(got[0].Payload(), []byte("snapshot")) {
			t.Errorf("%s: %v, %d messages", c, err, len(got))
		}
	}
	h.expect(h.subscribe(Trades, JSON), `"trade_id":"500"`)
	if c := h.f.Status(); c.Slow != 7 {
		t.Errorf("%d fell behind", c.Slow)
	}
}

// A command that comes in pieces is published when it is whole; snapshots and reads wait for that.
func TestCommandInPieces(t *testing.T) {
	h := newHand(t, Options{})
	old := h.subscribe(Book, JSON)
	h.expect(old, "snapshot")
	h.order(wire.Sell, 100, 1)
	h.order(wire.Sell, 100, 1)
	h.expect(old, "update")
	h.wait(time.Second)
	h.expect(old, "update")
	es := h.unseen(trader, limit(wire.Buy, 100, 2))
	if len(es) < 3 {
		t.Fatalf("%d events", len(es))
	}
	h.see(es[:2])
	h.wait(time.Second)
	young, young2 := h.subscribe(Book, JSON), h.subscribe(Book, JSON)
	h.expect(old)
	h.expect(young)
	h.expect(young2)
	asked := make(chan OrderBook)
	go func() {
		b, _ := h.f.Orders(1, 10)
		asked <- b
	}()
	h.see(es[2:])
	if h.wakes["book"] != 5 { // one reader twice before, now all three
		t.Errorf("woken %d times", h.wakes["book"])
	}
	h.expect(young, `"bids":[],"asks":[]`)
	h.expect(young2, `"bids":[],"asks":[]`)
	h.expect(old, `"asks":[["5.00","0",0]]`)
	if b := <-asked; len(b.Asks) != 0 || b.Sequence != h.e.Seq() || b.AsOf != h.e.Seq() {
		t.Errorf("%+v", b)
	}
	h.see(h.unseen(trader, limit(wire.Buy, 100, 2))[:0])
	h.f.end()
}

// What is lost in the middle of a command is healed though the command is the last one that changed the book, the phase or the
// trades.
func TestLossInsideCommand(t *testing.T) {
	h := newHand(t, Options{})
	h.phase(wire.Auction)
	h.order(wire.Sell, 95, 1)
	h.order(wire.Sell, 96, 1)
	h.order(wire.Buy, 100, 2)
	h.wait(time.Second)
	readers := map[Channel]*Reader{}
	for c := Book; c <= Statistics; c++ {
		if c != Candles {
			readers[c] = h.subscribe(c, JSON)
			h.expect(readers[c], "snapshot")
		}
	}
	es := h.unseen(wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Continuous}) // phase, result, two trades
	if len(es) != 4 || es[1].Kind != wire.EvUncrossed {
		t.Fatalf("%d events", len(es))
	}
	for lost := 1; lost <= 2; lost++ { // the result; then the result and the first trade, of another auction
		h.see(es[:1])
		h.f.batch(batch{es[1+lost:], uint64(lost)}, nil)
		h.wait(time.Second)
		h.expect(readers[Auction], `"state":"result"`)
		h.expect(readers[Trades], `"trades":[{`)
		h.expect(readers[Book], `"bids":[],"asks":[]`)
		h.expect(readers[Orders], `"bids":[],"asks":[]`)
		if lost == 2 {
			return
		}
		h.phase(wire.Auction)
		h.order(wire.Sell, 95, 1)
		h.order(wire.Sell, 96, 1)
		h.order(wire.Buy, 100, 2)
		h.wait(time.Second)
		for _, r := range readers {
			h.read(r)
		}
		es = h.unseen(wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Continuous})
	}
}

// A loss behind the first of three trades: the changes that were seen of the book are not all, and nothing later tells.
func TestLossBehindTrade(t *testing.T) {
	h := newHand(t, Options{})
	for price := range wire.Price(3) {
		h.order(wire.Sell, 95+price, 1)
	}
	h.wait(time.Second)
	book, orders, trades := h.subscribe(Book, JSON), h.subscribe(Orders, JSON), h.subscribe(Trades, JSON)
	for _, r := range []*Reader{book, orders, trades} {
		h.expect(r, "snapshot")
	}
	es := h.unseen(trader, limit(wire.Buy, 97, 3))
	if len(es) != 4 {
		t.Fatalf("%d events", len(es))
	}
	h.see(es[:2])
	h.f.batch(batch{es[3:], 1}, nil)
	h.wait(time.Second)
	h.expect(book, `"type":"snapshot"`)
	h.expect(orders, `"bids":[],"asks":[]`)
	if got := h.read(trades); len(got) != 1 || strings.Count(got[0], "trade_id") != 3 {
		t.Errorf("%v", got)
	}
}

// A history that is ahead of the view: what comes from the ring afterwards is not counted twice.
func TestTapeAhead(t *testing.T) {
	past := &pastTrades{}
	h := newHand(t, Options{History: past})
	h.order(wire.Sell, 100, 5)
	note := func(es []wire.Event) []wire.Event {
		for i := range es {
			if es[i].Kind == wire.EvTrade {
				k := history.Trade{Seq: es[i].Seq, Ord: es[i].Ord, TimeNs: es[i].TimeNs}
				k.Trade.GetEvent(&es[i])
				past.all = append(past.all, k)
			}
		}
		return es
	}
	note(h.order(wire.Buy, 100, 1))
	late, err := New(Options{View: h.view, History: past, Clock: func() time.Time { return h.now }})
	if err != nil {
		t.Fatal(err)
	}
	c := wire.Command{Key: trader, TimeNs: h.now.UnixNano()}
	limit(wire.Buy, 100, 1).Put(&c)
	es := note(h.e.Apply(&c, nil)) // the history has it, the view has not
	h.f = late
	h.f.tick(nil)
	r := h.subscribe(Trades, JSON)
	if got := h.read(r); len(got) != 1 || strings.Count(got[0], "trade_id") != 2 {
		t.Errorf("%v", got)
	}
	if err := h.view.Apply(es); err != nil {
		t.Fatal(err)
	}
	h.see(es)
	h.expect(r)
	if s, _, _ := h.f.Statistics(1); s.Trades != 2 {
		t.Errorf("%+v", s)
	}
	if b, _ := h.f.Orders(1, 9); len(b.Asks) != 1 || b.Asks[0].Qty != 3 {
		t.Errorf("%+v", b)
	}
}

// Events that contradict the books have them loaded anew.
func TestContradiction(t *testing.T) {
	h := newHand(t, Options{})
	r := h.subscribe(Orders, JSON)
	h.order(wire.Buy, 90, 1)
	h.expect(r, "snapshot")
	es := h.unseen(trader, &wire.CancelOrder{Account: account, Target: wire.OrderRef{Order: 1}})
	broken := slices.Clone(es)
	var m wire.OrderCanceled
	m.GetEvent(&broken[0])
	m.Order = 77
	m.PutEvent(&broken[0])
	h.see(broken)
	h.expect(r, `"bids":[],"asks":[]`)
	for _, damage := range []func(*wire.Event){func(e *wire.Event) { e.Seq++ }, func(e *wire.Event) { e.Ord++ }, func(e *wire.Event) { e.Flags |= wire.FlagImage }} {
		es := slices.Clone(h.unseen(trader, limit(wire.Buy, 90, 1)))
		h.unseen(trader, limit(wire.Buy, 90, 1)) // so that the view has what the damaged event asks for
		damage(&es[0])
		h.see(es)
		h.expect(r, `"type":"snapshot"`)
	}
	h.order(wire.Buy, 91, 1)
	h.expect(r, `["add","buy"`)
	if c := h.f.Status(); c.Broken != 1 || c.Resyncs != 5 {
		t.Errorf("%+v", c)
	}
}

// big makes instrument 4, with room for many prices.
func (h *hand) big() {
	h.do(wire.OperatorKey, &wire.AddInstrument{
		Symbol: wire.MustText("BIG"), Base: 2, Quote: 1, PriceDecimals: 2, TickSize: 1, LotSize: 100_000_000,
		Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 1_000_000, MinQty: 1, MaxQty: 5000},
	})
	h.do(wire.OperatorKey, &wire.SetPhase{Instrument: 4, Phase: wire.Continuous})
}

func (h *hand) bigOrder(acc wire.AccountID, price wire.Price) *wire.NewOrder {
	o := limit(wire.Buy, price, 1)
	o.Instrument, o.Account = 4, acc
	return o
}

// What is too large for one message comes in parts, of one sequence and with one checksum, in either encoding.
func TestParts(t *testing.T) {
	h := newHand(t, Options{})
	h.big()
	const orders = 2500
	readers := map[Topic][2]*Reader{}
	for _, c := range []Channel{Book, Orders} {
		topic := Topic{Channel: c, Instrument: 4}
		var rs [2]*Reader
		for enc := range rs {
			rs[enc], _ = h.f.Subscribe(topic, Encoding(enc), func() {})
		}
		readers[topic] = rs
		h.read(rs[0])
	}
	for n := range orders {
		h.do(trader, h.bigOrder(account, wire.Price(1+n)))
		if n == 0 { // published at once; all others together
			for _, rs := range readers {
				h.read(rs[JSON])
			}
		}
	}
	h.wait(time.Second)
	check := func(kind string, r *Reader, entries int) {
		t.Helper()
		got, err := r.Next(nil, 1<<30)
		if err != nil || len(got) != (orders+PartEntries-1)/PartEntries {
			t.Fatalf("%s: %d messages, %v", kind, len(got), err)
		}
		for i, p := range got {
			if !p.Binary() {
				if text := string(p.Payload()); !strings.Contains(text, fmt.Sprintf(`"part":%d,"parts":3`, i+1)) || !strings.Contains(text, kind) ||
					strings.Contains(text, "checksum") != (i == 2 && kind == "snapshot") {
					t.Errorf("part %d: %.200s", i, text)
				}
				continue
			}
			m, err := compact.Decode(p.Payload())
			if err != nil || m.Part != i+1 || m.Parts != 3 || m.Sequence != h.e.Seq() || m.Snapshot != (kind == "snapshot") {
				t.Errorf("%v %+v", err, m)
			}
			entries -= len(m.Levels) + len(m.Orders)
		}
		if got[0].Binary() && entries != 0 {
			t.Errorf("%d entries too few", entries)
		}
	}
	for topic, rs := range readers {
		if topic.Channel == Book { // it was empty; the levels have come since
			check("update", rs[JSON], orders)
		} else {
			h.read(rs[JSON])
		}
		check("snapshot", rs[Binary], orders)
		fresh, _ := h.f.Subscribe(topic, JSON, func() {})
		check("snapshot", fresh, orders)
	}
	h.f.mu.Lock()
	for _, c := range []Channel{Book, Orders} {
		h.f.market(4).topic(c, 0).updates = 0
	}
	h.f.mu.Unlock()
	h.wait(time.Second)
	h.do(trader, &wire.CancelAll{Account: account, Instrument: 4})
	h.wait(time.Second)
	for _, rs := range readers {
		check("update", rs[JSON], orders)
		check("update", rs[Binary], orders)
	}
}

// More changes than may wait are no update: readers get a new snapshot.
func TestManyChanges(t *testing.T) {
	h := newHand(t, Options{})
	h.big()
	r, err := h.f.Subscribe(Topic{Channel: Orders, Instrument: 4}, JSON, func() {})
	if err != nil {
		t.Fatal(err)
	}
	levels, err := h.f.Subscribe(Topic{Channel: Book, Instrument: 4}, JSON, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for n := range MaxPending + 1000 {
		h.do(trader+wire.KeyID(n%2), h.bigOrder(account+2*wire.AccountID(n%2), wire.Price(1+n%10)))
	}
	h.read(r)
	h.wait(time.Second)
	h.read(levels)
	h.do(wire.OperatorKey, &wire.MassCancel{Instrument: 4})
	h.wait(time.Second)
	h.expect(r, `"bids":[],"asks":[]`)
	if got := h.read(levels); len(got) != 1 || !strings.Contains(got[0], "update") || strings.Count(got[0], `"0",0]`) != 10 {
		t.Errorf("%d messages: %.500s", len(got), got[0])
	}
	if c := h.f.Status(); c.Restarts != 1 {
		t.Errorf("%+v", c)
	}
}

// pastTrades is a history that has trades and nothing else.
type pastTrades struct {
	all   []history.Trade
	tapes int
	fail  error
}

func (p *pastTrades) WaitFor(uint64, time.Duration) bool { return true }

func (p *pastTrades) Trades(_ wire.InstrumentID, q history.Query) (page history.Page[history.Trade], err error) {
	if err := p.fail; err != nil {
		p.fail = nil
		return page, err
	}
	from := slices.IndexFunc(p.all, func(t history.Trade) bool {
		return q.Cursor == history.TradesCursor(1, history.EventID{Seq: t.Seq, Ord: t.Ord}, true)
	})
	page.Items = p.all[from+1 : min(from+1+q.Limit, len(p.all))]
	page.More = from+1+q.Limit < len(p.all)
	if n := len(page.Items); n > 0 {
		page.Next = history.TradesCursor(1, history.EventID{Seq: page.Items[n-1].Seq, Ord: page.Items[n-1].Ord}, true)
	}
	return page, nil
}

func (p *pastTrades) Tape(in wire.InstrumentID) (t history.Tape, err error) {
	p.tapes++
	t.Latest = p.all[max(len(p.all)-100, 0):]
	for i := range t.Latest {
		for _, iv := range candles.Intervals() {
			t.Candles[iv.Index()].StartNs = iv.Start(t.Latest[i].TimeNs)
			t.Candles[iv.Index()].Add(t.Latest[i].Price, t.Latest[i].Qty, t.Latest[i].Notional)
		}
	}
	last := p.all[len(p.all)-1]
	t.Position, t.Last, t.Minutes = last.Seq, last.Price, t.Candles[candles.M1.Index():][:1]
	return t, nil
}

// Trades that were missed come from the history, in order; where they are too many, readers are cut off.
func TestMissedTrades(t *testing.T) {
	past := &pastTrades{fail: errors.New("for once")}
	h := newHand(t, Options{History: past})
	trade := func() []wire.Event {
		h.unseen(trader, limit(wire.Sell, 100, 1))
		es := h.unseen(trader, limit(wire.Buy, 100, 1))
		for i := range es {
			if es[i].Kind == wire.EvTrade {
				k := history.Trade{Seq: es[i].Seq, Ord: es[i].Ord, TimeNs: es[i].TimeNs}
				k.Trade.GetEvent(&es[i])
				past.all = append(past.all, k)
			}
		}
		return es
	}
	r := h.subscribe(Trades, JSON)
	h.expect(r, "snapshot")
	chart, err := h.f.Subscribe(Topic{Channel: Candles, Instrument: 1, Interval: candles.D1}, JSON, func() {})
	if err != nil {
		t.Fatal(err)
	}
	h.expect(chart, "snapshot")
	h.f.batch(batch{trade(), 2}, nil)
	h.expect(r, `"trade_id":"1"`)
	h.expect(chart, `"trades":1`)
	for range 2 * history.MaxLimit {
		trade()
	}
	h.f.batch(batch{trade(), 2}, nil)
	want := 1 + 2*history.MaxLimit + 1
	for seen, next := 1, h.read(r); ; next = next[1:] {
		if len(next) == 0 {
			if seen != want {
				t.Errorf("%d trades, want %d", seen, want)
			}
			break
		}
		for strings.Contains(next[0], fmt.Sprintf(`"trade_id":"%d"`, seen+1)) {
			seen++
		}
	}
	h.wait(time.Second)
	h.expect(chart, fmt.Sprintf(`"trades":%d`, want))
	if past.tapes != 0 {
		t.Error("a tape was read")
	}
	for range MaxBackfill + 1 {
		trade()
	}
	h.f.batch(batch{trade(), 2}, nil)
	if _, err := r.Next(nil, 1<<20); err != ErrSlow {
		t.Errorf("after too many: %v", err)
	}
	fresh := h.subscribe(Trades, JSON)
	h.expect(fresh, fmt.Sprintf(`"trade_id":"%d"`, len(past.all)))
	h.wait(time.Second)
	h.expect(chart, `"type":"snapshot"`)
	h.see(nil)
	h.see(h.unseen(trader, limit(wire.Sell, 100, 1)))
	h.see(h.unseen(trader, limit(wire.Buy, 100, 1)))
	h.expect(fresh, fmt.Sprintf(`"trade_id":"%d"`, len(past.all)+1))
	if past.tapes != 1 {
		t.Errorf("%d tapes were read", past.tapes)
	}
}

// What nobody reads is given up: at once where a new snapshot would be smaller, and after a while anyway.
func TestIdleLines(t *testing.T) {
	h := newHand(t, Options{})
	r := h.subscribe(Orders, JSON)
	h.expect(r, "snapshot")
	r.Close()
	if n := h.f.Status().Topics; n != 1 {
		t.Fatalf("%d topics", n)
	}
	again := h.subscribe(Orders, JSON)
	h.expect(again, "snapshot")
	if h.f.Status().Snapshots != 1 {
		t.Error("a snapshot was not used again")
	}
	again.Close()
	for range 10 {
		h.order(wire.Buy, 90, 1)
	}
	if c := h.f.Status(); c.Topics != 0 || c.Messages > 3 {
		t.Errorf("%+v", c)
	}
	h.read(h.subscribe(BBO, JSON))
	r = h.subscribe(Orders, JSON)
	h.expect(r, "snapshot")
	r.Close()
	h.wait(time.Minute + windowLag)
	h.wait(time.Minute)
	if n := h.f.Status().Topics; n != 1 {
		t.Errorf("%d topics after a while", n)
	}
}

// The reads of the REST interface say what the engine would.
func TestReads(t *testing.T) {
	h := newHand(t, Options{})
	if _, ok := h.f.Auction(1); ok {
		t.Error("an auction in continuous trading")
	}
	h.phase(wire.Auction)
	h.order(wire.Buy, 100, 5)
	h.order(wire.Buy, 100, 2)
	h.order(wire.Sell, 90, 3)
	b, ok := h.f.Orders(1, 1)
	v, _ := h.view.Book(1, 1)
	if !ok || b.Sequence != v.Sequence || b.AsOf != h.e.Seq() || b.TimeNs != h.e.Now() || b.Phase != wire.Auction || len(b.Bids) != 1 || len(b.Asks) != 1 || b.Bids[0].Order != 1 {
		t.Errorf("%+v", b)
	}
	a, ok := h.f.Auction(1)
	if want, _ := h.e.Book(1).Auction(0); !ok || !reflect.DeepEqual(a.AuctionResult, want) || a.Sequence != v.Sequence {
		t.Errorf("%+v, want %+v", a, want)
	}
	h.phase(wire.Continuous)
	s, asOf, ok := h.f.Statistics(1)
	if !ok || asOf != h.e.Seq() || s.Trades != 1 || s.Volume.Lo != 3 || s.FromNs == 0 {
		t.Errorf("%+v as of %d", s, asOf)
	}
	h.now = h.now.Add(48 * time.Hour)
	if s, _, _ := h.f.Statistics(1); s.Trades != 0 || s.Last == 0 {
		t.Errorf("two days later %+v", s)
	}
	if _, ok := h.f.Orders(9, 1); ok {
		t.Error("a book of no instrument")
	}
	if !h.f.WaitFor(h.e.Seq(), time.Second) || h.f.WaitFor(h.e.Seq()+1, time.Millisecond) {
		t.Error("how far it is")
	}
}

// An image takes the place of everything.
func TestImage(t *testing.T) {
	h := newHand(t, Options{})
	r := h.subscribe(Book, JSON)
	h.expect(r, "snapshot")
	c := wire.Command{Key: trader, TimeNs: h.now.UnixNano()}
	limit(wire.Buy, 90, 5).Put(&c)
	h.e.Apply(&c, nil) // neither view nor feed see it
	var cursor engine.ImageCursor
	var image []wire.Event
	for more := true; more; {
		image, more = h.e.AppendImage(&cursor, image)
	}
	if err := h.view.Apply(image); err != nil {
		t.Fatal(err)
	}
	h.see(image)
	h.expect(r, `"bids":[["4.50","5",1]]`)
	h.wait(time.Second)
	h.order(wire.Buy, 90, 5)
	h.expect(r, `"bids":[["4.50","10",2]]`)
}
