package http

import (
	"context"
	"errors"
	"io"
	"time"

	"uncross/engine/wire"
)

// This file is what a node of a cluster says of the others: where the leader is, to whom commands go that came to the wrong
// node, and the operators' routes for members.

// Cluster is the nodes that this one is one of. All methods may be called from many goroutines; those with a context end
// with it.
type Cluster interface {
	// Leader returns where clients reach the leader, as far as this node knows; ok is false while there is none.
	Leader() (p Peer, ok bool)
	// Removed reports whether the venue's leader has said that this node is no member any more. It still serves what it has, and
	// says of itself that it is not to be asked.
	Removed() bool
	// Status returns every member as this node knows it.
	Status(ctx context.Context) ClusterStatus
	// Add takes a node in as a learner. Like what follows it is done by the leader alone, and one change at a time; an
	// error that Config.Refusal does not know is shown to the operator as it is.
	Add(ctx context.Context, node, address string) error
	// Promote gives a learner a vote.
	Promote(ctx context.Context, node string) error
	// Remove takes a node out.
	Remove(ctx context.Context, node string) error
	// Transfer hands leadership over; node "": to any other voter.
	Transfer(ctx context.Context, node string) error
	// Backup writes a whole copy of the venue, as an archive.
	Backup(ctx context.Context, w io.Writer) error
}

// Peer is where clients reach a node. An address is empty where it is not known or not offered.
type Peer struct {
	Node string `json:"node"`
	HTTP string `json:"http,omitempty"` // such as http://10.0.0.1:8080
	FIX  string `json:"fix,omitempty"`  // host:port
}

// ClusterStatus is a cluster as one node knows it.
type ClusterStatus struct {
	Incarnation string // of the cluster: its founders, or a restored backup; empty: one node has begun it
	Members     []ClusterMember
}

// ClusterMember is one node of a cluster.
type ClusterMember struct {
	Peer
	Address  string // that the nodes reach it at
	Voter    bool
	Role     string // leader, follower, candidate; empty while nothing is heard of it
	Version  string // of its program
	Term     uint64
	Index    uint64 // raft index of its last applied entry
	Seq      uint64 // number of its last applied command
	FullHash uint64 // after Seq
	LogBytes int64
	Ready    bool          // it serves reads
	Heard    time.Duration // since it said this, also long ago; negative: it never has
	Problem  string        // what is wrong with it, in words; empty: nothing that is known
}

type clusterAnswer struct {
	ClusterID   string         `json:"cluster_id"`
	Incarnation string         `json:"incarnation,omitempty"`
	Node        string         `json:"node"`             // that answers
	Leading     bool           `json:"leading"`          // it takes commands
	Leader      *Peer          `json:"leader,omitempty"` // as far as it knows
	Members     []memberAnswer `json:"members"`
}

type memberAnswer struct {
	Peer
	Address  string `json:"address"`
	Voter    bool   `json:"voter"`
	Role     string `json:"role,omitempty"`
	Ready    bool   `json:"ready"`
	HeardMs  *int64 `json:"heard_ms,omitempty"` // since it told the rest; absent: it has not
	Term     string `json:"term"`
	Index    string `json:"index"`
	Command  string `json:"command"`
	FullHash string `json:"full_hash"`
	LogBytes string `json:"log_bytes"`
	Version  string `json:"version,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// showCluster handles GET /v1/admin/cluster. It is answered also while there is no leader: then it is needed most.
func showCluster(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if q.s.cluster == nil {
		return nil, alone()
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.s.limits.Status)
	defer cancel()
	c := q.s.cluster.Status(ctx)
	v := q.s.view.Status()
	a := clusterAnswer{ClusterID: hexText(v.ClusterID[:]), Incarnation: c.Incarnation, Node: q.s.node, Leading: q.s.core.Leading(), Members: []memberAnswer{}}
	if p, ok := q.s.cluster.Leader(); ok {
		a.Leader = &p
	}
	for i := range c.Members {
		a.Members = append(a.Members, memberText(&c.Members[i]))
	}
	return a, nil
}

func memberText(m *ClusterMember) memberAnswer {
	a := memberAnswer{
		Peer: m.Peer, Address: m.Address, Voter: m.Voter, Role: m.Role, Ready: m.Ready, Term: id(m.Term), Index: id(m.Index), Command: id(m.Seq),
		FullHash: hash(m.FullHash), LogBytes: id(uint64(m.LogBytes)), Version: m.Version, Problem: m.Problem,
	}
	if m.Heard >= 0 {
		ms := m.Heard.Milliseconds()
		a.HeardMs = &ms
	}
	return a
}

// removed reports whether this node was taken out of the cluster.
func (s *Server) removed() bool { return s.cluster != nil && s.cluster.Removed() }

func alone() *Error { return refuse(NotOffered, "this node is not set up as one of a cluster") }

// clusterChange answers a change of the cluster that was made.
type clusterChange struct {
	Change string `json:"change"`
	Node   string `json:"node,omitempty"`
}

// change makes a change of the cluster, which the leader alone does.
func (q *request) change(what, node string, do func(ctx context.Context, c Cluster) error) (any, *Error) {
	s := q.s
	switch {
	case s.cluster == nil:
		return nil, alone()
	case s.stopping.Load():
		return nil, refuse(ShuttingDown, "")
	case !s.core.Leading():
		return nil, s.notLeading()
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.limits.Change)
	defer cancel()
	err := do(ctx, s.cluster)
	if err == nil {
		s.log.Info("the cluster was changed by an operator", "change", what, "node", node, "key", q.key.ID)
		return clusterChange{what, node}, nil
	}
	s.log.Info("a change of the cluster was asked for and not made", "change", what, "node", node, "key", q.key.ID, "error", err)
	reason := ChangeRefused
	if errors.Is(err, context.DeadlineExceeded) {
		reason = OutcomeUnknown
	}
	if reason = s.reasonOf(err, reason); reason == NotLeader {
		return nil, s.refuse(reason)
	}
	return nil, refuse(reason, err.Error())
}

// node reads the name of a node.
func (f *fields) node(needed bool) string {
	n := f.optional("node")
	switch {
	case n == "" && needed:
		f.keep(refuseField(MissingField, "node", ""))
	case len(n) > wire.MaxTextLength:
		f.keep(refuseField(InvalidValue, "node", "at most "+itoa(wire.MaxTextLength)+" characters"))
	}
	return n
}

// addMember handles POST /v1/admin/cluster/members: the node becomes a learner.
func addMember(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	node, address := f.node(true), f.text("address")
	if err := f.done(); err != nil {
		return nil, err
	}
	return q.change("added", node, func(ctx context.Context, c Cluster) error { return c.Add(ctx, node, address) })
}

// promoteMember handles POST /v1/admin/cluster/members/{node}/promote.
func promoteMember(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	node := q.params[0]
	return q.change("promoted", node, func(ctx context.Context, c Cluster) error { return c.Promote(ctx, node) })
}

// removeMember handles DELETE /v1/admin/cluster/members/{node}.
func removeMember(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	node := q.params[0]
	return q.change("removed", node, func(ctx context.Context, c Cluster) error { return c.Remove(ctx, node) })
}

// transferLeadership handles POST /v1/admin/cluster/transfer.
func transferLeadership(q *request) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	node := f.node(false)
	if err := f.done(); err != nil {
		return nil, err
	}
	return q.change("transferred", node, func(ctx context.Context, c Cluster) error { return c.Transfer(ctx, node) })
}
