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

	// MaxBatchBytes bounds one entry: beyond it an fsync takes longer than it saves.
	MaxBatchBytes = 256 << 10
	// MaxInFlight is how many entries may be under way at once: one is written while the next one fills.
	MaxInFlight = 2
	// TrailingLogs is how many entries stay in the log behind a snapshot.
	TrailingLogs = 16
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
	Bytes() int64 // of the entries held
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
	// A network transport is wrapped by NoHeartbeatFastPath.
	Transport raft.Transport
	// Timeouts; zero: SingleNodeTimeouts or ClusterTimeouts.
	Timeouts Timeouts

	InputCapacity int // commands that wait for the sequencer, a power of two
	EventCapacity int // events that wait for the slowest lossless reader, a power of two
	// CancelReserve is how many places of the input ring are kept for cancels; 0: an eighth.
	CancelReserve int
	BatchCommands int // most commands in one entry

	// SnapshotBytes of log make a snapshot due; negative: never by itself.
	SnapshotBytes int64
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

	// Skip lists entries (raft indexes) that are left out: the way out after an entry that stops every node. It must be
	// the same on all nodes, and stay for as long as the entries are in the log.
	Skip []uint64

	// Refused is told of commands that Submit took and that will not be answered by events: ErrNotApplied,
	// ErrUnknownOutcome or ErrClockJump. It is called from the node's own goroutines and must not block. nil: nobody asks.
	Refused func(wire.Origin, error)
	// Fatal is called once, with an error after which the node cannot go on. In production it must not return: the
	// process ends, so that nothing is acknowledged that is not durable. nil: log the error and exit with status 1.
	Fatal func(error)
	// Logger; nil: silent.
	Logger *slog.Logger
	// DrainTimeout bounds how long Close waits for what is under way.
	DrainTimeout time.Duration
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
	orElse(&c.SnapshotWait, DefaultSnapshotWait)
	orElse(&c.MaxJump, DefaultMaxJump)
	orElse(&c.MaxPause, DefaultMaxPause)
	orElse(&c.DrainTimeout, DefaultDrainTimeout)
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
	if c.Fatal == nil {
		logger := c.Logger
		c.Fatal = func(err error) {
			logger.Error("the node cannot go on", "error", err)
			os.Exit(1)
		}
	}
	return nil
}

func orElse[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
