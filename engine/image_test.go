package engine

import (
	"testing"

	"uncross/engine/wire"
)

// TestImageIsTheState: whoever reads an image knows all balances, orders, phases and definitions.
func TestImageIsTheState(t *testing.T) {
	r := record(t, 11, 7_000)
	e := New()
	for i := range r.commands {
		e.Apply(&r.commands[i], nil)
	}
	events := wholeImage(e)
	count := map[wire.EventKind]int{}
	last := map[wire.InstrumentID]wire.OrderState{}
	for i := range events {
		ev := &events[i]
		count[ev.Kind]++
		end := i == len(events)-1
		if ev.Flags&wire.FlagImage == 0 || (ev.Flags&wire.FlagLast != 0) != end || ev.Seq != e.Seq() || int(ev.Ord) != i || ev.TimeNs != e.Now() {
			t.Fatalf("event %d has a wrong header: %s", i, showEvent(ev))
		}
		switch ev.Kind {
		case wire.EvImageBalance:
			var m wire.Balance
			m.GetEvent(ev)
			if available, held := e.Balance(m.Account, m.Asset); available != m.Available || held != m.Held {
				t.Errorf("%s: the engine has %v %v", showEvent(ev), available, held)
			}
		case wire.EvOrderState:
			var m wire.OrderState
			m.GetEvent(ev)
			if o, ok := e.Order(m.Order); !ok || o != m {
				t.Errorf("%s: the engine has %+v", showEvent(ev), o)
			}
			before := last[m.Instrument]
			if before.Side == m.Side && before.Price == m.Price && before.Priority >= m.Priority || before.Side == wire.Sell && m.Side == wire.Buy {
				t.Errorf("order %d stands before %d", before.Order, m.Order)
			}
			last[m.Instrument] = m
		case wire.EvImageInstrument:
			var m wire.InstrumentState
			m.GetEvent(ev)
			if p, q := e.LastTrade(m.Instrument); m.Phase != e.Phase(m.Instrument) || m.LastPrice != p || m.LastQty != q {
				t.Errorf("%s: the engine has %v %d %d", showEvent(ev), e.Phase(m.Instrument), p, q)
			}
		}
	}
	balances := 0
	for h := 1; h <= e.balances.Len(); h++ {
		if !e.balances.At(handle(uint32(h))).isEmpty() {
			balances++
		}
	}
	for kind, want := range map[wire.EventKind]int{
		wire.EvImageBegin: 1, wire.EvVenue: 1, wire.EvAsset: 4, wire.EvInstrument: 2, wire.EvImageInstrument: 2, wire.EvFirm: e.firms.Len(),
		wire.EvUser: e.users.Len(), wire.EvKey: e.keys.Len(), wire.EvAccount: e.accounts.Len(), wire.EvSession: e.sessions.Len(), wire.EvImageBalance: balances,
		wire.EvOrderState: e.OpenOrders(), wire.EvImageEnd: 1,
	} {
		if count[kind] != want {
			t.Errorf("%d events of kind %d, want %d", count[kind], kind, want)
		}
	}
	if count[wire.EvOrderState] == 0 || count[wire.EvSession] == 0 {
		t.Error("the run ended without open orders or without sessions")
	}
}

// TestImageInPieces: no piece is longer than it may be, and together they are the image.
func TestImageInPieces(t *testing.T) {
	e := testVenue(t)
	m := wire.NewOrder{Account: 2, Instrument: 2, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 50, Qty: 1}
	var c wire.Command
	for range 2*ImagePiece + 17 {
		m.Put(&c)
		c.Key = 2
		e.Apply(&c, nil)
	}
	var cursor ImageCursor
	total, pieces := 0, 0
	for more := true; more; pieces++ {
		var piece []wire.Event
		piece, more = e.AppendImage(&cursor, nil)
		if len(piece) > ImagePiece || len(piece) == 0 {
			t.Errorf("a piece of %d events", len(piece))
		}
		total += len(piece)
	}
	if total != len(wholeImage(e)) || pieces != 3 {
		t.Errorf("%d events in %d pieces", total, pieces)
	}
	empty := wholeImage(New())
	if len(empty) != 2 || empty[1].Kind != wire.EvImageEnd {
		t.Errorf("the image of an empty engine has %d events", len(empty))
	}
}
