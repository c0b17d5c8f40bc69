package fix_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/internal/ring"
	"uncross/replication"
	"uncross/wal"
)

const (
	ourID    = "UNCROSS"
	password = "secret"
	operator = wire.OperatorKey
	patience = time.Minute // for what must come: on a busy machine it comes late
	never    = time.Hour   // for what is not to be: an end over a disk that is slow
)

// options are what a test may want otherwise.
type options struct {
	limits  fix.Limits
	resetAt *fix.DailyTime
	warned  string // a warning with this text is expected
	tls     *tls.Config
	silent  bool // a node that does not lead says nothing
}

// venue is a node with everything behind the gateway, in process, on a directory that can be opened again.
type venue struct {
	t      testing.TB
	dir    string
	o      options
	logs   *logBuffer
	offset atomic.Int64 // of the gateway's and the node's clock, ns
	still  atomic.Int64 // what that clock shows for good, ns; 0: it runs
	hashed atomic.Int64 // how often a password was verified the slow way

	hashing atomic.Pointer[func()] // called meanwhile

	node   *replication.Node
	view   *view.View
	hist   *history.Store
	outbox *outbox.Store
	server *fix.Server
	addr   string
	keys   map[string]*auth.Key // by user
	ids    map[string]wire.KeyID
	core   *gate
	halt   func()
}

// gate is the node as the gateway sees it, with faults that a test asks for.
type gate struct {
	*replication.Node
	busy   atomic.Int64 // so many commands more are refused as busy
	frozen atomic.Bool
	full   atomic.Pointer[func(*wire.Command) bool] // these are refused as busy
	lose   atomic.Pointer[wire.Command]             // the next new order is taken and goes nowhere but there
}

var errBusy = errors.New("busy, says the test")

func (g *gate) SubmitIn(era uint64, c *wire.Command) error {
	if g.busy.Load() > 0 && g.busy.Add(-1) >= 0 {
		return errBusy
	}
	if full := g.full.Load(); full != nil && (*full)(c) {
		return errBusy
	}
	if to := g.lose.Load(); to != nil && c.Kind == wire.CmdNewOrder {
		*to = *c
		g.lose.Store(nil)
		return nil
	}
	return g.Node.SubmitIn(era, c)
}

func (g *gate) Ready() bool { return !g.frozen.Load() && g.Node.Ready() }

func (g *gate) Leading() bool { return g.Ready() }

func (g *gate) Contact() time.Duration { return 0 }

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

// openVenue starts a venue in dir ("": a fresh one) with users, money, an instrument and sessions:
//
//	alice, account A: TRADE1 (trading), DROP1 (drop copy), MD1 (market data), SIGNED1 (trading, no password)
//	bob, account B:   TRADE2 (trading)
func openVenue(t testing.TB, dir string, o options) *venue {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	v := &venue{t: t, dir: dir, o: o, logs: &logBuffer{}, keys: map[string]*auth.Key{}, ids: map[string]wire.KeyID{}}
	v.start()
	t.Cleanup(func() {
		v.stop()
		s, warnings := v.logs.String(), 0
		if o.warned != "" {
			if warnings = strings.Count(s, o.warned); warnings != 1 {
				t.Errorf("the log has %d times %q", warnings, o.warned)
			}
		}
		if strings.Contains(s, "level=ERROR") || strings.Count(s, "level=WARN") != warnings || strings.Contains(s, password) {
			t.Errorf("the log has a warning, an error or a secret:\n%s", s)
		}
	})
	v.setUp()
	return v
}

