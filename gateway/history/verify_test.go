package history

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"

	"uncross/gateway/storage"
)

// TestGapIsRefused shows that a store which lacks commands before the node's snapshot does not go on by itself, and that
// an empty one does: it begins there.
func TestGapIsRefused(t *testing.T) {
	g, r := venuetest.New(1), &run{e: engine.New(), at: []int{0}}
	for range 200 {
		r.step(g)
	}
	had := len(r.es)
	for range 100 {
		r.step(g)
	}
	var fatal error
	o := options(t, vfs.NewMem())
	o.AcceptGap, o.Fatal = false, func(err error) { fatal = err }
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	s.feed(t, r.es[:had], 1)
	before := storagetest.Dump(t, s.db)
	s.queue = newQueue(s.o.QueueEvents)
	if err := s.Run(newStream(image(r.e), 1), nil); !errors.Is(err, ErrGap) || !errors.Is(fatal, ErrGap) || !strings.Contains(err.Error(), "accept-history-gap") {
		t.Errorf("an image beyond the store: %v, fatal %v", err, fatal)
	}
	storagetest.Diff(t, storagetest.Dump(t, s.db), before)

	o = options(t, vfs.NewMem())
	o.AcceptGap = false
	if s, err = Open("history", o); err != nil {
		t.Fatal(err)
	}
	s.feed(t, image(r.e), 1)
	if s.Position() != 300 || s.CompleteFrom() != 301 {
		t.Errorf("an empty store is at %d, complete from %d", s.Position(), s.CompleteFrom())
	}
	closeStore(t, s)
}

// TestVerify reads a store whole and finds a byte flipped in any of its tables; it changes nothing.
func TestVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	if r, err := Verify(dir, nil); err != nil || r != (Report{}) {
		t.Errorf("nothing there: %+v, %v", r, err)
	}
	g, r := venuetest.New(2), &run{e: engine.New(), at: []int{0}}
	for range 1000 {
		r.step(g)
	}
	s, err := Open(dir, options(t, vfs.Default))
	if err != nil {
		t.Fatal(err)
	}
	s.feed(t, r.es, 1)
	records := len(storagetest.Dump(t, s.db))
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if r, err := Verify(dir, nil); err != nil || r.Position != 1000 || r.Records != uint64(records) {
		t.Errorf("%+v, %v; expected %d records to command 1000", r, err, records)
	}
	tables, err := filepath.Glob(filepath.Join(dir, storage.Database, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, table := range tables {
		whole, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{10, len(whole) / 3, len(whole) / 2} {
			flipped := append([]byte(nil), whole...)
			flipped[at] ^= 0x10
			if err := os.WriteFile(table, flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(dir, nil); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s, byte %d of %d flipped: %v", filepath.Base(table), at, len(whole), err)
			}
		}
		if err := os.WriteFile(table, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Verify(dir, nil); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// TestVerifyRecords takes away one record of each kind, and finds each time that it is missing.
func TestVerifyRecords(t *testing.T) {
	r := newRun(2, 800)
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	s.feed(t, r.es, 1)
	s.feed(t, deposits(r, sumsEvery), 1)
	trimTo(t, s, EventID{300, 0})
	all := storagetest.Dump(t, s.db)
	if _, err := readAll(s.db, true); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []byte{tagTrade, tagFill, tagAccount, tagOrder, tagOfAccount, tagLedger, tagBalance, tagEvent, tagSums, tagNumber, tagCandle} {
		removed := ""
		for k, v := range all {
			if k[0] == tag && (removed == "" || k < removed) && (tag != tagBalance || v[0] != 0) && (tag != tagEvent || v[0] == byte(wire.EvTrade)) {
				removed = k
			}
		}
		if removed == "" {
			t.Fatalf("no record %c", tag)
		}
		damaged := []byte(all[removed])
		if tag == tagCandle || tag == tagNumber { // a candle may be missing, and a number tells where the ledger ends
			if damaged[0]++; tag == tagCandle {
				damaged = damaged[1:]
			}
			if err := s.db.Set([]byte(removed), damaged, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		} else if err := s.db.Delete([]byte(removed), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(s.db, true); !errors.Is(err, ErrDamaged) {
			t.Errorf("without the record %c %x: %v", tag, removed[1:], err)
		}
		if err := s.db.Set([]byte(removed), []byte(all[removed]), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readAll(s.db, true); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// FuzzConcern: what is read of an index record is written as it was.
func FuzzConcern(f *testing.F) {
	c := concern{hasTerms: true, terms: OrderTerms{wire.MustText("a1"), 5, 6}}
	c.changed(BalanceAfter{7, wire.Amount{Lo: 300}, wire.Amount{Hi: 1}, true})
	f.Add(c.append(nil))
	c.carried, c.timeNs = true, -5
	c.changed(BalanceAfter{8, wire.Amount{}, wire.Amount{Hi: 1 << 60}, false})
	f.Add(c.append(nil))
	f.Add([]byte{0})
	f.Add([]byte("a client id"))
	f.Fuzz(func(t *testing.T, v []byte) {
		c, err := parseConcern(v)
		if err != nil {
			return
		}
		again, err := parseConcern(c.append(nil))
		if err != nil || again != c {
			t.Errorf("%+v, %v; want %+v", again, err, c)
		}
	})
}
