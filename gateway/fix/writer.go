package fix

import (
	"sync"
	"time"

	"uncross/gateway/fix/message"
	"uncross/gateway/fix/outbox"
)

// writer sends what the session's numbers come to, in their order. It is one goroutine a connection.
type writer struct {
	c          *conn
	header     message.Header
	begun      bool   // the answer to the logon, or a Logout, has been sent: everything from there on is the client's
	plain      uint64 // next number of a session that is not in the log
	earlyLogon uint64 // number of our Logon that answered one which came too early; 0: it did not
	rejects    uint64 // commands of the session that the engine had refused when the connection began

	work *workspace // nil while there is nothing to do

	sentNs  int64 // when the last write ended
	duties  duties
	timer   *time.Timer
	damaged bool // a message of the outbox could not be read, and that was logged
	saidBye bool // a Logout is in the buffer
}

// workspace is memory that a writer needs only while it writes: a thousand idle connections share a few.
type workspace struct {
	out     []byte
	entries []outbox.Entry
	most    int // entries that were used at once
}

var workspaces = sync.Pool{New: func() any {
	return &workspace{out: make([]byte, 0, writeBuffer+4<<10), entries: make([]outbox.Entry, 0, resendPage)}
}}

// startWriter starts the writing goroutine. Its cursor is set.
func (c *conn) startWriter() {
	w := &writer{c: c, plain: 1, header: message.Header{Sender: c.s.compID, Target: c.compID}, timer: time.NewTimer(time.Hour)}
	if c.durable {
		w.rejects, _ = c.seat.x.Rejected()
	}
	c.writing = true
	go w.run()
}

func (w *writer) run() {
	c := w.c
	defer close(c.writer)
	defer w.timer.Stop()
	var changed <-chan struct{}
	if c.durable {
		changed = c.seat.x.Changed()
	}
	for {
		w.work = workspaces.Get().(*workspace)
		ok := w.step()
		w.give()
		if !ok {
			return
		}
		notify(c.progress)
		select {
		case <-changed:
		case <-c.poke:
		case <-w.timer.C:
		case <-c.quit:
			return
		}
	}
}

func (w *writer) give() {
	clear(w.work.entries[:w.work.most])
	w.work.out, w.work.entries, w.work.most = w.work.out[:0], w.work.entries[:0], 0
	workspaces.Put(w.work)
	w.work = nil
}

// step sends all there is and sees to the timers. It reports false when the writer is at its end.
func (w *writer) step() bool {
	for {
		ok, more := w.round()
		if !ok {
			return false
		}
		if !more {
			break
		}
		notify(w.c.progress)
	}
	if !w.flush() {
		return false
	}
	w.takePushes()
	w.see()
	return true
}

// round sends a page; more when there may be another.
func (w *writer) round() (ok, more bool) {
	if span, epoch, is := w.c.nextSpan(); is {
		if !w.serve(span) {
			return false, false
		}
		w.c.spanServed(epoch)
		more = true
	}
	if w.c.durable {
		sent, ok := w.follow()
		return ok, more || sent
	}
	sent, ok := w.plainly()
	return ok, more || sent
}

// follow sends the next page of the session's numbers.
func (w *writer) follow() (sent, ok bool) {
	c := w.c
	c.mu.Lock()
	epoch, cursor := c.epoch, c.cursor
	c.mu.Unlock()
	entries, err := w.read(epoch, cursor)
	if err != nil {
		return false, w.readFailed(epoch, err)
	}
	if len(entries) == 0 {
		return false, w.check(cursor)
	}
	for i := range entries {
		e := &entries[i]
		if e.Local {
			w.local(e)
		} else {
			w.stored(e)
		}
		if w.saidBye || len(w.work.out) >= writeBuffer {
			if !w.flush() {
				return false, false
			}
		}
	}
	last := &entries[len(entries)-1]
	c.mu.Lock()
	if c.epoch == epoch {
		c.cursor = last.End()
	}
	c.mu.Unlock()
	return true, w.check(last.End())
}

// read returns the next page of numbers, in the workspace.
func (w *writer) read(epoch uint32, from uint64) ([]outbox.Entry, error) {
	k := w.work
	entries, err := w.c.seat.x.Read(epoch, from, k.entries[:0])
	k.entries, k.most = entries, max(k.most, len(entries))
	return entries, err
}

// readFailed deals with an error of the outbox.
func (w *writer) readFailed(epoch uint32, err error) bool {
	w.c.mu.Lock()
	own := w.c.epoch
	w.c.mu.Unlock()
	now := w.c.seat.x.Numbers().Epoch
	switch {
	case own != epoch: // the client has begun anew since we looked
		return true
	case now < epoch: // a reset is under way; its event pokes us
		return true
	case now > epoch:
		w.c.requestEnd(ending{cause: "the session's numbers have been reset"})
	default:
		w.c.requestEnd(ending{cause: "outbox: " + err.Error()})
	}
	return false
}

