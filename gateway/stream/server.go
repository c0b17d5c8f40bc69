package stream

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/http"
	"uncross/gateway/view"
)

//go:embed asyncapi.yaml
var asyncAPI []byte

// Config is what a Server is made of.
type Config struct {
	View     *view.View
	History  History
	Feed     Feed
	Sessions *auth.Store // those of the REST interface
	// CatchUp waits until the view has what was answered before. It is asked for where a request names what the view does
	// not know. Nil: the view is taken as it is.
	CatchUp func()
	Ready   func() bool // the view has all that was replayed at the start; until then nothing is subscribed to. Nil: it has
	// Standing tells what the node is among the venue's, which the answer to a ping says. Nil: it does not say.
	Standing func() http.Standing
	Limits   Limits           // zero fields: DefaultLimits
	Clock    func() time.Time // the one of Sessions; nil: time.Now
	Logger   *slog.Logger     // nil: none. What clients do is logged at debug level
}

// Server serves the stream. It is a http.Stream.
type Server struct {
	view     *view.View
	history  History
	feed     Feed
	sessions *auth.Store
	guard    *auth.Guard
	catchUp  func()
	ready    func() bool
	standing func() http.Standing
	limits   Limits
	clock    func() time.Time
	log      *slog.Logger

	mu        sync.Mutex
	stopping  bool
	conns     map[*conn]struct{}
	byAddress map[netip.Addr]int
	running   sync.WaitGroup // connections; added to under mu while stopping is not set
}

var _ http.Stream = (*Server)(nil)

// New returns a server without connections.
func New(c Config) (*Server, error) {
	if c.View == nil || c.History == nil || c.Feed == nil || c.Sessions == nil {
		return nil, errors.New("gateway/stream: View, History, Feed and Sessions are needed")
	}
	s := &Server{
		view: c.View, history: c.History, feed: c.Feed, sessions: c.Sessions, catchUp: c.CatchUp, ready: c.Ready, standing: c.Standing, limits: c.Limits.withDefaults(),
		clock: c.Clock, log: c.Logger, conns: map[*conn]struct{}{}, byAddress: map[netip.Addr]int{},
	}
	if s.catchUp == nil {
		s.catchUp = func() {}
	}
	if s.ready == nil {
		s.ready = func() bool { return true }
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.guard = auth.NewGuard(auth.GuardOptions{}, s.clock)
	return s, nil
}

// Describe returns the interface's description, AsyncAPI 3.0 in YAML.
func (s *Server) Describe() []byte { return asyncAPI }

// KeyRevoked ends what sessions of a key that has been revoked still read. It is for the view's KeyRevoked, and never
// waits.
func (s *Server) KeyRevoked(k wire.KeyID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.keyID.Load() == uint32(k) {
			c.keyRevoked.Store(true)
			c.poke()
		}
	}
}

// Shutdown closes every connection with 1001, waits a little for the clients' part of the closing, and then no longer. No
// new connection is taken.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	all := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	if len(all) == 0 {
		return nil // also when ctx has ended: at a start that failed
	}
	for _, c := range all {
		c.end(ws.StatusGoingAway, "the node stops")
	}
	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		close(gone)
	}()
	patience := time.NewTimer(2 * s.limits.Close)
	defer patience.Stop()
	select {
	case <-gone:
		return nil
	case <-patience.C:
	case <-ctx.Done():
	}
	for _, c := range all {
		c.abort()
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gateway/stream: shutting down: %w", ctx.Err())
	}
}

// Counts are how much there is.
type Counts struct {
	Connections   int
	Subscriptions int
}

// Status returns how the server stands.
func (s *Server) Status() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Counts{Connections: len(s.conns)}
	for c := range s.conns {
		st.Subscriptions += int(c.subscribed.Load())
	}
	return st
}

// enter takes a connection in, or says why not.
func (s *Server) enter(c *conn) *http.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return http.Refuse(http.ShuttingDown, "", "")
	case len(s.conns) >= s.limits.Conns, s.byAddress[c.from] >= s.limits.ConnsPerIP:
		return http.Refuse(http.TooManyConns, "", "")
	}
	s.conns[c] = struct{}{}
	s.byAddress[c.from]++
	s.running.Add(1)
	return nil
}

// leave gives a connection's place back.
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.byAddress[c.from]--; s.byAddress[c.from] == 0 {
		delete(s.byAddress, c.from)
	}
	s.running.Done()
}
