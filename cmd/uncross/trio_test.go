//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uncross/internal/nodes"
	"uncross/internal/nodes/nodestest"
)

// This file has three nodes of one venue as real processes of the built program, and what a test does to them. Where the machine
// allows it each node has a network of its own and a disk of its own; see trio_ground_test.go.

// restartAfter is the time before a node that has ended by itself is started again.
const restartAfter = 300 * time.Millisecond

// trio is a cluster of three processes. A node that ends by itself is started again.
type trio struct {
	*nodestest.Venue
	ground *ground // networks and disks; nil: loopback, and folders
	watch  *leaderWatch

	mu    sync.Mutex
	alone map[*nodes.Node][]string // how each has ended by itself since the last look
}

// newTrio makes the venue on the first node's disk; the other two learn it from that. ground says whether networks and disks of
// their own are wanted, where the machine allows them.
func newTrio(t *testing.T, wantGround bool, flags ...string) *trio {
	t.Helper()
	dir, err := os.MkdirTemp("", groundPrefix())
	if err != nil {
		t.Fatal(err)
	}
	c := &trio{Venue: nodestest.Lay(t, dir), alone: map[*nodes.Node][]string{}}
	t.Cleanup(c.end)
	for _, n := range c.Nodes {
		n.Flags = flags
		n.Ended = func(how *os.ProcessState) { c.fell(n, how) }
	}
	if wantGround {
		c.ground = newGround(t, dir)
	}
	if c.ground != nil {
		c.settle()
	}
	c.Init()
	c.watch = watchLeader(c.Nodes)
	return c
}

// settle gives the nodes their networks and disks, and certificates for each other.
func (c *trio) settle() {
	c.T.Helper()
	certs := filepath.Join(c.Dir, "certs")
	if out, err := exec.Command(c.Program, "cluster", "certs", "--dir", certs, "--node", "node-1,node-2,node-3").CombinedOutput(); err != nil {
		c.T.Fatalf("certs: %v\n%s", err, out)
	}
	file := func(name string) string { return filepath.Join(certs, name) }
	for i, n := range c.Nodes {
		host := c.ground.address(i)
		n.Data, n.Enter = filepath.Join(c.ground.disks[i].Dir, "data"), c.ground.enter(n.Name)
		n.HTTP, n.FIX, n.Raft = host+":8080", host+":9880", host+":7946"
		n.Flags = append([]string{"--cluster-ca", file("ca.pem"), "--cluster-cert", file(n.Name + ".pem"), "--cluster-key", file(n.Name + ".key")}, n.Flags...)
	}
	c.Introduce()
}

// end ends all processes, and prints what they have said when the test has failed.
func (c *trio) end() {
	if c.watch != nil {
		c.watch.end()
	}
	if c.ground != nil {
		c.ground.thawAll()
	}
	c.Venue.End()
	if c.T.Failed() {
		c.KeepLogs()
	}
	if c.ground != nil {
		c.ground.remove()
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		c.T.Errorf("left behind: %v", err)
	}
}

// fell notes that a node has ended by itself, and starts it again a little later.
func (c *trio) fell(n *nodes.Node, how *os.ProcessState) {
	c.mu.Lock()
	c.alone[n] = append(c.alone[n], fmt.Sprintf("%s ended by itself: %v: %s", n.Name, how, n.LastWords()))
	c.mu.Unlock()
	time.AfterFunc(restartAfter, func() { c.check(n.Revive()) })
}

// check notes what must not be, from any goroutine.
func (c *trio) check(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Error(err)
	}
}

func (c *trio) start(n *nodes.Node) {
	c.T.Helper()
	c.check(n.Start())
}

// kill ends a node with a signal, waits until it has, and leaves it down.
func (c *trio) kill(n *nodes.Node, sig syscall.Signal) {
	c.T.Helper()
	c.check(n.Stop(sig))
}

// ownEnds returns how a node has ended by itself since the last call.
func (c *trio) ownEnds(n *nodes.Node) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	alone := c.alone[n]
	delete(c.alone, n)
	return alone
}

// others returns the nodes but one.
func (c *trio) others(than *nodes.Node) (all []*nodes.Node) {
	for _, n := range c.Nodes {
		if n != than {
			all = append(all, n)
		}
	}
	return all
}

// tool runs a command of the program on the nodes as the operator.
func (c *trio) tool(args ...string) error {
	args = append(args, "--key", c.KeyFile, "--server", strings.Join(c.URLs(), ","))
	ctx, cancel := context.WithTimeout(context.Background(), nodes.Patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, c.Program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("uncross %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// insist repeats what an operator does until it is done: it may come at a moment without a leader.
func (c *trio) insist(args ...string) {
	c.T.Helper()
	var err error
	for begin := time.Now(); time.Since(begin) < nodes.Patience; time.Sleep(5 * nodes.Look) {
		if err = c.tool(args...); err == nil {
			return
		}
	}
	c.T.Fatal(err)
}

// snapshot has one node take a snapshot.
func (c *trio) snapshot(n *nodes.Node) error {
	ctx, cancel := context.WithTimeout(c.T.Context(), nodes.Patience)
	defer cancel()
	return c.ClientAt(n, &c.Operator).Until(ctx, "POST", "/v1/admin/snapshot", nil, nil)
}

// leaderWatch looks at all nodes all the time, and notes when nobody led.
type leaderWatch struct {
	stop context.CancelFunc
	over sync.WaitGroup

	mu      sync.Mutex
	last    time.Time     // somebody said that it leads
	longest time.Duration // between two such words since the last call of without
	changes int           // of who leads
	who     *nodes.Node
}

func watchLeader(all []*nodes.Node) *leaderWatch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &leaderWatch{stop: cancel}
	for _, n := range all {
		w.over.Go(func() {
			for ctx.Err() == nil {
				if n.Leads(ctx) {
					w.saw(n)
				}
				time.Sleep(nodes.Look)
			}
		})
	}
	return w
}

func (w *leaderWatch) end() {
	w.stop()
	w.over.Wait()
}

func (w *leaderWatch) saw(n *nodes.Node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if !w.last.IsZero() {
		w.longest = max(w.longest, now.Sub(w.last))
	}
	if w.who != n {
		w.who = n
		w.changes++
	}
	w.last = now
}

// without returns the longest time without a leader since the last call, and how often another one led.
func (w *leaderWatch) without() (longest time.Duration, changes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest, changes = w.longest, w.changes
	w.longest, w.changes = 0, 0
	return longest, changes
}
