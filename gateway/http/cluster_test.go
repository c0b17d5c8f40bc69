package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// fakeCluster is two other nodes, as a test says.
type fakeCluster struct {
	mu     sync.Mutex
	leader *Peer
	err    error // of every change
	asked  []string

	removed atomic.Bool

	backup func(ctx context.Context, w io.Writer) error
}

func (c *fakeCluster) Leader() (Peer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader == nil {
		return Peer{}, false
	}
	return *c.leader, true
}

func (c *fakeCluster) setLeader(p *Peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = p
}

func (c *fakeCluster) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *fakeCluster) Removed() bool { return c.removed.Load() }

func (c *fakeCluster) Status(context.Context) ClusterStatus {
	return ClusterStatus{Incarnation: "00ff", Members: []ClusterMember{
		{Peer: Peer{"node-1", "http://127.0.0.1:1", ""}, Address: "127.0.0.1:9", Voter: true, Role: "follower", Ready: true, Heard: 0, Seq: 5, LogBytes: 7},
		{Peer: Peer{Node: "node-3"}, Address: "127.0.0.1:8", Heard: -1, Problem: "not reached"},
	}}
}

func (c *fakeCluster) note(format string, a ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, fmt.Sprintf(format, a...))
	return c.err
}

func (c *fakeCluster) Add(_ context.Context, node, address string) error {
	return c.note("add %s %s", node, address)
}
func (c *fakeCluster) Promote(_ context.Context, node string) error {
	return c.note("promote %s", node)
}
func (c *fakeCluster) Remove(_ context.Context, node string) error { return c.note("remove %s", node) }
func (c *fakeCluster) Transfer(_ context.Context, node string) error {
	return c.note("transfer %s", node)
}
func (c *fakeCluster) Backup(ctx context.Context, w io.Writer) error { return c.backup(ctx, w) }

// elsewhere is the leader as the node knows it. Its address is the venue's own, so that clients do not leave it.
func (v *venue) elsewhere() *Peer { return &Peer{Node: "node-2", HTTP: v.url, FIX: "127.0.0.1:9880"} }

// follower returns a venue that has traded and is now a node that follows node-2.
func follower(t *testing.T, l Limits) (*venue, *fakeCluster) {
	t.Helper()
	v := market(t, l)
	c := &fakeCluster{leader: v.elsewhere()}
	v.server.cluster = c
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-1"))
	v.core.contactMs.Store(37)
	v.core.follows.Store(true)
	return v, c
}

// headers sends a signed or an unsigned GET and returns the answer's headers and status.
func (v *venue) headers(user, target, extra string) (status int, h nethttp.Header, body string) {
	v.t.Helper()
	if user != "" {
		_, signed := v.signedHeaders(user, "GET", target, nil)
		extra += signed
	}
	raw := v.get(target, extra)
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	h = nethttp.Header{}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	if _, err := fmt.Sscanf(lines[0], "HTTP/1.1 %d", &status); err != nil {
		v.t.Fatalf("%q: %v", lines[0], err)
	}
	return status, h, body
}

