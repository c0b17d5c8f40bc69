package follow

import (
	"context"
	"errors"
	"slices"
	"time"
)

// message deals with one message of the server's.
func (f *Follower) message(m frame) error {
	if m.binary {
		all, err := f.decoder.decodeBinary(m.payload)
		if err != nil {
			return err
		}
		f.silence.heard()
		f.apply(all)
		return nil
	}
	a, msg, err := f.decoder.decode(m.payload)
	switch {
	case err != nil:
		return err
	case a != nil:
		f.answered(a)
	default:
		f.silence.heard()
		f.apply(msg)
	}
	return nil
}

// topicOf returns the subscription that a message comes from, nil where there is none.
func (f *Follower) topicOf(m *Message) *topic {
	s := keyOf(m)
	if t := f.topics[s]; t != nil {
		return t
	}
	s.Symbol = All
	return f.topics[s]
}

func keyOf(m *Message) Subscription {
	s := Subscription{Channel: m.Channel, Symbol: m.Symbol, Interval: m.Interval}
	if s.Private() {
		s = Subscription{Channel: m.Channel, Account: m.Account}
	}
	return s
}

// apply puts a message in its copy and tells the application.
func (f *Follower) apply(m *Message) {
	t := f.topicOf(m)
	if t == nil || t.state != live {
		return // it was on its way when the subscription ended
	}
	f.mu.Lock()
	tell, err := f.applied(t, m)
	f.mu.Unlock()
	if err != nil {
		f.count(func(c *Counts) { c.Gaps++ })
		t.trouble(time.Now())
		f.c.OnEvent(Event{Kind: Gap, Subscription: t.sub, Err: err})
		return
	}
	t.fine()
	if t.lost {
		t.lost = false
		f.c.OnEvent(Event{Kind: Trimmed, Subscription: t.sub, Err: errNoREST})
	}
	if tell {
		f.c.OnMessage(m)
	}
	if t.fill != nil && t.fill.begin {
		t.fill.begin = false
		f.c.OnEvent(Event{Kind: Filling, Subscription: t.sub})
	}
}

var errNoREST = errors.New("follow: trades were missed, and there is no client to read them with")

// applied puts a message in its copy; the lock is held. It reports whether there is something to tell.
func (f *Follower) applied(t *topic, m *Message) (tell bool, err error) {
	key := keyOf(m)
	proofs := func(proved func() uint64, apply func() error) (bool, error) {
		was := proved()
		err := apply()
		f.counts.Proofs += proved() - was
		return err == nil, err
	}
	switch m.Channel {
	case ChannelBook:
		b := copyOf(f.copies, key, NewBook)
		return proofs(b.Proved, func() error { return b.Apply(m) })
	case ChannelOrders:
		o := copyOf(f.copies, key, NewOrders)
		return proofs(o.Proved, func() error { return o.Apply(m) })
	case ChannelTrades:
		return f.trades(t, m)
	case ChannelCandles:
		return true, copyOf(f.copies, key, func() *Chart { return &Chart{} }).Apply(m)
	case ChannelExecutions, ChannelBalances:
		fresh, err := t.place.take(m)
		if !fresh {
			f.counts.Duplicates++
			return false, err
		}
		if m.Channel == ChannelBalances {
			copyOf(f.copies, key, func() *Wallet { return &Wallet{} }).Apply(m)
		}
		return true, nil
	}
	return true, copyOf(f.copies, key, func() *Latest { return &Latest{} }).Apply(m)
}

// tapeOf returns the tape of a topic, with where the application wants it to begin.
func (f *Follower) tapeOf(t *topic) *Tape {
	return copyOf(f.copies, t.sub.key(), func() *Tape {
		r := reader{}
		if t.sub.After == "" {
			return NewTape(0, false)
		}
		return NewTape(r.id(t.sub.After), true)
	})
}

