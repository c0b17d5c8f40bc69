package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

// trimTo removes everything up to an event.
func trimTo(t testing.TB, s *Store, upTo EventID) {
	t.Helper()
	for {
		n, err := s.trimStep(func(id EventID, _ int64) bool { return !upTo.Less(id) })
		if err != nil {
			t.Fatal(err)
		}
		if n < trimEvents {
			return
		}
	}
}

func behind[T any](all []T, gone EventID, id func(*T) EventID) []T {
	return slices.DeleteFunc(slices.Clone(all), func(x T) bool { return !gone.Less(id(&x)) })
}

// compareTrimmed holds every list against what the events tell, without what is gone.
func compareTrimmed(t *testing.T, s *Store, r *recorded) {
	t.Helper()
	gone, w := *s.gone.Load(), tell(r.es)
	for in := wire.InstrumentID(1); in <= venuetest.Instruments; in++ {
		got := every(t, func(q Query) (Page[Trade], error) { return s.Trades(in, q) }, Query{})
		want := behind(w.trades[in], gone.id, func(x *Trade) EventID { return EventID{x.Seq, x.Ord} })
		same(t, want, got, func(Trade) bool { return true })
	}
	ends, later := ends(r.es)
	for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
		got := every(t, func(q Query) (Page[Fill], error) { return s.Fills(a, q) }, Query{})
		want := behind(w.fills[a], gone.id, func(x *Fill) EventID { return EventID{x.Seq, x.Ord} })
		same(t, want, got, func(Fill) bool { return true })
		var orders []Order
		for _, o := range w.orders[a] {
			if end, ended := ends[o.ID]; !ended || gone.id.Less(end) {
				orders = append(orders, *o)
			}
		}
		same(t, orders, every(t, func(q Query) (Page[Order], error) { return s.Orders(a, q) }, Query{}), func(Order) bool { return true })
		for _, e := range every(t, func(q Query) (Page[Entry], error) { return s.Ledger(a, q) }, Query{}) {
			if !gone.id.Less(EventID{e.Seq, e.Ord}) {
				t.Fatalf("entry %+v is before %v", e, gone.id)
			}
		}
	}
	for key, id := range w.byClient {
		o := w.byID[id]
		var acc wire.AccountID
		var text string
		if n, _ := fmt.Sscan(key, &acc, &text); n != 2 && text == "" {
			continue
		}
		name := wire.MustText(text)
		end, ended := ends[id]
		changed, isFormer := later[former{id, name}]
		want := (!ended || gone.id.Less(end)) && (!isFormer || o.ClientID == name || gone.id.Less(changed))
		if got, ok, err := s.OrderByClientID(acc, name); err != nil || ok != want || ok && got.ID != id {
			t.Fatalf("client id %q of order %d: found %v, want %v; %v", text, id, ok, want, err)
		}
	}
	for seq := range s.Position() + 1 {
		es, err := s.Events(seq, math.MaxInt)
		if trimmed := gone != (edge{}) && seq <= gone.id.Seq; trimmed != errors.Is(err, ErrTrimmed) || !trimmed && (err != nil || !reflect.DeepEqual(es, w.news[seq])) {
			t.Fatalf("command %d: %v", seq, err)
		}
	}
	if s.Start() != gone.id {
		t.Fatalf("starts at %v, gone is %v", s.Start(), gone.id)
	}
	if gone.id.Seq > 0 {
		if _, _, _, err := s.AccountEvents(2, EventID{gone.id.Seq - 1, 0}, 1); !errors.Is(err, ErrTrimmed) {
			t.Fatalf("events from before the edge: %v", err)
		}
	}
	if _, err := readAll(s.db, true); err != nil {
		t.Fatal(err)
	}
}

type former struct {
	order wire.OrderID
	id    wire.Text
}

