package fix

import (
	"io"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
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
	if c.loggedOn && c.canceler {
		s.cancelOrders(c.seat, &c.who.Def, c.epoch, c.done.Load())
	}
	if e = c.how(); e.logout {
		c.sendLogout(e)
	} else if c.loggedOn && c.durable {
		c.endInLog()
	}
	close(c.quit)
	<-c.writer
	c.seat.leave(c)
	if e.logout {
		c.linger()
	}
}

// sendLogout says goodbye, and waits for the client's answer where that is asked for.
func (c *conn) sendLogout(e ending) {
	l := &local{logout: true}
	l.add(message.NewBody(message.Logout).Str(message.TagText, e.text))
	if !c.durable {
		c.reply(l, 0)
	} else if !c.sessionMessage(wire.SessionMessage{Kind: wire.SessionLogout, Arg: 1}, c.done.Load(), false, l) {
		return
	}
	timeout := time.NewTimer(c.s.limits.LogoutTimeout)
	defer timeout.Stop()
	select {
	case <-c.written:
	case <-c.writer:
		return
	case <-timeout.C:
		return
	}
	if e.wait {
		c.awaitLogout()
	}
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
		if seq, ok := c.m.Seq(); ok && seq == c.expected && c.durable {
			c.advance(seq + 1)
			c.sessionMessage(wire.SessionMessage{Kind: wire.SessionAdvance}, seq, false, nil)
		}
		return
	}
}

// endInLog tells the log that the session is logged on no more, when nothing can be told to the client.
func (c *conn) endInLog() {
	c.sessionMessage(wire.SessionMessage{Kind: wire.SessionLogout}, c.done.Load(), false, nil)
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

// cancelOrders cancels the open orders that a session entered. It waits first until none is on its way, and it does not
// try for ever: the core may be going away.
func (s *Server) cancelOrders(p *seat, def *wire.Session, epoch uint32, seq uint64) {
	until := time.Now().Add(s.limits.CancelWait)
	for p.inFlight() > 0 && time.Now().Before(until) {
		time.Sleep(waitPause)
	}
	var after wire.OrderID
	count := 0
	for {
		orders := p.x.OpenOrders(after, resendPage)
		if len(orders) == 0 {
			break
		}
		for i := range orders {
			o := &orders[i]
			after = o.ID
			cmd := wire.Command{Key: def.Key, Origin: wire.SessionOrigin(def.ID, epoch, seq, false)}
			(&wire.CancelOrder{Account: o.Account, Target: wire.OrderRef{Order: o.ID}}).Put(&cmd)
			if err := s.patiently(time.Until(until), func() error { return s.put(p, &cmd) }); err != nil {
				s.log.Warn("fix: open orders could not be canceled on disconnect", "session", def.CompID.String(), "canceled", count, "error", err)
				return
			}
			count++
		}
	}
	if count > 0 {
		s.log.Info("fix: canceled on disconnect", "session", def.CompID.String(), "orders", count)
	}
}

// tidy carries out what a session asked for whose node ended before it: it is logged on in the log, and nobody is there.
// The caller has the seat.
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
