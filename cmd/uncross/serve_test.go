package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"uncross/gateway/auth"
	"uncross/internal/nodes/nodestest"
	"uncross/wal"
)

// TestServeRefuses shows what a node does not start with.
func TestServeRefuses(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	if _, status, text := v.verify(); status != exitFailed || !strings.Contains(text, "in use") {
		t.Errorf("verify while the node runs: status %d, %s", status, text)
	}
	second := exec.Command(v.program, "serve", "--data", v.data, "--listen", "127.0.0.1:0")
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("a second node on the same data: %v, %s", err, out)
	}
	other := newVenue(t)
	other.address = v.address
	if err := other.start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("the same address: %v", err)
	}
	if said, err := v.stop(syscall.SIGTERM); err != nil {
		t.Errorf("told to stop: %v\n%s", err, said)
	}
	// The log of another venue.
	if err := os.Remove(dataDir(v.data).genesis()); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(dataDir(other.data).genesis(), dataDir(v.data).genesis()); err != nil {
		t.Fatal(err)
	}
	if err := v.start(); err == nil || !strings.Contains(err.Error(), "belongs to cluster") {
		t.Errorf("foreign genesis: %v", err)
	}
}

// TestRestart stops and starts a node: the venue is the same.
func TestRestart(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	before := v.status()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		if said, err := v.stop(sig); err != nil && sig != syscall.SIGKILL {
			t.Errorf("%v: %v\n%s", sig, err, said)
		}
		v.mustStart()
		if after := v.status(); after != before {
			t.Errorf("after %v: %+v, before %+v", sig, after, before)
		}
	}
}

// TestServeWithoutInit serves a directory that is not there: the node runs and has no operator until init adds one.
func TestServeWithoutInit(t *testing.T) {
	v := newVenue(t)
	if err := os.RemoveAll(v.data); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(v.keyFile); err != nil {
		t.Fatal(err)
	}
	v.mustStart()
	if s := v.status(); s.Command != "0" {
		t.Errorf("a venue without an operator has had command %s", s.Command)
	}
	if err := v.snapshot(t.Context()); err == nil {
		t.Error("a key of nobody takes a snapshot")
	}
	if said, err := v.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("told to stop: %v\n%s", err, said)
	}
	before, err := dataDir(v.data).readGenesis()
	if err != nil || hasOperator(&before) {
		t.Fatalf("genesis %+v, %v", before, err)
	}
	if status, _, said := call("", "init", "--data", v.data, "--key", v.keyFile); status != 0 {
		t.Fatalf("init: status %d, %q", status, said)
	}
	if v.operator, err = auth.LoadKey(v.keyFile); err != nil {
		t.Fatal(err)
	}
	v.mustStart()
	if err := v.snapshot(t.Context()); err != nil {
		t.Errorf("the operator's snapshot: %v", err)
	}
	if after, err := dataDir(v.data).readGenesis(); err != nil || after.ClusterID != before.ClusterID {
		t.Errorf("cluster %x before init, %x after it, %v", before.ClusterID, after.ClusterID, err)
	}
}

