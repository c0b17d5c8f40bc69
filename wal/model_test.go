package wal

import (
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// TestModel compares a store with the plain model over random operations,
// clean restarts and kills.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fs := vfs.NewCrashableMem()
		o := testOptions(t, fs)
		o.CacheBytes = rapid.SampledFrom([]int{-1, 500, 1 << 20}).Draw(rt, "cache")
		s, err := Open(testDir, o)
		must(t, err)
		defer func() { _ = s.Close() }()
		m := &model{stable: map[string]string{}}
		term := uint64(1)
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				first := m.last() + 1
				if len(m.logs) == 0 {
					first = rapid.Uint64Range(1, 1000).Draw(rt, "first")
				}
				term += rapid.Uint64Range(0, 1).Draw(rt, "term")
				n := rapid.Uint64Range(1, 20).Draw(rt, "n")
				if rapid.IntRange(0, 9).Draw(rt, "many") == 0 {
					n = pointDeletes + 100
				}
				ls := entries(first, first+n-1, term, rapid.IntRange(0, 300).Draw(rt, "size"))
				must(t, s.StoreLogs(ls))
				m.logs = append(m.logs, ls...)
			},
			"head": func(rt *rapid.T) {
				hi := rapid.Uint64Range(0, m.last()+5).Draw(rt, "hi")
				lo := rapid.Uint64Range(0, m.first()).Draw(rt, "lo")
				must(t, s.DeleteRange(lo, hi))
				m.deleteRange(lo, hi)
			},
			"tail": func(rt *rapid.T) {
				lo := rapid.Uint64Range(0, m.last()+5).Draw(rt, "lo")
				hi := rapid.Uint64Range(m.last(), m.last()+9).Draw(rt, "hi")
				must(t, s.DeleteRange(lo, hi))
				m.deleteRange(lo, hi)
			},
			"stable": func(rt *rapid.T) {
				k := strconv.Itoa(rapid.IntRange(0, 3).Draw(rt, "key"))
				v := rapid.StringN(0, 5, 20).Draw(rt, "value")
				must(t, s.Set([]byte(k), []byte(v)))
				m.stable[k] = v
			},
			"reopen": func(*rapid.T) {
				mustClose(t, s)
				s, err = Open(testDir, o)
				must(t, err)
			},
			"kill": func(*rapid.T) {
				old := s
				fs = fs.CrashClone(vfs.CrashCloneCfg{})
				o.FS = fs
				s, err = Open(testDir, o)
				must(t, err)
				_ = old.Close()
			},
			"": func(rt *rapid.T) {
				if err := m.diff(s); err != nil {
					rt.Fatal(err)
				}
			},
		})
		mustClose(t, s)
		verifyModel(t, fs, m)
		s, err = Open(testDir, o)
		must(t, err)
	})
}

// verifyModel compares Verify and Replay with the model.
func verifyModel(t *testing.T, fs vfs.FS, m *model) {
	t.Helper()
	r, err := Verify(in(fs))
	must(t, err)
	if r.Entries != uint64(len(m.logs)) || r.First != m.first() || r.Last != m.last() || int64(r.Bytes) != m.bytes() || r.StableKeys != len(m.stable) {
		t.Fatalf("report %+v, want %d entries %d..%d", r, len(m.logs), m.first(), m.last())
	}
	i := 0
	err = Replay(in(fs), 0, func(index, term uint64, typ raft.LogType, data []byte) error {
		w := m.logs[i]
		i++
		got := raft.Log{Index: index, Term: term, Type: typ, Data: data, Extensions: w.Extensions, AppendedAt: w.AppendedAt}
		return sameLog(&got, w)
	})
	if err != nil || i != len(m.logs) {
		t.Fatalf("replayed %d of %d: %v", i, len(m.logs), err)
	}
}
