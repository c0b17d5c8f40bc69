package replication

import (
	"github.com/hashicorp/raft"

	"uncross/engine/wire"
)

// Submit hands a command to the sequencer. It never blocks, and copies *c. TimeNs is set by the sequencer. An error
// means that the command is certainly not applied; nil means that its events, or a call of Config.Refused, will follow.
//
// Cancels are shed last: the last places of the input ring are theirs, and a lag of the readers that stops new commands
// (half of the event ring) does not yet stop them (three quarters). Session messages come between the two: a session must
// be told that the venue is busy, and yet a flood of such answers must not take the places of the cancels.
func (n *Node) Submit(c *wire.Command) error { return n.submit(c, anyEra) }

// anyEra, in the place of a command's time while it waits for the sequencer, is one that may be applied in any era; any
// other number there is its era.
const anyEra = 0

// Era returns the number of the present era: a stretch of commands of which none that was taken has been left out. It is
// over when this node loses or takes office, and when a command that had been taken is refused or dropped. Whoever needs
// that none of his commands is applied unless all before it are, gives the era in which he began to SubmitIn.
func (n *Node) Era() uint64 {
	if !n.up.Load() {
		return 0
	}
	return n.seq.era.Load()
}

// SubmitIn is Submit for a command that is applied in the given era or not at all. When the era is over, ErrNotApplied is
// returned or told to Config.Refused.
func (n *Node) SubmitIn(era uint64, c *wire.Command) error {
	if era == anyEra {
		return ErrNotApplied
	}
	return n.submit(c, int64(era))
}

func (n *Node) submit(c *wire.Command, era int64) error {
	o := n.office.Load()
	if o == nil {
		return n.shut()
	}
	// Counted, so that whoever ends the reign knows when no more can come. The gate is looked at after that.
	o.submitting.Add(1)
	defer o.submitting.Add(-1)
	if n.gate.Load() != gateOpen || n.office.Load() != o || n.raft.State() != raft.Leader {
		return n.shut()
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
	if n.events.LosslessLag() >= lag {
		return ErrBusy
	}
	own := *c
	own.TimeNs = era
	if !n.input.TryPush(&own, reserve) {
		return ErrBusy
	}
	return nil
}

// shut returns why no command is taken.
func (n *Node) shut() error {
	switch n.gate.Load() {
	case gateClosed:
		return ErrClosed
	case gateFailed:
		return ErrFailed
	case gateStarting:
		if id, _ := n.Leader(); id == "" || id == n.cfg.NodeID {
			return ErrNotReady
		}
	}
	return ErrNotLeader
}

// cancels reports whether a command takes orders out: what a client in trouble needs most.
func cancels(k wire.CommandKind) bool {
	return k == wire.CmdCancelOrder || k == wire.CmdCancelAll || k == wire.CmdMassCancel
}
