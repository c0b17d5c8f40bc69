package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// Transport carries raft's messages between nodes. It differs from raft's own network transport in what that one is known
// to do wrong or cannot do:
//
//   - Heartbeats go through raft's main loop. SetHeartbeatHandler does nothing (hashicorp/raft issue 695: on the fast path
//     they race with the loop, and nodes commit different values).
//   - There is no pipeline. Raft's can stop for good when a follower refuses an entry, for instance after its disk stalled,
//     while heartbeats go on, so that nobody notices (issue 612). An entry is a whole batch here and at most two are under
//     way: there is next to nothing for a pipeline to overlap.
//   - A snapshot is written to a file by the connection's goroutine, and raft's main loop sees it when it is whole, so that
//     the node votes and answers heartbeats all the while. See spool.go for what happens then.
//   - A request that failed on a connection from earlier is repeated once on a new one: after a restart of the other node,
//     a vote is not lost on a dead connection. All requests that this is done for may be received twice.
//   - A node that is back gets entries when it answers heartbeats again, not when raft's back-off is over.
//   - Each connection is to the node that was meant, and each message from the node that it says.
type Transport struct {
	port     *Port
	consumer chan raft.RPC
	route    atomic.Pointer[route]
	ctx      context.Context // ends when the transport is closed
	cancel   context.CancelFunc
	window   window
	stall    time.Duration // StallTimeout; tests have less time

	mu       sync.Mutex
	idle     map[target][]*link
	links    map[*link]struct{}                   // all that are open
	answers  map[target]chan struct{}             // closed by the next answer to a heartbeat, where somebody waits
	at       map[raft.ServerID]raft.ServerAddress // where a node has answered a heartbeat last
	spooling *spooling
}

var (
	_ raft.Transport   = (*Transport)(nil)
	_ raft.WithPreVote = (*Transport)(nil)
	_ raft.WithClose   = (*Transport)(nil)
)

// target is a node at an address.
type target struct {
	id      raft.ServerID
	address raft.ServerAddress
}

// link is an outgoing connection. One request is under way on it at a time.
type link struct {
	conn net.Conn
	to   target
	r    *bufio.Reader
	buf  []byte    // of the last request
	used time.Time // last
}

// route is the way of incoming requests to raft.
type route struct {
	consumer chan<- raft.RPC
	filter   func(*raft.RPC) (taken func(), pass bool) // nil: none
	left     chan struct{}                             // closed when there is another
}

const (
	linkBuffer = 16 << 10              // bytes
	holdTick   = 20 * time.Millisecond // between two looks at what is waited for
)

func newTransport(p *Port) *Transport {
	t := &Transport{
		port: p, consumer: make(chan raft.RPC), idle: make(map[target][]*link), links: make(map[*link]struct{}),
		answers: make(map[target]chan struct{}), at: make(map[raft.ServerID]raft.ServerAddress), stall: StallTimeout,
	}
	t.ctx, t.cancel = context.WithCancel(p.ctx)
	t.window.changed = make(chan struct{})
	t.route.Store(&route{consumer: t.consumer, left: make(chan struct{})})
	return t
}

// Consumer returns the channel of incoming requests.
func (t *Transport) Consumer() <-chan raft.RPC { return t.consumer }

// Relay lets incoming requests go to consumer from now on, in place of the channel that Consumer returns. Each goes to filter
// first, which may change it. It returns false where it answers the request itself, and otherwise what is to be called when
// the request was received from consumer, if it ever is. A filter may see a request more than once.
//
// What receives from consumer must be raft's main loop: whether it has taken a heartbeat decides who answers it.
func (t *Transport) Relay(consumer chan<- raft.RPC, filter func(*raft.RPC) (taken func(), pass bool)) {
	before := t.route.Swap(&route{consumer: consumer, filter: filter, left: make(chan struct{})})
	close(before.left)
}

// LocalAddr returns the address that others reach this node at.
func (t *Transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.port.cfg.Advertise) }

// EncodePeer returns an address as bytes.
func (t *Transport) EncodePeer(_ raft.ServerID, a raft.ServerAddress) []byte { return []byte(a) }

// DecodePeer returns the address of EncodePeer.
func (t *Transport) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

// SetHeartbeatHandler does nothing: heartbeats are not to overtake raft's main loop.
func (t *Transport) SetHeartbeatHandler(func(raft.RPC)) {}

