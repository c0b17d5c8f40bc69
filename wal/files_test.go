package wal

import (
	"errors"
	"math/rand/v2"
	"path"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// flushed is a store with tables, WALs that are done with, one of them written over an earlier one, two MANIFESTs, and the rest:
// as a kill leaves it, and closed.
func flushed(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs)
	must(t, s.StoreLogs(entries(1, 5, 1, 60)))
	mustClose(t, s)
	s = mustOpen(t, fs)
	for i := uint64(6); i < 30; i += 4 {
		must(t, s.StoreLogs(entries(i, i+2, 2, 70-int(i))))
		must(t, s.StoreLog(entry(i+3, 2, 20)))
		must(t, s.db.Flush())
	}
	must(t, s.DeleteRange(1, 7))
	must(t, s.SetUint64([]byte("CurrentTerm"), 2))
	must(t, s.StoreLogs(entries(30, 34, 3, 50)))
	must(t, s.StoreLog(entry(35, 3, 40)))
	killed := files(t, fs, testRoot)
	mustClose(t, s)
	return map[string]map[string][]byte{"killed": killed, "closed": files(t, fs, testRoot)}
}

// findsIn are the files that Verify names, other than those that a kill leaves.
func findsIn(t *testing.T, files map[string][]byte) (named, left []string) {
	t.Helper()
	r, err := Verify(in(memFS(t, files)))
	var d *Damage
	if err != nil && !errors.As(err, &d) {
		t.Errorf("Verify: %v", err)
	}
	if d != nil {
		named = append(named, d.File)
	}
	for _, f := range r.Findings {
		if f.Expected {
			left = append(left, f.File)
		} else {
			named = append(named, f.File)
		}
	}
	return named, left
}

// spare is where the bytes of a WAL that Pebble has written over an earlier one begin to be that one's: nothing says any more
// what they were, and they are no part of the log. Of all other files every byte counts.
func spare(p string, b []byte) int {
	name := walName.FindStringSubmatch(path.Base(p))
	if name == nil {
		return len(b)
	}
	number, _ := strconv.Atoi(name[1])
	f := &chunkFile{b: b, isWAL: true, number: uint32(number)}
	end, marked := f.end()
	if marked {
		end += numberedHeader
	}
	return end
}

// TestFlippedBitsAreNamed flips a bit of one in 32 bytes of every file of a store, or of each with WAL_POINTS=100, and
// Verify names the file each time.
func TestFlippedBitsAreNamed(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 7))
	all := percent(t) == 100
	for name, whole := range flushed(t) {
		named, left := findsIn(t, whole)
		if len(named) > 0 {
			t.Errorf("%s: there is something in %v", name, named)
		}
		work, flips := make(chan func()), map[string]int{}
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for f := range work {
					f()
				}
			})
		}
		for _, p := range sortedPaths(whole) {
			if slices.Contains(left, p) {
				continue // a table that Pebble has not yet removed: Verify names it as such
			}
			n := spare(p, whole[p])
			flips["spare"] += len(whole[p]) - n
			for at := range n {
				if !all && at > 0 && at < n-1 && rng.IntN(32) > 0 {
					continue
				}
				bit := byte(1) << rng.IntN(8)
				flips[kindOf(p)]++
				work <- func() {
					flipped := cloneFiles(whole)
					flipped[p][at] ^= bit
					if named, _ := findsIn(t, flipped); !slices.Contains(named, p) {
						t.Errorf("%s: %s, byte %d of %d, bit %#x: named is %v", name, p, at, len(whole[p]), bit, named)
					}
				}
			}
		}
		close(work)
		workers.Wait()
		t.Logf("%s: %v", name, flips)
		for _, k := range []string{".log", ".sst", "MANIFEST", "OPTIONS", "log.tripwire", "spare"} {
			if flips[k] == 0 {
				t.Errorf("%s: there is nothing of the kind %s", name, k)
			}
		}
	}
}

// TestOtherFilesAreNamed: what is to be empty and is not, and what nobody knows, is named, and what a kill leaves is told apart.
func TestOtherFilesAreNamed(t *testing.T) {
	whole := flushed(t)["closed"]
	for p, expected := range map[string]bool{
		testDir + "/pebble/LOCK":                                 false,
		testDir + "/pebble/marker.format-version.000099.024":     false,
		testDir + "/pebble/marker.manifest.000000.MANIFEST-0009": false,
		testDir + "/pebble/notes.txt":                            false,
		testDir + "/notes.txt":                                   false,
		testDir + "/pebble/temporary.000017.dbtmp":               true,
		testDir + "/pebble/000099.sst":                           true,
	} {
		more := cloneFiles(whole)
		more[p] = []byte("x")
		r, _ := Verify(in(memFS(t, more)))
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.File == p })
		if i < 0 || r.Findings[i].Expected != expected {
			t.Errorf("%s: %v", p, r.Findings)
		}
	}
}

// TestTornTails: the words for an end that may be damage or a crash, and for what is certain. What the log can be read without is
// gone after a few starts.
func TestTornTails(t *testing.T) {
	whole := flushed(t)["killed"]
	of := func(kind string, newest bool) string {
		ps := slices.DeleteFunc(sortedPaths(whole), func(p string) bool { return kindOf(p) != kind || len(whole[p]) == 0 })
		if newest {
			return ps[len(ps)-1]
		}
		return ps[0]
	}
	done := of(".log", false) // one that is closed, without what it was written over
	whole[done] = whole[done][:spare(done, whole[done])]
	for _, c := range []struct {
		path     string
		change   func([]byte) []byte
		says     string
		expected bool
	}{
		{of("MANIFEST", true), func(b []byte) []byte { return b[:len(b)-1] }, saysCutOrBroken, false},
		{of("MANIFEST", true), func(b []byte) []byte { return append(b, 1) }, saysCutOrBroken, false},
		{of("MANIFEST", false), func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, saysCutOrBroken, false},
		{of("MANIFEST", true), func(b []byte) []byte { b[9] ^= 1; return b }, saysFlipped, false},
		{done, func(b []byte) []byte { b[30] ^= 1; return b }, saysFlipped, false},
		{done, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, saysMark, false},
		{done, func(b []byte) []byte { b = b[:len(b)-numberedHeader]; b[len(b)-1] ^= 1; return b }, saysCutOrBroken, false},
		{done, func(b []byte) []byte { return b[:len(b)-numberedHeader-1] }, saysCut, true},
		{testTripwire, func(b []byte) []byte { b[2*tripBlock] ^= 1; return b }, saysSlot, false},
		{testTripwire, func(b []byte) []byte { b[tripBlock-1] ^= 1; return b }, saysPadding, false},
	} {
		changed := cloneFiles(whole)
		changed[c.path] = c.change(changed[c.path])
		fs := memFS(t, changed)
		r, err := Verify(in(fs))
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.File == c.path && f.What == c.says && f.Expected == c.expected }) {
			t.Errorf("%s: %v, want %q", c.path, r.Findings, c.says)
		}
		if err != nil {
			continue
		}
		for range 3 { // the MANIFEST before the last is kept
			mustClose(t, mustOpen(t, fs))
		}
		if r, err := Verify(in(fs)); err != nil || len(r.Findings) > 0 {
			t.Errorf("%s: %q is still there after some starts: %v, %v", c.path, c.says, r.Findings, err)
		}
	}
}
