package view

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"uncross/book"
	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

// compare holds everything that the view says against the engine itself.
func compare(t *testing.T, v *View, e *engine.Engine) {
	t.Helper()
	if v.Applied() != e.Seq() || v.TimeNs() != e.Now() {
		t.Fatalf("the view is at %d, time %d; the engine at %d, %d", v.Applied(), v.TimeNs(), e.Seq(), e.Now())
	}
	for _, a := range v.Accounts() {
		if def, ok := e.AccountByName(a.Name); !ok || def != a {
			t.Fatalf("account %+v is %+v in the engine", a, def)
		}
		for _, s := range v.Assets() {
			available, held := e.Balance(a.ID, s.ID)
			if want := (Balance{s.ID, available, held}); v.Balance(a.ID, s.ID) != want {
				t.Fatalf("command %d: balance of account %d is %+v, want %+v", e.Seq(), a.ID, v.Balance(a.ID, s.ID), want)
			}
		}
		compareOrders(t, v, e, a.ID)
	}
	for _, in := range v.Instruments() {
		compareBook(t, v, e, in)
	}
	for _, k := range v.Keys() {
		def, _ := e.Key(k.ID)
		k.Nonce = def.Nonce // the events of a logon do not say whose it was
		if k != def {
			t.Fatalf("key %+v, want %+v", k, def)
		}
	}
	sessions := v.Sessions()
	for i, s := range sessions {
		def, ok := e.Session(s.ID)
		byName, ok2 := v.SessionByCompID(s.CompID.String())
		if byID, ok3 := v.Session(s.ID); !ok || !ok2 || !ok3 || int(s.ID) != i+1 || s != def || byName != def || byID != def {
			t.Fatalf("session %+v, want %+v", s, def)
		}
	}
	if _, more := e.Session(wire.SessionID(len(sessions) + 1)); more || v.Status().Sessions != len(sessions) {
		t.Fatalf("%d sessions, the engine has more, or the status says %d", len(sessions), v.Status().Sessions)
	}
	if st := v.Status(); st.OpenOrders != e.OpenOrders() || !st.Initialised || st.Venue.String() != "TEST" || st.ClusterID != venuetest.Cluster {
		t.Fatalf("status %+v, %d open orders in the engine", st, e.OpenOrders())
	}
}

func compareOrders(t *testing.T, v *View, e *engine.Engine, acc wire.AccountID) {
	t.Helper()
	all, _ := v.OpenOrders(acc, 0, 0, 1<<30)
	for i, o := range all {
		s, ok := e.Order(o.ID)
		want := Order{
			ID: s.Order, Account: s.Account, Instrument: s.Instrument, Side: s.Side, Type: s.Type, TIF: s.TIF, Flags: s.Flags,
			Status: s.Status, Price: s.Price, Qty: s.Qty, Left: s.Qty - s.Filled, Filled: s.Filled, Notional: s.Notional, Held: s.Held,
			EnteredNs: s.EnteredNs, UpdatedNs: o.UpdatedNs, UpdatedSeq: o.UpdatedSeq, ClientID: s.ClientID,
		}
		if !ok || o != want {
			t.Fatalf("command %d: order %+v, want %+v", e.Seq(), o, want)
		}
		if i > 0 && all[i-1].ID >= o.ID {
			t.Fatalf("order %d after %d", o.ID, all[i-1].ID)
		}
		if got, ok := v.Order(o.ID); !ok || got != o {
			t.Fatalf("order %d is %+v", o.ID, got)
		}
		if !o.ClientID.IsEmpty() {
			if got, ok := v.OrderByClientID(acc, o.ClientID); !ok || got != o {
				t.Fatalf("order %d is not found by its client id %q", o.ID, o.ClientID)
			}
		}
	}
	var paged []Order
	for after, more := wire.OrderID(0), true; more; {
		var part []Order
		part, more = v.OpenOrders(acc, 0, after, 3)
		paged = append(paged, part...)
		if more {
			after = part[len(part)-1].ID
		}
	}
	if len(paged) != len(all) || (len(all) > 0 && !reflect.DeepEqual(paged, all)) {
		t.Fatalf("%d orders in pages, %d in one", len(paged), len(all))
	}
}

