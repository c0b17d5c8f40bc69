package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"uncross/internal/nodes/nodestest"
)

// soakSaid is what this test reads of a line of a soak's report file.
type soakSaid struct {
	Kind  string `json:"kind"`
	Piece int    `json:"piece"`
	Node  string `json:"node"`
}

// soakSays returns the lines of the report file so far.
func soakSays(t *testing.T, dir string) (all []soakSaid) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "soak.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var s soakSaid
		if json.Unmarshal(line, &s) == nil {
			all = append(all, s)
		}
	}
	return all
}

// TestBenchSoakEnd ends a node from outside while a piece of a soak counts, when it breaks nothing any more by itself, as a node's
// disk does that stands still then. The node is started again, and the piece is whole. Where the count was over before the node had
// ended, there is another piece.
func TestBenchSoakEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	const node, pieces = "node-2", 10
	dir := filepath.Join(t.TempDir(), "soak")
	for piece := 1; piece <= pieces; piece++ {
		soak := exec.Command(nodestest.Program(t), "bench", "soak", "--dir", dir, "--for", "2s", "--every", "1s", "--fault-every", "1h")
		var out bytes.Buffer
		soak.Stdout, soak.Stderr = &out, &out
		if err := soak.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = soak.Process.Kill() }) // it has ended, as a rule
		ended := make(chan error, 1)
		go func() { ended <- soak.Wait() }()
		var err error
		for counts, over := false, false; !over; {
			select {
			case err = <-ended:
				over = true
			case <-time.After(time.Millisecond):
			}
			if said := soakSays(t, dir); !counts && !over && len(said) > 0 && said[len(said)-1] == (soakSaid{Kind: "counts", Piece: piece}) {
				counts = true
				_ = syscall.Kill(lastPID(t, filepath.Join(dir, node+".log")), syscall.SIGKILL) // it is seen below whether that came in time
			}
		}
		if err != nil {
			t.Fatalf("piece %d: %v\n%s", piece, err, out.String())
		}
		kinds := map[soakSaid]int{}
		for _, s := range soakSays(t, dir) {
			kinds[s]++
		}
		if kinds[soakSaid{Kind: "ends", Piece: piece}] != 1 {
			t.Fatalf("piece %d has no end\n%s", piece, out.String())
		}
		if kinds[soakSaid{"alone", piece, node}] > 0 {
			return
		}
	}
	t.Errorf("in none of %d pieces %s ended before the count was over", pieces, node)
}

// lastPID returns the process id of the last start that a node's log tells of.
func lastPID(t *testing.T, log string) int {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	const started = "started, pid "
	_, pid, _ := strings.Cut(string(text[max(0, bytes.LastIndex(text, []byte(started))):]), started)
	pid, _, _ = strings.Cut(pid, "\n")
	id, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatalf("%s: %v", log, err)
	}
	return id
}
