package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"uncross/internal/nodeid"
)

// The services of the port.
const (
	ServiceRaft    = "raft"    // raft's messages: the port's own
	ServiceInfo    = "info"    // what nodes tell each other about themselves
	ServiceGenesis = "genesis" // the genesis file, also for a node that does not know its cluster yet
	ServiceStores  = "stores"  // history and FIX messages, for a node that is behind
	ServiceJoin    = "join"    // a new node asks to be added
)

// Config describes a port. Listener, NodeID, Cluster and SpoolDir must be given.
type Config struct {
	// Listener is taken over: Close closes it, and so does a Listen that fails.
	Listener net.Listener
	// NodeID names this node: printable ASCII without spaces, at most 64 bytes.
	NodeID string
	// Cluster names the cluster: its id in hex, "/" and the incarnation behind it once a backup was restored. "" while it
	// is not known: then nothing is served, and only ServiceGenesis can be dialled. It may be called at any time.
	Cluster func() string
	// TLS identifies this node and the others. nil: plain connections, which are refused beyond this machine.
	TLS *TLS
	// Advertise is the host:port that others reach this node at; "": the listener's address.
	Advertise string
	// SpoolDir is where a snapshot from a leader is kept while it arrives. It is made when it is missing, and what an
	// earlier run left there is removed.
	SpoolDir string
	// Holds reports whether this node's newest snapshot on disk is the one of this raft index and term. Then the leader is
	// told so and does not send it. It matters for a node that ends itself to go on from a snapshot: its leader has not
	// heard that it was installed, and would send it again and again. nil: never.
	Holds func(index, term uint64) bool
	// Leads reports whether raft leads on this node. Entries for a node that does not answer are then kept until it does;
	// see Transport.AppendEntries. nil: never, and raft backs off by itself.
	Leads func() bool
	// Dialer connects to an address; nil: TCP.
	Dialer func(ctx context.Context, address string) (net.Conn, error)
	// Logger; nil: silent.
	Logger *slog.Logger
}

// Handler serves one connection of a service. from is the node id of the other side, proved where there is TLS. The
// connection is closed when it returns; ctx ends, and the connection with it, when the port closes.
type Handler func(ctx context.Context, from string, c net.Conn)

// Port is a node's port for the other nodes.
type Port struct {
	cfg       Config
	ctx       context.Context
	cancel    context.CancelFunc
	transport *Transport
	log       limitedLog
	running   sync.WaitGroup // the accept loop and handlers

	mu       sync.Mutex
	handlers map[string]Handler
	conns    map[*conn]struct{} // open ones, of both directions
	incoming places             // taken connections by node
	greeting places             // incoming connections in their handshake by IP address
	closed   bool
	stats    Stats
}

// Stats are a port's counts since its start.
type Stats struct {
	Accepted   uint64 // incoming connections taken
	Refused    uint64 // incoming connections refused, for whatever reason
	Heartbeats uint64 // answered by the transport itself while raft installed a snapshot
	Snapshots  uint64 // received whole
	GivenUp    uint64 // snapshots that were not received whole
}

// Listen opens the port. Handlers are added by Handle; a service is refused until it has one.
func Listen(cfg Config) (*Port, error) {
	p, err := listen(cfg)
	if err != nil && cfg.Listener != nil {
		_ = cfg.Listener.Close() // the first error is the one that matters
	}
	return p, err
}

