package wal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

func TestVerifyReport(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	must(t, s.StageCommitIndex(4))
	must(t, s.StoreLogs(entries(3, 6, 1, 10)))
	must(t, s.StoreLogs(entries(7, 7, 2, 10)))
	must(t, s.StoreLogs(entries(8, 9, 5, 10)))
	must(t, s.SetUint64([]byte("CurrentTerm"), 5))
	hash, bytes, id := s.LastHash(), s.Bytes(), s.ID()
	// A kill leaves the WAL without a clean end.
	killed := memFS(t, files(t, fs, testRoot))
	mustClose(t, s)
	for name, fs := range map[string]*vfs.MemFS{"closed": fs, "killed": killed} {
		before := files(t, fs, testRoot)
		r, err := Verify(in(fs))
		must(t, err)
		if d := changed(before, files(t, fs, testRoot)); d != "" {
			t.Errorf("%s: Verify changed %s", name, d)
		}
		if r.Damage != nil || r.Entries != 7 || r.First != 3 || r.Last != 9 || r.LastHash != hash || int64(r.Bytes) != bytes ||
			r.Commit != 4 || r.StableKeys != 1 || r.Store != id || r.Cluster != "test" || r.Format != FormatVersion ||
			r.PebbleFormat != uint64(pebbleFormat) || r.TripwireLast != 9 || r.TripwireWrite != r.Write || len(r.Findings) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		want := []TermRange{{1, 3, 6}, {2, 7, 7}, {5, 8, 9}}
		if len(r.Terms) != len(want) || r.Terms[0] != want[0] || r.Terms[1] != want[1] || r.Terms[2] != want[2] {
			t.Errorf("%s: terms %v", name, r.Terms)
		}
	}
}

func TestVerifyNothing(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := Verify(in(fs)); !os.IsNotExist(errors.Unwrap(err)) {
		t.Errorf("missing directory: %v", err)
	}
	must(t, fs.MkdirAll(testDir, 0o755))
	if _, err := Verify(in(fs)); !errors.Is(err, ErrNotStore) {
		t.Errorf("empty directory: %v", err)
	}
	cut := memFS(t, map[string][]byte{testDir + "/" + nameCreating: nil, testDir + "/" + namePebble + "/junk": {1}})
	if _, err := Verify(in(cut)); !errors.Is(err, ErrNotStore) {
		t.Errorf("creation cut off: %v", err)
	}
	mustClose(t, mustOpen(t, cut))
}

// TestVerifyReadOnlyDirectory checks a copy that may not be written to.
func TestVerifyReadOnlyDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	s, err := Open(dir, testOptions(t, nil))
	must(t, err)
	must(t, s.StoreLogs(entries(1, 100, 1, 1000)))
	mustClose(t, s)
	r, err := Verify(Place{Dir: dir, FS: readOnlyFS{vfs.Default}})
	if err != nil || r.Last != 100 {
		t.Fatalf("%+v, %v", r, err)
	}
	must(t, os.Remove(filepath.Join(dir, nameLock)))
	r, err = Verify(Place{Dir: dir})
	if err != nil || r.Last != 100 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := os.Stat(filepath.Join(dir, nameLock)); !os.IsNotExist(err) {
		t.Fatalf("Verify made a lock file: %v", err)
	}
}

func TestReplay(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(entries(10, 19, 3, 50)))
	mustClose(t, s)
	var got []uint64
	collect := func(index, term uint64, typ raft.LogType, data []byte) error {
		w := entry(index, term, 50)
		if term != 3 || typ != w.Type || string(data) != string(w.Data) {
			t.Errorf("index %d: term %d, type %v, %d bytes", index, term, typ, len(data))
		}
		got = append(got, index)
		return nil
	}
	for from, want := range map[uint64]int{0: 10, 10: 10, 17: 3, 19: 1, 20: 0} {
		got = nil
		must(t, Replay(in(fs), from, collect))
		if len(got) != want || want > 0 && (got[0] != max(from, 10) || got[want-1] != 19) {
			t.Errorf("from %d: %v", from, got)
		}
	}
	if err := Replay(in(fs), 9, collect); err == nil {
		t.Error("replaying from before the log was not refused")
	}
	stop := errors.New("enough")
	if err := Replay(in(fs), 0, func(uint64, uint64, raft.LogType, []byte) error { return stop }); err != stop {
		t.Errorf("fn's error came back as %v", err)
	}
	if p := catch(func() {
		_ = Replay(in(fs), 0, func(uint64, uint64, raft.LogType, []byte) error { panic("engine") })
	}); p != "engine" {
		t.Errorf("fn's panic came back as %v", p)
	}
	// The panic did not leave the store locked.
	mustClose(t, mustOpen(t, fs))
}

// TestVerifyReadsWhatWasRemoved: a table may hold nothing but removed entries until a compaction, which cannot go on when it
// meets damage there.
func TestVerifyReadsWhatWasRemoved(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(entries(1, 100, 1, 1000)))
	mustClose(t, s)
	s = mustOpen(t, fs)
	must(t, s.DeleteRange(1, 90))
	mustClose(t, s)
	if _, err := Verify(in(fs)); err != nil {
		t.Fatal(err)
	}
	whole := files(t, fs, testRoot)
	found := 0
	for p, b := range whole {
		if !strings.HasSuffix(p, ".sst") || len(b) < 50_000 {
			continue
		}
		damaged := cloneFiles(whole)
		damaged[p][5_000] ^= 1 // of one of the first entries
		_, err := Verify(in(memFS(t, damaged)))
		var d *Damage
		if !errors.As(err, &d) || d.File != p {
			t.Errorf("%s: %v", p, err)
		}
		found++
	}
	if found == 0 {
		t.Fatal("no table holds the removed entries: nothing was tried")
	}
}
