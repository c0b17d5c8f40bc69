//go:build linux

package interop

import (
	"context"
	"strings"
	"testing"

	"uncross/internal/nodes/nodestest"
)

// cluster is a venue of three nodes, each a process of its own, on loopback.
type cluster struct{ *nodestest.Venue }

type object = nodestest.Object

// newCluster makes the venue and starts its nodes.
func newCluster(t *testing.T, flags ...string) *cluster {
	t.Helper()
	c := &cluster{nodestest.Lay(t, t.TempDir())}
	for _, n := range c.Nodes {
		n.Flags = flags
	}
	t.Cleanup(c.end)
	c.Init()
	return c
}

// end ends the nodes. What they have said is looked through for errors that clients must not cause, and kept where the test has
// failed.
func (c *cluster) end() {
	c.End()
	for _, n := range c.Nodes {
		for _, line := range n.Complaints() {
			if !strings.Contains(line, "part=raft") { // that others come and go
				c.T.Error(line)
			}
		}
	}
	if c.T.Failed() {
		c.KeepLogs()
	}
}

// bound is how long anything that must come may take.
func (c *cluster) bound() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}
