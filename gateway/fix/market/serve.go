package market

import (
	"slices"
	"time"

	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// serve sends what an instrument's subscribers have not had, of commands up to a given one, as far as it is due. again
// tells that something is left, to be looked at after wait, or when more was read.
func (m *Market) serve(in *instrument, upTo uint64, now time.Time) (wait time.Duration, again bool) {
	if m.instruments[in.ID] != in {
		return 0, false // nobody is left
	}
	if in.missed && m.view.Applied() < m.needs {
		return 0, true
	}
	var dead []*session
	m.sendPhases(in, upTo, &dead)
	fresh := m.newTrades(in, upTo)
	u := publication{in: in, fresh: fresh, afresh: in.afresh, due: in.afresh || !now.Before(in.next), dead: &dead}
	in.missed, in.afresh = false, false
	if in.changed && u.due {
		u.compared = true
		m.compare(in)
	}
	if m.publish(&u) || u.compared {
		in.next = now.Add(m.o.Interval)
	}
	for _, s := range dead {
		m.bury(s)
	}
	switch {
	case in.changed && in.change <= upTo || u.held:
		return in.next.Sub(now), true
	case in.changed || len(in.pending) > 0 || len(in.phases) > 0:
		return time.Hour, true // the reader wakes the sender when their command is complete
	}
	return 0, false
}

// publication is one round of messages about an instrument.
type publication struct {
	in       *instrument
	fresh    []view.Trade // trades that nobody has had
	compared bool         // the lines' deltas are of now
	due      bool         // a message about the book may be sent
	afresh   bool         // everybody gets a snapshot
	held     bool         // something is left for when it is due
	dead     *[]*session  // whose sink took no more
}

// newTrades takes the trades that are to be sent now.
func (m *Market) newTrades(in *instrument, upTo uint64) []view.Trade {
	if in.missed {
		return m.missedTrades(in)
	}
	n := 0
	for n < len(in.pending) && in.pending[n].Seq <= upTo {
		n++
	}
	out := in.pending[:n]
	in.pending = in.pending[n:]
	if len(in.pending) == 0 {
		in.pending = nil
	}
	for len(out) > 0 && out[0].Seq <= in.told {
		out = out[1:]
	}
	in.told = max(in.told, upTo)
	return out
}

// missedTrades takes them from the view, which keeps a number of them.
func (m *Market) missedTrades(in *instrument) []view.Trade {
	at := m.view.Applied()
	kept, _ := m.view.Trades(in.ID, view.MaxTrades)
	n := 0 // newest first
	for n < len(kept) && kept[n].Seq > in.told {
		n++
	}
	if n == len(kept) && n >= m.o.Trades {
		in.afresh = true
	}
	out := kept[:n]
	slices.Reverse(out)
	if n > 0 {
		at = max(at, out[n-1].Seq)
	}
	in.told = max(in.told, at)
	in.pending = slices.DeleteFunc(in.pending, func(t view.Trade) bool { return t.Seq <= in.told })
	return out
}

// compare works out what changed in every depth of a book that somebody has, and takes the present one for sent.
func (m *Market) compare(in *instrument) {
	deepest := 0
	for _, l := range in.lines {
		deepest = max(deepest, l.depth)
	}
	in.changed = false
	if deepest == 0 {
		return
	}
	b, _ := m.view.Book(in.ID, deepest)
	d := &in.Instrument.Instrument
	for _, l := range in.lines {
		bid, ask := b.Bids[:min(len(b.Bids), l.depth)], b.Asks[:min(len(b.Asks), l.depth)]
		l.bid.compare(d, in.symbol, typeBid, l.bids, bid, higher)
		l.ask.compare(d, in.symbol, typeOffer, l.asks, ask, lower)
		l.bids, l.asks = bid, ask
	}
	in.bookSeq = b.Seq
	in.changed = in.change > b.Seq || m.needs > b.Seq
}

// publish sends trades, and the changes of the book where it was compared, to every stream. It reports whether a
// message went out that is conflated.
func (m *Market) publish(u *publication) (conflated bool) {
	m.counts.trades += uint64(len(u.fresh))
	var pages []rendered
	for _, st := range u.in.streams {
		if st.full || u.afresh {
			conflated = m.publishWhole(st, u) || conflated
			continue
		}
		if st.want&trades != 0 && pages == nil {
			pages = pagesOf(u.in, u.fresh)
		}
		m.publishUpdate(st, u, pages)
	}
	return conflated
}

// publishWhole sends a snapshot with the trades since the last one, once it is due. It reports whether it did.
func (m *Market) publishWhole(st *stream, u *publication) bool {
	if st.want&trades != 0 {
		st.held = append(st.held, u.fresh...)
	}
	if !u.due && len(st.held) < MaxPendingTrades {
		u.held = u.held || len(st.held) > 0
		return false
	}
	if !u.afresh && len(st.held) == 0 && (!u.compared || st.changes().n == 0) {
		return false
	}
	levels, traded := levelsOf(st), tradesOf(&st.in.Instrument.Instrument, st.held)
	st.held = nil
	m.counts.snapshots += uint64(len(st.subs))
	m.deliver(st, u.dead, func(id string) []message.Body {
		return []message.Body{snapshot(id, st.in.symbol, levels, traded)}
	})
	return true
}

// publishUpdate sends the changes: trades first, then what they and others made of the book.
func (m *Market) publishUpdate(st *stream, u *publication, pages []rendered) {
	var out []rendered
	if st.want&trades != 0 {
		out = append(out, pages...)
	}
	if u.compared {
		out = appendEntries(out, st.changes())
	}
	if len(out) == 0 {
		return
	}
	m.counts.updates += uint64(len(out) * len(st.subs))
	m.deliver(st, u.dead, func(id string) []message.Body {
		bodies := make([]message.Body, len(out))
		for i := range out {
			bodies[i] = update(id, out[i])
		}
		return bodies
	})
}

// appendEntries adds entries to the last portion where they fit, else as one of their own. Portions are shared and do not change.
func appendEntries(out []rendered, r rendered) []rendered {
	last := len(out) - 1
	switch {
	case r.n == 0:
	case last >= 0 && out[last].n+r.n <= MaxEntries:
		var both rendered
		both.add(out[last])
		both.add(r)
		out[last] = both
	default:
		out = append(out, r)
	}
	return out
}

// changes puts the entries together that a stream's subscribers need: what is gone first, so that a book of few levels
// never has more of them.
func (st *stream) changes() rendered {
	var r rendered
	if st.line == nil {
		return r
	}
	if st.want&bids != 0 {
		r.add(st.line.bid.gone)
		r.add(st.line.bid.new)
	}
	if st.want&offers != 0 {
		r.add(st.line.ask.gone)
		r.add(st.line.ask.new)
	}
	return r
}

// deliver hands every subscriber of a stream its messages, made anew only where its id differs from the one before.
func (m *Market) deliver(st *stream, dead *[]*session, build func(id string) []message.Body) {
	var bodies []message.Body
	id := ""
	for _, sub := range st.subs {
		if bodies == nil || sub.id != id {
			id = sub.id
			bodies = build(id)
		}
		m.pushTo(sub.session, bodies, dead)
	}
}

// pushTo pushes, and notes a session that has died of it.
func (m *Market) pushTo(s *session, bodies []message.Body, dead *[]*session) {
	was := s.dead
	if m.push(s, bodies); s.dead && !was {
		*dead = append(*dead, s)
	}
}

// pagesOf renders trades in portions of what one update may have.
func pagesOf(in *instrument, ts []view.Trade) []rendered {
	var pages []rendered
	for part := range slices.Chunk(ts, MaxEntries) {
		var r rendered
		for i := range part {
			r.tradeUpdate(&in.Instrument.Instrument, in.symbol, &part[i])
		}
		pages = append(pages, r)
	}
	return pages
}

// sendPhases tells watchers of phases, each once and in order.
func (m *Market) sendPhases(in *instrument, upTo uint64, dead *[]*session) {
	if in.missed {
		at, known := m.view.Applied(), in.phases
		fresh, _ := m.view.Instrument(in.ID)
		in.phases = slices.DeleteFunc(known, func(p phaseAt) bool { return p.seq <= at })
		in.phaseOf = max(in.phaseOf, at)
		m.sendPhase(in, phaseAt{fresh.Phase, at, m.view.TimeNs()}, dead)
	}
	for len(in.phases) > 0 && in.phases[0].seq <= upTo {
		p := in.phases[0]
		in.phases = in.phases[1:]
		if p.seq > in.phaseOf {
			in.phaseOf = p.seq
			m.sendPhase(in, p, dead)
		}
	}
}

func (m *Market) sendPhase(in *instrument, p phaseAt, dead *[]*session) {
	if p.phase == in.phase {
		return
	}
	in.phase = p.phase
	last, _ := m.view.Instrument(in.ID)
	for _, w := range in.watch {
		b := statusBody(w.id, in.symbol, p.phase, p.timeNs, last.Last.Price, &in.Instrument.Instrument, true)
		m.pushTo(w.session, []message.Body{b}, dead)
	}
}
