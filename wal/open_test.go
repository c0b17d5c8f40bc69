package wal

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// TestForeignDirectory: what is not ours is refused and left as it is.
func TestForeignDirectory(t *testing.T) {
	pebbleDir := vfs.NewMem()
	db, err := pebble.Open(testDir, &pebble.Options{FS: pebbleDir, Logger: quietLogger{}})
	must(t, err)
	must(t, db.Set([]byte("k"), []byte("v"), pebble.Sync))
	must(t, db.Close())
	must(t, pebbleDir.Remove(testDir+"/LOCK"))
	some := memFS(t, map[string][]byte{testDir + "/notes.txt": []byte("mine")})
	for name, c := range map[string]struct {
		fs   *vfs.MemFS
		want string
	}{
		"Pebble":     {pebbleDir, "another program's Pebble database"},
		"other file": {some, "notes.txt"},
	} {
		before := files(t, c.fs, testRoot)
		_, err := Open(testDir, testOptions(t, c.fs))
		if !errors.Is(err, ErrNotStore) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Open: %v", name, err)
		}
		if _, err := Verify(in(c.fs)); !errors.Is(err, ErrNotStore) {
			t.Errorf("%s: Verify: %v", name, err)
		}
		after := files(t, c.fs, testRoot)
		if d := changed(before, after); d != "" || len(after) != len(before) {
			t.Errorf("%s: %s changed", name, d)
		}
	}
}

// TestForeignPebbleInside: another database, or another store's, in the place of ours.
func TestForeignPebbleInside(t *testing.T) {
	a, b := vfs.NewMem(), vfs.NewMem()
	for _, fs := range []*vfs.MemFS{a, b} {
		s := mustOpen(t, fs)
		must(t, s.StoreLogs(entries(1, 5, 1, 10)))
		mustClose(t, s)
	}
	mixed := files(t, a, testRoot)
	mixed[testTripwire] = files(t, b, testRoot)[testTripwire]
	_, err := Open(testDir, testOptions(t, memFS(t, mixed)))
	if err == nil || !strings.Contains(err.Error(), "two stores were mixed") {
		t.Fatalf("%v", err)
	}
	must(t, a.RemoveAll(testDir+"/"+namePebble))
	db, err := pebble.Open(testDir+"/"+namePebble, &pebble.Options{FS: a, Logger: quietLogger{}})
	must(t, err)
	must(t, db.Close())
	_, err = Open(testDir, testOptions(t, a))
	if err == nil || !strings.Contains(err.Error(), "no identity of a log store") {
		t.Fatalf("%v", err)
	}
}

func TestNewerVersion(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, fs))
	m := files(t, fs, testRoot)
	b := m[testTripwire]
	le.PutUint32(b[12:], FormatVersion+1)
	le.PutUint32(b[8:], crcOf(b[12:identitySize]))
	_, err := Open(testDir, testOptions(t, memFS(t, m)))
	if !errors.Is(err, errNewer) || !strings.Contains(err.Error(), "use the newer binary") {
		t.Fatalf("%v", err)
	}
}

func TestOtherCluster(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, fs))
	o := testOptions(t, fs)
	o.Cluster = "another"
	if _, err := Open(testDir, o); err == nil || !strings.Contains(err.Error(), `belongs to cluster "test"`) {
		t.Fatalf("%v", err)
	}
	o.Cluster = strings.Repeat("x", MaxCluster+1)
	if _, err := Open(testDir, o); err == nil {
		t.Fatal("an endless cluster id was taken")
	}
	o.Cluster = ""
	s, err := Open(testDir, o)
	must(t, err)
	if s.Cluster() != "test" || len(s.ID()) != 32 {
		t.Fatalf("cluster %q, store %q", s.Cluster(), s.ID())
	}
	mustClose(t, s)
}