// ends returns at which event each order ended, and at which it got another client id.
func ends(es []wire.Event) (ends map[wire.OrderID]EventID, later map[former]EventID) {
	ends, later = map[wire.OrderID]EventID{}, map[former]EventID{}
	ids := map[wire.OrderID]wire.Text{}
	for i := range es {
		e := &es[i]
		at := EventID{e.Seq, e.Ord}
		if e.Flags&wire.FlagRepeat != 0 {
			continue
		}
		switch e.Kind {
		case wire.EvOrderAccepted:
			var m wire.OrderAccepted
			m.GetEvent(e)
			ids[m.Order] = m.ClientID
		case wire.EvOrderReplaced:
			var m wire.OrderReplaced
			m.GetEvent(e)
			if ids[m.Order] != m.ClientID {
				later[former{m.Order, ids[m.Order]}] = at
			}
			ids[m.Order] = m.ClientID
		case wire.EvOrderCanceled:
			var m wire.OrderCanceled
			m.GetEvent(e)
			ends[m.Order] = at
		case wire.EvTrade:
			var m wire.Trade
			m.GetEvent(e)
			if m.BuyLeft == 0 {
				ends[m.BuyOrder] = at
			}
			if m.SellLeft == 0 {
				ends[m.SellOrder] = at
			}
		}
	}
	return ends, later
}

// What is trimmed goes whole, what is kept is as it was, whatever the edge; and the store goes on, also after a restart.
func TestTrim(t *testing.T) {
	for seed := range uint64(2) {
		r := record(seed, 1600)
		rnd := rand.New(rand.NewPCG(seed, 4))
		fs := vfs.NewMem()
		s := open(t, fs)
		fed := 0
		for fed < len(r.es) {
			n := min(len(r.es)-fed, 600+rnd.IntN(900))
			for n < len(r.es)-fed && r.es[fed+n-1].Flags&wire.FlagLast == 0 {
				n++
			}
			s.feed(t, r.es[fed:fed+n], seed)
			fed += n
			part := &recorded{&run{es: r.es[:fed]}, r.money[:s.Position()+1]}
			for range 3 {
				at := &r.es[rnd.IntN(fed-n/8)]
				trimTo(t, s, EventID{at.Seq, at.Ord})
				compareTrimmed(t, s, part)
				compareStatements(t, s, part.run, seed)
				if rnd.IntN(2) == 0 {
					closeStore(t, s)
					s = open(t, fs)
				}
			}
		}
		gone := s.gone.Load().id
		trimTo(t, s, EventID{gone.Seq, math.MaxUint32}) // to the end of a command, to compare the money after each
		compareAccounts(t, s, r, int(s.gone.Load().id.Seq))
		if err := s.trimCandles(context.Background()); err != nil {
			t.Fatal(err)
		}
		compareCandles(t, s, tell(r.es), *s.gone.Load())
		if k := s.Kept(); k.From != gone.Seq+1 || k.FromNs != s.gone.Load().timeNs+1 {
			t.Errorf("kept %+v, gone %+v", k, gone)
		}
		for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
			if _, err := s.Statement(a, 0, 0, nil, nil); !errors.Is(err, ErrTrimmed) {
				t.Errorf("a statement from the beginning: %v", err)
			}
		}
		// Everything can go, and it goes on.
		trimTo(t, s, EventID{math.MaxUint64, 0})
		compareTrimmed(t, s, r)
		s.feed(t, deposits(r.run, 50), seed)
		compareStatements(t, s, r.run, seed)
		if _, err := readAll(s.db, true); err != nil {
			t.Error(err)
		}
		closeStore(t, s)
	}
}

// After a crash a trimmed store is one that was trimmed as far or less; the replay and the same trimming lead to the same.
func TestTrimAndCrash(t *testing.T) {
	r := newRun(5, 1200)
	middle := EventID{700, 0}
	whole := open(t, vfs.NewMem())
	whole.feed(t, r.es, 0)
	trimTo(t, whole, middle)
	want := storagetest.Dump(t, whole.db)
	closeStore(t, whole)
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		fs := vfs.NewCrashableMem()
		for range 3 {
			s := open(t, fs)
			upTo := rnd.IntN(len(r.es) + 1)
			for from := 0; from < upTo; {
				n := min(1+rnd.IntN(800), upTo-from)
				if err := s.w.store(r.es[from : from+n]); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				from += n
				if goes := uint64(rnd.IntN(700)); goes < s.Position() {
					trimTo(t, s, EventID{goes, uint32(rnd.IntN(3))})
				}
				if rnd.IntN(4) == 0 {
					if err := s.Sync(); err != nil {
						t.Fatal(err)
					}
				}
			}
			next := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
			closeStore(t, s)
			fs = next
			s = open(t, fs)
			if _, err := readAll(s.db, true); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			closeStore(t, s)
		}
		s := open(t, fs)
		s.feed(t, r.es, seed)
		trimTo(t, s, middle)
		storagetest.Diff(t, storagetest.Dump(t, s.db), want)
		closeStore(t, s)
	}
}

