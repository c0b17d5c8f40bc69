package history

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/view/venuetest"
)

// money is every balance that is not zero.
type money map[accountAsset]BalanceAfter

func moneyOf(e *engine.Engine) money {
	m := money{}
	for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
		for s := wire.AssetID(1); s <= venuetest.Assets; s++ {
			available, held := e.Balance(a, s)
			m.set(a, BalanceAfter{Asset: s, Available: available, Held: held})
		}
	}
	return m
}

func (m money) set(a wire.AccountID, b BalanceAfter) {
	if b.Available.IsZero() && b.Held.IsZero() {
		delete(m, accountAsset{a, b.Asset})
		return
	}
	m[accountAsset{a, b.Asset}] = b
}

func (m money) of(a wire.AccountID) []BalanceAfter {
	bs := []BalanceAfter{}
	for s := wire.AssetID(1); s <= venuetest.Assets; s++ {
		if b, ok := m[accountAsset{a, s}]; ok {
			bs = append(bs, b)
		}
	}
	return bs
}

// recorded is a run with the money after each of its commands.
type recorded struct {
	*run
	money []money
}

func record(seed uint64, commands int) *recorded {
	g, r := venuetest.New(seed), &recorded{run: &run{e: engine.New(), at: []int{0}}}
	r.money = append(r.money, money{})
	for range commands {
		r.step(g)
		r.money = append(r.money, moneyOf(r.e))
	}
	return r
}

// concerns returns an account's events as the events alone tell them, without balances.
func (w *told) concerns(es []wire.Event, acc wire.AccountID) []AccountEvent {
	var out []AccountEvent
	orders := map[wire.OrderID]OrderTerms{}
	for i := range es {
		e := es[i]
		if e.Flags&wire.FlagRepeat != 0 {
			continue
		}
		add := func(a wire.AccountID, side wire.Side, o OrderTerms) {
			if a == acc {
				out = append(out, AccountEvent{Event: e, Side: side, Order: o})
			}
		}
		switch e.Kind {
		case wire.EvOrderAccepted:
			var m wire.OrderAccepted
			m.GetEvent(&e)
			orders[m.Order] = OrderTerms{m.ClientID, m.Price, m.Qty}
			add(m.Account, 0, OrderTerms{})
		case wire.EvOrderReplaced:
			var m wire.OrderReplaced
			m.GetEvent(&e)
			add(m.Account, 0, orders[m.Order])
			orders[m.Order] = OrderTerms{m.ClientID, m.Price, m.Qty}
		case wire.EvOrderCanceled:
			var m wire.OrderCanceled
			m.GetEvent(&e)
			add(m.Account, 0, orders[m.Order])
		case wire.EvTrade:
			var m wire.Trade
			m.GetEvent(&e)
			add(m.BuyAccount, wire.Buy, orders[m.BuyOrder])
			add(m.SellAccount, wire.Sell, orders[m.SellOrder])
			if !m.BuyFee.IsZero() || !m.SellFee.IsZero() {
				add(wire.VenueAccount, 0, OrderTerms{})
			}
		case wire.EvDeposited, wire.EvWithdrawn:
			var m wire.Transferred
			m.GetEvent(&e)
			add(m.Account, 0, OrderTerms{})
		case wire.EvOrderRejected, wire.EvRejected:
			if m, _ := e.Refusal(); m.Reason > wire.NotYourAccount && m.Command != wire.CmdQueryOrder {
				add(m.Account, 0, OrderTerms{})
			}
		}
	}
	return out
}

// accountEvents reads all of an account's events behind one, a few at a time.
func accountEvents(t testing.TB, s *Store, acc wire.AccountID, after EventID, limit int) (all []AccountEvent) {
	t.Helper()
	for more := true; more; {
		before := after
		var es []AccountEvent
		var err error
		if es, after, more, err = s.AccountEvents(acc, after, limit); err != nil {
			t.Fatal(err)
		}
		if len(es) > limit+1 || more && after == before {
			t.Fatalf("%d events on a page of %d, on from %v to %v", len(es), limit, before, after)
		}
		all = append(all, es...)
	}
	return all
}

