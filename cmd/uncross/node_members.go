package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"uncross/gateway/http"
	"uncross/internal/archive"
	"uncross/replication"
	"uncross/replication/roster"
)

// backupCore is the folder of a backup that has the log and the state of the engine; history and fix lie beside it.
const backupCore = "core"

// errAlone refuses changes of a cluster that there is none of.
var errAlone = errors.New("this node is a venue of its own: start it with --raft-addr, and others can join it")

// memberships is the cluster as the operators' interface sees it; of a venue of one node as well.
type memberships struct{ *node }

// Leader implements http.Cluster.
func (m memberships) Leader() (p http.Peer, ok bool) {
	id, _ := m.replicas.Leader()
	if id == "" || m.cluster == nil {
		return http.Peer{}, false
	}
	word, _, _ := m.cluster.roster.Of(id)
	return http.Peer{Node: id, HTTP: word.HTTP, FIX: word.FIX}, true
}

// fixLeader is what tells FIX clients who leads, nil where they are not to be told. A node that has been elected and does not
// take orders yet does not name itself: nobody is to be sent from it to itself.
func (n *node) fixLeader(set nodeSettings) func() (node, address string) {
	if n.cluster == nil || set.fix.silent {
		return nil
	}
	return func() (node, address string) {
		if p, ok := (memberships{n}).Leader(); ok && p.Node != n.cluster.node {
			return p.Node, p.FIX
		}
		return "", ""
	}
}

// Removed implements http.Cluster.
func (m memberships) Removed() bool { return m.cluster != nil && m.cluster.removed.Load() }

// Status implements http.Cluster.
func (m memberships) Status(context.Context) (s http.ClusterStatus) {
	members, err := m.replicas.Members()
	if err != nil {
		return s
	}
	if m.cluster == nil {
		own := m.replicas.Status()
		for _, x := range members {
			s.Members = append(s.Members, http.ClusterMember{
				Peer: http.Peer{Node: x.ID}, Address: x.Address, Voter: x.Voter, Role: own.Role, Version: version, Term: own.Term,
				Index: own.Applied, Seq: own.Seq, FullHash: own.FullHash, LogBytes: own.LogBytes, Ready: m.replicas.Live(),
			})
		}
		return s
	}
	s.Incarnation = m.cluster.incarnation()
	for _, x := range members {
		s.Members = append(s.Members, m.member(x))
	}
	return s
}

// member is one node as this one knows it.
func (m memberships) member(x replication.Member) http.ClusterMember {
	word, age, heard := m.cluster.roster.Of(x.ID)
	if !heard {
		age = -1
	}
	problem := m.cluster.roster.Problem(x.ID)
	if x.ID == m.cluster.node && m.Removed() {
		problem = "removed from the cluster, as its leader says: stop this node"
	}
	return memberOf(x, word, age, problem)
}

// memberOf is a node by its newest word and that word's age, negative for none. How far it had come stays true; what it was and
// did is the past once it is silent.
func memberOf(x replication.Member, word roster.Info, age time.Duration, problem string) http.ClusterMember {
	c := http.ClusterMember{
		Peer: http.Peer{Node: x.ID, HTTP: word.HTTP, FIX: word.FIX}, Address: x.Address, Voter: x.Voter,
		Role: word.Role, Version: word.Version, Term: word.Term, Index: word.Applied, Seq: word.Command,
		FullHash: word.FullHash, LogBytes: word.LogBytes, Ready: word.Live, Heard: age, Problem: problem,
	}
	if age < 0 || age > roster.Silence {
		c.Role, c.Ready = "", false
	}
	return c
}

// Add implements http.Cluster.
func (m memberships) Add(_ context.Context, node, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%q is not HOST:PORT of a peer port: %w", address, err)
	}
	return m.change(func() error { return m.replicas.AddLearner(node, address) })
}

// Promote implements http.Cluster.
func (m memberships) Promote(_ context.Context, node string) error {
	return m.change(func() error { return m.replicas.Promote(node) })
}

// Remove implements http.Cluster.
func (m memberships) Remove(_ context.Context, node string) error {
	return m.change(func() error { return m.replicas.Remove(node) })
}

// Transfer implements http.Cluster. There is nothing to do for the node that leads.
func (m memberships) Transfer(_ context.Context, node string) error {
	if m.cluster != nil && node == m.cluster.node && m.replicas.Ready() {
		return nil
	}
	return m.change(func() error { return m.replicas.Transfer(node) })
}

func (m memberships) change(do func() error) error {
	if m.cluster == nil {
		return errAlone
	}
	return do()
}

// copyAll makes the parts of a backup. Whoever reads it may be slow, and other copies are made meanwhile.
func (m memberships) copyAll(in func(name string) string) (info replication.BackupInfo, err error) {
	m.copies.Lock()
	defer m.copies.Unlock()
	return m.replicas.Backup(in(backupCore), func() error {
		_, err := m.history.Checkpoint(in(storeHistory))
		if err == nil {
			_, err = m.outbox.Checkpoint(in(storeFix))
		}
		return err
	})
}

// Backup implements http.Cluster: the core with the history and the FIX store of the same moment, as an archive.
func (m memberships) Backup(_ context.Context, w io.Writer) error {
	if err := os.MkdirAll(m.dir.spool(), 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(m.dir.spool(), "backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	info, err := m.copyAll(in)
	if err != nil {
		return err
	}
	a := archive.NewWriter(w)
	errs := []error{a.SetInfo(info), a.AddFile("genesis.json", m.dir.genesis())}
	for _, name := range []string{backupCore, storeHistory, storeFix} {
		errs = append(errs, a.AddTree(name, in(name)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return a.Close()
}

// sinceLeader is the age of the leader's last word in milliseconds; negative when there has been none.
func sinceLeader(d time.Duration) int64 {
	const never = 24 * time.Hour
	if d >= never {
		return -1
	}
	return d.Milliseconds()
}
