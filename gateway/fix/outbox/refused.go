package outbox

import (
	"bytes"

	"uncross/engine/wire"
	"uncross/gateway/fix/report"
)

// What a 9 says of the order that the refused request names has to be true: a client's engine takes it over.

// stands brings what a refused cancel or replace says of the order that it names to where the order stands now. Where
// nothing is known of it, or where it is none of the account's, the refusal becomes one that says so and no more.
func (w *writer) stands(x *Session, m *wire.OrderRejected) error {
	if !w.names.owns(x.w.def.Key, m.Account) {
		m.Order, m.Status = 0, 0
		return nil
	}
	if m.Reason == wire.DuplicateClientID { // Order is the one that has the id
		m.Order = 0
		if o := w.s.orders.called(m.Account, m.Target); o != nil && m.Status.Open() {
			m.Order = o.ID
		}
		return nil
	}
	status, known, err := w.statusNow(m.Order, m.Account)
	switch {
	case err != nil:
		return err
	case known:
		m.Status = status
	case m.Reason == wire.OrderNotOpen:
		m.Reason = wire.UnknownOrder
	case m.Status.Open() || m.Status == 0: // an end that the event itself tells of stays
		m.Order, m.Status = 0, 0
	}
	return nil
}

// statusNow returns how an account's order stands or how it ended; ok is false where that is not known, and for an order
// of another account.
func (w *writer) statusNow(id wire.OrderID, acc wire.AccountID) (status wire.OrderStatus, ok bool, err error) {
	if _, o := w.s.orders.find(id); o != nil {
		return o.Status(), o.Account == acc, nil
	}
	return w.statusOf(id, acc)
}

// refusedChange answers a cancel or replace that the gateway refused. It is here that the order is looked up, not where
// the request came in: only here is it certain how the order stands when the client hears of it.
func (w *writer) refusedChange(x *Session, e *wire.Event, m *wire.SessionMessage) error {
	named, err := w.named(x, m)
	if err != nil {
		return err
	}
	ex := exec(e)
	w.body = report.RefusedChange(w.body[:0], &ex, m, named)
	w.send(x, e, bytes.Clone(w.body))
	return nil
}

// named returns the order that a refused request names: the one that goes by the client id, otherwise the one that has the
// number; zero where there is none in the account that it is for, and for an account that is not the session's user's.
func (w *writer) named(x *Session, m *wire.SessionMessage) (report.Named, error) {
	acc, id := report.Target(m)
	if !w.names.owns(x.w.def.Key, acc) {
		return report.Named{}, nil
	}
	name := at(w.names.accounts, acc).name
	if o := w.s.orders.called(acc, m.Target); o != nil {
		return report.Named{Order: o.ID, Status: o.Status(), Account: name}, nil
	}
	status, ok, err := w.statusNow(id, acc)
	if err != nil || !ok {
		return report.Named{Account: name}, err
	}
	return report.Named{Order: id, Status: status, Account: name}, nil
}
