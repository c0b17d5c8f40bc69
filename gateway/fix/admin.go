package fix

import (
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// Values of SessionRejectReason (373).
const (
	requiredTagMissing = 1
	valueIncorrect     = 5
	compIDProblem      = 9
	sendingTimeProblem = 10
)

// sessionReject is what a Reject (3) says.
type sessionReject struct {
	reason int
	tag    int
	tagged bool // the tag is told
	text   string
}

// reject answers the message at hand, which has number seq, with a Reject.
func (c *conn) reject(seq uint64, r sessionReject) {
	b := c.body.Reset(message.Reject).Uint(message.TagRefSeqNum, seq)
	if r.tagged {
		b.Int(message.TagRefTagID, int64(r.tag))
	}
	b.Str(message.TagRefMsgType, c.m.Type()).Int(message.TagSessionRejectReason, int64(r.reason)).Str(message.TagText, r.text)
	l := localOf(b)
	l.routing = reverseRoute(&c.m)
	number := c.done.Load()
	if seq == c.expected {
		number = seq
	}
	c.reply(l, number)
	c.flood(c.s.clock().UnixNano())
	c.awaitRoom()
}

// reverseRoute returns the header fields that lead an answer back to where a message came from.
func reverseRoute(m *message.Message) []byte {
	var b message.Body
	b.Reset("")
	for _, r := range [...][2]int{
		{message.TagOnBehalfOfCompID, message.TagDeliverToCompID}, {message.TagOnBehalfOfSubID, message.TagDeliverToSubID},
		{message.TagOnBehalfOfLocationID, message.TagDeliverToLocationID},
	} {
		if v, ok := m.Get(r[0]); ok {
			b.Bytes(r[1], v)
		}
		if v, ok := m.Get(r[1]); ok {
			b.Bytes(r[0], v)
		}
	}
	return b.Raw()
}

// logout ends the session with a Logout; wait for the client's, or not.
func (c *conn) logout(wait bool, text string) {
	cause := text
	if cause == "" {
		cause = "rejected"
	}
	c.requestEnd(ending{logout: true, wait: wait, text: text, cause: cause})
}

// onLogout answers the client's Logout, whatever its number.
func (c *conn) onLogout(seq uint64) {
	c.theirEnd = true
	if seq == c.expected {
		c.advance(seq + 1)
	}
	c.requestEnd(ending{logout: true, cause: "the client logged out"})
}

// onResendRequest lets the writer send messages again.
func (c *conn) onResendRequest() {
	from, _ := c.m.Uint(message.TagBeginSeqNo)
	to, _ := c.m.Uint(message.TagEndSeqNo)
	if to != 0 && to < from {
		return
	}
	c.askResend(span{from: from, to: to})
	c.awaitRoom()
}

// onGapFill moves the expected number on: the client has nothing to send for those in between.
func (c *conn) onGapFill(seq uint64) {
	next, ok := c.m.Uint(message.TagNewSeqNo)
	if !ok || next <= seq || next > maxNumber {
		c.reject(seq, sessionReject{reason: valueIncorrect, text: "Value is incorrect (out of range) for this tag"})
		return
	}
	c.advance(next)
}

// onReset moves the expected number as the client says, whatever the message's own number. It can only grow.
func (c *conn) onReset(seq uint64) {
	next, ok := c.m.Uint(message.TagNewSeqNo)
	if !ok || next < c.expected || next > maxNumber {
		c.reject(seq, sessionReject{reason: valueIncorrect, text: "Value is incorrect (out of range) for this tag"})
		return
	}
	c.advance(next)
	c.catchUp()
}

// onLogonAgain starts both numbers again in the middle of a session (141=Y).
func (c *conn) onLogonAgain() {
	text, hb := c.terms()
	if text != "" {
		c.logout(false, text)
		return
	}
	if !c.drained(c.s.limits.LogonWait) {
		c.requestEnd(ending{cause: "a reset could not wait for what was under way"})
		return
	}
	c.ahead.clear()
	c.gap.closed()
	c.expected, c.last = 1, 0
	c.done.Store(0)
	c.mu.Lock()
	c.epoch++
	c.cursor = 1
	c.resend = nil
	c.anew = c.durable
	c.mu.Unlock()
	answered := c.answerLogon(1, hb, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.anew = false
	if !answered { // nothing has begun: what is still to be said belongs to the old numbers
		c.epoch--
	}
}

// drained waits until all that was submitted is answered and sent.
func (c *conn) drained(wait time.Duration) bool {
	if !c.durable {
		return true
	}
	for until := time.Now().Add(wait); time.Now().Before(until); {
		if c.seat.inFlight() == 0 {
			c.mu.Lock()
			cursor := c.cursor
			c.mu.Unlock()
			if cursor >= c.seat.x.Numbers().NextOut {
				return true
			}
		}
		select {
		case <-c.ending:
			return false
		case <-c.progress:
		case <-time.After(waitPause):
		}
	}
	return false
}

// answerLogon sends the answer to the logon at hand, whose number is seq, and goes on behind it.
func (c *conn) answerLogon(seq uint64, hb time.Duration, reset bool) bool {
	b := message.NewBody(message.Logon).Int(message.TagEncryptMethod, 0).Int(message.TagHeartBtInt, int64(hb/time.Second))
	if reset {
		b.Bool(message.TagResetSeqNumFlag, true)
	}
	l := &local{logon: true, early: seq != c.expected}
	number := c.done.Load()
	if seq == c.expected {
		number = seq
	}
	next, hasNext := c.m.Uint(message.TagNextExpectedMsgSeqNum)
	if hasNext {
		b.Uint(message.TagNextExpectedMsgSeqNum, number+1)
		l.resendFrom = next
	}
	if !c.durable {
		l.resendFrom = restart
	}
	l.add(b)
	c.hb.Store(int64(hb))
	if c.durable {
		var flags wire.LogonFlags
		if c.canceler {
			flags |= wire.CancelOnDisconnect
		}
		c.commanded(number)
		if !c.sessionMessage(wire.SessionMessage{Kind: wire.SessionLogon, Arg: uint16(flags)}, number, false, l) {
			return false
		}
	} else {
		c.reply(l, number)
	}
	switch {
	case seq == c.expected:
		c.advance(seq + 1)
	case hasNext: // the client knows by our 789 what to send again
		c.ahead.keep(seq, nil, 0, &c.s.limits)
		c.gap.ask(c.expected, 0)
	default:
		c.ahead.keep(seq, nil, 0, &c.s.limits)
		c.askFor()
	}
	return true
}
