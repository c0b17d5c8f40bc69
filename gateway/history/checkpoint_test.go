package history

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/internal/ring"
)

// Copies that are made while events come in: each opens as a store, has at least what the store had at the call, passes
// Verify, and comes to the same records as the store itself when it is given the events from the beginning.
func TestCheckpointUnderLoad(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	r := newRun(3, 4000)
	copies := storagetest.CopyUnderLoad(t, s, func(src *ring.Reader[wire.Event]) error { return s.Run(src, nil) }, r.es, r.at)
	want := storagetest.Dump(t, s.db)
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
		if s.Position() != p || s.Durable() != p {
			t.Errorf("copy %d: position %d, durable %d, want %d", i, s.Position(), s.Durable(), p)
		}
		s.feed(t, r.es, 2)
		storagetest.Diff(t, storagetest.Dump(t, s.db), want)
		closeStore(t, s)
	}
}

// A power cut while a copy is made takes nothing from the store that was durable, and what it leaves of the copy is a
// whole store or none.
func TestCheckpointCutOff(t *testing.T) {
	r := newRun(2, 300)
	clean := open(t, vfs.NewMem())
	clean.feed(t, r.es, 1)
	want := storagetest.Dump(t, clean.db)
	closeStore(t, clean)
	for at := 3; ; at += 7 {
		mem := vfs.NewCrashableMem()
		n, on := 0, false
		var mu sync.Mutex
		var cut *vfs.MemFS
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if on {
				if n++; n == at {
					cut = mem.CrashClone(vfs.CrashCloneCfg{})
				}
			}
			return nil
		}))
		s := open(t, fs)
		s.feed(t, r.es[:r.at[200]], 1) // syncs at its end
		mu.Lock()
		on = true
		mu.Unlock()
		if p, err := s.Checkpoint("copy"); err != nil || p != 200 {
			t.Fatalf("command %d, %v", p, err)
		}
		mu.Lock()
		on = false
		mu.Unlock()
		closeStore(t, s)
		if cut == nil {
			if at < 50 {
				t.Errorf("only %d operations", at)
			}
			return
		}
		after := open(t, cut)
		if after.Position() != 200 {
			t.Fatalf("cut off at operation %d: the store has command %d", at, after.Position())
		}
		after.feed(t, r.es, 1)
		storagetest.Diff(t, storagetest.Dump(t, after.db), want)
		closeStore(t, after)
		if _, err := cut.Stat("copy/FORMAT"); errors.Is(err, os.ErrNotExist) {
			if v, err := Verify("copy", cut); err == nil && v.Records > 0 {
				t.Fatalf("cut off at operation %d: half a copy is taken for a store: %+v", at, v)
			}
			continue
		}
		if v, err := Verify("copy", cut); err != nil || v.Position != 200 {
			t.Fatalf("cut off at operation %d: the copy: %+v, %v", at, v, err)
		}
	}
}
