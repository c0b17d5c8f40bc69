package traders

import (
	"fmt"
	"slices"
	"testing"

	"uncross/book"
	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// fakeMarket is one instrument's book without a venue around it: who may do what is checked on the way in.
type fakeMarket struct {
	t      *testing.T
	in     *Instrument
	book   *book.Book
	phase  wire.Phase
	prints []Print
	next   uint64
	seats  map[string]*seat
	owners map[book.OrderID]*seat
	fills  []book.Fill
	pairs  []book.Pair
}

// seat is a trader's place at the market.
type seat struct {
	name     string
	open     []Order
	position wire.Qty
	selfs    int // trades with itself
}

func newFakeMarket(t *testing.T, in *Instrument) *fakeMarket {
	return &fakeMarket{t: t, in: in, book: book.New(book.Config{}), phase: wire.Continuous, seats: map[string]*seat{}, owners: map[book.OrderID]*seat{}}
}

func (m *fakeMarket) seat(name string) *seat {
	s := m.seats[name]
	if s == nil {
		s = &seat{name: name}
		m.seats[name] = s
	}
	return s
}

// view is what the feed and the desk would show.
func (m *fakeMarket) view(s *seat, fair float64) *View {
	side := func(side wire.Side) (all []Level) {
		for _, l := range m.book.Levels(side, feedDepth, nil) {
			all = append(all, Level{l.Price, l.Qty})
		}
		return all
	}
	prints := slices.Clone(m.prints[max(0, len(m.prints)-feedPrints):])
	slices.Reverse(prints)
	return &View{In: m.in, Phase: m.phase, Bids: side(wire.Buy), Asks: side(wire.Sell), Prints: prints, Fair: fair,
		Open: slices.Clone(s.open), Position: s.position}
}

// do carries out a turn, after holding every action against what a trader may do.
func (m *fakeMarket) do(s *seat, v *View, actions []Action) {
	m.t.Helper()
	if len(actions) > MaxTurn {
		m.t.Fatalf("%s does %d things in one turn", s.name, len(actions))
	}
	for _, a := range actions {
		if err := m.allowed(s, v, &a); err != nil {
			m.t.Fatalf("%s: %v: %+v", s.name, err, a)
		}
		m.one(s, &a)
	}
	if len(s.open) > MaxOpen {
		m.t.Fatalf("%s has %d open orders", s.name, len(s.open))
	}
}

func (m *fakeMarket) allowed(s *seat, v *View, a *Action) error {
	least, greatest := m.in.Band()
	known := slices.ContainsFunc(v.Open, func(o Order) bool { return o.ID == a.Order.ID })
	switch {
	case a.Verb == Cancel && !known, a.Verb == Replace && !known:
		return fmt.Errorf("an order that it does not have")
	case a.Verb == Cancel:
		return nil
	case a.Qty < 1 || a.Qty > m.in.MaxOrder():
		return fmt.Errorf("a quantity out of bounds")
	case a.Price == 0 && a.TIF == wire.IOC && a.Verb == Enter:
	case a.Price < least || a.Price > greatest:
		return fmt.Errorf("a price out of bounds")
	}
	if m.phase == wire.Closed || m.phase == wire.Halted {
		return fmt.Errorf("an order while nothing can be entered")
	}
	if m.phase == wire.Auction && a.Verb == Enter && (a.TIF != wire.GTC || a.PostOnly || a.Price == 0) {
		return fmt.Errorf("an order that no auction takes")
	}
	if own, ok := v.own(a.Side.Opposite()); ok && a.Price != 0 && crosses(a.Side, a.Price, own) {
		return fmt.Errorf("an order that meets an own one at %d", own)
	}
	return nil
}

// one carries out an action. An order that has gone meanwhile is refused, as the venue does it.
func (m *fakeMarket) one(s *seat, a *Action) {
	i := slices.IndexFunc(s.open, func(o Order) bool { return o.ID == a.Order.ID })
	if a.Verb != Enter && i < 0 {
		return
	}
	if a.Verb != Enter {
		old := s.open[i]
		var id book.OrderID
		fmt.Sscan(old.ID, &id)
		if a.Verb == Replace && (a.Qty <= old.Qty-old.Left || old.PostOnly && m.book.Crosses(a.Side, a.Price)) {
			return
		}
		if _, ok := m.book.Cancel(id); !ok {
			m.t.Fatalf("order %s is not in the book", old.ID)
		}
		s.open = slices.Delete(s.open, i, i+1)
		if a.Verb == Cancel {
			return
		}
		m.enter(s, id, old, a.Side, a.Price, a.Qty-(old.Qty-old.Left), a.Qty, wire.GTC)
		return
	}
	if a.PostOnly && m.book.Crosses(a.Side, a.Price) {
		return
	}
	m.next++
	m.enter(s, book.OrderID(m.next), Order{PostOnly: a.PostOnly}, a.Side, a.Price, a.Qty, a.Qty, a.TIF)
}

func (m *fakeMarket) enter(s *seat, id book.OrderID, o Order, side wire.Side, price wire.Price, left, qty wire.Qty, tif wire.TIF) {
	limit := price
	if limit == 0 {
		limit = 1
		if side == wire.Buy {
			limit = 1 << 60
		}
	}
	if m.phase == wire.Continuous {
		m.fills = m.fills[:0]
		left, m.fills = m.book.Match(side, limit, left, m.fills)
		for _, f := range m.fills {
			m.trade(s, m.owners[f.Maker], side, f.Maker, f.Price, f.Qty)
		}
	}
	if left > 0 && tif == wire.GTC {
		m.book.Rest(book.Order{ID: id, Side: side, Price: price, Qty: left})
		o.ID, o.Side, o.Price, o.Qty, o.Left = fmt.Sprint(id), side, price, qty, left
		s.open = append(s.open, o)
		m.owners[id] = s
	}
}

func (m *fakeMarket) trade(taker, maker *seat, side wire.Side, id book.OrderID, price wire.Price, qty wire.Qty) {
	if taker == maker {
		taker.selfs++
	}
	if side == wire.Buy {
		taker.position += qty
		maker.position -= qty
	} else {
		taker.position -= qty
		maker.position += qty
	}
	m.filled(maker, id, qty)
	m.prints = append(m.prints, Print{ID: uint64(len(m.prints)) + 1, Price: price, Qty: qty})
}

func (m *fakeMarket) filled(s *seat, id book.OrderID, qty wire.Qty) {
	i := slices.IndexFunc(s.open, func(o Order) bool { return o.ID == fmt.Sprint(id) })
	if s.open[i].Left -= qty; s.open[i].Left == 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
}

// setPhase moves the market to another phase, as the venue does it.
func (m *fakeMarket) setPhase(to wire.Phase) {
	if m.phase == wire.Auction && to != wire.Halted || m.book.Crossed() && to == wire.Continuous {
		var r book.AuctionResult
		r, m.pairs = m.book.Uncross(0, false, m.pairs[:0])
		for _, p := range m.pairs {
			b, s := m.owners[p.Buy], m.owners[p.Sell]
			b.position += p.Qty
			s.position -= p.Qty
			m.filled(b, p.Buy, p.Qty)
			m.filled(s, p.Sell, p.Qty)
			m.prints = append(m.prints, Print{ID: uint64(len(m.prints)) + 1, Price: r.Price, Qty: p.Qty})
		}
	}
	m.phase = to
}

// testInstrument is a share of about 25 in ticks of a hundredth.
func testInstrument(t *testing.T, s Scene) *Instrument {
	t.Helper()
	d := decimal.Instrument{Instrument: wire.Instrument{PriceDecimals: 2, TickSize: 1, LotSize: 100}, QuoteDecimals: 2}
	in, err := NewInstrument(d, "ACME", "CNY", s)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
