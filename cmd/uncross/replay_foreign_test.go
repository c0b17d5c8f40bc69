package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreignFiles writes small files of every format and returns their paths.
func foreignFiles(t *testing.T) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{
		"X_message.csv":   "34200,1,1,10,1000000,1\n34201,1,2,10,1000000,1\n",
		"X_orderbook.csv": "1010000,10,1000000,10\n1010000,10,1000000,20\n",
		"X_other.csv":     "1010000,10,1000000,10\n1010000,10,1000000,21\n",
		"empty":           "",
		"day.zip":         "PK\x03\x04\x14\x00",
		"mbo.csv":         "ts_event,action,side,price,size,order_id,sequence\n1,A,B,1.5,10,1,1\n1,A,B,1.5,10,1,1\n",
		"mbp.csv":         "ts_event,sequence,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00\n1,1,1.5,10,,0\n",
		"mbp_other.csv":   "ts_event,sequence,bid_px_00,bid_sz_00,ask_px_00,ask_sz_00\n1,1,1.5,11,,0\n",
		"day.itch": "\x00\x24A\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05B\x00\x00\x00\x0aAAPL    \x00\x0f\x42\x40" +
			"\x00\x13D\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x05" +
			"\x00\x24A\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x06B\x00\x00\x00\x0aAAPL    \x00\x0f\x42\x40" +
			"\x00\x24A\x00\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x07S\x00\x00\x00\x0aAAPL    \x00\x0f\x42\x41",
		"crossed.itch": "\x00\x24A\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x06B\x00\x00\x00\x0aAAPL    \x00\x0f\x42\x40" +
			"\x00\x24A\x00\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x07S\x00\x00\x00\x0aAAPL    \x00\x0f\x42\x40",
	} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestReplayForeign holds the exit statuses and what the tables say.
func TestReplayForeign(t *testing.T) {
	path := foreignFiles(t)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"lobster", "--messages", path("X_message.csv"), "--orderbook", path("X_orderbook.csv")}, 0, "1 of 1 equal"},
		{[]string{"lobster", "--messages", path("X_message.csv"), "--orderbook", path("X_other.csv")}, exitFailed, "X_other.csv line 2"},
		{[]string{"lobster", "--messages", path("X_message.csv")}, exitUsage, "missing flags: --orderbook"},
		{[]string{"lobster", "--messages", path("none"), "--orderbook", path("X_other.csv")}, exitFailed, "no such file"},
		{[]string{"lobster", "--messages", path("X_message.csv"), "--orderbook", path("none")}, exitFailed, "no such file"},
		{[]string{"itch", path("day.itch")}, 0, "0 of 4 states"},
		{[]string{"itch", path("day.itch"), "--symbol", "AAPL,IBM"}, exitFailed, "no instrument IBM in "},
		{[]string{"itch", path("day.itch"), "--symbol", "IBM"}, exitFailed, "no instrument IBM in "},
		{[]string{"itch", path("mbo.csv")}, exitFailed, "no message of ITCH 5.0 was read"},
		{[]string{"itch", path("empty")}, exitFailed, "empty is empty"},
		{[]string{"itch", path("day.zip")}, exitFailed, "a zip archive"},
		{[]string{"lobster", "--messages", path("empty"), "--orderbook", path("empty")}, exitFailed, "empty are empty"},
		{[]string{"lobster", "--messages", path("X_orderbook.csv"), "--orderbook", path("X_message.csv")}, exitFailed, "the files are swapped"},
		{[]string{"mbo", path("empty")}, exitFailed, "empty is empty"},
		{[]string{"itch", path("crossed.itch")}, exitFailed, "locked or crossed: 10 to buy at 1000000, 10 to sell at 1000000"},
		{[]string{"itch", path("none")}, exitFailed, "no such file"},
		{[]string{"mbo", path("mbo.csv"), "--book", path("mbp.csv")}, 0, "mbo.csv line 3: the record before once more"},
		{[]string{"mbo", path("mbo.csv"), "--book", path("mbp.csv"), "--strict"}, exitFailed, "1 of 1 equal"},
		{[]string{"mbo", path("mbo.csv"), "--book", path("mbp_other.csv")}, exitFailed, "in the file: 1.500000000 11/0"},
		{[]string{"mbo", path("mbo.csv"), "--unlinked"}, 0, "none compared"},
		{[]string{"mbo", path("X_message.csv")}, exitFailed, "the header has no column ts_event"},
		{[]string{"mbo", path("mbo.csv"), "--book", path("mbo.csv")}, exitFailed, "the header has no levels"},
		{[]string{"mbo", path("mbo.csv"), "--events", path("no/such/folder")}, exitFailed, "no such file"},
	} {
		status, out, errs := call("", append([]string{"replay"}, c.args...)...)
		if status != c.status || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: status %d, %q, %q", c.args, status, out, errs)
		}
	}
}

// TestReplayForeignEvents writes the events to a file and to standard output, where they are alone.
func TestReplayForeignEvents(t *testing.T) {
	path := foreignFiles(t)
	status, out, errs := call("", "replay", "itch", path("day.itch"), "--events", path("events.jsonl"))
	text, err := os.ReadFile(path("events.jsonl"))
	if status != 0 || err != nil || errs != "" || !strings.Contains(out, "difference   none") {
		t.Fatalf("status %d, %v, %q", status, err, errs)
	}
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); len(lines) != 6 || !strings.Contains(lines[3], `"event":"order_canceled"`) {
		t.Errorf("events:\n%s", text)
	}
	status, out, errs = call("", "replay", "itch", path("day.itch"), "--events", "-")
	if status != 0 || out != string(text) || !strings.Contains(errs, "difference   none") {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
}

// TestReplayForeignCutOff cuts packed files off: every importer tells what it has read, and where the file ends.
func TestReplayForeignCutOff(t *testing.T) {
	path := foreignFiles(t)
	// pack writes a packed file of one text many times over, all but its last bytes.
	pack := func(name, head, text string) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, head+strings.Repeat(text, 5000)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(name), b.Bytes()[:b.Len()-12], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	itch, err := os.ReadFile(path("day.itch"))
	if err != nil {
		t.Fatal(err)
	}
	pack("message.gz", "", "34200,5,0,1,1000000,-1\n")
	pack("orderbook.gz", "", "1010000,10,1000000,10\n")
	pack("day.gz", "", string(itch[:0x24+0x13+4]))
	pack("mbo.gz", "ts_event,action,side,price,size,order_id\n", "1,N,N,,0,0\n")
	for _, c := range []struct {
		args           []string
		table, message string
	}{
		{[]string{"lobster", "--messages", path("message.gz"), "--orderbook", path("orderbook.gz")}, "of LOBSTER, 1 levels", "message.gz line "},
		{[]string{"itch", path("day.gz")}, "instruments  1;", "day.gz message "},
		{[]string{"mbo", path("mbo.gz")}, "market by order", "mbo.gz line "},
	} {
		status, out, errs := call("", append([]string{"replay"}, c.args...)...)
		whole := strings.Contains(errs, c.message) && strings.Contains(errs, "the gzip file is cut off or damaged")
		if status != exitFailed || !whole || !strings.Contains(out, "file damaged 1") || !strings.Contains(out, c.table) {
			t.Errorf("%v: status %d, %q, %q", c.args, status, out, errs)
		}
	}
}
