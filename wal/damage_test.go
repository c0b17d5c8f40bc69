package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// damageCase is a store as files, and what it holds.
type damageCase struct {
	name  string
	files map[string][]byte
	m     *model
}

// damageCases are stores with records in sstables only, in the WAL only, and in both.
func damageCases(t *testing.T) []damageCase {
	var cases []damageCase
	build := func(name string, work func(*vfs.MemFS, *Store, *model) *Store, clean bool) {
		fs := vfs.NewCrashableMem()
		m := &model{stable: map[string]string{}}
		s := work(fs, mustOpen(t, fs), m)
		left := files(t, fs, testRoot) // as after a kill: what was written is there, synced or not
		mustClose(t, s)
		if clean {
			left = files(t, fs, testRoot)
		}
		cases = append(cases, damageCase{name, left, m})
	}
	fill := func(s *Store, m *model, first, last, term uint64, size int) {
		for i := first; i <= last; i += 5 {
			ls := entries(i, min(i+4, last), term, size)
			must(t, s.StoreLogs(ls))
			m.logs = append(m.logs, ls...)
		}
		must(t, s.SetUint64([]byte("CurrentTerm"), term))
		m.stable["CurrentTerm"] = "\x00\x00\x00\x00\x00\x00\x00" + string(rune(term))
	}
	wal := func(fs *vfs.MemFS, s *Store, m *model) *Store {
		fill(s, m, 1, 60, 1, 200)
		must(t, s.DeleteRange(58, 60))
		m.deleteRange(58, 60)
		fill(s, m, 58, 120, 2, 500)
		return s
	}
	build("killed, all in the WAL", wal, false)
	build("closed, all in sstables", wal, true)
	build("killed, sstables and WAL", func(fs *vfs.MemFS, s *Store, m *model) *Store {
		s = wal(fs, s, m)
		mustClose(t, s)
		s = mustOpen(t, fs)
		must(t, s.DeleteRange(1, 20))
		m.deleteRange(1, 20)
		fill(s, m, 121, 150, 3, 300)
		return s
	}, false)
	return cases
}

// try looks at a damaged copy: either it is found, or every entry is as it was.
func (c *damageCase) try(t *testing.T, what string, damaged map[string][]byte, open bool) (found bool) {
	t.Helper()
	fs := memFS(t, damaged)
	before := files(t, fs, testRoot)
	r, err := Verify(in(fs))
	if d := changed(before, files(t, fs, testRoot)); d != "" {
		t.Errorf("%s: %s: Verify changed %s", c.name, what, d)
	}
	if err == nil && (r.Entries != uint64(len(c.m.logs)) || r.Last != c.m.last()) {
		t.Errorf("%s: %s: Verify found nothing, but %d entries to %d are left", c.name, what, r.Entries, r.Last)
	}
	if err != nil && !open {
		return true
	}
	s, oerr := Open(testDir, Options{FS: fs, Logger: quiet, Fatal: func(error) { select {} }})
	// Verify alone reads the blocks of tables that hold nothing but what was removed.
	dead := err != nil && oerr == nil && strings.Contains(what, ".sst ") && strings.Contains(err.Error(), "checksum")
	if (err == nil) != (oerr == nil) && !dead {
		t.Errorf("%s: %s: Verify says %v, Open says %v", c.name, what, err, oerr)
	}
	if oerr != nil {
		if d := changed(before, files(t, fs, testRoot)); d != "" {
			t.Errorf("%s: %s: a refused Open changed %s", c.name, what, d)
		}
		return true
	}
	if derr := c.m.diff(s); derr != nil {
		t.Errorf("%s: %s: opened without a word, but: %v", c.name, what, derr)
	}
	_ = s.Close()
	return err != nil
}

func changed(a, b map[string][]byte) string {
	for p := range b {
		if !bytes.Equal(a[p], b[p]) {
			return p
		}
		if _, ok := a[p]; !ok && path.Base(p) != nameLock {
			return p
		}
	}
	for p := range a {
		if _, ok := b[p]; !ok {
			return p + " (removed)"
		}
	}
	return ""
}

