package outbox

import (
	"bytes"
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/fix/report"
	"uncross/internal/slab"
)

// event brings one event of a command into the state. Unless it is news it takes no numbers: its messages are stored.
func (w *writer) event(e *wire.Event, news bool) error {
	if e.Kind == wire.EvSessionMessage {
		return w.sessionMessage(e, news)
	}
	w.inbound(e, news)
	if e.Flags&wire.FlagRepeat != 0 {
		return w.repeated(e, news)
	}
	switch e.Kind {
	case wire.EvVenue:
		return w.venue(e)
	case wire.EvSession:
		return w.defineSession(e)
	case wire.EvOrderAccepted:
		w.accepted(e, news)
	case wire.EvTrade:
		return w.traded(e, news)
	case wire.EvOrderCanceled:
		return w.canceled(e, news)
	case wire.EvOrderReplaced:
		return w.replaced(e, news)
	case wire.EvOrderRejected:
		if news {
			return w.rejected(e)
		}
	case wire.EvMassCanceled:
		if news {
			w.massCanceled(e)
		}
	case wire.EvOrderState:
		if news {
			w.state(e)
		}
	default:
		_, err := w.names.define(e)
		return err
	}
	return nil
}

// venue learns the cluster id, and refuses to mix two venues' messages.
func (w *writer) venue(e *wire.Event) error {
	var m wire.Genesis
	m.GetEvent(e)
	if err := kind.Cluster(w.cluster, m.ClusterID); err != nil {
		return err
	}
	if w.cluster != m.ClusterID {
		w.cluster = m.ClusterID
		w.set(metaCluster, m.ClusterID[:])
	}
	return nil
}

// defineSession takes a session's definition: a new one or a changed one.
func (w *writer) defineSession(e *wire.Event) error {
	var m wire.Session
	m.GetEvent(e)
	if x := at(w.s.sessions, m.ID); x != nil {
		x.w.def = m
		return nil
	}
	x := &Session{s: w.s, id: m.ID, changed: make(chan struct{}, 1)}
	rec, known := w.stored[m.ID]
	if !known {
		rec = newRecord()
	}
	delete(w.stored, m.ID)
	x.shown, x.w.rec = rec, rec
	x.w.def, x.w.firm = m, w.names.firmOfKey(m.Key)
	if err := place(&w.s.sessions, m.ID, x); err != nil {
		return err
	}
	if m.Kind == wire.DropCopySession {
		w.copies[x.w.firm] = append(w.copies[x.w.firm], x)
	}
	return nil
}

// sessionMessage is a session's own event: see the kinds in package wire.
func (w *writer) sessionMessage(e *wire.Event, news bool) error {
	var m wire.SessionMessage
	m.GetEvent(e)
	x := w.numbered(m.Session)
	if x == nil {
		return nil
	}
	if s, epoch, _, ok := e.Origin.Session(); ok && news && s == m.Session && epoch > x.w.rec.Epoch {
		w.begin(x, epoch, e)
	}
	w.inbound(e, news)
	if !news {
		return nil
	}
	switch m.Kind {
	case wire.SessionLogon:
		r := w.change(x, e)
		r.on, r.flags = true, wire.LogonFlags(m.Arg)
		w.local(x, e, &m, 1)
	case wire.SessionLogout:
		r := w.change(x, e)
		r.on, r.flags = false, 0
		w.local(x, e, &m, uint32(m.Arg))
	case wire.SessionNumbers:
		w.local(x, e, &m, uint32(m.Arg))
	case wire.AnnouncedMassCancel:
		w.change(x, e).mass = report.MassRequest{ID: m.ClientID, Kind: massKind(m.Arg)}
	case wire.RefusedCancel, wire.RefusedReplace:
		return w.refusedChange(x, e, &m)
	case wire.RefusedNewOrder, wire.RefusedMassCancel, wire.RefusedMessage:
		ex := exec(e)
		w.body = report.Refused(w.body[:0], &ex, &m)
		w.send(x, e, bytes.Clone(w.body))
		if m.Kind == wire.RefusedNewOrder {
			w.copy(e, x.w.firm)
		}
	}
	return nil
}

