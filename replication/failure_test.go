package replication

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/internal/ring"
)

// A write that fails ends the node, and nothing of it is ever answered by an event.
func TestFailedWriteIsFatalAndAcknowledgesNothing(t *testing.T) {
	log, told := newMemLog(), newRefusals()
	cfg := config(t, t.TempDir(), log)
	fatal := make(chan error, 1)
	cfg.Fatal, cfg.Refused = func(err error) { fatal <- err }, told.refused
	n, c := start(t, cfg)
	commands := setup()
	submit(t, n, commands)
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(commands)) })
	disk := errors.New("input/output error")
	log.set(disk, nil)
	lost := flow(1, 20)
	for i := range lost {
		if err := n.Submit(&lost[i]); err != nil && !errors.Is(err, ErrFailed) {
			t.Fatal(err)
		}
	}
	if err := <-fatal; !errors.Is(err, disk) {
		t.Fatalf("failed with %v", err)
	}
	log.set(nil, nil) // a disk that comes back changes nothing any more
	if err := n.Submit(&lost[0]); !errors.Is(err, ErrFailed) {
		t.Errorf("Submit got %v", err)
	}
	if err := n.Close(); !errors.Is(err, disk) {
		t.Errorf("Close got %v", err)
	}
	<-c.done
	if told.count(ErrUnknownOutcome) == 0 {
		t.Error("the callers of the failed entry were not told")
	}
	if got := c.seq.Load(); got != uint64(len(commands)) {
		t.Errorf("command %d was answered, %d were durable", got, len(commands))
	}
}

// An engine that panics is caught, and the entry and the way out are named.
func TestEnginePanicNamesTheEntry(t *testing.T) {
	n, err := Open(config(t, t.TempDir(), newMemLog()))
	if err != nil {
		t.Fatal(err)
	}
	var failure error
	n.cfg.Fatal = func(err error) { failure = err }
	c := collect(n)
	n.fsm = &fsm{engine: engine.New(), events: n.events, node: n}
	commands := setup()
	l := &raft.Log{Index: 99, Term: 3, Data: wire.Batch{Term: 3, Sequence: 1, Count: 2}.AppendHeader(nil)}
	l.Data = wire.AppendCommand(wire.AppendCommand(l.Data, &commands[0]), &commands[1])
	n.fsm.out = make([]wire.Event, 0, 8)
	n.fsm.engine = new(engine.Engine) // without its slabs: it panics on the first thing that it makes
	if result := n.fsm.Apply(l); result == nil || failure == nil {
		t.Fatalf("Apply returned %v, failed with %v", result, failure)
	}
	for _, say := range []string{"the engine failed on entry 99 (term 3)", "2 in batch 1 of leader term 3", "put 99 on the skip list"} {
		if !contains(failure, say) {
			t.Errorf("%q is not in: %v", say, failure)
		}
	}
	if err := n.Close(); err == nil {
		t.Error("Close tells nothing")
	}
	if <-c.done; len(c.all()) != 0 {
		t.Error("events of an entry that failed")
	}
}

// bareMachine is a state machine whose node has not started; it keeps what the node fails with.
func bareMachine(failure *error) *fsm {
	n := &Node{cfg: Config{Fatal: func(err error) { *failure = err }}}
	return &fsm{engine: engine.New(), events: ring.NewBroadcast[wire.Event](16), node: n}
}

// After a failure elsewhere entries are passed over. Raft counts them as applied, so that no snapshot may be taken.
func TestNoSnapshotAfterAPassedOverEntry(t *testing.T) {
	var failure error
	f := bareMachine(&failure)
	f.node.fatal(errors.New("history: write failed"))
	if got := f.Apply(&raft.Log{Index: 5, Term: 1}); got != ErrFailed {
		t.Fatalf("Apply returned %v", got)
	}
	if _, err := f.Snapshot(); !errors.Is(err, ErrFailed) {
		t.Errorf("entry 5 was passed over, and Snapshot returned %v", err)
	}
}

// An entry that the restored state has already is not applied again.
func TestAppliedEntryIsPassedOver(t *testing.T) {
	var failure error
	f := bareMachine(&failure)
	f.engine.SetApplied(5)
	genesis := setup()[0]
	l := &raft.Log{Index: 5, Term: 3, Data: wire.AppendCommand(wire.Batch{Term: 3, Sequence: 1, Count: 1}.AppendHeader(nil), &genesis)}
	for _, step := range []struct{ index, seq uint64 }{{4, 0}, {5, 0}, {6, 1}} {
		l.Index = step.index
		if got := f.Apply(l); got != nil || failure != nil {
			t.Fatalf("entry %d: %v, failed with %v", l.Index, got, failure)
		}
		if f.engine.Seq() != step.seq || f.engine.Applied() != max(5, step.index) {
			t.Errorf("after entry %d: command %d, applied %d", step.index, f.engine.Seq(), f.engine.Applied())
		}
	}
}

