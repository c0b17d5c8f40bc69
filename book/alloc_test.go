package book_test

import (
	"testing"

	"uncross/book"
)

// walker makes a steady flow without randomness: it moves, places, cancels and takes orders around a touch, near and far.
type walker struct {
	b      *book.Book
	fills  []book.Fill
	pairs  []book.Pair
	levels []book.Level
	n      uint64
	target int // orders to keep
	oldest book.OrderID
	newest book.OrderID
}

// next returns a number below n from a fixed sequence.
func (w *walker) next(n uint64) uint64 {
	w.n = w.n*6364136223846793005 + 1442695040888963407
	return w.n >> 33 % n
}

// reach is how far from the touch prices go, in ticks.
func newWalker(orders, reach int) *walker {
	w := &walker{b: book.New(book.Config{}), target: orders, fills: make([]book.Fill, 0, 4096), pairs: make([]book.Pair, 0, 4096)}
	w.levels = make([]book.Level, 0, 64)
	w.oldest = 1
	for range orders {
		w.place(reach)
	}
	return w
}

func (w *walker) place(reach int) {
	side, price := w.spot(reach)
	w.newest++
	w.b.Place(book.Order{ID: w.newest, Side: side, Price: price, Qty: book.Qty(1 + w.next(20))}, book.GTC, false, w.fills[:0])
}

func (w *walker) spot(reach int) (book.Side, book.Price) {
	away := book.Price(1 + w.next(uint64(reach)))
	if w.next(2) == 0 {
		return book.Buy, 1_000_000 - away
	}
	return book.Sell, 1_000_000 + away
}

// step does one of each: a new order, a cancel of the oldest, a move, a reduction, a market order, and reads.
func (w *walker) step(reach int) {
	for ok := true; ok; ok = w.b.Len() <= w.target {
		w.place(reach)
	}
	for ok := false; !ok; w.oldest++ {
		_, ok = w.b.Cancel(w.oldest)
	}
	id := w.oldest + book.OrderID(w.next(uint64(w.newest-w.oldest)))
	if o, ok := w.b.Get(id); ok {
		_, price := w.spot(reach)
		w.b.Amend(id, price, o.Qty+1, false, w.fills[:0])
		w.b.Amend(id, price, o.Qty, false, w.fills[:0])
	}
	w.b.PlaceMarket(book.Buy+book.Side(w.next(2)), book.Qty(1+w.next(9)), w.fills[:0])
	w.b.Levels(book.Buy, 10, w.levels[:0])
	w.b.Fillable(book.Buy, 2_000_000, 1000)
	c := w.b.Walk(book.Sell)
	for range 5 {
		c.Next()
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, tc := range []struct {
		name          string
		orders, reach int
	}{
		{"near", 1000, 3000},
		{"far", 1000, 900_000},
		{"mixed", 5000, 40_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWalker(tc.orders, tc.reach)
			for range 8_000 { // until pages, buckets and nodes have come to their size
				w.step(tc.reach)
			}
			if n := testing.AllocsPerRun(4_000, func() { w.step(tc.reach) }); n != 0 {
				t.Errorf("%v allocations per step", n)
			}
			if err := w.b.Validate(); err != nil || w.b.Len() < tc.orders-20 {
				t.Errorf("%d orders, %v: the flow is not what it should be", w.b.Len(), err)
			}
		})
	}
}

func TestAuctionAllocatesNothing(t *testing.T) {
	w := newWalker(2000, 2000)
	cross := func() {
		for range 50 {
			side, price := w.spot(2000)
			w.newest++
			w.b.Rest(book.Order{ID: w.newest, Side: side.Opposite(), Price: price, Qty: 3})
		}
		w.b.Auction(1_000_000, true)
		r, _ := w.b.Uncross(1_000_000, true, w.pairs[:0])
		if r.Volume == 0 {
			t.Fatal("nothing crossed")
		}
		for range 50 {
			w.place(2000)
		}
	}
	for range 500 {
		cross()
	}
	if n := testing.AllocsPerRun(300, cross); n != 0 {
		t.Errorf("%v allocations per auction", n)
	}
}
