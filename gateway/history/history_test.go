package history

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
	"uncross/gateway/view/venuetest"
)

// quiet is a logger for what the tests provoke.
var quiet = slog.New(slog.DiscardHandler)

// stream is a source that gives events in pieces of random size and then ends.
type stream struct {
	es []wire.Event
	r  *rand.Rand
}

func newStream(es []wire.Event, seed uint64) *stream {
	return &stream{es, rand.New(rand.NewPCG(seed, 3))}
}

func (s *stream) Read(dst []wire.Event, stop <-chan struct{}) (int, uint64, bool) {
	select {
	case <-stop:
		return 0, 0, false
	default:
	}
	if len(s.es) == 0 {
		return 0, 0, false
	}
	n := copy(dst[:1+s.r.IntN(min(len(dst), 64))], s.es)
	s.es = s.es[n:]
	return n, 0, true
}

// run is a whole life of a venue: its commands' events, and the engine at the end.
type run struct {
	e  *engine.Engine
	es []wire.Event
	at []int // at[n]: events of the first n commands
}

func newRun(seed uint64, commands int) *run {
	g := venuetest.New(seed)
	r := &run{e: engine.New(), at: []int{0}}
	for range commands {
		r.step(g)
	}
	return r
}

func (r *run) step(g *venuetest.Gen) {
	c := g.Next()
	n := len(r.es)
	r.es = r.e.Apply(&c, r.es)
	g.See(r.es[n:])
	r.at = append(r.at, len(r.es))
}

func options(t testing.TB, fs vfs.FS) Options {
	return Options{FS: fs, Logger: quiet, SyncEvery: -1, QueueEvents: 128, AcceptGap: true, Fatal: func(err error) { t.Errorf("fatal: %v", err) }}
}

