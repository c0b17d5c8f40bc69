package wal

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// pointDeletes is the greatest number of records removed one by one; more are
// removed by a range tombstone, which would slow down reads if there were many.
const pointDeletes = 256

// ErrClosed is returned after Close.
var ErrClosed = errors.New("wal: the store is closed")

// Store is an open log store; see the package comment.
type Store struct {
	at    Place
	id    identity
	db    *pebble.DB
	trip  *tripwireFile
	fatal *fataler
	lock  io.Closer

	writing sync.Mutex // held by a writer from its checks to its publication

	// mu guards what readers see: what is durable, and nothing else. Readers hold it
	// while they read from Pebble, so that no record is replaced under them.
	mu     sync.RWMutex
	st     state
	stable map[string][]byte
	sizes  []uint32 // of the records, from st.first on
	cache  cache
	staged uint64 // commit index for the next StoreLogs
	closed bool
}

var (
	_ raft.LogStore               = (*Store)(nil)
	_ raft.StableStore            = (*Store)(nil)
	_ raft.MonotonicLogStore      = (*Store)(nil)
	_ raft.CommitTrackingLogStore = (*Store)(nil)
)

// IsMonotonic says that the log has no gaps.
func (s *Store) IsMonotonic() bool { return true }

// ID is the random id given to the store at its creation, in hex.
func (s *Store) ID() string { return s.id.storeID() }

// Cluster is the cluster id given to the store at its creation.
func (s *Store) Cluster() string { return s.id.cluster }

// Bytes is the size of the records held, in bytes. What truncation removed does not count,
// even while Pebble still has it on disk.
func (s *Store) Bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(s.st.bytes)
}

// LastHash is the hash of the last record.
func (s *Store) LastHash() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.st.lastHash
}

// FirstIndex is the index of the first entry, 0 if there is none.
func (s *Store) FirstIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.st.first, s.usable()
}

// LastIndex is the index of the last entry, 0 if there is none.
func (s *Store) LastIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.st.last, s.usable()
}

// GetLog reads the entry at index into l, or returns raft.ErrLogNotFound. The
// slices in l are never changed by the store; they may be shared with other readers and
// must not be written to.
func (s *Store) GetLog(index uint64, l *raft.Log) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	rec, err := s.read(index)
	if err != nil {
		return err
	}
	rec.fill(l)
	return nil
}

// read returns the record at index. mu is held. A record that should be there
// and is not, or is damaged, is fatal: this node no longer has what it promised.
func (s *Store) read(index uint64) (record, error) {
	if s.st.empty() || index < s.st.first || index > s.st.last {
		return record{}, raft.ErrLogNotFound
	}
	if raw := s.cache.get(index); raw != nil {
		return parseRecord(raw)
	}
	raw, err := get(s.db, logKey(index))
	if err == nil && raw == nil {
		err = errors.New("the record is missing")
	}
	var rec record
	if err == nil {
		rec, err = decodeRecord(raw)
	}
	if err == nil && rec.index != index {
		err = fmt.Errorf("the record is the one of index %d", rec.index)
	}
	if err != nil {
		s.fatal.fail(damagef(index, 0, "%v", err))
	}
	return rec, nil
}