// compareAccounts holds the events of every account against those of the run, and their balances after each command
// against the engine's.
func compareAccounts(t *testing.T, s *Store, r *recorded, from int) {
	t.Helper()
	kinds, selfs := map[wire.EventKind]int{}, 0
	for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
		got := accountEvents(t, s, a, s.Start(), 1+int(a))
		want := (&told{}).concerns(r.es, a)
		want = slices.DeleteFunc(want, func(e AccountEvent) bool { return !s.Start().Less(e.ID()) })
		if len(got) != len(want) {
			t.Fatalf("account %d: %d events, want %d", a, len(got), len(want))
		}
		m := money{}
		for k, b := range r.money[from] {
			m[k] = b
		}
		at := from
		for i := range got {
			g := got[i]
			for at+1 < int(g.Event.Seq) {
				if at++; !reflect.DeepEqual(m.of(a), r.money[at].of(a)) {
					t.Fatalf("account %d after command %d: %v, in the engine %v", a, at, m.of(a), r.money[at].of(a))
				}
			}
			if i > 0 && got[i-1].ID() == g.ID() && a != wire.VenueAccount {
				selfs++
			}
			for _, b := range g.Balances {
				m.set(a, b)
			}
			if n := len(g.Balances); n > 2 || n == 0 && (g.Event.Kind == wire.EvTrade || g.Event.Kind == wire.EvDeposited) {
				t.Fatalf("%d balances with %+v", n, g)
			}
			kinds[g.Event.Kind]++
			if g.Balances = nil; !reflect.DeepEqual(g, want[i]) {
				t.Fatalf("account %d, event %d: %+v, want %+v", a, i, g, want[i])
			}
		}
		if end := r.money[len(r.money)-1]; !reflect.DeepEqual(m.of(a), end.of(a)) {
			t.Fatalf("account %d at the end: %v, in the engine %v", a, m.of(a), end.of(a))
		}
		compareBalances(t, s, r, a)
	}
	if from > 0 { // of what is kept, some may be missing
		return
	}
	for _, k := range []wire.EventKind{wire.EvOrderAccepted, wire.EvTrade, wire.EvOrderCanceled, wire.EvOrderReplaced, wire.EvOrderRejected, wire.EvDeposited, wire.EvWithdrawn} {
		if kinds[k] == 0 {
			t.Errorf("no event of kind %d: the test is weaker than it looks", k)
		}
	}
	if selfs == 0 {
		t.Error("no account traded with itself: the test is weaker than it looks")
	}
}

// compareBalances holds an account's balances, and the list of their changes, against the events that it has.
func compareBalances(t *testing.T, s *Store, r *recorded, a wire.AccountID) {
	t.Helper()
	at, bs, err := s.Balances(a)
	if err != nil || at != s.End() {
		t.Fatalf("balances at %v, end %v, %v", at, s.End(), err)
	}
	bs = slices.DeleteFunc(bs, func(b BalanceAfter) bool { return b.Available.IsZero() && b.Held.IsZero() })
	if want := r.money[len(r.money)-1].of(a); !reflect.DeepEqual(bs, want) {
		t.Fatalf("account %d has %v, in the engine %v", a, bs, want)
	}
	changes := every(t, func(q Query) (Page[BalanceChange], error) { return s.BalanceChanges(a, q) }, Query{})
	var events []AccountEvent
	for _, e := range accountEvents(t, s, a, s.Start(), 100) {
		if len(e.Balances) > 0 {
			events = append(events, e)
		}
	}
	changes = slices.DeleteFunc(changes, func(c BalanceChange) bool { return c.Reason == ByCarry })
	if len(changes) != len(events) {
		t.Fatalf("account %d: %d changes, %d events with balances", a, len(changes), len(events))
	}
	for i, c := range changes {
		e := &events[i]
		if (EventID{c.Seq, c.Ord}) != e.ID() || c.TimeNs != e.Event.TimeNs || !reflect.DeepEqual(c.Balances, e.Balances) || c.Account != a {
			t.Fatalf("change %+v of event %+v", c, e)
		}
		if c.Reason == 0 || c.Reason.String() == "invalid" || (c.Reason == ByFeeIncome) != (e.Event.Kind == wire.EvTrade && e.Side == 0) {
			t.Fatalf("change %+v of event %+v", c, e)
		}
		if (c.Order == 0) != (c.Reason <= ByWithdrawal || c.Reason == ByFeeIncome) || (c.Instrument == 0) != (c.Reason <= ByWithdrawal) {
			t.Fatalf("change %+v names too much or too little", c)
		}
	}
	for _, q := range []Query{{Instrument: 2}, {FromNs: r.es[len(r.es)/2].TimeNs}, {ToNs: r.es[len(r.es)/2].TimeNs}} {
		same(t, changes, every(t, func(q Query) (Page[BalanceChange], error) { return s.BalanceChanges(a, q) }, q), func(c BalanceChange) bool {
			return (q.Instrument == 0 || c.Instrument == q.Instrument) && c.TimeNs >= q.FromNs && (q.ToNs == 0 || c.TimeNs < q.ToNs)
		})
	}
}

