package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

func writeFile(t *testing.T, fs vfs.FS, path, text string) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestForeignDirectories(t *testing.T) {
	for name, step := range map[string]struct {
		prepare func(t *testing.T, fs vfs.FS)
		want    error
		words   string
	}{
		"other files": {func(t *testing.T, fs vfs.FS) { writeFile(t, fs, "history/letter.txt", "dear") }, ErrForeign, "letter.txt"},
		"a Pebble database": {func(t *testing.T, fs vfs.FS) {
			db, err := pebble.Open("history", &pebble.Options{FS: fs, Logger: silent{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, "no FORMAT"},
		"a newer format":    {func(t *testing.T, fs vfs.FS) { writeFile(t, fs, "history/FORMAT", "uncross history 3\n") }, ErrFormat, "history 3"},
		"something else's":  {func(t *testing.T, fs vfs.FS) { writeFile(t, fs, "history/FORMAT", "uncross log 1\n") }, ErrForeign, "uncross log 1"},
		"an empty FORMAT":   {func(t *testing.T, fs vfs.FS) { writeFile(t, fs, "history/FORMAT", "") }, ErrForeign, "FORMAT"},
		"a great file":      {func(t *testing.T, fs vfs.FS) { writeFile(t, fs, "history/FORMAT", strings.Repeat("x", 1<<20)) }, ErrForeign, "FORMAT"},
		"a start cut off":   {func(t *testing.T, fs vfs.FS) { writeFile(t, fs, "history/FORMAT.new", "uncr") }, nil, ""},
		"an empty one":      {func(*testing.T, vfs.FS) {}, nil, ""},
		"another cluster's": {otherCluster, ErrForeign, "belongs to cluster 0900"},
	} {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("history", 0o700); err != nil {
			t.Fatal(err)
		}
		step.prepare(t, fs)
		before := fs.String()
		o := options(t, fs)
		o.ClusterID = venuetest.Cluster
		s, err := Open("history", o)
		if !errors.Is(err, step.want) || (err != nil && !strings.Contains(err.Error(), step.words)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && name != "another cluster's" && fs.String() != before {
			t.Errorf("%s: the directory was changed", name)
		}
		if s != nil {
			closeStore(t, s)
		}
	}
}

func otherCluster(t *testing.T, fs vfs.FS) {
	o := options(t, fs)
	o.ClusterID = [16]byte{9}
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
}

// The cluster is learnt from the venue's genesis where it is not given.
func TestClusterIsLearnt(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	s.feed(t, newRun(1, 50).es, 1)
	closeStore(t, s)
	o := options(t, fs)
	o.ClusterID = [16]byte{9}
	if _, err := Open("history", o); !errors.Is(err, ErrForeign) {
		t.Errorf("another cluster's node: %v", err)
	}
	o.ClusterID = venuetest.Cluster
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
}

// On the real disk: made, used by one process only, found again.
func TestOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "history")
	o := options(t, nil)
	o.FS = nil
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, o); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	r := newRun(1, 500)
	s.feed(t, r.es, 1)
	want := storagetest.Dump(t, s.db)
	closeStore(t, s)
	text, err := os.ReadFile(filepath.Join(dir, "FORMAT"))
	if err != nil || string(text) != Format+"\n" {
		t.Errorf("FORMAT is %q, %v", text, err)
	}
	s, err = Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Position() != 500 || s.Durable() != 500 {
		t.Errorf("position %d, durable %d", s.Position(), s.Durable())
	}
	storagetest.Diff(t, storagetest.Dump(t, s.db), want)
	closeStore(t, s)
}

// A flipped byte in a table or in the log is found or harmless, never silently read as something else.
func TestFlippedBytes(t *testing.T) {
	r := newRun(4, 600)
	want := func() map[string]string {
		s := open(t, vfs.NewMem())
		defer closeStore(t, s)
		s.feed(t, r.es, 1)
		return storagetest.Dump(t, s.db)
	}()
	dir := t.TempDir()
	o := options(t, nil)
	o.FS = nil
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	s.feed(t, r.es, 1)
	closeStore(t, s)
	s, err = Open(dir, o) // flushes the log to a table
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if storagetest.Flip(t, dir, 10, func() bool { return damageIsFound(t, dir, o, want) }) == 0 {
		t.Error("no damage was found")
	}
}

// damageIsFound reads everything and reports whether an error came; without one everything must be as it was.
func damageIsFound(t *testing.T, dir string, o Options, want map[string]string) bool {
	t.Helper()
	o.Fatal = func(error) {}
	s, err := Open(dir, o)
	if err != nil {
		return true
	}
	defer s.Close()
	it, err := s.db.NewIter(nil)
	if err != nil {
		return true
	}
	defer it.Close()
	n := 0
	for it.First(); it.Valid(); it.Next() {
		if want[string(it.Key())] != string(it.Value()) {
			t.Fatalf("key %x is read as %x", it.Key(), it.Value())
		}
		n++
	}
	if it.Error() != nil {
		return true
	}
	if n != len(want) {
		t.Fatalf("%d keys of %d, and no error", n, len(want))
	}
	return false
}

// When the disk fails, the one who opened the store is told, and nothing more counts as durable.
func TestFailingDisk(t *testing.T) {
	r := newRun(1, 400)
	for _, op := range []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpFileWrite} {
		var broken sync.Map
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(o errorfs.Op) error {
			if _, on := broken.Load("on"); on && (o.Kind == op || op != errorfs.OpFileWrite && isSync(o.Kind)) && strings.HasSuffix(o.Path, ".log") {
				return errors.New("no space left")
			}
			return nil
		}))
		fatal := make(chan error, 10)
		o := options(t, fs)
		o.Fatal = func(err error) { fatal <- err }
		s, err := Open("history", o)
		if err != nil {
			t.Fatal(err)
		}
		s.feed(t, r.es[:r.at[200]], 1)
		broken.Store("on", true)
		func() {
			defer func() { recover() }() // Pebble cannot go on, and Fatal has returned
			if err := s.w.store(r.es[r.at[200]:]); err == nil {
				err = s.Sync()
				if err != nil {
					s.base.Fail(err)
				}
			}
		}()
		select {
		case err := <-fatal:
			if !strings.Contains(err.Error(), "no space left") {
				t.Errorf("op %v: Fatal was told %v", op, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("op %v: Fatal was not called", op)
		}
		if s.Durable() != 200 {
			t.Errorf("op %v: durable is %d", op, s.Durable())
		}
		if s.Err() == nil {
			t.Errorf("op %v: no error is remembered", op)
		}
	}
}

func isSync(k errorfs.OpKind) bool {
	return k == errorfs.OpFileSync || k == errorfs.OpFileSyncData || k == errorfs.OpFileSyncTo
}

// The whole chain with a ring, while others read.
func TestRunWithRing(t *testing.T) {
	o := options(t, vfs.NewMem())
	o.SyncEvery = time.Millisecond
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	b := ring.NewBroadcast[wire.Event](1024)
	src := b.Reader("history", true)
	var work sync.WaitGroup
	work.Go(func() {
		if err := s.Run(src, make(chan struct{})); err != nil {
			t.Error(err)
		}
	})
	done := make(chan struct{})
	work.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			p, err := s.Ledger(2, Query{Limit: 20})
			if err != nil {
				t.Error(err)
				return
			}
			for i := 1; i < len(p.Items); i++ {
				if p.Items[i].Number+1 != p.Items[i-1].Number {
					t.Error("entries are not in a row")
					return
				}
			}
			if d, p := s.Durable(), s.Position(); d > p {
				t.Errorf("durable %d beyond position %d", d, p)
			}
		}
	})
	g, e := venuetest.New(8), engine.New()
	var out []wire.Event
	for range 3000 {
		c := g.Next()
		out = e.Apply(&c, out[:0])
		g.See(out)
		b.Publish(out)
	}
	if !s.WaitFor(e.Seq(), time.Minute) {
		t.Fatalf("position %d of %d", s.Position(), e.Seq())
	}
	if s.WaitFor(e.Seq()+1, time.Millisecond) {
		t.Error("a command that was never given is said to be stored")
	}
	b.Close()
	close(done)
	work.Wait()
	if s.Durable() != e.Seq() || s.queue.n != 0 {
		t.Errorf("durable %d of %d after the end, %d events wait", s.Durable(), e.Seq(), s.queue.n)
	}
	compareLedger(t, s, e, venuetest.Accounts)
	closeStore(t, s)
}

