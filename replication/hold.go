package replication

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// A node that was sent a snapshot may lack what its readers of events must have from before it, and fetching that from
// another node may take minutes. It is part of raft meanwhile: it has the log, and it votes, so that another node may fail.
// Only the engine waits. What is committed is held back, which costs nothing, since it is in the log; Start reads it from there.

// errHolding is why there is no snapshot of a node that has joined and not started.
var errHolding = errors.New("what is committed is held back until the node starts")

// Join joins raft before Start: the node votes and takes the log, and applies nothing. It is not Live, and where it is
// elected it hands the leadership on. Start then goes on from the state that Load has returned. To call it again does nothing.
func (n *Node) Join() error {
	switch {
	case n.started.Load():
		return errors.New("replication: Join called after Start")
	case n.joined.Swap(true):
		return nil
	}
	if _, err := n.Load(); err != nil {
		return err
	}
	n.holding.Store(true)
	n.fsm.back.on = true
	return n.join()
}

// heldBack is what raft has committed and the engine has not been given.
type heldBack struct {
	mu   sync.Mutex
	on   bool
	last uint64 // raft index of the last entry that was held back
}

// hold holds an entry back, and reports whether it did.
func (h *heldBack) hold(index uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.on {
		h.last = index
	}
	return h.on
}

// has reports whether the entry at index was held back. If not, nothing is from now on.
func (h *heldBack) has(index uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on = index <= h.last
	return h.on
}

// release applies what was held back, until raft's goroutine may go on with what follows.
func (n *Node) release() {
	next := n.fsm.engine.Applied() + 1
	if m := n.extent.snapshot; m != nil {
		next = max(next, m.Index+1) // behind its last command there may be entries of raft's own
	}
	for ; n.fsm.back.has(next); next++ {
		select {
		case <-n.stop:
			return
		default:
		}
		if n.fsm.stopped.Load() {
			return // whoever stopped it has said why
		}
		var l raft.Log
		if err := n.log.GetLog(next, &l); err != nil {
			n.fatal(fmt.Errorf("reading entry %d of the log, which was held back: %w", next, err))
			return
		}
		if l.Type == raft.LogCommand {
			n.fsm.take(&l) // an error ends the node
		}
	}
	n.holding.Store(false)
	n.retake()
}

// passOn hands the leadership to another node while this one holds back: it could not serve anybody. The next time is a
// heartbeat time-out later at the earliest, since the other one may be no better off.
func (n *Node) passOn() error {
	select {
	case <-time.After(n.passed + n.cfg.Timeouts.Heartbeat - n.now()):
	case <-n.stop:
		return ErrClosed
	}
	if n.raft.State() != raft.Leader || !n.holding.Load() {
		return nil
	}
	n.passed = n.now()
	if !n.changing.TryLock() {
		return ErrChanging
	}
	defer n.changing.Unlock()
	members, _ := n.configuration()
	to, err := n.successor(members, "")
	if err == nil {
		err = n.near(to, 0, 0)
	}
	if err == nil {
		err = n.transferTo(to)
	}
	return err
}
