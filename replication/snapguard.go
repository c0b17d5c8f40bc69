package replication

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// snapshotGuard passes the snapshot store through to raft and watches the time that writing takes. A failure is judged by whose
// snapshot it is. This node's own is tried again later: what it covers is still in the log. One that a leader sends is what this
// node needs to go on: raft would only log the failure, and the leader send everything again, and again; so the failure is fatal,
// as one of the log is.
//
// Reading is not watched: a snapshot is opened only to be sent, and is then read and checked as a whole, which has no bound. It
// holds up the node that it is for, and neither the leader's log nor its heartbeats.
type snapshotGuard struct {
	raft.SnapshotStore
	dog  *watchdog
	node *Node
}

// Create implements raft.SnapshotStore. Whose snapshot it is shows only when it is written, so that a failure is told there.
func (g *snapshotGuard) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, t raft.Transport) (raft.SnapshotSink, error) {
	slot := g.dog.begin(&opImage)
	defer g.dog.end(slot)
	sink, err := g.SnapshotStore.Create(version, index, term, configuration, configurationIndex, t)
	if err != nil {
		sink = failedSink{err}
	}
	return &guardedSink{SnapshotSink: sink, guard: g}, nil
}

// guardedSink is a snapshot that is being written.
type guardedSink struct {
	raft.SnapshotSink
	guard *snapshotGuard
	local bool // this node's own
}

func (k *guardedSink) markLocal() {
	k.local = true
	if l, ok := k.SnapshotSink.(localSink); ok {
		l.markLocal()
	}
}

// Write implements raft.SnapshotSink.
func (k *guardedSink) Write(p []byte) (int, error) {
	slot := k.guard.dog.begin(&opImage)
	n, err := k.SnapshotSink.Write(p)
	return n, k.done(slot, err)
}

// Close implements raft.SnapshotSink. With a leader's snapshot on disk the node ends here, to go on from it, as fsm.Restore says:
// raft would first read and check all of it, which nobody watches.
func (k *guardedSink) Close() error {
	slot := k.guard.dog.begin(&opImage)
	err := k.done(slot, k.SnapshotSink.Close())
	if err == nil && !k.local {
		return k.guard.node.fsm.restart()
	}
	return err
}

// Cancel implements raft.SnapshotSink.
func (k *guardedSink) Cancel() error {
	slot := k.guard.dog.begin(&opImage)
	defer k.guard.dog.end(slot)
	return k.SnapshotSink.Cancel()
}

// done ends an operation. A node that has failed meanwhile takes nothing for written, as guard does.
func (k *guardedSink) done(slot int, err error) error {
	k.guard.dog.end(slot)
	switch {
	case err != nil && !k.local:
		err = fmt.Errorf("writing the leader's snapshot: %w", err)
		k.guard.node.fatal(err)
	case err == nil && k.guard.node.failed() != nil:
		err = ErrFailed
	}
	return err
}

// failedSink is a snapshot that could not be begun.
type failedSink struct{ err error }

func (f failedSink) ID() string                { return "" }
func (f failedSink) Write([]byte) (int, error) { return 0, f.err }
func (f failedSink) Close() error              { return f.err }
func (failedSink) Cancel() error               { return nil }
