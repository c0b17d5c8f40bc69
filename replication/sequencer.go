package replication

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
	"uncross/internal/ring"
)

// proposer is the part of raft that the sequencer uses.
type proposer interface {
	ApplyLog(log raft.Log, timeout time.Duration) raft.ApplyFuture
}

// sequencer makes entries of commands: one goroutine that drains the input ring and proposes, and one that watches the
// futures in order. No timer holds a batch back; batches fill by themselves while two entries are under way.
type sequencer struct {
	input   *ring.MPSC[wire.Command]
	to      proposer
	lead    func() (term uint64, applied State, ok bool) // whether this node leads, since which term, and what it has applied
	lost    func(term uint64)                            // raft did not take an entry of the term, or gave it up
	refused func(wire.Origin, error)
	fatal   func(error)
	stamp   *stamper
	logger  *slog.Logger
	// untimely is called whenever the clock is not believed: another node's may be right. nil: there is none
	untimely func()
	most     int // commands in an entry

	stop    chan struct{}
	stopped chan struct{} // the proposing goroutine has ended
	abandon chan struct{} // closed when raft has stopped: a future that is still open stays so

	free    chan *proposal // those not under way; MaxInFlight exist
	watched chan *proposal // under way, in order

	// The proposing goroutine's own.
	buf     []wire.Command
	pending []wire.Command // drained and not yet proposed
	term    uint64         // term of the last batch
	next    uint64         // sequence of the next batch in that term

	holding    atomic.Bool   // there may be commands between the input ring and the entries under way
	missed     atomic.Uint64 // lowest sequence of this term that certainly never was proposed; 0: none
	era        atomic.Uint64 // see Node.Era
	clockWrong atomic.Bool   // the last reading of the clock was not believed
	batches    atomic.Uint64
	commands   atomic.Uint64
	refusals   atomic.Uint64
}

// proposal is one entry under way.
type proposal struct {
	future    raft.ApplyFuture
	term, seq uint64
	origins   []wire.Origin // of its commands
}

func newSequencer(input *ring.MPSC[wire.Command], to proposer, most int, stamp *stamper) *sequencer {
	s := &sequencer{
		input: input, to: to, most: most, stamp: stamp,
		stop: make(chan struct{}), stopped: make(chan struct{}), abandon: make(chan struct{}),
		free: make(chan *proposal, MaxInFlight), watched: make(chan *proposal, MaxInFlight),
		buf: make([]wire.Command, most),
	}
	for range MaxInFlight {
		s.free <- &proposal{origins: make([]wire.Origin, 0, most)}
	}
	return s
}

// run proposes until stop is closed. What is then left in the input ring stays there.
func (s *sequencer) run() {
	defer close(s.stopped)
	defer close(s.watched)
	for {
		if len(s.pending) == 0 {
			s.holding.Store(false)
			if !s.input.Wait(s.stop) {
				return
			}
		}
		// The place first, the commands then: what comes in while two entries are under way is in the batch.
		p := s.place()
		if p == nil {
			s.refuse(s.pending, ErrNotApplied)
			return
		}
		if len(s.pending) == 0 {
			s.holding.Store(true)
			s.pending = s.buf[:s.input.Drain(s.buf)]
		}
		if !s.propose(p) {
			s.free <- p
		}
	}
}

// place waits until fewer than MaxInFlight entries are under way. It returns nil when it is told to stop.
func (s *sequencer) place() *proposal {
	select {
	case p := <-s.free:
		return p
	case <-s.stop:
		return nil
	}
}

// idle waits until every entry but the one in hand is settled.
func (s *sequencer) idle() bool {
	var others [MaxInFlight - 1]*proposal
	for i := range others {
		if others[i] = s.place(); others[i] == nil {
			return false
		}
	}
	for _, p := range others {
		s.free <- p
	}
	return true
}

