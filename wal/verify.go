package wal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
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

	Tripwire      string // its file
	TripwireWrite uint64 // greatest write number in it
	TripwireLast  uint64 // last index at that write

	Took     time.Duration
	Damage   *Damage   // nil: the log is sound
	Findings []Finding // what else is wrong with its files, or left over; Open does not mind it
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

// Verify checks the whole store and changes no byte of it. The store must not be in use. If the store is damaged the
// error is the report's Damage; any other error says why it could not be checked.
func Verify(p Place) (Report, error) {
	p.defaults()
	r := Report{Dir: p.Dir}
	start := time.Now()
	err := verify(&p, &r)
	r.Took = time.Since(start)
	if errors.As(err, &r.Damage) {
		return r, r.Damage
	}
	if err != nil {
		return r, fmt.Errorf("wal: verify %s: %w", p.Dir, err)
	}
	return r, nil
}

func verify(p *Place, r *Report) error {
	id, trips, release, err := look(p)
	if err != nil {
		return err
	}
	defer release()
	r.Store, r.Cluster, r.Format = id.storeID(), id.cluster, id.version
	r.Tripwire = trips[0].path
	if t, ok := trips[0].newest(); ok {
		r.TripwireWrite, r.TripwireLast = t.seq, t.last
	}
	if d, err := pebble.Peek(p.pebble(), p.FS); err == nil {
		r.PebbleFormat = uint64(d.FormatMajorVersion)
	}
	if r.Findings, err = findings(p, trips); err != nil {
		return err
	}
	c, err := inspect(p, id, trips, r.add)
	r.Commit, r.StableKeys, r.Write = min(c.st.commit, c.st.last), len(c.stable), c.st.seq
	if err != nil {
		return err
	}
	left, err := checkTables(p.pebble(), p.FS, c.st.last)
	r.Findings = append(r.Findings, left...)
	return err
}

// checkTables reads every block of every table that the database names; what a process that was killed had not finished is
// no part of it, and told. What is in the log has been read by then; blocks that hold only what was removed have not, but a
// later compaction reads them, and cannot go on.
func checkTables(pdir string, fs vfs.FS, lastGood uint64) ([]Finding, error) {
	names, err := tables(pdir, fs)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path := fs.PathJoin(pdir, name)
		if err := checkTable(fs, path); err != nil {
			d := pebbleDamage(0, err)
			d.LastGood, d.File = lastGood, path
			return nil, d
		}
	}
	return leftTables(pdir, fs, names)
}

// tables returns the names of the database's tables, in order.
func tables(pdir string, fs vfs.FS) (names []string, err error) {
	db, err := openReadOnly(pdir, fs)
	if err != nil {
		return nil, pebbleDamage(0, err)
	}
	levels, err := db.SSTables()
	for _, level := range levels {
		for i := range level {
			names = append(names, level[i].BackingSSTNum.String()+".sst")
		}
	}
	slices.Sort(names)
	return slices.Compact(names), errors.Join(err, db.Close())
}

func checkTable(fs vfs.FS, path string) error {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{})
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// look finds the store and, where that is possible without writing, makes sure that nobody uses it.
func look(p *Place) (*identity, []*tripwire, func(), error) {
	kind, err := judge(p)
	if err != nil {
		return nil, nil, nil, err
	}
	switch kind {
	case dirEmpty:
		if _, err := p.FS.Stat(p.Dir); err != nil {
			return nil, nil, nil, err
		}
		return nil, nil, nil, fmt.Errorf("%w: it is empty", ErrNotStore)
	case dirCreating:
		return nil, nil, nil, fmt.Errorf("%w yet: its creation was cut off before anything was stored; the next start creates it anew", ErrNotStore)
	}
	lock, err := tryLock(p)
	if err != nil {
		return nil, nil, nil, err
	}
	release := func() { _ = lock.Close() }
	id, trips, err := readIdentity(p, false)
	if err != nil {
		release()
		return nil, nil, nil, err
	}
	return id, trips, release, nil
}

// tryLock locks an existing lock file. A copy without one, or one that may not be
// written, is not in use by anybody here.
func tryLock(p *Place) (io.Closer, error) {
	if _, err := p.FS.Stat(p.inside(nameLock)); err != nil {
		return nopCloser{}, nil
	}
	lock, err := lockDir(p.FS, p.Dir)
	var path *os.PathError
	if errors.As(err, &path) && (errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return nopCloser{}, nil
	}
	return lock, err
}

// Replay calls fn with every entry from index from on (0: the first), in order, after checking
// its record; data is valid during the call. Nothing is changed; the store must not be in use.
// The entries before from and the tripwire are checked too. An error of fn ends it and is returned as it is.
func Replay(p Place, from uint64, fn func(index, term uint64, typ raft.LogType, data []byte) error) error {
	return ReplayLogs(p, from, func(l *raft.Log) error { return fn(l.Index, l.Term, l.Type, l.Data) })
}

// ReplayLogs is Replay with all that raft has stored of an entry. The entry and its bytes are valid during the call.
func ReplayLogs(p Place, from uint64, fn func(l *raft.Log) error) error {
	p.defaults()
	id, trips, release, err := look(&p)
	if err != nil {
		return fmt.Errorf("wal: replay %s: %w", p.Dir, err)
	}
	defer release()
	first := true
	var l raft.Log
	_, err = inspect(&p, id, trips, func(rec *record, _ []byte) error {
		if first && from != 0 && rec.index > from {
			return fmt.Errorf("wal: replay %s: the log starts at index %d, after %d; start from a snapshot", p.Dir, rec.index, from)
		}
		first = false
		if rec.index < from {
			return nil
		}
		rec.fill(&l)
		return fn(&l)
	})
	return err
}
