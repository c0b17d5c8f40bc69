package initiator

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// fillStore gives numbers to n messages, every third of them about the session itself.
func fillStore(t *testing.T, s Store, n int) {
	t.Helper()
	for range n {
		_, seq := s.Numbers()
		if err := s.Append(int64(seq), seq%3 == 0, fmt.Appendf(nil, "body %d", seq)); err != nil {
			t.Fatal(err)
		}
	}
}

// checkStore reads from a number on and expects bodies for the latest messages alone.
func checkStore(t *testing.T, s Store, from, bodiesFrom, nextIn, nextOut uint64) {
	t.Helper()
	if in, out := s.Numbers(); in != nextIn || out != nextOut {
		t.Errorf("next numbers %d in, %d out, expected %d and %d", in, out, nextIn, nextOut)
	}
	dst := make([]Entry, 1000)
	n := s.Read(from, dst)
	if uint64(n) != nextOut-from {
		t.Fatalf("%d entries from %d", n, from)
	}
	for k, e := range dst[:n] {
		seq := from + uint64(k)
		body, local := "", true
		if seq >= bodiesFrom {
			body, local = fmt.Sprintf("body %d", seq), seq%3 == 0
		}
		if e.Seq != seq || string(e.Body) != body || e.Local != local || body != "" && e.TimeNs != int64(seq) {
			t.Errorf("entry %d: %+v", seq, e)
		}
	}
}

func TestMemory(t *testing.T) {
	s := NewMemory(10)
	checkStore(t, s, 1, 1, 1, 1)
	fillStore(t, s, 7)
	checkStore(t, s, 1, 1, 1, 8)
	fillStore(t, s, 30)
	checkStore(t, s, 20, 28, 1, 38)
	if s.Received(5) != nil || s.Reset() != nil {
		t.Error("an error")
	}
	checkStore(t, s, 1, 1, 1, 1)
}

// TestFile opens a store again after the process was killed, and after a record was cut at every possible byte.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenFile(dir, 10)
	if err != nil {
		t.Fatal(err)
	}
	fillStore(t, s, 25)
	if err := s.Received(7); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil { // and no Close
		t.Fatal(err)
	}
	if s, err = OpenFile(dir, 10); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s, 10, 16, 7, 26)
	fillStore(t, s, 1)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < recordHeader+len("body 26"); cut++ {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, fileName), whole[:len(whole)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := OpenFile(torn, 10)
		if err != nil {
			t.Fatal(err)
		}
		checkStore(t, again, 16, 16, 7, 26)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	fillStore(t, s, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenFile(dir, 10); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s, 1, 1, 1, 3)
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
