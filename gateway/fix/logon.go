package fix

import (
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
)

// refusedText is all that somebody learns whom we do not know.
const refusedText = "logon refused: the CompIDs or the credentials are wrong"

// logon waits for the Logon and answers it. It reports whether the client is logged on.
func (c *conn) logon() bool {
	s := c.s
	c.in.deadline = c.born.Add(s.limits.LogonTimeout)
	c.in.r.StopOnGarbled(true)
	frame, err := c.in.next()
	m := &c.m
	if err != nil || m.Parse(frame) != nil || m.Type() != message.Logon {
		s.log.Debug("fix: closed before a logon", "remote", c.remote, "error", err)
		c.requestEnd(ending{cause: "no logon"})
		return false
	}
	c.in.deadline = time.Time{}
	c.in.r.StopOnGarbled(false)
	begin, _ := m.Get(message.TagBeginString)
	seq, hasSeq := m.Seq()
	if string(begin) != message.BeginString44 || !hasSeq {
		c.requestEnd(ending{cause: "not FIX 4.4"})
		return false
	}
	if !s.ready() {
		if n := s.early.another(time.Now()); n > 0 {
			s.log.Info("fix: logons came before the node was ready", "remote", c.remote, "count", n)
		}
		c.requestEnd(ending{cause: "not ready"})
		return false
	}
	return c.admit(seq)
}

// admit checks who it is and what the logon asks for.
func (c *conn) admit(seq uint64) bool {
	s, m := c.s, &c.m
	c.compID = m.String(message.TagSenderCompID)
	target, _ := m.Get(message.TagTargetCompID)
	def, known := s.view.SessionByCompID(c.compID)
	known = known && string(target) == s.compID
	subject := c.ip.String() + "|"
	if known {
		subject += c.compID
	}
	if _, ok := s.guard.Allow(subject); !ok {
		s.log.Info("fix: too many refused logons", "remote", c.remote)
		c.requestEnd(ending{cause: "locked out"})
		return false
	}
	if plain := known && def.Kind == wire.MarketDataSession; plain && s.cutOff() || !plain && !s.core.Leading() {
		s.turnAwayHere(c, seq, known)
		return false
	}
	if known {
		c.identify(&def)
	}
	ok, err := c.authentic(subject, known)
	switch {
	case err != nil:
		return c.turnAway(err)
	case !known:
		s.log.Info("fix: logon refused", "remote", c.remote, "comp_id", shown(c.compID), "reason", "unknown CompID")
		c.refuseStranger()
		return false
	case !ok: // before anything else is looked at: who has not proved who it is learns nothing of why
		c.refuseGuess()
		return false
	}
	s.guard.Succeeded(subject)
	return c.enter(seq)
}

// identify makes the connection a session's.
func (c *conn) identify(def *wire.Session) {
	v := c.s.view
	c.who = entry.Session{Def: *def}
	if k, ok := v.Key(def.Key); ok {
		c.who.User = k.User
		if u, ok := v.User(k.User); ok {
			c.who.Firm = u.Firm
		}
	}
	c.durable = def.Kind != wire.MarketDataSession
	c.rate = newThrottle(&c.s.limits)
}

// turnAway closes a connection whose logon could not be judged, without a word: it takes no number and counts as no guess.
func (c *conn) turnAway(err error) bool {
	c.s.log.Info("fix: logon not judged", "remote", c.remote, "comp_id", shown(c.compID), "reason", err)
	c.requestEnd(ending{cause: err.Error()})
	return false
}

// faulty returns what is wrong with the logon as a message, "" when nothing is.
func (c *conn) faulty() string {
	m := &c.m
	if sent, ok := m.Time(message.TagSendingTime); !ok || !c.s.near(sent, c.s.clock().UnixNano()) {
		return "SendingTime accuracy problem"
	}
	if v := c.s.dict.Check(m); v != nil {
		return v.Text + " (tag " + strconv.Itoa(v.Tag) + ")"
	}
	return ""
}

