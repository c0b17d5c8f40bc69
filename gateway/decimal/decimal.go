// Package decimal turns the decimal text of the interfaces into the integers of the core and back: prices into ticks,
// quantities into lots, money into an asset's smallest units.
//
//	"21345.50"  ÷ tick 0.05          ⇒ 426 910 ticks
//	"0.00250000" ÷ lot 0.00001       ⇒ 250 lots
//	"1.5" of an asset of 2 decimals  ⇒ 150 units
//
// Everything is exact: text that is no whole number of ticks, lots or units is refused, never rounded. There are no
// floats. Values are immutable after New; any goroutine may use them.
//
// Text is plain: digits, and a point with digits on both sides. No sign, exponent, spaces or grouping. Zeros in front
// and after the last decimal are accepted. Output has prices with exactly the instrument's decimals, so that a column
// of them lines up, and quantities and amounts without zeros at the end.
package decimal

import (
	"errors"
	"fmt"
	"math"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// The errors of parsing; compare with errors.Is.
var (
	ErrSyntax      = amount.ErrSyntax                                      // not plain decimal text
	ErrPrecision   = amount.ErrPrecision                                   // more decimals than the asset has
	ErrRange       = amount.ErrRange                                       // beyond what the core can count
	ErrNotPositive = errors.New("not above zero")                          // price or quantity of zero
	ErrOffTick     = errors.New("not a multiple of the instrument's tick") // price
	ErrOffLot      = errors.New("not a multiple of the instrument's lot")  // quantity
	ErrDecimals    = errors.New("more than 18 digits after the point")     // tick
)

// MaxDecimals is the greatest number of decimals of an asset or a price.
const MaxDecimals = 18

// maxLength bounds the text that is looked at. The longest number of 128 bits with 18 decimals has 40 characters.
const maxLength = 64

// Instrument is an instrument's definition with what is needed to read and write its numbers.
type Instrument struct {
	wire.Instrument
	BaseDecimals  uint8
	QuoteDecimals uint8
}

// New returns the instrument with the decimals of its two assets.
func New(in wire.Instrument, base, quote wire.Asset) Instrument {
	return Instrument{Instrument: in, BaseDecimals: base.Decimals, QuoteDecimals: quote.Decimals}
}

// ParsePrice reads a price in units of the quote asset and returns it in ticks. Errors: ErrSyntax, ErrRange,
// ErrNotPositive, ErrOffTick. The instrument's price limits are the engine's to check.
func (d *Instrument) ParsePrice(s string) (wire.Price, error) {
	n, err := parseMultiple(s, d.PriceDecimals, d.TickSize, ErrOffTick)
	return wire.Price(n), err
}

// ParseQty reads a quantity in units of the base asset and returns it in lots. Errors: ErrSyntax, ErrRange,
// ErrNotPositive, ErrOffLot. The instrument's quantity limits are the engine's to check.
func (d *Instrument) ParseQty(s string) (wire.Qty, error) {
	n, err := parseMultiple(s, d.BaseDecimals, d.LotSize, ErrOffLot)
	return wire.Qty(n), err
}

// ParseQuote reads an amount of the quote asset, such as the funds of a market buy. Errors as ParseAmount.
func (d *Instrument) ParseQuote(s string) (wire.Amount, error) {
	return ParseAmount(s, d.QuoteDecimals)
}

// parseMultiple reads s as a positive int64 multiple of unit·10^-decimals; off is the error of text in between.
func parseMultiple(s string, decimals uint8, unit int64, off error) (int64, error) {
	a, err := ParseAmount(s, decimals)
	switch {
	case errors.Is(err, ErrPrecision):
		return 0, off
	case err != nil:
		return 0, err
	case a.IsZero():
		return 0, ErrNotPositive
	}
	n, rest := a.DivRem(uint64(unit))
	switch {
	case rest != 0:
		return 0, off
	case n.Hi != 0 || n.Lo > math.MaxInt64:
		return 0, ErrRange
	}
	return int64(n.Lo), nil
}

// ParseAmount reads an amount of an asset with the given decimals and returns it in smallest units; zero is an amount.
// Errors: ErrSyntax, ErrPrecision, ErrRange.
func ParseAmount(s string, decimals uint8) (wire.Amount, error) {
	if len(s) > maxLength {
		return wire.Amount{}, fmt.Errorf("%w: more than %d characters", ErrRange, maxLength)
	}
	return amount.Parse(s, int(decimals))
}

// DefineTick reads a tick, such as "0.05", and returns what an instrument's definition says of it: the decimals of its
// prices and the tick in units of 10^-priceDecimals (2 and 5). Errors: ErrSyntax, ErrRange, ErrNotPositive, ErrDecimals.
func DefineTick(s string) (priceDecimals uint8, tickSize int64, err error) {
	for priceDecimals = 0; priceDecimals <= MaxDecimals; priceDecimals++ {
		tickSize, err = parseMultiple(s, priceDecimals, 1, ErrDecimals)
		if err != ErrDecimals {
			break
		}
	}
	if err != nil {
		return 0, 0, err
	}
	return priceDecimals, tickSize, nil
}

// DefineLot reads a lot, such as "0.001", and returns it in smallest units of the base asset. Errors: ErrSyntax,
// ErrPrecision, ErrRange, ErrNotPositive.
func DefineLot(s string, baseDecimals uint8) (lotSize int64, err error) {
	return parseMultiple(s, baseDecimals, 1, ErrPrecision)
}
