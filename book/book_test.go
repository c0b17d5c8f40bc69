package book_test

import (
	"math"
	"slices"
	"testing"

	"uncross/book"
)

func rest(t *testing.T, b *book.Book, id book.OrderID, side book.Side, price book.Price, qty book.Qty) {
	t.Helper()
	if out := b.Rest(book.Order{ID: id, Side: side, Price: price, Qty: qty}); out != book.Rested {
		t.Fatalf("rest of %d: %v", id, out)
	}
}

func TestNamesOfValues(t *testing.T) {
	for out := book.Rested; out <= book.Invalid; out++ {
		if out.String() == "" || out.String() == "none" {
			t.Errorf("outcome %d has no name", out)
		}
		if out.Refused() != (out >= book.Killed) {
			t.Errorf("%v: refused %v", out, out.Refused())
		}
	}
	if s := book.Outcome(0).String() + book.Outcome(200).String(); s != "nonenone" {
		t.Errorf("outcomes without meaning are called %q", s)
	}
	if s := book.Buy.String() + book.Sell.String() + book.Side(0).String(); s != "buysellinvalid" {
		t.Errorf("sides are called %q", s)
	}
	if s := book.GTC.String() + book.IOC.String() + book.FOK.String() + book.TimeInForce(9).String(); s != "gtciocfokinvalid" {
		t.Errorf("times in force are called %q", s)
	}
}

func TestRestoreWantsAscendingPriority(t *testing.T) {
	b := book.New(book.Config{})
	o := book.Order{ID: 1, Side: book.Buy, Price: 10, Qty: 1, Data: 77, Priority: 5}
	if !b.Restore(slices.Values([]book.Order{o})) {
		t.Fatal("a proper order is refused")
	}
	if got, _ := b.Get(1); got != o {
		t.Fatalf("restored %v, want %v", got, o)
	}
	for _, bad := range []book.Order{
		{ID: 2, Side: book.Buy, Price: 10, Qty: 1, Priority: 5},
		{ID: 2, Side: book.Buy, Price: 10, Qty: 1, Priority: 4},
		{ID: 2, Side: book.Buy, Price: 10, Qty: 1},
		{ID: 1, Side: book.Buy, Price: 10, Qty: 1, Priority: 6},
		{ID: 2, Side: 3, Price: 10, Qty: 1, Priority: 6},
		{ID: 2, Side: book.Buy, Price: 10, Qty: 0, Priority: 6},
		{ID: 2, Side: book.Buy, Price: 10, Qty: math.MaxInt64, Priority: 6},
	} {
		if book.New(book.Config{}).Restore(slices.Values([]book.Order{o, bad})) {
			t.Errorf("%v is taken", bad)
		}
	}
	b.SetPriority(9)
	b.SetPriority(3) // lower than given already: ignored
	rest(t, b, 2, book.Buy, 10, 1)
	if got, _ := b.Get(2); got.Priority != 10 {
		t.Errorf("priority %d, want 10", got.Priority)
	}
}

// TestHashIsOfTheOrders changes each thing that the hash must see, and takes two ways to the same orders.
func TestHashIsOfTheOrders(t *testing.T) {
	base := book.Order{ID: 1, Side: book.Buy, Price: 10, Qty: 5, Priority: 3}
	hash := func(orders ...book.Order) uint64 {
		b := book.New(book.Config{})
		if !b.Restore(slices.Values(orders)) {
			t.Fatalf("restore of %v refused", orders)
		}
		return b.Hash()
	}
	if book.New(book.Config{}).Hash() != 0 {
		t.Error("an empty book's hash is not 0")
	}
	seen := []uint64{0, hash(base)}
	for name, change := range map[string]func(*book.Order){
		"id":       func(o *book.Order) { o.ID = 2 },
		"side":     func(o *book.Order) { o.Side = book.Sell },
		"price":    func(o *book.Order) { o.Price = 11 },
		"quantity": func(o *book.Order) { o.Qty = 6 },
		"priority": func(o *book.Order) { o.Priority = 4 },
	} {
		o := base
		change(&o)
		h := hash(o)
		if slices.Contains(seen, h) {
			t.Errorf("%s: the hash is that of another order", name)
		}
		seen = append(seen, h)
	}
	data := base
	data.Data = 99
	if hash(data) != hash(base) {
		t.Error("the hash sees Data")
	}

	// The same state by a longer way: other orders come and go, the quantity falls by a trade.
	b := book.New(book.Config{})
	rest(t, b, 8, book.Sell, 20, 5)
	rest(t, b, 9, book.Buy, 10, 5)
	b.Place(book.Order{ID: 1, Side: book.Buy, Price: 10, Qty: 7}, book.GTC, false, nil)
	b.Cancel(9)
	b.PlaceMarket(book.Sell, 2, nil)
	b.Cancel(8)
	if b.Hash() != hash(base) {
		t.Error("the same orders by another way have another hash")
	}
	b.Cancel(1)
	if b.Hash() != 0 {
		t.Error("an emptied book's hash is not 0")
	}
}