// Orders that ended inside a gap go when everything before the gap's end has gone, and open ones never.
func TestTrimBehindAGap(t *testing.T) {
	g, r := venuetest.New(3), &run{e: engine.New(), at: []int{0}}
	for range 400 {
		r.step(g)
	}
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	s.feed(t, r.es, 1)
	for range 600 {
		r.step(g)
	}
	s.feed(t, image(r.e), 1)
	for range 300 {
		r.step(g)
	}
	s.feed(t, r.es[r.at[1000]:], 1)
	compareLost(t, s, r.e)
	for _, upTo := range []uint64{400, 1000, 1150} {
		trimTo(t, s, EventID{upTo, math.MaxUint32})
		if err := s.trimLost(context.Background()); err != nil {
			t.Fatal(err)
		}
		lost, isOpen := 0, 0
		for id := wire.OrderID(1); id < 5000; id++ {
			o, ok, err := s.Order(id)
			if err != nil {
				t.Fatal(err)
			}
			if o.Lost {
				lost++
			}
			if _, is := r.e.Order(id); is {
				isOpen++
				if !ok || o.Lost || !o.Status.Open() {
					t.Fatalf("order %d is open in the engine and %+v here", id, o)
				}
			}
		}
		if (lost > 0) != (upTo <= 1000) || isOpen == 0 {
			t.Errorf("trimmed up to %d: %d orders lost, %d open", upTo, lost, isOpen)
		}
		if upTo > 1000 {
			if _, err := readAll(s.db, true); err != nil {
				t.Error(err)
			}
		}
	}
	compareStatements(t, s, r, 1)
}

// The whole chain with a ring: written, read and trimmed by age at the same time.
func TestRetainUnderLoad(t *testing.T) {
	o := options(t, vfs.NewMem())
	o.SyncEvery = time.Millisecond
	const age = 500 * time.Millisecond // of the venue's time, some 500 commands
	o.Retain = Retain{Age: age, Every: time.Millisecond}
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	b := ring.NewBroadcast[wire.Event](1024)
	src := b.Reader("history", true)
	var work sync.WaitGroup
	work.Go(func() {
		if err := s.Run(src, make(chan struct{})); err != nil {
			t.Error(err)
		}
	})
	done := make(chan struct{})
	for a := wire.AccountID(2); a <= 4; a++ {
		work.Go(func() { readWhileTrimmed(t, s, a, done) })
	}
	g, e := venuetest.New(8), engine.New()
	var es []wire.Event
	for range 4000 {
		c := g.Next()
		n := len(es)
		es = e.Apply(&c, es)
		g.See(es[n:])
		b.Publish(es[n:])
	}
	if !s.WaitFor(e.Seq(), time.Minute) {
		t.Fatalf("position %d of %d", s.Position(), e.Seq())
	}
	last := es[len(es)-1].TimeNs - int64(age)
	for limit := time.Now().Add(time.Minute); s.Kept().FromNs < last-int64(50*time.Millisecond); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("kept from %d, want about %d", s.Kept().FromNs, last)
		}
	}
	b.Close()
	close(done)
	work.Wait()
	for _, err := range []error{s.Err()} {
		if err != nil {
			t.Error(err)
		}
	}
	if first := s.Kept(); first.FromNs > last {
		t.Errorf("kept from %d: more went than was to go", first.FromNs)
	}
	p, err := s.Trades(1, Query{Oldest: true, Limit: 1})
	if err != nil || len(p.Items) != 1 || p.Items[0].TimeNs < s.Kept().FromNs {
		t.Errorf("first trade %+v, %v", p.Items, err)
	}
	if _, err := readAll(s.db, true); err != nil {
		t.Error(err)
	}
	closeStore(t, s)
}