// TestStoresAheadOfLog refuses a history, and a FIX store, that has commands which the log has not.
func TestStoresAheadOfLog(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	v.stop(syscall.SIGTERM)
	short := filepath.Join(t.TempDir(), "wal") // and its tripwire, all as of an earlier moment
	if err := os.CopyFS(short, os.DirFS(dataDir(v.data).wal())); err != nil {
		t.Fatal(err)
	}
	tripwire := wal.DefaultTripwire(dataDir(v.data).wal())
	then, err := os.ReadFile(tripwire)
	if err != nil {
		t.Fatal(err)
	}
	v.mustStart()
	if err := v.snapshot(t.Context()); err != nil { // with a logon, which is a command
		t.Fatal(err)
	}
	v.stop(syscall.SIGTERM)
	for _, dir := range []string{dataDir(v.data).wal(), dataDir(v.data).snapshots()} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Rename(short, dataDir(v.data).wal()), os.WriteFile(tripwire, then, 0o600)); err != nil {
		t.Fatal(err)
	}
	d := dataDir(v.data)
	for folder, says := range map[string]string{d.history(): "the FIX store is ahead of the log", d.fix(): "the history is ahead of the log"} {
		if err := os.Rename(folder, folder+".away"); err != nil {
			t.Fatal(err)
		}
		if err := v.start(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("without %s: started, or said %v", folder, err)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder+".away", folder); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFlippedByte flips a byte in the middle of every file of the log that has a record, one at a time: verify ends with
// status 1 and says what is damaged, and serve does not start.
func TestFlippedByte(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	replayOn(t, v, syntheticSet(t, 500), nil)
	v.stop(syscall.SIGKILL)
	if _, status, text := v.verify(); status != 0 {
		t.Fatalf("before: %s", text)
	}
	flipped := 0
	err := filepath.WalkDir(dataDir(v.data).wal(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := bytes.LastIndex(whole, []byte("UNXB")) // a batch: the payload of a log entry
		if at < 0 {
			return nil
		}
		flipped++
		broken := bytes.Clone(whole)
		broken[at+20] ^= 0x10
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			return err
		}
		lines, status, text := v.verify()
		if status != exitFailed || lines["result"] != "DAMAGED" || lines["damage"] == "" {
			t.Errorf("%s, byte %d: verify ends with %d:\n%s", path, at+20, status, text)
		}
		t.Logf("%s", lines["damage"])
		if err := v.start(); err == nil {
			t.Errorf("%s, byte %d: the node starts", path, at+20)
			v.stop(syscall.SIGKILL)
		}
		return os.WriteFile(path, whole, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if flipped == 0 {
		t.Fatal("no file of the log has a record")
	}
	if _, status, text := v.verify(); status != 0 {
		t.Errorf("with the bytes as they were: %s", text)
	}
}

// TestDamagedSnapshot flips a byte in the newest snapshot: verify and serve refuse it, and say which file it is.
func TestDamagedSnapshot(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	replayOn(t, v, syntheticSet(t, 1000), nil)
	if err := v.snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.stop(syscall.SIGTERM)
	files := v.snapshots()
	if len(files) == 0 {
		t.Fatal("no snapshots")
	}
	newest := files[len(files)-1]
	whole, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 1
	if err := os.WriteFile(newest, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	lines, status, text := v.verify()
	if status != exitFailed || lines["result"] != "DAMAGED" || !strings.Contains(text, filepath.Base(newest)) {
		t.Errorf("verify ends with %d:\n%s", status, text)
	}
	if err := v.start(); err == nil || !strings.Contains(err.Error(), filepath.Base(newest)) {
		t.Errorf("serve: %v", err)
	}
	if err := os.WriteFile(newest, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, status, text := v.verify(); status != 0 {
		t.Errorf("with the byte as it was: %s", text)
	}
}

// TestReplayOnServerFindsDifferences plants a wrong trade in a set: the executions that come back and the history at the
// end both tell. A symbol that is in use and R rows are refused.
func TestReplayOnServerFindsDifferences(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	prefix := syntheticSet(t, 1000)
	text, err := os.ReadFile(prefix + ".trades.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")
	wrong := strings.Split(rows[len(rows)/2], ",")
	wrong[6] += "0" // the quantity
	rows[len(rows)/2] = strings.Join(wrong, ",")
	if err := os.WriteFile(prefix+".trades.csv", []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	replay := func(prefix string, more ...string) (int, string, string) {
		return call("", append([]string{"replay", "neutral", "--to", v.url(), "--operator-key", v.keyFile, prefix}, more...)...)
	}
	status, out, said := replay(prefix)
	want := []string{"the first one: command " + wrong[0], "the history's first one: the history has", "qty " + wrong[6]}
	for _, w := range want {
		if status != exitFailed || !strings.Contains(out, w) {
			t.Errorf("status %d, expected %q in\n%s%s", status, w, out, said)
		}
	}
	if status, _, said := replay(prefix); status != exitFailed || !strings.Contains(said, "choose another with --symbol") {
		t.Errorf("again: status %d, %s", status, said)
	}
	small := filepath.Join("..", "..", "internal", "neutral", "testdata", "small")
	if status, _, said := replay(small); status != exitFailed || !strings.Contains(said, "in process only") {
		t.Errorf("R rows: status %d, %s", status, said)
	}
}

// TestDev starts a development venue twice and trades as it says.
func TestDev(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl on this machine")
	}
	dir := t.TempDir()
	v := &venue{t: t, program: nodestest.Program(t), data: filepath.Join(dir, "data"), address: "127.0.0.1:0", flags: []string{"--dev", "--fix-listen", "127.0.0.1:0"}}
	t.Cleanup(v.end)
	v.mustStart()
	first := v.status().BusinessHash
	v.stop(syscall.SIGTERM)
	v.mustStart()
	if again := v.status().BusinessHash; again != first {
		t.Errorf("the second start changes the venue: business hash %s, then %s", first, again)
	}
	order := func(user, side string) string {
		body := `{"account":"` + user + `","symbol":"BTC-USD","side":"` + side + `","type":"limit","price":"64000.00","quantity":"0.5","client_order_id":"first-1"}`
		sign := exec.Command(v.program, "sign", "--key", filepath.Join(dir, "keys", user+".key"), "POST", v.url()+"/v1/orders", body)
		config, err := sign.Output()
		if err != nil {
			t.Fatal(err)
		}
		curl := exec.Command("curl", "-sK", "-")
		curl.Stdin = bytes.NewReader(config)
		answer, err := curl.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	if a := order("alice", "sell"); !strings.Contains(a, `"status":"new"`) {
		t.Errorf("the sell: %s", a)
	}
	fixed, err := exec.Command(v.program, "fix", "fix://ALICE1:"+devPlan.password+"@"+v.fix, "D|11=first-fix-1|55=BTC-USD|54=2|38=0.5|40=2|44=64001.00").CombinedOutput()
	if err != nil || !strings.Contains(string(fixed), "150=0") {
		t.Errorf("the first order by FIX: %v\n%s", err, fixed)
	}
	if a := order("bob", "buy"); !strings.Contains(a, `"status":"filled"`) || !strings.Contains(a, `"price":"64000.00"`) {
		t.Errorf("the buy: %s", a)
	}
}

// TestListenOnTakenPort is told before anything is made on disk.
func TestListenOnTakenPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	v := newVenue(t)
	v.address = ln.Addr().String()
	if err := v.start(); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("started: %v", err)
	}
	if _, err := os.Stat(dataDir(v.data).wal()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log was made: %v", err)
	}
}