func TestAccountsAgainstEngine(t *testing.T) {
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		r := record(seed, 2500)
		fs := vfs.NewMem()
		s := open(t, fs)
		half := r.at[1200]
		s.feed(t, r.es[:half], seed)
		closeStore(t, s)
		s = open(t, fs)
		s.feed(t, r.es[half:], seed)
		compareAccounts(t, s, r, 0)
		compareCandles(t, s, tell(r.es), edge{})
		compareStatements(t, s, r.run, seed)
		closeStore(t, s)
		if _, err := Verify("history", fs); err != nil {
			t.Error(err)
		}
	}
}

// compareCandles holds the candles against the trades, and the tapes against both.
func compareCandles(t *testing.T, s *Store, w *told, gone edge) {
	t.Helper()
	for in := wire.InstrumentID(1); in <= venuetest.Instruments; in++ {
		tape, err := s.Tape(in)
		if err != nil || tape.Position != s.Position() {
			t.Fatalf("tape of command %d, %v", tape.Position, err)
		}
		for _, iv := range candles.Intervals() {
			var want []candles.Candle
			for _, x := range w.trades[in] {
				if n := len(want); n == 0 || want[n-1].StartNs != iv.Start(x.TimeNs) {
					want = append(want, candles.Candle{StartNs: iv.Start(x.TimeNs)})
				}
				want[len(want)-1].Add(x.Price, x.Qty, x.Notional)
			}
			if iv < candles.M1 && gone != (edge{}) {
				want = slices.DeleteFunc(want, func(c candles.Candle) bool { return c.StartNs < iv.Start(gone.timeNs) })
			}
			got := every(t, func(q Query) (Page[candles.Candle], error) { return s.Candles(in, iv, q) }, Query{})
			same(t, want, got, func(candles.Candle) bool { return true })
			if len(want) > 2 {
				from, to := want[1].StartNs, want[len(want)-1].StartNs
				got = every(t, func(q Query) (Page[candles.Candle], error) { return s.Candles(in, iv, q) }, Query{FromNs: from, ToNs: to})
				same(t, want, got, func(c candles.Candle) bool { return c.StartNs >= from && c.StartNs < to })
			}
			if last := want[len(want)-1]; tape.Candles[iv.Index()] != last {
				t.Fatalf("instrument %d, %v: %+v on the tape, want %+v", in, iv, tape.Candles[iv.Index()], last)
			}
			if iv == candles.M1 && !reflect.DeepEqual(tape.Minutes, want) { // the runs are shorter than a day
				t.Fatalf("minutes %+v, want %+v", tape.Minutes, want)
			}
		}
		all := w.trades[in]
		all = slices.DeleteFunc(slices.Clone(all), func(x Trade) bool { return gone != (edge{}) && !gone.id.Less(EventID{x.Seq, x.Ord}) })
		if n := len(all); !reflect.DeepEqual(tape.Latest, all[max(0, n-100):]) && n > 0 || tape.Last != w.trades[in][len(w.trades[in])-1].Price {
			t.Fatalf("%d trades on the tape of instrument %d, last price %d", len(tape.Latest), in, tape.Last)
		}
	}
}

