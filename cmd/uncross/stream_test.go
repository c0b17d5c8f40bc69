package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"uncross/internal/nodes/nodestest"
)

// TestBenchFeed runs the measurement with a real venue, a real yardstick, and tiny counts; it checks what comes by itself.
func TestBenchFeed(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command(nodestest.Program(t), "bench", "feed", "--dir", dir, "--seconds", "0.2", "--rates", "100", "--subscribers", "12", "--slow", "2", "--flood", "300").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"12 subscribers, 2 of them slow", "delay to a fast subscriber", "p99.99", "trades", "bbo", "binary", "yardstick", "delivered with the book alone"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestStreamCommand follows a venue with the command, through a restart, and ends it with SIGINT.
func TestStreamCommand(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	s := v.equip(&followPlan)
	anna := mustClient(t, s, "anna")
	order := func(id, side, price string) {
		t.Helper()
		in := object{"account": "anna", "symbol": "COIN-USD", "side": side, "type": "limit", "price": price, "quantity": "0.5", "client_order_id": id}
		if err := anna.Until(t.Context(), "POST", "/v1/orders", in, nil); err != nil {
			t.Fatal(err)
		}
	}
	order("first", "buy", "100.00")
	seen := map[<-chan string][]string{}
	stream := func(args ...string) (lines, said <-chan string, end func() string) {
		t.Helper()
		cmd := exec.Command(v.program, append([]string{"stream", v.url()}, args...)...)
		reader := func(from io.Reader, err error) <-chan string {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			all := make(chan string, 1000)
			go func() {
				defer close(all)
				for in := bufio.NewScanner(from); in.Scan(); {
					all <- in.Text()
				}
			}()
			return all
		}
		out, err := cmd.StdoutPipe()
		beside, errBeside := cmd.StderrPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		lines, said = reader(out, err), reader(beside, errBeside)
		return lines, said, func() string {
			t.Helper()
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
			for range lines { // to the end
			}
			for line := range said {
				seen[said] = append(seen[said], line)
			}
			all := strings.Join(seen[said], "\n")
			if err := cmd.Wait(); err != nil {
				t.Errorf("ends with %v\n%s", err, all)
			}
			return all
		}
	}
	// until waits for a line with all parts. The channels come in any order: it may have been read already.
	until := func(lines <-chan string, parts ...string) {
		t.Helper()
		has := func(line string) bool {
			return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) })
		}
		for patience := time.After(followPatience); !slices.ContainsFunc(seen[lines], has); {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("it ended before a line with %q; it printed %q", parts, seen[lines])
				}
				seen[lines] = append(seen[lines], line)
			case <-patience:
				t.Fatalf("no line with %q; it printed %q", parts, seen[lines])
			}
		}
	}
	key := filepath.Join(dataDir(v.data).keys(), "anna.key")
	lines, said, end := stream("book:COIN-USD", "orders:COIN-USD", "trades:COIN-USD@0", "executions:anna@0.0", "balances:anna", "candles:COIN-USD:1m", "bbo:*", "statistics:*", "status:*",
		"auction:COIN-USD", "--key", key, "--check")
	raw, _, endRaw := stream("--raw", "trades:COIN-USD", "book:COIN-USD")
	packed, _, endPacked := stream("--binary", "--compress", "book:COIN-USD", "orders:COIN-USD", "candles:COIN-USD:1m", "statistics:COIN-USD", "auction:COIN-USD", "status:COIN-USD")
	until(lines, "executions", "anna", "accepted", "first", "100.00")
	until(raw, `{"channel":"book","type":"snapshot","symbol":"COIN-USD"`)
	until(packed, "book", "COIN-USD", "snapshot", "bid 100.00 x 0.5 (1)")
	v.stop(syscall.SIGKILL)
	v.mustStart()
	order("second", "sell", "100.00")
	until(lines, "trades", "COIN-USD", "100.00 x 0.5 sell")
	until(raw, `"channel":"trades"`, `"price":"100.00","quantity":"0.5","taker_side":"sell"`)
	until(packed, "candles", "COIN-USD", "volume 0.5")
	order("third", "buy", "99.00")
	until(lines, "book", "99.00 x 0.5 (1)")
	until(lines, "balances", "USD")
	for _, copied := range []string{"book:COIN-USD: ", "orders:COIN-USD: "} { // each looks at REST's book by itself
		until(said, copied, "proved, the copy is REST's book")
	}
	all := end()
	if !strings.Contains(all, "connected again") || strings.Count(all, "times equal to REST's book") != 2 {
		t.Errorf("it said\n%s", all)
	}
	endRaw()
	endPacked()
}

// TestStreamErrors says what is wrong with a command line, and with a venue.
func TestStreamErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	ln.Close()
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{}, exitFailed, "address is missing"},
		{[]string{nobody}, exitFailed, "nothing to follow"},
		{[]string{"book:X"}, exitFailed, "address is missing"},
		{[]string{"--to", "fix://x", "book:X"}, exitFailed, "http, https, ws or wss"},
		{[]string{nobody, "quotes:X"}, exitFailed, "no such channel"},
		{[]string{nobody, "executions:alice"}, exitFailed, "--key"},
		{[]string{nobody, "executions:alice", "--key", "no/such"}, exitFailed, "no/such"},
		{[]string{nobody, "trades:X", "--check"}, exitFailed, "no book: or orders:"},
		{[]string{nobody, "book:X", "--raw", "--binary"}, exitUsage, "--raw"},
		{[]string{nobody, "book:X", "--count=-1"}, exitUsage, "--count"},
		{[]string{nobody, "book:X"}, exitFailed, "connection refused"},
	} {
		status, _, said := call("", append([]string{"stream"}, c.args...)...)
		if status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%v: status %d, %q; expected %d, %q", c.args, status, said, c.status, c.says)
		}
	}
	v := newVenue(t)
	v.mustStart()
	if status, _, said := call("", "stream", v.url(), "book:NONE"); status != exitFailed || !strings.Contains(said, "unknown_instrument") {
		t.Errorf("no such instrument: status %d, %q", status, said)
	}
	s := v.equip(&followPlan)
	key := s.dir.key("bert")
	if status, _, said := call("", "stream", v.url(), "balances:anna", "--key", key); status != exitFailed || !strings.Contains(said, "not_your_account") {
		t.Errorf("another's account: status %d, %q", status, said)
	}
	status, out, said := call("", "stream", v.url(), "--count", "2", "status:COIN-USD", "bbo:COIN-USD")
	if status != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "continuous") {
		t.Errorf("two messages: status %d, %q, %q", status, out, said)
	}
}
