package follow

import (
	"slices"
	"sync"

	"uncross/engine/wire"
)

// Witness keeps what copies of books were at the latest sequences, so that answers of REST, which come earlier or later, can
// be held against the copy of the same sequence. It may be used from any goroutine.
type Witness struct {
	kept int

	mu   sync.Mutex
	rows map[Subscription]*past
}

// past is the latest states of one copy.
type past struct {
	states map[uint64]*state
	order  []uint64 // sequences in states, oldest first
}

// state is a copy as it was at one sequence.
type state struct {
	levels [2][]Level
	orders [2][]Order
}

// NewWitness returns a witness that keeps so many states of each copy.
func NewWitness(kept int) *Witness {
	return &Witness{kept: kept, rows: map[Subscription]*past{}}
}

// Saw takes note of the state of the copy that a message has changed; it is for Config.OnMessage.
func (w *Witness) Saw(c *Copies, m *Message) {
	s := &state{}
	sequence := uint64(0)
	switch m.Channel {
	case ChannelBook:
		b := c.Book(m.Symbol)
		if b == nil || !b.Whole() {
			return
		}
		sequence = b.Sequence()
		s.levels = [2][]Level{b.Levels(wire.Buy, 0, nil), b.Levels(wire.Sell, 0, nil)}
	case ChannelOrders:
		o := c.Orders(m.Symbol)
		if o == nil || !o.Whole() {
			return
		}
		sequence = o.Sequence()
		s.levels = [2][]Level{o.Levels(wire.Buy, 0, nil), o.Levels(wire.Sell, 0, nil)}
		s.orders = [2][]Order{slices.Collect(o.All(wire.Buy)), slices.Collect(o.All(wire.Sell))}
	default:
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := keyOf(m)
	p := w.rows[key]
	if p == nil {
		p = &past{states: map[uint64]*state{}}
		w.rows[key] = p
	}
	if _, known := p.states[sequence]; !known {
		p.order = append(p.order, sequence)
	}
	p.states[sequence] = s
	if len(p.order) > w.kept {
		delete(p.states, p.order[0])
		p.order = append(p.order[:0], p.order[1:]...)
	}
}

// Hold holds the copy of a channel, book or orders, against REST's book. It reports whether the copy was ever at the book's sequence,
// as far as is known, and how the two differ, "" when they do not.
func (w *Witness) Hold(channel string, r *RESTBook) (met bool, difference string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.rows[Subscription{Channel: channel, Symbol: r.Symbol}]
	if p == nil || p.states[r.Sequence] == nil {
		return false, ""
	}
	s := p.states[r.Sequence]
	for i, side := range []wire.Side{wire.Buy, wire.Sell} {
		d := ""
		if r.HasOrders {
			d = diffList(first(s.orders[i], r.Depth), [2][]Order{r.BidOrders, r.AskOrders}[i])
		} else {
			d = diffList(first(s.levels[i], r.Depth), [2][]Level{r.Bids, r.Asks}[i])
		}
		if d != "" {
			return true, differs(r.Sequence, side, d)
		}
	}
	return true, ""
}
