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
