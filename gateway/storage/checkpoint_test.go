package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var keyPosition = []byte("position")

func record(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte("r"), n) }

// put writes commands up to a number, each as a batch with the position, and syncs none.
func put(t testing.TB, s *Store, upTo uint64, value []byte) {
	t.Helper()
	for n := s.Position.Load() + 1; n <= upTo; n++ {
		b := s.DB.NewBatch()
		err := errors.Join(b.Set(record(n), value, nil), b.Set(keyPosition, record(n)[1:], nil), b.Commit(pebble.NoSync), b.Close())
		if err != nil {
			t.Error(err)
			return
		}
		s.Position.Set(n)
	}
}

func positionIn(r pebble.Reader) (uint64, error) {
	v, closer, err := r.Get(keyPosition)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), closer.Close()
}

// whole opens a store and returns its position; every command up to it must be there, and none behind it.
func whole(t testing.TB, fs vfs.FS, dir string) uint64 {
	t.Helper()
	s, err := kind.Open(dir, options(t.(*testing.T), fs))
	if err != nil {
		t.Fatal(err)
	}
	position, err := positionIn(s.DB)
	if err != nil {
		t.Fatal(err)
	}
	it, err := s.DB.NewIter(&pebble.IterOptions{LowerBound: []byte("r"), UpperBound: []byte("s")})
	if err != nil {
		t.Fatal(err)
	}
	n := uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		if n++; string(it.Key()) != string(record(n)) {
			t.Fatalf("%s: record %x where %d is to be", dir, it.Key(), n)
		}
	}
	if n != position {
		t.Fatalf("%s has %d commands, and says %d", dir, n, position)
	}
	if err := errors.Join(it.Error(), it.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return position
}

// Copies of a store that is written all the time, on a real disk, where logs are written over older ones.
func TestCheckpointUnderLoad(t *testing.T) {
	dir := t.TempDir()
	o := options(t, vfs.Default)
	o.MemTable = 256 << 10 // many logs
	s, err := kind.Open(filepath.Join(dir, "store"), o)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var stop atomic.Bool
	work.Go(func() {
		value := make([]byte, 600)
		rng := rand.New(rand.NewPCG(1, 1))
		for n := uint64(1); !stop.Load(); n++ {
			for i := range value {
				value[i] = byte(rng.Uint32())
			}
			put(t, s, n, value)
			if n%20 == 0 { // the test shall end some day
				time.Sleep(time.Millisecond)
			}
		}
	})
	done := make(chan struct{})
	work.Go(func() { s.SyncUntil(done, time.Millisecond) })
	for i := range 5 {
		time.Sleep(20 * time.Millisecond)
		before := s.Position.Load()
		to := filepath.Join(dir, fmt.Sprint("copy", i))
		position, err := s.Checkpoint(to, positionIn)
		if err != nil {
			t.Fatal(err)
		}
		if position < before || position > s.Position.Load() {
			t.Errorf("a copy has command %d, and the store had %d before and has %d now", position, before, s.Position.Load())
		}
		if got := whole(t, vfs.Default, to); got != position {
			t.Errorf("a copy has command %d, %d was said", got, position)
		}
	}
	stop.Store(true)
	close(done)
	work.Wait()
	if _, err := s.Checkpoint(filepath.Join(dir, "copy1"), positionIn); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("over a directory: %v", err)
	}
	last := s.Position.Load()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Checkpoint(filepath.Join(dir, "late"), positionIn); !errors.Is(err, errClosed) {
		t.Errorf("of a closed store: %v", err)
	}
	if got := whole(t, vfs.Default, filepath.Join(dir, "store")); got != last {
		t.Errorf("the store itself has command %d of %d", got, last)
	}
}

// crashing is a file system in memory that is copied as a power cut would leave it, before an operation.
type crashing struct {
	mem   *vfs.MemFS
	at    int64 // the operation
	n     atomic.Int64
	rng   *rand.Rand
	clone *vfs.MemFS
}

func (c *crashing) MaybeError(errorfs.Op) error {
	if c.n.Add(1) == c.at {
		c.clone = c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(101), RNG: c.rng})
	}
	return nil
}

