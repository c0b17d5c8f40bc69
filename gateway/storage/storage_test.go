package storage

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	errForeign = errors.New("foreign")
	errOther   = errors.New("another version")
	errDamaged = errors.New("damaged")
	errClosed  = errors.New("closed")
	kind       = Kind{Name: "the test", Family: "uncross test ", Format: "uncross test 1", Foreign: errForeign, Other: errOther, Damaged: errDamaged, Closed: errClosed, Short: "test", Repair: "call somebody"}
)

func options(t *testing.T, fs vfs.FS) Options {
	return Options{FS: fs, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Fatal: func(err error) { t.Error(err) }, CacheBytes: 1 << 20, MemTable: 1 << 20}
}

func written(t *testing.T, fs vfs.FS, flush bool) {
	t.Helper()
	s, err := kind.Open("dir", options(t, fs))
	if err != nil {
		t.Fatal(err)
	}
	db := s.DB
	if err := db.Set([]byte("a"), []byte("1"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if flush {
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A database that has lost the file that names its parts is refused: Pebble by itself would begin a new one over it.
func TestLostMarkerIsRefused(t *testing.T) {
	for name, flush := range map[string]bool{"with tables": true, "with a log only": false} {
		fs := vfs.NewMem()
		written(t, fs, flush)
		names, err := fs.List("dir/" + Database)
		if err != nil {
			t.Fatal(err)
		}
		removed := 0
		for _, n := range names {
			if strings.HasPrefix(n, "marker.manifest") {
				removed++
				if err := fs.Remove(filepath.Join("dir", Database, n)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if removed == 0 {
			t.Fatalf("no marker among %q", names)
		}
		if _, err := kind.Open("dir", options(t, fs)); !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "call somebody") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := kind.View("dir", fs); !errors.Is(err, errDamaged) {
			t.Errorf("%s, viewed: %v", name, err)
		}
	}
}

func TestOpenAgainAndView(t *testing.T) {
	fs := vfs.NewMem()
	if db, err := kind.View("dir", fs); db != nil || err != nil {
		t.Errorf("a store that is not there: %v, %v", db, err)
	}
	written(t, fs, true)
	written(t, fs, false)
	db, err := kind.View("dir", fs)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if v, closer, err := db.Get([]byte("a")); err != nil || string(v) != "1" {
		t.Errorf("got %q, %v", v, err)
	} else if err := closer.Close(); err != nil {
		t.Error(err)
	}
	newer := kind
	newer.Format = "uncross test 2"
	if err := newer.Prepare(fs, "dir"); !errors.Is(err, errOther) {
		t.Errorf("another version: %v", err)
	}
	if err := (&Kind{Family: "uncross else ", Format: "uncross else 1", Foreign: errForeign}).Prepare(fs, "dir"); !errors.Is(err, errForeign) {
		t.Errorf("another kind: %v", err)
	}
}

func TestCluster(t *testing.T) {
	a, b, none := [16]byte{1}, [16]byte{2}, [16]byte{}
	if err := kind.Cluster(a, b); !errors.Is(err, errForeign) {
		t.Errorf("another cluster: %v", err)
	}
	if err := errors.Join(kind.Cluster(a, a), kind.Cluster(none, a), kind.Cluster(a, none)); err != nil {
		t.Error(err)
	}
}
