package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestNoFIXStoreWithoutSessions: data of a version that had no FIX, with a snapshot and a log that is cut, are sound, and a
// start on them warns of nothing.
func TestNoFIXStoreWithoutSessions(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	if err := v.snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dataDir(v.data).fix()); err != nil {
		t.Fatal(err)
	}
	if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" || !strings.Contains(lines["FIX store"], "no FIX sessions") {
		t.Errorf("status %d:\n%s", status, text)
	}
	v.mustStart()
	said, err := v.stop(syscall.SIGTERM)
	if err != nil || strings.Contains(said, "level=WARN") || strings.Contains(said, "level=ERROR") {
		t.Errorf("%v, and it said:\n%s", err, said)
	}
	if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" {
		t.Errorf("after a start, status %d:\n%s", status, text)
	}
}
