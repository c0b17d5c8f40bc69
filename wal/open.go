package wal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Names inside a store's directory.
const (
	nameLock     = "LOCK"
	nameCreating = "CREATING"
	namePebble   = "pebble"
	// nameFormerTripwire is what the first version called the tripwire file, and where it kept it.
	nameFormerTripwire = "TRIPWIRE"
)

// firstWrite is the number of the write that creates a store: nothing was acknowledged by then.
const firstWrite = 1

// DefaultCacheBytes is used when Options.CacheBytes is 0.
const DefaultCacheBytes = 32 << 20

// Options of a store. The zero value is usable.
type Options struct {
	// FS is the file system; nil is the disk.
	FS vfs.FS
	// Tripwire is the tripwire file, see Place.
	Tripwire string
	// Cluster is written into a new store. If it is not empty, an existing
	// store must carry the same. At most MaxCluster bytes.
	Cluster string
	// Logger; nil is slog.Default(). Pebble's own messages come at debug level.
	Logger *slog.Logger
	// Fatal is called when a write failed or damage was found while running. It must not return: end
	// the process. If it returns nevertheless, the calling goroutine panics. nil exits with status 1.
	Fatal func(err error)
	// CacheBytes bounds the newest records kept in memory; 0 is DefaultCacheBytes, negative is none.
	CacheBytes int
	// ResetTripwire takes the log as it is for the truth and writes the tripwire anew: the
	// operator's word that no acknowledged entry is missing. Everything else is still checked.
	ResetTripwire bool
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
}

// ErrLocked is wrapped when the store is open already.
var ErrLocked = errors.New("the log store is in use by another process (or twice in this one); stop that one first")

// ErrNotStore is wrapped when a directory is not a log store.
var ErrNotStore = errors.New("the directory is not a log store")

// Open opens the store in dir, or creates it where dir is empty or missing and no tripwire tells of a log that
// was there. It checks everything first, without changing a byte; an error says what was
// found and what to do, and is a *Damage where the store is damaged.
func Open(dir string, o Options) (*Store, error) {
	o.defaults()
	s, err := open(dir, &o)
	if err != nil {
		return nil, fmt.Errorf("wal: open %s: %w", dir, err)
	}
	return s, nil
}

