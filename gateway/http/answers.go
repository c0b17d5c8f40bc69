package http

import (
	"encoding/binary"
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/view"
)

// This file has the shapes of the answers about orders and how they are made from events. openapi.yaml describes them
// all; a test holds the two together.

// orderAnswer answers a new order, a replace or a cancel: the order as that command left it, and the command's fills.
type orderAnswer struct {
	Repeat        bool         `json:"repeat"`  // the answer of an earlier, equal command, given again
	Command       string       `json:"command"` // number of the command that did it
	Time          string       `json:"time"`
	OrderID       string       `json:"order_id"`
	ClientOrderID string       `json:"client_order_id,omitempty"`
	Account       string       `json:"account"`
	Symbol        string       `json:"symbol"`
	Side          string       `json:"side"`
	Type          string       `json:"type,omitempty"`
	TimeInForce   string       `json:"time_in_force,omitempty"`
	PostOnly      bool         `json:"post_only,omitempty"`
	Price         string       `json:"price,omitempty"`
	Quantity      string       `json:"quantity,omitempty"`
	Funds         string       `json:"funds,omitempty"`
	Status        string       `json:"status"`
	Filled        string       `json:"filled"`
	Remaining     string       `json:"remaining"`
	Canceled      string       `json:"canceled,omitempty"` // quantity that left without trading
	CancelReason  string       `json:"cancel_reason,omitempty"`
	KeptPriority  *bool        `json:"kept_priority,omitempty"` // replace
	Notional      string       `json:"notional,omitempty"`      // sum over the fills of this command
	AveragePrice  string       `json:"average_price,omitempty"` // of them, as the exact fraction notional/quantity
	Fills         []fillAnswer `json:"fills"`
	FillsComplete bool         `json:"fills_complete"`
}

// fillAnswer is one fill as the order that it belongs to sees it.
type fillAnswer struct {
	TradeID   string `json:"trade_id"`
	Price     string `json:"price"`
	Quantity  string `json:"quantity"`
	Notional  string `json:"notional"`
	Fee       string `json:"fee"` // in the quote asset
	Liquidity string `json:"liquidity"`
}

type batchAnswer struct {
	Results []batchResult `json:"results"`
}

// batchResult is the answer to one operation: an order or an error, and the HTTP status it would have had by itself.
type batchResult struct {
	Status int          `json:"status"`
	Order  *orderAnswer `json:"order,omitempty"`
	Error  *errorText   `json:"error,omitempty"`
}

type massCancelAnswer struct {
	Command  string `json:"command"`
	Time     string `json:"time"`
	Canceled uint64 `json:"canceled"`
}

// id returns a number as the interface shows it: a string, so that no reader rounds it.
func id[T ~uint64 | ~uint32](n T) string { return strconv.FormatUint(uint64(n), 10) }

func itoa(n int) string { return strconv.Itoa(n) }

// stamp returns a time as RFC 3339 in UTC with all nine digits of its nanoseconds.
func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z") }

func quote(in *view.Instrument, a wire.Amount) string { return string(in.AppendQuote(nil, a)) }

// price returns a price, "" for none.
func price(in *view.Instrument, p wire.Price) string {
	if p == 0 {
		return ""
	}
	return in.Price(p)
}

// average returns the average price, rounded down as decimal.AppendAverage says, "" when nothing traded. The exact one is
// notional divided by quantity.
func average(in *view.Instrument, notional wire.Amount, qty wire.Qty) string {
	if qty == 0 {
		return ""
	}
	return string(in.AppendAverage(nil, notional, qty))
}

// orderAnswer words the answer to an operation that was not refused.
func (q *request) orderAnswer(p *reply) orderAnswer {
	first := &p.events[0]
	a := orderAnswer{Command: id(first.Seq), Time: stamp(first.TimeNs), Repeat: p.repeat(),
		Fills: []fillAnswer{}, FillsComplete: true}
	switch first.Kind {
	case wire.EvOrderAccepted:
		var o wire.OrderAccepted
		o.GetEvent(first)
		q.enteredAnswer(&a, &o, p)
	case wire.EvOrderReplaced:
		var o wire.OrderReplaced
		o.GetEvent(first)
		q.replacedAnswer(&a, &o, p)
	case wire.EvOrderCanceled:
		var o wire.OrderCanceled
		o.GetEvent(first)
		in, _ := q.s.view.Instrument(o.Instrument)
		a.OrderID, a.ClientOrderID, a.Side = id(o.Order), o.ClientID.String(), o.Side.String()
		a.Account, a.Symbol = q.accountName(o.Account), in.Symbol.String()
		a.Status, a.Filled, a.Remaining = wire.StatusCanceled.String(), in.Qty(o.Filled), in.Qty(0)
		a.Canceled, a.CancelReason = in.Qty(o.Left), o.Reason.String()
		if a.Repeat {
			a.Command = id(o.First.Seq)
			if events := q.originalEvents(o.First.Seq); len(events) > 0 {
				a.Time = stamp(events[0].TimeNs)
			}
		}
	}
	return a
}

