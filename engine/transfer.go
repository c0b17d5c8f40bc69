package engine

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// transfer moves money in from outside or out of the venue.
func (e *Engine) transfer(c *wire.Command) wire.Reason {
	var m wire.Transfer
	m.Get(c)
	q := &e.running
	q.account = m.Account
	if m.Reference.Valid() {
		q.clientID = m.Reference
	}
	if r := e.mayUse(c.Key, m.Account); r != wire.ReasonNone {
		return r
	}
	if !has(e.assets, m.Asset) {
		return wire.UnknownAsset
	}
	space, kind := deposits, wire.EvDeposited
	if c.Kind == wire.CmdWithdraw {
		space, kind = withdrawals, wire.EvWithdrawn
	}
	if validName(&m.Reference) {
		if first, r := e.recognise(c, space, &m.Reference); r != wire.ReasonNone {
			return r
		} else if first != nil {
			return e.answerTransfer(c, first, &m)
		}
	}
	if r := e.checkTransfer(&m, kind); r != wire.ReasonNone {
		return r
	}
	h := e.balance(m.Account, m.Asset)
	e.use(h)
	e.move(&m, kind, h)
	b := *e.balances.At(h)
	e.leave(h)
	done := wire.Transferred{
		Account: m.Account, Asset: m.Asset, Amount: m.Amount,
		Available: b.available, Held: b.held, Reference: m.Reference,
	}
	done.PutEvent(e.emit(), kind)
	e.remember(repeat{answer: kind, amount: b.available, second: b.held})
	return wire.ReasonNone
}

func (e *Engine) checkTransfer(m *wire.Transfer, kind wire.EventKind) wire.Reason {
	if kind == wire.EvWithdrawn && e.available(m.Account, m.Asset).Less(m.Amount) {
		return wire.InsufficientFunds
	}
	if !validName(&m.Reference) {
		return wire.InvalidReference
	}
	if m.Amount.IsZero() {
		return wire.InvalidAmount
	}
	if kind == wire.EvDeposited {
		sum, ok := e.assets.At(handle(m.Asset)).issued.Add(m.Amount)
		if !ok || sum.Hi>>(IssueBits-64) != 0 {
			return wire.IssueTooLarge
		}
	}
	if e.balances.Len() >= e.bounds.balances {
		return wire.TooManyObjects
	}
	return wire.ReasonNone
}

// move changes the balance and what exists of the asset.
func (e *Engine) move(m *wire.Transfer, kind wire.EventKind, h slab.Handle) {
	a := e.assets.Mut(handle(m.Asset))
	if kind == wire.EvDeposited {
		a.issued = a.issued.MustAdd(m.Amount)
		e.credit(h, m.Amount)
	} else {
		a.issued = a.issued.MustSub(m.Amount)
		e.debit(h, m.Amount)
	}
	e.rehashAsset(m.Asset)
}

// answerTransfer gives the answer of the first time again.
func (e *Engine) answerTransfer(c *wire.Command, first *repeat, m *wire.Transfer) wire.Reason {
	if first.answer == wire.EvRejected {
		return e.answerRefusal(c, first)
	}
	done := wire.Transferred{
		Account: m.Account, Asset: m.Asset, Amount: m.Amount,
		Available: first.amount, Held: first.second, Reference: m.Reference,
	}
	done.PutEvent(e.emit(), first.answer)
	return e.repeated()
}
