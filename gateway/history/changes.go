package history

import (
	"uncross/engine/wire"
)

// BalanceChanges returns a page of what changed an account's balances, holds included, with the balances after it.
func (s *Store) BalanceChanges(acc wire.AccountID, q Query) (Page[BalanceChange], error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Page[BalanceChange]{}, err
	}
	defer done()
	lo, hi, err := bounds(snap, &q, newKey(tagEvent), timeOfEvent)
	if err != nil {
		return Page[BalanceChange]{}, err
	}
	l := listing[BalanceChange]{prefix: newKey(tagAccount).account(acc), length: accountKey, lo: lo, hi: hi}
	l.item = func(k, v []byte) (ch BalanceChange, wanted bool, err error) {
		c, err := parseConcern(v)
		if err != nil || c.n == 0 {
			return ch, false, err
		}
		ch = BalanceChange{Account: acc, Balances: append([]BalanceAfter(nil), c.balances[:c.n]...)}
		if c.carried {
			id := idIn(k)
			ch.Reason, ch.Seq, ch.Ord, ch.TimeNs = ByCarry, id.Seq, id.Ord, c.timeNs
		} else {
			e, err := eventAt(snap, k[5:17])
			if err != nil {
				return ch, false, err
			}
			ch.explain(&e, k[17])
		}
		return ch, (q.Instrument == 0 || ch.Instrument == q.Instrument) && (q.Order == 0 || ch.Order == q.Order), nil
	}
	return pageOf(l, &q, func() (walk, error) { return listAccount(snap, acc, lo, hi) })
}

// explain says what an event has to do with the account's balances.
func (ch *BalanceChange) explain(e *wire.Event, side byte) {
	ch.Seq, ch.Ord, ch.TimeNs = e.Seq, e.Ord, e.TimeNs
	switch e.Kind {
	case wire.EvDeposited, wire.EvWithdrawn:
		var m wire.Transferred
		m.GetEvent(e)
		ch.Reason, ch.Reference = ByDeposit, m.Reference
		if e.Kind == wire.EvWithdrawn {
			ch.Reason = ByWithdrawal
		}
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(e)
		ch.Reason, ch.Side, ch.Instrument, ch.Order = ByOrder, m.Side, m.Instrument, m.Order
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(e)
		ch.Reason, ch.Side, ch.Instrument, ch.Order = ByReplace, m.Side, m.Instrument, m.Order
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(e)
		ch.Reason, ch.Side, ch.Instrument, ch.Order = ByCancel, m.Side, m.Instrument, m.Order
	case wire.EvTrade:
		var m wire.Trade
		m.GetEvent(e)
		ch.Reason, ch.Side, ch.Instrument, ch.Trade = ByTrade, wire.Side(side), m.Instrument, m.Trade
		switch side {
		case byte(wire.Buy):
			ch.Order = m.BuyOrder
		case byte(wire.Sell):
			ch.Order = m.SellOrder
		default:
			ch.Reason, ch.Side = ByFeeIncome, 0
		}
	}
}
