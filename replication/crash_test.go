package replication

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"

	"uncross/engine/wire"
	"uncross/wal"
)

// openOn opens a log on a file system in memory.
func openOn(t *testing.T, fs vfs.FS, fatal func(error)) *wal.Store {
	t.Helper()
	s, err := wal.Open("log", wal.Options{FS: fs, Logger: slog.New(slog.DiscardHandler), Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// At a power cut at any moment, with any part of the unsynced data lost, every event that anybody has seen comes again.
func TestPowerCutLosesNothingAnswered(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 8 {
		fs := vfs.NewCrashableMem()
		log := openOn(t, fs, func(err error) { panic(err) })
		cfg := config(t, t.TempDir(), log)
		cfg.BatchCommands = 1 + rng.IntN(64)
		n, c := start(t, cfg)
		commands := day(seed, 1500)
		cut := uint64(rng.IntN(len(commands)-len(setup())) + len(setup()))
		sent := make(chan struct{})
		go func() { defer close(sent); submit(t, n, commands) }()
		await(t, "the moment of the cut", func() bool { return c.seq.Load() >= cut })
		seen := c.all()
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		<-sent
		closeAll(t, n, c, log)

		log = openOn(t, after, func(err error) { panic(err) })
		cfg.Log = log
		n, c = start(t, cfg)
		s := n.Status()
		closeAll(t, n, c, log)
		again := c.all()
		if len(again) < len(seen) {
			t.Fatalf("%d events after the cut, %d had been seen", len(again), len(seen))
		}
		sameEvents(t, again[:len(seen)], seen)
		e, want := reference(commands[:s.Seq])
		sameEvents(t, again, want)
		sameState(t, s.State, e)
	}
}

// A failing fsync under the real store ends the process before anything that it should have made durable is answered.
func TestFailedSyncEndsTheProcess(t *testing.T) {
	var failing atomic.Bool
	var bad errorfs.InjectorFunc = func(op errorfs.Op) error {
		if failing.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) {
			return errorfs.ErrInjected
		}
		return nil
	}
	mem := vfs.NewCrashableMem()
	ended := make(chan error, 16)
	end := func(err error) {
		ended <- err
		runtime.Goexit() // as near as a test can come to the end of the process
	}
	log := openOn(t, errorfs.Wrap(mem, bad), end)
	cfg := config(t, t.TempDir(), log)
	cfg.Fatal = end
	n, c := start(t, cfg)
	commands := setup()
	submit(t, n, commands)
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(commands)) })
	failing.Store(true)
	order := flow(1, 1)
	if err := n.Submit(&order[0]); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "injected") {
		t.Errorf("ended with %v", err)
	}
	if got := c.seq.Load(); got != uint64(len(commands)) {
		t.Errorf("command %d was answered without being durable", got)
	}
	// The node stands as a killed process would leave it; what is on disk is enough to go on.
	after := mem.CrashClone(vfs.CrashCloneCfg{})
	log = openOn(t, after, func(err error) { panic(err) })
	cfg = config(t, t.TempDir(), log)
	n, c = start(t, cfg)
	if got := n.Status().Seq; got != uint64(len(commands)) {
		t.Errorf("%d commands after the restart, want %d", got, len(commands))
	}
	closeAll(t, n, c, log)
}

