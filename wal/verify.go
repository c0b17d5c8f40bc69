package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// Report is what Verify found.
type Report struct {
	Dir          string
	Store        string // id in hex
	Cluster      string
	Format       uint32 // FormatVersion of the store
	PebbleFormat uint64 // format major version

	Entries     uint64 // in the log, as far as they were found sound
	First, Last uint64 // indexes of those, 0: none
	Bytes       uint64 // of their records
	LastHash    uint64 // of the last one
	Terms       []TermRange
	Commit      uint64 // commit index staged by raft, 0: none
	StableKeys  int
	Write       uint64 // number of the last write

	TripwireValid [2]bool // which blocks of the tripwire file are sound
	TripwireWrite uint64  // greatest write number in it
	TripwireLast  uint64  // last index at that write

	Took   time.Duration
	Damage *Damage // nil: sound
}

// TermRange is a run of entries of one term.
type TermRange struct{ Term, First, Last uint64 }

// add counts one sound record.
func (r *Report) add(rec *record, raw []byte) error {
	if r.Entries == 0 {
		r.First = rec.index
	}
	r.Entries++
	r.Last = rec.index
	r.Bytes += uint64(len(raw))
	r.LastHash = chainHash(raw)
	if n := len(r.Terms); n > 0 && r.Terms[n-1].Term == rec.term {
		r.Terms[n-1].Last = rec.index
	} else {
		r.Terms = append(r.Terms, TermRange{rec.term, rec.index, rec.index})
	}
	return nil
}

// Verify checks the whole store in dir and changes no byte of it. The store
// must not be in use. fs nil is the disk. If the store is damaged the error is
// the report's Damage; any other error says why it could not be checked.
func Verify(dir string, fs vfs.FS) (Report, error) {
	if fs == nil {
		fs = vfs.Default
	}
	r := Report{Dir: dir}
	start := time.Now()
	err := verify(dir, fs, &r)
	r.Took = time.Since(start)
	if errors.As(err, &r.Damage) {
		return r, r.Damage
	}
	if err != nil {
		return r, fmt.Errorf("wal: verify %s: %w", dir, err)
	}
	return r, nil
}

func verify(dir string, fs vfs.FS, r *Report) error {
	id, trip, release, err := look(dir, fs)
	if err != nil {
		return err
	}
	defer release()
	r.Store, r.Cluster, r.Format = id.storeID(), id.cluster, id.version
	r.TripwireValid = trip.valid
	if t, ok := trip.newest(); ok {
		r.TripwireWrite, r.TripwireLast = t.seq, t.last
	}
	pdir := fs.PathJoin(dir, namePebble)
	if d, err := pebble.Peek(pdir, fs); err == nil {
		r.PebbleFormat = uint64(d.FormatMajorVersion)
	}
	c, err := inspect(pdir, fs, id, trip, r.add)
	r.Commit, r.StableKeys, r.Write = min(c.st.commit, c.st.last), len(c.stable), c.st.seq
	return err
}

// look finds the store in dir and, where that is possible without writing,
// makes sure that nobody uses it.
func look(dir string, fs vfs.FS) (*identity, *tripwire, func(), error) {
	kind, err := classify(fs, dir, false)
	if err != nil {
		return nil, nil, nil, err
	}
	switch kind {
	case dirEmpty:
		return nil, nil, nil, fmt.Errorf("%w: it is empty", ErrNotStore)
	case dirCreating:
		return nil, nil, nil, fmt.Errorf("%w yet: its creation was cut off before anything was stored; the next start creates it anew", ErrNotStore)
	}
	lock, err := tryLock(fs, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	release := func() { _ = lock.Close() }
	id, trip, err := readIdentity(dir, fs, false)
	if err != nil {
		release()
		return nil, nil, nil, err
	}
	return id, trip, release, nil
}

// tryLock locks an existing lock file. A copy without one, or one that may not be
// written, is not in use by anybody here.
func tryLock(fs vfs.FS, dir string) (io.Closer, error) {
	if _, err := fs.Stat(fs.PathJoin(dir, nameLock)); err != nil {
		return nopCloser{}, nil
	}
	lock, err := lockDir(fs, dir)
	var path *os.PathError
	if errors.As(err, &path) && (errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return nopCloser{}, nil
	}
	return lock, err
}

// Replay calls fn with every entry from index from on (0: the first), in order, after checking
// its record; data is valid during the call. Nothing is changed; the store must not be in use.
// The entries before from and the tripwire are checked too. An error of fn ends it and is returned as it is.
// fs nil is the disk.
func Replay(dir string, fs vfs.FS, from uint64, fn func(index, term uint64, typ raft.LogType, data []byte) error) error {
	if fs == nil {
		fs = vfs.Default
	}
	id, trip, release, err := look(dir, fs)
	if err != nil {
		return fmt.Errorf("wal: replay %s: %w", dir, err)
	}
	defer release()
	first := true
	_, err = inspect(fs.PathJoin(dir, namePebble), fs, id, trip, func(rec *record, _ []byte) error {
		if first && from != 0 && rec.index > from {
			return fmt.Errorf("wal: replay %s: the log starts at index %d, after %d; start from a snapshot", dir, rec.index, from)
		}
		first = false
		if rec.index < from {
			return nil
		}
		return fn(rec.index, rec.term, rec.typ, rec.data)
	})
	return err
}
