package replication

import (
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// The leader's disk hangs: raft's heartbeats go on, so that nobody else would ever be elected (hashicorp/raft issue 503).
// The watchdog ends the node although its write never returns, and another leads.
func TestHungDiskOfTheLeader(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit time.Duration
	}{
		{"watched", 400 * time.Millisecond},
		{"without the remedy", time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newTrio(t, "a", "b", "c")
				k.change = func(cfg *Config) { cfg.DiskTimeout = c.limit }
				l := k.startAll()
				k.carry(l, dayOf(1, 100))
				k.everywhere(100)
				l.expected = true
				hold := make(chan struct{})
				defer close(hold)
				begin := time.Now()
				l.log.set(nil, hold)
				lost := flow(9, 20)
				for i := range lost {
					if err := l.Submit(&lost[i]); err != nil {
						t.Fatal(err)
					}
				}
				if c.limit == time.Hour {
					time.Sleep(8 * ClusterTimeouts.Heartbeat)
					for _, p := range k.others(l) {
						if p.Leading() {
							t.Fatalf("node %s leads: the trap is not there, and the test shows nothing", p.id)
						}
					}
					return
				}
				err := l.end(t, ErrDisk)
				if !contains(err, "writing the log") {
					t.Errorf("ended with %v", err)
				}
				if took := time.Since(begin); took < c.limit || took > c.limit+2*c.limit/diskLooks {
					t.Errorf("ended after %s", took)
				}
				if err := l.Submit(&lost[0]); !errors.Is(err, ErrFailed) {
					t.Errorf("the node that ended answers %v", err)
				}
				next := k.leader(l)
				t.Logf("%s from the hang to the next leader", time.Since(begin))
				k.carry(next, flow(2, 50))
				k.everywhere(150)
			})
		})
	}
}

// A write that comes back after the node has ended is not acknowledged to anybody.
func TestLateWriteIsNotAcknowledged(t *testing.T) {
	log := newMemLog()
	n := &Node{cfg: Config{Fatal: func(error) {}}, began: time.Now()}
	g := &guard{LogStore: log, dog: &watchdog{now: n.now, limit: time.Second}, node: n}
	hold := make(chan struct{})
	log.set(nil, hold)
	result := make(chan error)
	go func() { result <- g.StoreLog(&raft.Log{Index: 1, Term: 1}) }()
	n.fatal(ErrDisk)
	close(hold)
	if err := <-result; !errors.Is(err, ErrFailed) {
		t.Errorf("the late write got %v", err)
	}
}

// A node whose disk fails ends, instead of being elected again and again without being able to write (hashicorp/raft
// issue 614): the leader, and a follower that must write a term or a vote.
func TestFailingDisk(t *testing.T) {
	disk := errors.New("input/output error")
	t.Run("leader", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k := newTrio(t, "a", "b", "c")
			l := k.startAll()
			k.carry(l, dayOf(1, 100))
			k.everywhere(100)
			l.expected = true
			l.log.set(disk, nil)
			lost := flow(9, 20)
			for i := range lost {
				if err := l.Submit(&lost[i]); err != nil && !errors.Is(err, ErrFailed) && !errors.Is(err, ErrNotLeader) {
					t.Fatal(err)
				}
			}
			l.end(t, disk)
			next := k.leader(l)
			k.carry(next, flow(2, 50))
			k.everywhere(150)
			if s := l.Status(); s.Failure == nil || s.Leader {
				t.Errorf("status of the node that ended: %+v", s)
			}
			if got := l.c.seq.Load(); got != 100 {
				t.Errorf("the node that could not write answered up to command %d", got)
			}
		})
	})
	t.Run("follower", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k := newTrio(t, "a", "b", "c")
			l := k.startAll()
			k.carry(l, dayOf(1, 100))
			k.everywhere(100)
			bad := k.others(l)[0]
			bad.expected = true
			bad.log.set(disk, nil)
			k.carry(l, flow(2, 50))
			bad.end(t, disk)
			k.everywhere(150)
		})
	})
	t.Run("candidate", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k := newTrio(t, "a", "b", "c")
			var broken atomic.Pointer[string]
			k.change = func(c *Config) {
				id := c.NodeID
				c.Log = &brokenVotes{LogStore: c.Log, broken: func() error {
					if b := broken.Load(); b != nil && *b == id {
						return disk
					}
					return nil
				}}
				fatal := c.Fatal
				c.Fatal = func(err error) {
					fatal(err)
					runtime.Goexit() // raft panics when a term cannot be written: the process is gone by then
				}
			}
			l := k.startAll()
			k.carry(l, dayOf(1, 100))
			k.everywhere(100)
			bad := k.others(l)[0]
			bad.expected = true
			broken.Store(&bad.id)
			k.stop(l)
			bad.end(t, disk)
			// Two of three are away, of which one comes back: that is a majority again, and it is not the broken one that leads.
			k.start(l.id)
			next := k.leader(bad)
			k.carry(next, flow(2, 50))
			k.everywhere(150)
		})
	})
}

