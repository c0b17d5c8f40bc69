package history

import (
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/view/venuetest"
)

func TestCursors(t *testing.T) {
	r := newRun(2, 2000)
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	half := r.at[1000]
	s.feed(t, r.es[:half], 1)
	first, err := s.Fills(2, Query{Limit: 5})
	if err != nil || len(first.Items) != 5 || !first.More {
		t.Fatalf("%d fills, more %v, %v", len(first.Items), first.More, err)
	}
	old, err := s.Fills(2, Query{Limit: MaxLimit, Oldest: true})
	if err != nil || old.More {
		t.Fatalf("%d fills, more %v, %v", len(old.Items), old.More, err)
	}
	second, err := s.Fills(2, Query{Limit: 5, Cursor: first.Next})
	if err != nil {
		t.Fatal(err)
	}
	s.feed(t, r.es[half:], 2)
	// What has come since moves no page …
	if again, err := s.Fills(2, Query{Limit: 5, Cursor: first.Next}); err != nil || !reflect.DeepEqual(again, second) {
		t.Errorf("the second page has changed: %v", err)
	}
	// … and continues the list that had ended.
	more, err := s.Fills(2, Query{Limit: MaxLimit, Oldest: true, Cursor: old.Next})
	if err != nil || len(more.Items) == 0 {
		t.Fatalf("%d new fills, %v", len(more.Items), err)
	}
	if all := tell(r.es).fills[2]; !reflect.DeepEqual(append(old.Items, more.Items...), all) {
		t.Errorf("%d and %d fills of %d", len(old.Items), len(more.Items), len(all))
	}
	end, err := s.Fills(2, Query{Oldest: true, Cursor: more.Next})
	if err != nil || len(end.Items) != 0 || end.More || end.Next != more.Next {
		t.Errorf("behind the end: %+v, %v", end, err)
	}

	raw, err := base64.RawURLEncoding.DecodeString(first.Next)
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 2
	for name, err := range map[string]error{
		"another direction": fails(s.Fills(2, Query{Oldest: true, Cursor: first.Next})),
		"another account":   fails(s.Fills(3, Query{Cursor: first.Next})),
		"another list":      fails(s.Ledger(2, Query{Cursor: first.Next})),
		"another version":   fails(s.Fills(2, Query{Cursor: base64.RawURLEncoding.EncodeToString(raw)})),
		"cut off":           fails(s.Fills(2, Query{Cursor: first.Next[:8]})),
		"not base64":        fails(s.Fills(2, Query{Cursor: "%%%"})),
	} {
		if err != ErrCursor {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, limit := range []int{-1, MaxLimit + 1, math.MaxInt} {
		if err := fails(s.Trades(1, Query{Limit: limit})); err != ErrLimit {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	if p, err := s.Trades(1, Query{}); err != nil || len(p.Items) != DefaultLimit || !p.More {
		t.Errorf("%d trades without a limit, %v", len(p.Items), err)
	}
	if p, err := s.Orders(77, Query{}); err != nil || len(p.Items) != 0 || p.More || p.Next != "" || p.Items == nil {
		t.Errorf("orders of nobody: %+v, %v", p, err)
	}
}

func fails[T any](_ Page[T], err error) error { return err }

// Times and filters pick what a walk over everything picks.
func TestTimesAndFilters(t *testing.T) {
	r := newRun(3, 2000)
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	s.feed(t, r.es, 1)
	w := tell(r.es)
	start, end := r.es[0].TimeNs, r.es[len(r.es)-1].TimeNs
	someTrade := w.all[len(w.all)/2].TimeNs
	for _, span := range [][2]int64{
		{0, 0}, {start, end}, {start - 5, start + (end-start)/3}, {start + (end-start)/2, 0}, {someTrade, someTrade + 1},
		{someTrade, someTrade}, {end + 1, 0}, {end, start}, {0, start}, {0, 1}, {someTrade + 1, end + 100},
	} {
		in := func(ns int64) bool { return ns >= span[0] && (span[1] == 0 || ns < span[1]) }
		q := Query{FromNs: span[0], ToNs: span[1]}
		same(t, w.trades[1], every(t, func(q Query) (Page[Trade], error) { return s.Trades(1, q) }, q), func(x Trade) bool { return in(x.TimeNs) })
		for _, inst := range []wire.InstrumentID{0, 2} {
			q.Instrument = inst
			is := func(x wire.InstrumentID) bool { return inst == 0 || x == inst }
			same(t, w.fills[4], every(t, func(q Query) (Page[Fill], error) { return s.Fills(4, q) }, q),
				func(x Fill) bool { return in(x.TimeNs) && is(x.Instrument) })
			var orders []Order
			for _, o := range w.orders[4] {
				orders = append(orders, *o)
			}
			same(t, orders, every(t, func(q Query) (Page[Order], error) { return s.Orders(4, q) }, q),
				func(x Order) bool { return in(x.EnteredNs) && is(x.Instrument) })
		}
		all := every(t, func(q Query) (Page[Entry], error) { return s.Ledger(4, q) }, Query{})
		same(t, all, every(t, func(q Query) (Page[Entry], error) { return s.Ledger(4, q) }, q),
			func(x Entry) bool { return in(x.TimeNs) && x.Instrument == 2 })
	}
}

// same checks that got is what keep leaves of all.
func same[T any](t *testing.T, all, got []T, keep func(T) bool) {
	t.Helper()
	var want []T
	for _, x := range all {
		if keep(x) {
			want = append(want, x)
		}
	}
	if len(got) != len(want) || (len(got) > 0 && !reflect.DeepEqual(got, want)) {
		t.Fatalf("%d items, want %d", len(got), len(want))
	}
}

// A page that would have to look at too much ends early, and the pages together are still whole.
func TestScanBudget(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	r := newRun(1, 500)
	s.feed(t, r.es, 1)
	// Many ledger entries of one kind: deposits belong to no instrument.
	es := deposits(r, 2*scanBudget+500)
	s.feed(t, es, 1)
	pages, items, q := 0, 0, Query{Instrument: 1}
	for {
		p, err := s.Ledger(2, q)
		if err != nil {
			t.Fatal(err)
		}
		pages, items, q.Cursor = pages+1, items+len(p.Items), p.Next
		if !p.More {
			break
		}
	}
	want := 0
	for _, en := range every(t, func(q Query) (Page[Entry], error) { return s.Ledger(2, q) }, Query{}) {
		if en.Instrument == 1 {
			want++
		}
	}
	if pages < 3 || items != want || want == 0 {
		t.Errorf("%d entries on %d pages, want %d", items, pages, want)
	}
}

func deposits(r *run, n int) []wire.Event {
	from := len(r.es)
	for i := range n {
		c := wire.Command{Key: 2, TimeNs: r.e.Now()}
		m := wire.Transfer{Account: 2, Asset: 1, Amount: wire.Amount{Lo: 1}, Reference: wire.MustText("x" + string(rune('a'+i%26)) + itoa(i))}
		m.PutDeposit(&c)
		r.es = r.e.Apply(&c, r.es)
	}
	return r.es[from:]
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// The venue's trades are given from any event on, of one instrument or of all, and no page looks at too much.
func TestVenueTrades(t *testing.T) {
	r := newRun(3, 1500)
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	s.feed(t, r.es, 1)
	w := tell(r.es)
	for i := range w.all {
		at := EventID{w.all[i].Seq, w.all[i].Ord}
		rest := w.all[i+1:]
		trades, last, more, err := s.VenueTrades(at, 0, 3)
		if n := min(3, len(rest)); err != nil || len(trades) != n || (n > 0 && !reflect.DeepEqual(trades, rest[:n])) || more != (len(rest) > 3) {
			t.Fatalf("%d trades behind %+v, last %+v, more %v, %v", len(trades), at, last, more, err)
		}
	}
	for in := wire.InstrumentID(1); in <= venuetest.Instruments; in++ {
		if got, _ := venueTrades(t, s, in, 4); !reflect.DeepEqual(got, w.trades[in]) {
			t.Errorf("%d trades of instrument %d, want %d", len(got), in, len(w.trades[in]))
		}
	}
	s.feed(t, deposits(r, 2*scanBudget+500), 1)
	if got, pages := venueTrades(t, s, 0, len(w.all)+1); len(got) != len(w.all) || pages < 3 {
		t.Errorf("%d trades of %d on %d pages", len(got), len(w.all), pages)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, vfs.NewMem())
	s.feed(t, newRun(1, venuetest.Accounts).es, 1)
	closeStore(t, s)
	_, _, err := s.Order(1)
	_, err2 := s.Events(1, 1)
	_, _, _, err3 := s.VenueTrades(EventID{}, 0, 1)
	for _, err := range []error{fails(s.Trades(1, Query{})), fails(s.Fills(1, Query{})), fails(s.Orders(1, Query{})), fails(s.Ledger(1, Query{})), err, err2, s.Sync(), err3, s.Close()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	s := open(f, vfs.NewMem())
	defer closeStore(f, s)
	s.feed(f, newRun(2, 600).es, 1)
	p, err := s.Fills(2, Query{Limit: 3})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Next)
	f.Add("")
	f.Add("AQA")
	f.Fuzz(func(t *testing.T, cursor string) {
		if p, err := s.Fills(2, Query{Cursor: cursor}); err != nil && err != ErrCursor {
			t.Fatalf("%v", err)
		} else if err == nil {
			for _, x := range p.Items {
				if x.Account != 2 {
					t.Fatalf("another account's fill: %+v", x)
				}
			}
		}
	})
}
