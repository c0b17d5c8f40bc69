package fix

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/fix/dictionary"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/market"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/fix/reference"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/internal/ring"
)

// DefaultCompID is the venue's name in SenderCompID (49) and TargetCompID (56).
const DefaultCompID = "UNCROSS"

// Core is what the gateway needs of the node behind it. All methods may be called from many goroutines.
type Core interface {
	// SubmitIn hands in a command without ever waiting. An error means that it will not be applied. It is applied only if
	// all commands of its era that were taken before it are: see Era.
	SubmitIn(era uint64, c *wire.Command) error
	// Era returns the number of the present era. An era ends when the node takes or loses the lead, and when a command that
	// was taken is left out; what is submitted in it afterwards is refused.
	Era() uint64
	// Ready reports whether reads may be served: the views have what was in the log when the node began. Once true it stays.
	Ready() bool
	// Leading reports whether commands are taken: the node leads, and has applied everything of the leaders before.
	Leading() bool
	// Applied returns the number of the last command that was applied. Its events may still be on their way.
	Applied() uint64
	// Contact returns how long ago the leader was last heard of: 0 at the leader itself, a large one where it never was.
	Contact() time.Duration
}

// Config is what a Server is made of.
type Config struct {
	Core    Core
	View    *view.View
	History *history.Store
	Outbox  *outbox.Store
	// Events attaches a lossy reader to the event ring, for market data. Nil: requests for updates are answered, and
	// nothing is ever sent for them.
	Events func(name string) *ring.Reader[wire.Event]
	// VerifyPassword tells whether a password is the one that was hashed; it may be slow. Nil: no password is right.
	VerifyPassword func(p wire.Password, password string) bool
	// Busy tells whether an error of Submit means that the core is full for the moment. Nil: none does.
	Busy func(error) bool
	// Leader returns the node that leads and where FIX clients reach it, for those who come to this one: no node where none
	// is known but this one, no address where that is not known. Nil: they are turned away without a word.
	Leader func() (node, address string)

	CompID  string           // the venue's; "": DefaultCompID
	Limits  Limits           // zero fields: DefaultLimits
	ResetAt *DailyTime       // when every session's numbers start again; nil: never
	TLS     *tls.Config      // nil: plain
	Logger  *slog.Logger     // nil: none
	Clock   func() time.Time // for SendingTime and the daily reset; nil: time.Now
}

// Server is the FIX gateway. Make one with New, start Run when the readers of events are attached, then Serve.
type Server struct {
	core   Core
	view   *view.View
	outbox *outbox.Store
	verify func(wire.Password, string) bool
	busy   func(error) bool
	leader func() (node, address string)
	compID string
	limits Limits
	reset  *DailyTime
	tls    *tls.Config
	log    *slog.Logger
	clock  func() time.Time

	orders    *entry.Handler
	reference *reference.Handler
	market    *market.Market
	dict      *dictionary.Dictionary
	guard     *auth.Guard
	hashing   queue // for a place to verify a password in
	doors     doors

	stopping atomic.Bool
	stop     chan struct{} // closed when stopping
	ended    sync.Once
	nextKey  atomic.Uint64
	name     [8]byte        // random: tells this process from others in tokens
	startNs  int64          // when it was made, by the clock
	secret   [32]byte       // random: the key of what is remembered of passwords
	running  sync.WaitGroup // connections
	opened   chan struct{}  // wakes the schedule: the node leads
	away     turnedAway
	early    turnedAway // logons before the node was ready

	mu        sync.Mutex
	conns     map[*conn]struct{}
	listeners map[net.Listener]struct{}
	seats     map[wire.SessionID]*seat
}

