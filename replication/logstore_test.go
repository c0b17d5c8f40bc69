package replication

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestAppliedEntriesAreKept: raft cuts the log's beginning behind a snapshot, and its end where a leader says otherwise; but what was
// applied here every leader of this cluster has, and one that says otherwise ends the node before anything is removed.
func TestAppliedEntriesAreKept(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, last uint64
		refused     bool
	}{
		{"the beginning, behind a snapshot", 1, 5, false},
		{"an end that was not applied", 7, 10, false},
		{"an end with an applied entry", 6, 10, true},
		{"all", 1, 10, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &Node{began: time.Now()}
			var fatal error
			n.cfg.Fatal = func(err error) { fatal = err }
			log := newMemLog()
			for i := range uint64(10) {
				if err := log.StoreLog(&raft.Log{Index: i + 1, Term: 1}); err != nil {
					t.Fatal(err)
				}
			}
			g := &guard{LogStore: log, dog: &watchdog{now: n.now, limit: time.Hour}, node: n, applied: func() uint64 { return 6 }}
			err := g.DeleteRange(c.first, c.last)
			if refused := err != nil; refused != c.refused || refused != errors.Is(fatal, ErrForeign) {
				t.Errorf("%v, and the node ended with %v", err, fatal)
			}
			for _, index := range []uint64{c.first, c.last} {
				if there := log.GetLog(index, new(raft.Log)) == nil; there != c.refused {
					t.Errorf("entry %d is there: %v", index, there)
				}
			}
		})
	}
}

// TestAppliedIsKnownAfterARestart: a node that begins anew has applied nothing yet, and knows all the same how far it had.
func TestAppliedIsKnownAfterARestart(t *testing.T) {
	dir := t.TempDir()
	n := &Node{began: time.Now()}
	n.cfg.Fatal = func(error) {}
	on := func(applied uint64) *guard {
		store := openWAL(t, dir)
		before, err := store.GetCommitIndex()
		if err != nil {
			t.Fatal(err)
		}
		return &guard{LogStore: store, commits: store, before: before, dog: &watchdog{now: n.now, limit: time.Hour}, node: n, applied: func() uint64 { return applied }}
	}
	g := on(6)
	for i := range uint64(8) {
		if err := g.StoreLog(&raft.Log{Index: i + 1, Term: 1, Type: raft.LogCommand, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.LogStore.(interface{ Close() error }).Close(); err != nil {
		t.Fatal(err)
	}
	g = on(0)
	if err := g.DeleteRange(7, 8); err != nil {
		t.Errorf("an end that was not applied: %v", err)
	}
	if err := g.DeleteRange(6, 6); !errors.Is(err, ErrForeign) {
		t.Errorf("an end that was applied before the restart: %v", err)
	}
	if err := g.LogStore.(interface{ Close() error }).Close(); err != nil {
		t.Fatal(err)
	}
}