// enteredAnswer words the answer to a new order.
func (q *request) enteredAnswer(a *orderAnswer, o *wire.OrderAccepted, p *reply) {
	in, _ := q.s.view.Instrument(o.Instrument)
	a.OrderID, a.ClientOrderID, a.Account = id(o.Order), o.ClientID.String(), q.accountName(o.Account)
	a.Symbol, a.Side, a.Type, a.TimeInForce = in.Symbol.String(), o.Side.String(), o.Type.String(), o.TIF.String()
	a.PostOnly = o.Flags&wire.PostOnly != 0
	a.Price = price(&in, o.Price)
	if a.Quantity = in.Qty(o.Qty); !o.Funds.IsZero() {
		a.Funds = quote(&in, o.Funds)
	}
	left := o.Qty
	f := q.fillsOf(a, p, &in, o.Order, o.First.Seq)
	if a.Repeat {
		a.Status, a.Command = o.First.Status.String(), id(o.First.Seq)
		left -= o.First.Filled
		if o.First.Status == wire.StatusCanceled {
			a.Canceled = in.Qty(left)
		}
		if !o.First.Status.Open() {
			left = 0
		}
		a.Filled, a.Remaining = in.Qty(o.First.Filled), in.Qty(left)
		if !f.whole {
			q.fromRecord(a, &in, o)
		}
	} else {
		left -= f.qty
		a.Filled = in.Qty(f.qty)
		a.Status = status(left, f.qty)
		a.Remaining = in.Qty(left)
	}
	if f.canceled != nil {
		if !a.Repeat {
			a.Status, a.Remaining = wire.StatusCanceled.String(), in.Qty(0)
		}
		a.Canceled, a.CancelReason = in.Qty(f.canceled.Left), f.canceled.Reason.String()
	}
}

// fromRecord completes the answer to a repeat whose original events are not all there, by what the history's record of
// the order says: it still tells of the first command alone where nothing has traded since.
func (q *request) fromRecord(a *orderAnswer, in *view.Instrument, o *wire.OrderAccepted) {
	r, ok, err := q.s.history.Order(o.Order)
	if err != nil {
		_ = q.historyError(err, "order", o.Order) // the answer does without
	}
	if err != nil || !ok {
		return
	}
	a.Time = stamp(r.EnteredNs)
	if r.Filled == o.First.Filled {
		a.Notional, a.AveragePrice = quote(in, r.Notional), average(in, r.Notional, r.Filled)
	}
	if o.First.Status == wire.StatusCanceled && r.Status == wire.StatusCanceled {
		a.CancelReason = r.CancelReason.String()
	}
}

// replacedAnswer words the answer to a replace.
func (q *request) replacedAnswer(a *orderAnswer, o *wire.OrderReplaced, p *reply) {
	in, _ := q.s.view.Instrument(o.Instrument)
	a.OrderID, a.ClientOrderID, a.Account = id(o.Order), o.ClientID.String(), q.accountName(o.Account)
	a.Symbol, a.Side = in.Symbol.String(), o.Side.String()
	a.Price, a.Quantity = in.Price(o.Price), in.Qty(o.Qty)
	kept := o.KeptPriority != 0
	a.KeptPriority = &kept
	f := q.fillsOf(a, p, &in, o.Order, o.First.Seq)
	filled := o.Qty - o.Left + f.qty
	a.Status = status(o.Qty-filled, filled)
	if a.Repeat {
		filled = o.First.Filled
		a.Status, a.Command = o.First.Status.String(), id(o.First.Seq)
	}
	a.Filled, a.Remaining = in.Qty(filled), in.Qty(o.Qty-filled)
}

