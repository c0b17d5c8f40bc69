package report

import (
	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// Values of ExecType (150).
const (
	execNew      = '0'
	execCanceled = '4'
	execReplaced = '5'
	execRejected = '8'
	execTrade    = 'F'
	execStatus   = 'I'
)

// Values of OrdStatus (39).
const (
	statusCanceled = '4'
	statusRejected = '8'
)

// ordStatus returns the value of OrdStatus (39); where an order stands is not known it counts as rejected, as the
// standard asks for.
func ordStatus(s wire.OrderStatus) byte {
	switch s {
	case wire.StatusNew:
		return '0'
	case wire.StatusPartiallyFilled:
		return '1'
	case wire.StatusFilled:
		return '2'
	case wire.StatusCanceled:
		return statusCanceled
	}
	return statusRejected
}

// sideOf returns the value of Side (54).
func sideOf(s wire.Side) byte {
	switch s {
	case wire.Buy:
		return '1'
	case wire.Sell:
		return '2'
	}
	return '7' // undisclosed
}

// Accepted appends the report of an order that entered: 150=0.
func Accepted(dst []byte, x *Exec, o *Order, n *Names) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(o.ID).text(message.TagClOrdID, o.ClientID)
	b = b.execID(message.TagExecID, x, 0).states(execNew, '0')
	return b.order(o, n).totals(o, n, o.Qty).closing(x)
}

// Traded appends the report of an order's side of a trade: 150=F. The order is as it stands after the trade.
func Traded(dst []byte, x *Exec, m *wire.Trade, side wire.Side, o *Order, n *Names) []byte {
	letter, left, fee := byte('B'), m.BuyLeft, m.BuyFee
	if side == wire.Sell {
		letter, left, fee = 'S', m.SellLeft, m.SellFee
	}
	status := ordStatus(wire.StatusPartiallyFilled)
	if left == 0 {
		status = ordStatus(wire.StatusFilled)
	}
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(o.ID).text(message.TagClOrdID, o.ClientID)
	b = b.execID(message.TagExecID, x, letter).states(execTrade, status)
	b = b.order(o, n)
	b = b.price(message.TagLastPx, m.Price, n).qty(message.TagLastQty, m.Qty, n)
	b = b.uint(message.TagSecondaryExecID, uint64(m.Trade)).liquidity(m.Taker, side).commission(fee, n)
	b = b.date(message.TagTradeDate, x.TimeNs)
	return b.totals(o, n, left).closing(x)
}

// liquidity says whether the order rested or came in; in an auction it did neither.
func (b body) liquidity(taker, side wire.Side) body {
	switch taker {
	case wire.Buy, wire.Sell:
		if taker == side {
			return b.char(message.TagLastLiquidityInd, '2')
		}
		return b.char(message.TagLastLiquidityInd, '1')
	}
	return b
}

// commission writes an absolute fee and its currency.
func (b body) commission(fee wire.Amount, n *Names) body {
	if n.Instrument == nil {
		return b
	}
	b = body(n.Instrument.AppendQuote(b.tag(message.TagCommission), fee)).end()
	return b.char(message.TagCommType, '3').text(message.TagCommCurrency, n.Quote)
}

// Cause says more of why an order left than its event does.
type Cause uint8

// The causes.
const (
	AsTold       Cause = iota // the event says it all
	OnDisconnect              // the order's session ended, and its client had asked for that
	OfInstrument              // a mass cancel of the account's orders in one instrument
	OfAll                     // a mass cancel of all of the account's orders
)

// Canceled appends the report of an order whose rest left: 150=4. request is the client id of the cancel request that the
// receiver has sent; where it has sent none it is empty.
func Canceled(dst []byte, x *Exec, m *wire.OrderCanceled, why Cause, request wire.Text, o *Order, n *Names) []byte {
	b := begin(dst, message.ExecutionReport).orderID(o.ID)
	if request.IsEmpty() {
		b = b.text(message.TagClOrdID, o.ClientID)
	} else {
		b = b.text(message.TagClOrdID, request).need(message.TagOrigClOrdID, o.ClientID)
	}
	b = b.execID(message.TagExecID, x, 0).states(execCanceled, statusCanceled)
	b = b.order(o, n).totals(o, n, 0)
	if request.IsEmpty() {
		b = b.restated(m.Reason)
	}
	return b.str(message.TagText, cancelText(m.Reason, why)).closing(x)
}

