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
	"uncross/gateway/http"
	"uncross/gateway/view"
	"uncross/internal/sandbox"
	"uncross/replication"
	"uncross/wal"
)

// TestLimitsAreDocumented holds the numbers of docs/limits.md against the code: the row that names a limit has its value,
// and no row names a limit that is not checked here.
func TestLimitsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	l, s := http.DefaultLimits(), auth.DefaultLimits
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
		"DefaultMaxPause": replication.DefaultMaxPause,

		"Body": l.Body, "Header": l.Header, "URL": l.URL, "Conns": l.Conns, "ConnsPerIP": l.ConnsPerIP,
		"ReadTimeout": l.ReadTimeout, "IdleTimeout": l.IdleTimeout, "WriteTime": l.WriteTime, "Answer": l.Answer,
		"ReadWait": l.ReadWait, "InFlight": l.InFlight, "PerSession": l.PerSession, "SessionRate": l.SessionRate,
		"SessionBump": l.SessionBump, "AddressRate": l.AddressRate, "AddressBump": l.AddressBump, "Batch": l.Batch,
		"Page": l.Page, "PageDefault": l.PageDefault, "Depth": l.Depth, "Fills": l.Fills,
		"Sessions": s.Sessions, "PerKey": s.PerKey, "TTL": s.TTL, "sandbox.MaxLine": sandbox.MaxLine,
		"LogonWindow": auth.LogonWindow, "RequestWindow": auth.RequestWindow, "MaxTrades": view.MaxTrades,
		"TrailingLogs": replication.TrailingLogs, "DefaultSnapshotWait": replication.DefaultSnapshotWait,
		"MaxData": wal.MaxData, "MaxExtensions": wal.MaxExtensions,
	}
	for _, named := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(string(text), -1) {
		if limits[named[1]] == nil {
			t.Errorf("docs/limits.md names %s, which nothing checks", named[1])
		}
	}
	for name, value := range limits {
		want := fmt.Sprint(value)
		if n, ok := value.(int); ok {
			want = thousands(n)
		}
		row := ""
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| ") && strings.Contains(line, "`"+name+"`") {
				row = line
			}
		}
		cells := strings.Split(row, " | ")
		if len(cells) != 3 || !hasWord(cells[1], want) {
			t.Errorf("docs/limits.md: the row of %s is %q, expected the value %s", name, row, want)
		}
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
