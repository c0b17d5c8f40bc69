package engine

import (
	"math/big"
	"testing"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

func bigOf(a wire.Amount) *big.Int {
	x := new(big.Int).SetUint64(a.Hi)
	return x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(a.Lo))
}

// amountBelow returns a random amount of up to bits bits.
func amountBelow(r *dice, bits int) wire.Amount {
	n := r.IntN(bits + 1)
	a := wire.Amount{Hi: r.Uint64(), Lo: r.Uint64()}
	if n <= 64 {
		return wire.Amount{Lo: a.Lo >> (64 - n)}
	}
	return wire.Amount{Hi: a.Hi >> (128 - n), Lo: a.Lo}
}

// TestFeeRoundsOncePerOrder: however a notional is cut into fills, the fees are the exact fee of the sum, rounded up.
func TestFeeRoundsOncePerOrder(t *testing.T) {
	r := dice(1)
	for range 20_000 {
		rate := uint16(r.IntN(MaxFeeBps + 1))
		slack, total, charged := uint32(0), new(big.Int), new(big.Int)
		for range 1 + r.IntN(8) {
			n := amountBelow(&r, 96)
			var c wire.Amount
			c, slack = fee(n, rate, slack)
			if slack >= part {
				t.Fatalf("slack %d", slack)
			}
			if n.Less(c) {
				t.Fatalf("a fee of %v on %v", c, n)
			}
			total.Add(total, bigOf(n))
			charged.Add(charged, bigOf(c))
			want := new(big.Int).Mul(total, big.NewInt(int64(rate)))
			want.Add(want, big.NewInt(part-1)).Quo(want, big.NewInt(part))
			if charged.Cmp(want) != 0 {
				t.Fatalf("charged %v for a notional of %v at %d bps, want %v", charged, total, rate, want)
			}
		}
	}
}

// TestHoldSuffices: a buy order's hold covers every fill at its price or better, whatever mix of maker and taker rates, and
// what is left is always what the rest needs.
func TestHoldSuffices(t *testing.T) {
	r := dice(2)
	for range 20_000 {
		o := order{
			side: wire.Buy, price: wire.Price(1 + r.IntN(1_000)), qty: wire.Qty(1 + r.IntN(1_000)),
			maker: uint16(r.IntN(MaxFeeBps + 1)), taker: uint16(r.IntN(MaxFeeBps + 1)),
		}
		multiplier := uint64(1 + r.IntN(3)*r.IntN(10_000))
		o.held = o.needs(o.qty, multiplier)
		for o.left() > 0 {
			q := wire.Qty(1 + r.IntN(int(o.left())))
			p := wire.Price(1 + r.IntN(int(o.price)))
			if r.IntN(3) == 0 {
				p = o.price
			}
			rate := o.taker
			if r.IntN(2) == 0 {
				rate = o.maker
			}
			n := worth(p, q, multiplier)
			paid := n.MustAdd(o.pay(n, rate))
			before := o.held
			released := o.bought(q, n, paid, multiplier) // panics where the hold does not suffice
			if before != o.held.MustAdd(paid).MustAdd(released) {
				t.Fatal("money is lost")
			}
		}
		if !o.held.IsZero() {
			t.Fatalf("a filled order holds %v", o.held)
		}
	}
}

// TestAffordable: the greatest notional that funds pay for, fee included.
func TestAffordable(t *testing.T) {
	r := dice(3)
	one := amount.FromUint64(1)
	for range 50_000 {
		funds, rate := amountBelow(&r, 96), uint16(r.IntN(MaxFeeBps+1))
		n := affordable(funds, rate)
		cost := func(n wire.Amount) wire.Amount {
			c, _ := fee(n, rate, 0)
			return n.MustAdd(c)
		}
		if funds.Less(cost(n)) || !funds.Less(cost(n.MustAdd(one))) {
			t.Fatalf("%v pays for %v at %d bps", funds, n, rate)
		}
	}
	if n := affordable(wire.Amount{Hi: 1 << 60}, 0); n.Hi>>32 != 0 {
		t.Errorf("a notional of %v", n)
	}
}

// TestQuotient holds the long division against math/big.
func TestQuotient(t *testing.T) {
	r := dice(4)
	for range 50_000 {
		a, d := amountBelow(&r, 96), amountBelow(&r, 125)
		if d.IsZero() || new(big.Int).Quo(bigOf(a), bigOf(d)).BitLen() > 62 {
			continue
		}
		if want := new(big.Int).Quo(bigOf(a), bigOf(d)); want.Int64() != int64(quotient(a, d)) {
			t.Fatalf("%v / %v = %d, want %v", a, d, quotient(a, d), want)
		}
	}
}

func TestMultiplier(t *testing.T) {
	for _, c := range []struct {
		tick, lot          int64
		price, base, quote uint8
		want               uint64
		ok                 bool
	}{
		{1, 1, 0, 0, 0, 1, true}, {1, 100_000_000, 2, 8, 2, 1, true}, {1, 10_000, 2, 8, 2, 0, false}, {5, 20_000, 0, 8, 8, 100_000, true},
		{1, 1, 0, 0, 18, 1_000_000_000_000_000_000, true}, {10, 1, 0, 0, 18, 0, false}, {1 << 62, 2, 0, 0, 0, 1 << 63, true},
		{1 << 62, 3, 0, 0, 0, 0, false}, {1 << 62, 1 << 62, 18, 18, 0, 0, false}, {0, 1, 0, 0, 0, 0, false}, {1, -1, 0, 0, 0, 0, false},
		{1_000_000_000_000_000_000, 1_000_000_000_000_000_000, 18, 18, 0, 1, true}, {1 << 62, 1 << 62, 0, 0, 18, 0, false},
	} {
		got, ok := multiplier(c.tick, c.lot, c.price, c.base, c.quote)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("multiplier(%d, %d, %d, %d, %d): %d %t", c.tick, c.lot, c.price, c.base, c.quote, got, ok)
		}
	}
}
