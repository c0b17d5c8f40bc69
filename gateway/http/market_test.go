package http

import (
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed"
	"uncross/gateway/mirror"
	"uncross/internal/ring"
)

// testMarket is a publisher of nothing: it keeps the books, the auctions and the statistics, from the same events.
type testMarket struct {
	mu     sync.Mutex
	moved  *sync.Cond
	books  *mirror.Books
	days   map[wire.InstrumentID]*candles.Day
	seq    uint64
	timeNs int64
	behind bool // as while it reads all anew
}

func newTestMarket() *testMarket {
	m := &testMarket{books: mirror.New(), days: map[wire.InstrumentID]*candles.Day{}}
	m.moved = sync.NewCond(&m.mu)
	return m
}

func (m *testMarket) run(r *ring.Reader[wire.Event], stop <-chan struct{}) error {
	es := make([]wire.Event, 256)
	for {
		n, _, ok := r.Read(es, stop)
		if !ok {
			return nil
		}
		if err := m.apply(es[:n]); err != nil {
			return err
		}
	}
}

func (m *testMarket) apply(es []wire.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range es {
		e := &es[i]
		if _, err := m.books.Apply(e, nil); err != nil {
			return err
		}
		m.seq, m.timeNs = e.Seq, e.TimeNs
		if e.Kind == wire.EvTrade && e.Flags&wire.FlagRepeat == 0 {
			var t wire.Trade
			t.GetEvent(e)
			m.day(t.Instrument).Add(e.TimeNs, t.Price, t.Qty, t.Notional)
		}
	}
	m.moved.Broadcast()
	return nil
}

func (m *testMarket) day(in wire.InstrumentID) *candles.Day {
	if m.days[in] == nil {
		m.days[in] = &candles.Day{}
	}
	return m.days[in]
}

func (m *testMarket) Status() feed.Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return feed.Counts{Ready: !m.behind, Seq: m.seq, Topics: 2, Readers: 3, Messages: 1 << 60, Slow: 5}
}

func (m *testMarket) WaitFor(seq uint64, timeout time.Duration) bool {
	timer := time.AfterFunc(timeout, m.moved.Broadcast)
	defer timer.Stop()
	deadline := time.Now().Add(timeout)
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.seq < seq && time.Now().Before(deadline) {
		m.moved.Wait()
	}
	return m.seq >= seq
}

func (m *testMarket) Orders(in wire.InstrumentID, depth int) (b feed.OrderBook, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.books.Book(in)
	if k == nil || m.behind {
		return b, false
	}
	b = feed.OrderBook{Phase: k.Phase(), Sequence: k.Sequence(), AsOf: m.seq, TimeNs: m.timeNs}
	for _, side := range []struct {
		of wire.Side
		to *[]mirror.Resting
	}{{wire.Buy, &b.Bids}, {wire.Sell, &b.Asks}} {
		for o := range k.Orders(side.of) {
			if len(*side.to) == depth {
				break
			}
			*side.to = append(*side.to, o)
		}
	}
	return b, true
}

func (m *testMarket) Auction(in wire.InstrumentID) (a feed.Indication, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.books.Book(in)
	if k == nil || k.Phase() != wire.Auction || m.behind {
		return a, false
	}
	a.AuctionResult, _ = k.Auction()
	a.Sequence = k.Sequence()
	return a, true
}

func (m *testMarket) Statistics(in wire.InstrumentID) (s candles.Statistics, asOf uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.behind {
		return s, 0, false
	}
	d := m.day(in)
	d.Advance(m.timeNs)
	return d.Statistics(), m.seq, true
}

// fallBehind makes the market data unknown, or known again.
func (m *testMarket) fallBehind(behind bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.behind = behind
}
