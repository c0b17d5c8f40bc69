package neutral

import (
	"fmt"

	"uncross/book"
)

// BookDriver carries out commands on one book alone: no accounts, no money, no phases.
type BookDriver struct {
	book  *book.Book
	fills []book.Fill
	pairs []book.Pair
}

// NewBookDriver returns a driver with an empty book.
func NewBookDriver() *BookDriver { return &BookDriver{book: book.New(book.Config{})} }

// Levels implements Depth.
func (d *BookDriver) Levels(side book.Side, depth int, dst []book.Level) []book.Level {
	return d.book.Levels(side, depth, dst)
}

// Apply implements Driver.
func (d *BookDriver) Apply(c *Command, out *Outcome) error {
	order := book.Order{ID: book.OrderID(c.ID), Side: c.Side, Price: book.Price(c.Price), Qty: book.Qty(c.Qty)}
	switch c.Kind {
	case New:
		d.place(c, order, out)
	case Enter, Resting:
		if o := d.book.Rest(order); o.Refused() {
			out.Refused = o.String()
		}
	case Cancel:
		left, ok := d.book.Cancel(order.ID)
		if !ok {
			out.Refused = "no such order in the book"
		}
		out.Left = int64(left.Qty)
	case Uncross:
		d.uncross(c, out)
	default:
		return fmt.Errorf("neutral: command %d of unknown kind %q", c.N, c.Kind)
	}
	return nil
}

func (d *BookDriver) place(c *Command, order book.Order, out *Outcome) {
	var r book.Result
	if c.Market {
		r, d.fills = d.book.PlaceMarket(c.Side, order.Qty, d.fills[:0])
	} else {
		r, d.fills = d.book.Place(order, c.TIF, false, d.fills[:0])
	}
	if r.Outcome.Refused() {
		out.Refused = r.Outcome.String()
	}
	for _, f := range d.fills {
		t := Trade{N: c.N, Buy: c.ID, Sell: uint64(f.Maker), Price: int64(f.Price), Qty: int64(f.Qty), Taker: c.Side}
		if c.Side == book.Sell {
			t.Buy, t.Sell = t.Sell, t.Buy
		}
		out.Trades = append(out.Trades, t)
	}
}

func (d *BookDriver) uncross(c *Command, out *Outcome) {
	var r book.AuctionResult
	r, d.pairs = d.book.Uncross(0, false, d.pairs[:0])
	out.Price, out.Volume = int64(r.Price), int64(r.Volume)
	for _, p := range d.pairs {
		out.Trades = append(out.Trades, Trade{N: c.N, Buy: uint64(p.Buy), Sell: uint64(p.Sell), Price: int64(r.Price), Qty: int64(p.Qty)})
	}
}

// Close implements Driver: it validates the book.
func (d *BookDriver) Close() error { return d.book.Validate() }
