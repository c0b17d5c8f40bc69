package book_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"uncross/book"
)

// op is one operation on both books.
type op struct {
	kind opKind
	side book.Side
	tif  book.TimeInForce
	post bool
	id   book.OrderID
	px   book.Price
	qty  book.Qty
}

type opKind uint8

const (
	opPlace opKind = iota
	opMarket
	opRest
	opCancel
	opAmend
	opAmendResting
	opUncross
	opUncrossRef
	opMatch
	opReload // the book is replaced by one restored from a frozen view
	opKinds
)

func (o op) String() string {
	return fmt.Sprintf("kind %d %v %v post=%v id=%d px=%d qty=%d", o.kind, o.side, o.tif, o.post, o.id, o.px, o.qty)
}

// duo holds a book and its oracle.
type duo struct {
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	book  *book.Book
	naive naive
	did   []op
}

func (d *duo) fail(format string, args ...any) {
	d.t.Helper()
	last := d.did[max(0, len(d.did)-20):]
	d.t.Fatalf("after %d operations, the last %v:\n%s", len(d.did), last, fmt.Sprintf(format, args...))
}

// apply runs one operation on both books and compares what they answer.
func (d *duo) apply(o op) {
	d.t.Helper()
	d.did = append(d.did, o)
	ord := book.Order{ID: o.id, Side: o.side, Price: o.px, Qty: o.qty, Data: uint64(o.id) * 3}
	switch o.kind {
	case opPlace:
		r, fills := d.book.Place(ord, o.tif, o.post, nil)
		wr, want := d.naive.place(ord, o.tif, o.post)
		d.same(r, wr, fills, want)
	case opMarket:
		r, fills := d.book.PlaceMarket(o.side, o.qty, nil)
		wr, want := d.naive.market(o.side, o.qty)
		d.same(r, wr, fills, want)
	case opRest:
		if got, want := d.book.Rest(ord), d.naive.rest(ord); got != want {
			d.fail("rest: %v, want %v", got, want)
		}
	case opCancel:
		got, ok := d.book.Cancel(o.id)
		want, wok := d.naive.cancel(o.id)
		if got != want || ok != wok {
			d.fail("cancel: %v %v, want %v %v", got, ok, want, wok)
		}
	case opAmend:
		r, fills := d.book.Amend(o.id, o.px, o.qty, o.post, nil)
		wr, want := d.naive.amend(o.id, o.px, o.qty, o.post, true)
		d.same(r, wr, fills, want)
	case opAmendResting:
		got := d.book.AmendResting(o.id, o.px, o.qty)
		if want, _ := d.naive.amend(o.id, o.px, o.qty, false, false); got != want.Outcome {
			d.fail("amend resting: %v, want %v", got, want.Outcome)
		}
	case opUncross, opUncrossRef:
		d.uncross(o.px, o.kind == opUncrossRef)
	case opMatch:
		if !o.side.Valid() || o.qty <= 0 {
			return
		}
		left, fills := d.book.Match(o.side, o.px, o.qty, nil)
		wleft, want := d.naive.match(o.side, o.px, o.qty)
		d.same(book.Result{Left: left}, book.Result{Left: wleft}, fills, want)
	case opReload:
		d.book = d.reload()
	}
}

func (d *duo) same(r, wr book.Result, fills, want []book.Fill) {
	d.t.Helper()
	if r != wr {
		d.fail("result %v %d, want %v %d", r.Outcome, r.Left, wr.Outcome, wr.Left)
	}
	if !slices.Equal(fills, want) {
		d.fail("fills %v\nwant  %v", fills, want)
	}
}

func (d *duo) uncross(ref book.Price, hasRef bool) {
	d.t.Helper()
	want, ok := d.naive.auction(ref, hasRef, false)
	if ok && d.near() {
		if literal, _ := d.naive.auction(ref, hasRef, true); literal != want {
			d.fail("the oracle is of two minds: %v by stretches, %v by ticks", want, literal)
		}
	}
	if got, gotOK := d.book.Auction(ref, hasRef); got != want || gotOK != ok {
		d.fail("auction %v %v, want %v %v", got, gotOK, want, ok)
	}
	r, pairs := d.book.Uncross(ref, hasRef, nil)
	wr, wantPairs := d.naive.uncross(ref, hasRef)
	if r != wr || !slices.Equal(pairs, wantPairs) {
		d.fail("uncross %v %v\nwant    %v %v", r, pairs, wr, wantPairs)
	}
	if d.book.Crossed() {
		d.fail("the book is crossed after its auction")
	}
}

// near reports whether the crossed prices are few enough to be tried one by one.
func (d *duo) near() bool {
	buy, _, _ := d.book.Best(book.Buy)
	sell, _, _ := d.book.Best(book.Sell)
	return uint64(buy)-uint64(sell) < 500
}

