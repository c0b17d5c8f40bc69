package stream

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// execution is a message of the channel executions. What a kind does not have is absent.
type execution struct {
	heading
	Kind          string      `json:"kind"`
	Command       string      `json:"command,omitempty"` // rejected: what was refused
	Reason        *reasonText `json:"reason,omitempty"`  // rejected: why
	OrderID       string      `json:"order_id,omitempty"`
	ClientOrderID string      `json:"client_order_id,omitempty"`
	TargetID      string      `json:"target_client_order_id,omitempty"` // rejected: the client id by which it named the order
	Symbol        string      `json:"symbol,omitempty"`
	Side          string      `json:"side,omitempty"`
	OrderType     string      `json:"order_type,omitempty"`
	TimeInForce   string      `json:"time_in_force,omitempty"`
	PostOnly      bool        `json:"post_only,omitempty"`
	Price         string      `json:"price,omitempty"`    // fill: of the trade; else of the order
	Quantity      string      `json:"quantity,omitempty"` // likewise
	Funds         string      `json:"funds,omitempty"`
	Filled        string      `json:"filled,omitempty"`
	Remaining     string      `json:"remaining,omitempty"` // what of the order is open after it
	Canceled      string      `json:"canceled,omitempty"`  // canceled: what left without trading
	CancelReason  string      `json:"cancel_reason,omitempty"`
	KeptPriority  *bool       `json:"kept_priority,omitempty"` // replaced
	TradeID       string      `json:"trade_id,omitempty"`
	Notional      string      `json:"notional,omitempty"`
	Fee           string      `json:"fee,omitempty"` // in the quote asset
	Liquidity     string      `json:"liquidity,omitempty"`
}

// execution words an event, nil where it is not one of an order of the account.
func (p *private) execution(e *history.AccountEvent) []byte {
	x := execution{heading: p.heading(&e.Event)}
	switch e.Event.Kind {
	case wire.EvOrderAccepted:
		p.accepted(&x, e)
	case wire.EvOrderReplaced:
		p.replaced(&x, e)
	case wire.EvOrderCanceled:
		p.canceled(&x, e)
	case wire.EvTrade:
		if e.Side == 0 {
			return nil // the venue's account took the fees
		}
		p.fill(&x, e)
	case wire.EvRejected, wire.EvOrderRejected:
		if !p.rejected(&x, e) {
			return nil
		}
	default:
		return nil
	}
	return p.encode(&x)
}

func (p *private) accepted(x *execution, e *history.AccountEvent) {
	var m wire.OrderAccepted
	m.GetEvent(&e.Event)
	in := p.s.instrument(m.Instrument, e.Event.Seq)
	x.Kind, x.OrderID, x.ClientOrderID, x.Symbol = "accepted", id(m.Order), m.ClientID.String(), in.Symbol.String()
	x.Side, x.OrderType, x.TimeInForce, x.PostOnly = m.Side.String(), m.Type.String(), m.TIF.String(), m.Flags&wire.PostOnly != 0
	x.Price, x.Quantity, x.Filled, x.Remaining = priceText(&in, m.Price), in.Qty(m.Qty), in.Qty(0), in.Qty(m.Qty)
	if !m.Funds.IsZero() {
		x.Funds = quoteText(&in, m.Funds)
	}
}

func (p *private) replaced(x *execution, e *history.AccountEvent) {
	var m wire.OrderReplaced
	m.GetEvent(&e.Event)
	in := p.s.instrument(m.Instrument, e.Event.Seq)
	x.Kind, x.OrderID, x.ClientOrderID, x.Symbol, x.Side = "replaced", id(m.Order), m.ClientID.String(), in.Symbol.String(), m.Side.String()
	x.Price, x.Quantity, x.Filled, x.Remaining = in.Price(m.Price), in.Qty(m.Qty), in.Qty(m.Qty-m.Left), in.Qty(m.Left)
	kept := m.KeptPriority != 0
	x.KeptPriority = &kept
}