// terms checks what a logon asks for, and returns the heartbeat interval.
func (c *conn) terms() (text string, hb time.Duration) {
	m, l := &c.m, &c.s.limits
	if method, ok := m.Uint(message.TagEncryptMethod); !ok || method != 0 {
		return "EncryptMethod (98) must be 0", 0
	}
	n, ok := m.Uint(message.TagHeartBtInt)
	if !ok || n < uint64(l.HeartBtMin) || n > uint64(l.HeartBtMax) {
		return "HeartBtInt (108) must be " + strconv.Itoa(l.HeartBtMin) + " to " + strconv.Itoa(l.HeartBtMax) + " seconds", 0
	}
	if v, ok := m.Char(message.TagCancelOnDisconnect); ok {
		c.canceler = v == 'Y' && c.who.Def.Kind == wire.TradingSession
	}
	return "", time.Duration(n) * time.Second
}

// usable returns why the session may not be used now, "" when it may.
func (c *conn) usable() string {
	k, ok := c.s.view.Key(c.who.Def.Key)
	def, there := c.s.view.SessionByCompID(c.compID)
	switch {
	case !there || def.Enabled == 0:
		return "the session is disabled"
	case !ok || k.Revoked != 0:
		return "the key of the session has been revoked"
	}
	return ""
}

// enter takes the session's seat and answers the logon of a client that has proved who it is.
func (c *conn) enter(seq uint64) bool {
	s, def := c.s, &c.who.Def
	if !c.sit(true) {
		return false
	}
	text, hb := c.terms()
	if fault := c.faulty(); fault != "" {
		text = fault
	} else if unusable := c.usable(); unusable != "" {
		text = unusable
	}
	reset := c.m.Bool(message.TagResetSeqNumFlag)
	always := false // told whatever waits for the client
	switch {
	case text != "":
	case reset && seq != 1:
		text = "MsgSeqNum must be 1 with ResetSeqNumFlag (141)"
	case !c.durable && seq != 1:
		text = "a market data session begins at MsgSeqNum 1"
	case c.durable && !reset:
		text = c.outOfStep(seq)
		always = text != ""
	}
	if text != "" {
		c.refuseLogon(text, seq, always)
		return false
	}
	if c.durable && reset {
		c.epoch, c.cursor, c.expected, c.last = c.epoch+1, 1, 1, 0
		c.done.Store(0)
	}
	c.startWriter()
	if !c.answerLogon(seq, hb, reset) {
		return false
	}
	c.loggedOn = true
	s.doors.loggedOn(c.ip)
	c.since.Store(s.clock().UnixNano())
	c.session.Store(def)
	s.log.Info("fix: logged on", "session", c.compID, "kind", def.Kind.String(), "remote", c.remote, "number", seq, "reset", reset)
	if s.stopping.Load() { // Shutdown may have looked before there was anybody to tell
		c.logout(true, "the venue is closing")
	}
	if text := c.usable(); text != "" { // likewise SessionChanged and KeyRevoked
		c.logout(true, text)
	}
	return true
}

// outOfStep returns why a logon's numbers cannot go on from ours, "" when they can.
func (c *conn) outOfStep(seq uint64) string {
	n := c.seat.x.Numbers()
	next, hasNext := c.m.Uint(message.TagNextExpectedMsgSeqNum)
	switch {
	case n.Lost:
		return "this node has lost the session's numbers: log on with ResetSeqNumFlag (141)=Y"
	case seq < n.NextIn:
		return "MsgSeqNum too low, expecting " + strconv.FormatUint(n.NextIn, 10) + " but received " + strconv.FormatUint(seq, 10)
	case hasNext && next > n.NextOut:
		return "NextExpectedMsgSeqNum too high, expecting " + strconv.FormatUint(n.NextOut, 10) + " but received " + strconv.FormatUint(next, 10)
	}
	return ""
}

