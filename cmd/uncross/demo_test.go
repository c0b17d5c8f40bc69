package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes/nodestest"
	"uncross/internal/recorded"
)

// demonstration is a demonstration that runs as a process of its own.
type demonstration struct {
	t      *testing.T
	data   string
	url    string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	read   chan struct{} // all that it printed has been read

	mu    sync.Mutex
	lines []string
}

// startDemo starts a demonstration and returns when it is ready.
func startDemo(t *testing.T, data string, args ...string) *demonstration {
	t.Helper()
	d := &demonstration{t: t, data: data, read: make(chan struct{})}
	d.cmd = exec.Command(nodestest.Program(t), append([]string{"demo", "--data", data, "--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0"}, args...)...)
	d.cmd.Stderr = &d.stderr
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // a test that has come to its end has waited for it
	})
	go func() {
		defer close(d.read)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			d.mu.Lock()
			d.lines = append(d.lines, lines.Text())
			d.mu.Unlock()
		}
	}()
	ready := d.await("ready:")
	if ready == "" {
		t.Fatalf("the demonstration did not become ready\n%s\n%s", strings.Join(d.printed(), "\n"), d.stderr.String())
	}
	d.url, _ = strings.CutPrefix(d.await("listening on "), "listening on ")
	return d
}

// demoPatience bounds what a test waits for, also on a machine that has much else to do.
const demoPatience = time.Minute

func (d *demonstration) printed() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

// await returns the first line that has a text in it, "" when the process has ended, or after long, without one.
func (d *demonstration) await(text string) string {
	for end := time.Now().Add(demoPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		ended := false
		select {
		case <-d.read:
			ended = true
		default:
		}
		for _, l := range d.printed() {
			if strings.Contains(l, text) {
				return l
			}
		}
		if ended {
			break
		}
	}
	return ""
}

// get reads a public answer.
func (d *demonstration) get(path string, out any) {
	d.t.Helper()
	short := http.Client{Timeout: demoPatience}
	answer, err := short.Get(d.url + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(text, out); err != nil || answer.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %s, %s", path, answer.Status, text)
	}
}

func (d *demonstration) openOrders() int {
	d.t.Helper()
	var s struct {
		Count struct {
			OpenOrders int `json:"open_orders"`
		} `json:"count"`
	}
	d.get("/v1/status", &s)
	return s.Count.OpenOrders
}

// client returns a client with one of the demonstration's keys.
func (d *demonstration) client(name string) *client.Client {
	d.t.Helper()
	k, err := auth.LoadKey(filepath.Join(d.data, "keys", name+".key"))
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: d.url, Key: &k})
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// slowDisk is in a line that tells of the machine, which others use as well, and of nothing that the demonstration does.
const slowDisk = `level=WARN msg="the disk is slow"`

// stop tells it to stop and holds that it does so in order, with nothing to complain of.
func (d *demonstration) stop(sig syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatal(err)
	}
	<-d.read
	err := d.cmd.Wait()
	if sig == syscall.SIGKILL {
		return
	}
	if err != nil {
		d.t.Errorf("told to stop: %v\n%s", err, d.stderr.String())
	}
	for said := range strings.Lines(d.stderr.String()) {
		if !strings.Contains(said, slowDisk) {
			d.t.Errorf("it logged %s", said)
		}
	}
}

// lastTrade returns the number of an instrument's latest trade, "" before there is one.
func (d *demonstration) lastTrade(symbol string) string {
	d.t.Helper()
	var a struct {
		Items []struct {
			ID string `json:"trade_id"`
		} `json:"items"`
	}
	if d.get("/v1/instruments/"+symbol+"/trades?limit=1", &a); len(a.Items) == 0 {
		return ""
	}
	return a.Items[0].ID
}

// demoPolls bounds how often a test looks for something to happen.
const demoPolls = int(demoPatience / (50 * time.Millisecond))

