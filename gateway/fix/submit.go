package fix

import (
	"errors"
	"time"

	"uncross/engine/wire"
)

// errAnew says that the numbers begin again and that the answer to the logon, which is to be number 1, is not submitted yet.
var errAnew = errors.New("the numbers begin again")

// errLost says that an earlier message of the connection was lost on its way: what comes behind it must not carry the
// inbound number past it.
var errLost = errors.New("an earlier message was lost")

// full reports whether an error says that a command may be taken if it is tried again.
func (s *Server) full(err error) bool { return err == errAnew || s.busy(err) }

// put hands in a command of a session, by the holder of its seat and in his era.
func (s *Server) put(p *seat, cmd *wire.Command) error {
	p.submittedOne(1)
	err := s.core.SubmitIn(p.era, cmd)
	if err != nil {
		p.submittedOne(-1)
	}
	return err
}

// patiently tries to hand in a command until it is taken, the core says that it never will be, or the time is over.
func (s *Server) patiently(wait time.Duration, try func() error) error {
	err := try()
	if err == nil || !s.full(err) {
		return err
	}
	for until := time.Now().Add(wait); err != nil && s.full(err) && time.Now().Before(until); err = try() {
		time.Sleep(busyPause)
	}
	return err
}

// submit hands in a command that came from the inbound message with number seq. l, where it is not nil, are the messages
// that wait for its event.
func (c *conn) submit(cmd *wire.Command, seq uint64, again bool, l *local) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.anew && (l == nil || !l.logon) {
		return errAnew
	}
	if seq > 0 && c.lost.Load() {
		return errLost
	}
	cmd.Key = c.who.Def.Key
	cmd.Origin = wire.SessionOrigin(c.who.Def.ID, c.epoch, seq, again)
	if l != nil {
		c.locals.push(l) // before the command: its event can come at once
		c.named(cmd, l.token)
	}
	err := c.s.put(c.seat, cmd)
	if err != nil && l != nil {
		c.locals.unpush()
	}
	return err
}

// named puts a token into a session message.
func (c *conn) named(cmd *wire.Command, token uint64) {
	var m wire.SessionMessage
	m.Get(cmd)
	c.token(&m, token)
	m.Put(cmd)
}

// sessionMessage hands in a session message, with patience. When the core does not take it the connection ends: the
// numbers heal by resend.
func (c *conn) sessionMessage(m wire.SessionMessage, seq uint64, again bool, l *local) bool {
	m.Session = c.who.Def.ID
	var cmd wire.Command
	m.Put(&cmd)
	err := c.s.patiently(c.s.limits.BusyWait, func() error { return c.submit(&cmd, seq, again, l) })
	if err != nil {
		c.lost.Store(true)
		c.requestEnd(ending{cause: "the core takes no session message: " + err.Error()})
		return false
	}
	return true
}

// reply sends messages that only this connection has, in answer to the inbound message with number seq.
func (c *conn) reply(l *local, seq uint64) bool {
	if l.count() == 0 {
		return true
	}
	if !c.durable {
		c.mu.Lock()
		c.locals.push(l)
		c.mu.Unlock()
		c.wakeWriter()
		return true
	}
	c.commanded(seq)
	return c.sessionMessage(wire.SessionMessage{Kind: wire.SessionNumbers, Arg: uint16(l.count())}, seq, false, l)
}

// commanded notes that a command carries the inbound number seq into the log.
func (c *conn) commanded(seq uint64) { c.last = max(c.last, seq) }
