package message

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

func good(seq string) string { return string(frame("35=0|34=" + seq + "|49=A|56=B|")) }

// frames reads a stream to its end and returns the MsgSeqNums of the frames in it.
func frames(t testing.TB, in io.Reader, maxBytes int) (seqs string, r *Reader, err error) {
	t.Helper()
	r = NewReader(in, maxBytes)
	var m Message
	for {
		f, err := r.Next()
		if err != nil {
			return strings.TrimSpace(seqs), r, err
		}
		if m.Parse(f) != nil {
			seqs += " ?"
			continue
		}
		seqs += " " + m.String(TagMsgSeqNum)
	}
}

func TestReaderSkipsGarbled(t *testing.T) {
	wire := func(s string) string { return strings.ReplaceAll(s, "|", "\x01") }
	relength := func(s, n string) string {
		head, rest, _ := strings.Cut(s, "9=")
		_, rest, _ = strings.Cut(rest, "\x01")
		return head + "9=" + n + "\x01" + rest
	}
	resum := func(s, sum string) string { return s[:len(s)-len("000|")] + sum + "\x01" }
	leading := "8=FIX.4.4\x019=0000020\x0135=0\x0134=3\x0149=A\x0156=B\x01"
	leading += "10=" + string(appendDigits(nil, int(CheckSum([]byte(leading))), 3)) + "\x01"

	for name, c := range map[string]struct {
		stream  string
		want    string
		garbled uint64
	}{
		"whole":               {good("1") + good("2"), "1 2", 0},
		"length with zeros":   {leading + good("4"), "3 4", 0},
		"junk before":         {"hello\r\n" + good("1"), "1", 1},
		"junk between":        {good("1") + "\r\n" + good("2"), "1 2", 1},
		"text is no frame":    {"58=FIX.4.4|" + good("1"), "1", 1},
		"wrong sum":           {good("1") + resum(good("2"), "999") + good("3"), "1 3", 1},
		"sum of two digits":   {good("1") + resum(good("2"), "07") + good("3"), "1 3", 1},
		"sum is no number":    {good("1") + resum(good("2"), "a07") + good("3"), "1 3", 1},
		"length too short":    {good("1") + relength(good("2"), "9") + good("3"), "1 3", 1},
		"length one short":    {good("1") + relength(good("2"), "19") + good("3"), "1 3", 1},
		"length one long":     {good("1") + relength(good("2"), "21") + good("3"), "1 3", 1},
		"length swallows one": {good("1") + relength(good("2"), "30") + good("3") + good("4"), "1 4", 1},
		"length zero":         {good("1") + relength(good("2"), "0") + good("3"), "1 3", 1},
		"length negative":     {good("1") + relength(good("2"), "-5") + good("3"), "1 3", 1},
		"length no number":    {good("1") + relength(good("2"), "x") + good("3"), "1 3", 1},
		"length empty":        {good("1") + relength(good("2"), "") + good("3"), "1 3", 1},
		"length of 13 digits": {good("1") + relength(good("2"), "0000000000019") + good("3"), "1 3", 1},
		"no trailer at all":   {wire("8=FIX.4.4|9=5|35=0|34=2|") + good("3"), "3", 1},
		"second not length":   {wire("8=FIX.4.4|35=0|9=5|34=2|10=000|") + good("3"), "3", 1},
		"third not type":      {string(frame("34=2|35=0|49=A|56=B|")) + good("3"), "3", 1},
		"no type":             {string(frame("35=|")) + good("3"), "3", 1},
		"type first":          {wire("35=0|8=FIX.4.4|9=29|34=2|49=TW|52=x|56=ISLD|10=121|") + good("3"), "3", 2},
		"long begin string":   {"8=FIX" + strings.Repeat("x", 40) + "\x01" + good("3"), "3", 1},
	} {
		for cut, in := range map[string]io.Reader{
			"whole":   strings.NewReader(c.stream),
			"bytes":   iotest.OneByteReader(strings.NewReader(c.stream)),
			"halves":  iotest.HalfReader(strings.NewReader(c.stream)),
			"dataerr": iotest.DataErrReader(strings.NewReader(c.stream)),
		} {
			got, r, err := frames(t, in, 0)
			if got != c.want || r.Garbled() != c.garbled || err != io.EOF {
				t.Errorf("%s, %s: frames %q garbled %d (%v), want %q %d; last %q", name, cut, got, r.Garbled(), err, c.want, c.garbled, r.LastGarbled())
			}
		}
	}
}

