package mirror

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Load replaces one instrument's book. An error wraps ErrBroken: the state contradicts itself, or an order of it rests in
// another book; the orders before that one are loaded.
func (b *Books) Load(s LoadState) error {
	if s.Instrument.ID == 0 {
		return broken("an instrument without a number")
	}
	k := b.place(s.Instrument.ID)
	k.clear(func(slab.Handle) {})
	k.instrument, k.phase, k.last, k.sequence = s.Instrument, s.Phase, s.LastPrice, s.Sequence
	for _, r := range s.Orders {
		if err := b.restNow(k, r); err != nil {
			return err
		}
	}
	return nil
}

// restNow makes an order that rests at once.
func (b *Books) restNow(k *Book, r Resting) error {
	if b.find(r.Order) != 0 {
		return broken("order %d rests a second time", r.Order)
	}
	if err := k.fits(r); err != nil {
		return err
	}
	b.rest(k, b.create(k.instrument.ID, r))
	return nil
}

// begin takes everything away: an image follows.
func (b *Books) begin(e *wire.Event, out []Change) []Change {
	for _, id := range b.ids {
		k := b.books[id]
		k.clear(func(h slab.Handle) { out = b.note(k, Removed, b.orders.At(h), out) })
		k.phase, k.last, k.sequence = wire.Closed, 0, e.Seq
	}
	return out
}

func (b *Books) imageInstrument(e *wire.Event) error {
	var m wire.InstrumentState
	m.GetEvent(e)
	k := b.books[m.Instrument]
	if k == nil || !m.Phase.Valid() {
		return broken("phase %d of instrument %d in an image", m.Phase, m.Instrument)
	}
	k.phase, k.last, k.sequence = m.Phase, m.LastPrice, e.Seq
	return nil
}

func (b *Books) imageOrder(e *wire.Event, out []Change) ([]Change, error) {
	var m wire.OrderState
	m.GetEvent(e)
	k := b.books[m.Instrument]
	if k == nil {
		return out, broken("order %d of instrument %d, which is not known", m.Order, m.Instrument)
	}
	if m.Filled < 0 || m.Qty < m.Filled {
		return out, broken("order %d has traded %d of %d lots", m.Order, m.Filled, m.Qty)
	}
	if err := b.restNow(k, Resting{m.Order, m.Side, m.Price, m.Qty - m.Filled}); err != nil {
		return out, err
	}
	return b.note(k, Added, b.orders.At(b.find(m.Order)), out), nil
}
