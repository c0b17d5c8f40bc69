package feed

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/feed/compact"
	"uncross/gateway/mirror"
)

// What makes a new load of the books necessary, beside mirror.ErrBroken.
var (
	errGap   = errors.New("commands are missing from the events")
	errImage = errors.New("an image begins")
)

// apply takes events in, up to one that does not continue what came before; that one's command is returned with the error.
// The mutex is held.
func (f *Feed) apply(events []wire.Event) (at uint64, err error) {
	for i := range events {
		e := &events[i]
		switch {
		case e.Seq <= f.seq: // what was loaded has it
			continue
		case e.Flags&wire.FlagImage != 0:
			return e.Seq, errImage
		case e.Seq != f.seq+1 || e.Ord != f.ord:
			return e.Seq, fmt.Errorf("%w: event %d.%d after %d of command %d", errGap, e.Seq, e.Ord, f.ord, f.seq+1)
		}
		f.settled, f.whole = true, false
		f.ord++
		if err := f.take(e); err != nil {
			return e.Seq, err
		}
		if e.Flags&wire.FlagLast != 0 {
			f.endCommand(e)
		}
	}
	return f.seq, nil
}

// take takes one event into the books and the markets.
func (f *Feed) take(e *wire.Event) (err error) {
	if f.changes, err = f.books.Apply(e, f.changes[:0]); err != nil {
		return err
	}
	if e.Flags&wire.FlagRepeat == 0 {
		if err := f.note(e); err != nil {
			return err
		}
	}
	for i := range f.changes {
		f.changed(e, &f.changes[i])
	}
	return nil
}

// note takes what the books do not: definitions, phases, results of auctions, trades.
func (f *Feed) note(e *wire.Event) error {
	switch e.Kind {
	case wire.EvAsset:
		var a wire.Asset
		a.GetEvent(e)
		f.assets[a.ID] = a
	case wire.EvInstrument:
		var in wire.Instrument
		in.GetEvent(e)
		return f.instrument(in)
	case wire.EvPhase:
		var p wire.PhaseChanged
		p.GetEvent(e)
		if m := f.market(p.Instrument); m != nil && p.Phase != p.Was {
			m.phase, m.was, m.phaseAt, m.result = p.Phase, p.Was, change{e.Seq, e.TimeNs}, compact.AuctionState{}
			f.news(m.topic(Status, 0))
			f.news(m.topic(Auction, 0))
		}
	case wire.EvUncrossed:
		var u wire.Uncrossed
		u.GetEvent(e)
		if m := f.market(u.Instrument); m != nil {
			m.result = resultOf(&u)
		}
	case wire.EvTrade:
		var t wire.Trade
		t.GetEvent(e)
		if m := f.market(t.Instrument); m != nil && e.Seq > m.past {
			f.trade(m, &compact.Trade{Trade: t.Trade, Command: e.Seq, TimeNs: e.TimeNs, Price: t.Price, Qty: t.Qty, Taker: t.Taker}, e.Ord, t.Notional)
		}
	}
	return nil
}

func resultOf(u *wire.Uncrossed) compact.AuctionState {
	return compact.AuctionState{State: compact.Result, Price: u.Price, Volume: u.Volume, Surplus: u.Surplus, SurplusSide: u.SurplusSide}
}

// instrument takes the definition of an instrument, new or changed.
func (f *Feed) instrument(in wire.Instrument) error {
	base, ok1 := f.assets[in.Base]
	quote, ok2 := f.assets[in.Quote]
	if !ok1 || !ok2 || in.ID == 0 || int(in.ID) > len(f.markets)+1 {
		return fmt.Errorf("%w: instrument %d of assets %d and %d", mirror.ErrBroken, in.ID, in.Base, in.Quote)
	}
	d := define(decimal.New(in, base, quote))
	if m := f.market(in.ID); m != nil {
		m.def = d
		return nil
	}
	m := f.newMarket(in.ID, d)
	m.book = f.books.Book(in.ID)
	f.markets = append(f.markets, m)
	return nil
}

// trade takes a trade into everything that is made of trades.
func (f *Feed) trade(m *market, t *compact.Trade, ord uint32, notional wire.Amount) {
	m.traded(t, ord, notional)
	if all := m.topic(Trades, 0); all.active() {
		if m.trades = append(m.trades, *t); len(m.trades) >= PartTrades {
			f.publish(all, f.o.Clock())
		} else {
			f.news(all)
		}
	}
	f.news(m.topic(Statistics, 0))
	for i := range m.charts {
		f.news(&m.charts[i])
	}
}

// changed takes the change of a book.
func (f *Feed) changed(e *wire.Event, c *mirror.Change) {
	m := f.market(c.Instrument)
	m.bookAt = change{e.Seq, e.TimeNs}
	if !m.touched {
		m.touched = true
		f.touched = append(f.touched, m)
	}
	if t := m.topic(Book, 0); t.active() && !t.restart {
		if m.levels = append(m.levels, point{c.Side, c.Price}); len(m.levels) >= MaxPending && m.distinct() >= MaxPending/2 {
			t.restart = true
			m.levels = nil
		}
	}
	if t := m.topic(Orders, 0); t.active() && !t.restart {
		if m.orders = append(m.orders, compact.Order{Action: actions[c.Kind], Side: c.Side, Order: c.Order, Price: c.Price, Qty: c.Qty}); len(m.orders) >= MaxPending {
			t.restart = true
			m.orders = nil
		}
	}
}

var actions = [...]compact.Action{mirror.Added: compact.Add, mirror.Changed: compact.Change, mirror.Removed: compact.Remove}

// distinct puts the levels that have changed in the order of messages, each once, and returns how many there are.
func (m *market) distinct() int {
	slices.SortFunc(m.levels, func(a, b point) int {
		if a.side != b.side {
			return cmp.Compare(a.side, b.side)
		}
		if a.side == wire.Buy {
			return cmp.Compare(b.price, a.price)
		}
		return cmp.Compare(a.price, b.price)
	})
	m.levels = slices.Compact(m.levels)
	return len(m.levels)
}

// endCommand makes a command part of what readers may see.
func (f *Feed) endCommand(e *wire.Event) {
	f.seq, f.timeNs, f.ord, f.whole = e.Seq, e.TimeNs, 0, true
	for _, m := range f.touched {
		m.touched = false
		f.news(m.topic(Book, 0))
		if t := m.topic(Orders, 0); len(m.orders) >= PartEntries {
			f.publish(t, f.o.Clock())
		} else {
			f.news(t)
		}
		if best := m.bestNow(); best != m.best {
			m.best, m.bestAt = best, change{e.Seq, e.TimeNs}
			f.news(m.topic(BBO, 0))
		}
		if m.phase == wire.Auction {
			f.news(m.topic(Auction, 0))
		}
	}
	f.touched = f.touched[:0]
}

// news notes that a topic has something to publish.
func (f *Feed) news(t *topic) {
	if !t.active() {
		return
	}
	t.dirty = true
	if !t.queued {
		t.queued = true
		f.queue = append(f.queue, t)
	}
}
