package replication

import "github.com/hashicorp/raft"

// NoHeartbeatFastPath wraps a network transport so that heartbeats pass through raft's main loop like everything else.
// Raft's fast path handles them on the transport's goroutine, where they race with the loop and can make nodes commit
// different values (hashicorp/raft issue 695). Embedding keeps the transport's pre-vote.
type NoHeartbeatFastPath struct{ *raft.NetworkTransport }

// SetHeartbeatHandler does nothing.
func (NoHeartbeatFastPath) SetHeartbeatHandler(func(raft.RPC)) {}

// safeTransport returns t, without the fast path where it has one.
func safeTransport(t raft.Transport) raft.Transport {
	if nt, ok := t.(*raft.NetworkTransport); ok {
		return NoHeartbeatFastPath{nt}
	}
	return t
}
