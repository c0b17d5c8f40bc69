package wal

import (
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// TestFailedWriteIsFatal lets one operation on one kind of file fail. The write under way
// must not be acknowledged, Options.Fatal must be told the cause, and everything acknowledged
// before must be there after a power cut at that moment.
func TestFailedWriteIsFatal(t *testing.T) {
	for _, c := range []struct {
		name  string
		suf   string
		kinds []errorfs.OpKind
		err   error
		want  error
		store func(*Store) error
	}{
		{"disk full in the WAL", ".log", []errorfs.OpKind{errorfs.OpFileWrite}, syscall.ENOSPC, ErrDiskFull, nil},
		{"EIO in the WAL", ".log", []errorfs.OpKind{errorfs.OpFileWrite}, syscall.EIO, syscall.EIO, nil},
		{"failed fsync of the WAL", ".log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, syscall.EIO, syscall.EIO, nil},
		{"disk full in the tripwire", testTripwire, []errorfs.OpKind{errorfs.OpFileWriteAt}, syscall.ENOSPC, ErrDiskFull, nil},
		{"failed fsync at a truncation", ".log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, syscall.EIO, syscall.EIO,
			func(s *Store) error { return s.DeleteRange(1, 5) }},
		{"failed fsync of a vote", ".log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, syscall.EIO, syscall.EIO,
			func(s *Store) error { return s.Set([]byte("LastVoteCand"), []byte("b")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			var on atomic.Bool
			fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if !on.Load() || !strings.HasSuffix(op.Path, c.suf) {
					return nil
				}
				for _, k := range c.kinds {
					if op.Kind == k {
						return c.err
					}
				}
				return nil
			}))
			var fatal error
			s, err := Open(testDir, Options{FS: fs, Logger: quiet, Fatal: func(err error) { fatal = err }})
			must(t, err)
			m := &model{logs: entries(1, 20, 1, 500), stable: map[string]string{}}
			must(t, s.StoreLogs(m.logs))
			on.Store(true)
			if c.store == nil {
				c.store = func(s *Store) error { return s.StoreLogs(entries(21, 25, 1, 500)) }
			}
			acknowledged := false
			panicked := catch(func() { acknowledged = c.store(s) == nil })
			if acknowledged || panicked == nil {
				t.Fatalf("acknowledged %v, panic %v", acknowledged, panicked)
			}
			if !errors.Is(fatal, c.want) || !errors.Is(fatal, c.err) {
				t.Fatalf("fatal error %v, want %v", fatal, c.want)
			}
			on.Store(false)
			// The disk is well again, but this process has lost its word.
			var l raft.Log
			for _, err := range []error{s.StoreLog(entry(21, 1, 1)), s.GetLog(1, &l), s.DeleteRange(1, 2), s.SetUint64([]byte("k"), 1), s.Close()} {
				if !errors.Is(err, ErrFailed) {
					t.Errorf("after the failure: %v", err)
				}
			}
			checkAfterFailure(t, mem, m)
		})
	}
}

// checkAfterFailure: what was acknowledged is there; the write that failed may be there or not.
func checkAfterFailure(t *testing.T, mem *vfs.MemFS, m *model) {
	t.Helper()
	after := m.clone()
	after.logs = append(after.logs, entries(21, 25, 1, 500)...)
	cut := m.clone()
	cut.deleteRange(1, 5)
	vote := m.clone()
	vote.stable["LastVoteCand"] = "b"
	for range 20 {
		fs := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(rand.Uint64(), 1))})
		s := mustOpen2(t, fs)
		if m.diff(s) != nil && after.diff(s) != nil && cut.diff(s) != nil && vote.diff(s) != nil {
			t.Fatalf("neither before nor after the failed write: %v", m.diff(s))
		}
		mustClose(t, s)
	}
}

func mustOpen2(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	o := testOptions(t, fs)
	o.Cluster = ""
	s, err := Open(testDir, o)
	must(t, err)
	return s
}