func compareBook(t *testing.T, v *View, e *engine.Engine, in Instrument) {
	t.Helper()
	def, _ := e.Instrument(in.ID)
	price, qty := e.LastTrade(in.ID)
	if in.Instrument.Instrument != def || in.Phase != e.Phase(in.ID) || in.Last.Price != price || in.Last.Qty != qty {
		t.Fatalf("instrument %+v, want %+v, phase %v, last %d×%d", in, def, e.Phase(in.ID), price, qty)
	}
	got, ok := v.Book(in.ID, 0)
	if !ok || got.Seq != e.Seq() {
		t.Fatalf("book of %d as of %d", in.ID, got.Seq)
	}
	for _, side := range []struct {
		side wire.Side
		got  []Level
	}{{wire.Buy, got.Bids}, {wire.Sell, got.Asks}} {
		want := e.Book(in.ID).Levels(side.side, 1<<30, nil)
		if fmt.Sprint(levelsOf(want)) != fmt.Sprint(side.got) {
			t.Fatalf("command %d, instrument %d, %v:\n got %v\nwant %v", e.Seq(), in.ID, side.side, side.got, want)
		}
	}
	top, _ := v.Book(in.ID, 1)
	if !reflect.DeepEqual(top.Bids, got.Bids[:min(1, len(got.Bids))]) || !reflect.DeepEqual(top.Asks, got.Asks[:min(1, len(got.Asks))]) {
		t.Fatalf("best levels %v %v", top.Bids, top.Asks)
	}
}

func levelsOf(ls []book.Level) []Level {
	out := []Level{}
	for _, l := range ls {
		out = append(out, Level{l.Price, l.Qty, l.Orders})
	}
	return out
}

// image returns the engine's state as events.
func image(e *engine.Engine) []wire.Event {
	var c engine.ImageCursor
	var es []wire.Event
	for more := true; more; {
		es, more = e.AppendImage(&c, es)
	}
	return es
}

// Whatever happens, the view says what the engine would; and a view built from an image says what one built from every
// event says, and goes on like it.
func TestAgainstEngine(t *testing.T) {
	seeds, length := uint64(12), 2500
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		g, e, v := venuetest.New(seed), engine.New(), New(Options{})
		late := New(Options{}) // starts with an image
		var kinds [256]int
		start := g.Setup() + int(seed)*150
		for n := range length {
			c := g.Next()
			es := e.Apply(&c, nil)
			g.See(es)
			for _, ev := range es {
				kinds[ev.Kind]++
			}
			if err := v.Apply(es); err != nil {
				t.Fatal(err)
			}
			if n%50 == 49 {
				compare(t, v, e)
			}
			switch {
			case n == start:
				if err := late.Apply(image(e)); err != nil {
					t.Fatal(err)
				}
				compare(t, late, e)
			case n > start:
				if err := late.Apply(es); err != nil {
					t.Fatal(err)
				}
			}
		}
		compare(t, v, e)
		compare(t, late, e)
		if err := v.Apply(image(e)); err != nil { // an image in the middle of a life
			t.Fatal(err)
		}
		compare(t, v, e)
		for _, k := range []wire.EventKind{wire.EvTrade, wire.EvOrderCanceled, wire.EvOrderReplaced, wire.EvUncrossed, wire.EvWithdrawn, wire.EvMassCanceled, wire.EvSession, wire.EvSessionMessage, wire.EvOrderRejected} {
			if kinds[k] == 0 {
				t.Errorf("seed %d has no event of kind %d: the test is weaker than it looks", seed, k)
			}
		}
	}
}

func TestTrades(t *testing.T) {
	g, e := venuetest.New(5), engine.New()
	v := New(Options{Trades: 7})
	all := map[wire.InstrumentID][]Trade{}
	for range 3000 {
		c := g.Next()
		es := e.Apply(&c, nil)
		g.See(es)
		if err := v.Apply(es); err != nil {
			t.Fatal(err)
		}
		for i := range es {
			if es[i].Kind == wire.EvTrade {
				var m wire.Trade
				m.GetEvent(&es[i])
				tr := Trade{m.Trade, es[i].Seq, es[i].Ord, es[i].TimeNs, m.Price, m.Qty, m.Taker}
				all[m.Instrument] = append([]Trade{tr}, all[m.Instrument]...)
			}
		}
		for in := wire.InstrumentID(1); in <= venuetest.Instruments && v.Status().Instruments == venuetest.Instruments; in++ {
			want := all[in]
			for _, limit := range []int{0, 1, 3, 7, 100} {
				got, ok := v.Trades(in, limit)
				if n := min(limit, 7, len(want)); !ok || len(got) != n || (n > 0 && !reflect.DeepEqual(got, want[:n])) {
					t.Fatalf("%d trades of %d: %v, want %v", limit, in, got, want[:n])
				}
			}
		}
	}
	if len(all[1]) < 20 {
		t.Errorf("only %d trades", len(all[1]))
	}
}