// TestFollowerRefusesCommands: every command is refused with the leader's addresses and none enters the core; nothing is
// said of a leader where none is known, and nobody is sent from a node to itself.
func TestFollowerRefusesCommands(t *testing.T) {
	v, c := follower(t, Limits{})
	before := len(v.core.seen)
	for _, r := range []struct {
		user, method, target string
		body                 any
	}{
		{"alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-2")},
		{"alice", "PUT", "/v1/orders/by-client-id/a-1", m{"account": "A", "symbol": "BTC/USD", "price": "101", "quantity": "1", "client_order_id": "a-3"}},
		{"alice", "DELETE", "/v1/orders/by-client-id/a-1?account=A", nil},
		{"alice", "DELETE", "/v1/orders?account=A", nil},
		{"alice", "POST", "/v1/orders/batch", m{"operations": []m{set(limit("A", "buy", "100", "1", "a-4"), "op", "new")}}},
		{"custodian", "POST", "/v1/admin/deposits", m{"account": "A", "asset": "USD", "amount": "1", "reference": "x"}},
		{"operator", "POST", "/v1/admin/firms", m{"name": "Another"}},
		{"operator", "POST", "/v1/admin/instruments/BTC%2FUSD/phase", m{"phase": "halted"}},
		{"operator", "POST", "/v1/admin/mass-cancel", m{"symbol": "BTC/USD"}},
		{"operator", "POST", "/v1/admin/cluster/members", m{"node": "node-4", "address": "h:1"}},
		{"operator", "POST", "/v1/admin/cluster/members/node-4/promote", nil},
		{"operator", "DELETE", "/v1/admin/cluster/members/node-4", nil},
		{"operator", "POST", "/v1/admin/cluster/transfer", m{}},
	} {
		e := v.refused(r.user, r.method, r.target, r.body, NotLeader)
		if e.Leader == nil || *e.Leader != client.Node(*v.elsewhere()) || e.Status != 503 {
			t.Errorf("%s %s: refused with %+v", r.method, r.target, e)
		}
	}
	if len(v.core.seen) != before || len(c.asked) != 0 {
		t.Errorf("%v entered the core, %v the cluster", v.core.seen[before:], c.asked)
	}
	status, h, _ := v.headers("", "/readyz?leader=1", "")
	if status != 503 || h.Get(HeaderLeader) != v.url || h.Get("Retry-After") != "1" {
		t.Errorf("%d %v", status, h)
	}
	if status, _, body := v.headers("", "/readyz", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	c.removed.Store(true)
	for target, says := range map[string]string{"/readyz": "removed from the cluster", "/v1/status": `"ready":false`} {
		if _, _, body := v.headers("", target, ""); !strings.Contains(body, says) {
			t.Errorf("%s of a node that was removed: %s", target, body)
		} else if strings.Contains(body, "starting") {
			t.Errorf("%s of a node that was removed says that something starts: %s", target, body)
		}
	}
	c.removed.Store(false)

	c.setLeader(nil)
	if e := v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-2"), NotLeader); e.Leader != nil || e.Detail == "" {
		t.Errorf("no leader is known, and yet: %+v", e)
	}
	c.setLeader(&Peer{Node: "node-1", HTTP: v.url})
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-2"), NotReady)
	v.core.notReady.Store(true)
	c.setLeader(v.elsewhere())
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-2"), NotReady)
}

// TestFollowerServesReads: reads and logons are served, and every answer says whose it is, how far, and how old at most.
func TestFollowerServesReads(t *testing.T) {
	v, _ := follower(t, Limits{})
	before := len(v.core.seen)
	applied := id(v.core.Status().Seq)
	for _, r := range [][2]string{{"", "/v1/instruments/BTC%2FUSD/book"}, {"", "/v1/instruments/BTC%2FUSD/trades"}, {"", "/v1/assets"},
		{"", "/v1/instruments/BTC%2FUSD/candles?interval=1m"}, {"alice", "/v1/orders?account=A"}, {"alice", "/v1/ledger?account=A"},
		{"alice", "/v1/statement?account=A&format=csv"}, {"operator", "/v1/admin/users"}} {
		status, h, body := v.headers(r[0], r[1], "")
		if status != 200 || h.Get(HeaderApplied) != applied || h.Get(HeaderNode) != "node-1" || h.Get(HeaderRole) != "follower" || h.Get(HeaderLeaderAge) != "37" {
			t.Errorf("%s: %d %v %s", r[1], status, h, body)
		}
	}
	for user := range v.raw {
		if err := v.keys[user].Logon(context.Background()); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	if len(v.core.seen) != before {
		t.Errorf("%v entered the core", v.core.seen[before:])
	}
	v.do("operator", "POST", "/v1/admin/snapshot", nil) // a node's own
	var ready, st m
	public := v.client(nil)
	if err := errors.Join(public.Public(context.Background(), "GET", "/readyz", &ready), public.Public(context.Background(), "GET", "/v1/status", &st)); err != nil {
		t.Fatal(err)
	}
	want(t, st, map[string]string{"ready": "true", "leader": "false", "role": "follower", "node": "node-1", "leader_age_ms": "37",
		"leader_at.node": "node-2", "leader_at.http": v.url, "leader_at.fix": "127.0.0.1:9880"})
	v.core.contactMs.Store(-1)
	if _, h, _ := v.headers("", "/v1/time", ""); h.Get(HeaderLeaderAge) != "" || h.Get(HeaderRole) != "follower" || h.Get(HeaderApplied) != "" {
		t.Errorf("a node that has heard of no leader: %v", h)
	}
	v.core.follows.Store(false)
	if status, h, _ := v.headers("", "/readyz?leader=1", ""); status != 200 || h.Get(HeaderRole) != "" || h.Get(HeaderNode) != "node-1" {
		t.Errorf("a leader: %d %v", status, h)
	}
	a := v.do("alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-9"))
	if _, h, _ := v.headers("", "/v1/assets", ""); h.Get(HeaderApplied) != text(a, "command") {
		t.Errorf("applied %v after command %v", h.Get(HeaderApplied), text(a, "command"))
	}
}