// restated says why an order left that its client has not asked about, where FIX 4.4 has a word for it.
func (b body) restated(r wire.CancelReason) body {
	if r == wire.CanceledByOperator {
		return b.char(message.TagExecRestatementReason, '8') // market (exchange) option
	}
	return b
}

func cancelText(r wire.CancelReason, why Cause) string {
	switch why {
	case OnDisconnect:
		return "canceled on disconnect"
	case OfInstrument:
		return "canceled with all of the account's orders in the instrument"
	case OfAll:
		return "canceled with all of the account's orders"
	}
	switch r {
	case wire.CanceledByUser:
		return "canceled by request"
	case wire.CanceledByAccount:
		return "canceled by a mass cancel of the account's orders"
	case wire.CanceledByOperator:
		return "canceled by the venue's operator"
	case wire.CanceledImmediate:
		return "immediate or cancel: the rest did not trade"
	case wire.CanceledFillOrKill:
		return "fill or kill: it could not fill completely"
	case wire.CanceledNoLiquidity:
		return "market order: nothing more to trade with"
	case wire.CanceledNothingToBuy:
		return "market order: the funds do not buy one lot"
	}
	return "canceled"
}

// Replaced appends the report of an order that changed: 150=5. The order is as it stands from now on; was is the client
// id that it had before.
func Replaced(dst []byte, x *Exec, was wire.Text, o *Order, n *Names) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(o.ID).text(message.TagClOrdID, o.ClientID)
	if was != o.ClientID {
		b = b.need(message.TagOrigClOrdID, was)
	}
	b = b.execID(message.TagExecID, x, 0).states(execReplaced, ordStatus(o.Status()))
	return b.order(o, n).totals(o, n, o.Left()).closing(x)
}

// Question names what an order status answers. The zero Question is the answer to a QueryOrder command.
type Question struct {
	Request string // OrdStatusReqID (790) of the request; empty: none
	Mass    string // MassStatusReqID (584) of the request; empty: it was not one
	Total   int    // of a mass status: how many reports answer it
	Last    bool   // of a mass status: this is the last of them
}

// Status appends the report of an order as it stands: 150=I.
func Status(dst []byte, timeNs int64, o *Order, s wire.OrderStatus, n *Names, q *Question) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(o.ID).text(message.TagClOrdID, o.ClientID)
	b = b.statusID().states(execStatus, ordStatus(s)).question(q)
	left := o.Left()
	if !s.Open() {
		left = 0
	}
	return b.order(o, n).totals(o, n, left).closing(&Exec{TimeNs: timeNs})
}

// NoStatus appends the answer to a question about an order that there is not, or for no order at all: 150=I with 39=8 and
// no order number. m says what was asked for; it may be empty. Where there is an order, or was one, this must not be the
// answer: it would end that one in the client's books.
func NoStatus(dst []byte, timeNs int64, m *wire.OrderRejected, n *Names, q *Question) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(0).text(message.TagClOrdID, m.Target)
	b = b.statusID().states(execStatus, statusRejected).question(q)
	b = b.text(message.TagAccount, n.Account).symbol(n).char(message.TagSide, sideOf(m.Side))
	b = b.nothing()
	if m.Reason != wire.ReasonNone {
		b = b.uint(message.TagOrdRejReason, ordUnknownOrder).reason(m.Reason, 0)
	}
	return b.closing(&Exec{TimeNs: timeNs})
}

func (b body) question(q *Question) body {
	if q == nil {
		return b
	}
	if q.Request != "" {
		b = b.value(message.TagOrdStatusReqID, q.Request)
	}
	if q.Mass == "" {
		return b
	}
	b = b.value(message.TagMassStatusReqID, q.Mass).uint(message.TagTotNumReports, uint64(q.Total))
	return b.flag(message.TagLastRptRequested, q.Last)
}

// statusID is the ExecID of an order status: it reports no execution, and the standard says 0.
func (b body) statusID() body { return b.char(message.TagExecID, '0') }

