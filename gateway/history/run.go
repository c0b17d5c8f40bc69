package history

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

// batchEvents is the greatest number of events in one Pebble batch.
const batchEvents = 4096

// Run moves events from src to the disk until stop is closed or the ring ends. Then it writes what it has read, syncs,
// and returns. It returns the failure where there was one; Options.Fatal has been called with it.
func (s *Store) Run(src Source, stop <-chan struct{}) error {
	var work sync.WaitGroup
	written := make(chan struct{})
	work.Go(func() {
		defer close(written)
		s.write()
	})
	if s.o.SyncEvery > 0 {
		work.Go(func() { s.base.SyncUntil(written, s.o.SyncEvery) })
	}
	if s.o.Retain.on() {
		work.Go(func() { s.retainUntil(written) })
	}
	s.read(src, stop)
	s.queue.close()
	work.Wait()
	if err := s.Err(); err != nil {
		return err
	}
	return s.Sync()
}

// read is the ring's reader: it waits for room in the queue, never for a disk.
func (s *Store) read(src Source, stop <-chan struct{}) {
	buf := make([]wire.Event, 1024)
	for {
		n, lost, ok := src.Read(buf, stop)
		if lost > 0 {
			s.base.Fail(fmt.Errorf("history: %w: the ring's reader was overrun by %d events; attach a lossless one", ErrGap, lost))
			return
		}
		if !s.queue.put(buf[:n]) || !ok {
			return
		}
	}
}

// write is the writer goroutine. A batch ends with a whole command, so that a reader never sees half of one; only a command
// that is longer than a batch is seen to grow.
func (s *Store) write() {
	defer s.queue.close() // the reader must not wait for room that nobody makes
	buf := make([]wire.Event, batchEvents)
	n := 0
	for {
		m, ok := s.queue.take(buf[n:])
		n += m
		whole := n
		if ok {
			whole = wholeCommands(buf[:n])
		}
		if err := s.w.store(buf[:whole]); err != nil {
			s.base.Fail(err)
			return
		}
		if !ok {
			return
		}
		n = copy(buf, buf[whole:n])
	}
}

// wholeCommands returns how many of the events are to be stored now: up to the end of the last whole command, or all where
// there is room for no more.
func wholeCommands(es []wire.Event) int {
	for i := len(es); i > 0; i-- {
		if es[i-1].Flags&wire.FlagLast != 0 {
			return i
		}
	}
	if len(es) == batchEvents {
		return len(es)
	}
	return 0
}

// Sync waits until everything that is stored now will survive a crash.
func (s *Store) Sync() error { return s.base.Sync() }

// commit writes a batch, and lets everybody know how far the store is.
func (s *Store) commit(b *pebble.Batch) error {
	s.commits.Lock()
	defer s.commits.Unlock()
	if err := s.base.Guard(func() error { return b.Commit(pebble.NoSync) }); err != nil {
		return fmt.Errorf("history: write: %w", err)
	}
	return nil
}

// Position returns the last command of which everything is stored and can be read.
func (s *Store) Position() uint64 { return s.base.Position.Load() }

// Durable returns the last command of which everything survives a crash: the log may be cut off up to it.
func (s *Store) Durable() uint64 { return s.base.Durable() }

// CompleteFrom returns the command from which on there is no gap, so that nothing was missed: 1, or the one behind the last gap.
// What has been trimmed since is another matter, which Kept tells.
func (s *Store) CompleteFrom() uint64 { return s.from.Load() }

// WaitFor waits until command seq is stored, for at most the given time, and reports whether it is.
func (s *Store) WaitFor(seq uint64, timeout time.Duration) bool {
	return s.base.Position.WaitFor(seq, timeout)
}
