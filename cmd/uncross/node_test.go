package main

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/internal/ring"
	"uncross/replication"
)

// newNode opens a node of a new venue in this process.
func newNode(t *testing.T, set nodeSettings) (dataDir, wire.Genesis, *node) {
	t.Helper()
	d := dataDir(t.TempDir())
	g, err := initialise(d, filepath.Join(t.TempDir(), "operator.key"), "test", false)
	if err != nil {
		t.Fatal(err)
	}
	n, err := openNode(d, set, g, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d, g, n
}

func addFirm() wire.Command {
	var c wire.Command
	(&wire.AddFirm{Name: wire.MustText("firm")}).Put(&c)
	c.Key = wire.OperatorKey
	return c
}

// TestStopUnderLoad stops a node while commands come as fast as it takes them: history, view and the FIX store end
// with the last command of the log, and have it on disk.
func TestStopUnderLoad(t *testing.T) {
	const enough = 20_000
	d, g, n := newNode(t, nodeSettings{})
	if err := n.initialise(g, nil); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Uint64
	ended := make(chan error, 1)
	go func() {
		for {
			c := addFirm()
			switch err := n.replicas.Submit(&c); {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, replication.ErrBusy):
				time.Sleep(50 * time.Microsecond)
			default:
				ended <- err
				return
			}
		}
	}()
	for taken.Load() < enough {
		time.Sleep(time.Millisecond)
	}
	if err := n.close(time.Second); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, replication.ErrClosed) {
		t.Errorf("the load ended with %v", err)
	}
	seq := n.replicas.Status().Seq
	if seq < enough {
		t.Errorf("the log ends at command %d", seq)
	}
	if at := n.view.Applied(); at != seq {
		t.Errorf("the view ends at command %d, the log at %d", at, seq)
	}
	if r, err := outbox.Verify(d.fix(), nil); err != nil || r.Position != seq {
		t.Errorf("the FIX store ends at command %d, %v; the log at %d", r.Position, err, seq)
	}
	h, err := history.Open(d.history(), history.Options{ClusterID: g.ClusterID})
	if err != nil {
		t.Fatal(err)
	}
	if at := h.Position(); at != seq {
		t.Errorf("the history ends at command %d, the log at %d", at, seq)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestGenesisIsSentAgain lets the first Genesis be taken and then refused, for the clock: the venue begins once the clock
// is right.
func TestGenesisIsSentAgain(t *testing.T) {
	var ahead atomic.Int64
	_, g, n := newNode(t, nodeSettings{clock: func() int64 { return time.Now().UnixNano() + ahead.Load() }})
	await := func(what string, ok func() bool) {
		t.Helper()
		for begin := time.Now(); !ok(); time.Sleep(time.Millisecond) {
			if time.Since(begin) > time.Minute {
				t.Fatalf("waited in vain: %s", what)
			}
		}
	}
	await("the node is ready", n.replicas.Ready)
	c := addFirm() // for a reading of the clock that is believed; without a venue it has no other effect
	if err := n.replicas.Submit(&c); err != nil {
		t.Fatal(err)
	}
	await("the first command", func() bool { return n.replicas.Status().Seq == 1 })
	ahead.Store(int64(time.Hour))
	end, begun := make(chan struct{}), make(chan error, 1)
	go func() { begun <- n.initialise(g, end) }()
	await("the refusal", func() bool { return n.replicas.Status().ClockRefused })
	ahead.Store(0)
	select {
	case err := <-begun:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(60 * genesisAgain):
		t.Error("the venue never begins")
		close(end)
		<-begun
	}
	if err := n.close(time.Second); err != nil {
		t.Fatal(err)
	}
}

// TestDrainWaitsForSlowReaders: a reader that is behind when the ring closes gets all of it.
func TestDrainWaitsForSlowReaders(t *testing.T) {
	n := &node{logger: slog.New(slog.DiscardHandler), stop: make(chan struct{})}
	events := ring.NewBroadcast[int](128)
	reader, got := events.Reader("slow", true), 0
	n.readers.Go(func() {
		buf := make([]int, 1)
		for _, _, ok := reader.Read(buf, n.stop); ok; _, _, ok = reader.Read(buf, n.stop) {
			got++
			time.Sleep(time.Millisecond)
		}
	})
	events.Publish(make([]int, 100))
	events.Close()
	n.drain()
	if got != 100 {
		t.Errorf("the reader has %d of 100 values", got)
	}
}

// A follower's stores may be ahead of its log until it has had the time to get the rest; a leader's may not.
func TestStoresAheadOfTheLog(t *testing.T) {
	type look struct {
		found   error
		leading bool
		contact time.Duration
		at      time.Duration
	}
	ahead, begin := errors.New("ahead"), time.Now()
	for _, test := range []struct {
		name  string
		looks []look
		want  error // of the last look
	}{
		{"a leader", []look{{ahead, true, 0, 0}}, ahead},
		{"at first", []look{{ahead, false, 0, 0}, {ahead, false, 0, aheadPatience - 1}}, nil},
		{"for too long", []look{{ahead, false, 0, 0}, {ahead, false, 0, aheadPatience}}, ahead},
		{"without a leader", []look{{ahead, false, 0, 0}, {ahead, false, 2 * aheadContact, aheadPatience}, {ahead, false, 0, aheadPatience + 1}}, nil},
		{"caught up", []look{{ahead, false, 0, 0}, {nil, false, 0, 2 * aheadPatience}}, nil},
	} {
		var a aheadOfLog
		var last error
		for i, l := range test.looks {
			if last = a.look(l.found, l.leading, l.contact, begin.Add(l.at)); last != nil && i < len(test.looks)-1 {
				t.Errorf("%s: look %d: %v", test.name, i, last)
			}
		}
		if last != test.want {
			t.Errorf("%s: %v", test.name, last)
		}
	}
}
