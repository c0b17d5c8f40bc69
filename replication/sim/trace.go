package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// trace keeps what happens in a run, to be printed when it fails. Nothing is formatted before.
type trace struct {
	begin time.Time
	mu    sync.Mutex
	lines []line
}

type line struct {
	at     time.Duration
	format string
	args   []any
}

func newTrace() *trace { return &trace{begin: time.Now()} }

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line{time.Since(t.begin), format, args})
}

func (t *trace) since() time.Duration { return time.Since(t.begin) }

// message notes a message that arrives.
func (t *trace) message(from, to raft.ServerID, command any) {
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		if len(c.Entries) == 0 {
			return // heartbeats say little and are many
		}
		t.add("%s → %s entries %d…%d of term %d, after %d/%d, commit %d", from, to,
			c.Entries[0].Index, c.Entries[len(c.Entries)-1].Index, c.Term, c.PrevLogEntry, c.PrevLogTerm, c.LeaderCommitIndex)
	case *raft.RequestVoteRequest:
		t.add("%s → %s asks for its vote, term %d, log %d/%d, transfer %t", from, to, c.Term, c.LastLogIndex, c.LastLogTerm, c.LeadershipTransfer)
	case *raft.RequestPreVoteRequest:
		t.add("%s → %s asks before a vote, term %d, log %d/%d", from, to, c.Term, c.LastLogIndex, c.LastLogTerm)
	case *raft.InstallSnapshotRequest:
		t.add("%s → %s snapshot %d/%d, %d bytes, term %d", from, to, c.LastLogIndex, c.LastLogTerm, c.Size, c.Term)
	case *raft.TimeoutNowRequest:
		t.add("%s → %s stand for election", from, to)
	}
}

// write prints the trace.
func (t *trace) write(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		fmt.Fprintf(w, "%10.4fs  %s\n", l.at.Seconds(), strings.TrimRight(fmt.Sprintf(l.format, l.args...), "\n"))
	}
}

// logTo is a slog handler that writes into a trace.
type logTo struct {
	t     *trace
	who   string
	attrs []slog.Attr
}

func (h logTo) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h logTo) Handle(_ context.Context, r slog.Record) error {
	attrs := h.attrs
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs[:len(attrs):len(attrs)], a); return true })
	h.t.add("%s %s: %s %v", h.who, r.Level, r.Message, attrs)
	return nil
}

func (h logTo) WithAttrs(a []slog.Attr) slog.Handler {
	h.attrs = append(h.attrs[:len(h.attrs):len(h.attrs)], a...)
	return h
}

func (h logTo) WithGroup(string) slog.Handler { return h }
