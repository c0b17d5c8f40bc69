package book_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"uncross/book"
)

// TestStories runs the story files in testdata/stories: each command is one call of a book that lasts for the file, and the text
// below it is what came of it. Run with -rewrite to write the outputs anew.
//
//	new                                             a new, empty book
//	place id=1 side=buy price=10 qty=5 [tif=ioc] [post-only]
//	market side=sell qty=5
//	rest id=1 side=buy price=10 qty=5               entry of a call auction
//	amend id=1 price=10 qty=5 [post-only] [resting]
//	cancel id=1
//	l2 [depth=3] · l3 · best · get id=1
//	fillable side=buy price=10 qty=5
//	auction [ref=10] · uncross [ref=10]
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		b := book.New(book.Config{})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "new" {
				b = book.New(book.Config{})
				return ""
			}
			s := story{t: t, d: d, b: b}
			s.run()
			if err := b.Validate(); err != nil {
				t.Fatalf("%s: %v", d.Pos, err)
			}
			return s.out.String()
		})
	})
}

type story struct {
	t   *testing.T
	d   *datadriven.TestData
	b   *book.Book
	out strings.Builder
}

func (s *story) printf(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

// number reads an argument; min and max stand for the ends of int64, with an optional offset such as max-3.
func (s *story) number(name string, unless int64) int64 {
	var text string
	if !s.d.HasArg(name) {
		return unless
	}
	s.d.ScanArgs(s.t, name, &text)
	base := int64(0)
	switch {
	case strings.HasPrefix(text, "max"):
		base, text = math.MaxInt64, text[3:]
	case strings.HasPrefix(text, "min"):
		base, text = math.MinInt64, text[3:]
	}
	if text == "" {
		return base
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.t.Fatalf("%s: %s: %v", s.d.Pos, name, err)
	}
	return base + n
}

func (s *story) id() book.OrderID    { return book.OrderID(s.number("id", 0)) }
func (s *story) price() book.Price   { return book.Price(s.number("price", 0)) }
func (s *story) qty() book.Qty       { return book.Qty(s.number("qty", 0)) }
func (s *story) has(arg string) bool { return s.d.HasArg(arg) }

func (s *story) side() book.Side {
	var text string
	s.d.ScanArgs(s.t, "side", &text)
	return map[string]book.Side{"buy": book.Buy, "sell": book.Sell}[text]
}

func (s *story) order() book.Order {
	return book.Order{ID: s.id(), Side: s.side(), Price: s.price(), Qty: s.qty()}
}

func (s *story) run() {
	switch s.d.Cmd {
	case "place":
		tif := book.GTC
		if s.has("tif") {
			var text string
			s.d.ScanArgs(s.t, "tif", &text)
			tif = map[string]book.TimeInForce{"gtc": book.GTC, "ioc": book.IOC, "fok": book.FOK}[text]
		}
		s.result(s.b.Place(s.order(), tif, s.has("post-only"), nil))
	case "market":
		s.result(s.b.PlaceMarket(s.side(), s.qty(), nil))
	case "rest":
		s.printf("%v\n", s.b.Rest(s.order()))
	case "amend":
		if s.has("resting") {
			s.printf("%v\n", s.b.AmendResting(s.id(), s.price(), s.qty()))
		} else {
			s.result(s.b.Amend(s.id(), s.price(), s.qty(), s.has("post-only"), nil))
		}
	case "cancel":
		if o, ok := s.b.Cancel(s.id()); ok {
			s.printf("cancelled %v %d at %d\n", o.Side, o.Qty, o.Price)
		} else {
			s.printf("not found\n")
		}
	case "get":
		if o, ok := s.b.Get(s.id()); ok {
			s.order1(o)
		} else {
			s.printf("not found\n")
		}
	case "fillable":
		s.printf("%d\n", s.b.Fillable(s.side(), s.price(), s.qty()))
	case "auction":
		r, ok := s.b.Auction(book.Price(s.number("ref", 0)), s.has("ref"))
		s.auction(r, ok)
	case "uncross":
		r, pairs := s.b.Uncross(book.Price(s.number("ref", 0)), s.has("ref"), nil)
		s.auction(r, r.Volume > 0)
		for _, p := range pairs {
			s.printf("buy %d, sell %d: %d (left %d, %d)\n", p.Buy, p.Sell, p.Qty, p.BuyLeft, p.SellLeft)
		}
	default:
		s.read()
	}
}

func (s *story) read() {
	switch s.d.Cmd {
	case "best":
		for _, side := range []book.Side{book.Buy, book.Sell} {
			if p, q, ok := s.b.Best(side); ok {
				s.printf("%v %d at %d\n", side, q, p)
			} else {
				s.printf("%v none\n", side)
			}
		}
	case "l2":
		for _, side := range []book.Side{book.Buy, book.Sell} {
			for _, l := range s.b.Levels(side, int(s.number("depth", 10)), nil) {
				s.printf("%v %d: %d in %d\n", side, l.Price, l.Qty, l.Orders)
			}
		}
	case "l3":
		for _, side := range []book.Side{book.Buy, book.Sell} {
			for o := range s.b.Orders(side) {
				s.order1(o)
			}
		}
	default:
		s.t.Fatalf("%s: unknown command %s", s.d.Pos, s.d.Cmd)
	}
}

func (s *story) order1(o book.Order) {
	s.printf("%v %d at %d: order %d, priority %d\n", o.Side, o.Qty, o.Price, o.ID, o.Priority)
}

func (s *story) result(r book.Result, fills []book.Fill) {
	for _, f := range fills {
		s.printf("trade with %d: %d at %d (left %d)\n", f.Maker, f.Qty, f.Price, f.MakerLeft)
	}
	s.printf("%v %d\n", r.Outcome, r.Left)
}

func (s *story) auction(r book.AuctionResult, ok bool) {
	switch {
	case !ok:
		s.printf("not crossed\n")
	case r.Surplus > 0:
		s.printf("%d at %d, surplus %v %d\n", r.Volume, r.Price, r.SurplusSide, r.Surplus)
	default:
		s.printf("%d at %d\n", r.Volume, r.Price)
	}
}
