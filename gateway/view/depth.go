package view

import (
	"fmt"

	"github.com/google/btree"

	"uncross/engine/wire"
)

// levels is one side of a book, by ascending price.
type levels struct{ tree *btree.BTreeG[Level] }

func newLevels() levels {
	return levels{btree.NewG(32, func(a, b Level) bool { return a.Price < b.Price })}
}

// add changes a level by a quantity and a number of orders, both possibly negative. An empty level goes away.
func (l *levels) add(p wire.Price, q wire.Qty, orders int) {
	v, _ := l.tree.Get(Level{Price: p})
	v.Price = p
	v.Qty += q
	v.Orders += orders
	switch {
	case v.Orders > 0 && v.Qty > 0:
		l.tree.ReplaceOrInsert(v)
	case v.Orders == 0 && v.Qty == 0:
		l.tree.Delete(v)
	default:
		panic(fmt.Sprintf("view: level %d has %d lots of %d orders", p, v.Qty, v.Orders))
	}
}

// best returns up to depth levels (all for 0), the greatest price first where descending is set.
func (l *levels) best(depth int, descending bool) []Level {
	n := l.tree.Len()
	if depth > 0 && depth < n {
		n = depth
	}
	out := make([]Level, 0, n)
	if n == 0 {
		return out
	}
	take := func(v Level) bool {
		out = append(out, v)
		return len(out) < n
	}
	if descending {
		l.tree.Descend(take)
	} else {
		l.tree.Ascend(take)
	}
	return out
}

// tape is the latest trades of an instrument, a ring that grows up to max.
type tape struct {
	max  int
	ring []Trade
	next int // where the next one goes once the ring is full
}

func (t *tape) add(tr Trade) {
	if len(t.ring) < t.max {
		t.ring = append(t.ring, tr)
		return
	}
	t.ring[t.next] = tr
	t.next = (t.next + 1) % t.max
}

// latest returns up to limit trades, newest first.
func (t *tape) latest(limit int) []Trade {
	n := min(limit, len(t.ring))
	out := make([]Trade, n)
	for i := range out {
		out[i] = t.ring[(t.next+len(t.ring)-1-i)%len(t.ring)]
	}
	return out
}
