package outbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/gateway/progress"
)

// Format is what the file FORMAT in a store's directory says. The number changes with the layout of keys or values.
const Format = "uncross outbox 1"

// Names in a store's directory.
const (
	nameFormat = "FORMAT"
	nameNew    = "FORMAT.new"
	namePebble = "pebble"
)

// pebbleFormat is named, so that a newer Pebble does not raise the format of existing stores by itself.
const pebbleFormat = pebble.FormatValueSeparation

// Options of a store; the zero value is usable.
type Options struct {
	FS     vfs.FS       // nil: the disk
	Logger *slog.Logger // nil: slog.Default()

	// Fatal is called, once, when a write fails or the events cannot be stored. It should end the process; nil does, with
	// status 1. Where Pebble itself cannot go on and Fatal returns, the goroutine panics.
	Fatal func(error)

	SyncEvery  time.Duration // between fsyncs; 0: one second; negative: only Sync does
	CacheBytes int64         // for reading; 0: 8 MiB
	ClusterID  [16]byte      // where it is not zero, a store of another cluster is refused
	Retain     uint64        // messages kept for each session; 0: 250,000. An eighth more, and one thousand, may be there

	// AcceptGap is the operator's word that the store may go on behind a gap. A node takes no snapshot before its outbox is
	// on disk, so an image beyond what the store has means that the store has lost its end. The numbers of every session are
	// then marked as lost until they start again. An empty store may begin with an image; its sessions' numbers are lost, too.
	AcceptGap bool
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Fatal == nil {
		o.Fatal = func(error) { os.Exit(1) }
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Second
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.Retain == 0 {
		o.Retain = 250_000
	}
}

// Store is an outbox. Run is called once, by one goroutine; everything else by any.
type Store struct {
	o  Options
	db *pebble.DB
	w  *writer

	open   sync.RWMutex // held for reading while the database is in use
	closed bool

	mu       sync.RWMutex // the order table, and which sessions there are: written by the writer a batch at a time
	sessions []*Session   // entry i has id i+1
	orders   orders

	position progress.Number // last whole command applied and stored
	durable  atomic.Uint64   // last whole command stored and synced
	failure  atomic.Pointer[error]
}

// Open opens the store in dir, or makes one where dir is missing or empty. It refuses, without changing anything, a
// directory that holds something else (ErrForeign), another format (ErrFormat) or another cluster's outbox (ErrForeign).
func Open(dir string, o Options) (*Store, error) {
	o.defaults()
	s := &Store{o: o}
	if err := s.openDir(dir); err != nil {
		return nil, fmt.Errorf("open outbox %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) openDir(dir string) error {
	if err := checkDir(s.o.FS, dir); err != nil {
		return err
	}
	db, err := s.openPebble(s.o.FS.PathJoin(dir, namePebble))
	if err != nil {
		return err
	}
	s.db = db
	w, err := newWriter(s)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.w = w
	s.durable.Store(w.pos.whole()) // opening has brought everything that was in Pebble's log into synced tables
	return nil
}

// openPebble opens the database in the wanted format. The first log of a new database is still written in an older one,
// in which damage looks like the log's end, so a new one is opened twice.
func (s *Store) openPebble(dir string) (*pebble.DB, error) {
	cache := pebble.NewCache(s.o.CacheBytes)
	defer cache.Unref()
	o := &pebble.Options{
		FS: s.o.FS, Logger: pebbleLogger{s}, FormatMajorVersion: pebbleFormat, Cache: cache,
		MemTableSize: 16 << 20, MemTableStopWritesThreshold: 4, L0CompactionThreshold: 4, L0StopWritesThreshold: 24,
		MaxOpenFiles:  512,
		EventListener: s.events(),
	}
	found, err := pebble.Peek(dir, s.o.FS)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	db, err := pebble.Open(dir, o)
	if err == nil && (found == nil || !found.Exists || found.FormatMajorVersion < pebbleFormat) {
		if err = db.Close(); err == nil {
			db, err = pebble.Open(dir, o)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w (damaged, or in use by another process; a damaged one may be moved away: the node writes it anew from its log where that goes back to the first command; otherwise every session's numbers must start again)", err)
	}
	return db, nil
}

// checkDir makes a new store's directory, and refuses one that is not a store of this format.
func checkDir(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	text, err := readFormat(fs, fs.PathJoin(dir, nameFormat))
	switch {
	case err == nil && text == Format:
		return nil
	case err == nil && strings.HasPrefix(text, "uncross outbox "):
		return fmt.Errorf("%w: it says %q, this program reads %q; use the program that wrote it",
			ErrFormat, text, Format)
	case err == nil:
		return fmt.Errorf("%w: its %s says %q; give another directory", ErrForeign, nameFormat, text)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	for _, name := range names {
		if name != nameNew { // left by a start that was cut off
			return fmt.Errorf("%w: the directory has %q and no %s; give an empty directory", ErrForeign, name, nameFormat)
		}
	}
	return writeFormat(fs, dir)
}

func readFormat(fs vfs.FS, path string) (string, error) {
	f, err := fs.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 100))
	return strings.TrimSpace(string(text)), err
}

func writeFormat(fs vfs.FS, dir string) error {
	f, err := fs.Create(fs.PathJoin(dir, nameNew), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(Format + "\n"))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(fs.PathJoin(dir, nameNew), fs.PathJoin(dir, nameFormat)); err != nil {
		return err
	}
	return errors.Join(syncDir(fs, dir), syncDir(fs, fs.PathDir(dir))) // the directory's own name is in its parent
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close syncs and closes the store. Run must have returned, or not have been called.
func (s *Store) Close() error {
	var err error
	if s.failure.Load() == nil {
		err = s.Sync()
	}
	s.open.Lock()
	defer s.open.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.closed = true
	return errors.Join(err, s.db.Close())
}

// use keeps the database open until the returned function is called.
func (s *Store) use() (done func(), err error) {
	s.open.RLock()
	if s.closed {
		s.open.RUnlock()
		return nil, ErrClosed
	}
	return s.open.RUnlock, nil
}

// fail reports the first failure to the one who opened the store.
func (s *Store) fail(err error) {
	if s.failure.CompareAndSwap(nil, &err) {
		s.o.Logger.Error("the outbox cannot go on", "error", err)
		s.o.Fatal(err)
	}
}

// Err returns why the store stopped, nil while it has not.
func (s *Store) Err() error {
	if p := s.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// events makes what goes wrong in Pebble's background fatal too: a flush that fails would otherwise be tried for ever.
func (s *Store) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { s.fail(fmt.Errorf("outbox: background work of Pebble failed: %w", err)) },
		// A damaged block fails the read that met it, and no more: the venue does not stop for a message that is asked for again.
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			s.o.Logger.Error("the outbox is damaged: what lies there cannot be read; stop the node and restore it from a backup",
				"file", i.Path, "error", i.Details)
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			s.o.Logger.Warn("the outbox stalls writes until compactions catch up", "reason", i.Reason)
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			s.o.Logger.Warn("the disk is slow", "operation", i.OpType.String(), "file", i.Path, "took", i.Duration)
		},
	}
}

// pebbleLogger sends Pebble's chatter to the log at debug level.
type pebbleLogger struct{ s *Store }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.s.o.Logger.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.s.o.Logger.Warn("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf does not return: Pebble goes on as if all were well when it does.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf("outbox: "+format, args...)
	l.s.fail(err)
	panic(err)
}

// checkCluster refuses another cluster's outbox, and reports whether the store knows its own.
func (s *Store) checkCluster(known, id [16]byte) error {
	if known != id && known != [16]byte{} && id != [16]byte{} {
		return fmt.Errorf("%w: it belongs to cluster %x, this node to %x; give each its own directory", ErrForeign, known, id)
	}
	return nil
}
