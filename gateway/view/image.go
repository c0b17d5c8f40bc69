package view

import (
	"errors"
	"fmt"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// ErrImage is wrapped by the error of an image that is not whole.
var ErrImage = errors.New("view: damaged image")

// builder makes a state from an image, beside the one that is being read.
type builder struct {
	*state
	orders []slab.Handle
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
		h := b.newOrder(Order{
			ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
			Status: m.Status, Price: m.Price, Qty: m.Qty, Left: m.Qty - m.Filled, Filled: m.Filled, Notional: m.Notional,
			Held: m.Held, EnteredNs: m.EnteredNs, UpdatedNs: m.EnteredNs, UpdatedSeq: e.Seq, ClientID: m.ClientID,
		})
		b.intoBook(b.state.orders.Mut(h))
		b.orders = append(b.orders, h)
	case wire.EvImageEnd:
		var m wire.Image
		m.GetEvent(e)
		if m.OpenOrders != uint64(len(b.orders)) || m.Accounts != uint64(len(b.accounts)) {
			return nil, fmt.Errorf("%w: %d orders and %d accounts where it says %d and %d",
				ErrImage, len(b.orders), len(b.accounts), m.OpenOrders, m.Accounts)
		}
		b.linkAll(b.orders)
		b.seq, b.timeNs = m.Seq, e.TimeNs
		v.building = nil
		return b.state, nil
	default:
		b.apply(e)
	}
	return nil, nil
}
