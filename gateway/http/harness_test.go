package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/internal/ring"
)

// errTestBusy is what the test core refuses with.
var errTestBusy = errors.New("busy")

// errTestDeposed is what a core refuses with that has ceased to lead.
var errTestDeposed = errors.New("not the leader")

// testCore applies each command at once, in the order of Submit, as the real node does after a log.
type testCore struct {
	mu     sync.Mutex
	engine *engine.Engine
	events *ring.Broadcast[wire.Event]
	out    []wire.Event
	offset time.Duration // of its clock
	seen   []wire.CommandKind
	origin wire.Origin // of the latest command

	busyAfter atomic.Int64 // so many commands are taken, then errTestBusy; negative: all
	silent    atomic.Bool  // events are held back
	held      []wire.Event
	notReady  atomic.Bool
	deposed   atomic.Bool  // commands are refused although it seemed to lead
	follows   atomic.Bool  // commands are not taken
	contactMs atomic.Int64 // since the leader was heard of
	snapshots atomic.Int64
}

func newTestCore() *testCore {
	c := &testCore{engine: engine.New(), events: ring.NewBroadcast[wire.Event](1 << 14)}
	c.busyAfter.Store(-1)
	return c
}

func (c *testCore) Submit(cmd *wire.Command) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deposed.Load() {
		return errTestDeposed
	}
	if n := c.busyAfter.Load(); n == 0 {
		return errTestBusy
	} else if n > 0 {
		c.busyAfter.Store(n - 1)
	}
	in := *cmd
	in.TimeNs = time.Now().Add(c.offset).UnixNano()
	c.seen, c.origin = append(c.seen, in.Kind), in.Origin
	c.out = c.engine.Apply(&in, c.out[:0])
	if c.silent.Load() {
		c.held = append(c.held, c.out...)
		return nil
	}
	c.events.Publish(c.out)
	return nil
}

// release publishes what was held back.
func (c *testCore) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent.Store(false)
	c.events.Publish(c.held)
	c.held = nil
}

func (c *testCore) Ready() bool { return !c.notReady.Load() }

func (c *testCore) Leading() bool { return c.Ready() && !c.follows.Load() }

func (c *testCore) Status() NodeStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	full, business := c.engine.Hashes()
	return NodeStatus{NodeID: "node-1", Role: c.role(), ContactMs: c.contactMs.Load(), Leader: c.Leading(), Term: 1, Index: c.engine.Seq(), Seq: c.engine.Seq(), TimeNs: c.engine.Now(),
		FullHash: full, BusinessHash: business, InputSize: 1}
}

func (c *testCore) role() string {
	if c.follows.Load() {
		return "follower"
	}
	return "leader"
}

func (c *testCore) Snapshot() error { c.snapshots.Add(1); return nil }

// venue is a gateway on a real loopback socket with everything behind it.
type venue struct {
	t      testing.TB
	core   *testCore
	server *Server
	view   *view.View
	hist   *history.Store
	market *testMarket
	latest int            // trades that the view keeps; 0: as many as it may
	retain history.Retain // how long the history keeps things
	store  *auth.Store
	clock  *testClock
	url    string
	logs   *logBuffer
	keys   map[string]*client.Client // by user name
	raw    map[string]*auth.Key
	check  *contract

	beforeReply atomic.Pointer[func([]wire.Event)] // sees events before the requests that wait for them do
	dropped     atomic.Int64                       // revocations that have been carried out
}

// testClock is the real time, or the one at which it was stopped, and an offset.
type testClock struct{ offset, stopped atomic.Int64 }

func (c *testClock) now() time.Time {
	at := time.Now()
	if ns := c.stopped.Load(); ns != 0 {
		at = time.Unix(0, ns)
	}
	return at.Add(time.Duration(c.offset.Load()))
}

func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// stop has time go by for clients and gateway as the test says alone, however slow the machine is.
func (c *testClock) stop() { c.stopped.Store(time.Now().UnixNano()) }

