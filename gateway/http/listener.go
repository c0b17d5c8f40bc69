package http

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// limitListener bounds the connections in all and of each address. One that is too many is told so and closed.
type limitListener struct {
	net.Listener
	most, perIP int
	plain       bool // no TLS: a refused connection can be told why
	farewells   chan struct{}

	mu   sync.Mutex
	open int
	byIP map[netip.Addr]int
}

func newLimitListener(ln net.Listener, most, perIP int, plain bool) *limitListener {
	return &limitListener{Listener: ln, most: most, perIP: perIP, plain: plain,
		farewells: make(chan struct{}, 64), byIP: map[netip.Addr]int{}}
}

// Accept returns the next connection within the limits.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		ip := addressOf(remote(c))
		if l.enter(ip) {
			return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(ip) })}, nil
		}
		l.turnAway(c)
	}
}

func (l *limitListener) enter(ip netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.byIP[ip] >= l.perIP {
		return false
	}
	l.open++
	l.byIP[ip]++
	return true
}

func (l *limitListener) leave(ip netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.byIP[ip]--; l.byIP[ip] == 0 {
		delete(l.byIP, ip)
	}
}

// turnAway answers 429 and closes. Reading a little first keeps the answer from being lost to a reset; a bounded number
// of connections gets that much care, more are closed at once.
func (l *limitListener) turnAway(c net.Conn) {
	select {
	case l.farewells <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	go func() {
		defer func() { <-l.farewells }()
		defer c.Close()
		if !l.plain {
			return
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_ = WriteRefusal(c, refuse(TooManyConns, ""))
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.CopyN(io.Discard, c, 4<<10)
	}()
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	leave  func()
	linger atomic.Bool // an error was answered in the middle of a request: see Close
}

// Close closes the connection. After an answer in the middle of a request it reads on a little, so that the unread rest
// does not make the kernel reset the connection and take the answer with it.
func (c *limitedConn) Close() error {
	defer c.leave()
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger.Load() {
		_ = half.CloseWrite()
		_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	return c.Conn.Close()
}

// The bounds of what is still read before a connection is closed with an error.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

func remote(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}
