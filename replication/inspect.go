package replication

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
)

// ReplayLog calls fn with every entry of a stopped node's log from an index on, in order, without changing anything; an
// error of fn ends it. From 0 is from the first entry that there is. The entry is valid during the call. wal.ReplayLogs with
// its directory bound is one.
type ReplayLog func(from uint64, fn func(l *raft.Log) error) error

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
// the log to it. It compares the leaders' hashes that the entries bear with those of the state. The hashes in the result
// are those that the node itself would have after a start. The error describes the first damage that a start would not get
// over; a damaged older snapshot is told in Snapshots only.
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
	r.remember()
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
	// the newest snapshot was sent by a leader
	installed bool
	hashes    hashes
	out       []wire.Event
}

// restore checks the snapshots and makes the engine from the newest.
func (r *inspection) restore() error {
	ids, err := r.store.names()
	if err != nil {
		return err
	}
	for i, id := range ids {
		f, h, err := r.store.verified(id)
		if i == 0 {
			r.installed = err == nil && !h.local
		}
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
	r.engine, err = RestoreEngine(body)
	if err == nil {
		err = r.engine.Validate() // a start checks what a file can get wrong; here all of it
	}
	if err = errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, newest.Path, err)
	}
	r.snapshot, r.term = newest.Index, newest.Term
	return nil
}

// pass notes an entry.
func (r *inspection) pass(l *raft.Log) error {
	if r.found.First == 0 {
		r.found.First = l.Index
	}
	r.found.Last, r.found.LastTerm = l.Index, l.Term
	return nil
}

// entry applies an entry.
func (r *inspection) entry(l *raft.Log) error {
	if last := r.found.Last; last != 0 && l.Index != last+1 {
		return fmt.Errorf("%w: the log goes from entry %d to entry %d", ErrDamaged, last, l.Index)
	}
	if r.found.First == 0 && l.Index > r.snapshot+1 {
		return fmt.Errorf("%w: the newest snapshot ends at entry %d and the log begins at %d: the entries between are missing", ErrDamaged, r.snapshot, l.Index)
	}
	if l.Index == r.snapshot && l.Term != r.term {
		return fmt.Errorf("%w: entry %d is of term %d, the snapshot says %d", ErrDamaged, l.Index, l.Term, r.term)
	}
	_ = r.pass(l)
	if l.Type != raft.LogCommand || l.Index <= r.engine.Applied() {
		return nil
	}
	if r.skip[l.Index] {
		leaveOutEntry(r.engine, l)
		r.found.Skipped++
		r.remember()
		return nil
	}
	compared, err := r.hashes.check(l)
	if err != nil {
		return err
	}
	if compared {
		r.found.Compared++
	}
	before := r.engine.Seq()
	if r.out, err = applyEntry(r.engine, l, r.out[:0]); err != nil {
		return err
	}
	r.engine.SetApplied(l.Index)
	r.remember()
	r.found.Entries++
	r.found.Commands += r.engine.Seq() - before
	r.found.Events += uint64(len(r.out))
	if r.engine.Seq() == before {
		r.found.Dropped++
	}
	return nil
}

// remember notes the state's hash, for what later entries say about it.
func (r *inspection) remember() {
	full, _ := r.engine.Hashes()
	r.hashes.add(r.engine.Applied(), full)
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
	if r.found.Last >= r.snapshot || r.installed { // a snapshot that a leader has sent replaces the log
		return nil
	}
	return fmt.Errorf("%w: the newest snapshot is of entry %d, but the log ends at %d: its end is missing", ErrDamaged, r.snapshot, r.found.Last)
}
