package outbox

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

// Copies that are made while events come in: each opens as a store, has at least what the store had at the call, passes
// Verify, and comes to the same records and messages as the store itself when it is given the events from the beginning.
func TestCheckpointUnderLoad(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, options(t, fs))
	r := newRun(3, 4000, 0)
	copies := storagetest.CopyUnderLoad(t, s, func(src *ring.Reader[wire.Event]) error { return s.Run(src, nil) }, r.es, r.at)
	want := storagetest.Dump(t, s.db)
	var messages [venuetest.Sessions + 1][]Entry
	for id := wire.SessionID(1); id <= venuetest.Traders; id++ {
		messages[id] = all(t, s, id)
	}
	closeStore(t, s)
	for i, p := range copies {
		dir := fmt.Sprint("copy", i)
		if v, err := Verify(dir, fs); err != nil || v.Position != p {
			t.Errorf("copy %d: %+v, %v; want command %d", i, v, err, p)
		}
		s, err := Open(dir, options(t, fs))
		if err != nil {
			t.Fatal(err)
		}
		if s.Durable() != p {
			t.Errorf("copy %d: durable %d, want %d", i, s.Durable(), p)
		}
		s.feed(t, r.es, 2)
		storagetest.Diff(t, storagetest.Dump(t, s.db), want)
		for id := wire.SessionID(1); id <= venuetest.Traders; id++ {
			if got := all(t, s, id); fmt.Sprint(got) != fmt.Sprint(messages[id]) {
				t.Errorf("copy %d: the messages of session %d differ", i, id)
			}
		}
		closeStore(t, s)
	}
}