// AppendEntriesPipeline returns raft.ErrPipelineReplicationNotSupported, and raft then waits for each answer.
func (t *Transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// AppendEntries sends entries, or a heartbeat. Entries beyond MaxAppend bytes are taken out of args: raft goes on behind
// the last one that is in it.
//
// Entries that do not arrive are kept here, and sent once the node answers a heartbeat, for as long as this node leads and
// MaxHold at most. Raft would wait after each failure, and after twelve of them for ten seconds, with no ear for
// heartbeats: a node that is back would not be there when the next one fails.
func (t *Transport) AppendEntries(id raft.ServerID, a raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	args.Entries = args.Entries[:cut(args.Entries)]
	to := target{id, a}
	if heartbeat(args) {
		err := t.call(to, args, resp, false)
		if err == nil {
			t.reached(to)
		}
		return err
	}
	for until := time.Now().Add(MaxHold); ; {
		answered := t.nextReached(to)
		err := t.call(to, args, resp, false)
		if said := new(remoteError); err == nil || errors.As(err, &said) || errors.Is(err, errFrame) || !t.hold(to, answered, until) {
			return err
		}
	}
}

// dialHeld makes a new connection, when the node answers heartbeats at the latest.
func (t *Transport) dialHeld(to target) (*link, error) {
	for until := time.Now().Add(MaxHold); ; {
		answered := t.nextReached(to)
		l, err := t.dial(to)
		if err == nil || !t.hold(to, answered, until) {
			return l, err
		}
	}
}

// hold waits until a node answers a heartbeat, and reports whether it did while this node leads. It does not wait for one that
// answers at another address by now: raft is to go there.
func (t *Transport) hold(to target, answered <-chan struct{}, until time.Time) bool {
	tick := time.NewTicker(holdTick)
	defer tick.Stop()
	for {
		// A tick passes in any case: what fails at once is not tried without a pause.
		select {
		case <-t.ctx.Done():
			return false
		case <-tick.C:
		}
		if !t.port.cfg.Leads() || time.Now().After(until) || t.moved(to) {
			return false
		}
		select {
		case <-answered:
			return true
		default:
		}
	}
}

// nextReached returns a channel that is closed at the next answer to a heartbeat.
func (t *Transport) nextReached(to target) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.answers[to]
	if c == nil {
		c = make(chan struct{})
		t.answers[to] = c
	}
	return c
}

func (t *Transport) reached(to target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[to.id] = to.address
	if c := t.answers[to]; c != nil {
		close(c)
		delete(t.answers, to)
	}
}

// moved reports whether a node has answered last at another address.
func (t *Transport) moved(to target) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, heard := t.at[to.id]
	return heard && at != to.address
}

// RequestVote asks for a vote.
func (t *Transport) RequestVote(id raft.ServerID, a raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return t.call(target{id, a}, args, resp, false)
}

// RequestPreVote asks whether a vote would be given.
func (t *Transport) RequestPreVote(id raft.ServerID, a raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.call(target{id, a}, args, resp, false)
}

// TimeoutNow lets a node stand for election. It goes out on a new connection, since it is not to be received twice.
func (t *Transport) TimeoutNow(id raft.ServerID, a raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return t.call(target{id, a}, args, resp, true)
}

// InstallSnapshot sends a snapshot. It takes as long as bytes flow, and waits for a node that cannot be reached as
// AppendEntries does.
func (t *Transport) InstallSnapshot(id raft.ServerID, a raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	l, err := t.dialHeld(target{id, a})
	if err != nil {
		return err
	}
	defer t.drop(l)
	if err := l.send(args, AppendTimeout); err != nil {
		return err
	}
	kind, err := l.receive(args, resp)
	if err != nil || kind != kindSend {
		return err
	}
	if err := l.stream(data, args.Size, t.stall); err != nil {
		// The other side may have said why it does not read on.
		_ = l.conn.SetReadDeadline(time.Now().Add(HeartbeatTimeout))
		said := new(remoteError)
		if _, why := l.receive(args, resp); errors.As(why, &said) {
			return why
		}
		return err
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(installPatience(args.Size))) // the read fails where it cannot be set
	kind, err = l.receive(args, resp)
	if err == nil && kind == kindSend {
		err = errFrame
	}
	return err
}

// Close ends the transport's connections, and with them what is under way. The port stays open.
func (t *Transport) Close() error {
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	for l := range t.links {
		giveUp(l.conn)
	}
	clear(t.idle)
	return nil
}

// patience is how long a request may take, as both sides know it.
func patience(m any, bytes int) time.Duration {
	a, ok := m.(*raft.AppendEntriesRequest)
	switch {
	case !ok:
		return VoteTimeout
	case len(a.Entries) == 0:
		return HeartbeatTimeout
	}
	return AppendTimeout + perMiB(AppendPerMiB, int64(bytes))
}

// installPatience is how long the installation of a snapshot of so many bytes may take.
func installPatience(bytes int64) time.Duration { return InstallTimeout + perMiB(InstallPerMiB, bytes) }

