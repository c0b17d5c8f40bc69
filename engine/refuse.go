package engine

import "uncross/engine/wire"

// refuse answers a command that changed nothing, and remembers the answer where a repeat must get it again.
func (e *Engine) refuse(c *wire.Command, r wire.Reason) {
	q := &e.running
	e.tellRefusal(c, r, q.order)
	if r >= FirstRemembered && q.remembered {
		e.remember(repeat{answer: wire.EvRejected, reason: r, order: q.order})
	}
}

// answerRefusal gives a refusal again. It says so itself, and must not be remembered a second time.
func (e *Engine) answerRefusal(c *wire.Command, first *repeat) wire.Reason {
	e.tellRefusal(c, first.reason, first.order)
	return e.repeated()
}

// tellRefusal tells why nothing changed: of a command about an order, with what the command asked for. Texts that nobody
// could print are left out.
func (e *Engine) tellRefusal(c *wire.Command, r wire.Reason, order wire.OrderID) {
	q := &e.running
	switch q.kind {
	case wire.CmdNewOrder, wire.CmdCancelOrder, wire.CmdReplaceOrder, wire.CmdCancelAll, wire.CmdQueryOrder:
		m := wire.OrderRejected{Command: q.kind, Reason: r, Account: q.account, Order: order}
		e.describe(c, &m)
		m.PutEvent(e.emit())
	default:
		m := wire.Rejected{Command: q.kind, Reason: r, Account: q.account, Order: order, ClientID: printable(&q.clientID)}
		m.PutEvent(e.emit())
	}
}

// describe fills in what the refused command asked for, as far as it makes sense, and how the order that it names stands
// now. What it asked for is told even where its key may not ask: it is the sender's own.
func (e *Engine) describe(c *wire.Command, to *wire.OrderRejected) {
	switch c.Kind {
	case wire.CmdNewOrder:
		var m wire.NewOrder
		m.Get(c)
		to.ClientID, to.Instrument = printable(&m.ClientID), e.known(m.Instrument)
		to.Price, to.Qty = max(m.Price, 0), max(m.Qty, 0)
		if m.Side.Valid() {
			to.Side = m.Side
		}
		if m.Type == wire.Limit || m.Type == wire.Market {
			to.Type = m.Type
		}
		if m.TIF >= wire.GTC && m.TIF <= wire.FOK {
			to.TIF = m.TIF
		}
	case wire.CmdCancelOrder:
		var m wire.CancelOrder
		m.Get(c)
		to.ClientID = printable(&m.ClientID)
		e.describeTarget(&m.Target, to)
	case wire.CmdReplaceOrder:
		var m wire.ReplaceOrder
		m.Get(c)
		to.ClientID, to.Price, to.Qty = printable(&m.ClientID), max(m.Price, 0), max(m.Qty, 0)
		e.describeTarget(&m.Target, to)
	case wire.CmdCancelAll:
		var m wire.CancelAll
		m.Get(c)
		to.Instrument = e.known(m.Instrument)
	case wire.CmdQueryOrder:
		var m wire.QueryOrder
		m.Get(c)
		e.describeTarget(&m.Target, to)
	}
}

// describeTarget tells which order a command names and, where it is open and the sender may know of it, how it stands.
func (e *Engine) describeTarget(ref *wire.OrderRef, to *wire.OrderRejected) {
	to.Target, to.Instrument = printable(&ref.ClientID), e.known(ref.Instrument)
	strange := to.Account == 0 || to.Reason == wire.UnknownAccount || to.Reason == wire.NotYourAccount
	if strange || !ref.ClientID.Valid() {
		return
	}
	h, _, r := e.lookUp(to.Account, ref)
	if r != wire.ReasonNone {
		return
	}
	o := e.orders.At(h)
	if to.Order == 0 {
		to.Order = o.id
	}
	to.Instrument, to.Side, to.Status, to.Filled = o.instrument, o.side, o.status(), o.filled
}

// known returns the instrument's id, 0 where there is no such instrument.
func (e *Engine) known(id wire.InstrumentID) wire.InstrumentID {
	if !has(e.instruments, id) {
		return 0
	}
	return id
}

// printable returns the text, empty where it is none.
func printable(t *wire.Text) wire.Text {
	if !t.Valid() {
		return wire.Text{}
	}
	return *t
}
