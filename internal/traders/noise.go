package traders

import (
	"math"
	"math/rand/v2"

	"uncross/engine/wire"
)

// noiseOpen is how many open orders a noise trader keeps in one instrument.
const noiseOpen = 12

// Noise does small things without a reason: orders near the touch, orders far away, market orders, cancels.
type Noise struct{ rng *rand.Rand }

// NewNoise returns a trader without a reason.
func NewNoise(seed uint64, name string) *Noise { return &Noise{newRand(seed, name)} }

// Decide implements Trader.
func (n *Noise) Decide(v *View) []Action {
	switch v.Phase {
	case wire.Auction:
		return n.auction(v)
	case wire.Continuous:
	default:
		return nil
	}
	if len(v.Open) >= noiseOpen {
		return n.cancel(v)
	}
	side := n.side(v)
	switch luck := n.rng.Float64(); {
	case luck < 0.12:
		if far := v.side(side.Opposite()); len(far) > 0 {
			if meetsOwn(v, side, far[0].Price) {
				return nil
			}
			return []Action{{Verb: Enter, Side: side, Price: far[0].Price, Qty: n.qty(v), TIF: wire.IOC}}
		}
		return nil
	case luck < 0.32:
		return n.cancel(v)
	case luck < 0.45: // far away
		return n.place(v, side, v.mid()*(0.004+0.03*n.rng.Float64()))
	case luck < 0.55: // better than what there is
		return n.place(v, side, 0)
	}
	return n.place(v, side, float64(v.In.Spread)/2+float64(v.In.Step)*n.rng.ExpFloat64()*4)
}

// auction places orders on either side of the last price, so that they meet.
func (n *Noise) auction(v *View) []Action {
	if len(v.Open) >= noiseOpen {
		return n.cancel(v)
	}
	side := n.side(v)
	price := v.In.priceAt(v.mid() + n.rng.NormFloat64()*float64(v.In.Spread)*3)
	if meetsOwn(v, side, price) {
		return nil
	}
	return []Action{{Verb: Enter, Side: side, Price: price, Qty: n.qty(v), TIF: wire.GTC}}
}

// side chooses one, rather the one that brings the position back.
func (n *Noise) side(v *View) wire.Side {
	if n.rng.Float64() < 0.5-0.45*v.lean() {
		return wire.Buy
	}
	return wire.Sell
}

func (n *Noise) qty(v *View) wire.Qty {
	return v.In.qtyOf(min(0.15*math.Exp(0.8*n.rng.NormFloat64()), 4))
}

// place puts an order at a distance from the middle, never so that it trades with what is there.
func (n *Noise) place(v *View, side wire.Side, distance float64) []Action {
	if side == wire.Buy {
		distance = -distance
	}
	price := v.In.priceAt(v.mid() + distance)
	for _, other := range []func(wire.Side) (wire.Price, bool){v.best, v.own} {
		if p, ok := other(side.Opposite()); ok && crosses(side, price, p) {
			if price = p - 1; side == wire.Sell {
				price = p + 1
			}
		}
	}
	if least, greatest := v.In.Band(); price < least || price > greatest {
		return nil
	}
	return []Action{{Verb: Enter, Side: side, Price: price, Qty: n.qty(v), TIF: wire.GTC}}
}

// cancel takes away one order, whichever.
func (n *Noise) cancel(v *View) []Action {
	if len(v.Open) == 0 {
		return nil
	}
	o := v.Open[n.rng.IntN(len(v.Open))]
	return []Action{{Verb: Cancel, Order: o, Side: o.Side}}
}
