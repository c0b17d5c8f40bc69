package fix

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// receive deals with one frame of a connection that has logged on.
func (c *conn) receive(frame []byte) {
	if err := c.m.Parse(frame); err != nil {
		c.s.log.Debug("fix: garbled", "session", c.compID)
		return
	}
	m := &c.m
	if begin, _ := m.Get(message.TagBeginString); string(begin) != message.BeginString44 {
		c.logout(true, "Incorrect BeginString")
		return
	}
	seq, ok := m.Uint(message.TagMsgSeqNum)
	if !ok {
		c.logout(false, "Required tag missing: MsgSeqNum (34)")
		return
	}
	now := c.s.clock().UnixNano()
	if c.outOfTurn(seq, now) {
		return
	}
	switch {
	case seq > c.expected:
		c.ahead.keep(seq, frame, now, &c.s.limits)
		c.askFor()
		return
	case seq < c.expected:
		c.tooLow(seq)
		return
	}
	c.inTurn(now)
	c.catchUp()
}

// catchUp deals with the messages that came early and whose turn it is now.
func (c *conn) catchUp() {
	for !c.leaving() {
		e, ok := c.ahead.take(c.expected)
		if !ok {
			break
		}
		if e.frame == nil {
			c.advance(c.expected + 1)
			continue
		}
		if c.m.Parse(e.frame) != nil { // it was parsed before: it has no errors
			break
		}
		c.inTurn(e.nowNs)
	}
	if len(c.ahead.frames) == 0 {
		c.gap.closed()
	}
	c.askNext()
}

// outOfTurn deals with the messages whose meaning does not depend on their number. A message that cannot be accepted is
// left to its turn.
func (c *conn) outOfTurn(seq uint64, now int64) bool {
	m := &c.m
	switch m.Type() {
	case message.Logout:
	case message.ResendRequest:
		if seq == c.expected {
			return false
		}
	case message.SequenceReset:
		if m.Bool(message.TagGapFillFlag) {
			return false
		}
	case message.Logon:
		if !m.Bool(message.TagResetSeqNumFlag) || seq != 1 {
			return false
		}
	default:
		return false
	}
	if !c.acceptable(seq, now) {
		if seq == c.expected && m.Type() == message.Logout {
			c.advance(seq + 1)
		}
		return true
	}
	switch m.Type() {
	case message.Logout:
		c.onLogout(seq)
	case message.ResendRequest:
		c.onResendRequest()
		if seq > c.expected { // it has been dealt with; its number counts when its turn comes
			c.ahead.keep(seq, nil, now, &c.s.limits)
			c.askFor()
		}
	case message.SequenceReset:
		c.onReset(seq)
	case message.Logon:
		c.onLogonAgain()
	}
	return true
}

// askFor asks for the messages that are missing, once for each gap.
func (c *conn) askFor() {
	if !c.gap.ask(c.expected, c.s.limits.ResendAgain) {
		return
	}
	b := message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, c.expected).Uint(message.TagEndSeqNo, 0)
	c.reply(localOf(b), c.done.Load())
}

// tooLow deals with a message whose number was there before: one that is marked as a repeat is ignored, any other means
// that the two sides do not agree.
func (c *conn) tooLow(seq uint64) {
	m := &c.m
	if !m.Bool(message.TagPossDupFlag) {
		c.logout(false, "MsgSeqNum too low, expecting "+strconv.FormatUint(c.expected, 10)+" but received "+strconv.FormatUint(seq, 10))
		return
	}
	if m.Type() != message.SequenceReset {
		c.origTime(seq)
	}
}

// origTime checks the time of a repeat: it must say when it was first sent, and that cannot be later than now.
func (c *conn) origTime(seq uint64) bool {
	m := &c.m
	orig, ok := m.Time(message.TagOrigSendingTime)
	if !ok {
		c.reject(seq, sessionReject{reason: requiredTagMissing, tag: message.TagOrigSendingTime, tagged: true, text: "Required tag missing"})
		return false
	}
	if sent, ok := m.Time(message.TagSendingTime); ok && orig > sent {
		c.reject(seq, sessionReject{reason: sendingTimeProblem, text: "SendingTime accuracy problem"})
		c.logout(true, "")
		return false
	}
	return true
}

