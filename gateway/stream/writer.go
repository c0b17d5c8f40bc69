package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"

	"github.com/gobwas/ws"

	"uncross/gateway/history"
	"uncross/gateway/http"
)

// write sends what there is until the connection is over.
func (c *conn) write() {
	var pings pinger
	ticks := time.NewTicker(c.s.limits.Ping)
	defer ticks.Stop()
	for {
		over, expires := c.session()
		select {
		case <-c.gone:
			if !c.closing() {
				return
			}
		case <-c.wake:
		case <-over:
		case <-expires:
		case <-ticks.C:
			c.tick(&pings)
			c.lookBehind()
		}
		for more := true; more; {
			var closed bool
			if more, closed = c.round(); closed {
				return
			}
		}
	}
}

// session returns what to wait for because of the login: its session's end and its expiry.
func (c *conn) session() (over <-chan struct{}, expires <-chan time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login == nil {
		return nil, nil
	}
	left := c.login.session.Expires().Sub(c.s.clock())
	return c.login.session.Done(), time.After(max(left, 0))
}

// round sends what is there, up to Limits.Round bytes. closed: the connection is over for the writer.
func (c *conn) round() (more, closed bool) {
	frames, ending, more := c.take()
	if err := c.send(frames); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.end(closeTooSlow, "nothing could be written")
			if c.tcp != nil {
				_ = c.tcp.SetLinger(0) // what the system still holds for this client is given up
			}
		}
		c.abort()
		return false, true
	}
	if ending != nil {
		// The client's part of the closing is read until then. That nothing more comes is told to those who wait for it.
		_ = c.in.SetReadDeadline(deadline(c.s.limits.Close))
		if half, ok := c.out.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		return false, true
	}
	return more, false
}

// take returns the frames of a round, and why it is the last one, nil where it is not.
func (c *conn) take() (frames [][]byte, ending *fault, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkLogin()
	data, more := c.collect(nil)
	// What was collected comes behind the answers that there were by then: see the package comment.
	frames = append(c.answers, data...)
	c.answers = nil
	c.taken.Signal()
	if c.ending != nil {
		frames = append(frames, closeFrame(c.ending.code, c.ending.text))
	}
	return frames, c.ending, more
}

// collect takes frames from the subscriptions that have news, one turn each, until there are enough for a round. It is called
// under the lock.
func (c *conn) collect(frames [][]byte) (_ [][]byte, more bool) {
	size := 0
	for n := len(c.order); n > 0 && c.ending == nil; n-- {
		if size >= c.s.limits.Round {
			return frames, true
		}
		c.turn = (c.turn + 1) % len(c.order)
		sub := c.order[c.turn]
		if !sub.news.Swap(false) {
			continue
		}
		was := len(frames)
		var again bool
		var err error
		frames, again, err = sub.source.next(frames, c.s.limits.Turn)
		for _, f := range frames[was:] {
			size += len(f)
		}
		if err != nil {
			c.lost(sub, err)
		} else if again {
			sub.news.Store(true)
			more = true
		}
	}
	return frames, more
}

// lost closes the connection because a subscription cannot go on.
func (c *conn) lost(sub *subscription, err error) {
	switch {
	case errors.Is(err, ErrSlow):
		c.endLocked(closeTooSlow, "too slow for "+sub.key.Channel.String())
	case errors.Is(err, history.ErrTrimmed):
		c.endLocked(closeTooSlow, "too slow: the next "+sub.key.Channel.String()+" are no longer kept")
	case errors.Is(err, ErrNotReady), errors.Is(err, history.ErrClosed):
		c.endLocked(ws.StatusGoingAway, "the node stops")
	default:
		c.s.log.Error("a subscription cannot be read", "channel", sub.key.Channel.String(), "error", err)
		c.endLocked(ws.StatusInternalServerError, "the node cannot read "+sub.key.Channel.String())
	}
}

// lookBehind has private subscriptions look for themselves, which keeps those of idle accounts near the end, and closes the
// connection where one of them is too far behind.
func (c *conn) lookBehind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	looked := false
	for i := range c.order {
		sub := c.order[(c.turn+i)%len(c.order)]
		p, ok := sub.source.(*private)
		if !ok {
			continue
		}
		sub.news.Store(true)
		if !looked && p.more { // one at a time: it takes a walk over all that waits
			looked = true
			if late, err := p.late(); err != nil {
				c.lost(sub, err)
			} else if late {
				c.endLocked(closeTooSlow, "more than "+itoa(c.s.limits.Backlog)+" events behind")
			}
		}
	}
}

// checkLogin ends what a session reads that has ended. It is called under the lock.
func (c *conn) checkLogin() {
	if c.login == nil {
		return
	}
	err := c.holds()
	if err == nil {
		return
	}
	c.login = nil
	c.keyID.Store(0)
	c.answers = append(c.answers, encode(errorMessage{Type: "error", Error: err, Ended: c.dropPrivate(nil)}, c.deflate))
}

// send writes frames. It fails with os.ErrDeadlineExceeded when nothing could be written for Limits.Write.
func (c *conn) send(frames net.Buffers) error {
	if _, secure := c.out.(*tls.Conn); secure {
		return c.sendInPieces(frames)
	}
	for len(frames) > 0 {
		_ = c.out.SetWriteDeadline(deadline(c.s.limits.Write))
		n, err := frames.WriteTo(c.out)
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
	}
	return nil
}

// recordSize is what TLS puts into one record.
const recordSize = 16 << 10

// sendInPieces writes frames over TLS: many small ones as one record, and a large one record by record, since a write that
// was cut short cannot be gone on with.
func (c *conn) sendInPieces(frames net.Buffers) error {
	var piece []byte
	flush := func() error {
		_ = c.out.SetWriteDeadline(deadline(c.s.limits.Write))
		_, err := c.out.Write(piece)
		piece = piece[:0]
		return err
	}
	for _, f := range frames {
		for len(f) > 0 {
			n := min(len(f), recordSize-len(piece))
			piece, f = append(piece, f[:n]...), f[n:]
			if len(piece) < recordSize {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(piece) == 0 {
		return nil
	}
	return flush()
}

// holds returns why the login no longer holds, nil where it does. It is called under the lock.
func (c *conn) holds() *http.Error {
	session := c.login.session
	expired := !c.s.clock().Before(session.Expires())
	over := expired || c.keyRevoked.Load()
	select {
	case <-session.Done():
		over = true
	default:
	}
	if !over {
		return nil
	}
	if k, ok := c.s.view.Key(c.login.key.ID); !ok || k.Revoked != 0 {
		return revoked()
	}
	if expired {
		return http.Refuse(http.SessionExpired, "", "")
	}
	return http.Refuse(http.UnknownSession, "", "")
}
