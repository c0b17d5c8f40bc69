package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"uncross/gateway/storage"
	"uncross/replication"
	"uncross/replication/peer"
	"uncross/replication/roster"
	"uncross/wal"
)

// This file is a node's part in a cluster beside raft: who the others are, what they are told, and what is fetched from them.

// Patience with other nodes.
const (
	genesisRound = 3 * time.Second  // of asking for genesis.json
	joinRound    = 2 * time.Second  // of asking to be added
	storeWait    = 10 * time.Second // of a store that is asked for to have what is asked for
	waitingWord  = 10 * time.Second // between two words about what is waited for
)

// errToldToStop ends what waits for another node.
var errToldToStop = errors.New("told to stop while waiting for another node")

// clusterOf is what a node knows of its cluster.
type clusterOf struct {
	node, address string // this one, and where the others reach it
	http, fix     string // where clients reach it
	first         []replication.Member
	joins         bool
	founds        bool     // with those of first: there is no log yet
	seeds         []string // addresses of others to ask at a start
	dir           dataDir
	log           wal.Place
	stop          <-chan os.Signal
	logger        *slog.Logger

	listening atomic.Bool // to the others: roster and members are there
	removed   atomic.Bool // the leader says that this node is no member any more

	port   *peer.Port
	roster *roster.Roster
	core   atomic.Pointer[replication.Node] // once it is open
	called atomic.Pointer[string]           // the cluster's name, once genesis.json is there
}

// name is the cluster as nodes call it between them: its id, and its incarnation where it is not the first. It is empty
// while this node does not know it.
func (cl *clusterOf) name() string {
	if p := cl.called.Load(); p != nil {
		return *p
	}
	return ""
}

// identify takes the cluster's name from genesis.json, and tells other nodes who ask for it. A node that founds the cluster names it
// by its founders, so that it never meets nodes that have begun otherwise: their logs begin alike, and raft would take one for
// the other.
func (cl *clusterOf) identify() error {
	if cl.founds {
		if err := cl.dir.incarnate(founding(cl.first)); err != nil {
			return err
		}
	}
	f, err := cl.dir.readGenesisFile()
	if err != nil {
		return err
	}
	name := f.ClusterID
	if f.Incarnation != "" {
		name += "/" + f.Incarnation
	}
	cl.called.Store(&name)
	return nil
}

// incarnation is the second part of the name.
func (cl *clusterOf) incarnation() string {
	_, again, _ := strings.Cut(cl.name(), "/")
	return again
}

// holds reports whether a snapshot is the newest that this node has on disk: a leader that sends it again is told so.
func (cl *clusterOf) holds(index, term uint64) bool {
	n := cl.core.Load()
	if n == nil {
		return false
	}
	s := n.Status()
	return s.SnapshotIndex == index && s.SnapshotTerm == term
}

// leads reports whether this node is raft's leader.
func (cl *clusterOf) leads() bool {
	n := cl.core.Load()
	return n != nil && n.Status().Role == "leader"
}

// pause waits before another try, and reports whether there is to be one.
func (cl *clusterOf) pause(d time.Duration) error {
	select {
	case <-cl.stop:
		return errToldToStop
	case <-time.After(d):
		return nil
	}
}

// learnGenesis waits for a node that knows the venue, where this one does not.
//
// A node without a log must not vote when it has been a voter before: it has forgotten what it has acknowledged and whom it has
// voted for, and could help to lose it. It is refused where its own directory shows that it has run, or where another node has
// heard of it as a voter.
func (cl *clusterOf) learnGenesis(w io.Writer) error {
	log, genesis, gone := cl.dir.hasLog(), exists(cl.dir.genesis()), wal.Missing(cl.log)
	switch {
	case log && genesis:
		return nil
	case log:
		return fmt.Errorf("%s has a log but no genesis.json: restore it from a copy, it says whose log this is", cl.dir)
	case gone != nil:
		return cl.forgotten(fmt.Errorf("%s (%s)", gone.What, gone.File))
	case cl.dir.hasRun():
		return cl.forgotten(fmt.Errorf("%s shows that this node has run before, and there is no log in %s", cl.dir, cl.dir.wal()))
	case genesis:
		return cl.beStranger(w)
	}
	if len(cl.seeds) == 0 {
		return fmt.Errorf("%s has no genesis.json, and there is no other node to ask for it: run uncross init --data %s --key operator.key, or name other nodes with --peers or --join", cl.dir, cl.dir)
	}
	for told := (time.Time{}); ; {
		ctx, cancel := patience(genesisRound)
		h, err := roster.AskGenesis(ctx, cl.port, cl.seeds)
		cancel()
		if errors.Is(err, roster.ErrKnown) {
			return cl.forgotten(err)
		}
		what := "waiting for a node that knows the venue; one of them is prepared with: uncross init --data DIR --key operator.key"
		if err == nil {
			err = cl.agrees(h)
			if err == nil {
				err = cl.dir.keepGenesis(h.Text)
			}
			if err == nil {
				fmt.Fprintf(w, "genesis.json taken from the node at %s\n", h.From)
				return nil
			}
			if !errors.Is(err, errOtherFounders) {
				return fmt.Errorf("genesis.json of the node at %s: %w", h.From, err)
			}
			what = fmt.Sprintf("waiting for the node at %s", h.From)
		}
		if time.Since(told) >= waitingWord {
			told = time.Now()
			fmt.Fprintf(w, "%s\n  %s\n", what, strings.ReplaceAll(err.Error(), "\n", "\n  "))
		}
		if err := cl.pause(roster.Retry); err != nil {
			return err
		}
	}
}

