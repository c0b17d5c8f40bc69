package entry

import (
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// History is what is asked of the store of ended orders; *history.Store is one.
type History interface {
	Order(wire.OrderID) (history.Order, bool, error)
	OrderByClientID(wire.AccountID, wire.Text) (history.Order, bool, error)
	WaitFor(seq uint64, timeout time.Duration) bool
}

// Config is what a Handler is made of.
type Config struct {
	View      *view.View
	History   History
	MaxOrders int // in one answer to AF; 0: DefaultMaxOrders
}

// DefaultMaxOrders is how many orders one answer to a mass status request has at most: as many as one account may have
// open.
const DefaultMaxOrders = 65_536

// Handler reads the messages about orders. Any goroutine may use it.
type Handler struct {
	view      *view.View
	history   History
	maxOrders int
}

// New returns a Handler.
func New(c Config) *Handler {
	if c.MaxOrders <= 0 {
		c.MaxOrders = DefaultMaxOrders
	}
	return &Handler{view: c.View, history: c.History, maxOrders: c.MaxOrders}
}

// Handles reports whether a message type is this package's.
func Handles(msgType string) bool { return tables[msgType] != nil }

// Handle says what a message comes to. The message has passed the dictionary; its type must be one that Handles knows.
// Out is valid until the next call with it, and does not refer to m.
func (h *Handler) Handle(s *Session, m *message.Message, out *Outcome) {
	out.reset()
	msgType := m.Type()
	var r request
	r.read(m, tables[msgType])
	if s.Def.Kind != wire.TradingSession {
		out.RefuseMessage(msgType, string(r.reference(msgType)), report.NotForThisSession, 0)
		return
	}
	switch msgType {
	case message.NewOrderSingle:
		h.newOrder(s, &r, out)
	case message.OrderCancelRequest:
		h.cancel(s, &r, out)
	case message.OrderCancelReplaceRequest:
		h.replace(s, &r, out)
	case message.OrderStatusRequest:
		h.status(s, &r, out)
	case message.OrderMassStatusRequest:
		h.massStatus(s, &r, out)
	case message.OrderMassCancelRequest:
		h.massCancel(s, &r, out)
	}
}

// reference returns the id by which a business reject refers to a message.
func (r *request) reference(msgType string) []byte {
	if msgType == message.OrderMassStatusRequest {
		return r.massStatusID
	}
	return r.clientID
}

// ids reads the ids of a request. One that cannot be stored cannot be answered by the log's own events, and the standard
// says that its value is wrong for the tag: it is rejected on the session level.
func (r *request) ids(out *Outcome) (client, target wire.Text, ok bool) {
	if client, ok = r.id(r.clientID, message.TagClOrdID, out); ok {
		target, ok = r.id(r.target, message.TagOrigClOrdID, out)
	}
	return client, target, ok
}

// valueIncorrect is SessionRejectReason (373) 5.
const valueIncorrect = 5

func (r *request) id(v []byte, tag int, out *Outcome) (wire.Text, bool) {
	t, ok := wire.ParseText(string(v))
	if !ok {
		out.reject(valueIncorrect, tag, "Value is incorrect (out of range) for this tag: "+report.ReasonSentence(report.InvalidID))
	}
	return t, ok
}

// refused makes out the refusal of a request that has a fault, and reports whether it has.
func (h *Handler) refused(s *Session, r *request, out *Outcome, kind wire.SessionMessageKind, client, target wire.Text) bool {
	if r.fault == wire.ReasonNone {
		return false
	}
	out.refuse(kind, r.fault, r.tag)
	f := &out.Refusal
	f.Side, f.ClientID, f.Target = sideOf(r.side), client, target
	switch kind {
	case wire.RefusedCancel, wire.RefusedReplace:
		report.PutTarget(f, h.accountOf(s, r), orderNumber(r.orderID))
		return true
	case wire.RefusedMassCancel:
		f.Target = textOf(r.massCancelType)
	}
	copy(f.Symbol[:], r.symbol)
	return true
}

// Refuse makes out the refusal of a message that this package handles for a reason of the caller's, without looking for
// faults of the message's own. The refusal has what Handle would put into one: its answer tells the client how the order
// stands that the message names.
func (h *Handler) Refuse(s *Session, m *message.Message, reason wire.Reason, out *Outcome) {
	out.reset()
	msgType := m.Type()
	var r request
	r.read(m, tables[msgType])
	r.fault, r.tag = reason, 0
	client, target := textOf(r.clientID), textOf(r.target)
	if kind, ok := refusals[msgType]; ok && s.Def.Kind == wire.TradingSession {
		h.refused(s, &r, out, kind, client, target)
		return
	}
	out.RefuseMessage(msgType, string(r.reference(msgType)), reason, 0)
}

// textOf returns a field's value as the log can hold it, empty where it cannot.
func textOf(v []byte) wire.Text {
	if t, ok := wire.ParseText(string(v)); ok {
		return t
	}
	return wire.Text{}
}

// refusals are the kinds of refusals of the messages that have an answer of their own.
var refusals = map[string]wire.SessionMessageKind{
	message.NewOrderSingle:            wire.RefusedNewOrder,
	message.OrderCancelRequest:        wire.RefusedCancel,
	message.OrderCancelReplaceRequest: wire.RefusedReplace,
	message.OrderMassCancelRequest:    wire.RefusedMassCancel,
}

// newOrder handles D.
func (h *Handler) newOrder(s *Session, r *request, out *Outcome) {
	client, _, ok := r.ids(out)
	if !ok {
		return
	}
	body := wire.NewOrder{ClientID: client, Side: sideOf(r.side), Type: wire.Limit, TIF: wire.GTC}
	if r.fault == wire.ReasonNone {
		h.fillOrder(s, r, &body)
	}
	if h.refused(s, r, out, wire.RefusedNewOrder, client, wire.Text{}) {
		return
	}
	out.Do = Submit
	body.Put(&out.Command)
}

// fillOrder reads a new order's fields, whose values are known to be ones that the tables list.
func (h *Handler) fillOrder(s *Session, r *request, body *wire.NewOrder) {
	if string(r.ordType) == "1" {
		body.Type, body.TIF = wire.Market, wire.IOC
	}
	switch string(r.tif) {
	case "1":
		body.TIF = wire.GTC
	case "3":
		body.TIF = wire.IOC
	case "4":
		body.TIF = wire.FOK
	}
	if r.inst != nil {
		body.Flags = wire.PostOnly
	}
	body.Account = h.findAccount(s, r)
	in, ok := h.findInstrument(r, true)
	if !ok {
		return
	}
	if body.Type == wire.Limit && r.price == nil {
		r.blame(report.MissingTag, message.TagPrice)
	}
	if r.qty == nil && r.cash == nil {
		r.blame(report.MissingTag, message.TagOrderQty)
	}
	body.Instrument = in.ID
	body.Price = r.readPrice(&in)
	body.Qty = r.readQty(&in)
	body.Funds = r.readCash(&in)
}

// cancel handles F.
func (h *Handler) cancel(s *Session, r *request, out *Outcome) {
	client, target, ok := r.ids(out)
	if !ok {
		return
	}
	body := wire.CancelOrder{ClientID: client}
	if r.fault == wire.ReasonNone {
		body.Account = h.findAccount(s, r)
		in, _ := h.findInstrument(r, false)
		body.Target = h.findOrder(r, body.Account, target)
		body.Target.Instrument = in.ID
	}
	if h.refused(s, r, out, wire.RefusedCancel, client, target) {
		return
	}
	out.Do = Submit
	body.Put(&out.Command)
}

// replace handles G. What it does not change has to be as it is.
func (h *Handler) replace(s *Session, r *request, out *Outcome) {
	client, target, ok := r.ids(out)
	if !ok {
		return
	}
	body := wire.ReplaceOrder{ClientID: client}
	if r.fault == wire.ReasonNone {
		h.fillReplace(s, r, &body, target)
	}
	if h.refused(s, r, out, wire.RefusedReplace, client, target) {
		return
	}
	out.Do = Submit
	body.Put(&out.Command)
}

func (h *Handler) fillReplace(s *Session, r *request, body *wire.ReplaceOrder, target wire.Text) {
	body.Account = h.findAccount(s, r)
	in, ok := h.findInstrument(r, true)
	if !ok {
		return
	}
	if r.price == nil {
		r.blame(report.MissingTag, message.TagPrice)
	}
	if r.qty == nil {
		r.blame(report.MissingTag, message.TagOrderQty)
	}
	body.Target = h.findOrder(r, body.Account, target)
	body.Target.Instrument = in.ID
	body.Price = r.readPrice(&in)
	body.Qty = r.readQty(&in)
}

// findOrder returns how the engine is to find the order that a request names: by the venue's number where it has one,
// otherwise by the client's id, which goes along in any case: the answer repeats it. Where the view has the order, what else the request says of it must be right; an order
// that the view does not have may be one that is on its way.
func (h *Handler) findOrder(r *request, acc wire.AccountID, target wire.Text) wire.OrderRef {
	ref := wire.OrderRef{Order: orderNumber(r.orderID), ClientID: target}
	named, known := h.view.OrderByClientID(acc, target)
	switch {
	case ref.Order == 0:
	case known && named.ID != ref.Order:
		r.blame(report.OrderMismatch, message.TagOrigClOrdID)
	case !known:
		named, known = h.view.Order(ref.Order)
		known = known && named.Account == acc
	}
	if !known {
		return ref
	}
	if named.Side != sideOf(r.side) && r.side != nil {
		r.blame(report.OrderMismatch, message.TagSide)
	}
	if r.inst != nil && named.Flags&wire.PostOnly == 0 {
		r.blame(report.UnsupportedChange, message.TagExecInst)
	}
	return ref
}

// massCancel handles q.
func (h *Handler) massCancel(s *Session, r *request, out *Outcome) {
	client, _, ok := r.ids(out)
	if !ok {
		return
	}
	var body wire.CancelAll // has no room for the request's id
	if r.fault == wire.ReasonNone {
		body.Account = h.findAccount(s, r)
		body.Instrument = h.scope(r, r.massCancelType)
	}
	if h.refused(s, r, out, wire.RefusedMassCancel, client, wire.Text{}) {
		return
	}
	out.Do, out.Announced = Submit, true
	out.Announce = wire.SessionMessage{Kind: wire.AnnouncedMassCancel, ClientID: client}
	if len(r.massCancelType) == 1 {
		out.Announce.Arg = uint16(r.massCancelType[0])
	}
	body.Put(&out.Command)
}

// scope returns the instrument that a request about many orders is for, 0 for all: kind is its type, 1 or 7. A request
// about all orders that names an instrument contradicts itself.
func (h *Handler) scope(r *request, kind []byte) wire.InstrumentID {
	one := string(kind) == "1"
	in, ok := h.findInstrument(r, one)
	if ok && !one {
		r.blame(report.UnsupportedScope, message.TagSymbol)
	}
	return in.ID
}
