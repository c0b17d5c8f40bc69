package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// The network's time-outs, in simulated time.
const (
	callTimeout     = 500 * time.Millisecond // of votes, entries and heartbeats
	transferTimeout = 5 * time.Second        // of a snapshot
	inboxDepth      = 64                     // messages that wait for raft's main loop
)

var (
	errTimeout = errors.New("sim: no answer in time")
	errRefused = errors.New("sim: connection refused or reset")
)

// quality is how well messages travel between two nodes.
type quality struct {
	lost, doubled int           // percent of messages
	late          int           // percent that take nearly as long as their senders wait
	least, most   time.Duration // delay of each direction
}

var goodNetwork = quality{least: 200 * time.Microsecond, most: time.Millisecond}

// network carries raft's messages between ports, badly. Every message travels in a goroutine of its own, so that messages
// overtake each other, and one whose sender has given up still arrives.
type network struct {
	trace *trace
	fail  func(format string, args ...any)
	bug   Bug // planted

	mu    sync.Mutex
	rng   *rand.Rand
	now   quality
	cut   map[[2]raft.ServerAddress]bool // by direction
	ports map[raft.ServerAddress]*port
	leads map[uint64]raft.ServerID             // who sent entries or heartbeats in a term
	stale []byte                               // a planted bug: the state of the first snapshot sent
	held  map[raft.ServerAddress]chan struct{} // a paused node's messages wait until it is closed
}

func newNetwork(seed uint64, tr *trace, fail func(string, ...any)) *network {
	return &network{
		trace: tr, fail: fail, rng: rand.New(rand.NewPCG(seed, 'n')), now: goodNetwork,
		cut:   make(map[[2]raft.ServerAddress]bool),
		ports: make(map[raft.ServerAddress]*port),
		leads: make(map[uint64]raft.ServerID),
		held:  make(map[raft.ServerAddress]chan struct{}),
	}
}

// port is one incarnation's way into the network: a raft.Transport.
type port struct {
	net   *network
	id    raft.ServerID
	addr  raft.ServerAddress
	inbox chan raft.RPC
	dead  chan struct{} // closed when the process ends: nothing leaves and nothing arrives any more

	mu    sync.Mutex
	beat  func(raft.RPC)
	ended bool
}

var (
	_ raft.Transport   = (*port)(nil)
	_ raft.WithPreVote = (*port)(nil)
)

// open makes the port of a new incarnation; an older one at the address must be dead.
func (n *network) open(id string) *port {
	p := &port{
		net: n, id: raft.ServerID(id), addr: raft.ServerAddress(id),
		inbox: make(chan raft.RPC, inboxDepth), dead: make(chan struct{}),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[p.addr] = p
	return p
}

// kill ends a port for good.
func (p *port) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		close(p.dead)
	}
}

func (n *network) setQuality(q quality) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = q
}

// block cuts or restores one direction.
func (n *network) block(from, to string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]raft.ServerAddress{raft.ServerAddress(from), raft.ServerAddress(to)}] = cut
}

// hold keeps back what a node sends and is sent; release lets it go.
func (n *network) hold(id string) (release func()) {
	until := make(chan struct{})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held[raft.ServerAddress(id)] = until
	return sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.held[raft.ServerAddress(id)] == until {
			delete(n.held, raft.ServerAddress(id))
		}
		close(until)
	})
}

// heal makes the network whole and good.
func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	n.now = goodNetwork
}

// fate is what becomes of one message, drawn when it is sent.
type fate struct {
	delay time.Duration
	lost  bool
}

func (n *network) draw() fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	q := n.now
	d := q.least
	if q.most > q.least {
		d += time.Duration(n.rng.Int64N(int64(q.most - q.least)))
	}
	if n.rng.IntN(100) < q.late {
		d += time.Duration(n.rng.Int64N(int64(callTimeout)))
	}
	return fate{delay: d, lost: n.rng.IntN(100) < q.lost}
}

// copies draws how many times a message arrives.
func (n *network) copies() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rng.IntN(100) < n.now.doubled {
		return 2
	}
	return 1
}

func (n *network) chance(percent int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rng.IntN(100) < percent
}

// travel takes a message from one place to the other and reports whether it arrives. What is on its way when its sender
// ends still arrives.
func (n *network) travel(from *port, to raft.ServerAddress) bool {
	if isClosed(from.dead) {
		return false
	}
	f := n.draw()
	for _, end := range []raft.ServerAddress{from.addr, to} {
		n.mu.Lock()
		held := n.held[end]
		n.mu.Unlock()
		if held != nil {
			<-held
		}
	}
	time.Sleep(f.delay)
	n.mu.Lock()
	defer n.mu.Unlock()
	return !f.lost && !n.cut[[2]raft.ServerAddress{from.addr, to}]
}

// at returns the live port of an address, or nil.
func (n *network) at(addr raft.ServerAddress) *port {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.ports[addr]
	if p == nil || isClosed(p.dead) {
		return nil
	}
	return p
}

// call sends a request and waits for its answer. make gives each copy of the request its own memory.
func (p *port) call(target raft.ServerAddress, timeout time.Duration, make func() raft.RPC) (any, error) {
	answers := newAnswers()
	for range p.net.copies() {
		rpc := make()
		go p.deliver(target, rpc, answers)
	}
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case a := <-answers:
		return a.Response, a.Error
	case <-limit.C:
		return nil, errTimeout
	case <-p.dead:
		return nil, errRefused
	}
}