// errOtherFounders is told until it is mended, here or there.
var errOtherFounders = errors.New("the cluster is founded there with other --peers than here: they must be the same on all its nodes, addresses too")

// agrees returns why this node cannot found a cluster with one that has answered. Where the venue has begun without it, it never can.
func (cl *clusterOf) agrees(h roster.Heard) error {
	if !cl.founds {
		return nil
	}
	_, f, err := parseGenesis("genesis.json", h.Text)
	same := f.Incarnation == founding(cl.first)
	switch {
	case err != nil || same && (h.Member || !h.Begun):
		return err
	case same:
		return fmt.Errorf("the cluster that was founded with these --peers goes on without this node, which was removed from it. To come back it has --join in place of --peers: "+
			"start it with --join %s", h.From)
	case h.Begun && !h.Member:
		return fmt.Errorf("the venue has begun already, with other nodes than --peers says here. A node that comes later has --join in place of --peers: "+
			"start this one with --join %s", h.From)
	case h.Begun || f.Incarnation != "":
		return errOtherFounders
	}
	return nil
}

// beStranger waits, with genesis.json at hand, until half of the other founding nodes have said that they do not know this one:
// without them the new cluster could not begin anyway. As long as one of them is of another incarnation it does not begin: that one may
// have the venue's log.
func (cl *clusterOf) beStranger(w io.Writer) error {
	for told := time.Now(); ; {
		ctx, cancel := patience(genesisRound)
		h, err := roster.AskGenesis(ctx, cl.port, cl.seeds)
		cancel()
		if err == nil {
			err = h.Apart
		}
		if err == nil {
			if err = cl.agrees(h); err != nil && !errors.Is(err, errOtherFounders) {
				return err
			}
		}
		switch {
		case errors.Is(err, roster.ErrKnown):
			return cl.forgotten(err)
		case (err == nil || !cl.founds) && h.Strangers >= len(cl.first)/2:
			return nil
		case time.Since(told) >= waitingWord:
			told = time.Now()
			why := "not enough of them answer"
			if err != nil {
				why = strings.ReplaceAll(err.Error(), "\n", "\n  ")
			}
			fmt.Fprintf(w, "waiting for the other nodes of the new cluster\n  %s\n", why)
		}
		if err := cl.pause(roster.Retry); err != nil {
			return err
		}
	}
}

// forgotten says what to do with a voter that has lost its data.
func (cl *clusterOf) forgotten(err error) error {
	return fmt.Errorf("%w. It must not vote before it has what it has acknowledged: bring its data directory back as it was; or run \"uncross cluster remove %s\", start it with --join on an empty directory, without its old tripwire file, and promote it when it is up to date", err, cl.node)
}

// fetch puts another node's copy of a store, which has everything up to a command, in the place of this node's. That may
// take minutes: this node votes and takes the log meanwhile, and applies it afterwards.
func (cl *clusterOf) fetch(name, dir string, atLeast uint64) error {
	cl.logger.Info("a store is behind this node's snapshot; it is fetched from another node", "store", name, "command", atLeast)
	if err := cl.core.Load().Join(); err != nil {
		return err
	}
	with := filepath.Join(cl.dir.spool(), name)
	for told, begin := (time.Time{}), time.Now(); ; {
		if err := os.RemoveAll(with); err != nil {
			return err
		}
		err := cl.untilTold(func(ctx context.Context) error {
			return roster.Fetch(ctx, cl.port, cl.sources(), name, atLeast, with)
		})
		if errors.Is(err, errToldToStop) {
			return err
		}
		if err == nil {
			cl.logger.Info("the store is fetched", "store", name, "took", time.Since(begin))
			return errors.Join(storage.Replace(dir, filepath.Join(with, name)), os.RemoveAll(with))
		}
		if time.Since(told) >= waitingWord {
			told = time.Now()
			cl.logger.Warn("no node has sent the store yet", "store", name, "reason", err)
		}
		if err := cl.pause(roster.Retry); err != nil {
			return err
		}
	}
}

