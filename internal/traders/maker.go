package traders

import (
	"math"
	"math/rand/v2"
	"slices"

	"uncross/engine/wire"
)

// makerLevels is how many prices a maker quotes on each side.
const makerLevels = 7

// Maker quotes both sides around the fair value. It replaces a quote that has drifted away, places what is missing, cancels
// what is too much, leans its quotes against its position, and takes what others offer on the wrong side of its own value.
type Maker struct {
	rng     *rand.Rand
	width   float64            // its spread, as a part of the scene's
	opinion map[string]float64 // by symbol: by how much its value differs from the fair one, in parts of the spread
	center  map[string]float64 // by symbol: value of its last turn
}

// NewMaker returns a maker. width is its spread as a part of the usual one.
func NewMaker(seed uint64, name string, width float64) *Maker {
	return &Maker{rng: newRand(seed, name), width: width, opinion: map[string]float64{}, center: map[string]float64{}}
}

// Decide implements Trader.
func (m *Maker) Decide(v *View) []Action {
	if v.Phase != wire.Continuous && v.Phase != wire.Auction {
		return nil
	}
	in := v.In
	spread := float64(in.Spread)
	opinion := 0.85*m.opinion[in.Symbol] + 0.12*m.rng.NormFloat64()
	m.opinion[in.Symbol] = opinion
	center := v.Fair + (opinion-1.2*v.lean())*spread
	rising := center > m.center[in.Symbol]
	m.center[in.Symbol] = center

	var out []Action
	half := m.width * spread / 2
	if v.Phase == wire.Auction {
		half = 0 // its orders may meet those of others, at one price
	} else {
		out = m.pickOff(v, center, half)
	}
	// The side that moves away from the other goes first, so that its own orders do not meet.
	sides := []wire.Side{wire.Buy, wire.Sell}
	if rising {
		sides = []wire.Side{wire.Sell, wire.Buy}
	}
	first := m.quotes(v, sides[0], center, half)
	second := m.quotes(v, sides[1], center, half)
	out = append(append(out, first[:min(len(first), MaxTurn/2)]...), second[:min(len(second), MaxTurn/2)]...)
	return out[:min(len(out), MaxTurn)]
}

// pickOff takes an order of others that is priced beyond the maker's value.
func (m *Maker) pickOff(v *View, center, half float64) []Action {
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		l, ok := v.others(side.Opposite())
		if !ok || meetsOwn(v, side, l.Price) {
			continue
		}
		gain := center - float64(l.Price)
		if side == wire.Sell {
			gain = -gain
		}
		if gain > 0.25*half {
			return []Action{{Verb: Enter, Side: side, Price: l.Price, Qty: min(l.Qty, v.In.qtyOf(3)), TIF: wire.IOC}}
		}
	}
	return nil
}

// target is one price that a maker wants to quote.
type target struct {
	price wire.Price
	qty   wire.Qty
	slack wire.Price // a quote this near may stay
}

// targets returns the prices to quote on a side, best first.
func (m *Maker) targets(v *View, side wire.Side, center, half float64) []target {
	in := v.In
	sign := 1.0
	if side == wire.Buy {
		sign = -1
	}
	full := v.lean() >= 1 && side == wire.Buy || v.lean() <= -1 && side == wire.Sell
	if full {
		return nil
	}
	var all []target
	for i := range makerLevels {
		depth := float64(i) * (1 + 0.12*float64(i)) * float64(in.Step)
		p := center + sign*(half+depth)
		if side == wire.Buy {
			p = math.Floor(p)
		} else {
			p = math.Ceil(p)
		}
		price := in.priceAt(p)
		slack := wire.Price(float64(in.Step) * (0.35 + 0.2*float64(i)))
		if v.Phase == wire.Continuous {
			price = behind(v, side, price)
		}
		all = append(all, target{price: price, qty: in.qtyOf((0.7 + 0.6*float64(i)) * (0.6 + 0.8*m.rng.Float64())), slack: slack})
	}
	return all
}

// behind moves a price that would trade with what is on the other side to where it does not.
func behind(v *View, side wire.Side, price wire.Price) wire.Price {
	least, greatest := v.In.Band()
	l, ok := v.others(side.Opposite())
	switch {
	case ok && side == wire.Buy && price >= l.Price:
		price = l.Price - 1
	case ok && side == wire.Sell && price <= l.Price:
		price = l.Price + 1
	}
	return min(max(price, least), greatest)
}

// quotes returns what brings the quotes of a side to where they should be, the best ones first.
func (m *Maker) quotes(v *View, side wire.Side, center, half float64) (out []Action) {
	var have []Order
	for _, o := range v.Open {
		if o.Side == side {
			have = append(have, o)
		}
	}
	slices.SortStableFunc(have, func(a, b Order) int {
		if side == wire.Buy {
			a, b = b, a
		}
		return int(a.Price - b.Price)
	})
	want := m.targets(v, side, center, half)
	for i, w := range want {
		if i >= len(have) {
			if meetsOwn(v, side, w.price) {
				continue
			}
			out = append(out, Action{Verb: Enter, Side: side, Price: w.price, Qty: w.qty, TIF: wire.GTC, PostOnly: v.Phase == wire.Continuous})
			continue
		}
		o := have[i]
		if d := o.Price - w.price; max(d, -d) <= w.slack && o.Left >= w.qty/4 {
			continue
		}
		out = append(out, m.move(v, o, w)...)
	}
	for i := len(want); i < len(have); i++ {
		out = append(out, Action{Verb: Cancel, Order: have[i], Side: side})
	}
	return out
}

// move brings a quote to another place. In an auction an order that is post-only can only leave.
func (m *Maker) move(v *View, o Order, w target) []Action {
	filled := o.Qty - o.Left
	qty := min(w.qty+filled, v.In.MaxOrder())
	switch {
	case v.Phase == wire.Auction && o.PostOnly, qty <= filled:
		return []Action{{Verb: Cancel, Order: o, Side: o.Side}}
	case meetsOwn(v, o.Side, w.price), o.Price == w.price && o.Qty == qty:
		return nil // another time
	}
	return []Action{{Verb: Replace, Order: o, Side: o.Side, Price: w.price, Qty: qty}}
}

// meetsOwn reports whether a price would trade with an own order as it stands now.
func meetsOwn(v *View, side wire.Side, price wire.Price) bool {
	own, ok := v.own(side.Opposite())
	return ok && crosses(side, price, own)
}

// crosses reports whether an order at price trades with one at other on the opposite side.
func crosses(side wire.Side, price, other wire.Price) bool {
	if side == wire.Buy {
		return price >= other
	}
	return price <= other
}
