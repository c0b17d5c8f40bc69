package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"uncross/internal/nodes/nodestest"
)

// TestBenchFIX runs the measurement with a real venue and a real echo and tiny counts; it checks the counts by itself.
func TestBenchFIX(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(nodestest.Program(t), "bench", "fix", "--dir", dir, "--repeats", "1", "--seconds", "0.02", "--rates", "500", "--fix-orders", "200", "--window", "20").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"round trip", "venue, sent", "1 repetitions of 200 orders, up to 20 ahead", "venue ÷ echo", "check: every order was answered once"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestFIXAddressIsChecked refuses addresses of a replay that cannot be meant.
func TestFIXAddressIsChecked(t *testing.T) {
	for _, c := range []struct{ to, admin, want string }{
		{"fix://A:b@127.0.0.1:1", "", "--admin"},
		{"http://127.0.0.1:1", "http://127.0.0.1:2", "--admin"},
		{"fix://127.0.0.1:1", "http://127.0.0.1:2", "CompID"},
		{"fix://A@127.0.0.1:1", "http://127.0.0.1:2", "password"},
		{"fix://A:b@127.0.0.1", "http://127.0.0.1:2", "port"},
		{"fix://A:b@127.0.0.1:1/x", "http://127.0.0.1:2", "as in fix://"},
	} {
		f := remoteFlags{To: c.to, Admin: c.admin, OperatorKey: "k", Batch: 1, Window: 1, Patience: 1}
		if err := f.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with --admin %q: %v, expected %q", c.to, c.admin, err, c.want)
		}
	}
	f := remoteFlags{To: "fixs://A:b@localhost:1", Admin: "https://localhost:2", OperatorKey: "k", Batch: 1, Window: 1, Patience: 1, DropCopy: true}
	if err := f.Validate(); err != nil {
		t.Error(err)
	}
	if x, err := f.fix(nil); err != nil || x.TLS == nil || x.CompID != "A" || x.Password != "b" || x.DropCopy != "A-COPY" || x.Address != "localhost:1" {
		t.Errorf("%+v %v", x, err)
	}
}