// start opens the stores and the node and serves.
func (v *venue) start() {
	t := v.t
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	fatal := func(err error) { panic(err) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	opened, cluster := time.Now(), [16]byte{1, 2, 3}
	log, err := wal.Open(filepath.Join(v.dir, "wal"), wal.Options{Logger: quiet, Fatal: fatal})
	must(err)
	v.hist, err = history.Open(filepath.Join(v.dir, "history"), history.Options{ClusterID: cluster, Logger: quiet, Fatal: fatal})
	must(err)
	v.outbox, err = outbox.Open(filepath.Join(v.dir, "outbox"), outbox.Options{ClusterID: cluster, Logger: quiet, Fatal: fatal})
	must(err)
	var server atomic.Pointer[fix.Server]
	v.view = view.New(view.Options{
		KeyRevoked: func(k wire.KeyID) {
			if s := server.Load(); s != nil {
				s.KeyRevoked(k)
			}
		},
		SessionChanged: func(d wire.Session) {
			if s := server.Load(); s != nil {
				s.SessionChanged(d)
			}
		},
	})
	v.node, err = replication.Open(replication.Config{
		Log: log, SnapshotDir: filepath.Join(v.dir, "snapshots"), Logger: quiet, Fatal: fatal,
		Durable: func() uint64 { return min(v.hist.Durable(), v.outbox.Durable()) },
		Refused: func(o wire.Origin, err error) { server.Load().Refused(o, err) },
		Clock:   func() int64 { return v.now().UnixNano() },
		Elapsed: func() time.Duration { return v.now().Sub(opened) },

		DiskTimeout: never, SnapshotTimeout: never, ReaderTimeout: never,
	})
	must(err)
	v.core = &gate{Node: v.node}
	s, err := fix.New(fix.Config{
		Core: v.core, View: v.view, History: v.hist, Outbox: v.outbox, Limits: unhurried(v.o.limits), ResetAt: v.o.resetAt, TLS: v.o.tls,
		Events: func(name string) *ring.Reader[wire.Event] { return v.node.Events().Reader(name, false) },
		VerifyPassword: func(p wire.Password, password string) bool {
			v.hashed.Add(1)
			if hook := v.hashing.Load(); hook != nil {
				(*hook)()
			}
			return p.Scheme == 1 && string(p.Salt[:len(password)]) == password
		},
		Busy:   func(err error) bool { return errors.Is(err, errBusy) || errors.Is(err, replication.ErrBusy) },
		Logger: slog.New(slog.NewTextHandler(v.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:  v.now,
	})
	must(err)
	v.server = s
	server.Store(s)
	end := make(chan struct{})
	var running sync.WaitGroup
	for name, run := range map[string]func(*ring.Reader[wire.Event]) error{
		"view":    func(r *ring.Reader[wire.Event]) error { return v.view.Run(r, end) },
		"history": func(r *ring.Reader[wire.Event]) error { return v.hist.Run(r, end) },
		"outbox":  func(r *ring.Reader[wire.Event]) error { return v.outbox.Run(r, end) },
	} {
		r := v.node.Events().Reader(name, true)
		running.Go(func() {
			defer r.Close()
			if err := run(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	running.Go(func() { s.Run(end) })
	must(v.node.Start())
	waitFor(t, "the node is ready", v.node.Ready)
	v.addr = v.listen()
	v.halt = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := errors.Join(s.Shutdown(ctx), v.node.Close())
		close(end)
		running.Wait()
		if err := errors.Join(err, v.hist.Close(), v.outbox.Close(), log.Close()); err != nil {
			t.Errorf("stopping the venue: %v", err)
		}
	})
}

// unhurried has the venue wait as long as a test does, but for what a test is about: an fsync may take seconds.
func unhurried(l fix.Limits) fix.Limits {
	for _, d := range []*time.Duration{
		&l.LogonTimeout, &l.LogonWait, &l.LogoutTimeout, &l.FrameTimeout, &l.WriteTimeout, &l.BusyWait, &l.CancelWait, &l.NudgeWait, &l.ResendAgain,
	} {
		if *d == 0 {
			*d = patience
		}
	}
	return l
}

func (v *venue) now() time.Time {
	if ns := v.still.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Now().Add(time.Duration(v.offset.Load()))
}

// listen serves on a free port.
func (v *venue) listen() string {
	v.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		v.t.Fatal(err)
	}
	s := v.server
	go func() {
		if err := s.Serve(ln); err != nil {
			v.t.Errorf("serve: %v", err)
		}
	}()
	return ln.Addr().String()
}

func (v *venue) stop() { v.halt() }

// restart ends everything and starts it again on the same directory.
func (v *venue) restart() {
	v.t.Helper()
	v.stop()
	v.start()
	waitFor(v.t, "the outbox has it all", func() bool {
		return v.outbox.Position() >= v.node.Status().Seq && v.view.Applied() >= v.node.Status().Seq
	})
}

// body is anything that a command can be made of.
type body interface{ Put(*wire.Command) }

// do submits a command and waits until the view has it.
func (v *venue) do(key wire.KeyID, b body) {
	v.t.Helper()
	var c wire.Command
	b.Put(&c)
	c.Key = key
	before := v.view.Applied()
	if err := v.node.Submit(&c); err != nil {
		v.t.Fatal(err)
	}
	if !v.view.WaitFor(before+1, patience) {
		v.t.Fatal("the view does not see a command")
	}
}

func (v *venue) setUp() {
	found(v.do, v.key)
	waitFor(v.t, "the outbox knows the sessions", func() bool { return v.outbox.Position() >= v.view.Applied() })
}

// found submits the commands that make the venue of openVenue.
func found(do func(wire.KeyID, body), key func(user string, id wire.KeyID) *auth.Key) {
	text := wire.MustText
	do(wire.NoKey, &wire.Genesis{Venue: text("Test Venue"), ClusterID: [16]byte{1, 2, 3}, OperatorPub: key("operator", wire.OperatorKey).Public()})
	do(operator, &wire.AddAsset{Code: text("BTC"), Decimals: 8})
	do(operator, &wire.AddAsset{Code: text("USD"), Decimals: 5})
	do(operator, &wire.AddInstrument{Symbol: text("BTC/USD"), Base: 1, Quote: 2, PriceDecimals: 2, TickSize: 5, LotSize: 100_000,
		Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 2_000_000, MinQty: 1, MaxQty: 1_000_000, MakerBps: 10, TakerBps: 20}})
	do(operator, &wire.SetPhase{Instrument: 1, Phase: wire.Continuous})
	do(operator, &wire.AddFirm{Name: text("Broker")})
	for i, name := range []string{"alice", "bob", "custodian"} {
		do(operator, &wire.AddUser{Firm: 2, Name: text(name)})
		role := wire.Trader
		if name == "custodian" {
			role = wire.Custodian
		}
		do(operator, &wire.AddKey{User: wire.UserID(i + 2), Role: role, Pub: key(name, wire.KeyID(i+2)).Public()})
	}
	do(operator, &wire.AddAccount{User: 2, Name: text("A")}) // account 2
	do(operator, &wire.AddAccount{User: 3, Name: text("B")}) // account 3
	for i, d := range []wire.Transfer{
		{Account: 2, Asset: 1, Amount: wire.Amount{Lo: 1_000_000_000_000}}, {Account: 2, Asset: 2, Amount: wire.Amount{Lo: 1_000_000_000_000_000}},
		{Account: 3, Asset: 1, Amount: wire.Amount{Lo: 1_000_000_000_000}}, {Account: 3, Asset: 2, Amount: wire.Amount{Lo: 1_000_000_000_000_000}},
	} {
		d.Reference = text(fmt.Sprintf("in-%d", i))
		do(4, deposit(d))
	}
	do(operator, session("TRADE1", 2, wire.TradingSession, 2))
	do(operator, session("TRADE2", 3, wire.TradingSession, 3))
	do(operator, session("DROP1", 2, wire.DropCopySession, 0))
	do(operator, session("MD1", 2, wire.MarketDataSession, 0))
	do(operator, &wire.AddSession{Key: 2, Kind: wire.TradingSession, Account: 2, CompID: text("SIGNED1")})
}

type deposit wire.Transfer

func (d deposit) Put(c *wire.Command) { t := wire.Transfer(d); t.PutDeposit(c) }

func (v *venue) key(user string, id wire.KeyID) *auth.Key {
	k, err := auth.NewKey()
	if err != nil {
		v.t.Fatal(err)
	}
	k.ID = id
	v.keys[user], v.ids[user] = &k, id
	return &k
}

func (v *venue) addSession(compID string, key wire.KeyID, kind wire.SessionKind, account wire.AccountID) {
	v.do(operator, session(compID, key, kind, account))
}

func session(compID string, key wire.KeyID, kind wire.SessionKind, account wire.AccountID) *wire.AddSession {
	return &wire.AddSession{Key: key, Kind: kind, Account: account, CompID: wire.MustText(compID), Password: hashed(password)}
}

// hashed is the harness's own scheme 1: quick, and of use for nothing else.
func hashed(password string) wire.Password {
	p := wire.Password{Scheme: 1}
	copy(p.Salt[:], password)
	return p
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// rawClient is a socket and a client's numbers, kept by hand.
type rawClient struct {
	t      testing.TB
	v      *venue
	nc     net.Conn
	r      *message.Reader
	compID string
	target string
	next   uint64 // number of the next message
}

func (v *venue) dial(t testing.TB, compID string) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", v.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(3 * patience))
	return &rawClient{t: t, v: v, nc: nc, r: message.NewReader(nc, 1<<20), compID: compID, target: ourID, next: 1}
}

// frame makes a message of the fields "tag=value|…", of which 34, 43, 49, 52, 56, 97 and 122 go to the header.
func (c *rawClient) frame(msgType, fields string) []byte {
	head := map[string]string{
		"34": fmt.Sprint(c.next), "49": c.compID, "56": c.target, "52": string(message.AppendTime(nil, c.v.now().UnixNano())),
	}
	order := []string{"34", "43", "49", "52", "56", "97", "115", "116", "122", "128", "129", "144", "145"}
	rest := ""
	begin := "FIX.4.4"
	for _, f := range strings.Split(strings.TrimSuffix(fields, "|"), "|") {
		if f == "" {
			continue
		}
		tag, value, _ := strings.Cut(f, "=")
		switch {
		case tag == "8":
			begin = value
		case strings.Contains("|"+strings.Join(order, "|")+"|", "|"+tag+"|"):
			head[tag] = value
		default:
			rest += f + "\x01"
		}
	}
	b := "35=" + msgType + "\x01"
	for _, tag := range order {
		if value, ok := head[tag]; ok && value != "-" {
			b += tag + "=" + value + "\x01"
		}
	}
	b += rest
	b = fmt.Sprintf("8=%s\x019=%d\x01%s", begin, len(b), b)
	return fmt.Appendf(nil, "%s10=%03d\x01", b, message.CheckSum([]byte(b)))
}

// send sends a message under the next number, or, where the fields have a 34, under that.
func (c *rawClient) send(msgType, fields string) {
	c.t.Helper()
	c.write(c.frame(msgType, fields))
	if !strings.HasPrefix(fields, "34=") && !strings.Contains(fields, "|34=") {
		c.next++
	}
}

func (c *rawClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("writing: %v", err)
	}
}

// read returns the next message with SOH as '|', "" at the end of the connection.
func (c *rawClient) read() string {
	c.t.Helper()
	f, err := c.r.Next()
	if err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			c.t.Fatalf("%s: nothing came", c.compID)
		}
		return ""
	}
	return strings.ReplaceAll(string(f), "\x01", "|")
}

