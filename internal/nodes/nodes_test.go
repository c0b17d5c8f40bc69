package nodes

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFreeAddress: no address is given twice, and each can be listened at again and again.
func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		at, err := FreeAddress()
		if err != nil || seen[at] {
			t.Fatalf("%s, %v, after %d others", at, err, len(seen))
		}
		seen[at] = true
	}
}

// script is a node that is a shell's script: it is given all that a node is, and does not look at it.
func script(t *testing.T, text string) *Node {
	n := &Node{Program: "uncross", Log: filepath.Join(t.TempDir(), "log"), Notes: true, Enter: []string{"sh", "-c", text, "sh"}}
	n.Name = "node-1"
	t.Cleanup((&Venue{Nodes: []*Node{n}}).End)
	return n
}

// waitFor waits for something to be so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestEndsByItself: a node that ends by itself is told of and is gone until it is revived; one that is stopped is neither.
func TestEndsByItself(t *testing.T) {
	n := script(t, `echo "level=ERROR msg=hello"; sleep 600`)
	ended := make(chan *os.ProcessState, 1)
	n.Ended = func(how *os.ProcessState) { ended <- how }
	if n.Gone() || n.Revive() != nil || n.PID() != 0 {
		t.Error("it was not started, and runs or is gone")
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	pid := n.PID()
	waitFor(t, "what it says", func() bool { return n.Count("hello") == 1 })
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if how := <-ended; how.Pid() != pid || how.Exited() || !n.Gone() {
		t.Errorf("%v of process %d, gone %t", how, how.Pid(), n.Gone())
	}
	if err := n.Revive(); err != nil || n.Gone() || n.PID() == pid {
		t.Errorf("revived: %v, process %d", err, n.PID())
	}
	waitFor(t, "what it says again", func() bool { return n.Count("hello") == 2 })
	if err := n.Stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if n.Gone() || n.Revive() != nil || n.PID() != 0 || len(ended) > 0 {
		t.Error("it was stopped, and runs, is gone, or has told of it")
	}
	if lines := n.Complaints(); len(lines) != 2 || lines[0] != "node-1: level=ERROR msg=hello" || len(n.Complaints()) > 0 {
		t.Errorf("it complains of %q", lines)
	}
	if words, tail := n.LastWords(), n.Tail(); words != "level=ERROR msg=hello" || strings.Count(tail, "started, pid") != 2 || !strings.Contains(tail, "ended: signal: terminated") {
		t.Errorf("last words %q, and all\n%s", words, tail)
	}
}

// TestEnvironment: what variables say of this process is not meant for nodes.
func TestEnvironment(t *testing.T) {
	t.Setenv("UNCROSS_LISTEN", "here")
	n := script(t, `echo "it is $UNCROSS_LISTEN."`)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end", n.Gone)
	if n.Count("it is .") != 1 {
		t.Error(n.Tail())
	}
}
