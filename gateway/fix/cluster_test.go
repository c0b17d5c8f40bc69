package fix_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/fix"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/gateway/view"
	"uncross/internal/ring"
	"uncross/replication"
)

// cluster is a venue of several nodes in one process, fed from one log. The log stands for raft: it takes batches from the
// node that leads, keeps them in one order, and every node applies them at its own pace. What can go wrong for a command
// on its way into the log goes wrong here as often as a test wants; see replica.propose.
type cluster struct {
	t     testing.TB
	o     options
	logs  *logBuffer
	nodes []*replica
	deaf  bool         // a planted fault: eras are ignored
	ahead atomic.Int64 // of all clocks before the machine's, ns
	stop  chan struct{}
	ended sync.WaitGroup // of what stands for raft

	mu      sync.Mutex
	entries [][]byte
	grown   chan struct{} // closed and made anew with every entry
	term    uint64
	batches uint64 // of the term
	leader  int    // -1: none
	moves   int
}

// replica is one node: everything behind the gateway, and the gateway.
type replica struct {
	c    *cluster
	id   int
	skew time.Duration // of its clock
	dir  string
	addr string
	stop chan struct{} // ends the readers of events
	work sync.WaitGroup

	core   fix.Core
	events *ring.Broadcast[wire.Event]
	view   *view.View
	hist   *history.Store
	outbox *outbox.Store
	server *fix.Server

	// What stands for raft, unless core is something else.
	era     atomic.Uint64
	leads   atomic.Bool
	seq     atomic.Uint64 // of the last command applied
	index   atomic.Int64  // entries applied
	contact atomic.Int64  // ns since a leader was heard of
	held    atomic.Bool   // nothing is proposed
	slow    atomic.Bool   // entries are applied late
	faults  atomic.Int64  // of so many batches in a thousand something becomes that is not what should
	missing atomic.Int64  // so many batches more are lost
	most    atomic.Int64  // commands in a batch
	office  chan bool

	mu    sync.Mutex
	queue []queued
	wake  chan struct{}
}

// queued is a command that waits for the sequencer.
type queued struct {
	era uint64
	cmd wire.Command
}

func newCluster(t testing.TB, o options) *cluster {
	t.Helper()
	c := &cluster{t: t, o: o, logs: &logBuffer{}, stop: make(chan struct{}), grown: make(chan struct{}), leader: -1}
	found(c.do, func(string, wire.KeyID) *auth.Key {
		k, err := auth.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		return &k
	})
	for id := range 3 {
		c.nodes = append(c.nodes, c.open(id))
	}
	t.Cleanup(c.close)
	return c
}

// do puts a command into the log, as a batch of its own in a term before the first leader's.
func (c *cluster) do(key wire.KeyID, b body) {
	var cmd wire.Command
	b.Put(&cmd)
	cmd.Key = key
	c.mu.Lock()
	defer c.mu.Unlock()
	c.append([]queued{{cmd: cmd}}, time.Now().UnixNano())
}

// append adds a batch to the log; c.mu is held.
func (c *cluster) append(qs []queued, ns int64) {
	c.batches++
	b := wire.Batch{Term: c.term, Sequence: c.batches, Count: uint32(len(qs))}.AppendHeader(nil)
	for i := range qs {
		qs[i].cmd.TimeNs = ns
		b = wire.AppendCommand(b, &qs[i].cmd)
	}
	c.entries = append(c.entries, b)
	close(c.grown)
	c.grown = make(chan struct{})
}

// open makes a node, which follows.
func (c *cluster) open(id int) *replica {
	r := &replica{c: c, id: id, dir: c.t.TempDir(), skew: time.Duration(id-1) * 30 * time.Millisecond,
		office: make(chan bool, 1024), wake: make(chan struct{}, 1), events: ring.NewBroadcast[wire.Event](1 << 14)}
	r.core = r
	r.most.Store(8)
	r.openStores()
	r.openGateway()
	for _, run := range []func(){r.apply, r.sequence, r.tellOffice} {
		c.ended.Go(run)
	}
	r.serve("127.0.0.1:0")
	waitFor(c.t, "a node has what was there before", r.caughtUp)
	return r
}

