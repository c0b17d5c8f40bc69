package storage

import (
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestSlowDiskIsTold: what waits for the disk is in the log while it waits.
func TestSlowDiskIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pause atomic.Int64
		disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData {
				time.Sleep(time.Duration(pause.Load()))
			}
			return nil
		}))
		var said strings.Builder
		o := options(t, disk)
		o.Logger = slog.New(slog.NewTextHandler(&said, nil))
		s, err := kind.Open("dir", o)
		if err != nil {
			t.Fatal(err)
		}
		for took, told := range map[time.Duration]bool{0: false, time.Second: false, 10 * time.Second: true} {
			said.Reset()
			pause.Store(int64(took))
			if err := s.DB.Set([]byte("a"), []byte("1"), pebble.Sync); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if strings.Contains(said.String(), `level=WARN msg="the disk is slow" operation=sync`) != told {
				t.Errorf("a sync took %v, the log says %q", took, said.String())
			}
		}
		pause.Store(0)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFirstLogTellsDamageFromItsEnd: also the first log of a new database is in chunks that have the offset up to which it
// was synced. Pebble takes damage in the older ones for the log's end.
func TestFirstLogTellsDamageFromItsEnd(t *testing.T) {
	fs := vfs.NewMem()
	s, err := kind.Open("dir", options(t, fs))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DB.Set([]byte("a"), []byte("1"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if kinds := chunkKinds(t, fs, "dir/"+Database); len(kinds) == 0 || slices.Min(kinds) < 9 || slices.Max(kinds) > 12 {
		t.Errorf("the logs begin with chunks of the types %d, expected 9 to 12 (see Pebble's package record)", kinds)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// chunkKinds returns the type of the first chunk of every log that has one.
func chunkKinds(t *testing.T, fs vfs.FS, dir string) (kinds []byte) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var head [7]byte // checksum, size, type
		if _, err := f.ReadAt(head[:], 0); err == nil {
			kinds = append(kinds, head[6])
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return kinds
}
