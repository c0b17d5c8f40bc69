package replication

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// ear stands between a transport and raft and takes down what raft does not tell: when and how far a leader was heard
// of, and on the leader when and how far each other node answered. It changes what raft does in these things: candidates
// are heard whom this node does not know yet (introduce), snapshots that this node has are answered (covers), what a deposed
// leader still sends is dropped (fromItsTerm), as is what raft would panic over (known), requests from before this node's log
// begin where its snapshot ends (behind), and there is no pipeline. Raft's can wedge after a follower's stall (hashicorp/raft
// issue 612), and with whole batches as entries, MaxInFlight of them under way, there is nothing that it would hasten.
type ear struct {
	raft.Transport
	now      func() time.Duration
	consumer chan raft.RPC
	quit     chan struct{}
	covers   func(*raft.InstallSnapshotRequest) *raft.InstallSnapshotResponse // see Node.covers
	behind   func(*raft.AppendEntriesRequest) *raft.AppendEntriesRequest      // see Node.behind
	servers  func() []raft.Server                                             // this node's configuration
	lost     func(id raft.ServerID, had, has uint64)                          // a node has fewer entries than it has confirmed; may be nil

	heard atomic.Int64 // when a leader last spoke, by now; 0: never

	mu     sync.Mutex
	term   uint64 // newest that a leader spoke of
	commit uint64 // greatest commit index that a leader of that term told; 0: none yet
	peers  map[raft.ServerID]progress
}

// relayer is a transport that hands requests to raft itself: each goes to filter, and where that returns true to consumer,
// and once raft has received it, taken is called. The ear cannot see when raft receives: it would have to take each request
// before, and a transport that looks at whether raft has taken one would be told so too early.
type relayer interface {
	Relay(consumer chan<- raft.RPC, filter func(*raft.RPC) (taken func(), pass bool))
}

// progress is what a leader knows of another node.
type progress struct {
	term  uint64        // in which this was heard
	match uint64        // last index that it is known to have; 0: not known
	at    time.Duration // of its last answer, by ear.now
}

// preVoteEar is an ear on a transport with pre-vote, which raft finds by the method.
type preVoteEar struct {
	*ear
	raft.WithPreVote
}

// newEar returns the ear on t, and the transport that raft is to be given. Leaders of terms before term are not listened to.
func newEar(t raft.Transport, now func() time.Duration) (*ear, raft.Transport) {
	e := &ear{Transport: t, now: now, consumer: make(chan raft.RPC), quit: make(chan struct{}), peers: make(map[raft.ServerID]progress)}
	if v, ok := t.(raft.WithPreVote); ok {
		return e, preVoteEar{e, v}
	}
	return e, e
}

// run passes on what others ask of this node until quit is closed.
func (e *ear) run() {
	if r, ok := e.Transport.(relayer); ok {
		r.Relay(e.consumer, e.meet)
		return
	}
	for {
		select {
		case rpc := <-e.Transport.Consumer():
			taken, pass := e.meet(&rpc)
			if !pass {
				continue
			}
			select {
			case e.consumer <- rpc:
				taken()
			case <-e.quit:
				return
			}
		case <-e.quit:
			return
		}
	}
}

// meet looks at a request on its way to raft, and returns false for one that raft need not see. Of the others, taken is to be
// called when raft has received it.
func (e *ear) meet(rpc *raft.RPC) (taken func(), pass bool) {
	if err := errors.Join(fromItsTerm(rpc.Command), known(rpc.Command)); err != nil {
		go respond(rpc, raft.RPCResponse{Error: err})
		return nil, false
	}
	rpc.Command = e.introduce(rpc.Command)
	switch c := rpc.Command.(type) { // not looked at when it is taken: then the sender may use it again
	case *raft.AppendEntriesRequest:
		term, commit := c.Term, c.LeaderCommitIndex
		rpc.Command = e.behind(c)
		return func() { e.listen(term, commit) }, true
	case *raft.InstallSnapshotRequest:
		term := c.Term
		if resp := e.covers(c); resp != nil {
			e.listen(term, 0)
			go respond(rpc, raft.RPCResponse{Response: resp})
			return nil, false
		}
		return func() { e.listen(term, 0) }, true
	}
	return func() {}, true
}

// respond answers a request in raft's place, when what comes behind it in the same stream can be read.
func respond(rpc *raft.RPC, answer raft.RPCResponse) {
	if rpc.Reader != nil {
		if _, err := io.Copy(io.Discard, rpc.Reader); err != nil {
			answer.Error = errors.Join(answer.Error, err)
		}
	}
	rpc.RespChan <- answer
}

// errDeposed is what becomes of a request that no leader of its term can have made.
var errDeposed = errors.New("a request of one term with what was written in a later one: its leader was deposed while it made it")

// fromItsTerm returns an error for a leader's request with something from a later term than its own. Raft's replicator reads
// log and snapshots without looking whether its node still leads, and by then they may be the next leader's. A node that
// took such a snapshot would remember a term before that of its own data.
func fromItsTerm(command any) error {
	var term, of uint64
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		term, of = c.Term, c.PrevLogTerm
		if n := len(c.Entries); n > 0 {
			of = max(of, c.Entries[n-1].Term)
		}
	case *raft.InstallSnapshotRequest:
		term, of = c.Term, c.LastLogTerm
	}
	if of > term {
		return errDeposed
	}
	return nil
}

