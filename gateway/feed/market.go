package feed

import (
	"iter"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
	"uncross/gateway/mirror"
)

// market is everything about one instrument. The feed's mutex guards it.
type market struct {
	id   wire.InstrumentID
	def  *definition
	book *mirror.Book

	bookAt  change // it changed last
	touched bool   // by the command that is being applied
	best    [2]mirror.Level
	bestAt  change

	phase, was wire.Phase
	phaseAt    change
	result     compact.AuctionState // of the auction that ended with the present phase; State none where it did not
	auction    compact.AuctionState // as last published
	auctionAt  change

	past    uint64 // trades up to this command are in what was loaded
	lastID  wire.TradeID
	lastOrd uint32 // of the last trade's event
	tradeAt change
	latest  []compact.Trade // a ring of up to SnapshotTrades
	oldest  int             // in it, once it is full
	day     candles.Day
	rows    [candles.Count][]candles.Candle // latest of each interval, oldest first

	// To be published. Only what somebody may be reading is kept.
	levels []point
	orders []compact.Order
	trades []compact.Trade
	since  [candles.Count]int // rows from here on have changed

	topics [compact.ChannelCount]topic // by channel; that of Candles is not used
	charts [candles.Count]topic        // candles
}

// point is a level that has changed.
type point struct {
	side  wire.Side
	price wire.Price
}

func (f *Feed) newMarket(id wire.InstrumentID, d *definition) *market {
	m := &market{id: id, def: d, phase: wire.Closed, was: wire.Closed}
	for c := Book; c <= Statistics; c++ {
		m.topics[c-1] = topic{key: Topic{Channel: c, Instrument: id}, m: m, gap: f.interval(c)}
	}
	for _, i := range candles.Intervals() {
		m.charts[i.Index()] = topic{key: Topic{Channel: Candles, Instrument: id, Interval: i}, m: m, gap: f.interval(Candles)}
	}
	return m
}

// topic returns a topic of the market. Channel and interval are valid.
func (m *market) topic(c Channel, i candles.Interval) *topic {
	if c == Candles {
		return &m.charts[i.Index()]
	}
	return &m.topics[c-1]
}

// all returns every topic.
func (m *market) all() iter.Seq[*topic] {
	return func(yield func(*topic) bool) {
		for i := range m.topics {
			if m.topics[i].key.Channel != Candles && !yield(&m.topics[i]) {
				return
			}
		}
		for i := range m.charts {
			if !yield(&m.charts[i]) {
				return
			}
		}
	}
}

// changed returns what changed a topic's subject last.
func (m *market) changed(t *topic) change {
	switch t.key.Channel {
	case Book, Orders:
		return m.bookAt
	case BBO:
		return m.bestAt
	case Auction:
		return m.auctionAt
	case Status:
		return m.phaseAt
	}
	return m.tradeAt
}

// forget drops what waits to be published of a channel that nobody reads.
func (m *market) forget(c Channel) {
	switch c {
	case Book:
		m.levels = m.levels[:0]
	case Orders:
		m.orders = m.orders[:0]
	case Trades:
		m.trades = m.trades[:0]
	}
}

// auctionNow returns the present state of the auction.
func (m *market) auctionNow() compact.AuctionState {
	if m.phase != wire.Auction {
		return m.result
	}
	s := compact.AuctionState{State: compact.Indicative}
	if r, ok := m.book.Auction(); ok {
		s.Price, s.Volume, s.Surplus, s.SurplusSide = r.Price, r.Volume, r.Surplus, r.SurplusSide
	}
	return s
}

// lookAtAuction notes where the auction is another than it was when it was looked at last.
func (m *market) lookAtAuction() (differs bool) {
	now := m.auctionNow()
	if now == m.auction {
		return false
	}
	m.auction, m.auctionAt = now, m.phaseAt
	if now.State == compact.Indicative && m.bookAt.seq > m.phaseAt.seq {
		m.auctionAt = m.bookAt
	}
	return true
}

// bestNow returns the best levels, bid and ask; Orders 0: none.
func (m *market) bestNow() (best [2]mirror.Level) {
	best[0], _ = m.book.Best(wire.Buy)
	best[1], _ = m.book.Best(wire.Sell)
	return best
}

// traded takes a trade into latest trades, candles and the day.
func (m *market) traded(t *compact.Trade, ord uint32, notional wire.Amount) {
	m.lastID, m.lastOrd, m.tradeAt = t.Trade, ord, change{t.Command, t.TimeNs}
	m.remember(t)
	m.day.Add(t.TimeNs, t.Price, t.Qty, notional)
	for _, i := range candles.Intervals() {
		m.chart(i, t, notional)
	}
}

func (m *market) remember(t *compact.Trade) {
	if len(m.latest) < SnapshotTrades {
		m.latest = append(m.latest, *t)
		return
	}
	m.latest[m.oldest] = *t
	m.oldest = (m.oldest + 1) % SnapshotTrades
}

// latestTrades appends the latest trades, oldest first.
func (m *market) latestTrades(dst []compact.Trade) []compact.Trade {
	return append(append(dst, m.latest[m.oldest:]...), m.latest[:m.oldest]...)
}

// chart takes a trade into the candles of an interval.
func (m *market) chart(i candles.Interval, t *compact.Trade, notional wire.Amount) {
	at := i.Index()
	row := m.rows[at]
	start := i.Start(t.TimeNs)
	if n := len(row); n == 0 || row[n-1].StartNs < start {
		row = append(row, candles.Candle{StartNs: start})
		m.rows[at] = row
	}
	row[len(row)-1].Add(t.Price, t.Qty, notional)
	m.since[at] = min(m.since[at], len(row)-1)
	if !m.charts[at].active() {
		m.shorten(i)
	}
}

// shorten drops candles beyond those of a snapshot, all of them being published.
func (m *market) shorten(i candles.Interval) {
	at := i.Index()
	if n := len(m.rows[at]) - SnapshotCandles; n > 0 {
		m.rows[at] = append(m.rows[at][:0], m.rows[at][n:]...)
	}
	m.since[at] = len(m.rows[at])
}

// step moves the 24 hours on, and reports whether something left them.
func (m *market) step(now time.Time) bool { return m.day.Advance(now.Add(-windowLag).UnixNano()) }
