package bench

import (
	"uncross/bench/flow"
	"uncross/bench/plain"
)

// plainSubject is the plain book.
type plainSubject struct {
	flow *flow.Flow
	book *plain.Book
	made []plain.Trade
}

func (s *plainSubject) name() string         { return "plain" }
func (s *plainSubject) kind(i int) flow.Kind { return s.flow.Bench()[i].Kind }

func (s *plainSubject) reset() {
	s.book = plain.New()
	s.apply(s.flow.Fill())
}

func (s *plainSubject) run(from, to int) int { return s.apply(s.flow.Bench()[from:to]) }

func (s *plainSubject) apply(commands []flow.Command) (trades int) {
	for i := range commands {
		c := &commands[i]
		s.made = s.made[:0]
		switch c.Kind {
		case flow.NewGTC, flow.NewIOC:
			s.made = s.book.Place(c.ID, c.Side, c.Price, c.Qty, c.Kind == flow.NewIOC, s.made)
		case flow.Cancel:
			s.book.Cancel(c.ID)
		case flow.Move:
			s.made = s.book.Move(c.ID, c.Price, s.made)
		}
		trades += len(s.made)
	}
	return trades
}

func (s *plainSubject) trades(t *flow.Tally) {
	for _, x := range s.made {
		t.Add(x.Maker, x.Taker, x.Price, x.Qty)
	}
}
