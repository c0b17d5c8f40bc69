package market

import (
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// subscribe pushes the first snapshots and lets the updates follow.
func (m *Market) subscribe(key SessionKey, sink Sink, a *ask) *refusal {
	m.mu.Lock()
	defer m.mu.Unlock()
	if no := m.room(key, a); no != nil {
		return no
	}
	s := m.session(key, sink)
	defer m.forgetIfIdle(s)
	streams := make([]*stream, 0, len(a.symbols))
	bodies := make([]message.Body, 0, len(a.symbols))
	entries := 0
	for _, in := range a.symbols {
		st := m.streamOf(m.wanted(in), a)
		streams = append(streams, st)
		levels := levelsOf(st)
		var latest []view.Trade
		if st.want&trades != 0 {
			latest = m.tradesUpTo(st.in.ID, st.told())
		}
		if entries += levels.n + len(latest); entries > m.o.Limits.Entries {
			for _, st := range streams {
				m.dropStream(st)
			}
			return refuse(tooMuch, "the snapshots would have more than %d entries: ask for fewer symbols or less depth", m.o.Limits.Entries)
		}
		bodies = append(bodies, snapshot(a.id, st.in.symbol, levels, tradesOf(&st.in.Instrument.Instrument, latest)))
	}
	subs := make([]*subscription, len(streams))
	for i, st := range streams {
		subs[i] = &subscription{session: s, id: a.id, stream: st, place: len(st.subs)}
		st.subs = append(st.subs, subs[i])
	}
	s.requests[a.id] = subs
	s.count += len(subs)
	m.subscribed += len(subs)
	m.counts.snapshots += uint64(len(bodies))
	m.push(s, bodies)
	m.bury(s)
	return nil
}

// room checks that a session may have a further request.
func (m *Market) room(key SessionKey, a *ask) *refusal {
	have := 0
	if s := m.sessions[key]; s != nil {
		if s.requests[a.id] != nil {
			return refuse(duplicateID, "MDReqID (262) is in use")
		}
		have = s.count
	}
	if have+len(a.symbols) > m.o.Limits.Subscriptions {
		return refuse(tooMuch, "more than %d subscriptions in one session", m.o.Limits.Subscriptions)
	}
	if m.subscribed+len(a.symbols) > m.o.Limits.Total {
		return refuse(tooMuch, "the venue has no room for further subscriptions")
	}
	return nil
}

// session returns the state of a connection, made where there is none.
func (m *Market) session(key SessionKey, sink Sink) *session {
	s := m.sessions[key]
	if s == nil {
		s = &session{key: key, sink: sink, requests: map[string][]*subscription{}, watches: map[string]*watcher{}}
		m.sessions[key] = s
	}
	return s
}

func (m *Market) forgetIfIdle(s *session) {
	if len(s.requests) == 0 && len(s.watches) == 0 && m.sessions[s.key] == s {
		delete(m.sessions, s.key)
	}
}

// streamOf returns the stream that fits what is asked for.
func (m *Market) streamOf(in *instrument, a *ask) *stream {
	k := streamKey{depth: a.depth, want: a.want, full: a.full}
	st := in.streams[k]
	if st == nil {
		st = &stream{streamKey: k, in: in, line: m.lineOf(in, a.depth)}
		if st.line != nil {
			st.line.streams++
		}
		in.streams[k] = st
	}
	return st
}

// dropStream forgets a stream that nobody has.
func (m *Market) dropStream(st *stream) {
	if len(st.subs) > 0 || st.in.streams[st.streamKey] != st {
		return
	}
	delete(st.in.streams, st.streamKey)
	if st.line != nil {
		st.line.streams--
		st.in.dropLine(st.line)
	}
	m.unwanted(st.in)
}

// end is an unsubscription (263=2).
func (m *Market) end(key SessionKey, id string) *refusal {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	if s == nil || s.requests[id] == nil {
		return refuse(noReason, "there is no subscription of this MDReqID (262)")
	}
	m.release(s, id)
	m.forgetIfIdle(s)
	return nil
}

func (m *Market) release(s *session, id string) {
	for _, sub := range s.requests[id] {
		st := sub.stream
		last := st.subs[len(st.subs)-1]
		st.subs[sub.place], last.place = last, sub.place
		st.subs[len(st.subs)-1] = nil
		st.subs = st.subs[:len(st.subs)-1]
		m.dropStream(st)
		s.count--
		m.subscribed--
	}
	delete(s.requests, id)
}

// Drop ends all subscriptions of a connection. Nothing is pushed to its sink afterwards.
func (m *Market) Drop(key SessionKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[key]; s != nil {
		m.drop(s)
	}
}

func (m *Market) drop(s *session) {
	for id := range s.requests {
		m.release(s, id)
	}
	for id := range s.watches {
		m.unwatch(s, id)
	}
	delete(m.sessions, s.key)
}

// push hands bodies to a session, unless it takes no more. Subscriptions are taken away later, by bury: whoever walks
// through subscribers is not disturbed.
func (m *Market) push(s *session, bodies []message.Body) {
	if !s.dead && !s.sink.Push(bodies) {
		s.dead = true
	}
}

// bury drops a session whose sink took no more.
func (m *Market) bury(s *session) {
	if s.dead && m.sessions[s.key] == s {
		m.counts.dropped++
		m.drop(s)
	}
}