// trades puts trades on their tape; where some may be missing, those are read from REST first.
func (f *Follower) trades(t *topic, m *Message) (tell bool, err error) {
	tape := f.tapeOf(t)
	if t.fill != nil {
		return false, t.fill.add(m)
	}
	missing := m.Snapshot && tape.Missing(m)
	if missing && f.c.Client != nil {
		t.fill = &fill{pending: slices.Clone(m.Trades), sequence: m.Sequence, begin: true}
		tape.Instrument = m.Instrument
		last, _ := tape.Last()
		go f.fetch(t, m.Instrument, tape.last.ID, last.Command)
		return false, nil
	}
	t.lost = missing
	was := len(m.Trades)
	news, err := tape.Apply(m)
	f.counts.Duplicates += uint64(was - len(news))
	m.Trades = news
	return err == nil && (len(news) > 0 || m.Snapshot), err
}

// fillPage is trades that were read from REST, or the end of the list.
type fillPage struct {
	topic *topic
	list  []Trade
	end   bool   // there are no more now
	asOf  uint64 // at the end: the last command that the list has seen
	err   error
	more  chan bool // the answer: whether to go on
}

// fetch reads trades from REST and hands them over, until it is told that it is enough.
func (f *Follower) fetch(t *topic, in *Instrument, after, command uint64) {
	hand := func(p fillPage) bool {
		p.topic, p.more = t, make(chan bool, 1)
		select {
		case f.pages <- p:
			return <-p.more
		case <-f.ctx.Done():
			return false
		}
	}
	pause := firstPause
	for {
		enough := false
		asOf, err := EachTrade(f.ctx, f.c.Client, in, after, command, func(list []Trade) bool {
			last := list[len(list)-1]
			after, command = last.ID, last.Command
			enough = !hand(fillPage{list: list})
			return !enough
		})
		if enough || !hand(fillPage{end: err == nil, asOf: asOf, err: err}) {
			return
		}
		if pause = min(2*pause, time.Second); err == nil {
			pause = 2 * firstPause
		}
		select {
		case <-time.After(pause):
		case <-f.ctx.Done():
			return
		}
	}
}

// page puts trades from REST on their tape, and closes the gap where they reach what has come meanwhile.
func (f *Follower) page(p fillPage) {
	t := p.topic
	if f.topics[t.sub.key()] != t || t.fill == nil {
		p.more <- false
		return
	}
	trimmed := false
	if e := asError(p.err); e != nil && !e.Temporary() {
		trimmed = true
	} else if p.err != nil {
		if !errors.Is(p.err, context.Canceled) {
			f.c.OnEvent(Event{Kind: Filling, Subscription: t.sub, Err: p.err})
		}
		p.more <- true
		return
	}
	f.mu.Lock()
	tape := f.tapeOf(t)
	list := tape.fresh(p.list)
	tape.add(list)
	f.counts.Filled += uint64(len(list))
	last, asOf := tape.last.ID, uint64(0)
	if p.end {
		asOf = p.asOf
	}
	var kept []Trade
	closed := trimmed || t.fill.closed(last, asOf)
	if closed {
		kept = slices.Clone(tape.fresh(t.fill.pending))
		tape.add(kept)
		tape.sequence = t.fill.sequence
		t.fill = nil
	}
	f.mu.Unlock()
	p.more <- !closed
	if trimmed {
		f.c.OnEvent(Event{Kind: Trimmed, Subscription: t.sub, Err: p.err})
	}
	f.told(t, tape, list, true)
	f.told(t, tape, kept, false)
}

// told tells the application of trades that were put on a tape.
func (f *Follower) told(t *topic, tape *Tape, list []Trade, filled bool) {
	if len(list) > 0 {
		f.c.OnMessage(&Message{Channel: ChannelTrades, Symbol: t.sub.Symbol, Instrument: tape.Instrument, Sequence: list[len(list)-1].Command,
			TimeNs: list[len(list)-1].TimeNs, Trades: list, Backfilled: filled})
	}
}