// New returns a server that does not listen yet.
func New(c Config) (*Server, error) {
	if c.Core == nil || c.View == nil || c.History == nil || c.Outbox == nil {
		return nil, errors.New("gateway/fix: Core, View, History and Outbox are needed")
	}
	s := &Server{
		core: c.Core, view: c.View, outbox: c.Outbox, verify: c.VerifyPassword, busy: c.Busy, leader: c.Leader, compID: c.CompID,
		limits: c.Limits.withDefaults(), reset: c.ResetAt, tls: c.TLS, log: c.Logger, clock: c.Clock,
		dict: dictionary.Venue(), hashing: queue{free: auth.MaxHashing()}, stop: make(chan struct{}), opened: make(chan struct{}, 1),
		conns: map[*conn]struct{}{}, listeners: map[net.Listener]struct{}{}, seats: map[wire.SessionID]*seat{},
	}
	if s.compID == "" {
		s.compID = DefaultCompID
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.busy == nil {
		s.busy = func(error) bool { return false }
	}
	for _, random := range [][]byte{s.name[:], s.secret[:]} {
		if _, err := rand.Read(random); err != nil {
			return nil, fmt.Errorf("gateway/fix: drawing the process's name and secret: %w", err)
		}
	}
	s.startNs = s.clock().UnixNano()
	s.doors.init(&s.limits)
	s.guard = auth.NewGuard(auth.GuardOptions{}, s.clock)
	s.orders = entry.New(entry.Config{View: c.View, History: c.History})
	s.reference = reference.New(reference.Config{View: c.View, History: c.History})
	source := func() market.Source { return silence{} }
	if c.Events != nil {
		source = func() market.Source { return c.Events("fix market data") }
	}
	s.market = market.New(market.Config{View: c.View, Source: source})
	return s, nil
}

// silence is a source of events that never has any.
type silence struct{}

func (silence) Read(_ []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool) {
	<-stop
	return 0, 0, false
}

// Run sends market data and, while the node leads, carries out what sessions that ended with their node asked for and resets
// the numbers at the configured time, until stop is closed. To be called once, before the first logon.
func (s *Server) Run(stop <-chan struct{}) {
	var g sync.WaitGroup
	g.Go(func() { s.market.Run(stop) })
	g.Go(func() { s.runSchedule(stop) })
	g.Wait()
}

// ready reports whether market data can be served. leading reports whether every kind of session can.
func (s *Server) ready() bool   { return !s.stopping.Load() && s.core.Ready() }
func (s *Server) leading() bool { return s.ready() && s.core.Leading() }

// Refused ends the connection of a session whose command the core had taken and that will not be applied, or whose outcome
// is unknown: the numbers heal by resend at the next logon. It never blocks.
func (s *Server) Refused(o wire.Origin, err error) {
	id, _, _, ok := o.Session()
	if !ok {
		return
	}
	s.mu.Lock()
	seat := s.seats[id]
	s.mu.Unlock()
	if seat != nil {
		seat.refusedOne()
		if c := seat.holder(); c != nil {
			c.lost.Store(true)
			c.requestEnd(ending{cause: "the core refused a command: " + err.Error()})
		}
	}
}

// KeyRevoked ends the sessions of a key. It is for view.Options, and never blocks.
func (s *Server) KeyRevoked(k wire.KeyID) {
	s.endWhere(func(c *conn) bool { return c.def().Key == k }, "the key of the session has been revoked")
}

// SessionChanged ends a session that may no longer be used. It is for view.Options, and never blocks.
func (s *Server) SessionChanged(def wire.Session) {
	if def.Enabled == 0 {
		s.endWhere(func(c *conn) bool { return c.def().ID == def.ID }, "the session has been disabled")
	}
}

// endWhere asks for the end of the connections that are meant.
func (s *Server) endWhere(meant func(*conn) bool, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.def() != nil && meant(c) {
			c.requestEnd(ending{logout: true, wait: true, text: text, cause: text})
		}
	}
}

// Shutdown takes no more connections, tells every client that the venue is closing, and returns when all connections have
// ended; what is left when ctx ends is cut off. The core must still take commands meanwhile.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.ended.Do(func() { close(s.stop) })
	s.mu.Lock()
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for c := range s.conns {
		c.requestEnd(ending{logout: true, wait: true, text: "the venue is closing", cause: "shutdown"})
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.cut()
	}
	s.mu.Unlock()
	<-done
	return nil
}
