package wal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// step is one write of a workload; it changes the model and the store alike.
type step struct {
	name  string
	model func(*model)
	store func(*Store) error
}

// crashWorkload appends at many sizes, truncates both ends, removes everything,
// sets stable values, and is large enough to rotate Pebble's first memtables.
func crashWorkload() []step {
	var steps []step
	m := &model{stable: map[string]string{}}
	add := func(name string, change func(*model), store func(*Store) error) {
		steps = append(steps, step{name, change, store})
		change(m)
	}
	appendLogs := func(first uint64, n int, term uint64, size int) {
		ls := entries(first, first+uint64(n)-1, term, size)
		add(fmt.Sprintf("append %d..%d", first, ls[n-1].Index),
			func(m *model) { m.logs = append(m.logs, ls...) },
			func(s *Store) error { return s.StoreLogs(ls) })
	}
	remove := func(lo, hi uint64) {
		add(fmt.Sprintf("remove %d..%d", lo, hi),
			func(m *model) { m.deleteRange(lo, hi) },
			func(s *Store) error { return s.DeleteRange(lo, hi) })
	}
	set := func(k string, v int) {
		val := strconv.Itoa(v)
		add("set "+k, func(m *model) { m.stable[k] = val }, func(s *Store) error { return s.Set([]byte(k), []byte(val)) })
	}
	for term := uint64(1); term <= 6; term++ {
		set("CurrentTerm", int(term))
		appendLogs(m.last()+1, 3, term, 20)
		appendLogs(m.last()+1, 1, term, 9000)
		appendLogs(m.last()+1, 2, term, 70_000)
		remove(m.last()-1, m.last())
		appendLogs(m.last()+1, 2, term, 4096)
		appendLogs(m.last()+1, 300, term, 30)
		set("LastVoteTerm", int(term))
		switch {
		case term == 4:
			remove(m.first(), m.last())
			appendLogs(m.last()+5000, 4, term, 100)
		case term%2 == 0:
			remove(m.first(), m.last()-4)
		default:
			remove(m.first(), m.first()+2)
		}
	}
	return steps
}

// crasher runs a workload on a crashable file system and lets check look at
// crashed copies taken at every operation of the file system.
type crasher struct {
	states   []*model // states[k] is the model after k steps
	acked    atomic.Int64
	started  atomic.Int64
	mu       sync.Mutex
	rng      *rand.Rand
	inner    *vfs.MemFS
	percent  int // of the points that are looked at
	points   int
	clones   int
	tripwire string // Options.Tripwire
	check    func(clone *vfs.MemFS, lo, hi int64, op errorfs.Op)
}

// inject is called before every operation.
func (c *crasher) inject(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil // changes nothing: the copy would be that of the next write
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.points++; c.rng.IntN(100) >= c.percent {
		return nil
	}
	pct := []int{0, 10, 50, 90, 100}[c.rng.IntN(5)]
	lo := c.acked.Load()
	clone := c.inner.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: pct, RNG: c.rng})
	hi := c.started.Load()
	c.clones++
	c.check(clone, lo, hi, op)
	return nil
}

// matches says which of the states from lo to hi the store in fs is in.
func (c *crasher) matches(t *testing.T, fs vfs.FS, lo, hi int64) (int64, error) {
	s, err := Open(testDir, Options{FS: fs, Logger: quiet, Cluster: "test", Tripwire: c.tripwire, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	if err != nil {
		return 0, err
	}
	defer func() { must(t, s.Close()) }()
	for k := hi; k >= lo; k-- {
		if err = c.states[k].diff(s); err == nil {
			return k, nil
		}
	}
	return 0, fmt.Errorf("in none of the states %d to %d: %w", lo, hi, err)
}

// percent is how much of what could be tried is tried, drawn by the seed: WAL_POINTS=100 tries all of it.
func percent(t *testing.T) int {
	if v := os.Getenv("WAL_POINTS"); v != "" {
		n, err := strconv.Atoi(v)
		must(t, err)
		return n
	}
	if testing.Short() {
		return 10
	}
	return 30
}

func seed(t *testing.T) uint64 {
	n := rand.Uint64()
	if v := os.Getenv("WAL_SEED"); v != "" {
		n, _ = strconv.ParseUint(v, 10, 64)
	}
	t.Logf("WAL_SEED=%d", n)
	return n
}

// TestCrashAtEveryOperation cuts the power before write operations of the file system, WAL_POINTS percent of
// all, from creation to the clean close, with none, some or all of the unsynced blocks on disk.
// Whatever was acknowledged must be there, and nothing but what was begun.
func TestCrashAtEveryOperation(t *testing.T) {
	steps := crashWorkload()
	n := seed(t)
	c := &crasher{rng: rand.New(rand.NewPCG(n, 1)), inner: vfs.NewCrashableMem(), percent: percent(t)}
	m := &model{stable: map[string]string{}}
	c.states = append(c.states, m.clone())
	for _, st := range steps {
		st.model(m)
		c.states = append(c.states, m.clone())
	}
	c.check = func(clone *vfs.MemFS, lo, hi int64, op errorfs.Op) {
		if t.Failed() {
			return
		}
		if _, err := c.matches(t, clone, lo, hi); err != nil {
			t.Errorf("crash before %v %s, acknowledged %d, begun %d: %v", op.Kind, op.Path, lo, hi, err)
		}
	}
	s := mustOpen(t, errorfs.Wrap(c.inner, errorfs.InjectorFunc(c.inject)))
	for i, st := range steps {
		c.started.Store(int64(i + 1))
		if err := st.store(s); err != nil {
			t.Fatalf("%s: %v", st.name, err)
		}
		c.acked.Store(int64(i + 1))
	}
	mustClose(t, s)
	t.Logf("%d of %d crash points over %d steps", c.clones, c.points, len(steps))
	if c.points < 300 || c.clones < c.points*c.percent/200 {
		t.Fatalf("only %d of %d crash points", c.clones, c.points)
	}
}

// TestCrashDuringRecovery cuts the power again while a killed store is opened, and
// looks at each of those copies in turn.
func TestCrashDuringRecovery(t *testing.T) {
	steps := crashWorkload()
	n := seed(t)
	rng := rand.New(rand.NewPCG(n, 2))
	points := 0
	cuts := []int{1, 7, 20, 33, 41, len(steps)}
	if testing.Short() {
		cuts = []int{7, len(steps)}
	}
	for _, at := range cuts {
		fs := vfs.NewCrashableMem()
		s := mustOpen(t, fs)
		m := &model{stable: map[string]string{}}
		for _, st := range steps[:at] {
			must(t, st.store(s))
			st.model(m)
		}
		killed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng})
		mustClose(t, s)
		c := &crasher{rng: rng, inner: killed, states: []*model{m}, percent: 100}
		c.check = func(clone *vfs.MemFS, lo, hi int64, op errorfs.Op) {
			if t.Failed() {
				return
			}
			if _, err := c.matches(t, clone, 0, 0); err != nil {
				t.Errorf("after %d steps, crash in recovery before %v %s: %v", at, op.Kind, op.Path, err)
			}
		}
		if _, err := c.matches(t, errorfs.Wrap(killed, errorfs.InjectorFunc(c.inject)), 0, 0); err != nil {
			t.Fatal(err)
		}
		points += c.clones
	}
	t.Logf("%d crash points", points)
}
