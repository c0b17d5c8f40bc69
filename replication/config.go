package replication

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine/wire"
)

// Defaults of Config, and the limits that are not configurable.
const (
	DefaultNodeID        = "node-1"
	DefaultInputCapacity = 1 << 14   // commands
	DefaultEventCapacity = 1 << 16   // events
	DefaultBatchCommands = 2048      // commands in one entry
	DefaultSnapshotBytes = 256 << 20 // bytes of log that make a snapshot due
	DefaultSnapshotWait  = 30 * time.Second
	DefaultMaxJump       = 10 * time.Minute
	DefaultMaxPause      = 7 * 24 * time.Hour
	DefaultDrainTimeout  = 10 * time.Second
	DefaultDiskTimeout   = 2 * time.Second
	// DefaultSnapshotTimeout is far over DefaultDiskTimeout: nothing waits for a snapshot as an acknowledgement does for the log,
	// and an fsync of SyncPiece may have to wait for what others write to the same disk.
	DefaultSnapshotTimeout = 10 * time.Second
	DefaultReaderTimeout   = 30 * time.Second

	// MaxBatchBytes bounds one entry: beyond it an fsync takes longer than it saves.
	MaxBatchBytes = 256 << 10
	// MaxInFlight is how many entries may be under way at once: one is written while the next one fills.
	MaxInFlight = 2
	// TrailingLogs is how many entries stay in the log behind a snapshot at least; see Config.TrailingBytes.
	TrailingLogs = 16
	// TrailingShare is the share of SnapshotBytes that stays in the log by default, where there are other nodes.
	TrailingShare = 4
	// CommitTimeout is how long an entry may be committed, with none behind it, before the leader tells the others: it takes
	// from one to two of it. That is how late a follower's events are while little happens; with more to do, the next entry
	// tells it sooner.
	CommitTimeout = 10 * time.Millisecond
	// RetainSnapshots is how many snapshots are kept.
	RetainSnapshots = 2
)

// Timeouts are raft's. In a cluster the heartbeat time-out is about half of the time without a leader after a failure,
// and must be well over the slowest fsync; a single node has nobody to wait for.
type Timeouts struct {
	Heartbeat   time.Duration // time without a leader's word before an election
	Election    time.Duration // time of one election, ≥ Heartbeat
	LeaderLease time.Duration // time without a quorum's word before a leader steps down, ≤ Heartbeat
}

// SingleNodeTimeouts are the default without a transport: a restarted node leads again after 50 to 100 ms.
var SingleNodeTimeouts = Timeouts{50 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond}

// ClusterTimeouts are the default with a transport. A model of elections gave a median of 0.8 s and a worst case of 1.2 s
// without a leader.
var ClusterTimeouts = Timeouts{400 * time.Millisecond, 400 * time.Millisecond, 300 * time.Millisecond}

// LogStore is what the node keeps its log and its votes in. *wal.Store is one.
type LogStore interface {
	raft.LogStore
	raft.StableStore
	Bytes() int64            // of the entries held
	Tail(bytes int64) uint64 // how many of the last entries have no more bytes than that together
}

