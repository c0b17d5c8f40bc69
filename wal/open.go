package wal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
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
	nameTripwire = "TRIPWIRE"
	namePebble   = "pebble"
)

// DefaultCacheBytes is used when Options.CacheBytes is 0.
const DefaultCacheBytes = 32 << 20

// Options of a store. The zero value is usable.
type Options struct {
	// FS is the file system; nil is the disk.
	FS vfs.FS
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

// Open opens the store in dir, or creates it where dir is empty or missing. It
// checks everything first, without changing a byte; an error says what was
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
	if err := makeDir(o.FS, dir); err != nil {
		return nil, err
	}
	// A directory that is not ours stays without a lock file.
	if _, err := classify(o.FS, dir, o.ResetTripwire); err != nil {
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
	kind, err := classify(o.FS, dir, o.ResetTripwire)
	if err != nil {
		return nil, err
	}
	f := &fataler{log: o.Logger, fn: o.Fatal}
	if kind == dirEmpty || kind == dirCreating {
		if err := create(dir, o, f); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
	}
	return openExisting(dir, o, f, lock)
}

func openExisting(dir string, o *Options, f *fataler, lock io.Closer) (*Store, error) {
	id, trip, err := readIdentity(dir, o.FS, o.ResetTripwire)
	if err != nil {
		return nil, err
	}
	if o.Cluster != "" && o.Cluster != id.cluster {
		return nil, fmt.Errorf("the store belongs to cluster %q, not to %q; give the right directory or the right cluster id", id.cluster, o.Cluster)
	}
	if trip != nil && trip.valid[0] != trip.valid[1] {
		o.Logger.Warn("one of the two blocks of the tripwire file was damaged; it is written anew", "dir", dir)
	}
	start := time.Now()
	pdir := o.FS.PathJoin(dir, namePebble)
	c, err := inspect(pdir, o.FS, id, trip, nil)
	if err != nil {
		return nil, err
	}
	o.Logger.Info("log verified", "dir", dir, "store", id.storeID(), "first", c.st.first, "last", c.st.last,
		"bytes", c.st.bytes, "took", time.Since(start))
	db, err := openForWriting(pdir, o.FS, f)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, fs: o.FS, id: *id, db: db, fatal: f, lock: lock,
		st: c.st, stable: c.stable, sizes: c.sizes, staged: c.st.commit, cache: cache{limit: o.CacheBytes}}
	if err := s.finishOpen(trip == nil); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// finishOpen makes sure that opening for writing found what the check found, and arms the
// tripwire; with reset its file is made anew.
func (s *Store) finishOpen(reset bool) error {
	st, err := readState(s.db)
	if err != nil {
		return err
	}
	if st != s.st {
		return fmt.Errorf("the store changed between its check and its opening (write %d, now %d): another process touches it", s.st.seq, st.seq)
	}
	if reset {
		if err := writeFileSync(s.fs, s.dir, nameTripwire, encodeTripwire(&s.id, &s.st)); err != nil {
			return err
		}
	}
	s.trip, err = openTripwire(s.fs, s.fs.PathJoin(s.dir, nameTripwire), s.id, &s.st)
	return err
}

// readIdentity reads the tripwire file. With reset, what cannot be read of it is
// taken from Pebble, and trip is nil.
func readIdentity(dir string, fs vfs.FS, reset bool) (*identity, *tripwire, error) {
	path := fs.PathJoin(dir, nameTripwire)
	trip, err := readTripwire(fs, path)
	switch {
	case err == nil && !reset:
		return &trip.id, trip, nil
	case err == nil:
		return &trip.id, nil, nil
	case errors.Is(err, errNewer):
		return nil, nil, err
	case !reset:
		return nil, nil, &Damage{File: path, Offset: 0, What: err.Error(), Advice: adviceTripwire, cause: err}
	}
	id, err := identityFromPebble(fs.PathJoin(dir, namePebble), fs)
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

type dirKind int

const (
	dirEmpty dirKind = iota
	dirCreating
	dirStore
)

// classify says what dir is by its names alone; an error refuses it.
func classify(fs vfs.FS, dir string, reset bool) (dirKind, error) {
	names, err := fs.List(dir)
	if err != nil {
		return 0, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == nameLock })
	slices.Sort(names)
	has := func(name string) bool { return slices.Contains(names, name) }
	switch {
	case len(names) == 0:
		return dirEmpty, nil
	case has(nameCreating):
		return dirCreating, nil
	case has(nameTripwire) && has(namePebble):
		return dirStore, nil
	case has(namePebble) && reset:
		return dirStore, nil
	case has(namePebble):
		return 0, &Damage{File: fs.PathJoin(dir, nameTripwire), Offset: -1, What: "the tripwire file is missing", Advice: adviceTripwire}
	case has(nameTripwire):
		return 0, damagef(0, 0, "the directory %q with the log itself is missing", namePebble)
	case slices.ContainsFunc(names, func(n string) bool { return n == "CURRENT" || strings.HasPrefix(n, "MANIFEST-") }):
		return 0, fmt.Errorf("%w but another program's Pebble database; it was not touched, give another directory", ErrNotStore)
	}
	return 0, fmt.Errorf("%w and not empty (it holds %s); it was not touched, give an empty directory", ErrNotStore, some(names))
}

func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// create makes a new store. While the file CREATING is there nothing was ever
// acknowledged, so a start that finds it begins again from nothing.
func create(dir string, o *Options, f *fataler) error {
	fs := o.FS
	if err := beginCreation(fs, dir); err != nil {
		return err
	}
	pdir := fs.PathJoin(dir, namePebble)
	if err := fs.RemoveAll(pdir); err != nil {
		return err
	}
	id := newIdentity(o.Cluster)
	st := state{seq: 1, baseHash: id.genesis(), lastHash: id.genesis()}
	if err := createPebble(pdir, fs, &id, &st, f); err != nil {
		return err
	}
	if err := writeFileSync(fs, dir, nameTripwire, encodeTripwire(&id, &st)); err != nil {
		return err
	}
	if err := fs.Remove(fs.PathJoin(dir, nameCreating)); err != nil {
		return err
	}
	return syncDir(fs, dir)
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
