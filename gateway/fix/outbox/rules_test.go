package outbox

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/storage/storagetest"
)

// How an order ended is known or not by order numbers alone: wherever batches end, and after a restart.
func TestEndingsDoNotDependOnBatches(t *testing.T) {
	ended := func(id wire.OrderID) *order { return &order{OpenOrder: OpenOrder{ID: id, Account: 2}} }
	steps := []func(w *writer){
		func(w *writer) { w.keepEnding(ended(99_999), wire.StatusFilled) },
		func(w *writer) { w.keepEnding(ended(100_000), wire.StatusFilled) },
		func(w *writer) { w.dropEndings(1_100_000) },
		func(w *writer) { w.keepEnding(ended(77), wire.StatusCanceled) }, // it was open for long
		func(w *writer) { w.keepEnding(ended(100_001), wire.StatusCanceled) },
	}
	for cuts := range 1 << len(steps) {
		fs := vfs.NewMem()
		s := open(t, options(t, fs))
		w := s.w
		w.b = s.db.NewBatch()
		commit := func() {
			if err := w.b.Commit(nil); err != nil {
				t.Fatal(err)
			}
			clear(w.endings)
			w.b = s.db.NewBatch()
		}
		look := func(when string) {
			for id, want := range map[wire.OrderID]bool{77: false, 99_999: false, 100_000: true, 100_001: true} {
				if _, ok, err := w.statusOf(id, 2); ok != want || err != nil {
					t.Errorf("cuts %b, %s: order %d is known: %v, %v", cuts, when, id, ok, err)
				}
			}
		}
		for i, step := range steps {
			step(w)
			if cuts>>i&1 != 0 {
				commit()
			}
		}
		look("at once")
		commit()
		look("committed")
		if err := w.b.Close(); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		s = open(t, options(t, fs))
		w = s.w
		look("after a restart")
		closeStore(t, s)
		if _, err := Verify("outbox", fs); err != nil {
			t.Error(err)
		}
	}
}

