package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"uncross/wal"
)

// disk is one incarnation's file system: a crashable one in memory, with faults in front of it.
//
// Slowness, hanging and errors strike what the acknowledgement of a command waits for: writes and fsyncs of the log and
// the tripwire file, and snapshots. Errors elsewhere in Pebble would end the process while its locks are held, which a
// simulated process cannot do; the tests of package wal fail every one of those operations.
type disk struct {
	mem *vfs.MemFS
	fs  vfs.FS

	mu       sync.Mutex
	slow     time.Duration // of each fsync
	hung     chan struct{} // fsyncs wait until it is closed; nil: they do not
	release  func()        // closes it
	failing  error         // of writes and fsyncs
	injected bool          // a fault that may end the process has struck
	fuse     int           // writing operations until the crash; negative: none is due
	crash    func(op string)
}

func newDisk(mem *vfs.MemFS, forgetful bool) *disk {
	d := &disk{mem: mem, fuse: -1}
	var under vfs.FS = mem
	if forgetful {
		under = forgetfulFS{mem}
	}
	d.fs = errorfs.Wrap(under, errorfs.InjectorFunc(d.before))
	return d
}

// before stands in front of every operation.
func (d *disk) before(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	d.mu.Lock()
	if d.fuse > 0 {
		d.fuse--
	}
	crash := d.crash
	if d.fuse != 0 {
		crash = nil
	} else {
		d.fuse = -1
	}
	d.mu.Unlock()
	if crash != nil {
		crash(op.Path)
	}
	if !vital(op.Path) {
		return nil
	}
	syncing := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	writing := op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileWriteAt
	if syncing {
		d.mu.Lock()
		slow, hung := d.slow, d.hung
		d.injected = d.injected || hung != nil
		d.mu.Unlock()
		if hung != nil {
			<-hung
		}
		time.Sleep(slow)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing != nil && (syncing || writing) {
		d.injected = true
		return d.failing
	}
	return nil
}

// vital reports whether an acknowledgement waits for the file, and a failure of it is safe to simulate.
func vital(path string) bool {
	return strings.HasSuffix(path, ".log") || path == wal.DefaultTripwire("data/log") || strings.HasSuffix(path, ".tmp")
}

// set changes the disk's state.
func (d *disk) set(change func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// hang makes fsyncs wait until release is called, or heal.
func (d *disk) hang() (release func()) {
	until := make(chan struct{})
	release = sync.OnceFunc(func() { close(until) })
	d.set(func(d *disk) {
		if d.release != nil {
			d.release()
		}
		d.hung, d.release = until, release
	})
	return release
}

// heal takes every fault away, so that a dead incarnation can wind up.
func (d *disk) heal() {
	d.set(func(d *disk) {
		d.slow, d.failing, d.fuse = 0, nil, -1
		if d.release != nil {
			d.release()
		}
		d.hung, d.release = nil, nil
	})
}

func (d *disk) struck() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.injected
}

// forgetfulFS plants a bug: an fsync of a file of the log does nothing.
type forgetfulFS struct{ vfs.FS }

func (f forgetfulFS) Unwrap() vfs.FS { return f.FS }

func (f forgetfulFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return forget(name)(f.FS.Create(name, c))
}

func (f forgetfulFS) ReuseForWrite(from, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return forget(name)(f.FS.ReuseForWrite(from, name, c))
}

func forget(name string) func(vfs.File, error) (vfs.File, error) {
	return func(file vfs.File, err error) (vfs.File, error) {
		if err != nil || !strings.HasSuffix(name, ".log") {
			return file, err
		}
		return forgetfulFile{file}, nil
	}
}

type forgetfulFile struct{ vfs.File }

func (forgetfulFile) Sync() error                { return nil }
func (forgetfulFile) SyncData() error            { return nil }
func (forgetfulFile) SyncTo(int64) (bool, error) { return false, nil }

// flip turns one bit of one file over, anywhere below the root, and says where. It returns "" when there are no files.
func flip(fs *vfs.MemFS, rng *rand.Rand) (string, int) {
	type file struct {
		path string
		size int
	}
	var files []file
	var walk func(dir string)
	walk = func(dir string) {
		names, err := fs.List(dir)
		if err != nil {
			return
		}
		slices.Sort(names)
		for _, n := range names {
			path := fs.PathJoin(dir, n)
			if st, err := fs.Stat(path); err == nil && st.IsDir() {
				walk(path)
			} else if err == nil && st.Size() > 0 {
				files = append(files, file{path, int(st.Size())})
			}
		}
	}
	walk("")
	if len(files) == 0 {
		return "", 0
	}
	f := files[rng.IntN(len(files))]
	data, err := fs.UnsafeGetFileDataBuffer(f.path)
	if err != nil || len(data) == 0 {
		return "", 0
	}
	at := rng.IntN(len(data))
	data[at] ^= 1 << rng.IntN(8)
	return f.path, at
}
