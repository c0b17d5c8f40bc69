package replication

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// raftLogger lets raft log through slog. In a cluster of one node its news are debugging matter: that node always finds
// no leader, holds an election and wins it.
type raftLogger struct {
	to     *slog.Logger
	name   string
	args   []any
	single bool
	ended  func() error // why the node has ended: what raft says of that then is no news
}

func newRaftLogger(to *slog.Logger, single bool, ended func() error) hclog.Logger {
	return &raftLogger{to: to.With("part", "raft"), name: "raft", single: single, ended: ended}
}

// expected are the warnings that a single node's start always gives.
var expected = map[string]bool{
	"heartbeat timeout reached, starting election":     true,
	"no known peers, aborting election":                true,
	"skipping application of old log":                  true,
	"pre-vote is disabled because it is not supported": true,
}

// ofOthers are raft's errors and warnings that say only that another node is away, behind or was paused, many times a second:
// no fault of this one, and the roster of the nodes tells it once.
var ofOthers = []string{
	"failed to heartbeat to", "failed to appendEntries to", "failed to make requestVote RPC", "failed to make requestPreVote RPC",
	"failed to get log", "failed to get previous log", "peer has newer term", "appendEntries rejected",
	"rejecting pre-vote request", "rejecting vote request", "failed to install snapshot", "failed to send snapshot to",
}

func (l *raftLogger) level(h hclog.Level, msg string) slog.Level {
	if l.ended() != nil {
		return slog.LevelDebug
	}
	if msg == "failed to contact" { // and not "failed to contact quorum of nodes, stepping down"
		return slog.LevelDebug
	}
	for _, begin := range ofOthers {
		if strings.HasPrefix(msg, begin) {
			return slog.LevelDebug
		}
	}
	switch {
	case h >= hclog.Error:
		return slog.LevelError
	case h == hclog.Warn && !(l.single && expected[msg]):
		return slog.LevelWarn
	case h == hclog.Info && !l.single:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func (l *raftLogger) Log(h hclog.Level, msg string, args ...any) {
	level := l.level(h, msg)
	if h < hclog.Debug || !l.to.Enabled(context.Background(), level) {
		return
	}
	for i, a := range args {
		switch v := a.(type) {
		case hclog.Format:
			if len(v) > 0 {
				args[i] = fmt.Sprintf(fmt.Sprint(v[0]), v[1:]...)
			}
		case fmt.Stringer: // raft passes itself; its text must be taken now, not when the line is written
			args[i] = v.String()
		}
	}
	l.to.Log(context.Background(), level, msg, args...)
}

func (l *raftLogger) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l *raftLogger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l *raftLogger) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *raftLogger) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *raftLogger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *raftLogger) IsTrace() bool { return false }
func (l *raftLogger) IsDebug() bool { return l.to.Enabled(context.Background(), slog.LevelDebug) }
func (l *raftLogger) IsInfo() bool  { return l.to.Enabled(context.Background(), slog.LevelInfo) }
func (l *raftLogger) IsWarn() bool  { return true }
func (l *raftLogger) IsError() bool { return true }

func (l *raftLogger) ImpliedArgs() []any { return l.args }

func (l *raftLogger) With(args ...any) hclog.Logger {
	all := append(append([]any(nil), l.args...), args...)
	return &raftLogger{to: l.to.With(args...), name: l.name, args: all, single: l.single, ended: l.ended}
}

func (l *raftLogger) Name() string                   { return l.name }
func (l *raftLogger) Named(name string) hclog.Logger { return l.ResetNamed(l.name + "." + name) }

func (l *raftLogger) ResetNamed(name string) hclog.Logger {
	c := *l
	c.name = name
	return &c
}

func (l *raftLogger) SetLevel(hclog.Level) {}

func (l *raftLogger) GetLevel() hclog.Level {
	if l.IsDebug() {
		return hclog.Debug
	}
	return hclog.Info
}

func (l *raftLogger) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(l.StandardWriter(o), "", 0)
}

func (l *raftLogger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelInfo).Writer()
}
