package follow

import (
	"fmt"
	"strings"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

// Instrument is what makes numbers of an instrument's text and text of its numbers.
type Instrument struct {
	ID      uint32
	Symbol  string
	numbers decimal.Instrument
}

// NewInstrument makes an instrument of what the venue tells of it.
func NewInstrument(id uint32, symbol, tick, lot string) (*Instrument, error) {
	in := &Instrument{ID: id, Symbol: symbol}
	d := &in.numbers
	var err1, err2 error
	d.PriceDecimals, d.TickSize, err1 = decimal.DefineTick(tick)
	_, after, _ := strings.Cut(lot, ".")
	d.BaseDecimals = uint8(min(len(after), decimal.MaxDecimals))
	d.LotSize, err2 = decimal.DefineLot(lot, d.BaseDecimals)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("follow: instrument %s: tick %q, lot %q are not understood", symbol, tick, lot)
	}
	return in, nil
}

// Price writes a price in ticks as the venue does.
func (in *Instrument) Price(p wire.Price) string { return in.numbers.Price(p) }

// Qty writes a quantity in lots as the venue does.
func (in *Instrument) Qty(q wire.Qty) string { return in.numbers.Qty(q) }

// AppendPrice appends what Price returns.
func (in *Instrument) AppendPrice(dst []byte, p wire.Price) []byte {
	return in.numbers.AppendPrice(dst, p)
}

// AppendQty appends what Qty returns.
func (in *Instrument) AppendQty(dst []byte, q wire.Qty) []byte { return in.numbers.AppendQty(dst, q) }

// ParsePrice reads a price.
func (in *Instrument) ParsePrice(text string) (wire.Price, error) { return in.numbers.ParsePrice(text) }

// ParseQty reads a quantity; zero is one.
func (in *Instrument) ParseQty(text string) (wire.Qty, error) {
	if text == "0" {
		return 0, nil
	}
	return in.numbers.ParseQty(text)
}
