package follow

import (
	"fmt"
	"iter"
	"slices"

	"uncross/engine/wire"
)

// resting is an order in a copy, in the list of its price.
type resting struct {
	Order
	side     wire.Side
	at       *queue
	up, down *resting // before and behind it
}

// queue is the orders of one price, first in first out.
type queue struct {
	price       wire.Price
	first, last *resting
	qty         wire.Qty
	n           int
}

func (q *queue) push(o *resting) {
	o.at, o.up, o.down = q, q.last, nil
	if q.last == nil {
		q.first = o
	} else {
		q.last.down = o
	}
	q.last = o
	q.qty += o.Qty
	q.n++
}

func (q *queue) drop(o *resting) {
	if o.up == nil {
		q.first = o.down
	} else {
		o.up.down = o.down
	}
	if o.down == nil {
		q.last = o.up
	} else {
		o.down.up = o.up
	}
	q.qty -= o.Qty
	q.n--
}

// Orders is a copy of every order in an instrument's book, from the channel orders.
type Orders struct {
	Instrument *Instrument
	TimeNs     int64

	sequence uint64
	whole    bool
	parts    int
	sides    [2][]*queue // bids and asks, the best price last
	byID     map[wire.OrderID]*resting
	sums     uint64
	scratch  []byte
}

// NewOrders returns a copy that has nothing yet.
func NewOrders() *Orders { return &Orders{byID: map[wire.OrderID]*resting{}} }

// Whole reports whether the copy has a whole snapshot; without one it says nothing.
func (o *Orders) Whole() bool { return o.whole }

// Sequence returns the number of the command that changed the book last.
func (o *Orders) Sequence() uint64 { return o.sequence }

// Proved returns how many checksums have agreed.
func (o *Orders) Proved() uint64 { return o.sums }

// Len returns how many orders rest.
func (o *Orders) Len() int { return len(o.byID) }

// Order returns an order that rests, and its side.
func (o *Orders) Order(id wire.OrderID) (order Order, side wire.Side, ok bool) {
	r, ok := o.byID[id]
	if !ok {
		return Order{}, 0, false
	}
	return r.Order, r.side, true
}

func (o *Orders) queues(side wire.Side) *[]*queue {
	if side == wire.Buy {
		return &o.sides[0]
	}
	return &o.sides[1]
}

// All yields the orders of a side in priority order.
func (o *Orders) All(side wire.Side) iter.Seq[Order] {
	return func(yield func(Order) bool) {
		queues := *o.queues(side)
		for i := range queues {
			for r := queues[len(queues)-1-i].first; r != nil; r = r.down {
				if !yield(r.Order) {
					return
				}
			}
		}
	}
}

// Levels appends the best levels that the orders of a side come to, best first; depth 0: all.
func (o *Orders) Levels(side wire.Side, depth int, dst []Level) []Level {
	queues := *o.queues(side)
	n := len(queues)
	if depth > 0 {
		n = min(n, depth)
	}
	for i := range n {
		q := queues[len(queues)-1-i]
		dst = append(dst, Level{q.price, q.qty, q.n})
	}
	return dst
}

// Apply takes the next message of the channel. Errors: ErrGap, ErrChecksum, ErrBroken; the copy is of no use then until the
// next snapshot.
func (o *Orders) Apply(m *Message) error {
	err := o.apply(m)
	if err != nil {
		o.whole, o.parts = false, 0
	}
	return err
}

func (o *Orders) apply(m *Message) error {
	done, err := nextPart(m, o.whole, &o.parts, o.sequence)
	if err != nil {
		return err
	}
	if m.Snapshot && m.Part <= 1 {
		o.sides = [2][]*queue{}
		clear(o.byID)
	}
	o.Instrument, o.sequence, o.whole, o.TimeNs = m.Instrument, m.Sequence, done, m.TimeNs
	for _, r := range m.BidOrders {
		if err := o.change(Change{Added, wire.Buy, r}); err != nil {
			return err
		}
	}
	for _, r := range m.AskOrders {
		if err := o.change(Change{Added, wire.Sell, r}); err != nil {
			return err
		}
	}
	for _, c := range m.Changes {
		if err := o.change(c); err != nil {
			return err
		}
	}
	if m.Checksum == nil || !o.whole {
		return nil
	}
	if own := o.Checksum(m.Binary); own != *m.Checksum {
		return fmt.Errorf("%w: %d, at sequence %d it is to be %d", ErrChecksum, own, o.sequence, *m.Checksum)
	}
	o.sums++
	return nil
}

func (o *Orders) change(c Change) error {
	r, known := o.byID[c.ID]
	switch {
	case c.Kind == Added && (known || c.Qty <= 0):
		return fmt.Errorf("%w: order %d enters with %d lots, and is there: %v", ErrBroken, c.ID, c.Qty, known)
	case c.Kind == Added:
		r = &resting{Order: c.Order, side: c.Side}
		o.byID[c.ID] = r
		o.queueOf(c.Side, c.Price).push(r)
		return nil
	case !known || r.side != c.Side || r.Price != c.Price:
		return fmt.Errorf("%w: order %d changes and is not there at that side and price", ErrBroken, c.ID)
	case c.Kind == Changed && c.Qty > 0:
		r.at.qty += c.Qty - r.Qty
		r.Qty = c.Qty
		return nil
	}
	delete(o.byID, c.ID)
	if r.at.drop(r); r.at.n == 0 {
		queues := o.queues(c.Side)
		i, _ := findQueue(*queues, c.Side, c.Price)
		*queues = slices.Delete(*queues, i, i+1)
	}
	return nil
}

func findQueue(queues []*queue, side wire.Side, p wire.Price) (int, bool) {
	return slices.BinarySearchFunc(queues, p, func(q *queue, p wire.Price) int {
		switch {
		case q.price == p:
			return 0
		case better(side, p, q.price):
			return -1
		}
		return 1
	})
}

// queueOf returns the queue of a price, a new one where there is none.
func (o *Orders) queueOf(side wire.Side, p wire.Price) *queue {
	queues := o.queues(side)
	i, ok := findQueue(*queues, side, p)
	if !ok {
		*queues = slices.Insert(*queues, i, &queue{price: p})
	}
	return (*queues)[i]
}

// sumOrders is how many orders of either side a checksum is over.
const sumOrders = 50

// Checksum returns the checksum of the copy as the venue computes it: over text, in the binary form over lots.
func (o *Orders) Checksum(binary bool) uint32 {
	s := o.scratch[:0]
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		n := 0
		for r := range o.All(side) {
			if n++; n > sumOrders {
				break
			}
			s = append(appendID(s, r.ID), ':')
			s = append(appendLots(s, o.Instrument, r.Qty, binary), ':')
		}
	}
	o.scratch = s
	return sum(s)
}

// Diff says how the copy differs from REST's book, "" when it does not: the orders with level 3, the levels that they come to
// with level 2. Both must be of the same sequence. Where REST tells of fewer than it has, those are compared.
func (o *Orders) Diff(r *RESTBook) string {
	if !o.whole || o.sequence != r.Sequence {
		return notMet(o.sequence, r)
	}
	for i, side := range []wire.Side{wire.Buy, wire.Sell} {
		d := ""
		if r.HasOrders {
			d = diffList(first(slices.Collect(o.All(side)), r.Depth), [2][]Order{r.BidOrders, r.AskOrders}[i])
		} else {
			d = diffList(o.Levels(side, r.Depth, nil), [2][]Level{r.Bids, r.Asks}[i])
		}
		if d != "" {
			return differs(r.Sequence, side, d)
		}
	}
	return ""
}
