package http

import (
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed"
	"uncross/gateway/view"
)

// Market is what the publisher of market data knows and the view does not. A *feed.Feed is one. All methods may be called from many goroutines.
type Market interface {
	// Status returns the publisher's own state in numbers.
	Status() feed.Counts
	// WaitFor waits until what it tells is as of command seq or later, no longer than timeout, and reports whether it is.
	WaitFor(seq uint64, timeout time.Duration) bool
	// Orders returns an instrument's book order by order, up to depth orders of each side. ok is false while it is not known:
	// for an instrument without a book, and until the publisher has caught up.
	Orders(in wire.InstrumentID, depth int) (b feed.OrderBook, ok bool)
	// Auction returns what an auction would come to now. ok is false where the phase is no auction.
	Auction(in wire.InstrumentID) (a feed.Indication, ok bool)
	// Statistics returns the last 24 hours as of a command. ok is false until the publisher has caught up.
	Statistics(in wire.InstrumentID) (s candles.Statistics, asOf uint64, ok bool)
}

var _ Market = (*feed.Feed)(nil)

// ordersOfBook answers with a book order by order.
func (q *request) ordersOfBook(in *view.Instrument, depth int) (any, *Error) {
	if q.s.market == nil {
		return nil, refuseField(NotOffered, "level", "this server publishes no market data: it has levels 1 and 2 only")
	}
	q.catchUpMarket()
	b, ok := q.s.market.Orders(in.ID, depth)
	if !ok {
		return nil, refuse(NotReady, "the books are being read anew")
	}
	q.seen(b.AsOf)
	return bookAnswer[restingAnswer]{
		Symbol: in.Symbol.String(), Phase: b.Phase.String(), Sequence: id(b.Sequence), AsOf: id(b.AsOf), Time: stamp(b.TimeNs),
		Bids: restingText(in, b.Bids), Asks: restingText(in, b.Asks), Auction: q.indication(in),
	}, nil
}

// indication words what an auction would come to; nil where there is none, or nobody who knows.
func (q *request) indication(in *view.Instrument) *indicationAnswer {
	if q.s.market == nil || in.Phase != wire.Auction {
		return nil
	}
	if !q.await(q.s.market.WaitFor, max(q.mustSee(), q.applied)) {
		q.seen(0) // it does not say by itself how far it is
	}
	a, ok := q.s.market.Auction(in.ID)
	if !ok {
		return nil
	}
	return &indicationAnswer{Sequence: id(a.Sequence), Price: price(in, a.Price), Volume: in.Qty(a.Volume),
		Surplus: in.Qty(a.Surplus), SurplusSide: takerText(a.SurplusSide)}
}
