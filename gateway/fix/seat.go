package fix

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/outbox"
)

// seat is a session's one place: the connection that uses it, and how much of what was submitted by it is unanswered.
type seat struct {
	id  wire.SessionID
	x   *outbox.Session // nil for a market data session, which the log does not know
	era uint64          // the core's, that everything which the holder submits belongs to; the holder's own

	mu        sync.Mutex
	live      *conn
	free      chan struct{} // closed when live leaves; nil while nobody is there
	submitted uint64        // commands since base was taken
	refused   uint64        // of these, those that the core refused later on
	base      uint64        // x.Answered() then
	signedNs  int64         // SendingTime of the last logon that was signed
	signedSeq uint64        // and its number
	proof     *proof        // of the last password that was found right; nil: none yet
	clean     point         // see isClean
}

// proof is a password that was found right, and what it was verified against.
type proof struct {
	against wire.Password
	sum     [sha256.Size]byte
}

// point is a place in a session's outbound numbers.
type point struct {
	epoch uint32
	next  uint64 // 0: none
}

// seatOf returns a session's seat; ok is false while the outbox does not know the session yet.
func (s *Server) seatOf(def *wire.Session) (*seat, bool) {
	if def.ID == 0 {
		return nil, false
	}
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
// returned. Both are nil when c has the seat, and may begin: see begin.
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
			if err := c.s.begin(p, deadline); err != nil {
				p.leave(c)
				return nil, err
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

// verified reports whether a password, by its fingerprint, was found right before against the very same hash: one that has
// been changed since has another salt.
func (p *seat) verified(against *wire.Password, sum *[sha256.Size]byte) bool {
	p.mu.Lock()
	known := p.proof
	p.mu.Unlock()
	return known != nil && subtle.ConstantTimeCompare(known.sum[:], sum[:]) == 1 && known.against == *against
}

// remember notes a password that was found right, in the place of the one before.
func (p *seat) remember(against *wire.Password, sum *[sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proof = &proof{against: *against, sum: *sum}
}

// isClean reports whether everything before the next number, but for Logouts that refused a logon, has reached the client,
// as far as this process knows: the last connection ended with Logouts from both sides, and nothing has come since.
func (p *seat) isClean(epoch uint32, next uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clean == point{epoch, next}
}

func (p *seat) cleanAt(epoch uint32, next uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clean = point{epoch, next}
}

// signed notes the time and the number of a signed logon, and reports false where that may be a recording: one with this
// time or a later one was seen (an engine that writes whole seconds may log on twice in one, by growing numbers), or one
// can have been seen before this process began, at startNs.
func (p *seat) signed(ns int64, seq uint64, startNs int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ns <= startNs || ns < p.signedNs || ns == p.signedNs && seq <= p.signedSeq {
		return false
	}
	p.signedNs, p.signedSeq = ns, seq
	return true
}