// compareStatements draws up statements of random periods, and holds them against the ledger.
func compareStatements(t *testing.T, s *Store, r *run, seed uint64) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 11))
	kept := s.Kept().FromNs
	some := 0
	for range 60 {
		acc := wire.AccountID(1 + rnd.IntN(venuetest.Accounts))
		from, to := max(kept, r.es[rnd.IntN(len(r.es))].TimeNs+rnd.Int64N(3)-1), r.es[rnd.IntN(len(r.es))].TimeNs
		if rnd.IntN(8) == 0 {
			to = 0
		}
		if rnd.IntN(8) == 0 && kept == 0 {
			from = 0
		}
		var begun *Statement
		var entries []Entry
		st, err := s.Statement(acc, from, to, func(st *Statement) error {
			copied := *st
			copied.Assets = slices.Clone(st.Assets)
			begun = &copied
			return nil
		}, func(e *Entry) error {
			entries = append(entries, *e)
			return nil
		})
		if to != 0 && to < from {
			if !errors.Is(err, ErrPeriod) {
				t.Fatalf("from %d to %d: %v", from, to, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all := every(t, func(q Query) (Page[Entry], error) { return s.Ledger(acc, q) }, Query{})
		same(t, all, entries, func(e Entry) bool { return e.TimeNs >= from && (to == 0 || e.TimeNs < to) })
		some += len(entries)
		opening, closing := totals{}, totals{}
		for _, a := range begun.Assets {
			if a.Opening != a.Closing || a.Opening.IsZero() {
				t.Fatalf("begins with %+v", a)
			}
		}
		for _, a := range st.Assets {
			opening.set(a.Asset, a.Opening)
			closing.set(a.Asset, a.Closing)
			sum := a.Opening
			n := uint64(0)
			for _, k := range a.Kinds {
				sum = sum.MustAdd(k.In)
				n += k.Entries
			}
			for _, k := range a.Kinds {
				sum = sum.MustSub(k.Out)
			}
			if sum != a.Closing || n == 0 && a.Opening.IsZero() {
				t.Fatalf("%+v does not add up", a)
			}
		}
		if want := ownedAt(all, from); !reflect.DeepEqual(opening, want) && kept == 0 {
			t.Fatalf("account %d opens with %v at %d, the ledger says %v", acc, opening, from, want)
		}
		if to == 0 {
			to = r.es[len(r.es)-1].TimeNs + 1
		}
		if want := ownedAt(all, to); !reflect.DeepEqual(closing, want) && kept == 0 {
			t.Fatalf("account %d closes with %v at %d, the ledger says %v", acc, closing, to, want)
		}
		if st.Entries != uint64(len(entries)) || st.Position != s.Position() {
			t.Fatalf("%d entries, position %d", st.Entries, st.Position)
		}
	}
	if some == 0 && kept == 0 {
		t.Error("no entries in any statement: the test is weaker than it looks")
	}
}

func ownedAt(all []Entry, ns int64) totals {
	t := totals{}
	for _, e := range all {
		if e.TimeNs < ns {
			t.set(e.Asset, e.Total)
		}
	}
	return t
}

// A statement reads a bounded part of the ledger before its period, and an error of its reader ends it.
func TestLongStatement(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	r := newRun(1, 400)
	s.feed(t, r.es, 1)
	s.feed(t, deposits(r, 3*sumsEvery), 1)
	last, err := lastNumber(s.db, 2)
	if err != nil || last < 3*sumsEvery {
		t.Fatalf("%d entries, %v", last, err)
	}
	for n := uint64(1); n <= last+1; n += 203 {
		want := totals{}
		p, err := s.Ledger(2, Query{Oldest: true, Limit: 1})
		for ; err == nil && len(p.Items) > 0; p, err = s.Ledger(2, Query{Oldest: true, Limit: 1000, Cursor: p.Next}) {
			for _, e := range p.Items {
				if e.Number < n {
					want.set(e.Asset, e.Total)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		at, _, err := sumsBefore(s.db, 2, n)
		if got, err2 := totalsBefore(s.db, 2, n); err != nil || err2 != nil || !reflect.DeepEqual(got, want) || n-at > sumsEvery {
			t.Fatalf("before entry %d: %v, want %v, from entry %d on; %v, %v", n, got, want, at, err, err2)
		}
	}
	stop := errors.New("enough")
	for _, f := range []func() error{
		func() error { _, err := s.Statement(2, 0, 0, func(*Statement) error { return stop }, nil); return err },
		func() error { _, err := s.Statement(2, 0, 0, nil, func(*Entry) error { return stop }); return err },
	} {
		if err := f(); err != stop {
			t.Errorf("%v", err)
		}
	}
	if st, err := s.Statement(99, 0, 0, nil, nil); err != nil || len(st.Assets) != 0 || st.Entries != 0 {
		t.Errorf("statement of nobody: %+v, %v", st, err)
	}
}

// What another user's command names is told to its sender alone.
func TestRefusalsOfStrangers(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	r := newRun(1, venuetest.New(1).Setup())
	apply := func(key wire.KeyID, b interface{ Put(*wire.Command) }) {
		c := wire.Command{Key: key, TimeNs: r.e.Now()}
		b.Put(&c)
		c.Key = key
		r.es = r.e.Apply(&c, r.es)
	}
	order := wire.NewOrder{Account: 2, Instrument: 1, Side: 9, ClientID: wire.MustText("x1")}
	apply(4, &order) // the key of the second trader
	order.ClientID = wire.MustText("x2")
	apply(3, &order) // the owner's
	s.feed(t, r.es, 1)
	var refused []wire.OrderRejected
	for _, e := range accountEvents(t, s, 2, EventID{}, 10) {
		if e.Event.Kind == wire.EvOrderRejected {
			var m wire.OrderRejected
			m.GetEvent(&e.Event)
			refused = append(refused, m)
		}
	}
	if len(refused) != 1 || refused[0].ClientID != wire.MustText("x2") {
		t.Errorf("%+v", refused)
	}
}

// Those who watch an account are told of every batch that has news of it, when these can be read, and of no other.
func TestWatch(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	r := newRun(5, 600)
	var pokes [venuetest.Accounts + 1]atomic.Int64
	var cancels []func()
	for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
		cancels = append(cancels, s.Watch(a, func() { pokes[a].Add(1) }))
	}
	var at [venuetest.Accounts + 1]EventID
	for c := range 400 {
		var before [venuetest.Accounts + 1]int64
		for a := range before {
			before[a] = pokes[a].Load()
		}
		if err := s.w.store(r.es[r.at[c]:r.at[c+1]]); err != nil {
			t.Fatal(err)
		}
		for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
			es, last, _, err := s.AccountEvents(a, at[a], 1000)
			if err != nil {
				t.Fatal(err)
			}
			at[a] = last
			if poked := pokes[a].Load() - before[a]; poked != int64(min(len(es), 1)) {
				t.Fatalf("command %d: account %d has %d new events and %d pokes", c+1, a, len(es), poked)
			}
		}
	}
	for _, cancel := range cancels {
		cancel()
		cancel()
	}
	before := pokes[2].Load()
	s.feed(t, r.es[r.at[400]:], 1)
	if pokes[2].Load() != before || len(s.watchers.of) != 0 || s.watchers.n.Load() != 0 {
		t.Error("somebody still watches")
	}
}

// A command that is stored in parts is no end, and a tape waits for the rest of it.
func TestHalfACommand(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	r := newRun(4, 900)
	long := 0
	for c := 800; c > 0 && long == 0; c-- {
		if r.at[c+1]-r.at[c] > 3 {
			long = c
		}
	}
	cut := r.at[long] + 2
	if err := s.w.store(r.es[:cut]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		last := r.es[r.at[long]-1]
		if end := s.End(); end.Seq != uint64(long) || end.Ord > last.Ord || s.Position() != uint64(long) {
			t.Fatalf("end %v, position %d inside command %d", end, s.Position(), long+1)
		}
		if at, _, err := s.Balances(2); err != nil || at != (EventID{uint64(long) + 1, 1}) {
			t.Fatalf("balances at %v, %v", at, err)
		}
		if _, whole, err := s.tape(1); whole || err != nil {
			t.Fatalf("a tape of half a command: %v", err)
		}
		closeStore(t, s)
		s = open(t, fs)
	}
	s.feed(t, r.es[cut:], 1)
	if tape, err := s.Tape(1); err != nil || tape.Position != 900 {
		t.Errorf("%d, %v", tape.Position, err)
	}
	closeStore(t, s)
}

// A batch ends with a whole command, unless that is longer than a batch.
func TestWholeCommands(t *testing.T) {
	es := make([]wire.Event, batchEvents)
	if n := wholeCommands(es[:10]); n != 0 {
		t.Errorf("%d events of half a command", n)
	}
	if n := wholeCommands(es); n != batchEvents {
		t.Errorf("%d events of a long command", n)
	}
	es[3].Flags = wire.FlagLast
	if n := wholeCommands(es); n != 4 {
		t.Errorf("%d events", n)
	}
}
