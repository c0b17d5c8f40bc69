package amount

import (
	"errors"
	"math"
	"math/big"
	"testing"
)

func toBig(a Amount) *big.Int {
	x := new(big.Int).SetUint64(a.Hi)
	return x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(a.Lo))
}

var limit = new(big.Int).Lsh(big.NewInt(1), 128)

// FuzzArithmetic holds every operation against math/big.
func FuzzArithmetic(f *testing.F) {
	for _, a := range []uint64{0, 1, 9_999, 10_000, 1 << 63, math.MaxUint64} {
		for _, b := range []uint64{0, 1, 10_000, math.MaxUint64} {
			f.Add(a, b, b, a, uint64(10_000))
			f.Add(uint64(0), a, uint64(0), b, a)
		}
	}
	f.Fuzz(func(t *testing.T, aHi, aLo, bHi, bLo, m uint64) {
		a, b := Amount{aHi, aLo}, Amount{bHi, bLo}
		x, y, z := toBig(a), toBig(b), new(big.Int).SetUint64(m)
		check := func(name string, got Amount, ok bool, want *big.Int) {
			t.Helper()
			fits := want.Sign() >= 0 && want.Cmp(limit) < 0
			if ok != fits || ok && toBig(got).Cmp(want) != 0 {
				t.Fatalf("%s of %v, %v, %d: %v %t, want %v", name, a, b, m, got, ok, want)
			}
		}
		sum, ok := a.Add(b)
		check("Add", sum, ok, new(big.Int).Add(x, y))
		diff, ok := a.Sub(b)
		check("Sub", diff, ok, new(big.Int).Sub(x, y))
		prod, ok := a.Mul(m)
		check("Mul", prod, ok, new(big.Int).Mul(x, z))
		check("Product", Product(aLo, m), true, new(big.Int).Mul(new(big.Int).SetUint64(aLo), z))
		if a.Cmp(b) != x.Cmp(y) || a.Less(b) != (x.Cmp(y) < 0) || a.IsZero() != (x.Sign() == 0) {
			t.Fatalf("Cmp of %v and %v", a, b)
		}
		if m != 0 {
			q, r := a.DivRem(m)
			wantQ, wantR := new(big.Int).QuoRem(x, z, new(big.Int))
			check("DivRem", q, true, wantQ)
			if r != wantR.Uint64() {
				t.Fatalf("remainder of %v by %d: %d", a, m, r)
			}
		}
		var buf [Size]byte
		a.Put(buf[:])
		if Get(buf[:]) != a || a.String() != x.String() {
			t.Fatalf("%v does not come back, or is written as %s", x, a)
		}
	})
}

// FuzzParse: text that is accepted is written back as the same number; nothing panics.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "1.5", "0.00000001", "340282366920938463463374607431768211455", ".", "1.", ".1", "-1", "1e5", "1.50"} {
		f.Add(s, uint8(8))
	}
	f.Fuzz(func(t *testing.T, s string, d uint8) {
		decimals := int(d % 19)
		a, err := Parse(s, decimals)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrPrecision) && !errors.Is(err, ErrRange) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if b, err := Parse(a.Text(decimals), decimals); err != nil || b != a {
			t.Fatalf("%q with %d decimals is written as %q, which is %v %v", s, decimals, a.Text(decimals), b, err)
		}
	})
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text     string
		decimals int
		want     Amount
		err      error
	}{
		{"12.5", 2, Amount{0, 1250}, nil}, {"0", 8, Amount{}, nil}, {"007", 0, Amount{0, 7}, nil}, {"1.2300", 2, Amount{0, 123}, nil},
		{"18446744073709551616", 0, Amount{1, 0}, nil}, {"340282366920938463463374607431768211455", 0, Amount{math.MaxUint64, math.MaxUint64}, nil},
		{"340282366920938463463374607431768211456", 0, Amount{}, ErrRange}, {"34028236692093846346337460743176821145.6", 2, Amount{}, ErrRange},
		{"", 2, Amount{}, ErrSyntax}, {".5", 2, Amount{}, ErrSyntax}, {"5.", 2, Amount{}, ErrSyntax}, {"1.2.3", 2, Amount{}, ErrSyntax},
		{"-1", 2, Amount{}, ErrSyntax}, {"+1", 2, Amount{}, ErrSyntax}, {"1e3", 2, Amount{}, ErrSyntax}, {" 1", 2, Amount{}, ErrSyntax},
		{"1,5", 2, Amount{}, ErrSyntax}, {"1.234", 2, Amount{}, ErrPrecision}, {"0.1", 0, Amount{}, ErrPrecision},
	} {
		got, err := Parse(c.text, c.decimals)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Parse(%q, %d): %v %v, want %v %v", c.text, c.decimals, got, err, c.want, c.err)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		a        Amount
		decimals int
		want     string
	}{
		{Amount{}, 0, "0"}, {Amount{}, 8, "0"}, {Amount{0, 1}, 8, "0.00000001"}, {Amount{0, 100_000_000}, 8, "1"},
		{Amount{0, 150_000_000}, 8, "1.5"}, {Amount{0, 10}, 0, "10"}, {Amount{0, 1000}, 1, "100"},
		{Amount{math.MaxUint64, math.MaxUint64}, 18, "340282366920938463463.374607431768211455"},
	} {
		if got := c.a.Text(c.decimals); got != c.want {
			t.Errorf("%v with %d decimals: %q, want %q", c.a, c.decimals, got, c.want)
		}
	}
}

func TestMustPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"MustAdd": func() { Amount{math.MaxUint64, math.MaxUint64}.MustAdd(Amount{0, 1}) },
		"MustSub": func() { Amount{0, 1}.MustSub(Amount{0, 2}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			f()
		}()
	}
}