func (c *crashing) String() string { return "crashing" }

// every runs a step of a prepared file system, and looks at what a power cut would leave before every stride-th of its
// operations, and behind the last one.
func every(t *testing.T, stride int64, prepare func(fs vfs.FS), step func(fs vfs.FS), check func(at int64, fs *vfs.MemFS, complete bool)) {
	t.Helper()
	for at := int64(1); ; at += stride {
		mem := vfs.NewCrashableMem()
		prepare(mem)
		c := &crashing{mem: mem, at: at, rng: rand.New(rand.NewPCG(uint64(at), 7))}
		step(errorfs.Wrap(mem, c))
		complete := c.clone == nil
		if complete {
			c.clone = mem.CrashClone(vfs.CrashCloneCfg{})
		}
		check(at, c.clone, complete)
		if complete {
			return
		}
	}
}

// At whatever operation the power is cut while a copy is made: the store is whole, and the copy is whole or no store.
func TestCheckpointCutOff(t *testing.T) {
	const commands = 50
	tried := int64(0)
	every(t, 3, func(fs vfs.FS) {
		s, err := kind.Open("dir", options(t, fs))
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, 20, []byte("v"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}, func(fs vfs.FS) {
		s, err := kind.Open("dir", options(t, fs))
		if err != nil {
			t.Fatal(err)
		}
		s.Position.Set(20)
		put(t, s, commands, []byte("v"))
		if p, err := s.Checkpoint("copy", positionIn); err != nil || p != commands {
			t.Fatalf("command %d, %v", p, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}, func(at int64, fs *vfs.MemFS, complete bool) {
		tried = at
		if p := whole(t, fs, "dir"); p < 20 || p > commands || complete && p != commands {
			t.Fatalf("cut off at operation %d: the store has command %d", at, p)
		}
		there, err := exists(fs, fs.PathJoin("copy", FormatFile))
		if err != nil {
			t.Fatal(err)
		}
		if there || complete {
			if p := whole(t, fs, "copy"); p != commands {
				t.Fatalf("cut off at operation %d: the copy has command %d", at, p)
			}
			return
		}
		if names, _ := fs.List("copy"); len(names) > 0 && !onlyNew(names) {
			if err := kind.Prepare(fs, "copy"); !errors.Is(err, errForeign) {
				t.Fatalf("cut off at operation %d: half a copy is taken for a store: %v", at, err)
			}
		}
	})
	if tried < 100 {
		t.Errorf("only %d operations", tried)
	}
}

func onlyNew(names []string) bool { return len(names) == 1 && names[0] == formatNew }

// A copy for which there is no room leaves nothing, and the store goes on.
func TestCheckpointWithoutRoom(t *testing.T) {
	var full atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(o errorfs.Op) error {
		if full.Load() && strings.HasPrefix(o.Path, "copy") && o.Kind == errorfs.OpCreate {
			return errors.New("no space left")
		}
		return nil
	}))
	s, err := kind.Open("dir", options(t, fs))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 20, []byte("v"))
	full.Store(true)
	if _, err := s.Checkpoint("copy", positionIn); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v", err)
	}
	if there, err := exists(fs, "copy"); there || err != nil {
		t.Errorf("something is left: %v", err)
	}
	full.Store(false)
	put(t, s, 30, []byte("v"))
	if p, err := s.Checkpoint("copy", positionIn); err != nil || p != 30 {
		t.Errorf("command %d, %v", p, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A copy that looks damaged, or ends too early, is made again; one that is so again and again is an error.
func TestCheckpointIsMadeAgain(t *testing.T) {
	s, err := kind.Open("dir", options(t, vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 20, []byte("v"))
	tries := 0
	p, err := s.Checkpoint("copy", func(r pebble.Reader) (uint64, error) {
		switch tries++; tries {
		case 1:
			return 0, errors.New("invalid chunk")
		case 2:
			return 19, nil
		}
		return positionIn(r)
	})
	if err != nil || p != 20 || tries != 3 {
		t.Errorf("command %d, %v after %d tries", p, err, tries)
	}
	_, err = s.Checkpoint("other", func(pebble.Reader) (uint64, error) { return 19, nil })
	if !errors.Is(err, errCopy) || !strings.Contains(err.Error(), "command 19") {
		t.Errorf("%v", err)
	}
	if there, err := exists(s.o.FS, "other"); there || err != nil {
		t.Errorf("something is left: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// At whatever operation the power is cut while a store is replaced: the next start has the old one or the new one, whole,
// and nothing lies about; before the replacement returned it may be either, from then on the new one.
func TestReplaceCutOff(t *testing.T) {
	for _, old := range []uint64{0, 20} {
		states := map[uint64]int{}
		every(t, 1, func(fs vfs.FS) {
			if err := fs.MkdirAll("spool", 0o700); err != nil {
				t.Fatal(err)
			}
			for dir, n := range map[string]uint64{"data/store": old, "spool/store": 50} {
				if n == 0 {
					continue
				}
				s, err := kind.Open(dir, options(t, fs))
				if err != nil {
					t.Fatal(err)
				}
				put(t, s, n, []byte("v"))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for _, dir := range []string{"data", "spool", ""} {
				if err := errors.Join(fs.MkdirAll(dir, 0o700), syncDir(fs, dir)); err != nil {
					t.Fatal(err)
				}
			}
		}, func(fs vfs.FS) {
			if err := replace(fs, "data/store", "spool/store"); err != nil {
				t.Fatal(err)
			}
		}, func(at int64, fs *vfs.MemFS, complete bool) {
			p := whole(t, fs, "data/store")
			if p != old && p != 50 || complete && p != 50 {
				t.Fatalf("cut off at operation %d: command %d", at, p)
			}
			states[p]++
			if names, err := fs.List("data"); err != nil || len(names) != 1 {
				t.Fatalf("cut off at operation %d: %q is left, %v", at, names, err)
			}
		})
		if states[old] == 0 || states[50] < 2 {
			t.Errorf("states %v", states)
		}
	}
}

func TestReplaceRefuses(t *testing.T) {
	fs := vfs.NewMem()
	written(t, fs, true) // dir
	for name, c := range map[string]struct {
		make  func()
		words string
	}{
		"nothing":       {func() {}, "not whole"},
		"half a copy":   {func() { _ = fs.MkdirAll("copy/"+Database, 0o700) }, "not whole"},
		"another kind":  {func() { _ = errors.Join(fs.MkdirAll("copy", 0o700), SetFormat(fs, "copy", "uncross other 1")) }, "uncross other 1"},
		"no store, two": {func() { _ = errors.Join(fs.MkdirAll("copy", 0o700), SetFormat(fs, "copy", "x")) }, "of the format"},
	} {
		_ = fs.RemoveAll("copy")
		c.make()
		if err := replace(fs, "dir", "copy"); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
		db, err := kind.View("dir", fs)
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			t.Errorf("%s: the store: %v", name, err)
		}
	}
}

// On the real disk: an open store is not replaced, a closed one is; between the steps a start finds its way, and reading
// without starting says so.
func TestReplaceOnDisk(t *testing.T) {
	root := t.TempDir()
	dir, with := filepath.Join(root, "store"), filepath.Join(root, "copy")
	s, err := kind.Open(dir, options(t, vfs.Default))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 10, []byte("v"))
	if _, err := s.Checkpoint(with, positionIn); err != nil {
		t.Fatal(err)
	}
	put(t, s, 15, []byte("v"))
	if err := Replace(dir, with); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("an open store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := vfs.Default.Rename(with, dir+nextEnding); err != nil { // as after a crash
		t.Fatal(err)
	}
	if _, err := kind.View(dir, vfs.Default); !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "the next start") {
		t.Errorf("viewed in between: %v", err)
	}
	if err := errors.Join(Recover(dir), Recover(dir)); err != nil {
		t.Fatal(err)
	}
	if p := whole(t, vfs.Default, dir); p != 10 {
		t.Errorf("command %d", p)
	}
	if err := vfs.Default.Rename(dir, dir+oldEnding); err != nil {
		t.Fatal(err)
	}
	if err := Recover(dir); err == nil || !strings.Contains(err.Error(), "move either back") {
		t.Errorf("taken away: %v", err)
	}
}
