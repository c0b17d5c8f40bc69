package feed

import (
	"time"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// History is what the feed asks of the node's history, which history.Store answers.
type History interface {
	WaitFor(seq uint64, timeout time.Duration) bool
	Tape(in wire.InstrumentID) (history.Tape, error)
	Trades(in wire.InstrumentID, q history.Query) (history.Page[history.Trade], error)
}

// missed is what a market has not seen of its trades.
type missed struct {
	upTo   uint64 // nothing is missing up to this command
	trades []past // in order, behind the last one that the market has
	tape   *history.Tape
	// With a tape, what the market has is replaced. Cut says that there is more between the two than trades has.
	cut bool
}

// past is a trade that the market has not seen.
type past struct {
	compact.Trade
	ord      uint32
	notional wire.Amount
}

// missedBy finds out what a market lacks as of a picture of the view. A market that knows nothing yet starts from the tape.
func (f *Feed) missedBy(m *market, in *view.BookState, seq uint64, anew bool) (missed, error) {
	g := missed{upTo: seq}
	switch {
	case in.Last.Price == 0 || !anew && in.Last.ID <= m.lastID:
		return g, nil
	case f.o.History == nil:
		f.missedInView(m, in, &g)
		return g, nil
	case !anew:
		if err := f.missedInHistory(m, in.ID, &g); err != nil || !g.cut {
			return g, err
		}
	}
	t, err := f.o.History.Tape(in.ID)
	if err != nil {
		return g, err
	}
	g.tape, g.upTo, g.trades = &t, max(g.upTo, t.Position), nil
	return g, nil
}

// missedInHistory reads the trades behind the last one that the market has, up to a number of them.
func (f *Feed) missedInHistory(m *market, id wire.InstrumentID, g *missed) error {
	q := history.Query{Oldest: true, Limit: history.MaxLimit}
	q.Cursor = history.TradesCursor(id, history.EventID{Seq: m.tradeAt.seq, Ord: m.lastOrd}, true)
	for {
		page, err := f.o.History.Trades(id, q)
		if err != nil {
			return err
		}
		for i := range page.Items {
			t := &page.Items[i]
			if t.Seq > g.upTo {
				return nil
			}
			if g.cut = len(g.trades) == MaxBackfill; g.cut {
				return nil
			}
			g.trades = append(g.trades, past{compact.Trade{
				Trade: t.Trade.Trade, Command: t.Seq, TimeNs: t.TimeNs, Price: t.Price, Qty: t.Qty, Taker: t.Taker,
			}, t.Ord, t.Notional})
		}
		if q.Cursor = page.Next; !page.More {
			return nil
		}
	}
}

// missedInView takes what the view has kept, for a node without a history.
func (f *Feed) missedInView(m *market, in *view.BookState, g *missed) {
	kept, _ := f.o.View.Trades(in.ID, view.MaxTrades)
	first := len(kept) // behind the oldest one that is missing
	for first > 0 && kept[first-1].ID <= m.lastID {
		first--
	}
	g.cut = first == len(kept) && len(kept) == view.MaxTrades
	for i := first - 1; i >= 0; i-- {
		t := &kept[i]
		if t.Seq > g.upTo {
			return
		}
		notional, _ := amount.Product(uint64(t.Price), uint64(t.Qty)).Mul(in.Multiplier) // bounded by the engine
		g.trades = append(g.trades, past{compact.Trade{
			Trade: t.ID, Command: t.Seq, TimeNs: t.TimeNs, Price: t.Price, Qty: t.Qty, Taker: t.Taker,
		}, t.Ord, notional})
	}
}

// catchUp gives a market the trades that it has missed. The mutex is held.
func (f *Feed) catchUp(m *market, g *missed, now time.Time) {
	m.past = max(m.past, g.upTo)
	if g.cut {
		t := m.topic(Trades, 0)
		m.trades, t.restart = m.trades[:0], t.active()
		f.news(t)
	}
	if g.tape != nil {
		m.rewind(g.tape, now)
		f.news(m.topic(Statistics, 0))
		for i := range m.charts {
			m.charts[i].restart = m.charts[i].active() // there may be candles between
			f.news(&m.charts[i])
		}
	}
	for i := range g.trades {
		p := &g.trades[i]
		f.trade(m, &p.Trade, p.ord, p.notional)
	}
}

// rewind puts a tape in the place of what the market has of the past.
func (m *market) rewind(t *history.Tape, now time.Time) {
	m.latest, m.oldest = m.latest[:0], 0
	for i := range t.Latest {
		k := &t.Latest[i]
		m.remember(&compact.Trade{Trade: k.Trade.Trade, Command: k.Seq, TimeNs: k.TimeNs, Price: k.Price, Qty: k.Qty, Taker: k.Taker})
		m.lastID, m.lastOrd, m.tradeAt = k.Trade.Trade, k.Ord, change{k.Seq, k.TimeNs}
	}
	m.day.Load(t.Minutes, t.Last, now.Add(-windowLag).UnixNano())
	for _, i := range candles.Intervals() {
		at := i.Index()
		m.rows[at], m.since[at] = m.rows[at][:0], 0
		if c := t.Candles[at]; c.Trades > 0 {
			m.rows[at] = append(m.rows[at], c)
		}
		if !m.charts[at].active() {
			m.shorten(i)
		}
	}
}
