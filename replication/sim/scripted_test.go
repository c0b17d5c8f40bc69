package sim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// Some bugs need messages to cross in a way that chance brings about too seldom. Here one node is real, and the test speaks
// for the other two.

// scripted is a cluster of three of which n1 is real.
type scripted struct {
	t      *testing.T
	w      *world
	n2, n3 *port
}

func script(t *testing.T, bug Bug, f func(*scripted)) (failure string) {
	t.Helper()
	var r *Result
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(Options{Seed: 1, Nodes: 3, Bug: bug})
		s := &scripted{t, w, w.net.open("n2"), w.net.open("n3")}
		w.boxes[0].start()
		f(s)
		s.n2.kill()
		s.n3.kill()
		w.wind()
		r = w.result()
	})
	return r.Failure
}

func (p *port) header() raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(p.id), Addr: []byte(p.addr)}
}

// candidate lets n1 stand for election, gives it its pre-votes, and returns its requests for votes.
func (s *scripted) candidate() (at2, at3 raft.RPC) {
	for at2.Command == nil || at3.Command == nil {
		var rpc raft.RPC
		var at *raft.RPC
		select {
		case rpc = <-s.n2.inbox:
			at = &at2
		case rpc = <-s.n3.inbox:
			at = &at3
		}
		switch r := rpc.Command.(type) {
		case *raft.RequestPreVoteRequest:
			rpc.Respond(&raft.RequestPreVoteResponse{Term: r.Term, Granted: true}, nil)
		case *raft.RequestVoteRequest:
			*at = rpc
		}
	}
	return at2, at3
}

// n1 is a candidate of one term when the leader of the next is heard of, and its vote arrives just behind that: it must
// not lead. With the fast path the heartbeat makes it a follower of the next term beside the main loop, which then counts
// the vote and leads, in the other's term.
func crossing(s *scripted) {
	at2, at3 := s.candidate()
	term := at2.Command.(*raft.RequestVoteRequest).Term
	var resp raft.AppendEntriesResponse
	beat := raft.AppendEntriesRequest{RPCHeader: s.n3.header(), Term: term + 1}
	if err := s.n3.AppendEntries("n1", "n1", &beat, &resp); err != nil || resp.Term != term+1 {
		s.t.Errorf("the heartbeat got %+v, %v", resp, err)
	}
	at2.Respond(&raft.RequestVoteResponse{Term: term, Granted: true}, nil)
	time.Sleep(50 * time.Millisecond)
	at3.Respond(nil, errRefused) // whatever it says wakes the main loop as well
}

func TestVotesThatCrossAHeartbeat(t *testing.T) {
	if failure := script(t, NoBug, crossing); failure != "" {
		t.Error(failure)
	}
	failure := script(t, FastBeats, crossing)
	if failure == "" {
		t.Error("the planted bug was not found: heartbeats beside the main loop (hashicorp/raft issue 695)")
	}
	t.Log("planted bug found:", failure)
}

// n1 votes, loses power, and is asked for its vote in the same term by another.
func voteTwice(granted *int) func(*scripted) {
	return func(s *scripted) {
		at2, _ := s.candidate() // so that it knows no leader; its term is known by it
		term := at2.Command.(*raft.RequestVoteRequest).Term + 3
		for _, p := range []*port{s.n2, s.n3} {
			var resp raft.RequestVoteResponse
			ask := raft.RequestVoteRequest{RPCHeader: p.header(), Term: term, LastLogIndex: 9, LastLogTerm: 9}
			if err := p.RequestVote("n1", "n1", &ask, &resp); err != nil {
				s.t.Error(err)
			}
			if resp.Granted {
				*granted++
			}
			b := s.w.boxes[0]
			b.process().powerCut("after a vote")
			for b.process() == nil {
				time.Sleep(time.Millisecond)
			}
		}
	}
}

func TestAVoteSurvivesAPowerCut(t *testing.T) {
	for _, want := range []struct {
		bug     Bug
		granted int
	}{{NoBug, 1}, {NoVotes, 2}} {
		granted := 0
		if failure := script(t, want.bug, voteTwice(&granted)); failure != "" {
			t.Error(failure)
		}
		if granted != want.granted {
			t.Errorf("%d votes in one term, with bug %d %d are expected", granted, want.bug, want.granted)
		}
	}
}
