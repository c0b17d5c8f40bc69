package replication

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// What a deposed leader's replicator makes of the next leader's log or snapshot is neither sent nor taken. The simulation
// found it: a node that had taken such a snapshot refused to start, since it remembered a term before that of its own data.
func TestDeposedLeaderIsNotHeard(t *testing.T) {
	_, wire := raft.NewInmemTransportWithTimeout("here", time.Minute)
	_, from := raft.NewInmemTransportWithTimeout("there", time.Minute)
	from.Connect("here", wire)
	e, transport := newEar(wire, func() time.Duration { return time.Second })
	e.covers = func(*raft.InstallSnapshotRequest) *raft.InstallSnapshotResponse { return nil }
	e.behind = func(r *raft.AppendEntriesRequest) *raft.AppendEntriesRequest { return r }
	e.servers = func() []raft.Server { return nil }
	go e.run()
	defer close(e.quit)
	reached := make(chan any, 8)
	go func() {
		for rpc := range transport.Consumer() {
			reached <- rpc.Command
			switch rpc.Command.(type) {
			case *raft.AppendEntriesRequest:
				rpc.Respond(&raft.AppendEntriesResponse{Success: true}, nil)
			default:
				rpc.Respond(&raft.InstallSnapshotResponse{Success: true}, nil)
			}
		}
	}()
	sender, _ := newEar(from, func() time.Duration { return time.Second })
	entries := func(terms ...uint64) (logs []*raft.Log) {
		for i, term := range terms {
			logs = append(logs, &raft.Log{Index: uint64(i + 10), Term: term})
		}
		return logs
	}
	members := raft.EncodeConfiguration(raft.Configuration{})
	for _, c := range []struct {
		name    string
		request any
		passes  bool
	}{
		{"its own entries", &raft.AppendEntriesRequest{Term: 4, PrevLogEntry: 9, PrevLogTerm: 3, Entries: entries(3, 4)}, true},
		{"the next leader's entries", &raft.AppendEntriesRequest{Term: 4, PrevLogEntry: 9, PrevLogTerm: 3, Entries: entries(3, 6)}, false},
		{"behind the next leader's entry", &raft.AppendEntriesRequest{Term: 4, PrevLogEntry: 9, PrevLogTerm: 6}, false},
		{"a snapshot", &raft.InstallSnapshotRequest{Term: 4, LastLogIndex: 9, LastLogTerm: 4, Size: 3, Configuration: members}, true},
		{"the next leader's snapshot", &raft.InstallSnapshotRequest{Term: 4, LastLogIndex: 9, LastLogTerm: 6, Size: 3, Configuration: members}, false},
	} {
		var received, sent error
		switch r := c.request.(type) {
		case *raft.AppendEntriesRequest:
			received = from.AppendEntries("here", "here", r, new(raft.AppendEntriesResponse))
			sent = sender.AppendEntries("here", "here", r, new(raft.AppendEntriesResponse))
		case *raft.InstallSnapshotRequest:
			rest := bytes.NewReader([]byte("abc"))
			received = from.InstallSnapshot("here", "here", r, new(raft.InstallSnapshotResponse), rest)
			if left, _ := io.ReadAll(rest); !c.passes && len(left) > 0 {
				t.Errorf("%s: %d bytes of the stream are left for the next request", c.name, len(left))
			}
			sent = sender.InstallSnapshot("here", "here", r, new(raft.InstallSnapshotResponse), bytes.NewReader([]byte("abc")))
		}
		if c.passes && (received != nil || sent != nil) || !c.passes && (received == nil || !errors.Is(sent, errDeposed)) {
			t.Errorf("%s: received %v, sent %v", c.name, received, sent)
		}
		if n := len(reached); c.passes != (n == 2) || !c.passes && n > 0 {
			t.Errorf("%s: raft has seen %d requests", c.name, n)
		}
		for len(reached) > 0 {
			<-reached
		}
	}
}
