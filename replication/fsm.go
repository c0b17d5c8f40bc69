package replication

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/internal/ring"
)

// keepEvents is how many events the buffer of one entry may hold on to; a larger one, after a mass cancel, is let go.
const keepEvents = 1 << 16

// fsm is raft's state machine: the engine and its way out. Its goroutine is the engine thread.
type fsm struct {
	engine   *engine.Engine
	events   *ring.Broadcast[wire.Event]
	skip     map[uint64]bool
	node     *Node
	out      []wire.Event
	hashes   hashes
	compared uint64
	stopped  atomic.Bool // the node has failed; nothing is applied any more
	back     heldBack

	published atomic.Uint64 // raft index of the last entry whose events are out

	mu    sync.Mutex
	state State
}

// errDropped is the result of a batch that the engine dropped after a gap. The sequencer tells its callers, where they
// are this process's.
var errDropped = errors.New("dropped after a gap")

// State is what the engine thread tells about itself after every entry.
type State struct {
	Applied      uint64 // raft index of the last entry applied
	Seq          uint64 // number of the last command
	TimeNs       int64  // engine time
	FullHash     uint64
	BusinessHash uint64
	Dropped      uint64 // batches that this process dropped after a gap
	Skipped      uint64 // entries left out by Config.Skip
	Compared     uint64 // entries before which this process's hash was compared with the leader's, and was the same
}

// Apply applies one committed entry and publishes its events, or holds it back. The result is nil, or the error that ended
// the node.
func (f *fsm) Apply(l *raft.Log) any {
	if f.back.hold(l.Index) {
		return nil
	}
	return f.take(l)
}

// take applies an entry. It is called by raft's goroutine, and by release as long as that one holds back.
func (f *fsm) take(l *raft.Log) any {
	if f.stopped.Load() || f.node.failed() != nil {
		f.stopped.Store(true) // this entry is passed over: no snapshot may claim it
		return ErrFailed
	}
	if l.Index <= f.engine.Applied() {
		return nil // the snapshot has it
	}
	if f.skip[l.Index] {
		f.node.cfg.Logger.Warn("entry left out, as configured", "index", l.Index, "term", l.Term, "contents", describe(l.Data))
		leaveOutEntry(f.engine, l)
		f.report(0, 1)
		f.published.Store(l.Index)
		return nil
	}
	compared, err := f.hashes.check(l)
	if err != nil {
		f.stopped.Store(true)
		f.node.fatal(err)
		return err
	}
	if compared {
		f.compared++
	}
	before := f.engine.Seq()
	if err := f.apply(l); err != nil {
		f.stopped.Store(true)
		f.node.fatal(err)
		return err
	}
	f.engine.SetApplied(l.Index)
	dropped := uint64(0)
	if len(f.out) == 0 && f.engine.Seq() == before {
		dropped = f.dropped(l)
	}
	if n := f.node; n.live.Load() && n.raft.State() != raft.Leader {
		if _, commit := n.ear.word(); l.Index >= commit { // and not one of many that this node has missed
			n.pace.note(f.engine.Now(), n.cfg.Elapsed())
		}
	}
	// The state is told before the events: whoever has seen a command's event finds it in Status.
	f.report(dropped, 0)
	f.events.Publish(f.out)
	f.published.Store(l.Index)
	if dropped > 0 {
		return errDropped
	}
	return nil
}

// apply runs the engine over an entry.
func (f *fsm) apply(l *raft.Log) (err error) {
	if cap(f.out) > keepEvents {
		f.out = nil
	}
	f.out, err = applyEntry(f.engine, l, f.out[:0])
	return err
}

