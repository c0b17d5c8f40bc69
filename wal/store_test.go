package wal

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

func TestEmptyStore(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	if err := (&model{}).diff(s); err != nil {
		t.Fatal(err)
	}
	if !s.IsMonotonic() {
		t.Fatal("the store says it may have gaps")
	}
	if v, err := s.GetUint64([]byte("CurrentTerm")); v != 0 || err != nil {
		t.Fatalf("missing integer: %d, %v", v, err)
	}
	if v, err := s.Get([]byte("LastVoteCand")); len(v) != 0 || err != nil {
		t.Fatalf("missing value: %q, %v", v, err)
	}
	must(t, s.StoreLogs(nil))
	must(t, s.DeleteRange(1, 100))
}

// TestStoreAndReopen goes through the ways a log changes, and compares with the
// model before and after every reopening, with and without the cache.
func TestStoreAndReopen(t *testing.T) {
	for _, cacheBytes := range []int{0, -1, 2000} {
		fs := vfs.NewMem()
		o := testOptions(t, fs)
		o.CacheBytes = cacheBytes
		s, err := Open(testDir, o)
		must(t, err)
		m := &model{stable: map[string]string{}}
		check := func(step string) {
			t.Helper()
			if err := m.diff(s); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			mustClose(t, s)
			if s, err = Open(testDir, o); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			if err := m.diff(s); err != nil {
				t.Fatalf("%s, reopened: %v", step, err)
			}
		}
		store := func(ls []*raft.Log) {
			t.Helper()
			must(t, s.StoreLogs(ls))
			m.logs = append(m.logs, ls...)
		}
		remove := func(lo, hi uint64) {
			t.Helper()
			must(t, s.DeleteRange(lo, hi))
			m.deleteRange(lo, hi)
		}
		store(entries(1, 10, 1, 100))
		store(entries(11, 11, 2, 0))
		check("append")
		remove(8, 11)
		check("tail truncated")
		store(entries(8, 600, 3, 50))
		check("append after truncation")
		remove(1, 3)
		check("small head truncation")
		remove(0, 400)
		check("large head truncation")
		remove(500, 10_000)
		check("large tail truncation")
		remove(1, 10_000)
		check("all removed")
		store(entries(2000, 2005, 7, 300))
		check("start after a gap")
		must(t, s.SetUint64([]byte("CurrentTerm"), 7))
		must(t, s.Set([]byte("LastVoteCand"), []byte("n1")))
		must(t, s.Set([]byte("LastVoteCand"), []byte("n2")))
		m.stable["CurrentTerm"], m.stable["LastVoteCand"] = "\x00\x00\x00\x00\x00\x00\x00\x07", "n2"
		check("stable values")
		mustClose(t, s)
	}
}

