package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/gateway/storage"
)

// Format is what the file FORMAT in a store's directory says. The number changes with the layout of keys or values.
const Format = "uncross outbox 1"

// kind is what this store is to package storage.
var kind = storage.Kind{
	Name: "the outbox", Short: "outbox", Family: "uncross outbox ", Format: Format, Foreign: ErrForeign, Other: ErrFormat, Damaged: ErrDamaged, Closed: ErrClosed,
	Renew:  "",
	Repair: "a damaged one may be moved away: the node writes it anew from its log where that goes back to the first command; otherwise every session's numbers must start again",
}

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
	o    Options
	base *storage.Store // the database, how far it is, and how it ends
	db   *pebble.DB
	w    *writer

	mu       sync.RWMutex // the order table, and which sessions there are: written by the writer a batch at a time
	sessions []*Session   // entry i has id i+1
	orders   orders
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
	base, err := kind.Open(dir, storage.Options{FS: s.o.FS, Logger: s.o.Logger, Fatal: s.o.Fatal, CacheBytes: s.o.CacheBytes, MemTable: 16 << 20})
	if err != nil {
		return err
	}
	s.base, s.db = base, base.DB
	w, err := newWriter(s)
	if err != nil {
		return errors.Join(err, base.Abandon())
	}
	s.w = w
	base.Opened(w.pos.whole())
	return nil
}

// Close syncs and closes the store. Run must have returned, or not have been called.
func (s *Store) Close() error { return s.base.Close() }

// Err returns why the store stopped, nil while it has not.
func (s *Store) Err() error { return s.base.Err() }
