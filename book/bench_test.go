package book_test

import (
	"fmt"
	"testing"

	"uncross/book"
)

// The benchmarks name what one operation is; the flow of real proportions is measured in package bench.

func BenchmarkPlaceCancel(b *testing.B) {
	for _, reach := range []int{1000, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("reach=%d", reach), func(b *testing.B) {
			w := newWalker(1000, reach)
			b.ReportAllocs()
			for b.Loop() {
				w.place(reach)
				w.b.Cancel(w.newest)
			}
		})
	}
}

func BenchmarkMove(b *testing.B) {
	for _, orders := range []int{1000, 100_000} {
		for _, reach := range []int{1000, 10_000, 1_000_000} {
			b.Run(fmt.Sprintf("orders=%d/reach=%d", orders, reach), func(b *testing.B) {
				w := newWalker(orders, reach)
				b.ReportAllocs()
				for b.Loop() {
					id := 1 + book.OrderID(w.next(uint64(orders)))
					o, _ := w.b.Get(id)
					_, price := w.spot(reach)
					if o.Side == book.Buy && price > 1_000_000 || o.Side == book.Sell && price < 1_000_000 {
						price = 2_000_000 - price
					}
					w.b.Amend(id, price, o.Qty, false, w.fills[:0])
				}
			})
		}
	}
}

func BenchmarkTrade(b *testing.B) {
	for _, makers := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("makers=%d", makers), func(b *testing.B) {
			w := newWalker(1000, 5000)
			b.ReportAllocs()
			for b.Loop() {
				for range makers {
					w.newest++
					w.b.Place(book.Order{ID: w.newest, Side: book.Sell, Price: 1_000_000, Qty: 1}, book.GTC, false, w.fills[:0])
				}
				w.b.PlaceMarket(book.Buy, book.Qty(makers), w.fills[:0])
			}
		})
	}
}

func BenchmarkAuctionIndication(b *testing.B) {
	w := newWalker(0, 1)
	for range 100_000 {
		_, price := w.spot(1000)
		w.newest++
		w.b.Rest(book.Order{ID: w.newest, Side: book.Buy + book.Side(w.next(2)), Price: price, Qty: 5})
	}
	b.ReportAllocs()
	for b.Loop() {
		w.b.Auction(1_000_000, true)
	}
}

func BenchmarkLevels(b *testing.B) {
	w := newWalker(1000, 5000)
	b.ReportAllocs()
	for b.Loop() {
		w.levels = w.b.Levels(book.Buy, 20, w.levels[:0])
	}
}
