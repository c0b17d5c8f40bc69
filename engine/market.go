package engine

import (
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// planMarket plans a market order without a price, or by funds: a dry run over the book finds what it would trade, and the
// hold is the exact cost of that. Since the fee is rounded once per order, the cost does not depend on how the quantity
// falls into fills. Only an instrument in continuous trading has something to run over.
func (e *Engine) planMarket(m *wire.NewOrder, in *instrument, p *plan) wire.Reason {
	p.limit, p.qty, p.ends, p.exact = m.Price, m.Qty, wire.CanceledNoLiquidity, true
	if m.Price == 0 {
		p.limit = anyPrice(m.Side)
	}
	if in.phase != wire.Continuous {
		return wire.ReasonNone
	}
	run := dryRun{want: m.Qty, budget: wire.Amount{Hi: 1<<(NotionalBits-64) - 1, Lo: ^uint64(0)}}
	byFunds := !m.Funds.IsZero()
	if byFunds {
		run.want = in.def.Limits.MaxQty
		run.budget = affordable(m.Funds, in.def.Limits.TakerBps)
	}
	e.sweep(m, in, p.limit, &run)
	if byFunds {
		p.qty = run.lots
		if run.lots == 0 && run.met {
			p.ends = wire.CanceledNothingToBuy
		}
	} else if m.TIF == wire.FOK && run.lots < m.Qty {
		run = dryRun{}
		p.ends = wire.CanceledFillOrKill
	}
	if run.lots > 0 && run.cost.Less(amount.FromUint64(in.def.Limits.MinNotional)) {
		return wire.NotionalTooSmall
	}
	if run.short && !byFunds {
		return wire.NotionalTooLarge
	}
	p.trade = run.lots
	if m.Side == wire.Sell {
		p.hold = lots(run.lots, in)
		return wire.ReasonNone
	}
	charge, _ := fee(run.cost, in.def.Limits.TakerBps, 0)
	p.hold = run.cost.MustAdd(charge)
	return wire.ReasonNone
}

// dryRun is a walk over one side of a book without trading.
type dryRun struct {
	want   wire.Qty
	budget wire.Amount // notional that may be spent
	lots   wire.Qty    // that would trade
	cost   wire.Amount // their notional
	met    bool        // there was something to trade with
	short  bool        // it ended because the budget did
}

// sweep runs over the levels that the order would meet, deeper and deeper until it has enough.
func (e *Engine) sweep(m *wire.NewOrder, in *instrument, limit wire.Price, run *dryRun) {
	b := e.book(m.Instrument)
	for depth, done := 16, 0; ; depth *= 4 {
		e.levels = b.Levels(m.Side.Opposite(), depth, e.levels[:0])
		for _, l := range e.levels[done:] {
			if m.Side == wire.Buy && l.Price > limit || m.Side == wire.Sell && l.Price < limit {
				return
			}
			run.met = true
			if !run.take(l.Price, min(l.Qty, run.want-run.lots), in.def.Multiplier) {
				return
			}
		}
		if done = len(e.levels); done < depth {
			return
		}
	}
}

// take adds up to q lots at p, as many as the budget covers, and reports whether the walk goes on.
func (r *dryRun) take(p wire.Price, q wire.Qty, multiplier uint64) bool {
	left := r.budget.MustSub(r.cost)
	unit, ok := amount.Product(uint64(p), multiplier), true
	if n, fits := unit.Mul(uint64(q)); !fits || left.Less(n) {
		q, ok, r.short = quotient(left, unit), false, true
	}
	n, _ := unit.Mul(uint64(q))
	r.lots += q
	r.cost = r.cost.MustAdd(n)
	return ok && r.lots < r.want
}

// quotient returns a/d rounded down, for a below 2^NotionalBits and a quotient below 2^62.
func quotient(a, d wire.Amount) wire.Qty {
	if d.Hi == 0 {
		q, _ := a.DivRem(d.Lo)
		return wire.Qty(q.Lo)
	}
	low, high := uint64(0), uint64(1)<<(NotionalBits-64) // a < 2^96 and d ≥ 2^64
	for high-low > 1 {
		mid := low + (high-low)/2
		if n, fits := d.Mul(mid); fits && !a.Less(n) {
			low = mid
		} else {
			high = mid
		}
	}
	return wire.Qty(low)
}