// acceptable checks a message as any: its form, its time, its names. What is wrong is answered; a message in its turn has
// then had it.
func (c *conn) acceptable(seq uint64, now int64) bool {
	m := &c.m
	if v := c.s.dict.Check(m); v != nil {
		c.reject(seq, sessionReject{reason: v.Reason, tag: v.Tag, tagged: v.RefersToTag(), text: v.Text})
		return false
	}
	if sent, ok := m.Time(message.TagSendingTime); !ok || !c.s.near(sent, now) {
		c.reject(seq, sessionReject{reason: sendingTimeProblem, text: "SendingTime accuracy problem"})
		c.logout(true, "")
		return false
	}
	sender, _ := m.Get(message.TagSenderCompID)
	target, _ := m.Get(message.TagTargetCompID)
	if string(sender) != c.compID || string(target) != c.s.compID {
		c.reject(seq, sessionReject{reason: compIDProblem, text: "CompID problem"})
		c.logout(true, "")
		return false
	}
	return true
}

// near reports whether a SendingTime is within the accuracy that is asked for.
func (s *Server) near(sent, now int64) bool {
	d := int64(s.limits.SendingTimeAccuracy)
	return sent >= now-d && sent <= now+d
}

// inTurn deals with the message that is the expected one.
func (c *conn) inTurn(now int64) {
	seq := c.expected
	if c.acceptable(seq, now) && c.repeatable(seq) {
		c.dispatch(seq, now)
	}
	if c.lost.Load() { // it keeps its number: the next logon asks for it
		return
	}
	if seq == c.expected {
		c.advance(seq + 1)
	}
	if c.durable && c.expected-c.last > advanceEvery && !c.leaving() {
		c.commanded(c.done.Load())
		c.sessionMessage(wire.SessionMessage{Kind: wire.SessionAdvance}, c.done.Load(), false, nil)
	}
}

// repeatable checks what goes with PossDupFlag.
func (c *conn) repeatable(seq uint64) bool {
	if !c.m.Bool(message.TagPossDupFlag) || message.IsAdmin(c.m.Type()) {
		return true
	}
	return c.origTime(seq)
}

// advance makes next the number that is expected.
func (c *conn) advance(next uint64) {
	if next == c.expected+1 {
		c.ahead.take(c.expected)
	} else {
		c.ahead.forget(next)
	}
	c.expected = next
	c.done.Store(next - 1)
}

// dispatch deals with a message that is in order.
func (c *conn) dispatch(seq uint64, now int64) {
	if message.IsAdmin(c.m.Type()) {
		c.flood(now)
	}
	switch c.m.Type() {
	case message.Heartbeat, message.Reject: // a Reject of ours is for people to read
		if c.m.Type() == message.Reject {
			c.s.log.Debug("fix: the client rejected a message", "session", c.compID, "number", c.m.String(message.TagRefSeqNum),
				"text", shown(c.m.String(message.TagText)))
		}
	case message.TestRequest:
		id, _ := c.m.Get(message.TagTestReqID)
		c.reply(localOf(c.body.Reset(message.Heartbeat).Bytes(message.TagTestReqID, id)), seq)
		c.awaitRoom()
	case message.ResendRequest:
		c.onResendRequest()
	case message.SequenceReset:
		c.onGapFill(seq)
	case message.Logon:
		c.logout(false, "already logged on")
	default:
		c.application(seq, now)
	}
}

// flood ends the connection of a client that sends far too many administrative messages.
func (c *conn) flood(now int64) {
	if c.rate.take(now) == flooded {
		c.logout(false, floodText)
	}
}

// shown cuts a client's text to what a log line has room for.
func shown(s string) string { return s[:min(len(s), maxTextShown)] }
