package http

import (
	"uncross/engine/wire"
)

// Core is what the gateway needs of the node behind it. All methods may be called from many goroutines.
type Core interface {
	// Submit hands in a command without ever waiting. An error means that it will not be applied.
	Submit(c *wire.Command) error
	// Ready reports whether reads may be served: the views have what had been committed when the node started. A follower is
	// ready as well as a leader, and once it is, it stays so.
	Ready() bool
	// Leading reports whether commands are taken: this node leads, and it is ready.
	Leading() bool
	// Status tells how the node stands.
	Status() NodeStatus
	// Snapshot takes a snapshot now and returns when it is durable.
	Snapshot() error
}

// Source is a reader of the event ring: lossless, so that no answer is missed.
type Source interface {
	Read(dst []wire.Event, stop <-chan struct{}) (n int, lost uint64, ok bool)
}

// NodeStatus is how a node stands.
type NodeStatus struct {
	NodeID       string
	Role         string // raft's: leader, follower, candidate; empty before the node has joined
	ContactMs    int64  // since the leader was last heard of; 0 on the leader, negative when there has been none
	Leader       bool   // and commands are taken
	Term         uint64 // raft's
	Index        uint64 // raft index of the last applied entry
	Seq          uint64 // number of the last applied command
	TimeNs       int64  // engine time
	FullHash     uint64 // after Seq
	BusinessHash uint64
	InputQueued  int    // commands that wait for the sequencer
	InputSize    int    // how many may
	EventLag     uint64 // events that the slowest lossless reader is behind
	LogFirst     uint64 // raft indexes held in the log
	LogLast      uint64
	LogBytes     int64
}
