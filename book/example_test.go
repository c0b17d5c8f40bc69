package book_test

import (
	"fmt"

	"uncross/book"
)

// A book used alone: rest two sells, then buy through them.
func Example() {
	b := book.New(book.Config{})
	b.Place(book.Order{ID: 1, Side: book.Sell, Price: 101, Qty: 5}, book.GTC, false, nil)
	b.Place(book.Order{ID: 2, Side: book.Sell, Price: 100, Qty: 3}, book.GTC, false, nil)

	fills := make([]book.Fill, 0, 16) // reused from order to order
	result, fills := b.Place(book.Order{ID: 3, Side: book.Buy, Price: 101, Qty: 10}, book.GTC, false, fills[:0])
	for _, f := range fills {
		fmt.Printf("bought %d at %d from order %d\n", f.Qty, f.Price, f.Maker)
	}
	fmt.Println(result.Outcome, result.Left)

	for _, l := range b.Levels(book.Buy, 5, nil) {
		fmt.Printf("buy level %d: %d lots in %d orders\n", l.Price, l.Qty, l.Orders)
	}
	// Output:
	// bought 3 at 100 from order 2
	// bought 5 at 101 from order 1
	// rested 2
	// buy level 101: 2 lots in 1 orders
}

// A call auction: orders rest crossed and trade at one price.
func ExampleBook_Uncross() {
	b := book.New(book.Config{})
	b.Rest(book.Order{ID: 1, Side: book.Buy, Price: 105, Qty: 10})
	b.Rest(book.Order{ID: 2, Side: book.Sell, Price: 100, Qty: 4})
	b.Rest(book.Order{ID: 3, Side: book.Sell, Price: 103, Qty: 6})

	result, pairs := b.Uncross(104, true, nil)
	fmt.Printf("%d lots at %d\n", result.Volume, result.Price)
	for _, p := range pairs {
		fmt.Printf("buy %d, sell %d: %d lots\n", p.Buy, p.Sell, p.Qty)
	}
	// Output:
	// 10 lots at 104
	// buy 1, sell 2: 4 lots
	// buy 1, sell 3: 6 lots
}

// A snapshot of the orders, restored into another book, which then has the same hash.
func ExampleBook_Freeze() {
	b := book.New(book.Config{})
	b.Place(book.Order{ID: 1, Side: book.Sell, Price: 101, Qty: 5}, book.GTC, false, nil)
	b.Place(book.Order{ID: 2, Side: book.Sell, Price: 100, Qty: 3}, book.GTC, false, nil)

	frozen := b.Freeze() // may be read on another goroutine, while the book goes on
	same := book.New(book.Config{})
	same.Restore(frozen.Orders())
	same.SetPriority(frozen.Priority())
	frozen.Release()

	fmt.Println(same.Len(), same.Hash() == b.Hash())
	// Output: 2 true
}
