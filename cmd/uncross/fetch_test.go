//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"uncross/internal/nodes"
)

// TestVotesWhileItFetches: a node that was sent a snapshot, and cannot get the history that goes with it yet, is half of the
// majority that acknowledges orders when the third node has died.
func TestVotesWhileItFetches(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes take a while")
	}
	c := newTrio(t, false, "--history-sync", "20ms", "--trailing-bytes", "1")
	l := newLoad(t, c, 1)
	l.begin()
	r := newRound(c, l, rand.New(rand.NewPCG(1, 1)))
	r.goOn()
	p := r.follower()
	r.behind(p)
	// The others cannot lay a copy of their stores down.
	others := c.others(p)
	for _, o := range others {
		spool := filepath.Join(o.Data, "spool")
		c.Must(os.RemoveAll(spool))
		c.Must(os.WriteFile(spool, nil, 0o600))
	}
	c.start(p)
	c.Await("a fetch that fails", func() bool { return p.Count("no node has sent the store yet") > 0 })
	dead := others[0]
	c.kill(dead, syscall.SIGKILL)
	r.goOn() // orders are acknowledged
	if s, err := p.Status(t.Context()); err == nil && s.Ready {
		t.Errorf("it serves reads: %+v", s)
	}
	for _, o := range others {
		c.Must(os.Remove(filepath.Join(o.Data, "spool")))
	}
	c.Await(p.Name+" to have fetched its stores", func() bool { return p.Count("the store is fetched") > 1 })
	c.start(dead)
	l.check(func(o *nodes.Node) bool { return o == p || o == dead })
}
