package peer

import "time"

// Version is the version of the handshake and of raft's messages. Nodes of different versions refuse each other.
const Version = 1

// Bounds of the port.
const (
	// MaxHello bounds a message of the handshake behind its first eight bytes, in bytes.
	MaxHello = 1024
	// MaxHandshakes is how many incoming connections may be in their handshake at once, MaxHandshakesPerAddress how many
	// from one IP address; more are closed at once.
	MaxHandshakes           = 128
	MaxHandshakesPerAddress = 32
	// MaxConns is how many incoming connections there may be in all, MaxConnsPerNode how many of one node.
	MaxConns        = 256
	MaxConnsPerNode = 64
	// MaxIdlePerNode is how many connections to one node are kept for raft's next requests.
	MaxIdlePerNode = 3
	// MaxFrame bounds one of raft's messages, in bytes, before memory is taken for it.
	MaxFrame = 8 << 20
	// MaxAppend bounds the entries of one AppendEntries, in bytes; one entry is always sent. What follows is sent in the
	// next, so that a follower that catches up never takes long for one message.
	MaxAppend = 1 << 20
	// MaxSnapshot is the largest snapshot that is taken from a leader, in bytes.
	MaxSnapshot = 64 << 30
	// MaxLogLines is how many refusals of a minute are written to the log one by one; the others are counted.
	MaxLogLines = 10
)

// Time-outs of the port. Those of raft's messages are kept on both sides: what the sender has given up is not handed to
// raft any more.
const (
	// HandshakeTimeout bounds connection, TLS and handshake together, on both sides.
	HandshakeTimeout = 5 * time.Second
	// lingerTimeout is how long a refused connection is kept for its other side to read why.
	lingerTimeout = 1 * time.Second
	// DialTimeout is the same for raft's own connections, which are tried again at once.
	DialTimeout = 1 * time.Second
	// HeartbeatTimeout bounds an AppendEntries without entries. It is over the leader lease: a lease that is lost is lost
	// by raft's clock, not by this one.
	HeartbeatTimeout = 1 * time.Second
	// VoteTimeout bounds votes, pre-votes and the hand-over of leadership: three fsyncs and the two ways.
	VoteTimeout = 2 * time.Second
	// AppendTimeout bounds an AppendEntries with entries; AppendPerMiB is added for each MiB of it. It is over the time
	// after which a node ends itself because its disk hangs.
	AppendTimeout = 3 * time.Second
	AppendPerMiB  = 1 * time.Second
	// MaxHold is how long entries are kept for a node that does not answer, before raft is told.
	MaxHold = 2 * time.Minute
	// StallTimeout is how long a snapshot's stream may stand still before it is given up, at either end.
	StallTimeout = 10 * time.Second
	// InstallTimeout bounds the wait for a snapshot to be installed once it has been sent; InstallPerMiB is added for each
	// MiB of it.
	InstallTimeout = 30 * time.Second
	InstallPerMiB  = 50 * time.Millisecond
	// IdleTimeout is how long one of raft's connections may be unused: the side that dialled lets go after half of it.
	IdleTimeout = 2 * time.Minute
	// CloseTimeout bounds how long Close waits for handlers.
	CloseTimeout = 5 * time.Second
)
