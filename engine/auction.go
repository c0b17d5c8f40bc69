package engine

import (
	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// setPhase moves an instrument to another phase.
//
// A crossed book is uncrossed before the instrument is Closed or Continuous again: always when it leaves Auction for one
// of them, and when it leaves Halted if an auction was halted with the book crossed.
func (e *Engine) setPhase(c *wire.Command) wire.Reason {
	var m wire.SetPhase
	m.Get(c)
	switch {
	case !has(e.instruments, m.Instrument):
		return wire.UnknownInstrument
	case m.Reference < 0 || m.Reference > MaxPrice:
		return wire.PriceOutOfRange
	case !m.Phase.Valid():
		return wire.InvalidPhase
	}
	in := e.instruments.At(handle(m.Instrument))
	done := wire.PhaseChanged{Instrument: m.Instrument, Phase: m.Phase, Was: in.phase}
	done.PutEvent(e.emit())
	if done.Phase == done.Was {
		return wire.ReasonNone
	}
	e.instruments.Mut(handle(m.Instrument)).phase = m.Phase
	settles := m.Phase == wire.Closed || m.Phase == wire.Continuous
	if settles && (done.Was == wire.Auction || done.Was == wire.Halted && e.book(m.Instrument).Crossed()) {
		e.uncross(m.Instrument, m.Reference)
	}
	e.rehashInstrument(m.Instrument)
	return wire.ReasonNone
}

// uncross ends an auction: all that trades, trades at one price, each side at its maker rate.
func (e *Engine) uncross(id wire.InstrumentID, reference wire.Price) {
	in := e.instruments.At(handle(id))
	if reference == 0 {
		reference = in.lastPrice
	}
	var res book.AuctionResult
	res, e.pairs = e.book(id).Uncross(reference, reference != 0, e.pairs[:0])
	e.rehashBook(id)
	told := wire.Uncrossed{
		Instrument: id, Price: res.Price, Volume: res.Volume, Surplus: res.Surplus, SurplusSide: res.SurplusSide,
	}
	if res.Volume == 0 {
		told = wire.Uncrossed{Instrument: id}
	}
	told.PutEvent(e.emit())
	for i := range e.pairs {
		e.settlePair(in, res.Price, &e.pairs[i])
	}
	if n := len(e.pairs); n > 0 {
		e.setLast(id, res.Price, e.pairs[n-1].Qty)
	}
}

func (e *Engine) settlePair(in *instrument, price wire.Price, p *book.Pair) {
	buy, sell := slab.Handle(p.BuyData), slab.Handle(p.SellData)
	b, s := e.orders.Mut(buy), e.orders.Mut(sell)
	e.settle(&fill{in: in, buy: b, sell: s, buyRate: b.maker, sellRate: s.maker, price: price, qty: p.Qty})
	e.after(buy, b)
	e.after(sell, s)
}
