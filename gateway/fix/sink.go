package fix

import (
	"math"
	"time"

	"uncross/gateway/fix/message"
)

// pushes is market data that waits for its numbers: while some of it is on the way, the rest gathers.
type pushes struct {
	waiting *local
	onWay   bool
	bytes   int // waiting and on the way
	sending int // of these, on the way
}

// pushPause is how long market data waits before it is tried again while the core is busy.
const pushPause = 5 * time.Millisecond

// Push implements market.Sink: it keeps the bodies for the writer. A connection that does not take them fast enough ends.
func (c *conn) Push(bodies []message.Body) bool {
	c.mu.Lock()
	q := &c.pushes
	size := 0
	for i := range bodies {
		size += bodies[i].Len()
	}
	full := q.bytes+size > c.s.limits.PushBytes
	over := c.end != nil
	if !full && !over {
		if q.waiting == nil {
			q.waiting = &local{pushed: true}
		}
		for i := range bodies {
			q.waiting.add(&bodies[i])
		}
		q.bytes += size
	}
	c.mu.Unlock()
	if full && !over {
		c.requestEnd(ending{logout: true, text: "slow reader: market data could not be delivered", cause: "slow reader: market data"})
	}
	if full || over {
		return false
	}
	c.wakeWriter()
	return true
}

// takePushes sends the market data that waits, when none is on its way.
func (w *writer) takePushes() {
	c := w.c
	c.mu.Lock()
	q := &c.pushes
	l := q.waiting
	if l == nil || q.onWay || c.end != nil {
		c.mu.Unlock()
		return
	}
	if q.waiting = nil; l.count() > math.MaxUint16 {
		l, q.waiting = l.split(math.MaxUint16)
	}
	q.onWay, q.sending = true, len(l.stored)
	c.mu.Unlock()
	if w.own(l) {
		return
	}
	c.mu.Lock() // the core is busy: it waits on, in front
	q.onWay, q.sending = false, 0
	if rest := q.waiting; rest != nil {
		l.join(rest)
	}
	q.waiting = l
	c.mu.Unlock()
}

// pushesSent lets the next market data go.
func (c *conn) pushesSent() {
	c.mu.Lock()
	q := &c.pushes
	q.bytes -= q.sending
	q.onWay, q.sending = false, 0
	c.mu.Unlock()
}

// pushesWait reports whether market data waits because the core was busy.
func (c *conn) pushesWait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pushes.waiting != nil && !c.pushes.onWay
}

// split cuts l behind its n-th body.
func (l *local) split(n int) (first, rest *local) {
	at := l.ends[n-1]
	rest = &local{pushed: l.pushed, stored: l.stored[at:]}
	for _, e := range l.ends[n:] {
		rest.ends = append(rest.ends, e-at)
	}
	l.stored, l.ends = l.stored[:at:at], l.ends[:n:n]
	return l, rest
}

// join appends another's bodies.
func (l *local) join(o *local) {
	at := len(l.stored)
	l.stored = append(l.stored, o.stored...)
	for _, e := range o.ends {
		l.ends = append(l.ends, at+e)
	}
}
