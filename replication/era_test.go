package replication

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
)

// pushIn puts one command of an era into the ring.
func (b *seqBench) pushIn(t *testing.T, era, seq uint64) {
	t.Helper()
	var c wire.Command
	(&wire.Tick{}).Put(&c)
	c.Origin, c.TimeNs = wire.Origin{Node: 1, Seq: seq}, int64(era)
	if !b.input.TryPush(&c, 0) {
		t.Fatal("the ring is full")
	}
}

// expectRefused waits until exactly these commands have been refused as not applied.
func (b *seqBench) expectRefused(t *testing.T, seqs ...uint64) {
	t.Helper()
	await(t, "the refusals", func() bool { return b.refused.count(ErrNotApplied) >= len(seqs) })
	b.refused.mu.Lock()
	defer b.refused.mu.Unlock()
	for _, seq := range seqs {
		if b.refused.got[wire.Origin{Node: 1, Seq: seq}] == nil {
			t.Errorf("command %d was not refused", seq)
		}
	}
	if len(b.refused.got) != len(seqs) {
		t.Errorf("refused: %v", b.refused.got)
	}
}

// TestNothingOvertakesALostBatch has a batch that never was proposed: what was submitted in its era waits behind it and is
// refused; commands of the next era, and those that stand alone, take its place.
func TestNothingOvertakesALostBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 1)
		b.era.Store(7)
		b.pushIn(t, 7, 1)
		b.pushIn(t, 7, 2)
		lost, h, _ := b.raft.entry(t, 0)
		if h.Sequence != 1 {
			t.Fatal(h)
		}
		behind, _, _ := b.raft.entry(t, 1) // under way at the same time: every replica drops it, as it comes after a gap
		b.pushIn(t, 7, 3)
		b.pushIn(t, 8, 4)
		b.pushIn(t, anyEra, 5)
		lost.done <- raft.ErrNotLeader
		await(t, "the era ends", func() bool { return b.era.Load() == 8 })
		behind.done <- errDropped
		f, h, cs := b.raft.entry(t, 2)
		if h.Sequence != 1 || len(cs) != 1 || cs[0].Origin.Seq != 4 || cs[0].TimeNs != noon {
			t.Fatalf("%+v %+v", h, cs)
		}
		f.done <- nil
		f, h, cs = b.raft.entry(t, 3)
		if h.Sequence != 2 || len(cs) != 1 || cs[0].Origin.Seq != 5 {
			t.Fatalf("%+v %+v", h, cs)
		}
		f.done <- nil
		b.expectRefused(t, 1, 2, 3)
	})
}

// TestRefusalsEndAnEra: without an office, and with a clock that is not believed.
func TestRefusalsEndAnEra(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newSeqBench(t, 10)
		b.era.Store(1)
		b.raft.term.Store(0)
		b.pushIn(t, 1, 1)
		await(t, "the era ends", func() bool { return b.era.Load() == 2 })
		b.raft.term.Store(6)
		b.pushIn(t, 1, 2)
		b.pushIn(t, 2, 3)
		f, _, cs := b.raft.entry(t, 0)
		if len(cs) != 1 || cs[0].Origin.Seq != 3 {
			t.Fatal(cs)
		}
		f.done <- nil
		b.clock.Store(noon + int64(time.Hour))
		b.pushIn(t, 2, 4)
		await(t, "the clock is not believed", func() bool { return b.era.Load() == 3 })
		b.clock.Store(noon)
		b.pushIn(t, 2, 5)
		b.pushIn(t, 3, 6)
		f, _, cs = b.raft.entry(t, 1)
		if len(cs) != 1 || cs[0].Origin.Seq != 6 {
			t.Fatal(cs)
		}
		f.done <- nil
		await(t, "two refusals", func() bool { return b.refused.count(ErrNotApplied) == 3 })
		if b.refused.count(ErrClockJump) != 1 {
			t.Error("the command of the wrong clock")
		}
	})
}

// TestOfficeBeginsAnEra moves the lead away and back: what began before is refused at once.
func TestOfficeBeginsAnEra(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		era := l.Era()
		var c wire.Command
		(&wire.Tick{}).Put(&c)
		if err := l.SubmitIn(era, &c); err != nil {
			t.Fatal(err)
		}
		if err := l.SubmitIn(0, &c); err != ErrNotApplied {
			t.Errorf("era 0: %v", err)
		}
		for range 2 {
			if err := k.leader().Transfer(""); err != nil {
				t.Fatal(err)
			}
			await(t, "another leads", func() bool { n := k.leader(); return n != nil && n.Leading() })
		}
		for l.Leading() == false {
			if err := k.leader().Transfer(l.id); err != nil {
				t.Fatal(err)
			}
			await(t, "a leader", func() bool { n := k.leader(); return n != nil && n.Leading() })
		}
		if l.Era() == era {
			t.Fatal("the same era in a new office")
		}
		refused := l.told.count(ErrNotApplied)
		c.Origin = wire.Origin{Node: 9, Seq: 9}
		if err := l.SubmitIn(era, &c); err != nil {
			t.Fatal(err)
		}
		await(t, "the refusal", func() bool { return l.told.count(ErrNotApplied) == refused+1 })
	})
}
