package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"uncross/internal/nodes/nodestest"
)

// nodesOf reads the addresses of a demonstration's nodes as it prints them, and the process ids of the second and third.
func (d *demonstration) nodesOf() (urls []string, pids []int) {
	d.t.Helper()
	line := regexp.MustCompile(`^  node-\d +(http://[^/]+)/ .* process (\d+)`)
	for _, text := range d.printed() {
		if m := line.FindStringSubmatch(text); m != nil {
			pid, _ := strconv.Atoi(m[2])
			urls, pids = append(urls, m[1]), append(pids, pid)
		}
	}
	if len(urls) != 3 || pids[0] != d.cmd.Process.Pid {
		d.t.Fatalf("the nodes are %v, %v\n%s", urls, pids, strings.Join(d.printed(), "\n"))
	}
	return urls, pids[1:]
}

// printedCommand runs a command as it is printed, and returns what it says. It may come at a moment without a leader: then it is run
// again, as a reader would.
func (d *demonstration) printedCommand(begin string) string {
	d.t.Helper()
	_, args, _ := strings.Cut(d.await(begin), begin)
	for end := time.Now().Add(demoPatience); ; time.Sleep(100 * time.Millisecond) {
		out, err := exec.Command(nodestest.Program(d.t), strings.Fields(begin+args)...).CombinedOutput()
		if err == nil {
			return string(out)
		}
		if time.Now().After(end) {
			d.t.Fatalf("%s%s: %v\n%s", begin, args, err, out)
		}
	}
}

// count returns how many of the lines so far have a text in them.
func (d *demonstration) count(text string) (n int) {
	for _, l := range d.printed() {
		if strings.Contains(l, text) {
			n++
		}
	}
	return n
}

// until looks for something to be so.
func (d *demonstration) until(what string, so func() bool) {
	d.t.Helper()
	for end := time.Now().Add(demoPatience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("still not: %s\n%s\n%s", what, strings.Join(d.printed(), "\n"), d.stderr.String())
		}
	}
}

// agreed looks until all nodes have been seen at one command, behind a given one, and returns it: they must have had one hash there.
// While orders come they are never asked at the same command, so that what each has shown is kept.
func (d *demonstration) agreed(urls []string, behind uint64) (command uint64) {
	d.t.Helper()
	short := http.Client{Timeout: demoPatience}
	hashes := map[uint64][]string{} // by command: of each node, "" where it has not been seen there
	d.until("all nodes at one command", func() bool {
		for i, u := range urls {
			var s struct {
				Command  uint64 `json:"command,string"`
				FullHash string `json:"full_hash"`
			}
			a, err := short.Get(u + "/v1/status")
			if err != nil {
				continue // it is not there yet
			}
			err = json.NewDecoder(a.Body).Decode(&s)
			if a.Body.Close(); err != nil || s.Command <= behind || s.FullHash == "" {
				continue
			}
			of := hashes[s.Command]
			if of == nil {
				of = make([]string, len(urls))
				hashes[s.Command] = of
			}
			of[i] = s.FullHash
			if slices.ContainsFunc(of, func(h string) bool { return h != "" && h != s.FullHash }) {
				d.t.Fatalf("different hashes at command %d: %q", s.Command, of)
			}
			if command = s.Command; !slices.Contains(of, "") {
				return true
			}
		}
		return false
	})
	return command
}

// runs reports whether there is a process of that id.
func runs(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// TestDemoNodes runs a demonstration of three nodes: the leader is killed, the trades go on, the killed one comes back by the line
// that is printed, and all have the same hash. It ends with all its processes, and goes on at the next start.
func TestDemoNodes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, "--nodes", "3", "--rate", "100")
	urls, pids := d.nodesOf()
	d.settings(len(urls))
	d.printedCommand("cluster transfer node-2 ")
	if d.await("node-2 leads") == "" {
		t.Fatalf("no leader was told\n%s", strings.Join(d.printed(), "\n"))
	}
	last := d.lastTrade("BTC-USD")
	changes := d.count(" leads")
	killed := time.Now()
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.await("node-2, process "+strconv.Itoa(pids[0])+", has ended"), "signal: killed") {
		t.Error("it is not told that a node has ended, or not why")
	}
	d.until("another leader", func() bool { return d.count(" leads") > changes })
	d.until("trades after the leader's death", func() bool { id := d.lastTrade("BTC-USD"); return id != "" && id != last })
	t.Logf("trades go on %v after the leader was killed", time.Since(killed).Round(10*time.Millisecond))

	again := exec.Command(nodestest.Program(t), strings.Fields(d.await("serve --data"))[1:]...)
	var said bytes.Buffer
	again.Stdout, again.Stderr = &said, &said
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- again.Wait() }()
	t.Cleanup(func() { _ = again.Process.Kill() }) // it has ended, as a rule
	at := d.agreed(urls, 100)
	if out := d.printedCommand("cluster status "); strings.Count(out, "node-") < 3 || strings.Contains(out, "differs") {
		t.Errorf("the status says\n%s", out)
	}
	d.stop(syscall.SIGINT)
	if runs(pids[1]) {
		t.Errorf("process %d goes on", pids[1])
	}
	if !runs(again.Process.Pid) {
		t.Errorf("the node that was started by hand has ended\n%s", said.String())
	}
	_ = again.Process.Signal(syscall.SIGTERM) // seen below
	if err := <-ended; err != nil {
		t.Errorf("the node that was started by hand: %v\n%s", err, said.String())
	}

	refused, err := exec.Command(nodestest.Program(t), "demo", "--data", dir, "--nodes", "1", "--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "has 3 of --nodes, not 1") {
		t.Errorf("another number of nodes: %v\n%s", err, refused)
	}
	d = startDemo(t, dir, "--rate", "0")
	next, pids := d.nodesOf()
	if !slices.Equal(next[1:], urls[1:]) {
		t.Errorf("the nodes are at %v, before they were at %v", next, urls)
	}
	if now := d.agreed(next, at-1); now < at || d.lastTrade("BTC-USD") == "" {
		t.Errorf("at command %d, before at %d", now, at)
	}
	d.stop(syscall.SIGKILL)
	if runtime.GOOS == "linux" {
		d.until("the end of the other nodes", func() bool { return !runs(pids[0]) && !runs(pids[1]) })
	} else {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // seen above that they are the demonstration's
		}
	}
	d = startDemo(t, dir, "--rate", "0", "--fresh")
	d.stop(syscall.SIGINT)
	for _, name := range []string{"node-1", "node-2", "node-3", "nodes.json"} {
		if exists(filepath.Join(dir, name)) {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestDemoNodesRefuses shows what a demonstration of several nodes does not start with.
func TestDemoNodesRefuses(t *testing.T) {
	for name, write := range map[string]string{"node-2/thesis.txt": "is there", "nodes.json": "nodes.json"} {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(nodestest.Program(t), "demo", "--data", dir, "--nodes", "3", "--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), write) || !exists(file) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	for _, n := range []string{"2", "4", "7", "-1"} {
		out, err := exec.Command(nodestest.Program(t), "demo", "--nodes="+n).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--nodes "+n) {
			t.Errorf("--nodes %s: %v\n%s", n, err, out)
		}
	}
}
