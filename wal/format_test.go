package wal

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestGoldenRecord pins the layout in the package comment.
func TestGoldenRecord(t *testing.T) {
	l := &raft.Log{Index: 0x0102, Term: 7, Type: raft.LogConfiguration, Data: []byte("abc"), Extensions: []byte("xy"),
		AppendedAt: time.Unix(0, 0x1122)}
	b := appendRecord(nil, l, 0xAABB)
	const want = "b2d0e647" + "01" + "05" + "0000" + "0201000000000000" + "0700000000000000" +
		"2211000000000000" + "bbaa000000000000" + "03000000" + "02000000" + "616263" + "7879"
	if got := hex.EncodeToString(b); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestGoldenState(t *testing.T) {
	s := state{seq: 1, first: 2, last: 3, baseHash: 4, lastHash: 5, bytes: 6, commit: 7, stable: 8}
	const want = "71e7421b" + "01000000" + "0100000000000000" + "0200000000000000" + "0300000000000000" +
		"0400000000000000" + "0500000000000000" + "0600000000000000" + "0700000000000000" + "0800000000000000"
	if got := hex.EncodeToString(s.encode()); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	back, err := decodeState(s.encode())
	if err != nil || back != s {
		t.Fatalf("%+v, %v", back, err)
	}
}

// TestEveryFlippedBit: no flipped bit of a record, a state or an identity passes.
func TestEveryFlippedBit(t *testing.T) {
	id := newIdentity("a cluster")
	st := state{seq: 9, first: 1, last: 4}
	for name, c := range map[string]struct {
		b      []byte
		decode func([]byte) error
	}{
		"record":   {appendRecord(nil, entry(3, 2, 40), 99), func(b []byte) error { _, err := decodeRecord(b); return err }},
		"state":    {st.encode(), func(b []byte) error { _, err := decodeState(b); return err }},
		"identity": {id.encode(), func(b []byte) error { _, err := decodeIdentity(b); return err }},
		"slot":     {encodeSlot(&id, &st), func(b []byte) error { _, err := decodeSlot(&id, b); return err }},
		"stable":   {encodeStable([]byte("sk"), []byte("value")), func(b []byte) error { _, err := decodeStable([]byte("sk"), b); return err }},
	} {
		if err := c.decode(c.b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range len(c.b) * 8 {
			b := bytes.Clone(c.b)
			b[i/8] ^= 1 << (i % 8)
			if c.decode(b) == nil {
				t.Fatalf("%s: flipping bit %d of byte %d was not found", name, i%8, i/8)
			}
		}
		for n := range len(c.b) {
			if c.decode(c.b[:n]) == nil {
				t.Fatalf("%s: cut to %d bytes was not found", name, n)
			}
		}
	}
}

func TestSlotOfAnotherStore(t *testing.T) {
	a, b := newIdentity(""), newIdentity("")
	st := state{seq: 1}
	if _, err := decodeSlot(&b, encodeSlot(&a, &st)); err == nil {
		t.Fatal("the block of another store's tripwire was taken")
	}
}

// FuzzDecodeRecord: any bytes are refused or are exactly what the encoder writes.
func FuzzDecodeRecord(f *testing.F) {
	f.Add(appendRecord(nil, entry(1, 1, 0), 0), false)
	f.Add(appendRecord(nil, entry(3, 9, 33), 77), false)
	f.Add(make([]byte, recordHeader), true)
	f.Fuzz(func(t *testing.T, b []byte, fix bool) {
		if fix && len(b) >= 4 {
			// Get past the checksum, or the fuzzer never sees the rest.
			le.PutUint32(b, crcOf(b[4:]))
		}
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		var l raft.Log
		r.fill(&l)
		if again := appendRecord(nil, &l, r.prev); !bytes.Equal(again, b) {
			t.Fatalf("decoded %x, encoded again %x", b, again)
		}
	})
}

// FuzzDecodeState: neither states nor identities panic, and what is taken encodes to itself.
func FuzzDecodeState(f *testing.F) {
	st := state{seq: 1, first: 1, last: 2}
	id := newIdentity("c")
	f.Add(st.encode())
	f.Add(id.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == stateSize {
			le.PutUint32(b, crcOf(b[4:]))
		}
		if s, err := decodeState(b); err == nil && !bytes.Equal(s.encode(), b) {
			t.Fatalf("state %x", b)
		}
		_, _ = decodeIdentity(b)
	})
}