// A snapshot is not written, and the log not cut, before the lossless consumers have what is in it.
func TestSnapshotWaitsForDurable(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, newMemLog())
	var durable atomic.Uint64
	cfg.Durable, cfg.SnapshotWait = durable.Load, 20*time.Millisecond
	n, c := start(t, cfg)
	commands := day(2, 100)
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	durable.Store(uint64(len(commands)) - 1)
	if err := n.Snapshot(); err == nil || !contains(err, "slowest consumer") {
		t.Fatalf("the snapshot got %v", err)
	}
	if s := n.Status(); s.SnapshotIndex != 0 || s.LogFirst != 1 || s.SnapshotFailures != 1 {
		t.Fatalf("status after the failed snapshot: %+v", s)
	}
	if left, _ := os.ReadDir(cfg.SnapshotDir); len(left) != 0 {
		t.Fatalf("the failed snapshot left %v", left)
	}
	durable.Store(uint64(len(commands)))
	if err := n.Snapshot(); err != nil {
		t.Fatal(err)
	}
	if s := n.Status(); s.SnapshotIndex == 0 {
		t.Fatalf("status after the snapshot: %+v", s)
	}
	closeAll(t, n, c, nil)
}

// snapshotted runs a node with many small entries and two snapshots, and returns its configuration, closed.
func snapshotted(t *testing.T) (Config, *memLog) {
	log := newMemLog()
	cfg := config(t, t.TempDir(), log)
	cfg.BatchCommands = 1
	n, c := start(t, cfg)
	commands := day(3, 100)
	for _, part := range [][]wire.Command{commands[:50], commands[50:]} {
		seq := c.seq.Load()
		submit(t, n, part)
		await(t, "all events", func() bool { return c.seq.Load() == seq+uint64(len(part)) })
		if err := n.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	closeAll(t, n, c, nil)
	return cfg, log
}

// refuses checks that a start refuses with the error and the words.
func refuses(t *testing.T, cfg Config, want error, words ...string) {
	t.Helper()
	n, err := Open(cfg)
	if err == nil {
		c := collect(n)
		err = n.Start()
		_ = n.Close()
		<-c.done
	}
	if !errors.Is(err, want) {
		t.Fatalf("the start got %v, want %v", err, want)
	}
	for _, w := range words {
		if !contains(err, w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
}

func snapshotFiles(t *testing.T, cfg Config) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cfg.SnapshotDir, "*"+snapshotEnding))
	if err != nil || len(files) != 2 {
		t.Fatalf("snapshots %v, %v", files, err)
	}
	return files
}

// Any flipped byte of the newest snapshot stops a start; none is passed over for an older one.
func TestDamagedSnapshotIsRefused(t *testing.T) {
	cfg, log := snapshotted(t)
	files := snapshotFiles(t, cfg)
	newest, whole := files[1], read(t, files[1])
	for i := range whole {
		if i > 200 && i < len(whole)-64 && i%61 != 0 {
			continue // of the state itself, one byte in 61 will do
		}
		spoilt := append([]byte(nil), whole...)
		spoilt[i] ^= 0x10
		write(t, newest, spoilt)
		if _, err := viewSnapshots(cfg.SnapshotDir).check(extent{}, t.Errorf); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d of %d flipped: %v", i, len(whole), err)
		}
	}
	for _, size := range []int{0, 10, fixedHeader, len(whole) / 2, len(whole) - 1} {
		write(t, newest, whole[:size])
		if _, err := viewSnapshots(cfg.SnapshotDir).check(extent{}, t.Errorf); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", size, err)
		}
	}
	refuses(t, cfg, ErrDamaged, newest, "backup")
	found, err := Inspect(cfg.SnapshotDir, memReplay(log), nil)
	if !errors.Is(err, ErrDamaged) || found.Snapshots[0].Err == nil || found.Snapshots[1].Err != nil || found.Last == 0 {
		t.Errorf("the inspection got %v: %+v", err, found)
	}

	// An older one that is damaged stands in nobody's way.
	write(t, newest, whole)
	write(t, files[0], read(t, files[0])[:100])
	n, c := start(t, cfg)
	closeAll(t, n, c, nil)
}

func TestDamagedSnapshotThatTheOlderOneReplaces(t *testing.T) {
	log := newMemLog()
	cfg := config(t, t.TempDir(), log)
	n, c := start(t, cfg)
	commands := setup()[:8] // in whatever entries, fewer than stay in the log behind a snapshot
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	if err := n.Snapshot(); err != nil {
		t.Fatal(err)
	}
	s := n.Status()
	closeAll(t, n, c, nil)
	if s.LogFirst != 1 {
		t.Fatalf("the log was cut: it begins at %d", s.LogFirst)
	}
	files, _ := filepath.Glob(filepath.Join(cfg.SnapshotDir, "*"))
	write(t, files[0], read(t, files[0])[:200])
	refuses(t, cfg, ErrDamaged, "move the damaged file away and start again")
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	n, c = start(t, cfg)
	if got := n.Status(); got.FullHash != s.FullHash || got.Seq != s.Seq {
		t.Errorf("state %+v, want %+v", got.State, s.State)
	}
	closeAll(t, n, c, nil)
}

