package http

import (
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// This file has the public trades: the latest from the view, all others from the history. The cursor is the id of the last
// trade seen, command.ordinal, so that a page from the one goes on in the other.

type tradeAnswer struct {
	TradeID  string `json:"trade_id"`
	Command  string `json:"command"`
	Time     string `json:"time"`
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Taker    string `json:"taker_side"`
}

// listTrades handles GET /v1/instruments/{symbol}/trades.
func listTrades(q *request) (any, *Error) {
	h := q.pastQuery()
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	after, err := parseEventID(h.Cursor)
	if err != nil {
		return nil, err
	}
	q.catchUp()
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	if h.Cursor == "" && !h.Oldest && h.FromNs == 0 && h.ToNs == 0 {
		return q.latestTrades(&in, h)
	}
	if after.Seq > q.s.view.Applied() {
		if !q.s.follows() {
			return nil, refuseField(InvalidCursor, "cursor", "")
		}
		if !q.await(q.s.view.WaitFor, after.Seq) { // another node may have given it out
			return nil, refuse(Behind, "the cursor is of another node's list, which was further")
		}
	}
	if h.Cursor == "" || h.Oldest { // a walk that goes on forwards is to see what has been answered
		q.catchUpHistory()
	}
	if h.Cursor != "" && !q.await(q.s.history.WaitFor, after.Seq) {
		return nil, refuse(Busy, "the history has not come so far yet")
	}
	out := &pastList[tradeAnswer]{list: page[tradeAnswer](nil, q.s.history.Position())}
	err = q.pastTrades(&in, h, after, out)
	out.reach = q.reaches()
	return out, err
}

// latestTrades answers with the latest trades. The view has the first of them; the history is asked where it has too few
// to tell what comes behind them, as after a start from a snapshot.
func (q *request) latestTrades(in *view.Instrument, h history.Query) (any, *Error) {
	out := &pastList[tradeAnswer]{list: page[tradeAnswer](nil, q.s.view.Applied()), reach: q.reaches()}
	trades, _ := q.s.view.Trades(in.ID, h.Limit+1)
	more := len(trades) > h.Limit
	trades = trades[:min(len(trades), h.Limit)]
	var last history.EventID
	for i := range trades {
		t := &trades[i]
		out.Items = append(out.Items, tradeAnswer{id(t.ID), id(t.Seq), stamp(t.TimeNs), in.Price(t.Price), in.Qty(t.Qty), takerText(t.Taker)})
		last = history.EventID{Seq: t.Seq, Ord: t.Ord}
	}
	if len(trades) > 0 {
		out.Next = eventText(last)
	}
	switch {
	case more:
		out.More = true
		return out, nil
	case len(trades) == 0:
		q.catchUpHistory()
	case !q.await(q.s.history.WaitFor, last.Seq):
		out.More = true // whether there is will be told by the next page
		return out, nil
	}
	if h.Limit -= len(trades); h.Limit == 0 {
		h.Limit = 1
		var rest pastList[tradeAnswer]
		err := q.pastTrades(in, h, last, &rest)
		out.More = len(rest.Items) > 0
		return out, err
	}
	err := q.pastTrades(in, h, last, out)
	out.reach = q.reaches()
	return out, err
}

// pastTrades appends the trades behind an event from the history; the zero event is no bound.
func (q *request) pastTrades(in *view.Instrument, h history.Query, after history.EventID, out *pastList[tradeAnswer]) *Error {
	h.Cursor = ""
	if after != (history.EventID{}) {
		h.Cursor = history.TradesCursor(in.ID, after, h.Oldest)
		out.Next = eventText(after)
	}
	past, err := q.s.history.Trades(in.ID, h)
	if err != nil {
		return q.historyError(err)
	}
	for i := range past.Items {
		t := &past.Items[i]
		out.Items = append(out.Items, tradeAnswer{id(t.Trade.Trade), id(t.Seq), stamp(t.TimeNs), in.Price(t.Price), in.Qty(t.Qty), takerText(t.Taker)})
		out.Next = eventText(history.EventID{Seq: t.Seq, Ord: t.Ord})
	}
	out.More = past.More
	return nil
}
