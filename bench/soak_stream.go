package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"uncross/gateway/client"
	"uncross/gateway/client/follow"
	"uncross/internal/nodes"
)

// soakStreams follow books and trades on every node, over everything that happens to it.
type soakStreams struct {
	followers []*follow.Follower

	mu     sync.Mutex
	trades []map[string]*soakTape // by node and symbol
}

// soakTape is the trades that one follower has been told.
type soakTape struct {
	ids   []uint64
	wrong string // what was wrong first
}

// soakTold is what the streams came to.
type soakTold struct{ trades, messages, proofs uint64 }

func openSoakStreams(t *nodes.Venue, v *SoakVenue) (*soakStreams, error) {
	s := &soakStreams{}
	var subs []follow.Subscription
	for _, symbol := range v.Symbols {
		subs = append(subs, follow.Subscription{Channel: follow.ChannelTrades, Symbol: symbol}, follow.Subscription{Channel: follow.ChannelBook, Symbol: symbol})
	}
	for i, n := range t.Nodes {
		s.trades = append(s.trades, map[string]*soakTape{})
		rest, err := client.New(client.Config{URL: n.URL()})
		if err != nil {
			return nil, err
		}
		f, err := follow.Open(follow.Config{Dial: follow.DialConfig{URL: n.URL(), Binary: i%2 == 1}, Client: rest, OnMessage: func(m *follow.Message) { s.saw(i, m) }}, subs...)
		if err != nil {
			s.close()
			return nil, err
		}
		s.followers = append(s.followers, f)
	}
	return s, nil
}

func (s *soakStreams) close() {
	for _, f := range s.followers {
		f.Close()
	}
}

// saw takes note of the trades of a message: each number comes behind the one before.
func (s *soakStreams) saw(node int, m *follow.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range m.Trades {
		tape := s.trades[node][m.Symbol]
		if tape == nil {
			tape = &soakTape{}
			s.trades[node][m.Symbol] = tape
		}
		if last := tape.last(); x.ID <= last && tape.wrong == "" {
			tape.wrong = fmt.Sprintf("trade %d came behind trade %d", x.ID, last)
		}
		tape.ids = append(tape.ids, x.ID)
	}
}

func (t *soakTape) last() uint64 {
	if t == nil || len(t.ids) == 0 {
		return 0
	}
	return t.ids[len(t.ids)-1]
}

// from returns the trades from one on.
func (t *soakTape) from(id uint64) []uint64 {
	at, _ := slices.BinarySearch(t.ids, id)
	return t.ids[at:]
}

// level waits until all followers have been told the same last trade of every instrument, and returns what they were told.
func (s *soakStreams) level(ctx context.Context, t *nodes.Venue) (told soakTold, err error) {
	err = t.Await(ctx, "the streams of all nodes to come to the same trade", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for symbol, tape := range s.trades[0] {
			for _, other := range s.trades[1:] {
				if other[symbol].last() != tape.last() {
					return false
				}
			}
		}
		return true
	})
	if err != nil {
		return told, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, of := range s.trades {
		c := s.followers[i].Counts()
		told.messages, told.proofs = told.messages+c.Messages, told.proofs+c.Proofs
		for symbol, tape := range of {
			// They began with the latest trades, each at its own moment.
			first := max(tape.ids[0], s.trades[0][symbol].ids[0])
			told.trades += uint64(len(tape.ids))
			switch {
			case tape.wrong != "":
				return told, fmt.Errorf("the stream of %s, %s: %s", t.Nodes[i].Name, symbol, tape.wrong)
			case !slices.Equal(tape.from(first), s.trades[0][symbol].from(first)):
				return told, fmt.Errorf("the streams of %s and %s tell other trades of %s", t.Nodes[i].Name, t.Nodes[0].Name, symbol)
			}
		}
	}
	return told, nil
}
