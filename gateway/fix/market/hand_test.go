package market

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
	"uncross/gateway/view/venuetest"
)

// hand is a market without goroutines: the test says when the reader has read and when the sender goes round.
type hand struct {
	*stage
	c *client
}

func newHand(t testing.TB, o Options, keep int) *hand {
	v := view.New(view.Options{Trades: keep})
	o.Trades = keep
	s := &stage{t: t, gen: venuetest.New(3), e: engine.New(), view: v, truth: view.New(view.Options{}), m: New(Config{View: v, Options: o}),
		books: map[string][]string{}, trades: map[string][]trade{}, phases: map[string][]string{}}
	h := &hand{s, newClient(t)}
	for range s.gen.Setup() {
		c := s.gen.Next()
		h.note(h.apply(&c))
	}
	return h
}

// apply has the engine and the view do a command; the market's reader does not read of it yet.
func (h *hand) apply(c *wire.Command) []wire.Event {
	h.t.Helper()
	h.buf = h.e.Apply(c, nil)
	h.gen.See(h.buf)
	h.record()
	if err := h.view.Apply(h.buf); err != nil {
		h.t.Fatal(err)
	}
	return h.buf
}

func (h *hand) note(es []wire.Event) { h.m.note(es, 0) }

func (h *hand) order(side wire.Side, px wire.Price, qty wire.Qty) []wire.Event {
	h.t.Helper()
	c := wire.Command{Key: 3, TimeNs: 1_700_000_100_000_000_000}
	(&wire.NewOrder{Account: 2, Instrument: 1, Side: side, Type: wire.Limit, TIF: wire.GTC, Price: px, Qty: qty}).Put(&c)
	es := h.apply(&c)
	if es[0].Kind != wire.EvOrderAccepted {
		h.t.Fatal("the order is refused")
	}
	return es
}

// got takes what the client got since the last call: its messages as "X 2" for two entries.
func (h *hand) got() string {
	h.m.pass()
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	var out []string
	for i := range h.c.last {
		m := parse(h.t, &h.c.last[i])
		out = append(out, m.Type()+m.String(message.TagNoMDEntries)+m.String(message.TagSecurityTradingStatus))
	}
	h.c.last = nil
	return strings.Join(out, " ")
}

func (h *hand) expect(want string) {
	h.t.Helper()
	if got := h.got(); got != want {
		h.t.Errorf("got %q, expected %q", got, want)
	}
}

const wantAll = "267=3|269=0|269=1|269=2|146=1|55=A2-A1"

// check holds the one client's book and trades against the truth.
func (h *hand) same(depth int) {
	h.t.Helper()
	in, _ := h.truth.Instrument(1)
	if got, want := h.c.books["A2-A1"].String(), h.bookNow(in, depth); got != want {
		h.t.Errorf("book is %s, should be %s", got, want)
	}
	h.checkTrades(&subscriber{client: h.c}, "A2-A1")
}

