package engine

import (
	"fmt"
	"testing"

	"uncross/engine/wire"
)

// send applies one line at a time of day and returns its events.
func send(t *testing.T, e *Engine, line string) []wire.Event {
	t.Helper()
	c := script(t, line)[0]
	events := e.Apply(&c, nil)
	if err := e.Validate(); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return events
}

func wantRefusal(t *testing.T, e *Engine, line string, want wire.Reason) {
	t.Helper()
	if got := refusal(send(t, e, line)); got != want {
		t.Errorf("%s: %v, want %v", line, got, want)
	}
}

const (
	orderLine = "new_order key=2 account=2 instrument=2 side=buy type=limit tif=%s price=%d qty=5 clientid=%s t=%d sent=%d"
	hour      = int64(3_600_000_000_000)
)

// TestRepeatWindow: a request is remembered for the window; after it, the same request is refused and never applied.
func TestRepeatWindow(t *testing.T) {
	e := testVenue(t)
	start := 1_000 * hour
	old := fmt.Sprintf(orderLine, "ioc", 50, "old", start, start-1)
	first := send(t, e, old)
	if again := send(t, e, old); again[0].Kind != first[0].Kind || again[0].Flags&wire.FlagRepeat == 0 {
		t.Fatalf("the repeat is answered with %s", showEvent(&again[0]))
	}
	// A day later something of the account pushes it out.
	send(t, e, fmt.Sprintf(orderLine, "ioc", 50, "next", start+25*hour, start+25*hour))
	wantRefusal(t, e, old, wire.TooOld)
	// The window also holds for ids that never came, and so does what was forgotten.
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "late", start+25*hour, start+hour-1), wire.TooOld)
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "late", start+25*hour, start+hour), wire.ReasonNone)
	// Another account has forgotten nothing.
	bob := "new_order key=3 account=4 instrument=2 side=buy type=limit tif=ioc price=50 qty=5 clientid=old sent=%d"
	wantRefusal(t, e, fmt.Sprintf(bob, start+2*hour), wire.ReasonNone)
}

// TestRepeatOfOpenOrder: an open order keeps its id, however old.
func TestRepeatOfOpenOrder(t *testing.T) {
	e := testVenue(t)
	start := 1_000 * hour
	line := fmt.Sprintf(orderLine, "gtc", 50, "open", start, start)
	send(t, e, line)
	for i := range int64(20) {
		send(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("x", i), start+(30+i)*hour, 0))
	}
	if again := send(t, e, line); again[0].Kind != wire.EvOrderAccepted || again[0].Flags&wire.FlagRepeat == 0 {
		t.Fatalf("the repeat is answered with %s", showEvent(&again[0]))
	}
	query := "query_order key=2 account=2 target.clientid=open"
	if got := send(t, e, query); got[0].Kind != wire.EvOrderState {
		t.Fatalf("the order is not found: %s", showEvent(&got[0]))
	}
	// Once it has ended it goes the way of all others.
	play(t, e, "cancel_order key=2 account=2 target.clientid=open")
	for i := range int64(4) {
		send(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("y", i), start+(60+i)*hour, 0))
	}
	wantRefusal(t, e, line, wire.TooOld)
	wantRefusal(t, e, query, wire.UnknownOrder)
}

// TestRepeatClock: a client's clock may be wrong. What it says was sent in the far future is refused and not remembered, so
// that it can neither lock its account nor enter twice.
func TestRepeatClock(t *testing.T) {
	e := testVenue(t)
	start := 1_000 * hour
	future := fmt.Sprintf(orderLine, "ioc", 50, "future", start, start+1_000*hour)
	wantRefusal(t, e, future, wire.SentInFuture)
	wantRefusal(t, e, future, wire.SentInFuture)
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "future", start, start+FutureSent+1), wire.SentInFuture)
	near := fmt.Sprintf(orderLine, "ioc", 50, "future", start, start+FutureSent)
	wantRefusal(t, e, near, wire.ReasonNone)
	if again := send(t, e, near); again[0].Flags&wire.FlagRepeat == 0 {
		t.Fatal("the repeat is not recognised")
	}
	// A known id is judged before its time is.
	wantRefusal(t, e, future, wire.ReasonNone)
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 51, "future", start, start+hour), wire.DuplicateClientID)
	send(t, e, fmt.Sprintf(orderLine, "ioc", 50, "push", start+30*hour, 0))
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "now", start+30*hour, start+30*hour), wire.ReasonNone)
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "minus", start+30*hour, int64(-5)), wire.ReasonNone)
}