func open(dir string, o *Options) (_ *Store, err error) {
	if len(o.Cluster) > MaxCluster {
		return nil, fmt.Errorf("the cluster id has %d bytes, the limit is %d", len(o.Cluster), MaxCluster)
	}
	p := &Place{Dir: dir, Tripwire: o.Tripwire, FS: o.FS}
	p.defaults()
	if err := p.check(); err != nil {
		return nil, err
	}
	// What is refused stays as it is, without a lock file.
	kind, err := judge(p)
	if err == nil && kind != dirStore {
		err = p.canCreate()
	}
	if err != nil {
		return nil, err
	}
	if err := makeDir(o.FS, dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(o.FS, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if kind, err = judge(p); err != nil {
		return nil, err
	}
	f := &fataler{log: o.Logger, fn: o.Fatal}
	if kind != dirStore {
		if err := create(p, o.Cluster, f); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
	}
	return openExisting(p, o, f, lock)
}

func openExisting(p *Place, o *Options, f *fataler, lock io.Closer) (*Store, error) {
	id, trips, err := readIdentity(p, o.ResetTripwire)
	if err != nil {
		return nil, err
	}
	if o.Cluster != "" && o.Cluster != id.cluster {
		return nil, fmt.Errorf("the store belongs to cluster %q, not to %q; give the right directory or the right cluster id", id.cluster, o.Cluster)
	}
	for _, t := range trips {
		if t.valid[0] != t.valid[1] {
			o.Logger.Warn("one of the two blocks of the tripwire file was damaged; it is written anew", "file", t.path)
		}
	}
	start := time.Now()
	c, err := inspect(p, id, trips, nil)
	if err != nil {
		return nil, err
	}
	o.Logger.Info("log verified", "dir", p.Dir, "store", id.storeID(), "first", c.st.first, "last", c.st.last,
		"bytes", c.st.bytes, "took", time.Since(start))
	db, err := openForWriting(p.pebble(), p.FS, f)
	if err != nil {
		return nil, err
	}
	s := &Store{at: *p, id: *id, db: db, fatal: f, lock: lock,
		st: c.st, stable: c.stable, sizes: c.sizes, staged: c.st.commit, cache: cache{limit: o.CacheBytes}}
	if err := s.finishOpen(trips); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// finishOpen makes sure that opening for writing found what the check found, and arms the tripwire. Where its file is not in
// its place, or was given up, or is not as it should be around its blocks, it is made anew there; only then those in former places are removed, so that one is in force
// at every moment.
func (s *Store) finishOpen(trips []*tripwire) error {
	st, err := readState(s.db)
	if err != nil {
		return err
	}
	if st != s.st {
		return fmt.Errorf("the store changed between its check and its opening (write %d, now %d): another process touches it", s.st.seq, st.seq)
	}
	if len(trips) == 0 || !s.at.isTripwire(trips[0].path) || len(trips[0].raw) != tripSize || trips[0].unclean() >= 0 {
		if err := writeFileSync(s.at.FS, s.at.Tripwire, encodeTripwire(&s.id, &s.st)); err != nil {
			return fmt.Errorf("the tripwire file: %w", err)
		}
	}
	if s.trip, err = openTripwire(s.at.FS, s.at.Tripwire, s.id, &s.st); err != nil {
		return fmt.Errorf("the tripwire file: %w", err)
	}
	if err := s.at.dropFormerTripwires(); err != nil {
		return errors.Join(err, s.trip.close())
	}
	return nil
}

// readIdentity reads the tripwire files. With reset, what cannot be read of them is taken from Pebble, and there is none.
func readIdentity(p *Place, reset bool) (*identity, []*tripwire, error) {
	trips, err := p.findTripwires()
	if err == nil && len(trips) == 0 {
		err = &Damage{File: p.Tripwire, Offset: -1, What: "the tripwire file is missing", Advice: adviceTripwire}
	}
	switch {
	case err == nil && !reset:
		return &trips[0].id, trips, nil
	case err == nil:
		return &trips[0].id, nil, nil
	case errors.Is(err, errNewer) || !reset:
		return nil, nil, err
	}
	id, err := identityFromPebble(p.pebble(), p.FS)
	return id, nil, err
}

func identityFromPebble(pdir string, fs vfs.FS) (*identity, error) {
	db, err := openReadOnly(pdir, fs)
	if err != nil {
		return nil, pebbleDamage(0, err)
	}
	b, err := get(db, keyIdentity)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, pebbleDamage(0, err)
	}
	id, err := decodeIdentity(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStore, err)
	}
	return &id, nil
}

// create makes a new store. While the file CREATING is there nothing was ever
// acknowledged, so a start that finds it begins again from nothing.
func create(p *Place, cluster string, f *fataler) error {
	fs := p.FS
	if err := beginCreation(fs, p.Dir); err != nil {
		return err
	}
	if err := fs.RemoveAll(p.pebble()); err != nil {
		return err
	}
	id := newIdentity(cluster)
	st := state{seq: firstWrite, baseHash: id.genesis(), lastHash: id.genesis()}
	if err := createPebble(p.pebble(), fs, &id, &st, f); err != nil {
		return err
	}
	if err := writeFileSync(fs, p.Tripwire, encodeTripwire(&id, &st)); err != nil {
		return fmt.Errorf("the tripwire file: %w", err)
	}
	if err := p.dropFormerTripwires(); err != nil {
		return err
	}
	if err := fs.Remove(p.inside(nameCreating)); err != nil {
		return err
	}
	return syncDir(fs, p.Dir)
}

// beginCreation leaves the empty file CREATING, durably.
func beginCreation(fs vfs.FS, dir string) error {
	c, err := fs.Create(fs.PathJoin(dir, nameCreating), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Sync(), c.Close()); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

func createPebble(pdir string, fs vfs.FS, id *identity, st *state, f *fataler) error {
	db, err := openForWriting(pdir, fs, f)
	if err != nil {
		return err
	}
	b := db.NewBatch()
	err = errors.Join(b.Set(keyIdentity, id.encode(), nil), b.Set(keyState, st.encode(), nil))
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	return errors.Join(err, db.Close())
}

// lockDir takes the store's lock and translates the refusal.
func lockDir(fs vfs.FS, dir string) (io.Closer, error) {
	c, err := fs.Lock(fs.PathJoin(dir, nameLock))
	if err == nil {
		return c, nil
	}
	if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process") {
		return nil, ErrLocked
	}
	return nil, fmt.Errorf("cannot lock the directory: %w", err)
}

// makeDir creates dir and syncs the directories that got a new entry.
func makeDir(fs vfs.FS, dir string) error {
	var missing []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || fs.PathDir(d) == d {
			break
		}
		missing = append(missing, d)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range missing {
		if err := syncDir(fs, fs.PathDir(d)); err != nil {
			return err
		}
	}
	return nil
}
