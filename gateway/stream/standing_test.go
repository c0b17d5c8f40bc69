package stream

import (
	"fmt"
	"sync/atomic"
	"testing"

	"uncross/gateway/http"
)

// TestPongSaysWhere: the answer to a ping says which node it is, how far, and on a follower, where orders are taken.
func TestPongSaysWhere(t *testing.T) {
	v := open(t, Limits{})
	var c *client
	ask := func() m {
		t.Helper()
		c.ask(m{"op": "ping", "id": "1"})
		return c.answer("pong")
	}
	c = v.connect()
	if a := ask(); a["node"] != nil || a["role"] != nil || a["applied"] != nil {
		t.Errorf("a node that does not say: %v", a)
	}
	v = open(t, Limits{})
	var standing atomic.Pointer[http.Standing]
	v.stream.standing = func() http.Standing { return *standing.Load() }
	c = v.connect()
	for _, s := range []struct {
		standing http.Standing
		want     string
	}{
		{http.Standing{Node: "node-1"}, "node-1 <nil> <nil> <nil>"},
		{http.Standing{Node: "node-1", Follows: true, LeaderAgeMs: 7, Leader: &http.Peer{Node: "node-2", HTTP: "http://h:1", FIX: "h:2"}}, "node-1 follower 7 map[fix:h:2 http:http://h:1 node:node-2]"},
		{http.Standing{Node: "node-1", Follows: true, LeaderAgeMs: -1}, "node-1 follower <nil> <nil>"},
	} {
		standing.Store(&s.standing)
		a := ask()
		if got := fmt.Sprint(a["node"], " ", a["role"], " ", a["leader_age_ms"], " ", a["leader"]); got != s.want {
			t.Errorf("%s, want %s", got, s.want)
		}
		if got, want := a["applied"], fmt.Sprint(v.view.Applied()); got != want {
			t.Errorf("applied %v, want %v", got, want)
		}
	}
}
