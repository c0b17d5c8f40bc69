package replication

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"uncross/internal/nodeid"
)

const (
	// ChangeTimeout bounds the wait for a change of the membership. One that has not come to its end by then may still.
	ChangeTimeout = 10 * time.Second
	// PromoteLag is how many entries a learner may be behind when it is to vote.
	PromoteLag = 256
	// TransferWait bounds each step of a transfer: the wait for the next leader to come near, for it to have everything,
	// and raft's word to it.
	TransferWait = 2 * time.Second
)

// Members returns the nodes of the cluster, by id, as this node knows them: a change may not be committed yet.
func (n *Node) Members() ([]Member, error) {
	if err := n.usable(); err != nil {
		return nil, err
	}
	members, _ := n.configuration()
	return members, nil
}

// configuration returns the members and raft's index of the configuration.
func (n *Node) configuration() ([]Member, uint64) {
	f := n.raft.GetConfiguration() // from memory: it does not fail
	var members []Member
	for _, s := range f.Configuration().Servers {
		members = append(members, Member{string(s.ID), string(s.Address), s.Suffrage == raft.Voter})
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return members, f.Index()
}

func find(members []Member, id string) (Member, bool) {
	i := slices.IndexFunc(members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return Member{}, false
	}
	return members[i], true
}

// AddLearner adds a node that gets everything and does not vote. A node that is there already, at the same address, is no
// error; a learner's address may be changed so.
func (n *Node) AddLearner(id, address string) error {
	return n.change(func(members []Member, at uint64) (raft.IndexFuture, error) {
		if id == "" || address == "" {
			return nil, refusal("a node needs an id and the address of its peer port, %q and %q are not", id, address)
		}
		if err := nodeid.Check(id); err != nil {
			return nil, refusal("%s", err)
		}
		for _, m := range members {
			switch {
			case m.ID == id && m.Address == address:
				return nil, nil
			case m.ID == id && m.Voter:
				return nil, refusal("node %s is a voter at %s: remove it first, and add it again at %s", id, m.Address, address)
			case m.ID != id && m.Address == address:
				return nil, refusal("the address %s is node %s's: give another, or remove that node first", address, m.ID)
			}
		}
		return n.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(address), at, ChangeTimeout), nil
	})
}

// Promote makes a learner vote. It must be heard of and have nearly all of the log: a voter that is behind counts for the
// quorum and cannot be part of it.
func (n *Node) Promote(id string) error {
	return n.change(func(members []Member, at uint64) (raft.IndexFuture, error) {
		m, ok := find(members, id)
		switch {
		case !ok:
			return nil, unknown(members, id)
		case m.Voter:
			return nil, nil
		}
		p, reachable := n.reach()[raft.ServerID(id)]
		last := n.raft.LastIndex()
		switch {
		case !reachable:
			return nil, refusal("learner %s does not answer at %s: start it, or see why it cannot be reached", id, m.Address)
		case p.match == 0 || p.match+PromoteLag < last: // 0: it has taken nothing yet that is known
			return nil, refusal("learner %s has the log up to entry %d of %d: wait until it is at most %d behind", id, p.match, last, PromoteLag)
		}
		return n.raft.AddVoter(raft.ServerID(id), raft.ServerAddress(m.Address), at, ChangeTimeout), nil
	})
}

// Remove takes a node out of the cluster. The leader does not remove itself: transfer first. A voter is not removed where
// those that are left and answer would be no majority.
func (n *Node) Remove(id string) error {
	err := n.change(func(members []Member, at uint64) (raft.IndexFuture, error) {
		m, ok := find(members, id)
		switch {
		case !ok:
			return nil, unknown(members, id)
		case id == n.cfg.NodeID:
			return nil, refusal("node %s leads: transfer the leadership to another node first, then remove this one there", id)
		}
		if m.Voter {
			reach, voters, answering := n.reach(), 1, 1
			for _, o := range members {
				if o.Voter && o.ID != id && o.ID != n.cfg.NodeID {
					voters++
					if _, ok := reach[raft.ServerID(o.ID)]; ok {
						answering++
					}
				}
			}
			if answering <= voters/2 {
				return nil, refusal("without node %s there would be %d voters, of which %d answer, which is no majority: start the others first, or remove those that do not answer",
					id, voters, answering)
			}
		}
		return n.raft.RemoveServer(raft.ServerID(id), at, ChangeTimeout), nil
	})
	if err == nil {
		n.ear.forget(raft.ServerID(id))
	}
	return err
}

