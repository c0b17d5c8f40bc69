package decimal

import (
	"errors"
	"math"
	"testing"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// btcusd has a tick of 0.05 and a lot of 0.00001.
var btcusd = New(
	wire.Instrument{PriceDecimals: 2, TickSize: 5, LotSize: 1000},
	wire.Asset{Decimals: 8}, wire.Asset{Decimals: 2},
)

func TestParsePrice(t *testing.T) {
	for _, c := range []struct {
		in   string
		want wire.Price
		err  error
	}{
		{"0.05", 1, nil},
		{"21345.50", 426910, nil},
		{"21345.5", 426910, nil},
		{"0021345.5000000", 426910, nil},
		{"1", 20, nil},
		{"461168601842738790.35", math.MaxInt64, nil},
		{"461168601842738790.40", 0, ErrRange},
		{"99999999999999999999999999999999999999999", 0, ErrRange},
		{"0.01", 0, ErrOffTick},
		{"0.051", 0, ErrOffTick},
		{"0.050000001", 0, ErrOffTick},
		{"0", 0, ErrNotPositive},
		{"0.00", 0, ErrNotPositive},
		{"", 0, ErrSyntax},
		{".5", 0, ErrSyntax},
		{"5.", 0, ErrSyntax},
		{"-1", 0, ErrSyntax},
		{"+1", 0, ErrSyntax},
		{"1e3", 0, ErrSyntax},
		{" 1", 0, ErrSyntax},
		{"1,000", 0, ErrSyntax},
		{"1.0.0", 0, ErrSyntax},
		{"NaN", 0, ErrSyntax},
		{"0x10", 0, ErrSyntax},
		{"１", 0, ErrSyntax},
		{"1" + string(make([]byte, 64)), 0, ErrRange}, // longer than any number
	} {
		got, err := btcusd.ParsePrice(c.in)
		if !errors.Is(err, c.err) || got != c.want {
			t.Errorf("ParsePrice(%q) = %d, %v; want %d, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestParseQty(t *testing.T) {
	for _, c := range []struct {
		in   string
		want wire.Qty
		err  error
	}{
		{"0.00001", 1, nil},
		{"0.0025", 250, nil},
		{"0.00250000", 250, nil},
		{"1", 100_000, nil},
		{"92233720368547.75807", math.MaxInt64, nil},
		{"92233720368547.75808", 0, ErrRange},
		{"0.000015", 0, ErrOffLot},
		{"0.000000001", 0, ErrOffLot}, // more decimals than the asset has
		{"0", 0, ErrNotPositive},
		{"x", 0, ErrSyntax},
	} {
		got, err := btcusd.ParseQty(c.in)
		if !errors.Is(err, c.err) || got != c.want {
			t.Errorf("ParseQty(%q) = %d, %v; want %d, %v", c.in, got, err, c.want, c.err)
		}
	}
}

func TestParseAmount(t *testing.T) {
	for _, c := range []struct {
		in       string
		decimals uint8
		want     wire.Amount
		err      error
	}{
		{"0", 2, wire.Amount{}, nil},
		{"1.5", 2, wire.Amount{Lo: 150}, nil},
		{"1.5", 0, wire.Amount{}, ErrPrecision},
		{"1.0", 0, wire.Amount{Lo: 1}, nil},
		{"340282366920938463463374607431768211455", 0, wire.Amount{Hi: math.MaxUint64, Lo: math.MaxUint64}, nil},
		{"340282366920938463463374607431768211456", 0, wire.Amount{}, ErrRange},
		{"340282366920938463463.374607431768211455", 18, wire.Amount{Hi: math.MaxUint64, Lo: math.MaxUint64}, nil},
	} {
		got, err := ParseAmount(c.in, c.decimals)
		if !errors.Is(err, c.err) || got != c.want {
			t.Errorf("ParseAmount(%q, %d) = %v, %v; want %v, %v", c.in, c.decimals, got, err, c.want, c.err)
		}
	}
}

func TestFormat(t *testing.T) {
	whole := New(wire.Instrument{PriceDecimals: 0, TickSize: 5, LotSize: 100}, wire.Asset{}, wire.Asset{})
	for _, c := range []struct{ got, want string }{
		{btcusd.Price(426910), "21345.50"},
		{btcusd.Price(20), "1.00"},
		{btcusd.Price(0), "0.00"},
		{btcusd.Price(math.MaxInt64), "461168601842738790.35"},
		{btcusd.Qty(250), "0.0025"},
		{btcusd.Qty(100_000), "1"},
		{btcusd.Qty(0), "0"},
		{btcusd.Tick(), "0.05"},
		{btcusd.Lot(), "0.00001"},
		{whole.Price(3), "15"},
		{whole.Qty(3), "300"},
		{string(btcusd.AppendQuote(nil, wire.Amount{Lo: 150})), "1.5"},
		{string(btcusd.AppendBase(nil, wire.Amount{Lo: 150})), "0.0000015"},
		{string(AppendAmount([]byte("a"), wire.Amount{Lo: 7}, 1)), "a0.7"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestFormatDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 128)
	n := testing.AllocsPerRun(100, func() {
		dst = btcusd.AppendPrice(dst[:0], 426910)
		dst = btcusd.AppendQty(dst, 250)
		dst = btcusd.AppendQuote(dst, wire.Amount{Hi: 1, Lo: 2})
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDefineTick(t *testing.T) {
	for _, c := range []struct {
		in       string
		decimals uint8
		size     int64
		err      error
	}{
		{"0.01", 2, 1, nil},
		{"0.05", 2, 5, nil},
		{"0.050", 2, 5, nil},
		{"0.25", 2, 25, nil},
		{"1", 0, 1, nil},
		{"1.00", 0, 1, nil},
		{"100", 0, 100, nil},
		{"0.000000000000000001", 18, 1, nil},
		{"0.0000000000000000001", 0, 0, ErrDecimals},
		{"10.000000000000000001", 0, 0, ErrRange},
		{"0", 0, 0, ErrNotPositive},
		{"0.0", 0, 0, ErrNotPositive},
		{"-0.1", 0, 0, ErrSyntax},
		{"", 0, 0, ErrSyntax},
	} {
		decimals, size, err := DefineTick(c.in)
		if !errors.Is(err, c.err) || decimals != c.decimals || size != c.size {
			t.Errorf("DefineTick(%q) = %d, %d, %v; want %d, %d, %v", c.in, decimals, size, err, c.decimals, c.size, c.err)
		}
	}
}

func TestDefineLot(t *testing.T) {
	for _, c := range []struct {
		in   string
		size int64
		err  error
	}{
		{"0.00000001", 1, nil},
		{"0.001", 100_000, nil},
		{"1", 100_000_000, nil},
		{"0.000000001", 0, ErrPrecision},
		{"0", 0, ErrNotPositive},
		{"100000000000", 0, ErrRange},
		{"a", 0, ErrSyntax},
	} {
		size, err := DefineLot(c.in, 8)
		if !errors.Is(err, c.err) || size != c.size {
			t.Errorf("DefineLot(%q) = %d, %v; want %d, %v", c.in, size, err, c.size, c.err)
		}
	}
}

// Every price and quantity that the core can have is read back as itself.
func FuzzRoundTrip(f *testing.F) {
	f.Add(int64(426910), int64(5), uint8(2), uint64(0), uint64(150))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), uint8(18), uint64(math.MaxUint64), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, n, unit int64, decimals uint8, hi, lo uint64) {
		n, unit, decimals = max(n&math.MaxInt64, 1), max(unit&math.MaxInt64, 1), decimals%(MaxDecimals+1)
		d := New(wire.Instrument{PriceDecimals: decimals, TickSize: unit, LotSize: unit}, wire.Asset{Decimals: decimals}, wire.Asset{})
		if got, err := d.ParsePrice(d.Price(wire.Price(n))); err != nil || got != wire.Price(n) {
			t.Fatalf("price %d is written %s and read %d, %v", n, d.Price(wire.Price(n)), got, err)
		}
		if got, err := d.ParseQty(d.Qty(wire.Qty(n))); err != nil || got != wire.Qty(n) {
			t.Fatalf("quantity %d is written %s and read %d, %v", n, d.Qty(wire.Qty(n)), got, err)
		}
		a := amount.Amount{Hi: hi, Lo: lo}
		if got, err := ParseAmount(string(AppendAmount(nil, a, decimals)), decimals); err != nil || got != a {
			t.Fatalf("amount %v is read %v, %v", a, got, err)
		}
		decimalsOfTick, size, err := DefineTick(d.Tick())
		if err != nil || decimalsOfTick > decimals || amount.Product(uint64(size), pow10(decimals-decimalsOfTick)) != amount.FromUint64(uint64(unit)) {
			t.Fatalf("tick %s is read %d, %d, %v", d.Tick(), decimalsOfTick, size, err)
		}
	})
}

func pow10(n uint8) uint64 {
	p := uint64(1)
	for ; n > 0; n-- {
		p *= 10
	}
	return p
}

// Any text is either refused or a number that is written the same way however it came.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0.05", "1", "", "1e5", "-1", "000.0500", "0.051", "99999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := btcusd.ParsePrice(s)
		if err != nil {
			for _, known := range []error{ErrSyntax, ErrRange, ErrNotPositive, ErrOffTick} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("%q: unnamed error %v", s, err)
		}
		if p <= 0 {
			t.Fatalf("%q is read as %d", s, p)
		}
		if again, err := btcusd.ParsePrice(btcusd.Price(p)); err != nil || again != p {
			t.Fatalf("%q is read as %d, written %s, and read as %d, %v", s, p, btcusd.Price(p), again, err)
		}
	})
}
