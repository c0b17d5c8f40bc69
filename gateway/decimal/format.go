package decimal

import (
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// AppendPrice appends a price with exactly the instrument's price decimals. It does not allocate beyond dst.
func (d *Instrument) AppendPrice(dst []byte, p wire.Price) []byte {
	return appendFixed(dst, product(int64(p), d.TickSize), int(d.PriceDecimals))
}

// AppendQty appends a quantity in units of the base asset.
func (d *Instrument) AppendQty(dst []byte, q wire.Qty) []byte {
	return product(int64(q), d.LotSize).Append(dst, int(d.BaseDecimals))
}

// AppendQuote appends an amount of the quote asset.
func (d *Instrument) AppendQuote(dst []byte, a wire.Amount) []byte {
	return a.Append(dst, int(d.QuoteDecimals))
}

// AppendBase appends an amount of the base asset.
func (d *Instrument) AppendBase(dst []byte, a wire.Amount) []byte {
	return a.Append(dst, int(d.BaseDecimals))
}

// Price returns a price as AppendPrice writes it.
func (d *Instrument) Price(p wire.Price) string { return string(d.AppendPrice(nil, p)) }

// Qty returns a quantity as AppendQty writes it.
func (d *Instrument) Qty(q wire.Qty) string { return string(d.AppendQty(nil, q)) }

// Tick returns the instrument's tick as text.
func (d *Instrument) Tick() string { return d.Price(1) }

// Lot returns the instrument's lot as text.
func (d *Instrument) Lot() string { return d.Qty(1) }

// AppendAmount appends an amount of an asset with the given decimals.
func AppendAmount(dst []byte, a wire.Amount, decimals uint8) []byte {
	return a.Append(dst, int(decimals))
}

// product multiplies two numbers that the core keeps from being negative.
func product(n, unit int64) wire.Amount {
	if n < 0 || unit < 0 {
		panic("decimal: negative number of ticks or lots")
	}
	return amount.Product(uint64(n), uint64(unit))
}

// appendFixed appends a with exactly the given decimals.
func appendFixed(dst []byte, a wire.Amount, decimals int) []byte {
	return padTo(a.Append(dst, decimals), len(dst), decimals)
}

// padTo appends zeros until the number that begins at start has at least the given decimals.
func padTo(dst []byte, start, decimals int) []byte {
	have := 0
	for i := start; i < len(dst); i++ {
		if dst[i] == '.' {
			have = len(dst) - i - 1
		}
	}
	if have == 0 && decimals > 0 {
		dst = append(dst, '.')
	}
	for ; have < decimals; have++ {
		dst = append(dst, '0')
	}
	return dst
}
