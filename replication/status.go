package replication

import (
	"math"
	"time"

	"github.com/hashicorp/raft"
)

// Status is a node as it stands. Its parts are read one after the other, while the node goes on; State is consistent in
// itself.
type Status struct {
	NodeID        string
	Role          string // leader, follower, candidate, shutdown; empty before Start
	LeaderID      string // empty: none known
	Leader        bool   // this node leads and takes commands
	Ready         bool   // as Ready
	Live          bool   // as Live
	Voter         bool   // this node votes
	LeaderAddress string
	Contact       time.Duration // as Contact
	Peers         []Peer        // on the leader: the others
	Term          uint64        // raft's
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

	Batches, Commands uint64        // proposed by this process
	Refused           uint64        // commands that Submit took and that were then refused
	DiskSlowest       time.Duration // longest operation on the log so far
	DiskWaiting       time.Duration // since when the oldest operation under way is; see Config.DiskTimeout
	ClockRefused      bool          // commands are refused because the wall clock has jumped ahead
	Failure           error         // why the node has stopped
}

// Peer is another node as the leader knows it.
type Peer struct {
	Member
	Match   uint64        // last log index that it is known to have; 0: not known
	Silence time.Duration // since its last answer; the greatest duration there is when it never answered this leader
}

// Ready reports whether everything in the log is applied, the lossless readers have taken it, and this node leads.
func (n *Node) Ready() bool { return n.gate.Load() == gateOpen }

// Applied returns the number of the last command that the engine has applied. While the node leads, that is not before the
// last command of the leaders before it.
func (n *Node) Applied() uint64 {
	if !n.up.Load() {
		return 0
	}
	return n.fsm.current().Seq
}

// Status returns the node as it stands. It may be called at any time.
func (n *Node) Status() Status {
	s := Status{
		NodeID: n.cfg.NodeID, Ready: n.Ready(),
		Input: n.input.Len(), InputCapacity: n.input.Cap(),
		EventLag: n.events.LosslessLag(), EventCapacity: n.events.Cap(),
		Snapshots: n.snapshotCount.Load(), SnapshotFailures: n.snapshotFailures.Load(),
		LogBytes: n.cfg.Log.Bytes(), Failure: n.failed(),
		Live: n.Live(), Contact: math.MaxInt64,
		DiskSlowest: time.Duration(n.dog.slowest.Load()), DiskWaiting: n.dog.longest(),
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
	address, leader := n.raft.LeaderWithID()
	s.LeaderID, s.LeaderAddress, s.Leader = string(leader), string(address), s.Ready && n.raft.State() == raft.Leader
	s.Contact = n.Contact()
	members, _ := n.configuration()
	self, _ := find(members, n.cfg.NodeID)
	s.Voter = self.Voter
	if n.raft.State() == raft.Leader {
		s.Peers = n.peers(members)
	}
	s.InFlight = n.seq.inFlight()
	s.Batches, s.Commands, s.Refused = n.seq.batches.Load(), n.seq.commands.Load(), n.seq.refusals.Load()
	s.ClockRefused = n.seq.clockWrong.Load()
	return s
}

// peers returns the other members as this leader knows them.
func (n *Node) peers(members []Member) []Peer {
	known := n.ear.others(n.raft.CurrentTerm())
	var all []Peer
	for _, m := range members {
		if m.ID == n.cfg.NodeID {
			continue
		}
		p := Peer{Member: m, Silence: math.MaxInt64}
		if k, ok := known[raft.ServerID(m.ID)]; ok {
			p.Match, p.Silence = k.match, n.now()-k.at
		}
		all = append(all, p)
	}
	return all
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
