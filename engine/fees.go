package engine

import (
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// Fees are counted in 1/10,000 of the quote asset's smallest unit: a notional n at r basis points is exactly n·r of them.
// An order pays whole units, rounded up, and keeps as slack what it has paid too much; the next fill uses the slack up
// first. After any number of fills it has paid the exact sum rounded up once.

// part is how many parts a smallest unit has in the counting of fees.
const part = wire.BasisPoints

// notional returns the worth of q lots at p, and false when it is not below 2^NotionalBits.
func notional(p wire.Price, q wire.Qty, multiplier uint64) (wire.Amount, bool) {
	a, ok := amount.Product(uint64(p), uint64(q)).Mul(multiplier)
	return a, ok && a.Hi>>(NotionalBits-64) == 0
}

// worth is notional for a quantity that is part of an order whose notional has been checked.
func worth(p wire.Price, q wire.Qty, multiplier uint64) wire.Amount {
	a, ok := notional(p, q, multiplier)
	if !ok {
		panic("engine: notional of a fill out of bounds")
	}
	return a
}

// fee returns what n costs at rate basis points with the given slack, and the slack that is left. n is below 2^97 or so
// and rate at most MaxFeeBps, so nothing overflows.
func fee(n wire.Amount, rate uint16, slack uint32) (charge wire.Amount, rest uint32) {
	parts, ok := n.Mul(uint64(rate))
	if !ok {
		panic("engine: fee out of bounds")
	}
	due, more := parts.Sub(amount.FromUint64(uint64(slack)))
	if !more {
		return wire.Amount{}, slack - uint32(parts.Lo)
	}
	q, r := due.DivRem(part)
	if r == 0 {
		return q, 0
	}
	return q.MustAdd(amount.FromUint64(1)), part - uint32(r)
}

// needs returns what a buy order must hold to trade q more lots at its price: their notional, and the fee at the
// greater of its rates.
func (o *order) needs(q wire.Qty, multiplier uint64) wire.Amount {
	n := worth(o.price, q, multiplier)
	reserve, _ := fee(n, max(o.maker, o.taker), o.slack)
	return n.MustAdd(reserve)
}

// pay charges the order its fee for a fill.
func (o *order) pay(n wire.Amount, rate uint16) (charge wire.Amount) {
	charge, o.slack = fee(n, rate, o.slack)
	return charge
}

// affordable returns the greatest notional that funds pay for together with the fee at rate: n + ⌈n·rate/10,000⌉ ≤ funds.
func affordable(funds wire.Amount, rate uint16) wire.Amount {
	if funds.Hi>>(NotionalBits-64) != 0 {
		funds = wire.Amount{Hi: 1<<(NotionalBits-64) - 1, Lo: ^uint64(0)}
	}
	parts, ok := funds.Mul(part)
	if !ok {
		panic("engine: funds out of bounds")
	}
	n, _ := parts.DivRem(part + uint64(rate))
	return n
}
