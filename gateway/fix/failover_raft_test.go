package fix_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/replication"
	"uncross/replication/peer"
	"uncross/wal"
)

// raftNode is a node of replication as the gateway sees it.
type raftNode struct{ *replication.Node }

func (n raftNode) Ready() bool { return n.Live() }

// raftCluster is a cluster on the real replication: three nodes in one process, with a port each for the others.
type raftCluster struct {
	*cluster
	peers []replication.Member
	down  []func() // ends what is below a node's gateway
}

func newRaftCluster(t testing.TB, o options) *raftCluster {
	c := &raftCluster{cluster: &cluster{t: t, o: o, logs: &logBuffer{}}, down: make([]func(), 3)}
	listeners := make([]net.Listener, 3)
	for i := range listeners {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i] = ln
		c.peers = append(c.peers, replication.Member{ID: "node-" + strconv.Itoa(i), Address: ln.Addr().String(), Voter: true})
		c.nodes = append(c.nodes, &replica{c: c.cluster, id: i, dir: t.TempDir(), skew: time.Duration(i-1) * 30 * time.Millisecond})
	}
	for i, ln := range listeners {
		c.start(c.nodes[i], ln, "127.0.0.1:0")
	}
	t.Cleanup(func() {
		for _, r := range c.nodes {
			c.end(r)
		}
		c.checkLogs()
	})
	found(c.do, func(string, wire.KeyID) *auth.Key {
		k, err := auth.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		return &k
	})
	return c
}

// start opens a node on the data that are there.
func (c *raftCluster) start(r *replica, ln net.Listener, address string) {
	quiet := slog.New(slog.DiscardHandler)
	fatal := func(err error) { panic(err) }
	me := c.peers[r.id]
	port, err := peer.Listen(peer.Config{Listener: ln, NodeID: me.ID, Cluster: func() string { return "0102" }, SpoolDir: filepath.Join(r.dir, "spool"), Logger: quiet})
	r.must(err)
	log, err := wal.Open(filepath.Join(r.dir, "wal"), wal.Options{Logger: quiet, Fatal: fatal})
	r.must(err)
	r.openStores()
	opened := time.Now()
	node, err := replication.Open(replication.Config{
		NodeID: me.ID, Log: log, SnapshotDir: filepath.Join(r.dir, "snapshots"), Logger: quiet, Fatal: fatal,
		Transport: port.Transport(), Peers: c.peers, DrainTimeout: 2 * time.Second,
		Timeouts:    replication.Timeouts{Heartbeat: time.Second, Election: time.Second, LeaderLease: 900 * time.Millisecond},
		DiskTimeout: never, SnapshotTimeout: never, ReaderTimeout: never,
		Durable: func() uint64 { return min(r.hist.Durable(), r.outbox.Durable()) },
		Refused: func(o wire.Origin, err error) { r.server.Refused(o, err) },
		Office:  func(leading bool) { r.server.LeadershipChanged(leading) },
		Clock:   func() int64 { return r.now().UnixNano() },
		Elapsed: func() time.Duration { return time.Since(opened) },
	})
	r.must(err)
	r.core, r.events = raftNode{node}, node.Events()
	r.openGateway()
	r.must(node.Start())
	r.serve(address)
	c.down[r.id] = func() {
		err := errors.Join(node.Close(), port.Close())
		r.shut()
		if err := errors.Join(err, log.Close()); err != nil {
			c.t.Errorf("node %d: %v", r.id, err)
		}
	}
}

// end ends a node, its clients' connections first: without a word.
func (c *raftCluster) end(r *replica) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.server.LeadershipChanged(false) // a process that is killed says no goodbye
	_ = r.server.Shutdown(ctx)
	c.down[r.id]()
}

// restart ends a node and starts it again, at the same addresses.
func (c *raftCluster) restart(r *replica, pause time.Duration) {
	c.end(r)
	time.Sleep(pause)
	ln, err := net.Listen("tcp", c.peers[r.id].Address)
	r.must(err)
	c.start(r, ln, r.addr)
}

// leader waits for the node that leads.
func (c *raftCluster) leader() *replica {
	c.t.Helper()
	var leader *replica
	waitFor(c.t, "a node leads", func() bool {
		for _, r := range c.nodes {
			if r.core != nil && r.core.Leading() {
				leader = r
				return true
			}
		}
		return false
	})
	return leader
}

// do submits a command at the leader and waits until it is applied.
func (c *raftCluster) do(key wire.KeyID, b body) {
	c.t.Helper()
	var cmd wire.Command
	b.Put(&cmd)
	cmd.Key = key
	var n raftNode
	var before uint64
	waitFor(c.t, "a leader takes a command", func() bool {
		n = c.leader().core.(raftNode)
		before = n.Applied()
		return n.Submit(&cmd) == nil // it may lead no more
	})
	waitFor(c.t, "a command is applied", func() bool { return n.Applied() > before })
}

// TestChangesOfLeaderOnRaft is TestChangesOfLeaderUnderLoad on the real replication: the lead is handed over again and
// again, and leaders are ended in the middle of everything and come back.
func TestChangesOfLeaderOnRaft(t *testing.T) {
	c := newRaftCluster(t, options{})
	for _, r := range c.nodes {
		waitFor(t, "a node has what was there before", r.caughtUp)
	}
	answers, mu := map[string][]answer{}, &sync.Mutex{}
	c.nodes[0].answersOf(answers, mu) // node 0 is not restarted
	ctx, cancel := context.WithTimeout(t.Context(), *chaosTime+90*time.Second)
	defer cancel()
	traders := []*trader{c.trade("TRADE1", 0), c.trade("TRADE2", 1)}
	copies := c.trade("DROP1", 2)
	for _, tr := range append([]*trader{copies}, traders...) {
		if err := tr.i.WaitLogon(ctx); err != nil {
			t.Fatal(err)
		}
	}
	until := time.Now().Add(*chaosTime)
	var running sync.WaitGroup
	for _, tr := range traders {
		running.Go(func() {
			if err := tr.run(until); err != nil {
				t.Error(err)
			}
		})
	}
	transfers, ends := 0, 0
	for time.Now().Before(until) {
		time.Sleep(time.Duration(50+rand.IntN(200)) * time.Millisecond)
		r := c.leader()
		overdue := ends == 0 && time.Until(until) < *chaosTime/2 // few turns on a slow machine
		if ends < 2 && r.id != 0 && (overdue || rand.IntN(4) == 0) {
			ends++
			c.restart(r, 0)
			continue
		}
		if r.core.(raftNode).Transfer("") == nil {
			transfers++
		}
	}
	running.Wait()
	for range 2 {
		for _, tr := range append(traders, copies) {
			if err := tr.i.RoundTrip(ctx); err != nil {
				t.Fatalf("%s: %v", tr.name, err)
			}
		}
	}
	c.settled()
	mu.Lock()
	defer mu.Unlock()
	for _, tr := range append(traders, copies) {
		tr.check(c.cluster, answers)
		if err := tr.i.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d transfers of the lead, %d ends of leaders", transfers, ends)
}
