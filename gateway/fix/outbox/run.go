package outbox

import (
	"fmt"
	"sync"
	"time"

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
		work.Go(func() { s.base.SyncUntil(done, s.o.SyncEvery) })
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
			s.base.Fail(fmt.Errorf("outbox: %w: the ring's reader was overrun by %d events; attach a lossless one", ErrGap, lost))
			return
		}
		if n > 0 {
			if err := s.w.store(buf[:n]); err != nil {
				s.base.Fail(err)
				return
			}
		}
		if !ok {
			return
		}
	}
}

// Sync waits until everything that is stored now will survive a crash.
func (s *Store) Sync() error { return s.base.Sync() }

// Position returns the last command of which everything is stored and can be read. It is 0 until the first image or
// command has come: also a store with messages must hear of the orders that are open.
func (s *Store) Position() uint64 { return s.base.Position.Load() }

// Durable returns the last command of which everything survives a crash: the log may be cut off up to it.
func (s *Store) Durable() uint64 { return s.base.Durable() }

// WaitFor waits until command seq is stored, for at most the given time, and reports whether it is.
func (s *Store) WaitFor(seq uint64, timeout time.Duration) bool {
	return s.base.Position.WaitFor(seq, timeout)
}
