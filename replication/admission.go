package replication

import "uncross/engine/wire"

// Submit hands a command to the sequencer. It never blocks, and copies *c. TimeNs is set by the sequencer. An error
// means that the command is certainly not applied; nil means that its events, or a call of Config.Refused, will follow.
//
// Cancels are shed last: the last places of the input ring are theirs, and a lag of the readers that stops new commands
// (half of the event ring) does not yet stop them (three quarters). Session messages come between the two: a session must
// be told that the venue is busy, and yet a flood of such answers must not take the places of the cancels.
func (n *Node) Submit(c *wire.Command) error {
	// Counted, so that Close knows when no more can come.
	n.submitting.Add(1)
	defer n.submitting.Add(-1)
	switch n.gate.Load() {
	case gateStarting:
		return ErrNotReady
	case gateFollowing:
		return ErrNotLeader
	case gateClosed:
		return ErrClosed
	case gateFailed:
		return ErrFailed
	}
	if !c.Kind.Known() {
		return ErrUnknownCommand
	}
	reserve, lag := n.cfg.CancelReserve, uint64(n.cfg.EventCapacity/2)
	switch {
	case cancels(c.Kind):
		reserve, lag = 0, uint64(n.cfg.EventCapacity/4*3)
	case c.Kind == wire.CmdSessionMessage:
		reserve, lag = reserve/2, uint64(n.cfg.EventCapacity/8*5)
	}
	if n.events.LosslessLag() >= lag || !n.input.TryPush(c, reserve) {
		return ErrBusy
	}
	return nil
}

// cancels reports whether a command takes orders out: what a client in trouble needs most.
func cancels(k wire.CommandKind) bool {
	return k == wire.CmdCancelOrder || k == wire.CmdCancelAll || k == wire.CmdMassCancel
}
