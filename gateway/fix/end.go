package fix

import (
	"io"
	"iter"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/outbox"
)

// finish ends the connection as was asked for: open orders are canceled where the client wants that, a Logout is sent, the
// session ends in the log, the seat becomes free.
func (c *conn) finish() {
	s, e := c.s, c.how()
	if c.seat == nil {
		return
	}
	if c.loggedOn {
		s.market.Drop(c.key)
		s.log.Info("fix: session ended", "session", c.compID, "remote", c.remote, "reason", shown(e.cause))
	}
	if !c.writing {
		c.seat.leave(c)
		return
	}
	c.in.final = true
	if c.loggedOn && c.canceler && !s.over(c.seat) {
		s.cancelOrders(c.seat, &c.who.Def, c.epoch, c.lastDone())
	}
	if e = c.how(); e.logout {
		if c.sendLogout(e) && c.durable && (c.loggedOn && c.theirEnd || !c.loggedOn && c.clean) {
			c.seat.cleanAt(c.epoch, c.sentOut.Load()+1)
		}
	} else if c.loggedOn && c.durable {
		c.endInLog()
	}
	close(c.quit)
	<-c.writer
	if c.loggedOn && s.over(c.seat) {
		s.tidyAnew(c.seat, &c.who.Def)
	}
	c.seat.leave(c)
	if e.logout {
		c.linger()
	}
}

// sendLogout says goodbye, and waits for the client's answer where that is asked for. It reports whether our Logout was
// written.
func (c *conn) sendLogout(e ending) bool {
	l := &local{logout: true, number: e.number}
	l.add(message.NewBody(message.Logout).Str(message.TagText, e.text))
	if !c.durable {
		c.reply(l, 0)
	} else if !c.sessionMessage(wire.SessionMessage{Kind: wire.SessionLogout, Arg: 1}, c.lastDone(), false, l) {
		return false
	}
	timeout := time.NewTimer(c.s.limits.LogoutTimeout)
	defer timeout.Stop()
	select {
	case <-c.written:
	case <-c.writer:
		select {
		case <-c.written: // the writer's last act
		default:
			return false
		}
	case <-timeout.C:
		return false
	}
	if e.wait {
		c.awaitLogout()
	}
	return true
}

// awaitLogout reads until the client's Logout, for a limited time. What comes before it is not dealt with: it keeps its
// number and is asked for at the next logon.
func (c *conn) awaitLogout() {
	c.in.deadline = time.Now().Add(c.s.limits.LogoutTimeout)
	for {
		frame, err := c.in.next()
		if err != nil {
			return
		}
		if c.m.Parse(frame) != nil || c.m.Type() != message.Logout {
			continue
		}
		c.theirEnd = true
		if seq, ok := c.m.Seq(); ok && seq == c.expected && c.durable && !c.lost.Load() {
			c.advance(seq + 1)
			c.sessionMessage(wire.SessionMessage{Kind: wire.SessionAdvance}, seq, false, nil)
		}
		return
	}
}

// lastDone returns the inbound number that the end of the session may carry into the log: none where a message was lost on
// its way to the core, or the next logon would not ask for it.
func (c *conn) lastDone() uint64 {
	if c.lost.Load() {
		return 0
	}
	return c.done.Load()
}

// endInLog tells the log that the session is logged on no more, when nothing can be told to the client.
func (c *conn) endInLog() {
	c.sessionMessage(wire.SessionMessage{Kind: wire.SessionLogout}, c.lastDone(), false, nil)
}

// linger ends our direction and reads on for a little while, so that what the client has sent meanwhile does not make the
// kernel take our last message back.
func (c *conn) linger() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok {
		return
	}
	if secure, ok := c.nc.(interface{ CloseWrite() error }); ok && c.nc != c.raw {
		_ = secure.CloseWrite()
	}
	if half.CloseWrite() != nil {
		return
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c.raw, lingerBytes)
}

