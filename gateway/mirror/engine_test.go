package mirror

import (
	"fmt"
	"slices"
	"testing"

	"uncross/book"
	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/view/venuetest"
)

// copied is a copy that follows the changes alone.
type copied map[wire.InstrumentID]map[wire.Side][]Resting

// follow carries one change out, and checks that it can be.
func (c copied) follow(t *testing.T, ch Change) {
	t.Helper()
	if c[ch.Instrument] == nil {
		c[ch.Instrument] = map[wire.Side][]Resting{}
	}
	orders := c[ch.Instrument][ch.Side]
	at := slices.IndexFunc(orders, func(r Resting) bool { return r.Order == ch.Order })
	switch {
	case ch.Kind == Added && at < 0 && ch.Qty > 0:
		behind := slices.IndexFunc(orders, func(r Resting) bool {
			return ch.Side == wire.Buy && r.Price < ch.Price || ch.Side == wire.Sell && r.Price > ch.Price
		})
		if behind < 0 {
			behind = len(orders)
		}
		orders = slices.Insert(orders, behind, Resting{ch.Order, ch.Side, ch.Price, ch.Qty})
	case ch.Kind == Changed && at >= 0 && ch.Qty > 0 && orders[at].Price == ch.Price:
		orders[at].Qty = ch.Qty
	case ch.Kind == Removed && at >= 0 && ch.Qty == 0 && orders[at].Price == ch.Price:
		orders = slices.Delete(orders, at, at+1)
	default:
		t.Fatalf("change %+v does not fit %+v", ch, orders)
	}
	c[ch.Instrument][ch.Side] = orders
}

// seen counts what a run came across, so that a test that sees nothing fails.
type seen struct{ orders, crossed, auctions, phases int }

// compare holds everything that the mirror says of an instrument against the engine.
func compare(t *testing.T, b *Books, e *engine.Engine, c copied, id wire.InstrumentID, s *seen) {
	t.Helper()
	k, want := b.Book(id), e.Book(id)
	def, _ := e.Instrument(id)
	last, _ := e.LastTrade(id)
	if k.Instrument() != def || k.Phase() != e.Phase(id) || k.LastPrice() != last || k.Crossed() != want.Crossed() {
		t.Fatalf("command %d, instrument %d: %+v in phase %v, last %d", e.Seq(), id, k.Instrument(), k.Phase(), k.LastPrice())
	}
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		compareSide(t, k, want, c[id][side], side)
		s.orders += k.Len(side)
	}
	got, crosses := k.Auction()
	if result, ok := want.Auction(last); got != result || crosses != ok {
		t.Fatalf("command %d: an auction of instrument %d would come to %+v, %v; in the engine %+v, %v", e.Seq(), id, got, crosses, result, ok)
	}
	if crosses {
		s.crossed++
	}
	if k.Phase() == wire.Auction {
		s.phases++
	}
}

func compareSide(t *testing.T, k *Book, want engine.Book, followed []Resting, side wire.Side) {
	t.Helper()
	var orders []Resting
	for o := range want.Orders(side) {
		orders = append(orders, Resting{o.ID, o.Side, o.Price, o.Qty})
	}
	if got := slices.Collect(k.Orders(side)); !slices.Equal(got, orders) || k.Len(side) != len(orders) {
		t.Fatalf("orders of instrument %d: %+v, want %+v", k.Instrument().ID, got, orders)
	}
	if !slices.Equal(followed, orders) {
		t.Fatalf("a copy that follows the changes: %+v, want %+v", followed, orders)
	}
	levels := want.Levels(side, 1<<30, nil)
	if got := k.Levels(side, 0, nil); !slices.Equal(got, levels) || k.Depth(side) != len(levels) {
		t.Fatalf("levels %+v, want %+v", got, levels)
	}
	if got := k.Levels(side, 2, nil); !slices.Equal(got, levels[:min(2, len(levels))]) {
		t.Fatalf("two levels %+v of %+v", got, levels)
	}
	var total wire.Qty
	for _, l := range levels {
		total += l.Qty
	}
	if k.Total(side) != total {
		t.Fatalf("%d lots rest, want %d", k.Total(side), total)
	}
	best, ok := k.Best(side)
	first, some := k.First(side)
	if ok != (len(levels) > 0) || some != ok || ok && (best != levels[0] || first != orders[0]) {
		t.Fatalf("best %+v, first %+v", best, first)
	}
	ahead := 0
	for i, r := range orders {
		if ahead++; i == 0 || orders[i-1].Price != r.Price {
			ahead = 0
		}
		if got, ok := k.Order(r.Order); !ok || got != r || k.Ahead(r.Order) != ahead {
			t.Fatalf("order %d is %+v with %d ahead of it", r.Order, got, k.Ahead(r.Order))
		}
		if in, got, ok := k.all.Order(r.Order); !ok || got != r || in != k.Instrument().ID {
			t.Fatalf("order %d is %+v of instrument %d", r.Order, got, in)
		}
		at := slices.IndexFunc(levels, func(l book.Level) bool { return l.Price == r.Price })
		if got, ok := k.Level(side, r.Price); !ok || got != levels[at] {
			t.Fatalf("level %d is %+v", r.Price, got)
		}
		if got, ok := k.FirstAt(side, r.Price); !ok || ahead == 0 && got != r || got.Price != r.Price {
			t.Fatalf("the first order at %d is %+v", r.Price, got)
		}
	}
}

