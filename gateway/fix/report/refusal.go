package report

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// Rejected appends the report of an order that the venue refused: 150=8.
func Rejected(dst []byte, x *Exec, m *wire.OrderRejected, n *Names) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(0).text(message.TagClOrdID, m.ClientID) // 37 of the order that has the id would end that one in the client's books
	b = b.execID(message.TagExecID, x, 0).states(execRejected, statusRejected)
	b = b.text(message.TagAccount, n.Account).symbol(n).char(message.TagSide, sideOf(m.Side))
	b = b.qty(message.TagOrderQty, m.Qty, n).terms(m.Type, m.TIF, 0, m.Price, n)
	b = b.nothing().uint(message.TagOrdRejReason, uint64(CodesOf(m.Reason).Order))
	return b.reason(m.Reason, 0).closing(x)
}

// CancelRejected appends the answer to a cancel or replace that the venue refused: 9.
func CancelRejected(dst []byte, x *Exec, m *wire.OrderRejected, n *Names) []byte {
	b := begin(dst, message.OrderCancelReject)
	b = b.orderID(m.Order).need(message.TagClOrdID, m.ClientID).need(message.TagOrigClOrdID, m.Target)
	b = b.char(message.TagOrdStatus, ordStatus(m.Status)).text(message.TagAccount, n.Account)
	to := byte(toCancel)
	if m.Command == wire.CmdReplaceOrder {
		to = toReplace
	}
	b = b.char(message.TagCxlRejResponseTo, to).uint(message.TagCxlRejReason, uint64(CodesOf(m.Reason).Cancel))
	return b.reason(m.Reason, 0).time(message.TagTransactTime, x.TimeNs)
}

// Values of CxlRejResponseTo (434).
const (
	toCancel  = '1'
	toReplace = '2'
)

// MassCanceled appends the answer to a mass cancel that was done: r with how many orders left.
func MassCanceled(dst []byte, x *Exec, m *wire.MassCanceled, request wire.Text, n *Names) []byte {
	kind := scope(m.Instrument)
	b := begin(dst, message.OrderMassCancelReport)
	b = b.text(message.TagClOrdID, request).execID(message.TagOrderID, x, 0)
	b = b.char(message.TagMassCancelRequestType, kind).char(message.TagMassCancelResponse, kind)
	b = b.uint(message.TagTotalAffectedOrders, m.Count)
	if m.Instrument != 0 {
		b = b.symbol(n)
	}
	return b.time(message.TagTransactTime, x.TimeNs)
}

// MassCancelRejected appends the answer to a mass cancel that the venue refused: r with 531=0.
func MassCancelRejected(dst []byte, x *Exec, m *wire.OrderRejected, n *Names) []byte {
	b := begin(dst, message.OrderMassCancelReport)
	b = b.text(message.TagClOrdID, m.ClientID).execID(message.TagOrderID, x, 0)
	b = b.char(message.TagMassCancelRequestType, scope(m.Instrument)).massRefusal(m.Reason, 0)
	if m.Instrument != 0 {
		b = b.symbol(n)
	}
	return b.time(message.TagTransactTime, x.TimeNs)
}

// scope returns the value of MassCancelRequestType (530): one instrument or all.
func scope(in wire.InstrumentID) byte {
	if in != 0 {
		return '1'
	}
	return '7'
}

// massRefusal leaves 532 out where it would be 99 (other): stock dictionaries have it as one character.
func (b body) massRefusal(r wire.Reason, tag uint16) body {
	b = b.char(message.TagMassCancelResponse, '0')
	if code := CodesOf(r).Mass; code <= 9 {
		b = b.uint(message.TagMassCancelRejectReason, uint64(code))
	}
	return b.reason(r, tag)
}

// Refused appends the answer to a request that the gateway refused: 8, 9, r or j. It returns dst as it is where the
// message is not a refusal.
func Refused(dst []byte, x *Exec, m *wire.SessionMessage) []byte {
	switch m.Kind {
	case wire.RefusedNewOrder:
		return refusedOrder(dst, x, m)
	case wire.RefusedCancel:
		return refusedCancel(dst, x, m, toCancel)
	case wire.RefusedReplace:
		return refusedCancel(dst, x, m, toReplace)
	case wire.RefusedMassCancel:
		b := begin(dst, message.OrderMassCancelReport)
		b = b.text(message.TagClOrdID, m.ClientID).execID(message.TagOrderID, x, 0)
		symbol := m.SymbolText()
		kind := byte('7')
		if symbol != "" {
			kind = '1'
		}
		b = b.char(message.TagMassCancelRequestType, kind).massRefusal(m.Reason, m.Arg)
		if symbol != "" {
			b = b.value(message.TagSymbol, symbol)
		}
		return b.time(message.TagTransactTime, x.TimeNs)
	case wire.RefusedMessage:
		b := begin(dst, message.BusinessMessageReject)
		if _, _, _, ok := x.Origin.Session(); ok {
			b = b.uint(message.TagRefSeqNum, x.Origin.Seq)
		}
		b = b.value(message.TagRefMsgType, m.SymbolText()).text(message.TagBusinessRejectRefID, m.ClientID)
		b = b.uint(message.TagBusinessRejectReason, uint64(CodesOf(m.Reason).Business))
		return b.reason(m.Reason, m.Arg)
	}
	return dst
}

func refusedOrder(dst []byte, x *Exec, m *wire.SessionMessage) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(0).text(message.TagClOrdID, m.ClientID)
	b = b.execID(message.TagExecID, x, 0).states(execRejected, statusRejected)
	b = b.value(message.TagSymbol, m.SymbolText()).char(message.TagSide, sideOf(m.Side))
	b = b.nothing().uint(message.TagOrdRejReason, uint64(CodesOf(m.Reason).Order))
	return b.reason(m.Reason, m.Arg).closing(x)
}

func refusedCancel(dst []byte, x *Exec, m *wire.SessionMessage, to byte) []byte {
	b := begin(dst, message.OrderCancelReject)
	b = b.orderID(0).need(message.TagClOrdID, m.ClientID).need(message.TagOrigClOrdID, m.Target)
	b = b.char(message.TagOrdStatus, statusRejected).char(message.TagCxlRejResponseTo, to)
	b = b.uint(message.TagCxlRejReason, uint64(CodesOf(m.Reason).Cancel))
	return b.reason(m.Reason, m.Arg).time(message.TagTransactTime, x.TimeNs)
}

// reason writes Text (58): the reason's sentence, and the tag at fault where there is one.
func (b body) reason(r wire.Reason, tag uint16) body {
	b = append(b.tag(message.TagText), ReasonSentence(r)...)
	if tag != 0 {
		b = strconv.AppendUint(append(b, " (tag "...), uint64(tag), 10)
		b = append(b, ')')
	}
	return b.end()
}

// value writes text that came from a client: what could end the field early is replaced. Empty text becomes the word for
// a symbol that is not there.
func (b body) value(tag int, v string) body {
	if v == "" {
		v = noSymbol
	}
	b = b.tag(tag)
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			b = append(b, '?')
		} else {
			b = append(b, v[i])
		}
	}
	return b.end()
}