func sortedPaths(m map[string][]byte) []string {
	var ps []string
	for p := range m {
		ps = append(ps, p)
	}
	sort.Strings(ps)
	return ps
}

func kindOf(p string) string {
	b := path.Base(p)
	switch {
	case strings.HasSuffix(b, ".log"), strings.HasSuffix(b, ".sst"):
		return b[len(b)-4:]
	case strings.Contains(b, "-"):
		return b[:strings.Index(b, "-")]
	}
	return b
}

// TestFlippedBytes flips one byte at many places of every file; WAL_POINTS says how many.
func TestFlippedBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 3))
	perFile := max(12, 60*percent(t)/100)
	found, harmless := map[string]int{}, map[string]int{}
	for _, c := range damageCases(t) {
		for _, p := range sortedPaths(c.files) {
			b := c.files[p]
			for i, off := range sampleOffsets(rng, len(b), perFile) {
				damaged := cloneFiles(c.files)
				damaged[p][off] ^= byte(1 + rng.IntN(255))
				what := fmt.Sprintf("%s of %d bytes, byte %d flipped", p, len(b), off)
				if c.try(t, what, damaged, i%8 == 0) {
					found[kindOf(p)]++
				} else {
					harmless[kindOf(p)]++
				}
				if t.Failed() {
					return
				}
			}
		}
	}
	t.Logf("found %v, harmless %v", found, harmless)
	for _, k := range []string{".log", ".sst", "MANIFEST", "log.tripwire"} {
		if found[k] == 0 {
			t.Errorf("no damage to %s was ever found", k)
		}
	}
}

// sampleOffsets takes the first and last bytes and random ones between.
func sampleOffsets(rng *rand.Rand, size, n int) []int {
	set := map[int]bool{}
	for i := range min(size, n/4) {
		set[i], set[size-1-i] = true, true
	}
	for range min(size, n/2) {
		set[rng.IntN(size)] = true
	}
	var offs []int
	for o := range set {
		offs = append(offs, o)
	}
	slices.Sort(offs)
	return offs
}

func cloneFiles(m map[string][]byte) map[string][]byte {
	c := map[string][]byte{}
	for p, b := range m {
		c[p] = bytes.Clone(b)
	}
	return c
}

