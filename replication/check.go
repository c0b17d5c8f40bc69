package replication

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/raft"

	"uncross/engine"
)

var keyCurrentTerm = []byte("CurrentTerm") // raft's own key

// extent is what the stores hold at a start.
type extent struct {
	first, last uint64 // of the log; 0, 0: empty
	term        uint64 // that raft remembers
	snapshot    *raft.SnapshotMeta
	installed   bool // the snapshot was sent by a leader and not yet continued from
	marked      bool // it is written down whose the data are
	waiting     bool // the node has never had an entry: it waits to be added
}

// fresh reports whether there are no data: a term may be there from a bootstrap that was cut off before its entry.
func (x extent) fresh() bool { return x.last == 0 && x.snapshot == nil && x.term <= 1 }

// survey reads what there is and checks the snapshots.
func (n *Node) survey() (x extent, err error) {
	if x.first, err = n.cfg.Log.FirstIndex(); err != nil {
		return x, fmt.Errorf("first index of the log: %w", err)
	}
	if x.last, err = n.cfg.Log.LastIndex(); err != nil {
		return x, fmt.Errorf("last index of the log: %w", err)
	}
	if x.term, err = n.cfg.Log.GetUint64(keyCurrentTerm); err != nil && err.Error() != "not found" {
		return x, fmt.Errorf("raft's term: %w", err)
	}
	if s, ok := n.snapshots.(*SnapshotStore); ok {
		if x.installed, err = s.check(x, n.cfg.Logger.Error); err != nil {
			return x, err
		}
	}
	metas, err := n.snapshots.List()
	if err != nil {
		return x, err
	}
	if len(metas) > 0 {
		x.snapshot = metas[0]
	}
	x.waiting, err = n.waiting(x)
	return x, err
}

// check reads every snapshot. The newest one must be whole: the log may begin behind it.
func (s *SnapshotStore) check(x extent, complain func(string, ...any)) (installed bool, err error) {
	ids, err := s.names()
	if err != nil {
		return false, err
	}
	older := "no older snapshot"
	var newest error
	for i, id := range ids {
		f, h, err := s.verified(id)
		if err == nil {
			_ = f.Close()
		}
		switch {
		case i == 0:
			newest, installed = err, err == nil && !h.local
		case err != nil:
			complain("an older snapshot is damaged; it is not needed and can be removed", "error", err)
		case newest != nil && x.first > 0 && x.first <= h.meta.Index+1:
			return false, fmt.Errorf("%w\nIt is the newest one. The older snapshot %s is whole, and the log still begins at %d and continues it: "+
				"move the damaged file away and start again", newest, s.path(id), x.first)
		case newest != nil:
			older = fmt.Sprintf("an older, whole snapshot at index %d, which the log does not continue (it holds %d to %d)", h.meta.Index, x.first, x.last)
		}
	}
	if newest != nil && x.first == 1 {
		return false, fmt.Errorf("%w\nThe log still begins at 1: move the damaged file away and start again", newest)
	}
	if newest != nil {
		return false, fmt.Errorf("%w\nIt is the newest one, and there is %s. Restore this node's data from a backup, or let it join again as an empty node", newest, older)
	}
	return installed, nil
}

// agree checks that snapshot and log continue each other, and removes a log that an installed snapshot replaces.
func (n *Node) agree(x extent) error {
	if x.snapshot == nil {
		switch {
		case x.first > 1:
			return fmt.Errorf("%w: the log begins at entry %d and there is no snapshot: the entries 1 to %d are missing. "+
				"Restore the snapshot directory from a backup, or let this node join again as an empty node", ErrDamaged, x.first, x.first-1)
		case x.last == 0 && x.term > 1 && !x.waiting:
			return fmt.Errorf("%w: raft remembers term %d, but the log is empty and there is no snapshot: the log is missing. "+
				"Restore this node's data from a backup, or remove what is left and let it begin again as an empty node", ErrDamaged, x.term)
		}
		return nil
	}
	s := x.snapshot
	if x.last > 0 && x.first > s.Index+1 {
		return fmt.Errorf("%w: the newest snapshot ends at entry %d and the log begins at %d: the entries between are missing. "+
			"Restore this node's data from a backup, or let it join again as an empty node", ErrDamaged, s.Index, x.first)
	}
	differs := x.last < s.Index
	if !differs && x.first <= s.Index {
		var l raft.Log
		if err := n.cfg.Log.GetLog(s.Index, &l); err != nil {
			return fmt.Errorf("entry %d of the log: %w", s.Index, err)
		}
		differs = l.Term != s.Term
	}
	switch {
	case differs && !x.installed:
		return fmt.Errorf("%w: this node made a snapshot at entry %d of term %d, but its log (%d to %d) does not reach or contain that entry: "+
			"the end of the log is missing or belongs to other data. Restore this node's data from a backup, or let it join again as an empty node",
			ErrDamaged, s.Index, s.Term, x.first, x.last)
	case x.term < s.Term || x.last == 0 && !x.marked:
		// Raft writes a term down before it takes an entry or a snapshot of it, and before that it is written whose the data
		// are. A snapshot from a leader may be without a log, but not without these.
		return fmt.Errorf("%w: the newest snapshot ends at entry %d of term %d, but the store of the log remembers term %d: it is not the one that "+
			"went with the snapshot, and what this node acknowledged and whom it voted for may be missing. "+
			"Restore this node's data from a backup, or let it join again as an empty node", ErrDamaged, s.Index, s.Term, x.term)
	case !differs:
		return nil
	}
	n.cfg.Logger.Info("the snapshot from the leader replaces the log", "snapshot", s.Index, "first", x.first, "last", x.last)
	if x.last == 0 {
		return nil
	}
	if err := n.cfg.Log.DeleteRange(x.first, x.last); err != nil {
		return fmt.Errorf("removing the log that a snapshot replaces: %w", err)
	}
	return nil
}

// restore makes the engine: from the snapshot, or empty.
func (n *Node) restore(x extent) (*engine.Engine, error) {
	if x.snapshot == nil {
		return engine.New(), nil
	}
	_, body, err := n.snapshots.Open(x.snapshot.ID)
	if err != nil {
		return nil, err
	}
	e, err := RestoreEngine(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, x.snapshot.ID, err)
	}
	if e.Applied() > x.snapshot.Index {
		return nil, fmt.Errorf("%w: snapshot %s is of entry %d, but the state in it is of entry %d", ErrDamaged, x.snapshot.ID, x.snapshot.Index, e.Applied())
	}
	return e, nil
}

// bootstrap makes a new cluster: of this node alone, or of Config.Peers, where every node makes the same. Raft's own
// function cannot be repeated when it was cut off between its two writes.
func (n *Node) bootstrap() error {
	peers := slices.Clone(n.cfg.Peers)
	if len(peers) == 0 {
		peers = []Member{{ID: n.cfg.NodeID, Address: string(n.transport.LocalAddr()), Voter: true}}
	}
	slices.SortFunc(peers, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	var conf raft.Configuration
	for _, m := range peers {
		s := raft.Server{Suffrage: raft.Nonvoter, ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Address)}
		if m.Voter {
			s.Suffrage = raft.Voter
		}
		conf.Servers = append(conf.Servers, s)
	}
	if err := n.cfg.Log.SetUint64(keyCurrentTerm, 1); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	entry := &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(conf)}
	if err := n.cfg.Log.StoreLog(entry); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	n.cfg.Logger.Info("new cluster", "node", n.cfg.NodeID, "members", fmt.Sprint(peers))
	return nil
}
