package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"uncross/replication"
	"uncross/wal"
)

// TestNoFIXStoreWithoutSessions: data of a version that had no FIX, with a snapshot and a log that is cut, are sound, and a
// start on them warns of nothing.
func TestNoFIXStoreWithoutSessions(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	if err := v.snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dataDir(v.data).fix()); err != nil {
		t.Fatal(err)
	}
	if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" || !strings.Contains(lines["FIX store"], "no FIX sessions") {
		t.Errorf("status %d:\n%s", status, text)
	}
	v.mustStart()
	said, err := v.stop(syscall.SIGTERM)
	if err != nil || strings.Contains(said, "level=WARN") || strings.Contains(said, "level=ERROR") {
		t.Errorf("%v, and it said:\n%s", err, said)
	}
	if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" {
		t.Errorf("after a start, status %d:\n%s", status, text)
	}
}

// TestFlippedBitsAnywhere flips bits in every file of the log, of its tripwire and of the snapshots of a node that has run a
// few times: verify ends with status 1 and names the file.
func TestFlippedBitsAnywhere(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	replayOn(t, v, syntheticSet(t, 100), nil)
	if err := v.snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.stop(syscall.SIGTERM)
	v.mustStart()
	v.stop(syscall.SIGKILL)
	if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" {
		t.Fatalf("before, status %d:\n%s", status, text)
	}
	d, seen := dataDir(v.data), map[string]int{}
	for _, root := range []string{d.wal(), wal.DefaultTripwire(d.wal()), d.snapshots()} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			whole, err := os.ReadFile(path)
			if err != nil || len(whole) == 0 {
				return err
			}
			for _, at := range []int{0, rand.IntN(len(whole)), len(whole) - 1} {
				broken := bytes.Clone(whole)
				broken[at] ^= 1 << rand.IntN(8)
				if err := os.WriteFile(path, broken, 0o600); err != nil {
					return err
				}
				if lines, status, text := v.verify(); status != exitFailed || lines["result"] != "DAMAGED" || !strings.Contains(text, path) || strings.Contains(text, path+": sound") {
					t.Errorf("%s, byte %d of %d: status %d:\n%s", path, at, len(whole), status, text)
				}
			}
			seen[strings.TrimRight(e.Name(), "-0123456789")]++
			return os.WriteFile(path, whole, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" {
		t.Errorf("after, status %d:\n%s", status, text)
	}
	t.Log(seen)
}

// TestStoreEndsBeforeState: a store that is behind the log is no damage, but told; one that is behind the snapshot is damage.
func TestStoreEndsBeforeState(t *testing.T) {
	seen := replication.Inspection{State: replication.State{Seq: 96}, Commands: 16}
	for _, c := range []struct {
		position uint64
		known    bool
		says     string
		damaged  bool
	}{
		{96, true, "", false},
		{92, true, "the history ends at command 92, the state is at 96", false},
		{92, false, "", false}, // where the state is not known
		{79, true, "it was on disk up to command 80", true},
		{97, true, "the log only to command 96", true},
	} {
		said := map[string]string{}
		err := follower{name: "history", position: c.position}.check(c.known, seen, func(name, format string, args ...any) { said[name] = fmt.Sprintf(format, args...) })
		name := "note"
		if c.damaged {
			name = "damage"
		}
		if (err != nil) != c.damaged || !strings.Contains(said[name], c.says) || (c.says == "") != (said[name] == "") {
			t.Errorf("command %d: %v, %q", c.position, err, said)
		}
	}
}

// TestLogIsGone: a node whose log's directory is gone is not begun anew; the tripwire, on another disk too, and verify tell
// what was there.
func TestLogIsGone(t *testing.T) {
	for name, tripwire := range map[string]string{"in its usual place": "", "on another disk": filepath.Join(t.TempDir(), "uncross.tripwire")} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			if tripwire != "" {
				t.Setenv("UNCROSS_TRIPWIRE", tripwire)
			}
			v.mustStart()
			v.stop(syscall.SIGKILL)
			d := dataDir(v.data)
			aside := filepath.Join(t.TempDir(), "wal")
			if err := os.Rename(d.wal(), aside); err != nil {
				t.Fatal(err)
			}
			if tripwire == "" {
				tripwire = wal.DefaultTripwire(d.wal())
			}
			check := func() {
				if err := v.start(); err == nil || !strings.Contains(err.Error(), "but one was there") || !strings.Contains(err.Error(), tripwire) {
					t.Errorf("it starts, or says %v", err)
				}
				if lines, status, text := v.verify(); status != exitFailed || !strings.Contains(lines["damage"], "but one was there") {
					t.Errorf("verify: status %d:\n%s", status, text)
				}
			}
			check()
			if err := os.Mkdir(d.wal(), 0o700); err != nil {
				t.Fatal(err)
			}
			check()
			if err := errors.Join(os.Remove(d.wal()), os.Rename(aside, d.wal())); err != nil {
				t.Fatal(err)
			}
			v.mustStart()
		})
	}
}