// sources are the addresses to fetch from: the members may be others by now than when this node started last.
func (cl *clusterOf) sources() []string {
	all := slices.Clone(cl.seeds)
	members, _ := cl.core.Load().Members() // none before it is up
	for _, m := range members {
		if m.ID != cl.node && !slices.Contains(all, m.Address) {
			all = append(all, m.Address)
		}
	}
	return all
}

// untilTold does something that ends when this node is told to stop.
func (cl *clusterOf) untilTold(do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan bool)
	go func() {
		select {
		case <-cl.stop:
			cancel()
			told <- true
		case <-ctx.Done():
			told <- false
		}
	}()
	err := do(ctx)
	cancel()
	if <-told {
		return errToldToStop
	}
	return err
}

// remember keeps the members' addresses for the next start.
func (cl *clusterOf) remember(members []roster.Member) {
	var all []memberOfFile
	for _, m := range members {
		all = append(all, memberOfFile(m))
	}
	if err := cl.dir.writeMembers(all); err != nil {
		cl.logger.Warn("the members' addresses were not kept for the next start", "error", err)
	}
}

// seen are the members that had been heard of before this start.
func (cl *clusterOf) seen() (nodes []string) {
	for _, m := range cl.dir.readMembers() {
		if m.Seen {
			nodes = append(nodes, m.ID)
		}
	}
	return nodes
}

// tellGenesis is what a node gets that asks who the venue is, also while this one is still starting: it may be the one that
// knows.
func (cl *clusterOf) tellGenesis(from string) (g roster.Genesis, err error) {
	if n := cl.core.Load(); n != nil && cl.listening.Load() {
		members, err := n.Members()
		if err != nil {
			return g, err
		}
		g.Begun, g.Member = true, slices.ContainsFunc(members, func(m replication.Member) bool { return m.ID == from })
		g.Known = cl.roster.Seen(from) && slices.ContainsFunc(members, func(m replication.Member) bool { return m.ID == from && m.Voter })
	} else if g.Begun = cl.dir.hasLog(); g.Begun {
		remembered := cl.dir.readMembers()
		if len(remembered) == 0 {
			return g, errors.New("this node is starting and does not know the members yet")
		}
		g.Member = slices.ContainsFunc(remembered, func(m memberOfFile) bool { return m.ID == from })
		g.Known = slices.Contains(cl.seen(), from)
	}
	g.Text, err = os.ReadFile(cl.dir.genesis())
	return g, err
}

// serveOthers begins to tell other nodes how this one stands, and to answer what they ask.
func (n *node) serveOthers() {
	cl := n.cluster
	cl.roster = roster.New(roster.Config{
		Port: cl.port, Node: cl.node, Self: n.self, Members: n.members, Changed: cl.remember, Seen: cl.seen(), Logger: n.logger,
		Removed: n.watchRemoved, Told: cl.toldRemoved,
	})
	roster.Serve(cl.port, roster.Services{
		Join:  n.addOther,
		Store: n.copyStore,
	})
}

// listenToOthers begins to hear how the others stand, and to ask to be one of them where this node is new.
func (n *node) listenToOthers() {
	n.cluster.listening.Store(true)
	n.others.Go(func() { n.cluster.roster.Run(n.stop) })
	if n.cluster.joins {
		n.others.Go(n.askToJoin)
	}
}

// handOver gives leadership to another node before clients are sent away, so that they find a leader at once.
func (n *node) handOver() {
	if n.cluster == nil || n.replicas == nil || !n.replicas.Ready() {
		return
	}
	if err := n.replicas.Transfer(""); err != nil {
		n.logger.Info("no other node took over", "reason", err)
	}
}

// self is how this node stands, for the others.
func (n *node) self() roster.Info {
	s, cl := n.replicas.Status(), n.cluster
	return roster.Info{
		Address: cl.address, HTTP: cl.http, FIX: cl.fix, Version: version,
		Role: s.Role, Leader: s.LeaderID, Leading: s.Leader, Live: n.replicas.Live(), Term: s.Term, Commit: s.Commit,
		Applied: s.Applied, Command: s.Seq, FullHash: s.FullHash, LogBytes: s.LogBytes, Snapshot: s.SnapshotIndex,
	}
}

// members are the cluster's, for the roster.
func (n *node) members() []roster.Member {
	all, err := n.replicas.Members()
	if err != nil {
		return nil
	}
	var members []roster.Member
	for _, m := range all {
		members = append(members, roster.Member{ID: m.ID, Address: m.Address})
	}
	return members
}

