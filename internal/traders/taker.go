package traders

import (
	"math"
	"math/rand/v2"

	"uncross/engine/wire"
)

// Taker buys or sells an amount that is larger than one trade, in pieces over several turns, and then another one. It
// leaves no orders behind.
type Taker struct {
	rng  *rand.Rand
	work map[string]*parent // by symbol
}

// parent is what a taker is about to trade.
type parent struct {
	side wire.Side
	left wire.Qty
}

// NewTaker returns a taker.
func NewTaker(seed uint64, name string) *Taker {
	return &Taker{rng: newRand(seed, name), work: map[string]*parent{}}
}

// Decide implements Trader.
func (t *Taker) Decide(v *View) []Action {
	if v.Phase != wire.Continuous {
		return nil
	}
	p := t.work[v.In.Symbol]
	if p == nil || p.left <= 0 {
		p = t.begin(v)
		t.work[v.In.Symbol] = p
	}
	if lean := v.lean(); lean >= 1 && p.side == wire.Buy || lean <= -1 && p.side == wire.Sell {
		p.left = 0
		return nil
	}
	far := v.side(p.side.Opposite())
	if len(far) == 0 {
		return nil
	}
	qty := min(v.In.qtyOf(0.2+1.2*t.rng.Float64()), max(p.left, 1))
	p.left -= qty
	a := Action{Verb: Enter, Side: p.side, Qty: qty, TIF: wire.IOC}
	if t.rng.Float64() < 0.6 || far[0].Qty < qty {
		a.Price = through(v, p.side, far[0].Price, v.In.Spread/2) // some slippage is taken, more is not
	}
	return []Action{a}
}

// begin chooses a side, rather the one that brings the position back, and an amount: many small ones, a few large ones.
func (t *Taker) begin(v *View) *parent {
	p := &parent{side: wire.Sell}
	if t.rng.Float64() < 0.5-0.45*v.lean() {
		p.side = wire.Buy
	}
	p.left = wire.Qty(float64(v.In.Size) * min(math.Exp(0.5+0.9*t.rng.NormFloat64()), 25))
	return p
}

// through returns a price some ticks beyond another one, for an order of that side.
func through(v *View, side wire.Side, price wire.Price, ticks int64) wire.Price {
	if side == wire.Sell {
		ticks = -ticks
	}
	return v.In.priceAt(float64(price) + float64(ticks))
}