// A reader never sees half a command: money moves between accounts in one step, and the sum stays.
func TestCommandsAreWhole(t *testing.T) {
	g, e := venuetest.New(3), engine.New()
	v := New(Options{})
	b := ring.NewBroadcast[wire.Event](256) // smaller than an uncrossing's events may be
	src := b.Reader("view", true)
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		if err := v.Run(src, stop); err != nil {
			t.Error(err)
		}
	})
	var out []wire.Event
	issued := sync.Map{} // by command
	done := make(chan struct{})
	for range 3 {
		work.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				v.mu.RLock()
				seq := v.s.seq
				var sum wire.Amount
				for a := range v.s.accounts {
					for h := v.s.accounts[a].balances; h != 0; h = v.s.balances.At(h).next {
						if bal := v.s.balances.At(h); bal.Asset == 1 {
							sum = sum.MustAdd(bal.Available).MustAdd(bal.Held)
						}
					}
				}
				entering := v.s.entering
				v.mu.RUnlock()
				if want, ok := issued.Load(seq); ok && want != sum {
					t.Errorf("as of command %d the accounts have %v of %v", seq, sum, want)
					return
				}
				if entering != 0 {
					t.Error("an order is in between")
					return
				}
			}
		})
	}
	for range 8_000 {
		c := g.Next()
		out = e.Apply(&c, out[:0])
		g.See(out)
		issued.Store(e.Seq(), e.Issued(1))
		b.Publish(out)
		if e.Seq()%1000 == 0 && !v.WaitFor(e.Seq(), time.Minute) {
			t.Fatal("the view does not follow")
		}
	}
	b.Close()
	if !v.WaitFor(e.Seq(), time.Minute) {
		t.Fatal("the view does not follow")
	}
	close(done)
	work.Wait()
	compare(t, v, e)
	if v.WaitFor(e.Seq()+1, time.Millisecond) {
		t.Error("a command that was never given is said to be seen")
	}
}

func TestKeyRevoked(t *testing.T) {
	g, e := venuetest.New(1), engine.New()
	var told []wire.KeyID
	var v *View
	v = New(Options{KeyRevoked: func(id wire.KeyID) {
		if k, ok := v.Key(id); !ok || k.Revoked == 0 {
			t.Errorf("key %d is told before it is seen", id)
		}
		told = append(told, id)
	}})
	apply := func(v *View, c wire.Command) {
		t.Helper()
		es := e.Apply(&c, nil)
		if err := v.Apply(es); err != nil {
			t.Fatal(err)
		}
	}
	for range g.Setup() {
		apply(v, g.Next())
	}
	revoke := func(id wire.KeyID) (c wire.Command) {
		c.Key = wire.OperatorKey
		m := wire.RevokeKey{Key: id}
		m.Put(&c)
		return c
	}
	apply(v, revoke(3))
	apply(v, revoke(3))
	apply(v, revoke(99))
	if len(told) != 1 || told[0] != 3 {
		t.Errorf("told of %v", told)
	}
	c := revoke(4)
	e.Apply(&c, nil) // the view learns of it from an image
	if err := v.Apply(image(e)); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[1] != 4 {
		t.Errorf("told of %v after the image", told)
	}
}

func TestSessionChanged(t *testing.T) {
	g, e := venuetest.New(1), engine.New()
	var told []wire.Session
	var v *View
	v = New(Options{SessionChanged: func(s wire.Session) {
		if seen, ok := v.Session(s.ID); !ok || seen != s {
			t.Errorf("session %d is told before it is seen", s.ID)
		}
		told = append(told, s)
	}})
	set := func(id wire.SessionID, enabled uint8) (c wire.Command) {
		m := wire.SetSession{Session: id, Fields: wire.SetSessionEnabled, Enabled: enabled}
		m.Put(&c)
		c.Key = wire.OperatorKey
		return c
	}
	var es []wire.Event
	for range g.Setup() {
		c := g.Next()
		es = e.Apply(&c, es)
	}
	if err := v.Apply(es); err != nil {
		t.Fatal(err)
	}
	if len(told) != venuetest.Sessions {
		t.Fatalf("told of %+v", told)
	}
	es, told = nil, nil
	for _, c := range []wire.Command{set(2, 0), set(1, 0), set(2, 1), set(99, 0)} { // in one go: each is told once, as it stands then
		es = e.Apply(&c, es)
	}
	if err := v.Apply(es); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].ID != 1 || told[0].Enabled != 0 || told[1].ID != 2 || told[1].Enabled != 1 {
		t.Errorf("told of %+v", told)
	}
	told = nil
	for _, c := range []wire.Command{set(3, 0), set(4, 1)} { // the view learns of it from an image
		e.Apply(&c, nil)
	}
	if err := v.Apply(image(e)); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0].ID != 3 || told[0].Enabled != 0 {
		t.Errorf("told of %+v after the image", told)
	}
	if _, ok := v.SessionByCompID("COMP9"); ok {
		t.Error("a session that is not there was found")
	}
	if s, ok := v.SessionByCompID("COPY1"); !ok || s.Kind != wire.DropCopySession || s.Key != 3 {
		t.Errorf("session %+v", s)
	}
}

