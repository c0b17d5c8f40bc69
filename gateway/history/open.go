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

	"uncross/gateway/storage"
)

// Format is what the file FORMAT in a store's directory says. The number changes with the layout of keys or values.
const Format = "uncross history 2"

// kind is what this store is to package storage.
var kind = storage.Kind{
	Name: "the history", Short: "history", Family: "uncross history ", Format: Format, Older: []string{formatOne, formatUpgrading}, Foreign: ErrForeign, Other: ErrFormat, Damaged: ErrDamaged, Closed: ErrClosed,
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

	Retain Retain // how long things are kept; zero: for ever

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
	o.Retain.defaults()
	if o.CacheBytes == 0 {
		o.CacheBytes = 32 << 20
	}
}

// Store is a history store. Run is called once, by one goroutine; everything else by any.
type Store struct {
	o     Options
	base  *storage.Store // the database, how far it is, and how it ends
	db    *pebble.DB
	queue *queue
	w     *writer

	from atomic.Uint64        // no gap from this command on
	gone atomic.Pointer[edge] // what is no longer kept
	end  atomic.Pointer[EventID]
	now  atomic.Int64 // engine time of the last event stored

	commits  sync.Mutex // one batch at a time: what is trimmed depends on what is written
	watchers watchers
	trim     trimmer
}

// Open opens the store in dir, or makes one where dir is missing or empty. It refuses, without changing anything, a
// directory that holds something else (ErrForeign), another format (ErrFormat) or another cluster's history (ErrForeign). A
// store of format 1 is brought up to date first, which takes as long as reading and writing all of it.
func Open(dir string, o Options) (*Store, error) {
	o.defaults()
	s := &Store{o: o, queue: newQueue(o.QueueEvents)}
	if err := s.openDir(dir); err != nil {
		return nil, fmt.Errorf("open history %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) openDir(dir string) error {
	base, err := kind.Open(dir, storage.Options{FS: s.o.FS, Logger: s.o.Logger, Fatal: s.o.Fatal, CacheBytes: s.o.CacheBytes, MemTable: 32 << 20})
	if err != nil {
		return err
	}
	s.base, s.db = base, base.DB
	w, err := newWriter(s)
	if err == nil {
		err = s.upgraded(dir, w)
	}
	if err != nil {
		return errors.Join(err, base.Abandon())
	}
	s.w = w
	if err := s.resume(); err != nil {
		return errors.Join(err, base.Abandon())
	}
	base.Opened(w.pos.whole())
	return nil
}

// Close syncs and closes the store. Run must have returned, or not have been called.
func (s *Store) Close() error { return s.base.Close() }

// snapshot is Use with a picture of the store that nothing changes, for reads that take several steps.
func (s *Store) snapshot() (snap *pebble.Snapshot, done func(), err error) {
	unlock, err := s.base.Use()
	if err != nil {
		return nil, nil, err
	}
	snap = s.db.NewSnapshot()
	return snap, func() {
		snap.Close()
		unlock()
	}, nil
}

// Err returns why the store stopped, nil while it has not.
func (s *Store) Err() error { return s.base.Err() }
