package mirror

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Apply takes one event, in order, and appends what it changed to out. An error wraps ErrBroken: the books are then to be
// loaded anew, or to wait for an image.
//
// An image replaces everything: its beginning removes all orders, and each of its orders is added.
func (b *Books) Apply(e *wire.Event, out []Change) ([]Change, error) {
	if b.entering != 0 && e.Seq != b.command && e.Kind != wire.EvImageBegin {
		return out, broken("command %d did not end before command %d", b.command, e.Seq)
	}
	b.command = e.Seq
	if e.Flags&wire.FlagRepeat == 0 {
		var err error
		if out, err = b.change(e, out); err != nil {
			return out, err
		}
	}
	if e.Flags&wire.FlagLast != 0 && b.entering != 0 {
		return b.settle(out)
	}
	return out, nil
}

func (b *Books) change(e *wire.Event, out []Change) ([]Change, error) {
	switch e.Kind {
	case wire.EvInstrument:
		return out, b.define(e)
	case wire.EvPhase:
		return out, b.setPhase(e)
	case wire.EvOrderAccepted:
		return out, b.accepted(e)
	case wire.EvTrade:
		return b.trade(e, out)
	case wire.EvOrderCanceled:
		return b.canceled(e, out)
	case wire.EvOrderReplaced:
		return b.replaced(e, out)
	case wire.EvImageBegin:
		return b.begin(e, out), nil
	case wire.EvImageInstrument:
		return out, b.imageInstrument(e)
	case wire.EvOrderState:
		if e.Flags&wire.FlagImage != 0 {
			return b.imageOrder(e, out)
		}
	}
	return out, nil
}

// settle ends a command: what is left of the order that has entered rests.
func (b *Books) settle(out []Change) ([]Change, error) {
	h := b.entering
	o := b.orders.At(h)
	if o.tif != wire.GTC {
		return out, broken("what is left of order %d was not canceled", o.id)
	}
	k := b.books[o.instrument]
	if err := k.fits(o.public()); err != nil {
		return out, err
	}
	b.entering = 0
	b.rest(k, h)
	return b.note(k, Added, b.orders.At(h), out), nil
}

// note records a change of an order and of the book that it rests in.
func (b *Books) note(k *Book, kind ChangeKind, o *order, out []Change) []Change {
	k.sequence = b.command
	c := Change{Kind: kind, Side: o.side, Instrument: o.instrument, Order: o.id, Price: o.price, Qty: o.qty}
	if kind == Removed {
		c.Qty = 0
	}
	return append(out, c)
}

// remove takes a resting order away.
func (b *Books) remove(k *Book, h slab.Handle, out []Change) []Change {
	out = b.note(k, Removed, b.orders.At(h), out)
	b.unrest(k, h)
	return out
}

func (b *Books) define(e *wire.Event) error {
	var m wire.Instrument
	m.GetEvent(e)
	if m.ID == 0 {
		return broken("an instrument without a number")
	}
	b.place(m.ID).instrument = m
	return nil
}

func (b *Books) setPhase(e *wire.Event) error {
	var m wire.PhaseChanged
	m.GetEvent(e)
	k := b.books[m.Instrument]
	if k == nil || !m.Phase.Valid() {
		return broken("phase %d of instrument %d", m.Phase, m.Instrument)
	}
	k.phase = m.Phase
	return nil
}

func (b *Books) accepted(e *wire.Event) error {
	var m wire.OrderAccepted
	m.GetEvent(e)
	switch {
	case b.books[m.Instrument] == nil:
		return broken("order %d of instrument %d, which is not known", m.Order, m.Instrument)
	case b.entering != 0:
		return broken("order %d enters with the command of order %d", m.Order, b.orders.At(b.entering).id)
	case b.find(m.Order) != 0:
		return broken("order %d enters a second time", m.Order)
	case !m.Side.Valid() || m.Qty < 0:
		return broken("order %d enters with side %d and %d lots", m.Order, m.Side, m.Qty)
	}
	b.entering = b.create(m.Instrument, Resting{m.Order, m.Side, m.Price, m.Qty})
	b.orders.Mut(b.entering).tif = m.TIF
	return nil
}

