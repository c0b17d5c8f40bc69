package history

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/storage"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
)

// formatOneStore makes a store of format 1 of one of format 2, and closes it: candles, index and totals are not there, a fill
// is the client id alone, a balance the total, and the balances that an image does not have share the id of its end.
func formatOneStore(t *testing.T, fs vfs.FS, s *Store) {
	t.Helper()
	b := s.db.NewBatch()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []byte{tagAccount, tagCandle, tagSums} {
		check(b.DeleteRange(newKey(tag), newKey(tag).after(), nil))
	}
	ends := map[uint64]uint32{} // greatest number of an image's balance, by its command
	for k, v := range storagetest.Dump(t, s.db) {
		switch k[0] {
		case tagFill:
			c, err := parseConcern([]byte(v))
			check(err)
			check(b.Set([]byte(k), c.terms.ClientID.Bytes(), nil))
		case tagBalance:
			balance, err := parseBalance([]byte(v))
			check(err)
			check(b.Set([]byte(k), appendAmount(nil, balance.total()), nil))
		case tagLedger:
			e, err := entryIn(wire.AccountID(binary.BigEndian.Uint32([]byte(k[1:]))), []byte(k), []byte(v))
			check(err)
			if e.Kind == Carry && e.Negative && e.Total.IsZero() {
				if was, ok := ends[e.Seq]; !ok || e.Ord < was {
					ends[e.Seq] = e.Ord
				}
				e.Ord = ends[e.Seq]
				check(b.Set([]byte(k), appendEntry(nil, &e), nil))
			}
		}
	}
	check(b.Commit(pebble.Sync))
	check(b.Close())
	closeStore(t, s)
	check(storage.SetFormat(fs, "history", formatOne))
}

// A store of format 1 becomes what a store of format 2 would have become, and goes on like one; a crash in the middle leads to
// the same.
func TestUpgrade(t *testing.T) {
	r := record(11, 1500)
	half := r.at[1000] + 1 // inside a command, perhaps
	whole, before := open(t, vfs.NewMem()), vfs.NewCrashableMem()
	s := open(t, before)
	for _, s := range []*Store{whole, s} {
		if err := s.w.store(r.es[:half]); err != nil {
			t.Fatal(err)
		}
	}
	wantHalf := storagetest.Dump(t, whole.db)
	whole.feed(t, r.es[half:], 1)
	want := storagetest.Dump(t, whole.db)
	closeStore(t, whole)
	formatOneStore(t, before, s)

	// Clones are taken before every few operations of the upgrade, as a power cut would leave the disk.
	base := before.CrashClone(vfs.CrashCloneCfg{})
	var clones []*vfs.MemFS
	var ops atomic.Int64
	rnd := rand.New(rand.NewPCG(1, 1))
	var fs vfs.FS = errorfs.Wrap(base, errorfs.InjectorFunc(func(o errorfs.Op) error {
		if (o.Kind.ReadOrWrite() == errorfs.OpIsWrite) && ops.Add(1)%8 == 0 && len(clones) < 24 {
			clones = append(clones, base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd}))
		}
		return nil
	}))
	if r, err := Verify("history", base); err != nil || r.Position == 0 {
		t.Errorf("a store of format 1: %+v, %v", r, err)
	}
	s, err := Open("history", options(t, fs))
	if err != nil {
		t.Fatal(err)
	}
	n := len(clones)
	storagetest.Diff(t, storagetest.Dump(t, s.db), wantHalf)
	closeStore(t, s)
	if n < 5 {
		t.Fatalf("%d crashes: the test is weaker than it looks", n)
	}
	formats := map[string]int{}
	for i, fs := range append(clones, base) {
		format, err := storage.FormatOf(fs, "history")
		if err != nil {
			t.Fatalf("crash %d: %v", i, err)
		}
		formats[format]++
		s := open(t, fs)
		storagetest.Diff(t, storagetest.Dump(t, s.db), wantHalf)
		s.feed(t, r.es, uint64(i))
		storagetest.Diff(t, storagetest.Dump(t, s.db), want)
		if i%12 == 0 {
			compareAccounts(t, s, r, 0)
		}
		closeStore(t, s)
		if _, err := Verify("history", fs); err != nil {
			t.Fatalf("crash %d: %v", i, err)
		}
	}
	for _, f := range []string{formatOne, formatUpgrading, Format} {
		if formats[f] == 0 {
			t.Errorf("no crash in format %q: %v", f, formats)
		}
	}
}