func (p *private) canceled(x *execution, e *history.AccountEvent) {
	var m wire.OrderCanceled
	m.GetEvent(&e.Event)
	in := p.s.instrument(m.Instrument, e.Event.Seq)
	x.Kind, x.OrderID, x.Symbol, x.Side = "canceled", id(m.Order), in.Symbol.String(), m.Side.String()
	x.ClientOrderID, x.Price = e.Order.ClientID.String(), priceText(&in, e.Order.Price)
	if e.Order.Qty != 0 {
		x.Quantity = in.Qty(e.Order.Qty)
	}
	x.Filled, x.Remaining, x.Canceled, x.CancelReason = in.Qty(m.Filled), in.Qty(0), in.Qty(m.Left), m.Reason.String()
}

func (p *private) fill(x *execution, e *history.AccountEvent) {
	var m wire.Trade
	m.GetEvent(&e.Event)
	in := p.s.instrument(m.Instrument, e.Event.Seq)
	order, left, fee := m.BuyOrder, m.BuyLeft, m.BuyFee
	if e.Side == wire.Sell {
		order, left, fee = m.SellOrder, m.SellLeft, m.SellFee
	}
	x.Kind, x.OrderID, x.ClientOrderID, x.Symbol, x.Side = "fill", id(order), e.Order.ClientID.String(), in.Symbol.String(), e.Side.String()
	x.TradeID, x.Price, x.Quantity, x.Remaining = id(m.Trade), in.Price(m.Price), in.Qty(m.Qty), in.Qty(left)
	if e.Order.Qty >= left {
		x.Filled = in.Qty(e.Order.Qty - left)
	}
	x.Notional, x.Fee, x.Liquidity = quoteText(&in, m.Notional), quoteText(&in, fee), liquidity(m.Taker, e.Side).String()
}

func liquidity(taker, side wire.Side) history.Liquidity {
	switch taker {
	case 0:
		return history.Crossed
	case side:
		return history.Taker
	}
	return history.Maker
}

// rejected words a refusal. False: what was refused is no order or about none.
func (p *private) rejected(x *execution, e *history.AccountEvent) bool {
	r, ok := e.Event.Refusal()
	command := commandText(r.Command)
	if !ok || command == "" {
		return false
	}
	x.Kind, x.Command, x.Reason, x.ClientOrderID = "rejected", command, reasonOf(r.Reason), r.ClientID.String()
	if r.Order != 0 {
		x.OrderID = id(r.Order)
	}
	if e.Event.Kind != wire.EvOrderRejected {
		return true
	}
	var m wire.OrderRejected
	m.GetEvent(&e.Event)
	x.TargetID = m.Target.String()
	x.Side = known(m.Side.String())
	if r.Command == wire.CmdNewOrder {
		x.OrderType, x.TimeInForce = known(m.Type.String()), known(m.TIF.String())
	}
	if in := p.s.instrument(m.Instrument, e.Event.Seq); m.Instrument != 0 && in.ID == m.Instrument {
		x.Symbol, x.Price = in.Symbol.String(), priceText(&in, m.Price)
		if m.Qty > 0 {
			x.Quantity = in.Qty(m.Qty)
		}
	}
	return true
}

// known leaves out what a refused command had wrong.
func known(text string) string {
	if text == "invalid" {
		return ""
	}
	return text
}

// commandText names what was refused, "" for what is not about orders.
func commandText(k wire.CommandKind) string {
	switch k {
	case wire.CmdNewOrder:
		return "new"
	case wire.CmdReplaceOrder:
		return "replace"
	case wire.CmdCancelOrder:
		return "cancel"
	case wire.CmdCancelAll:
		return "cancel_all"
	}
	return ""
}

// priceText returns a price, "" for none.
func priceText(in *view.Instrument, p wire.Price) string {
	if p <= 0 {
		return ""
	}
	return in.Price(p)
}

func quoteText(in *view.Instrument, a wire.Amount) string { return string(in.AppendQuote(nil, a)) }

// id returns a number as the interface shows it: a string, so that no reader rounds it.
func id[T ~uint64 | ~uint32](n T) string { return strconv.FormatUint(uint64(n), 10) }

func itoa(n int) string { return strconv.Itoa(n) }

func eventText(e history.EventID) string { return id(e.Seq) + "." + id(e.Ord) }
