package http

import (
	"uncross/engine/wire"
	"uncross/gateway/history"
)

// changeAnswer is what one event did to an account's balances.
type changeAnswer struct {
	Event     string         `json:"event"`  // command.ordinal
	Reason    string         `json:"reason"` // why
	Symbol    string         `json:"symbol,omitempty"`
	Side      string         `json:"side,omitempty"` // of the account's order
	OrderID   string         `json:"order_id,omitempty"`
	TradeID   string         `json:"trade_id,omitempty"`
	Reference string         `json:"reference,omitempty"`
	Command   string         `json:"command"`
	Time      string         `json:"time"`
	Balances  []balanceAfter `json:"balances"` // after it: those that it changed
}

type balanceAfter struct {
	balanceAnswer
	Estimated bool `json:"estimated,omitempty"` // the total is right; how much of it is held is not known here
}

// listBalanceChanges handles GET /v1/balance-changes: every change of what an account has available and held.
func listBalanceChanges(q *request) (any, *Error) {
	order := q.fields.number("order_id")
	a, h, err := q.past(q.fields.text("account"), forOps|forCustody)
	if err != nil {
		return nil, err
	}
	h.Order = wire.OrderID(order)
	asOf := q.s.history.Position()
	p, e := q.s.history.BalanceChanges(a.ID, h)
	return pastPage(q, asOf, p, e, q.changeText)
}

func (q *request) changeText(c *history.BalanceChange) changeAnswer {
	a := changeAnswer{Event: eventText(history.EventID{Seq: c.Seq, Ord: c.Ord}), Reason: c.Reason.String(),
		Reference: c.Reference.String(), Command: id(c.Seq), Time: stamp(c.TimeNs)}
	if c.Side != 0 {
		a.Side = c.Side.String()
	}
	if c.Instrument != 0 {
		in, _ := q.s.view.Instrument(c.Instrument)
		a.Symbol = in.Symbol.String()
	}
	if c.Order != 0 {
		a.OrderID = id(c.Order)
	}
	if c.Trade != 0 {
		a.TradeID = id(c.Trade)
	}
	for _, b := range c.Balances {
		of, _ := q.s.view.Asset(b.Asset)
		a.Balances = append(a.Balances, balanceAfter{balanceAnswer{of.Code.String(), assetAmount(b.Available, of),
			assetAmount(b.Held, of), assetAmount(b.Available.MustAdd(b.Held), of)}, b.Estimated})
	}
	return a
}
