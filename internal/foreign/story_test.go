package foreign

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestStories runs the story files in testdata/stories: each command is one small feed, and the text below it is the report and
// the events. Run with -rewrite to write the outputs anew.
//
//	lobster                       rows of messages, a line "--", rows of the orderbook
//	itch [symbol=A,B] [cut=3]     messages as text, see itchBytes; the last so many bytes are cut off
//	mbo [unlinked]                records, and where there is a line "--", levels behind it
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out bytes.Buffer
			events := NewEventWriter(&out)
			first, second, both := strings.Cut(d.Input, "\n--\n")
			switch d.Cmd {
			case "lobster":
				l := newLobster(textLines("X_message.csv", first), textLines("X_orderbook.csv", second), events.Write)
				l.Result.Symbol = "X"
				finishStory(t, d, l.Run(nil), &out, events, l.Result.Report)
				if err := l.Books().Validate(); err != nil {
					t.Fatal(err)
				}
			case "itch":
				var symbols []string
				if d.HasArg("symbol") {
					for _, a := range d.CmdArgs {
						if a.Key == "symbol" {
							symbols = a.Vals
						}
					}
				}
				data := itchBytes(t, first)
				if d.HasArg("cut") {
					var n int
					d.ScanArgs(t, "cut", &n)
					data = data[:len(data)-n]
				}
				x := newITCH("x.itch", bufio.NewReader(bytes.NewReader(data)), symbols, events.Write)
				finishStory(t, d, x.Run(nil), &out, events, x.Result.Report)
				if err := x.Books().Validate(); err != nil {
					t.Fatal(err)
				}
			case "mbo":
				var levels *lines
				if both {
					levels = textLines("mbp.csv", second)
				}
				m, err := newMBO(textLines("mbo.csv", first), levels, MBOOptions{Unlinked: d.HasArg("unlinked"), Sink: events.Write})
				if err != nil {
					return err.Error() + "\n"
				}
				finishStory(t, d, m.Run(nil), &out, events, m.Result.Report)
				if err := m.Books().Validate(); err != nil {
					t.Fatal(err)
				}
			default:
				d.Fatalf(t, "no such feed")
			}
			return out.String()
		})
	})
}

func finishStory(t *testing.T, d *datadriven.TestData, err error, out *bytes.Buffer, events *EventWriter, report func(io.Writer, time.Duration)) {
	t.Helper()
	if err != nil && !errors.Is(err, errNoFeed) && !errors.Is(err, errDamaged) {
		t.Fatalf("%s: %v", d.Pos, err)
	}
	if err := events.Flush(); err != nil {
		t.Fatal(err)
	}
	report(out, 0)
	if err != nil {
		fmt.Fprintf(out, "  error        %v\n", err)
	}
}

func textLines(name, text string) *lines {
	if text != "" {
		text += "\n"
	}
	return &lines{name: name, r: bufio.NewReader(strings.NewReader(text)), close: io.NopCloser(nil)}
}

// itchFields are the fields of a message behind its head, with their sizes; text is as long as its size.
var itchFields = map[byte][]struct {
	name string
	size int
}{
	'S': {{"event", -1}},
	'R': {{"stock", -8}, {"rest", 20}},
	'H': {{"stock", -8}, {"state", -1}, {"rest", 5}},
	'Y': {{"stock", -8}, {"rest", 1}},
	'L': {{"rest", 15}},
	'V': {{"rest", 24}},
	'W': {{"rest", 1}},
	'K': {{"rest", 17}},
	'J': {{"rest", 24}},
	'h': {{"rest", 10}},
	'A': {{"ref", 8}, {"side", -1}, {"shares", 4}, {"stock", -8}, {"price", 4}},
	'F': {{"ref", 8}, {"side", -1}, {"shares", 4}, {"stock", -8}, {"price", 4}, {"mpid", -4}},
	'E': {{"ref", 8}, {"shares", 4}, {"match", 8}},
	'C': {{"ref", 8}, {"shares", 4}, {"match", 8}, {"printable", -1}, {"price", 4}},
	'X': {{"ref", 8}, {"shares", 4}},
	'D': {{"ref", 8}},
	'U': {{"ref", 8}, {"new", 8}, {"shares", 4}, {"price", 4}},
	'P': {{"ref", 8}, {"side", -1}, {"shares", 4}, {"stock", -8}, {"price", 4}, {"match", 8}},
	'Q': {{"shares", 8}, {"stock", -8}, {"price", 4}, {"match", 8}, {"type", -1}},
	'B': {{"match", 8}},
	'I': {{"rest", 39}},
	'N': {{"rest", 9}},
	'O': {{"rest", 37}},
}