// patience is how long a test waits for what is to come, and patient gives it to the waits for this machine of which a test
// says nothing.
const patience = time.Minute

func patient(l Limits) Limits {
	for _, d := range []*time.Duration{&l.ReadTimeout, &l.WriteTime, &l.Answer, &l.ReadWait} {
		if *d == 0 {
			*d = patience
		}
	}
	return l
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// openVenue starts a gateway on an engine in process, with a genesis and nothing else.
func openVenue(t testing.TB, limits Limits) *venue {
	return openVenueKeeping(t, limits, 0, history.Retain{})
}

// openVenueKeeping does it with a view that keeps so many trades, and a history that keeps no more than it is told to.
func openVenueKeeping(t testing.TB, limits Limits, latest int, retain history.Retain) *venue {
	t.Helper()
	operator, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	operator.ID, operator.User, operator.Role = wire.OperatorKey, "operator", wire.Operator
	core := newTestCore()
	v := &venue{t: t, core: core, clock: &testClock{}, latest: latest, retain: retain, logs: &logBuffer{}, keys: map[string]*client.Client{},
		raw: map[string]*auth.Key{"operator": &operator}, check: loadContract(t)}
	stop := make(chan struct{})
	v.assemble(core, core.events, limits, stop)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := v.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	var c wire.Command
	(&wire.Genesis{Venue: wire.MustText("Test Venue"), ClusterID: [16]byte{1, 2, 3}, OperatorPub: operator.Public()}).Put(&c)
	if err := core.Submit(&c); err != nil {
		t.Fatal(err)
	}
	if !v.view.WaitFor(1, patience) {
		t.Fatal("the view did not see the genesis")
	}
	v.keys["operator"] = v.client(&operator)
	return v
}

// assemble makes view, history and server on the events of a core, and serves on a loopback port.
func (v *venue) assemble(core Core, events *ring.Broadcast[wire.Event], limits Limits, stop chan struct{}) {
	t := v.t
	t.Helper()
	var err error
	v.store = auth.NewStore(auth.Limits{}, v.clock.now)
	v.market = newTestMarket()
	v.view = view.New(view.Options{Trades: v.latest, KeyRevoked: func(k wire.KeyID) { v.store.DropKey(k); v.dropped.Add(1) }})
	v.hist, err = history.Open("history", history.Options{FS: vfs.NewMem(), ClusterID: [16]byte{1, 2, 3}, Retain: v.retain,
		Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	v.server, err = New(Config{Core: core, View: v.view, History: v.hist, Sessions: v.store, Market: v.market, Limits: patient(limits),
		Clock: v.clock.now, Version: "test",
		Logger: slog.New(slog.NewTextHandler(v.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Refusal: func(err error) wire.Reason {
			switch {
			case errors.Is(err, errTestBusy):
				return Busy
			case errors.Is(err, errTestDeposed):
				return NotLeader
			}
			return 0
		}})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for name, run := range map[string]func(*ring.Reader[wire.Event]) error{
		"view":    func(r *ring.Reader[wire.Event]) error { return v.view.Run(r, stop) },
		"history": func(r *ring.Reader[wire.Event]) error { return v.hist.Run(r, stop) },
		"market":  func(r *ring.Reader[wire.Event]) error { return v.market.run(r, stop) },
		"replies": func(r *ring.Reader[wire.Event]) error { return v.server.RunReplies(&replySource{v, r}, stop) },
	} {
		r := events.Reader(name, true)
		running.Go(func() {
			defer r.Close()
			if err := run(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		running.Wait()
		if err := v.hist.Close(); err != nil {
			t.Errorf("close the history: %v", err)
		}
	})
	v.url = "http://" + v.serve()
}

// replySource is the reader of the replies, with the venue's hook in front.
type replySource struct {
	v *venue
	*ring.Reader[wire.Event]
}

func (s *replySource) Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool) {
	n, lost, ok = s.Reader.Read(dst, stop)
	if hook := s.v.beforeReply.Load(); hook != nil {
		(*hook)(dst[:n])
	}
	return n, lost, ok
}

// serve listens on a free port.
func (v *venue) serve() string {
	v.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		v.t.Fatal(err)
	}
	go func() {
		if err := v.server.Serve(ln, nil); err != nil {
			v.t.Errorf("serve: %v", err)
		}
	}()
	return ln.Addr().String()
}

// beside makes a second server of the venue, on a port that takes connections already: what is sent before serve is called is
// there when the server's limits of time begin.
func (v *venue) beside(c Config, config *tls.Config) (s *Server, address string, serve func()) {
	v.t.Helper()
	c.Core, c.View, c.History, c.Sessions = v.core, v.view, v.hist, v.store
	s, err := New(c)
	if err != nil {
		v.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.http.ShutdownWithContext(ctx)
		s.close.Do(func() { close(s.stop) })
	})
	return s, ln.Addr().String(), func() { go func() { _ = s.Serve(ln, config) }() }
}

// client returns a client with a key, whose every exchange is held against openapi.yaml.
func (v *venue) client(k *auth.Key) *client.Client {
	v.t.Helper()
	c, err := client.New(client.Config{URL: v.url, Key: k, Clock: v.clock.now,
		HTTP: &nethttp.Client{Timeout: 2 * patience, Transport: &checkingTransport{v: v, next: &nethttp.Transport{MaxIdleConnsPerHost: 64}}}})
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

// checkingTransport holds every exchange against openapi.yaml.
type checkingTransport struct {
	v    *venue
	next nethttp.RoundTripper
}

func (c *checkingTransport) RoundTrip(r *nethttp.Request) (*nethttp.Response, error) {
	var in []byte
	if r.Body != nil {
		in, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(in))
	}
	a, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(a.Body)
	a.Body.Close()
	if err != nil {
		return nil, err
	}
	a.Body = io.NopCloser(bytes.NewReader(out))
	c.v.check.exchange(c.v.t, r.Method, r.URL.EscapedPath(), in, a, out)
	return a, nil
}

// do sends a signed request of a user and fails the test unless it is answered with 200. The answer is a JSON object.
func (v *venue) do(user, method, target string, in any) map[string]any {
	v.t.Helper()
	var out map[string]any
	if err := v.keys[user].Do(context.Background(), method, target, in, &out); err != nil {
		v.t.Fatalf("%s %s: %v", method, target, err)
	}
	return out
}

// refused sends a signed request of a user that must be refused for the given reason.
func (v *venue) refused(user, method, target string, in any, reason wire.Reason) *client.Error {
	v.t.Helper()
	err := v.keys[user].Do(context.Background(), method, target, in, nil)
	var refused *client.Error
	if !errors.As(err, &refused) {
		v.t.Fatalf("%s %s: got %v, want %s", method, target, err, ReasonName(reason))
	}
	if refused.Code != int(reason) || refused.Reason != ReasonName(reason) || refused.Message == "" {
		v.t.Fatalf("%s %s %v: refused with %v, want %d %s", method, target, in, refused, reason, ReasonName(reason))
	}
	return refused
}

type m = map[string]any

// market sets the venue up: two traders with money, a read-only key, a custodian, one instrument in continuous trading.
func market(t testing.TB, limits Limits) *venue {
	t.Helper()
	v := openVenue(t, limits)
	v.setUp()
	return v
}

func (v *venue) setUp() {
	v.t.Helper()
	const op = "operator"
	v.do(op, "POST", "/v1/admin/assets", m{"code": "BTC", "decimals": 8})
	v.do(op, "POST", "/v1/admin/assets", m{"code": "USD", "decimals": 5})
	v.do(op, "POST", "/v1/admin/instruments", m{"symbol": "BTC/USD", "base": "BTC", "quote": "USD", "tick": "0.05", "lot": "0.001",
		"min_price": "0.05", "max_price": "100000", "min_quantity": "0.001", "max_quantity": "1000", "min_notional": "1",
		"maker_fee_bps": 10, "taker_fee_bps": 20})
	v.do(op, "POST", "/v1/admin/instruments/BTC%2FUSD/phase", m{"phase": "continuous"})
	v.do(op, "POST", "/v1/admin/firms", m{"name": "Broker"})
	for _, u := range []string{"alice", "bob", "custodian"} {
		v.do(op, "POST", "/v1/admin/users", m{"name": u, "firm": "Broker"})
	}
	v.addKey("alice", "alice", wire.Trader)
	v.addKey("bob", "bob", wire.Trader)
	v.addKey("alice-reads", "alice", wire.ReadOnly)
	v.addKey("custodian", "custodian", wire.Custodian)
	v.do(op, "POST", "/v1/admin/accounts", m{"name": "A", "user": "alice"})
	v.do(op, "POST", "/v1/admin/accounts", m{"name": "B", "user": "bob"})
	for i, d := range []m{{"account": "A", "asset": "USD", "amount": "100000"}, {"account": "B", "asset": "BTC", "amount": "50"},
		{"account": "B", "asset": "USD", "amount": "1000.5"}} {
		d["reference"] = fmt.Sprintf("in-%d", i)
		v.do("custodian", "POST", "/v1/admin/deposits", d)
	}
}

// addKey gives a user a key with a role, and makes a client of it under the given name.
func (v *venue) addKey(name, user string, role wire.Role) {
	v.t.Helper()
	k, err := auth.NewKey()
	if err != nil {
		v.t.Fatal(err)
	}
	pub := k.Public()
	a := v.do("operator", "POST", "/v1/admin/keys", m{"user": user, "role": role.String(), "public_key": base64.StdEncoding.EncodeToString(pub[:])})
	var n uint32
	if _, err := fmt.Sscan(a["key"].(string), &n); err != nil {
		v.t.Fatal(err)
	}
	k.ID, k.User, k.Role = wire.KeyID(n), user, role
	v.raw[name], v.keys[name] = &k, v.client(&k)
}

// limit returns a new limit order.
func limit(account, side, price, quantity, clientID string) m {
	return m{"account": account, "symbol": "BTC/USD", "side": side, "type": "limit", "price": price, "quantity": quantity, "client_order_id": clientID}
}

// set returns an order with one field set, or removed when the value is nil.
func set(o m, field string, value any) m {
	n := m{}
	for k, v := range o {
		n[k] = v
	}
	if n[field] = value; value == nil {
		delete(n, field)
	}
	return n
}

// text returns a field of an answer by its path.
func text(v any, path ...string) string {
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			var i int
			if _, err := fmt.Sscan(p, &i); err != nil || i >= len(x) {
				return "<absent>"
			}
			v = x[i]
		default:
			return "<absent>"
		}
	}
	if v == nil {
		return "<absent>"
	}
	return fmt.Sprint(v)
}

// want fails the test unless fields of an answer, named by dotted paths, are as stated.
func want(t testing.TB, answer any, fields map[string]string) {
	t.Helper()
	for path, w := range fields {
		if got := text(answer, strings.Split(path, ".")...); got != w {
			b, _ := json.Marshal(answer)
			t.Errorf("%s is %q, want %q in %s", path, got, w, b)
		}
	}
}

// raw sends bytes over a fresh connection and returns all that comes back until it is closed.
func (v *venue) rawExchange(request string) string {
	v.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		v.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	if _, err := io.WriteString(c, request); err != nil {
		v.t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil && len(b) == 0 {
		v.t.Fatal(err)
	}
	return string(b)
}

// signedHeaders returns a valid set of headers of a user's own fresh session, as text for a raw request.
func (v *venue) signedHeaders(user, method, target string, body []byte) (auth.Headers, string) {
	v.t.Helper()
	h, err := v.keys[user].Sign(context.Background(), method, target, body)
	if err != nil {
		v.t.Fatal(err)
	}
	return h, headerText(&h)
}

func headerText(h *auth.Headers) string {
	var b strings.Builder
	h.Each(func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) })
	return b.String()
}

func jsonText(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
