package fix

import (
	"uncross/gateway/fix/message"
)

// span is a run of outbound numbers that the client wants again; to is 0 for all there is.
type span struct{ from, to uint64 }

// askResend queues a span for the writer. What is waiting already is not queued twice.
func (c *conn) askResend(s span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, have := range c.resend {
		if i > 0 && have == s { // the first may be half served
			return
		}
	}
	c.resend = append(c.resend, s)
	notify(c.poke)
}

// nextSpan returns the span to serve now, and the epoch that it is of.
func (c *conn) nextSpan() (s span, epoch uint32, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.resend) == 0 {
		return span{}, 0, false
	}
	return c.resend[0], c.epoch, true
}

// spanServed drops the first span, unless a reset has dropped them all meanwhile.
func (c *conn) spanServed(epoch uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch || len(c.resend) == 0 {
		return
	}
	if c.resend = c.resend[1:]; len(c.resend) == 0 {
		c.resend = nil
	}
}

// serve sends a span again, page by page: stored messages under their numbers, and one gap fill for every run of others.
// Numbers that have not been sent yet come by themselves. Live messages wait meanwhile.
func (w *writer) serve(s span) bool {
	c := w.c
	c.mu.Lock()
	epoch, cursor := c.epoch, c.cursor
	c.mu.Unlock()
	from, end := max(s.from, 1), cursor
	if s.to != 0 && s.to < cursor {
		end = s.to + 1
	}
	gap := from // the first number that nothing has been sent for
	for n := from; c.durable && n < end; {
		entries, err := w.read(epoch, n)
		if err != nil { // a reset of our own leaves the rest of the span to nobody
			return w.readFailed(epoch, err)
		}
		if len(entries) == 0 {
			break
		}
		for i := range entries {
			e := &entries[i]
			if e.Number >= end {
				break
			}
			b, err := message.ParseBody(e.Body)
			if e.Local || err != nil {
				continue
			}
			w.fillAgain(gap, e.Number)
			w.again(&b, e.Number, e.TimeNs)
			gap = e.End()
			if len(w.work.out) >= writeBuffer && !w.flush() {
				return false
			}
		}
		n = entries[len(entries)-1].End()
	}
	w.fillAgain(gap, end)
	return true
}

// fillAgain stands for the messages from number from up to before number to in a resend.
//
// Where the client's logon came too early as well, both sides ask at once. Engines (QuickFIX) then have our Logon in their
// queue and take our request before its turn, so that their expected number moves on within what they have asked for. A
// fill that begins before that number is ignored as a repeat, whole, and with it the numbers behind. So none goes across
// the Logon, and the first numbers behind it have one each.
func (w *writer) fillAgain(from, to uint64) {
	for n := w.earlyLogon; n != 0 && from < to && from <= n+singleFills; {
		end := from + 1
		if from < n {
			end = min(n, to)
		}
		w.gapFill(from, end, true)
		from = end
	}
	w.gapFill(from, to, true)
}

// again writes a message that was sent before.
func (w *writer) again(b *message.Body, n uint64, ns int64) {
	h := &w.header
	h.Seq, h.SendingNs, h.PossDup, h.OrigSendingNs = n, w.c.s.clock().UnixNano(), true, ns
	w.work.out = message.AppendMessage(w.work.out, h, b)
}

// gapFill stands for the messages from number from up to before number to.
func (w *writer) gapFill(from, to uint64, dup bool) {
	if from >= to {
		return
	}
	b := message.NewBody(message.SequenceReset).Bool(message.TagGapFillFlag, true).Uint(message.TagNewSeqNo, to)
	if now := w.c.s.clock().UnixNano(); dup {
		w.again(b, from, now)
	} else {
		w.put(b, from, now)
	}
}