// cancelOrders cancels the open orders that a session entered, waits until they are gone and tells what became of them. It
// waits first until none is on its way, and it does not try for ever: the core may be going away. What is left when the era
// is over is for whoever leads then; see tidy.
func (s *Server) cancelOrders(p *seat, def *wire.Session, epoch uint32, seq uint64) {
	until := time.Now().Add(s.limits.CancelWait)
	p.calm(until)
	asked, err := 0, error(nil)
	if !s.revoked(def) { // the engine takes no cancel by a key that has been revoked
		asked, err = s.askCancels(p, wire.Command{Key: def.Key, Origin: wire.SessionOrigin(def.ID, epoch, seq, false)}, until)
		p.calm(until)
	}
	left := p.openOrders()
	switch log := s.log.With("session", def.CompID.String(), "asked", asked, "left", left); {
	case left > 0 && s.over(p):
		log.Info("fix: open orders are left to be canceled on disconnect by the node that leads now")
	case left > 0 && s.revoked(def): // looked at again: it may have been revoked meanwhile
		log.Warn("fix: open orders stay although the session cancels on disconnect: its key has been revoked; the operator cancels them")
	case left > 0:
		log.Warn("fix: open orders could not be canceled on disconnect; the operator cancels them", "error", err)
	case asked > 0:
		log.Info("fix: canceled on disconnect")
	}
}

// revoked reports whether a session's key is of no use any more.
func (s *Server) revoked(def *wire.Session) bool {
	k, ok := s.view.Key(def.Key)
	return !ok || k.Revoked != 0
}

// askCancels hands in a cancel for every open order of a session; blank has its key and origin. It returns how many there
// were, and why it stopped where the core took no more.
func (s *Server) askCancels(p *seat, blank wire.Command, until time.Time) (asked int, err error) {
	for o := range p.eachOpen() {
		cmd := blank
		(&wire.CancelOrder{Account: o.Account, Target: wire.OrderRef{Order: o.ID}}).Put(&cmd)
		if err = s.patiently(time.Until(until), func() error { return s.put(p, &cmd) }); err != nil {
			return asked, err
		}
		asked++
	}
	return asked, nil
}

// calm waits, for a limited time, until everything that was submitted is answered.
func (p *seat) calm(until time.Time) {
	for p.inFlight() > 0 && time.Now().Before(until) {
		time.Sleep(waitPause)
	}
}

// eachOpen goes through the open orders that a session entered, page by page.
func (p *seat) eachOpen() iter.Seq[*outbox.OpenOrder] {
	return func(yield func(*outbox.OpenOrder) bool) {
		var after wire.OrderID
		for {
			orders := p.x.OpenOrders(after, resendPage)
			for i := range orders {
				if after = orders[i].ID; !yield(&orders[i]) {
					return
				}
			}
			if len(orders) == 0 {
				return
			}
		}
	}
}

// openOrders counts them.
func (p *seat) openOrders() (n int) {
	for range p.eachOpen() {
		n++
	}
	return n
}

// tidyAnew is tidy for a session whose era is over. At a node that does not lead it does nothing: the new leader will.
func (s *Server) tidyAnew(p *seat, def *wire.Session) {
	if s.begin(p, time.Now().Add(s.limits.LogonWait)) == nil {
		s.tidy(p, def)
	}
}

// tidy carries out what a session asked for whose node ended before it, or ceased to lead: it is logged on in the log, and
// nobody is there. The caller has the seat.
func (s *Server) tidy(p *seat, def *wire.Session) {
	on, flags := p.x.LoggedOn()
	if !on {
		return
	}
	n := p.x.Numbers()
	if flags&wire.CancelOnDisconnect != 0 {
		s.cancelOrders(p, def, n.Epoch, n.NextIn-1)
	}
	m := wire.SessionMessage{Session: def.ID, Kind: wire.SessionLogout}
	cmd := wire.Command{Key: def.Key, Origin: wire.SessionOrigin(def.ID, n.Epoch, n.NextIn-1, false)}
	m.Put(&cmd)
	if err := s.patiently(s.limits.BusyWait, func() error { return s.put(p, &cmd) }); err != nil {
		s.log.Info("fix: a session's end could not be noted", "session", def.CompID.String(), "error", err)
	}
	p.settle(s.stop, time.Now().Add(s.limits.LogonWait))
}