// In a bubble with its own clock: a quiet hour is no jump of the clock, and everything ends by itself.
func TestQuietTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		cfg := config(t, t.TempDir(), log)
		cfg.Clock = nil // the bubble's
		n, c := start(t, cfg)
		commands := day(1, 200)
		submit(t, n, commands[:100])
		synctest.Wait()
		time.Sleep(20 * time.Minute) // twice MaxJump
		before := time.Now().UnixNano()
		submit(t, n, commands[100:])
		synctest.Wait()
		if s := n.Status(); s.Seq != uint64(len(commands)) || s.TimeNs < before || s.ClockRefused {
			t.Errorf("state %+v", s.State)
		}
		first := c.all()
		closeAll(t, n, c, nil)

		time.Sleep(DefaultMaxPause - time.Hour) // a stop within MaxPause
		cfg.Clock = nil
		n, c = start(t, cfg)
		more := flow(9, 10)
		submit(t, n, more)
		synctest.Wait()
		if got := c.seq.Load(); got != uint64(len(commands)+len(more)) {
			t.Errorf("command %d, want %d", got, len(commands)+len(more))
		}
		sameEvents(t, c.all()[:len(first)], first)
		closeAll(t, n, c, nil)

		time.Sleep(DefaultMaxPause + time.Hour) // a stop beyond MaxPause needs a word
		told := newRefusals()
		cfg.Refused = told.refused
		n, c = start(t, cfg)
		submit(t, n, more[:1])
		synctest.Wait()
		if told.count(ErrClockJump) != 1 || !n.Status().ClockRefused {
			t.Error("a long pause was accepted without a word")
		}
		closeAll(t, n, c, nil)
		cfg.AcceptClock = true
		n, c = start(t, cfg)
		submit(t, n, more[:1])
		synctest.Wait()
		if got := c.seq.Load(); got != uint64(len(commands)+len(more)+1) {
			t.Errorf("command %d after the word", got)
		}
		closeAll(t, n, c, nil)
	})
}

// Three nodes: followers reach the leader's state, a handover loses nothing that was answered, and the new leader goes on.
func TestThreeNodes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ids := []string{"a", "b", "c"}
		var servers []raft.Server
		transports := make([]*raft.InmemTransport, len(ids))
		for i, id := range ids {
			_, transports[i] = raft.NewInmemTransport(raft.ServerAddress(id))
			servers = append(servers, raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(id)})
		}
		nodes, collectors := make([]*Node, len(ids)), make([]*collector, len(ids))
		for i, id := range ids {
			for j := range ids {
				transports[i].Connect(raft.ServerAddress(ids[j]), transports[j])
			}
			log := newMemLog()
			for _, err := range []error{
				log.SetUint64(keyCurrentTerm, 1),
				log.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(raft.Configuration{Servers: servers})}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			cfg := config(t, t.TempDir(), log)
			cfg.NodeID, cfg.Transport, cfg.BatchCommands = id, transports[i], 32
			n, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			nodes[i], collectors[i] = n, collect(n)
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
		}
		leader := func() (l *Node) {
			await(t, "a leader", func() bool {
				for _, n := range nodes {
					if n.Status().Leader {
						l = n
					}
				}
				return l != nil
			})
			return l
		}
		first := leader()
		commands := day(1, 500)
		submit(t, first, commands[:300])
		for _, c := range collectors {
			await(t, "the first part everywhere", func() bool { return c.seq.Load() == 300 })
		}
		if err := first.raft.LeadershipTransfer().Error(); err != nil {
			t.Fatal(err)
		}
		await(t, "the old leader to see it", func() bool { return !first.Ready() })
		if err := first.Submit(&commands[300]); !errors.Is(err, ErrNotLeader) {
			t.Errorf("a follower answered %v", err)
		}
		submit(t, leader(), commands[300:])
		e, want := reference(commands)
		for i, c := range collectors {
			await(t, "everything everywhere", func() bool { return c.seq.Load() == uint64(len(commands)) })
			sameEvents(t, c.all(), want)
			sameState(t, nodes[i].Status().State, e)
		}
		for i, n := range nodes {
			closeAll(t, n, collectors[i], nil)
		}
	})
}

// An event is out only when its entry is on disk: at every moment the log holds at least what was seen.
func TestEventsFollowTheLog(t *testing.T) {
	log := newMemLog()
	cfg := config(t, t.TempDir(), log)
	n, c := start(t, cfg)
	submit(t, n, setup())
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(setup())) })
	hold := make(chan struct{})
	log.set(nil, hold)
	var q wire.Command
	(&wire.QueryOrder{Account: alice, Target: wire.OrderRef{Order: 1}}).Put(&q)
	q.Key = traderKey
	submit(t, n, []wire.Command{q})
	await(t, "the entry to be under way", func() bool { return n.Status().InFlight == 1 })
	if got := c.seq.Load(); got != uint64(len(setup())) {
		t.Fatalf("command %d was answered before it was stored", got)
	}
	log.set(nil, nil)
	close(hold)
	await(t, "the answer", func() bool { return c.seq.Load() == uint64(len(setup())+1) })
	closeAll(t, n, c, nil)
}