// massKind reads the Arg of an AnnouncedMassCancel: the request's MassCancelRequestType, or nothing.
func massKind(arg uint16) byte {
	if arg == massOne || arg == massAll {
		return byte(arg)
	}
	return 0
}

// The MassCancelRequestType of requests that become commands.
const (
	massOne = '1' // the orders of one instrument
	massAll = '7' // all
)

// exec returns what reports say of an event.
func exec(e *wire.Event) report.Exec {
	return report.Exec{Seq: e.Seq, Ord: e.Ord, TimeNs: e.TimeNs, Origin: e.Origin}
}

// asking returns the session that an event's command came from, nil where none did.
func (w *writer) asking(e *wire.Event) *Session {
	if id, _, _, ok := e.Origin.Session(); ok {
		return w.numbered(id)
	}
	return nil
}

// deliver sends the report in w.body to a session, and copies of it to a firm's drop copies.
func (w *writer) deliver(e *wire.Event, x *Session, firm wire.FirmID) {
	if x != nil {
		w.send(x, e, bytes.Clone(w.body))
	}
	w.copy(e, firm)
}

// copy sends copies of the report in w.body to a firm's drop copy sessions.
func (w *writer) copy(e *wire.Event, firm wire.FirmID) {
	to := w.copies[firm]
	if len(to) == 0 {
		return
	}
	w.body = report.Copied(w.body)
	body := bytes.Clone(w.body)
	for _, x := range to {
		w.send(x, e, body)
	}
}

func (w *writer) accepted(e *wire.Event, news bool) {
	var m wire.OrderAccepted
	m.GetEvent(e)
	x := w.asking(e)
	o := order{OpenOrder: OpenOrder{
		ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Price: m.Price, Qty: m.Qty, Funds: m.Funds, EnteredNs: e.TimeNs, ClientID: m.ClientID,
	}}
	if x != nil {
		o.session, o.stored = x.id, !news
	}
	t := &w.s.orders
	h := t.add(o)
	if x != nil {
		t.link(&x.w.open, h)
	}
	if !news {
		return
	}
	w.dropEndings(m.Order)
	if x != nil {
		w.owned = append(w.owned, m.Order)
	}
	firm := w.names.firmOfAccount(m.Account)
	if x == nil && len(w.copies[firm]) == 0 {
		return
	}
	ex, n := exec(e), w.names.of(m.Account, m.Instrument)
	w.body = report.Accepted(w.body[:0], &ex, &o.OpenOrder, &n)
	w.deliver(e, x, firm)
}

func (w *writer) traded(e *wire.Event, news bool) error {
	var m wire.Trade
	m.GetEvent(e)
	if err := w.filled(e, &m, wire.Buy, m.BuyOrder, m.BuyLeft, news); err != nil {
		return err
	}
	return w.filled(e, &m, wire.Sell, m.SellOrder, m.SellLeft, news)
}

// filled takes one order's side of a trade.
func (w *writer) filled(e *wire.Event, m *wire.Trade, side wire.Side, id wire.OrderID, left wire.Qty, news bool) error {
	h, o, err := w.open(id)
	if err != nil {
		return err
	}
	o.Filled += m.Qty
	o.Notional = o.Notional.MustAdd(m.Notional)
	if news {
		x, firm := at(w.s.sessions, o.session), w.names.firmOfAccount(o.Account)
		if x != nil || len(w.copies[firm]) > 0 {
			ex, n := exec(e), w.names.of(o.Account, o.Instrument)
			w.body = report.Traded(w.body[:0], &ex, m, side, &o.OpenOrder, &n)
			w.deliver(e, x, firm)
		}
	}
	if left == 0 {
		w.end(h, o, wire.StatusFilled, news)
	}
	return nil
}

