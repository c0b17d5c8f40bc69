package replication

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// A node that joins before it starts votes and takes the log, applies nothing, does not lead, and has everything in the end.
func TestJoin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		commands := dayOf(1, 400)
		k.carry(l, commands[:100])
		k.everywhere(100)
		behind := k.others(l)[0]
		if err := behind.Snapshot(); err != nil {
			t.Fatal(err)
		}
		k.stop(behind)
		k.carry(l, commands[100:200])

		p := k.open(behind.id)
		if err := errors.Join(p.Join(), p.Join()); err != nil {
			t.Fatal(err)
		}
		other := k.others(l, p)[0]
		await(t, "the log", func() bool { return p.Status().LogLast == l.Status().LogLast })
		k.isolate(other) // a majority is the leader and the one that holds back
		k.carry(l, commands[200:300])
		k.rejoin(other)
		if s := p.Status(); s.Seq != 100 || p.Live() || len(p.c.all()) != 0 {
			t.Errorf("it has applied something: %+v, %d events", s, len(p.c.all()))
		}
		if err := p.Snapshot(); !contains(err, errHolding.Error()) {
			t.Errorf("a snapshot: %v", err)
		}

		// Elected all the same, it finds another.
		if err := l.Transfer(p.id); err != nil {
			t.Fatal(err)
		}
		l = k.leader(p)
		k.carry(l, commands[300:350])
		if words := p.words(); p.Status().Seq != 100 || len(words) != 0 {
			t.Errorf("it was open: %v, %+v", words, p.Status())
		}

		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "reads", p.Live)
		k.carry(l, commands[350:])
		k.everywhere(400)
		if err := p.Join(); err == nil {
			t.Error("it joined again")
		}
		e, _ := reference(commands)
		sameState(t, p.Status().State, e)
		if err := l.Transfer(p.id); err != nil {
			t.Fatal(err)
		}
		await(t, "it to lead", p.Leading)
		for _, p := range k.others() {
			if s := p.Status(); s.Dropped != 0 {
				t.Errorf("node %s: %+v", p.id, s)
			}
		}
	})
}

// One that leads and holds back, with nobody to lead in its place, opens when it has started.
func TestJoinAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		k.startAll()
		commands := dayOf(1, 300)
		l := k.leader()
		k.carry(l, commands[:100])
		k.everywhere(100)
		all := k.others()
		for _, p := range all {
			k.stop(p)
		}
		p, q := k.open("a"), k.open("b")
		if err := errors.Join(p.Join(), q.Join()); err != nil {
			t.Fatal(err)
		}
		await(t, "one of them to lead", func() bool { return p.raft.State() == raft.Leader || q.raft.State() == raft.Leader })
		if p.Leading() || q.Leading() {
			t.Error("order entry is open")
		}
		if err := errors.Join(p.Start(), q.Start()); err != nil {
			t.Fatal(err)
		}
		l = k.leader()
		k.carry(l, commands[100:])
		k.everywhere(300)
	})
}

// A node that has joined and is closed before it starts ends.
func TestCloseBeforeStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newTrio(t, "a", "b", "c")
		l := k.startAll()
		behind := k.others(l)[0]
		k.stop(behind)
		k.carry(l, dayOf(1, 100))
		p := k.open(behind.id)
		if err := p.Join(); err != nil {
			t.Fatal(err)
		}
		await(t, "the log", func() bool { return p.Status().LogLast == l.Status().LogLast })
		k.stop(p)
		if events := p.c.all(); len(events) != 0 {
			t.Errorf("%d events", len(events))
		}
		k.start(behind.id)
		k.everywhere(100)
	})
}