func catch(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// TestFailureDuringCreation lets every operation of the creation fail once: either Open says so, or
// the store works; and the next start creates it in any case.
func TestFailureDuringCreation(t *testing.T) {
	for n := int64(0); ; n++ {
		mem := vfs.NewMem()
		var count atomic.Int64
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			// What Pebble does in its own goroutines cannot be caught here.
			if op.Kind.ReadOrWrite() == errorfs.OpIsRead || strings.Contains(op.Path, "/"+namePebble) {
				return nil
			}
			if count.Add(1) == n+1 {
				return syscall.ENOSPC
			}
			return nil
		}))
		var s *Store
		var err error
		o := Options{FS: fs, Cluster: "test", Logger: quiet, Fatal: func(error) {}}
		p := catch(func() { s, err = Open(testDir, o) })
		if p == nil && err == nil {
			_ = s.Close()
			if count.Load() <= n {
				if n < 10 {
					t.Fatalf("only %d operations", n)
				}
				return // every one has failed once
			}
			continue
		}
		if p == nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("operation %d: %v", n, err)
		}
		again := memFS(t, files(t, mem, testRoot)) // without the locks of the process that ended
		if len(files(t, mem, testRoot)) == 0 {
			again = mem
		}
		s, err = Open(testDir, testOptions(t, again))
		if err != nil {
			t.Fatalf("operation %d failed, and the next start says: %v", n, err)
		}
		must(t, s.StoreLog(entry(1, 1, 1)))
		mustClose(t, s)
	}
}

// TestFatalfDoesNotReturn: Pebble's Fatalf calls Options.Fatal, and panics if that returns.
func TestFatalfDoesNotReturn(t *testing.T) {
	var got error
	f := &fataler{log: quiet, fn: func(err error) { got = err }}
	returned := false
	p := catch(func() {
		pebbleLogger{f}.Fatalf("commit of %s failed: %v", "x", syscall.ENOSPC)
		returned = true
	})
	if returned || p == nil {
		t.Fatal("Fatalf returned")
	}
	if !errors.Is(got, ErrDiskFull) || !strings.Contains(got.Error(), "commit of x failed") {
		t.Fatalf("Options.Fatal was told %v", got)
	}
	if err := f.err(); !errors.Is(err, ErrFailed) {
		t.Fatalf("the store forgot its failure: %v", err)
	}
}

// TestBackgroundErrorIsFatal: a flush that fails is not tried again for ever.
func TestBackgroundErrorIsFatal(t *testing.T) {
	var got error
	f := &fataler{log: quiet, fn: func(err error) { got = err }}
	if catch(func() { fatalEvents(f).BackgroundError(syscall.ENOSPC) }) == nil || !errors.Is(got, ErrDiskFull) {
		t.Fatalf("told %v", got)
	}
}

// TestFailedFlush fills half of a full-sized memtable, from where Pebble flushes, while
// sstables cannot be written.
func TestFailedFlush(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var on atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return syscall.ENOSPC
		}
		return nil
	}))
	fatal := make(chan error, 1)
	s, err := Open(testDir, Options{FS: fs, Logger: quiet, Fatal: func(err error) {
		select {
		case fatal <- err:
		default:
		}
		select {} // the process ends here
	}})
	must(t, err)
	on.Store(true)
	acked := make(chan uint64, 1000)
	l := entry(1, 1, MaxData)
	go func() {
		for i := uint64(1); i <= 200; i++ {
			if l.Index = i; s.StoreLog(l) != nil {
				break
			}
			acked <- i
		}
	}()
	if err := <-fatal; !errors.Is(err, ErrDiskFull) {
		t.Fatalf("fatal error %v", err)
	}
	n := uint64(len(acked))
	if n == 0 {
		t.Fatal("nothing was written before the flush")
	}
	// The writer may still be at work: only a copy of one moment is what a dead process leaves.
	again := mustOpen2(t, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}))
	if last, _ := again.LastIndex(); last < n {
		t.Fatalf("%d entries were acknowledged, %d are left", n, last)
	}
	mustClose(t, again)
}

// TestQuietByDefault: Pebble's chatter does not reach an info log.
func TestQuietByDefault(t *testing.T) {
	var b strings.Builder
	o := testOptions(t, vfs.NewMem())
	o.Logger = slog.New(slog.NewTextHandler(io.Writer(&b), nil))
	s, err := Open(testDir, o)
	must(t, err)
	mustClose(t, s)
	if n := strings.Count(b.String(), "\n"); n != 1 || !strings.Contains(b.String(), "log verified") {
		t.Fatalf("%d lines: %s", n, b.String())
	}
}

// TestSlowDiskIsTold: what waits for the disk is in the log while it waits.
func TestSlowDiskIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pause atomic.Int64
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData {
				time.Sleep(time.Duration(pause.Load()))
			}
			return nil
		}))
		var said strings.Builder
		o := testOptions(t, fs)
		o.Logger = slog.New(slog.NewTextHandler(&said, nil))
		s, err := Open(testDir, o)
		must(t, err)
		pause.Store(int64(10 * time.Second))
		must(t, s.StoreLog(entry(1, 1, 10)))
		pause.Store(0)
		synctest.Wait()
		if !strings.Contains(said.String(), `level=WARN msg="the disk is slow" operation=sync`) {
			t.Errorf("the log says %q", said.String())
		}
		mustClose(t, s)
	})
}
