package feed

import (
	"strings"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/view"
	"uncross/gateway/view/venuetest"
)

// hand is a venue with a feed that is moved by hand: no goroutines, and a clock that stands still.
type hand struct {
	t     testing.TB
	e     *engine.Engine
	view  *view.View
	f     *Feed
	now   time.Time
	ready bool
	wakes map[string]int
}

// newHand returns a venue of venuetest's after its set-up, and a feed that has loaded it.
func newHand(t testing.TB, o Options) *hand {
	h := &hand{t: t, e: engine.New(), view: view.New(view.Options{}), now: time.Unix(0, began), ready: true, wakes: map[string]int{}}
	o.View, o.Clock, o.Ready = h.view, func() time.Time { return h.now }, func() bool { return h.ready }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.f = f
	g := venuetest.New(1)
	for range g.Setup() {
		c := g.Next()
		c.TimeNs = h.now.UnixNano()
		h.see(h.apply(&c))
	}
	h.f.tick(nil)
	return h
}

// apply gives the engine a command, and the view what came of it.
func (h *hand) apply(c *wire.Command) []wire.Event {
	h.t.Helper()
	es := h.e.Apply(c, nil)
	if err := h.view.Apply(es); err != nil {
		h.t.Fatal(err)
	}
	return es
}

func (h *hand) see(es []wire.Event) { h.f.batch(batch{events: es}, nil) }

type body interface{ Put(*wire.Command) }

// do carries a command out that must be taken, as of now, and shows it to the feed.
func (h *hand) do(key wire.KeyID, b body) []wire.Event {
	h.t.Helper()
	es := h.unseen(key, b)
	h.see(es)
	return es
}

// unseen is do without the feed.
func (h *hand) unseen(key wire.KeyID, b body) []wire.Event {
	h.t.Helper()
	c := wire.Command{Key: key, TimeNs: h.now.UnixNano()}
	b.Put(&c)
	es := h.apply(&c)
	if k := es[0].Kind; k == wire.EvRejected || k == wire.EvOrderRejected {
		h.t.Fatalf("%+v is refused", b)
	}
	return es
}

const (
	trader  wire.KeyID     = 3
	account wire.AccountID = 2
)

// order enters a limit order of instrument 1.
func (h *hand) order(side wire.Side, price wire.Price, qty wire.Qty) []wire.Event {
	h.t.Helper()
	return h.do(trader, limit(side, price, qty))
}

func limit(side wire.Side, price wire.Price, qty wire.Qty) *wire.NewOrder {
	return &wire.NewOrder{Account: account, Instrument: 1, Side: side, Type: wire.Limit, TIF: wire.GTC, Price: price, Qty: qty}
}

func (h *hand) phase(p wire.Phase) {
	h.t.Helper()
	h.do(wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: p})
}

// wait lets time pass.
func (h *hand) wait(d time.Duration) {
	h.now = h.now.Add(d)
	h.f.tick(nil)
}

func (h *hand) subscribe(c Channel, enc Encoding) *Reader {
	h.t.Helper()
	r, err := h.f.Subscribe(Topic{Channel: c, Instrument: 1}, enc, func() { h.wakes[c.String()]++ })
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// read returns what a reader gets.
func (h *hand) read(r *Reader) []string {
	h.t.Helper()
	got, err := r.Next(nil, 1<<30)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, m := range got {
		all = append(all, string(m.Payload()))
	}
	return all
}

// expect reads, and checks that there are as many messages and what stands in them, one after the other.
func (h *hand) expect(r *Reader, want ...string) {
	h.t.Helper()
	got := h.read(r)
	for i, w := range want {
		if i >= len(got) || !strings.Contains(got[i], w) {
			h.t.Fatalf("no message %d with %s in:\n%s", i, w, strings.Join(got, "\n"))
		}
	}
	if len(got) != len(want) {
		h.t.Fatalf("%d messages, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
}
