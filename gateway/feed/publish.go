package feed

import (
	"iter"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
	"uncross/gateway/mirror"
)

// content is a message with what its checksum is taken over: the best levels or first orders, bids and asks.
type content struct {
	compact.Message
	levels [2][]compact.Level
	orders [2][]compact.Order
	spare  []mirror.Level
	frozen *mirror.Frozen // of a snapshot with very many orders: these are still to be copied
	memory struct {
		levels  []compact.Level
		orders  []compact.Order
		candles []candles.Candle
	}
}

// publishDue publishes what may be published by now. The mutex is held.
func (f *Feed) publishDue(now time.Time) {
	if !f.whole {
		return // the rest of the command is on its way
	}
	for len(f.later) > 0 && !f.later[0].at.After(now) {
		f.publishOrWait(f.later.pop(), now)
	}
	for i, t := range f.queue {
		f.publishOrWait(t, now)
		f.queue[i] = nil
	}
	f.queue = f.queue[:0]
}

// publishOrWait publishes a topic that is in no list any more, or has it wait until it is due.
func (f *Feed) publishOrWait(t *topic, now time.Time) {
	if t.dirty && t.earliest.After(now) {
		f.later.push(due{t.earliest, t})
		return
	}
	t.queued = false
	if t.dirty {
		f.publish(t, now)
	}
}

// flush publishes what a topic has, due or not: a snapshot comes behind it.
func (f *Feed) flush(t *topic, now time.Time) {
	if t.dirty || t.key.Channel == Auction && t.m.lookAtAuction() {
		f.publish(t, now)
	}
}

// publish gives a topic's readers what has changed. The mutex is held.
func (f *Feed) publish(t *topic, now time.Time) {
	t.dirty, t.earliest = false, now.Add(t.gap)
	f.dropIdle(t, now)
	if !t.active() {
		return
	}
	if t.restart {
		f.restart(t)
		return
	}
	m, c := t.m, &f.said
	t.updates++
	f.head(t, c)
	switch t.key.Channel {
	case Book:
		m.distinct()
		for _, p := range m.levels {
			v, _ := m.book.Level(p.side, p.price)
			c.Levels = append(c.Levels, compact.Level{Side: p.side, Price: p.price, Qty: v.Qty, Orders: uint32(v.Orders)})
		}
		m.levels = m.levels[:0]
		if c.Summed {
			c.best(m.book, ChecksumLevels)
		}
	case Orders:
		c.Orders = append(c.Orders, m.orders...)
		m.orders = m.orders[:0]
		if c.Summed {
			c.first(m.book)
		}
	case Trades:
		f.publishTrades(t)
		return
	case Auction:
		m.lookAtAuction()
		if m.auctionAt == t.told {
			return // it came to the same
		}
		c.Sequence, c.TimeNs = m.auctionAt.seq, m.auctionAt.timeNs
	}
	f.state(t, c)
	f.send(t, c)
	c.keep()
}

// head begins an update.
func (f *Feed) head(t *topic, c *content) {
	at := t.m.changed(t)
	c.Message = compact.Message{
		Channel: t.key.Channel, Interval: t.key.Interval, Instrument: t.key.Instrument,
		Sequence: at.seq, Previous: t.told.seq, TimeNs: at.timeNs,
		Summed: (t.key.Channel == Book || t.key.Channel == Orders) && t.updates%ChecksumEvery == 0,
	}
	c.lists()
}

// lists lets a message use the memory of the one before.
func (c *content) lists() {
	c.Levels, c.Orders, c.Candles = c.memory.levels[:0], c.memory.orders[:0], c.memory.candles[:0]
}

// keep remembers the memory that a message used.
func (c *content) keep() {
	c.memory.levels, c.memory.orders, c.memory.candles = c.Levels, c.Orders, c.Candles
}

// state puts the present state into a message of a channel whose messages say everything.
func (f *Feed) state(t *topic, c *content) {
	m := t.m
	switch t.key.Channel {
	case BBO:
		for i, side := range [...]wire.Side{wire.Buy, wire.Sell} {
			if v := m.best[i]; v.Orders > 0 {
				c.Levels = append(c.Levels, compact.Level{Side: side, Price: v.Price, Qty: v.Qty, Orders: uint32(v.Orders)})
			}
		}
	case Auction:
		c.Auction = m.auction
	case Status:
		c.Status = compact.StatusState{Phase: m.phase, Was: m.was}
	case Candles:
		at := t.key.Interval.Index()
		from := m.since[at]
		if c.Snapshot {
			from = max(len(m.rows[at])-SnapshotCandles, 0)
		}
		c.Candles = append(c.Candles, m.rows[at][from:]...)
		m.shorten(t.key.Interval)
	case Statistics:
		if m.step(f.o.Clock()) && c.Snapshot {
			f.news(t) // the others are to hear of it too
		}
		c.Statistics = m.day.Statistics()
	}
}

// best puts the best levels into what the checksum is taken over.
func (c *content) best(book *mirror.Book, depth int) {
	for i, side := range [...]wire.Side{wire.Buy, wire.Sell} {
		c.spare = book.Levels(side, depth, c.spare[:0])
		c.levels[i] = appendLevels(c.levels[i][:0], side, c.spare)
	}
}