// check ends the connection when it can no longer be right or can not keep up.
func (w *writer) check(cursor uint64) bool {
	c := w.c
	if n, why := c.seat.x.Rejected(); n > w.rejects {
		w.rejects = n
		if !c.leaving() {
			c.requestEnd(ending{logout: true, text: why.Sentence(), cause: "the engine refused a session message: " + why.String()})
		}
	}
	if behind := c.seat.x.Numbers().NextOut; behind > cursor && behind-cursor > uint64(c.s.limits.MaxBehind) {
		c.requestEnd(ending{cause: "slow reader: too many messages behind"})
		return false
	}
	return true
}

// stored writes a message of the outbox.
func (w *writer) stored(e *outbox.Entry) {
	if !w.begun {
		return
	}
	b, err := message.ParseBody(e.Body)
	if err != nil {
		if !w.damaged {
			w.damaged = true
			w.c.s.log.Error("fix: a message of the outbox cannot be read; it is left out", "session", w.c.compID, "number", e.Number, "error", err)
		}
		w.gapFill(e.Number, e.End(), false)
		return
	}
	w.put(&b, e.Number, e.TimeNs)
}

// put writes one message with its number.
func (w *writer) put(b *message.Body, n uint64, ns int64) {
	h := &w.header
	h.Seq, h.SendingNs, h.PossDup, h.OrigSendingNs = n, ns, false, 0
	w.work.out = message.AppendMessage(w.work.out, h, b)
	w.c.sentOut.Store(n)
}

// local writes messages that wait in the connection's memory, now that they have their numbers.
func (w *writer) local(e *outbox.Entry) {
	c := w.c
	token, ours := c.tokenOf(e)
	var l *local
	if ours {
		c.mu.Lock()
		l = c.locals.take(token)
		c.mu.Unlock()
	}
	if l == nil || l.count() != int(e.Count) {
		if w.begun {
			w.gapFill(e.Number, e.End(), false)
		}
		return
	}
	if l.number != 0 && l.number != e.Number { // something else came between: the client must not take this for it
		c.requestEnd(ending{cause: "a Logout came too late to be told"})
		return
	}
	w.send(l, e.Number, e.TimeNs)
}

// send writes a local run under its numbers. ns is the time of all of them: on a durable session that of their event, so
// that a session's times never run backward.
func (w *writer) send(l *local, n uint64, ns int64) {
	c := w.c
	w.begun = true
	w.header.Routing = l.routing
	first := n
	l.each(func(b *message.Body) {
		w.put(b, n, ns)
		n++
	})
	w.header.Routing = nil
	switch {
	case l.logon:
		w.sentNs = time.Now().UnixNano()
		w.earlyLogon = 0
		if l.early {
			w.earlyLogon = first
		}
		if l.resendFrom > 0 && l.resendFrom < first {
			c.askResend(span{from: l.resendFrom, to: first - 1})
		}
	case l.logout:
		w.saidBye = true
	case l.pushed:
		c.pushesSent()
	}
}

// plainly sends what waits in a session that has numbers of its own.
func (w *writer) plainly() (sent, ok bool) {
	c := w.c
	for {
		c.mu.Lock()
		l := c.locals.pop()
		c.mu.Unlock()
		if l == nil {
			return sent, true
		}
		if l.logon && l.resendFrom == restart {
			w.plain = 1
		}
		n := w.plain
		w.plain += uint64(l.count())
		c.mu.Lock()
		c.cursor = w.plain
		c.mu.Unlock()
		w.send(l, n, c.s.clock().UnixNano())
		sent = true
		if w.saidBye || len(w.work.out) >= writeBuffer {
			if !w.flush() {
				return sent, false
			}
		}
	}
}

// restart, as resendFrom of a plain logon, makes the numbers begin at 1 again.
const restart = ^uint64(0)

// flush writes the buffer to the socket.
func (w *writer) flush() bool {
	if len(w.work.out) > 0 {
		_ = w.c.raw.SetWriteDeadline(time.Now().Add(w.c.s.limits.WriteTimeout))
		if _, err := w.c.nc.Write(w.work.out); err != nil {
			w.c.requestEnd(ending{cause: "writing: " + err.Error()})
			return false
		}
		w.work.out = w.work.out[:0]
		w.sentNs = time.Now().UnixNano()
		w.duties.heartbeat = false
	}
	if w.saidBye {
		w.saidBye = false
		close(w.c.written)
		return false
	}
	return true
}
