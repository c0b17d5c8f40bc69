package fix

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/market"
	"uncross/gateway/fix/message"
)

// conn is one connection. Fields without a remark belong to the reader's goroutine, or are set before the writer starts.
type conn struct {
	s      *Server
	nc     net.Conn // what is read and written: TLS, where there is TLS
	raw    net.Conn // what is closed
	ip     netip.Addr
	remote string
	born   time.Time
	key    market.SessionKey // names the connection in this process
	in     input
	m      message.Message // the message at hand
	out    entry.Outcome
	body   message.Body // scratch

	session  atomic.Pointer[wire.Session] // whose session it is, once that is known
	who      entry.Session
	compID   string // the client's
	seat     *seat
	durable  bool // the session's numbers are in the log
	loggedOn bool // the logon was answered
	canceler bool // cancel on disconnect
	since    atomic.Int64

	expected uint64 // next inbound number
	ahead    ahead
	gap      gap
	last     uint64 // inbound number of the last command
	rate     throttle
	theirEnd bool // the client has logged out
	clean    bool // before the logon nothing waited for the client but Logouts

	done     atomic.Uint64 // inbound number up to which everything is dealt with
	lost     atomic.Bool   // a command was not taken, or refused later: the numbers behind it must not pass it
	heard    atomic.Int64  // when the last bytes came, ns
	sentOut  atomic.Uint64 // number of the last message sent
	hb       atomic.Int64  // HeartBtInt in ns; 0: no heartbeats yet
	nudgedNs atomic.Int64  // when a second logon made us ask for a sign of life

	mu     sync.Mutex // what follows is the reader's and the writer's
	epoch  uint32
	cursor uint64 // next outbound number that the writer looks at
	anew   bool   // the numbers begin again: the next that takes one is the answer to the logon
	locals locals
	resend []span
	pushes pushes
	end    *ending

	ending   chan struct{} // closed when the end was asked for
	poke     chan struct{} // wakes the writer
	progress chan struct{} // wakes the reader when it waits for room
	quit     chan struct{} // closed to end the writer
	written  chan struct{} // closed when our Logout was written
	writing  bool          // the writer was started
	writer   chan struct{} // closed when the writer has ended
}

// ending says how a connection is to end.
type ending struct {
	logout bool   // with a Logout; otherwise at once and without a word
	wait   bool   // for the client's Logout
	number uint64 // the only one that the Logout may have; 0: any
	text   string // Text (58) of ours
	cause  string // for the log
}

func newConn(s *Server, nc, raw net.Conn, ip netip.Addr) *conn {
	c := &conn{s: s, nc: nc, raw: raw, ip: ip, remote: raw.RemoteAddr().String(), born: time.Now(),
		key: market.SessionKey(s.nextKey.Add(1))}
	c.makeChannels()
	c.in.init(c)
	return c
}

// ghost returns a connection without a client, to hold a seat while something is done for its session.
func (s *Server) ghost(def *wire.Session) *conn {
	c := &conn{s: s, key: market.SessionKey(s.nextKey.Add(1)), remote: "none"}
	c.makeChannels()
	c.session.Store(def)
	c.end = &ending{}
	close(c.ending)
	return c
}

func (c *conn) makeChannels() {
	c.ending, c.quit, c.writer, c.written = make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	c.poke, c.progress = make(chan struct{}, 1), make(chan struct{}, 1)
}

// def returns the session's definition, nil before it is known.
func (c *conn) def() *wire.Session { return c.session.Load() }

// run is the life of a connection.
func (c *conn) run() {
	defer c.s.farewell(c)
	defer c.raw.Close()
	if c.logon() {
		c.read()
	}
	c.finish()
}

// read receives messages until the connection is to end.
func (c *conn) read() {
	for !c.leaving() {
		frame, err := c.in.next()
		if err != nil {
			c.readFailed(err)
			return
		}
		c.receive(frame)
	}
}

// readFailed ends the connection for what reading came to; an end that was asked for stays as it is.
func (c *conn) readFailed(err error) {
	if c.leaving() {
		return
	}
	e := ending{cause: err.Error()}
	if errors.Is(err, message.ErrTooLarge) {
		e = ending{logout: true, text: "message too large", cause: "message too large"}
	}
	c.requestEnd(e)
}

// requestEnd asks the reader to end the connection. The first request counts, but that nothing more can be said
// overrides a logout. Any goroutine may call it; it never blocks.
func (c *conn) requestEnd(e ending) {
	c.mu.Lock()
	first := c.end == nil
	if first || c.end.logout && !e.logout {
		c.end = &e
	}
	if first {
		close(c.ending)
	}
	c.mu.Unlock()
	if c.raw == nil {
		return
	}
	if first {
		c.in.wake()
	}
	if !e.logout {
		c.cut()
	}
}

// leaving reports whether the end was asked for.
func (c *conn) leaving() bool {
	select {
	case <-c.ending:
		return true
	default:
		return false
	}
}

// how returns how the connection is to end.
func (c *conn) how() ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		return ending{}
	}
	return *c.end
}

// cut closes the socket: reader and writer come to their ends.
func (c *conn) cut() { _ = c.raw.Close() }

// wakeWriter tells the writer that there is something to do.
func (c *conn) wakeWriter() { notify(c.poke) }

func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// nudge makes the client show a sign of life within a short time: somebody else logged on as the same session.
func (c *conn) nudge() {
	if c.hb.Load() != 0 && c.nudgedNs.CompareAndSwap(0, time.Now().UnixNano()) {
		c.wakeWriter()
	}
}

// awaitRoom holds the reader up while too much of what it has submitted is under way, and reports false when the
// connection is to end instead.
func (c *conn) awaitRoom() bool {
	for !c.hasRoom() {
		select {
		case <-c.ending:
			return false
		case <-c.progress:
		case <-time.After(roomPause):
		}
	}
	return true
}

// roomPause is how long the reader waits for room before it looks again by itself.
const roomPause = 20 * time.Millisecond

func (c *conn) hasRoom() bool {
	if c.durable && c.seat.inFlight() >= c.s.limits.MaxInFlight {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.locals.bytes < c.s.limits.LocalBytes && len(c.resend) < c.s.limits.Resends
}