// trade takes a fill off the resting order and off the one that has entered, or off two resting ones in an auction.
func (b *Books) trade(e *wire.Event, out []Change) ([]Change, error) {
	var m wire.Trade
	m.GetEvent(e)
	k := b.books[m.Instrument]
	if k == nil {
		return out, broken("trade %d of instrument %d, which is not known", m.Trade, m.Instrument)
	}
	buy, err := b.party(&m, m.BuyOrder, wire.Buy, m.BuyLeft)
	if err != nil {
		return out, err
	}
	sell, err := b.party(&m, m.SellOrder, wire.Sell, m.SellLeft)
	if err != nil {
		return out, err
	}
	k.last = m.Price
	out = b.fill(k, buy, m.BuyLeft, out)
	return b.fill(k, sell, m.SellLeft, out), nil
}

// party finds one of a trade's orders and checks that it is where it must be and has as much as it trades.
func (b *Books) party(m *wire.Trade, id wire.OrderID, side wire.Side, left wire.Qty) (slab.Handle, error) {
	h := b.find(id)
	if h == 0 {
		return 0, broken("trade %d of order %d, which is not open", m.Trade, id)
	}
	o := b.orders.At(h)
	switch {
	case o.instrument != m.Instrument || o.side != side:
		return 0, broken("trade %d: order %d is a %s of instrument %d", m.Trade, id, o.side, o.instrument)
	case (h == b.entering) != (m.Taker == side):
		return 0, broken("trade %d: order %d is not the side that it was", m.Trade, id)
	case m.Qty <= 0 || left < 0 || o.qty < m.Qty || o.qty-m.Qty != left:
		return 0, broken("trade %d of %d lots leaves order %d with %d of %d lots", m.Trade, m.Qty, id, left, o.qty)
	}
	return h, nil
}

// fill takes a trade off an order.
func (b *Books) fill(k *Book, h slab.Handle, left wire.Qty, out []Change) []Change {
	o := b.orders.Mut(h)
	switch {
	case h == b.entering:
		o.qty = left
		if left == 0 {
			b.forget(h)
			b.entering = 0
		}
	case left == 0:
		out = b.remove(k, h, out)
		b.forget(h)
	default:
		k.resize(o, left-o.qty)
		o.qty = left
		out = b.note(k, Changed, o, out)
	}
	return out
}

func (b *Books) canceled(e *wire.Event, out []Change) ([]Change, error) {
	var m wire.OrderCanceled
	m.GetEvent(e)
	h, err := b.known(m.Order, m.Instrument, m.Side)
	if err != nil {
		return out, err
	}
	o := b.orders.At(h)
	if o.qty != m.Left {
		return out, broken("a cancel of %d lots of order %d, which has %d", m.Left, m.Order, o.qty)
	}
	if h == b.entering {
		b.entering = 0
	} else {
		out = b.remove(b.books[o.instrument], h, out)
	}
	b.forget(h)
	return out, nil
}

func (b *Books) replaced(e *wire.Event, out []Change) ([]Change, error) {
	var m wire.OrderReplaced
	m.GetEvent(e)
	h, err := b.known(m.Order, m.Instrument, m.Side)
	if err != nil {
		return out, err
	}
	k, o := b.books[m.Instrument], b.orders.Mut(h)
	keeps := m.KeptPriority != 0
	switch {
	case b.entering != 0:
		return out, broken("order %d is replaced with the command of order %d", m.Order, b.orders.At(b.entering).id)
	case m.Left <= 0:
		return out, broken("a replace leaves order %d with %d lots", m.Order, m.Left)
	case keeps && (m.Price != o.price || m.Left >= o.qty):
		return out, broken("order %d keeps its place with %d lots at %d instead of %d at %d", m.Order, m.Left, m.Price, o.qty, o.price)
	case keeps:
		k.resize(o, m.Left-o.qty)
		o.qty = m.Left
		return b.note(k, Changed, o, out), nil
	}
	out = b.remove(k, h, out)
	o.price, o.qty, o.tif = m.Price, m.Left, wire.GTC
	b.entering = h
	return out, nil
}

// known finds an order and checks what an event says of it.
func (b *Books) known(id wire.OrderID, in wire.InstrumentID, side wire.Side) (slab.Handle, error) {
	h := b.find(id)
	if h == 0 {
		return 0, broken("order %d is not open", id)
	}
	if o := b.orders.At(h); o.instrument != in || o.side != side {
		return 0, broken("order %d is a %s of instrument %d, not a %s of %d", id, o.side, o.instrument, side, in)
	}
	return h, nil
}