// propose makes one entry of the front of pending. It returns false when there is nothing under way from it: refused,
// or stopped.
func (s *sequencer) propose(p *proposal) bool {
	term, applied, ok := s.lead()
	if !ok {
		s.refusePending(ErrNotApplied)
		return false
	}
	if term != s.term || s.missed.Load() != 0 {
		// Sequences begin anew with a term. And a batch that never was proposed leaves a gap, which its successor must
		// fill; every replica has dropped what was proposed in between.
		if !s.idle() {
			s.refusePending(ErrNotApplied)
			return false
		}
		if now, _, ok := s.lead(); !ok || now != term {
			s.refusePending(ErrNotApplied) // lost while waiting
			return false
		}
		missed := s.missed.Swap(0)
		if term != s.term {
			s.term, s.next = term, 1
			s.stamp.begin(applied.TimeNs)
		} else if missed != 0 {
			s.next = missed
		}
	}
	if s.refuseStale(); len(s.pending) == 0 {
		return false
	}
	now, err := s.stamp.now()
	if err != nil {
		if !s.clockWrong.Swap(true) {
			s.logger.Error("commands are refused until the clock is right, or a start with the operator's word that it is", "error", err)
		}
		if s.untimely != nil {
			s.untimely()
		}
		s.refusePending(ErrClockJump)
		return false
	}
	if s.clockWrong.Swap(false) {
		s.logger.Info("the clock is accepted again", "time", utc(now))
	}
	data, n := s.encode(now)
	p.term, p.seq, p.origins = s.term, s.next, p.origins[:0]
	for i := range s.pending[:n] {
		p.origins = append(p.origins, s.pending[i].Origin)
	}
	s.pending = s.pending[n:]
	s.next++
	s.batches.Add(1)
	s.commands.Add(uint64(n))
	p.future = s.to.ApplyLog(raft.Log{Data: data, Extensions: witness{applied.Applied, applied.FullHash}.encode()}, 0)
	s.watched <- p
	return true
}

// encode returns the entry of as many pending commands as fit, and their number. Raft and the log store keep the bytes,
// so that every entry has its own.
func (s *sequencer) encode(now int64) ([]byte, int) {
	size, n := wire.BatchHeaderSize, 0
	for n < len(s.pending) && n < s.most {
		more := s.pending[n].EncodedSize()
		if size+more > MaxBatchBytes {
			break
		}
		size += more
		n++
	}
	data := wire.Batch{Term: s.term, Sequence: s.next, Count: uint32(n)}.AppendHeader(make([]byte, 0, size))
	for i := range s.pending[:n] {
		s.pending[i].TimeNs = now
		data = wire.AppendCommand(data, &s.pending[i])
	}
	return data, n
}

// watch settles the entries in order until run has ended. Success needs no word here: the events are the answer.
func (s *sequencer) watch() {
	for p := range s.watched {
		s.settle(p, s.outcome(p.future))
		p.future = nil
		s.free <- p
	}
}

// outcome waits for a future. Raft leaves some unanswered when it shuts down.
func (s *sequencer) outcome(f raft.ApplyFuture) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		if failed, ok := f.Response().(error); err == nil && ok {
			if errors.Is(failed, errDropped) {
				return failed
			}
			return fmt.Errorf("%w: %w", raft.ErrRaftShutdown, failed) // committed, but this node has stopped applying
		}
		return err
	case <-s.abandon:
		return raft.ErrRaftShutdown
	}
}

// settle tells the callers of a failed entry what is known.
func (s *sequencer) settle(p *proposal, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errDropped):
		s.refuseOrigins(p.origins, ErrNotApplied)
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress), errors.Is(err, raft.ErrEnqueueTimeout):
		s.lost(p.term)
		if missed := s.missed.Load(); missed == 0 || p.seq < missed {
			s.era.Add(1)          // first: what fills the gap must not be of the same era
			s.missed.Store(p.seq) // only this goroutine sets it, and run takes it when nothing is under way
		}
		s.refuseOrigins(p.origins, ErrNotApplied)
	case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrAbortedByRestore), errors.Is(err, raft.ErrRaftShutdown):
		s.lost(p.term)
		s.refuseOrigins(p.origins, ErrUnknownOutcome)
	default:
		s.fatal(fmt.Errorf("batch %d of term %d was not stored: %w", p.seq, p.term, err))
		s.refuseOrigins(p.origins, ErrUnknownOutcome)
	}
}

// refuseStale refuses the pending commands that belong to an era that is over. Called behind everything that can end an
// era before this batch.
func (s *sequencer) refuseStale() {
	era := int64(s.era.Load())
	for i := range s.pending {
		if in := s.pending[i].TimeNs; in == anyEra || in == era {
			continue
		}
		kept := s.pending[:i]
		for _, c := range s.pending[i:] {
			if c.TimeNs == anyEra || c.TimeNs == era {
				kept = append(kept, c)
			} else {
				s.refusals.Add(1)
				s.refused(c.Origin, ErrNotApplied)
			}
		}
		s.pending = kept
		return
	}
}

func (s *sequencer) refusePending(err error) {
	s.era.Add(1)
	s.refuse(s.pending, err)
	s.pending = nil
}

func (s *sequencer) refuse(commands []wire.Command, err error) {
	s.refusals.Add(uint64(len(commands)))
	for i := range commands {
		s.refused(commands[i].Origin, err)
	}
}

func (s *sequencer) refuseOrigins(origins []wire.Origin, err error) {
	s.refusals.Add(uint64(len(origins)))
	for _, o := range origins {
		s.refused(o, err)
	}
}

// inFlight returns how many entries are under way.
func (s *sequencer) inFlight() int { return MaxInFlight - len(s.free) }
