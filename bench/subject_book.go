package bench

import (
	"uncross/bench/flow"
	"uncross/book"
)

// bookSubject is package book.
type bookSubject struct {
	flow  *flow.Flow
	book  *book.Book
	fills []book.Fill
	taker book.OrderID // of the last command
}

func (s *bookSubject) name() string         { return "book" }
func (s *bookSubject) kind(i int) flow.Kind { return s.flow.Bench()[i].Kind }

func (s *bookSubject) reset() {
	s.book = book.New(book.Config{})
	s.apply(s.flow.Fill())
}

func (s *bookSubject) run(from, to int) int { return s.apply(s.flow.Bench()[from:to]) }

func (s *bookSubject) apply(commands []flow.Command) (trades int) {
	for i := range commands {
		c := &commands[i]
		s.fills = s.fills[:0]
		switch c.Kind {
		case flow.NewGTC:
			_, s.fills = s.book.Place(book.Order{ID: c.ID, Side: c.Side, Price: c.Price, Qty: c.Qty}, book.GTC, false, s.fills)
		case flow.NewIOC:
			_, s.fills = s.book.Place(book.Order{ID: c.ID, Side: c.Side, Price: c.Price, Qty: c.Qty}, book.IOC, false, s.fills)
		case flow.Cancel:
			s.book.Cancel(c.ID)
		case flow.Move:
			_, s.fills = s.book.Amend(c.ID, c.Price, c.Qty, false, s.fills)
		}
		s.taker = c.ID
		trades += len(s.fills)
	}
	return trades
}

func (s *bookSubject) trades(t *flow.Tally) {
	for i := range s.fills {
		x := &s.fills[i]
		t.Add(x.Maker, s.taker, x.Price, x.Qty)
	}
}
