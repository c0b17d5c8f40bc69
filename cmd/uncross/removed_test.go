//go:build linux

package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"uncross/internal/nodes"
)

// TestRemovedNodeIsTold removes a node that runs on: it learns so from the leader, says so once, and is not ready any more, also
// after a start. The others go on.
func TestRemovedNodeIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	c := newTrio(t, false)
	c.Ready()
	p := c.others(c.Leader())[0]
	const says = "this node was removed from the cluster"
	told := func(n *nodes.Node) bool {
		answer, err := http.Get(n.URL() + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), says)
	}
	before := p.Count(says)
	c.insist("cluster", "remove", p.Name)
	c.Await("the removed node knows", func() bool { return told(p) })
	c.kill(p, syscall.SIGKILL)
	c.start(p)
	c.Await("it knows after a start", func() bool { return told(p) })
	if n := p.Count(says) - before; n != 2 {
		t.Errorf("it was said %d times by two processes", n)
	}
	for _, o := range c.others(p) {
		if told(o) || !o.Ready(t.Context()) {
			t.Errorf("%s thinks that it was removed, or is not ready", o.Name)
		}
	}
}
