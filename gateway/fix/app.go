package fix

import (
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
)

const floodText = "far more messages than the limit"

// application deals with an application message.
func (c *conn) application(seq uint64, now int64) {
	if !c.awaitRoom() {
		return
	}
	m, t := &c.m, c.m.Type()
	c.out.Do = entry.Nothing
	switch v := c.rate.take(now); {
	case v == flooded:
		c.logout(false, floodText)
		return
	case t == message.BusinessMessageReject: // never answered: two engines would answer each other for ever
		c.s.log.Debug("fix: the client rejected a message", "session", c.compID, "text", shown(m.String(message.TagText)))
		return
	case !c.s.dict.Handles(t):
		c.out.RefuseMessage(t, "", report.UnsupportedMsg, 0)
	case !permitted(c.who.Def.Kind, t):
		c.out.RefuseMessage(t, referenceOf(m), report.NotForThisSession, 0)
	case v == refuseAll || v == onlyCancel && !takesOut(t):
		c.refusal(report.TooManyRequests)
	case t == message.MarketDataRequest || t == message.SecurityStatusRequest:
		c.marketData(seq)
		return
	case entry.Handles(t):
		c.settleFirst(t)
		c.s.orders.Handle(&c.who, m, &c.out)
	default:
		c.settleFirst(t)
		c.s.reference.Handle(&c.who, m, &c.out)
	}
	c.carryOut(seq)
}

// permitted reports whether a kind of session may send a type of message that the venue handles.
func permitted(k wire.SessionKind, t string) bool {
	switch t {
	case message.SecurityListRequest, message.SecurityStatusRequest:
		return true
	case message.MarketDataRequest:
		return k != wire.DropCopySession
	case message.TradeCaptureReportRequest:
		return k != wire.MarketDataSession
	}
	return k == wire.TradingSession
}

// takesOut reports whether a message takes orders out: what a client in trouble needs most.
func takesOut(t string) bool {
	return t == message.OrderCancelRequest || t == message.OrderMassCancelRequest
}

// settleFirst waits, for a question about orders or trades, until the answer has what this connection asked for before.
func (c *conn) settleFirst(t string) {
	switch t {
	case message.OrderStatusRequest, message.OrderMassStatusRequest, message.TradeCaptureReportRequest:
	default:
		return
	}
	if !c.durable {
		return
	}
	for until := time.Now().Add(c.s.limits.BusyWait); c.seat.inFlight() > 0 && time.Now().Before(until); {
		select {
		case <-c.ending:
			return
		case <-c.progress:
		case <-time.After(waitPause):
		}
	}
	c.s.view.WaitFor(c.s.outbox.Position(), c.s.limits.BusyWait)
}

// carryOut does what a message came to.
func (c *conn) carryOut(seq uint64) {
	switch o := &c.out; o.Do {
	case entry.Submit:
		c.order(seq)
	case entry.Refuse:
		c.refuse(seq)
	case entry.Answer:
		c.answer(seq)
	case entry.Reject:
		c.reject(seq, sessionReject{reason: o.Violation.Reason, tag: o.Violation.Tag, tagged: o.Violation.Tag != 0, text: o.Violation.Text})
	}
}

// again reports whether the client says that it may have sent the message at hand before.
func (c *conn) again() bool {
	return c.m.Bool(message.TagPossDupFlag) || c.m.Bool(message.TagPossResend)
}

// sentNs returns when the client first sent the message at hand.
func (c *conn) sentNs() int64 {
	if c.m.Bool(message.TagPossDupFlag) {
		if ns, ok := c.m.Time(message.TagOrigSendingTime); ok {
			return ns
		}
	}
	ns, _ := c.m.Time(message.TagSendingTime)
	return ns
}

// order hands in the command that a message came to. While the core is busy a new order is refused, and so is a replace;
// cancels and questions are tried for a while.
func (c *conn) order(seq uint64) {
	cmd := &c.out.Command
	cmd.SentNs = c.sentNs()
	again := c.again()
	if c.out.Announced && !c.sessionMessage(c.out.Announce, seq-1, again, nil) {
		return
	}
	try := func() error { return c.submit(cmd, seq, again, nil) }
	var err error
	switch cmd.Kind {
	case wire.CmdNewOrder, wire.CmdReplaceOrder:
		err = try()
	default:
		err = c.s.patiently(c.s.limits.BusyWait, try)
	}
	switch {
	case err == nil:
		c.commanded(seq)
	case c.s.busy(err):
		c.refusal(report.Busy)
		c.refuse(seq)
	default:
		c.lost.Store(true)
		c.requestEnd(ending{cause: "the core takes no command: " + err.Error()})
	}
}

// refuse sends the refusal that a message came to, as a message that can be sent again.
func (c *conn) refuse(seq uint64) {
	r := c.out.Refusal
	if !c.durable {
		x := report.Exec{Origin: wire.SessionOrigin(c.who.Def.ID, 0, seq, false), TimeNs: c.s.clock().UnixNano()}
		if b, err := message.ParseBody(report.Refused(nil, &x, &r)); err == nil {
			c.reply(localOf(&b), seq)
		}
		return
	}
	c.commanded(seq)
	c.sessionMessage(r, seq, c.again(), nil)
}

// refusal makes the refusal of the message at hand for a reason of this package's.
func (c *conn) refusal(r wire.Reason) {
	if t := c.m.Type(); entry.Handles(t) {
		c.s.orders.Refuse(&c.who, &c.m, r, &c.out)
	} else {
		c.out.RefuseMessage(t, referenceOf(&c.m), r, 0)
	}
}

// referenceOf returns the id by which a message is known to its sender.
func referenceOf(m *message.Message) string {
	for _, tag := range [...]int{
		message.TagClOrdID, message.TagMDReqID, message.TagSecurityReqID, message.TagSecurityStatusReqID,
		message.TagTradeRequestID, message.TagMassStatusReqID,
	} {
		if v, ok := m.Get(tag); ok {
			return string(v)
		}
	}
	return ""
}

// answer sends an answer that only this connection has, some messages at a time, so that a long one is never in memory.
func (c *conn) answer(seq uint64) {
	l := &local{}
	for b := range c.out.Answers {
		l.add(b)
		if l.count() < answerBodies && len(l.stored) < answerBytes {
			continue
		}
		// The number counts as dealt with only with the last part: until then a loss makes the client ask again.
		if !c.reply(l, c.done.Load()) || !c.awaitRoom() {
			return
		}
		l = &local{}
	}
	c.reply(l, seq)
}

// marketData deals with V and e.
func (c *conn) marketData(seq uint64) {
	l := &local{}
	bodies := c.s.market.Request(c.key, c, &c.m)
	for i := range bodies {
		l.add(&bodies[i])
		if l.count() >= answerBodies || len(l.stored) >= answerBytes {
			if !c.reply(l, c.done.Load()) || !c.awaitRoom() {
				return
			}
			l = &local{}
		}
	}
	c.reply(l, seq)
}