// lostEntries tells that a node has lost what it had confirmed: an older copy of its data was put back, or the log's end has gone with
// the tripwire that would have told it. It is sent them again; but what was acknowledged by its word was there once less meanwhile.
func (n *Node) lostEntries(id raft.ServerID, had, has uint64) {
	n.cfg.Logger.Warn("a node has lost entries that it had confirmed: its data were put back to an earlier moment, or their end was lost. Remove it, and let it join anew with an empty data directory",
		"node", id, "had", had, "has", has)
}

// Transfer hands the leadership to a voter, "" to the one that is furthest. One that does not answer or is more than
// PromoteLag behind is waited for a little and then refused. What this node had taken comes to its end first; meanwhile
// orders are refused with ErrNotLeader. When it fails this node goes on leading.
func (n *Node) Transfer(id string) error {
	if err := n.leads(); err != nil {
		return err
	}
	if !n.changing.TryLock() {
		return ErrChanging
	}
	defer n.changing.Unlock()
	o := n.office.Load()
	if o == nil {
		return ErrNotLeader
	}
	members, _ := n.configuration()
	to, err := n.successor(members, id)
	if err == nil {
		err = n.near(to, PromoteLag, n.now()) // with order entry open
	}
	if err != nil {
		return err
	}
	n.officeMu.Lock()
	if n.office.Load() != o || !n.gate.CompareAndSwap(gateOpen, gateFollowing) {
		n.officeMu.Unlock()
		return ErrNotLeader
	}
	n.tell(false)
	n.officeMu.Unlock()
	err = n.handOver(o, to)
	n.leave(o)
	n.retake() // where it has failed
	return err
}

// successor returns the voter that shall lead.
func (n *Node) successor(members []Member, id string) (Member, error) {
	if id != "" {
		m, ok := find(members, id)
		switch {
		case !ok:
			return m, unknown(members, id)
		case id == n.cfg.NodeID:
			return m, refusal("node %s leads already", id)
		case !m.Voter:
			return m, refusal("node %s is a learner: promote it first", id)
		}
		return m, nil
	}
	reach := n.reach()
	var best Member
	for _, m := range members {
		p, ok := reach[raft.ServerID(m.ID)]
		if ok && m.Voter && (best.ID == "" || p.match > reach[raft.ServerID(best.ID)].match) {
			best = m
		}
	}
	if best.ID == "" {
		return best, refusal("there is no other voter that answers")
	}
	return best, nil
}

// near waits until a node is at most lag entries behind, and has answered since a time of the node's clock and within a
// heartbeat time-out, which it has to do so.
func (n *Node) near(m Member, lag uint64, since time.Duration) error {
	for begin := n.now(); ; time.Sleep(closePoll) {
		p, reachable := n.reach()[raft.ServerID(m.ID)]
		reachable = reachable && p.at >= since
		last, waited := n.raft.LastIndex(), n.now()-begin
		switch {
		case n.failed() != nil:
			return ErrFailed
		case n.raft.State() != raft.Leader:
			return ErrNotLeader
		case reachable && p.match+lag >= last:
			return nil
		case !reachable && waited > n.cfg.Timeouts.Heartbeat:
			return refusal("node %s does not answer at %s: start it, or see why it cannot be reached", m.ID, m.Address)
		case waited > TransferWait:
			return refusal("node %s has the log up to entry %d of %d: wait until it is at most %d behind", m.ID, p.match, last, lag)
		}
	}
}

// TimeoutNow implements raft.Transport. Raft takes no entries until it returns, so that it is bounded; when it arrives
// later after all, the node stands for election, which it may at any time.
func (e *ear) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	var answer raft.TimeoutNowResponse // resp is raft's again when this has returned
	done := make(chan error, 1)
	go func() { done <- e.Transport.TimeoutNow(id, target, args, &answer) }()
	select {
	case err := <-done:
		*resp = answer
		return err
	case <-time.After(TransferWait):
		return fmt.Errorf("no answer within %s", TransferWait)
	}
}

