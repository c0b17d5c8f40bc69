package http

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/gateway/web"
)

// Config is what a Server is made of.
type Config struct {
	Core     Core
	View     *view.View
	History  *history.Store
	Sessions *auth.Store // its DropKey should be the view's KeyRevoked
	// Refusal says which of Busy, NotReady, NotLeader, ShuttingDown, NotApplied and OutcomeUnknown an error of the core
	// stands for. Nil, or anything else: NotApplied for what Submit returned, OutcomeUnknown for what Refused was told.
	Refusal func(error) wire.Reason
	// Sequenced tells how the sessions of sequenced protocols stand. Nil: the interface does not show it.
	Sequenced Sequenced
	// Market knows the books order by order, auctions and statistics. Nil: what needs it is refused as not_offered.
	Market Market
	// Cluster is the nodes that this one is one of. Nil: it is alone.
	Cluster Cluster
	// StreamStatus says how the stream stands. Nil: the status is without.
	StreamStatus func() StreamStatus
	// Stream takes over the connections that ask for it at GET /v1/stream. Nil: there is none. Shutdown shuts it down.
	Stream Stream
	// Page is for people, at / and /page/. Nil: there is none.
	Page    *web.Page
	Limits  Limits           // zero fields: DefaultLimits
	Clock   func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: none. What clients do is logged at debug level
	Version string           // of the program, shown in /v1/status
}

// Server is the REST interface. Make one with New, run RunReplies on a lossless reader that was attached before the
// node started, then Serve.
type Server struct {
	core      Core
	view      *view.View
	history   *history.Store
	sessions  *auth.Store
	guard     *auth.Guard
	sequenced Sequenced
	market    Market
	stream    Stream
	cluster   Cluster
	node      string // the core's NodeID
	page      *web.Page
	refusal   func(error) wire.Reason
	limits    Limits
	clock     func() time.Time
	log       *slog.Logger
	version   string

	replies    *replies
	routes     *router
	addresses  *throttle[addr]
	rates      *throttle[string] // by session
	waits      waits
	nonces     nonces
	statements chan struct{} // a place in it for each that is being drawn up
	backups    chan struct{} // … for each that is being written

	streamStatus func() StreamStatus
	caught       atomic.Bool // see caughtUp
	stopping     atomic.Bool
	secure       atomic.Bool // serves TLS

	http  *fasthttp.Server
	stop  chan struct{}
	close sync.Once
}

