package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes/nodestest"
)

func TestMain(m *testing.M) { nodestest.Main(m) }

// venue is a prepared data directory with its operator's key, and the server that runs on it, if one does.
type venue struct {
	t        *testing.T
	program  string
	data     string
	keyFile  string
	operator auth.Key
	address  string // kept over restarts, so that clients find it again
	fix      string // address for FIX, where flags ask for it
	flags    []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	over   bool // the test has ended: no process is to be left behind
}

// newVenue runs init in a new directory.
func newVenue(t *testing.T, flags ...string) *venue {
	t.Helper()
	dir := t.TempDir()
	v := &venue{t: t, program: nodestest.Program(t), data: filepath.Join(dir, "data"), keyFile: filepath.Join(dir, "operator.key"), address: "127.0.0.1:0", flags: flags}
	if out, err := exec.Command(v.program, "init", "--data", v.data, "--key", v.keyFile).CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	var err error
	if v.operator, err = auth.LoadKey(v.keyFile); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.end)
	return v
}

// end kills the server, also one that is just being started.
func (v *venue) end() {
	v.mu.Lock()
	v.over = true
	v.mu.Unlock()
	v.stop(syscall.SIGKILL)
}

func (v *venue) url() string { return "http://" + v.address }

// start starts the server and returns when it is ready.
func (v *venue) start() error {
	cmd := exec.Command(v.program, append([]string{"serve", "--data", v.data, "--listen", v.address}, v.flags...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok && address != v.address {
			v.address = address
		}
		if address, ok := strings.CutPrefix(lines.Text(), "FIX on "); ok {
			v.fix = address
		}
		if strings.HasPrefix(lines.Text(), "ready:") {
			go io.Copy(io.Discard, stdout)
			v.mu.Lock()
			v.cmd, v.stderr = cmd, stderr
			over := v.over
			v.mu.Unlock()
			if over {
				v.stop(syscall.SIGKILL)
			}
			return nil
		}
	}
	err = cmd.Wait()
	return fmt.Errorf("serve ended before it was ready: %w\n%s", err, stderr)
}

func (v *venue) mustStart() {
	v.t.Helper()
	if err := v.start(); err != nil {
		v.t.Fatal(err)
	}
}

// stop sends a signal and waits for the end of the process. It returns what the process said and its end.
func (v *venue) stop(sig syscall.Signal) (said string, err error) {
	v.mu.Lock()
	cmd, stderr := v.cmd, v.stderr
	v.cmd = nil
	v.mu.Unlock()
	if cmd == nil {
		return "", nil
	}
	if err := cmd.Process.Signal(sig); err != nil {
		return "", err
	}
	err = cmd.Wait()
	return stderr.String(), err
}

// verify runs verify on the stopped venue and returns its output by the names of its lines, and its exit status.
func (v *venue) verify() (lines map[string]string, status int, text string) {
	cmd := exec.Command(v.program, "verify", "--data", v.data)
	out, _ := cmd.CombinedOutput()
	lines = map[string]string{}
	for line := range strings.Lines(string(out)) {
		if len(line) > 13 && line[0] != ' ' {
			lines[strings.TrimSpace(line[:13])] = strings.TrimSpace(line[13:])
		}
	}
	return lines, cmd.ProcessState.ExitCode(), string(out)
}

// status asks the running server how it stands.
func (v *venue) status() (s struct {
	FullHash     string `json:"full_hash"`
	BusinessHash string `json:"business_hash"`
	Command      string `json:"command"`
	Stream       struct {
		Connections int `json:"connections"`
	} `json:"stream"`
}) {
	v.t.Helper()
	short := http.Client{Timeout: time.Minute}
	answer, err := short.Get(v.url() + "/v1/status")
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		v.t.Fatal(err)
	}
	return s
}

// snapshot has the running server take a snapshot.
func (v *venue) snapshot(ctx context.Context) error {
	operator, err := client.New(client.Config{URL: v.url(), Key: &v.operator})
	if err != nil {
		return err
	}
	return operator.Until(ctx, "POST", "/v1/admin/snapshot", nil, nil)
}

// snapshots returns the snapshot files, the newest last.
func (v *venue) snapshots() []string {
	v.t.Helper()
	files, err := filepath.Glob(filepath.Join(dataDir(v.data).snapshots(), "*.snapshot"))
	if err != nil {
		v.t.Fatal(err)
	}
	return files
}
