package stream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/gobwas/ws"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/feed"
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/view"
	"uncross/internal/ring"
)

// testCore applies each command at once.
type testCore struct {
	mu     sync.Mutex
	engine *engine.Engine
	events *ring.Broadcast[wire.Event]
	out    []wire.Event
	number uint64
}

func (c *testCore) Submit(cmd *wire.Command) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := *cmd
	in.TimeNs = time.Now().UnixNano()
	c.out = c.engine.Apply(&in, c.out[:0])
	c.events.Publish(c.out)
	return nil
}

func (c *testCore) Leading() bool           { return true }
func (c *testCore) Ready() bool             { return true }
func (c *testCore) Status() http.NodeStatus { return http.NodeStatus{Leader: true} }
func (c *testCore) Snapshot() error         { return nil }

// testClock is the real time and an offset.
type testClock struct{ offset atomic.Int64 }

func (c *testClock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// venue is a server with everything behind it on a loopback socket. Its public data is told by the test (told) or made from
// the events (published).
type venue struct {
	t       testing.TB
	core    *testCore
	view    *view.View
	hist    *history.Store
	store   *auth.Store
	clock   *testClock
	rest    *http.Server
	stream  *Server
	told    *toldFeed
	logs    *logBuffer
	check   *contract
	address string
	secure  *tls.Config // of clients
	broken  *brokenHistory

	replaying atomic.Bool // the view does not have everything yet
	faulty    bool        // the test makes the node fail: it may log that
	keys      map[string]*auth.Key
	stop      chan struct{}
	closed    bool
}

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

// options are what a venue differs in.
type options struct {
	limits    Limits
	rest      http.Limits
	published bool
	serverTLS *tls.Config
	clientTLS *tls.Config
}

var cluster = [16]byte{1, 2, 3}

func open(t testing.TB, limits Limits) *venue { return openWith(t, options{limits: limits}) }

func openWith(t testing.TB, o options) *venue {
	t.Helper()
	v := &venue{t: t, clock: &testClock{}, logs: &logBuffer{}, check: loadContract(t), keys: map[string]*auth.Key{}, told: newToldFeed(),
		core: &testCore{engine: engine.New(), events: ring.NewBroadcast[wire.Event](1 << 14)}, stop: make(chan struct{}), secure: o.clientTLS}
	o.limits, o.rest = patient(o.limits, o.rest)
	logger := slog.New(slog.NewTextHandler(v.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	v.store = auth.NewStore(auth.Limits{}, v.clock.now)
	v.view = view.New(view.Options{KeyRevoked: func(k wire.KeyID) {
		v.store.DropKey(k)
		v.stream.KeyRevoked(k)
	}})
	var err error
	v.hist, err = history.Open("history", history.Options{FS: vfs.NewMem(), ClusterID: cluster, Fatal: func(err error) { panic(err) }})
	v.must(err)
	v.broken = &brokenHistory{Store: v.hist}
	source := Feed(v.told)
	var published *feed.Feed
	if o.published {
		published, err = feed.New(feed.Options{View: v.view, History: v.hist, Clock: time.Now, Logger: logger, Frame: Frame, Deflate: Deflate,
			BookInterval: time.Millisecond, AuctionInterval: time.Millisecond, CandlesInterval: time.Millisecond, StatisticsInterval: time.Millisecond})
		v.must(err)
		source = FromFeed(published)
	}
	v.stream, err = New(Config{View: v.view, History: v.broken, Feed: source, Sessions: v.store, CatchUp: func() { v.rest.CatchUp() },
		Ready: func() bool { return !v.replaying.Load() }, Limits: o.limits, Clock: v.clock.now, Logger: logger})
	v.must(err)
	v.rest, err = http.New(http.Config{Core: v.core, View: v.view, History: v.hist, Sessions: v.store, Stream: v.stream,
		Limits: o.rest, Clock: v.clock.now, Logger: logger})
	v.must(err)
	var running sync.WaitGroup
	run := func(name string, lossless bool, f func(*ring.Reader[wire.Event]) error) {
		r := v.core.events.Reader(name, lossless)
		running.Go(func() {
			defer r.Close()
			if err := f(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	run("view", true, func(r *ring.Reader[wire.Event]) error { return v.view.Run(r, v.stop) })
	run("history", true, func(r *ring.Reader[wire.Event]) error { return v.hist.Run(r, v.stop) })
	run("replies", true, func(r *ring.Reader[wire.Event]) error { return v.rest.RunReplies(r, v.stop) })
	if published != nil {
		run("feed", false, func(r *ring.Reader[wire.Event]) error { return published.Run(r, v.stop) })
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	v.must(err)
	v.address = ln.Addr().String()
	go func() {
		if err := v.rest.Serve(ln, o.serverTLS); err != nil {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() {
		v.shutdown()
		close(v.stop)
		running.Wait()
		v.must(v.hist.Close())
		if logs := v.logs.String(); !v.faulty && (strings.Contains(logs, "level=ERROR") || strings.Contains(logs, "level=WARN")) {
			t.Errorf("a client caused an error in the log:\n%s", logs)
		}
	})
	v.setUp()
	return v
}

// shutdown stops the servers, once.
func (v *venue) shutdown() {
	if v.closed {
		return
	}
	v.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := v.rest.Shutdown(ctx); err != nil {
		v.t.Errorf("shutdown: %v", err)
	}
}

func (v *venue) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// brokenHistory is a history that fails as tests tell it.
type brokenHistory struct {
	*history.Store
	err atomic.Pointer[error]
}

func (b *brokenHistory) AccountEvents(acc wire.AccountID, after history.EventID, limit int) ([]history.AccountEvent, history.EventID, bool, error) {
	if err := b.err.Load(); err != nil {
		return nil, after, false, *err
	}
	return b.Store.AccountEvents(acc, after, limit)
}

type body interface{ Put(*wire.Command) }

// submit has the core apply a command, and waits until view and history have it.
func (v *venue) submit(key wire.KeyID, b body) {
	v.t.Helper()
	var c wire.Command
	b.Put(&c)
	v.apply(key, &c)
}

func (v *venue) apply(key wire.KeyID, c *wire.Command) {
	v.t.Helper()
	c.Key = key
	v.must(v.core.Submit(c))
	v.core.mu.Lock()
	seq := v.core.engine.Seq()
	v.core.mu.Unlock()
	if !v.view.WaitFor(seq, patience) || !v.hist.WaitFor(seq, patience) {
		v.t.Fatal("the views do not have the command")
	}
}

// What setUp defines. Money has 2 decimals, gold 3; a tick is 0.01, a lot 0.001.
const (
	gold   = wire.InstrumentID(1) // XAU-USD
	silver = wire.InstrumentID(2) // XAG-USD
	alice  = wire.AccountID(2)
	bob    = wire.AccountID(3)
	alice2 = wire.AccountID(4)
)

func (v *venue) setUp() {
	v.t.Helper()
	const op = wire.OperatorKey
	operator := v.newKey("operator", op, wire.Operator)
	v.submit(wire.NoKey, &wire.Genesis{Venue: wire.MustText("TEST"), ClusterID: cluster, OperatorPub: operator.Public()})
	v.submit(op, &wire.AddAsset{Code: wire.MustText("USD"), Decimals: 5})
	v.submit(op, &wire.AddAsset{Code: wire.MustText("XAU"), Decimals: 3})
	v.submit(op, &wire.AddAsset{Code: wire.MustText("XAG"), Decimals: 3})
	limits := wire.InstrumentLimits{MinPrice: 1, MaxPrice: 1_000_000, MinQty: 1, MaxQty: 1_000_000, MakerBps: 10, TakerBps: 20}
	v.submit(op, &wire.AddInstrument{Symbol: wire.MustText("XAU-USD"), Base: 2, Quote: 1, PriceDecimals: 2, TickSize: 1, LotSize: 1, Limits: limits})
	v.submit(op, &wire.AddInstrument{Symbol: wire.MustText("XAG-USD"), Base: 3, Quote: 1, PriceDecimals: 2, TickSize: 1, LotSize: 1, Limits: limits})
	v.submit(op, &wire.AddFirm{Name: wire.MustText("BROKER")})
	key := wire.KeyID(2)
	for i, name := range []string{"alice", "bob"} {
		user := wire.UserID(i + 2)
		v.submit(op, &wire.AddUser{Firm: 2, Name: wire.MustText(name)})
		k := v.newKey(name, key, wire.Trader)
		v.submit(op, &wire.AddKey{User: user, Role: wire.Trader, Pub: k.Public()})
		v.submit(op, &wire.AddAccount{User: user, Name: wire.MustText(name)})
		key++
	}
	v.submit(op, &wire.AddAccount{User: 2, Name: wire.MustText("alice-2")})
	for _, more := range []struct {
		name string
		user wire.UserID
		role wire.Role
	}{{"alice-reads", 2, wire.ReadOnly}, {"alice-again", 2, wire.Trader}, {"alice-custody", 2, wire.Custodian}, {"custodian", wire.OperatorUser, wire.Custodian}} {
		k := v.newKey(more.name, key, more.role)
		v.submit(op, &wire.AddKey{User: more.user, Role: more.role, Pub: k.Public()})
		key++
	}
	for _, a := range []wire.AccountID{alice, bob} {
		for asset := wire.AssetID(1); asset <= 3; asset++ {
			v.deposit(a, asset, 1_000_000_000)
		}
	}
	v.submit(op, &wire.SetPhase{Instrument: gold, Phase: wire.Continuous})
	v.submit(op, &wire.SetPhase{Instrument: silver, Phase: wire.Continuous})
}

func (v *venue) newKey(name string, id wire.KeyID, role wire.Role) *auth.Key {
	k, err := auth.NewKey()
	v.must(err)
	k.ID, k.User, k.Role = id, name, role
	v.keys[name] = &k
	return &k
}

func (v *venue) deposit(a wire.AccountID, asset wire.AssetID, amount uint64) {
	v.t.Helper()
	v.core.number++
	var c wire.Command
	(&wire.Transfer{Account: a, Asset: asset, Amount: wire.Amount{Lo: amount}, Reference: wire.MustText("in-" + strconv.FormatUint(v.core.number, 10))}).PutDeposit(&c)
	v.apply(v.keys["custodian"].ID, &c)
}

// order enters an order of a user's own account and returns its client id.
func (v *venue) order(who string, o wire.NewOrder) string {
	v.t.Helper()
	v.core.number++
	id := "c-" + strconv.FormatUint(v.core.number, 10)
	o.ClientID = wire.MustText(id)
	if o.Account == 0 {
		o.Account = map[string]wire.AccountID{"alice": alice, "bob": bob}[who]
	}
	if o.Instrument == 0 {
		o.Instrument = gold
	}
	if o.Type == 0 {
		o.Type = wire.Limit
	}
	if o.TIF == 0 {
		o.TIF = wire.GTC
	}
	v.submit(v.keys[who].ID, &o)
	return id
}

// session logs a key on and returns both sides of the session.
func (v *venue) session(name string) *auth.ClientSession {
	v.t.Helper()
	p, err := auth.NewLogon(v.keys[name], uint64(v.clock.now().UnixNano()))
	v.must(err)
	r := p.Request()
	_, answer, err := v.store.Open(&r)
	v.must(err)
	client, err := p.Complete(answer)
	v.must(err)
	return client
}

// proof returns a login request under a session.
func (v *venue) proof(s *auth.ClientSession) map[string]any {
	h := s.Sign("GET", "/v1/stream", nil, v.clock.now())
	return loginOf(&h)
}

func loginOf(h *auth.Headers) map[string]any {
	return m{"op": "login", "session": h.Session, "seq": strconv.FormatUint(h.Seq, 10), "time": strconv.FormatInt(h.TimeMs, 10), "mac": hex.EncodeToString(h.Mac[:])}
}

type m = map[string]any

// client is the other end of a stream, byte by byte.
type client struct {
	v    *venue
	t    testing.TB
	net  net.Conn
	r    *bufio.Reader
	head *nethttp.Response
	wire atomic.Int64 // bytes of frames that came
}

// patience is how long a test waits for what is to come.
const patience = time.Minute

// patient gives it to the waits for this machine, or for the test as a client, of which a test says nothing.
func patient(l Limits, rest http.Limits) (Limits, http.Limits) {
	for _, d := range []*time.Duration{&l.Handshake, &l.Write, &l.Ping, &l.Wait, &rest.ReadTimeout, &rest.WriteTime, &rest.ReadWait} {
		if *d == 0 {
			*d = patience
		}
	}
	return l, rest
}

// dial opens a connection and sends nothing.
func (v *venue) dial() net.Conn {
	v.t.Helper()
	c, err := net.Dial("tcp", v.address)
	v.must(err)
	if v.secure != nil {
		c = tls.Client(c, v.secure)
	}
	v.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

const handshakeText = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// try sends a whole request and reads the head of the answer.
func (v *venue) try(request string) *client {
	v.t.Helper()
	c := &client{v: v, t: v.t, net: v.dial()}
	_, err := io.WriteString(c.net, request)
	v.must(err)
	c.r = bufio.NewReaderSize(c.net, 64<<10)
	c.head, err = nethttp.ReadResponse(c.r, nil)
	v.must(err)
	return c
}

// connect opens a stream with further headers in its handshake.
func (v *venue) connect(headers ...string) *client {
	v.t.Helper()
	c := v.try(handshakeText + strings.Join(headers, "") + "\r\n")
	if c.head.StatusCode != 101 || c.head.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		v.t.Fatalf("the handshake is answered with %d %v", c.head.StatusCode, c.head.Header)
	}
	return c
}

const offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

// frame makes a client's frame.
func frame(first byte, masked bool, payload []byte) []byte {
	b := appendFrame(nil, first, nil)[:1]
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	mask := [4]byte{0x12, 0xab, 0x00, 0xff}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

// The first bytes of frames.
const (
	text   = 0x81
	bin    = 0x82
	shut   = 0x88
	ping   = 0x89
	pong   = 0x8a
	part   = 0x01 // text that goes on
	middle = 0x00
	last   = 0x80
)

// raw sends bytes. That the server has closed already is no fault of the test.
func (c *client) raw(b []byte) {
	c.t.Helper()
	if _, err := c.net.Write(b); err != nil && !errors.Is(err, net.ErrClosed) && !isReset(err) {
		c.t.Fatal(err)
	}
}

func isReset(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe"))
}

func (c *client) say(s string) { c.t.Helper(); c.raw(frame(text, true, []byte(s))) }

// ask sends a request, held against asyncapi.yaml.
func (c *client) ask(q any) {
	c.t.Helper()
	b, err := json.Marshal(q)
	c.v.must(err)
	c.v.check.request(c.t, b)
	c.say(string(b))
}

// got is one frame from the server.
type got struct {
	op      ws.OpCode
	rsv1    bool
	payload []byte
}

// receive reads one frame. What the server sends is whole, not masked, and in the shortest form.
func (c *client) receive() (got, error) {
	_ = c.net.SetDeadline(time.Now().Add(patience))
	h, err := ws.ReadHeader(c.r)
	if err != nil {
		return got{}, err
	}
	g := got{op: h.OpCode, rsv1: h.Rsv1(), payload: make([]byte, h.Length)}
	if _, err := io.ReadFull(c.r, g.payload); err != nil {
		return g, err
	}
	c.wire.Add(h.Length)
	if !h.Fin || h.Masked || h.Rsv2() || h.Rsv3() {
		c.t.Errorf("the server sent %+v", h)
	}
	if g.rsv1 {
		if c.head.Header.Get("Sec-WebSocket-Extensions") == "" || h.OpCode.IsControl() {
			c.t.Errorf("the server compressed what it must not: %+v", h)
		}
		g.payload, err = inflate(g.payload, 1<<26)
	}
	return g, err
}

// next returns the next message, and answers pings on the way.
func (c *client) next() []byte {
	c.t.Helper()
	for {
		g, err := c.receive()
		if err != nil {
			c.t.Fatalf("the stream ended: %v", err)
		}
		switch g.op {
		case ws.OpText:
			c.v.check.message(c.t, g.payload)
			return g.payload
		case ws.OpBinary:
			c.v.check.see("binary")
			return g.payload
		case ws.OpPing:
			c.raw(frame(pong, true, g.payload))
		case ws.OpClose:
			code, why := ws.ParseCloseFrameData(g.payload)
			c.t.Fatalf("the stream was closed with %d %q", code, why)
		}
	}
}

// message returns the next message as JSON.
func (c *client) message() m {
	c.t.Helper()
	var v m
	text := c.next()
	if err := json.Unmarshal(text, &v); err != nil {
		c.t.Fatalf("%v in %q", err, text)
	}
	return v
}

// answer returns the next message, which must be of a type.
func (c *client) answer(typ string) m {
	c.t.Helper()
	v := c.message()
	if v["type"] != typ {
		c.t.Fatalf("got %v, want %s", v, typ)
	}
	return v
}

// refused fails unless the next message refuses with a reason.
func (c *client) refused(reason wire.Reason, field string) m {
	c.t.Helper()
	v := c.answer("error")
	e := v["error"].(m)
	if int(e["code"].(float64)) != int(reason) || e["reason"] != http.ReasonName(reason) || field != "" && e["field"] != field {
		c.t.Fatalf("refused with %v, want %s %s", e, http.ReasonName(reason), field)
	}
	return v
}

// closed reads to the end and returns the code of the close frame, 0 where there is none.
func (c *client) closed() (code ws.StatusCode, why string) {
	c.t.Helper()
	for {
		g, err := c.receive()
		if err != nil {
			if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
				c.t.Fatal("the server did not close the stream")
			}
			return code, why
		}
		if g.op == ws.OpClose {
			code, why = ws.ParseCloseFrameData(g.payload)
			c.raw(frame(shut, true, g.payload[:min(2, len(g.payload))]))
		}
	}
}

// closedWith fails unless the stream ends with a code.
func (c *client) closedWith(code ws.StatusCode) {
	c.t.Helper()
	if got, why := c.closed(); got != code {
		c.t.Errorf("closed with %d %q, want %d", got, why, code)
	}
}

// subscribe subscribes and returns the answer.
func (c *client) subscribe(all ...m) m {
	c.t.Helper()
	c.ask(m{"op": "subscribe", "id": "s", "subscriptions": all})
	return c.answer("subscribed")
}

func (c *client) login(name string) m {
	c.t.Helper()
	c.ask(c.v.proof(c.v.session(name)))
	return c.answer("logged_in")
}

func on(channel, symbol string) m        { return m{"channel": channel, "symbol": symbol} }
func private_(channel, account string) m { return m{"channel": channel, "account": account} }

func with(x m, name string, value any) m {
	n := m{name: value}
	for k, v := range x {
		if k != name {
			n[k] = v
		}
	}
	return n
}

// toldFeed publishes what tests tell it: topics with a log, of which the last few messages are kept.
type toldFeed struct {
	mu     sync.Mutex
	topics map[Topic]*toldTopic
	refuse error
	keep   int
	open   int
	broken atomic.Bool // cursors of books panic
}

type toldTopic struct {
	first   int
	log     []*toldMessage
	readers map[*toldCursor]struct{}
}

type toldMessage struct {
	frame, deflated []byte
	compressions    atomic.Int64
}

func (t *toldMessage) Frame() []byte { return t.frame }

func (t *toldMessage) Deflated() []byte {
	t.compressions.Add(1)
	return t.deflated
}

func newToldFeed() *toldFeed { return &toldFeed{topics: map[Topic]*toldTopic{}, keep: 1 << 20} }

func (f *toldFeed) topic(t Topic) *toldTopic {
	if f.topics[t] == nil {
		f.topics[t] = &toldTopic{readers: map[*toldCursor]struct{}{}}
	}
	return f.topics[t]
}

// tell publishes a message.
func (f *toldFeed) tell(t Topic, payload string) {
	f.mu.Lock()
	p := f.topic(t)
	p.log = append(p.log, &toldMessage{frame: Frame([]byte(payload), false), deflated: Deflate([]byte(payload), false)})
	for len(p.log) > f.keep {
		p.log, p.first = p.log[1:], p.first+1
	}
	var wakes []func()
	for r := range p.readers {
		wakes = append(wakes, r.wake)
	}
	f.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

func (f *toldFeed) Subscribe(t Topic, _ bool, wake func()) (Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	p := f.topic(t)
	c := &toldCursor{f: f, t: t, at: p.first, wake: wake}
	p.readers[c] = struct{}{}
	f.open++
	return c, nil
}

// readers returns how many cursors are open.
func (f *toldFeed) readers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

type toldCursor struct {
	f      *toldFeed
	t      Topic
	at     int
	wake   func()
	closed bool
}

func (c *toldCursor) Next(dst []Message, bytes int) ([]Message, error) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.t.Channel == Book && c.f.broken.Load() {
		panic("a broken cursor")
	}
	p := c.f.topic(c.t)
	if c.at < p.first {
		if c.t.Channel == Trades {
			return dst, ErrSlow
		}
		c.at = p.first
	}
	for c.at < p.first+len(p.log) && bytes > 0 {
		message := p.log[c.at-p.first]
		dst, bytes = append(dst, message), bytes-len(message.frame)
		c.at++
	}
	return dst, nil
}

func (c *toldCursor) Close() {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if !c.closed {
		c.closed = true
		delete(c.f.topic(c.t).readers, c)
		c.f.open--
	}
}

// phases makes a message of the channel status that is as asyncapi.yaml says, and of at least so many bytes.
func phases(symbol string, n, size int) string {
	s := fmt.Sprintf(`{"channel":"status","type":"update","symbol":%q,"previous":"%d","sequence":"%d","time":"2026-01-02T15:04:05.000000000Z","phase":"halted","was":"continuous"}`, symbol, n, n+1)
	return s + strings.Repeat(" ", max(size-len(s), 0))
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not come to be that %s", what)
		}
	}
}

// restLimits are limits of the HTTP side with a short time for a request.
func restLimits(read time.Duration) http.Limits { return http.Limits{ReadTimeout: read} }

// openRest are limits of the HTTP side that let one address do much.
func openRest() http.Limits {
	return http.Limits{ConnsPerIP: 4000, AddressRate: 1 << 30, AddressBump: 1 << 30}
}
