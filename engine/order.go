package engine

import (
	"math"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// newOrder enters an order: it holds what the order may cost, lets it trade, and rests or drops what is left.
func (e *Engine) newOrder(c *wire.Command) wire.Reason {
	var m wire.NewOrder
	m.Get(c)
	q := &e.running
	q.account, q.clientID = m.Account, m.ClientID
	if r := e.mayUse(c.Key, m.Account); r != wire.ReasonNone {
		return r
	}
	if !has(e.instruments, m.Instrument) {
		return wire.UnknownInstrument
	}
	if first, r := e.recogniseOrder(c, &m.ClientID); r != wire.ReasonNone {
		return r
	} else if first != nil {
		return e.answerNew(c, first, &m)
	}
	in := e.instruments.At(handle(m.Instrument))
	var p plan
	if r := e.checkNew(&m, in, &p); r != wire.ReasonNone {
		return r
	}
	e.enter(&m, in, &p)
	return wire.ReasonNone
}

// recogniseOrder is recognise for order requests, whose client id may be empty.
func (e *Engine) recogniseOrder(c *wire.Command, id *wire.Text) (*repeat, wire.Reason) {
	if !id.Valid() {
		return nil, wire.InvalidClientID
	}
	if id.IsEmpty() {
		return nil, wire.ReasonNone
	}
	return e.recognise(c, orderIDs, id)
}

// plan is what the checks of a new order work out for its entry.
type plan struct {
	limit wire.Price  // of the matching: the order's, or the end of the range
	qty   wire.Qty    // total of the order
	trade wire.Qty    // lots that may trade or rest; less than qty where a market order meets too little
	hold  wire.Amount // quote asset for a buy, base asset for a sell
	exact bool        // hold is the exact cost of the trades to come
	ends  wire.CancelReason
}

// checkNew judges the order's fields, the instrument's phase, the account and the book, in the order of precedence.
func (e *Engine) checkNew(m *wire.NewOrder, in *instrument, p *plan) wire.Reason {
	if r := checkTerms(m); r != wire.ReasonNone {
		return r
	}
	if r := checkAmounts(m, &in.def.Limits); r != wire.ReasonNone {
		return r
	}
	if r := e.planOrder(m, in, p); r != wire.ReasonNone {
		return r
	}
	if r := checkPhase(m, in.phase); r != wire.ReasonNone {
		return r
	}
	if r := e.checkAccount(m, in, p); r != wire.ReasonNone {
		return r
	}
	if m.Flags&wire.PostOnly != 0 && e.book(m.Instrument).Crosses(m.Side, m.Price) {
		return wire.WouldTrade
	}
	if e.balances.Len()+2 > e.bounds.balances {
		return wire.TooManyObjects
	}
	return wire.ReasonNone
}

// checkTerms judges side, type, time in force, conditions and funds.
func checkTerms(m *wire.NewOrder) wire.Reason {
	market, funded := m.Type == wire.Market, !m.Funds.IsZero()
	switch {
	case !m.Side.Valid():
		return wire.InvalidSide
	case m.Type != wire.Limit && !market:
		return wire.InvalidOrderType
	case m.TIF < wire.GTC || m.TIF > wire.FOK,
		market && m.TIF == wire.GTC,
		market && funded && m.TIF == wire.FOK:
		return wire.InvalidTimeInForce
	case m.Flags&^wire.PostOnly != 0,
		m.Flags&wire.PostOnly != 0 && (market || m.TIF != wire.GTC):
		return wire.InvalidFlags
	case funded && (!market || m.Side != wire.Buy || m.Qty != 0):
		return wire.InvalidFunds
	}
	return wire.ReasonNone
}

// checkAmounts judges price and quantity. A market order's price is its protection and may be absent; an order by funds
// has no quantity.
func checkAmounts(m *wire.NewOrder, l *wire.InstrumentLimits) wire.Reason {
	priced := m.Type == wire.Limit || m.Price != 0
	switch {
	case priced && (m.Price < l.MinPrice || m.Price > l.MaxPrice):
		return wire.PriceOutOfRange
	case m.Funds.IsZero() && (m.Qty < l.MinQty || m.Qty > l.MaxQty):
		return wire.QuantityOutOfRange
	}
	return wire.ReasonNone
}

// planOrder works out what the order may trade and cost, and judges its notional.
func (e *Engine) planOrder(m *wire.NewOrder, in *instrument, p *plan) wire.Reason {
	if m.Price == 0 || !m.Funds.IsZero() {
		return e.planMarket(m, in, p)
	}
	p.limit, p.qty, p.trade = m.Price, m.Qty, m.Qty
	if m.TIF == wire.FOK || m.TIF == wire.IOC {
		p.ends = wire.CanceledImmediate
	}
	if m.Type == wire.Market {
		p.ends = wire.CanceledNoLiquidity
	}
	n, ok := notional(m.Price, m.Qty, in.def.Multiplier)
	if r := checkNotional(n, ok, in); r != wire.ReasonNone {
		return r
	}
	if m.TIF == wire.GTC && e.book(m.Instrument).Total(m.Side) > MaxDepth-m.Qty {
		return wire.NotionalTooLarge
	}
	if m.TIF == wire.FOK && in.phase == wire.Continuous && e.book(m.Instrument).Fillable(m.Side, p.limit, m.Qty) < m.Qty {
		p.trade, p.ends = 0, wire.CanceledFillOrKill
	}
	if m.Side == wire.Sell {
		p.hold = lots(m.Qty, in)
		return wire.ReasonNone
	}
	reserve, _ := fee(n, max(in.def.Limits.MakerBps, in.def.Limits.TakerBps), 0)
	p.hold = n.MustAdd(reserve)
	return wire.ReasonNone
}

func checkNotional(n wire.Amount, inRange bool, in *instrument) wire.Reason {
	switch {
	case !inRange:
		return wire.NotionalTooLarge
	case n.Less(amount.FromUint64(in.def.Limits.MinNotional)):
		return wire.NotionalTooSmall
	}
	return wire.ReasonNone
}

// lots returns a quantity in smallest units of the base asset.
func lots(q wire.Qty, in *instrument) wire.Amount {
	return amount.Product(uint64(q), uint64(in.def.LotSize))
}

func checkPhase(m *wire.NewOrder, phase wire.Phase) wire.Reason {
	switch {
	case phase == wire.Closed:
		return wire.MarketClosed
	case phase == wire.Halted:
		return wire.MarketHalted
	case phase == wire.Auction && (m.Type != wire.Limit || m.TIF != wire.GTC || m.Flags&wire.PostOnly != 0):
		return wire.NotInAuction
	}
	return wire.ReasonNone
}

// checkAccount judges whether the account may have one more open order and covers what the order holds.
func (e *Engine) checkAccount(m *wire.NewOrder, in *instrument, p *plan) wire.Reason {
	rests := m.TIF == wire.GTC
	open := e.accounts.At(handle(m.Account)).open.n
	if rests && (open >= MaxOpenOrdersPerAccount || e.orders.Len() >= MaxOpenOrders) {
		return wire.TooManyOpenOrders
	}
	asset, need := in.def.Quote, p.hold
	if m.Side == wire.Sell {
		asset = in.def.Base
	} else if need.Less(m.Funds) {
		need = m.Funds
	}
	if e.available(m.Account, asset).Less(need) {
		return wire.InsufficientFunds
	}
	return wire.ReasonNone
}

// enter carries a checked order out.
func (e *Engine) enter(m *wire.NewOrder, in *instrument, p *plan) {
	e.orderID++
	o := order{
		id: e.orderID, account: m.Account, instrument: m.Instrument,
		side: m.Side, typ: m.Type, tif: m.TIF, flags: m.Flags, exact: p.exact,
		maker: in.def.Limits.MakerBps, taker: in.def.Limits.TakerBps,
		price: m.Price, qty: p.qty, held: p.hold, enteredNs: e.now, clientID: m.ClientID,
		base: e.balance(m.Account, in.def.Base), quote: e.balance(m.Account, in.def.Quote),
	}
	e.use(o.base)
	e.use(o.quote)
	e.running.order = o.id
	e.hold(o.pays(), p.hold)
	accepted := wire.OrderAccepted{
		Order: o.id, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Price: m.Price, Qty: p.qty, Funds: m.Funds, Held: p.hold, ClientID: m.ClientID,
	}
	accepted.PutEvent(e.emit())
	if in.phase == wire.Continuous && p.trade > 0 {
		e.fills = e.fills[:0]
		_, e.fills = e.book(m.Instrument).Match(m.Side, p.limit, p.trade, e.fills)
		e.settleFills(&o)
	}
	first := repeat{answer: wire.EvOrderAccepted, order: o.id, qty: p.qty, amount: p.hold}
	first.status, first.filled = e.finish(&o, m.TIF == wire.GTC, p.ends), o.filled
	e.rehashBook(o.instrument)
	e.leave(o.base)
	e.leave(o.quote)
	e.remember(first)
}

// pays returns the balance that the order holds from.
func (o *order) pays() slab.Handle {
	if o.side == wire.Buy {
		return o.quote
	}
	return o.base
}

// finish rests or drops what is left of an order that has entered, and returns where it then stands.
func (e *Engine) finish(o *order, rests bool, why wire.CancelReason) wire.OrderStatus {
	switch {
	case o.left() == 0 && o.qty > 0:
		return wire.StatusFilled
	case rests:
		e.rest(o)
		return o.status()
	}
	e.spend(o.pays(), wire.Amount{}, o.held)
	e.announceCancel(o, why, wire.Text{})
	return wire.StatusCanceled
}

// rest puts a new order into its book, its account's list and the index.
func (e *Engine) rest(o *order) {
	h := e.orders.Alloc()
	b := e.book(o.instrument)
	if out := b.Rest(o.resting(h)); out.Refused() {
		panic("engine: the book refused a checked order: " + out.String())
	}
	o.priority = b.Priority()
	e.keep(h, o)
}

// keep files an order under its handle; also on restore.
func (e *Engine) keep(h slab.Handle, o *order) {
	o.hash = 0
	*e.orders.Mut(h) = *o
	push(e.orders, &e.accounts.Mut(handle(o.account)).open, 0, h)
	e.byOrder.Put(uint64(o.id), h)
	e.use(o.base)
	e.use(o.quote)
	e.rehashOrder(e.orders.Mut(h))
}

// drop removes an order that has left its book: from its account's list, the index and the slab.
func (e *Engine) drop(h slab.Handle) {
	o := *e.orders.At(h)
	unlink(e.orders, &e.accounts.Mut(handle(o.account)).open, 0, h)
	e.byOrder.Delete(uint64(o.id))
	e.sum -= o.hash
	e.orders.Free(h)
	e.leave(o.base)
	e.leave(o.quote)
}

// mustHold returns what an open order of an instrument holds.
func (o *order) mustHold(in *instrument) wire.Amount {
	if o.side == wire.Buy {
		return o.needs(o.left(), in.def.Multiplier)
	}
	return lots(o.left(), in)
}

// fetched is how many orders are touched before they are read.
const fetched = 32

// touch reads a little of an order from both halves of its memory. Orders lie there by age: whoever reads many in another
// order would wait for each. Touching the next ones in a short loop lets the processor wait for all of them at once. The
// caller must keep the sum of what it returns, or the compiler leaves it out.
func (o *order) touch() uint64 { return uint64(o.id) + uint64(o.enteredNs) }

func (o *order) in(int) *link { return &o.link }

func (e *Engine) rehashOrder(o *order) { e.refile(&o.hash, o.term()) }

func (o *order) term() uint64 {
	h := mix(mix(tagOrder, uint64(o.id)), uint64(o.account)<<32|uint64(o.instrument))
	h = mix(h, uint64(o.side)|uint64(o.typ)<<8|uint64(o.tif)<<16|uint64(o.flags)<<24|uint64(o.maker)<<32|uint64(o.taker)<<48)
	h = mix(mix(h, uint64(o.slack)), uint64(o.price))
	h = mix(mix(h, uint64(o.qty)), uint64(o.filled))
	h = mixAmount(mixAmount(h, o.notional), o.held)
	h = mix(mix(h, uint64(o.enteredNs)), o.priority)
	return seal(mixText(h, &o.clientID))
}

// answerNew gives the answer of the first time again.
func (e *Engine) answerNew(c *wire.Command, first *repeat, m *wire.NewOrder) wire.Reason {
	if first.answer == wire.EvRejected {
		return e.answerRefusal(c, first)
	}
	accepted := wire.OrderAccepted{
		Order: first.order, Account: m.Account, Instrument: m.Instrument,
		Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
		Price: m.Price, Qty: first.qty, Funds: m.Funds, Held: first.amount, ClientID: m.ClientID, First: first.outcome(),
	}
	accepted.PutEvent(e.emit())
	return e.repeated()
}

// anyPrice returns the limit of an order without one.
func anyPrice(s wire.Side) wire.Price {
	if s == wire.Buy {
		return math.MaxInt64
	}
	return 1
}
