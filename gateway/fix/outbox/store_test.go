package outbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
)

// The store is a function of the events: however they are cut into batches, wherever the node is stopped or crashes, and
// from whatever image it starts again, the same messages have the same numbers.
func TestSameMessagesWhateverHappens(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		r := newRun(seed, 2500, 250)
		o := options(t, vfs.NewMem())
		o.Retain = 300
		s := open(t, o)
		s.feed(t, r.es, seed)
		want, shown := storagetest.Dump(t, s.db), messages(t, s)
		closeStore(t, s)
		if len(want) < 500 {
			t.Fatalf("%d records: too few for a test", len(want))
		}
		crashes(t, r, seed, want, shown)
	}
}

func messages(t *testing.T, s *Store) map[wire.SessionID][]Entry {
	m := map[wire.SessionID][]Entry{}
	for id := range s.sessions {
		if x, ok := s.Session(wire.SessionID(id + 1)); ok {
			m[x.id] = all(t, s, x.id)
		}
	}
	return m
}

func crashes(t *testing.T, r *run, seed uint64, want map[string]string, shown map[wire.SessionID][]Entry) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 5))
	fs := vfs.NewCrashableMem()
	restarts := 0
	for durable, end := uint64(0), 0; end < len(r.es); restarts++ {
		o := options(t, fs)
		o.Retain = 300
		s := open(t, o)
		if s.Durable() < durable {
			t.Fatalf("durable is %d after a crash, and was %d", s.Durable(), durable)
		}
		from := r.beginning(rnd, s.Durable())
		end = min(len(r.es), r.at[s.Durable()]+rnd.IntN(1200)) // also in the middle of a command
		es := append(append([]wire.Event(nil), r.images[from]...), r.es[r.at[from]:max(end, r.at[from])]...)
		synced := rnd.IntN(len(es) + 1)
		synced += mustBeWhole(r, from, synced)
		if err := runWithoutSync(s, newStream(es[:synced], rnd.Uint64())); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		durable = s.Durable()
		if err := runWithoutSync(s, newStream(es[synced:], rnd.Uint64())); err != nil {
			t.Fatal(err)
		}
		if end == len(r.es) {
			storagetest.Diff(t, storagetest.Dump(t, s.db), want)
			if got := messages(t, s); !reflect.DeepEqual(got, shown) {
				t.Fatal("other messages are read")
			}
			closeStore(t, s)
			continue
		}
		next := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
		s.db.Close() // of the file system that is no more
		fs = next
	}
	if restarts < 3 {
		t.Fatalf("%d restarts: too few for a test", restarts)
	}
}

// beginning picks where a node begins that has everything up to a command: an image at or before it, or the first command.
func (r *run) beginning(rnd *rand.Rand, upTo uint64) uint64 {
	var from []uint64
	for n := range r.images {
		if n <= upTo {
			from = append(from, n)
		}
	}
	if len(from) == 0 || rnd.IntN(5) == 0 {
		return 0
	}
	best := from[0]
	for _, n := range from {
		best = max(best, n)
	}
	return best
}

// mustBeWhole returns 0: a stream may be cut anywhere but inside an image.
func mustBeWhole(r *run, from uint64, n int) int {
	return max(0, len(r.images[from])-n)
}

// runWithoutSync is Run with the disk left alone at the end.
func runWithoutSync(s *Store, src Source) error {
	s.read(src, nil)
	return s.Err()
}

// Reading gives the same from memory and from the disk, from every number on.
func TestRead(t *testing.T) {
	r := newRun(7, 3000, 0)
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	s.feed(t, r.es, 1)
	x := s.sessions[0]
	for _, y := range s.sessions {
		if y.Numbers().NextOut > x.Numbers().NextOut {
			x = y
		}
	}
	n := x.Numbers()
	list := readFrom(t, x, n, 1, 50)
	if len(list) < 300 {
		t.Fatalf("%d entries: too few for a test", len(list))
	}
	for _, keep := range []int{len(x.tail), 100, 1, 0} {
		x.tail = x.tail[len(x.tail)-min(keep, len(x.tail)):]
		for _, from := range []uint64{1, 2, n.NextOut / 2, n.NextOut - 30, n.NextOut - 1} {
			at := 0
			for list[at].End() <= from {
				at++
			}
			want := append([]Entry{list[at].from(from)}, list[at+1:]...)
			for _, piece := range []int{1, 3, 1000} {
				if got := readFrom(t, x, n, from, piece); !reflect.DeepEqual(got, want) {
					t.Fatalf("%d in memory: other messages from %d in pieces of %d", keep, from, piece)
				}
			}
		}
	}
	if es, err := x.Read(n.Epoch, n.NextOut, nil); err != nil || len(es) != 0 {
		t.Errorf("behind the end: %d, %v", len(es), err)
	}
	if es, err := x.Read(n.Epoch, 0, nil); err != nil || len(es) == 0 || es[0].Number != 1 {
		t.Errorf("from 0: %v, %v", es, err)
	}
	if _, err := x.Read(n.Epoch+1, 1, nil); !errors.Is(err, ErrEpoch) {
		t.Errorf("another epoch: %v", err)
	}
}