// TestGoldenHash pins the hash, which is part of what replicas compare: it must not change from version to version.
func TestGoldenHash(t *testing.T) {
	b := book.New(book.Config{})
	for i := range 100 {
		side := book.Buy + book.Side(i%2)
		b.Rest(book.Order{ID: book.OrderID(i * 1000), Side: side, Price: book.Price(i*i - 500), Qty: book.Qty(i + 1)})
	}
	if got, want := b.Hash(), uint64(0xf4c4a46f6016c0f1); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
}

func TestFrozenViewStaysWhileTheBookGoesOn(t *testing.T) {
	b := book.New(book.Config{PageOrders: 2})
	for i := range 100 {
		rest(t, b, book.OrderID(i), book.Sell, book.Price(100+i%7), 5)
	}
	b.Amend(3, 100, 9, false, nil) // goes to the end
	want := slices.SortedFunc(b.Orders(book.Sell), func(x, y book.Order) int { return int(x.Priority) - int(y.Priority) })
	f := b.Freeze()
	got := make(chan []book.Order)
	go func() { got <- slices.Collect(f.Orders()) }()
	b.PlaceMarket(book.Buy, 77, nil)
	for i := range 50 {
		b.Cancel(book.OrderID(i))
		rest(t, b, book.OrderID(1000+i), book.Buy, 50, 3)
	}
	if orders := <-got; !slices.Equal(orders, want) {
		t.Errorf("frozen orders %v\nwant %v", orders, want)
	}
	if f.Len() != 100 || f.Priority() != 101 {
		t.Errorf("frozen view has %d orders and priority %d, want 100 and 101", f.Len(), f.Priority())
	}
	for o := range f.Orders() {
		if o.ID != want[0].ID {
			t.Errorf("the first order is %d, want %d", o.ID, want[0].ID)
		}
		break
	}
	f.Release()
}

func TestFillsAreAppended(t *testing.T) {
	b := book.New(book.Config{})
	b.Rest(book.Order{ID: 1, Side: book.Sell, Price: 5, Qty: 2, Data: 42})
	mine := book.Fill{Maker: 99}
	_, fills := b.PlaceMarket(book.Buy, 1, []book.Fill{mine})
	want := []book.Fill{mine, {Maker: 1, MakerData: 42, Price: 5, Qty: 1, MakerLeft: 1}}
	if !slices.Equal(fills, want) {
		t.Errorf("fills %v, want %v", fills, want)
	}
}

// TestHugeAuctionIsQuick crosses two orders over all prices with 20,000 levels in between: trying the ticks one by one, or
// the levels against each other, would not come to an end.
func TestHugeAuctionIsQuick(t *testing.T) {
	b := book.New(book.Config{})
	const n = 10_000
	for i := range book.Price(n) {
		rest(t, b, book.OrderID(i), book.Buy, math.MaxInt64-i*1_000_003, 3)
		rest(t, b, book.OrderID(n+i), book.Sell, math.MinInt64+i*1_000_003, 3)
	}
	r, ok := b.Auction(-4, true)
	want := book.AuctionResult{Price: -4, Volume: 3 * n}
	if !ok || r != want {
		t.Fatalf("auction %v %v, want %v", r, ok, want)
	}
	_, pairs := b.Uncross(-4, true, nil)
	if len(pairs) != n || b.Len() != 0 {
		t.Errorf("%d pairs, %d orders left; want %d and none", len(pairs), b.Len(), n)
	}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
}

// TestManyOrdersAtOnePrice cancels from the middle of a long queue.
func TestManyOrdersAtOnePrice(t *testing.T) {
	b := book.New(book.Config{})
	for i := range 5000 {
		rest(t, b, book.OrderID(i), book.Buy, 7, 1)
	}
	for i := 0; i < 5000; i += 2 {
		b.Cancel(book.OrderID(i))
	}
	_, fills := b.PlaceMarket(book.Sell, 5000, nil)
	if len(fills) != 2500 || b.Len() != 0 {
		t.Fatalf("%d fills, %d orders left; want 2500 and none", len(fills), b.Len())
	}
	for i, f := range fills {
		if f.Maker != book.OrderID(2*i+1) {
			t.Fatalf("fill %d is of order %d, want %d", i, f.Maker, 2*i+1)
		}
	}
}

func TestEmptyBook(t *testing.T) {
	b := book.New(book.Config{})
	if _, _, ok := b.Best(book.Buy); ok || b.Crossed() || b.Len() != 0 || b.Crosses(book.Buy, math.MaxInt64) {
		t.Error("an empty book has something")
	}
	if r, fills := b.PlaceMarket(book.Sell, 5, nil); r != (book.Result{Outcome: book.Dropped, Left: 5}) || fills != nil {
		t.Errorf("market order in an empty book: %v %v", r, fills)
	}
	if r, pairs := b.Uncross(0, false, nil); r != (book.AuctionResult{}) || pairs != nil {
		t.Errorf("auction of an empty book: %v %v", r, pairs)
	}
	if _, ok := b.Get(1); ok {
		t.Error("an order is found")
	}
	if n := b.Fillable(book.Buy, 5, -3); n != 0 {
		t.Errorf("%d lots of −3 are fillable", n)
	}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
}