// handOver transfers the leadership of a reign in which nothing is taken any more. Raft is asked only when the other node
// has everything: it would wait for that node's replicator, and while that waits for a node that is gone, take no entries
// and not come back to say so.
func (n *Node) handOver(o *reign, to Member) error {
	if !n.until(func() bool { return o.submitting.Load() == 0 && n.drained() || n.raft.State() != raft.Leader }) {
		return fmt.Errorf("transfer: what is under way did not come to its end within %s", n.cfg.DrainTimeout)
	}
	if err := n.near(to, 0, 0); err != nil {
		return err
	}
	if n.office.Load() != o {
		return ErrNotLeader // lost meanwhile; another reign may have begun
	}
	return n.transferTo(to)
}

// transferTo lets raft transfer the leadership to a node that has everything.
func (n *Node) transferTo(to Member) error {
	if err := n.wait(n.raft.LeadershipTransferToServer(raft.ServerID(to.ID), raft.ServerAddress(to.Address))); err != nil {
		return fmt.Errorf("transfer to node %s: %w", to.ID, err)
	}
	n.cfg.Logger.Info("leadership handed over", "to", to.ID)
	return nil
}

// reach returns the nodes that answered within the heartbeat time-out, and how far they are.
func (n *Node) reach() map[raft.ServerID]progress {
	others := n.ear.others(n.raft.CurrentTerm())
	for id, p := range others {
		if n.now()-p.at > n.cfg.Timeouts.Heartbeat {
			delete(others, id)
		}
	}
	return others
}

// leads returns why this node cannot change the cluster, or nil.
func (n *Node) leads() error {
	if err := n.usable(); err != nil {
		return err
	}
	if n.cfg.single() {
		return fmt.Errorf("%w: %w", ErrMembership, errNoTransport)
	}
	if n.raft.State() != raft.Leader {
		return ErrNotLeader
	}
	return nil
}

// change makes one change of the membership. propose returns nil for none needed.
func (n *Node) change(propose func(members []Member, at uint64) (raft.IndexFuture, error)) error {
	if err := n.leads(); err != nil {
		return err
	}
	if !n.changing.TryLock() {
		return ErrChanging
	}
	defer n.changing.Unlock()
	members, at := n.configuration()
	f, err := propose(members, at)
	if err != nil || f == nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- n.wait(f) }()
	select {
	case err = <-done:
	case <-time.After(ChangeTimeout):
		return fmt.Errorf("the change was not committed within %s, and may still be: see the members, and that a majority of voters answers", ChangeTimeout)
	}
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost):
		return fmt.Errorf("%w any more: see the members at the new leader", ErrNotLeader)
	case errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrChanging
	case err != nil:
		return fmt.Errorf("change of the members: %w", err)
	}
	members, _ = n.configuration()
	n.cfg.Logger.Info("members changed", "members", fmt.Sprint(members))
	return nil
}

// correctAddress puts this node's address into the configuration where another is there: from a time when it was alone
// and had none, or lived elsewhere. The others are told by the same entry.
func (n *Node) correctAddress() {
	if n.cfg.single() {
		return
	}
	members, at := n.configuration()
	m, ok := find(members, n.cfg.NodeID)
	address := n.transport.LocalAddr()
	if !ok || !m.Voter || m.Address == string(address) {
		return
	}
	if err := n.wait(n.raft.AddVoter(raft.ServerID(m.ID), address, at, ChangeTimeout)); err != nil {
		n.cfg.Logger.Warn("this node's address in the cluster is not its own yet", "known", m.Address, "own", address, "error", err)
		return
	}
	n.cfg.Logger.Info("address corrected", "from", m.Address, "to", address)
}

func refusal(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMembership, fmt.Sprintf(format, args...))
}

func unknown(members []Member, id string) error {
	var ids []string
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	return refusal("there is no node %q; the nodes are %s", id, strings.Join(ids, ", "))
}