func (r *replica) must(err error) {
	r.c.t.Helper()
	if err != nil {
		r.c.t.Fatalf("node %d: %v", r.id, err)
	}
}

func (r *replica) openStores() {
	quiet, clusterID := slog.New(slog.DiscardHandler), [16]byte{1, 2, 3}
	fatal := func(err error) { panic(err) }
	var err error
	r.hist, err = history.Open(filepath.Join(r.dir, "history"), history.Options{ClusterID: clusterID, Logger: quiet, Fatal: fatal})
	r.must(err)
	r.outbox, err = outbox.Open(filepath.Join(r.dir, "outbox"), outbox.Options{ClusterID: clusterID, Logger: quiet, Fatal: fatal})
	r.must(err)
}

// openGateway makes the gateway and the readers of the events.
func (r *replica) openGateway() {
	c := r.c
	r.stop = make(chan struct{})
	var server atomic.Pointer[fix.Server]
	r.view = view.New(view.Options{
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
	leader := r.whoLeads
	if c.o.silent {
		leader = nil
	}
	var err error
	r.server, err = fix.New(fix.Config{
		Core: r.core, View: r.view, History: r.hist, Outbox: r.outbox, Limits: unhurried(c.o.limits), ResetAt: c.o.resetAt,
		Events: func(name string) *ring.Reader[wire.Event] { return r.events.Reader(name, false) },
		VerifyPassword: func(p wire.Password, password string) bool {
			return p.Scheme == 1 && string(p.Salt[:len(password)]) == password
		},
		Busy:   func(err error) bool { return errors.Is(err, replication.ErrBusy) },
		Leader: leader,
		Logger: slog.New(slog.NewTextHandler(c.logs, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", r.id),
		Clock:  r.now,
	})
	r.must(err)
	server.Store(r.server)
	for name, run := range map[string]func(*ring.Reader[wire.Event]) error{
		"view":    func(e *ring.Reader[wire.Event]) error { return r.view.Run(e, r.stop) },
		"history": func(e *ring.Reader[wire.Event]) error { return r.hist.Run(e, r.stop) },
		"outbox":  func(e *ring.Reader[wire.Event]) error { return r.outbox.Run(e, r.stop) },
	} {
		reader := r.events.Reader(name, true)
		r.work.Go(func() {
			defer reader.Close()
			if err := run(reader); err != nil {
				c.t.Errorf("node %d: %s: %v", r.id, name, err)
			}
		})
	}
	s := r.server
	r.work.Go(func() { s.Run(r.stop) })
}

// serve listens for clients.
func (r *replica) serve(address string) {
	ln, err := net.Listen("tcp", address)
	r.must(err)
	r.addr = ln.Addr().String()
	s := r.server
	r.work.Go(func() {
		if err := s.Serve(ln); err != nil {
			r.c.t.Errorf("node %d: serve: %v", r.id, err)
		}
	})
}

// shut ends what openStores, openGateway and serve have begun. Nothing is published any more.
func (r *replica) shut() {
	close(r.stop)
	r.events.Close()
	r.work.Wait()
	if err := errors.Join(r.hist.Close(), r.outbox.Close()); err != nil {
		r.c.t.Error(err)
	}
}

func (c *cluster) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, r := range c.nodes {
		if err := r.server.Shutdown(ctx); err != nil {
			c.t.Error(err)
		}
	}
	close(c.stop)
	for _, r := range c.nodes {
		r.events.Close() // lets the engine threads go
	}
	c.ended.Wait()
	for _, r := range c.nodes {
		r.shut()
	}
	c.checkLogs()
}

// checkLogs fails the test where a client has caused a warning or an error.
func (c *cluster) checkLogs() {
	s := c.logs.String()
	if strings.Contains(s, "level=WARN") || strings.Contains(s, "level=ERROR") || strings.Contains(s, password) {
		c.t.Errorf("the log has a warning, an error or a secret:\n%s", s)
	}
}

func (c *cluster) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (r *replica) now() time.Time { return r.c.now().Add(r.skew) }

// The node as the gateway sees it.

func (r *replica) Era() uint64            { return r.era.Load() }
func (r *replica) Ready() bool            { return true }
func (r *replica) Leading() bool          { return r.leads.Load() }
func (r *replica) Applied() uint64        { return r.seq.Load() }
func (r *replica) Contact() time.Duration { return time.Duration(r.contact.Load()) }

func (r *replica) name() string { return fmt.Sprint("node-", r.id+1) }

// whoLeads is what the node tells clients that come to it and should not.
func (r *replica) whoLeads() (node, address string) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader < 0 || c.leader == r.id {
		return "", ""
	}
	leader := c.nodes[c.leader]
	return leader.name(), leader.addr
}

func (r *replica) SubmitIn(era uint64, cmd *wire.Command) error {
	if !r.leads.Load() {
		return replication.ErrNotLeader
	}
	r.mu.Lock()
	r.queue = append(r.queue, queued{era, *cmd})
	r.mu.Unlock()
	notify(r.wake)
	return nil
}

// queued returns how many commands wait.
func (r *replica) queued() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue)
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sequence proposes what is in the queue.
func (r *replica) sequence() {
	for {
		select {
		case <-r.wake:
		case <-time.After(time.Millisecond):
		case <-r.c.stop:
			return
		}
		for !r.held.Load() && r.propose() {
		}
	}
}

// propose makes a batch of the front of the queue, and reports whether there was one. As the real sequencer, it ends the era
// before it lets anything overtake a command that is left out.
//
// A batch can be lost with the lead kept (an entry that never was proposed, while a transfer of leadership fails, say), or
// with the lead lost; and it can be in the log although its node is told that nobody knows.
func (r *replica) propose() bool {
	r.mu.Lock()
	n := min(len(r.queue), 1+rand.IntN(int(r.most.Load())))
	qs := r.queue[:n]
	r.queue = r.queue[n:]
	r.mu.Unlock()
	if n == 0 {
		return false
	}
	c := r.c
	era := r.era.Load()
	kept := make([]queued, 0, n)
	for _, q := range qs {
		if q.era == era || c.deaf {
			kept = append(kept, q)
		} else {
			r.server.Refused(q.cmd.Origin, replication.ErrNotApplied)
		}
	}
	if len(kept) == 0 {
		return true
	}
	fault := -1
	switch {
	case r.missing.Load() > 0:
		r.missing.Add(-1)
		fault = 0
	case rand.Int64N(1000) < r.faults.Load():
		fault = rand.IntN(3)
	}
	c.mu.Lock()
	leads := c.leader == r.id && r.leads.Load()
	if leads && fault != 0 && fault != 1 {
		c.append(kept, r.now().UnixNano())
	}
	c.mu.Unlock()
	switch {
	case !leads || fault == 0:
		r.era.Add(1)
		r.refuse(kept, replication.ErrNotApplied)
	case fault > 0:
		c.move(rand.IntN(len(c.nodes)))
		r.refuse(kept, replication.ErrUnknownOutcome)
	}
	return true
}

// refuse tells what became of commands, now or a little later.
func (r *replica) refuse(qs []queued, err error) {
	tell := func() {
		for _, q := range qs {
			r.server.Refused(q.cmd.Origin, err)
		}
	}
	if rand.IntN(2) == 0 {
		tell()
		return
	}
	r.c.ended.Go(func() {
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		tell()
	})
}

// apply is the engine thread.
func (r *replica) apply() {
	c, e := r.c, engine.New()
	var out []wire.Event
	for i := 0; ; i++ {
		c.mu.Lock()
		for len(c.entries) <= i {
			grown := c.grown
			c.mu.Unlock()
			select {
			case <-grown:
			case <-c.stop:
				return
			}
			c.mu.Lock()
		}
		payload, leads := c.entries[i], c.leader == r.id
		c.mu.Unlock()
		if !leads && r.slow.Load() && rand.IntN(4) == 0 {
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
		}
		var err error
		if out, err = e.ApplyBatch(payload, out[:0]); err != nil {
			panic(err)
		}
		r.seq.Store(e.Seq())
		r.index.Store(int64(i + 1))
		r.events.Publish(out)
	}
}

// caughtUp reports whether the node's stores have the whole log.
func (r *replica) caughtUp() bool {
	seq := r.core.Applied()
	if r.core == r {
		r.c.mu.Lock()
		n := len(r.c.entries)
		r.c.mu.Unlock()
		if r.index.Load() < int64(n) {
			return false
		}
		seq = r.seq.Load()
	} else {
		for _, o := range r.c.nodes {
			seq = max(seq, o.core.Applied())
		}
	}
	return r.outbox.Position() >= seq && r.view.Applied() >= seq
}

// move makes another node the leader, or the same one anew. It opens when it has applied the whole log.
func (c *cluster) move(to int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader >= 0 {
		old := c.nodes[c.leader]
		if old.leads.Swap(false) {
			old.office <- false
		}
	}
	c.term++
	c.moves++
	c.batches, c.leader = 0, to
	term, all, r := c.term, int64(len(c.entries)), c.nodes[to]
	c.ended.Go(func() {
		for r.index.Load() < all {
			select {
			case <-time.After(time.Millisecond / 4):
			case <-c.stop:
				return
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.term != term {
			return
		}
		r.era.Add(1)
		r.leads.Store(true)
		r.office <- true
	})
}

// lead makes a node the leader and waits until it is open.
func (c *cluster) lead(id int) {
	c.t.Helper()
	c.move(id)
	waitFor(c.t, "the leader opens", c.nodes[id].leads.Load)
}

// tellOffice tells the gateway who leads, in order and a little late.
func (r *replica) tellOffice() {
	for {
		select {
		case leads := <-r.office:
			if r.faults.Load() > 0 {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			}
			r.server.LeadershipChanged(leads)
		case <-r.c.stop:
			return
		}
	}
}

// dial connects to a node.
func (c *cluster) dial(node int, compID string) *rawClient {
	c.t.Helper()
	v := &venue{t: c.t, addr: c.nodes[node].addr}
	v.offset.Store(c.ahead.Load())
	return v.dial(c.t, compID)
}

// addresses of all nodes, beginning with one of them.
func (c *cluster) addresses(first int) (all []string) {
	for i := range c.nodes {
		all = append(all, c.nodes[(first+i)%len(c.nodes)].addr)
	}
	return all
}

// session returns a session as a node has it.
func (r *replica) session(compID string) *outbox.Session {
	def, ok := r.view.SessionByCompID(compID)
	if !ok {
		r.c.t.Fatalf("no session %s", compID)
	}
	x, ok := r.outbox.Session(def.ID)
	if !ok {
		r.c.t.Fatalf("the outbox does not know %s", compID)
	}
	return x
}

// settled waits until all nodes have the whole log, and finds all outboxes to be the same, byte for byte, as far as each of
// them has got: heartbeats may go on meanwhile.
func (c *cluster) settled() {
	c.t.Helper()
	for _, r := range c.nodes {
		waitFor(c.t, fmt.Sprintf("node %d has everything", r.id), r.caughtUp)
	}
	for _, name := range []string{"TRADE1", "TRADE2", "DROP1", "SIGNED1"} {
		end := c.nodes[0].session(name).Numbers().NextOut
		for _, r := range c.nodes {
			end = min(end, r.session(name).Numbers().NextOut)
		}
		want := c.nodes[0].messages(name, end)
		for _, r := range c.nodes[1:] {
			got := r.messages(name, end)
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					c.t.Fatalf("%s: the outboxes of nodes 0 and %d differ in line %d:\n%s\n%s", name, r.id, i, want[i], append(got, "")[min(i, len(got))])
				}
			}
		}
	}
}

// messages returns what a session's outbox has up to a number, a line each.
func (r *replica) messages(compID string, end uint64) []string {
	x := r.session(compID)
	n := x.Numbers()
	lines := []string{fmt.Sprint(n.Epoch, n.SinceNs, n.Lost)}
	for from := uint64(1); from < end; {
		entries, err := x.Read(n.Epoch, from, nil)
		if err != nil || len(entries) == 0 {
			r.c.t.Fatalf("%s: reading from %d: %d entries, %v", compID, from, len(entries), err)
		}
		for i := range entries {
			if e := &entries[i]; e.Number < end {
				lines = append(lines, fmt.Sprintf("%d %d %v %x %d %q", e.Number, e.Count, e.Local, e.Token, e.TimeNs, e.Body))
			}
		}
		from = entries[len(entries)-1].End()
	}
	return lines
}