func listen(cfg Config) (*Port, error) {
	switch {
	case cfg.Listener == nil:
		return nil, errors.New("peer: Config.Listener is missing")
	case cfg.Cluster == nil:
		return nil, errors.New("peer: Config.Cluster is missing")
	case cfg.SpoolDir == "":
		return nil, errors.New("peer: Config.SpoolDir is missing")
	case !validNodeID(cfg.NodeID):
		return nil, fmt.Errorf("peer: %w", nodeid.Check(cfg.NodeID))
	case cfg.TLS != nil && cfg.TLS.node != cfg.NodeID:
		return nil, fmt.Errorf("peer: %w: the certificate is that of %s, and this is %s", ErrIdentity, cfg.TLS.node, cfg.NodeID)
	case cfg.TLS == nil && !loopback(cfg.Listener.Addr()):
		return nil, fmt.Errorf("peer: %s is reachable from other machines: certificates are needed (see uncross cluster certs)", cfg.Listener.Addr())
	}
	if cfg.Advertise == "" {
		cfg.Advertise = cfg.Listener.Addr().String()
	}
	if err := dialable(cfg.Advertise); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Holds == nil {
		cfg.Holds = func(uint64, uint64) bool { return false }
	}
	if cfg.Leads == nil {
		cfg.Leads = func() bool { return false }
	}
	if cfg.Dialer == nil {
		cfg.Dialer = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	if err := clearSpool(cfg.SpoolDir); err != nil {
		return nil, err
	}
	p := &Port{
		cfg: cfg, handlers: make(map[string]Handler), conns: make(map[*conn]struct{}),
		incoming: newPlaces(MaxConns, MaxConnsPerNode), greeting: newPlaces(MaxHandshakes, MaxHandshakesPerAddress),
		log: limitedLog{to: cfg.Logger.With("part", "peer")},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.transport = newTransport(p)
	p.handlers[ServiceRaft] = p.transport.serve
	p.running.Add(1)
	go p.accept()
	return p, nil
}

// loopback reports whether an address is one of this machine alone.
func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// dialable returns an error when others cannot dial an address.
func dialable(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("peer: the address for the other nodes: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || port == "0" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("peer: the other nodes cannot dial %s: an address for them must be given", address)
	}
	return nil
}

// NodeID returns this node's id.
func (p *Port) NodeID() string { return p.cfg.NodeID }

// Address returns the host:port that others reach this node at.
func (p *Port) Address() string { return p.cfg.Advertise }

// Transport returns raft's transport over this port. There is one.
func (p *Port) Transport() raft.Transport { return p.transport }

// Stats returns the counts.
func (p *Port) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

func (p *Port) count(f func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.stats)
}

// Handle lets f serve a service. It panics when the service is the port's own or has a handler already.
func (p *Port) Handle(service string, f func(ctx context.Context, from string, c net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handlers[service] != nil || len(service) > maxService || !plainText(service) {
		panic("peer: the service " + service + " cannot be handled")
	}
	p.handlers[service] = f
}

// Close ends all connections, also those of raft's transport and those that Dial returned, and waits for the handlers,
// up to CloseTimeout.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	all := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	p.mu.Unlock()

	p.cancel()
	err := p.cfg.Listener.Close()
	_ = p.transport.Close() // never fails
	for _, c := range all {
		_ = c.Close() // they are given up
	}
	done := make(chan struct{})
	go func() {
		p.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(CloseTimeout):
		err = errors.Join(err, fmt.Errorf("peer: handlers did not end within %v", CloseTimeout))
	}
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}

// conn is a connection that the port closes when it is closed.
type conn struct {
	net.Conn
	port *Port
	once sync.Once
	err  error
}

// Close closes the connection.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.port.mu.Lock()
		delete(c.port.conns, c)
		c.port.mu.Unlock()
		c.err = c.Conn.Close()
	})
	return c.err
}

// track makes a connection one of the port's; it is closed and refused when the port is closed.
func (p *Port) track(raw net.Conn) (*conn, error) {
	c := &conn{Conn: raw, port: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = raw.Close() // it is given up
		return nil, ErrClosed
	}
	p.conns[c] = struct{}{}
	return c, nil
}

