package follow

import (
	"fmt"
	"time"
)

// Pauses before a topic is subscribed anew: doubling from the first to the longest, and short again when it has been well for long.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = 5 * time.Second
	wellAfter    = 100 // messages
)

// topicState is how far a subscription is.
type topicState uint8

const (
	idle  topicState = iota // to be subscribed, at or after topic.due
	asked                   // a request is under way
	live                    // answered: what comes is of this subscription
)

// topic is a subscription and what is known of it. The Follower's goroutine alone uses it.
type topic struct {
	sub     Subscription
	state   topicState
	request uint64 // under way
	once    bool   // it has been granted
	open    bool   // the venue has it, as far as known
	due     time.Time
	pause   time.Duration
	well    int // messages since the last trouble
	place   place
	fill    *fill // trades are being read from REST
	lost    bool  // trades were missed for good, and the application has not been told yet
}

// trouble puts a topic back, to be subscribed anew after a pause.
func (t *topic) trouble(now time.Time) {
	t.state, t.well = idle, 0
	t.due = now.Add(t.pause)
	t.pause = min(max(2*t.pause, firstPause), longestPause)
}

// fine takes note of a message that fitted.
func (t *topic) fine() {
	if t.well++; t.well == wellAfter {
		t.pause = 0
	}
}

// place is how far a private channel has been followed. An event may have several messages (both sides of a trade with
// oneself), and the connection may end between them: so it goes on before the last event, and passes over those messages
// of it that have come.
type place struct {
	after string // where to begin, while nothing has come
	last  EventID
	seen  int // messages of last
	skip  int // of them that are to be passed over
}

// resume returns where to go on, and prepares to pass over what comes again.
func (p *place) resume() string {
	if p.seen == 0 {
		return p.after
	}
	p.skip = p.seen
	return p.last.just().String()
}

// take reports whether a message is new.
func (p *place) take(m *Message) (fresh bool, err error) {
	switch {
	case m.Snapshot:
		*p = place{after: m.Event.String()}
		return true, nil
	case p.seen > 0 && m.Event.Before(p.last):
		return false, fmt.Errorf("%w: event %v after %v", ErrBroken, m.Event, p.last)
	case p.seen > 0 && m.Event == p.last:
		if p.skip > 0 {
			p.skip--
			return false, nil
		}
		p.seen++
		return true, nil
	}
	p.last, p.seen, p.skip = m.Event, 1, 0
	return true, nil
}

// MaxFill is how many trades are kept that came while earlier ones are being read from REST. Beyond, they are let go, and
// read from REST as well.
const MaxFill = 10_000

// fill is a gap of trades that is being filled.
type fill struct {
	pending  []Trade // behind the gap
	sequence uint64  // of the last message
	begin    bool    // the application has not been told yet
}

// add takes the trades of a message that came meanwhile. Errors: ErrGap.
func (f *fill) add(m *Message) error {
	switch {
	case m.Snapshot:
		if n := len(f.pending); n == 0 || len(m.Trades) > 0 && m.Trades[0].ID > f.pending[n-1].ID {
			f.pending = f.pending[:0] // there may be some between: all before these are read
		}
	case m.Previous != f.sequence:
		return ErrGap
	}
	f.sequence = m.Sequence
	last := uint64(0)
	if n := len(f.pending); n > 0 {
		last = f.pending[n-1].ID
	}
	for _, tr := range m.Trades {
		if tr.ID > last {
			f.pending = append(f.pending, tr)
		}
	}
	if len(f.pending) > MaxFill {
		f.pending = f.pending[:0]
	}
	return nil
}

// closed reports whether trades read from REST, the last of them last, reach those that are kept; asOf, when not 0, is the
// last command that REST has seen with nothing behind last.
func (f *fill) closed(last, asOf uint64) bool {
	if len(f.pending) == 0 {
		return asOf > 0 && asOf >= f.sequence
	}
	return last >= f.pending[0].ID || asOf >= f.pending[0].Command
}
