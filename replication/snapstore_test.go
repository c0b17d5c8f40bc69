package replication

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// At a power cut before any operation of the file system, with any part of the unsynced data lost, the snapshots that were
// finished are there and whole, and the one that was being written is there and whole, or not at all.
func TestSnapshotStoreAtAPowerCut(t *testing.T) {
	body := bytes.Repeat([]byte("state "), 1000)
	save := func(s *SnapshotStore, index uint64) error {
		sink, err := s.Create(1, index, 1, raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "a"}}}, 1, nil)
		if err != nil {
			return err
		}
		if _, err := sink.Write(body); err != nil {
			return err
		}
		return sink.Close()
	}
	for cut, total := int64(0), int64(1); cut < total; cut++ {
		mem := vfs.NewCrashableMem()
		var ops, finished atomic.Int64
		var done int64
		var after *vfs.MemFS
		rng := rand.New(rand.NewPCG(uint64(cut), 1))
		var watch errorfs.InjectorFunc = func(op errorfs.Op) error {
			if ops.Add(1)-1 == cut {
				done = finished.Load()
				after = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			}
			return nil
		}
		s, err := OpenSnapshotsFS(errorfs.Wrap(mem, watch), "snapshots", 2)
		if err != nil {
			t.Fatal(err)
		}
		for i := uint64(1); i <= 4; i++ {
			if err := save(s, i); err != nil {
				t.Fatal(err)
			}
			finished.Store(int64(i))
		}
		total = ops.Load()
		if after == nil {
			continue
		}
		s, err = OpenSnapshotsFS(after, "snapshots", 2)
		if err != nil {
			t.Fatalf("cut before operation %d: %v", cut, err)
		}
		metas, err := s.List()
		if err != nil {
			t.Fatalf("cut before operation %d: %v", cut, err)
		}
		newest := uint64(0)
		for _, m := range metas {
			newest = max(newest, m.Index)
			_, r, err := s.Open(m.ID)
			if err != nil {
				t.Fatalf("cut before operation %d: %v", cut, err)
			}
			got, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, body) {
				t.Fatalf("cut before operation %d: %d bytes, %v", cut, len(got), err)
			}
		}
		if newest < uint64(done) || newest > uint64(done)+1 {
			t.Fatalf("cut before operation %d: the newest snapshot is %d, %d were finished", cut, newest, done)
		}
		if err := save(s, 9); err != nil {
			t.Fatalf("cut before operation %d: the next snapshot: %v", cut, err)
		}
	}
}