// StoreLog is StoreLogs of one entry.
func (s *Store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs appends entries in one batch with one fsync and returns when they
// are durable. Their indexes must go on from the last one without a gap; in an
// empty log they may start anywhere above 0. Data and extensions are copied.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	total, err := s.checkAppend(logs)
	if err != nil {
		return err
	}
	next := s.st
	next.seq++
	if next.empty() {
		next.first, next.baseHash = logs[0].Index, next.lastHash
	}
	s.mu.RLock()
	next.commit = s.staged
	s.mu.RUnlock()
	next.bytes += uint64(total)
	b := s.db.NewBatchWithSize(total + len(logs)*32 + 256)
	recs := make([][]byte, len(logs))
	for i, l := range logs {
		recs[i] = appendRecord(make([]byte, 0, recordSize(l)), l, next.lastHash)
		next.lastHash = chainHash(recs[i])
		next.last = l.Index
		if err := b.Set(logKey(l.Index), recs[i], nil); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	return s.commit(b, &next, func() {
		for i, rec := range recs {
			s.sizes = append(s.sizes, uint32(len(rec)))
			s.cache.push(logs[i].Index, rec)
		}
	})
}

// checkAppend checks indexes and limits and returns the size of the records.
func (s *Store) checkAppend(logs []*raft.Log) (total int, err error) {
	want := s.st.last + 1
	if s.st.empty() {
		want = max(logs[0].Index, 1)
	}
	for _, l := range logs {
		switch {
		case l.Index != want:
			return 0, fmt.Errorf("wal: entry %d cannot be stored, the next index is %d", l.Index, want)
		case len(l.Data) > MaxData:
			return 0, fmt.Errorf("wal: entry %d has %d bytes of data, the limit is %d", l.Index, len(l.Data), MaxData)
		case len(l.Extensions) > MaxExtensions:
			return 0, fmt.Errorf("wal: entry %d has %d bytes of extensions, the limit is %d", l.Index, len(l.Extensions), MaxExtensions)
		}
		want++
		if total += recordSize(l); total > MaxBatch {
			return 0, fmt.Errorf("wal: %d entries have more than %d bytes together", len(logs), MaxBatch)
		}
	}
	return total, nil
}

// commit adds next to b, makes b durable, moves the tripwire and publishes next
// together with what publish changes. writing is held. Any failure is fatal.
func (s *Store) commit(b *pebble.Batch, next *state, publish func()) error {
	err := b.Set(keyState, next.encode(), nil)
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	if err = errors.Join(err, b.Close()); err != nil {
		s.fatal.fail(fmt.Errorf("wal: write %d (last index %d) failed: %w", next.seq, next.last, err))
	}
	if err := s.trip.write(next); err != nil {
		s.fatal.fail(fmt.Errorf("wal: writing the tripwire file failed: %w", err))
	}
	// Something else may have failed meanwhile, and the process may be about to end.
	if err := s.fatal.err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st = *next
	publish()
	return nil
}

// DeleteRange removes the entries from from to to, both included; those that
// are not there do not matter. What is left must be one piece: entries can be
// removed at either end, or all of them.
func (s *Store) DeleteRange(from, to uint64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	lo, hi := max(from, s.st.first), min(to, s.st.last)
	if s.st.empty() || lo > hi {
		return nil
	}
	switch {
	case lo == s.st.first && hi == s.st.last:
		return s.deleteAll()
	case lo == s.st.first:
		return s.deleteHead(hi)
	case hi == s.st.last:
		return s.deleteTail(lo)
	}
	return fmt.Errorf("wal: removing entries %d to %d would leave a hole in %d to %d", lo, hi, s.st.first, s.st.last)
}

// deleteAll leaves the chain's last hash, from which the next entry goes on, whatever its index.
func (s *Store) deleteAll() error {
	b, err := s.deletion(s.st.first, s.st.last)
	if err != nil {
		return err
	}
	next := s.st
	next.seq++
	next.first, next.last, next.bytes, next.commit, next.baseHash = 0, 0, 0, 0, s.st.lastHash
	s.hide(&next)
	return s.commit(b, &next, func() {
		s.sizes = nil
		s.staged = 0
		s.cache.clear()
	})
}

func (s *Store) deleteHead(hi uint64) error {
	base, err := s.prevHash(hi + 1)
	if err != nil {
		return err
	}
	b, err := s.deletion(s.st.first, hi)
	if err != nil {
		return err
	}
	n := hi - s.st.first + 1
	next := s.st
	next.seq++
	next.first, next.baseHash = hi+1, base
	next.bytes -= sum(s.sizes[:n])
	s.hide(&next)
	return s.commit(b, &next, func() {
		s.sizes = s.sizes[n:]
		s.cache.truncateHead(next.first)
	})
}

func (s *Store) deleteTail(lo uint64) error {
	last, err := s.prevHash(lo)
	if err != nil {
		return err
	}
	b, err := s.deletion(lo, s.st.last)
	if err != nil {
		return err
	}
	keep := lo - s.st.first
	next := s.st
	next.seq++
	next.last, next.lastHash = lo-1, last
	next.commit = min(next.commit, next.last)
	next.bytes -= sum(s.sizes[keep:])
	s.hide(&next)
	return s.commit(b, &next, func() {
		s.sizes = s.sizes[:keep]
		s.staged = min(s.staged, next.last)
		s.cache.truncateTail(next.last)
	})
}

// prevHash is the hash that the record at index carries of the one before it.
func (s *Store) prevHash(index uint64) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rec, err := s.read(index)
	return rec.prev, err
}

// hide takes the entries outside of next from the readers. A deletion is visible in Pebble before it
// is durable, so it is hidden before it is committed; an append is shown after.
func (s *Store) hide(next *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.first, s.st.last = next.first, next.last
}

// deletion is a batch that removes the records from lo to hi.
func (s *Store) deletion(lo, hi uint64) (*pebble.Batch, error) {
	b := s.db.NewBatch()
	if hi-lo >= pointDeletes {
		if err := b.DeleteRange(logKey(lo), logKey(hi+1), nil); err != nil {
			return nil, errors.Join(err, b.Close())
		}
		return b, nil
	}
	for i := lo; i <= hi; i++ {
		if err := b.Delete(logKey(i), nil); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// StageCommitIndex keeps index for the next StoreLogs, which writes it in its batch.
// raft v1.8.0 calls it only with Config.RestoreCommittedLogs. Leave that off: its start then skips
// the membership entries at or below the commit index, and a cluster without a
// snapshot comes up with no servers.
func (s *Store) StageCommitIndex(index uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staged = index
	return s.usable()
}

// GetCommitIndex is the commit index written last, at most the last index; 0 if there is none.
func (s *Store) GetCommitIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return min(s.st.commit, s.st.last), s.usable()
}

// usable says whether the store can be read. mu is held.
func (s *Store) usable() error {
	if s.closed {
		return ErrClosed
	}
	return s.fatal.err()
}

func (s *Store) writable() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.usable()
}

// Close flushes, so that the next start has less to replay, syncs the tripwire and lets go of the
// directory. What was acknowledged is safe without it.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	s.mu.Unlock()
	if err := s.fatal.err(); err != nil {
		// Pebble's state is unknown; it must not write any more.
		return errors.Join(err, s.lock.Close())
	}
	return errors.Join(s.db.Flush(), s.db.Close(), s.trip.close(), s.lock.Close())
}

func sum(sizes []uint32) uint64 {
	var n uint64
	for _, v := range sizes {
		n += uint64(v)
	}
	return n
}
