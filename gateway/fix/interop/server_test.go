package interop

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes/nodestest"
)

// venue is the real server on a development venue, in a process of its own.
type venue struct {
	t    *testing.T
	dir  string
	rest string // address
	fix  string // address; both are kept over restarts

	cmd    *exec.Cmd
	stderr *bytes.Buffer
}

func TestMain(m *testing.M) { nodestest.Main(m) }

// newVenue returns a development venue that does not run yet.
func newVenue(t *testing.T) *venue {
	t.Helper()
	v := &venue{t: t, dir: t.TempDir(), rest: "127.0.0.1:0", fix: "127.0.0.1:0"}
	t.Cleanup(func() {
		said := v.stop(syscall.SIGTERM)
		if strings.Contains(said, "level=ERROR") {
			t.Errorf("a client caused an error in the log:\n%s", said)
		} else if t.Failed() {
			t.Logf("the server said:\n%s", said)
		}
	})
	return v
}

// start starts the server and returns when it is ready.
func (v *venue) start() {
	v.t.Helper()
	v.cmd = exec.Command(nodestest.Program(v.t), "serve", "--dev", "--data", filepath.Join(v.dir, "data"), "--listen", v.rest, "--fix-listen", v.fix)
	v.stderr = &bytes.Buffer{}
	v.cmd.Stderr = v.stderr
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
			v.rest = address
		}
		if address, ok := strings.CutPrefix(lines.Text(), "FIX on "); ok {
			v.fix = address
		}
		if strings.HasPrefix(lines.Text(), "ready:") {
			go io.Copy(io.Discard, stdout)
			return
		}
	}
	err = v.cmd.Wait()
	v.cmd = nil
	v.t.Fatalf("serve ended before it was ready: %v\n%s", err, v.stderr)
}

// stop ends the server and returns what it said.
func (v *venue) stop(sig syscall.Signal) string {
	if v.cmd == nil {
		return ""
	}
	_ = v.cmd.Process.Signal(sig)
	_ = v.cmd.Wait()
	v.cmd = nil
	return v.stderr.String()
}

// admin makes a request as the operator.
func (v *venue) admin(method, path string, in any) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	k, err := auth.LoadKey(filepath.Join(v.dir, "keys", "operator.key"))
	if err != nil {
		v.t.Fatal(err)
	}
	operator, err := client.New(client.Config{URL: "http://" + v.rest, Key: &k})
	if err != nil {
		v.t.Fatal(err)
	}
	if err := operator.Until(ctx, method, "/v1/admin/"+path, in, nil); err != nil {
		v.t.Fatal(err)
	}
}

// port returns the port of the FIX address.
func (v *venue) port() string { return v.fix[strings.LastIndexByte(v.fix, ':')+1:] }

// toolFolder returns the folder with the npm packages, and false where there is none.
func toolFolder() (string, bool) {
	dir := os.Getenv("UNCROSS_INTEROP")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", ".interop")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	_, err = os.Stat(filepath.Join(dir, "node_modules", "jspurefix"))
	return dir, err == nil
}