func TestLogThatDoesNotContinueTheSnapshotIsRefused(t *testing.T) {
	t.Run("snapshots are gone", func(t *testing.T) {
		cfg, _ := snapshotted(t)
		for _, f := range snapshotFiles(t, cfg) {
			remove(t, f)
		}
		refuses(t, cfg, ErrDamaged, "there is no snapshot", "backup")
	})
	t.Run("the newest snapshot is gone", func(t *testing.T) {
		cfg, _ := snapshotted(t)
		remove(t, snapshotFiles(t, cfg)[1])
		refuses(t, cfg, ErrDamaged, "entries between are missing")
	})
	t.Run("the log is gone", func(t *testing.T) {
		cfg, log := snapshotted(t)
		first, _ := log.FirstIndex()
		last, _ := log.LastIndex()
		if err := log.DeleteRange(first, last); err != nil {
			t.Fatal(err)
		}
		refuses(t, cfg, ErrDamaged, "the end of the log is missing")
	})
	t.Run("the log is gone, there were no snapshots", func(t *testing.T) {
		cfg, log := snapshotted(t)
		for _, f := range snapshotFiles(t, cfg) {
			remove(t, f)
		}
		last, _ := log.LastIndex()
		if err := log.DeleteRange(1, last); err != nil {
			t.Fatal(err)
		}
		refuses(t, cfg, ErrDamaged, "the log is missing")
	})
	t.Run("the log is another's", func(t *testing.T) {
		cfg, log := snapshotted(t)
		var l raft.Log
		metas, err := viewSnapshots(cfg.SnapshotDir).List()
		if err != nil || log.GetLog(metas[0].Index, &l) != nil {
			t.Fatal(err)
		}
		l.Term += 5
		if err := log.InmemStore.StoreLog(&l); err != nil {
			t.Fatal(err)
		}
		refuses(t, cfg, ErrDamaged, "belongs to other data")
	})
	t.Run("another node's", func(t *testing.T) {
		cfg, _ := snapshotted(t)
		cfg.NodeID = "node-2"
		refuses(t, cfg, ErrForeign, `node "node-1"'s`)
	})
	t.Run("a snapshot under another name", func(t *testing.T) {
		cfg, _ := snapshotted(t)
		newest := snapshotFiles(t, cfg)[1]
		if err := os.Rename(newest, filepath.Join(filepath.Dir(newest), "1"+filepath.Base(newest)[1:])); err != nil {
			t.Fatal(err)
		}
		refuses(t, cfg, ErrDamaged, "says that it is index")
	})
}

// A snapshot that a leader sent replaces a log that does not reach it.
func TestInstalledSnapshotReplacesTheLog(t *testing.T) {
	cfg, log := snapshotted(t)
	store := viewSnapshots(cfg.SnapshotDir)
	metas, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	meta, body, err := store.Open(metas[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.SetUint64(keyCurrentTerm, meta.Term+1); err != nil { // as raft does before it takes a snapshot
		t.Fatal(err)
	}
	sink, err := store.Create(1, meta.Index, meta.Term+1, meta.Configuration, meta.ConfigurationIndex, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(sink, body); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(body.Close(), sink.Close()); err != nil {
		t.Fatal(err)
	}
	cfg.BatchCommands = 64
	n, c := start(t, cfg)
	if first, _ := log.FirstIndex(); first <= meta.Index {
		t.Errorf("the log still begins at %d", first)
	}
	if s := n.Status(); s.Seq == 0 || s.Term <= meta.Term {
		t.Errorf("status %+v", s)
	}
	closeAll(t, n, c, nil)
}

// A bootstrap that was cut off between its two writes is done again.
func TestBootstrapCutOff(t *testing.T) {
	log := newMemLog()
	if err := log.SetUint64(keyCurrentTerm, 1); err != nil {
		t.Fatal(err)
	}
	n, c := start(t, config(t, t.TempDir(), log))
	submit(t, n, setup())
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(setup())) })
	closeAll(t, n, c, nil)
}

// A snapshot that arrives while the node runs ends the process: it goes on from it after a restart.
func TestRestoreAtRunTimeEndsTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := config(t, t.TempDir(), newMemLog())
		fatal := make(chan error, 1)
		cfg.Fatal = func(err error) { fatal <- err }
		n, c := start(t, cfg)
		restored := make(chan error, 1)
		go func() { restored <- n.fsm.Restore(nil) }()
		if err := <-fatal; !errors.Is(err, ErrRestart) {
			t.Errorf("failed with %v", err)
		}
		// Raft does not go on with a log that it has emptied, and a last entry that it remembers.
		synctest.Wait()
		select {
		case err := <-restored:
			t.Errorf("raft was told to go on: %v", err)
		default:
		}
		_ = n.Close()
		if err := <-restored; err == nil {
			t.Error("the snapshot is said to be restored")
		}
		<-c.done
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
