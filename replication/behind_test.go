package replication

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// forgetfulWire loses one node's answers to entries.
type forgetfulWire struct {
	*raft.InmemTransport
	loses     *atomic.Pointer[raft.ServerID]
	snapshots *atomic.Int64 // that were sent
}

func (w forgetfulWire) AppendEntries(id raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	err := w.InmemTransport.AppendEntries(id, to, args, resp)
	if l := w.loses.Load(); l != nil && *l == id && args.PrevLogEntry > 0 {
		return errors.New("the answer was lost")
	}
	return err
}

func (w forgetfulWire) InstallSnapshot(id raft.ServerID, to raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	w.snapshots.Add(1)
	return w.InmemTransport.InstallSnapshot(id, to, args, resp, data)
}

// A leader that does not know that its entries arrived sends them again, and by then the follower has a snapshot behind them
// and no entry before them. It goes on all the same: otherwise the leader would send its own, older snapshot for ever.
func TestEntriesBehindTheFollowersSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var loses atomic.Pointer[raft.ServerID]
		var snapshots atomic.Int64
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) {
			c.Transport = forgetfulWire{c.Transport.(*raft.InmemTransport), &loses, &snapshots}
			c.BatchCommands, c.TrailingBytes = 1, -1
		}
		l := k.startAll()
		commands := dayOf(1, 200)
		k.carry(l, commands[:100])
		k.everywhere(100)
		if err := l.Snapshot(); err != nil {
			t.Fatal(err)
		}
		f := k.others(l)[0]
		id := raft.ServerID(f.id)
		loses.Store(&id)
		k.carry(l, commands[100:150])
		await(t, "entries that are not acknowledged", func() bool { return f.Status().Seq == 150 })
		if err := f.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if at, first := l.Status().SnapshotIndex, f.Status().LogFirst; first <= at+1 {
			t.Fatalf("the follower's log begins at %d, the leader's snapshot ends at %d: no trap", first, at)
		}
		loses.Store(nil)
		k.carry(l, commands[150:])
		k.everywhere(200)
		if n := snapshots.Load(); n > 1 {
			t.Errorf("%d snapshots were sent", n)
		}
	})
}

// What a leader asks is moved to where the snapshot ends, and no entry is said to be committed that the request does not reach.
func TestRequestsAreMoved(t *testing.T) {
	log := newMemLog()
	n := &Node{cfg: Config{Log: log}}
	n.snapshot.Store(&raft.SnapshotMeta{Index: 20, Term: 3})
	entries := func(first, last uint64) (all []*raft.Log) {
		for i := first; i <= last; i++ {
			all = append(all, &raft.Log{Index: i, Term: 3})
		}
		return all
	}
	if err := log.InmemStore.StoreLogs(entries(18, 30)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prev, last, commit    uint64
		moved                 bool
		first, reach, commits uint64
	}{
		{10, 25, 40, true, 21, 25, 25},
		{10, 15, 40, true, 0, 20, 20},
		{10, 10, 12, true, 0, 20, 12},
		{19, 25, 40, false, 20, 25, 40},
		{20, 25, 40, false, 21, 25, 40},
		{0, 0, 0, false, 0, 0, 0},
	} {
		req := &raft.AppendEntriesRequest{Term: 4, PrevLogEntry: c.prev, PrevLogTerm: 2, Entries: entries(c.prev+1, c.last), LeaderCommitIndex: c.commit}
		got := n.behind(req)
		reach := got.PrevLogEntry + uint64(len(got.Entries))
		if (got != req) != c.moved || reach != c.reach || got.LeaderCommitIndex != c.commits {
			t.Errorf("%+v: %+v", c, got)
		}
		if c.first > 0 && got.Entries[0].Index != c.first {
			t.Errorf("%+v: begins with entry %d", c, got.Entries[0].Index)
		}
		if c.moved && (got.PrevLogEntry != 20 || got.PrevLogTerm != 3) {
			t.Errorf("%+v: behind %d of term %d", c, got.PrevLogEntry, got.PrevLogTerm)
		}
	}
}

// A node that is told to end while it applies what was held back ends, also where a lossless reader takes nothing.
func TestCloseWhileHeldBackIsApplied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) { c.EventCapacity, c.InputCapacity, c.ReaderTimeout = 64, 256, time.Hour }
		l := k.startAll()
		behind := k.others(l)[0]
		k.stop(behind)
		k.carry(l, dayOf(1, 300))
		p := k.open(behind.id)
		if err := p.Join(); err != nil {
			t.Fatal(err)
		}
		await(t, "the log", func() bool { return p.Status().LogLast == l.Status().LogLast })
		p.Events().Reader("stuck", true)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "the ring to be full", func() bool { return p.Status().EventLag > 32 })
		k.stop(p) // a Close that hangs would be the test's
	})
}

// What raft would panic over is refused before it is on disk.
func TestUnknownEntriesAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		f := k.others(l)[0]
		_, from := raft.NewInmemTransport("addr-x")
		from.Connect(f.wire.LocalAddr(), f.wire)
		head := raft.RPCHeader{ProtocolVersion: 3, ID: []byte(l.id), Addr: []byte("addr-" + l.id)}
		s := f.Status()
		for _, e := range []*raft.Log{{Type: raft.LogConfiguration, Data: []byte("garbled")}, {Type: 77}} {
			e.Index, e.Term = s.LogLast+1, s.Term
			req := &raft.AppendEntriesRequest{RPCHeader: head, Term: s.Term, PrevLogEntry: s.LogLast, PrevLogTerm: s.Term, Entries: []*raft.Log{e}}
			if err := from.AppendEntries("x", f.wire.LocalAddr(), req, new(raft.AppendEntriesResponse)); err == nil {
				t.Errorf("an entry of type %d was taken", e.Type)
			}
		}
		install := &raft.InstallSnapshotRequest{RPCHeader: head, SnapshotVersion: 1, Term: s.Term, LastLogIndex: s.LogLast + 50, LastLogTerm: s.Term, Configuration: []byte("garbled")}
		if err := from.InstallSnapshot("x", f.wire.LocalAddr(), install, new(raft.InstallSnapshotResponse), nothing{}); err == nil {
			t.Error("a snapshot with an unreadable configuration was taken")
		}
		k.carry(l, dayOf(1, 50))
		k.everywhere(50)
	})
}

// nothing is a snapshot of no bytes.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
