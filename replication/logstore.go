package replication

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// guard passes the log store through to raft, watches the time that it takes, and makes every failure of it fatal: raft
// itself would step down and go on, be elected again without being able to write (hashicorp/raft issue 614), or panic;
// and a write that failed once may still land later. When the node has failed nothing is acknowledged to raft any more,
// also not a write that comes back after all.
type guard struct {
	LogStore
	dog     *watchdog
	node    *Node
	applied func() uint64               // the last entry that this node has applied
	commits raft.CommitTrackingLogStore // keeps that with what is written; nil: the store does not
	before  uint64                      // the last one of earlier runs, as far as it was kept
	settle  func() error                // called after the first entries were written; nil: nothing to settle
}

// IsMonotonic reports whether the store refuses gaps; raft then empties it after installing a snapshot.
func (g *guard) IsMonotonic() bool {
	m, ok := g.LogStore.(raft.MonotonicLogStore)
	return ok && m.IsMonotonic()
}

// done ends an operation: its failure is fatal, and it has failed as well when the node did meanwhile.
func (g *guard) done(slot int, err error, doing func() string) error {
	g.dog.end(slot)
	if err != nil {
		err = fmt.Errorf("%s: %w", doing(), err)
		g.node.fatal(err)
		return err
	}
	if g.node.failed() != nil {
		return ErrFailed
	}
	return nil
}

// logSubstitute is the type of what stands for an entry that a snapshot covers. Raft has no such type.
const logSubstitute raft.LogType = 255

// substitute reports whether l is no entry, but stands for one that a snapshot covers.
func substitute(l *raft.Log) bool { return l.Type == logSubstitute }

// GetLog implements raft.LogStore. For the index at which the newest snapshot ends it answers with that snapshot's term also
// where the log begins behind it: raft v1.8.0 looks the entry before a leader's up in the log, and knows the snapshot's term
// only while the log is empty. A follower whose log has a tail behind an installed snapshot that the leader has not would
// refuse the leader's entries, be sent the snapshot again, which it has, and so on for ever. The answer is no entry: it
// has a type of its own by which the ear keeps it from other nodes and StoreLogs from the log. A leader gets to index S by way
// of S-1, which is not there with it, but was when the log is cut just then.
func (g *guard) GetLog(index uint64, l *raft.Log) error {
	slot := g.dog.begin(&opRead)
	err := g.LogStore.GetLog(index, l)
	g.dog.end(slot)
	if errors.Is(err, raft.ErrLogNotFound) {
		if m := g.node.snapshot.Load(); m != nil && m.Index == index && index > 1 {
			*l = raft.Log{Index: index, Term: m.Term, Type: logSubstitute}
			return nil
		}
	}
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		g.node.fatal(fmt.Errorf("reading entry %d of the log: %w", index, err))
	}
	return err
}

// StoreLog implements raft.LogStore.
func (g *guard) StoreLog(l *raft.Log) error { return g.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (g *guard) StoreLogs(logs []*raft.Log) error {
	if i := slices.IndexFunc(logs, substitute); i >= 0 {
		err := fmt.Errorf("what is to be entry %d of the log stands for one that a snapshot covers", logs[i].Index)
		g.node.fatal(err)
		return err
	}
	slot := g.dog.begin(&opWrite)
	err := g.note()
	if err == nil {
		err = g.LogStore.StoreLogs(logs)
	}
	if err == nil && g.settle != nil {
		err, g.settle = g.settle(), nil
	}
	return g.done(slot, err, func() string {
		return fmt.Sprintf("writing entries %d to %d of the log", logs[0].Index, logs[len(logs)-1].Index)
	})
}

// DeleteRange implements raft.LogStore. Raft removes the log's end when a leader's entries contradict it. What this node has applied
// is committed and acknowledged, and every leader of its cluster has it: one that has not is of another, founded under the same
// name, and would undo this one. The node ends with what it has.
func (g *guard) DeleteRange(first, last uint64) error {
	if err := g.keep(first, last); err != nil {
		g.node.fatal(err)
		return err
	}
	slot := g.dog.begin(&opRemove)
	err := g.LogStore.DeleteRange(first, last)
	return g.done(slot, err, func() string { return fmt.Sprintf("removing entries %d to %d of the log", first, last) })
}

// note has the next write keep how far this node has applied the log, which costs nothing there. After a restart it is applied anew,
// and what of it is committed would not be known until a leader says so.
func (g *guard) note() error {
	if g.commits == nil {
		return nil
	}
	return g.commits.StageCommitIndex(g.applied())
}

// keep returns why entries must not be removed, or nil.
func (g *guard) keep(first, last uint64) error {
	applied := max(g.applied(), g.before)
	if first > applied {
		return nil
	}
	end, err := g.LogStore.LastIndex()
	if err != nil || last < end {
		return err
	}
	return fmt.Errorf("%w: a leader's entries contradict this node's log from %d on, which it has applied up to %d. "+
		"Nothing was removed: find the nodes that began a cluster of this venue anew, and stop them", ErrForeign, first, applied)
}

// Set implements raft.StableStore. It tells success after a failure elsewhere, as SetUint64 does: raft panics otherwise,
// and what is on disk binds this node all the same.
func (g *guard) Set(key, value []byte) error {
	slot := g.dog.begin(&opStable)
	return g.stable(slot, key, g.LogStore.Set(key, value))
}

// SetUint64 implements raft.StableStore.
func (g *guard) SetUint64(key []byte, value uint64) error {
	slot := g.dog.begin(&opStable)
	return g.stable(slot, key, g.LogStore.SetUint64(key, value))
}

func (g *guard) stable(slot int, key []byte, err error) error {
	g.dog.end(slot)
	if err != nil {
		err = fmt.Errorf("writing raft's %q: %w", key, err)
		g.node.fatal(err)
	}
	return err
}