func TestQueue(t *testing.T) {
	q := newQueue(10)
	es := make([]wire.Event, 1000)
	for i := range es {
		es[i].Seq = uint64(i)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; i < len(es); i += 25 { // more than the queue holds at a time
			if !q.put(es[i : i+25]) {
				t.Error("put on an open queue")
			}
		}
		q.close()
	})
	dst := make([]wire.Event, 7)
	next := uint64(0)
	for {
		n, ok := q.take(dst)
		if !ok {
			break
		}
		for _, e := range dst[:n] {
			if e.Seq != next {
				t.Fatalf("event %d, want %d", e.Seq, next)
			}
			next++
		}
	}
	work.Wait()
	if next != 1000 || q.put(es[:1]) || q.n != 0 {
		t.Errorf("%d events came out", next)
	}
}

// BenchmarkStore writes a random run's events to a store in memory: the cost of batches without that of a disk.
func BenchmarkStore(b *testing.B) {
	r := newRun(1, 50_000)
	events := 0
	for b.Loop() {
		o := options(b, vfs.NewMem())
		o.QueueEvents = 0
		s, err := Open("history", o)
		if err != nil {
			b.Fatal(err)
		}
		s.feed(b, r.es, 1)
		closeStore(b, s)
		events += len(r.es)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}

// silent is a Pebble logger that says nothing.
type silent struct{}

func (silent) Infof(string, ...any)         {}
func (silent) Errorf(string, ...any)        {}
func (silent) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