// New returns a server that does not listen yet.
func New(c Config) (*Server, error) {
	if c.Core == nil || c.View == nil || c.History == nil || c.Sessions == nil {
		return nil, errors.New("gateway/http: Core, View, History and Sessions are needed")
	}
	var node [8]byte
	if _, err := rand.Read(node[:]); err != nil {
		return nil, fmt.Errorf("gateway/http: drawing the gateway's number: %w", err)
	}
	s := &Server{
		core: c.Core, view: c.View, history: c.History, sessions: c.Sessions,
		sequenced: c.Sequenced, market: c.Market, stream: c.Stream, cluster: c.Cluster, node: c.Core.Status().NodeID, page: c.Page, refusal: c.Refusal, limits: c.Limits.withDefaults(), clock: c.Clock, log: c.Logger, version: c.Version,
		stop: make(chan struct{}),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	l := &s.limits
	s.replies = newReplies(wire.GatewayOrigin(binary.LittleEndian.Uint64(node[:])|1), l.Fills+1)
	s.guard = auth.NewGuard(auth.GuardOptions{}, s.clock)
	s.addresses = newThrottle[addr](l.AddressRate, l.AddressBump, l.Addresses)
	s.rates = newThrottle[string](l.SessionRate, l.SessionBump, l.Addresses)
	s.waits.open = map[string]int{}
	s.nonces.begin, s.nonces.last = uint64(s.clock().UnixNano()), map[wire.KeyID]uint64{}
	s.statements = make(chan struct{}, l.Statements)
	s.backups = make(chan struct{}, l.Backups)
	s.streamStatus = c.StreamStatus
	s.routes = newRouter(routeTable())
	s.http = s.newHTTP()
	go s.housekeep()
	return s, nil
}

// newHTTP returns the fasthttp server with all of the limits that are its own.
func (s *Server) newHTTP() *fasthttp.Server {
	l := &s.limits
	return &fasthttp.Server{
		Handler:                      s.handle,
		ErrorHandler:                 s.handleProtocolError,
		Logger:                       quietLogger{s.log},
		Concurrency:                  l.Conns + 1, // the listener's limit, which answers, comes first
		ReadBufferSize:               l.Header,
		ReadTimeout:                  l.ReadTimeout,
		WriteTimeout:                 l.WriteTime,
		IdleTimeout:                  l.IdleTimeout,
		MaxRequestBodySize:           4 * l.Body, // so much is still read, for an answer that arrives
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
	}
}

// RunReplies delivers events to the requests that wait for them, until stop is closed or the ring ends. src must be a
// lossless reader.
func (s *Server) RunReplies(src Source, stop <-chan struct{}) error { return s.replies.run(src, stop) }

// Refused ends the wait for a command that the core had taken and that will not be applied, or whose outcome is unknown.
// It never blocks.
func (s *Server) Refused(o wire.Origin, err error) {
	s.replies.refuse(o, s.reasonOf(err, OutcomeUnknown))
}

// reasonOf returns the gateway's reason for an error of the core, or otherwise.
func (s *Server) reasonOf(err error, otherwise wire.Reason) wire.Reason {
	if s.refusal != nil {
		switch r := s.refusal(err); r {
		case Busy, NotReady, NotLeader, ShuttingDown, NotApplied, OutcomeUnknown:
			return r
		}
	}
	return otherwise
}

// TLSConfig returns the configuration for the given certificate: TLS 1.2 or later, HTTP/1.1.
func TLSConfig(certFile, keyFile string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("gateway/http: TLS certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{cert},
		NextProtos:   []string{"http/1.1"},
	}, nil
}

// Serve answers requests on ln until Shutdown, over TLS when config is not nil.
func (s *Server) Serve(ln net.Listener, config *tls.Config) error {
	limited := net.Listener(newLimitListener(ln, s.limits.Conns, s.limits.ConnsPerIP, config == nil))
	if config != nil {
		s.secure.Store(true)
		limited = tls.NewListener(limited, config)
	}
	if err := s.http.Serve(limited); err != nil {
		return fmt.Errorf("gateway/http: %w", err)
	}
	return nil
}

// Shutdown refuses new commands, closes the streams, lets requests that are under way finish until ctx ends, and closes
// the connections.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	s.close.Do(func() { close(s.stop) })
	var streams error
	if s.stream != nil {
		streams = s.stream.Shutdown(ctx)
	}
	if err := s.http.ShutdownWithContext(ctx); err != nil {
		return errors.Join(streams, fmt.Errorf("gateway/http: shutting down: %w", err))
	}
	return streams
}

// housekeep forgets what has expired.
func (s *Server) housekeep() {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			now := s.clock()
			s.sessions.Purge()
			s.nonces.purge(uint64(now.Add(-auth.LogonWindow).UnixNano()))
			s.addresses.purge(now)
			s.rates.purge(now)
		}
	}
}

// handle answers one request. What panics is answered with 500 and logged: it is a fault of this program.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("a request made the gateway panic", "panic", fmt.Sprint(v),
				"method", string(ctx.Method()), "stack", string(debug.Stack()))
			ctx.Response.Reset()
			s.finish(ctx, nil, refuse(Internal, ""))
		}
	}()
	answer, err := s.dispatch(ctx)
	if err == nil && ctx.Hijacked() {
		return // the stream answers
	}
	s.finish(ctx, answer, err)
}

// handleProtocolError answers what is not a readable HTTP request; the connection is closed after it.
func (s *Server) handleProtocolError(ctx *fasthttp.RequestCtx, err error) {
	if c, ok := ctx.Conn().(*limitedConn); ok {
		c.linger.Store(true)
	}
	reason := MalformedRequest
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &small):
		reason = HeaderTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		reason = BodyTooLarge
	case errors.As(err, &network) && network.Timeout():
		reason = RequestTimeout
	}
	ctx.Response.Reset()
	s.finish(ctx, nil, refuse(reason, ""))
}

// quietLogger keeps fasthttp's remarks about clients at debug level.
type quietLogger struct{ log *slog.Logger }

func (l quietLogger) Printf(format string, args ...any) {
	l.log.Debug("http", "remark", fmt.Sprintf(format, args...))
}
