package fix_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/dictionary"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/market"
	"uncross/gateway/fix/message"
	"uncross/gateway/fix/report"
)

var rewriteDocs = flag.Bool("docs", false, "write the tables of docs/fix.md anew from the code")

const docsPath = "../../docs/fix.md"

// The tables of the rules of engagement that the code knows are made of the code: `go test ./gateway/fix -run
// TestDocs -docs` writes them anew.
func TestDocsTables(t *testing.T) {
	raw, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for name, table := range map[string]string{
		"used": fieldTable(entry.Used), "ignored": fieldTable(entry.Ignored), "refused": fieldTable(entry.Refused),
		"reasons": reasonTable(), "rejects": rejectTable(), "limits": limitTable(t), "market limits": marketLimits(),
		"deviations": deviationTable(t),
	} {
		begin, end := "<!-- table: "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(text, begin)
		old, after, ok2 := strings.Cut(rest, end)
		switch {
		case !ok || !ok2:
			t.Errorf("docs/fix.md has no table %q", name)
		case *rewriteDocs:
			text = before + begin + table + end + after
		case old != table:
			t.Errorf("docs/fix.md: the table %q is not what the code says; see TestDocsTables\n%s", name, table)
		}
	}
	if *rewriteDocs {
		if err := os.WriteFile(docsPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fieldTable lists what is done with the fields of the messages about orders.
func fieldTable(want entry.Treatment) string {
	list := entry.Accepted()
	if want == entry.Refused {
		list = entry.RefusedByName()
	}
	var b strings.Builder
	b.WriteString("| tag | field | in | values | |\n|---|---|---|---|---|\n")
	for _, r := range list {
		if r.Treatment != want {
			continue
		}
		types, values := strings.ReplaceAll(r.Types, " ", ", "), strings.ReplaceAll(r.Values, " ", ", ")
		if types == "" {
			types = "all"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", r.Tag, r.Name, types, values, r.Why)
	}
	return b.String()
}

// reasonTable lists the reasons that can answer a message: the gateway's own, and the engine's about orders.
func reasonTable() string {
	var b strings.Builder
	b.WriteString("| reason | 103 | 102 | 532 | 380 | Text (58) |\n|---|---|---|---|---|---|\n")
	var all []wire.Reason
	for _, r := range wire.Reasons() {
		if r < wire.InvalidName && r != wire.StaleNonce && r != wire.AlreadyInitialised && r != wire.UnsupportedRules {
			all = append(all, r)
		}
	}
	for _, r := range append(all, report.Reasons()...) {
		c := report.CodesOf(r)
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %d | %s |\n", report.ReasonName(r), c.Order, c.Cancel, massCode(c), c.Business, report.ReasonSentence(r))
	}
	return b.String()
}

// massCode is 532 as it is sent: see package report.
func massCode(c report.Codes) string {
	if c.Mass > 9 {
		return ""
	}
	return strconv.Itoa(int(c.Mass))
}

func rejectTable() string {
	var b strings.Builder
	b.WriteString("| 373 | Text (58) |\n|---|---|\n")
	for r := range 18 {
		if text := dictionary.NewViolation(r, 0).Text; text != "" {
			fmt.Fprintf(&b, "| %d | %s |\n", r, text)
		}
	}
	return b.String()
}

// limitTable lists the fields of fix.Limits with their defaults and their own remarks.
func limitTable(t *testing.T) string {
	file, err := parser.ParseFile(token.NewFileSet(), "limits.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	defaults := reflect.ValueOf(fix.DefaultLimits())
	var b strings.Builder
	b.WriteString("| limit | value | |\n|---|---|---|\n")
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Limits" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			v := defaults.FieldByName(f.Names[0].Name)
			value := fmt.Sprint(v.Interface())
			if v.Kind() == reflect.Int {
				value = thousands(value)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Names[0].Name, value, strings.TrimSpace(f.Comment.Text()))
		}
		return false
	})
	return b.String()
}

// deviationTable lists the stories in which the venue answers otherwise.
func deviationTable(t *testing.T) string {
	var rows []string
	for _, s := range readStories(t) {
		if s.deviates != "" {
			rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", s.scenario, s.deviates))
		}
	}
	slices.Sort(rows)
	return "| definition | the venue |\n|---|---|\n" + strings.Join(rows, "")
}

func marketLimits() string {
	var b strings.Builder
	b.WriteString("| limit | value | beyond it |\n|---|---|---|\n")
	l := market.DefaultLimits
	for _, row := range [][3]string{
		{"levels of one side (`MaxLevels`)", strconv.Itoa(market.MaxLevels), "Y 281=5; a full book is cut off there"},
		{"trades in a first snapshot (`SnapshotTrades`)", strconv.Itoa(market.SnapshotTrades), "older ones are not sent"},
		{"entries of one X (`MaxEntries`)", strconv.Itoa(market.MaxEntries), "several X"},
		{"bytes of 262 and 324 (`MaxRequestID`)", strconv.Itoa(market.MaxRequestID), "Y, or j 380=0"},
		{"symbols of one request", strconv.Itoa(l.Symbols), "Y 281=2"},
		{"entries in the snapshots that answer one request", strconv.Itoa(l.Entries), "Y 281=2"},
		{"subscriptions of one session, an instrument of a request each", strconv.Itoa(l.Subscriptions), "Y 281=2, or j 380=0"},
		{"subscriptions of all sessions", strconv.Itoa(l.Total), "Y 281=2, or j 380=0"},
		{"least time between two updates of one book", market.DefaultInterval.String(), "changes in between are put together"},
	} {
		value := row[1]
		if _, err := strconv.Atoi(value); err == nil {
			value = thousands(value)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row[0], value, row[2])
	}
	return b.String()
}

func thousands(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Every message that the documents show was seen in a test: it is in a golden file below this folder.
func TestDocsExamples(t *testing.T) {
	var golden strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".golden" {
			return err
		}
		raw, err := os.ReadFile(path)
		golden.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fix.md", "fix-quickstart.md"} {
		raw, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, block := range regexp.MustCompile("(?s)```fix\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
			for line := range strings.Lines(block[1]) {
				line = strings.TrimSpace(line)
				if line == "" || strings.HasPrefix(line, "#") {
					continue
				}
				n++
				_, msg, _ := strings.Cut(line, " ")
				if !strings.Contains(golden.String(), strings.TrimSpace(msg)) {
					t.Errorf("docs/%s shows a message that no test has seen: %s", name, line)
				}
			}
		}
		if n == 0 {
			t.Errorf("docs/%s has no examples", name)
		}
	}
}

// Every tag of a message that a golden file has from the venue is in the document's table of that message.
func TestDocsTags(t *testing.T) {
	raw, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]map[string]bool{}
	for _, part := range strings.Split(string(raw), "\n### ")[1:] {
		title, _, _ := strings.Cut(part, "\n")
		name := regexp.MustCompile(`\(([0-9A-Za-z]{1,2})\)`).FindStringSubmatch(title)
		if name == nil {
			continue
		}
		part, _, _ = strings.Cut(part, "\n## ")
		tags := map[string]bool{}
		for _, row := range regexp.MustCompile(`(?m)^\| ([0-9, ]+) \|`).FindAllStringSubmatch(part, -1) {
			for _, tag := range strings.Split(row[1], ", ") {
				tags[tag] = true
			}
		}
		documented[name[1]] = tags
	}
	sent := []string{
		message.MarketDataSnapshotFullRefresh, message.MarketDataIncrementalRefresh, message.MarketDataRequestReject, message.SecurityStatus,
		message.ExecutionReport, message.OrderCancelReject, message.OrderMassCancelReport, message.BusinessMessageReject,
		message.SecurityList, message.TradeCaptureReportRequestAck, message.TradeCaptureReport,
	}
	for _, msgType := range sent {
		if len(documented[msgType]) == 0 {
			t.Errorf("docs/fix.md has no table of message %s", msgType)
		}
	}
	seen := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".golden" {
			return err
		}
		raw, err := os.ReadFile(path)
		for line := range strings.Lines(string(raw)) {
			for _, msgType := range sent {
				fields, ok := fieldsOf(line, msgType)
				if !ok {
					continue
				}
				seen[msgType] = true
				for _, f := range strings.Split(fields, "|") {
					if tag, _, ok := strings.Cut(f, "="); ok && !documented[msgType][tag] {
						t.Errorf("%s: tag %s of message %s is not in docs/fix.md", path, tag, msgType)
					}
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, msgType := range sent {
		if !seen[msgType] {
			t.Errorf("no golden file has a message %s", msgType)
		}
	}
}

// ofTheHeader is the header's fields that golden files show.
var ofTheHeader = regexp.MustCompile(`^(34|43|49|52|56|97|115|116|122|128|129|144|145)=[^|]*\|`)

// fieldsOf returns the body's fields where a golden file's line is a message of the type: "… W|262=…" or "… 35=W|34=…".
func fieldsOf(line, msgType string) (string, bool) {
	line = " " + strings.TrimSpace(line) + "|"
	_, fields, ok := strings.Cut(line, " "+msgType+"|")
	if !ok {
		_, fields, ok = strings.Cut(line, " 35="+msgType+"|")
	}
	for ofTheHeader.MatchString(fields) {
		fields = ofTheHeader.ReplaceAllString(fields, "")
	}
	return fields, ok
}