// TestEngine holds the mirror against the engine's books after every command of random streams, and what a new mirror makes of
// images now and then.
func TestEngine(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := follow(t, seed, 3000)
			if s.orders == 0 || s.crossed == 0 || s.auctions == 0 || s.phases == 0 {
				t.Fatalf("the stream did not do much: %+v", s)
			}
		})
	}
}

func follow(t *testing.T, seed uint64, commands int) (s seen) {
	e, b, c := engine.New(), New(), copied{}
	g := venuetest.New(seed)
	var events []wire.Event
	var changes []Change
	for n := range g.Setup() + commands {
		cmd := g.Next()
		events = e.Apply(&cmd, events[:0])
		g.See(events)
		changes = apply(t, b, events, changes[:0])
		for _, ch := range changes {
			c.follow(t, ch)
		}
		for _, ev := range events {
			if ev.Kind == wire.EvUncrossed {
				s.auctions++
			}
		}
		for _, id := range b.Instruments() {
			touched := slices.ContainsFunc(changes, func(ch Change) bool { return ch.Instrument == id })
			if touched != (b.Book(id).Sequence() == e.Seq()) {
				t.Fatalf("command %d changed the book: %v; its sequence is %d", e.Seq(), touched, b.Book(id).Sequence())
			}
			compare(t, b, e, c, id, &s)
		}
		if n%50 == 0 {
			if err := b.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		if n%500 == 499 {
			image(t, b, e, c)
		}
	}
	return s
}

// apply gives the mirror the events of one command.
func apply(t *testing.T, b *Books, events []wire.Event, changes []Change) []Change {
	t.Helper()
	for i := range events {
		var err error
		if changes, err = b.Apply(&events[i], changes); err != nil {
			t.Fatalf("event %d.%d of kind %d: %v", events[i].Seq, events[i].Ord, events[i].Kind, err)
		}
	}
	return changes
}

// image gives an image of the engine to the mirror and to a new one, and loads a third one from the first.
func image(t *testing.T, b *Books, e *engine.Engine, c copied) {
	t.Helper()
	var events []wire.Event
	var cursor engine.ImageCursor
	for more := true; more; {
		events, more = e.AppendImage(&cursor, events)
	}
	fresh, follower, loaded := New(), copied{}, New()
	for _, ch := range apply(t, fresh, events, nil) {
		follower.follow(t, ch)
	}
	for _, ch := range apply(t, b, events, nil) {
		c.follow(t, ch)
	}
	for _, id := range b.Instruments() {
		k := b.Book(id)
		state := LoadState{Instrument: k.Instrument(), Phase: k.Phase(), LastPrice: k.LastPrice(), Sequence: k.Sequence()}
		for r := range k.Orders(wire.Sell) {
			state.Orders = append(state.Orders, r)
		}
		for r := range k.Orders(wire.Buy) {
			state.Orders = append(state.Orders, r)
		}
		for range 2 { // the second time over the first
			if err := loaded.Load(state); err != nil {
				t.Fatal(err)
			}
		}
		var s seen
		compare(t, b, e, c, id, &s)
		compare(t, fresh, e, follower, id, &s)
		compare(t, loaded, e, c, id, &s)
		if k.Sequence() != e.Seq() || fresh.Book(id).Sequence() != e.Seq() || loaded.Book(id).Sequence() != e.Seq() {
			t.Fatalf("sequences after an image of command %d: %d", e.Seq(), k.Sequence())
		}
	}
	for _, m := range []*Books{b, fresh, loaded} {
		if err := m.Validate(); err != nil {
			t.Fatal(err)
		}
		if m.Len() != e.OpenOrders() {
			t.Fatalf("%d orders, %d in the engine", m.Len(), e.OpenOrders())
		}
	}
}

// TestUnchangedByRepeats gives every command's events a second time, as answers given again.
func TestUnchangedByRepeats(t *testing.T) {
	e, b, c := engine.New(), New(), copied{}
	g := venuetest.New(99)
	for range g.Setup() + 1000 {
		cmd := g.Next()
		events := e.Apply(&cmd, nil)
		g.See(events)
		for _, ch := range apply(t, b, events, nil) {
			c.follow(t, ch)
		}
		for i := range events {
			events[i].Flags |= wire.FlagRepeat
		}
		if changes := apply(t, b, events, nil); len(changes) != 0 {
			t.Fatalf("answers given again changed %+v", changes)
		}
	}
	var s seen
	for _, id := range b.Instruments() {
		compare(t, b, e, c, id, &s)
	}
	if s.orders == 0 {
		t.Fatal("no orders")
	}
}
