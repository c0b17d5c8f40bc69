package replication

import "github.com/hashicorp/raft"

// Status is a node as it stands. Its parts are read one after the other, while the node goes on; State is consistent in
// itself.
type Status struct {
	NodeID   string
	Role     string // leader, follower, candidate, shutdown; empty before Start
	LeaderID string // empty: none known
	Leader   bool   // this node leads and takes commands
	Ready    bool
	Term     uint64 // raft's
	State

	Input, InputCapacity int    // commands that wait for the sequencer
	InFlight             int    // entries that are being written or applied
	EventLag             uint64 // of the slowest lossless reader, in events
	EventCapacity        int

	LogFirst, LogLast uint64 // indexes held; 0: none
	LogBytes          int64
	Commit            uint64 // raft's commit index

	SnapshotIndex    uint64 // of the newest; 0: none
	SnapshotTerm     uint64
	SnapshotBytes    int64
	Snapshots        uint64 // taken by this process
	SnapshotFailures uint64

	Batches, Commands uint64 // proposed by this process
	Refused           uint64 // commands that Submit took and that were then refused
	ClockRefused      bool   // commands are refused because the wall clock has jumped ahead
	Failure           error  // why the node has stopped
}

// Ready reports whether everything in the log is applied, the lossless readers have taken it, and this node leads.
func (n *Node) Ready() bool { return n.gate.Load() == gateOpen }

// Status returns the node as it stands. It may be called at any time.
func (n *Node) Status() Status {
	s := Status{
		NodeID: n.cfg.NodeID, Ready: n.Ready(),
		Input: n.input.Len(), InputCapacity: n.input.Cap(),
		EventLag: n.events.LosslessLag(), EventCapacity: n.events.Cap(),
		Snapshots: n.snapshotCount.Load(), SnapshotFailures: n.snapshotFailures.Load(),
		LogBytes: n.cfg.Log.Bytes(), Failure: n.failed(),
	}
	s.LogFirst, _ = n.cfg.Log.FirstIndex() // kept in memory by the store; a failing store is fatal elsewhere
	s.LogLast, _ = n.cfg.Log.LastIndex()
	if m := n.snapshot.Load(); m != nil {
		s.SnapshotIndex, s.SnapshotTerm, s.SnapshotBytes = m.Index, m.Term, m.Size
	}
	if !n.up.Load() {
		return s
	}
	s.State = n.fsm.current()
	s.Role, s.Term, s.Commit = roleOf(n.raft.State()), n.raft.CurrentTerm(), n.raft.CommitIndex()
	_, leader := n.raft.LeaderWithID()
	s.LeaderID, s.Leader = string(leader), s.Ready && n.raft.State() == raft.Leader
	s.InFlight = n.seq.inFlight()
	s.Batches, s.Commands, s.Refused = n.seq.batches.Load(), n.seq.commands.Load(), n.seq.refusals.Load()
	s.ClockRefused = n.seq.clockWrong.Load()
	return s
}

func roleOf(s raft.RaftState) string {
	switch s {
	case raft.Leader:
		return "leader"
	case raft.Follower:
		return "follower"
	case raft.Candidate:
		return "candidate"
	}
	return "shutdown"
}
