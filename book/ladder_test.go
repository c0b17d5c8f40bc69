package book

import (
	"runtime"
	"strings"
	"testing"

	"uncross/internal/slab"
)

// filled returns a book with an order at each of the given sell prices.
func filled(t *testing.T, prices ...Price) *Book {
	t.Helper()
	b := New(Config{})
	for i, p := range prices {
		if out := b.Rest(Order{ID: OrderID(i + 1), Side: Sell, Price: p, Qty: 1}); out != Rested {
			t.Fatal(out)
		}
	}
	return b
}

// inWindow reports whether the block of a sell price is in the window, by where it is looked for.
func inWindow(b *Book, p Price) bool {
	l := b.side(Sell)
	no := int64(p) >> blockBits
	return no >= l.lo && no < l.hi
}

// TestWindowFollowsTheTouch moves the touch in small steps both ways; the touch must never be found outside the window.
func TestWindowFollowsTheTouch(t *testing.T) {
	b := New(Config{})
	p, id := Price(0), OrderID(0)
	for _, step := range []Price{7, -11, 40, -60} {
		for range 20_000 {
			p += step
			id++
			b.Rest(Order{ID: id, Side: Sell, Price: p, Qty: 1})
			b.Cancel(id - 50)
			if best, _, _ := b.Best(Sell); !inWindow(b, best) {
				t.Fatalf("the touch at %d has left the window %d..%d", best, b.side(Sell).lo<<blockBits, b.side(Sell).hi<<blockBits)
			}
		}
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.side(Sell).tree.Len(); n != 0 {
		t.Errorf("%d blocks are in the tree, though all are near the touch", n)
	}
}

// TestWindowAfterAJump lets the touch jump far away from a full window: it comes after in bounded steps, and comes home again.
func TestWindowAfterAJump(t *testing.T) {
	b := New(Config{})
	id := OrderID(0)
	add := func(p Price) {
		id++
		b.Rest(Order{ID: id, Side: Sell, Price: p, Qty: 1})
	}
	for i := range Price(700) {
		add(1_000_000 + i*blockPrices)
	}
	far := id
	for i := range Price(30) {
		add(10_000 + i*5000)
	}
	l := b.side(Sell)
	changes := 0
	for ; l.calmHi < l.calmLo; changes++ {
		before := l.tree.Len()
		b.AmendResting(far+30, 10_000+29*5000, 1) // changes nothing but the priority
		if moved := l.tree.Len() - before; moved > windowSteps || moved < -windowSteps {
			t.Fatalf("one change moved %d blocks", moved)
		}
		if changes > 2000 {
			t.Fatal("the window does not settle")
		}
	}
	if !inWindow(b, 10_000) || inWindow(b, 1_000_000) || changes == 0 {
		t.Errorf("after %d changes the window is %d..%d", changes, l.lo<<blockBits, l.hi<<blockBits)
	}
	for i := range OrderID(30) {
		b.Cancel(far + 1 + i)
	}
	for range 500 {
		b.AmendResting(1, 1_000_000, 1)
	}
	if !inWindow(b, 1_000_000) || l.tree.Len() != 0 {
		t.Errorf("the window %d..%d has not come home; %d blocks are in the tree", l.lo<<blockBits, l.hi<<blockBits, l.tree.Len())
	}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
}

// TestWindowNext compares the bitmap's search with a search place by place.
func TestWindowNext(t *testing.T) {
	var w window
	if _, ok := w.next(5); ok {
		t.Error("an empty window has a block")
	}
	const lo = -300 // the window lies across block 0
	state := uint64(1)
	for round := range 400 {
		state = state*6364136223846793005 + 1442695040888963407
		no := lo + int64(state>>40%windowBlocks)
		if round%3 == 2 {
			w.clear(no)
		} else {
			w.set(no, slab.Handle(round+1))
		}
		for from := int64(lo); from < lo+windowBlocks; from += 13 {
			want, found := from, false
			for ; want < lo+windowBlocks && !found; want++ {
				found = w.get(want) != 0
			}
			got, ok := w.next(from)
			ok = ok && got < lo+windowBlocks
			if ok != found || ok && got != want-1 {
				t.Fatalf("round %d: next from %d is %d %v, want %d %v", round, from, got, ok, want-1, found)
			}
		}
	}
}

// TestValidateFindsDamage damages one thing at a time.
func TestValidateFindsDamage(t *testing.T) {
	first := func(b *Book) *order { h, _ := b.index.Get(1); return b.orders.Mut(h) }
	levelOf := func(b *Book) *level { _, lv := b.side(Sell).at(b.side(Sell).first()); return lv }
	for name, tc := range map[string]struct {
		damage func(b *Book)
		says   string
	}{
		"hash":              {func(b *Book) { b.hash++ }, "hash"},
		"order's quantity":  {func(b *Book) { first(b).qty = 5 }, "quantity of level"},
		"no quantity":       {func(b *Book) { first(b).qty = 0 }, "has quantity"},
		"order's price":     {func(b *Book) { first(b).price++ }, "wrong key"},
		"order's side":      {func(b *Book) { first(b).side = Buy }, "wrong key"},
		"order's id":        {func(b *Book) { first(b).id = 77 }, "not in the index"},
		"order's link":      {func(b *Book) { first(b).prev = 3 }, "not linked"},
		"order's priority":  {func(b *Book) { first(b).priority = 1 << 40 }, "out of turn"},
		"priority twice":    {func(b *Book) { o := first(b); b.orders.Mut(o.next).priority = o.priority }, "out of turn"},
		"side's sum":        {func(b *Book) { first(b).qty = MaxSideQty; b.orders.Mut(first(b).next).qty = 2 }, "overflow"},
		"level's count":     {func(b *Book) { levelOf(b).orders++ }, "orders of level"},
		"level's quantity":  {func(b *Book) { levelOf(b).qty++ }, "quantity of level"},
		"level's tail":      {func(b *Book) { levelOf(b).tail++ }, "last order"},
		"level's head":      {func(b *Book) { levelOf(b).head = 0 }, "level of key"},
		"freed order":       {func(b *Book) { h, _ := b.index.Get(1); b.orders.Free(h) }, "free handle"},
		"lost order":        {func(b *Book) { b.orders.Alloc() }, "orders stored"},
		"lost id":           {func(b *Book) { b.index.Put(55, 1) }, "ids indexed"},
		"lost block":        {func(b *Book) { b.blocks.Alloc() }, "blocks stored"},
		"best":              {func(b *Book) { b.side(Sell).best++ }, "level of key 101"},
		"count of levels":   {func(b *Book) { b.side(Sell).levels++ }, "levels"},
		"count of orders":   {func(b *Book) { b.side(Sell).orders++ }, "orders counted"},
		"side's quantity":   {func(b *Book) { b.side(Sell).qty++ }, "quantity counted"},
		"window's bit":      {func(b *Book) { b.side(Sell).win.used[3] ^= 1 << 60 }, "wrong bit"},
		"window's summary":  {func(b *Book) { b.side(Sell).win.summary ^= 1 << 9 }, "wrong bit"},
		"window's interval": {func(b *Book) { b.side(Sell).hi = 1 << 40 }, "wrong side"},
		"block in the tree": {func(b *Book) { b.side(Sell).tree.ReplaceOrInsert(far{1 << 30, 1}) }, "has the number"},
		"unused level":      {func(b *Book) { b.blocks.Mut(b.side(Sell).touch).levels[9].qty = 1 }, "unused level"},
	} {
		t.Run(name, func(t *testing.T) {
			b := filled(t, 100, 100, 100, 107, 5000, 1_000_000_000)
			if err := b.Validate(); err != nil {
				t.Fatal(err)
			}
			tc.damage(b)
			if err := b.Validate(); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want one that says %q", err, tc.says)
			}
		})
	}
}

// TestBooksAreSmall bounds what an instrument with a few orders takes, since a venue has thousands of them.
func TestBooksAreSmall(t *testing.T) {
	const books = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range books {
		b := New(Config{})
		b.Rest(Order{ID: 1, Side: Buy, Price: 10, Qty: 1})
		b.Rest(Order{ID: 2, Side: Sell, Price: 20, Qty: 1})
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / books; bytes > 40<<10 {
		t.Errorf("a small book takes %d bytes", bytes)
	} else {
		t.Logf("a small book takes %d bytes", bytes)
	}
}