// open returns an order that the events say is open.
func (w *writer) open(id wire.OrderID) (slab.Handle, *order, error) {
	h, o := w.s.orders.find(id)
	if o == nil {
		return 0, nil, fmt.Errorf("%w: order %d is not known", ErrGap, id)
	}
	return h, o, nil
}

// end takes an order out that is open no more.
func (w *writer) end(h slab.Handle, o *order, s wire.OrderStatus, news bool) {
	if o.stored && news {
		w.delete(w.key(tagOrder).u64(uint64(o.ID)))
	}
	if o.session != 0 && news {
		w.keepEnding(o, s)
	}
	var l *list
	if x := at(w.s.sessions, o.session); x != nil {
		l = &x.w.open
	}
	w.s.orders.drop(l, h)
}

func (w *writer) canceled(e *wire.Event, news bool) error {
	var m wire.OrderCanceled
	m.GetEvent(e)
	h, o, err := w.open(m.Order)
	if err != nil {
		return err
	}
	if news {
		w.tellCanceled(e, &m, o)
	}
	w.end(h, o, wire.StatusCanceled, news)
	return nil
}

// tellCanceled tells the order's session, and the one that asked for the cancel where that is another. A drop copy has
// what the one that asked has.
func (w *writer) tellCanceled(e *wire.Event, m *wire.OrderCanceled, o *order) {
	owner, firm := at(w.s.sessions, o.session), w.names.firmOfAccount(o.Account)
	asked, why := w.asking(e), report.AsTold
	if m.Reason != wire.CanceledByUser || m.ClientID.IsEmpty() {
		why = cause(asked, m)
		asked = nil // with many others, or of the node's own accord
	}
	if owner == nil && asked == nil && len(w.copies[firm]) == 0 {
		return
	}
	ex, n := exec(e), w.names.of(o.Account, o.Instrument)
	if owner != nil && owner != asked && asked != nil {
		w.body = report.Canceled(w.body[:0], &ex, m, why, wire.Text{}, &o.OpenOrder, &n)
		w.send(owner, e, bytes.Clone(w.body))
	}
	to, request := owner, wire.Text{}
	if asked != nil {
		to, request = asked, m.ClientID
	}
	w.body = report.Canceled(w.body[:0], &ex, m, why, request, &o.OpenOrder, &n)
	w.deliver(e, to, firm)
}

// cause returns why an order left that no cancel request of a client named: x is the session that the command came by,
// nil for none.
func cause(x *Session, m *wire.OrderCanceled) report.Cause {
	switch {
	case x == nil:
	case m.Reason == wire.CanceledByUser:
		return report.OnDisconnect
	case m.Reason == wire.CanceledByAccount && x.w.rec.mass.Kind == massOne:
		return report.OfInstrument
	case m.Reason == wire.CanceledByAccount && x.w.rec.mass.Kind == massAll:
		return report.OfAll
	}
	return report.AsTold
}

func (w *writer) replaced(e *wire.Event, news bool) error {
	var m wire.OrderReplaced
	m.GetEvent(e)
	h, o, err := w.open(m.Order)
	if err != nil {
		return err
	}
	was := o.ClientID
	o.Price, o.Qty = m.Price, m.Qty
	w.s.orders.rename(h, m.ClientID)
	if !news {
		return nil
	}
	owner, asked, firm := at(w.s.sessions, o.session), w.asking(e), w.names.firmOfAccount(o.Account)
	if owner == nil && asked == nil && len(w.copies[firm]) == 0 {
		return nil
	}
	ex, n := exec(e), w.names.of(o.Account, o.Instrument)
	w.body = report.Replaced(w.body[:0], &ex, was, &o.OpenOrder, &n)
	if asked != nil && asked != owner {
		w.send(asked, e, bytes.Clone(w.body))
	}
	w.deliver(e, owner, firm)
	return nil
}
