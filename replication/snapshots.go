package replication

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
)

// How often the node looks whether a snapshot is due, and how it waits for a slow consumer.
const (
	snapshotCheck = time.Second
	durablePoll   = 5 * time.Millisecond
)

// frozen is a state on its way to the snapshot store.
type frozen struct {
	image *engine.Image
	seq   uint64
	node  *Node
}

// localSink is a sink that wants to know that the state is this node's own and not one sent by the leader.
type localSink interface{ markLocal() }

// Persist writes the state. It first waits for the lossless consumers, because after a snapshot the log is cut, and what
// they have not made durable by then could never be emitted again.
func (z *frozen) Persist(sink raft.SnapshotSink) error {
	if err := z.node.awaitDurable(z.seq); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	if l, ok := sink.(localSink); ok {
		l.markLocal()
	}
	if _, err := z.image.WriteTo(sink); err != nil {
		return errors.Join(fmt.Errorf("writing the snapshot: %w", err), sink.Cancel())
	}
	return sink.Close()
}

// Release lets the engine write over what the image shared.
func (z *frozen) Release() { z.image.Release() }

// awaitDurable waits until the lossless consumers have made everything up to seq durable, for Config.SnapshotWait.
func (n *Node) awaitDurable(seq uint64) error {
	if n.cfg.Durable == nil {
		return nil
	}
	for deadline := time.Now().Add(n.cfg.SnapshotWait); ; {
		durable := n.cfg.Durable()
		if durable >= seq {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the snapshot has command %d, the slowest consumer only %d after %s: tried again later", seq, durable, n.cfg.SnapshotWait)
		}
		select {
		case <-time.After(durablePoll):
		case <-n.stop:
			return ErrClosed
		}
	}
}

// Snapshot writes a snapshot now and cuts the log behind it. It returns nil when there is nothing new to write.
func (n *Node) Snapshot() error {
	if err := n.usable(); err != nil {
		return err
	}
	n.snapshotting.Lock()
	defer n.snapshotting.Unlock()
	if err := n.keepTail(); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	future := n.raft.Snapshot()
	err := future.Error()
	switch {
	case errors.Is(err, raft.ErrNothingNewToSnapshot):
		return nil
	case err != nil:
		n.snapshotFailures.Add(1)
		return fmt.Errorf("snapshot: %w", err)
	}
	n.snapshotCount.Add(1)
	// Not by future.Open, which reads and checks the whole state.
	if metas, err := n.snapshots.List(); err == nil && len(metas) > 0 {
		n.snapshot.Store(metas[0])
		n.cfg.Logger.Info("snapshot", "index", metas[0].Index, "bytes", metas[0].Size)
	}
	return nil
}

// snapshotByBytes takes a snapshot whenever the log has grown by Config.SnapshotBytes.
func (n *Node) snapshotByBytes() {
	if n.cfg.SnapshotBytes < 0 {
		return
	}
	tick := time.NewTicker(snapshotCheck)
	defer tick.Stop()
	wait := 0 // looks to let pass after a failure
	for failures := 0; ; {
		select {
		case <-n.stop:
			return
		case <-tick.C:
		}
		if wait--; wait > 0 || n.cfg.Log.Bytes() < n.cfg.SnapshotBytes || !n.grown() {
			continue
		}
		if err := n.Snapshot(); err != nil {
			failures = min(failures+1, 6)
			wait = 1 << failures
			n.cfg.Logger.Warn("no snapshot", "error", err, "log bytes", n.cfg.Log.Bytes())
			continue
		}
		failures, wait = 0, 0
	}
}

// tail is how many entries stay in the log behind a snapshot.
func (n *Node) tail() uint64 { return max(TrailingLogs, n.cfg.Log.Tail(n.cfg.TrailingBytes)) }

// keepTail tells raft, which counts entries, how many are to stay.
func (n *Node) keepTail() error {
	c := n.raft.ReloadableConfig()
	c.TrailingLogs = n.tail()
	return n.raft.ReloadConfig(c)
}

// grown reports whether a snapshot would let the log be cut at all.
func (n *Node) grown() bool {
	first, err := n.cfg.Log.FirstIndex()
	if err != nil {
		return false // whoever writes it says so
	}
	applied, covered := n.fsm.current().Applied, uint64(0)
	if m := n.snapshot.Load(); m != nil {
		covered = m.Index
	}
	last, tail := n.raft.LastIndex(), n.tail()
	return applied > covered && last > tail && min(applied, last-tail) >= first
}

// covers answers a snapshot that this node's own covers, and returns nil for one that it needs. A leader that was not
// answered, because this node ended or the answer was lost, does not ask how far this node is: it sends the snapshot again,
// and would do so after every restart from it. What the snapshot covers is committed, so that it is here as it is there.
func (n *Node) covers(req *raft.InstallSnapshotRequest) *raft.InstallSnapshotResponse {
	m, term := n.snapshot.Load(), n.raft.CurrentTerm()
	if m == nil || req.LastLogIndex > m.Index || req.Term != term {
		return nil
	}
	return &raft.InstallSnapshotResponse{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}, Term: term, Success: true}
}

// behind moves a leader's request that begins before this node's log to where its snapshot ends: what the snapshot covers is
// committed, so that it is the same there as here. Raft would refuse it, since it cannot look up the entry before it, the
// leader would go back to its own snapshot, that would be covered, and so on for ever. The commit index is held to what the
// request reaches: raft holds it to this node's last entry alone.
func (n *Node) behind(req *raft.AppendEntriesRequest) *raft.AppendEntriesRequest {
	m := n.snapshot.Load()
	if m == nil || req.PrevLogEntry == 0 || req.PrevLogEntry >= m.Index {
		return req
	}
	if first, err := n.cfg.Log.FirstIndex(); err != nil || first > 0 && req.PrevLogEntry >= first {
		return req
	}
	moved := *req // the sender may still have the request
	moved.Entries = req.Entries[min(uint64(len(req.Entries)), m.Index-req.PrevLogEntry):]
	moved.PrevLogEntry, moved.PrevLogTerm = m.Index, m.Term
	moved.LeaderCommitIndex = min(req.LeaderCommitIndex, m.Index+uint64(len(moved.Entries)))
	return &moved
}