// What is older than what is retained is given as one local entry, and takes no room.
func TestRetention(t *testing.T) {
	v := newVenue(t)
	o := options(t, vfs.NewMem())
	o.Retain = 100
	s := open(t, o)
	for range 400 {
		v.local(1, 7)
	}
	s.feed(t, v.es, 1)
	x, _ := s.Session(1)
	n := x.Numbers()
	if n.NextOut != 2801 {
		t.Fatalf("next number is %d", n.NextOut)
	}
	x.tail = nil
	list := readFrom(t, x, n, 1, 100)
	first := list[0]
	if !first.Local || first.Count < 1000 || uint64(first.Count) > 2701 || first.Token != [TokenSize]byte{} {
		t.Errorf("what was dropped: %+v", first)
	}
	if stored := list[1:]; len(stored) < 100/7 || len(stored) > (100+100/8+pruneStep)/7+1 {
		t.Errorf("%d entries are kept", len(stored))
	}
	closeStore(t, s)
}

// A session's memory is bounded, whatever it is sent.
func TestTailIsBounded(t *testing.T) {
	v := newVenue(t)
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	for i := range 3000 {
		v.refuse(1, fmt.Sprint("id", i))
	}
	s.feed(t, v.es, 1)
	x, _ := s.Session(1)
	size := 0
	for _, e := range x.tail {
		size += len(e.Body)
	}
	if len(x.tail) > tailMessages || size > tailBytes || size != x.size || len(x.tail) < 100 {
		t.Errorf("%d messages of %d bytes are kept in memory, counted as %d", len(x.tail), size, x.size)
	}
	if y, _ := s.Session(2); y.tail != nil {
		t.Error("a session without messages takes memory for them")
	}
	if got := readFrom(t, x, x.Numbers(), 1, 64); len(got) != 3000 {
		t.Errorf("%d messages are read", len(got))
	}
}

// Numbers go on after a restart, from an image as well as from the first command.
func TestOrderTableAfterRestart(t *testing.T) {
	r := newRun(3, 2000, 2000)
	fs := vfs.NewMem()
	s := open(t, options(t, fs))
	s.feed(t, r.es, 1)
	type state struct {
		Numbers
		Orders []OpenOrder
	}
	look := func() (m []state) {
		for id := wire.SessionID(1); id <= venuetest.Traders; id++ {
			x, _ := s.Session(id)
			var orders []OpenOrder
			for page := x.OpenOrders(0, 3); len(page) > 0; page = x.OpenOrders(page[len(page)-1].ID, 3) {
				orders = append(orders, page...)
			}
			m = append(m, state{x.Numbers(), orders})
		}
		return m
	}
	want, open1, open := look(), s.orders.slab.Len(), open
	closeStore(t, s)
	found := 0
	for _, w := range want {
		found += len(w.Orders)
	}
	if found < 10 {
		t.Fatalf("%d open orders of sessions: too few for a test", found)
	}
	for name, es := range map[string][]wire.Event{"image": r.images[2000], "log": r.es} {
		s = open(t, options(t, fs))
		if s.Position() != 0 || s.Durable() != 2000 {
			t.Errorf("%s: position %d, durable %d", name, s.Position(), s.Durable())
		}
		s.feed(t, es, 2)
		if s.Position() != 2000 || s.orders.slab.Len() != open1 {
			t.Errorf("%s: position %d, %d open orders of %d", name, s.Position(), s.orders.slab.Len(), open1)
		}
		if got := look(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, got, want)
		}
		for _, w := range want {
			for _, o := range w.Orders {
				if got, _, ok := s.Order(o.ID); !ok || got != o {
					t.Errorf("%s: order %d is %+v", name, o.ID, got)
				}
			}
		}
		closeStore(t, s)
	}
}

