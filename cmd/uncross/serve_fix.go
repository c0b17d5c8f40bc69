package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/http"
)

// This file is what serve does for FIX, and the addresses that it listens on.

const (
	fixOff = "off"            // --fix-listen: no FIX
	fixDev = "127.0.0.1:9880" // … of a development venue that is not told otherwise
)

// fixAddress returns the address for FIX, "" for none.
func (c *serveCmd) fixAddress() string {
	switch {
	case c.FixListen == fixOff, c.FixListen == "" && !c.Dev:
		return ""
	case c.FixListen == "":
		return fixDev
	}
	return c.FixListen
}

// validateFix refuses settings of FIX that mean nothing.
func (c *serveCmd) validateFix() error {
	if id, ok := wire.ParseText(c.FixCompID); !ok || id.IsEmpty() {
		return fmt.Errorf("--fix-comp-id %q is not 1 to 36 printable ASCII characters without spaces at the ends", c.FixCompID)
	}
	if c.FixResetAt != "" {
		if _, err := fix.ParseDailyTime(c.FixResetAt); err != nil {
			return fmt.Errorf("--fix-reset-at: %w", err)
		}
	}
	if address := c.fixAddress(); address != "" {
		return c.validateAddress("fix-listen", address)
	}
	return c.validateNoFix()
}

// validateNoFix refuses settings of FIX where nobody has said that there shall be any. Where it is switched off by name they
// may stay.
func (c *serveCmd) validateNoFix() error {
	if c.FixListen == fixOff {
		return nil
	}
	for _, f := range []struct {
		flag string
		set  bool
	}{
		{"comp-id", c.FixCompID != fix.DefaultCompID}, {"plain", c.FixPlain}, {"reset-at", c.FixResetAt != ""}, {"rate", c.FixRate != 0},
		{"max-connections", c.FixMaxConns != 0}, {"max-connections-per-address", c.FixMaxConnsPerIP != 0},
		{"silent", c.FixSilent},
	} {
		if f.set {
			return fmt.Errorf("--fix-%s without FIX: say where with --fix-listen ADDRESS, or --fix-listen off", f.flag)
		}
	}
	return nil
}

// fixSettings are what the node's FIX server takes from the command line.
type fixSettings struct {
	compID  string
	limits  fix.Limits
	resetAt *fix.DailyTime
	tls     *tls.Config
	silent  bool // nobody is told who leads
}

func (c *serveCmd) fixSettings() fixSettings {
	set := fixSettings{compID: c.FixCompID, silent: c.FixSilent, limits: fix.Limits{
		MessagesPerSecond: c.FixRate, Burst: 2 * c.FixRate, Conns: c.FixMaxConns, ConnsPerIP: c.FixMaxConnsPerIP,
	}}
	if c.FixResetAt != "" {
		at, _ := fix.ParseDailyTime(c.FixResetAt) // Validate has read it
		set.resetAt = &at
	}
	return set
}

// addresses are what serve listens on.
type addresses struct {
	http      net.Listener
	secure    *tls.Config  // nil without TLS
	fix       net.Listener // nil without FIX
	fixSecure *tls.Config
	fixCompID string
	raft      net.Listener // nil for a venue of one node
}

// listen takes the addresses, before anything is made on disk for the node.
func (c *serveCmd) listen() (at *addresses, err error) {
	at = &addresses{fixCompID: c.FixCompID}
	defer func() {
		if err != nil {
			at.close()
		}
	}()
	if c.TLSCert != "" {
		if at.secure, err = http.TLSConfig(c.TLSCert, c.TLSKey); err != nil {
			return at, err
		}
		if !c.FixPlain {
			at.fixSecure = at.secure.Clone()
			at.fixSecure.NextProtos = nil
		}
	}
	if at.http, err = net.Listen("tcp", c.Listen); err != nil {
		return at, err
	}
	if address := c.fixAddress(); address != "" {
		if at.fix, err = net.Listen("tcp", address); err != nil {
			return at, err
		}
	}
	if c.RaftAddr != "" {
		at.raft, err = net.Listen("tcp", c.RaftAddr)
	}
	return at, err
}

// url returns the address of the REST interface.
func (a *addresses) url() string {
	scheme := "http"
	if a.secure != nil {
		scheme = "https"
	}
	return scheme + "://" + a.http.Addr().String()
}

// exposed reports whether FIX is spoken without TLS where others can listen in.
func (a *addresses) exposed() bool {
	return a.fix != nil && a.fixSecure == nil && !isLoopback(a.fix.Addr().String())
}

func (a *addresses) close() {
	for _, ln := range []net.Listener{a.http, a.fix, a.raft} {
		if ln != nil {
			_ = ln.Close() // the servers have done so before, as a rule
		}
	}
}

// isLoopback reports whether an address can be reached from this machine alone.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// fixStates tells the operators' interface how the FIX sessions stand.
type fixStates struct {
	server *fix.Server
	outbox *outbox.Store
}

// Sequenced implements http.Sequenced.
func (f fixStates) Sequenced() func(wire.SessionID) (http.SequencedState, bool) {
	live := map[wire.SessionID]http.SequencedState{}
	for _, s := range f.server.Status().Sessions {
		live[s.ID] = http.SequencedState{LoggedOn: true, Remote: s.Remote, Since: s.Since.UnixNano(), NextIn: s.NextIn, NextOut: s.NextOut}
	}
	return func(id wire.SessionID) (http.SequencedState, bool) {
		if s, ok := live[id]; ok {
			return s, true
		}
		x, ok := f.outbox.Session(id)
		if !ok {
			return http.SequencedState{}, false
		}
		n := x.Numbers()
		return http.SequencedState{NextIn: n.NextIn, NextOut: n.NextOut}, true
	}
}
