package traders

import (
	"math/rand/v2"

	"uncross/engine/wire"
)

// A momentum trader compares the mean price of so many latest trades with that of more of them.
const (
	fastPrints = 6
	slowPrints = 40
)

// Momentum buys what has been rising and sells what has been falling, and goes home when that ends. It leaves no orders behind.
type Momentum struct{ rng *rand.Rand }

// NewMomentum returns a trader who follows the latest trades.
func NewMomentum(seed uint64, name string) *Momentum { return &Momentum{newRand(seed, name)} }

// Decide implements Trader.
func (m *Momentum) Decide(v *View) []Action {
	if v.Phase != wire.Continuous || len(v.Prints) < slowPrints {
		return nil
	}
	signal := (mean(v.Prints[:fastPrints]) - mean(v.Prints[:slowPrints])) / float64(v.In.Spread)
	const enters, leaves = 0.6, 0.2
	lean := v.lean()
	switch luck := m.rng.Float64(); {
	case signal > enters && lean < 0.5:
		return m.take(v, wire.Buy)
	case signal < -enters && lean > -0.5:
		return m.take(v, wire.Sell)
	case luck < 0.5 && lean > 0 && signal < leaves && v.Position > v.In.Size:
		return m.take(v, wire.Sell)
	case luck < 0.5 && lean < 0 && signal > -leaves && v.Position < -v.In.Size:
		return m.take(v, wire.Buy)
	}
	return nil
}

// take trades a little at once, at what the best of the other side asks or a little more.
func (m *Momentum) take(v *View, side wire.Side) []Action {
	best, ok := v.best(side.Opposite())
	if !ok {
		return nil
	}
	return []Action{{Verb: Enter, Side: side, Price: through(v, side, best, v.In.Spread/4), Qty: v.In.qtyOf(0.3 + m.rng.Float64()), TIF: wire.IOC}}
}

func mean(prints []Print) float64 {
	sum := 0.0
	for _, p := range prints {
		sum += float64(p.Price)
	}
	return sum / float64(len(prints))
}