// TestCutAndMissingFiles cuts every file short, and takes every file away.
func TestCutAndMissingFiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 4))
	found := 0
	for _, c := range damageCases(t) {
		for _, p := range sortedPaths(c.files) {
			for i := range 8 {
				damaged := cloneFiles(c.files)
				what := p + " missing"
				if n := len(damaged[p]); i > 0 && n > 0 {
					cut := rng.IntN(n)
					damaged[p] = damaged[p][:cut]
					what = fmt.Sprintf("%s cut from %d to %d bytes", p, n, cut)
				} else {
					delete(damaged, p)
				}
				if c.try(t, what, damaged, true) {
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}

// twoMoments is a store's files at an earlier moment, and at a later one with what must be in them.
func twoMoments(t *testing.T) (old map[string][]byte, c damageCase) {
	t.Helper()
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs)
	defer mustClose(t, s)
	m := &model{logs: entries(1, 40, 1, 250), stable: map[string]string{}}
	must(t, s.StoreLogs(m.logs))
	old = files(t, fs.CrashClone(vfs.CrashCloneCfg{}), testRoot)
	more := entries(41, 45, 1, 100)
	must(t, s.StoreLogs(more))
	m.logs = append(m.logs, more...)
	return old, damageCase{"old file", files(t, fs, testRoot), m}
}

// TestOldFiles puts files of an earlier moment in the place of the present ones, as a
// disk does that lost writes.
func TestOldFiles(t *testing.T) {
	old, c := twoMoments(t)
	n := 0
	for _, p := range sortedPaths(c.files) {
		if bytes.Equal(old[p], c.files[p]) {
			continue
		}
		n++
		damaged := cloneFiles(c.files)
		damaged[p] = old[p]
		found := c.try(t, p+" is old", damaged, true)
		if strings.HasSuffix(p, ".log") && !found {
			t.Errorf("a WAL that forgot its newest writes was taken")
		}
	}
	if n < 2 {
		t.Fatalf("only %d files changed", n)
	}
}

// TestMisdirectedBlocks puts each block of a file as it was at an earlier moment where each of its present blocks is, as a disk
// does that writes in the wrong place, or lost a write of one block.
func TestMisdirectedBlocks(t *testing.T) {
	const block = 4 << 10
	old, c := twoMoments(t)
	found := 0
	for _, p := range sortedPaths(c.files) {
		for from := 0; from < len(old[p]); from += block {
			for to := 0; to < len(c.files[p]); to += block {
				damaged := cloneFiles(c.files)
				stray := make([]byte, block) // zeros behind the file's end
				copy(stray, old[p][from:])
				copy(damaged[p][to:], stray)
				if bytes.Equal(damaged[p], c.files[p]) {
					continue
				}
				what := fmt.Sprintf("%s has its block at %d at %d", p, from, to)
				if c.try(t, what, damaged, true) {
					found++
				} else if strings.HasSuffix(p, ".log") {
					t.Errorf("%s, and nobody noticed", what)
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}

// TestLostTailIsNamed: the message says where the log ends and what was durable.
func TestLostTailIsNamed(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, fs)
	for i := uint64(1); i <= 30; i++ {
		must(t, s.StoreLog(entry(i, 1, 100)))
	}
	m := files(t, fs, testRoot)
	mustClose(t, s)
	for p, b := range m {
		if strings.HasSuffix(p, ".log") && len(b) > 0 {
			m[p] = b[:len(b)-300] // one batch and a half
		}
	}
	_, err := Verify(in(memFS(t, m)))
	var d *Damage
	if !errors.As(err, &d) {
		t.Fatalf("not found: %v", err)
	}
	if d.LastGood != 28 && d.LastGood != 29 || d.Index != d.LastGood+1 || !strings.HasSuffix(d.File, ".log") || d.Offset <= 0 {
		t.Fatalf("%+v", d)
	}
	for _, want := range []string{"the log ends at index", "but index 30", "was durable", "healthy replica"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	// The operator's word.
	o := testOptions(t, memFS(t, m))
	o.ResetTripwire = true
	s, err = Open(testDir, o)
	must(t, err)
	if last, _ := s.LastIndex(); last != d.LastGood {
		t.Fatalf("last %d", last)
	}
	must(t, s.StoreLog(entry(d.LastGood+1, 2, 5)))
	mustClose(t, s)
	o.ResetTripwire = false
	s, err = Open(testDir, o)
	must(t, err)
	mustClose(t, s)
}

// TestDamageIsPlaced: Verify names the file, the offset and the index before the damage.
func TestDamageIsPlaced(t *testing.T) {
	for _, c := range damageCases(t) {
		for _, p := range sortedPaths(c.files) {
			ext := kindOf(p)
			if len(c.files[p]) < 30_000 || ext != ".log" && ext != ".sst" {
				continue
			}
			if ext == ".log" && strings.HasPrefix(c.name, "closed") {
				continue // flushed, kept for recycling
			}
			damaged := cloneFiles(c.files)
			at := len(damaged[p]) * 6 / 10
			damaged[p][at] ^= 0x40
			r, err := Verify(in(memFS(t, damaged)))
			if err == nil || r.Damage == nil {
				t.Fatalf("%s: %s: not found", c.name, p)
			}
			d := r.Damage
			if path.Base(d.File) != path.Base(p) || d.Offset < 0 || d.Offset > int64(at) || int64(at)-d.Offset > 8_000 {
				t.Errorf("%s: damage at %d of %s placed at %s %d: %v", c.name, at, p, d.File, d.Offset, d)
			}
			if d.LastGood == 0 || d.Index != d.LastGood+1 {
				t.Errorf("%s: damage in %s: index %d, last good %d", c.name, p, d.Index, d.LastGood)
			}
		}
	}
}
