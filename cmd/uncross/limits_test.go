package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/client/follow"
	"uncross/gateway/feed"
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/stream"
	"uncross/gateway/view"
	"uncross/internal/archive"
	"uncross/internal/foreign"
	"uncross/internal/sandbox"
	"uncross/replication"
	"uncross/replication/peer"
	"uncross/replication/roster"
	"uncross/wal"
)

// TestLimitsAreDocumented holds the numbers of docs/limits.md against the code: the row that names a limit has its value,
// and no row names a limit that is not checked here.
func TestLimitsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	l, s, w := http.DefaultLimits(), auth.DefaultLimits, stream.DefaultLimits()
	limits := map[string]any{
		"MaxAssets": engine.MaxAssets, "MaxInstruments": engine.MaxInstruments, "MaxFirms": engine.MaxFirms,
		"MaxUsers": engine.MaxUsers, "MaxKeys": engine.MaxKeys, "MaxAccounts": engine.MaxAccounts, "MaxSessions": engine.MaxSessions,
		"MaxBalances": engine.MaxBalances, "MaxOpenOrdersPerAccount": engine.MaxOpenOrdersPerAccount,
		"MaxOpenOrders": engine.MaxOpenOrders, "MaxDecimals": engine.MaxDecimals, "MaxFeeBps": engine.MaxFeeBps,
		"MaxPrice": power(uint64(engine.MaxPrice)), "MaxQty": power(uint64(engine.MaxQty)), "MaxDepth": power(uint64(engine.MaxDepth)),
		"NotionalBits": "2^" + strconv.Itoa(engine.NotionalBits), "IssueBits": "2^" + strconv.Itoa(engine.IssueBits),
		"MaxTextLength": wire.MaxTextLength, "RepeatsPerAccount": engine.RepeatsPerAccount, "MaxRepeats": engine.MaxRepeats,
		"RepeatWindow": fmt.Sprintf("%d hours", engine.RepeatWindow/int64(time.Hour)), "HashInterval": engine.HashInterval,

		"DefaultInputCapacity": replication.DefaultInputCapacity, "DefaultEventCapacity": replication.DefaultEventCapacity,
		"DefaultBatchCommands": replication.DefaultBatchCommands, "MaxBatchBytes": replication.MaxBatchBytes,
		"MaxInFlight": replication.MaxInFlight, "DefaultSnapshotBytes": replication.DefaultSnapshotBytes,
		"RetainSnapshots": replication.RetainSnapshots, "DefaultMaxJump": replication.DefaultMaxJump,
		"DefaultMaxPause": replication.DefaultMaxPause, "DefaultDiskTimeout": replication.DefaultDiskTimeout,
		"DefaultDrainTimeout": replication.DefaultDrainTimeout, "replication.Heartbeat": replication.ClusterTimeouts.Heartbeat,
		"replication.Election": replication.ClusterTimeouts.Election, "replication.LeaderLease": replication.ClusterTimeouts.LeaderLease,
		"DefaultSnapshotTimeout": replication.DefaultSnapshotTimeout, "SyncPiece": replication.SyncPiece,
		"DefaultReaderTimeout": replication.DefaultReaderTimeout, "replication.CommitTimeout": replication.CommitTimeout,
		"ChangeTimeout": replication.ChangeTimeout, "PromoteLag": replication.PromoteLag, "TransferWait": replication.TransferWait,
		"SingleNodeTimeouts": replication.SingleNodeTimeouts.Heartbeat,
		"archive.MaxMembers": archive.MaxMembers, "archive.MaxName": archive.MaxName, "archive.MaxManifest": archive.MaxManifest,
		"archive.DefaultBytes": int(archive.DefaultBytes),

		"Body": l.Body, "Header": l.Header, "URL": l.URL, "Conns": l.Conns, "ConnsPerIP": l.ConnsPerIP,
		"ReadTimeout": l.ReadTimeout, "IdleTimeout": l.IdleTimeout, "WriteTime": l.WriteTime, "Answer": l.Answer,
		"ReadWait": l.ReadWait, "InFlight": l.InFlight, "PerSession": l.PerSession, "SessionRate": l.SessionRate,
		"SessionBump": l.SessionBump, "AddressRate": l.AddressRate, "AddressBump": l.AddressBump, "Batch": l.Batch,
		"Page": l.Page, "PageDefault": l.PageDefault, "Depth": l.Depth, "Statements": l.Statements, "Fills": l.Fills,
		"Change": l.Change, "Status": l.Status, "Backups": l.Backups, "BackupWait": l.BackupWait, "client.DefaultPatience": client.DefaultPatience,
		"Sessions": s.Sessions, "PerKey": s.PerKey, "TTL": s.TTL, "sandbox.MaxLine": sandbox.MaxLine,
		"LogonWindow": auth.LogonWindow, "RequestWindow": auth.RequestWindow, "MaxTrades": view.MaxTrades,
		"DefaultKept":  history.DefaultKept,
		"TrailingLogs": replication.TrailingLogs, "TrailingShare": replication.TrailingShare, "DefaultSnapshotWait": replication.DefaultSnapshotWait,
		"foreign.MaxLine": foreign.MaxLine, "foreign.MaxQty": power(foreign.MaxQty),
		"foreign.MaxInstruments": foreign.MaxInstruments, "foreign.MaxProblemsShown": foreign.MaxProblemsShown,
		"feed.BookInterval": feed.BookInterval, "feed.AuctionInterval": feed.AuctionInterval, "feed.CandlesInterval": feed.CandlesInterval,
		"feed.StatisticsInterval": feed.StatisticsInterval, "feed.LogBytes": feed.LogBytes, "feed.LogMessages": feed.LogMessages,
		"feed.StateMessages": feed.StateMessages, "feed.PartEntries": feed.PartEntries, "feed.PartTrades": feed.PartTrades,
		"feed.SnapshotTrades": feed.SnapshotTrades, "feed.SnapshotCandles": feed.SnapshotCandles, "feed.ChecksumEvery": feed.ChecksumEvery,
		"feed.MaxPending": feed.MaxPending, "feed.MaxBackfill": feed.MaxBackfill, "feed.MaxBacklog": feed.MaxBacklog, "feed.Linger": feed.Linger,
		"peer.MaxHandshakes": peer.MaxHandshakes, "peer.MaxHandshakesPerAddress": peer.MaxHandshakesPerAddress,
		"peer.HandshakeTimeout": peer.HandshakeTimeout, "peer.MaxConns": peer.MaxConns, "peer.MaxConnsPerNode": peer.MaxConnsPerNode,
		"peer.MaxHello": peer.MaxHello, "peer.MaxLogLines": peer.MaxLogLines, "peer.MaxFrame": peer.MaxFrame, "peer.MaxAppend": peer.MaxAppend,
		"peer.MaxSnapshot": peer.MaxSnapshot, "peer.MaxIdlePerNode": peer.MaxIdlePerNode, "peer.DialTimeout": peer.DialTimeout,
		"peer.HeartbeatTimeout": peer.HeartbeatTimeout, "peer.VoteTimeout": peer.VoteTimeout, "peer.AppendTimeout": peer.AppendTimeout,
		"peer.AppendPerMiB": peer.AppendPerMiB, "peer.MaxHold": peer.MaxHold, "peer.StallTimeout": peer.StallTimeout, "peer.InstallTimeout": peer.InstallTimeout,
		"peer.InstallPerMiB": peer.InstallPerMiB, "peer.IdleTimeout": peer.IdleTimeout, "peer.CloseTimeout": peer.CloseTimeout,
		"MaxData": wal.MaxData, "MaxExtensions": wal.MaxExtensions,

		"stream.Conns": w.Conns, "stream.ConnsPerIP": w.ConnsPerIP, "stream.Handshake": w.Handshake, "stream.Message": w.Message,
		"stream.Fragments": w.Fragments, "stream.Subscriptions": w.Subscriptions, "stream.Private": w.Private,
		"stream.Request": w.Request, "stream.RequestRate": w.RequestRate, "stream.RequestBump": w.RequestBump,
		"stream.Wrong": w.Wrong, "stream.Logins": w.Logins, "stream.Answers": w.Answers, "stream.Round": w.Round,
		"stream.Turn": w.Turn, "stream.SendBuffer": w.SendBuffer, "stream.Write": w.Write, "stream.Ping": w.Ping,
		"stream.Close": w.Close, "stream.Backlog": w.Backlog, "stream.Wait": w.Wait, "stream.CompressFrom": stream.CompressFrom,

		"roster.MaxLine": roster.MaxLine, "roster.Interval": roster.Interval, "roster.Silence": roster.Silence, "roster.Retry": roster.Retry,
		"roster.DialTime": roster.DialTime, "roster.AnswerTime": roster.AnswerTime, "roster.StoreTime": roster.StoreTime,

		"follow.DefaultMaxMessage": follow.DefaultMaxMessage, "follow.DefaultQuiet": follow.DefaultQuiet, "follow.DefaultQueue": follow.DefaultQueue,
		"follow.DefaultBackOff": follow.DefaultBackOff, "follow.MaxTape": follow.MaxTape, "follow.MaxChart": follow.MaxChart, "follow.MaxFill": follow.MaxFill,
	}
	if o := replication.SingleNodeTimeouts; o.Election != o.Heartbeat || o.LeaderLease != o.Heartbeat {
		t.Errorf("docs/limits.md knows one time-out of a single node; there are %v", o)
	}
	for _, named := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(string(text), -1) {
		if limits[named[1]] == nil {
			t.Errorf("docs/limits.md names %s, which nothing checks", named[1])
		}
	}
	for name, value := range limits {
		checkRow(t, string(text), name, value)
	}
}

// checkRow holds the row that names a limit against its value.
func checkRow(t *testing.T, text, name string, value any) {
	t.Helper()
	want := fmt.Sprint(value)
	if n, ok := value.(int); ok {
		want = thousands(n)
	}
	row := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| ") && strings.Contains(line, "`"+name+"`") {
			row = line
		}
	}
	cells := strings.Split(row, " | ")
	if len(cells) != 3 || !hasWord(cells[1], want) {
		t.Errorf("docs/limits.md: the row of %s is %q, expected the value %s", name, row, want)
	}
}

// hasWord reports whether text has want with no letter, digit or comma of a longer number beside it.
func hasWord(text, want string) bool {
	for _, w := range strings.FieldsFunc(text+" ", func(r rune) bool { return r == ' ' || r == ';' }) {
		if strings.TrimRight(w, ",") == want {
			return true
		}
	}
	return text == want
}

func power(n uint64) string {
	bits := 0
	for ; n > 1; n >>= 1 {
		bits++
	}
	return "2^" + strconv.Itoa(bits)
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