// A store that has lost its end refuses to go on; with the operator's word it does, and says that numbers are lost until
// they start again.
func TestGap(t *testing.T) {
	r := newRun(2, 1000, 250)
	fs := vfs.NewMem()
	s := open(t, options(t, fs))
	s.feed(t, r.es[:r.at[300]], 1)
	closeStore(t, s)

	var fatal error
	o := options(t, fs)
	o.Fatal = func(err error) { fatal = err }
	s = open(t, o)
	es := append(append([]wire.Event(nil), r.images[500]...), r.es[r.at[500]:]...)
	if err := s.Run(newStream(es, 1), nil); !errors.Is(err, ErrGap) || !errors.Is(fatal, ErrGap) {
		t.Fatalf("a gap: %v, %v", err, fatal)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	o = options(t, fs)
	o.AcceptGap = true
	s = open(t, o)
	s.feed(t, es, 1)
	gaps, err := s.Gaps()
	if err != nil || !reflect.DeepEqual(gaps, []Gap{{301, 500}}) {
		t.Errorf("gaps: %v, %v", gaps, err)
	}
	x, _ := s.Session(venuetest.Traders)
	if n := x.Numbers(); s.Position() != 1000 || !n.Lost {
		t.Errorf("position %d, %+v", s.Position(), n)
	}
	v := venue{e: r.e}
	v.send(x.id, &wire.SessionMessage{Session: x.id, Kind: wire.SessionLogon}, wire.SessionOrigin(x.id, wire.MaxEpoch, 1, false))
	s.feed(t, v.es, 1)
	if n := x.Numbers(); n.Lost || n.Epoch != wire.MaxEpoch || n.NextIn != 2 || n.NextOut != 2 {
		t.Errorf("after a reset: %+v", n)
	}
	closeStore(t, s)
}

// Events that do not begin at a beginning, or that jump, are refused.
func TestMissingEvents(t *testing.T) {
	r := newRun(2, 400, 0)
	for name, es := range map[string][]wire.Event{
		"not the first":  r.es[r.at[1]:],
		"half a command": halfCommand(t, r.es),
		"a jump":         append(append([]wire.Event(nil), r.es[:r.at[100]]...), r.es[r.at[101]:]...),
		"backwards":      append(append([]wire.Event(nil), r.es[:r.at[100]]...), r.es[r.at[98]:]...),
	} {
		o := options(t, vfs.NewMem())
		o.Fatal = func(error) {}
		s := open(t, o)
		if err := s.Run(newStream(es, 1), nil); !errors.Is(err, ErrGap) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// halfCommand leaves out the first event of a command that has more.
func halfCommand(t *testing.T, es []wire.Event) []wire.Event {
	for i := range es {
		if es[i].Ord == 1 {
			return append(append([]wire.Event(nil), es[:i-1]...), es[i:]...)
		}
	}
	t.Fatal("no command has two events")
	return nil
}

// How orders ended is kept for the latest ones only.
func TestEndingsAreDropped(t *testing.T) {
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	w := s.w
	in := func(f func()) {
		w.b = s.db.NewBatch()
		f()
		if err := w.b.Commit(nil); err != nil {
			t.Fatal(err)
		}
		clear(w.endings)
	}
	in(func() {
		for _, id := range []wire.OrderID{1, 99_999, 100_000, 100_001} {
			w.keepEnding(&order{OpenOrder: OpenOrder{ID: id, Account: 2}}, wire.StatusFilled)
		}
	})
	in(func() { w.dropEndings(1_099_999) })
	if _, ok, err := w.statusOf(1, 2); !ok || err != nil {
		t.Errorf("dropped too early: %v", err)
	}
	in(func() { w.dropEndings(1_100_000) })
	for id, want := range map[wire.OrderID]bool{1: false, 99_999: false, 100_000: true, 100_001: true, 5: false} {
		if status, ok, err := w.statusOf(id, 2); ok != want || err != nil || ok && status != wire.StatusFilled {
			t.Errorf("order %d: %v, %v, %v", id, status, ok, err)
		}
	}
	if _, ok, _ := w.statusOf(100_000, 3); ok {
		t.Error("an account is told of another's order")
	}
}