func TestInUse(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default} {
		dir := filepath.Join(t.TempDir(), "log")
		s, err := Open(dir, testOptions(t, fs))
		must(t, err)
		if _, err := Open(dir, testOptions(t, fs)); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: second Open: %v", name, err)
		}
		if _, err := Verify(Place{Dir: dir, FS: fs}); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: Verify of a store in use: %v", name, err)
		}
		mustClose(t, s)
	}
}

func TestTripwireMissing(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(entries(1, 9, 1, 10)))
	mustClose(t, s)
	must(t, fs.Remove(testTripwire))
	_, err := Open(testDir, testOptions(t, fs))
	var d *Damage
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "tripwire") {
		t.Fatalf("%v", err)
	}
	o := testOptions(t, fs)
	o.ResetTripwire = true
	s, err = Open(testDir, o)
	must(t, err)
	if last, _ := s.LastIndex(); last != 9 {
		t.Fatalf("last %d", last)
	}
	mustClose(t, s)
	// The identity block must have come back, too.
	mustClose(t, mustOpen(t, fs))
}

func TestFormats(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	if v := s.db.FormatMajorVersion(); v != pebbleFormat || v < pebble.FormatWALSyncChunks {
		t.Fatalf("Pebble format %v", v)
	}
	must(t, s.StoreLogs(entries(1, 3, 1, 40)))
	mustSyncChunks(t, fs)
	mustClose(t, s)
}

// mustSyncChunks: the newest WAL of a fresh store is in the format that knows damage.
func mustSyncChunks(t *testing.T, fs vfs.FS) {
	t.Helper()
	m := files(t, fs, testRoot)
	ps := sortedPaths(m)
	for i := len(ps) - 1; i >= 0; i-- {
		if b := m[ps[i]]; strings.HasSuffix(ps[i], ".log") && len(b) > 6 {
			if b[6] < 9 || b[6] > 12 {
				t.Fatalf("%s: the first chunk has encoding %d", ps[i], b[6])
			}
			return
		}
	}
	t.Fatal("there is no WAL")
}

// TestKilledProcess kills a real process in the middle of its writes.
func TestKilledProcess(t *testing.T) {
	if dir := os.Getenv("WAL_KILL_DIR"); dir != "" {
		writeForEver(t, dir)
	}
	dir := filepath.Join(t.TempDir(), "log")
	var last uint64
	for round := range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
		cmd.Env = append(os.Environ(), "WAL_KILL_DIR="+dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		acked := uint64(0)
		buf := make([]byte, 8)
		for range 200*round + 50 {
			if _, err := readFull(out, buf); err != nil {
				t.Fatal(err)
			}
			acked = le.Uint64(buf)
		}
		must(t, cmd.Process.Kill())
		for {
			if _, err := readFull(out, buf); err != nil {
				break
			}
			acked = le.Uint64(buf)
		}
		_ = cmd.Wait()
		r, err := Verify(Place{Dir: dir})
		must(t, err)
		if r.Last < acked || r.Last < last || r.First != 1 {
			t.Fatalf("acknowledged %d, found %d..%d", acked, r.First, r.Last)
		}
		for _, f := range r.Findings {
			if !f.Expected {
				t.Errorf("a kill has left what is taken for damage: %s", f)
			}
		}
		last = r.Last
	}
	s, err := Open(dir, testOptions(t, nil))
	must(t, err)
	for i := uint64(1); i <= last; i++ {
		var l raft.Log
		must(t, s.GetLog(i, &l))
		must(t, sameLog(&l, entry(i, 1, 700)))
	}
	mustClose(t, s)
}

func readFull(r interface{ Read([]byte) (int, error) }, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		k, err := r.Read(b[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// writeForEver appends and tells each acknowledged index on standard output.
func writeForEver(t *testing.T, dir string) {
	s, err := Open(dir, testOptions(t, nil))
	must(t, err)
	last, err := s.LastIndex()
	must(t, err)
	for i := last + 1; ; i++ {
		must(t, s.StoreLog(entry(i, 1, 700)))
		if _, err := os.Stdout.Write(le.AppendUint64(nil, i)); err != nil {
			os.Exit(0)
		}
	}
}
