package market

import (
	"time"

	"uncross/engine/wire"
	"uncross/gateway/view"
)

// instrument is what is known of an instrument that has subscribers.
type instrument struct {
	view.Instrument
	symbol string

	lines   map[int]*line // by depth
	streams map[streamKey]*stream
	watch   []*watcher // of its phase

	queued  bool      // is in Market.waiting
	changed bool      // the book may differ from what was sent
	change  uint64    // the last command that is known to have changed it
	next    time.Time // no update of the book before
	bookSeq uint64    // the command as of which all subscribers have the book, at least

	pending []view.Trade // to be sent, in order
	told    uint64       // trades up to this command were sent, or are in snapshots
	missed  bool         // trades and phases are to be taken from the view: events may be missing
	afresh  bool         // … and the view may not have all either: snapshots for everybody

	phases  []phaseAt // to be sent, in order
	phase   wire.Phase
	phaseOf uint64 // phases of commands up to this one are known
}

// phaseAt is a phase that was entered.
type phaseAt struct {
	phase  wire.Phase
	seq    uint64
	timeNs int64
}

// line is one depth of a book as subscribers have it.
type line struct {
	depth      int
	streams    int
	bids, asks []view.Level
	bid, ask   delta // of the update that is being sent
}

// streamKey tells streams of one instrument apart: subscribers of one stream get the same messages, but for their id.
type streamKey struct {
	depth int
	want  kinds
	full  bool
}

// stream is what a number of subscribers get.
type stream struct {
	streamKey
	in   *instrument
	line *line // nil: trades only
	subs []*subscription
	held []view.Trade // of a full stream: for the next snapshot
}

// told returns the command up to which a stream's subscribers have all trades.
func (st *stream) told() uint64 {
	if len(st.held) > 0 {
		return st.held[0].Seq - 1
	}
	return st.in.told
}

// subscription is a subscriber of a stream.
type subscription struct {
	session *session
	id      string
	stream  *stream
	place   int // in stream.subs
}

// session is a connection with subscriptions.
type session struct {
	key      SessionKey
	sink     Sink
	requests map[string][]*subscription // by 262
	watches  map[string]*watcher        // by 324
	count    int
	dead     bool // its sink took no more
}

// wanted returns an instrument that somebody is about to subscribe to. What it does not know of the past is taken from
// the view; and where the view is behind the events that were passed over while nobody asked, again once it is not.
func (m *Market) wanted(v view.Instrument) *instrument {
	if in := m.instruments[v.ID]; in != nil {
		return in
	}
	at := m.view.Applied() // before the phase is read: see phaseOf
	fresh, _ := m.view.Instrument(v.ID)
	in := &instrument{
		Instrument: fresh, symbol: v.Symbol.String(), lines: map[int]*line{}, streams: map[streamKey]*stream{},
		told: at, bookSeq: at, phase: fresh.Phase, phaseOf: at,
	}
	m.instruments[v.ID] = in
	if at < m.seen {
		m.look(in)
	}
	return in
}

// unwanted forgets an instrument without subscribers.
func (m *Market) unwanted(in *instrument) {
	if len(in.streams) == 0 && len(in.watch) == 0 {
		delete(m.instruments, in.ID)
	}
}

// look has an instrument compared with the view, once that is as far as the events that were read.
func (m *Market) look(in *instrument) {
	m.needs = max(m.needs, m.seen)
	in.missed, in.changed = true, true
	m.wait(in)
}

// wait puts an instrument in the list of those that have something to send.
func (m *Market) wait(in *instrument) {
	if !in.queued {
		in.queued = true
		m.waiting = append(m.waiting, in)
	}
	m.wake()
}

func (m *Market) wake() {
	select {
	case m.poke <- struct{}{}:
	default:
	}
}

// lineOf returns a depth of the book, with the levels that its subscribers have.
func (m *Market) lineOf(in *instrument, depth int) *line {
	if depth == 0 {
		return nil
	}
	l := in.lines[depth]
	if l == nil {
		b, _ := m.view.Book(in.ID, depth)
		l = &line{depth: depth, bids: b.Bids, asks: b.Asks}
		in.lines[depth] = l
		if b.Seq < m.seen { // what is missing has been read, and may not be noted any more
			m.needs = max(m.needs, m.seen)
			in.changed = true
			m.wait(in)
		}
		in.bookSeq = min(in.bookSeq, b.Seq)
	}
	return l
}

// dropLine forgets a depth that nobody has.
func (in *instrument) dropLine(l *line) {
	if l != nil && l.streams == 0 {
		delete(in.lines, l.depth)
	}
}
