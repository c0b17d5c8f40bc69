package replication

import (
	"errors"
	"strings"
	"testing"

	"uncross/engine/wire"
)

func contains(err error, s string) bool { return strings.Contains(err.Error(), s) }

// A disk that does not answer fills the input ring: new orders are refused at once, session messages take half of what is
// kept, cancels the last places.
func TestFullRingAnswersBusyAtOnce(t *testing.T) {
	log := newMemLog()
	cfg := config(t, t.TempDir(), log)
	cfg.InputCapacity, cfg.CancelReserve, cfg.BatchCommands = 64, 16, 8
	n, c := start(t, cfg)
	commands := setup()
	submit(t, n, commands)
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(commands)) })
	hold := make(chan struct{})
	log.set(nil, hold)

	taken := 0
	var order, message, cancel, cancelAll wire.Command
	order = flow(1, 1)[0]
	(&wire.SessionMessage{Session: 1, Kind: wire.SessionNumbers, Arg: 1}).Put(&message)
	(&wire.CancelOrder{Account: alice, Target: wire.OrderRef{Order: 1}}).Put(&cancel)
	(&wire.CancelAll{Account: alice}).Put(&cancelAll)
	cancel.Key, cancelAll.Key = traderKey, traderKey
	await(t, "the ring to be full for orders", func() bool {
		for n.Submit(&order) == nil {
			taken++
		}
		return n.Status().InFlight == MaxInFlight && n.input.Len() == cfg.InputCapacity-cfg.CancelReserve
	})
	if err := n.Submit(&order); !errors.Is(err, ErrBusy) {
		t.Fatalf("an order got %v", err)
	}
	for i := range cfg.CancelReserve / 2 {
		if err := n.Submit(&message); err != nil {
			t.Fatalf("session message %d got %v", i, err)
		}
		taken++
	}
	if err := n.Submit(&message); !errors.Is(err, ErrBusy) {
		t.Fatalf("a session message in the cancels' places got %v", err)
	}
	for i := range cfg.CancelReserve / 2 {
		if err := n.Submit([]*wire.Command{&cancel, &cancelAll}[i%2]); err != nil {
			t.Fatalf("cancel %d got %v", i, err)
		}
		taken++
	}
	if err := n.Submit(&cancel); !errors.Is(err, ErrBusy) {
		t.Fatalf("a cancel in a full ring got %v", err)
	}
	log.set(nil, nil)
	close(hold)
	await(t, "everything taken to be answered", func() bool { return c.seq.Load() == uint64(len(commands)+taken) })
	closeAll(t, n, c, nil)
}

// A lossless reader that lags stops new orders at half of the event ring, session messages at five eighths, and cancels at
// three quarters.
func TestLaggingReaderStopsOrdersFirst(t *testing.T) {
	cfg := config(t, t.TempDir(), newMemLog())
	cfg.EventCapacity = 64
	n, c := start(t, cfg)
	commands := setup()
	submit(t, n, commands)
	await(t, "the setup", func() bool { return c.seq.Load() == uint64(len(commands)) })

	slow := n.Events().Reader("slow", true)
	var order, query, message, cancel wire.Command
	(&wire.SessionMessage{Session: 1, Kind: wire.SessionNumbers, Arg: 1}).Put(&message)
	order = flow(1, 1)[0]
	(&wire.QueryOrder{Account: alice, Target: wire.OrderRef{Order: 999}}).Put(&query)
	(&wire.CancelOrder{Account: alice, Target: wire.OrderRef{Order: 999}}).Put(&cancel)
	query.Key, cancel.Key = traderKey, traderKey
	fill := func(c *wire.Command, lag uint64) {
		t.Helper()
		for want := slow.Lag() + 1; want <= lag; want++ { // each is answered by one event
			if err := n.Submit(c); err != nil {
				t.Fatalf("at a lag of %d: %v", slow.Lag(), err)
			}
			await(t, "its event", func() bool { return slow.Lag() >= want })
		}
	}
	fill(&query, 32)
	if err := n.Submit(&order); !errors.Is(err, ErrBusy) {
		t.Fatalf("an order at half of the ring got %v", err)
	}
	fill(&message, 40)
	if err := n.Submit(&message); !errors.Is(err, ErrBusy) {
		t.Fatalf("a session message at five eighths of the ring got %v", err)
	}
	fill(&cancel, 48)
	if err := n.Submit(&cancel); !errors.Is(err, ErrBusy) {
		t.Fatalf("a cancel at three quarters of the ring got %v", err)
	}
	slow.Close()
	if err := n.Submit(&order); err != nil {
		t.Fatalf("without the slow reader: %v", err)
	}
	closeAll(t, n, c, nil)
}

func TestSubmitOutsideItsTime(t *testing.T) {
	cfg := config(t, t.TempDir(), newMemLog())
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tick := setup()[0]
	if err := n.Submit(&tick); !errors.Is(err, ErrNotReady) {
		t.Errorf("before Start: %v", err)
	}
	if err := n.Snapshot(); !errors.Is(err, ErrNotReady) {
		t.Errorf("snapshot before Start: %v", err)
	}
	if s := n.Status(); s.Ready || s.Role != "" {
		t.Errorf("status before Start: %+v", s)
	}
	c := collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the node is ready", n.Ready)
	if err := n.Submit(&wire.Command{Kind: 250}); !errors.Is(err, ErrUnknownCommand) {
		t.Errorf("an unknown kind: %v", err)
	}
	if err := n.Start(); err == nil {
		t.Error("Start twice")
	}
	closeAll(t, n, c, nil)
	if err := n.Submit(&tick); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if n.Ready() || n.Status().Role != "shutdown" {
		t.Error("ready after Close")
	}
	if err := n.Close(); err != nil {
		t.Errorf("Close twice: %v", err)
	}
}

// Ready comes after the replayed events have been taken, not before.
func TestReadyWaitsForLosslessReaders(t *testing.T) {
	dir, log := t.TempDir(), newMemLog()
	commands := day(9, 200)
	n, c := start(t, config(t, dir, log))
	submit(t, n, commands)
	await(t, "all events", func() bool { return c.seq.Load() == uint64(len(commands)) })
	closeAll(t, n, c, nil)

	n, err := Open(config(t, dir, log))
	if err != nil {
		t.Fatal(err)
	}
	slow := n.Events().Reader("slow", true)
	c = collect(n)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the replay", func() bool { return n.Status().Seq == uint64(len(commands)) && n.Status().Role == "leader" })
	if n.Ready() {
		t.Fatal("ready while a lossless reader has read nothing")
	}
	slow.Close()
	await(t, "the node is ready", n.Ready)
	closeAll(t, n, c, nil)
}

func TestConfigIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no log":              func(c *Config) { c.Log = nil },
		"no snapshots":        func(c *Config) { c.SnapshotDir = "" },
		"odd input ring":      func(c *Config) { c.InputCapacity = 100 },
		"odd event ring":      func(c *Config) { c.EventCapacity = 3 },
		"reserve too large":   func(c *Config) { c.CancelReserve = DefaultInputCapacity },
		"no commands a batch": func(c *Config) { c.BatchCommands = -1 },
	} {
		cfg := config(t, t.TempDir(), newMemLog())
		spoil(&cfg)
		if _, err := Open(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
