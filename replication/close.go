package replication

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
)

const closePoll = time.Millisecond

// Close ends the node: no command is taken any more, what is under way comes to its end, leadership goes to another voter
// that answers, raft stops, and the event ring closes behind the last event, so that its readers drain it. It takes no
// snapshot, and the log store stays open for its owner to close. It returns the error that the node failed with, if it
// did. It may be called more than once.
func (n *Node) Close() error {
	n.closing.Do(func() { n.closed = n.close() })
	return n.closed
}

func (n *Node) close() error {
	n.gate.Store(gateClosed)
	if !n.up.Load() {
		close(n.stop)
		n.events.Close()
		return n.failed()
	}
	n.officeMu.Lock()
	n.tell(false)
	n.officeMu.Unlock()
	n.until(func() bool {
		_, _, lead := n.reigning()
		o := n.office.Load()
		return !lead || o == nil || o.submitting.Load() == 0 && n.drained()
	})
	n.bequeath()
	close(n.stop)
	close(n.seq.stop)
	<-n.seq.stopped
	err := n.stopRaft()
	close(n.ear.quit)
	close(n.seq.abandon)
	n.waitEnding()
	n.events.Close()
	n.refuseRest()
	return errors.Join(n.failed(), err)
}

// bequeath hands the leadership over before this node ends, so that nobody has to wait for an election. Without anybody
// to take it, or when it takes too long, the others elect one.
func (n *Node) bequeath() {
	o := n.office.Load()
	if o == nil || n.cfg.single() || n.failed() != nil || n.raft.State() != raft.Leader || !n.drained() || !n.changing.TryLock() {
		return
	}
	defer n.changing.Unlock()
	members, _ := n.configuration()
	to, err := n.successor(members, "")
	if err == nil {
		err = n.handOver(o, to)
	}
	if err != nil {
		n.cfg.Logger.Info("leadership is left to an election", "reason", err)
	}
}

// until waits for a condition, at most Config.DrainTimeout, and reports whether it came.
func (n *Node) until(done func() bool) bool {
	for deadline := time.Now().Add(n.cfg.DrainTimeout); !done(); time.Sleep(closePoll) {
		if n.failed() != nil || time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// stopRaft stops raft. What is being sent is broken off, since raft waits for it: a snapshot may take minutes. An engine
// thread that waits for a lossless reader which reads no more is let go by closing the ring; those events come again after
// a restart.
func (n *Node) stopRaft() error {
	done := make(chan error, 1)
	go func() {
		f := n.raft.Shutdown() // from here on raft begins nothing new
		err := n.ear.Close()
		done <- errors.Join(f.Error(), err)
	}()
	for range 2 {
		timeout := time.NewTimer(n.cfg.DrainTimeout)
		select {
		case err := <-done:
			timeout.Stop()
			return err
		case <-timeout.C:
			n.events.Close()
		}
	}
	return fmt.Errorf("raft did not stop within %s", 2*n.cfg.DrainTimeout)
}

// waitEnding waits for the node's goroutines. One that publishes what was held back, to a lossless reader which reads no more, is
// let go by closing the ring, as raft's is.
func (n *Node) waitEnding() {
	ended := make(chan struct{})
	go func() {
		n.ending.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(n.cfg.DrainTimeout):
		n.events.Close()
		<-ended
	}
}

// refuseRest answers what is still in the input ring.
func (n *Node) refuseRest() {
	buf := make([]wire.Command, 64)
	for k := n.input.Drain(buf); k > 0; k = n.input.Drain(buf) {
		n.seq.refuse(buf[:k], ErrNotApplied)
	}
}