// brokenVotes is a log store that cannot write terms and votes.
type brokenVotes struct {
	LogStore
	broken func() error
}

func (b *brokenVotes) IsMonotonic() bool { return true }

func (b *brokenVotes) SetUint64(key []byte, v uint64) error {
	if err := b.broken(); err != nil {
		return err
	}
	return b.LogStore.SetUint64(key, v)
}

func (b *brokenVotes) Set(key, v []byte) error {
	if err := b.broken(); err != nil {
		return err
	}
	return b.LogStore.Set(key, v)
}

// A follower whose disk stalls for a while, under load, is not left behind (hashicorp/raft issue 612: there, pipelined
// replication to it wedges), and neither does the leader lose its office.
func TestStalledFollower(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		if _, err := l.transport.AppendEntriesPipeline("b", "addr-b"); !errors.Is(err, raft.ErrPipelineReplicationNotSupported) {
			t.Errorf("a pipeline: %v", err)
		}
		k.carry(l, setup())
		f := k.others(l)[0]
		hold := make(chan struct{})
		f.log.set(nil, hold)
		k.carry(l, flow(1, 2000))
		time.Sleep(4 * ClusterTimeouts.Heartbeat)
		f.log.set(nil, nil)
		close(hold)
		k.carry(l, flow(2, 2000))
		k.everywhere(uint64(4000 + len(setup())))
		if words := l.words(); len(words) != 1 {
			t.Errorf("the leader's office: %v", words)
		}
	})
}