// accept takes connections until the port is closed.
func (p *Port) accept() {
	defer p.running.Done()
	wait := time.Duration(0)
	for {
		raw, err := p.cfg.Listener.Accept()
		if err == nil {
			wait = 0
			p.take(raw)
			continue
		}
		if p.ctx.Err() != nil {
			return
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		p.log.warn("the peer port cannot accept a connection", "error", err)
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// take starts the goroutine of an incoming connection, where there is a place for its handshake.
func (p *Port) take(raw net.Conn) {
	host, _, err := net.SplitHostPort(raw.RemoteAddr().String())
	if err != nil {
		host = raw.RemoteAddr().String()
	}
	p.mu.Lock()
	free := p.greeting.enter(host)
	if !free {
		p.stats.Refused++
	}
	p.mu.Unlock()
	if !free {
		_ = raw.Close() // it is given up
		p.log.warn("the peer port closed a connection: too many handshakes", "address", raw.RemoteAddr().String())
		return
	}
	c, err := p.track(raw)
	if err != nil {
		return
	}
	p.running.Add(1)
	go func() {
		defer p.running.Done()
		defer func() { _ = c.Close() }() // an error of the handler is the handler's
		p.serve(c, host)
	}()
}

// serve does the handshake of an incoming connection and runs its handler.
func (p *Port) serve(c *conn, host string) {
	peer, h, f, err := p.greet(c)
	if err != nil {
		switch {
		case p.ctx.Err() != nil:
		case errors.Is(err, ErrService): // this node is still starting, as a rule
			p.cfg.Logger.Debug("the peer port refused a connection", "node", h.node, "service", h.service, "reason", reason(err))
		default:
			p.log.warn("the peer port refused a connection", "address", c.RemoteAddr().String(), "node", h.node,
				"service", h.service, "reason", reason(err))
		}
		linger(c)
	}
	p.mu.Lock()
	p.greeting.leave(host)
	if err != nil {
		p.stats.Refused++
	}
	p.mu.Unlock()
	if err != nil {
		return
	}
	f(p.ctx, h.node, peer)
	_ = peer.Close() // over TLS, with the word that this is the end
	p.leave(h.node)
}

// linger lets the other side read why it was refused: closing a connection with unread bytes would reset it, and take the
// reason from it.
func linger(c *conn) {
	if t, ok := c.Conn.(*net.TCPConn); ok && t.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
		_, _ = io.CopyN(io.Discard, t, 4*MaxHello) // whatever comes
	}
}

// reason is what a refusal is about, without who said so: in the log it is this node.
func reason(err error) string {
	if r := new(Refusal); errors.As(err, &r) {
		return r.Reason
	}
	return err.Error()
}

// greet does the handshake as the side that was dialled.
func (p *Port) greet(c *conn) (net.Conn, hello, Handler, error) {
	_ = c.SetDeadline(time.Now().Add(HandshakeTimeout)) // a connection that cannot have one fails at its first read
	var peer net.Conn = c
	certificate := ""
	if p.cfg.TLS != nil {
		secured, node, err := p.cfg.TLS.server(c)
		if err != nil {
			return nil, hello{}, nil, err
		}
		peer, certificate = secured, node
	}
	h, err := readHello(peer)
	if err != nil {
		if errors.Is(err, ErrMalformed) && h.version == Version {
			_, _ = peer.Write(answer{Version, CodeMalformed, p.cfg.NodeID, p.cfg.Cluster(), err.Error()}.encode())
		}
		return nil, h, nil, err
	}
	cluster := p.cfg.Cluster()
	p.mu.Lock()
	f := p.handlers[h.service]
	p.mu.Unlock()
	refusal := h.check(p.cfg.NodeID, cluster, certificate, f != nil)
	if refusal == nil {
		refusal = p.enter(h.node, cluster)
	}
	if refusal != nil {
		// The log of this node says it in any case.
		_, _ = peer.Write(answer{Version, refusal.Code, p.cfg.NodeID, cluster, refusal.Reason}.encode())
		return nil, h, nil, refusal
	}
	if _, err := peer.Write(answer{Version, 0, p.cfg.NodeID, cluster, ""}.encode()); err != nil {
		p.leave(h.node)
		return nil, h, nil, err
	}
	return peer, h, f, c.SetDeadline(time.Time{})
}

// enter takes a place for a connection of a node.
func (p *Port) enter(node, cluster string) *Refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.incoming.enter(node) {
		return &Refusal{CodeBusy, fmt.Sprintf("%d connections, %d of them of %s", p.incoming.all, p.incoming.by[node], node), p.cfg.NodeID, cluster}
	}
	p.stats.Accepted++
	return nil
}

// leave gives it back.
func (p *Port) leave(node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.incoming.leave(node)
}

// places counts connections against two bounds: of all, and of one name.
type places struct {
	most, mostBy int
	all          int
	by           map[string]int
}

func newPlaces(most, mostBy int) places {
	return places{most: most, mostBy: mostBy, by: make(map[string]int)}
}

func (p *places) enter(name string) bool {
	if p.all >= p.most || p.by[name] >= p.mostBy {
		return false
	}
	p.all++
	p.by[name]++
	return true
}

func (p *places) leave(name string) {
	p.all--
	if p.by[name]--; p.by[name] == 0 {
		delete(p.by, name)
	}
}

// Dial connects to a service of the node at address. node is the id that it must have, "": any. The handshake takes at
// most HandshakeTimeout, or as long as ctx says. A connection that one of the two sides refused fails with a *Refusal.
func (p *Port) Dial(ctx context.Context, node, address, service string) (net.Conn, error) {
	cluster := p.cfg.Cluster()
	if cluster == "" && service != ServiceGenesis {
		return nil, fmt.Errorf("peer: %s of %s: %w", service, address, ErrNotReady)
	}
	if node != "" && !validNodeID(node) || len(service) > maxService || !plainText(service) {
		return nil, fmt.Errorf("peer: %q is no node id or %q no service", node, service)
	}
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	c, err := p.dial(ctx, hello{Version, service, cluster, p.cfg.NodeID, node}, address)
	if err != nil {
		if p.ctx.Err() != nil {
			err = ErrClosed
		}
		return nil, fmt.Errorf("peer: %s of %s: %w", service, address, err)
	}
	return c, nil
}

func (p *Port) dial(ctx context.Context, h hello, address string) (_ net.Conn, err error) {
	raw, err := p.cfg.Dialer(ctx, address)
	if err != nil {
		return nil, err
	}
	if p.cfg.TLS == nil && !loopback(raw.RemoteAddr()) {
		_ = raw.Close() // it is given up
		return nil, fmt.Errorf("%w: %s is another machine, and this node has no certificates", ErrIdentity, raw.RemoteAddr())
	}
	c, err := p.track(raw)
	if err != nil {
		return nil, err
	}
	// The deadline bounds the handshake; what ends ctx earlier closes the connection.
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = c.Close() // it is given up
			if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
				err = fmt.Errorf("%w in the handshake", ctx.Err())
			}
		}
	}()
	var peer net.Conn = c
	certificate := ""
	if p.cfg.TLS != nil {
		if peer, certificate, err = p.cfg.TLS.client(ctx, c); err != nil {
			return nil, err
		}
	}
	if _, err := peer.Write(h.encode()); err != nil {
		return nil, err
	}
	a, err := readAnswer(peer)
	if err != nil {
		if p.cfg.TLS != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrVersion) {
			err = refusedCertificate(err)
		}
		return nil, err
	}
	if a.code != 0 {
		return nil, &Refusal{a.code, a.reason, a.node, a.cluster}
	}
	if refusal := p.accepts(h, a, certificate); refusal != nil {
		return nil, refusal
	}
	return peer, nil
}

