package engine

import (
	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// replaceOrder changes an open order's price and quantity. The order keeps its number, its rates and its place in the
// account's order of entry; a smaller quantity at the same price keeps its priority in the book too.
func (e *Engine) replaceOrder(c *wire.Command) wire.Reason {
	var m wire.ReplaceOrder
	m.Get(c)
	q := &e.running
	q.account, q.order, q.clientID = m.Account, m.Target.Order, m.ClientID
	if r := e.mayUse(c.Key, m.Account); r != wire.ReasonNone {
		return r
	}
	if !m.Target.ClientID.Valid() {
		return wire.InvalidClientID
	}
	if first, r := e.recogniseOrder(c, &m.ClientID); r != wire.ReasonNone {
		return r
	} else if first != nil {
		return e.answerReplace(c, first, &m)
	}
	h, r := e.checkReplace(&m)
	if r != wire.ReasonNone {
		return r
	}
	e.amend(h, &m)
	return wire.ReasonNone
}

// anyLimits are the ranges that hold for every instrument.
var anyLimits = wire.InstrumentLimits{MinPrice: 1, MaxPrice: MaxPrice, MinQty: 1, MaxQty: MaxQty}

// checkReplace finds the order and judges the change, in the order of precedence. Where the order is not found, price and
// quantity are judged by what holds for every instrument.
func (e *Engine) checkReplace(m *wire.ReplaceOrder) (slab.Handle, wire.Reason) {
	h, unknown := e.resolve(m.Account, &m.Target)
	l := &anyLimits
	if unknown == wire.ReasonNone {
		l = &e.instruments.At(handle(e.orders.At(h).instrument)).def.Limits
	}
	switch {
	case m.Price < l.MinPrice || m.Price > l.MaxPrice:
		return 0, wire.PriceOutOfRange
	case m.Qty < l.MinQty || m.Qty > l.MaxQty:
		return 0, wire.QuantityOutOfRange
	case unknown != wire.ReasonNone:
		return 0, unknown
	}
	return h, e.checkChange(e.orders.At(h), m)
}

// checkChange judges the change of an order, price and quantity being in range.
func (e *Engine) checkChange(o *order, m *wire.ReplaceOrder) wire.Reason {
	in := e.instruments.At(handle(o.instrument))
	n, ok := notional(m.Price, m.Qty, in.def.Multiplier)
	if r := checkNotional(n, ok, in); r != wire.ReasonNone {
		return r
	}
	b := e.book(o.instrument)
	keeps := m.Price == o.price && m.Qty < o.qty
	switch {
	case m.Qty > o.qty && b.Total(o.side) > MaxDepth-(m.Qty-o.qty):
		return wire.NotionalTooLarge
	case m.Qty <= o.filled:
		return wire.QuantityBelowFilled
	case m.Price == o.price && m.Qty == o.qty:
		return wire.NothingToChange
	case in.phase == wire.Closed:
		return wire.MarketClosed
	case in.phase == wire.Halted:
		return wire.MarketHalted
	}
	postOnly := o.flags&wire.PostOnly != 0 && !keeps
	if postOnly && in.phase == wire.Auction {
		return wire.NotInAuction
	}
	if held := o.holdAt(m, in); o.held.Less(held) && e.balances.At(o.pays()).available.Less(held.MustSub(o.held)) {
		return wire.InsufficientFunds
	}
	if postOnly && b.Crosses(o.side, m.Price) {
		return wire.WouldTrade
	}
	return wire.ReasonNone
}

// holdAt returns what the order must hold after a replace, before its trades.
func (o *order) holdAt(m *wire.ReplaceOrder, in *instrument) wire.Amount {
	left := m.Qty - o.filled
	if o.side == wire.Sell {
		return lots(left, in)
	}
	changed := *o
	changed.price = m.Price
	return changed.needs(left, in.def.Multiplier)
}

// amend carries a checked replace out.
func (e *Engine) amend(h slab.Handle, m *wire.ReplaceOrder) {
	o := e.orders.Mut(h)
	in := e.instruments.At(handle(o.instrument))
	b := e.book(o.instrument)
	done := wire.OrderReplaced{
		Order: o.id, Account: o.account, Instrument: o.instrument, Side: o.side,
		Price: m.Price, Qty: m.Qty, Left: m.Qty - o.filled,
	}
	held := o.holdAt(m, in)
	if o.held.Less(held) {
		done.Held = held.MustSub(o.held)
		e.hold(o.pays(), done.Held)
	} else {
		done.Released = o.held.MustSub(held)
		e.spend(o.pays(), wire.Amount{}, done.Released)
	}
	kept := m.Price == o.price && m.Qty < o.qty
	o.price, o.qty, o.held = m.Price, m.Qty, held
	if !m.ClientID.IsEmpty() {
		o.clientID = m.ClientID
	}
	done.ClientID = o.clientID
	if kept {
		done.KeptPriority = 1
	}
	done.PutEvent(e.emit())

	e.fills = e.fills[:0]
	rests := true
	if kept || in.phase == wire.Auction {
		mustAmend(b.AmendResting(o.id, m.Price, done.Left))
	} else {
		var res book.Result
		res, e.fills = b.Amend(o.id, m.Price, done.Left, false, e.fills)
		mustAmend(res.Outcome)
		rests = res.Outcome != book.Filled
	}
	if rests && !kept {
		o.priority = b.Priority()
	}
	e.settleFills(o)
	first := repeat{
		answer: wire.EvOrderReplaced, order: o.id, instrument: o.instrument, side: o.side, kept: done.KeptPriority,
		qty: done.Left, amount: done.Held, second: done.Released, status: o.status(), filled: o.filled,
	}
	e.rehashBook(o.instrument)
	e.after(h, o)
	e.remember(first)
}

func mustAmend(out book.Outcome) {
	if out.Refused() {
		panic("engine: the book refused a checked replace: " + out.String())
	}
}

// answerReplace gives the answer of the first time again.
func (e *Engine) answerReplace(c *wire.Command, first *repeat, m *wire.ReplaceOrder) wire.Reason {
	if first.answer == wire.EvRejected {
		return e.answerRefusal(c, first)
	}
	done := wire.OrderReplaced{
		Order: first.order, Account: first.account, Instrument: first.instrument, Side: first.side,
		KeptPriority: first.kept, Price: m.Price, Qty: m.Qty, Left: first.qty,
		Held: first.amount, Released: first.second, ClientID: first.id, First: first.outcome(),
	}
	done.PutEvent(e.emit())
	return e.repeated()
}