func TestConflation(t *testing.T) {
	h := newHand(t, Options{Interval: time.Hour}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.expect("W0")
	h.note(h.order(wire.Sell, 110, 9))
	h.expect("X1") // the first change after a quiet time is sent at once
	h.note(h.order(wire.Sell, 109, 9))
	h.expect("") // the next one waits
	h.note(h.order(wire.Buy, 109, 2))
	h.note(h.order(wire.Buy, 109, 3))
	h.expect("X2") // trades do not
	h.m.instruments[1].next = time.Time{}
	h.expect("X1") // one level: what came and went in between is not told
	h.same(0)
	h.expect("")

	full := newClient(t)
	h.ask(2, full, "V 262=a|263=1|264=0|265=0|"+wantAll)
	h.c = full
	h.expect("W4")
	h.note(h.order(wire.Buy, 109, 1))
	h.expect("") // full snapshots are conflated, trades and all
	h.note(h.order(wire.Buy, 109, 1))
	late := newClient(t)
	h.ask(3, late, "V 262=b|263=1|264=0|265=0|"+wantAll)
	h.m.instruments[1].next = time.Time{}
	h.expect("W4") // two levels, the two trades since
	h.same(0)
	h.c = late
	h.same(0)
	h.expect("W4")
}

func TestCutCommand(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	for range 3 {
		h.note(h.order(wire.Sell, 110, 1))
	}
	h.expect("X1")
	es := h.order(wire.Buy, 110, 3)
	if len(es) != 4 {
		t.Fatalf("%d events", len(es))
	}
	h.note(es[:2])
	h.expect("X1") // the book goes with the view; trades wait for their whole command
	late := newClient(t)
	h.ask(2, late, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.note(es[2:])
	h.expect("X3")
	h.same(0)
	h.c = late
	h.same(0)
}

// A cut command, of which the rest is lost: the view has it.
func TestOverrunInsideCommand(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.ask(1, h.c, "e 324=a|263=1|55=A2-A1")
	h.note(h.order(wire.Sell, 110, 1))
	h.note(h.order(wire.Sell, 110, 1))
	h.got()
	es := h.order(wire.Buy, 110, 2)
	h.note(es[:1])
	more := h.order(wire.Sell, 110, 5)
	last := h.order(wire.Buy, 110, 1)
	h.m.note(last[1:], uint64(len(es)-1+len(more)+1))
	h.expect("X4")
	h.same(0)
	c := wire.Command{Key: wire.OperatorKey}
	(&wire.SetPhase{Instrument: 1, Phase: wire.Halted}).Put(&c)
	n := len(h.apply(&c))
	h.m.note(h.apply(&wire.Command{Kind: wire.CmdTick}), uint64(n))
	h.expect("f2")
	if st := h.m.Status(); st.Overruns == 0 || st.Trades != 3 {
		t.Errorf("%+v", st)
	}
}

// More trades are lost than the view keeps: everybody gets a snapshot with those that are known.
func TestTradesLost(t *testing.T) {
	h := newHand(t, Options{Interval: time.Hour}, 5)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.note(h.order(wire.Sell, 110, 50))
	h.expect("X1")
	lost := 0
	for range 7 {
		lost += len(h.order(wire.Buy, 110, 1))
	}
	h.m.note(h.order(wire.Buy, 99, 1), uint64(lost))
	h.expect("W7") // two levels and five trades
	h.same(0)
	h.note(h.order(wire.Buy, 110, 1))
	h.expect("X1")
	h.same2(6)
}

// same2 checks that the client has the last n trades and no more.
func (h *hand) same2(n int) {
	h.t.Helper()
	h.checkTrades(&subscriber{client: h.c}, "A2-A1")
	if got := len(h.c.trades["A2-A1"]); got != n {
		h.t.Errorf("%d trades, expected %d", got, n)
	}
}

// A view that begins anew from an image has no trades of the time before.
func TestImage(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.note(h.order(wire.Sell, 110, 50))
	h.expect("X1")
	h.order(wire.Buy, 110, 1) // nobody hears of it
	var c engine.ImageCursor
	var image []wire.Event
	for more := true; more; {
		image, more = h.e.AppendImage(&c, image)
	}
	if err := h.view.Apply(image); err != nil {
		t.Fatal(err)
	}
	h.note(image)
	h.expect("W1")
	h.note(h.order(wire.Buy, 110, 1))
	h.expect("X2")
	h.same(0 /* depth */)
}

// More trades wait than are kept: the view has them.
func TestPendingTradesAreBounded(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=1|265=1|"+wantAll)
	h.note(h.order(wire.Sell, 110, 50))
	h.expect("X1")
	in := h.m.instruments[1]
	in.pending = make([]view.Trade, MaxPendingTrades) // of commands long told
	h.note(h.order(wire.Buy, 110, 1))
	if len(in.pending) > 1 || !in.missed {
		t.Errorf("%d trades wait", len(in.pending))
	}
	h.expect("X2")
	h.same(1)
}

// An order that trades with very many is told in several messages.
func TestManyTrades(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=1|265=1|"+wantAll)
	h.ask(1, h.c, "V 262=b|263=1|264=0|265=1|267=1|269=2|146=1|55=A2-A1")
	const n = 2*MaxEntries + 500
	for range n {
		h.note(h.order(wire.Sell, 110, 1))
	}
	h.expect("X1")
	h.m.Request(1, h.c, request(t, "V 262=b|263=2"))
	h.note(h.order(wire.Buy, 110, n+1))
	h.expect("X1000 X1000 X502")
	h.same(1)
	if h.m.Status().Updates != 1+3 {
		t.Errorf("%+v", h.m.Status())
	}
}

// Before the ring's first event, the view goes on with events from before the reader was attached.
func TestBeforeTheFirstEvent(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.m = New(Config{View: h.view, Options: h.m.o})
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.ask(1, h.c, "e 324=a|263=1|55=A2-A1")
	h.expect("f17")
	h.order(wire.Sell, 110, 5)
	h.order(wire.Buy, 110, 1)
	h.expect("X2")
	h.same(0)
	h.expect("")
	es := h.order(wire.Buy, 110, 2)
	h.note(es[1:]) // attached inside a command
	h.expect("X2")
	h.same(0)
	h.note(h.order(wire.Buy, 110, 1))
	h.expect("X2")
	h.same(0)
}

// The view may be ahead of the reader and behind it.
func TestViewAheadAndBehind(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.note(h.order(wire.Sell, 110, 9))
	early := h.order(wire.Buy, 110, 1)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.expect("W2") // the trade is in the snapshot …
	h.note(early)
	h.expect("") // … and not sent again
	h.same(0)

	c := wire.Command{Key: 3}
	(&wire.NewOrder{Account: 2, Instrument: 2, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 90, Qty: 1}).Put(&c)
	es := h.e.Apply(&c, nil)
	c = wire.Command{Key: 3}
	(&wire.NewOrder{Account: 2, Instrument: 2, Side: wire.Sell, Type: wire.Limit, TIF: wire.GTC, Price: 90, Qty: 1}).Put(&c)
	es = h.e.Apply(&c, es)
	h.note(es) // nobody wants it yet
	h.ask(1, h.c, "V 262=b|263=1|264=0|265=1|267=3|269=0|269=1|269=2|146=1|55=A3-A1")
	h.expect("W0")
	if err := h.view.Apply(es); err != nil {
		t.Fatal(err)
	}
	h.expect("X1")
}

func TestSlowSubscriberIsDropped(t *testing.T) {
	h := newHand(t, Options{Interval: time.Nanosecond}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.ask(1, h.c, "e 324=a|263=1|55=A2-A1")
	other := newClient(t)
	h.ask(2, other, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.c.refuse = true
	h.note(h.order(wire.Sell, 110, 9))
	h.m.pass()
	h.note(h.order(wire.Sell, 111, 9))
	h.m.pass()
	if st := h.m.Status(); h.c.late != 1 || st.Dropped != 1 || st.Sessions != 1 || st.Subscriptions != 1 || other.kinds["X"] != 2 {
		t.Errorf("%d late, %+v, the other got %v", h.c.late, st, other.kinds)
	}
	closed := newClient(t)
	closed.refuse = true
	h.m.Request(3, closed, request(t, "V 262=a|263=1|264=0|265=1|"+wantAll))
	h.m.Request(4, closed, request(t, "e 324=a|263=1|55=A2-A1"))
	if st := h.m.Status(); st.Sessions != 1 || st.Dropped != 3 {
		t.Errorf("%+v", st)
	}
}

func TestRefusals(t *testing.T) {
	h := newHand(t, Options{Limits: Limits{Symbols: 2, Entries: 3, Subscriptions: 3, Total: 5}}, 0)
	h.ask(1, h.c, "V 262=a|263=1|264=0|265=1|"+wantAll)
	h.ask(2, newClient(t), "V 262=a|263=1|264=0|265=1|267=1|269=0|146=2|55=A2-A1|55=A3-A1")
	h.ask(2, newClient(t), "e 324=a|263=1|55=A2-A1")
	for _, c := range []struct{ text, want string }{
		{"V 262=n|263=1|264=0|265=1|267=1|269=0|146=1|55=NONE", "Y281=0"},
		{"V 262=n|263=1|264=0|265=1|267=1|269=0|146=2|55=A2-A1|55= x", "Y281=0"},
		{"V 262=n|263=1|264=0|265=1|267=1|269=0", "Y281=0"},
		{"V 262=a|263=1|264=0|265=1|" + wantAll, "Y281=1"},
		{"V 262=a|263=0|264=0|" + wantAll, "Y281=1"},
		{"V 262=n|263=1|264=0|265=1|267=1|269=0|146=3|55=A2-A1|55=A3-A1|55=A3-A2", "Y281=2"},
		{"V 262=n|263=3|264=0|265=1|" + wantAll, "Y281=4"},
		{"V 262=n|264=0|265=1|" + wantAll, "Y281=4"},
		{"V 262=n|263=1|264=-1|265=1|" + wantAll, "Y281=5"},
		{"V 262=n|263=1|264=1001|265=1|" + wantAll, "Y281=5"},
		{"V 262=n|263=1|264=1|" + wantAll, "Y281=6"},
		{"V 262=n|263=1|264=1|265=2|" + wantAll, "Y281=6"},
		{"V 262=n|263=1|264=1|265=1|266=N|" + wantAll, "Y281=7"},
		{"V 262=n|263=1|264=1|265=1|267=2|269=0|269=4|146=1|55=A2-A1", "Y281=8"},
		{"V 262=n|263=1|264=1|265=1|267=0|146=1|55=A2-A1", "Y281=8"},
		{"V 262=n|263=1|264=1|265=1|386=1|336=1|" + wantAll, "Y281=9"},
		{"V 262=n|263=1|264=1|265=1|546=1|" + wantAll, "Y281=A"},
		{"V 262=n|263=1|264=1|265=1|286=1|" + wantAll, "Y281=B"},
		{"V 262=n|263=1|264=1|265=1|547=Y|" + wantAll, "Y281=C"},
		{"V 262=n|263=2|264=1|" + wantAll, "Y281="},
		{"V 262=" + strings.Repeat("n", MaxRequestID+1) + "|263=0|264=1|" + wantAll, "Y281="},
		{"V 263=0|264=1|" + wantAll, "Y281="},
		{"e 324=n|263=2|55=A2-A1", "j380=1"},
		{"e 324=a|263=3|55=A2-A1", "j380=0"},
		{"e 324=" + strings.Repeat("n", MaxRequestID+1) + "|263=0|55=A2-A1", "j380=0"},
		{"e 263=0|55=A2-A1", "j380=0"},
		{"e 324=n|263=0|55=NONE", "f326=20"},
		{"e 324=n|263=1", "f326=20"},
		{"0 112=x", ""},
	} {
		got := ""
		for _, b := range h.m.Request(1, h.c, request(t, c.text)) {
			checkBody(t, &b)
			m := parse(t, &b)
			tag := map[string]int{"Y": 281, "j": 380, "f": 326}[b.Type()]
			got += fmt.Sprintf("%s%d=%s", b.Type(), tag, m.String(tag))
		}
		if got != c.want {
			t.Errorf("%s: %q, expected %q", c.text, got, c.want)
		}
	}
	more := func(k SessionKey, text string) string {
		var out []string
		for _, b := range h.m.Request(k, h.c, request(t, text)) {
			out = append(out, b.Type())
		}
		return strings.Join(out, " ")
	}
	if got := more(2, "e 324=a|263=1|55=A2-A1"); got != "j" {
		t.Errorf("324 again: %q", got)
	}
	if got := more(2, "e 324=b|263=1|55=A2-A1"); got != "j" {
		t.Errorf("a fourth subscription of a session: %q", got)
	}
	if got := more(1, "e 324=b|263=1|55=A2-A1"); got != "" {
		t.Errorf("the venue's fifth: %q", got)
	}
	if got := more(3, "V 262=a|263=1|264=0|265=1|"+wantAll) + more(3, "e 324=b|263=1|55=A2-A1"); got != "Yj" {
		t.Errorf("beyond all: %q", got)
	}
	for px := range wire.Price(4) {
		h.note(h.order(wire.Buy, 80+px, 1))
	}
	h.m.Drop(2)
	if got := more(2, "V 262=a|263=1|264=4|265=1|"+wantAll) + more(2, "V 262=a|263=0|264=0|"+wantAll) + more(2, "V 262=a|263=0|264=3|"+wantAll); got != "YYW" {
		t.Errorf("four entries where three are allowed: %q", got)
	}
	if got := more(2, "V 262=a|263=2") + more(1, "V 262=a|263=2") + more(1, "V 262=a|263=2"); got != "YY" {
		t.Errorf("unsubscribed: %q", got)
	}
	h.m.Drop(1)
	if st := h.m.Status(); st.Sessions != 0 || st.Subscriptions != 0 || st.Instruments != 0 {
		t.Errorf("%+v", st)
	}
}