func appendLevels(dst []compact.Level, side wire.Side, levels []mirror.Level) []compact.Level {
	for _, v := range levels {
		dst = append(dst, compact.Level{Side: side, Price: v.Price, Qty: v.Qty, Orders: uint32(v.Orders)})
	}
	return dst
}

// first puts the first orders into what the checksum is taken over.
func (c *content) first(book *mirror.Book) {
	for i, side := range [...]wire.Side{wire.Buy, wire.Sell} {
		c.orders[i] = appendOrders(c.orders[i][:0], book, side, ChecksumOrders)
	}
}

// appendOrders appends up to depth orders of a side of a book, or of a frozen one.
func appendOrders(dst []compact.Order, book interface {
	Orders(wire.Side) iter.Seq[mirror.Resting]
}, side wire.Side, depth int) []compact.Order {
	if depth <= 0 {
		return dst
	}
	for o := range book.Orders(side) {
		dst = append(dst, compact.Order{Action: compact.Add, Side: side, Order: o.Order, Price: o.Price, Qty: o.Qty})
		if depth--; depth == 0 {
			break
		}
	}
	return dst
}

// publishTrades publishes the trades that wait, in as many messages as it takes.
func (f *Feed) publishTrades(t *topic) {
	m, c := t.m, &f.said
	for all := m.trades; len(all) > 0; {
		n := min(len(all), PartTrades)
		last := &all[n-1]
		c.Message = compact.Message{
			Channel: Trades, Instrument: m.id, Sequence: last.Command, Previous: t.told.seq, TimeNs: last.TimeNs,
			Trades: all[:n],
		}
		f.send(t, c)
		all = all[n:]
	}
	m.trades = m.trades[:0]
}

// send encodes an update for those who read it, and appends it.
func (f *Feed) send(t *topic, c *content) {
	t.told = change{c.Sequence, c.TimeNs}
	count := StateMessages
	switch t.key.Channel {
	case Book, Orders, Trades:
		count = f.o.LogMessages
	}
	for _, l := range t.lines {
		if l == nil {
			continue
		}
		f.e.parts(l.enc, t.m.def, c, func(payload []byte) {
			msg := f.message(payload, l.enc)
			l.mu.Lock()
			l.push(msg, f.o.LogBytes, count)
			l.mu.Unlock()
		})
		l.mu.Lock()
		f.wakes = l.rouse(f.wakes)
		l.mu.Unlock()
	}
}

// parts encodes a message, in parts where it is too large for one. What is given is overwritten by the next.
func (e *encoder) parts(enc Encoding, d *definition, c *content, give func(payload []byte)) {
	if c.Summed {
		c.Checksum = e.checksum(enc, d, c)
	}
	entries := max(len(c.Levels), len(c.Orders))
	if c.Channel != Book && c.Channel != Orders || entries <= PartEntries {
		give(e.encode(enc, d, &c.Message))
		return
	}
	m := c.Message
	m.Parts = (entries + PartEntries - 1) / PartEntries
	for m.Part = 1; m.Part <= m.Parts; m.Part++ {
		from, to := (m.Part-1)*PartEntries, min(m.Part*PartEntries, entries)
		if c.Channel == Book {
			m.Levels = c.Levels[from:to]
		} else {
			m.Orders = c.Orders[from:to]
		}
		m.Summed = c.Summed && m.Part == m.Parts
		m.Checksum = 0
		if m.Summed {
			m.Checksum = c.Checksum
		}
		give(e.encode(enc, d, &m))
	}
}

func (e *encoder) checksum(enc Encoding, d *definition, c *content) uint32 {
	if c.Channel == Book {
		return e.levelSum(enc, d, c.levels[0], c.levels[1])
	}
	return e.orderSum(enc, d, c.orders[0], c.orders[1])
}

// restart makes all readers of a topic take a new snapshot; those who cannot are cut off.
func (f *Feed) restart(t *topic) {
	t.restart, t.dirty = false, false
	t.m.forget(t.key.Channel)
	t.told = t.m.changed(t)
	f.counts.restarts.Add(1)
	for _, l := range t.lines {
		if l == nil {
			continue
		}
		l.mu.Lock()
		l.begin()
		f.wakes = l.rouse(f.wakes)
		l.mu.Unlock()
	}
}

// dropIdle gives up lines that nobody has read for a while, or whose snapshot nobody could use any more.
func (f *Feed) dropIdle(t *topic, now time.Time) {
	for i, l := range t.lines {
		if l == nil || l.readers > 0 {
			continue
		}
		l.mu.Lock()
		useless := !l.making && (l.fresh() == nil || now.Sub(l.idle) >= Linger)
		l.mu.Unlock()
		if useless {
			t.lines[i] = nil
		}
	}
	if !t.active() {
		t.restart = false
		t.m.forget(t.key.Channel)
	}
}

// step moves the 24 hours of all markets on when a minute has passed.
func (f *Feed) step(now time.Time) {
	minute := candles.M1.Start(now.Add(-windowLag).UnixNano())
	if minute <= f.minute {
		return
	}
	f.minute = minute
	for _, m := range f.markets {
		if m.step(now) {
			f.news(m.topic(Statistics, 0))
		}
		for t := range m.all() {
			f.dropIdle(t, now)
		}
	}
}
