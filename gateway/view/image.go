package view

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// ErrImage is wrapped by the error of an image that is not whole.
var ErrImage = errors.New("view: damaged image")

// builder makes a state from an image, beside the one that is being read. What is looked up by the million is put into the
// indexes and the lists at the end, all of it together.
type builder struct {
	*state
	ids     []slab.Entry // of the orders
	clients []slab.Entry // hashes of those that have a client id
	level   Level        // of the order that came last: the orders of one level come one after the other
	side    *levels      // that level's; nil before the first order
}

// image takes one event of an image and returns the new state once it is complete.
func (v *View) image(e *wire.Event) (*state, error) {
	if e.Kind == wire.EvImageBegin {
		v.building = &builder{state: newState(v.o.Trades)}
		return nil, nil
	}
	b := v.building
	if b == nil {
		return nil, fmt.Errorf("%w: it does not begin with its beginning", ErrImage)
	}
	switch e.Kind {
	case wire.EvOrderState:
		var m wire.OrderState
		m.GetEvent(e)
		b.add(&Order{
			ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
			Status: m.Status, Price: m.Price, Qty: m.Qty, Left: m.Qty - m.Filled, Filled: m.Filled, Notional: m.Notional,
			Held: m.Held, EnteredNs: m.EnteredNs, UpdatedNs: m.EnteredNs, UpdatedSeq: e.Seq, ClientID: m.ClientID,
		})
	case wire.EvImageEnd:
		var m wire.Image
		m.GetEvent(e)
		if m.OpenOrders != uint64(len(b.ids)) || m.Accounts != uint64(len(b.accounts)) {
			return nil, fmt.Errorf("%w: %d orders and %d accounts where it says %d and %d",
				ErrImage, len(b.ids), len(b.accounts), m.OpenOrders, m.Accounts)
		}
		b.finish()
		b.seq, b.timeNs = m.Seq, e.TimeNs
		v.building = nil
		return b.state, nil
	default:
		b.apply(e)
	}
	return nil, nil
}

// add takes an order, which is behind those before it in the queue of its price.
func (b *builder) add(m *Order) {
	h := b.orders.Alloc()
	o := b.orders.Mut(h)
	o.Order, o.inBook = *m, true
	b.priority++
	o.priority = b.priority
	b.ids = append(b.ids, slab.Entry{Key: uint64(o.ID), H: h})
	if !o.ClientID.IsEmpty() {
		b.clients = append(b.clients, slab.Entry{Key: b.clientKey(o.Account, o.ClientID), H: h})
	}
	if side := b.state.side(o); side != b.side || o.Price != b.level.Price {
		b.closeLevel()
		b.side, b.level = side, Level{Price: o.Price}
	}
	b.level.Qty += o.Left
	b.level.Orders++
}

// closeLevel puts the level of the last order into the book.
func (b *builder) closeLevel() {
	if b.side != nil {
		b.side.add(b.level.Price, b.level.Qty, b.level.Orders)
	}
}

// finish makes indexes and lists.
func (b *builder) finish() {
	b.closeLevel()
	b.clientIndex.Fill(b.clients, func(h, was slab.Handle) { b.orders.Mut(h).chain = was })
	b.orderIndex.Fill(b.ids, nil)
	slices.SortFunc(b.ids, func(x, y slab.Entry) int { return cmp.Compare(x.Key, y.Key) })
	for _, id := range b.ids {
		b.link(id.H)
	}
}
