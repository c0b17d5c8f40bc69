package outbox

import (
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"uncross/gateway/storage"
	"uncross/gateway/storage/storagetest"
)

func writeFile(t *testing.T, fs vfs.FS, path, text string) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte(text))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestForeignDirectories(t *testing.T) {
	for name, step := range map[string]struct {
		file, text string
		want       error
		words      string
	}{
		"other files":      {"letter.txt", "dear", ErrForeign, "letter.txt"},
		"a newer format":   {storage.FormatFile, "uncross outbox 2\n", ErrFormat, "outbox 2"},
		"a history":        {storage.FormatFile, "uncross history 1\n", ErrForeign, "uncross history 1"},
		"an empty FORMAT":  {storage.FormatFile, "", ErrForeign, storage.FormatFile},
		"a great file":     {storage.FormatFile, strings.Repeat("x", 1<<20), ErrForeign, storage.FormatFile},
		"a start cut off":  {"FORMAT.new", "uncr", nil, ""},
		"an empty one":     {"", "", nil, ""},
		"its own, started": {storage.FormatFile, Format + "\n", nil, ""},
	} {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("outbox", 0o700); err != nil {
			t.Fatal(err)
		}
		if step.file != "" {
			writeFile(t, fs, "outbox/"+step.file, step.text)
		}
		before := fs.String()
		s, err := Open("outbox", options(t, fs))
		if !errors.Is(err, step.want) || err != nil && (!strings.Contains(err.Error(), step.words) || fs.String() != before) {
			t.Errorf("%s: %v", name, err)
		}
		if s != nil {
			closeStore(t, s)
		}
	}
}

// The cluster is learnt from the venue where it is not given, and another's is refused: at the start and in the events.
func TestOtherCluster(t *testing.T) {
	fs, r := vfs.NewMem(), newRun(1, 50, 0)
	o := options(t, fs)
	o.ClusterID = [16]byte{}
	s := open(t, o)
	s.feed(t, r.es, 1)
	closeStore(t, s)
	o.ClusterID = [16]byte{9}
	if _, err := Open("outbox", o); !errors.Is(err, ErrForeign) {
		t.Errorf("another cluster's node: %v", err)
	}
	o = options(t, vfs.NewMem())
	o.ClusterID, o.Fatal = [16]byte{9}, func(error) {}
	s = open(t, o)
	if err := s.Run(newStream(r.es, 1), nil); !errors.Is(err, ErrForeign) {
		t.Errorf("another cluster's events: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := s.Gaps(); !errors.Is(err, ErrClosed) {
		t.Errorf("used when closed: %v", err)
	}
}

// On the real disk: made, used by one process only, verified, found again; a flipped byte is found or harmless.
func TestOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "outbox")
	o := options(t, nil)
	o.FS = nil
	if r, err := Verify(dir, nil); err != nil || r.Records != 0 {
		t.Errorf("a store that is not there: %+v, %v", r, err)
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, o); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	s.feed(t, newRun(1, 1500, 0).es, 1)
	want := storagetest.Dump(t, s.db)
	closeStore(t, s)
	if s, err = Open(dir, o); err != nil { // flushes the log to a table
		t.Fatal(err)
	}
	storagetest.Diff(t, storagetest.Dump(t, s.db), want)
	closeStore(t, s)
	r, err := Verify(dir, nil)
	if err != nil || r.Position != 1500 || r.Records != uint64(len(want)) || r.Messages < 100 {
		t.Errorf("verify: %+v, %v; %d records", r, err, len(want))
	}
	found := storagetest.Flip(t, dir, 12, func() bool {
		_, err := Verify(dir, nil)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
		return errors.Is(err, ErrDamaged)
	})
	if found < 5 {
		t.Errorf("damage was found %d times", found)
	}
}

// Records that cannot be read are told, not guessed.
func TestDamagedRecords(t *testing.T) {
	for name, bad := range map[string]struct{ k, v []byte }{
		"position": {metaPosition, []byte("short")},
		"session":  {newKey(tagSession).u32(1), []byte{1}},
	} {
		fs := vfs.NewMem()
		s := open(t, options(t, fs))
		if err := s.db.Set(bad.k, bad.v, pebble.Sync); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		if _, err := Open("outbox", options(t, fs)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Verify("outbox", fs); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: verify: %v", name, err)
		}
	}
	v := newVenue(t)
	for range 5 {
		v.local(1, 2)
	}
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	s.feed(t, v.es, 1)
	x, _ := s.Session(1)
	x.tail = nil
	if err := s.db.Delete(newKey(tagMessage).message(1, 0, 5), nil); err != nil {
		t.Fatal(err)
	}
	if es, err := x.Read(0, 3, nil); !errors.Is(err, ErrDamaged) || len(es) != 1 {
		t.Errorf("a hole: %d entries, %v", len(es), err)
	}
	if err := s.db.Set(newKey(tagMessage).message(1, 0, 5), []byte("b"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Read(0, 5, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a record cut off: %v", err)
	}
}

// When the disk fails, the one who opened the store is told, and nothing more counts as durable.
func TestFailingDisk(t *testing.T) {
	r := newRun(1, 400, 0)
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(o errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(o.Path, ".log") && o.Kind != errorfs.OpFileClose {
			return errors.New("no space left")
		}
		return nil
	}))
	fatal := make(chan error, 10)
	o := options(t, fs)
	o.Fatal = func(err error) { fatal <- err }
	s := open(t, o)
	s.feed(t, r.es[:r.at[200]], 1)
	broken.Store(true)
	func() {
		defer func() { recover() }() // Pebble cannot go on, and Fatal has returned
		if err := s.w.store(r.es[r.at[200]:]); err == nil {
			if err = s.Sync(); err != nil {
				s.base.Fail(err)
			}
		}
	}()
	select {
	case err := <-fatal:
		if !strings.Contains(err.Error(), "no space left") {
			t.Errorf("Fatal was told %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Fatal was not called")
	}
	if s.Durable() != 200 || s.Err() == nil {
		t.Errorf("durable is %d, the error %v", s.Durable(), s.Err())
	}
}
