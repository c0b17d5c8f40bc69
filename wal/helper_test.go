package wal

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// testDir is the log's directory, testRoot the one that its tripwire is in as well.
const (
	testRoot     = "data"
	testDir      = "data/log"
	testTripwire = "data/log.tripwire"
)

// in is the store in fs.
func in(fs vfs.FS) Place { return Place{Dir: testDir, FS: fs} }

var quiet = slog.New(slog.DiscardHandler)

// testOptions are for a test in which nothing may be fatal.
func testOptions(t testing.TB, fs vfs.FS) Options {
	return Options{FS: fs, Cluster: "test", Logger: quiet, Fatal: func(err error) {
		t.Errorf("fatal: %v", err)
	}}
}

func mustOpen(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(testDir, testOptions(t, fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entry is a log entry whose content follows from index, term and size.
func entry(index, term uint64, size int) *raft.Log {
	r := rand.New(rand.NewPCG(index, term))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	l := &raft.Log{Index: index, Term: term, Type: raft.LogType(index % 2), Data: data, AppendedAt: time.Unix(0, int64(index))}
	if size == 0 {
		l.Data = nil
	}
	if index%3 == 0 {
		l.Extensions = []byte{byte(index), 1, 2}
	}
	return l
}

func entries(first, last, term uint64, size int) []*raft.Log {
	var ls []*raft.Log
	for i := first; i <= last; i++ {
		ls = append(ls, entry(i, term, size))
	}
	return ls
}

func sameLog(a, b *raft.Log) error {
	if a.Index != b.Index || a.Term != b.Term || a.Type != b.Type || !bytes.Equal(a.Data, b.Data) ||
		!bytes.Equal(a.Extensions, b.Extensions) || !a.AppendedAt.Equal(b.AppendedAt) {
		return fmt.Errorf("entries differ: index %d/%d term %d/%d type %v/%v data %d/%d bytes",
			a.Index, b.Index, a.Term, b.Term, a.Type, b.Type, len(a.Data), len(b.Data))
	}
	return nil
}

// model is the plain thing a store must equal.
type model struct {
	logs   []*raft.Log
	stable map[string]string
}

func (m *model) clone() *model {
	c := &model{logs: append([]*raft.Log{}, m.logs...), stable: map[string]string{}}
	for k, v := range m.stable {
		c.stable[k] = v
	}
	return c
}

func (m *model) first() uint64 {
	if len(m.logs) == 0 {
		return 0
	}
	return m.logs[0].Index
}

func (m *model) last() uint64 {
	if len(m.logs) == 0 {
		return 0
	}
	return m.logs[len(m.logs)-1].Index
}

func (m *model) bytes() (n int64) {
	for _, l := range m.logs {
		n += int64(recordSize(l))
	}
	return n
}

func (m *model) tail(bytes int64) (n uint64) {
	for i := range m.logs {
		if part := (&model{logs: m.logs[i:]}); part.bytes() <= bytes {
			return uint64(len(part.logs))
		}
	}
	return 0
}

// deleteRange removes what is there of a range at one end.
func (m *model) deleteRange(lo, hi uint64) {
	var left []*raft.Log
	for _, l := range m.logs {
		if l.Index < lo || l.Index > hi {
			left = append(left, l)
		}
	}
	m.logs = left
}

// diff is nil when s holds what m holds.
func (m *model) diff(s *Store) error {
	first, err := s.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.LastIndex()
	if err != nil {
		return err
	}
	if first != m.first() || last != m.last() {
		return fmt.Errorf("log %d..%d, want %d..%d", first, last, m.first(), m.last())
	}
	if s.Bytes() != m.bytes() {
		return fmt.Errorf("bytes %d, want %d", s.Bytes(), m.bytes())
	}
	for _, b := range []int64{-1, 0, 1, m.bytes() / 2, m.bytes() - 1, m.bytes(), m.bytes() + 1} {
		if got, want := s.Tail(b), m.tail(b); got != want {
			return fmt.Errorf("%d entries are the last %d bytes, want %d", got, b, want)
		}
	}
	for _, want := range m.logs {
		var got raft.Log
		if err := s.GetLog(want.Index, &got); err != nil {
			return fmt.Errorf("index %d: %w", want.Index, err)
		}
		if err := sameLog(&got, want); err != nil {
			return err
		}
	}
	var l raft.Log
	for _, i := range []uint64{0, first - 1, last + 1, last + 1000} {
		if i != 0 && i >= first && i <= last {
			continue
		}
		if err := s.GetLog(i, &l); err != raft.ErrLogNotFound {
			return fmt.Errorf("index %d outside of %d..%d: %v", i, first, last, err)
		}
	}
	return m.diffStable(s)
}

func (m *model) diffStable(s *Store) error {
	for k, want := range m.stable {
		got, err := s.Get([]byte(k))
		if err != nil || string(got) != want {
			return fmt.Errorf("stable %q is %q (%v), want %q", k, got, err, want)
		}
	}
	if len(s.stable) != len(m.stable) {
		return fmt.Errorf("%d stable values, want %d", len(s.stable), len(m.stable))
	}
	return nil
}

// files reads every file below dir. What Pebble removes meanwhile, of a store that is open, is left out.
func files(t testing.TB, fs vfs.FS, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	var walk func(string)
	walk = func(d string) {
		names, err := fs.List(d)
		if os.IsNotExist(err) {
			return
		}
		must(t, err)
		for _, n := range names {
			p := fs.PathJoin(d, n)
			st, err := fs.Stat(p)
			if err == nil && st.IsDir() {
				walk(p)
				continue
			}
			var b []byte
			if err == nil {
				b, err = readFile(fs, p)
			}
			if os.IsNotExist(err) {
				continue
			}
			must(t, err)
			m[p] = b
		}
	}
	walk(dir)
	return m
}

// memFS is a new file system with these files.
func memFS(t testing.TB, m map[string][]byte) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	for p, b := range m {
		must(t, fs.MkdirAll(fs.PathDir(p), 0o755))
		f, err := fs.Create(p, vfs.WriteCategoryUnspecified)
		must(t, err)
		_, err = f.Write(bytes.Clone(b))
		must(t, err)
		must(t, f.Close())
	}
	return fs
}
