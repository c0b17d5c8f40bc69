package engine

import (
	"uncross/book"
	"uncross/engine/wire"
)

func (e *Engine) addInstrument(c *wire.Command) wire.Reason {
	var m wire.AddInstrument
	m.Get(c)
	switch {
	case !has(e.assets, m.Base) || !has(e.assets, m.Quote):
		return wire.UnknownAsset
	case !validName(&m.Symbol):
		return wire.InvalidName
	}
	print := e.fingerprint(c)
	if id := e.findInstrument(&m.Symbol); id != 0 {
		if e.instruments.At(handle(id)).print != print {
			return wire.DuplicateName
		}
		e.announceInstrument(id)
		return e.repeated()
	}
	def := wire.Instrument{
		Symbol: m.Symbol, Base: m.Base, Quote: m.Quote, PriceDecimals: m.PriceDecimals,
		TickSize: m.TickSize, LotSize: m.LotSize, Limits: m.Limits,
	}
	if r := e.checkInstrument(&def); r != wire.ReasonNone {
		return r
	}
	if e.instruments.Len() >= MaxInstruments || e.balances.Len() >= e.bounds.balances {
		return wire.TooManyObjects
	}
	e.announceInstrument(e.createInstrument(instrument{def: def, print: print, phase: wire.Closed}))
	return wire.ReasonNone
}

// checkInstrument judges a definition whose assets exist and works out its multiplier.
func (e *Engine) checkInstrument(def *wire.Instrument) wire.Reason {
	if def.PriceDecimals > MaxDecimals {
		return wire.InvalidDecimals
	}
	base, quote := e.assets.At(handle(def.Base)), e.assets.At(handle(def.Quote))
	m, ok := multiplier(def.TickSize, def.LotSize, def.PriceDecimals, base.def.Decimals, quote.def.Decimals)
	if !ok {
		return wire.InvalidTickOrLot
	}
	def.Multiplier = m
	if r := checkLimits(&def.Limits); r != wire.ReasonNone {
		return r
	}
	if def.Base == def.Quote {
		return wire.InvalidPair
	}
	return wire.ReasonNone
}

func checkLimits(l *wire.InstrumentLimits) wire.Reason {
	switch {
	case l.MinPrice < 1 || l.MaxPrice < l.MinPrice || l.MaxPrice > MaxPrice,
		l.MinQty < 1 || l.MaxQty < l.MinQty || l.MaxQty > MaxQty:
		return wire.InvalidLimits
	case l.MakerBps > MaxFeeBps || l.TakerBps > MaxFeeBps:
		return wire.InvalidFee
	}
	return wire.ReasonNone
}

func (e *Engine) createInstrument(in instrument) wire.InstrumentID {
	in.def.ID = wire.InstrumentID(add(e.instruments))
	in.feeTo = e.balance(wire.VenueAccount, in.def.Quote)
	e.use(in.feeTo)
	*e.instruments.Mut(handle(in.def.ID)) = in
	e.books = append(e.books, book.New(book.Config{}))
	e.bookTerms = append(e.bookTerms, 0)
	e.rehashBook(in.def.ID)
	e.name(symbols, e.nameHash(symbols, &in.def.Symbol), uint32(in.def.ID))
	e.rehashInstrument(in.def.ID)
	return in.def.ID
}

func (e *Engine) setInstrument(c *wire.Command) wire.Reason {
	var m wire.SetInstrument
	m.Get(c)
	if !has(e.instruments, m.Instrument) {
		return wire.UnknownInstrument
	}
	if m.Fields == 0 || m.Fields&^wire.AllLimits != 0 {
		return wire.InvalidLimits
	}
	l := e.instruments.At(handle(m.Instrument)).def.Limits
	merge(&l, &m)
	if r := checkLimits(&l); r != wire.ReasonNone {
		return r
	}
	e.instruments.Mut(handle(m.Instrument)).def.Limits = l
	e.rehashInstrument(m.Instrument)
	e.announceInstrument(m.Instrument)
	return wire.ReasonNone
}

// merge sets those limits that m names.
func merge(l *wire.InstrumentLimits, m *wire.SetInstrument) {
	set(m.Fields&wire.SetMinPrice, &l.MinPrice, m.Limits.MinPrice)
	set(m.Fields&wire.SetMaxPrice, &l.MaxPrice, m.Limits.MaxPrice)
	set(m.Fields&wire.SetMinQty, &l.MinQty, m.Limits.MinQty)
	set(m.Fields&wire.SetMaxQty, &l.MaxQty, m.Limits.MaxQty)
	set(m.Fields&wire.SetMinNotional, &l.MinNotional, m.Limits.MinNotional)
	set(m.Fields&wire.SetMakerBps, &l.MakerBps, m.Limits.MakerBps)
	set(m.Fields&wire.SetTakerBps, &l.TakerBps, m.Limits.TakerBps)
}

func set[T any](named wire.LimitFields, to *T, v T) {
	if named != 0 {
		*to = v
	}
}

func (e *Engine) rehashInstrument(id wire.InstrumentID) {
	in := e.instruments.Mut(handle(id))
	e.refile(&in.hash, in.term())
}

func (in *instrument) term() uint64 {
	d, l := &in.def, &in.def.Limits
	h := mixText(mix(tagInstrument, uint64(d.ID)), &d.Symbol)
	h = mix(mix(h, uint64(d.Base)), uint64(d.Quote))
	h = mix(mix(h, uint64(d.PriceDecimals)), d.Multiplier)
	h = mix(mix(h, uint64(d.TickSize)), uint64(d.LotSize))
	h = mix(mix(h, uint64(l.MinPrice)), uint64(l.MaxPrice))
	h = mix(mix(h, uint64(l.MinQty)), uint64(l.MaxQty))
	h = mix(mix(h, l.MinNotional), uint64(l.MakerBps)<<16|uint64(l.TakerBps))
	h = mix(mix(h, in.print[0]), in.print[1])
	h = mix(mix(h, uint64(in.phase)), uint64(in.lastPrice))
	return seal(mix(h, uint64(in.lastQty)))
}

func (e *Engine) announceInstrument(id wire.InstrumentID) {
	e.instruments.At(handle(id)).def.PutEvent(e.emit())
}

// book returns the book of an instrument that exists.
func (e *Engine) book(id wire.InstrumentID) *book.Book { return e.books[id-1] }
