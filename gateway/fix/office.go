package fix

import (
	"errors"
	"math"
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// This file is what becomes of sessions when the lead moves from one node to another.
//
// A trading or drop copy session lives at the node that leads. When that is another one, its connection is closed without
// a word, and nothing more is done for it here: the log says that it is logged on, and the new leader sees to what its
// client had asked for. A logon that comes to the wrong node is told the right one. Market data sessions have no numbers
// in the log and live at any node.

var (
	errNotLeading = errors.New("this node does not lead")
	errBehind     = errors.New("what was applied before is not in the outbox yet")
	errUnanswered = errors.New("the former connection's commands are not answered yet")
)

// begin makes sure of what whoever has just taken a seat builds on: this node leads, its outbox and view have everything
// that came before, and nothing of a former holder's is under way. What is then read of the session's numbers is what the
// log says, and holds as long as the era.
func (s *Server) begin(p *seat, deadline time.Time) error {
	if p.x == nil {
		return nil
	}
	p.era = s.core.Era() // before the look at who leads: an era that ends from here on is not ours
	if !s.core.Leading() {
		return errNotLeading
	}
	all := s.core.Applied()
	if !s.outbox.WaitFor(all, time.Until(deadline)) || !s.view.WaitFor(all, time.Until(deadline)) {
		return errBehind
	}
	if !p.settle(s.stop, deadline) {
		return errUnanswered
	}
	return nil
}

// over reports whether nothing that the holder of a seat submits would be taken any more.
func (s *Server) over(p *seat) bool {
	return p.x != nil && (p.era != s.core.Era() || !s.core.Leading())
}

// LeadershipChanged is told when the node begins or ceases to take commands. It never blocks.
//
// When it ceases, the connections of all sessions but those for market data end at once and without a word: what a Logout
// would say had no number in the log, and who leads next is not known yet, as a rule. So do those that have not logged on
// yet, as their logons may be half done.
func (s *Server) LeadershipChanged(leading bool) {
	if leading {
		notify(s.opened)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if def := c.def(); def != nil && def.Kind == wire.MarketDataSession {
			continue
		}
		c.lost.Store(true)
		c.requestEnd(ending{cause: errNotLeading.Error()})
	}
}

// cutOff reports whether this node has not heard of a leader for so long that its market data may be old.
func (s *Server) cutOff() bool {
	return !s.core.Leading() && s.core.Contact() >= s.limits.LeaderSilence
}

// endCutOff ends the market data sessions of a node that is cut off.
func (s *Server) endCutOff() {
	if s.cutOff() {
		s.endWhere(func(c *conn) bool { return c.def().Kind == wire.MarketDataSession }, cutOffText)
	}
}

const cutOffText = "this node is cut off from the others, its market data would be old: try another one"

// turnedAway counts the logons that came to a node that does not lead, so that they do not fill the log.
type turnedAway struct {
	mu     sync.Mutex
	since  int       // the last line
	lineAt time.Time // when that was
}

// turnedAwayEvery is the least time between two lines about logons that came to a node that does not lead.
const turnedAwayEvery = 10 * time.Second

// turnAwayHere ends a connection whose logon, number seq, came to a node that does not lead, or is cut off. Whom we know
// is told where to go. Engines try the next of their hosts then.
func (s *Server) turnAwayHere(c *conn, seq uint64, known bool) {
	if n := s.away.another(time.Now()); n > 0 {
		s.log.Info("fix: logons were turned away, since this node does not lead", "remote", c.remote, "count", n)
	}
	if known && s.leader != nil {
		c.sendElsewhere(seq)
	}
	c.requestEnd(ending{cause: errNotLeading.Error()})
}

// applicationNotAvailable is the BusinessRejectReason (380) of a logon that came to the wrong node.
const applicationNotAvailable = '4'

// sendElsewhere tells the client who leads, in a message that engines log and do not count: it has no number in the log.
//
// It is one of the application's, as stock engines take a Logout or a Reject for the message that they expect also before
// their logon is answered, but close the connection after any other. Those that look at the number first find it lower
// than any that they can expect, and said to be a repeat, and pass over it.
func (c *conn) sendElsewhere(seq uint64) {
	node, address := c.s.leader()
	now := c.s.clock().UnixNano()
	c.sayUnnumbered(message.Header{Seq: 0, PossDup: true, SendingNs: now, OrigSendingNs: now},
		message.NewBody(message.BusinessMessageReject).Uint(message.TagRefSeqNum, seq).Str(message.TagRefMsgType, message.Logon).
			Str(message.TagBusinessRejectRefID, address).Char(message.TagBusinessRejectReason, applicationNotAvailable).
			Str(message.TagText, whereText(node, address)))
}

// whereText says who leads and where.
func whereText(node, address string) string {
	switch {
	case node == "":
		return "no node is known to lead at the moment: try again, here or at another one"
	case address == "":
		return node + " leads, and its address for FIX is not known here"
	}
	return node + " leads: FIX at " + address
}

// another counts one more, and returns how many a line should tell of now; 0: no line.
func (a *turnedAway) another(now time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since < math.MaxInt {
		a.since++
	}
	if now.Sub(a.lineAt) < turnedAwayEvery {
		return 0
	}
	n, a.since, a.lineAt = a.since, 0, now
	return n
}
