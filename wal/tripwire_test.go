package wal

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

const (
	formerTripwire = testDir + "/" + nameFormerTripwire
	otherTripwire  = "disk2/wal.tripwire"
)

// written is a closed store with some entries, on a file system that has another disk as well.
func written(t *testing.T, fs *vfs.MemFS) *model {
	t.Helper()
	m := &model{logs: entries(1, 9, 1, 100), stable: map[string]string{}}
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(m.logs))
	mustClose(t, s)
	must(t, fs.MkdirAll("disk2", 0o755))
	return m
}

// move moves a file durably, as an operator does.
func move(t *testing.T, fs vfs.FS, from, to string) {
	t.Helper()
	must(t, fs.Rename(from, to))
	must(t, syncDir(fs, fs.PathDir(from)))
	must(t, syncDir(fs, fs.PathDir(to)))
}

// TestTripwireIsMoved: a store of the first version, and one whose tripwire is to be elsewhere, is opened with a power cut at
// every operation, none, some or all of the unsynced blocks being on disk. A tripwire is in force in each of those copies,
// and each of them opens.
func TestTripwireIsMoved(t *testing.T) {
	for _, c := range []struct{ name, from, to string }{
		{"of the first version", formerTripwire, testTripwire},
		{"of the first version, to another disk", formerTripwire, otherTripwire},
		{"to another disk", testTripwire, otherTripwire},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := vfs.NewCrashableMem()
			m := written(t, inner)
			for _, dir := range []string{"", "data", "disk2"} {
				must(t, syncDir(inner, dir))
			}
			move(t, inner, testTripwire, c.from)
			before, err := readTripwire(inner, c.from)
			must(t, err)
			durable, _ := before.newest()
			x := &crasher{rng: rand.New(rand.NewPCG(seed(t), 5)), inner: inner, states: []*model{m}, percent: 100, tripwire: c.to}
			moved := 0
			x.check = func(clone *vfs.MemFS, _, _ int64, op errorfs.Op) {
				p := Place{Dir: testDir, Tripwire: c.to, FS: clone}
				found, err := p.findTripwires()
				if err != nil || len(found) == 0 {
					t.Fatalf("crash before %v %s: %d tripwires are in force, %v", op.Kind, op.Path, len(found), err)
				}
				for _, trip := range found {
					if now, ok := trip.newest(); !ok || now.seq < durable.seq {
						t.Errorf("crash before %v %s: %s is at write %d, %d was durable", op.Kind, op.Path, trip.path, now.seq, durable.seq)
					}
				}
				if found[0].path == c.to {
					moved++
				}
				if _, err := Verify(p); err != nil {
					t.Errorf("crash before %v %s: %v", op.Kind, op.Path, err)
				}
				if _, err := x.matches(t, clone, 0, 0); err != nil {
					t.Errorf("crash before %v %s: %v", op.Kind, op.Path, err)
				}
				mustHaveMoved(t, clone, c.from, c.to)
			}
			if _, err := x.matches(t, errorfs.Wrap(inner, errorfs.InjectorFunc(x.inject)), 0, 0); err != nil {
				t.Fatal(err)
			}
			mustHaveMoved(t, inner, c.from, c.to)
			if moved == 0 || moved == x.clones {
				t.Errorf("of %d crashes %d came after the move", x.clones, moved)
			}
		})
	}
}

func mustHaveMoved(t *testing.T, fs vfs.FS, from, to string) {
	t.Helper()
	if _, err := fs.Stat(to); err != nil {
		t.Errorf("not in its new place: %v", err)
	}
	if _, err := fs.Stat(from); !os.IsNotExist(err) {
		t.Errorf("still in its former place: %v", err)
	}
}