func TestOtherBeginStringComesOut(t *testing.T) {
	f := []byte("8=FIX.3.9\x019=10\x0135=A\x0134=1\x01")
	f = append(append(f, "10="...), string(appendDigits(nil, int(CheckSum(f)), 3))+"\x01"...)
	got, err := NewReader(bytes.NewReader(f), 0).Next()
	var m Message
	if err != nil || m.Parse(got) != nil || m.String(TagBeginString) != "FIX.3.9" {
		t.Errorf("%q %v", got, err)
	}
}

func TestReaderBoundsMemory(t *testing.T) {
	big := string(frame("35=0|58=" + strings.Repeat("x", 2000) + "|"))
	got, r, err := frames(t, strings.NewReader(good("1")+big+good("2")), 1000)
	if got != "1" || err != ErrTooLarge {
		t.Errorf("%q %v", got, err)
	}
	if _, err := r.Next(); err != ErrTooLarge {
		t.Errorf("again: %v", err)
	}
	r = NewReader(io.LimitReader(zeros{}, 1<<20), 1000)
	if _, err := r.Next(); err != io.EOF || len(r.buf) > 1000 || r.Garbled() != 1 {
		t.Errorf("junk: %v, buffer of %d, garbled %d", err, len(r.buf), r.Garbled())
	}
	if _, err := NewReader(strings.NewReader("8=FIX.4.4\x019=999999999999\x01"), 0).Next(); err != ErrTooLarge {
		t.Errorf("huge length: %v", err)
	}
	atLimit := string(frame("35=0|34=7|58=" + strings.Repeat("x", 974) + "|"))
	if got, _, err := frames(t, strings.NewReader(atLimit+atLimit), len(atLimit)); got != "7 7" || err != io.EOF {
		t.Errorf("at the limit of %d: %q %v", len(atLimit), got, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReaderGrows(t *testing.T) {
	big := string(frame("35=0|34=5|58=" + strings.Repeat("x", 40_000) + "|"))
	if got, _, err := frames(t, strings.NewReader(good("1")+big+good("2")), 1<<20); got != "1 5 2" || err != io.EOF {
		t.Errorf("%q %v", got, err)
	}
}

func TestStopOnGarbled(t *testing.T) {
	r := NewReader(strings.NewReader("GET / HTTP/1.1\r\n\r\n"+good("1")), 0)
	r.StopOnGarbled(true)
	if _, err := r.Next(); err != ErrGarbled {
		t.Fatalf("got %v", err)
	}
	if !strings.HasPrefix(r.LastGarbled(), "GET /") {
		t.Errorf("last %q", r.LastGarbled())
	}
	if f, err := r.Next(); err != nil || string(f) != good("1") {
		t.Errorf("%q %v", f, err)
	}
}

func TestPending(t *testing.T) {
	half := good("3")
	r := NewReader(strings.NewReader(good("1")+good("2")+"junk"+half[:20]), 0)
	first, err := r.Next()
	if err != nil || !r.Pending() || string(first) != good("1") {
		t.Fatalf("first %q %v", first, err)
	}
	if f, err := r.Next(); err != nil || string(f) != good("2") {
		t.Fatalf("second %q %v", f, err)
	}
	if r.Pending() || r.Buffered() != 20 {
		t.Errorf("pending with %d bytes buffered", r.Buffered())
	}
	if _, err := r.Next(); err != io.ErrUnexpectedEOF {
		t.Errorf("end: %v", err)
	}
}

// slow returns a timeout before every piece.
type slow struct {
	pieces []string
	ready  bool
}

func (s *slow) Read(p []byte) (int, error) {
	if s.ready = !s.ready; s.ready {
		return 0, os.ErrDeadlineExceeded
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces = s.pieces[1:]
	return n, nil
}

func TestReadingGoesOnAfterATimeout(t *testing.T) {
	f := good("1")
	r := NewReader(&slow{pieces: []string{f[:7], f[7:20], f[20:] + f[:3], f[3:]}}, 0)
	timeouts, n := 0, 0
	for {
		got, err := r.Next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			timeouts++
			continue
		case err == nil && string(got) == f:
			n++
			continue
		case err != io.EOF:
			t.Errorf("%q %v", got, err)
		}
		break
	}
	if n != 2 || timeouts != 5 {
		t.Errorf("%d frames, %d timeouts", n, timeouts)
	}
}

func TestReaderWithoutProgress(t *testing.T) {
	if _, err := NewReader(stuck{}, 0).Next(); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
