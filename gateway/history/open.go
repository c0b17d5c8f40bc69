package history

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/gateway/progress"
	"uncross/gateway/storage"
)

// Format is what the file FORMAT in a store's directory says. The number changes with the layout of keys or values.
const Format = "uncross history 1"

// kind is what this store is to package storage.
var kind = storage.Kind{
	Name: "the history", Family: "uncross history ", Format: Format, Foreign: ErrForeign, Other: ErrFormat, Damaged: ErrDamaged,
	Renew:  ", or move the directory away and let the node write its history anew",
	Repair: "a damaged store may be moved away: the node writes it anew from its log as far back as that goes",
}

// Options of a store; the zero value is usable.
type Options struct {
	FS     vfs.FS       // nil: the disk
	Logger *slog.Logger // nil: slog.Default()

	// Fatal is called, once, when a write fails or the events cannot be stored. It should end the process; nil does, with
	// status 1. Where Pebble itself cannot go on and Fatal returns, the goroutine panics.
	Fatal func(error)

	SyncEvery   time.Duration // between fsyncs; 0: one second; negative: only Sync does
	QueueEvents int           // events that wait for the disk at most; 0: 65,536 (12 MiB)
	CacheBytes  int64         // for reading; 0: 32 MiB
	ClusterID   [16]byte      // where it is not zero, a store of another cluster is refused

	// AcceptGap is the operator's word that the store may go on behind a gap. A node takes no snapshot before its history is
	// on disk, so an image beyond what the store has means that the store has lost its end. An empty store has no gap.
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
	if o.QueueEvents <= 0 {
		o.QueueEvents = 65_536
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 32 << 20
	}
}

// Store is a history store. Run is called once, by one goroutine; everything else by any.
type Store struct {
	o     Options
	db    *pebble.DB
	queue *queue
	w     *writer

	open   sync.RWMutex // held for reading while the database is in use
	closed bool

	position progress.Number // last whole command stored
	durable  atomic.Uint64   // … and synced
	from     atomic.Uint64   // complete from this command
	failure  atomic.Pointer[error]
}

// Open opens the store in dir, or makes one where dir is missing or empty. It refuses, without changing anything, a
// directory that holds something else (ErrForeign), another format (ErrFormat) or another cluster's history (ErrForeign).
func Open(dir string, o Options) (*Store, error) {
	o.defaults()
	s := &Store{o: o, queue: newQueue(o.QueueEvents)}
	if err := s.openDir(dir); err != nil {
		return nil, fmt.Errorf("open history %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) openDir(dir string) error {
	if err := kind.Prepare(s.o.FS, dir); err != nil {
		return err
	}
	db, err := kind.Open(dir, storage.Options{FS: s.o.FS, Logger: s.o.Logger, Fail: s.fail, CacheBytes: s.o.CacheBytes, MemTable: 32 << 20})
	if err != nil {
		return err
	}
	s.db = db
	w, err := newWriter(s)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.w = w
	s.position.Set(w.pos.whole())
	s.durable.Store(w.pos.whole()) // opening has brought everything that was in Pebble's log into synced tables
	return nil
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
		s.o.Logger.Error("the history store cannot go on", "error", err)
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