// A follower with a tail that was never committed, behind which the leader has cut its log (hashicorp/raft issue 697: it
// loops over the leader's snapshot): it ends when the snapshot is on disk, and goes on from it.
func TestDivergentTailAndSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) { c.BatchCommands = 1 }
		old := k.startAll()
		k.carry(old, dayOf(1, 50))
		k.everywhere(50)
		k.isolate(old)
		lost := flow(9, 40) // more entries than the others will have behind their snapshot
		for i := range lost {
			if err := old.Submit(&lost[i]); err != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		await(t, "the old leader to see it", func() bool { return !old.Leading() })
		tail := old.Status().LogLast
		next := k.leader(old)
		k.carry(next, flow(2, 60))
		for _, p := range k.others(old) {
			if p.Status().Seq == next.Status().Seq {
				if err := p.Snapshot(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if s := next.Status(); tail <= 52 || s.LogFirst <= 53 {
			t.Fatalf("the tail goes to entry %d, the leader's log begins at %d: no trap", tail, s.LogFirst)
		}
		old.expected = true
		k.rejoin(old)
		old.end(t, ErrRestart)
		k.stop(old)
		// A kill at this moment leaves a snapshot that replaces the log, and nothing behind it: that is sound.
		nothing := func(uint64, func(*raft.Log) error) error { return nil }
		if found, err := Inspect(old.snapshots(), nothing, nil); err != nil || found.Seq < 100 {
			t.Errorf("an inspection finds command %d and %v", found.Seq, err)
		}
		back := k.start(old.id)
		await(t, "reads at the one that came back", back.Live)
		k.carry(next, flow(3, 40))
		k.everywhere(150)
		if image, _ := splitImage(t, back.c.all()); image < 100 {
			t.Errorf("it went on from command %d", image)
		}
	})
}

// installed runs a cluster until a follower has gone on from a leader's snapshot and acknowledged more behind it, 120
// commands in all. It returns the follower, stopped.
func installed(t *testing.T) (*trio, *place) {
	k := newTrio(t, "a", "b", "c")
	k.change = func(c *Config) { c.SnapshotBytes, c.BatchCommands = -1, 1 }
	l := k.startAll()
	all := dayOf(1, 120)
	k.carry(l, all[:30])
	k.everywhere(30)
	f := k.others(l)[0]
	f.expected = true
	k.isolate(f)
	k.carry(l, all[30:80])
	if err := l.Snapshot(); err != nil {
		t.Fatal(err)
	}
	k.rejoin(f)
	f.end(t, ErrRestart)
	k.stop(f)
	f = k.start(f.id)
	k.everywhere(80)
	k.carry(l, all[80:])
	k.everywhere(120)
	k.stop(f)
	return k, f
}

// A snapshot from a leader may be without a log, but not with another store than the one that it came with: a voter would
// have forgotten what it acknowledged, its term and its vote.
func TestLogLostBehindAnInstalledSnapshot(t *testing.T) {
	for _, c := range []struct {
		name   string
		marked bool   // whose the store is
		term   uint64 // that it remembers; more than all that there were: 9
	}{
		{"new", false, 0},
		{"new, with a term", false, 9},
		{"another of this node's", true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k, f := installed(t)
				f.log.InmemStore = raft.NewInmemStore()
				if err := f.log.SetUint64(keyCurrentTerm, c.term); err != nil {
					t.Fatal(err)
				}
				if c.marked {
					if err := f.log.Set(keyNode, []byte(f.id)); err != nil {
						t.Fatal(err)
					}
				}
				g := k.open(f.id)
				g.expected = true
				if err := g.Start(); !errors.Is(err, ErrDamaged) || !contains(err, "not the one that went with the snapshot") {
					t.Errorf("started with %v", err)
				}
				_ = g.Close()
			})
		})
	}
}

// slowWire sends snapshots for as long as it is open, as to a node on a slow link.
type slowWire struct {
	*raft.InmemTransport
	once   *sync.Once
	closed chan struct{}
	begun  *atomic.Bool
}

func (w slowWire) InstallSnapshot(raft.ServerID, raft.ServerAddress, *raft.InstallSnapshotRequest, *raft.InstallSnapshotResponse, io.Reader) error {
	w.begun.Store(true)
	select {
	case <-w.closed:
		return net.ErrClosed
	case <-time.After(20 * time.Second):
		return errors.New("the link is slow")
	}
}

func (w slowWire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.InmemTransport.Close()
}

// A node that sends a snapshot can be stopped at once.
func TestStopWhileASnapshotIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		var begun atomic.Bool
		k.change = func(c *Config) {
			c.SnapshotBytes, c.BatchCommands = -1, 1
			c.Transport = slowWire{c.Transport.(*raft.InmemTransport), new(sync.Once), make(chan struct{}), &begun}
		}
		l := k.startAll()
		all := dayOf(1, 60)
		k.carry(l, all[:20])
		f := k.others(l)[0]
		k.isolate(f)
		k.carry(l, all[20:])
		if err := l.Snapshot(); err != nil {
			t.Fatal(err)
		}
		k.rejoin(f)
		await(t, "a snapshot on its way", begun.Load)
		begin := time.Now()
		if err := l.Close(); err != nil || time.Since(begin) > l.cfg.DrainTimeout {
			t.Errorf("closed after %s: %v", time.Since(begin), err)
		}
	})
}

// lossyWire loses the answers to snapshots.
type lossyWire struct {
	*raft.InmemTransport
	lose *atomic.Int32
	sent *atomic.Int32
}

func (w lossyWire) InstallSnapshot(id raft.ServerID, to raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	err := w.InmemTransport.InstallSnapshot(id, to, args, resp, data)
	if err == nil {
		w.sent.Add(1)
	}
	if err == nil && w.lose.Add(-1) >= 0 {
		return errors.New("connection reset")
	}
	return err
}