func open(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open("history", options(t, fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Store) feed(t testing.TB, es []wire.Event, seed uint64) {
	t.Helper()
	s.queue = newQueue(s.o.QueueEvents) // Run is for once; tests run again
	if err := s.Run(newStream(es, seed), nil); err != nil {
		t.Fatal(err)
	}
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// every reads a whole list, a few items at a time, in both directions, and holds the two against each other.
func every[T any](t testing.TB, list func(Query) (Page[T], error), q Query) []T {
	t.Helper()
	var both [2][]T
	for i, oldest := range []bool{true, false} {
		q.Oldest, q.Cursor, q.Limit = oldest, "", 7+40*i
		for {
			p, err := list(q)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Items) > q.Limit {
				t.Fatalf("%d items on a page of %d", len(p.Items), q.Limit)
			}
			both[i] = append(both[i], p.Items...)
			q.Cursor = p.Next
			if !p.More {
				break
			}
		}
	}
	if len(both[0]) != len(both[1]) {
		t.Fatalf("%d items oldest first, %d newest first", len(both[0]), len(both[1]))
	}
	for i := range both[0] {
		if j := len(both[1]) - 1 - i; !reflect.DeepEqual(both[0][i], both[1][j]) {
			t.Fatalf("item %d is %+v from one end and %+v from the other", i, both[0][i], both[1][j])
		}
	}
	return both[0]
}

// compareLedger holds the ledger's sums against the engine's balances.
func compareLedger(t *testing.T, s *Store, e *engine.Engine, accounts int) {
	t.Helper()
	for a := wire.AccountID(1); int(a) <= accounts; a++ {
		sums := map[wire.AssetID]wire.Amount{}
		entries := every(t, func(q Query) (Page[Entry], error) { return s.Ledger(a, q) }, Query{})
		for i, en := range entries {
			if en.Number != uint64(i+1) || en.Account != a || en.Amount.IsZero() {
				t.Fatalf("entry %d of account %d: %+v", i, a, en)
			}
			if en.Negative {
				sums[en.Asset] = sums[en.Asset].MustSub(en.Amount)
			} else {
				sums[en.Asset] = sums[en.Asset].MustAdd(en.Amount)
			}
			if sums[en.Asset] != en.Total {
				t.Fatalf("entry %+v: the sum is %v", en, sums[en.Asset])
			}
		}
		for asset := wire.AssetID(1); asset <= venuetest.Assets; asset++ {
			available, held := e.Balance(a, asset)
			if sums[asset] != available.MustAdd(held) {
				t.Fatalf("account %d has %v of asset %d by its ledger, %v+%v in the engine", a, sums[asset], asset, available, held)
			}
		}
	}
}

// told is what the events alone say, worked out in the simplest way.
type told struct {
	trades   map[wire.InstrumentID][]Trade
	all      []Trade
	fills    map[wire.AccountID][]Fill
	orders   map[wire.AccountID][]*Order
	byID     map[wire.OrderID]*Order
	byClient map[string]wire.OrderID
	news     map[uint64][]wire.Event
}

func tell(es []wire.Event) *told {
	w := &told{map[wire.InstrumentID][]Trade{}, nil, map[wire.AccountID][]Fill{}, map[wire.AccountID][]*Order{}, map[wire.OrderID]*Order{},
		map[string]wire.OrderID{}, map[uint64][]wire.Event{}}
	for i := range es {
		e := &es[i]
		if e.Flags&wire.FlagRepeat != 0 || e.Kind == wire.EvOrderState || e.Kind == wire.EvStateHash || e.Kind == wire.EvSessionMessage {
			continue
		}
		var tick wire.Accepted
		if tick.GetEvent(e); e.Kind == wire.EvAccepted && tick.Command == wire.CmdTick {
			continue
		}
		news := *e
		if e.Kind == wire.EvSession { // its password is nobody's business
			var m wire.Session
			m.GetEvent(e)
			m.Password = wire.Password{}
			m.PutEvent(&news)
		}
		w.news[e.Seq] = append(w.news[e.Seq], news)
		switch e.Kind {
		case wire.EvOrderAccepted:
			var m wire.OrderAccepted
			m.GetEvent(e)
			o := &Order{ID: m.Order, Account: m.Account, Instrument: m.Instrument, Side: m.Side, Type: m.Type, TIF: m.TIF, Flags: m.Flags,
				Status: wire.StatusNew, Price: m.Price, Qty: m.Qty, Left: m.Qty, Funds: m.Funds, EnteredNs: e.TimeNs, UpdatedNs: e.TimeNs,
				EnteredSeq: e.Seq, UpdatedSeq: e.Seq, ClientID: m.ClientID}
			w.orders[m.Account] = append(w.orders[m.Account], o)
			w.byID[o.ID] = o
			w.byClient[fmt.Sprint(o.Account, o.ClientID)] = o.ID
		case wire.EvTrade:
			var m wire.Trade
			m.GetEvent(e)
			tr := Trade{m, e.Seq, e.Ord, e.TimeNs}
			w.trades[m.Instrument] = append(w.trades[m.Instrument], tr)
			w.all = append(w.all, tr)
			for _, side := range []wire.Side{wire.Buy, wire.Sell} {
				f := Fill{Account: m.BuyAccount, Instrument: m.Instrument, Order: m.BuyOrder, Side: side, Liquidity: Crossed, Price: m.Price, Qty: m.Qty,
					Left: m.BuyLeft, Notional: m.Notional, Fee: m.BuyFee, Trade: m.Trade, Seq: e.Seq, Ord: e.Ord, TimeNs: e.TimeNs}
				if side == wire.Sell {
					f.Account, f.Order, f.Left, f.Fee = m.SellAccount, m.SellOrder, m.SellLeft, m.SellFee
				}
				if m.Taker == side {
					f.Liquidity = Taker
				} else if m.Taker != 0 {
					f.Liquidity = Maker
				}
				o := w.byID[f.Order]
				f.ClientID = o.ClientID
				w.fills[f.Account] = append(w.fills[f.Account], f)
				o.Filled, o.Left, o.Notional, o.Fee = o.Filled+m.Qty, f.Left, o.Notional.MustAdd(m.Notional), o.Fee.MustAdd(f.Fee)
				o.Status, o.UpdatedNs, o.UpdatedSeq = wire.StatusPartiallyFilled, e.TimeNs, e.Seq
				if f.Left == 0 {
					o.Status = wire.StatusFilled
				}
			}
		case wire.EvOrderCanceled:
			var m wire.OrderCanceled
			m.GetEvent(e)
			o := w.byID[m.Order]
			o.Status, o.CancelReason, o.Left, o.UpdatedNs, o.UpdatedSeq = wire.StatusCanceled, m.Reason, m.Left, e.TimeNs, e.Seq
		case wire.EvOrderReplaced:
			var m wire.OrderReplaced
			m.GetEvent(e)
			o := w.byID[m.Order]
			o.Price, o.Qty, o.Left, o.ClientID, o.UpdatedNs, o.UpdatedSeq = m.Price, m.Qty, m.Left, m.ClientID, e.TimeNs, e.Seq
			o.Replaced++
			w.byClient[fmt.Sprint(o.Account, o.ClientID)] = o.ID
		}
	}
	return w
}

func TestAgainstEngine(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		r := newRun(seed, 2500)
		s := open(t, vfs.NewMem())
		s.feed(t, r.es, seed)
		if s.Position() != r.e.Seq() || s.Durable() != r.e.Seq() || s.CompleteFrom() != 1 {
			t.Fatalf("position %d, durable %d, complete from %d; %d commands", s.Position(), s.Durable(), s.CompleteFrom(), r.e.Seq())
		}
		compareLedger(t, s, r.e, venuetest.Accounts)
		compareLists(t, s, tell(r.es))
		closeStore(t, s)
	}
}

func compareLists(t *testing.T, s *Store, w *told) {
	t.Helper()
	if len(w.all) < 100 || len(w.byClient) < 100 {
		t.Fatalf("%d trades and %d client ids: too few for a test", len(w.all), len(w.byClient))
	}
	for in := wire.InstrumentID(1); in <= venuetest.Instruments; in++ {
		got := every(t, func(q Query) (Page[Trade], error) { return s.Trades(in, q) }, Query{})
		if !reflect.DeepEqual(got, w.trades[in]) {
			t.Fatalf("trades of instrument %d differ", in)
		}
	}
	if all, _ := venueTrades(t, s, 0, 11); !reflect.DeepEqual(all, w.all) {
		t.Fatalf("%d trades of %d", len(all), len(w.all))
	}
	for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
		fills := every(t, func(q Query) (Page[Fill], error) { return s.Fills(a, q) }, Query{})
		if !reflect.DeepEqual(fills, w.fills[a]) {
			t.Fatalf("fills of account %d differ", a)
		}
		orders := every(t, func(q Query) (Page[Order], error) { return s.Orders(a, q) }, Query{})
		if len(orders) != len(w.orders[a]) {
			t.Fatalf("%d orders of account %d, want %d", len(orders), a, len(w.orders[a]))
		}
		for i, o := range orders {
			if want := *w.orders[a][i]; o != want {
				t.Fatalf("order\n     %+v\nwant %+v", o, want)
			}
			if i%10 == 0 {
				compareOrderQueries(t, s, w, &o)
			}
		}
	}
	for k, id := range w.byClient {
		o := w.byID[id]
		if !o.ClientID.IsEmpty() && fmt.Sprint(o.Account, o.ClientID) == k {
			if got, ok, err := s.OrderByClientID(o.Account, o.ClientID); err != nil || !ok || got != *o {
				t.Fatalf("order of client id %s: %+v, %v, %v", k, got, ok, err)
			}
		}
	}
	for seq := range s.Position() + 2 {
		es, err := s.Events(seq, 1<<20)
		if err != nil || !reflect.DeepEqual(es, w.news[seq]) {
			t.Fatalf("command %d has %d events, want %d; %v", seq, len(es), len(w.news[seq]), err)
		}
	}
}