// reload restores a book from a frozen view of the book.
func (d *duo) reload() *book.Book {
	d.t.Helper()
	f := d.book.Freeze()
	defer f.Release()
	b := book.New(book.Config{PageOrders: 2, FreeNodes: 1})
	if !b.Restore(f.Orders()) {
		d.fail("the restore is refused")
	}
	b.SetPriority(f.Priority())
	if b.Len() != f.Len() || b.Len() != d.book.Len() || b.Hash() != d.book.Hash() || b.Priority() != d.book.Priority() {
		d.fail("the restored book has %d orders, hash %x, priority %d; want %d, %x, %d",
			b.Len(), b.Hash(), b.Priority(), d.book.Len(), d.book.Hash(), d.book.Priority())
	}
	return b
}

// check compares all that can be read of the two books.
func (d *duo) check() {
	d.t.Helper()
	if err := d.book.Validate(); err != nil {
		d.fail("%v", err)
	}
	if d.book.Len() != len(d.naive.orders) || d.book.Priority() != d.naive.priority {
		d.fail("%d orders, priority %d; want %d, %d", d.book.Len(), d.book.Priority(), len(d.naive.orders), d.naive.priority)
	}
	for _, side := range []book.Side{book.Buy, book.Sell} {
		levels, want := d.book.Levels(side, math.MaxInt, nil), d.naive.levels(side)
		if !slices.Equal(levels, want) {
			d.fail("%v levels %v\nwant %v", side, levels, want)
		}
		if got := d.book.Levels(side, 3, nil); !slices.Equal(got, want[:min(3, len(want))]) {
			d.fail("%v three levels %v, want the first of %v", side, got, want)
		}
		p, q, ok := d.book.Best(side)
		if ok != (len(want) > 0) || ok && (p != want[0].Price || q != want[0].Qty) {
			d.fail("%v best %d %d %v, want the first of %v", side, p, q, ok, want)
		}
		if orders := slices.Collect(d.book.Orders(side)); !slices.Equal(orders, d.naive.walk(side)) {
			d.fail("%v orders %v\nwant %v", side, orders, d.naive.walk(side))
		}
		if d.book.Depth(side) != len(want) || d.book.Total(side) != d.naive.total(side) {
			d.fail("%v depth %d total %d, want %d %d", side, d.book.Depth(side), d.book.Total(side), len(want), d.naive.total(side))
		}
	}
	for _, o := range d.naive.orders {
		if got, ok := d.book.Get(o.ID); !ok || got != o {
			d.fail("get %d: %v %v, want %v", o.ID, got, ok, o)
		}
	}
	if len(d.did) > 0 {
		o := d.did[len(d.did)-1]
		if o.side.Valid() {
			if got, want := d.book.Fillable(o.side, o.px, o.qty), d.naive.fillable(o.side, o.px, o.qty); got != want {
				d.fail("fillable %v %d %d: %d, want %d", o.side, o.px, o.qty, got, want)
			}
			if got, want := d.book.Crosses(o.side, o.px), d.naive.crossesNow(o.side, o.px); got != want {
				d.fail("crosses %v %d: %v, want %v", o.side, o.px, got, want)
			}
		}
	}
}

// terrain is a way to choose prices and quantities from random words.
type terrain struct {
	name  string
	price func(u uint64) book.Price
	qty   func(u uint64) book.Qty
}

func smallQty(u uint64) book.Qty { return book.Qty(u%20) + 1 }

// terrains try what the ladder does in each of its parts: inside blocks, in the window, in the tree, while it moves, and at
// the ends of the numbers.
var terrains = []terrain{
	{"dense", func(u uint64) book.Price { return 100 + book.Price(u%12) }, smallQty},
	{"blocks", func(u uint64) book.Price { return book.Price(u%64)*7 - 200 }, smallQty},
	{"window", func(u uint64) book.Price { return book.Price(u%512)*61 + 5 }, smallQty},
	{"tree", func(u uint64) book.Price { return book.Price(u%256) * 40_009 }, smallQty},
	{"clusters", func(u uint64) book.Price { return book.Price(u%3)*1_000_000 + book.Price(u>>8%40)*16 }, smallQty},
	{"extremes", func(u uint64) book.Price {
		switch k := book.Price(u >> 8 % 40); u % 4 {
		case 0:
			return math.MinInt64 + k
		case 1:
			return math.MaxInt64 - k
		case 2:
			return k - 20
		default:
			return book.Price(u)
		}
	}, func(u uint64) book.Qty {
		switch u % 4 {
		case 0:
			return math.MaxInt64 - book.Qty(u>>8%3)
		case 1:
			return math.MaxInt64 / book.Qty(2+u>>8%5)
		case 2:
			return book.Qty(u>>8%12) - 2
		default:
			return smallQty(u >> 8)
		}
	}},
}