// TestNeverAppliedTwice: however wrong the client's clock, a request that states when it was first sent is applied once:
// after it has been forgotten, the same request is refused.
func TestNeverAppliedTwice(t *testing.T) {
	start, minute := 1_000*hour, hour/60
	for _, ahead := range []int64{-24 * hour, -hour, -1, 0, 1, minute - 1, minute, minute + 1, 2 * minute, hour, 26 * hour} {
		e := testVenue(t)
		applied := 0
		try := func(now int64) {
			events := send(t, e, fmt.Sprintf(orderLine, "ioc", 50, "once", now, start+ahead))
			if events[0].Kind == wire.EvOrderAccepted && events[0].Flags&wire.FlagRepeat == 0 {
				applied++
			}
		}
		for i := range int64(60 * 10) {
			now := start + i*6*minute + i%3
			try(now)
			if i%2 == 1 {
				send(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("x", i), now, now+(i%5-2)*minute/2))
			}
		}
		if applied != 1 {
			t.Errorf("a request sent %d ns ahead was applied %d times", ahead, applied)
		}
	}
}

const bobLine = "new_order key=3 account=4 instrument=2 side=buy type=limit tif=ioc price=50 qty=5 clientid=%s t=%d sent=%d"

// quick applies one line without validating.
func quick(t *testing.T, e *Engine, line string) []wire.Event {
	t.Helper()
	c := script(t, line)[0]
	return e.Apply(&c, nil)
}

// TestIdleAccountForgotten: what an account left behind goes while another trades, but for its transfers and open orders.
func TestIdleAccountForgotten(t *testing.T) {
	e := testVenue(t)
	start := 1_000 * hour
	send(t, e, fmt.Sprintf(orderLine, "gtc", 50, "open", start, start))
	for i := range 300 {
		quick(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("a", i), start, start))
	}
	transfers := e.past[transferQueue].n
	now := start + 25*hour
	for i := range 310 {
		quick(t, e, fmt.Sprintf(bobLine, fmt.Sprint("b", i), now+int64(i), now+int64(i)))
	}
	if n := e.accounts.At(2).queue[orderQueue].n; n != 1 {
		t.Errorf("%d requests of the idle account are remembered, one names an open order", n)
	}
	if n := e.accounts.At(4).queue[orderQueue].n; n != 310 {
		t.Errorf("%d requests of the other account are remembered", n)
	}
	if e.past[transferQueue].n != transfers {
		t.Errorf("%d transfers are remembered, there were %d", e.past[transferQueue].n, transfers)
	}
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "a7", now, start), wire.TooOld)
	if again := send(t, e, fmt.Sprintf(orderLine, "gtc", 50, "open", now, start)); again[0].Flags&wire.FlagRepeat == 0 {
		t.Error("an open order's id is forgotten")
	}
}