// awaitTrades looks until every instrument has traded behind the trades that are given.
func (d *demonstration) awaitTrades(before map[string]string) (last map[string]string) {
	d.t.Helper()
	last = map[string]string{}
	for range demoPolls {
		for _, symbol := range demoSymbols() {
			if id := d.lastTrade(symbol); id != "" && id != before[symbol] {
				last[symbol] = id
			}
		}
		if len(last) == len(demoSymbols()) {
			return last
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatalf("only %v have traded", last)
	return nil
}

// TestDemo runs the demonstration: every instrument trades, the visitor can trade, what a killed one left in the books is canceled,
// the next start goes on and tells of nothing but what is new, the phases of one instrument change, and it stops in order.
func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	live := []string{"--rate", "200", "--trading-day", "10s"}
	d := startDemo(t, dir, live...)
	last := d.awaitTrades(nil)
	d.visitEarly()
	d.settings(1)
	d.until("trades enough to tell them from what is new", func() bool { return d.trades() > 100 })
	var open struct {
		Items []struct {
			ID string `json:"order_id"`
		} `json:"items"`
	}
	maker := d.client("maker-1")
	for range demoPolls {
		if err := maker.Do(t.Context(), "GET", "/v1/orders?account=maker-1&symbol=BTC-USD", nil, &open); err != nil {
			t.Fatal(err)
		}
		if len(open.Items) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.stop(syscall.SIGKILL)
	if len(open.Items) == 0 {
		t.Fatal("a maker has no orders")
	}
	d = startDemo(t, dir, "--rate", "1")
	var order struct {
		Status string `json:"status"`
	}
	for _, o := range open.Items {
		if err := d.client("maker-1").Do(t.Context(), "GET", "/v1/orders/"+o.ID, nil, &order); err != nil || order.Status == "open" {
			t.Errorf("order %s of the killed run: %+v, %v", o.ID, order, err)
		}
	}
	d.stop(syscall.SIGINT)

	d = startDemo(t, dir, "--rate", "0")
	if n := d.openOrders(); n != 0 {
		t.Errorf("%d orders are open although the traders have left", n)
	}
	for symbol, id := range last {
		if now := d.lastTrade(symbol); now == "" {
			t.Errorf("%s has lost its trades, such as %s", symbol, id)
		}
	}
	before := d.trades()
	d.stop(syscall.SIGTERM)

	d = startDemo(t, dir, live...)
	d.awaitTrades(last)
	d.impoverish()
	after := uint64(0) // trades when it had told for the first time how things stand
	count := func() {
		if after == 0 && d.count("orders/s, ") > 0 {
			after = d.trades()
		}
	}
	d.awaitPhases(4, count)
	d.visit()
	var orders, trades float64
	if _, err := fmt.Sscanf(d.await("orders/s, "), "%f orders/s, %f trades/s", &orders, &trades); err != nil {
		t.Errorf("it did not tell how things stand: %v\n%s", err, strings.Join(d.printed(), "\n"))
	}
	count()
	if most := float64(after-before)/(0.99*tellPlain.Seconds()) + 0.5; orders < 0.5 || trades > most {
		t.Errorf("it told of %v orders and %v trades a second, but there were no more than %.1f new ones", orders, trades, most)
	}
	d.stop(syscall.SIGINT)
}

// awaitPhases looks until the instrument with auctions has been seen in that many phases. Something else is done at every look.
func (d *demonstration) awaitPhases(many int, meanwhile func()) {
	d.t.Helper()
	phases := map[string]bool{}
	for range demoPolls {
		var in struct {
			Phase string `json:"phase"`
		}
		d.get("/v1/instruments/"+demoAuctions, &in)
		meanwhile()
		if phases[in.Phase] = true; len(phases) == many {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Errorf("the phases were %v", phases)
}

// trades returns how many trades the venue has had: they are numbered from 1.
func (d *demonstration) trades() (last uint64) {
	d.t.Helper()
	for _, symbol := range demoSymbols() {
		if id := d.lastTrade(symbol); id != "" {
			n, err := strconv.ParseUint(id, 10, 64)
			if err != nil {
				d.t.Fatal(err)
			}
			last = max(last, n)
		}
	}
	return last
}

// settings reads the printed settings for QuickFIX, holds that they name every node, and logs on with them.
func (d *demonstration) settings(nodes int) {
	d.t.Helper()
	_, path, _ := strings.Cut(d.await("QuickFIX: settings are in "), "settings are in ")
	path, _, _ = strings.Cut(path, ";")
	raw, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	text := string(raw)
	defaults, session, ok := strings.Cut(text, "\n[SESSION]\n")
	if !ok || strings.Count(text, "\n[") != 2 || !strings.Contains(defaults, "\n[DEFAULT]\n") {
		d.t.Fatalf("%s has other sections than one of what all sessions have and one of a session:\n%s", path, text)
	}
	said := map[string]string{}
	for line := range strings.Lines(defaults + "\n" + session) {
		key, value, set := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if strings.HasPrefix(line, "#") || !set {
			continue
		}
		if _, twice := said[key]; twice {
			d.t.Errorf("%s says %s twice:\n%s", path, key, text)
		}
		said[key] = value
	}
	for key, want := range map[string]string{"ConnectionType": "initiator", "BeginString": "FIX.4.4", "SenderCompID": "YOU", "TargetCompID": "UNCROSS",
		"StartTime": "00:00:00", "EndTime": "00:00:00", "ResetOnLogon": "Y"} {
		if said[key] != want {
			d.t.Errorf("%s says %s=%s, expected %s", path, key, said[key], want)
		}
	}
	if beat, err := strconv.Atoi(said["HeartBtInt"]); err != nil || beat < 1 || !filepath.IsAbs(said["FileStorePath"]) {
		d.t.Errorf("%s says HeartBtInt=%s, FileStorePath=%s", path, said["HeartBtInt"], said["FileStorePath"])
	}
	if _, has := said["Password"]; has || !strings.Contains(defaults, "the application does") || !strings.Contains(defaults, demoPlan.password) {
		d.t.Errorf("%s does not say who sends the password:\n%s", path, text)
	}
	printed := strings.Join(d.printed(), "\n")
	var addresses []string
	for i := range nodes {
		nth := ""
		if i > 0 {
			nth = strconv.Itoa(i)
		}
		address := net.JoinHostPort(said["SocketConnectHost"+nth], said["SocketConnectPort"+nth])
		if nodes > 1 && !strings.Contains(printed, "  FIX "+address+"  process") || slices.Contains(addresses, address) {
			d.t.Errorf("%s has node %d at %s", path, i+1, address)
		}
		addresses = append(addresses, address)
	}
	if _, more := said["SocketConnectHost"+strconv.Itoa(nodes)]; more {
		d.t.Errorf("%s names other nodes than %d:\n%s", path, nodes, text)
	}
	var told []string
	for _, address := range addresses { // one of them leads
		to := fmt.Sprintf("fix://%s:%s@%s", said["SenderCompID"], demoPlan.password, address)
		out, err := exec.Command(nodestest.Program(d.t), "fix", to, "D|11="+newOrderID("settings-")+"|55=BTC-USD|54=1|38=0.01|40=1|59=3").CombinedOutput()
		if err == nil && strings.Contains(string(out), "|56="+said["SenderCompID"]+"|") && strings.Contains(string(out), "|150=0|") {
			return
		}
		told = append(told, fmt.Sprint(to, ": ", err, "\n", string(out)))
	}
	d.t.Errorf("nobody logs on as %s says:\n%s", path, strings.Join(told, "\n"))
}

// visit has the visitor trade, by REST and by FIX, as it is printed. At a later start the orders are new ones.
func (d *demonstration) visit() {
	d.t.Helper()
	if o := d.order(); o.Status != "filled" || o.Repeat {
		d.t.Errorf("the visitor's order: %+v", o)
	}
	if said := d.orderByFIX(); !strings.Contains(said, "|150=F|") {
		d.t.Errorf("the visitor's order by FIX: %s", said)
	}
}

// visitEarly has the visitor send what is printed when there may be nothing to trade with yet. The orders are taken all the same.
func (d *demonstration) visitEarly() {
	d.t.Helper()
	if o := d.order(); o.Repeat || o.OrderID == "" {
		d.t.Errorf("the visitor's early order: %+v", o)
	}
	if said := d.orderByFIX(); !strings.Contains(said, "|150=0|") {
		d.t.Errorf("the visitor's early order by FIX: %s", said)
	}
}

// order sends the printed order by REST.
func (d *demonstration) order() (o client.Order) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), demoPatience)
	defer cancel()
	line := strings.TrimSuffix(strings.TrimSpace(d.await("client_order_id")), " | curl -sK -")
	var order object
	if err := json.Unmarshal([]byte(strings.Trim(line, "'")), &order); err != nil {
		d.t.Fatalf("the line for REST is %q: %v", line, err)
	}
	if err := d.client(demoYou).Do(ctx, "POST", "/v1/orders", order, &o); err != nil {
		d.t.Errorf("%s: %v", line, err)
	}
	return o
}

// orderByFIX runs the printed command and returns what it says.
func (d *demonstration) orderByFIX() string {
	d.t.Helper()
	line := strings.TrimSpace(d.await("fix fix://YOU:"))
	args := strings.SplitN(line, " ", 4)
	if len(args) != 4 {
		d.t.Fatalf("the line for FIX is %q", line)
	}
	out, err := exec.Command(nodestest.Program(d.t), args[1], args[2], strings.Trim(args[3], "'")).CombinedOutput()
	if err != nil {
		d.t.Errorf("%s: %v", line, err)
	}
	return string(out)
}

// impoverish takes most of a trader's money away and waits until the custodian of the demonstration has paid it in again.
func (d *demonstration) impoverish() {
	d.t.Helper()
	const account, asset = "noise-2", "CNY"
	c := d.client(custodianName)
	body := object{"account": account, "asset": asset, "amount": "9000000", "reference": "away"}
	if err := c.Until(d.t.Context(), "POST", "/v1/admin/withdrawals", body, nil); err != nil {
		d.t.Fatal(err)
	}
	for range demoPolls {
		var ledger struct {
			Items []struct {
				Kind      string `json:"kind"`
				Asset     string `json:"asset"`
				Reference string `json:"reference"`
			} `json:"items"`
		}
		if err := c.Until(d.t.Context(), "GET", "/v1/ledger?limit=1000&account="+account, nil, &ledger); err != nil {
			d.t.Fatal(err)
		}
		for _, e := range ledger.Items {
			if e.Kind == "deposit" && e.Asset == asset && strings.HasPrefix(e.Reference, "top-up-") {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Errorf("nobody has paid in %s", asset)
}

// TestDemoDay sends a small day by way of the gateway, twice: it is the exchange's own both times, and the venue goes on.
func TestDemoDay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for n, speed := range []string{"10x", "max"} {
		d := startDemo(t, dir, "--rate", "0", "--day", filepath.Join("testdata", "day"), "--speed", speed)
		symbol := []string{"day", "day-2"}[n]
		d.await("the day is over")
		for _, says := range []string{"8 of 8 equal, 0 too many", "8 of 8 trades equal", symbol + " through the gateway", "the day is over"} {
			if d.await(says) == "" {
				t.Errorf("at %s it did not say %q:\n%s\n%s", speed, says, strings.Join(d.printed(), "\n"), d.stderr.String())
			}
		}
		var in struct {
			Quote string `json:"quote"`
			Last  string `json:"last_price"`
			Phase string `json:"phase"`
		}
		if d.get("/v1/instruments/"+symbol, &in); in.Quote != "CNY" || in.Last != "0.0090" || in.Phase != "closed" {
			t.Errorf("%s: %+v", symbol, in)
		}
		d.stop(syscall.SIGINT)
	}
}

// TestDemoRealDay sends a whole day of a bank's share.
func TestDemoRealDay(t *testing.T) {
	prefix := filepath.Join(recorded.Dir(t), "sse_order_by_order", "601825_20230711")
	if testing.Short() {
		t.Skip("a whole day takes a while")
	}
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), "--rate", "0", "--day", prefix, "--speed", "max")
	for _, says := range []string{"5,370 of 5,370 equal, 0 too many", "5370 of 5370 trades equal", "the day is over"} {
		if d.await(says) == "" {
			t.Errorf("it did not say %q:\n%s\n%s", says, strings.Join(d.printed(), "\n"), d.stderr.String())
		}
	}
	d.stop(syscall.SIGINT)
}

// TestDemoRefuses shows what a demonstration does not start with, and what it says.
func TestDemoRefuses(t *testing.T) {
	dir := t.TempDir()
	dev, own, node := filepath.Join(dir, "dev"), filepath.Join(dir, "own"), filepath.Join(dir, "node")
	if err := prepare(dataDir(filepath.Join(dev, "data")), devVenue); err != nil {
		t.Fatal(err)
	}
	if err := prepare(dataDir(node), devVenue); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(own, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(own, "keys", "custodian.key"), []byte("of another venue"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := newVenue(t)
	v.mustStart()
	run := startDemo(t, filepath.Join(dir, "run"), "--rate", "0")
	free := []string{"--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0"}
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{exitUsage, "loopback address only", []string{"--listen", "0.0.0.0:8080"}},
		{exitUsage, "loopback address only", []string{"--fix-listen", "10.0.0.1:9880"}},
		{exitUsage, "is no speed", []string{"--speed", "fast"}},
		{exitUsage, "is no speed", []string{"--speed=-1x"}},
		{exitUsage, "uncross bench", []string{"--rate", "5000"}},
		{exitUsage, "--rate -1 is negative", []string{"--rate=-1"}},
		{exitUsage, "--rate -1 is negative", []string{"--rate", "-1"}},
		{exitUsage, "is no number of orders", []string{"--rate", "many"}},
		{exitFailed, "demo.go is a file", append([]string{"--data", "demo.go"}, free...)},
		{exitUsage, "--trading-day", []string{"--trading-day", "1s"}},
		{exitUsage, "--day-decimals", []string{"--day-decimals", "10"}},
		{exitFailed, "no-such-day", append([]string{"--day", filepath.Join(dir, "no-such-day")}, free...)},
		{exitFailed, "another server listens there", []string{"--data", filepath.Join(dir, "x"), "--listen", v.address, "--fix-listen", "127.0.0.1:0"}},
		{exitFailed, "which is no demonstration", append([]string{"--data", dev}, free...)},
		{exitFailed, "which is no demonstration", append([]string{"--data", dev, "--fresh"}, free...)},
		{exitFailed, "is a node's data directory", append([]string{"--data", node}, free...)},
		{exitFailed, "custodian.key is there", append([]string{"--data", own, "--fresh"}, free...)},
		{exitFailed, "in use by another process", append([]string{"--data", run.data, "--fresh"}, free...)},
		{exitFailed, "in use by another process", append([]string{"--data", run.data}, free...)},
	} {
		cmd := exec.Command(nodestest.Program(t), append([]string{"demo"}, c.args...)...)
		out, _ := cmd.CombinedOutput()
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%v: status %d, expected %d and %q in\n%s", c.args, status, c.status, c.says, out)
		}
		if strings.Contains(string(out), "--dev ") {
			t.Errorf("%v: it speaks of a flag of another command:\n%s", c.args, out)
		}
	}
	if !exists(filepath.Join(dev, "keys", "operator.key")) || !exists(filepath.Join(own, "keys", "custodian.key")) {
		t.Error("somebody else's keys are gone")
	}
	run.stop(syscall.SIGINT)
	if err := os.RemoveAll(filepath.Join(run.data, "keys")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(nodestest.Program(t), append([]string{"demo", "--data", run.data}, free...)...).CombinedOutput(); err == nil || !strings.Contains(string(out), "--fresh") {
		t.Errorf("without its keys: %v\n%s", err, out)
	}
	anew := startDemo(t, run.data, "--rate", "0", "--fresh")
	anew.stop(syscall.SIGINT)
}

// TestDemoKeepsForeign shows that a demonstration neither takes over nor removes what it has not made.
func TestDemoKeepsForeign(t *testing.T) {
	refused := func(dir, found string, args ...string) {
		t.Helper()
		args = append([]string{"demo", "--data", dir, "--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0"}, args...)
		out, err := exec.Command(nodestest.Program(t), args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), found) {
			t.Errorf("%v: %v, expected %s in\n%s", args, err, found, out)
		}
	}
	write := func(file string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"data/thesis.txt", "data/wal/thesis.txt", "keys/mine.key", "keys/operator.key", "quickfix.cfg"} {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.FromSlash(name))
		write(file)
		parts := strings.Split(name, "/")
		found := filepath.Join(dir, filepath.Join(parts[:min(2, len(parts))]...))
		refused(dir, found+" is there")
		refused(dir, found+" is there", "--fresh")
		if made, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(made) != 1 || !exists(file) {
			t.Errorf("beside %s there is now %v, %v", name, made, err)
		}
	}
	dir := t.TempDir()
	startDemo(t, dir, "--rate", "0").stop(syscall.SIGINT)
	for name, says := range map[string]string{"data/thesis.txt": "is not of the demonstration", "keys/mine.key": "is not of the demonstration",
		"quickfix.cfg": "is there, and is not of a demonstration"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		write(file)
		refused(dir, file+" "+says, "--fresh")
		if !exists(file) || !exists(filepath.Join(dir, "keys", "you.key")) || !exists(filepath.Join(dir, "data", "wal")) {
			t.Error("a refused --fresh has removed something")
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	startDemo(t, dir, "--rate", "0", "--fresh").stop(syscall.SIGINT)
}

// TestDevKeepsForeign shows the same of serve --dev.
func TestDevKeepsForeign(t *testing.T) {
	dir := t.TempDir()
	thesis := filepath.Join(dir, "data", "thesis.txt")
	if err := os.MkdirAll(filepath.Dir(thesis), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(thesis, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepareDev(dataDir(filepath.Dir(thesis))); err == nil || !strings.Contains(err.Error(), thesis) {
		t.Errorf("with a foreign file: %v", err)
	}
	if exists(filepath.Join(dir, "keys")) {
		t.Error("keys were made")
	}
	if err := os.Remove(thesis); err != nil {
		t.Fatal(err)
	}
	if err := prepareDev(dataDir(filepath.Dir(thesis))); err != nil {
		t.Errorf("with an empty folder: %v", err)
	}
}

// TestDevCommandsAreNew shows that every start prints order ids of its own.
func TestDevCommandsAreNew(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		var b bytes.Buffer
		(&setter{dir: dataDir(t.TempDir()), plan: &devPlan}).explain(&b)
		_, id, _ := strings.Cut(b.String(), `"client_order_id":"`)
		if id, _, _ = strings.Cut(id, `"`); !strings.HasPrefix(id, "first-") || seen[id] {
			t.Errorf("the id %q, after %v", id, seen)
		}
		seen[id] = true
		time.Sleep(2 * time.Millisecond)
	}
}

// TestSpeed holds how speeds are read and written.
func TestSpeed(t *testing.T) {
	for text, want := range map[string]string{"10x": "10x", "10": "10x", "0.5x": "0.5x", "max": "max", "1e3x": "1000x"} {
		var s speed
		if err := s.UnmarshalText([]byte(text)); err != nil || fmt.Sprint(s) != want {
			t.Errorf("%s is read as %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "x", "NaN", "Infx", "0", "2y", "-3x", "1e9x"} {
		var s speed
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}
