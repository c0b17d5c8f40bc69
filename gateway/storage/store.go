package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/gateway/progress"
)

// Options of a store.
type Options struct {
	FS         vfs.FS
	Logger     *slog.Logger
	Fatal      func(error) // called once, when the store cannot go on
	CacheBytes int64       // for reading
	MemTable   uint64      // bytes that are written to a table at once
}

// Store is what stores of events have in common while they are open: the database, how far it is, and how it ends. The one
// goroutine that writes the store sets Position; everything else may be called by any.
type Store struct {
	DB       *pebble.DB
	Position progress.Number // last whole command stored

	kind *Kind
	o    Options

	open    sync.RWMutex // held for reading while the database is in use
	closed  bool
	durable atomic.Uint64 // last whole command stored and synced
	failure atomic.Pointer[error]
}

// Open opens the store in dir, or makes one where dir is missing or empty. It first brings a replacement to its end that was
// cut off (Recover). It refuses, without changing anything, a directory that is not a store of this kind and version.
func (k *Kind) Open(dir string, o Options) (*Store, error) {
	if err := finish(o.FS, dir); err != nil {
		return nil, err
	}
	if err := k.Prepare(o.FS, dir); err != nil {
		return nil, err
	}
	s := &Store{kind: k, o: o}
	db, err := k.database(dir, o, s.Fail)
	s.DB = db
	return s, err
}

// Opened says up to where everything was there when the store was opened: opening has brought it into synced tables.
func (s *Store) Opened(position uint64) { s.durable.Store(position) }

// Abandon closes a store that has not come to be used.
func (s *Store) Abandon() error { return s.DB.Close() }

// Close syncs and closes the store. What writes it must have ended.
func (s *Store) Close() error {
	var err error
	if s.failure.Load() == nil {
		err = s.Sync()
	}
	s.open.Lock()
	defer s.open.Unlock()
	if s.closed {
		return s.kind.Closed
	}
	s.closed = true
	return errors.Join(err, s.DB.Close())
}

// Use keeps the database open until the returned function is called. A goroutine that uses it does not ask again before.
func (s *Store) Use() (done func(), err error) {
	s.open.RLock()
	if s.closed {
		s.open.RUnlock()
		return nil, s.kind.Closed
	}
	return s.open.RUnlock, nil
}

// Fail reports the first failure to the one who opened the store.
func (s *Store) Fail(err error) {
	if s.failure.CompareAndSwap(nil, &err) {
		s.o.Logger.Error(s.kind.Name+" cannot go on", "error", err)
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

// Guard calls into Pebble, which panics where it cannot write its log: the one who opened the store is told first.
func (s *Store) Guard(write func() error) error {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			s.Fail(fmt.Errorf("%s: write: %w", s.kind.Short, p))
			panic(p)
		default:
			s.Fail(fmt.Errorf("%s: write: %v", s.kind.Short, p))
			panic(p)
		}
	}()
	return write()
}

// Sync waits until everything that is stored now will survive a crash.
func (s *Store) Sync() error {
	done, err := s.Use()
	if err != nil {
		return err
	}
	defer done()
	return s.sync()
}

// sync is Sync of a database that is in use.
func (s *Store) sync() error {
	upTo := s.Position.Load()
	if err := s.Guard(func() error { return s.DB.LogData(nil, pebble.Sync) }); err != nil {
		return fmt.Errorf("%s: sync: %w", s.kind.Short, err)
	}
	for {
		was := s.durable.Load()
		if was >= upTo || s.durable.CompareAndSwap(was, upTo) {
			return nil
		}
	}
}

// SyncUntil syncs now and then, where there is something new, until done is closed. A failure ends the store.
func (s *Store) SyncUntil(done <-chan struct{}, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if s.durable.Load() >= s.Position.Load() {
				continue
			}
			if err := s.Sync(); err != nil {
				s.Fail(err)
				return
			}
		}
	}
}

// Durable returns the last command of which everything survives a crash.
func (s *Store) Durable() uint64 { return s.durable.Load() }
