//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"uncross/internal/nodes/nodestest"
)

// TestBenchCluster lets the measurement of three nodes measure a little, and be broken off: nothing is left behind.
func TestBenchCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	out, err := exec.Command(nodestest.Program(t), "bench", "cluster", "--dir", dir, "--parts", "failover,throughput,catchup", "--failovers", "1", "--stops", "1", "--transfers", "1",
		"--rates", "100", "--seconds", "0.2", "--repeats", "1", "--fix-orders", "1000", "--window", "20").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"the leader killed (SIGKILL)", ": 0 lost, 0 doubled. Asked for on all 3 nodes", "three nodes ÷ one node", "by a snapshot, history and FIX store"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if out, err := exec.Command(nodestest.Program(t), "bench", "cluster", "--parts", "nothing").CombinedOutput(); err == nil || !strings.Contains(string(out), "--parts nothing: there are failover") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestBenchSoak runs two pieces of a soak of a few seconds, and writes their report. Where a piece is broken since a node has ended
// for the machine's own disk, there is one more.
func TestBenchSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := filepath.Join(t.TempDir(), "soak")
	stood, wrong := watchDisk(t), uint64(0)
	for whole := 0; whole < 2; {
		out, err := exec.Command(nodestest.Program(t), "bench", "soak", "--dir", dir, "--for", "3s", "--every", "1s", "--fault-every", "600ms").CombinedOutput()
		switch {
		case err == nil:
			whole++
		case strings.Contains(string(out), ownHang) && wrong < min(stood(), 3): // the machine's disk, which stood still for this process as well
			wrong++
		default:
			t.Fatalf("%v\n%s", err, out)
		}
	}
	file := filepath.Join(dir, "report.md")
	if out, err := exec.Command(nodestest.Program(t), "bench", "soak", "--dir", dir, "--report", file).CombinedOutput(); (err != nil) != (wrong > 0) {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pieces := fmt.Sprintf("s in 2 pieces (%d were begun; %d ended with something wrong", 2+wrong, wrong)
	for _, want := range []string{pieces, " | 0 | 0 |\n", "the same on all of them", "| time | piece | command | hash |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