// readWhileTrimmed reads lists of an account: what is there is whole, or it is said to be gone.
func readWhileTrimmed(t *testing.T, s *Store, a wire.AccountID, done <-chan struct{}) {
	at, lost := EventID{}, 0
	for n := 0; ; n++ {
		select {
		case <-done:
			if n == 0 {
				t.Error("nothing was read")
			}
			return
		default:
		}
		es, last, _, err := s.AccountEvents(a, at, 50)
		switch {
		case errors.Is(err, ErrTrimmed):
			lost++
			at = s.Start()
		case err != nil:
			t.Error(err)
			return
		default:
			for i := range es {
				if !at.Less(es[i].ID()) {
					t.Errorf("event %v behind %v", es[i].ID(), at)
					return
				}
			}
			at = last
		}
		_, err1 := s.Fills(a, Query{Oldest: n%2 == 0})
		_, err2 := s.Orders(a, Query{})
		_, err3 := s.Trades(1, Query{Oldest: true})
		_, err4 := s.Statement(a, s.Kept().FromNs, 0, nil, nil)
		_, err5 := s.Tape(1)
		if errors.Is(err4, ErrTrimmed) { // it has moved on meanwhile
			err4 = nil
		}
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Error(err)
			return
		}
	}
}

// The size comes down to the limit and stays there while more comes, and the latest commands are kept in any case.
func TestRetainSize(t *testing.T) {
	o := options(t, vfs.NewMem())
	const limit = 400 << 10
	o.Retain = Retain{Bytes: limit, Commands: 300}
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	r := newRun(1, 12_000)
	most, looks := 0.0, 0
	for from := 0; from < 12_000; from += 1000 {
		s.feed(t, r.es[r.at[from]:r.at[from+1000]], 1)
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.retain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
		used, err := s.used()
		if err != nil {
			t.Fatal(err)
		}
		if from > 4000 {
			most, looks = max(most, used), looks+1
		}
	}
	gone := s.gone.Load().id.Seq
	if most > 1.5*limit || looks == 0 || gone == 0 {
		t.Errorf("%.0f bytes at most, the limit is %d; trimmed up to command %d", most, limit, gone)
	}
	if err := s.compact(t.Context(), []byte{0}, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	if used, err := s.used(); err != nil || used > limit || used < limit/2 {
		t.Errorf("%.0f bytes are left of a limit of %d, %v", used, limit, err)
	}
	if s.Position()-gone < 300 {
		t.Errorf("%d commands are kept", s.Position()-gone)
	}
	s.o.Retain.Bytes = 1000
	for range 3 {
		if err := s.retain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := s.Position() - s.gone.Load().id.Seq; left != 300 || !s.trim.full {
		t.Errorf("%d commands are kept, full %v", left, s.trim.full)
	}
	if _, err := readAll(s.db, true); err != nil {
		t.Error(err)
	}
}

// Candles of a minute and more have an age of their own, which is never less than the last 24 hours need.
func TestRetainCandles(t *testing.T) {
	r := Retain{Candles: time.Hour, Age: time.Minute}
	if r.defaults(); r.Candles != minCandles || !r.on() {
		t.Errorf("%+v", r)
	}
	if r := (Retain{}); r.on() {
		t.Error("the zero value trims")
	}
	o := options(t, vfs.NewMem())
	o.Retain = Retain{Candles: 30 * time.Hour}
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	run := newRun(2, 800)
	s.feed(t, run.es, 1)
	before, end := storagetest.Dump(t, s.db), run.es[len(run.es)-1].TimeNs
	for _, later := range []time.Duration{0, 29 * time.Hour, 60 * time.Hour} {
		s.now.Store(end + int64(later))
		if err := s.retain(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := 0
		for k := range storagetest.Dump(t, s.db) {
			if k[0] == tagCandle {
				left++
			}
		}
		all := 0
		for k := range before {
			if k[0] == tagCandle && (later < 30*time.Hour || k[5] < 4) { // those below a minute go with the trades
				all++
			}
		}
		if left != all || all == 0 {
			t.Errorf("%v later: %d candles, want %d", later, left, all)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, c := range [][2]string{{"\x00", "\xff"}, {"A", "B"}, {"A", "A\x01"}, {"\xff\xfe", "\xff\xff"}, {"AB", "AC\x00\x00"}} {
		if m := middle([]byte(c[0]), []byte(c[1])); string(m) <= c[0] || string(m) >= c[1] {
			t.Errorf("%x is not between %x and %x", m, c[0], c[1])
		}
	}
	if m := middle([]byte("A"), []byte("A\x00")); m != nil {
		t.Errorf("there is %x between neighbours", m)
	}
}
