//go:build linux

package main

import (
	"errors"
	"net"
	"os/exec"
	"syscall"
	"testing"

	"uncross/internal/nodes/nodestest"
	"uncross/replication"
)

// TestFoundersOfABegunVenue: a venue that one node has begun, or that was restored, keeps its log when empty nodes are started beside
// it as if all of them founded it: they are refused, and join as they are told to.
func TestFoundersOfABegunVenue(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes take a while")
	}
	t.Run("of one node", func(t *testing.T) { foundBeside(t, func(dataDir) error { return nil }) })
	t.Run("restored", func(t *testing.T) {
		foundBeside(t, func(d dataDir) error {
			again, err := newIncarnation()
			return errors.Join(err, d.incarnate(again)) // as restore does
		})
	})
}

// foundBeside begins a venue on one node, changes its data, and starts all three nodes as founders.
func foundBeside(t *testing.T, change func(dataDir) error) {
	t.Helper()
	c := nodestest.Lay(t, t.TempDir())
	t.Cleanup(c.End)
	c.KeepLogs()
	first, others := c.Nodes[0], c.Nodes[1:]
	raft := first.Raft
	first.Raft = "" // alone
	if out, err := exec.Command(c.Program, "init", "--data", first.Data, "--key", c.KeyFile).CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	c.Must(first.Start())
	c.Await("a venue of one node", func() bool { return first.Leads(t.Context()) })
	before, err := first.Status(t.Context())
	c.Must(err)
	c.Must(first.Stop(syscall.SIGTERM))
	first.Raft = raft
	c.Must(change(dataDir(first.Data)))

	c.Must(c.Start())
	for _, n := range others {
		c.Await(n.Name+" to be refused", n.Gone)
		if n.Count("the venue has begun already") != 1 || n.Count("--join "+raft) != 1 {
			t.Errorf("%s does not say what to do", n.Tail())
		}
		c.Must(n.Stop(syscall.SIGTERM))
	}
	c.Await("the venue of one node", func() bool { return first.Leads(t.Context()) })
	for _, n := range others {
		n.Join = []string{raft}
		c.Must(n.Start())
	}
	c.Ready()
	if s := c.Level(); s.Command < before.Command {
		t.Errorf("command %d, and before it was %d", s.Command, before.Command)
	}
}

// TestFoundersThatDiffer: nodes whose --peers differ do not found a cluster, and say why; they do once these are the same.
func TestFoundersThatDiffer(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes take a while")
	}
	c := nodestest.Lay(t, t.TempDir())
	t.Cleanup(c.End)
	c.KeepLogs()
	odd := c.Nodes[2]
	right := odd.Peers
	odd.Peers = append([]string{}, right...)
	_, port, _ := net.SplitHostPort(c.Nodes[1].Raft)
	odd.Peers[1] = "node-2=localhost:" + port // the same node by another name
	c.Init()
	c.Await("word of it", func() bool { return odd.Count("founded there with other --peers") > 0 })
	c.Must(odd.Stop(syscall.SIGTERM))
	odd.Peers = right
	c.Must(odd.Start())
	c.Ready()
	if s := c.Level(); s.Command == 0 {
		t.Errorf("%+v", s)
	}
}

// TestFounding: the founders' order makes no difference, and anything else does.
func TestFounding(t *testing.T) {
	a, b := replication.Member{ID: "a", Address: "h:1", Voter: true}, replication.Member{ID: "b", Address: "h:2", Voter: true}
	moved := a
	moved.Address = "h:3"
	want := founding([]replication.Member{a, b})
	if founding([]replication.Member{b, a}) != want {
		t.Error("the order makes a difference")
	}
	for _, other := range [][]replication.Member{{a}, {b}, {moved, b}} {
		if founding(other) == want {
			t.Errorf("%v found the same cluster", other)
		}
	}
}