// A leader that got no answer sends the same snapshot again, also to a node that has started from it by then. It is not
// installed twice: the node would end again, and so on.
func TestLostAnswerToASnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a")
		var lose, sent atomic.Int32
		lose.Store(2)
		k.change = func(c *Config) {
			c.Transport = lossyWire{c.Transport.(*raft.InmemTransport), &lose, &sent}
			c.BatchCommands = 1
			if c.NodeID == "b" {
				c.Peers = nil
			}
		}
		a := k.startAll()
		k.carry(a, dayOf(1, 100))
		if err := a.Snapshot(); err != nil {
			t.Fatal(err)
		}
		b := k.open("b")
		b.expected = true
		if err := errors.Join(b.Start(), a.AddLearner("b", "addr-b")); err != nil {
			t.Fatal(err)
		}
		b.end(t, ErrRestart)
		k.stop(b)
		b = k.start("b") // another end would fail the test
		await(t, "reads at the learner", b.Live)
		k.carry(a, flow(2, 20))
		k.everywhere(120)
		if got := sent.Load(); got < 2 {
			t.Errorf("%d snapshots were sent: the trap is not there", got)
		}
	})
}

// A node whose state is not the leader's finds out with the next entry, and ends: here its snapshot was changed, with a
// right checksum.
func TestDivergedStateEndsTheNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		k.carry(l, dayOf(1, 100))
		k.everywhere(100)
		bad := k.others(l)[0]
		if err := bad.Snapshot(); err != nil {
			t.Fatal(err)
		}
		k.stop(bad)
		tamper(t, bad.snapshots())
		bad = k.open(bad.id)
		bad.expected = true
		if err := bad.Start(); err != nil {
			t.Fatal(err)
		}
		k.carry(l, flow(2, 50))
		err := bad.end(t, ErrDiverged)
		for _, word := range []string{"had the state", "this node has", "let it join again as an empty node"} {
			if !contains(err, word) {
				t.Errorf("%q is not in: %v", word, err)
			}
		}
		if got := bad.Status().Seq; got != 101 { // the 100, and the one that nobody sent
			t.Errorf("the node applied up to command %d on a wrong state", got)
		}
		k.everywhere(150)
		// Offline, the same is found.
		k.stop(bad)
		if _, err := Inspect(bad.snapshots(), memReplay(bad.log), nil); !errors.Is(err, ErrDiverged) {
			t.Errorf("the inspection got %v", err)
		}
		good := k.others(l)[0]
		k.stop(good)
		if found, err := Inspect(good.snapshots(), memReplay(good.log), nil); err != nil || found.Compared == 0 {
			t.Errorf("the inspection of a good node got %v, %d compared", err, found.Compared)
		}
	})
}