// makeOp forms an operation from random words; live are the ids that rest.
func makeOp(tr *terrain, live []book.Order, next *book.OrderID, kind, a, p, q uint64) op {
	o := op{side: book.Buy + book.Side(a&1), post: a>>1&7 == 0, px: tr.price(p), qty: tr.qty(q)}
	switch a >> 4 % 8 {
	case 0:
		o.tif = book.IOC
	case 1:
		o.tif = book.FOK
	default:
		o.tif = book.GTC
	}
	if a>>8%64 == 0 { // no such side or time in force
		o.side, o.tif = o.side*3, o.tif*4
	}
	switch k := kind % 32; {
	case k < 9:
		o.kind = opPlace
	case k < 14:
		o.kind = opRest
	case k < 18:
		o.kind = opCancel
	case k < 23:
		o.kind = opAmend
	case k < 26:
		o.kind = opAmendResting
	case k < 27:
		o.kind = opUncross
	case k < 28:
		o.kind = opUncrossRef
	case k < 29:
		o.kind = opMarket
	case k < 31:
		o.kind = opMatch
	default:
		o.kind = opReload
	}
	mayRest := o.kind == opPlace || o.kind == opRest
	if len(live) > 0 && (!mayRest || a>>16%32 == 0) {
		old := live[a>>24%uint64(len(live))]
		o.id = old.ID
		if a>>40&3 == 0 { // an amendment at the same price: a reduction, or more, or the same
			o.px = old.Price
		}
	} else {
		*next++
		o.id = *next
	}
	return o
}

// TestAgainstNaive runs seeded random operations over all terrains and compares everything after each of them.
func TestAgainstNaive(t *testing.T) {
	seeds, steps := uint64(12), 500
	if testing.Short() {
		seeds, steps = 3, 200
	}
	for _, tr := range terrains {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/%d", tr.name, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 77))
				d := &duo{t: t, book: book.New(book.Config{PageOrders: 4, FreeNodes: 2})}
				next := book.OrderID(0)
				for range steps {
					d.apply(makeOp(&tr, d.naive.orders, &next, r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()))
					d.check()
				}
			})
		}
	}
}

// TestDrift lets the touch wander and jump over long ways, so that the window moves, is left behind and is taken down.
func TestDrift(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 78))
			d := &duo{t: t, book: book.New(book.Config{})}
			centre := book.Price(0)
			tr := terrain{"drift", func(u uint64) book.Price {
				if u%8 == 0 {
					return centre + book.Price(u>>8%400_000) - 200_000
				}
				return centre + book.Price(u>>8%3000) - 1500
			}, smallQty}
			next := book.OrderID(0)
			for i := range 1500 {
				if i%10 == 0 {
					centre += book.Price(r.IntN(9000) - 3000)
				}
				if i%300 == 0 {
					centre -= 50_000_000
				}
				d.apply(makeOp(&tr, d.naive.orders, &next, r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()))
				if len(d.naive.orders) > 150 { // the worst orders of all leave
					d.apply(op{kind: opCancel, id: d.naive.orders[r.IntN(len(d.naive.orders))].ID})
				}
				if i%4 == 0 {
					d.check()
				}
			}
		})
	}
}

// TestProperties lets rapid choose the operations, so that a failure is shrunk to a short list.
func TestProperties(t *testing.T) {
	word := rapid.Uint64()
	rapid.Check(t, func(t *rapid.T) {
		tr := rapid.SampledFrom(terrains).Draw(t, "terrain")
		d := &duo{t: t, book: book.New(book.Config{PageOrders: 2, FreeNodes: 1})}
		next := book.OrderID(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			kind := rapid.Uint64Range(0, 31).Draw(t, "kind")
			d.apply(makeOp(&tr, d.naive.orders, &next, kind, word.Draw(t, "a"), word.Draw(t, "p"), word.Draw(t, "q")))
			d.check()
		}
	})
}

// FuzzBook decodes bytes to operations: one byte for the terrain, then 9 for each operation.
func FuzzBook(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 79))
	for i := range len(terrains) {
		seed := []byte{byte(i)}
		for range 40 * 9 {
			seed = append(seed, byte(r.Uint32()))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		tr := &terrains[int(data[0])%len(terrains)]
		d := &duo{t: t, book: book.New(book.Config{PageOrders: 2})}
		next := book.OrderID(0)
		for data = data[1:]; len(data) >= 9 && len(d.did) < 200; data = data[9:] {
			a := uint64(binary.LittleEndian.Uint32(data[1:]))
			a |= uint64(data[1])<<40 | uint64(data[4])<<32
			p, q := uint64(binary.LittleEndian.Uint16(data[5:])), uint64(binary.LittleEndian.Uint16(data[7:]))
			d.apply(makeOp(tr, d.naive.orders, &next, uint64(data[0]), a, p, q))
			d.check()
		}
	})
}
