package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"testing"

	"uncross/book"
)

var standard = sync.OnceValue(func() *Flow { return Generate(Standard()) })

func TestStandardFlow(t *testing.T) {
	f := standard()
	want := Tally{Count: 165_167, Volume: 1_432_045, Hash: 0xbe5e3f378e9c978d}
	if f.Trades != want {
		t.Errorf("got  %v\nwant %v", f.Trades, want)
	}
	h := sha256.New()
	if _, err := f.WriteTo(h); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != "64b8f3d7a5da3ee26aa42d2143a1572691b4a4fd7e22285367cfd034d7f164bd" {
		t.Errorf("the file's sha256 is %s", got)
	}
}

// TestMillionFlow has the standard flow over a book of about 1,000,000 orders.
func TestMillionFlow(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	c := Standard()
	c.Target = 1_000_000
	f := Generate(c)
	want := Tally{Count: 168_269, Volume: 1_452_291, Hash: 0xaaadcdfac989a296}
	if f.Trades != want {
		t.Errorf("got  %v\nwant %v", f.Trades, want)
	}
}

func TestMix(t *testing.T) {
	f := standard()
	if f.FillLen != 1000 || len(f.Fill()) != 1000 || len(f.Bench()) != 3_000_000 {
		t.Fatalf("fill of %d, bench of %d", len(f.Fill()), len(f.Bench()))
	}
	want := [5]int{NewGTC: 258_652, NewIOC: 85_247, Cancel: 171_907, Move: 2_484_194} // 8.62%, 2.84%, 5.73%, 82.81%
	if got := Mix(f.Bench()); got != want {
		t.Errorf("mix %v, want %v", got, want)
	}
}

// The numbers that java.util.Random(42) gives, from its specification and as widely published.
func TestRandomIsJavas(t *testing.T) {
	r := newRandom(42)
	for i, want := range []int32{0, 3, 8, 4, 0} {
		if got := r.intn(10); got != want {
			t.Errorf("nextInt(10) number %d of seed 42 is %d, want %d", i, got, want)
		}
	}
	if got := newRandom(42).float64(); got != 0.7275636800328681 {
		t.Errorf("nextDouble of seed 42 is %v", got)
	}
	if got := newRandom(0).next(32); got != -1155484576 {
		t.Errorf("nextInt of seed 0 is %d", got)
	}
}

// Another seed and a drawn price: the flow must keep to its own rules.
func TestOtherFlows(t *testing.T) {
	for seed := range int32(5) {
		f := Generate(Config{Commands: 20_000, Target: 100, Users: 7, Seed: seed})
		qty := map[book.OrderID]book.Qty{}
		for i, c := range f.Commands {
			switch c.Kind {
			case NewGTC, NewIOC:
				if int(c.ID) != len(qty)+1 {
					t.Fatalf("seed %d, message %d: new order has id %d after %d orders", seed, i, c.ID, len(qty))
				}
				qty[c.ID] = c.Qty
			default:
				if c.Qty < 1 || c.Qty > qty[c.ID] {
					t.Fatalf("seed %d, message %d: %d remain of an order of %d", seed, i, c.Qty, qty[c.ID])
				}
			}
			if c.User < 1 || c.User > 7 || c.Price < f.MinPrice || c.Price > f.MaxPrice || c.Price < 1 {
				t.Fatalf("seed %d, message %d: %+v", seed, i, c)
			}
		}
		if f.Trades.Count == 0 {
			t.Errorf("seed %d: no trades", seed)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{}, {Target: 1}, {Target: 1, Users: 1, Price: -1}, {Target: 1, Users: 1, Commands: -1}} {
		if c.Validate() == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