// Config describes a node. Log, and Snapshots or SnapshotDir, must be given; everything else has a default.
type Config struct {
	// NodeID names this node for good; it is part of the data on disk.
	NodeID string
	// Log is opened and closed by the caller; it is closed after Close.
	Log LogStore
	// Snapshots is where snapshots are kept; nil: a SnapshotStore in SnapshotDir.
	Snapshots   raft.SnapshotStore
	SnapshotDir string
	// Transport connects the nodes of a cluster; nil: a cluster of this node alone, bootstrapped when there are no data.
	// It must not use raft's heartbeat handler (hashicorp/raft issue 695): peer.Transport does not, and raft's own network
	// transport does. One that can be closed (raft.WithClose) is when the node ends, which breaks off what it sends; it is
	// closed again when raft has ended.
	Transport raft.Transport
	// Peers is the first configuration of a new cluster: all its nodes are started with the same, this one among them.
	// It is looked at only when there are no data. nil with a transport and without data: the node waits until a leader
	// adds it.
	Peers []Member
	// Timeouts; zero: SingleNodeTimeouts or ClusterTimeouts.
	Timeouts Timeouts

	InputCapacity int // commands that wait for the sequencer, a power of two
	EventCapacity int // events that wait for the slowest lossless reader, a power of two
	// CancelReserve is how many places of the input ring are kept for cancels; 0: an eighth.
	CancelReserve int
	BatchCommands int // most commands in one entry

	// SnapshotBytes of log make a snapshot due; negative: never by itself.
	SnapshotBytes int64
	// TrailingBytes of log stay behind a snapshot, for another node that was away or is still busy with a snapshot: it is
	// sent these entries then, and not the whole state again. At most half of SnapshotBytes; negative: TrailingLogs entries.
	// 0: the TrailingShare of SnapshotBytes where there are other nodes.
	TrailingBytes int64
	// SnapshotWait is how long a snapshot waits for Durable before it is given up and tried again later.
	SnapshotWait time.Duration
	// Durable returns the lowest command number that every lossless consumer has made durable. The log is not cut behind
	// it. nil: there is no such consumer.
	Durable func() uint64

	// Clock is the wall clock in nanoseconds since the Unix epoch; nil: the machine's.
	Clock func() int64
	// Elapsed is a clock that only runs forward, from any start; nil: the machine's monotonic clock.
	Elapsed func() time.Duration
	// MaxJump is how far the wall clock may run ahead of Elapsed while the node runs.
	MaxJump time.Duration
	// MaxPause is how far the wall clock may be ahead of the venue's last time at a start: the longest pause between two
	// trading sessions.
	MaxPause time.Duration
	// AcceptClock is the operator's word at this start that the wall clock is right, however far it is ahead: the first
	// reading is taken.
	AcceptClock bool

	// DiskTimeout bounds every read, write and fsync of the log, the votes and the terms: one that is under way for longer
	// ends the node by Fatal, whether it ever returns or not. Raft goes on sending heartbeats while the leader's disk
	// hangs, so that nobody else would take over (hashicorp/raft issue 503).
	DiskTimeout time.Duration

	// SnapshotTimeout bounds every step of writing a snapshot, this node's own or a leader's, in the same way: a write with the
	// fsync of a SyncPiece, or what makes the whole durable in the end. While raft installs a snapshot its main loop does nothing else, and
	// the transport may answer heartbeats for it: a leader would go on with a node that takes nothing.
	SnapshotTimeout time.Duration
	// ReaderTimeout bounds how long the slowest lossless reader of Events may stand still while there are events for it. Beyond
	// it the node ends by Fatal: a leader would answer ErrBusy, and lead, until its reader's disk answers again, and a
	// follower would stand still with its whole raft. It holds for a node without others as well: it serves nobody any more,
	// and the reason should be known before somebody looks for it. A debugger that stops the process does not count.
	ReaderTimeout time.Duration

	// Skip lists entries (raft indexes) that are left out: the way out after an entry that stops every node. It must be
	// the same on all nodes, and stay for as long as the entries are in the log.
	Skip []uint64

	// Refused is told of commands that Submit took and that will not be answered by events: ErrNotApplied,
	// ErrUnknownOutcome or ErrClockJump. It is called from the node's own goroutines and must not block. nil: nobody asks.
	Refused func(wire.Origin, error)
	// Office is told when order entry opens at this node (true) and when it closes (false), in turns, beginning with true.
	// It has been told false before Refused is called for what was lost with the leadership. It must not block, nor call
	// the node. nil: nobody asks.
	Office func(leading bool)
	// Fatal is called once, with an error after which the node cannot go on. In production it must not return: the
	// process ends, so that nothing is acknowledged that is not durable. nil: log the error and exit with status 1.
	Fatal func(error)
	// Logger; nil: silent.
	Logger *slog.Logger
	// DrainTimeout bounds how long Close waits for what is under way.
	DrainTimeout time.Duration
}

// Member is one node of a cluster.
type Member struct {
	ID      string
	Address string // of its peer port, as the others reach it
	Voter   bool   // false: a learner, which has everything and counts for nothing
}

// single reports whether the node is a cluster of its own.
func (c *Config) single() bool { return c.Transport == nil }

