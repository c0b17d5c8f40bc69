package sandbox

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// FuzzLines gives arbitrary lines to a market with funded accounts: nothing makes it panic, and whatever came in, the
// state is sound and the money is all there.
func FuzzLines(f *testing.F) {
	text, err := os.ReadFile(doc)
	if err != nil {
		f.Fatal(err)
	}
	for _, block := range strings.Split(string(text), inputFence)[1:] {
		input, _, _ := strings.Cut(block, fence)
		f.Add([]byte(input))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		var out bytes.Buffer
		s, err := New(&out)
		if err != nil {
			t.Fatal(err)
		}
		passOver := func(error) bool { return true }
		if err := s.Run(strings.NewReader(setUp), passOver); err != nil {
			t.Fatal(err)
		}
		_ = s.Run(bytes.NewReader(lines), passOver) // the only error left is a line that is too long
		if err := s.engine.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := s.engine.CheckConservation(); err != nil {
			t.Fatal(err)
		}
	})
}