// applyEntry runs the engine over an entry and turns whatever goes wrong into an error that says where, and what the
// operator can do.
func applyEntry(e *engine.Engine, l *raft.Log, out []wire.Event) (_ []wire.Event, err error) {
	before := e.Seq()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine failed on entry %d (term %d), at command %d, number %d of %s: %v\n%s\n%s",
				l.Index, l.Term, e.Seq(), e.Seq()-before, describe(l.Data), r, wayOut(l.Index), debug.Stack())
		}
	}()
	out, err = e.ApplyBatch(l.Data, out)
	if err != nil {
		return out, fmt.Errorf("entry %d (term %d) cannot be decoded, after command %d: %w\n%s", l.Index, l.Term, before, err, wayOut(l.Index))
	}
	return out, nil
}

// leaveOutEntry passes over an entry of Config.Skip. The engine still counts the batch, as an empty one: those that
// follow it in its term were acknowledged and must not look as if they came after a gap.
func leaveOutEntry(e *engine.Engine, l *raft.Log) {
	if b, _, err := wire.DecodeBatch(l.Data); err == nil {
		b.Count = 0
		if _, err := e.ApplyBatch(b.AppendHeader(nil), nil); err != nil {
			panic(err) // an empty batch can always be decoded
		}
	}
	e.SetApplied(l.Index)
}

func wayOut(index uint64) string {
	return fmt.Sprintf("Nothing of this entry has been answered. Every start will stop here until the entry is left out: put %d on the skip list of every node, and start again.", index)
}

func describe(data []byte) string {
	b, _, err := wire.DecodeBatch(data)
	if err != nil {
		return "an unreadable batch"
	}
	return fmt.Sprintf("%d in batch %d of leader term %d", b.Count, b.Sequence, b.Term)
}

// dropped returns 1 for a batch that the engine dropped.
func (f *fsm) dropped(l *raft.Log) uint64 {
	b, _, err := wire.DecodeBatch(l.Data)
	if err != nil || b.Count == 0 {
		return 0
	}
	f.node.cfg.Logger.Warn("batch dropped after a gap", "index", l.Index, "term", b.Term, "sequence", b.Sequence, "commands", b.Count)
	return 1
}

// report makes the engine's state visible to others.
func (f *fsm) report(dropped, skipped uint64) {
	full, business := f.engine.Hashes()
	f.hashes.add(f.engine.Applied(), full)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Applied, f.state.Seq, f.state.TimeNs = f.engine.Applied(), f.engine.Seq(), f.engine.Now()
	f.state.FullHash, f.state.BusinessHash = full, business
	f.state.Dropped += dropped
	f.state.Skipped += skipped
	f.state.Compared = f.compared
}

func (f *fsm) current() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// publishImage publishes the whole state, from which readers build their views.
func (f *fsm) publishImage() {
	var c engine.ImageCursor
	for more := true; more; {
		f.out, more = f.engine.AppendImage(&c, f.out[:0])
		f.events.Publish(f.out)
	}
}

// StoreConfiguration implements raft.ConfigurationStore, with nothing to do: raft then counts entries that change the
// membership as applied, and a snapshot may follow one at once.
func (f *fsm) StoreConfiguration(uint64, raft.Configuration) {}

// Snapshot freezes the engine's state; writing it happens beside further entries.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	switch {
	case f.stopped.Load():
		return nil, ErrFailed
	case f.node.holding.Load():
		return nil, errHolding
	}
	return &frozen{image: f.engine.Freeze(), seq: f.engine.Seq(), node: f.node}, nil
}

// Restore is not called: at a start the engine is restored before raft begins, and guardedSink.Close ends a node that another one's
// snapshot was installed on. It is here for a store that would not ask.
func (f *fsm) Restore(io.ReadCloser) error { return f.restart() }

// restart ends the node when another one's snapshot is on disk. Raft v1.8.0 can otherwise loop over a divergent tail of the log
// (hashicorp/raft issue 697); a restart from the snapshot is safe and simple. It comes at once, and raft's main loop does not go
// on: it would empty a log that has no gaps and still believe in the entries that were behind the snapshot, and panic when
// one of them is committed before the restart. The leader gets no answer; see covers for what it does then.
func (f *fsm) restart() error {
	f.stopped.Store(true)
	f.node.fatal(ErrRestart) // of a process, the end
	<-f.node.stop
	return ErrRestart
}