// want reads a message and fails the test unless it is of the type and has all the fields "tag=value|…". It returns it.
func (c *rawClient) want(msgType, fields string) string {
	c.t.Helper()
	m := c.read()
	if m == "" {
		c.t.Fatalf("%s: the connection ended instead of 35=%s %s", c.compID, msgType, fields)
	}
	for _, f := range strings.Split(strings.TrimSuffix("35="+msgType+"|"+fields, "|"), "|") {
		if f == "" {
			continue
		}
		absent := strings.HasPrefix(f, "!")
		if absent {
			f = "|" + f[1:] + "="
		} else {
			f = "|" + f + "|"
		}
		if strings.Contains(m, f) == absent {
			c.t.Fatalf("%s: want 35=%s %s (%s)\n got %s", c.compID, msgType, fields, f, m)
		}
	}
	return m
}

// ends fails the test unless the connection ends with nothing more said.
func (c *rawClient) ends() {
	c.t.Helper()
	if m := c.read(); m != "" {
		c.t.Fatalf("%s: want the connection's end, got %s", c.compID, m)
	}
}

// logon logs on and reads the answer.
func (c *rawClient) logon(fields string) string {
	c.t.Helper()
	c.send("A", "98=0|108=30|554="+password+"|"+fields)
	return c.want("A", "98=0")
}

