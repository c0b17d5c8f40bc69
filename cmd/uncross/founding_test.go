//go:build linux

package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"uncross/internal/nodes"
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
	t.Run("of one node, on which a founding was broken off", func(t *testing.T) {
		foundBeside(t, func(dataDir) error { return nil }, func(c *nodestest.Venue, d dataDir) error {
			var members []replication.Member
			for _, n := range c.Nodes {
				members = append(members, replication.Member{ID: n.Name, Address: n.Raft, Voter: true})
			}
			return d.incarnate(founding(members))
		})
	})
	t.Run("restored", func(t *testing.T) {
		foundBeside(t, func(d dataDir) error {
			again, err := newIncarnation()
			return errors.Join(err, d.incarnate(again)) // as restore does
		})
	})
}

// foundBeside begins a venue on one node, whose data are prepared before and changed behind that, and starts all three nodes as founders.
func foundBeside(t *testing.T, change func(dataDir) error, prepare ...func(*nodestest.Venue, dataDir) error) {
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
	for _, p := range prepare {
		c.Must(p(c, dataDir(first.Data)))
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

// TestRemovedFounder: a founder that was removed and comes back empty as it was started first does not found the cluster once more, also
// with its genesis.json at hand; with --join it is a member again.
func TestRemovedFounder(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes take a while")
	}
	for _, keepsGenesis := range []bool{false, true} {
		c := nodestest.Lay(t, t.TempDir())
		t.Cleanup(c.End)
		c.KeepLogs()
		c.Init()
		c.Ready()
		leader := c.Leader()
		gone := c.Nodes[slices.IndexFunc(c.Nodes, func(n *nodes.Node) bool { return n != leader })]
		c.Must(c.Admin.Do(t.Context(), "DELETE", "/v1/admin/cluster/members/"+gone.Name, nil, nil))
		c.Must(gone.Stop(syscall.SIGTERM))
		genesis, err := os.ReadFile(dataDir(gone.Data).genesis())
		c.Must(err)
		c.Must(os.RemoveAll(gone.Data))
		if keepsGenesis {
			c.Must(os.MkdirAll(gone.Data, 0o700))
			c.Must(os.WriteFile(dataDir(gone.Data).genesis(), genesis, 0o600))
		}
		c.Must(gone.Start())
		c.Await(gone.Name+" to be refused", gone.Gone)
		if gone.Count("goes on without this node") == 0 || gone.Count("in place of --peers") == 0 {
			t.Errorf("%s does not say what to do", gone.Tail())
		}
		c.Must(gone.Stop(syscall.SIGTERM))
		gone.Join = []string{leader.Raft}
		c.Must(gone.Start())
		c.Ready()
		c.End()
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
	c.Await("word of it", func() bool { return odd.Count("is founded there with other --peers") > 0 })
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
