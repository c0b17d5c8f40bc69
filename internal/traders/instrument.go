package traders

import (
	"fmt"
	"math"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// Scene says how an instrument is to look.
type Scene struct {
	Symbol string
	Home   string   // price that the fair value comes back to
	Sigma  float64  // usual move of the fair value in one second, as a part of it
	Spread int64    // usual ticks between the best bid and the best offer
	Step   int64    // ticks between two levels of a maker
	Size   wire.Qty // lots of a usual order
}

// Instrument is an instrument of the venue as the traders see it.
type Instrument struct {
	decimal.Instrument
	Scene
	Base, Quote string     // codes of the assets
	HomePrice   wire.Price // Home in ticks
}

// What a trader keeps within, in parts of an instrument's home price and usual order.
const (
	bandParts     = 2   // prices from half of the home price to twice it
	maxOrderSizes = 12  // usual orders in one order
	positionSizes = 120 // usual orders that a position is driven back within
)

// NewInstrument returns an instrument of the venue. Errors: a home price that the instrument cannot have.
func NewInstrument(in decimal.Instrument, base, quote string, s Scene) (*Instrument, error) {
	home, err := in.ParsePrice(s.Home)
	if err != nil {
		return nil, fmt.Errorf("traders: the price %q of %s: %w", s.Home, s.Symbol, err)
	}
	if s.Size < 1 || s.Spread < 1 || s.Step < 1 || s.Sigma <= 0 {
		return nil, fmt.Errorf("traders: the scene of %s has nothing to trade", s.Symbol)
	}
	return &Instrument{Instrument: in, Scene: s, Base: base, Quote: quote, HomePrice: home}, nil
}

// Band returns the least and the greatest price of any order.
func (in *Instrument) Band() (least, greatest wire.Price) {
	return max(1, in.HomePrice/bandParts), in.HomePrice * bandParts
}

// MaxOrder returns the greatest quantity of an order.
func (in *Instrument) MaxOrder() wire.Qty { return in.Size * maxOrderSizes }

// MaxPosition returns the lots above or below home from which on a trader only trades back.
func (in *Instrument) MaxPosition() wire.Qty { return in.Size * positionSizes }

// priceAt returns the price nearest to a number of ticks, within the band.
func (in *Instrument) priceAt(ticks float64) wire.Price {
	least, greatest := in.Band()
	if math.IsNaN(ticks) {
		return in.HomePrice
	}
	return wire.Price(math.Round(min(max(ticks, float64(least)), float64(greatest))))
}

// qtyOf returns a quantity of so many usual orders, from one lot to MaxOrder.
func (in *Instrument) qtyOf(sizes float64) wire.Qty {
	q := wire.Qty(math.Round(sizes * float64(in.Size)))
	return min(max(q, 1), in.MaxOrder())
}