func TestRefusedWrites(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	m := &model{stable: map[string]string{}}
	m.logs = entries(5, 9, 1, 10)
	must(t, s.StoreLogs(m.logs))
	big := entry(10, 1, 0)
	big.Data = make([]byte, MaxData+1)
	ext := entry(10, 1, 0)
	ext.Extensions = make([]byte, MaxExtensions+1)
	for name, f := range map[string]func() error{
		"gap":             func() error { return s.StoreLog(entry(11, 1, 1)) },
		"overwrite":       func() error { return s.StoreLog(entry(9, 1, 1)) },
		"gap inside":      func() error { return s.StoreLogs([]*raft.Log{entry(10, 1, 1), entry(12, 1, 1)}) },
		"data too large":  func() error { return s.StoreLog(big) },
		"ext too large":   func() error { return s.StoreLog(ext) },
		"hole":            func() error { return s.DeleteRange(6, 7) },
		"no key":          func() error { return s.Set(nil, []byte("x")) },
		"key too long":    func() error { return s.Set(make([]byte, MaxStableKey+1), nil) },
		"value too long":  func() error { return s.Set([]byte("k"), make([]byte, MaxStableValue+1)) },
		"not an integer":  func() error { _ = s.Set([]byte("k"), []byte("abc")); _, err := s.GetUint64([]byte("k")); return err },
		"index 0 refused": func() error { return s.StoreLog(entry(0, 1, 1)) },
	} {
		if err := f(); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	m.stable["k"] = "abc"
	if err := m.diff(s); err != nil {
		t.Fatal(err)
	}
	for i := range MaxStableKeys - 1 {
		must(t, s.Set([]byte{'x', byte(i)}, nil))
	}
	if err := s.Set([]byte("one more"), nil); err == nil {
		t.Error("the number of stable values is not bounded")
	}
}

func TestIndexZeroInEmptyLog(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	if err := s.StoreLog(entry(0, 1, 1)); err == nil {
		t.Fatal("index 0 was stored")
	}
}

// TestNoAliasing changes the caller's buffers after StoreLogs.
func TestNoAliasing(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	l := entry(1, 1, 64)
	want := bytes.Clone(l.Data)
	must(t, s.StoreLog(l))
	clear(l.Data)
	var got raft.Log
	must(t, s.GetLog(1, &got))
	if !bytes.Equal(got.Data, want) {
		t.Fatal("the cache shares the caller's buffer")
	}
	if cap(got.Data) != len(got.Data) {
		t.Fatal("appending to the data would write into the cache")
	}
	must(t, s.DeleteRange(1, 1))
	must(t, s.StoreLogs(entries(1, 50, 2, 64)))
	if !bytes.Equal(got.Data, want) {
		t.Fatal("data handed out earlier changed")
	}
}

func TestCacheSurvivesHeadTruncation(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	must(t, s.StoreLogs(entries(1, 100, 1, 10)))
	must(t, s.DeleteRange(1, 90))
	if s.cache.get(95) == nil || s.cache.get(90) != nil {
		t.Fatal("the cache should hold 91 to 100")
	}
	must(t, s.DeleteRange(99, 100))
	if s.cache.get(98) == nil || s.cache.get(99) != nil {
		t.Fatal("the cache should hold 91 to 98")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := cache{limit: 1000}
	for i := uint64(1); i <= 100; i++ {
		c.push(i, make([]byte, 99))
	}
	if c.bytes > 1000 || c.get(100) == nil || c.get(90) != nil || c.get(91) == nil {
		t.Fatalf("%d bytes, first %d", c.bytes, c.first)
	}
	c.push(101, make([]byte, 5000))
	if c.bytes != 0 || c.get(101) != nil {
		t.Fatal("a record larger than the cache stays out")
	}
	c.push(102, make([]byte, 5))
	if c.get(102) == nil || c.bytes != 5 {
		t.Fatal("the cache does not go on after that")
	}
}

func TestCommitIndex(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	commit := func() uint64 {
		t.Helper()
		i, err := s.GetCommitIndex()
		must(t, err)
		return i
	}
	must(t, s.StageCommitIndex(3))
	if commit() != 0 {
		t.Fatal("a staged index is visible before it was written")
	}
	must(t, s.StoreLogs(entries(1, 5, 1, 1)))
	if commit() != 3 {
		t.Fatalf("commit %d, want 3", commit())
	}
	must(t, s.StageCommitIndex(100))
	must(t, s.StoreLogs(entries(6, 7, 1, 1)))
	if commit() != 7 {
		t.Fatalf("commit %d, want the last index 7", commit())
	}
	must(t, s.DeleteRange(6, 7))
	mustClose(t, s)
	s = mustOpen(t, fs)
	if commit() != 5 {
		t.Fatalf("commit %d, want 5", commit())
	}
	mustClose(t, s)
}

func TestClosed(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	must(t, s.StoreLog(entry(1, 1, 1)))
	mustClose(t, s)
	var l raft.Log
	_, e1 := s.FirstIndex()
	_, e2 := s.Get([]byte("k"))
	for _, err := range []error{e1, e2, s.Close(), s.GetLog(1, &l), s.StoreLog(entry(2, 1, 1)),
		s.DeleteRange(1, 1), s.Set([]byte("k"), nil), s.StageCommitIndex(1)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestReadersSeeOnlyDurable reads while the log is appended to and truncated at both ends.
func TestReadersSeeOnlyDurable(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.CacheBytes = 3000
	s, err := Open(testDir, o)
	must(t, err)
	stop := make(chan struct{})
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- readUntil(s, stop) }()
	}
	next, term := uint64(1), uint64(1)
	for range 200 {
		must(t, s.StoreLogs(entries(next, next+9, term, 80)))
		next += 10
		must(t, s.DeleteRange(next-3, next-1))
		next -= 3
		term++
		if next > 100 {
			must(t, s.DeleteRange(1, next-100))
		}
	}
	close(stop)
	for range 2 {
		must(t, <-done)
	}
	mustClose(t, s)
}

// TestReadersDuringTheFsync looks at the log while a write waits for its fsync: what is appended is not there yet,
// what is removed is not there any more, although Pebble shows both at once.
func TestReadersDuringTheFsync(t *testing.T) {
	for _, c := range []struct {
		name        string
		write       func(*Store) error
		first, last uint64 // during the fsync
	}{
		{"append", func(s *Store) error { return s.StoreLogs(entries(21, 25, 1, 50)) }, 1, 20},
		{"tail", func(s *Store) error { return s.DeleteRange(16, 20) }, 1, 15},
		{"head", func(s *Store) error { return s.DeleteRange(1, 5) }, 6, 20},
		{"all", func(s *Store) error { return s.DeleteRange(1, 20) }, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var on atomic.Bool
			waits, goOn := make(chan struct{}), make(chan struct{})
			fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				switch op.Kind {
				case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
					if strings.HasSuffix(op.Path, ".log") && on.CompareAndSwap(true, false) {
						close(waits)
						<-goOn
					}
				}
				return nil
			}))
			o := testOptions(t, fs)
			o.CacheBytes = -1 // all reads are Pebble's
			s, err := Open(testDir, o)
			must(t, err)
			must(t, s.StoreLogs(entries(1, 20, 1, 50)))
			on.Store(true)
			written := make(chan error, 1)
			go func() { written <- c.write(s) }()
			<-waits
			first, _ := s.FirstIndex()
			last, _ := s.LastIndex()
			if first != c.first || last != c.last {
				t.Errorf("log %d..%d during the fsync, want %d..%d", first, last, c.first, c.last)
			}
			for i := uint64(1); i <= 25 && !t.Failed(); i++ {
				var l raft.Log
				if err := s.GetLog(i, &l); i >= c.first && i <= c.last && err != nil || (i < c.first || i > c.last) && err != raft.ErrLogNotFound {
					t.Errorf("index %d: %v", i, err)
				}
			}
			close(goOn)
			must(t, <-written)
			mustClose(t, s)
		})
	}
}

func readUntil(s *Store, stop chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		first, _ := s.FirstIndex()
		last, _ := s.LastIndex()
		for i := first; i <= last; i++ {
			var l raft.Log
			err := s.GetLog(i, &l)
			if err == raft.ErrLogNotFound {
				continue // truncated meanwhile
			}
			if err != nil {
				return err
			}
			if err := sameLog(&l, entry(i, l.Term, 80)); i != 0 && err != nil {
				return err
			}
		}
	}
}
