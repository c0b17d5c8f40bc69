package replication

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/raft"
)

// livePoll is how often a node that is not live yet looks whether it is.
const livePoll = 5 * time.Millisecond

// Live reports whether reads may be served: everything that was committed when this node first heard of it after its
// start, from a leader that knew, is applied and taken by the lossless readers. Once true it stays true, also when the
// node is cut off: Contact then tells how old its state may be.
func (n *Node) Live() bool { return n.live.Load() }

// becomeLive opens reads; orders are now refused because another node leads, not because this one starts.
func (n *Node) becomeLive() {
	if !n.live.Swap(true) {
		n.gate.CompareAndSwap(gateStarting, gateFollowing)
		n.cfg.Logger.Info("the state is up to date", "applied", n.fsm.current().Applied, "command", n.fsm.current().Seq)
	}
}

// awaken makes a follower live. A leader becomes so by taking office.
func (n *Node) awaken() {
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	var w waking
	for !n.live.Load() {
		select {
		case <-tick.C:
		case <-n.stop:
			return
		}
		if n.awake(&w) {
			n.becomeLive()
		}
	}
}

// waking is how far a follower has come on its way to Live.
type waking struct {
	term, commit uint64 // a leader's word; 0: none taken yet
	command      uint64 // last entry with commands up to commit, once known
	known        bool
	events       uint64 // how many events there were when it was applied; 0: not yet
}

// awake reports whether the node has all that a leader's word covers. A new leader's commit index may be too low: only
// with an entry of its own term does it know what its predecessors committed. A word before that is not waited for.
func (n *Node) awake(w *waking) bool {
	if n.holding.Load() {
		return false
	}
	if term, commit := n.ear.word(); w.commit == 0 || term != w.term {
		if commit == 0 {
			return false
		}
		*w = waking{term: term, commit: commit}
	}
	if !w.known {
		if n.raft.CommitIndex() < w.commit && n.raft.AppliedIndex() < w.commit {
			return false
		}
		term, command, err := n.lastCommand(w.commit)
		if err != nil || term != w.term {
			*w = waking{}
			return false
		}
		w.command, w.known = command, true
	}
	if w.events == 0 {
		if n.fsm.published.Load() < w.command {
			return false
		}
		w.events = n.events.Published() + 1
	}
	published := n.events.Published()
	return published-min(published, n.events.LosslessLag()) >= w.events-1
}

// lastCommand returns the term of the entry at index and the index of the last entry at or before it that holds commands.
// What the snapshot at the start covers is applied, so that it counts as one such entry.
func (n *Node) lastCommand(index uint64) (term, command uint64, err error) {
	var snapshot raft.SnapshotMeta
	if m := n.snapshot.Load(); m != nil {
		snapshot = *m
	}
	if index <= snapshot.Index {
		return snapshot.Term, 0, nil
	}
	for i := index; i > snapshot.Index; i-- {
		var l raft.Log
		if err := n.log.GetLog(i, &l); err != nil {
			return 0, 0, err
		}
		if i == index {
			term = l.Term
		}
		if l.Type == raft.LogCommand {
			return term, i, nil
		}
	}
	return term, 0, nil
}

// Leader returns the leader's id and address, as far as this node knows; empty: none.
func (n *Node) Leader() (id, address string) {
	if !n.up.Load() {
		return "", ""
	}
	a, i := n.raft.LeaderWithID()
	return string(i), string(a)
}

// Contact returns how long ago a leader was last heard of: how old this node's state may be. It is 0 on the leader, and
// the greatest duration that there is where none was heard of since the start.
func (n *Node) Contact() time.Duration {
	if n.up.Load() && n.raft.State() == raft.Leader {
		return 0
	}
	at := max(n.ear.heard.Load(), n.led.Load())
	if at == 0 {
		return math.MaxInt64
	}
	return n.now() - time.Duration(at)
}

// The node's own keys among raft's stable values.
var (
	keyNode    = []byte("uncross node")    // whose data these are
	keyWaiting = []byte("uncross waiting") // 1: the node has never had an entry
)

// belongs checks that the data are this node's, and writes down whose they are where that is new. Two nodes with the same
// data, or one that takes another's place, would vote twice. Data of a version that did not write it down are looked at by
// member, once their configuration is read.
func (n *Node) belongs(x extent) (marked bool, err error) {
	id, err := n.cfg.Log.Get(keyNode)
	switch {
	case err != nil && err.Error() != "not found":
		return false, fmt.Errorf("whose data these are: %w", err)
	case len(id) > 0 && string(id) != n.cfg.NodeID:
		return false, fmt.Errorf("%w: the data are node %q's, and this is node %q. Start with the right node id or data directory", ErrForeign, id, n.cfg.NodeID)
	case len(id) > 0:
		return true, nil
	case x.fresh():
		return true, n.cfg.Log.Set(keyNode, []byte(n.cfg.NodeID))
	}
	return false, nil
}

// member checks the configuration of the data: where it was not written down whose they are, this node is in it. And a
// node without a transport is the only voter: it would wait for the others for ever.
func (n *Node) member() error {
	servers := n.raft.GetConfiguration().Configuration().Servers
	var self, others bool
	for _, s := range servers {
		self = self || s.ID == raft.ServerID(n.cfg.NodeID)
		others = others || s.ID != raft.ServerID(n.cfg.NodeID) && s.Suffrage == raft.Voter
	}
	switch {
	case !self && (n.cfg.single() || !n.extent.marked):
		return fmt.Errorf("%w: the data are of the cluster %v, in which there is no node %q. Start with the right node id or data directory", ErrForeign, servers, n.cfg.NodeID)
	case others && n.cfg.single():
		return fmt.Errorf("%w: the data are of the cluster %v, and this node is started alone. Start it with --raft-addr, the address of its peer port", ErrForeign, servers)
	case !n.extent.marked:
		return n.cfg.Log.Set(keyNode, []byte(n.cfg.NodeID))
	}
	return nil
}

// waiting reads whether this node has never had an entry, and keeps the mark in step with what there is: a term may be
// there already, from a leader that was about to send the first entry or a snapshot.
func (n *Node) waiting(x extent) (bool, error) {
	v, err := n.cfg.Log.GetUint64(keyWaiting)
	if err != nil && err.Error() != "not found" {
		return false, fmt.Errorf("whether the node has had an entry: %w", err)
	}
	empty := x.last == 0 && x.snapshot == nil
	switch {
	case v == 1 && !empty:
		return false, n.cfg.Log.SetUint64(keyWaiting, 0)
	case v == 1 && x.term == 0 && (n.cfg.single() || len(n.cfg.Peers) > 0):
		return false, n.cfg.Log.SetUint64(keyWaiting, 0) // nobody has added it: it may begin a cluster
	case v == 1:
		return true, nil
	case empty && x.term == 0 && !n.cfg.single() && len(n.cfg.Peers) == 0:
		return true, n.cfg.Log.SetUint64(keyWaiting, 1)
	}
	return false, nil
}

// errNoTransport is what changes of the membership get at a node that is started alone.
var errNoTransport = errors.New("this node was started without a peer port: start it with --raft-addr, and the others can join")