// itchBytes makes a file of lines such as "A locate=1 ref=5 side=B shares=100 stock=AAPL price=1000000"; a line "raw 0001ff" is
// bytes as they are. A message without a time has the number of its line for one.
func itchBytes(t testing.TB, text string) (file []byte) {
	t.Helper()
	for i, l := range strings.Split(text, "\n") {
		words := strings.Fields(l)
		if len(words) == 0 {
			continue
		}
		if words[0] == "raw" {
			b, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatal(err)
			}
			file = append(file, b...)
			continue
		}
		set := map[string]string{}
		for _, w := range words[1:] {
			k, v, _ := strings.Cut(w, "=")
			set[k] = v
		}
		m := []byte{words[0][0]}
		m = number(t, m, 2, set["locate"])
		m = append(m, 0, 0)
		m = number(t, m, 6, cmp.Or(set["time"], fmt.Sprint(i+1)))
		for _, f := range itchFields[m[0]] {
			if f.size < 0 {
				m = append(m, fmt.Sprintf("%-*s", -f.size, set[f.name])...)
			} else {
				m = number(t, m, f.size, set[f.name])
			}
		}
		file = binary.BigEndian.AppendUint16(file, uint16(len(m)))
		file = append(file, m...)
	}
	return file
}

// number appends a big-endian number of n bytes.
func number(t testing.TB, b []byte, n int, text string) []byte {
	t.Helper()
	v := uint64(0)
	if text != "" {
		var err error
		if v, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for i := n - 1; i >= 0; i-- {
		if i >= 8 {
			b = append(b, 0)
			continue
		}
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// TestPacked reads a file that is packed, whatever its name, and one that is packed and damaged.
func TestPacked(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("a,b\r\nc")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		data []byte
		ok   bool
	}{{[]byte("a,b\r\nc"), true}, {packed.Bytes(), true}, {packed.Bytes()[:packed.Len()-9], false}} {
		r, err := unpack(bytes.NewReader(c.data))
		if err != nil {
			t.Fatal(err)
		}
		l := &lines{name: "f", r: r}
		var got []string
		for err == nil {
			if _, err = l.next(); err == nil {
				got = append(got, string(bytes.Join(l.fields, []byte("|"))))
			}
		}
		if c.ok && (err != io.EOF || strings.Join(got, " ") != "a|b c") {
			t.Errorf("%q, %v", got, err)
		}
		if !c.ok && (err == io.EOF || !strings.Contains(err.Error(), "f line")) {
			t.Errorf("a damaged file: %v", err)
		}
	}
}

// TestLongLine reads a line that is longer than a line may be, and the one behind it.
func TestLongLine(t *testing.T) {
	l := textLines("f", strings.Repeat("x", 2*MaxLine)+"\nnext")
	if long, err := l.next(); !long || err != nil || len(l.text) != MaxLine {
		t.Errorf("%d bytes, %v, %v", len(l.text), long, err)
	}
	if long, err := l.next(); long || err != nil || string(l.text) != "next" {
		t.Errorf("%q, %v, %v", l.text, long, err)
	}
}

func TestFixed(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"1", 1000, true}, {"1.5", 1500, true}, {"-0.001", -1, true}, {".25", 250, true}, {"5.", 5000, true}, {"1.2340", 1234, true},
		{"9223372036854775.807", 1<<63 - 1, true}, {"9223372036854775.808", 0, false}, {"1.2345", 0, false},
		{"", 0, false}, {".", 0, false}, {"-", 0, false}, {"+1", 0, false}, {"1e5", 0, false}, {"1.2.3", 0, false}, {"99999999999999999999", 0, false},
	} {
		if got, ok := fixed([]byte(c.text), 3); got != c.want || ok != c.ok {
			t.Errorf("%q: %d, %v", c.text, got, ok)
		}
	}
	if n, ok := seconds([]byte("43002.632812672004")); n != 43002632812672 || !ok {
		t.Errorf("seconds: %d, %v", n, ok)
	}
	if _, ok := seconds([]byte("43002.632812672x04")); ok {
		t.Error("seconds with a letter")
	}
}
