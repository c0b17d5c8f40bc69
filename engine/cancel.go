package engine

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// resolve finds the open order that the running command names, and notes its number as far as it is known.
func (e *Engine) resolve(a wire.AccountID, ref *wire.OrderRef) (slab.Handle, wire.Reason) {
	h, id, r := e.lookUp(a, ref)
	if id != 0 {
		e.running.order = id
	}
	return h, r
}

// lookUp finds the open order that an account names: by number, or by the latest client id it goes by. An order of
// another instrument than the one named is unknown there. The number is returned where it is known, found or not.
func (e *Engine) lookUp(a wire.AccountID, ref *wire.OrderRef) (h slab.Handle, id wire.OrderID, r wire.Reason) {
	if ref.Order != 0 {
		id = ref.Order
		h, r = e.numbered(a, id)
	} else {
		h, id, r = e.named(a, &ref.ClientID)
	}
	if r == wire.ReasonNone && ref.Instrument != 0 && e.orders.At(h).instrument != ref.Instrument {
		return 0, id, wire.UnknownOrder
	}
	return h, id, r
}

func (e *Engine) numbered(a wire.AccountID, id wire.OrderID) (slab.Handle, wire.Reason) {
	h, open := e.byOrder.Get(uint64(id))
	switch {
	case open && e.orders.At(h).account == a:
		return h, wire.ReasonNone
	case open || id > e.orderID:
		return 0, wire.UnknownOrder
	}
	return 0, wire.OrderNotOpen
}

func (e *Engine) named(a wire.AccountID, name *wire.Text) (slab.Handle, wire.OrderID, wire.Reason) {
	_, first := e.recall(a, orderIDs, name, e.requestHash(a, orderIDs, name))
	if first == nil || first.answer != wire.EvOrderAccepted && first.answer != wire.EvOrderReplaced {
		return 0, 0, wire.UnknownOrder
	}
	h, open := e.byOrder.Get(uint64(first.order))
	switch {
	case !open:
		return 0, first.order, wire.OrderNotOpen
	case e.orders.At(h).clientID != *name:
		return 0, first.order, wire.UnknownOrder // it goes by another id since a replace
	}
	return h, first.order, wire.ReasonNone
}

func (e *Engine) cancelOrder(c *wire.Command) wire.Reason {
	var m wire.CancelOrder
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
		return e.answerCancel(c, first)
	}
	h, r := e.resolve(m.Account, &m.Target)
	if r != wire.ReasonNone {
		return r
	}
	o := *e.orders.At(h)
	e.take(h, wire.CanceledByUser, m.ClientID)
	e.remember(repeat{
		answer: wire.EvOrderCanceled, order: o.id, instrument: o.instrument, side: o.side,
		qty: o.left(), filled: o.filled, amount: o.held, status: wire.StatusCanceled,
	})
	return wire.ReasonNone
}

// take takes an open order out of its book, releases what it held and tells it.
func (e *Engine) take(h slab.Handle, why wire.CancelReason, request wire.Text) {
	o := *e.orders.At(h)
	if _, ok := e.book(o.instrument).Cancel(o.id); !ok {
		panic("engine: an open order is not in its book")
	}
	e.rehashBook(o.instrument)
	e.spend(o.pays(), wire.Amount{}, o.held)
	e.announceCancel(&o, why, request)
	e.drop(h)
}

// announceCancel tells that the rest of an order left, releasing all that it held.
func (e *Engine) announceCancel(o *order, why wire.CancelReason, request wire.Text) {
	m := wire.OrderCanceled{
		Order: o.id, Account: o.account, Instrument: o.instrument, Side: o.side, Reason: why,
		Left: o.left(), Filled: o.filled, Released: o.held, ClientID: request,
	}
	m.PutEvent(e.emit())
}

// answerCancel gives the answer of the first time again.
func (e *Engine) answerCancel(c *wire.Command, first *repeat) wire.Reason {
	if first.answer == wire.EvRejected {
		return e.answerRefusal(c, first)
	}
	m := wire.OrderCanceled{
		Order: first.order, Account: first.account, Instrument: first.instrument, Side: first.side,
		Reason: wire.CanceledByUser, Left: first.qty, Filled: first.filled, Released: first.amount, ClientID: first.id,
		First: first.outcome(),
	}
	m.PutEvent(e.emit())
	return e.repeated()
}

// cancelAll cancels an account's open orders, the one entered first first.
func (e *Engine) cancelAll(c *wire.Command) wire.Reason {
	var m wire.CancelAll
	m.Get(c)
	e.running.account = m.Account
	if r := e.mayUse(c.Key, m.Account); r != wire.ReasonNone {
		return r
	}
	if m.Instrument != 0 && !has(e.instruments, m.Instrument) {
		return wire.UnknownInstrument
	}
	done := wire.MassCanceled{Account: m.Account, Instrument: m.Instrument}
	for h := e.accounts.At(handle(m.Account)).open.head; h != 0; {
		o := e.orders.At(h)
		next := o.next
		if m.Instrument == 0 || o.instrument == m.Instrument {
			e.take(h, wire.CanceledByAccount, wire.Text{})
			done.Count++
		}
		h = next
	}
	done.PutEvent(e.emit())
	return wire.ReasonNone
}

// massCancel empties an instrument's book: bids, then asks, each in priority order.
func (e *Engine) massCancel(c *wire.Command) wire.Reason {
	var m wire.MassCancel
	m.Get(c)
	if !has(e.instruments, m.Instrument) {
		return wire.UnknownInstrument
	}
	e.handles = e.walk(m.Instrument, e.handles[:0])
	for _, h := range e.handles {
		e.take(h, wire.CanceledByOperator, wire.Text{})
	}
	done := wire.MassCanceled{Instrument: m.Instrument, Count: uint64(len(e.handles))}
	done.PutEvent(e.emit())
	return wire.ReasonNone
}

// walk appends the open orders of an instrument: bids, then asks, each in priority order.
func (e *Engine) walk(id wire.InstrumentID, dst []slab.Handle) []slab.Handle {
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		cursor := e.book(id).Walk(side)
		for o, ok := cursor.Next(); ok; o, ok = cursor.Next() {
			dst = append(dst, slab.Handle(o.Data))
		}
	}
	return dst
}

func (e *Engine) queryOrder(c *wire.Command) wire.Reason {
	var m wire.QueryOrder
	m.Get(c)
	q := &e.running
	q.account, q.order = m.Account, m.Target.Order
	if r := e.mayUse(c.Key, m.Account); r != wire.ReasonNone {
		return r
	}
	if !m.Target.ClientID.Valid() {
		return wire.InvalidClientID
	}
	h, r := e.resolve(m.Account, &m.Target)
	if r != wire.ReasonNone {
		return r
	}
	state := e.orders.At(h).state()
	state.PutEvent(e.emit())
	return wire.ReasonNone
}

// state returns the order as it stands.
func (o *order) state() wire.OrderState {
	return wire.OrderState{
		Order: o.id, Account: o.account, Instrument: o.instrument,
		Side: o.side, Type: o.typ, TIF: o.tif, Flags: o.flags, Status: o.status(),
		Price: o.price, Qty: o.qty, Filled: o.filled, Notional: o.notional, Held: o.held,
		EnteredNs: o.enteredNs, Priority: o.priority, ClientID: o.clientID,
	}
}