// status returns where an order stands that has not been canceled.
func status(left, filled wire.Qty) string {
	switch {
	case left == 0:
		return wire.StatusFilled.String()
	case filled == 0:
		return wire.StatusNew.String()
	}
	return wire.StatusPartiallyFilled.String()
}

// commandFills is what the fills of one command come to for its order.
type commandFills struct {
	qty      wire.Qty
	canceled *wire.OrderCanceled // the rest of the order left
	whole    bool                // all of the command's events are in it
}

// fillsOf puts the fills of an order's command into a. For a repeat they are those of the original command, from the
// history; when it does not have them, or they are more than an answer has, the answer says that its fills are not
// complete.
func (q *request) fillsOf(a *orderAnswer, p *reply, in *view.Instrument, order wire.OrderID, original uint64) (f commandFills) {
	events := p.events
	f.whole = true
	if a.Repeat {
		events = q.originalEvents(original)
		f.whole = len(events) > 0 && len(events) < q.originalMost()
		if len(events) > 0 {
			a.Time = stamp(events[0].TimeNs)
		}
	}
	notional := p.beyond.notional
	f.qty = p.beyond.qty
	trades := p.beyond.trades
	for i := range events {
		switch e := &events[i]; e.Kind {
		case wire.EvTrade:
			var t wire.Trade
			t.GetEvent(e)
			if t.BuyOrder != order && t.SellOrder != order {
				continue
			}
			trades++
			f.qty += t.Qty
			notional = notional.MustAdd(t.Notional)
			if len(a.Fills) < q.s.limits.Fills {
				a.Fills = append(a.Fills, fillOf(in, &t, order))
			}
		case wire.EvOrderCanceled:
			var c wire.OrderCanceled
			if c.GetEvent(e); c.Order == order {
				f.canceled = &c
			}
		}
	}
	a.FillsComplete = f.whole && trades <= uint64(q.s.limits.Fills)
	if f.whole {
		a.Notional = quote(in, notional)
		a.AveragePrice = average(in, notional, f.qty)
	}
	return f
}

// originalMost is how many events of an earlier command are read: its first one, the fills that an answer has, the cancel
// of the rest, and one more that tells that there are others.
func (q *request) originalMost() int { return q.s.limits.Fills + 3 }

// originalEvents returns the first events of an earlier command, none when the history does not have them in time, or no longer.
func (q *request) originalEvents(seq uint64) []wire.Event {
	h := q.s.history
	if seq == 0 || seq < h.CompleteFrom() || !q.await(h.WaitFor, seq) {
		return nil
	}
	events, err := h.Events(seq, q.originalMost())
	if err != nil {
		_ = q.historyError(err, "command", seq) // the answer does without
		return nil
	}
	return events
}

// fillOf words a trade as one of its two orders sees it.
func fillOf(in *view.Instrument, t *wire.Trade, order wire.OrderID) fillAnswer {
	side, fee := wire.Buy, t.BuyFee
	if t.SellOrder == order {
		side, fee = wire.Sell, t.SellFee
	}
	return fillAnswer{
		TradeID: id(t.Trade), Price: in.Price(t.Price), Quantity: in.Qty(t.Qty),
		Notional: quote(in, t.Notional), Fee: quote(in, fee), Liquidity: liquidity(t.Taker, side),
	}
}

// liquidity says what an order did in a trade: auctions have neither makers nor takers.
func liquidity(taker, side wire.Side) string {
	switch taker {
	case 0:
		return "auction"
	case side:
		return "taker"
	}
	return "maker"
}

// accountName returns an account's name.
func (q *request) accountName(n wire.AccountID) string {
	a, ok := q.s.view.Account(n)
	if !ok {
		q.catchUp()
		a, _ = q.s.view.Account(n)
	}
	return a.Name.String()
}

// assetAmount returns an amount of an asset as text.
func assetAmount(a wire.Amount, asset wire.Asset) string {
	return string(decimal.AppendAmount(nil, a, asset.Decimals))
}

const hexDigits = "0123456789abcdef"

func hexText(b []byte) string {
	s := make([]byte, 0, 2*len(b))
	for _, c := range b {
		s = append(s, hexDigits[c>>4], hexDigits[c&15])
	}
	return string(s)
}

// hash returns a state hash as 16 hex digits.
func hash(h uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], h)
	return hexText(b[:])
}
