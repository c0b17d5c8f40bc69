package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// errBusy is the answer to a request that raft did not take in the time that the sender waits.
var errBusy = errors.New("the node is busy")

// serve answers the requests of one connection. Only a connection that speaks something else is worth a line in the log.
func (t *Transport) serve(_ context.Context, from string, c net.Conn) {
	stop := context.AfterFunc(t.ctx, func() { _ = c.Close() })
	defer stop()
	r := bufio.NewReaderSize(c, 4*linkBuffer)
	var out []byte
	for {
		request, n, err := readRequest(c, r, from)
		if err != nil {
			if errors.Is(err, errFrame) {
				t.port.log.warn("the peer port ended a connection", "node", from, "service", ServiceRaft, "reason", err)
			}
			return
		}
		var answer any
		switch m := request.(type) {
		case *raft.InstallSnapshotRequest:
			answer, err = t.install(c, r, from, m)
		case *raft.AppendEntriesRequest:
			answer, err = t.append(m, n)
		default:
			answer, err = t.pass(m, nil, patience(m, n))
		}
		if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			out, err = encode(out, answer)
		}
		if err != nil {
			out = failed(out, err)
		}
		if err := c.SetWriteDeadline(time.Now().Add(HeartbeatTimeout)); err != nil {
			return
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// readRequest reads the next request, and its size in bytes.
func readRequest(c net.Conn, r *bufio.Reader, from string) (any, int, error) {
	if err := c.SetReadDeadline(time.Now().Add(IdleTimeout)); err != nil {
		return nil, 0, err
	}
	kind, n, err := readHead(r)
	if err != nil {
		return nil, 0, err
	}
	request := newRequest(kind)
	if request == nil {
		return nil, 0, fmt.Errorf("%w: kind %d", errFrame, kind)
	}
	if err := c.SetReadDeadline(time.Now().Add(AppendTimeout + perMiB(AppendPerMiB, int64(n)))); err != nil {
		return nil, 0, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, 0, err
	}
	if err := decode(body, request); err != nil {
		return nil, 0, err
	}
	// A node speaks for itself alone.
	if h := request.(raft.WithRPCHeader).GetRPCHeader(); string(h.ID) != from {
		return nil, 0, fmt.Errorf("%w: a message of %q from %s", errFrame, h.ID, from)
	}
	return request, n, nil
}

// pass hands a request to raft's main loop and waits for the answer. wait bounds how long raft may take to look at it:
// after that the sender has given up, and an old heartbeat would count as a new one.
func (t *Transport) pass(m any, r io.Reader, wait time.Duration) (any, error) {
	return t.await(m, r, wait, nil)
}

// await is pass, given up as well when the channel is closed: then it returns nil and nil.
func (t *Transport) await(m any, r io.Reader, wait time.Duration, change <-chan struct{}) (any, error) {
	answers := make(chan raft.RPCResponse, 1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for offered := false; !offered; {
		rpc, way, taken := raft.RPC{Command: m, Reader: r, RespChan: answers}, t.route.Load(), func() {}
		if way.filter != nil {
			pass := false
			if taken, pass = way.filter(&rpc); !pass {
				break
			}
		}
		select {
		case way.consumer <- rpc:
			taken()
			offered = true
		case <-way.left:
		case <-change:
			return nil, nil
		case <-timer.C:
			return nil, errBusy
		case <-t.ctx.Done():
			return nil, raft.ErrTransportShutdown
		}
	}
	select {
	case a := <-answers:
		return a.Response, a.Error
	case <-t.ctx.Done():
		return nil, raft.ErrTransportShutdown
	}
}

// append hands entries or a heartbeat to raft, or answers the heartbeat where raft cannot.
func (t *Transport) append(m *raft.AppendEntriesRequest, bytes int) (any, error) {
	wait := patience(m, bytes)
	if !heartbeat(m) {
		return t.pass(m, nil, wait)
	}
	deadline := time.Now().Add(wait)
	for {
		change, open := t.window.covers(m.Term, m.ID)
		if open {
			t.port.count(func(s *Stats) { s.Heartbeats++ })
			return &raft.AppendEntriesResponse{
				RPCHeader: raft.RPCHeader{
					ProtocolVersion: m.ProtocolVersion, ID: []byte(t.port.cfg.NodeID), Addr: []byte(t.port.cfg.Advertise),
				},
				Term: m.Term, Success: true,
			}, nil
		}
		if a, err := t.await(m, nil, time.Until(deadline), change); a != nil || err != nil {
			return a, err
		}
	}
}

// heartbeat reports whether a request says nothing but who leads: raft's own definition.
func heartbeat(m *raft.AppendEntriesRequest) bool {
	return m.Term != 0 && m.PrevLogEntry == 0 && m.PrevLogTerm == 0 && len(m.Entries) == 0 && m.LeaderCommitIndex == 0
}

// window is the time in which raft's main loop is busy with a snapshot of one leader and one term, and heartbeats of that
// leader and term are answered for it.
//
// That is safe, unlike a fast path at all times: term, vote and leader change in the main loop alone, and all through the
// window it is inside InstallSnapshot, for which it has accepted that very term and leader. A heartbeat's answer says
// nothing but that, so that it is the answer that the loop would give. The loop itself opens the window, with its first
// read of the snapshot behind its check of the term, and closes it before it answers; see spooled.
//
// It matters when the leader's other followers are away: the lease is kept by this one's answers.
type window struct {
	mu      sync.Mutex
	of      *spooled      // the snapshot that is being installed; nil: the window is closed
	changed chan struct{} // closed when the window opens
}

// covers reports whether the window is open for a term and leader; if not, the channel is closed when it opens again.
func (w *window) covers(term uint64, leader []byte) (<-chan struct{}, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed, w.of != nil && w.of.term == term && w.of.leader == string(leader)
}

func (w *window) begin(s *spooled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = s
	close(w.changed)
	w.changed = make(chan struct{})
}

// end closes the window where it is that of s.
func (w *window) end(s *spooled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == s {
		w.of = nil
	}
}