// TestFollowerRefusesRecordedLogons: what was recorded is refused on the node that took it, as follower and as leader, and
// what may have been used before the node started.
func TestFollowerRefusesRecordedLogons(t *testing.T) {
	v, _ := follower(t, Limits{})
	logon := func(nonce time.Time) (send func() string) {
		k := v.raw["bob"]
		p, err := auth.NewLogon(k, uint64(nonce.UnixNano()))
		if err != nil {
			t.Fatal(err)
		}
		body := jsonText(t, p.Request())
		return func() string {
			return v.rawExchange(fmt.Sprintf("POST /v1/logon HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		}
	}
	send := logon(v.clock.now())
	if a := send(); !strings.Contains(a, " 200 ") {
		t.Fatalf("%s", a)
	}
	for range 2 {
		if a := send(); !strings.Contains(a, "stale_nonce") {
			t.Errorf("%s", a)
		}
		v.core.follows.Store(false) // and as a leader, whose log does not have it
	}
	v.core.follows.Store(true)
	v.server.nonces.begin = uint64(v.clock.now().UnixNano())
	if a := logon(v.clock.now().Add(-time.Second))(); !strings.Contains(a, "stale_nonce") {
		t.Errorf("from before the start: %s", a)
	}
	v.server.nonces.purge(uint64(v.clock.now().Add(time.Minute).UnixNano()))
	if n := len(v.server.nonces.last); n != 0 {
		t.Errorf("%d nonces are kept for ever", n)
	}
	// A node that ceases to lead between the check and the command takes the logon as a follower.
	v.core.follows.Store(false)
	v.core.deposed.Store(true)
	if a := logon(v.clock.now())(); !strings.Contains(a, " 200 ") {
		t.Errorf("%s", a)
	}
}

// TestMinApplied: a request waits for the command that it names, and is refused when that does not come in time.
func TestMinApplied(t *testing.T) {
	v, _ := follower(t, Limits{})
	seq := v.core.Status().Seq
	least := func(n any) string { return fmt.Sprintf("%s: %v\r\n", HeaderMinApplied, n) }
	for _, target := range []string{"/v1/assets", "/v1/instruments/BTC%2FUSD/candles?interval=1m"} {
		if status, h, body := v.headers("", target, least(seq)); status != 200 || h.Get(HeaderApplied) != id(seq) {
			t.Errorf("%d %v %s", status, h, body)
		}
		begin := time.Now()
		v.server.limits.ReadWait = 300 * time.Millisecond // for what does not come
		if status, _, body := v.headers("", target, least(seq+1)); status != 503 || !strings.Contains(body, `"behind"`) || time.Since(begin) < 300*time.Millisecond {
			t.Errorf("%d %s after %v", status, body, time.Since(begin))
		}
		v.server.limits.ReadWait = patience
	}
	for _, bad := range []any{"x", -1, "01", "1.0", "18446744073709551616"} {
		if status, _, body := v.headers("", "/v1/assets", least(bad)); status != 400 || !strings.Contains(body, HeaderMinApplied) {
			t.Errorf("%v: %d %s", bad, status, body)
		}
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		var c wire.Command
		(&wire.AddFirm{Name: wire.MustText("Late")}).Put(&c)
		c.Key = wire.OperatorKey
		if err := v.core.Submit(&c); err != nil {
			t.Error(err)
		}
	}()
	if status, _, body := v.headers("operator", "/v1/admin/firms", least(seq+1)); status != 200 || !strings.Contains(body, "Late") {
		t.Errorf("%d %s", status, body)
	}
	// A cursor that a node which is further has given out is no wrong cursor.
	v.core.follows.Store(true)
	v.server.limits.ReadWait = 300 * time.Millisecond
	if status, _, body := v.headers("", "/v1/instruments/BTC%2FUSD/trades?cursor=999.0", ""); status != 503 || !strings.Contains(body, `"behind"`) {
		t.Errorf("%d %s", status, body)
	}
}

// TestLeadershipLost: a request that waits for its answer is told at once that the outcome is unknown, or that it was not
// applied and where to go; its repeat is answered once, as what was applied.
func TestLeadershipLost(t *testing.T) {
	v := market(t, Limits{})
	c := &fakeCluster{leader: v.elsewhere()}
	v.server.cluster = c
	order := limit("A", "buy", "100", "1", "a-1")
	order["sent_at_ns"] = fmt.Sprint(v.clock.now().UnixNano())
	waits := func() chan error {
		n := len(v.core.seen)
		ended := make(chan error, 1)
		go func() { ended <- v.keys["alice"].Do(context.Background(), "POST", "/v1/orders", order, nil) }()
		waitFor(t, "the command", func() bool {
			v.core.mu.Lock()
			defer v.core.mu.Unlock()
			return len(v.core.seen) > n
		})
		return ended
	}
	v.do("alice", "GET", "/v1/session", nil)
	v.core.silent.Store(true)
	ended := waits()
	v.core.follows.Store(true)
	v.server.Refused(v.core.origin, errors.New("leadership was lost"))
	var refused *client.Error
	if err := <-ended; !errors.As(err, &refused) || refused.Reason != "outcome_unknown" || refused.Status != 504 {
		t.Fatalf("%v", err)
	}
	if e := v.refused("alice", "POST", "/v1/orders", order, NotLeader); e.Leader == nil {
		t.Errorf("%+v", e)
	}
	v.core.release() // it was in the log, and the new leader has it applied
	v.core.follows.Store(false)
	want(t, v.do("alice", "POST", "/v1/orders", order), map[string]string{"repeat": "true", "client_order_id": "a-1", "status": "new"})
	if n := len(v.do("alice", "GET", "/v1/orders?account=A", nil)["items"].([]any)); n != 1 {
		t.Errorf("%d orders", n)
	}

	v.core.silent.Store(true)
	order["client_order_id"] = "a-2"
	ended = waits()
	v.server.Refused(v.core.origin, errTestDeposed)
	if err := <-ended; !errors.As(err, &refused) || refused.Reason != "not_leader" || refused.Leader == nil {
		t.Errorf("%v", err)
	}
	v.core.release()
	// The same where the core refuses it at once.
	v.core.deposed.Store(true)
	order["client_order_id"] = "a-3"
	if e := v.refused("alice", "POST", "/v1/orders", order, NotLeader); e.Leader == nil {
		t.Errorf("%+v", e)
	}
	a := v.do("alice", "POST", "/v1/orders/batch", m{"operations": []m{set(order, "op", "new"), set(set(order, "op", "new"), "client_order_id", "a-4")}})
	want(t, a, map[string]string{"results.0.error.reason": "not_leader", "results.0.error.leader.http": v.url,
		"results.1.error.reason": "not_leader", "results.1.error.leader.node": "node-2"})
}

// TestClusterRoutes does what an operator may do with members, and is told why not.
func TestClusterRoutes(t *testing.T) {
	v := market(t, Limits{})
	const op, members = "operator", "/v1/admin/cluster/members"
	v.refused(op, "GET", "/v1/admin/cluster", nil, NotOffered)
	v.refused(op, "GET", "/v1/admin/backup", nil, NotOffered)
	v.refused(op, "DELETE", members+"/x", nil, NotOffered)
	c := &fakeCluster{leader: v.elsewhere()}
	v.server.cluster = c
	want(t, v.do(op, "GET", "/v1/admin/cluster", nil), map[string]string{"node": "node-1", "leading": "true", "leader.node": "node-2", "incarnation": "00ff",
		"cluster_id": "01020300000000000000000000000000", "members.0.node": "node-1", "members.0.heard_ms": "0", "members.0.voter": "true", "members.0.command": "5",
		"members.1.node": "node-3", "members.1.heard_ms": "<absent>", "members.1.problem": "not reached", "members.1.voter": "false"})
	want(t, v.do(op, "POST", members, m{"node": "node-4", "address": "10.0.0.4:7"}), map[string]string{"change": "added", "node": "node-4"})
	want(t, v.do(op, "POST", members+"/node-4/promote", nil), map[string]string{"change": "promoted", "node": "node-4"})
	want(t, v.do(op, "POST", "/v1/admin/cluster/transfer", m{"node": "node-4"}), map[string]string{"change": "transferred", "node": "node-4"})
	want(t, v.do(op, "POST", "/v1/admin/cluster/transfer", m{}), map[string]string{"change": "transferred", "node": "<absent>"})
	want(t, v.do(op, "DELETE", members+"/node-4", nil), map[string]string{"change": "removed", "node": "node-4"})
	if got := strings.Join(c.asked, ", "); got != "add node-4 10.0.0.4:7, promote node-4, transfer node-4, transfer , remove node-4" {
		t.Errorf("asked for %s", got)
	}
	v.refused(op, "POST", members, m{"address": "10.0.0.4:7"}, MissingField)
	v.refused(op, "POST", members, m{"node": "node-4"}, MissingField)
	v.refused(op, "POST", members, m{"node": strings.Repeat("n", 37), "address": "h:1"}, InvalidValue)
	for _, user := range []string{"alice", "custodian"} {
		v.refused(user, "GET", "/v1/admin/cluster", nil, wire.RoleNotAllowed)
		v.refused(user, "GET", "/v1/admin/backup", nil, wire.RoleNotAllowed)
		v.refused(user, "DELETE", members+"/x", nil, wire.RoleNotAllowed)
	}
	for _, f := range []struct {
		err    error
		reason wire.Reason
		detail string
	}{
		{errors.New("the last voter cannot be removed"), ChangeRefused, "the last voter"},
		{fmt.Errorf("waiting: %w", context.DeadlineExceeded), OutcomeUnknown, "waiting"},
		{fmt.Errorf("x: %w", errTestDeposed), NotLeader, ""},
		{errTestBusy, Busy, ""},
	} {
		c.fail(f.err)
		if e := v.refused(op, "DELETE", members+"/node-2", nil, f.reason); !strings.Contains(e.Detail, f.detail) {
			t.Errorf("%v: %v", f.err, e)
		}
	}
	c.backup = func(_ context.Context, w io.Writer) error { _, err := w.Write([]byte("tar")); return err }
	var got []byte
	if err := v.keys[op].Do(context.Background(), "GET", "/v1/admin/backup", nil, &got); err != nil || string(got) != "tar" {
		t.Errorf("%q %v", got, err)
	}
	if s := v.logs.String(); strings.Contains(s, "level=ERROR") {
		t.Errorf("a client made the server log an error: %s", s)
	}
}

// TestBackup: a backup is streamed, one at a time; what fails before it begins is refused, what fails later is cut off, and
// one that nobody reads any more ends.
func TestBackup(t *testing.T) {
	v := market(t, Limits{})
	c := &fakeCluster{}
	v.server.cluster = c
	operator := v.keys["operator"]
	whole := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c.backup = func(_ context.Context, w io.Writer) error { _, err := w.Write(whole); return err }
	var got bytes.Buffer
	if n, err := operator.Download(context.Background(), "/v1/admin/backup", &got); err != nil || n != int64(len(whole)) || !bytes.Equal(got.Bytes(), whole) {
		t.Fatalf("%d of %d bytes, %v", n, len(whole), err)
	}

	c.backup = func(context.Context, io.Writer) error { return errors.New("no snapshot") }
	var refused *client.Error
	if _, err := operator.Download(context.Background(), "/v1/admin/backup", io.Discard); !errors.As(err, &refused) || refused.Reason != "busy" {
		t.Errorf("%v", err)
	}
	c.backup = func(_ context.Context, w io.Writer) error { _, _ = w.Write(whole); return errors.New("the disk") }
	if n, err := operator.Download(context.Background(), "/v1/admin/backup", io.Discard); err == nil || errors.As(err, &refused) && refused.Status != 0 && n == 0 {
		t.Errorf("a backup that failed came whole: %d bytes, %v", n, err)
	}
	c.backup = func(ctx context.Context, w io.Writer) error {
		_, _ = w.Write(whole[:10])
		<-ctx.Done()
		return ctx.Err()
	}
	v.server.limits.BackupWait = 300 * time.Millisecond
	if _, err := operator.Download(context.Background(), "/v1/admin/backup", io.Discard); err == nil {
		t.Error("a backup that hangs came whole")
	}
	v.server.limits.BackupWait = patience
	c.backup = func(context.Context, io.Writer) error { panic("a fault") }
	if _, err := operator.Download(context.Background(), "/v1/admin/backup", io.Discard); !errors.As(err, &refused) || refused.Reason != "busy" {
		t.Errorf("%v", err)
	}

	// One that is under way keeps others out, and ends with its reader.
	var ended atomic.Bool
	begun := make(chan struct{})
	c.backup = func(ctx context.Context, w io.Writer) error {
		defer ended.Store(true)
		_, _ = w.Write(whole[:10])
		close(begun)
		for {
			if _, err := w.Write(whole); err != nil {
				return err
			}
		}
	}
	_, signed := v.signedHeaders("operator", "GET", "/v1/admin/backup", nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /v1/admin/backup HTTP/1.1\r\nHost: x\r\n"+signed+"\r\n"); err != nil {
		t.Fatal(err)
	}
	<-begun
	v.refused("operator", "GET", "/v1/admin/backup", nil, Busy)
	conn.Close()
	waitFor(t, "the end of a backup that nobody reads", ended.Load)
	waitFor(t, "its place", func() bool { return len(v.server.backups) == 0 })
}
