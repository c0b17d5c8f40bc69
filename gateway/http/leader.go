package http

import (
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"

	"uncross/engine/wire"
)

// This file is what is asked of this node and what it is to the others: who takes commands, and how far its answers are.

// The headers of answers that say whose they are and how far, and of a request, how far it must be.
const (
	HeaderNode       = "Uncross-Node"          // the node that answers
	HeaderApplied    = "Uncross-Applied"       // the answer has seen this command and all before it
	HeaderRole       = "Uncross-Role"          // "follower" where the node does not take commands
	HeaderLeaderAge  = "Uncross-Leader-Age-Ms" // on a follower: since it last heard of a leader
	HeaderLeader     = "Uncross-Leader"        // with not_leader: the leader's address
	HeaderMinApplied = "Uncross-Min-Applied"   // of a request: the answer must have seen this command
)

// RoleFollower is what a node says of itself that takes no commands.
const RoleFollower = "follower"

// follows reports whether this node serves reads and takes no commands.
func (s *Server) follows() bool { return s.cluster != nil && s.core.Ready() && !s.core.Leading() }

// Standing is what this node is among the venue's, for those who tell it otherwise than by headers.
type Standing struct {
	Node        string
	Follows     bool  // it takes no commands
	LeaderAgeMs int64 // on a follower: since a leader was last heard of; negative: none was
	Leader      *Peer // on a follower: where commands are taken; nil: not known
}

// Standing returns what this node is.
func (s *Server) Standing() Standing {
	st := Standing{Node: s.node, Follows: s.follows()}
	if !st.Follows {
		return st
	}
	st.LeaderAgeMs = s.core.Status().ContactMs
	if p, ok := s.cluster.Leader(); ok && p.Node != s.node {
		st.Leader = &p
	}
	return st
}

// notLeading says why this node takes no commands.
func (s *Server) notLeading() *Error {
	if s.cluster == nil || !s.core.Ready() {
		return refuse(NotReady, "")
	}
	return s.refuse(NotLeader)
}

// refuse makes an Error, and says with NotLeader where the leader is. A node that is about to lead and does not take commands
// yet is not ready: nobody is to be sent from it to itself.
func (s *Server) refuse(r wire.Reason) *Error {
	e := refuse(r, "")
	if r != NotLeader || s.cluster == nil {
		return e
	}
	p, ok := s.cluster.Leader()
	switch {
	case !ok:
		e.Detail = "the nodes are choosing a leader"
	case p.Node == s.node:
		return refuse(NotReady, "this node takes over")
	default:
		e.Leader = &p
	}
	return e
}

// sayWhere writes the headers that say which node answers.
func (s *Server) sayWhere(h *fasthttp.ResponseHeader) {
	h.Set(HeaderNode, s.node)
	if !s.follows() {
		return
	}
	h.Set(HeaderRole, RoleFollower)
	if age := s.core.Status().ContactMs; age >= 0 {
		h.Set(HeaderLeaderAge, strconv.FormatInt(age, 10))
	}
}

// reach waits until this node has what the request must see, and notes how far it is. The rest of what the handler waits for
// is bounded by what is left of Limits.ReadWait.
func (q *request) reach() *Error {
	if text := q.ctx.Request.Header.Peek(HeaderMinApplied); len(text) > 0 {
		n, err := parseNumber(string(text))
		if err != nil {
			return refuseField(InvalidValue, HeaderMinApplied, "the number of a command is needed")
		}
		q.least = n
		if !q.await(q.s.view.WaitFor, n) || !q.await(q.s.history.WaitFor, n) {
			return refuse(Behind, "applied here: "+id(q.s.view.Applied()))
		}
	}
	q.catchUp()
	q.seen(q.s.view.Applied())
	return nil
}

// seen notes that the answer has seen commands up to seq only. The least of what its parts have seen is what it says.
func (q *request) seen(seq uint64) {
	if !q.says || seq < q.applied {
		q.says, q.applied = true, seq
	}
}

// nonces remembers the greatest nonce of the logons that each key made here, for as long as a logon is valid. It is what
// refuses a recorded logon on a node that cannot put nonces into the log.
type nonces struct {
	mu    sync.Mutex
	begin uint64 // earlier ones may have been used here before this process began
	last  map[wire.KeyID]uint64
}

// take uses a nonce up, and reports whether it was fresh. Where the log is asked as well, it knows those of before this process.
func (n *nonces) take(k wire.KeyID, nonce uint64, log bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if nonce <= n.last[k] || !log && nonce <= n.begin {
		return false
	}
	n.last[k] = nonce
	return true
}

// purge forgets what is refused for its age by now.
func (n *nonces) purge(before uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for k, nonce := range n.last {
		if nonce < before {
			delete(n.last, k)
		}
	}
}
