package replication

import (
	"errors"
	"fmt"
	"time"

	"uncross/engine/wire"
)

const closePoll = time.Millisecond

// Close ends the node: no command is taken any more, what is under way comes to its end, raft stops, and the event ring
// closes behind the last event, so that its readers drain it. It takes no snapshot, and the log store stays open for its
// owner to close. It returns the error that the node failed with, if it did. It may be called more than once.
func (n *Node) Close() error {
	n.closing.Do(func() { n.closed = n.close() })
	return n.closed
}

func (n *Node) close() error {
	n.gate.Store(gateClosed)
	n.until(func() bool { return n.submitting.Load() == 0 })
	if !n.up.Load() {
		close(n.stop)
		n.events.Close()
		return n.failed()
	}
	n.until(func() bool {
		_, _, lead := n.leading()
		return !lead || n.input.Len() == 0 && n.seq.inFlight() == 0
	})
	close(n.stop)
	close(n.seq.stop)
	<-n.seq.stopped
	err := n.stopRaft()
	close(n.seq.abandon)
	n.ending.Wait()
	n.events.Close()
	n.refuseRest()
	return errors.Join(n.failed(), err)
}

// until waits for a condition, at most Config.DrainTimeout.
func (n *Node) until(done func() bool) {
	for deadline := time.Now().Add(n.cfg.DrainTimeout); !done() && n.failed() == nil && time.Now().Before(deadline); {
		time.Sleep(closePoll)
	}
}

// stopRaft stops raft. An engine thread that waits for a lossless reader which reads no more is let go by closing the
// ring; those events come again after a restart.
func (n *Node) stopRaft() error {
	done := make(chan error, 1)
	go func() { done <- n.raft.Shutdown().Error() }()
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

// refuseRest answers what is still in the input ring.
func (n *Node) refuseRest() {
	buf := make([]wire.Command, 64)
	for k := n.input.Drain(buf); k > 0; k = n.input.Drain(buf) {
		n.seq.refuse(buf[:k], ErrNotApplied)
	}
}
