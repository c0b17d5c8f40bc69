package fix

import (
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// duties is what the writer has to see to from time to time: that both sides show signs of life.
type duties struct {
	heartbeat bool  // one of ours is on its way
	testedNs  int64 // when we last asked for a sign of life
	tests     uint64
}

// After how much silence of the client a TestRequest is sent, and the connection ends: tenths of HeartBtInt.
const (
	testAfter = 12
	deadAfter = 24
)

// see does what is due, and sets the timer to what is due next.
func (w *writer) see() {
	c := w.c
	hb := c.hb.Load()
	if hb == 0 || !w.begun || c.leaving() {
		w.timer.Reset(time.Hour)
		return
	}
	now := time.Now().UnixNano()
	heard := c.heard.Load()
	d := &w.duties

	if heard+hb*deadAfter/10 <= now {
		text := "no message for " + strconv.FormatInt(int64(time.Duration(now-heard)/time.Second), 10) + " s"
		c.requestEnd(ending{logout: true, text: text, cause: "silent client"})
		return
	}
	if nudged := c.nudgedNs.Load(); nudged != 0 {
		if heard > nudged {
			c.nudgedNs.Store(0)
		} else if now >= nudged+int64(c.s.limits.NudgeWait) {
			c.requestEnd(ending{cause: "no sign of life although another logon came"})
			return
		} else if d.testedNs < nudged {
			w.test(now)
		}
	}
	if heard+hb*testAfter/10 <= now && d.testedNs <= heard {
		w.test(now)
	}
	if w.sentNs+hb <= now && !d.heartbeat {
		d.heartbeat = w.own(localOf(message.NewBody(message.Heartbeat)))
	}

	next := w.sentNs + hb
	if d.heartbeat || next <= now {
		next = now + hb/4
	}
	if d.testedNs <= heard {
		next = min(next, heard+hb*testAfter/10)
	}
	next = min(next, heard+hb*deadAfter/10)
	if nudged := c.nudgedNs.Load(); nudged != 0 {
		next = min(next, nudged+int64(c.s.limits.NudgeWait))
	}
	if c.pushesWait() {
		next = min(next, now+int64(pushPause))
	}
	w.timer.Reset(max(time.Duration(next-now), time.Millisecond))
}

// test sends a TestRequest.
func (w *writer) test(now int64) {
	d := &w.duties
	d.testedNs = now
	d.tests++
	id := "UNCROSS-" + strconv.FormatUint(d.tests, 10)
	w.own(localOf(message.NewBody(message.TestRequest).Str(message.TagTestReqID, id)))
}

// own sends messages of our own accord. They carry the number of the last message that was dealt with. It reports false
// when the core is busy: what is due is due again then.
func (w *writer) own(l *local) bool {
	c := w.c
	if !c.durable {
		return c.reply(l, 0)
	}
	m := wire.SessionMessage{Session: c.who.Def.ID, Kind: wire.SessionNumbers, Arg: uint16(l.count())}
	var cmd wire.Command
	m.Put(&cmd)
	err := c.submit(&cmd, c.lastDone(), false, l)
	if err != nil && !c.s.full(err) {
		c.requestEnd(ending{cause: "the core takes no session message: " + err.Error()})
	}
	return err == nil
}
