package replication

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"uncross/replication/peer/peertest"
)

// What raft is told; each line is one that another default of raft's would undo in silence.
func TestSettingsOfRaft(t *testing.T) {
	type settings struct {
		id                                                                           raft.ServerID
		heartbeat, election, lease, commit                                           time.Duration
		batches, noLegacy, shutdownOnRemove, restoresCommitted, noRestore, noPreVote bool
		threshold                                                                    uint64
		interval                                                                     time.Duration
		trailing                                                                     uint64
	}
	const ms = time.Millisecond
	_, wire := raft.NewInmemTransport("x")
	for _, c := range []struct {
		transport raft.Transport
		want      settings
	}{
		{nil, settings{"x", 50 * ms, 50 * ms, 50 * ms, 10 * ms, true, true, false, false, true, true, math.MaxUint64, 24 * time.Hour, 16}},
		{wire, settings{"x", 400 * ms, 400 * ms, 300 * ms, 10 * ms, true, true, false, false, true, false, math.MaxUint64, 24 * time.Hour, 16}},
	} {
		cfg := config(t, t.TempDir(), newMemLog())
		cfg.NodeID, cfg.Transport = "x", c.transport
		n, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := n.raftConfig()
		got := settings{
			r.LocalID, r.HeartbeatTimeout, r.ElectionTimeout, r.LeaderLeaseTimeout, r.CommitTimeout,
			r.BatchApplyCh, r.NoLegacyTelemetry, r.ShutdownOnRemove, r.RestoreCommittedLogs, r.NoSnapshotRestoreOnStart, r.PreVoteDisabled,
			r.SnapshotThreshold, r.SnapshotInterval, r.TrailingLogs,
		}
		if got != c.want {
			t.Errorf("raft is told\n%+v, want\n%+v", got, c.want)
		}
		if err := errors.Join(raft.ValidateConfig(r), n.Close()); err != nil {
			t.Error(err)
		}
	}
}

// Raft looks for the pre-vote at the transport that it is given: the ear must not hide it.
func TestEarHasThePreVoteOfItsTransport(t *testing.T) {
	now := func() time.Duration { return 0 }
	_, memory := raft.NewInmemTransport("x")
	for _, with := range []raft.Transport{memory, peertest.Listen(t, "a").Transport()} {
		if _, heard := newEar(with, now); !isPreVote(heard) {
			t.Errorf("%T has lost its pre-vote", with)
		}
	}
	if _, heard := newEar(new(scripted), now); isPreVote(heard) {
		t.Error("a transport without pre-vote has got one: raft would call what is not there")
	}
}

func isPreVote(t raft.Transport) bool {
	_, ok := t.(raft.WithPreVote)
	return ok
}

// A node that was cut off has not voted itself into a later term meanwhile, and does not unseat the leader when it is back.
func TestNodeThatWasCutOffDisturbsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		k.carry(l, dayOf(1, 50))
		k.everywhere(50)
		f := k.others(l)[0]
		term := f.Status().Term
		k.isolate(f)
		await(t, "the node to miss its leader", func() bool { return f.raft.State() == raft.Candidate })
		time.Sleep(5 * time.Second)
		if s := f.Status(); s.Term != term {
			t.Errorf("cut off, it has gone from term %d to term %d", term, s.Term)
		}
		k.carry(l, flow(2, 20))
		k.rejoin(f)
		k.everywhere(70)
		if s := l.Status(); s.Term != term || !s.Leader {
			t.Errorf("the leader of term %d is now %s of term %d", term, s.Role, s.Term)
		}
	})
}

// A change of the members is an entry that the engine never sees; raft counts it as applied all the same, and a snapshot may
// follow it at once.
func TestSnapshotBehindAChangeOfTheMembers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a")
		l := k.startAll()
		k.carry(l, dayOf(1, 50))
		if err := l.AddLearner("b", "addr-b"); err != nil {
			t.Fatal(err)
		}
		if err := l.Snapshot(); err != nil {
			t.Errorf("no snapshot: %v", err)
		}
	})
}

// Raft asks what it is given, the guard, whether the log may have gaps.
func TestGuardTellsOfTheLogWhetherItIsMonotonic(t *testing.T) {
	if g := (&guard{LogStore: newMemLog()}); !raft.MonotonicLogStore(g).IsMonotonic() {
		t.Error("a monotonic log is not told to be one")
	}
	if g := (&guard{LogStore: withGaps{newMemLog()}}); g.IsMonotonic() {
		t.Error("a log that may have gaps is told to be monotonic")
	}
}

// withGaps is a log store that says nothing of gaps.
type withGaps struct{ LogStore }

// Behind a snapshot as many bytes of the log stay as there are to stay, and a node that is no further behind gets entries.
func TestTrailingBytesStay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.change = func(c *Config) { c.BatchCommands, c.TrailingBytes = 1, 5000 } // of 100 each, as memLog counts: 50 entries
		l := k.startAll()
		k.carry(l, dayOf(1, 100))
		k.everywhere(100)
		f := k.others(l)[0] // it would end at a snapshot, and that is not expected
		k.isolate(f)
		k.carry(l, flow(2, 40))
		if err := l.Snapshot(); err != nil {
			t.Fatal(err)
		}
		s := l.Status()
		if kept := s.LogLast - s.LogFirst + 1; kept < 50 || s.LogFirst == 1 {
			t.Errorf("%d entries are kept, from %d on", kept, s.LogFirst)
		}
		k.rejoin(f)
		k.everywhere(140)
	})
}

// So many snapshots are kept, the newest ones.
func TestRetainedSnapshots(t *testing.T) {
	n, c := start(t, config(t, t.TempDir(), newMemLog()))
	submit(t, n, setup())
	var newest uint64
	for i := range uint64(4) {
		submit(t, n, flow(i+1, 30))
		want := uint64(len(setup())) + 30*(i+1)
		await(t, "the commands", func() bool { return c.seq.Load() == want })
		if err := n.Snapshot(); err != nil {
			t.Fatal(err)
		}
		newest = n.Status().SnapshotIndex
	}
	metas, err := n.snapshots.List()
	if err != nil || len(metas) != RetainSnapshots || metas[0].Index != newest || metas[1].Index >= newest {
		t.Errorf("%d snapshots, %v", len(metas), err)
	}
	closeAll(t, n, c, nil)
}
