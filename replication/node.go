package replication

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
	"uncross/internal/ring"
)

// Node is one node of the venue: its input ring, its part of raft, its engine and its event ring.
type Node struct {
	cfg       Config
	snapshots raft.SnapshotStore
	transport raft.Transport
	input     *ring.MPSC[wire.Command]
	events    *ring.Broadcast[wire.Event]
	stamp     *stamper

	// Made by Start, and read by others once up is set.
	raft *raft.Raft
	fsm  *fsm
	seq  *sequencer
	up   atomic.Bool

	gate       atomic.Int32          // one of the gates
	submitting atomic.Int64          // calls of Submit that are under way
	office     atomic.Pointer[reign] // set while this node leads and has applied everything
	live       atomic.Bool           // the log of earlier runs is applied

	stop    chan struct{} // closed when the node's goroutines shall end
	ending  sync.WaitGroup
	started atomic.Bool
	closing sync.Once
	closed  error

	failure atomic.Pointer[error]
	failing sync.Once

	snapshotting     sync.Mutex
	snapshot         atomic.Pointer[raft.SnapshotMeta] // the newest
	snapshotCount    atomic.Uint64
	snapshotFailures atomic.Uint64
}

// reign is one term of this node's leadership.
type reign struct{ term uint64 }

// barrierRetry is the pause between two tries to open order entry.
const barrierRetry = 10 * time.Millisecond

// The gates: what Submit does.
const (
	gateStarting int32 = iota
	gateFollowing
	gateOpen
	gateClosed
	gateFailed
)

// Open makes a node. It opens the snapshot directory but starts nothing; attach readers to Events, then call Start.
func Open(cfg Config) (*Node, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg:       cfg,
		snapshots: cfg.Snapshots,
		input:     ring.NewMPSC[wire.Command](cfg.InputCapacity),
		events:    ring.NewBroadcast[wire.Event](cfg.EventCapacity),
		stamp:     &stamper{clock: cfg.Clock, elapsed: cfg.Elapsed, maxJump: cfg.MaxJump, maxPause: cfg.MaxPause, accept: cfg.AcceptClock},
		stop:      make(chan struct{}),
	}
	if n.snapshots == nil {
		s, err := OpenSnapshots(cfg.SnapshotDir, RetainSnapshots)
		if err != nil {
			return nil, err
		}
		n.snapshots = s
	}
	if cfg.single() {
		_, n.transport = raft.NewInmemTransport(raft.ServerAddress(cfg.NodeID))
	} else {
		n.transport = safeTransport(cfg.Transport)
	}
	return n, nil
}

// Events returns the event ring. Readers that attach before Start see everything: first an image where the node starts
// from a snapshot, then the events of every later entry. They must be reading when Start is called.
func (n *Node) Events() *ring.Broadcast[wire.Event] { return n.events }

// Start checks the data, restores the newest snapshot, publishes its image, and joins raft. It returns before the log is
// applied; Ready tells when it is. A node that could not start must be closed.
//
// It refuses with ErrDamaged or ErrForeign, saying what was found and what to do, when the data cannot be continued
// exactly where they end.
func (n *Node) Start() error {
	if n.started.Swap(true) {
		return errors.New("replication: Start called twice")
	}
	x, err := n.survey()
	if err != nil {
		return err
	}
	if err := n.agree(x); err != nil {
		return err
	}
	if x.fresh() && n.cfg.single() {
		if err := n.bootstrap(); err != nil {
			return err
		}
	}
	if err := n.load(x); err != nil {
		return err
	}
	return n.join()
}

// load makes the state machine and publishes the image that it begins with.
func (n *Node) load(x extent) error {
	e, err := n.restore(x)
	if err != nil {
		return err
	}
	n.fsm = &fsm{engine: e, events: n.events, node: n, skip: make(map[uint64]bool)}
	for _, index := range n.cfg.Skip {
		n.fsm.skip[index] = true
	}
	n.fsm.report(0, 0)
	if x.snapshot != nil {
		n.snapshot.Store(x.snapshot)
		n.cfg.Logger.Info("restored from a snapshot", "index", x.snapshot.Index, "command", e.Seq(), "bytes", x.snapshot.Size)
		n.fsm.publishImage()
	}
	return nil
}

