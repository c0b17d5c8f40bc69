package traders

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"uncross/engine/wire"
)

// company are a few traders of every kind.
func company(seed uint64) map[string]Trader {
	return map[string]Trader{
		"maker-1": NewMaker(seed, "maker-1", 1), "maker-2": NewMaker(seed, "maker-2", 1.5),
		"taker-1": NewTaker(seed, "taker-1"), "taker-2": NewTaker(seed, "taker-2"),
		"momentum-1": NewMomentum(seed, "momentum-1"), "noise-1": NewNoise(seed, "noise-1"), "noise-2": NewNoise(seed, "noise-2"),
	}
}

var companyNames = []string{"maker-1", "maker-2", "taker-1", "taker-2", "momentum-1", "noise-1", "noise-2"}

var scenes = []Scene{
	{Symbol: "COARSE", Home: "25.00", Sigma: 2e-4, Spread: 2, Step: 1, Size: 4},
	{Symbol: "FINE", Home: "65000.00", Sigma: 1e-4, Spread: 900, Step: 300, Size: 5_000_000},
	{Symbol: "ONE", Home: "25.00", Sigma: 2e-3, Spread: 1, Step: 1, Size: 1},
}

// run has the company trade for a number of rounds and calls look after each.
func run(t *testing.T, s Scene, seed uint64, rounds int, phase func(int) wire.Phase, look func(int, *fakeMarket, float64)) *fakeMarket {
	m := newFakeMarket(t, testInstrument(t, s))
	fair := NewFair(m.in, seed, 0)
	all := company(seed)
	turns := newRand(seed, "turns")
	for i := range rounds {
		if p := phase(i); p != m.phase {
			m.setPhase(p)
		}
		value := fair.At(int64(i))
		for _, name := range companyNames {
			// A view may be a little old when the actions arrive: others have acted meanwhile.
			if turns.Float64() < 0.3 && name[0] != 'm' {
				continue
			}
			v := m.view(m.seat(name), value)
			m.do(m.seat(name), v, all[name].Decide(v))
		}
		look(i, m, value)
	}
	if err := m.book.Validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

func always(int) wire.Phase { return wire.Continuous }

// TestKeepWithinBounds lets the company trade in continuous trading with several seeds: whatever anybody does is allowed (see
// fakeMarket.allowed), both sides of the book have orders from the beginning on, and the price stays with the fair value.
func TestKeepWithinBounds(t *testing.T) {
	for _, s := range scenes {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(s.Symbol, seed), func(t *testing.T) {
				thin := 0
				m := run(t, s, seed, 3000, always, func(i int, m *fakeMarket, fair float64) {
					if i < 5 {
						return
					}
					bid, _, ok1 := m.book.Best(wire.Buy)
					ask, _, ok2 := m.book.Best(wire.Sell)
					if !ok1 || !ok2 {
						t.Fatalf("round %d: a side of the book is empty", i)
					}
					if m.book.Depth(wire.Buy) < 4 || m.book.Depth(wire.Sell) < 4 {
						thin++
					}
					far := 12*float64(s.Spread) + fair*(0.01+30*s.Sigma)
					if mid := float64(bid+ask) / 2; math.Abs(mid-fair) > far {
						t.Fatalf("round %d: the middle is %v, the fair value %v", i, mid, fair)
					}
				})
				if thin > 200 {
					t.Errorf("in %d of 3,000 rounds a side had fewer than 4 prices", thin)
				}
				if len(m.prints) < 1000 {
					t.Errorf("%d trades in 3,000 rounds", len(m.prints))
				}
				for _, s := range m.seats {
					if most := 2 * m.in.MaxPosition(); s.position > most || s.position < -most {
						t.Errorf("%s has a position of %d, twice the greatest is %d", s.name, s.position, most)
					}
					if s.selfs > 0 {
						t.Errorf("%s has traded with itself %d times", s.name, s.selfs)
					}
				}
			})
		}
	}
}

// TestPhases moves the market through auctions, halts and closes: nobody sends what a phase does not take, auctions trade,
// and the book comes back from each.
func TestPhases(t *testing.T) {
	day := []wire.Phase{wire.Auction, wire.Continuous, wire.Halted, wire.Auction, wire.Continuous, wire.Auction, wire.Closed}
	for seed := range uint64(5) {
		auctions, before := 0, 0
		var last wire.Phase
		run(t, scenes[0], seed, 7*40*6, func(i int) wire.Phase { return day[i/40%len(day)] }, func(_ int, m *fakeMarket, _ float64) {
			if last == wire.Auction && m.phase != wire.Auction && len(m.prints) > before {
				auctions++
			}
			last, before = m.phase, len(m.prints)
		})
		if auctions < 15 {
			t.Errorf("seed %d: %d of 18 auctions have traded", seed, auctions)
		}
	}
}

// TestSameSeed holds that decisions follow from the seed and from what is seen, and from nothing else.
func TestSameSeed(t *testing.T) {
	trace := func(seed uint64) (all [][]Action) {
		m := newFakeMarket(t, testInstrument(t, scenes[0]))
		fair := NewFair(m.in, seed, 0)
		traders := company(seed)
		for i := range 300 {
			for _, name := range companyNames {
				v := m.view(m.seat(name), fair.At(int64(i)))
				a := traders[name].Decide(v)
				m.do(m.seat(name), v, a)
				all = append(all, a)
			}
		}
		return all
	}
	one := trace(7)
	if !reflect.DeepEqual(one, trace(7)) {
		t.Error("the same seed decides otherwise")
	}
	if reflect.DeepEqual(one, trace(8)) {
		t.Error("another seed decides the same")
	}
}

// TestFairStaysNearHome runs fair values for a day.
func TestFairStaysNearHome(t *testing.T) {
	for _, s := range scenes {
		in := testInstrument(t, s)
		f := NewFair(in, 1, in.HomePrice*3)
		least, greatest := math.Inf(1), 0.0
		for step := range int64(86_400 * stepsPerSecond) {
			x := f.At(step)
			least, greatest = min(least, x), max(greatest, x)
		}
		home := float64(in.HomePrice)
		if least < home*math.Exp(-farthest)-1 || greatest > home*math.Exp(farthest)+1 || greatest-least < home/1000 {
			t.Errorf("%s: between %v and %v with home at %v", s.Symbol, least, greatest, home)
		}
	}
}
