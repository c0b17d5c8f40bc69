package feed

import (
	"slices"

	"uncross/engine/wire"
)

// snapshot makes a snapshot for all who read a reader's line, and returns false where that has to wait: the reader is
// then woken. The mutex is held while the state is copied; the encoding is done outside.
func (f *Feed) snapshot(r *Reader) bool {
	l := r.l
	var c content
	f.mu.Lock()
	if !f.whole {
		f.hungry = append(f.hungry, l)
		l.mu.Lock()
		l.making = false
		l.sleep(r)
		l.mu.Unlock()
		f.mu.Unlock()
		return false
	}
	if l.t.restart {
		f.restart(l.t)
	}
	f.flush(l.t, f.o.Clock())
	f.copy(l.t, &c)
	d := l.t.m.def
	l.mu.Lock()
	s, epoch := &snapshot{at: l.end(), appended: l.appended}, l.epoch
	l.mu.Unlock()
	f.unlockAndWake(nil)

	var e encoder
	c.thaw()
	c.top()
	e.parts(l.enc, d, &c, func(payload []byte) { s.parts = append(s.parts, f.message(payload, l.enc)) })
	f.counts.snapshots.Add(1)

	l.mu.Lock()
	l.making = false
	if l.epoch == epoch {
		l.install(s)
	}
	wakes := l.rouse(nil)
	l.mu.Unlock()
	wake(wakes)
	return true
}

// copy takes a topic's state as of the last command.
func (f *Feed) copy(t *topic, c *content) {
	f.head(t, c)
	c.Snapshot, c.Previous, c.Summed = true, 0, false
	c.Sequence, c.TimeNs = t.told.seq, t.told.timeNs
	book := t.m.book
	switch t.key.Channel {
	case Book:
		c.Summed = true
		for _, side := range [...]wire.Side{wire.Buy, wire.Sell} {
			c.spare = book.Levels(side, 0, c.spare[:0])
			c.Levels = appendLevels(c.Levels, side, c.spare)
		}
	case Orders:
		c.Summed = true
		if book.Len(wire.Buy)+book.Len(wire.Sell) > PartEntries {
			c.frozen = book.Freeze() // very many are not to be copied while everybody waits
			return
		}
		for _, side := range [...]wire.Side{wire.Buy, wire.Sell} {
			c.Orders = appendOrders(c.Orders, book, side, book.Len(side))
		}
	case Trades:
		c.Trades = t.m.latestTrades(nil)
	default:
		f.state(t, c)
	}
}

// thaw copies the orders of a book that was frozen.
func (c *content) thaw() {
	k := c.frozen
	if k == nil {
		return
	}
	defer k.Release()
	c.Orders = slices.Grow(c.Orders, k.Len(wire.Buy)+k.Len(wire.Sell))
	for _, side := range [...]wire.Side{wire.Buy, wire.Sell} {
		c.Orders = appendOrders(c.Orders, k, side, k.Len(side))
	}
}

// top takes what the checksum of a snapshot is taken over out of the snapshot itself.
func (c *content) top() {
	bids := 0
	switch c.Channel {
	case Book:
		for bids < len(c.Levels) && c.Levels[bids].Side == wire.Buy {
			bids++
		}
		c.levels[0] = c.Levels[:min(bids, ChecksumLevels)]
		c.levels[1] = c.Levels[bids:min(len(c.Levels), bids+ChecksumLevels)]
	case Orders:
		for bids < len(c.Orders) && c.Orders[bids].Side == wire.Buy {
			bids++
		}
		c.orders[0] = c.Orders[:min(bids, ChecksumOrders)]
		c.orders[1] = c.Orders[bids:min(len(c.Orders), bids+ChecksumOrders)]
	}
}

// unlockAndWake lets the mutex go and wakes those who have something to read. The list is copied to memory that the caller may
// use again.
func (f *Feed) unlockAndWake(into []*Reader) []*Reader {
	into = append(into[:0], f.wakes...)
	clear(f.wakes)
	f.wakes = f.wakes[:0]
	f.mu.Unlock()
	wake(into)
	return into
}

func wake(all []*Reader) {
	for i, r := range all {
		r.wake()
		all[i] = nil
	}
}
