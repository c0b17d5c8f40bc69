package feed

import (
	"time"

	"uncross/book"
	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
	"uncross/gateway/mirror"
)

// OrderBook is the orders of a book as of command AsOf, each side in the order in which it trades.
type OrderBook struct {
	Phase    wire.Phase
	Sequence uint64 // the command that changed the book last
	AsOf     uint64
	TimeNs   int64 // engine time of AsOf
	Bids     []mirror.Resting
	Asks     []mirror.Resting
}

// Indication is what an auction would come to. Volume is zero where nothing crosses.
type Indication struct {
	book.AuctionResult
	Sequence uint64 // the command that changed the book last
}

// WaitFor waits until what the feed tells is as of command seq or later, for at most the given time, and reports whether
// it is.
func (f *Feed) WaitFor(seq uint64, timeout time.Duration) bool {
	return f.applied.WaitFor(seq, timeout)
}

// Orders returns up to depth orders of each side of a book. ok is false where there is no such instrument, and until the
// books have been loaded.
func (f *Feed) Orders(in wire.InstrumentID, depth int) (b OrderBook, ok bool) {
	m := f.lockWhole(in)
	defer f.mu.Unlock()
	if m == nil {
		return b, false
	}
	b = OrderBook{Phase: m.phase, Sequence: m.bookAt.seq, AsOf: f.seq, TimeNs: f.timeNs}
	b.Bids, b.Asks = resting(m.book, wire.Buy, depth), resting(m.book, wire.Sell, depth)
	return b, true
}

func resting(k *mirror.Book, side wire.Side, depth int) []mirror.Resting {
	all := make([]mirror.Resting, 0, max(min(depth, k.Len(side)), 0))
	for o := range k.Orders(side) {
		if len(all) >= depth {
			break
		}
		all = append(all, o)
	}
	return all
}

// Auction returns what an auction would come to now; ok is false where the phase is none, and as with Orders.
func (f *Feed) Auction(in wire.InstrumentID) (a Indication, ok bool) {
	m := f.lockWhole(in)
	defer f.mu.Unlock()
	if m == nil || m.phase != wire.Auction {
		return a, false
	}
	s := m.auctionNow()
	a.AuctionResult = book.AuctionResult{Price: s.Price, Volume: s.Volume, Surplus: s.Surplus, SurplusSide: s.SurplusSide}
	a.Sequence = m.bookAt.seq
	return a, true
}

// Statistics returns the last 24 hours as of command asOf; ok as with Orders.
func (f *Feed) Statistics(in wire.InstrumentID) (s candles.Statistics, asOf uint64, ok bool) {
	m := f.lockWhole(in)
	defer f.mu.Unlock()
	if m == nil {
		return s, 0, false
	}
	if m.step(f.o.Clock()) {
		f.news(m.topic(Statistics, 0))
	}
	return m.day.Statistics(), f.seq, true
}

// AuctionState returns the state of the auction as the channel of that name has it; ok as with Orders.
func (f *Feed) AuctionState(in wire.InstrumentID) (s compact.AuctionState, ok bool) {
	m := f.lockWhole(in)
	defer f.mu.Unlock()
	if m == nil {
		return s, false
	}
	return m.auctionNow(), true
}

// lockWhole takes the mutex when the books are as of a whole command, and returns the market of an instrument; nil where there is
// none, or nothing is loaded.
func (f *Feed) lockWhole(in wire.InstrumentID) *market {
	f.mu.Lock()
	for f.ready && !f.whole && !f.ended {
		f.wholly.Wait()
	}
	if !f.whole {
		return nil
	}
	return f.market(in)
}