// watchRemoved returns what tells whether a node that listens is no member any more. A removal counts once it is committed: when all
// that was in the leader's log at the time that it was first seen is.
func (n *node) watchRemoved(id string) func() bool {
	var w absence
	return func() bool {
		members := n.members() // before the log's end
		missing := len(members) > 0 && !slices.ContainsFunc(members, func(m roster.Member) bool { return m.ID == id })
		s := n.replicas.Status()
		return w.settled(missing && s.Leader, s.Term, s.LogLast, s.Commit)
	}
}

// absence is since when a node is missing among a leader's members.
type absence struct{ term, last uint64 }

// settled reports whether the change that made it so is committed.
func (a *absence) settled(missing bool, term, last, commit uint64) bool {
	switch {
	case !missing:
		*a = absence{}
		return false
	case a.term != term:
		*a = absence{term, last}
	}
	return commit >= a.last
}

// toldRemoved takes the leader's word whether this node is no member any more. It goes on with what it has: stopping it is for whoever
// has removed it.
func (cl *clusterOf) toldRemoved(removed bool) {
	switch was := cl.removed.Swap(removed); {
	case removed && !was:
		cl.logger.Warn("this node was removed from the cluster, its leader says: it gets nothing any more and is not ready. Stop it; it can come back with an empty data directory and --join", "node", cl.node)
	case was && !removed:
		cl.logger.Info("this node is a member of the cluster again", "node", cl.node)
	}
}

// addOther adds a node that asks to join as a learner, or names the leader.
func (n *node) addOther(id, address string) (leader string, err error) {
	if !n.replicas.Ready() {
		if _, leader = n.replicas.Leader(); leader == "" {
			return "", errors.New("there is no leader at the moment")
		}
		return leader, nil
	}
	all, err := n.replicas.Members()
	if err != nil || slices.ContainsFunc(all, func(m replication.Member) bool { return m.ID == id && m.Address == address }) {
		return "", err
	}
	return "", n.replicas.AddLearner(id, address)
}

// copyStore makes a copy of a store that has everything up to a command on disk.
func (n *node) copyStore(ctx context.Context, from, name string, atLeast uint64) (dir string, remove func(), err error) {
	if !slices.ContainsFunc(n.members(), func(m roster.Member) bool { return m.ID == from }) {
		return "", nil, fmt.Errorf("node %s is no member of the cluster", from) // one that was removed has a certificate still
	}
	if !n.stocked.Load() {
		return "", nil, fmt.Errorf("node %s is still fetching its own", n.cluster.node)
	}
	var durable func() uint64
	var checkpoint func(string) (uint64, error)
	switch name {
	case storeHistory:
		durable, checkpoint = n.history.Durable, n.history.Checkpoint
	case storeFix:
		durable, checkpoint = n.outbox.Durable, n.outbox.Checkpoint
	default:
		return "", nil, fmt.Errorf("there is no store %q", name)
	}
	cl := n.cluster
	deadline := time.Now().Add(storeWait)
	for ; !n.copies.TryLock(); time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return "", nil, fmt.Errorf("node %s is making another copy", cl.node)
		}
	}
	defer n.copies.Unlock()
	for ; durable() < atLeast; time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return "", nil, fmt.Errorf("the store %s of node %s has command %d, not %d", name, cl.node, durable(), atLeast)
		}
	}
	if err := os.MkdirAll(cl.dir.spool(), 0o700); err != nil {
		return "", nil, err
	}
	place, err := os.MkdirTemp(cl.dir.spool(), "copy-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(place) } // what is left is removed at the next start
	dir = filepath.Join(place, name)
	if _, err = checkpoint(dir); err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

// The stores that are fetched from others, by the names of their folders.
const (
	storeHistory = "history"
	storeFix     = "fix"
)

// askToJoin asks until this node is a member of the cluster, or the node stops.
func (n *node) askToJoin() {
	cl := n.cluster
	for told := (time.Time{}); !n.isMember(); {
		ctx, cancel := patience(joinRound * time.Duration(1+len(cl.seeds))) // one that hangs must not use up the others' time
		err := roster.Join(ctx, cl.port, cl.seeds, cl.address)
		cancel()
		if err != nil && time.Since(told) >= waitingWord {
			told = time.Now()
			n.logger.Warn("not a member of the cluster yet", "reason", err)
		}
		select {
		case <-n.stop:
			return
		case <-time.After(joinRound):
		}
	}
}

// isMember reports whether raft's configuration names this node.
func (n *node) isMember() bool {
	all, err := n.replicas.Members()
	return err == nil && slices.ContainsFunc(all, func(m replication.Member) bool { return m.ID == n.cluster.node })
}
