package fix

import (
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/outbox"
)

// seat is a session's one place: the connection that uses it, and how much of what was submitted by it is unanswered.
type seat struct {
	id wire.SessionID
	x  *outbox.Session // nil for a market data session, which the log does not know

	mu        sync.Mutex
	live      *conn
	free      chan struct{} // closed when live leaves; nil while nobody is there
	submitted uint64        // commands since base was taken
	refused   uint64        // of these, those that the core refused later on
	base      uint64        // x.Answered() then
	signedNs  int64         // SendingTime of the last logon that was signed
}

// seatOf returns a session's seat; ok is false while the outbox does not know the session yet.
func (s *Server) seatOf(def *wire.Session) (*seat, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.seats[def.ID]
	if p == nil {
		p = &seat{id: def.ID}
		if def.Kind != wire.MarketDataSession {
			x, ok := s.outbox.Session(def.ID)
			if !ok {
				return nil, false
			}
			p.x, p.base = x, x.Answered()
		}
		s.seats[def.ID] = p
	}
	return p, true
}

// holder returns the connection that has the seat, nil when none has.
func (p *seat) holder() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

// take gives the seat to c. While its holder is on the way out it waits, until the deadline; a holder that is not is
// returned. Both are nil when c has the seat and everything that was submitted before is answered.
func (p *seat) take(c *conn, deadline time.Time) (holder *conn, err error) {
	for {
		p.mu.Lock()
		live, free := p.live, p.free
		if live == nil {
			p.live, p.free = c, make(chan struct{})
		}
		p.mu.Unlock()
		switch {
		case live == nil:
			if !p.settle(c.s.stop, deadline) {
				p.leave(c)
				return nil, errUnanswered
			}
			return nil, nil
		case !live.leaving():
			return live, nil
		}
		select {
		case <-free:
		case <-c.s.stop:
			return live, nil
		case <-time.After(time.Until(deadline)):
			return live, nil
		}
	}
}

// leave makes room for the next connection.
func (p *seat) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == c {
		p.live = nil
		close(p.free)
		p.free = nil
	}
}

// settle waits until everything that was submitted is answered, and begins the count anew.
func (p *seat) settle(stop <-chan struct{}, deadline time.Time) bool {
	for p.inFlight() > 0 {
		if !time.Now().Before(deadline) {
			return false
		}
		select {
		case <-stop:
			return false
		case <-time.After(waitPause):
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.submitted, p.refused = 0, 0
	if p.x != nil {
		p.base = p.x.Answered()
	}
	return true
}

// inFlight returns how many commands wait for their answers.
func (p *seat) inFlight() int {
	if p.x == nil {
		return 0
	}
	answered := p.x.Answered()
	p.mu.Lock()
	defer p.mu.Unlock()
	// A command whose outcome was unknown can be counted as refused and as answered.
	return max(0, int(p.submitted)-int(p.refused)-int(answered-p.base))
}

func (p *seat) submittedOne(n int) {
	p.mu.Lock()
	p.submitted += uint64(n)
	p.mu.Unlock()
}

func (p *seat) refusedOne() {
	p.mu.Lock()
	p.refused++
	p.mu.Unlock()
}

// signed notes the time of a signed logon, and reports false when one with this time or a later one was seen: so a
// recorded logon cannot be sent again.
func (p *seat) signed(ns int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ns <= p.signedNs {
		return false
	}
	p.signedNs = ns
	return true
}