// accepts checks the answer of a side that has taken the connection: it may be mistaken, or lie.
func (p *Port) accepts(h hello, a answer, certificate string) *Refusal {
	refuse := func(code Code, format string, args ...any) *Refusal {
		return &Refusal{code, fmt.Sprintf(format, args...), h.node, h.cluster}
	}
	switch {
	case certificate != "" && certificate != a.node:
		return refuse(CodeIdentity, "the certificate is that of %s, not of %s", certificate, a.node)
	case h.expected != "" && a.node != h.expected:
		return refuse(CodeNode, "%s was meant, and %s answered", h.expected, a.node)
	case h.cluster != "" && a.cluster != h.cluster:
		return differ(refuse, h.cluster, a.cluster)
	case a.node == h.node:
		return refuse(CodeSelf, "both nodes are called %s", h.node)
	}
	return nil
}

// limitedLog writes at most MaxLogLines lines a minute, and says how many it left out.
type limitedLog struct {
	to *slog.Logger

	mu      sync.Mutex
	since   time.Time
	lines   int
	skipped int
}

func (l *limitedLog) warn(msg string, args ...any) {
	l.mu.Lock()
	now := time.Now()
	if now.Sub(l.since) >= time.Minute {
		l.since, l.lines = now, 0
	}
	if l.lines >= MaxLogLines {
		l.skipped++
		l.mu.Unlock()
		return
	}
	l.lines++
	if l.skipped > 0 {
		args = append(args, "lines_left_out", l.skipped)
		l.skipped = 0
	}
	l.mu.Unlock()
	l.to.Warn(msg, args...)
}

// clearSpool makes the directory for spooled snapshots, and removes what is left of an earlier run.
func clearSpool(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	return removeSpooled(dir)
}