// tamper puts a deposit into the newest snapshot that nobody made.
func tamper(t *testing.T, dir string) {
	t.Helper()
	store := viewSnapshots(dir)
	metas, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	meta, body, err := store.Open(metas[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Restore(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	seq := e.Seq()
	var c wire.Command
	(&wire.Transfer{Account: alice, Asset: 1, Amount: amount.FromUint64(1), Reference: wire.MustText("x")}).PutDeposit(&c)
	c.Key, c.TimeNs = custodianKey, noon
	e.Apply(&c, nil)
	if e.Seq() == seq {
		t.Fatal("the state is as it was")
	}
	sink, err := store.Create(1, meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex, nil)
	if err != nil {
		t.Fatal(err)
	}
	sink.(localSink).markLocal()
	if _, err := e.Freeze().WriteTo(sink); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}

// Entries of a log that was written before there were witnesses are taken; what cannot be read is not.
func TestOldLogWithoutWitnesses(t *testing.T) {
	log := newMemLog()
	dir := t.TempDir()
	cfg := config(t, dir, log)
	n, c := start(t, cfg)
	commands := dayOf(1, 100)
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == 100 })
	want := n.Status()
	closeAll(t, n, c, nil)
	if want.Compared == 0 {
		t.Error("nothing was compared")
	}
	last, _ := log.LastIndex()
	edit := func(put func([]byte) []byte) {
		t.Helper()
		for i := uint64(1); i <= last; i++ {
			var l raft.Log
			if err := log.GetLog(i, &l); err != nil {
				t.Fatal(err)
			}
			if l.Type == raft.LogCommand {
				l.Extensions = put(l.Extensions)
				if err := log.InmemStore.StoreLog(&l); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	edit(func([]byte) []byte { return nil })
	n, c = start(t, cfg)
	if s := n.Status(); s.FullHash != want.FullHash || s.Compared != 0 {
		t.Errorf("status %+v", s)
	}
	closeAll(t, n, c, nil)

	edit(func([]byte) []byte { return append(witness{}.encode()[:0:0], 2, 0, 0) })
	fatal := make(chan error, 1)
	cfg.Fatal = func(err error) { fatal <- err }
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c = collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-fatal; !contains(err, "version 2") {
		t.Errorf("ended with %v", err)
	}
	_ = n.Close()
	<-c.done
}

// A node that has missed a change of the members is asked for its vote by one that it does not know, and whose log alone is
// long enough: raft by itself refuses, and a majority with sound disks stays without a leader for ever.
func TestCandidateUnknownToAVoter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		lead := k.startAll()
		k.carry(lead, dayOf(1, 50))
		k.everywhere(50)
		behind, leaves := k.others(lead)[0], k.others(lead)[1]
		k.isolate(behind)
		founders := k.peers
		k.peers = nil
		fresh := k.start("d")
		k.peers = founders
		k.isolate(behind) // from the new node as well
		if err := lead.AddLearner("d", "addr-d"); err != nil {
			t.Fatal(err)
		}
		await(t, "the new node to vote", func() bool { return lead.Promote("d") == nil })
		k.carry(lead, flow(2, 10))
		k.stop(leaves)
		await(t, "the old node to be taken out", func() bool { return lead.Remove(leaves.id) == nil })
		k.carry(lead, flow(3, 10))
		await(t, "the new node to have it all", func() bool { return fresh.Status().Seq == lead.Status().Seq })
		members, err := behind.Members()
		if err != nil || slices.ContainsFunc(members, func(m Member) bool { return m.ID == "d" }) {
			t.Fatalf("the node that was away knows of the change: no trap: %v, %v", members, err)
		}
		k.unplug(lead)
		await(t, "the old leader to see it", func() bool { return !lead.Leading() })
		k.rejoin(behind)
		if next := k.leader(lead); next != fresh {
			t.Fatalf("%s leads without what was committed", next.id)
		}
		k.carry(fresh, flow(4, 10))
		k.everywhere(80)
	})
}

// A learner goes on from a snapshot and takes entries of a leader that is cut off, which are never committed. The next
// leader, which has the same snapshot, must be able to replace them.
func TestTailBehindAnInstalledSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) { c.BatchCommands = 1 }
		lead := k.startAll()
		if err := lead.AddLearner("d", "addr-d"); err != nil {
			t.Fatal(err)
		}
		k.carry(lead, dayOf(1, 80))
		k.everywhere(80)
		for _, p := range k.others() {
			if err := p.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		founders := k.peers
		k.peers = nil
		fresh := k.open("d")
		fresh.expected = true
		if err := fresh.Start(); err != nil {
			t.Fatal(err)
		}
		fresh.end(t, ErrRestart)
		k.stop(fresh)
		fresh = k.start("d")
		k.peers = founders
		await(t, "reads at the learner", fresh.Live)
		at := fresh.Status().SnapshotIndex

		for _, p := range k.others(lead, fresh) { // two of three on one side, the leader and the learner on the other
			k.isolate(p)
		}
		for i, p := range k.others(lead, fresh) {
			for _, o := range k.others(lead, fresh)[i+1:] {
				p.wire.Connect(o.wire.LocalAddr(), o.wire)
				o.wire.Connect(p.wire.LocalAddr(), p.wire)
			}
		}
		lost := flow(9, 5)
		for i := range lost {
			if lead.Submit(&lost[i]) != nil {
				break
			}
		}
		await(t, "the old leader to see it", func() bool { return !lead.Leading() })
		next := k.leader(lead)
		if s := fresh.Status(); s.LogFirst != at+1 || s.LogLast <= at || next.Status().SnapshotIndex != at {
			t.Fatalf("the learner's log is %d to %d behind its snapshot %d, the leader's snapshot is %d: no trap", s.LogFirst, s.LogLast, at, next.Status().SnapshotIndex)
		}
		k.carry(next, flow(2, 10))
		k.rejoin(fresh)
		k.rejoin(lead)
		k.everywhere(90)
	})
}