// venueTrades returns every trade of the venue, and on how many pages they came.
func venueTrades(t *testing.T, s *Store, in wire.InstrumentID, limit int) (all []Trade, pages int) {
	t.Helper()
	var at EventID
	for more := true; more; pages++ {
		var trades []Trade
		var err error
		before := at
		if trades, at, more, err = s.VenueTrades(at, in, limit); err != nil || len(trades) > limit {
			t.Fatalf("%d trades on a page of %d, %v", len(trades), limit, err)
		}
		if more && at == before {
			t.Fatalf("no way on from %+v", at)
		}
		all = append(all, trades...)
	}
	return all, pages
}

// compareOrderQueries asks for one order's fills and ledger entries.
func compareOrderQueries(t *testing.T, s *Store, w *told, o *Order) {
	t.Helper()
	var want []Fill
	for _, f := range w.fills[o.Account] {
		if f.Order == o.ID {
			want = append(want, f)
		}
	}
	got := every(t, func(q Query) (Page[Fill], error) { return s.Fills(o.Account, q) }, Query{Order: o.ID})
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("order %d has %d fills, want %d", o.ID, len(got), len(want))
	}
	fees := wire.Amount{}
	for _, en := range every(t, func(q Query) (Page[Entry], error) { return s.Ledger(o.Account, q) }, Query{Order: o.ID}) {
		if en.Order != o.ID {
			t.Fatalf("entry %+v is not of order %d", en, o.ID)
		}
		if en.Kind == Fee {
			fees = fees.MustAdd(en.Amount)
		}
	}
	if fees != o.Fee {
		t.Fatalf("order %d paid %v by its ledger entries, %v by its record", o.ID, fees, o.Fee)
	}
}

