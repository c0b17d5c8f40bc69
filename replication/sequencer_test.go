package replication

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/internal/ring"
)

// fakeRaft takes entries and lets the test decide what becomes of each.
type fakeRaft struct {
	mu      sync.Mutex
	futures []*fakeFuture
	term    atomic.Uint64 // 0: not the leader
}

type fakeFuture struct {
	data []byte
	done chan error
}

func (f *fakeFuture) Error() error  { return <-f.done }
func (f *fakeFuture) Response() any { return nil }
func (f *fakeFuture) Index() uint64 { return 0 }

func (r *fakeRaft) ApplyLog(l raft.Log, _ time.Duration) raft.ApplyFuture {
	f := &fakeFuture{l.Data, make(chan error, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.futures = append(r.futures, f)
	return f
}

func (r *fakeRaft) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.futures)
}

// entry waits for the entry number i and returns its header and commands.
func (r *fakeRaft) entry(t *testing.T, i int) (*fakeFuture, wire.Batch, []wire.Command) {
	t.Helper()
	await(t, "an entry", func() bool { return r.count() > i })
	r.mu.Lock()
	f := r.futures[i]
	r.mu.Unlock()
	h, body, err := wire.DecodeBatch(f.data)
	if err != nil {
		t.Fatal(err)
	}
	var all []wire.Command
	for len(body) > 0 {
		var c wire.Command
		if body, err = wire.DecodeCommand(&c, body); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if int(h.Count) != len(all) {
		t.Fatalf("entry %d says %d commands and has %d", i, h.Count, len(all))
	}
	return f, h, all
}

// bench is a sequencer with its surroundings faked.
type seqBench struct {
	*sequencer
	raft    *fakeRaft
	refused *refusals
	fatal   atomic.Pointer[error]
	clock   atomic.Int64
}

// newSeqBench must be called in a bubble.
func newSeqBench(t *testing.T, most int) *seqBench {
	b := &seqBench{raft: &fakeRaft{}, refused: newRefusals()}
	b.raft.term.Store(5)
	b.clock.Store(noon)
	stamp := &stamper{clock: b.clock.Load, elapsed: func() time.Duration { return 0 }, maxJump: time.Minute, maxPause: time.Hour}
	b.sequencer = newSequencer(ring.NewMPSC[wire.Command](1<<12), b.raft, most, stamp)
	b.sequencer.refused = b.refused.refused
	b.sequencer.fatal = func(err error) { b.fatal.Store(&err) }
	b.logger = slog.New(slog.DiscardHandler)
	b.lead = func() (uint64, State, bool) {
		term := b.raft.term.Load()
		return term, State{TimeNs: noon - 1}, term != 0
	}
	b.lost = func(uint64) {}
	go b.run()
	watched := make(chan struct{})
	go func() { defer close(watched); b.watch() }()
	t.Cleanup(func() {
		close(b.stop)
		<-b.stopped
		close(b.abandon)
		<-watched
		for _, f := range b.raft.futures {
			close(f.done) // nobody in the bubble may be left waiting
		}
	})
	return b
}

// push puts commands with the given origins into the ring.
func (b *seqBench) push(t *testing.T, from, to uint64) {
	t.Helper()
	for i := from; i <= to; i++ {
		var c wire.Command
		(&wire.Tick{}).Put(&c)
		c.Origin = wire.Origin{Node: 1, Seq: i}
		if !b.input.TryPush(&c, 0) {
			t.Fatal("the ring is full")
		}
	}
}

func expectBatch(t *testing.T, h wire.Batch, commands []wire.Command, term, seq, from, to uint64) {
	t.Helper()
	if h.Term != term || h.Sequence != seq {
		t.Fatalf("batch %d of term %d, want %d of term %d", h.Sequence, h.Term, seq, term)
	}
	if uint64(len(commands)) != to-from+1 {
		t.Fatalf("%d commands, want %d to %d", len(commands), from, to)
	}
	for i, c := range commands {
		if c.Origin.Seq != from+uint64(i) {
			t.Fatalf("command %d has origin %d, want %d", i, c.Origin.Seq, from+uint64(i))
		}
	}
}

func TestSequencerFillsBatchesWhileTwoAreUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 100)
		b.push(t, 1, 1)
		f0, h, cs := b.raft.entry(t, 0)
		expectBatch(t, h, cs, 5, 1, 1, 1)
		b.push(t, 2, 2)
		_, h, cs = b.raft.entry(t, 1)
		expectBatch(t, h, cs, 5, 2, 2, 2)
		b.push(t, 3, 250)
		synctest.Wait() // a third entry would show by now
		if n := b.raft.count(); n != MaxInFlight {
			t.Fatalf("%d entries under way, want %d", n, MaxInFlight)
		}
		f0.done <- nil
		_, h, cs = b.raft.entry(t, 2)
		expectBatch(t, h, cs, 5, 3, 3, 102)
		if cs[0].TimeNs != noon {
			t.Fatalf("stamped %d", cs[0].TimeNs)
		}
	})
}

func TestSequencerBoundsAnEntryInBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 4096)
		held, _, _ := func() (*fakeFuture, wire.Batch, []wire.Command) { b.push(t, 1, 1); return b.raft.entry(t, 0) }()
		b.push(t, 2, 2)
		second, _, _ := b.raft.entry(t, 1)
		var c wire.Command
		(&wire.AddInstrument{}).Put(&c)
		pushed := MaxBatchBytes/c.EncodedSize() + 10
		for range pushed {
			if !b.input.TryPush(&c, 0) {
				t.Fatal("the ring is full")
			}
		}
		held.done <- nil
		f, h, _ := b.raft.entry(t, 2)
		if len(f.data) > MaxBatchBytes || len(f.data)+c.EncodedSize() <= MaxBatchBytes {
			t.Fatalf("the entry has %d bytes", len(f.data))
		}
		second.done <- nil
		_, rest, _ := b.raft.entry(t, 3)
		if int(h.Count+rest.Count) != pushed || rest.Sequence != h.Sequence+1 {
			t.Fatalf("%d and %d commands, want %d together", h.Count, rest.Count, pushed)
		}
	})
}

// An entry that certainly never was proposed leaves a gap; its sequence is used again once nothing is under way.
func TestSequencerFillsTheGapOfAnEntryNeverProposed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 100)
		b.push(t, 1, 1)
		f0, _, _ := b.raft.entry(t, 0)
		b.push(t, 2, 2)
		f1, _, _ := b.raft.entry(t, 1)
		f0.done <- raft.ErrLeadershipTransferInProgress
		await(t, "the refusal", func() bool { return b.refused.count(ErrNotApplied) == 1 })
		b.push(t, 3, 4)
		synctest.Wait()
		if n := b.raft.count(); n != 2 {
			t.Fatalf("%d entries: one was proposed before the other was settled", n)
		}
		f1.done <- nil // proposed; every replica drops it, and the state machine tells its callers
		_, h, cs := b.raft.entry(t, 2)
		expectBatch(t, h, cs, 5, 1, 3, 4)
	})
}

func TestSequencerBeginsAnewInANewTerm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 100)
		b.push(t, 1, 1)
		f0, _, _ := b.raft.entry(t, 0)
		b.push(t, 2, 2)
		f1, _, _ := b.raft.entry(t, 1)
		b.raft.term.Store(0)
		f0.done <- raft.ErrLeadershipLost
		f1.done <- raft.ErrLeadershipLost
		await(t, "the refusals", func() bool { return b.refused.count(ErrUnknownOutcome) == 2 })
		b.push(t, 3, 5)
		await(t, "refusals without a leader", func() bool { return b.refused.count(ErrNotApplied) == 3 })
		b.raft.term.Store(7)
		b.push(t, 6, 6)
		_, h, cs := b.raft.entry(t, 2)
		expectBatch(t, h, cs, 7, 1, 6, 6)
	})
}

// The node hears that its leadership is gone before anybody is told that his command is.
func TestSequencerTellsTheLossFirst(t *testing.T) {
	for _, failure := range []error{raft.ErrLeadershipLost, raft.ErrNotLeader, raft.ErrLeadershipTransferInProgress, raft.ErrRaftShutdown} {
		var told []string
		s := newSequencer(nil, nil, 1, nil)
		s.lost = func(term uint64) { told = append(told, fmt.Sprint("lost ", term)) }
		s.refused = func(wire.Origin, error) { told = append(told, "refused") }
		s.settle(&proposal{term: 5, seq: 1, origins: []wire.Origin{{Node: 1, Seq: 1}}}, failure)
		if !slices.Equal(told, []string{"lost 5", "refused"}) {
			t.Errorf("%v: told %v", failure, told)
		}
	}
}

func TestSequencerStoreErrorIsFatal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 100)
		b.push(t, 1, 1)
		f, _, _ := b.raft.entry(t, 0)
		disk := errors.New("no space left on device")
		f.done <- disk
		await(t, "the refusal", func() bool { return b.refused.count(ErrUnknownOutcome) == 1 })
		if err := b.fatal.Load(); err == nil || !errors.Is(*err, disk) {
			t.Fatal("the store's error was not fatal")
		}
	})
}

func TestSequencerRefusesAJumpOfTheClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 100)
		b.push(t, 1, 1)
		f, _, _ := b.raft.entry(t, 0)
		f.done <- nil
		b.clock.Store(noon + int64(2*time.Minute))
		b.push(t, 2, 3)
		await(t, "the refusals", func() bool { return b.refused.count(ErrClockJump) == 2 })
		if !b.clockWrong.Load() {
			t.Fatal("the status does not tell")
		}
		b.clock.Store(noon + int64(30*time.Second))
		b.push(t, 4, 4)
		_, h, cs := b.raft.entry(t, 1)
		expectBatch(t, h, cs, 5, 2, 4, 4)
		if cs[0].TimeNs != noon+int64(30*time.Second) || b.clockWrong.Load() {
			t.Fatalf("stamped %d with a clock that is right again", cs[0].TimeNs)
		}
	})
}

// The engine and the sequencer agree on what a gap is: what is proposed behind a lost entry is dropped, the batch that
// takes its place is not.
func TestEngineDropsWhatFollowsAGap(t *testing.T) {
	commands := setup()
	batch := func(term, seq uint64, c wire.Command) []byte {
		return wire.AppendCommand(wire.Batch{Term: term, Sequence: seq, Count: 1}.AppendHeader(nil), &c)
	}
	e := engine.New()
	for i, step := range []struct {
		term, seq uint64
		applied   bool
	}{
		{2, 1, true}, {2, 3, false}, {2, 2, true}, {2, 2, false}, {2, 3, true}, {1, 4, false}, {5, 2, false}, {5, 1, true}, {4, 1, false},
	} {
		before := e.Seq()
		out, err := e.ApplyBatch(batch(step.term, step.seq, commands[e.Seq()]), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Seq() == before+1 && len(out) > 0; got != step.applied {
			t.Fatalf("step %d: batch %d of term %d: applied is %t", i, step.seq, step.term, got)
		}
	}
}

func TestStamper(t *testing.T) {
	var wall int64
	var elapsed time.Duration
	s := &stamper{clock: func() int64 { return wall }, elapsed: func() time.Duration { return elapsed }, maxJump: time.Minute, maxPause: time.Hour}
	minute := int64(time.Minute)
	s.begin(noon)
	for i, step := range []struct {
		wall    int64
		elapsed time.Duration
		accept  bool
		want    int64 // 0: refused
	}{
		{wall: noon + 61*minute},                                                       // longer than the longest pause
		{wall: noon + 59*minute, want: noon + 59*minute},                               //
		{wall: noon + 55*minute, want: noon + 59*minute},                               // back: time stands still
		{wall: noon + 59*minute, want: noon + 59*minute},                               // its return is no jump
		{wall: noon + 61*minute},                                                       // two minutes in no time
		{wall: noon + 300*minute, elapsed: 241 * time.Minute, want: noon + 300*minute}, // nobody came for hours
		{wall: noon + 900*minute, elapsed: 241 * time.Minute},
		{wall: noon + 900*minute, elapsed: 241 * time.Minute, accept: true, want: noon + 900*minute},
		{wall: noon + 902*minute, elapsed: 241 * time.Minute}, // the word was for one reading
	} {
		wall, elapsed = step.wall, step.elapsed
		s.accept = s.accept || step.accept
		got, err := s.now()
		if got != step.want || (err != nil) != (step.want == 0) || err != nil && !errors.Is(err, ErrClockJump) {
			t.Fatalf("step %d: %d, %v; want %d", i, got, err, step.want)
		}
	}
}

// A clock that was behind what other leaders have stamped, and is set right, has not jumped.
func TestClockSetRight(t *testing.T) {
	const minute = int64(time.Minute)
	wall, elapsed := 100*minute, time.Duration(0)
	s := &stamper{clock: func() int64 { return wall }, elapsed: func() time.Duration { return elapsed }, maxJump: 10 * time.Minute, maxPause: time.Hour}
	s.begin(130 * minute)
	if now, err := s.now(); err != nil || now != 130*minute {
		t.Fatalf("behind: %d, %v", now, err)
	}
	wall, elapsed = 131*minute, time.Second
	if now, err := s.now(); err != nil || now != 131*minute {
		t.Fatalf("set right: %d, %v", now, err)
	}
	wall, elapsed = 142*minute, 2*time.Second
	if now, err := s.now(); !errors.Is(err, ErrClockJump) {
		t.Fatalf("a jump: %d, %v", now, err)
	}
}