// states writes ExecType and OrdStatus.
func (b body) states(exec, ord byte) body {
	return b.char(message.TagExecType, exec).char(message.TagOrdStatus, ord)
}

// order writes what an order asks for.
func (b body) order(o *Order, n *Names) body {
	b = b.text(message.TagAccount, n.Account).symbol(n).char(message.TagSide, sideOf(o.Side))
	if o.Funds.IsZero() {
		b = b.qty(message.TagOrderQty, o.Qty, n)
	} else if n.Instrument != nil {
		b = body(n.Instrument.AppendQuote(b.tag(message.TagCashOrderQty), o.Funds)).end()
	}
	return b.terms(o.Type, o.TIF, o.Flags, o.Price, n)
}

// terms writes how an order trades. What is not known to the venue, as a refused order may have it, is left out.
func (b body) terms(t wire.OrderType, tif wire.TIF, flags wire.OrderFlags, p wire.Price, n *Names) body {
	switch t {
	case wire.Limit:
		b = b.char(message.TagOrdType, '2')
	case wire.Market:
		b = b.char(message.TagOrdType, '1')
	}
	b = b.price(message.TagPrice, p, n) // of a market order its protection price
	switch tif {
	case wire.GTC:
		b = b.char(message.TagTimeInForce, '1')
	case wire.IOC:
		b = b.char(message.TagTimeInForce, '3')
	case wire.FOK:
		b = b.char(message.TagTimeInForce, '4')
	}
	if flags&wire.PostOnly != 0 {
		b = b.char(message.TagExecInst, '6')
	}
	return b
}

// totals writes what is left, what has traded, and at what price on average.
func (b body) totals(o *Order, n *Names, left wire.Qty) body {
	if n.Instrument == nil {
		return b.nothing()
	}
	b = body(n.Instrument.AppendQty(b.tag(message.TagLeavesQty), left)).end()
	b = body(n.Instrument.AppendQty(b.tag(message.TagCumQty), o.Filled)).end()
	return body(appendAverage(b.tag(message.TagAvgPx), o, n)).end()
}

// appendAverage writes AvgPx. Most orders trade at one price, and that division is cheap.
func appendAverage(b []byte, o *Order, n *Names) []byte {
	if o.Filled <= 0 {
		return append(b, '0')
	}
	in := n.Instrument
	if lots, rest := o.Notional.DivRem(in.Multiplier); rest == 0 {
		if ticks, rest := lots.DivRem(uint64(o.Filled)); rest == 0 && ticks.Hi == 0 && ticks.Lo < 1<<62 {
			return in.AppendPrice(b, wire.Price(ticks.Lo))
		}
	}
	return in.AppendAverage(b, o.Notional, o.Filled)
}

// nothing is totals of an order that never was.
func (b body) nothing() body {
	return b.char(message.TagLeavesQty, '0').char(message.TagCumQty, '0').char(message.TagAvgPx, '0')
}

// price writes a price that is one: a refused order may have had any number.
func (b body) price(tag int, p wire.Price, n *Names) body {
	if n.Instrument == nil || p <= 0 {
		return b
	}
	return body(n.Instrument.AppendPrice(b.tag(tag), p)).end()
}

func (b body) qty(tag int, q wire.Qty, n *Names) body {
	if n.Instrument == nil || q <= 0 {
		return b
	}
	return body(n.Instrument.AppendQty(b.tag(tag), q)).end()
}

func (b body) symbol(n *Names) body {
	if n.Instrument == nil {
		return b.str(message.TagSymbol, noSymbol)
	}
	return b.text(message.TagSymbol, n.Instrument.Symbol)
}

// noSymbol stands where there is no instrument that is known, as FIX has it for messages that need a symbol.
const noSymbol = "[N/A]"

// closing writes what every execution report ends with.
func (b body) closing(x *Exec) []byte {
	return b.time(message.TagTransactTime, x.TimeNs)
}

// Copied appends the mark of a drop copy, CopyMsgIndicator (797), to an execution report.
func Copied(dst []byte) []byte { return body(dst).char(message.TagCopyMsgIndicator, 'Y') }