func TestLookups(t *testing.T) {
	g, e, v := venuetest.New(1), engine.New(), New(Options{})
	if v.Status().Initialised {
		t.Error("an empty view is initialised")
	}
	for range g.Setup() {
		c := g.Next()
		if err := v.Apply(e.Apply(&c, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if in, ok := v.InstrumentBySymbol("A2-A1"); !ok || in.ID != 1 || in.BaseCode.String() != "A2" || in.QuoteCode.String() != "A1" ||
		in.BaseDecimals != 8 || in.QuoteDecimals != 2 || in.Tick() != "0.05" || in.Lot() != "1" {
		t.Errorf("instrument %+v", in)
	}
	if a, ok := v.AssetByCode("A3"); !ok || a.ID != 3 {
		t.Errorf("asset %+v", a)
	}
	if a, ok := v.AccountByName("acc3"); !ok || a.ID != 3 || a.User != 2 {
		t.Errorf("account %+v", a)
	}
	if u, ok := v.UserByName("user1"); !ok || u.ID != 2 || len(v.AccountsOf(2)) != 2 {
		t.Errorf("user %+v, accounts %v", u, v.AccountsOf(2))
	}
	if f, ok := v.FirmByName("BROKER"); !ok || f.ID != 2 {
		t.Errorf("firm %+v", f)
	}
	if k, ok := v.KeyByPub([32]byte{3, 99}); !ok || k.ID != 3 || k.Role != wire.Trader {
		t.Errorf("key %+v", k)
	}
	if bs := v.Balances(2); len(bs) != 3 || bs[0].Asset != 1 || bs[2].Asset != 3 {
		t.Errorf("balances %v", bs)
	}
	_, ok1 := v.Instrument(99)
	_, ok2 := v.InstrumentBySymbol(string(make([]byte, 99)))
	_, ok3 := v.Book(99, 1)
	_, ok4 := v.Trades(0, 1)
	_, ok5 := v.AccountByName("")
	_, ok6 := v.Order(0)
	_, ok7 := v.OrderByClientID(2, wire.Text{})
	_, ok8 := v.Key(0)
	if ok1 || ok2 || ok3 || ok4 || ok5 || ok6 || ok7 || ok8 {
		t.Error("something that is not there was found")
	}
	if o, more := v.OpenOrders(99, 0, 0, 10); len(o) != 0 || more || len(v.Balances(99)) != 0 {
		t.Error("an unknown account has something")
	}
}

func TestGapsAndDamagedImages(t *testing.T) {
	g, e := venuetest.New(1), engine.New()
	var all [][]wire.Event
	for range 60 {
		c := g.Next()
		all = append(all, e.Apply(&c, nil))
	}
	v := New(Options{})
	if err := errors.Join(v.Apply(all[0]), v.Apply(all[1]), v.Apply(all[0]), v.Apply(all[1])); err != nil {
		t.Errorf("what was seen before: %v", err)
	}
	if err := v.Apply(all[3]); !errors.Is(err, ErrGap) {
		t.Errorf("a missing command: %v", err)
	}
	img := image(e)
	v = New(Options{})
	if err := v.Apply(img[1:]); !errors.Is(err, ErrImage) {
		t.Errorf("an image without its beginning: %v", err)
	}
	v = New(Options{})
	if err := v.Apply(append(append([]wire.Event{}, img[:len(img)-10]...), all[59]...)); !errors.Is(err, ErrImage) {
		t.Errorf("an image without its end: %v", err)
	}
	v = New(Options{})
	if err := v.Apply(append(append([]wire.Event{}, img...), all[10]...)); err != nil || v.Applied() != 60 {
		t.Errorf("a command that the image has: %v", err)
	}
	var account int
	for i := range img {
		if img[i].Kind == wire.EvAccount {
			account = i
		}
	}
	v = New(Options{})
	if err := v.Apply(append(append([]wire.Event{}, img[:account]...), img[len(img)-1])); !errors.Is(err, ErrImage) {
		t.Errorf("an image that lacks something: %v", err)
	}
}

// BenchmarkApply is the cost of one command's events, the engine's own work left out.
func BenchmarkApply(b *testing.B) {
	g, e := venuetest.New(1), engine.New()
	var es []wire.Event
	for range 100_000 {
		c := g.Next()
		n := len(es)
		es = e.Apply(&c, es)
		g.See(es[n:])
	}
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		v := New(Options{})
		for i := 0; i < len(es); i += 1024 {
			if err := v.Apply(es[i:min(i+1024, len(es))]); err != nil {
				b.Fatal(err)
			}
		}
		events += len(es)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}