// cutting is a log that calls back in the middle of raft's reading of it.
type cutting struct {
	*memLog
	mu      sync.Mutex
	at      uint64
	reached func()        // called once behind the reading of entry at
	cut     chan struct{} // closed when the log was cut; nil: cuts are not waited for
	passed  chan struct{} // closed when entry at+2 is read: the cut returns only then
}

func (c *cutting) GetLog(i uint64, l *raft.Log) error {
	err := c.memLog.GetLog(i, l)
	c.mu.Lock()
	reached := c.reached
	if i != c.at || err != nil {
		reached = nil
	}
	if reached != nil {
		c.reached = nil
	}
	if c.cut != nil && c.passed != nil && i == c.at+2 {
		close(c.passed)
		c.passed = nil
	}
	c.mu.Unlock()
	if reached != nil {
		reached()
	}
	return err
}

func (c *cutting) DeleteRange(first, last uint64) error {
	err := c.memLog.DeleteRange(first, last)
	c.mu.Lock()
	cut, passed := c.cut, c.passed
	c.mu.Unlock()
	if cut != nil && passed != nil {
		close(cut)
		select {
		case <-passed:
		case <-time.After(5 * time.Second):
		}
	}
	return err
}

// A leader reads the entry before its newest snapshot's last one, the log is cut behind that one, and the leader reads on.
// What the log answers for that one is no entry, and must not become another node's.
func TestLogIsCutWhileALeaderReadsIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		logs := make(map[string]*cutting)
		k.change = func(c *Config) {
			logs[c.NodeID] = &cutting{memLog: c.Log.(*memLog)}
			c.Log, c.SnapshotBytes = logs[c.NodeID], -1
		}
		lead := k.startAll()
		all := dayOf(1, 61+TrailingLogs)
		for i := range 60 {
			k.carry(lead, all[i:i+1])
		}
		k.everywhere(60)
		behind := k.others(lead)[0]
		behind.expected = true
		log := logs[lead.id]
		last := lead.Status().LogLast
		await(t, "the other node's log", func() bool { return behind.Status().LogLast == last && behind.Status().Applied == last })
		k.isolate(behind)
		k.carry(lead, all[60:61])
		if err := lead.Snapshot(); err != nil {
			t.Fatal(err)
		}
		at := lead.Status().SnapshotIndex
		for i := range TrailingLogs {
			k.carry(lead, all[61+i:62+i])
		}
		taken, hit := make(chan error, 1), make(chan struct{})
		log.mu.Lock()
		log.at = at - 1
		log.reached = func() {
			defer close(hit)
			k.rejoin(behind)
			cut := make(chan struct{})
			log.mu.Lock()
			log.cut, log.passed = cut, make(chan struct{})
			log.mu.Unlock()
			go func() { taken <- lead.Snapshot() }()
			<-cut
			if first, _ := lead.log.FirstIndex(); first != at+1 {
				t.Errorf("the log begins at %d, the snapshot ends at %d: no trap", first, at)
			}
		}
		log.mu.Unlock()
		select {
		case <-hit:
		case <-time.After(30 * time.Second):
			t.Fatal("the leader did not read the log: no trap")
		}
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
		behind.end(t, ErrRestart) // with the snapshot, for want of the entries
		var l raft.Log
		if err := behind.log.GetLog(at, &l); err == nil && l.Type != raft.LogCommand {
			t.Errorf("entry %d is of type %d", at, l.Type)
		}
		k.stop(behind)
		k.start(behind.id)
		k.everywhere(uint64(len(all)))
	})
}