// After a crash at any point, with any part of what was not synced lost, a replay from the start of the log leaves
// exactly what an uninterrupted run leaves.
func TestCrashAndReplay(t *testing.T) {
	r := newRun(9, 1500)
	whole := open(t, vfs.NewMem())
	whole.feed(t, r.es, 0)
	want := storagetest.Dump(t, whole.db)
	closeStore(t, whole)

	crashes := 8
	if testing.Short() {
		crashes = 5
	}
	for seed := range uint64(crashes) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		fs := vfs.NewCrashableMem()
		for life := range 4 {
			s := open(t, fs)
			before := s.Position()
			upTo := rnd.IntN(len(r.es) + 1)
			// Events of a command in pieces, too: a batch may end anywhere.
			for from := 0; from < upTo; {
				n := min(1+rnd.IntN(400), upTo-from)
				if err := s.w.store(r.es[from : from+n]); err != nil {
					t.Fatalf("seed %d, life %d: %v", seed, life, err)
				}
				from += n
				s.base.Position.Set(s.w.pos.whole())
				if rnd.IntN(6) == 0 {
					if err := s.Sync(); err != nil {
						t.Fatal(err)
					}
				}
			}
			durable := s.Durable()
			if durable < before || s.Position() < before {
				t.Fatalf("seed %d: durable %d, position %d after an open at %d", seed, durable, s.Position(), before)
			}
			next := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
			closeStore(t, s)
			fs = next
			again := open(t, fs)
			if again.Position() < durable {
				t.Fatalf("seed %d: position %d after a crash, %d was durable", seed, again.Position(), durable)
			}
			closeStore(t, again)
		}
		s := open(t, fs)
		s.feed(t, r.es, seed)
		storagetest.Diff(t, storagetest.Dump(t, s.db), want)
		closeStore(t, s)
	}
}

// A store that starts from images has the right balances and open orders, and says what it lacks.
func TestImages(t *testing.T) {
	for seed := range uint64(6) {
		g, r := venuetest.New(seed), &run{e: engine.New(), at: []int{0}}
		for range 400 {
			r.step(g)
		}
		s := open(t, vfs.NewMem())
		s.feed(t, r.es, seed)
		if img := image(r.e); true { // an image of where the store is tells no news
			before := storagetest.Dump(t, s.db)
			s.feed(t, img, 1)
			storagetest.Diff(t, storagetest.Dump(t, s.db), before)
		}
		for range 600 { // missed
			r.step(g)
		}
		img := image(r.e)
		s.feed(t, img[:len(img)/2], 2) // a crash cuts it off …
		if s.Position() != 400 {
			t.Fatalf("position %d inside an image", s.Position())
		}
		s.w.image = nil
		s.w.forget()
		s.feed(t, img, 3) // … and it comes again
		if s.Position() != 1000 || s.CompleteFrom() != 1001 {
			t.Fatalf("position %d, complete from %d", s.Position(), s.CompleteFrom())
		}
		if gaps, err := s.Gaps(); err != nil || len(gaps) != 1 || gaps[0] != (Gap{401, 1000}) {
			t.Fatalf("gaps %v, %v", gaps, err)
		}
		compareLedger(t, s, r.e, venuetest.Accounts)
		compareLost(t, s, r.e)
		for range 600 {
			r.step(g)
		}
		s.feed(t, r.es, 4) // with what is known already in front
		compareLedger(t, s, r.e, venuetest.Accounts)
		for a := wire.AccountID(1); a <= venuetest.Accounts; a++ {
			for _, o := range every(t, func(q Query) (Page[Order], error) { return s.Orders(a, q) }, Query{}) {
				st, isOpen := r.e.Order(o.ID)
				if isOpen != (o.Status.Open() && !o.Lost) {
					t.Fatalf("order %+v is open in the engine: %v", o, isOpen)
				}
				if isOpen && (st.Filled != o.Filled || st.Notional != o.Notional || st.Price != o.Price || st.ClientID != o.ClientID) {
					t.Fatalf("order %+v, want %+v", o, st)
				}
			}
		}
		closeStore(t, s)
	}
}

