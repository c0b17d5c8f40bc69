package replication

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// reign is a time in which this node takes commands: within one term of its leadership. Commands belong to the reign in
// which Submit took them. None is proposed in a later one, so that what a session sent after a command that was refused
// is never applied.
type reign struct {
	term       uint64
	submitting atomic.Int64 // calls of Submit that are under way
}

// barrierRetry is the pause between two tries to open order entry.
const barrierRetry = 10 * time.Millisecond

// The gates: what Submit does.
const (
	gateStarting int32 = iota
	gateFollowing
	gateOpen
	gateClosed
	gateFailed
)

// follow keeps the office in step with raft's leadership.
func (n *Node) follow() {
	for {
		select {
		case lead := <-n.raft.LeaderCh():
			if lead {
				n.takeOffice()
			} else {
				n.leave(n.office.Load())
			}
		case <-n.again:
			n.takeOffice()
		case <-n.stop:
			n.leave(n.office.Load())
			return
		}
	}
}

// takeOffice opens order entry once everything before is applied and read, and nothing of an earlier reign is left.
func (n *Node) takeOffice() {
	for n.raft.State() == raft.Leader {
		term := n.raft.CurrentTerm()
		if o := n.office.Load(); o != nil {
			if o.term == term {
				return
			}
			n.leave(o)
		}
		if n.holding.Load() {
			if err := n.passOn(); err != nil {
				n.cfg.Logger.Debug("this node leads, and serves nobody yet; no other one takes over", "reason", err)
			}
		} else if n.barrier() == nil && n.settled() && n.raft.CurrentTerm() == term {
			n.becomeLive()
			n.correctAddress()
			n.open(term)
			if n.office.Load() != nil {
				continue // it may be lost again by now
			}
		}
		// Leadership was lost, or is being handed over, or the node ends.
		select {
		case <-time.After(barrierRetry):
		case <-n.stop:
			return
		}
	}
}

// open opens order entry for a term.
func (n *Node) open(term uint64) {
	n.officeMu.Lock()
	defer n.officeMu.Unlock()
	if n.raft.State() != raft.Leader || n.raft.CurrentTerm() != term {
		return
	}
	n.seq.era.Add(1)                   // before the gate opens: what begins in the former era may be behind something refused
	n.office.Store(&reign{term: term}) // Submit looks at the gate last
	if !n.gate.CompareAndSwap(gateFollowing, gateOpen) {
		n.office.Store(nil) // closed or failed
		return
	}
	n.tell(true)
	s := n.fsm.current()
	n.cfg.Logger.Info("open for commands", "term", term, "applied", s.Applied, "command", s.Seq)
}

// leave ends a reign, if it is still this one: Submit takes nothing any more, and what it took is refused by the
// sequencer. After it has returned, Config.Refused may be called for the commands of that reign.
func (n *Node) leave(o *reign) {
	if o == nil {
		return
	}
	n.officeMu.Lock()
	defer n.officeMu.Unlock()
	if n.office.Load() != o {
		return
	}
	n.gate.CompareAndSwap(gateOpen, gateFollowing)
	n.tell(false)
	n.led.Store(max(int64(n.now()), 1))
	n.former.Store(o)
	n.office.Store(nil) // last: whoever finds no reign may refuse at once
}

// tell calls Config.Office when it is news. officeMu is held.
func (n *Node) tell(leading bool) {
	if n.told != leading {
		n.told = leading
		n.cfg.Office(leading)
	}
}

// lost is told by the sequencer that raft did not take, or gave up, an entry of a term.
func (n *Node) lost(term uint64) {
	if o := n.office.Load(); o != nil && o.term == term {
		n.leave(o)
	}
	n.retake()
}

// retake makes follow look whether this node still leads, and take office anew.
func (n *Node) retake() {
	select {
	case n.again <- struct{}{}:
	default:
	}
}

// reigning returns the reign, with the state that its entries bear witness of, and whether there is one.
func (n *Node) reigning() (term uint64, s State, ok bool) {
	o := n.office.Load()
	if o == nil {
		return 0, s, false
	}
	if n.raft.State() != raft.Leader || n.raft.CurrentTerm() != o.term || n.failed() != nil {
		n.leave(o)
		return 0, s, false
	}
	return o.term, n.fsm.current(), true
}

// Leading reports whether this node takes commands.
func (n *Node) Leading() bool { return n.gate.Load() == gateOpen && n.raft.State() == raft.Leader }

// barrier waits until the engine thread has applied everything before this moment.
func (n *Node) barrier() error { return n.wait(n.raft.Barrier(0)) }

// wait waits for a future of raft's. Raft leaves some unanswered when it shuts down, so that stop is watched as well.
func (n *Node) wait(f raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-n.stop:
		return ErrClosed
	}
}

// settled waits, as long as this node leads, until nothing of an earlier reign is left in the input ring and the lossless
// readers have taken what was applied.
func (n *Node) settled() bool {
	for n.raft.State() == raft.Leader {
		o := n.former.Load()
		if (o == nil || o.submitting.Load() == 0) && n.drained() && n.events.LosslessLag() == 0 {
			return true
		}
		select {
		case <-time.After(time.Millisecond):
		case <-n.stop:
			return false
		}
	}
	return false
}

// drained reports whether the sequencer has nothing before it. It stays so while Submit takes nothing.
func (n *Node) drained() bool {
	return n.input.Len() == 0 && !n.seq.holding.Load() && n.seq.inFlight() == 0
}
