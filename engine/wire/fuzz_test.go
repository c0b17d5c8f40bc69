package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
)

// seeds adds the golden vectors of a file.
func seeds(f *testing.F, name string) {
	file, err := os.Open("testdata/" + name)
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		words := strings.Fields(s.Text())
		b, err := hex.DecodeString(words[len(words)-1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzDecodeCommand: what is decoded is written back as the same bytes, what is refused says why.
func FuzzDecodeCommand(f *testing.F) {
	seeds(f, "commands.golden")
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Command
		rest, err := DecodeCommand(&c, b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if got := append(AppendCommand(nil, &c), rest...); !bytes.Equal(got, b) {
			t.Fatalf("%x comes back as %x", b, got)
		}
	})
}

// FuzzDecodeEvent is FuzzDecodeCommand for events.
func FuzzDecodeEvent(f *testing.F) {
	seeds(f, "events.golden")
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Event
		rest, err := DecodeEvent(&e, b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if got := append(AppendEvent(nil, &e), rest...); !bytes.Equal(got, b) {
			t.Fatalf("%x comes back as %x", b, got)
		}
	})
}

// FuzzDecodeBatch is FuzzDecodeCommand for the header of a batch.
func FuzzDecodeBatch(f *testing.F) {
	seeds(f, "batch.golden")
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest, err := DecodeBatch(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if got := append(h.AppendHeader(nil), rest...); !bytes.Equal(got, b) {
			t.Fatalf("%x comes back as %x", b, got)
		}
	})
}

// FuzzText: ParseText accepts exactly what is Valid, and the text comes back.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", " a", "a ", "a b", strings.Repeat("x", 36), strings.Repeat("x", 37), "ä", "\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, ok := ParseText(s)
		if !ok {
			return
		}
		if !text.Valid() || text.String() != s || string(text.Bytes()) != s || text.Len() != len(s) || text.IsEmpty() != (s == "") {
			t.Fatalf("%q comes back as %q", s, text)
		}
		var b [textSize]byte
		var back Text
		if text.PutBytes(b[:]) != textSize || back.GetBytes(b[:]) != textSize || back != text {
			t.Fatalf("%q does not come back from its bytes", s)
		}
	})
}