// TestRepeatCapacity: an account remembers so many requests, an open order's beyond that, and the oldest go first.
func TestRepeatCapacity(t *testing.T) {
	e := testVenue(t)
	start := 1_000 * hour
	send(t, e, fmt.Sprintf(orderLine, "gtc", 50, "open", start, start))
	send(t, e, fmt.Sprintf(orderLine, "ioc", 50, "oldest", start+1, start+1))
	m := wire.NewOrder{Account: 2, Instrument: 2, Side: wire.Buy, Type: wire.Limit, TIF: wire.IOC, Price: 50, Qty: 1}
	var c wire.Command
	out := make([]wire.Event, 0, 8)
	for i := range RepeatsPerAccount - 2 {
		m.ClientID = numbered(i)
		m.Put(&c)
		c.Key, c.TimeNs, c.SentNs = 2, start+2+int64(i), start+2+int64(i)
		out = e.Apply(&c, out[:0])
	}
	if got := e.repeats.Len(); got < RepeatsPerAccount {
		t.Fatalf("%d requests are remembered", got)
	}
	oldest := fmt.Sprintf(orderLine, "ioc", 50, "oldest", 0, start+1)
	if again := send(t, e, oldest); again[0].Flags&wire.FlagRepeat == 0 {
		t.Fatal("the oldest is forgotten too early")
	}
	// One more: the open order's entry steps aside, and the oldest goes.
	now := start + RepeatsPerAccount + 10
	send(t, e, fmt.Sprintf(orderLine, "ioc", 50, "more", now, now))
	if again := send(t, e, fmt.Sprintf(orderLine, "gtc", 50, "open", 0, start)); again[0].Flags&wire.FlagRepeat == 0 {
		t.Fatal("an open order's id is forgotten")
	}
	wantRefusal(t, e, oldest, wire.TooOld)
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "between", now, start+1), wire.TooOld)
	wantRefusal(t, e, fmt.Sprintf(orderLine, "ioc", 50, "after", now, start+5), wire.ReasonNone)
	if _, err := Restore(newReader(snapshot(t, e.Freeze()))); err != nil {
		t.Fatal(err)
	}
}

// TestTransfersOutlastOrders: a deposit's reference is not forgotten with time, nor for the account's orders.
func TestTransfersOutlastOrders(t *testing.T) {
	e := testVenue(t)
	line := "deposit key=5 account=2 asset=1 amount=7 reference=wire-1 t=%d sent=%d"
	send(t, e, fmt.Sprintf(line, hour, hour))
	issued := e.Issued(1)
	for i := range int64(50) {
		send(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("x", i), (100+i)*hour, 0))
		send(t, e, fmt.Sprintf("withdraw key=5 account=2 asset=1 amount=1 reference=w%d", i))
	}
	again := send(t, e, fmt.Sprintf(line, 200*hour, hour))
	if again[0].Kind != wire.EvDeposited || again[0].Flags&wire.FlagRepeat == 0 {
		t.Fatalf("the repeat is answered with %s", showEvent(&again[0]))
	}
	if now := e.Issued(1); now != issued.MustSub(wire.Amount{Lo: 50}) {
		t.Errorf("%v exists of the asset", now)
	}
}

// TestRepeatChain: ids whose hashes are equal are told apart. The hash is made equal by hand.
func TestRepeatChain(t *testing.T) {
	e := testVenue(t)
	const index = 12345
	file := func(n int) {
		e.running = request{kind: wire.CmdNewOrder, account: 2}
		e.running.memory = memory{remembered: true, space: orderIDs, id: numbered(n), index: index, sent: int64(n)}
		e.remember(repeat{answer: wire.EvRejected, reason: wire.InvalidSide})
	}
	for n := range 5 {
		file(n)
	}
	find := func(n int) bool {
		id := numbered(n)
		_, r := e.recall(2, orderIDs, &id, index)
		return r != nil && r.id == id
	}
	for _, gone := range []int{2, 4, 0, 3, 1} {
		if !find(gone) {
			t.Fatalf("%d is not found", gone)
		}
		id := numbered(gone)
		h, _ := e.recall(2, orderIDs, &id, index)
		e.forget(h)
		if find(gone) {
			t.Fatalf("%d is found after it was forgotten", gone)
		}
	}
	if _, left := e.byRequest.Get(index); left {
		t.Error("the chain is empty and still indexed")
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}
