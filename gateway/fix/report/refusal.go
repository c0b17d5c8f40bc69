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

// Named is the order that a refused cancel or replace names, as it stands. The zero Named is an order that is not known.
type Named struct {
	Order   wire.OrderID
	Status  wire.OrderStatus
	Account wire.Text // empty: not known
}

// CancelRejected appends the answer to a cancel or replace that the venue refused: 9.
func CancelRejected(dst []byte, x *Exec, m *wire.OrderRejected, n *Names) []byte {
	to := byte(toCancel)
	if m.Command == wire.CmdReplaceOrder {
		to = toReplace
	}
	return cancelReject(dst, x, &rejection{m.ClientID, m.Target, m.Reason, 0, to}, Named{m.Order, m.Status, n.Account})
}

// rejection is what a 9 says of the request.
type rejection struct {
	client, target wire.Text
	reason         wire.Reason
	tag            uint16 // at fault; 0: none
	to             byte   // CxlRejResponseTo
}

// cancelReject writes a 9. Where it says that there is no such order it names none: a client's engine takes what it is
// told of an order's number or status for the order's own.
func cancelReject(dst []byte, x *Exec, r *rejection, o Named) []byte {
	code := CodesOf(r.reason).Cancel
	if code == cxlUnknownOrder {
		o.Order, o.Status = 0, 0
	}
	b := begin(dst, message.OrderCancelReject)
	b = b.orderID(o.Order).need(message.TagClOrdID, r.client).need(message.TagOrigClOrdID, r.target)
	b = b.char(message.TagOrdStatus, ordStatus(o.Status)).text(message.TagAccount, o.Account)
	b = b.char(message.TagCxlRejResponseTo, r.to).uint(message.TagCxlRejReason, uint64(code))
	return b.reason(r.reason, r.tag).time(message.TagTransactTime, x.TimeNs)
}

// Values of CxlRejResponseTo (434).
const (
	toCancel  = '1'
	toReplace = '2'
)

// MassRequest is what the answer to a mass cancel repeats of the request, which its command has no room for.
type MassRequest struct {
	ID   wire.Text // ClOrdID
	Kind byte      // MassCancelRequestType (530); 0: as the command's scope says
}

func (q *MassRequest) kind(in wire.InstrumentID) byte {
	if q.Kind != 0 {
		return q.Kind
	}
	return scope(in)
}

// MassCanceled appends the answer to a mass cancel that was done: r with how many orders left.
func MassCanceled(dst []byte, x *Exec, m *wire.MassCanceled, q *MassRequest, n *Names) []byte {
	kind := q.kind(m.Instrument)
	b := begin(dst, message.OrderMassCancelReport)
	b = b.text(message.TagClOrdID, q.ID).execID(message.TagOrderID, x, 0)
	b = b.char(message.TagMassCancelRequestType, kind).char(message.TagMassCancelResponse, kind)
	b = b.uint(message.TagTotalAffectedOrders, m.Count)
	if m.Instrument != 0 {
		b = b.symbol(n)
	}
	return b.time(message.TagTransactTime, x.TimeNs)
}

// MassCancelRejected appends the answer to a mass cancel that the venue refused: r with 531=0.
func MassCancelRejected(dst []byte, x *Exec, m *wire.OrderRejected, q *MassRequest, n *Names) []byte {
	b := begin(dst, message.OrderMassCancelReport)
	b = b.text(message.TagClOrdID, q.ID).execID(message.TagOrderID, x, 0)
	b = b.char(message.TagMassCancelRequestType, q.kind(m.Instrument)).massRefusal(m.Reason, 0)
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
	case wire.RefusedCancel, wire.RefusedReplace:
		return RefusedChange(dst, x, m, Named{})
	case wire.RefusedMassCancel:
		return refusedMassCancel(dst, x, m)
	case wire.RefusedMessage:
		return businessReject(dst, x, m.SymbolText(), m.ClientID, m.Reason, m.Arg)
	}
	return dst
}

// StatusRefused appends the answer to a question about an order that the venue could not answer: j.
func StatusRefused(dst []byte, x *Exec, m *wire.OrderRejected) []byte {
	return businessReject(dst, x, message.OrderStatusRequest, m.Target, m.Reason, 0)
}

func businessReject(dst []byte, x *Exec, msgType string, ref wire.Text, r wire.Reason, tag uint16) []byte {
	b := begin(dst, message.BusinessMessageReject)
	if _, _, _, ok := x.Origin.Session(); ok {
		b = b.uint(message.TagRefSeqNum, x.Origin.Seq)
	}
	b = b.value(message.TagRefMsgType, msgType).text(message.TagBusinessRejectRefID, ref)
	b = b.uint(message.TagBusinessRejectReason, uint64(CodesOf(r).Business))
	return b.reason(r, tag)
}

func refusedOrder(dst []byte, x *Exec, m *wire.SessionMessage) []byte {
	b := begin(dst, message.ExecutionReport)
	b = b.orderID(0).text(message.TagClOrdID, m.ClientID)
	b = b.execID(message.TagExecID, x, 0).states(execRejected, statusRejected)
	b = b.value(message.TagSymbol, m.SymbolText()).char(message.TagSide, sideOf(m.Side))
	b = b.nothing().uint(message.TagOrdRejReason, uint64(CodesOf(m.Reason).Order))
	return b.reason(m.Reason, m.Arg).closing(x)
}

// RefusedChange appends the answer to a cancel or replace that the gateway refused: 9. o is the order that it names: see
// Target.
func RefusedChange(dst []byte, x *Exec, m *wire.SessionMessage, o Named) []byte {
	to := byte(toCancel)
	if m.Kind == wire.RefusedReplace {
		to = toReplace
	}
	return cancelReject(dst, x, &rejection{m.ClientID, m.Target, m.Reason, m.Arg, to}, o)
}

// refusedMassCancel repeats the request's type as it was sent; where that is not known the symbol tells.
func refusedMassCancel(dst []byte, x *Exec, m *wire.SessionMessage) []byte {
	b := begin(dst, message.OrderMassCancelReport)
	b = b.text(message.TagClOrdID, m.ClientID).execID(message.TagOrderID, x, 0)
	symbol := m.SymbolText()
	switch {
	case !m.Target.IsEmpty():
		b = b.text(message.TagMassCancelRequestType, m.Target)
	case symbol != "":
		b = b.char(message.TagMassCancelRequestType, '1')
	default:
		b = b.char(message.TagMassCancelRequestType, '7')
	}
	b = b.massRefusal(m.Reason, m.Arg)
	if symbol != "" {
		b = b.value(message.TagSymbol, symbol)
	}
	return b.time(message.TagTransactTime, x.TimeNs)
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
