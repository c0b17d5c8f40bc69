package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/internal/ring"
	"uncross/replication"
	"uncross/wal"
)

// nodeCore is the real node as the gateway sees it.
type nodeCore struct{ *replication.Node }

func (c nodeCore) Status() NodeStatus {
	s := c.Node.Status()
	return NodeStatus{NodeID: s.NodeID, Role: s.Role, Leader: s.Leader, Seq: s.Seq, BusinessHash: s.BusinessHash, FullHash: s.FullHash}
}

func (n nodeCore) Leading() bool { return n.Ready() }

// openNode starts the real thing on a directory: log, node, view, history, gateway. The returned function stops it all.
func (v *venue) openNode(dir string) (stop func()) {
	t := v.t
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	fatal := func(err error) { panic(err) }
	log, err := wal.Open(filepath.Join(dir, "wal"), wal.Options{Logger: quiet, Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	v.hist, err = history.Open(filepath.Join(dir, "history"), history.Options{ClusterID: [16]byte{1, 2, 3}, Logger: quiet, Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	v.store = auth.NewStore(auth.Limits{}, v.clock.now)
	v.view = view.New(view.Options{KeyRevoked: func(k wire.KeyID) { v.store.DropKey(k) }})
	var server *Server
	node, err := replication.Open(replication.Config{Log: log, SnapshotDir: filepath.Join(dir, "snapshots"), Logger: quiet,
		Durable: v.hist.Durable, Fatal: fatal, InputCapacity: 64, DiskTimeout: time.Hour, // this disk may be as slow as it likes
		Refused: func(o wire.Origin, err error) { server.Refused(o, err) }})
	if err != nil {
		t.Fatal(err)
	}
	server, err = New(Config{Core: nodeCore{node}, View: v.view, History: v.hist, Sessions: v.store, Clock: v.clock.now, Limits: patient(Limits{}),
		Refusal: func(err error) wire.Reason {
			switch {
			case errors.Is(err, replication.ErrBusy):
				return Busy
			case errors.Is(err, replication.ErrNotReady), errors.Is(err, replication.ErrNotLeader):
				return NotReady
			case errors.Is(err, replication.ErrClosed):
				return ShuttingDown
			case errors.Is(err, replication.ErrNotApplied):
				return NotApplied
			}
			return OutcomeUnknown
		}})
	if err != nil {
		t.Fatal(err)
	}
	v.server = server
	end := make(chan struct{})
	var running sync.WaitGroup
	for name, run := range map[string]func(*ring.Reader[wire.Event]) error{
		"view":    func(r *ring.Reader[wire.Event]) error { return v.view.Run(r, end) },
		"history": func(r *ring.Reader[wire.Event]) error { return v.hist.Run(r, end) },
		"replies": func(r *ring.Reader[wire.Event]) error { return server.RunReplies(r, end) },
	} {
		r := node.Events().Reader(name, true)
		running.Go(func() {
			defer r.Close()
			if err := run(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the node is ready", node.Ready)
	if !v.view.Status().Initialised {
		var c wire.Command
		(&wire.Genesis{Venue: wire.MustText("Test Venue"), ClusterID: [16]byte{1, 2, 3}, OperatorPub: v.raw["operator"].Public()}).Put(&c)
		if err := node.Submit(&c); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the genesis", func() bool { return v.view.Status().Initialised })
	}
	v.url = "http://" + v.serve()
	for name, k := range v.raw {
		v.keys[name] = v.client(k)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := errors.Join(server.Shutdown(ctx), node.Close())
		close(end)
		running.Wait()
		if err = errors.Join(err, v.hist.Close(), log.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
}

// TestNode trades through the real node, many operations under way over a small input ring, stops it, and goes on: the
// answers before the restart are given again, recorded logons and requests are refused, and everything is as it was.
func TestNode(t *testing.T) {
	operator, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	operator.ID, operator.Role = wire.OperatorKey, wire.Operator
	v := &venue{t: t, clock: &testClock{}, logs: &logBuffer{}, keys: map[string]*client.Client{},
		raw: map[string]*auth.Key{"operator": &operator}, check: loadContract(t)}
	dir := t.TempDir()
	stop := v.openNode(dir)
	v.setUp()

	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	var senders sync.WaitGroup
	answers := make([][]client.Result, 4)
	operations := make([][]client.Operation, 4)
	for s := range answers {
		user, account, side := "alice", "A", "buy"
		if s%2 == 1 {
			user, account, side = "bob", "B", "sell"
		}
		for i := range 100 {
			operations[s] = append(operations[s], client.Operation{Op: "new", Account: account, Symbol: "BTC/USD", Side: side, Type: "limit",
				Price: "100", Quantity: "0.01", ClientOrderID: fmt.Sprintf("%d-%d", s, i)})
		}
		senders.Go(func() {
			var err error
			if answers[s], err = v.keys[user].Settle(ctx, operations[s]); err != nil {
				t.Errorf("sender %d: %v", s, err)
			}
		})
	}
	senders.Wait()
	if t.Failed() {
		t.FailNow()
	}
	before := v.do("operator", "GET", "/v1/status", nil)
	balances := v.do("alice", "GET", "/v1/balances?account=A", nil)
	want(t, balances, map[string]string{"items.0.asset": "BTC", "items.0.total": "2"})
	v.do("operator", "POST", "/v1/admin/snapshot", nil) // the start below is from it, and shows the same trades
	trades := v.do("operator", "GET", "/v1/instruments/BTC%2FUSD/trades?limit=50", nil)
	recorded, err := auth.NewLogon(v.raw["bob"], uint64(v.clock.now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	r := recorded.Request()
	if a := v.logonRaw(&r); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Fatalf("a good logon: %q", a)
	}
	_, request := v.signedHeaders("alice", "GET", "/v1/balances?account=A", nil)
	seen := v.server.replies.node
	stop()

	stop = v.openNode(dir)
	defer func() { stop() }()
	if v.server.replies.node == seen {
		t.Error("the gateway's number is that of the run before")
	}
	after := v.do("operator", "GET", "/v1/status", nil)
	if text(before, "business_hash") != text(after, "business_hash") {
		t.Errorf("business hash %s before the restart, %s after it", text(before, "business_hash"), text(after, "business_hash"))
	}
	if got := v.do("operator", "GET", "/v1/instruments/BTC%2FUSD/trades?limit=50", nil); !reflect.DeepEqual(got["items"], trades["items"]) {
		t.Errorf("trades before the restart %v, after it %v", trades["items"], got["items"])
	} else if n := len(got["items"].([]any)); n != 50 {
		t.Errorf("%d trades after the restart, want 50", n)
	}
	if a := v.logonRaw(&r); !strings.Contains(a, `"stale_nonce"`) {
		t.Errorf("a logon recorded before the restart: %q", a)
	}
	if a := v.get("/v1/balances?account=A", request); !strings.Contains(a, `"unknown_session"`) {
		t.Errorf("a request recorded before the restart: %q", a)
	}
	for s, user := range []string{"alice", "bob", "alice", "bob"} {
		again, err := v.keys[user].Settle(ctx, operations[s])
		if err != nil {
			t.Fatal(err)
		}
		for i := range again {
			got, first := *again[i].Order, *answers[s][i].Order
			if !got.Repeat {
				t.Fatalf("operation %s is not a repeat: %+v", first.ClientOrderID, got)
			}
			got.Repeat = first.Repeat
			if g, w := string(jsonText(t, got)), string(jsonText(t, first)); g != w {
				t.Fatalf("a repeat is answered otherwise:\n%s\n%s", g, w)
			}
		}
	}
	if got := v.do("operator", "GET", "/v1/status", nil); text(got, "business_hash") != text(before, "business_hash") {
		t.Error("the repeats changed something")
	}
	want(t, v.do("alice", "GET", "/v1/balances?account=A", nil), map[string]string{"items.0.total": "2", "items.1.total": text(balances, "items", "1", "total")})
}