// join starts raft and the node's goroutines.
func (n *Node) join() error {
	guard := guardedLog{n.cfg.Log, n.fatal}
	r, err := raft.NewRaft(n.raftConfig(), n.fsm, guard, guardedStable{n.cfg.Log, n.fatal}, n.snapshots, n.transport)
	if err != nil {
		return fmt.Errorf("starting raft: %w", err)
	}
	n.raft = r
	if n.cfg.single() {
		if err := n.belongs(); err != nil {
			return errors.Join(err, r.Shutdown().Error())
		}
	}
	n.seq = newSequencer(n.input, r, n.cfg.BatchCommands, n.stamp)
	n.seq.lead, n.seq.refused, n.seq.fatal, n.seq.logger = n.leading, n.cfg.Refused, n.fatal, n.cfg.Logger
	for _, run := range []func(){n.seq.run, n.seq.watch, n.follow, n.snapshotByBytes} {
		n.ending.Add(1)
		go func() { defer n.ending.Done(); run() }()
	}
	n.up.Store(true)
	return nil
}

func (n *Node) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(n.cfg.NodeID)
	c.Logger = newRaftLogger(n.cfg.Logger, n.cfg.single())
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = n.cfg.Timeouts.Heartbeat, n.cfg.Timeouts.Election, n.cfg.Timeouts.LeaderLease
	c.BatchApplyCh = true             // the sequencer bounds what is in flight
	c.NoLegacyTelemetry = true        // no metric twice
	c.ShutdownOnRemove = false        // a node that leaves is ended by its operator
	c.NoSnapshotRestoreOnStart = true // done by Start, which refuses where raft would fall back
	c.PreVoteDisabled = n.cfg.single()
	// Raft counts entries; a snapshot is due by the bytes of the log, see snapshotByBytes.
	c.SnapshotThreshold, c.SnapshotInterval = math.MaxUint64, 24*time.Hour
	c.TrailingLogs = TrailingLogs
	return c
}

// follow keeps office and gate in step with raft's leadership.
func (n *Node) follow() {
	for {
		select {
		case lead := <-n.raft.LeaderCh():
			if lead {
				n.takeOffice()
			} else {
				n.leaveOffice()
			}
		case <-n.stop:
			n.leaveOffice()
			return
		}
	}
}

// takeOffice opens order entry once everything before this term is applied and read.
func (n *Node) takeOffice() {
	for n.raft.State() == raft.Leader {
		term := n.raft.CurrentTerm()
		if err := n.barrier(); err != nil || n.raft.CurrentTerm() != term {
			// Leadership was lost, or is being handed over, or the node ends.
			select {
			case <-time.After(barrierRetry):
				continue
			case <-n.stop:
				return
			}
		}
		if !n.readersCaughtUp() {
			return
		}
		n.live.Store(true)
		n.office.Store(&reign{term})
		n.gate.CompareAndSwap(gateStarting, gateOpen)
		n.gate.CompareAndSwap(gateFollowing, gateOpen)
		n.cfg.Logger.Info("open for commands", "term", term, "applied", n.fsm.current().Applied, "command", n.fsm.current().Seq)
		return
	}
}

func (n *Node) leaveOffice() {
	n.office.Store(nil)
	n.gate.CompareAndSwap(gateOpen, gateFollowing)
}

// barrier waits until the engine thread has applied everything before this moment. Raft leaves a future unanswered when
// it shuts down in between, so that stop is watched as well.
func (n *Node) barrier() error {
	done := make(chan error, 1)
	go func() { done <- n.raft.Barrier(0).Error() }()
	select {
	case err := <-done:
		return err
	case <-n.stop:
		return ErrClosed
	}
}

// readersCaughtUp waits until the lossless readers have taken what was replayed.
func (n *Node) readersCaughtUp() bool {
	for n.events.LosslessLag() > 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-n.stop:
			return false
		}
	}
	return true
}

// leading returns the term in which this node leads, the engine's time, and whether it leads at all.
func (n *Node) leading() (term uint64, engineNs int64, ok bool) {
	o := n.office.Load()
	if o == nil || n.raft.State() != raft.Leader || n.raft.CurrentTerm() != o.term || n.failed() != nil {
		return 0, 0, false
	}
	return o.term, n.fsm.current().TimeNs, true
}

// fatal ends the node, once.
func (n *Node) fatal(err error) {
	n.failing.Do(func() {
		n.failure.Store(&err)
		n.gate.Store(gateFailed)
		n.cfg.Fatal(err)
	})
}

func (n *Node) failed() error {
	if p := n.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// usable returns why the node cannot be asked for anything, or nil.
func (n *Node) usable() error {
	switch n.gate.Load() {
	case gateClosed:
		return ErrClosed
	case gateFailed:
		return ErrFailed
	}
	if !n.up.Load() {
		return ErrNotReady
	}
	return nil
}