// fill checks c and sets its defaults.
func (c *Config) fill() error {
	if c.Log == nil {
		return errors.New("replication: Config.Log is missing")
	}
	if c.Snapshots == nil && c.SnapshotDir == "" {
		return errors.New("replication: Config.Snapshots and Config.SnapshotDir are missing")
	}
	orElse(&c.NodeID, DefaultNodeID)
	orElse(&c.InputCapacity, DefaultInputCapacity)
	orElse(&c.EventCapacity, DefaultEventCapacity)
	orElse(&c.BatchCommands, DefaultBatchCommands)
	orElse(&c.CancelReserve, c.InputCapacity/8)
	orElse(&c.SnapshotBytes, DefaultSnapshotBytes)
	if !c.single() {
		orElse(&c.TrailingBytes, max(c.SnapshotBytes, 0)/TrailingShare)
	}
	orElse(&c.SnapshotWait, DefaultSnapshotWait)
	orElse(&c.MaxJump, DefaultMaxJump)
	orElse(&c.MaxPause, DefaultMaxPause)
	orElse(&c.DrainTimeout, DefaultDrainTimeout)
	orElse(&c.DiskTimeout, DefaultDiskTimeout)
	orElse(&c.SnapshotTimeout, DefaultSnapshotTimeout)
	orElse(&c.ReaderTimeout, DefaultReaderTimeout)
	if c.single() {
		orElse(&c.Timeouts, SingleNodeTimeouts)
	} else {
		orElse(&c.Timeouts, ClusterTimeouts)
	}
	for name, v := range map[string]int{"InputCapacity": c.InputCapacity, "EventCapacity": c.EventCapacity} {
		if v < 2 || v&(v-1) != 0 {
			return fmt.Errorf("replication: Config.%s is %d; it must be a power of two", name, v)
		}
	}
	for name, d := range map[string]time.Duration{"DiskTimeout": c.DiskTimeout, "SnapshotTimeout": c.SnapshotTimeout, "ReaderTimeout": c.ReaderTimeout} {
		if d < 0 {
			return fmt.Errorf("replication: Config.%s is %s", name, d)
		}
	}
	if c.SnapshotBytes > 0 && c.TrailingBytes > c.SnapshotBytes/2 {
		return fmt.Errorf("replication: Config.TrailingBytes %d is more than half of SnapshotBytes %d", c.TrailingBytes, c.SnapshotBytes)
	}
	if err := c.checkCluster(); err != nil {
		return err
	}
	if c.BatchCommands < 1 || c.CancelReserve < 0 || c.CancelReserve >= c.InputCapacity {
		return fmt.Errorf("replication: BatchCommands %d or CancelReserve %d is out of range", c.BatchCommands, c.CancelReserve)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = func() int64 { return time.Now().UnixNano() }
	}
	if c.Elapsed == nil {
		start := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if c.Refused == nil {
		c.Refused = func(wire.Origin, error) {}
	}
	if c.Office == nil {
		c.Office = func(bool) {}
	}
	if c.Fatal == nil {
		logger := c.Logger
		c.Fatal = func(err error) {
			logger.Error("the node cannot go on", "error", err)
			os.Exit(1)
		}
	}
	return nil
}

// checkCluster checks what concerns the other nodes. A leader that no quorum answers must have stepped down before the
// others may elect another, so that its lease is below the time-out after which they do.
func (c *Config) checkCluster() error {
	t := c.Timeouts
	if c.single() {
		if len(c.Peers) > 0 {
			return errors.New("replication: Config.Peers without a Transport to reach them")
		}
		return nil
	}
	if t.LeaderLease >= t.Heartbeat || t.Election < t.Heartbeat {
		return fmt.Errorf("replication: the leader lease (%s) must be below the heartbeat time-out (%s), and the election time-out (%s) not below that",
			t.LeaderLease, t.Heartbeat, t.Election)
	}
	ids, addresses := make(map[string]bool), make(map[string]bool)
	for _, m := range c.Peers {
		if m.ID == "" || m.Address == "" || ids[m.ID] || addresses[m.Address] {
			return fmt.Errorf("replication: Config.Peers: %q at %q is incomplete or there twice", m.ID, m.Address)
		}
		ids[m.ID], addresses[m.Address] = true, true
		if m.ID == c.NodeID && (m.Address != string(c.Transport.LocalAddr()) || !m.Voter) {
			return fmt.Errorf("replication: Config.Peers: this node is to be a voter at its transport's address %q, not %+v", c.Transport.LocalAddr(), m)
		}
	}
	if len(c.Peers) > 0 && !ids[c.NodeID] {
		return fmt.Errorf("replication: Config.Peers %v are without this node, %q", c.Peers, c.NodeID)
	}
	return nil
}

func orElse[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
