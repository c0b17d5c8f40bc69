package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSeries finds orders that are lost and doubled, and leaves alone those that nobody acknowledged.
func TestSeries(t *testing.T) {
	s := newSeries("a", "p-")
	for range 5 {
		s.next()
	}
	for _, i := range []int{0, 1, 2, 4} {
		s.ack(i)
	}
	s.ack(4) // again
	for _, id := range []string{"p-0", "p-1", "p-2", "p-3", "p-4", "q-1", "p-x", ""} {
		s.found("one", id)
		if id != "p-1" {
			s.found("two", id)
		}
	}
	s.found("two", "p-2")
	s.found("two", "p-4")
	s.found("two", "p-4")
	c := s.count([]string{"one", "two"})
	if c != (count{orders: 5, acked: 4, lost: 1, doubled: 2, first: "order p-1 of a is not there on two"}) || !c.wrong() {
		t.Error(c)
	}
	if c = s.count([]string{"one"}); c.wrong() {
		t.Error(c)
	}
	if c = s.count([]string{"three"}); c.lost != 4 || c.doubled != 0 {
		t.Error(c)
	}
}

func TestLongestGap(t *testing.T) {
	var acks []probeAck
	for _, at := range []time.Duration{0, 50, 60, 100, 110} {
		acks = append(acks, probeAck{at: at})
	}
	for from, want := range map[time.Duration]time.Duration{0: 50, 55: 40, 60: 40, 105: 10, 200: 0} {
		if got := longestGap(acks, from); got != want {
			t.Errorf("from %d: %d, want %d", from, got, want)
		}
	}
}

// TestSoakReport adds up whole pieces, leaves out those that were broken off, and tells of what was wrong.
func TestSoakReport(t *testing.T) {
	dir := t.TempDir()
	write := func(lines ...string) (string, error) {
		if err := os.WriteFile(filepath.Join(dir, soakReportFile), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := SoakReport(&out, dir)
		return out.String(), err
	}
	lines := []string{
		`{"kind":"begins","piece":1}`,
		`{"kind":"sample","piece":1,"since":30,"command":1000,"hash":"ab","nodes":[{"node":"node-1","memory":5000000,"files":9,"folders":{"wal":7000000}},{"node":"node-2","spared":true,"memory":4000000,"folders":{"wal":9000000}}]}`,
		`{"kind":"fault","piece":1,"text":"SIGKILL of the leader","seconds":2}`,
		`{"kind":"alone","piece":1,"node":"node-1","text":"level=ERROR msg=x error=\"the disk\""}`,
		`{"kind":"ends","piece":1,"seconds":60,"orders":100,"acked":99,"counts":{"rest: orders":99}}`,
		`{"kind":"begins","piece":2}`,
		`{"kind":"fault","piece":2,"text":"SIGKILL of the leader","seconds":50}`,
		`{"kind":"begins","piece":3}`,
		`{"kind":"fault","piece":3,"text":"SIGKILL of the leader","seconds":4}`,
		`{"kind":"sample","piece":3,"since":30,"command":2000,"hash":"cd"}`,
		`{"kind":"ends","piece":3,"seconds":60,"orders":1000,"acked":1000}`,
		`{"kind":"beg`,
	}
	text, err := write(lines...)
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"2m0s in 2 pieces (3 were begun; 0 ended", "2 faults", "| 1,100 | 1,099 | 0 | 0 |", "| SIGKILL of the leader | 2 | 3.0 s | 4.0 s |", "1 times: the disk", "| rest: orders | 99 |",
		"| 30s | 1 | 1,000 | ab | 5 | 4 | 9 | 9 | 0 |", "| 1m30s | 3 | 2,000 | cd |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text, err = write(append(lines[:5:5], `{"kind":"begins","piece":2}`, `{"kind":"broken","piece":2,"text":"THE STATES DIFFER"}`)...); err == nil || !strings.Contains(text, "Piece 2: THE STATES DIFFER") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err = write(lines[0], `{"kind":"ends","piece":1,"seconds":60,"lost":1}`); err == nil {
		t.Error("a lost order is no error")
	}
}
