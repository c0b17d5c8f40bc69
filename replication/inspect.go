package replication

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
)

// ReplayLog calls fn with every entry of a stopped node's log from an index on, in order, without changing anything; an
// error of fn ends it. From 0 is from the first entry that there is. wal.Replay with its directory bound is one.
type ReplayLog func(from uint64, fn func(index, term uint64, typ raft.LogType, data []byte) error) error

// Inspection is what Inspect found, as far as it came.
type Inspection struct {
	Snapshots   []SnapshotInfo // newest first
	First, Last uint64         // entries of the log; 0: none
	LastTerm    uint64
	Entries     uint64 // applied: those behind the snapshot that hold commands
	Commands    uint64 // applied from the log
	Events      uint64 // that they gave
	Sessions    int    // of clients with sequence numbers, defined at the end
	State              // of the engine at the end
}

// SnapshotInfo is one snapshot of a stopped node.
type SnapshotInfo struct {
	Path        string
	Index, Term uint64
	Bytes       int64 // of the state
	Err         error // what is wrong with it
}

// Inspect reads a stopped node's data without changing them: it checks every snapshot, restores the newest, and applies
// the log to it. The hashes are those that the node itself would have after a start. The error describes the first
// damage that a start would not get over; a damaged older snapshot is told in Snapshots only.
//
// Entries that were written but not yet committed when the node stopped count here; in a cluster of one node they are
// what a start makes of them, too.
func Inspect(snapshotDir string, log ReplayLog, skip []uint64) (Inspection, error) {
	r := inspection{store: viewSnapshots(snapshotDir), skip: make(map[uint64]bool)}
	for _, index := range skip {
		r.skip[index] = true
	}
	err := r.restore()
	if err != nil {
		// The log is read all the same, for its own damage and its extent.
		return r.found, errors.Join(err, log(0, r.pass))
	}
	err = log(0, r.entry)
	r.state()
	return r.found, errors.Join(err, r.complete())
}

// inspection is an Inspect that is going on.
type inspection struct {
	store    *SnapshotStore
	skip     map[uint64]bool
	found    Inspection
	engine   *engine.Engine
	snapshot uint64 // index of the newest; 0: none
	term     uint64 // of the newest snapshot
	out      []wire.Event
}

// restore checks the snapshots and makes the engine from the newest.
func (r *inspection) restore() error {
	ids, err := r.store.names()
	if err != nil {
		return err
	}
	for _, id := range ids {
		f, h, err := r.store.verified(id)
		if err == nil {
			err = f.Close()
		}
		r.found.Snapshots = append(r.found.Snapshots, SnapshotInfo{r.store.path(id), h.meta.Index, h.meta.Term, h.meta.Size, err})
	}
	if len(ids) == 0 {
		r.engine = engine.New()
		return nil
	}
	newest := r.found.Snapshots[0]
	if newest.Err != nil {
		return newest.Err
	}
	_, body, err := r.store.Open(ids[0])
	if err != nil {
		return err
	}
	r.engine, err = engine.Restore(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, newest.Path, err)
	}
	r.snapshot, r.term = newest.Index, newest.Term
	return nil
}

// pass notes an entry.
func (r *inspection) pass(index, term uint64, _ raft.LogType, _ []byte) error {
	if r.found.First == 0 {
		r.found.First = index
	}
	r.found.Last, r.found.LastTerm = index, term
	return nil
}

// entry applies an entry.
func (r *inspection) entry(index, term uint64, typ raft.LogType, data []byte) error {
	if last := r.found.Last; last != 0 && index != last+1 {
		return fmt.Errorf("%w: the log goes from entry %d to entry %d", ErrDamaged, last, index)
	}
	if r.found.First == 0 && index > r.snapshot+1 {
		return fmt.Errorf("%w: the newest snapshot ends at entry %d and the log begins at %d: the entries between are missing", ErrDamaged, r.snapshot, index)
	}
	if index == r.snapshot && term != r.term {
		return fmt.Errorf("%w: entry %d is of term %d, the snapshot says %d", ErrDamaged, index, term, r.term)
	}
	_ = r.pass(index, term, typ, data)
	if typ != raft.LogCommand || index <= r.engine.Applied() {
		return nil
	}
	l := &raft.Log{Index: index, Term: term, Data: data}
	if r.skip[index] {
		leaveOutEntry(r.engine, l)
		r.found.Skipped++
		return nil
	}
	before := r.engine.Seq()
	var err error
	if r.out, err = applyEntry(r.engine, l, r.out[:0]); err != nil {
		return err
	}
	r.engine.SetApplied(index)
	r.found.Entries++
	r.found.Commands += r.engine.Seq() - before
	r.found.Events += uint64(len(r.out))
	if r.engine.Seq() == before {
		r.found.Dropped++
	}
	return nil
}

// state notes where the engine stands.
func (r *inspection) state() {
	s := &r.found.State
	s.Applied, s.Seq, s.TimeNs = r.engine.Applied(), r.engine.Seq(), r.engine.Now()
	s.FullHash, s.BusinessHash = r.engine.Hashes()
	r.found.Sessions = r.engine.Sessions()
}

// complete checks that the log reaches the snapshot.
func (r *inspection) complete() error {
	if r.found.Last >= r.snapshot {
		return nil
	}
	return fmt.Errorf("%w: the newest snapshot is of entry %d, but the log ends at %d: its end is missing", ErrDamaged, r.snapshot, r.found.Last)
}
