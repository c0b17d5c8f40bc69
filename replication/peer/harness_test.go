package peer

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

const cluster = "00112233445566778899aabbccddeeff"

// longest is longer than anything here may take, on a machine that does other work too.
const longest = time.Minute

// records collects what is logged.
type records struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// await waits until the log has a text.
func (r *records) await(t *testing.T, text string) {
	t.Helper()
	if !comes(func() bool { return strings.Contains(r.String(), text) }) {
		t.Fatalf("the log does not say %q:\n%s", text, r)
	}
	if strings.Contains(r.String(), "level=ERROR") {
		t.Errorf("an error in the log:\n%s", r)
	}
}

// open opens a port on loopback, with what change sets.
func open(t *testing.T, node string, change func(*Config)) (*Port, *records) {
	t.Helper()
	log := new(records)
	cfg := Config{
		NodeID: node, Cluster: func() string { return cluster }, SpoolDir: t.TempDir(),
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	if cfg.Listener == nil {
		cfg.Listener = loopbackListener(t, "127.0.0.1:0")
	}
	p, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, log
}

func loopbackListener(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// echo answers with what it reads, behind the name of the node that asks.
func echo(_ context.Context, from string, c net.Conn) {
	_, _ = io.WriteString(c, from+" ")
	_, _ = io.Copy(c, c)
}

// talk sends a text to an echo and returns what comes back.
func talk(c net.Conn, text string) (string, error) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(longest))
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	b := make([]byte, len("node-1 ")+len(text))
	_, err := io.ReadFull(c, b)
	return string(b), err
}

// comes waits for a condition, and reports whether it came true.
func comes(it func() bool) bool {
	for end := time.Now().Add(longest); !it(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// obtain waits for what comes over a channel, and fails the test when nothing does.
func obtain[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(longest):
		t.Fatal("it did not come")
		panic("not reached")
	}
}