// known returns an error for a request with something that raft would panic over, some of it when it is on disk already and at
// every start from then on: a node of another version may have sent it.
func known(command any) (err error) {
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		for _, l := range c.Entries {
			switch l.Type {
			case raft.LogCommand, raft.LogNoop, raft.LogBarrier:
			case raft.LogConfiguration:
				if _, err = decodeConfiguration(l.Data); err != nil {
					return fmt.Errorf("entry %d: %w", l.Index, err)
				}
			default:
				return fmt.Errorf("entry %d is of the unknown type %d", l.Index, l.Type)
			}
		}
	case *raft.InstallSnapshotRequest:
		_, err = decodeConfiguration(c.Configuration)
	}
	return err
}

// introduce lets a candidate be judged by its term and its log alone. Raft v1.8.0 refuses one that is no voter in the
// configuration of the node that is asked; but that node may be the one that has not heard of the change yet, and then a
// majority with sound disks may never find a leader: the only candidate whose log is long enough is unknown to it. The Raft
// paper (4.1) has servers vote for candidates that are not in their configuration. The id is used for that check alone, a
// vote is kept by address, so that a voter's takes its place. A node that was removed does not disturb: pre-votes and
// votes are refused while there is a leader.
func (e *ear) introduce(command any) any {
	var header raft.RPCHeader
	switch c := command.(type) {
	case *raft.RequestVoteRequest:
		header = c.RPCHeader
	case *raft.RequestPreVoteRequest:
		header = c.RPCHeader
	default:
		return command
	}
	var voter []byte
	for _, s := range e.servers() {
		if s.Suffrage != raft.Voter {
			continue
		}
		if string(s.ID) == string(header.ID) {
			return command
		}
		voter = []byte(s.ID)
	}
	if voter == nil {
		return command
	}
	header.ID = voter
	switch c := command.(type) { // copies: the sender may still have the request
	case *raft.RequestVoteRequest:
		as := *c
		as.RPCHeader = header
		return &as
	case *raft.RequestPreVoteRequest:
		as := *c
		as.RPCHeader = header
		return &as
	}
	return command
}

// listen takes down the word of a leader; commit 0: it did not tell.
func (e *ear) listen(term, commit uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if term < e.term {
		return // deposed; raft will not listen either
	}
	if term > e.term {
		e.term, e.commit = term, 0
	}
	e.commit = max(e.commit, commit)
	e.heard.Store(max(int64(e.now()), 1))
}

// atLeast makes the ear deaf to leaders of terms before term.
func (e *ear) atLeast(term uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.term = max(e.term, term)
}

// word returns the newest term of a leader and the commit index that it told.
func (e *ear) word() (term, commit uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.term, e.commit
}

// others returns what is known of the other nodes by a leader of the given term.
func (e *ear) others(term uint64) map[raft.ServerID]progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := maps.Clone(e.peers)
	maps.DeleteFunc(m, func(_ raft.ServerID, p progress) bool { return p.term != term })
	return m
}

// Consumer implements raft.Transport.
func (e *ear) Consumer() <-chan raft.RPC { return e.consumer }

// AppendEntriesPipeline implements raft.Transport: there is none.
func (e *ear) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// errCut tells raft that what it read of the log is not what there was.
var errCut = errors.New("the log was cut while entries were read from it")

// AppendEntries implements raft.Transport. Raft reads the entry before a request's entries and then these, and the log may be
// cut in between: a request with what guard.GetLog puts in an entry's place is not sent, and raft begins anew.
func (e *ear) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if slices.ContainsFunc(args.Entries, substitute) {
		return errCut
	}
	if err := fromItsTerm(args); err != nil {
		return err
	}
	err := e.Transport.AppendEntries(id, target, args, resp)
	if err != nil || resp.Term > args.Term {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.peers[id]
	if p.term != args.Term {
		p = progress{term: args.Term}
	}
	if resp.Success && args.PrevLogEntry > 0 {
		p.match = max(p.match, args.PrevLogEntry+uint64(len(args.Entries)))
	}
	if !resp.Success && resp.LastLog < p.match {
		if e.lost != nil {
			e.lost(id, p.match, resp.LastLog)
		}
		p.match = resp.LastLog
	}
	p.at = e.now()
	e.peers[id] = p
	return nil
}

// forget forgets how far a node is that is no member any more: one of its name may come without data.
func (e *ear) forget(id raft.ServerID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.peers, id)
}

// InstallSnapshot implements raft.Transport.
func (e *ear) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	if err := fromItsTerm(args); err != nil {
		return err
	}
	return e.Transport.InstallSnapshot(id, target, args, resp, data)
}

// Close implements raft.WithClose for transports that have it.
func (e *ear) Close() error {
	if c, ok := e.Transport.(raft.WithClose); ok {
		return c.Close()
	}
	return nil
}
