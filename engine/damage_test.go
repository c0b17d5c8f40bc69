package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cespare/xxhash/v2"

	"uncross/engine/wire"
)

// smallSnapshot is a snapshot with something in every section.
func smallSnapshot(t testing.TB) []byte {
	t.Helper()
	r := record(t, 5, 400)
	return r.lastSnapshot
}

// TestDamagedSnapshot: every flipped byte and every cut is found.
func TestDamagedSnapshot(t *testing.T) {
	b := smallSnapshot(t)
	step := 1 + len(b)/1_500
	for i := 0; i < len(b); i += step {
		bad := bytes.Clone(b)
		bad[i] ^= 0x10
		if _, err := Restore(bytes.NewReader(bad)); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("byte %d of %d flipped: %v", i, len(b), err)
		}
		if _, err := Restore(bytes.NewReader(b[:i])); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("cut off at byte %d of %d: %v", i, len(b), err)
		}
	}
	if _, err := Restore(iotest.HalfReader(bytes.NewReader(append(bytes.Clone(b), "more"...)))); err != nil {
		t.Errorf("the snapshot itself: %v", err)
	}
}

// TestSnapshotMessages: what is wrong is said.
func TestSnapshotMessages(t *testing.T) {
	b := smallSnapshot(t)
	version := bytes.Clone(b)
	version[8] = 9
	rules := bytes.Clone(b)
	rules[16+12+4+88] = 7
	chain := bytes.Clone(b)
	chain[16+12+4+40] ^= 1
	for want, bad := range map[string][]byte{
		"not a snapshot":              []byte("something else, and long enough"),
		"version 9 is not known":      version,
		"ends early":                  b[:100],
		"under version 7 of the rule": reseal(rules),
		"header: its checksum":        chain,
	} {
		if _, err := Restore(bytes.NewReader(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the message should contain %q: %v", want, err)
		}
	}
	broken := errors.New("the disk is on fire")
	if _, err := Restore(iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.Is(err, ErrSnapshot) {
		t.Errorf("a reader's error: %v", err)
	}
	img := testVenue(t).Freeze()
	if _, err := img.WriteTo(failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer's error: %v", err)
	}
}

// TestDisorderFound: what is counted or filed wrongly does not pass Validate, nor a restore.
func TestDisorderFound(t *testing.T) {
	for want, spoil := range map[string]func(*Engine){
		"the books' hash":                   func(e *Engine) { e.bookSum++ },
		"a balance is used by others":       func(e *Engine) { e.use(1) },
		"remembered requests are filed":     func(e *Engine) { h := e.past[transferQueue].head; e.unlink(h); e.append(h) },
		"remembered requests are counted":   func(e *Engine) { e.past[orderQueue].n++ },
		"the index of balances has":         func(e *Engine) { e.byBalance.Put(balanceKey(3, 1), 1) },
		"the full hash is not that of the":  func(e *Engine) { e.sum++ },
		"the money hash is not that of the": func(e *Engine) { e.money++ },
	} {
		e := testVenue(t)
		spoil(e)
		if err := e.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the message should contain %q: %v", want, err)
		}
	}
	e := testVenue(t)
	h := e.past[transferQueue].head
	e.unlink(h)
	e.append(h)
	if _, err := Restore(newReader(snapshot(t, e.Freeze()))); err == nil || !strings.Contains(err.Error(), "not in order") {
		t.Errorf("entries in disorder: %v", err)
	}
}

// TestRestoreFindsWhatIsFiledLast: what is looked at once all records are there is refused as well.
func TestRestoreFindsWhatIsFiledLast(t *testing.T) {
	for want, spoil := range map[string]func(*Engine){
		"an id stands twice": func(e *Engine) {
			r := *e.repeats.At(e.past[transferQueue].tail)
			e.place++
			r.place = e.place
			h := e.repeats.Alloc()
			*e.repeats.Mut(h) = r
			e.file(h)
		},
		" does not go into its book": func(e *Engine) {
			one, _ := e.byOrder.Get(1)
			two, _ := e.byOrder.Get(2)
			e.orders.Mut(two).priority = e.orders.At(one).priority
		},
		"order 1 does not go into its book": func(e *Engine) {
			one, _ := e.byOrder.Get(1)
			e.orders.Mut(one).priority = 1 << 40
		},
	} {
		e := testVenue(t)
		play(t, e, `
new_order key=2 account=2 instrument=1 side=buy type=limit tif=gtc price=100 qty=5
new_order key=3 account=4 instrument=1 side=sell type=limit tif=gtc price=110 qty=5
`)
		spoil(e)
		if _, err := Restore(newReader(snapshot(t, e.Freeze()))); !errors.Is(err, ErrSnapshot) || !strings.Contains(err.Error(), want) {
			t.Errorf("the message should contain %q: %v", want, err)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// reseal puts right checksums on a snapshot whose frame is whole, so that what is in it is looked at.
func reseal(b []byte) []byte {
	b = bytes.Clone(b)
	begin, at := 16, 16
	for at+12 <= len(b) && string(b[at:at+4]) == sectionBegin {
		for at += 12; ; {
			if at+4 > len(b) {
				return b
			}
			n := int(binary.LittleEndian.Uint32(b[at:]))
			at += 4
			if n == 0 {
				break
			}
			if n > blockBytes || at+n > len(b) {
				return b
			}
			at += n
		}
		if at += 16; at+8 > len(b) {
			return b
		}
		binary.LittleEndian.PutUint64(b[at:], xxhash.Sum64(b[begin:at]))
		at += 8
		begin = at
	}
	if at+12 <= len(b) {
		binary.LittleEndian.PutUint64(b[at+4:], xxhash.Sum64(b[:at+4]))
	}
	return b
}

// FuzzRestore: no snapshot makes Restore panic; what it accepts is whole and gives the same snapshot again.
func FuzzRestore(f *testing.F) {
	b := smallSnapshot(f)
	f.Add(b, uint32(0), byte(0), uint32(0), byte(0))
	for i := uint32(0); i < uint32(len(b)); i += uint32(len(b) / 60) {
		f.Add(b, i, byte(0xff), i/2, byte(1))
	}
	f.Add(firstVersion(f), uint32(0), byte(0), uint32(0), byte(0))
	f.Add(snapshot(f, New().Freeze()), uint32(0), byte(0), uint32(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint32, x byte, at2 uint32, y byte) {
		if len(b) == 0 {
			return
		}
		b = bytes.Clone(b)
		b[at%uint32(len(b))] ^= x
		b[at2%uint32(len(b))] ^= y
		b = reseal(b)
		e, err := Restore(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrSnapshot) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		if b[8] < SnapshotVersion {
			return // it is written in the latest version
		}
		if again := snapshot(t, e.Freeze()); !bytes.Equal(again, b[:len(again)]) {
			t.Fatal("the state gives another snapshot")
		}
	})
}

// TestResealedDamage changes every byte of the records in turn under right checksums: Restore looks at what it says, and
// the hashes hold the rest.
func TestResealedDamage(t *testing.T) {
	b := smallSnapshot(t)
	accepted := 0
	for i := 16; i < len(b); i += 1 + len(b)/3_000 {
		bad := bytes.Clone(b)
		bad[i] ^= byte(1 + i%255)
		e, err := Restore(bytes.NewReader(reseal(bad)))
		if err == nil {
			accepted++
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
		} else if !errors.Is(err, ErrSnapshot) {
			t.Fatalf("byte %d: another error: %v", i, err)
		}
	}
	// Only the position in the log is in no hash: 24 bytes of the header.
	if accepted > 24 {
		t.Errorf("%d changed snapshots are accepted", accepted)
	}
}

// FuzzApplyBatch: no entry makes the engine panic, whatever its commands ask for, and what is refused changes nothing.
func FuzzApplyBatch(f *testing.F) {
	r := record(f, 8, 300)
	for i := 27; i+20 < len(r.commands); i += 20 {
		f.Add(batch(1, 1, r.commands[i:i+20]))
	}
	f.Add([]byte("UNXB"))
	venue := snapshot(f, func() *Image {
		e := testVenue(f)
		for i := 27; i < 200; i++ {
			e.Apply(&r.commands[i], nil)
		}
		e.term, e.sequence = 0, 0
		return e.Freeze()
	}())
	f.Fuzz(func(t *testing.T, b []byte) {
		e := restore(t, venue)
		full, _ := e.Hashes()
		events, err := e.ApplyBatch(b, nil)
		if err != nil {
			if now, _ := e.Hashes(); now != full || len(events) != 0 {
				t.Fatal("an entry that cannot be decoded changed the state")
			}
			return
		}
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		for i := range events {
			if !events[i].Kind.Known() {
				t.Fatal("an event of unknown kind")
			}
			checkTexts(t, &events[i])
		}
	})
}

// checkTexts: whatever came in, what goes out can be printed.
func checkTexts(t *testing.T, e *wire.Event) {
	t.Helper()
	if s := showEvent(e); s == "" {
		t.Fatal("an event cannot be shown")
	}
}
