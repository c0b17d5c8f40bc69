package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"uncross/replication"
	"uncross/replication/roster"
)

// TestSilentMember: what a node was when it was last heard is not told as what it is; how far it had come, and when that was, is.
func TestSilentMember(t *testing.T) {
	word := roster.Info{Role: "leader", Live: true, Term: 3, Command: 7, HTTP: "http://h:1", Version: "v"}
	for _, c := range []struct {
		age   time.Duration
		role  string
		ready bool
	}{
		{0, "leader", true}, {roster.Interval, "leader", true}, {roster.Silence, "leader", true},
		{roster.Silence + time.Millisecond, "", false}, {2 * time.Minute, "", false}, {-1, "", false},
	} {
		m := memberOf(replication.Member{ID: "b", Address: "h:2", Voter: true}, word, c.age, "why")
		if m.Role != c.role || m.Ready != c.ready || m.Heard != c.age || m.Seq != 7 || m.HTTP != "http://h:1" || !m.Voter || m.Problem != "why" {
			t.Errorf("heard %s ago: %+v", c.age, m)
		}
	}
}

// TestRemovalIsCommitted: a node is told that it was removed once all is committed that was in the log when it was first missing.
func TestRemovalIsCommitted(t *testing.T) {
	var a absence
	for i, c := range []struct {
		missing            bool
		term, last, commit uint64
		settled            bool
	}{
		{false, 2, 10, 10, false},
		{true, 2, 12, 10, false},
		{true, 2, 15, 11, false},
		{true, 2, 19, 12, true}, // under load the log's end is never committed
		{false, 2, 20, 13, false},
		{true, 2, 21, 20, false}, // removed again
		{true, 3, 22, 21, false}, // and another office
		{true, 3, 25, 22, true},
	} {
		if got := a.settled(c.missing, c.term, c.last, c.commit); got != c.settled {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

// TestToldRemoved: it is said once, and once more when the node is a member again.
func TestToldRemoved(t *testing.T) {
	var log bytes.Buffer
	cl := &clusterOf{node: "b", logger: newLogger(&log, slog.LevelInfo, "text")}
	for _, removed := range []bool{false, true, true, false, false} {
		cl.toldRemoved(removed)
		if (memberships{&node{cluster: cl}}).Removed() != removed {
			t.Errorf("told %v, and believed the opposite", removed)
		}
	}
	if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "removed from the cluster") || strings.Count(text, "level=INFO") != 1 {
		t.Errorf("it says\n%s", text)
	}
	if (memberships{&node{}}).Removed() {
		t.Error("a venue of one node was removed")
	}
}
