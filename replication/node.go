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
	transport raft.Transport // as raft sees it
	ear       *ear
	dog       *watchdog
	input     *ring.MPSC[wire.Command]
	events    *ring.Broadcast[wire.Event]
	stamp     *stamper
	pace      pace
	began     time.Time // of the node's monotonic clock

	// Made by Load and Start, and read by others once up is set.
	raft *raft.Raft
	log  raft.LogStore // as raft sees it
	fsm  *fsm
	seq  *sequencer
	up   atomic.Bool

	gate atomic.Int32 // one of the gates
	live atomic.Bool  // see Live

	officeMu sync.Mutex // changes of office and told; calls of Config.Office
	told     bool
	office   atomic.Pointer[reign] // set while this node takes commands, or brings those that it took to their end
	former   atomic.Pointer[reign] // the one before
	led      atomic.Int64          // when the last reign ended, by now; 0: there was none
	again    chan struct{}         // asks follow to take office anew

	changing sync.Mutex // one change of the membership or handover at a time

	stop    chan struct{} // closed when the node's goroutines shall end
	ending  sync.WaitGroup
	loading sync.Mutex
	loaded  bool
	extent  extent // what Load found
	joined  atomic.Bool
	holding atomic.Bool   // joined, and what is committed is not all applied yet
	handed  time.Duration // when it was tried to hand it on for the clock, by now; of the sequencer's goroutine
	passed  time.Duration // when leadership was passed on last, by now; of follow's goroutine
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
		again:     make(chan struct{}, 1),
		began:     time.Now(),
	}
	n.dog = &watchdog{now: n.now, limit: cfg.DiskTimeout}
	if n.snapshots == nil {
		s, err := OpenSnapshots(cfg.SnapshotDir, RetainSnapshots)
		if err != nil {
			return nil, err
		}
		n.snapshots = s
	}
	if !cfg.single() {
		n.stamp.pace = &n.pace
	}
	t := cfg.Transport
	if cfg.single() {
		_, t = raft.NewInmemTransport(raft.ServerAddress(cfg.NodeID))
	}
	n.ear, n.transport = newEar(t, n.now)
	return n, nil
}

// now is the node's monotonic clock.
func (n *Node) now() time.Duration { return time.Since(n.began) }

// Events returns the event ring. Readers that attach before Start see everything: first an image where the node starts
// from a snapshot, then the events of every later entry. They must be reading when Start is called.
func (n *Node) Events() *ring.Broadcast[wire.Event] { return n.events }

// Load checks the data and restores the newest snapshot. It returns the state that Start begins with; nothing is
// published yet, and no other node is spoken to. Start calls it where it was not called.
//
// It refuses with ErrDamaged or ErrForeign, saying what was found and what to do, when the data cannot be continued
// exactly where they end.
func (n *Node) Load() (State, error) {
	n.loading.Lock()
	defer n.loading.Unlock()
	if n.loaded {
		return n.fsm.current(), nil
	}
	x, err := n.survey()
	if err != nil {
		return State{}, err
	}
	if x.marked, err = n.belongs(x); err != nil {
		return State{}, err
	}
	if err := n.agree(x); err != nil {
		return State{}, err
	}
	if x.fresh() && !x.waiting && (n.cfg.single() || len(n.cfg.Peers) > 0) {
		if err := n.bootstrap(); err != nil {
			return State{}, err
		}
	}
	if err := n.load(x); err != nil {
		return State{}, err
	}
	n.extent, n.loaded = x, true
	return n.fsm.current(), nil
}

// Start publishes the image of the state that Load restored, and joins raft where Join has not. It returns before the log is
// applied; Ready and Live tell when it is. A node that could not start must be closed.
func (n *Node) Start() error {
	if n.started.Swap(true) {
		return errors.New("replication: Start called twice")
	}
	if _, err := n.Load(); err != nil {
		return err
	}
	n.ending.Go(n.watchReaders) // the image is for them already
	if n.extent.snapshot != nil {
		n.fsm.publishImage()
	}
	if !n.joined.Load() {
		return n.join()
	}
	n.ending.Go(n.release)
	return nil
}

// load makes the state machine.
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
	n.fsm.published.Store(e.Applied())
	if x.snapshot != nil {
		n.snapshot.Store(x.snapshot)
		n.cfg.Logger.Info("restored from a snapshot", "index", x.snapshot.Index, "command", e.Seq(), "bytes", x.snapshot.Size)
	}
	return nil
}

// join starts raft and the node's goroutines.
func (n *Node) join() error {
	g := &guard{LogStore: n.cfg.Log, dog: n.dog, node: n, applied: func() uint64 { return n.fsm.current().Applied }}
	n.log = g
	if c, ok := n.cfg.Log.(raft.CommitTrackingLogStore); ok {
		var err error
		if g.before, err = c.GetCommitIndex(); err != nil {
			return fmt.Errorf("how far the log was applied: %w", err)
		}
		g.commits = c
	}
	s := &snapshotGuard{SnapshotStore: n.snapshots, dog: &watchdog{now: n.now, limit: n.cfg.SnapshotTimeout}, node: n}
	if n.extent.waiting {
		g.settle = func() error { return n.cfg.Log.SetUint64(keyWaiting, 0) }
	}
	n.ear.atLeast(n.extent.term)
	n.ear.covers, n.ear.behind, n.ear.lost = n.covers, n.behind, n.lostEntries
	r, err := raft.NewRaft(n.raftConfig(), n.fsm, g, g, s, n.transport)
	if err != nil {
		return fmt.Errorf("starting raft: %w", err)
	}
	n.raft = r
	n.ear.servers = func() []raft.Server { return r.GetConfiguration().Configuration().Servers }
	if err := n.member(); err != nil {
		return errors.Join(err, r.Shutdown().Error())
	}
	n.seq = newSequencer(n.input, r, n.cfg.BatchCommands, n.stamp)
	n.seq.lead, n.seq.lost, n.seq.refused, n.seq.fatal, n.seq.logger = n.reigning, n.lost, n.cfg.Refused, n.fatal, n.cfg.Logger
	if !n.cfg.single() {
		n.seq.untimely = n.handOn
	}
	n.up.Store(true)
	for _, run := range []func(){n.seq.run, n.seq.watch, n.follow, n.awaken, n.snapshotByBytes} {
		n.ending.Go(run)
	}
	for _, dog := range []*watchdog{n.dog, s.dog} {
		n.ending.Go(func() { dog.run(n.stop, n.fatal) })
	}
	go n.ear.run()
	return nil
}

func (n *Node) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(n.cfg.NodeID)
	c.Logger = newRaftLogger(n.cfg.Logger, n.cfg.single(), n.ended)
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = n.cfg.Timeouts.Heartbeat, n.cfg.Timeouts.Election, n.cfg.Timeouts.LeaderLease
	c.CommitTimeout = CommitTimeout
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

// ended returns why the node has failed or is closed, or nil.
func (n *Node) ended() error {
	if n.gate.Load() == gateClosed {
		return ErrClosed
	}
	return n.failed()
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
