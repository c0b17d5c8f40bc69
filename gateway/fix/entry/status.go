package entry

import (
	"errors"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// historyWait is how long an answer waits for history to have what the view has.
const historyWait = time.Second

// status handles H. The engine answers about an order that the view has open, as of the very point of the stream at which
// it is asked. It does not know ended orders, its answer about an order that it does not find has no room for what the
// request said, and a command has none for the request's own id (790): such answers are made here, of what the view and
// history have. Only an order that goes by the client id, or has the number, in the account that is asked about, is told
// of: an answer that took another one's number, or said that it had ended, would end that one in the client's books.
func (h *Handler) status(s *Session, r *request, out *Outcome) {
	client, _, ok := r.ids(out)
	if !ok {
		return
	}
	acc := h.findAccount(s, r)
	in, _ := h.findInstrument(r, false)
	if r.fault != wire.ReasonNone {
		out.RefuseMessage(message.OrderStatusRequest, client.String(), r.fault, r.tag)
		return
	}
	ref := wire.OrderRef{Order: orderNumber(r.orderID), Instrument: in.ID}
	if ref.Order == 0 {
		ref.ClientID = client
	}
	q := &report.Question{Request: string(r.statusID)}
	switch open, ok := h.openOrder(acc, &ref); {
	case ok && q.Request != "":
		h.give(out, orderOf(&open), open.Status, q)
		return
	case ok: // by its number: a replace on the way may give it another client id
		out.Do = Submit
		body := wire.QueryOrder{Account: acc, Target: wire.OrderRef{Order: open.ID, ClientID: client, Instrument: in.ID}}
		body.Put(&out.Command)
		return
	}
	ended, found, err := h.endedOrder(acc, &ref)
	switch {
	case err != nil:
		out.RefuseMessage(message.OrderStatusRequest, client.String(), report.Unavailable, 0)
	case found:
		h.give(out, endedOf(&ended), ended.Status, q)
	case h.isOpen(acc, client): // under another symbol or number than the request says
		out.RefuseMessage(message.OrderStatusRequest, client.String(), report.OrderMismatch, 0)
	default:
		h.giveNone(out, &wire.OrderRejected{
			Reason: wire.UnknownOrder, Account: acc, Instrument: in.ID, Side: sideOf(r.side), Target: client,
		}, q)
	}
}

// isOpen reports whether an account has an open order that goes by a client id.
func (h *Handler) isOpen(acc wire.AccountID, id wire.Text) bool {
	_, ok := h.view.OrderByClientID(acc, id)
	return ok
}

// openOrder returns the open order of an account that ref names.
func (h *Handler) openOrder(acc wire.AccountID, ref *wire.OrderRef) (o view.Order, ok bool) {
	if ref.Order != 0 {
		o, ok = h.view.Order(ref.Order)
	} else {
		o, ok = h.view.OrderByClientID(acc, ref.ClientID)
	}
	return o, ok && o.Account == acc && (ref.Instrument == 0 || o.Instrument == ref.Instrument)
}

// errBehind: history does not have what the view has, so that what it does not find may be there.
var errBehind = errors.New("entry: history is behind")

// endedOrder returns the order of an account that ref names, when it is known to have ended.
func (h *Handler) endedOrder(acc wire.AccountID, ref *wire.OrderRef) (o history.Order, ok bool, err error) {
	whole := h.history.WaitFor(h.view.Applied(), historyWait)
	if ref.Order != 0 {
		o, ok, err = h.history.Order(ref.Order)
	} else {
		o, ok, err = h.history.OrderByClientID(acc, ref.ClientID)
	}
	ok = ok && o.Account == acc && (ref.Instrument == 0 || o.Instrument == ref.Instrument) && !o.Status.Open()
	if !ok && !whole && err == nil {
		err = errBehind
	}
	return o, ok, err
}

// orderOf returns an open order as reports show it.
func orderOf(o *view.Order) *report.Order {
	return &report.Order{
		ID: o.ID, Account: o.Account, Instrument: o.Instrument, Side: o.Side, Type: o.Type, TIF: o.TIF, Flags: o.Flags,
		Price: o.Price, Qty: o.Qty, Filled: o.Filled, Notional: o.Notional, EnteredNs: o.EnteredNs, ClientID: o.ClientID,
	}
}

// endedOf returns an order of history as reports show it.
func endedOf(o *history.Order) *report.Order {
	return &report.Order{
		ID: o.ID, Account: o.Account, Instrument: o.Instrument, Side: o.Side, Type: o.Type, TIF: o.TIF, Flags: o.Flags,
		Price: o.Price, Qty: o.Qty, Filled: o.Filled, Funds: o.Funds, Notional: o.Notional, EnteredNs: o.EnteredNs,
		ClientID: o.ClientID,
	}
}

// names returns what reports call an account and an instrument; the instrument must stay as it is while they are used.
func (h *Handler) names(acc wire.AccountID, in *view.Instrument) report.Names {
	a, _ := h.view.Account(acc)
	n := report.Names{Account: a.Name}
	if in.ID != 0 {
		n.Instrument, n.Quote = &in.Instrument, in.QuoteCode
	}
	return n
}

// give answers with one order's status.
func (h *Handler) give(out *Outcome, o *report.Order, s wire.OrderStatus, q *report.Question) {
	in, _ := h.view.Instrument(o.Instrument)
	n := h.names(o.Account, &in)
	out.giveStored(report.Status(nil, h.view.TimeNs(), o, s, &n, q))
}

// giveNone answers that there is no such order.
func (h *Handler) giveNone(out *Outcome, m *wire.OrderRejected, q *report.Question) {
	in, _ := h.view.Instrument(m.Instrument)
	n := h.names(m.Account, &in)
	out.giveStored(report.NoStatus(nil, h.view.TimeNs(), m, &n, q))
}

// giveStored answers with a body in stored form.
func (o *Outcome) giveStored(stored []byte) {
	b, err := message.ParseBody(stored)
	if err != nil {
		panic("entry: package report wrote " + err.Error()) // it begins with a type and ends with SOH, always
	}
	o.Give(One(&b))
}

// massStatus handles AF: the open orders of the account, or without one of every account of the session's user.
func (h *Handler) massStatus(s *Session, r *request, out *Outcome) {
	id := string(r.massStatusID)
	in := h.scope(r, r.massStatusTyp)
	accounts := h.accounts(s, r)
	if r.fault != wire.ReasonNone {
		out.RefuseMessage(message.OrderMassStatusRequest, id, r.fault, r.tag)
		return
	}
	list, ok := h.list(accounts, in, sideOf(r.side))
	if !ok {
		out.RefuseMessage(message.OrderMassStatusRequest, id, report.TooManyAnswers, 0)
		return
	}
	if len(list) == 0 {
		h.giveNone(out, &wire.OrderRejected{Instrument: in, Side: sideOf(r.side)}, &report.Question{Mass: id, Last: true})
		return
	}
	out.Give(h.statuses(list, id))
}

// accounts returns the accounts that a mass status is about.
func (h *Handler) accounts(s *Session, r *request) []wire.AccountID {
	if r.account != nil {
		return []wire.AccountID{h.findAccount(s, r)}
	}
	var ids []wire.AccountID
	for _, a := range h.view.AccountsOf(s.User) {
		ids = append(ids, a.ID)
	}
	return ids
}

// listPage is how many orders are taken out of the view at once.
const listPage = 500

// list returns the numbers of the open orders of some accounts, in one instrument or all (0), of one side or both (0);
// false when they are more than one answer may have. Numbers are all that a long answer keeps in memory.
func (h *Handler) list(accounts []wire.AccountID, in wire.InstrumentID, side wire.Side) (ids []wire.OrderID, ok bool) {
	for _, acc := range accounts {
		for after, more := wire.OrderID(0), true; more; {
			var page []view.Order
			page, more = h.view.OpenOrders(acc, in, after, listPage)
			for i := range page {
				after = page[i].ID
				if side == 0 || page[i].Side == side {
					ids = append(ids, after)
				}
			}
			more = more && len(page) > 0
			if len(ids) > h.maxOrders {
				return nil, false
			}
		}
	}
	return ids, true
}

// statuses gives a report of every order of a list as it stands when its turn comes: one that has ended meanwhile as it
// ended.
func (h *Handler) statuses(list []wire.OrderID, id string) Answers {
	return func(yield func(*message.Body) bool) {
		q := report.Question{Mass: id, Total: len(list)}
		var stored []byte
		for i, order := range list {
			q.Last = i == len(list)-1
			o, s, ok := h.standing(order)
			if !ok {
				return // an answer without its last report tells the client that it is not whole
			}
			in, _ := h.view.Instrument(o.Instrument)
			n := h.names(o.Account, &in)
			stored = report.Status(stored[:0], h.view.TimeNs(), o, s, &n, &q)
			b, err := message.ParseBody(stored)
			if err != nil {
				panic("entry: package report wrote " + err.Error())
			}
			if !yield(&b) {
				return
			}
		}
	}
}

// standing returns an order that was open a moment ago, as it stands; false where history cannot tell how it ended.
func (h *Handler) standing(id wire.OrderID) (*report.Order, wire.OrderStatus, bool) {
	if o, ok := h.view.Order(id); ok {
		return orderOf(&o), o.Status, true
	}
	h.history.WaitFor(h.view.Applied(), historyWait)
	o, ok, err := h.history.Order(id)
	return endedOf(&o), o.Status, ok && err == nil
}