// TestLogIsGone: where the log's directory was lost, emptied or put back to its beginning, the tripwire keeps it from being
// begun anew, and nothing is changed.
func TestLogIsGone(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *vfs.MemFS){
		"missing": func(*testing.T, *vfs.MemFS) {},
		"empty":   func(t *testing.T, fs *vfs.MemFS) { must(t, fs.MkdirAll(testDir, 0o755)) },
		"locked":  func(t *testing.T, fs *vfs.MemFS) { create0(t, fs, testDir+"/"+nameLock) },
		"at its beginning": func(t *testing.T, fs *vfs.MemFS) {
			create0(t, fs, testDir+"/"+nameCreating)
		},
	} {
		for _, tripwire := range []string{testTripwire, otherTripwire} {
			fs := vfs.NewMem()
			written(t, fs)
			if tripwire != testTripwire {
				move(t, fs, testTripwire, tripwire)
			}
			must(t, fs.RemoveAll(testDir))
			lose(t, fs)
			before := files(t, fs, "")
			p := Place{Dir: testDir, Tripwire: tripwire, FS: fs}
			_, verified := Verify(p)
			for _, reset := range []bool{false, true} {
				o := testOptions(t, fs)
				o.Tripwire, o.ResetTripwire = tripwire, reset
				_, opened := Open(testDir, o)
				for _, err := range []error{opened, verified} {
					var d *Damage
					if !errors.As(err, &d) || d.File != tripwire || !strings.Contains(d.What, "with entries up to 9") ||
						!strings.Contains(d.Advice, "restore a backup") || !strings.Contains(d.Advice, "join anew") {
						t.Errorf("%s, %s, reset %v: %v", name, tripwire, reset, err)
					}
				}
			}
			if d := Missing(p); d == nil || d.File != tripwire {
				t.Errorf("%s, %s: %v", name, tripwire, d)
			}
			if d := changed(before, files(t, fs, "")); d != "" {
				t.Errorf("%s, %s: %s was changed", name, tripwire, d)
			}
		}
	}
}

func create0(t *testing.T, fs vfs.FS, path string) {
	t.Helper()
	must(t, fs.MkdirAll(fs.PathDir(path), 0o755))
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	must(t, err)
	must(t, f.Close())
}

// TestNothingWasLost: a store that has lost its directory before anything was written to it begins anew.
func TestNothingWasLost(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, fs))
	must(t, fs.RemoveAll(testDir))
	if d := Missing(in(fs)); d != nil {
		t.Fatal(d)
	}
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(entries(1, 2, 1, 10)))
	mustClose(t, s)
	mustClose(t, mustOpen(t, fs))
}

// TestLogOfAnotherMoment: a log that was put back to an earlier moment, in the form of the first version too, or another
// store's log, is refused, and nothing is changed.
func TestLogOfAnotherMoment(t *testing.T) {
	fs := vfs.NewMem()
	written(t, fs)
	early := files(t, fs, testDir)
	first := cloneFiles(early)
	first[formerTripwire] = files(t, fs, testRoot)[testTripwire]
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(entries(10, 12, 1, 10)))
	mustClose(t, s)
	now := files(t, fs, testRoot)
	other := vfs.NewMem()
	written(t, other)
	for name, c := range map[string]struct {
		log  map[string][]byte
		want string
	}{
		"earlier":          {early, "the newest writes are gone"},
		"first version":    {first, "the newest writes are gone"},
		"of another store": {files(t, other, testDir), "another log was put in the place"},
	} {
		dir := cloneFiles(c.log)
		dir[testTripwire] = now[testTripwire]
		fs := memFS(t, dir)
		_, err := Open(testDir, testOptions(t, fs))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if d := changed(dir, files(t, fs, testRoot)); d != "" {
			t.Errorf("%s: %s was changed", name, d)
		}
	}
}

// TestNamedTripwire: a tripwire on another disk is missed when that disk, or its name, is not there.
func TestNamedTripwire(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.Tripwire = otherTripwire
	if _, err := Open(testDir, o); err == nil || !strings.Contains(err.Error(), "the directory of the tripwire file") {
		t.Errorf("without its directory: %v", err)
	}
	must(t, fs.MkdirAll("disk2", 0o755))
	s, err := Open(testDir, o)
	must(t, err)
	must(t, s.StoreLogs(entries(1, 3, 1, 10)))
	mustClose(t, s)
	if _, err := fs.Stat(testTripwire); !os.IsNotExist(err) {
		t.Errorf("there is one in the usual place too: %v", err)
	}
	if _, err := Open(testDir, testOptions(t, fs)); err == nil || !strings.Contains(err.Error(), "tripwire file is missing") {
		t.Errorf("without its name: %v", err)
	}
	o.Tripwire = testDir + "/tripwire"
	if _, err := Open(testDir, o); err == nil || !strings.Contains(err.Error(), "would be lost with the log") {
		t.Errorf("inside the log's directory: %v", err)
	}
}

// TestTripwireByAnotherName: the usual place under another name is no former place, and stays.
func TestTripwireByAnotherName(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "data", "log")
	must(t, os.Mkdir(filepath.Join(root, "data"), 0o700))
	must(t, os.Symlink("data", filepath.Join(root, "alias")))
	o := testOptions(t, nil)
	o.Tripwire = filepath.Join(root, "alias", "log.tripwire")
	for range 2 {
		s, err := Open(dir, o)
		must(t, err)
		mustClose(t, s)
	}
	if _, err := os.Stat(DefaultTripwire(dir)); err != nil {
		t.Fatal(err)
	}
}
