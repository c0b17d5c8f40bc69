package traders

import "uncross/engine/wire"

// Level is what rests at one price.
type Level struct {
	Price wire.Price
	Qty   wire.Qty
}

// Print is a trade that everybody sees.
type Print struct {
	ID    uint64
	Price wire.Price
	Qty   wire.Qty
}

// Order is one of a trader's own open orders.
type Order struct {
	ID       string // the venue's
	ClientID string
	Side     wire.Side
	Price    wire.Price
	Qty      wire.Qty // as ordered
	Left     wire.Qty
	PostOnly bool
}

// View is what a trader knows of one instrument when its turn comes.
type View struct {
	In         *Instrument
	Phase      wire.Phase
	Bids, Asks []Level // best first
	Prints     []Print // newest first
	Fair       float64 // in ticks; for makers

	Open     []Order  // own, in order of entry
	Position wire.Qty // own, lots above or below home
}

// side returns the levels of one side, best first.
func (v *View) side(s wire.Side) []Level {
	if s == wire.Buy {
		return v.Bids
	}
	return v.Asks
}

// best returns the best price of a side.
func (v *View) best(s wire.Side) (wire.Price, bool) {
	if l := v.side(s); len(l) > 0 {
		return l[0].Price, true
	}
	return 0, false
}

// others returns the best level of a side that has more than the trader's own orders, with their part taken off.
func (v *View) others(s wire.Side) (Level, bool) {
	for _, l := range v.side(s) {
		for i := range v.Open {
			if o := &v.Open[i]; o.Side == s && o.Price == l.Price {
				l.Qty -= o.Left
			}
		}
		if l.Qty > 0 {
			return l, true
		}
	}
	return Level{}, false
}

// own returns the best price of the trader's own orders on a side.
func (v *View) own(s wire.Side) (best wire.Price, ok bool) {
	for i := range v.Open {
		if o := &v.Open[i]; o.Side == s && (!ok || better(s, o.Price, best)) {
			best, ok = o.Price, true
		}
	}
	return best, ok
}

// better reports whether a is the better price to trade with, for those who come to that side.
func better(s wire.Side, a, b wire.Price) bool {
	if s == wire.Buy {
		return a > b
	}
	return a < b
}

// mid returns the middle of the book in ticks; with one side or none, the last price, and home before there is one.
func (v *View) mid() float64 {
	bid, ok1 := v.best(wire.Buy)
	ask, ok2 := v.best(wire.Sell)
	switch {
	case ok1 && ok2 && v.Phase == wire.Continuous:
		return float64(bid+ask) / 2
	case len(v.Prints) > 0:
		return float64(v.Prints[0].Price)
	}
	return float64(v.In.HomePrice)
}

// lean returns the position as a part of the greatest one, from -1 to 1.
func (v *View) lean() float64 {
	return min(max(float64(v.Position)/float64(v.In.MaxPosition()), -1), 1)
}

// Verb is what an action does.
type Verb uint8

// The verbs.
const (
	Enter   Verb = 1 + iota // a new order
	Replace                 // Order gets Price and Qty, which is all of it, with what is filled
	Cancel                  // Order
)

// Action is one order, replace or cancel.
type Action struct {
	Verb     Verb
	Order    Order // Replace, Cancel: the order as the View had it
	Side     wire.Side
	Price    wire.Price // Enter: 0 is a market order
	Qty      wire.Qty
	TIF      wire.TIF
	PostOnly bool
}

// Trader decides. It is used by one goroutine.
type Trader interface {
	// Decide returns what the trader does in one turn. It does not keep the view.
	Decide(v *View) []Action
}

// MaxOpen bounds the open orders that a trader has in one instrument.
const MaxOpen = 24

// MaxTurn bounds the actions of one turn.
const MaxTurn = 8
