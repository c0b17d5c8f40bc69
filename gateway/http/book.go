package http

import (
	"uncross/engine/wire"
	"uncross/gateway/mirror"
	"uncross/gateway/view"
)

// This file has the books: levels from the view, single orders and the indication of an auction from the market data.

type levelAnswer struct {
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Orders   int    `json:"orders"`
}

// restingAnswer is one order of a book. Whose it is nobody is told.
type restingAnswer struct {
	OrderID  string `json:"order_id"`
	Price    string `json:"price"`
	Quantity string `json:"quantity"` // left
}

// bookAnswer is a book with sides of levels or of orders.
type bookAnswer[T any] struct {
	Symbol   string            `json:"symbol"`
	Phase    string            `json:"phase"`
	Sequence string            `json:"sequence"` // the command that changed this book last
	AsOf     string            `json:"as_of"`
	Time     string            `json:"time"`
	Bids     []T               `json:"bids"`
	Asks     []T               `json:"asks"`
	Auction  *indicationAnswer `json:"auction,omitempty"`
}

// indicationAnswer is what an auction would come to now.
type indicationAnswer struct {
	Sequence    string `json:"sequence"` // of the book that it is of
	Price       string `json:"price,omitempty"`
	Volume      string `json:"volume"`
	Surplus     string `json:"surplus"`
	SurplusSide string `json:"surplus_side"`
}

// showBook handles GET /v1/instruments/{symbol}/book: level 1 is the best price of each side, level 2 the best depth
// prices, level 3 the first depth orders in the order in which they trade.
func showBook(q *request) (any, *Error) {
	level := q.fields.count("level", 3, 2)
	depth := q.fields.count("depth", q.s.limits.Depth, 10)
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	switch level {
	case 1:
		depth = 1
	case 3:
		return q.ordersOfBook(&in, depth)
	}
	b, _ := q.s.view.Book(in.ID, depth)
	return bookAnswer[levelAnswer]{
		Symbol: in.Symbol.String(), Phase: in.Phase.String(), Sequence: id(b.Sequence), AsOf: id(b.Seq), Time: stamp(b.TimeNs),
		Bids: levelsText(&in, b.Bids), Asks: levelsText(&in, b.Asks), Auction: q.indication(&in),
	}, nil
}

func levelsText(in *view.Instrument, levels []view.Level) []levelAnswer {
	all := make([]levelAnswer, 0, len(levels))
	for _, l := range levels {
		all = append(all, levelAnswer{in.Price(l.Price), in.Qty(l.Qty), l.Orders})
	}
	return all
}

func restingText(in *view.Instrument, orders []mirror.Resting) []restingAnswer {
	all := make([]restingAnswer, 0, len(orders))
	for _, o := range orders {
		all = append(all, restingAnswer{id(o.Order), in.Price(o.Price), in.Qty(o.Qty)})
	}
	return all
}

// takerText names the side of the incoming order, or of a surplus; in an auction, or without a surplus, there is none.
func takerText(s wire.Side) string {
	if s == 0 {
		return "none"
	}
	return s.String()
}