// A balance that went to zero inside a gap is in no image: the store takes it to zero all the same.
func TestImageWithoutABalance(t *testing.T) {
	g, r := venuetest.New(1), &run{e: engine.New(), at: []int{0}}
	for range g.Setup() {
		r.step(g)
	}
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	s.feed(t, r.es, 1)
	const acc, asset = 3, 2
	had, _ := r.e.Balance(acc, asset)
	if had.IsZero() {
		t.Fatal("the account has nothing to begin with")
	}
	c := wire.Command{Key: 2, TimeNs: r.e.Now()}
	m := wire.Transfer{Account: acc, Asset: asset, Amount: had, Reference: wire.MustText("all of it")}
	m.PutWithdraw(&c)
	r.es = r.e.Apply(&c, r.es)
	img := image(r.e)
	for i := range img {
		var b wire.Balance
		if b.GetEvent(&img[i]); img[i].Kind == wire.EvImageBalance && b.Account == acc && b.Asset == asset {
			t.Fatal("the image has the balance: the test is weaker than it looks")
		}
	}
	s.feed(t, img, 1)
	compareLedger(t, s, r.e, venuetest.Accounts)
	p, err := s.Ledger(acc, Query{Limit: 1})
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if e := p.Items[0]; e.Kind != Carry || e.Asset != asset || !e.Negative || e.Amount != had || !e.Total.IsZero() {
		t.Errorf("last entry %+v, want %v to be carried out", e, had)
	}
}

func compareLost(t *testing.T, s *Store, e *engine.Engine) {
	t.Helper()
	lost := 0
	for id := wire.OrderID(1); id < 5000; id++ {
		o, ok, err := s.Order(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, isOpen := e.Order(id); isOpen && (!ok || o.Lost || !o.Status.Open()) {
			t.Fatalf("order %d is open in the engine and %+v here", id, o)
		} else if !isOpen && ok && o.Status.Open() && !o.Lost {
			t.Fatalf("order %+v ended in the gap and is not lost", o)
		}
		if o.Lost {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no order ended in the gap: the test is weaker than it looks")
	}
}

func image(e *engine.Engine) []wire.Event {
	var c engine.ImageCursor
	var es []wire.Event
	for more := true; more; {
		es, more = e.AppendImage(&c, es)
	}
	return es
}

// What is missing from the events stops the store: a ledger with a hole is worse than none.
func TestMissingEvents(t *testing.T) {
	r := newRun(1, 100)
	for name, es := range map[string][]wire.Event{
		"a late start":          r.es[r.at[5]:],
		"a missing command":     append(append([]wire.Event{}, r.es[:r.at[50]]...), r.es[r.at[51]:]...),
		"a missing event":       append(append([]wire.Event{}, r.es[:2]...), r.es[3:]...), // of the genesis
		"a headless image":      image(r.e)[1:],
		"an image without end":  append(image(r.e)[:20], r.es...),
		"another venue's start": append(append([]wire.Event{}, otherVenue()...), r.es[r.at[1]:]...),
	} {
		var fatal error
		o := options(t, vfs.NewMem())
		o.Fatal = func(err error) { fatal = err }
		o.ClusterID = venuetest.Cluster
		s, err := Open("history", o)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Run(newStream(es, 1), nil)
		if err == nil || fatal != err || s.Err() != err {
			t.Errorf("%s: Run says %v, Fatal was told %v", name, err, fatal)
		}
		if want := ErrGap; name == "another venue's start" {
			if !errors.Is(err, ErrForeign) {
				t.Errorf("%s: %v", name, err)
			}
		} else if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		closeStore(t, s)
	}
}

func otherVenue() []wire.Event {
	c := wire.Command{}
	m := wire.Genesis{Venue: wire.MustText("OTHER"), ClusterID: [16]byte{9}, OperatorPub: [32]byte{1}}
	m.Put(&c)
	return engine.New().Apply(&c, nil)
}

func TestLostEventsOfTheRing(t *testing.T) {
	o := options(t, vfs.NewMem())
	told := 0
	o.Fatal = func(error) { told++ }
	s, err := Open("history", o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(overrun{}, nil); !errors.Is(err, ErrGap) || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
	closeStore(t, s)
}

type overrun struct{}

func (overrun) Read([]wire.Event, <-chan struct{}) (int, uint64, bool) { return 1, 5, true }