// Behind a gap nothing stored says what is held. The upgrade says so, keeps the totals right, and learns the rest from what
// the engine tells.
func TestUpgradeWithGaps(t *testing.T) {
	for seed := range uint64(4) {
		g, r := venuetest.New(seed), &run{e: engine.New(), at: []int{0}}
		step := func(n int) {
			for range n {
				r.step(g)
			}
		}
		fs := vfs.NewMem()
		s := open(t, fs)
		if seed%2 == 0 { // else it begins with an image
			step(500)
			s.feed(t, r.es, seed)
		}
		step(400)
		s.feed(t, image(r.e), seed)
		step(300)
		s.feed(t, r.es[r.at[len(r.at)-301]:], seed)
		formatOneStore(t, fs, s)
		s = open(t, fs)
		compareLedger(t, s, r.e, venuetest.Accounts)
		estimates := func() (n int) {
			for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
				_, bs, err := s.Balances(a)
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range bs {
					available, held := r.e.Balance(a, b.Asset)
					if b.Estimated {
						n++
					} else if b.Available != available || b.Held != held {
						t.Fatalf("account %d: %+v, in the engine %v and %v", a, b, available, held)
					}
					if b.Available.MustAdd(b.Held) != available.MustAdd(held) {
						t.Fatalf("account %d: the total of %+v is not %v", a, b, available.MustAdd(held))
					}
				}
			}
			return n
		}
		first := estimates()
		if first == 0 {
			t.Fatal("nothing is an estimate: the test is weaker than it looks")
		}
		step(1500)
		s.feed(t, r.es[r.at[len(r.at)-1501]:], seed)
		compareLedger(t, s, r.e, venuetest.Accounts)
		if then := estimates(); then >= first {
			t.Errorf("%d estimates at first, %d then", first, then)
		}
		compareStatements(t, s, r, seed)
		s.feed(t, image(r.e)[:50], seed) // a piece of an image
		closeStore(t, s)
		s = open(t, fs)
		if seed >= 2 {
			step(10)
		}
		s.feed(t, image(r.e), seed) // an image tells all, of here or of later on
		if n := estimates(); n != 0 {
			t.Errorf("%d estimates after an image", n)
		}
		if _, there, err := s.get(metaEstimates); there || err != nil {
			t.Errorf("there are said to be estimates, %v", err)
		}
		closeStore(t, s)
		if _, err := Verify("history", fs); err != nil {
			t.Error(err)
		}
	}
}

// An upgrade that meets damage says so and leaves the store as one of format 1.
func TestUpgradeOfDamage(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	s.feed(t, newRun(1, 800).es, 1)
	p, err := s.Ledger(2, Query{Limit: 1})
	if err != nil || len(p.Items) != 1 {
		t.Fatal(err)
	}
	e := p.Items[0]
	e.Total = e.Total.MustAdd(wire.Amount{Lo: 1})
	if err := s.db.Set(newKey(tagLedger).account(2).u64(e.Number), appendEntry(nil, &e), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	formatOneStore(t, fs, s)
	for range 2 {
		if _, err := Open("history", options(t, fs)); err == nil || !strings.Contains(err.Error(), "account 2") {
			t.Fatalf("%v", err)
		}
		if f, err := storage.FormatOf(fs, "history"); err != nil || f != formatUpgrading {
			t.Errorf("format %q, %v", f, err)
		}
	}
}
