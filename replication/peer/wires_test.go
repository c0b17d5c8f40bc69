package peer

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// timeless runs a test on a clock that stands still while anything is done, and goes on when all wait: it shows the same on a
// machine of any speed, and what takes seconds costs none. Connections are over wires, since the clock would also stand still
// while the kernel's are waited for.
func timeless(t *testing.T, f func(t *testing.T, w *wires)) {
	synctest.Test(t, func(t *testing.T) {
		w := &wires{at: make(map[string]*socket), last: 1 << 10}
		t.Cleanup(w.cut)
		f(t, w)
	})
}

// wires is a network in memory, which keeps what was written until it is read, up to a bound, as the kernel's does.
type wires struct {
	rate int64 // bytes a second; 0: any number

	mu   sync.Mutex
	last int                // port given
	at   map[string]*socket // by address
	ends []net.Conn         // all there ever were
}

// socket is a listener.
type socket struct {
	wires   *wires
	address net.TCPAddr
	calls   chan net.Conn
	closed  chan struct{}
}

// end is one of the two of a connection.
type end struct {
	net.Conn
	local, remote net.Addr
}

func (e end) LocalAddr() net.Addr  { return e.local }
func (e end) RemoteAddr() net.Addr { return e.remote }

// plugged opens a port on a network, at an address; "": any. w nil: the kernel's.
func plugged(t *testing.T, w *wires, node, address string, change func(*Config)) *Port {
	t.Helper()
	p, _ := open(t, node, func(c *Config) {
		switch {
		case w != nil:
			c.Listener, c.Dialer = w.listen(address), w.dial
		case address != "":
			c.Listener = loopbackListener(t, address)
		}
		if change != nil {
			change(c)
		}
	})
	return p
}

func (w *wires) place() net.TCPAddr {
	w.last++
	return net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: w.last}
}

func (w *wires) listen(address string) *socket {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &socket{wires: w, calls: make(chan net.Conn), closed: make(chan struct{})}
	if address == "" {
		s.address = w.place()
	} else if a, err := net.ResolveTCPAddr("tcp", address); err == nil && w.at[address] == nil {
		s.address = *a
	} else {
		panic(fmt.Sprintf("%s is taken or wrong: %v", address, err))
	}
	w.at[s.address.String()] = s
	return s
}

func (w *wires) dial(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	s := w.at[address]
	if s == nil {
		w.mu.Unlock()
		return nil, syscall.ECONNREFUSED
	}
	from := w.place()
	here, a := net.Pipe()
	there, b := net.Pipe()
	w.ends = append(w.ends, here, a, there, b)
	w.mu.Unlock()
	w.flow(a, b)
	w.flow(b, a)
	select {
	case s.calls <- end{there, &s.address, &from}:
		return end{here, &from, &s.address}, nil
	case <-s.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// flow carries what comes from one pipe to another one.
func (w *wires) flow(from, to net.Conn) {
	pieces := make(chan []byte, 16)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, streamPiece)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			pieces <- b[:n]
		}
	}()
	go func() {
		for b := range pieces {
			if w.rate > 0 {
				time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(w.rate))
			}
			if _, err := to.Write(b); err != nil {
				_ = from.Close() // nobody reads any more
				break
			}
		}
		_ = to.Close()
		for range pieces {
		}
	}()
}

// cut ends everything.
func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.ends {
		_ = c.Close()
	}
}

func (s *socket) Accept() (net.Conn, error) {
	select {
	case c := <-s.calls:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *socket) Close() error {
	s.wires.mu.Lock()
	defer s.wires.mu.Unlock()
	select {
	case <-s.closed:
		return net.ErrClosed
	default:
	}
	delete(s.wires.at, s.address.String())
	close(s.closed)
	return nil
}

func (s *socket) Addr() net.Addr { return &s.address }

// Dial makes a socket what raft's own transport is put on.
func (s *socket) Dial(address raft.ServerAddress, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return s.wires.dial(ctx, string(address))
}
