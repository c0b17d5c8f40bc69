package outbox

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"uncross/engine/wire"
	"uncross/gateway/fix/report"
	"uncross/internal/slab"
)

// importing is an image that is being taken over: it replaces definitions and order table.
type importing struct {
	seq     uint64
	gap     bool         // it goes beyond what the store has
	ids     []slab.Entry // of its orders
	clients []slab.Entry // hashes of those that have a client id
}

// imageEvent takes over what an image says. Numbers and messages it does not have: those are the store's own.
func (w *writer) imageEvent(e *wire.Event) error {
	if e.Kind == wire.EvImageBegin {
		return w.imageBegin(e)
	}
	if w.image == nil {
		return fmt.Errorf("%w: an image without its beginning", ErrGap)
	}
	switch e.Kind {
	case wire.EvVenue:
		return w.venue(e)
	case wire.EvSession:
		return w.defineSession(e)
	case wire.EvOrderState:
		w.imageOrder(e)
	case wire.EvImageEnd:
		return w.imageEnd(e)
	default:
		_, err := w.names.define(e)
		return err
	}
	return nil
}

func (w *writer) imageBegin(e *wire.Event) error {
	var m wire.Image
	m.GetEvent(e)
	has := w.pos.whole()
	gap := m.Seq > has
	if gap && has > 0 && !w.s.o.AcceptGap {
		return fmt.Errorf("%w: it ends at command %d, and the node's snapshot has command %d: the outbox has lost its end. Nothing was changed. What to do: restore the outbox directory from a backup; or accept the gap (serve --accept-fix-gap), and every session must start its numbers again",
			ErrGap, has, m.Seq)
	}
	w.image = &importing{seq: m.Seq, gap: gap}
	w.names = names{}
	w.s.orders = orders{}
	w.owned = w.owned[:0]
	for _, x := range w.s.sessions {
		x.w.open = list{}
	}
	return nil
}

// imageOrder takes an order. It is found once the image has ended: then all orders go into the indexes together.
func (w *writer) imageOrder(e *wire.Event) {
	var m wire.OrderState
	m.GetEvent(e)
	t, x := &w.s.orders, w.image
	h := t.slab.Alloc()
	o := t.slab.Mut(h)
	o.OpenOrder = report.FromState(&m)
	x.ids = append(x.ids, slab.Entry{Key: uint64(o.ID), H: h})
	if !o.ClientID.IsEmpty() {
		x.clients = append(x.clients, slab.Entry{Key: clientKey(o.Account, o.ClientID), H: h})
	}
}

func (w *writer) imageEnd(e *wire.Event) error {
	var m wire.Image
	m.GetEvent(e)
	if m.Seq != w.image.seq || m.OpenOrders != uint64(len(w.image.ids)) {
		return fmt.Errorf("%w: an image of command %d with %d orders ends as one of %d with %d",
			ErrGap, w.image.seq, len(w.image.ids), m.Seq, m.OpenOrders)
	}
	t := &w.s.orders
	t.index.Fill(w.image.ids, nil)
	t.clients.Fill(w.image.clients, func(h, was slab.Handle) { t.slab.Mut(h).chain = was })
	if err := w.giveOwners(); err != nil {
		return err
	}
	w.linkOwners()
	w.at = position{seq: m.Seq, ord: ^uint32(0), last: true}
	if w.image.gap {
		w.recordGap(e, m.Seq)
	}
	w.image = nil
	return nil
}

// giveOwners tells the image's orders which session entered them. Behind a gap, what is known of orders that have ended in
// it is forgotten.
func (w *writer) giveOwners() error {
	return w.s.scan(tagOrder, 9, func(k, v []byte) error {
		if len(v) != 4 {
			return fmt.Errorf("%w: an order's session", ErrDamaged)
		}
		id := binary.BigEndian.Uint64(k[1:])
		_, o := w.s.orders.find(wire.OrderID(id))
		switch {
		case o != nil:
			o.session, o.stored = wire.SessionID(binary.LittleEndian.Uint32(v)), true
		case w.image.gap:
			w.delete(w.key(tagOrder).u64(id))
		}
		return nil
	})
}

// linkOwners lists the orders of every session.
func (w *writer) linkOwners() {
	t := &w.s.orders
	slices.SortFunc(w.image.ids, func(a, b slab.Entry) int { return cmp.Compare(a.Key, b.Key) })
	for _, id := range w.image.ids {
		o := t.slab.Mut(id.H)
		if x := at(w.s.sessions, o.session); x != nil {
			t.link(&x.w.open, id.H)
		} else {
			o.session = 0
		}
	}
}

// recordGap notes what the store has nothing of: how far the sessions' numbers went on there is not known.
func (w *writer) recordGap(e *wire.Event, to uint64) {
	if len(w.s.sessions) > 0 { // without any nobody misses anything
		w.s.o.Logger.Warn("the outbox takes over an image: messages before it are missing, and every session's numbers must start again",
			"missing_from", w.pos.whole()+1, "missing_to", to)
	}
	w.set(w.key(tagGap).u64(w.pos.whole()+1), binary.LittleEndian.AppendUint64(w.v[:0], to))
	w.pos = w.at
	on := 0
	for _, x := range w.s.sessions {
		r := w.change(x, e)
		if r.on {
			on++
		}
		r.Lost, r.on, r.flags, r.mass = true, false, 0, report.MassRequest{}
	}
	if on > 0 {
		w.s.o.Logger.Warn("sessions that were logged on before the gap count as ended: their orders are not canceled, and orders entered in the gap have no session",
			"sessions", on)
	}
}
