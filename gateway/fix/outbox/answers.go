package outbox

import (
	"bytes"

	"uncross/engine/wire"
	"uncross/gateway/fix/report"
)

// rejected answers a command about an order that changed nothing.
func (w *writer) rejected(e *wire.Event) error {
	var m wire.OrderRejected
	m.GetEvent(e)
	return w.refuse(e, &m)
}

func (w *writer) refuse(e *wire.Event, m *wire.OrderRejected) error {
	x := w.asking(e)
	ex, n := exec(e), w.names.of(m.Account, m.Instrument)
	switch m.Command {
	case wire.CmdNewOrder:
		firm := w.refusedFirm(x, m)
		if x == nil && len(w.copies[firm]) == 0 {
			return nil
		}
		w.body = report.Rejected(w.body[:0], &ex, m, &n)
		w.deliver(e, x, firm)
		return nil
	case wire.CmdCancelOrder, wire.CmdReplaceOrder:
		if x == nil || m.ClientID.IsEmpty() && m.Reason != wire.InvalidClientID {
			return nil // the node's own: no client waits for it
		}
		if err := w.stands(x, m); err != nil {
			return err
		}
		w.body = report.CancelRejected(w.body[:0], &ex, m, &n)
	case wire.CmdCancelAll:
		if x == nil {
			return nil
		}
		q := w.announced(x, e)
		w.body = report.MassCancelRejected(w.body[:0], &ex, m, &q, &n)
	case wire.CmdQueryOrder:
		if m.Reason == wire.UnknownOrder {
			w.body = report.NoStatus(w.body[:0], e.TimeNs, m, &n, nil)
		} else { // there is an order, or was one a moment ago: a status without its quantities would not be true
			w.body = report.StatusRefused(w.body[:0], &ex, m)
		}
	default:
		return nil
	}
	if x != nil {
		w.send(x, e, bytes.Clone(w.body))
	}
	return nil
}

// refusedFirm returns the firm whose drop copies get a copy of a refused order: that of the session that sent it; without
// one that of the account, unless the account may not be the sender's.
func (w *writer) refusedFirm(x *Session, m *wire.OrderRejected) wire.FirmID {
	switch {
	case x != nil:
		return x.w.firm
	case m.Reason <= wire.NotYourAccount:
		return 0
	}
	return w.names.firmOfAccount(m.Account)
}

// announced returns what is known of the mass cancel that a session has announced, and forgets it.
func (w *writer) announced(x *Session, e *wire.Event) report.MassRequest {
	q := x.w.rec.mass
	if q != (report.MassRequest{}) {
		w.change(x, e).mass = report.MassRequest{}
	}
	return q
}

func (w *writer) massCanceled(e *wire.Event) {
	x := w.asking(e)
	if x == nil {
		return
	}
	var m wire.MassCanceled
	m.GetEvent(e)
	ex, n, q := exec(e), w.names.of(m.Account, m.Instrument), w.announced(x, e)
	w.body = report.MassCanceled(w.body[:0], &ex, &m, &q, &n)
	w.send(x, e, bytes.Clone(w.body))
}

// state answers a question about an order that is open.
func (w *writer) state(e *wire.Event) {
	x := w.asking(e)
	if x == nil {
		return
	}
	var m wire.OrderState
	m.GetEvent(e)
	o, n := report.FromState(&m), w.names.of(m.Account, m.Instrument)
	w.body = report.Status(w.body[:0], e.TimeNs, &o, m.Status, &n, nil)
	w.send(x, e, bytes.Clone(w.body))
}

// repeated answers a command whose id has been used before. The one that the client marked as possibly sent before gets
// no answer: the first one's can be sent again. Any other is a new request with an old id.
func (w *writer) repeated(e *wire.Event, news bool) error {
	x := w.asking(e)
	if _, _, again, _ := e.Origin.Session(); x == nil || again || !news {
		return nil
	}
	m := wire.OrderRejected{Reason: report.UsedID}
	switch e.Kind {
	case wire.EvOrderAccepted:
		var a wire.OrderAccepted
		a.GetEvent(e)
		m.Command, m.Account, m.Instrument, m.Side = wire.CmdNewOrder, a.Account, a.Instrument, a.Side
		m.Type, m.TIF, m.Price, m.Qty, m.ClientID = a.Type, a.TIF, a.Price, a.Qty, a.ClientID
	case wire.EvOrderCanceled:
		var c wire.OrderCanceled
		c.GetEvent(e)
		m.Command, m.Account, m.Instrument, m.Side = wire.CmdCancelOrder, c.Account, c.Instrument, c.Side
		m.Order, m.ClientID, m.Status = c.Order, c.ClientID, c.First.Status
	case wire.EvOrderReplaced:
		var r wire.OrderReplaced
		r.GetEvent(e)
		m.Command, m.Account, m.Instrument, m.Side = wire.CmdReplaceOrder, r.Account, r.Instrument, r.Side
		m.Order, m.ClientID, m.Status = r.Order, r.ClientID, r.First.Status
	case wire.EvOrderRejected: // refused the first time, and for the same reason now
		m.GetEvent(e)
	default:
		return nil
	}
	return w.refuse(e, &m)
}
