// Package memnet has HTTP servers in memory, for tests. Unlike the system's sockets they let synctest's clock go on while somebody
// waits at them, so that what is tested of times holds on a machine of any speed.
package memnet

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// doors are the servers', by address.
var (
	doors sync.Map
	ports atomic.Int64
)

// door implements net.Listener.
type door struct {
	in   chan net.Conn
	shut chan struct{}
	once sync.Once
	port int
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.in:
		return c, nil
	case <-d.shut:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.once.Do(func() { close(d.shut) })
	return nil
}

func (d *door) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: d.port} }

// Serve starts a server, which is closed at the end of the test.
func Serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	d := &door{in: make(chan net.Conn), shut: make(chan struct{}), port: int(ports.Add(1))}
	doors.Store(d.Addr().String(), d)
	s := &httptest.Server{Listener: d, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Dial connects to a server; elsewhere nobody listens.
func Dial(_ context.Context, network, address string) (net.Conn, error) {
	if d, ok := doors.Load(address); ok {
		here, there := net.Pipe()
		select {
		case d.(*door).in <- there:
			return here, nil
		case <-d.(*door).shut:
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
}