// Every kind of record is looked at.
func TestVerifyLooksAtEverything(t *testing.T) {
	for name, bad := range map[string]struct{ k, v []byte }{
		"cluster":        {metaCluster, []byte{1, 2}},
		"endings' floor": {metaEnded, []byte{1}},
		"unknown meta":   {[]byte("Mx"), []byte{1}},
		"gap":            {newKey(tagGap).u64(5), []byte{1}},
		"gap backwards":  {newKey(tagGap).u64(5), binary.LittleEndian.AppendUint64(nil, 4)},
		"gap's key":      {newKey(tagGap).u32(5), make([]byte, 8)},
		"session's key":  {newKey(tagSession), appendRecord(nil, &record{Numbers: Numbers{NextIn: 1, NextOut: 1}, floor: 1})},
		"ending":         {newKey(tagEnded).u64(5), []byte{1}},
		"order":          {newKey(tagOrder).u64(5), []byte{1}},
		"unknown kind":   {[]byte("Zoo"), nil},
		"two kinds of q": {newKey(tagSession).u32(1), twoKinds()},
	} {
		fs := vfs.NewMem()
		s := open(t, options(t, fs))
		if err := s.db.Set(newKey(tagGap).u64(9), binary.LittleEndian.AppendUint64(nil, 9), pebble.Sync); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		if _, err := Verify("outbox", fs); err != nil {
			t.Errorf("%s: before the damage: %v", name, err)
		}
		s = open(t, options(t, fs))
		if err := s.db.Set(bad.k, bad.v, pebble.Sync); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		if _, err := Verify("outbox", fs); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// twoKinds is a session's record whose mass cancel is of one instrument and of all.
func twoKinds() []byte {
	r := newRecord()
	b := appendRecord(nil, &r)
	b[4+4*8] |= bitMassOne | bitMassAll
	return b
}

// A session's record comes back as it was.
func TestRecords(t *testing.T) {
	for _, kind := range []byte{0, massOne, massAll} {
		r := record{Numbers: Numbers{Epoch: 3, NextIn: 7, NextOut: 9, SinceNs: 5, Lost: kind == massOne}, floor: 2, on: kind == massAll, flags: 1}
		r.mass.Kind, r.mass.ID = kind, wire.MustText("q1")
		if got, err := parseRecord(appendRecord(nil, &r)); err != nil || got != r {
			t.Errorf("%+v, %v; want %+v", got, err, r)
		}
	}
}

// Where the numbers go on.
func TestNumberRules(t *testing.T) {
	v := newVenue(t)
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	fed := 0
	tell := func() *Session {
		t.Helper()
		s.feed(t, v.es[fed:], 1)
		fed = len(v.es)
		x, _ := s.Session(annSession)
		return x
	}
	numbers := func(what string, in, out uint64) {
		t.Helper()
		if n := tell().Numbers(); n.NextIn != in || n.NextOut != out {
			t.Errorf("%s: next in %d, next out %d; want %d, %d", what, n.NextIn, n.NextOut, in, out)
		}
	}
	by := func(m *wire.SessionMessage, epoch uint32, in uint64) {
		m.Session = annSession
		v.do(annKey, m, wire.SessionOrigin(annSession, epoch, in, false))
	}
	by(&wire.SessionMessage{Kind: wire.SessionLogon, Arg: uint16(wire.CancelOnDisconnect)}, 0, 1)
	numbers("a logon", 2, 2)
	by(&wire.SessionMessage{Kind: wire.SessionAdvance}, 0, 50)
	numbers("a number that was reached by a gap fill", 51, 2)
	by(&wire.SessionMessage{Kind: wire.SessionAdvance}, 0, 40)
	numbers("an earlier one", 51, 2)
	by(&wire.SessionMessage{Kind: wire.AnnouncedMassCancel, Arg: massOne, ClientID: wire.MustText("q")}, 0, 51)
	numbers("an announcement", 52, 2)
	by(&wire.SessionMessage{Kind: wire.SessionReset}, 1, 0)
	numbers("a reset", 1, 1)
	x := tell()
	if on, flags := x.LoggedOn(); !on || flags != wire.CancelOnDisconnect || x.w.rec.mass.Kind != massOne {
		t.Error("a reset ends what the client asked for")
	}
	if _, err := x.Read(0, 1, nil); !errors.Is(err, ErrEpoch) {
		t.Errorf("the former epoch: %v", err)
	}
	for k := range storagetest.Dump(t, s.db) {
		if k[0] == tagMessage {
			t.Errorf("kept of the former epoch: %x", k)
		}
	}
	v.do(annKey, &wire.CancelAll{Account: ann}, wire.SessionOrigin(annSession, 0, 52, false))
	numbers("the answer to a request of the former epoch", 1, 2)
	if x := tell(); x.w.rec.mass.Kind != 0 || !x.w.rec.mass.ID.IsEmpty() {
		t.Error("an announcement is kept when its request has been answered")
	}
	by(&wire.SessionMessage{Kind: wire.SessionLogout}, 1, 1)
	numbers("an end that nobody is told of", 2, 2)
	if on, _ := tell().LoggedOn(); on {
		t.Error("logged on behind a logout")
	}
}

// Behind a gap nobody is logged on, nothing is announced, orders that have ended in it are forgotten; the epoch is learnt
// from what comes. A store without anything begins with an image without the operator's word.
func TestBehindAGap(t *testing.T) {
	v := newVenue(t)
	fs := vfs.NewMem()
	s := open(t, options(t, fs))
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.SessionLogon, Arg: 1})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.AnnouncedMassCancel, Arg: massAll, ClientID: wire.MustText("q")})
	for _, id := range []string{"a", "b"} {
		v.by(annSession, &wire.NewOrder{Account: ann, Instrument: 1, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 100_000, Qty: 1, ClientID: wire.MustText(id)})
	}
	s.feed(t, v.es, 1)
	closeStore(t, s)
	v.by(annSession, &wire.CancelOrder{Account: ann, Target: wire.OrderRef{Order: 1}, ClientID: wire.MustText("c")})
	es := image(v.e)
	from := len(v.es)
	v.do(annKey, &wire.QueryOrder{Account: ann, Target: wire.OrderRef{Order: 2}}, wire.SessionOrigin(annSession, 4, 9, false))
	es = append(es, v.es[from:]...)

	o := options(t, fs)
	o.AcceptGap = true
	s = open(t, o)
	s.feed(t, es, 1)
	x, _ := s.Session(annSession)
	if on, flags := x.LoggedOn(); on || flags != 0 || x.w.rec.mass.Kind != 0 || !x.w.rec.mass.ID.IsEmpty() {
		t.Error("logged on behind a gap")
	}
	if n := x.Numbers(); n.Epoch != 4 || n.NextIn != 10 || !n.Lost {
		t.Errorf("behind a gap: %+v", n)
	}
	all := storagetest.Dump(t, s.db)
	if _, ok := all[string(newKey(tagOrder).u64(1))]; ok {
		t.Error("an order that ended in the gap is kept")
	}
	if list := x.OpenOrders(0, 9); len(list) != 1 || list[0].ID != 2 {
		t.Errorf("open orders: %+v", list)
	}
	closeStore(t, s)

	s = open(t, options(t, vfs.NewMem()))
	s.feed(t, es, 1)
	x, _ = s.Session(annSession)
	if n := x.Numbers(); !n.Lost || n.Epoch != 4 {
		t.Errorf("an empty store: %+v", n)
	}
	closeStore(t, s)
}

// Orders are found by the id that they go by now, in their account, also among ids with equal hashes.
func TestClientIDs(t *testing.T) {
	var tab orders
	id := wire.MustText
	for n := range 300 {
		tab.add(order{OpenOrder: OpenOrder{ID: wire.OrderID(n + 1), Account: wire.AccountID(1 + n%3), ClientID: id("x" + string(rune('a'+n/3%26)) + string(rune('a'+n/78)))}})
	}
	tab.add(order{OpenOrder: OpenOrder{ID: 1000, Account: 1}}) // without an id
	// a chain as equal hashes would make it: all of one key
	var same orders
	for n := range 3 {
		h := same.add(order{OpenOrder: OpenOrder{ID: wire.OrderID(n + 1), Account: 1, ClientID: id("same")}})
		if got := same.called(1, id("same")); got == nil || got.ID != wire.OrderID(n+1) {
			t.Errorf("%d: %+v", h, got)
		}
	}
	for _, n := range []wire.OrderID{2, 3, 1} {
		h, _ := same.find(n)
		same.drop(nil, h)
		if got := same.called(1, id("same")); (got == nil) != (n == 1) {
			t.Errorf("without %d: %+v", n, got)
		}
	}
	if tab.called(1, id("xaa")).ID != 1 || tab.called(2, id("xaa")).ID != 2 || tab.called(4, id("xaa")) != nil || tab.called(1, wire.Text{}) != nil {
		t.Error("another order is found")
	}
	h, _ := tab.find(1)
	tab.rename(h, id("new"))
	if tab.called(1, id("xaa")) != nil || tab.called(1, id("new")).ID != 1 {
		t.Error("an order is found by its former id")
	}
	tab.drop(nil, h)
	if tab.called(1, id("new")) != nil {
		t.Error("an order that has ended is found")
	}
}
