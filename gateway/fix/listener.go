package fix

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Serve takes connections on ln until Shutdown, over TLS where that is configured.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.listeners[ln] = struct{}{}
	s.mu.Unlock()
	defer func() {
		_ = ln.Close()
		s.mu.Lock()
		delete(s.listeners, ln)
		s.mu.Unlock()
	}()
	if s.stopping.Load() {
		return nil
	}
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			s.welcome(nc)
		case s.stopping.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("gateway/fix: %w", err)
		default: // too many open files, a connection that is gone already: what others do must not end the listening
			s.log.Info("fix: a connection could not be taken", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-s.stop:
			}
		}
	}
}

// acceptPause is how long the listener rests after a failure.
const acceptPause = 20 * time.Millisecond

// welcome starts a connection, or closes it where there are too many.
func (s *Server) welcome(nc net.Conn) {
	ip := addressOf(nc.RemoteAddr())
	if !s.doors.enter(ip) {
		s.log.Debug("fix: too many connections", "remote", nc.RemoteAddr().String())
		_ = nc.Close()
		return
	}
	raw := nc
	if s.tls != nil {
		nc = tls.Server(nc, s.tls)
	}
	c := newConn(s, nc, raw, ip)
	s.mu.Lock()
	if s.stopping.Load() {
		s.mu.Unlock()
		s.doors.leave(ip, true)
		_ = raw.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	go c.run()
}

// farewell forgets a connection.
func (s *Server) farewell(c *conn) {
	s.doors.leave(c.ip, !c.loggedOn)
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.running.Done()
}

// doors bounds the connections: in all and before logon, of everybody and of each address.
type doors struct {
	limits *Limits

	mu   sync.Mutex
	all  callers
	byIP map[netip.Addr]callers
}

// callers counts connections.
type callers struct {
	open     int
	preLogon int // of these, those that have not logged on yet
}

func (d *doors) init(l *Limits) { d.limits, d.byIP = l, map[netip.Addr]callers{} }

func (d *doors) enter(ip netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, one := d.limits, d.byIP[ip]
	if d.all.open >= l.Conns || d.all.preLogon >= l.PreLogon || one.open >= l.ConnsPerIP || one.preLogon >= l.PreLogonPerIP {
		return false
	}
	d.add(ip, 1, 1)
	return true
}

// add counts connections of an address. d.mu is held.
func (d *doors) add(ip netip.Addr, open, preLogon int) {
	d.all.open += open
	d.all.preLogon += preLogon
	one := d.byIP[ip]
	one.open += open
	one.preLogon += preLogon
	if d.byIP[ip] = one; one.open == 0 {
		delete(d.byIP, ip)
	}
}

// loggedOn moves a connection from those before logon to the others.
func (d *doors) loggedOn(ip netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(ip, 0, -1)
}

func (d *doors) leave(ip netip.Addr, preLogon bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := 0
	if preLogon {
		waiting = 1
	}
	d.add(ip, -1, -waiting)
}

// count returns how many connections there are.
func (d *doors) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all.open
}

// addressOf is the key under which an address is counted: an IPv6 host has a whole /64 to change within.
func addressOf(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := t.AddrPort().Addr().Unmap()
	if ip.Is6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}
