package decimal

import (
	"testing"

	"uncross/engine/wire"
)

func TestAverage(t *testing.T) {
	// BTC-USD: tick 0.01, lot 0.0001 BTC, USD with 6 decimals: one tick times one lot is 0.000001 USD.
	btc := Instrument{Instrument: wire.Instrument{PriceDecimals: 2, TickSize: 1, LotSize: 10_000, Multiplier: 1}, BaseDecimals: 8, QuoteDecimals: 6}
	// Shares: tick 0.05, lot 100 shares, quote with 2 decimals: one tick times one lot is 5.00.
	share := Instrument{Instrument: wire.Instrument{PriceDecimals: 2, TickSize: 5, LotSize: 100, Multiplier: 500}, QuoteDecimals: 2}
	for _, c := range []struct {
		in       *Instrument
		notional wire.Amount
		qty      wire.Qty
		want     string
	}{
		{&btc, wire.Amount{Lo: 32_000_000_000}, 5_000, "64000.00"},
		{&btc, wire.Amount{Lo: 6_400_000*3 + 1}, 3, "64000.0033333333"},
		{&btc, wire.Amount{Lo: 1}, 3, "0.0033333333"},
		{&btc, wire.Amount{Lo: 150}, 1, "1.50"},
		{&share, wire.Amount{Lo: 500 * 21}, 1, "1.05"},
		{&share, wire.Amount{Lo: 500 * (21 + 22)}, 2, "1.075"},
		// 2^62 ticks times 2^33 lots: the notional passes 64 bits, the products 128.
		{&share, wire.Amount{Hi: 500 << 31}, 1 << 33, "230584300921369395.20"},
	} {
		if got := string(c.in.AppendAverage([]byte("x"), c.notional, c.qty)); got != "x"+c.want {
			t.Errorf("%v for %d lots: %s, want %s", c.notional, c.qty, got, c.want)
		}
	}
}
