package replication

import (
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/internal/ring"
)

// keepEvents is how many events the buffer of one entry may hold on to; a larger one, after a mass cancel, is let go.
const keepEvents = 1 << 16

// fsm is raft's state machine: the engine and its way out. Its goroutine is the engine thread.
type fsm struct {
	engine  *engine.Engine
	events  *ring.Broadcast[wire.Event]
	skip    map[uint64]bool
	node    *Node
	out     []wire.Event
	stopped bool // the node has failed; nothing is applied any more

	mu    sync.Mutex
	state State
}

// State is what the engine thread tells about itself after every entry.
type State struct {
	Applied      uint64 // raft index of the last entry applied
	Seq          uint64 // number of the last command
	TimeNs       int64  // engine time
	FullHash     uint64
	BusinessHash uint64
	Dropped      uint64 // batches that this process dropped after a gap
	Skipped      uint64 // entries left out by Config.Skip
}

// Apply applies one committed entry and publishes its events. The result is nil, or the error that ended the node.
func (f *fsm) Apply(l *raft.Log) any {
	if f.stopped || f.node.failed() != nil {
		f.stopped = true // this entry is passed over: no snapshot may claim it
		return ErrFailed
	}
	if l.Index <= f.engine.Applied() {
		return nil // the snapshot has it
	}
	if f.skip[l.Index] {
		f.node.cfg.Logger.Warn("entry left out, as configured", "index", l.Index, "term", l.Term, "contents", describe(l.Data))
		leaveOutEntry(f.engine, l)
		f.report(0, 1)
		return nil
	}
	before := f.engine.Seq()
	if err := f.apply(l); err != nil {
		f.stopped = true
		f.node.fatal(err)
		return err
	}
	f.engine.SetApplied(l.Index)
	dropped := uint64(0)
	if len(f.out) == 0 && f.engine.Seq() == before {
		dropped = f.dropped(l)
	}
	// The state is told before the events: whoever has seen a command's event finds it in Status.
	f.report(dropped, 0)
	f.events.Publish(f.out)
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

// dropped tells the callers of a batch that the engine dropped, and returns 1 if it was one.
func (f *fsm) dropped(l *raft.Log) uint64 {
	b, body, err := wire.DecodeBatch(l.Data)
	if err != nil || b.Count == 0 {
		return 0
	}
	f.node.cfg.Logger.Warn("batch dropped after a gap", "index", l.Index, "term", b.Term, "sequence", b.Sequence, "commands", b.Count)
	if f.node.live.Load() { // while the log is replayed, nobody waits for these
		var c wire.Command
		for len(body) > 0 {
			if body, err = wire.DecodeCommand(&c, body); err != nil {
				break
			}
			f.node.cfg.Refused(c.Origin, ErrNotApplied)
		}
	}
	return 1
}

// report makes the engine's state visible to others.
func (f *fsm) report(dropped, skipped uint64) {
	full, business := f.engine.Hashes()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Applied, f.state.Seq, f.state.TimeNs = f.engine.Applied(), f.engine.Seq(), f.engine.Now()
	f.state.FullHash, f.state.BusinessHash = full, business
	f.state.Dropped += dropped
	f.state.Skipped += skipped
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

// Snapshot freezes the engine's state; writing it happens beside further entries.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if f.stopped {
		return nil, ErrFailed
	}
	return &frozen{image: f.engine.Freeze(), seq: f.engine.Seq(), node: f.node}, nil
}

// Restore is called only when another node's snapshot was installed while this one was running: at a start the engine
// is restored before raft begins. Raft v1.8.0 can then loop over a divergent tail of the log (hashicorp/raft issue 697);
// a restart from the snapshot, which is on disk by now, is safe and simple.
func (f *fsm) Restore(r io.ReadCloser) error {
	f.stopped = true
	f.node.fatal(ErrRestart)
	return ErrRestart
}
