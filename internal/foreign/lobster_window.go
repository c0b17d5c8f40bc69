package foreign

import (
	"fmt"
	"slices"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// window is the part of a book that LOBSTER shows: so many levels a side. What is known of a level only as a sum, since its
// orders rested before it came into the window, is one order of the market's own: the level's pool. It stands before all others.
type window struct {
	market  *Market
	pools   map[place]wire.OrderID
	started bool
	full    [3]bool // by side: before the message at hand all levels were in use, so that there may be more behind
	levels  []mirror.Level
}

// place is one price of one side.
type place struct {
	side  wire.Side
	price wire.Price
}

func (w *window) book() *mirror.Book { return w.market.books.Book(lobsterInstrument) }

// pool returns what is left of the pool of a price.
func (w *window) pool(side wire.Side, price wire.Price) (mirror.Resting, bool) {
	id, ok := w.pools[place{side, price}]
	if !ok {
		return mirror.Resting{}, false
	}
	r, rests := w.book().Order(id)
	if !rests {
		delete(w.pools, place{side, price})
	}
	return r, rests
}

// watch notes which sides are full before the next message.
func (w *window) watch(levels int) {
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		w.full[side] = w.book().Depth(side) >= levels
	}
}

// load replaces a side by pools of what the file says.
func (w *window) load(side wire.Side, want []mirror.Level) {
	for r, ok := w.book().First(side); ok && w.market.err == nil; r, ok = w.book().First(side) {
		w.leave(r)
	}
	for _, l := range want {
		w.take(side, l)
	}
}

// take makes a level of which only the sum is known.
func (w *window) take(side wire.Side, l mirror.Level) {
	w.pools[place{side, l.Price}] = w.market.enter(lobsterInstrument, side, l.Price, l.Qty)
}

func (w *window) leave(r mirror.Resting) {
	if at := (place{r.Side, r.Price}); w.pools[at] == r.Order {
		delete(w.pools, at)
	}
	w.market.lose(lobsterInstrument, r)
}

// trim takes the levels away that have left the window: what happens to them there is not in the file.
func (w *window) trim(side wire.Side, levels int) (gone uint64) {
	if w.book().Depth(side) <= levels {
		return 0
	}
	w.levels = w.book().Levels(side, 0, w.levels[:0])
	for _, l := range w.levels[levels:] {
		for r, ok := w.book().FirstAt(side, l.Price); ok && w.market.err == nil; r, ok = w.book().FirstAt(side, l.Price) {
			w.leave(r)
		}
		gone++
	}
	return gone
}

// uncovered takes the deepest level from the file where the window was full and has lost one: what was behind it is not known.
func (w *window) uncovered(side wire.Side, want []mirror.Level, levels int) bool {
	if !w.full[side] || len(want) != levels || w.book().Depth(side) != levels-1 {
		return false
	}
	l := want[levels-1]
	w.levels = w.book().Levels(side, 0, w.levels[:0])
	if n := len(w.levels); n > 0 {
		if last := w.levels[n-1].Price; side == wire.Buy && l.Price >= last || side == wire.Sell && l.Price <= last {
			return false
		}
	}
	w.take(side, l)
	return true
}

// equal compares a side with the file, which does not tell the numbers of orders.
func (w *window) equal(side wire.Side, want []mirror.Level) bool {
	w.levels = w.book().Levels(side, 0, w.levels[:0])
	for i := range w.levels {
		w.levels[i].Orders = 0
	}
	return slices.Equal(w.levels, want)
}

// bookRow is one row of an orderbook file: the levels that are in use, the best first.
type bookRow struct {
	buys, sells []mirror.Level
}

func (r *bookRow) side(s wire.Side) []mirror.Level {
	if s == wire.Buy {
		return r.buys
	}
	return r.sells
}

// parse reads a row of ask price, ask size, bid price and bid size for each level. levels is set by the first row. An empty
// text says that the row is good.
func (r *bookRow) parse(f [][]byte, levels *int, long bool) string {
	switch {
	case long:
		return "longer than a line may be"
	case len(f)%4 != 0:
		return fmt.Sprintf("%d columns, expected four for each level", len(f))
	case *levels == 0:
		*levels = len(f) / 4
	case len(f) != 4**levels:
		return fmt.Sprintf("%d columns, expected %d", len(f), 4**levels)
	}
	for i := range *levels {
		var err string
		if r.sells, err = rowLevel(r.sells, f, 4*i, wire.Sell, i); err == "" {
			r.buys, err = rowLevel(r.buys, f, 4*i+2, wire.Buy, i)
		}
		if err != "" {
			return err
		}
	}
	return ""
}

// rowLevel reads one level; a size of 0 says that it is not in use.
func rowLevel(dst []mirror.Level, f [][]byte, at int, side wire.Side, i int) ([]mirror.Level, string) {
	price, ok := integer(f[at])
	size, ok2 := integer(f[at+1])
	switch {
	case !ok || !ok2:
		return dst, fmt.Sprintf("columns %d and %d are %q and %q, not numbers", at+1, at+2, f[at], f[at+1])
	case size == 0:
		return dst, ""
	case size < 0 || size > MaxQty/1024:
		return dst, fmt.Sprintf("column %d is a size of %d", at+2, size)
	case len(dst) != i:
		return dst, fmt.Sprintf("column %d is in use behind a level that is not", at+1)
	}
	if i > 0 {
		if last := int64(dst[i-1].Price); side == wire.Buy && price >= last || side == wire.Sell && price <= last {
			return dst, fmt.Sprintf("column %d is %d behind %d", at+1, price, last)
		}
	}
	return append(dst, mirror.Level{Price: wire.Price(price), Qty: wire.Qty(size)}), ""
}