func newAnswers() chan raft.RPCResponse { return make(chan raft.RPCResponse, 4) }

// deliver is one message's way there and its answer's way back.
func (p *port) deliver(target raft.ServerAddress, rpc raft.RPC, answers chan<- raft.RPCResponse) {
	n := p.net
	if !n.travel(p, target) {
		if n.chance(30) {
			answers <- raft.RPCResponse{Error: errRefused} // the connection is reset; otherwise nobody says anything
		}
		return
	}
	to := n.at(target)
	if to == nil {
		answers <- raft.RPCResponse{Error: errRefused}
		return
	}
	n.trace.message(p.id, to.id, rpc.Command)
	reply := make(chan raft.RPCResponse, 1)
	rpc.RespChan = reply
	if beat := to.heartbeat(rpc.Command); beat != nil {
		beat(rpc)
	} else {
		select {
		case to.inbox <- rpc:
		case <-to.dead:
			return
		}
	}
	select {
	case a := <-reply:
		if n.travel(to, p.addr) {
			answers <- a
		}
	case <-to.dead:
	}
}

// isHeartbeat tells heartbeats from other messages as raft does.
func isHeartbeat(message any) bool {
	r, ok := message.(*raft.AppendEntriesRequest)
	return ok && r.PrevLogEntry == 0 && r.PrevLogTerm == 0 && len(r.Entries) == 0 && r.LeaderCommitIndex == 0
}

// heartbeat returns the fast path for a heartbeat where it is planted.
func (p *port) heartbeat(command any) func(raft.RPC) {
	if p.net.bug != FastBeats {
		return nil
	}
	if !isHeartbeat(command) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.beat
}

// Consumer is where raft takes its messages from.
func (p *port) Consumer() <-chan raft.RPC { return p.inbox }

// LocalAddr is the port's address: the node's id.
func (p *port) LocalAddr() raft.ServerAddress { return p.addr }

// AppendEntriesPipeline is not offered: the venue's own transport offers none (hashicorp/raft issue 612).
func (p *port) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// leader notes who leads in a term. There is one for each.
func (n *network) leader(p *port, term uint64) {
	if isClosed(p.dead) {
		return
	}
	n.mu.Lock()
	other, known := n.leads[term]
	n.leads[term] = p.id
	n.mu.Unlock()
	if known && other != p.id {
		n.fail("%s and %s both lead in term %d", other, p.id, term)
	}
}

// AppendEntries sends entries or a heartbeat.
func (p *port) AppendEntries(_ raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	p.net.leader(p, args.Term)
	answer, err := p.call(target, callTimeout, func() raft.RPC {
		c := *args
		c.Entries = make([]*raft.Log, len(args.Entries))
		for i, l := range args.Entries {
			e := *l
			e.Data, e.Extensions = slices.Clone(l.Data), slices.Clone(l.Extensions)
			c.Entries[i] = &e
		}
		return raft.RPC{Command: &c}
	})
	return take(resp, answer, err)
}

// RequestVote asks for a vote.
func (p *port) RequestVote(_ raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	answer, err := p.call(target, callTimeout, func() raft.RPC { c := *args; return raft.RPC{Command: &c} })
	return take(resp, answer, err)
}

// RequestPreVote asks whether a vote would be given.
func (p *port) RequestPreVote(_ raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	answer, err := p.call(target, callTimeout, func() raft.RPC { c := *args; return raft.RPC{Command: &c} })
	return take(resp, answer, err)
}

// InstallSnapshot sends a snapshot. Some streams break before their end.
func (p *port) InstallSnapshot(_ raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	state, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	size := int64(len(state))
	if p.net.bug == NoTail {
		state = p.net.withoutTail(state)
		size = int64(len(state))
	}
	if p.net.chance(10) {
		state = state[:len(state)/2]
	}
	answer, err := p.call(target, transferTimeout, func() raft.RPC {
		c := *args
		c.Size = size
		return raft.RPC{Command: &c, Reader: bytes.NewReader(state)}
	})
	return take(resp, answer, err)
}

// withoutTail plants a bug: every snapshot has the state of the first one.
func (n *network) withoutTail(state []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stale == nil {
		n.stale = state
	}
	return n.stale
}

// TimeoutNow asks a node to stand for election at once.
func (p *port) TimeoutNow(_ raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	answer, err := p.call(target, callTimeout, func() raft.RPC { c := *args; return raft.RPC{Command: &c} })
	return take(resp, answer, err)
}

// take copies an answer to where raft wants it.
func take[T any](resp *T, answer any, err error) error {
	if err != nil {
		return err
	}
	a, ok := answer.(*T)
	if !ok {
		return fmt.Errorf("sim: an answer of type %T", answer)
	}
	*resp = *a
	return nil
}

// EncodePeer is the identity.
func (p *port) EncodePeer(_ raft.ServerID, addr raft.ServerAddress) []byte { return []byte(addr) }

// DecodePeer is the identity.
func (p *port) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

// SetHeartbeatHandler keeps the fast path, which is used only where the bug is planted.
func (p *port) SetHeartbeatHandler(f func(raft.RPC)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beat = f
}
