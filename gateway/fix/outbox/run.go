package outbox

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// Source is where events come from: a lossless reader of the event ring. Read waits until there is something, and copies
// it to dst; ok is false when stop was closed or the ring has ended and is empty; lost counts events that were missed.
type Source interface {
	Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool)
}

// batchEvents is the greatest number of events in one batch: what they lead to becomes visible together.
const batchEvents = 256

// Run brings events from src to the sessions and to the disk until stop is closed or the ring ends. Then it syncs and
// returns. It returns the failure where there was one; Options.Fatal has been called with it. The first event must be an
// image's, or the first command's.
func (s *Store) Run(src Source, stop <-chan struct{}) error {
	var work sync.WaitGroup
	done := make(chan struct{})
	if s.o.SyncEvery > 0 {
		work.Go(func() { s.syncUntil(done) })
	}
	s.read(src, stop)
	close(done)
	work.Wait()
	if err := s.Err(); err != nil {
		return err
	}
	return s.Sync()
}

// read is the ring's reader and the writer in one: a message is on its way to its connection before it is written.
func (s *Store) read(src Source, stop <-chan struct{}) {
	buf := make([]wire.Event, batchEvents)
	for {
		n, lost, ok := src.Read(buf, stop)
		if lost > 0 {
			s.fail(fmt.Errorf("outbox: %w: the ring's reader was overrun by %d events; attach a lossless one", ErrGap, lost))
			return
		}
		if n > 0 {
			if err := s.w.store(buf[:n]); err != nil {
				s.fail(err)
				return
			}
		}
		if !ok {
			return
		}
	}
}

func (s *Store) syncUntil(done <-chan struct{}) {
	tick := time.NewTicker(s.o.SyncEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if s.durable.Load() >= s.position.Load() {
				continue
			}
			if err := s.Sync(); err != nil {
				s.fail(err)
				return
			}
		}
	}
}

// Sync waits until everything that is stored now will survive a crash.
func (s *Store) Sync() error {
	done, err := s.use()
	if err != nil {
		return err
	}
	defer done()
	upTo := s.position.Load()
	if err := s.guard(func() error { return s.db.LogData(nil, pebble.Sync) }); err != nil {
		return fmt.Errorf("outbox: sync: %w", err)
	}
	for {
		was := s.durable.Load()
		if was >= upTo || s.durable.CompareAndSwap(was, upTo) {
			return nil
		}
	}
}

// guard calls into Pebble, which panics where it cannot write its log: the one who opened the store is told first.
func (s *Store) guard(write func() error) error {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			s.fail(fmt.Errorf("outbox: write: %w", p))
			panic(p)
		default:
			s.fail(fmt.Errorf("outbox: write: %v", p))
			panic(p)
		}
	}()
	return write()
}

// Position returns the last command of which everything is stored and can be read. It is 0 until the first image or
// command has come: also a store with messages must hear of the orders that are open.
func (s *Store) Position() uint64 { return s.position.Load() }

// Durable returns the last command of which everything survives a crash: the log may be cut off up to it.
func (s *Store) Durable() uint64 { return s.durable.Load() }

// WaitFor waits until command seq is stored, for at most the given time, and reports whether it is.
func (s *Store) WaitFor(seq uint64, timeout time.Duration) bool {
	return s.position.WaitFor(seq, timeout)
}
