package http

import (
	"math"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/view"
)

// This file has the operators' routes for what is traded: assets, instruments and their phases.

// addAsset handles POST /v1/admin/assets.
func addAsset(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	body := wire.AddAsset{Code: f.text36("code"), Decimals: uint8(f.small("decimals", 255, -1))}
	if f.find("decimals") == nil {
		f.keep(refuseField(MissingField, "decimals", ""))
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	var c wire.Command
	body.Put(&c)
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var a wire.Asset
	a.GetEvent(&p.events[0])
	return assetAnswer{Code: a.Code.String(), Decimals: int(a.Decimals), Repeat: p.repeat()}, nil
}

// asset returns the asset of that code.
func (q *request) asset(field, code string) (wire.Asset, *Error) {
	a, ok := q.s.view.AssetByCode(code)
	if !ok {
		q.catchUp()
		a, ok = q.s.view.AssetByCode(code)
	}
	if !ok {
		return a, refuseField(wire.UnknownAsset, field, "")
	}
	return a, nil
}

// limitFields are an instrument's changeable parameters as text; "" means not given.
type limitFields struct {
	minPrice, maxPrice, minQty, maxQty, minNotional string
	makerBps, takerBps                              int // -1: not given
}

func readLimits(f *fields, needed bool) (l limitFields) {
	read := f.optional
	if needed {
		read = f.text
	}
	l.minPrice, l.maxPrice = read("min_price"), read("max_price")
	l.minQty, l.maxQty = read("min_quantity"), read("max_quantity")
	l.minNotional = f.optional("min_notional")
	l.makerBps, l.takerBps = f.small("maker_fee_bps", math.MaxUint16, -1), f.small("taker_fee_bps", math.MaxUint16, -1)
	return l
}

// read returns the limits that are given, and which ones they are.
func (l *limitFields) read(in *view.Instrument) (to wire.InstrumentLimits, set wire.LimitFields, err *Error) {
	keep := func(e *Error) {
		if err == nil {
			err = e
		}
	}
	for _, p := range []struct {
		field, text string
		to          *wire.Price
		bit         wire.LimitFields
	}{{"min_price", l.minPrice, &to.MinPrice, wire.SetMinPrice}, {"max_price", l.maxPrice, &to.MaxPrice, wire.SetMaxPrice}} {
		if p.text != "" {
			v, e := parsePrice(in, p.field, p.text)
			*p.to = v
			set |= p.bit
			keep(e)
		}
	}
	for _, n := range []struct {
		field, text string
		to          *wire.Qty
		bit         wire.LimitFields
	}{{"min_quantity", l.minQty, &to.MinQty, wire.SetMinQty}, {"max_quantity", l.maxQty, &to.MaxQty, wire.SetMaxQty}} {
		if n.text != "" {
			v, e := parseQty(in, n.field, n.text)
			*n.to = v
			set |= n.bit
			keep(e)
		}
	}
	if l.minNotional != "" {
		a, e := parseAmount("min_notional", l.minNotional, in.QuoteDecimals, true)
		if e == nil && a.Hi != 0 {
			e = refuseField(NumberTooLarge, "min_notional", "")
		}
		to.MinNotional = a.Lo
		set |= wire.SetMinNotional
		keep(e)
	}
	if l.makerBps >= 0 {
		to.MakerBps = uint16(l.makerBps)
		set |= wire.SetMakerBps
	}
	if l.takerBps >= 0 {
		to.TakerBps = uint16(l.takerBps)
		set |= wire.SetTakerBps
	}
	return to, set, err
}

// everySymbol is no instrument's symbol: to the stream it is all of them. The engine takes it, so that a log of an earlier version
// may have defined it; such an instrument is one as any other, and its definition is a repeat.
var everySymbol = wire.MustText("*")

func (q *request) knowsSymbol(s wire.Text) bool {
	_, ok := q.s.view.InstrumentBySymbol(s.String())
	return ok
}

// addInstrument handles POST /v1/admin/instruments.
func addInstrument(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	symbol, base, quoted := f.text36("symbol"), f.text("base"), f.text("quote")
	tick, lot := f.text("tick"), f.text("lot")
	limits := readLimits(f, true)
	if err := f.done(); err != nil {
		return nil, err
	}
	if symbol == everySymbol && !q.knowsSymbol(everySymbol) {
		return nil, refuseField(wire.InvalidName, "symbol", "* stands for every instrument in subscriptions to the stream")
	}
	b, err := q.asset("base", base)
	if err != nil {
		return nil, err
	}
	qa, err := q.asset("quote", quoted)
	if err != nil {
		return nil, err
	}
	body := wire.AddInstrument{Symbol: symbol, Base: b.ID, Quote: qa.ID}
	var e error
	if body.PriceDecimals, body.TickSize, e = decimal.DefineTick(tick); e != nil {
		return nil, decimalError(e, "tick", tick, "")
	}
	if body.LotSize, e = decimal.DefineLot(lot, b.Decimals); e != nil {
		return nil, decimalError(e, "lot", lot, "")
	}
	in := view.Instrument{Instrument: decimal.New(wire.Instrument{
		PriceDecimals: body.PriceDecimals, TickSize: body.TickSize, LotSize: body.LotSize,
	}, b, qa)}
	if body.Limits, _, err = limits.read(&in); err != nil {
		return nil, err
	}
	var c wire.Command
	body.Put(&c)
	return q.defineInstrument(&c)
}

// setInstrument handles PATCH /v1/admin/instruments/{symbol}: what is given changes, the rest stays. Only what is given
// enters the command, so that two operators who change different things do not undo each other.
func setInstrument(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	limits := readLimits(f, false)
	if err := f.done(); err != nil {
		return nil, err
	}
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	body := wire.SetInstrument{Instrument: in.ID}
	if body.Limits, body.Fields, err = limits.read(&in); err != nil {
		return nil, err
	}
	var c wire.Command
	body.Put(&c)
	return q.defineInstrument(&c)
}

// defineInstrument runs a command that is answered by Instrument.
func (q *request) defineInstrument(c *wire.Command) (any, *Error) {
	p, err := q.command(c)
	if err != nil {
		return nil, err
	}
	var in wire.Instrument
	in.GetEvent(&p.events[0])
	q.catchUp()
	v, ok := q.s.view.Instrument(in.ID)
	if !ok {
		return nil, refuse(OutcomeUnknown, "done, but not visible yet")
	}
	a := instrumentText(&v)
	a.Repeat = p.repeat()
	return a, nil
}

type phaseAnswer struct {
	Symbol    string        `json:"symbol"`
	Phase     string        `json:"phase"`
	Was       string        `json:"was"`
	Command   string        `json:"command"`
	Time      string        `json:"time"`
	Uncrossed *uncrossedOne `json:"uncrossed,omitempty"`
}

type uncrossedOne struct {
	Price       string `json:"price,omitempty"` // none: nothing crossed
	Volume      string `json:"volume"`
	Surplus     string `json:"surplus"`
	SurplusSide string `json:"surplus_side"`
	Trades      int    `json:"trades"`
}

// setPhase handles POST /v1/admin/instruments/{symbol}/phase.
func setPhase(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	phase := choice(f, "phase", wire.InvalidPhase, wire.Closed, wire.Auction, wire.Continuous, wire.Halted)
	reference := f.optional("reference_price")
	sent := f.nanos("sent_at_ns")
	if err := f.done(); err != nil {
		return nil, err
	}
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	body := wire.SetPhase{Instrument: in.ID, Phase: phase}
	if body.Reference, err = parsePrice(&in, "reference_price", reference); err != nil {
		return nil, err
	}
	c := wire.Command{SentNs: sent}
	body.Put(&c)
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var m wire.PhaseChanged
	m.GetEvent(&p.events[0])
	a := phaseAnswer{Symbol: in.Symbol.String(), Phase: m.Phase.String(), Was: m.Was.String(),
		Command: id(p.events[0].Seq), Time: stamp(p.events[0].TimeNs)}
	if e := p.find(wire.EvUncrossed); e != nil {
		var u wire.Uncrossed
		u.GetEvent(e)
		a.Uncrossed = &uncrossedOne{Price: price(&in, u.Price), Volume: in.Qty(u.Volume), Surplus: in.Qty(u.Surplus),
			SurplusSide: takerText(u.SurplusSide), Trades: p.trades()}
	}
	return a, nil
}

// trades returns how many trades the command made.
func (p *reply) trades() int {
	n := int(p.beyond.trades)
	for i := range p.events {
		if p.events[i].Kind == wire.EvTrade {
			n++
		}
	}
	return n
}

// massCancelInstrument handles POST /v1/admin/mass-cancel.
func massCancelInstrument(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	symbol := f.text("symbol")
	if err := f.done(); err != nil {
		return nil, err
	}
	in, err := q.instrument(symbol)
	if err != nil {
		return nil, err
	}
	var c wire.Command
	(&wire.MassCancel{Instrument: in.ID}).Put(&c)
	return q.massCancel(&c)
}