// sit takes the session's seat, once a former connection that is on its way out has left, and reads its numbers. One that
// is not on its way out is made to show that it is alive, where known says that this client has proved who it is. When sit
// returns false the connection ends without a word.
func (c *conn) sit(known bool) bool {
	s := c.s
	p, ok := s.seatOf(&c.who.Def)
	if !ok {
		c.requestEnd(ending{cause: "the outbox does not know the session yet"})
		return false
	}
	holder, err := p.take(c, time.Now().Add(s.limits.LogonWait))
	switch {
	case err != nil:
		s.log.Info("fix: logon refused", "session", c.compID, "remote", c.remote, "reason", err)
	case holder != nil:
		s.log.Info("fix: logon refused", "session", c.compID, "remote", c.remote, "reason", "the session is logged on", "from", holder.remote)
		if known {
			holder.nudge()
		}
	}
	if err != nil || holder != nil {
		c.requestEnd(ending{cause: "no seat"})
		return false
	}
	c.seat = p
	if !c.durable {
		c.expected, c.cursor = 1, 1
		return true
	}
	s.tidy(p, &c.who.Def)
	if !s.resetFirst(p, &c.who.Def) {
		c.requestEnd(ending{cause: "the daily reset is due and could not be carried out"})
		return false
	}
	n := p.x.Numbers()
	c.epoch, c.cursor, c.expected, c.last = n.Epoch, n.NextOut, n.NextIn, n.NextIn-1
	c.done.Store(n.NextIn - 1)
	return true
}

// refuseGuess answers a logon of a known session by a client that has not proved who it is. While the session is in use it
// says nothing: a Logout would take one of the live client's numbers.
func (c *conn) refuseGuess() {
	if c.sit(false) {
		c.refuseLogon(refusedText, 0, false)
	}
}

// refuseLogon refuses a logon of a known session, whose seat is taken: with a Logout where that can do no harm, or where it
// is to be told always; otherwise without a word. seq is the logon's number where it counts as used, or 0.
func (c *conn) refuseLogon(text string, seq uint64, always bool) {
	number, told := c.tellable()
	if always && !told {
		number, told = 0, true
	}
	c.s.log.Info("fix: logon refused", "session", c.compID, "remote", c.remote, "reason", text, "told", told)
	if !told {
		c.requestEnd(ending{cause: "logon refused"})
		return
	}
	c.startWriter()
	if seq != 0 && seq == c.expected {
		c.advance(seq + 1)
	}
	c.requestEnd(ending{logout: true, number: number, text: text, cause: "logon refused"})
}

// tellable reports whether a Logout may answer the logon at hand, and which number it must have then; 0: any.
//
// Stock engines (QuickFIX) take any Logout for the message that they expect, whatever its number. One that comes while a
// report waits for the client would make it believe that it had the report, which it would then never ask for. So a Logout
// is sent only where nothing waits but other Logouts.
func (c *conn) tellable() (number uint64, ok bool) {
	if !c.durable {
		return 0, true
	}
	n := c.seat.x.Numbers()
	next, hasNext := c.m.Uint(message.TagNextExpectedMsgSeqNum)
	switch {
	case n.NextOut == 1 || c.seat.isClean(n.Epoch, n.NextOut):
		c.clean = true
		return n.NextOut, true
	case hasNext && next >= n.NextOut: // the client says that it has them all
		return n.NextOut, true
	case c.m.Bool(message.TagResetSeqNumFlag): // the client has given up what there was
		return 0, true
	}
	return 0, false
}

// refuseStranger answers a logon of nobody we know, who has no numbers with us.
func (c *conn) refuseStranger() {
	c.sayUnnumbered(message.Header{Seq: 1, SendingNs: c.s.clock().UnixNano()},
		message.NewBody(message.Logout).Str(message.TagText, refusedText))
	c.requestEnd(ending{cause: "unknown CompID"})
}

// sayUnnumbered writes the only message of a connection that is not logged on, one that is in no log.
func (c *conn) sayUnnumbered(h message.Header, b *message.Body) {
	h.Sender, h.Target = c.s.compID, c.compID
	_ = c.raw.SetWriteDeadline(time.Now().Add(c.s.limits.WriteTimeout))
	_, _ = c.nc.Write(message.AppendMessage(nil, &h, b))
	c.linger()
}
