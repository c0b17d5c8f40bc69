package stream

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"github.com/valyala/fasthttp"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/http"
)

// conn is one connection: the goroutine that serve runs on reads, a second one writes.
type conn struct {
	s       *Server
	in      net.Conn     // reading goes through the HTTP server's buffer, which may have bytes already
	out     net.Conn     // writing does not: plain TCP, or TLS
	tcp     *net.TCPConn // what both end in, nil in tests over something else
	from    netip.Addr
	binary  bool
	deflate bool

	wake       chan struct{} // capacity 1
	gone       chan struct{} // closed when nothing more is read
	keyID      atomic.Uint32 // of the login, 0: none
	keyRevoked atomic.Bool   // the login's key has been, so far as the server was told
	subscribed atomic.Int64
	pong       atomic.Uint64 // the last ping that was answered

	mu      sync.Mutex // guards what follows
	subs    map[key]*subscription
	order   []*subscription // subs, in the order of rounds
	turn    int             // whose turn is next
	answers [][]byte        // frames that come before all data
	taken   sync.Cond       // the writer has taken the answers, or nothing more is answered
	silent  bool            // the writer has come to its end
	login   *login
	ending  *fault // the close frame that is to be sent

	reader requester // the reader's own
}

// login is the session that a client has proved.
type login struct {
	session *auth.Session
	key     wire.Key
}

// serve returns the handler of a connection whose handshake is good.
func (s *Server) serve(h handshake) fasthttp.HijackHandler {
	return func(hijacked net.Conn) {
		c := s.newConn(hijacked, &h)
		_ = c.out.SetWriteDeadline(deadline(s.limits.Handshake))
		if err := s.enter(c); err != nil {
			_ = http.WriteRefusal(c.out, err)
			return
		}
		defer s.leave(c)
		if err := h.write(c.out); err != nil {
			return
		}
		c.run()
	}
}

func (s *Server) newConn(hijacked net.Conn, h *handshake) *conn {
	c := &conn{
		s: s, in: hijacked, out: hijacked, from: http.AddressOf(hijacked), binary: h.protocol == ProtocolBinary, deflate: h.extensions != "",
		wake: make(chan struct{}, 1), gone: make(chan struct{}), subs: map[key]*subscription{},
	}
	c.taken.L = &c.mu
	c.reader = requester{c: c, tokens: float64(s.limits.RequestBump), last: time.Now()}
	if u, ok := hijacked.(interface{ UnsafeConn() net.Conn }); ok {
		c.out = u.UnsafeConn()
	}
	below := c.out
	for {
		if t, ok := below.(*net.TCPConn); ok {
			c.tcp = t
			break
		}
		n, ok := below.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		below = n.NetConn()
	}
	if _, secure := c.out.(*tls.Conn); !secure && c.tcp != nil {
		c.out = c.tcp // many frames in one call
	}
	if c.tcp != nil {
		_ = c.tcp.SetWriteBuffer(s.limits.SendBuffer)
	}
	return c
}

// run serves the connection until it is over. The HTTP server closes it then.
func (c *conn) run() {
	var writing sync.WaitGroup
	writing.Go(func() {
		c.guarded(c.write)
		c.mu.Lock()
		c.silent = true
		c.mu.Unlock()
		c.taken.Signal()
	})
	c.guarded(c.read)
	close(c.gone)
	writing.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range c.order {
		sub.source.close()
	}
	c.subs, c.order = nil, nil
}

// guarded ends the connection where f panics, which is a fault of this program: the node and its other clients go on.
func (c *conn) guarded(f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.s.log.Error("a stream made the gateway panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.abort()
		}
	}()
	f()
}

// read takes what the client sends, until the connection is over.
func (c *conn) read() {
	in := inbound{r: c.in, deflate: c.deflate, limits: &c.s.limits}
	for {
		op, payload, err := in.next()
		var wrong *fault
		switch {
		case errors.As(err, &wrong):
			c.end(wrong.code, wrong.text)
		case err != nil:
			c.abort() // gone, or the time for closing is over
			return
		case op == ws.OpClose:
			code, err := closeReason(payload)
			if errors.As(err, &wrong) {
				c.end(wrong.code, wrong.text)
				break
			}
			c.end(code, "")
			return
		case op == ws.OpPong:
			c.reader.pong(payload)
			continue
		case !c.awaitRoom():
			continue // only the client's part of the closing is waited for
		case op == ws.OpPing:
			c.reader.ping(payload)
			continue
		default:
			c.reader.request(payload)
			continue
		}
		// What follows a broken frame cannot be read. It is still taken, so that the close frame is not lost to a reset.
		_, _ = io.Copy(io.Discard, c.in)
		return
	}
}

// end has the connection closed with a code. The first reason is the one that the client is told.
func (c *conn) end(code ws.StatusCode, text string) {
	c.mu.Lock()
	c.endLocked(code, text)
	c.mu.Unlock()
}

func (c *conn) endLocked(code ws.StatusCode, text string) {
	if c.ending == nil {
		c.ending = &fault{code, text}
		c.s.log.Debug("stream closes", "address", c.from, "code", int(code), "text", text)
	}
	c.taken.Signal()
	c.poke()
}

func (c *conn) closing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending != nil
}

// poke wakes the writer. It never waits.
func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// abort makes every read and write fail from now on.
func (c *conn) abort() {
	if c.tcp != nil {
		_ = c.tcp.Close()
		return
	}
	_ = c.out.SetDeadline(time.Unix(1, 0))
}

// awaitRoom waits until another answer may be queued: who reads slowly is read slowly. Who does not read at all is given up by
// the writer, after Limits.Write. False: nothing is answered any more. It is the reader's.
func (c *conn) awaitRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.ending == nil && !c.silent && len(c.answers) >= c.s.limits.Answers {
		c.taken.Wait()
	}
	return c.ending == nil && !c.silent
}

// answer queues a frame that comes before all data. Each frame of the client's is answered once, so that awaitRoom has made
// room for it. It is called under the lock.
func (c *conn) answer(frame []byte) {
	c.answers = append(c.answers, frame)
	c.poke()
}

// pinger is the writer's memory of pings.
type pinger struct {
	number  uint64
	waiting bool
}

// tick sends the next ping, or closes where the last one was not answered.
func (c *conn) tick(p *pinger) {
	if p.waiting && c.pong.Load() != p.number {
		c.end(closeNoPong, "no answer to a ping")
		return
	}
	p.number++
	p.waiting = true
	c.mu.Lock()
	c.answers = append(c.answers, controlFrame(ws.OpPing, binary.BigEndian.AppendUint64(nil, p.number)))
	c.mu.Unlock()
}
