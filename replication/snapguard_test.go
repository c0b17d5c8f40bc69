package replication

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// sickDisk is what becomes of one kind of operation on the snapshots of one node that are being written.
type sickDisk struct {
	kind errorfs.OpKind
	fail error         // what it answers
	hang chan struct{} // what it waits for; nil: nothing
	node atomic.Pointer[string]
	met  atomic.Int32 // operations that it has hit
}

// under puts the disk under the snapshots of a trio's nodes; it is sound until it is given a node.
func (d *sickDisk) under(k *trio, limit time.Duration) {
	k.change = func(c *Config) {
		id := c.NodeID
		var hit errorfs.InjectorFunc = func(op errorfs.Op) error {
			if sick := d.node.Load(); op.Kind != d.kind || sick == nil || *sick != id || !strings.Contains(op.Path, tmpEnding) {
				return nil
			}
			d.met.Add(1)
			if d.hang != nil {
				<-d.hang
			}
			return d.fail
		}
		var err error
		if c.Snapshots, err = OpenSnapshotsFS(errorfs.Wrap(vfs.NewMem(), hit), c.SnapshotDir, RetainSnapshots); err != nil {
			k.t.Fatal(err)
		}
		c.BatchCommands, c.SnapshotTimeout = 1, limit
	}
}

// What happens to a follower whose disk hangs or fails while it takes a leader's snapshot: it ends. The leader would send the same
// for ever, and with a transport that answers heartbeats for raft meanwhile it would not even notice.
func TestDiskUnderALeadersSnapshot(t *testing.T) {
	full := errors.New("no space left on device")
	const soon, never = 400 * time.Millisecond, time.Hour
	for _, c := range []struct {
		name  string
		kind  errorfs.OpKind
		hangs bool
		fail  error
		limit time.Duration
		end   error // nil: it does not end
		says  string
	}{
		{"create hangs", errorfs.OpCreate, true, nil, soon, ErrDisk, opImage},
		{"write hangs", errorfs.OpFileWrite, true, nil, soon, ErrDisk, opImage},
		{"fsync hangs", errorfs.OpFileSync, true, nil, soon, ErrDisk, opImage},
		{"fsync hangs, without the remedy", errorfs.OpFileSync, true, nil, never, nil, ""},
		{"create fails", errorfs.OpCreate, false, full, never, full, "writing the leader's snapshot"},
		{"write fails", errorfs.OpFileWrite, false, full, never, full, "writing the leader's snapshot"},
		{"fsync fails", errorfs.OpFileSync, false, full, never, full, "writing the leader's snapshot"},
		{"rename fails", errorfs.OpRename, false, full, never, full, "writing the leader's snapshot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newTrio(t, "a", "b", "c")
				d := &sickDisk{kind: c.kind, fail: c.fail}
				if c.hangs {
					d.hang = make(chan struct{})
					defer close(d.hang)
				}
				d.under(k, c.limit)
				l := k.startAll()
				k.carry(l, dayOf(1, 30))
				k.everywhere(30)
				f := k.others(l)[0]
				f.expected = true
				k.isolate(f)
				k.carry(l, flow(2, 50))
				third := k.others(l, f)[0] // not to be sent one as well
				await(t, "the third node", func() bool { return third.Status().Seq == 80 })
				if err := l.Snapshot(); err != nil {
					t.Fatal(err)
				}
				d.node.Store(&f.id)
				k.rejoin(f)
				if c.end != nil {
					if err := f.end(t, c.end); !contains(err, c.says) {
						t.Errorf("ended with %v", err)
					}
					k.carry(l, flow(3, 20))
					return
				}
				await(t, "the disk to hang", func() bool { return d.met.Load() > 0 })
				time.Sleep(3 * soon)
				if err := f.failed(); err != nil {
					t.Errorf("ended with %v: the trap is not there", err)
				}
			})
		})
	}
}

// A leader whose disk hangs under its own snapshot ends, and another leads.
func TestHungDiskUnderTheLeadersOwnSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		d := &sickDisk{kind: errorfs.OpFileSync, hang: make(chan struct{})}
		defer close(d.hang)
		d.under(k, 400*time.Millisecond)
		l := k.startAll()
		k.carry(l, dayOf(1, 60))
		k.everywhere(60)
		l.expected = true
		d.node.Store(&l.id)
		go func() { _ = l.Snapshot() }() // the node that ends does not wait for it
		l.end(t, ErrDisk)
		next := k.leader(l)
		k.carry(next, flow(2, 50))
		k.everywhere(110)
	})
}

// An own snapshot that cannot be written is tried again, with all of the log kept, and costs nothing else.
func TestFailedOwnSnapshotIsTriedAgain(t *testing.T) {
	full := errors.New("no space left on device")
	for _, kind := range []errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpRename} {
		bubble(t, func(t *testing.T) {
			k := newTrio(t, "a", "b", "c")
			d := &sickDisk{kind: kind, fail: full}
			d.under(k, time.Hour)
			l := k.startAll()
			k.carry(l, dayOf(1, 60))
			k.everywhere(60)
			d.node.Store(&l.id)
			if err := l.Snapshot(); !contains(err, full.Error()) {
				t.Errorf("kind %d: %v", kind, err)
			}
			if s := l.Status(); s.SnapshotFailures != 1 || s.Snapshots != 0 || s.LogFirst != 1 || s.Failure != nil {
				t.Errorf("kind %d: %+v", kind, s)
			}
			d.node.Store(nil)
			if err := l.Snapshot(); err != nil || l.Status().LogFirst == 1 {
				t.Errorf("kind %d, with room: %v, the log begins at %d", kind, err, l.Status().LogFirst)
			}
			k.carry(l, flow(2, 20))
		})
	}
}

// What comes back after the node has ended is not taken for written.
func TestLateSnapshotIsNotTaken(t *testing.T) {
	n := &Node{cfg: Config{Fatal: func(error) {}}, began: time.Now()}
	g := &snapshotGuard{SnapshotStore: raft.NewInmemSnapshotStore(), dog: &watchdog{now: n.now, limit: time.Hour}, node: n}
	sink, err := g.Create(1, 5, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	sink.(localSink).markLocal()
	n.fatal(ErrDisk)
	if err := sink.Close(); !errors.Is(err, ErrFailed) {
		t.Errorf("closed with %v", err)
	}
}

// However large a snapshot is, one fsync has little to do.
func TestSnapshotIsMadeDurableInPieces(t *testing.T) {
	var dirty, most int
	var syncs int
	mem := vfs.NewMem()
	var watch errorfs.InjectorFunc = func(op errorfs.Op) error {
		switch {
		case !strings.HasSuffix(op.Path, tmpEnding):
		case op.Kind == errorfs.OpFileWrite:
			dirty += bufferedSize // about
			most = max(most, dirty)
		case op.Kind == errorfs.OpFileSync:
			dirty = 0
			syncs++
		}
		return nil
	}
	s, err := OpenSnapshotsFS(errorfs.Wrap(mem, watch), "snapshots", 2)
	if err != nil {
		t.Fatal(err)
	}
	sink, err := s.Create(1, 5, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * SyncPiece / bufferedSize {
		if _, err := sink.Write(make([]byte, bufferedSize)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if syncs < 3 || most > SyncPiece+2*bufferedSize {
		t.Errorf("%d fsyncs, of about %d bytes at most", syncs, most)
	}
	if _, body, err := s.Open(sink.ID()); err != nil || body.Close() != nil {
		t.Error(err)
	}
}