func perMiB(d time.Duration, bytes int64) time.Duration { return d * time.Duration(bytes>>20) }

// call sends a request and reads the answer.
func (t *Transport) call(to target, request, answer any, fresh bool) error {
	for {
		var l *link
		if !fresh {
			l = t.takeIdle(to)
		}
		again := l != nil
		if l == nil {
			var err error
			if l, err = t.dial(to); err != nil {
				return err
			}
		}
		err := l.send(request, 0)
		if err == nil {
			_, err = l.receive(request, answer)
		}
		if said := new(remoteError); err == nil || errors.As(err, &said) {
			t.keep(l)
			return err
		}
		t.drop(l)
		// What happened to one connection may have happened to the others.
		t.dropIdle(to)
		if timedOut := net.Error(nil); !again || errors.As(err, &timedOut) && timedOut.Timeout() {
			return err
		}
		fresh = true
	}
}

// takeIdle returns a connection from earlier, nil when there is none.
func (t *Transport) takeIdle(to target) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		idle := t.idle[to]
		if len(idle) == 0 {
			return nil
		}
		l := idle[len(idle)-1]
		idle[len(idle)-1] = nil
		t.idle[to] = idle[:len(idle)-1]
		if time.Since(l.used) < IdleTimeout/2 {
			return l
		}
		t.dropLocked(l)
	}
}

// keep gives a connection back for the next request.
func (t *Transport) keep(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil || len(t.idle[l.to]) >= MaxIdlePerNode {
		t.dropLocked(l)
		return
	}
	l.used = time.Now()
	t.idle[l.to] = append(t.idle[l.to], l)
}

func (t *Transport) drop(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropLocked(l)
}

func (t *Transport) dropLocked(l *link) {
	delete(t.links, l)
	giveUp(l.conn)
}

// giveUp closes a connection without a farewell: TLS would wait for seconds to say it to a node that does not read, and
// nothing could be sent to the others in the meantime.
func giveUp(c net.Conn) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	_ = c.Close()
}

// dropIdle lets go of all connections to a node that are not in use.
func (t *Transport) dropIdle(to target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.idle[to] {
		t.dropLocked(l)
	}
	delete(t.idle, to)
}

// dial makes a new connection.
func (t *Transport) dial(to target) (*link, error) {
	ctx, cancel := context.WithTimeout(t.ctx, DialTimeout)
	defer cancel()
	c, err := t.port.Dial(ctx, string(to.id), string(to.address), ServiceRaft)
	if err != nil {
		if refusal := new(Refusal); errors.As(err, &refusal) {
			t.port.log.warn("a node cannot be reached", "node", string(to.id), "address", string(to.address), "reason", refusal.Error())
		}
		return nil, err
	}
	l := &link{conn: c, to: to, r: bufio.NewReaderSize(c, linkBuffer)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		giveUp(c)
		return nil, raft.ErrTransportShutdown
	}
	t.links[l] = struct{}{}
	return l, nil
}

// send writes a request. The deadline that it sets is for the answer too; wait 0: the request's own.
func (l *link) send(request any, wait time.Duration) (err error) {
	if l.buf, err = encode(l.buf, request); err != nil {
		return err
	}
	if wait == 0 {
		wait = patience(request, len(l.buf))
	}
	if err := l.conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	_, err = l.conn.Write(l.buf)
	return err
}

// receive reads the answer to a request. kindSend is returned for an Install alone.
func (l *link) receive(request, answer any) (uint8, error) {
	kind, n, err := readHead(l.r)
	if err != nil {
		return 0, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(l.r, body); err != nil {
		return 0, err
	}
	asked := l.buf[0]
	switch {
	case kind == kindFailed:
		return kind, failure(body)
	case kind == asked|kindAnswer:
		return kind, decode(body, answer)
	case kind == kindSend && asked == kindInstall && n == 0:
		return kind, nil
	}
	return 0, fmt.Errorf("%w: kind %d answers %T", errFrame, kind, request)
}

// stream writes size bytes of data, each piece within the time-out.
func (l *link) stream(data io.Reader, size int64, stall time.Duration) error {
	buf := make([]byte, streamPiece)
	for size > 0 {
		n, err := data.Read(buf[:min(size, streamPiece)])
		if n > 0 {
			if err := l.conn.SetWriteDeadline(time.Now().Add(stall)); err != nil {
				return err
			}
			if _, err := l.conn.Write(buf[:n]); err != nil {
				return err
			}
			size -= int64(n)
		}
		if err != nil && size > 0 {
			return fmt.Errorf("the snapshot ends %d bytes early: %w", size, err)
		}
	}
	return nil
}