// online returns a client that has logged on with fresh numbers.
func (v *venue) online(t testing.TB, compID string) *rawClient {
	t.Helper()
	c := v.dial(t, compID)
	c.logon("141=Y")
	return c
}

// logout says goodbye and reads to the end.
func (c *rawClient) logout() {
	c.t.Helper()
	c.send("5", "")
	for {
		m := c.read()
		if m == "" {
			c.t.Fatalf("%s: no Logout", c.compID)
		}
		if strings.Contains(m, "|35=5|") {
			break
		}
	}
	c.ends()
}

// order is a limit order's fields.
func order(id, side, price, qty string) string {
	return "11=" + id + "|55=BTC/USD|54=" + side + "|60=20240101-00:00:00|38=" + qty + "|40=2|44=" + price + "|59=1|"
}

// tag returns a field's value in a message that read returned.
func tag(m, tag string) string {
	_, rest, ok := strings.Cut(m, "|"+tag+"=")
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, "|")
	return value
}

// has reports whether a message that read returned has all the fields "tag=value|…".
func has(m, fields string) bool {
	for _, f := range strings.Split(strings.TrimSuffix(fields, "|"), "|") {
		if !strings.Contains(m, "|"+f+"|") {
			return false
		}
	}
	return true
}

// logged fails the test unless the log has a text once.
func (v *venue) logged(t *testing.T, text string) {
	t.Helper()
	if n := strings.Count(v.logs.String(), text); n != 1 {
		t.Errorf("the log has %d times %q:\n%s", n, text, v.logs)
	}
}
