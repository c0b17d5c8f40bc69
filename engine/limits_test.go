package engine

import (
	"fmt"
	"testing"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// hugeVenue is the standard venue with instrument 3 of the widest ranges, and all of assets 3 and 4 that may exist.
func hugeVenue(t *testing.T) *Engine {
	t.Helper()
	e := testVenue(t)
	play(t, e, fmt.Sprintf(`
add_instrument key=1 symbol=HUGE base=3 quote=4 ticksize=1 lotsize=1 limits.minprice=1 limits.maxprice=%d limits.minqty=1 limits.maxqty=%d limits.makerbps=1000 limits.takerbps=1000
set_phase key=1 instrument=3 phase=continuous`, MaxPrice, MaxQty))
	most := wire.Amount{Hi: 1<<(IssueBits-64) - 1, Lo: ^uint64(0)}
	for _, asset := range []wire.AssetID{3, 4} {
		m := wire.Transfer{Account: 2, Asset: asset, Amount: most.MustSub(e.Issued(asset)), Reference: wire.MustText(fmt.Sprint("all-", asset))}
		var c wire.Command
		m.PutDeposit(&c)
		c.Key = 5
		if got := refusal(e.Apply(&c, nil)); got != wire.ReasonNone {
			t.Fatal(got)
		}
	}
	return e
}

// TestNotionalBound: an order's notional stays below 2^96, whatever price and quantity.
func TestNotionalBound(t *testing.T) {
	e := hugeVenue(t)
	const line = "new_order key=2 account=2 instrument=3 side=%s type=%s tif=%s price=%d qty=%d"
	p := int64(1) << 62
	wantRefusal(t, e, fmt.Sprintf(line, "buy", "limit", "gtc", p, p), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf(line, "sell", "limit", "gtc", p, p), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf(line, "buy", "limit", "gtc", p, int64(1)<<34), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf(line, "buy", "market", "ioc", p, int64(1)<<34), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf(line, "sell", "limit", "gtc", p, int64(1)<<34-1), wire.ReasonNone)
	wantRefusal(t, e, fmt.Sprintf(line, "sell", "limit", "gtc", p, int64(1)<<34-1), wire.ReasonNone)
	// A market order sums over several: too much by quantity; by funds it takes what the bound lets it.
	wantRefusal(t, e, fmt.Sprintf(line, "buy", "market", "ioc", 0, int64(1)<<35-2), wire.NotionalTooLarge)
	m := wire.NewOrder{
		Account: 2, Instrument: 3, Side: wire.Buy, Type: wire.Market, TIF: wire.IOC, Funds: wire.Amount{Hi: 1 << 50},
	}
	var c wire.Command
	m.Put(&c)
	c.Key = 2
	events := e.Apply(&c, nil)
	var done wire.OrderAccepted
	done.GetEvent(&events[0])
	// 10/11 of 2^96 at 2^62 each are 2^34·10/11 lots.
	if want := wire.Qty(int64(1) << 34 * 10 / 11); events[0].Kind != wire.EvOrderAccepted || done.Qty != want {
		t.Errorf("%s: want %d lots", showEvent(&events[0]), want)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// TestDepthBound: what rests on one side of a book can be summed in 63 bits.
func TestDepthBound(t *testing.T) {
	e := hugeVenue(t)
	const line = "new_order key=2 account=2 instrument=3 side=sell type=limit tif=%s price=%d qty=%d"
	quarter := int64(MaxDepth) / 4
	for i := range int64(3) {
		wantRefusal(t, e, fmt.Sprintf(line, "gtc", 5+i, quarter), wire.ReasonNone)
	}
	wantRefusal(t, e, fmt.Sprintf(line, "gtc", 9, quarter+1), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf(line, "ioc", 9, quarter+1), wire.ReasonNone) // it does not rest
	wantRefusal(t, e, fmt.Sprintf(line, "gtc", 9, quarter), wire.ReasonNone)
	wantRefusal(t, e, fmt.Sprintf(line, "gtc", 9, 1), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf("replace_order key=2 account=2 target.order=1 price=5 qty=%d", quarter+1), wire.NotionalTooLarge)
	wantRefusal(t, e, fmt.Sprintf("replace_order key=2 account=2 target.order=1 price=5 qty=%d", quarter-1), wire.ReasonNone)
	wantRefusal(t, e, fmt.Sprintf(line, "gtc", 9, 1), wire.ReasonNone)
	play(t, e, "set_phase key=1 instrument=3 phase=auction\nnew_order key=2 account=2 instrument=3 side=buy type=limit tif=gtc price=9 qty=4000000000000000000\nset_phase key=1 instrument=3 phase=continuous")
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// TestIssueBound: nothing more can be brought in than can be counted, and it can all come out again.
func TestIssueBound(t *testing.T) {
	e := hugeVenue(t)
	wantRefusal(t, e, "deposit key=5 account=4 asset=3 amount=1 reference=more", wire.IssueTooLarge)
	m := wire.Transfer{Account: 2, Asset: 3, Reference: wire.MustText("out")}
	m.Amount, _ = e.Balance(2, 3)
	var c wire.Command
	m.PutWithdraw(&c)
	c.Key = 5
	if got := refusal(e.Apply(&c, nil)); got != wire.ReasonNone {
		t.Fatal(got)
	}
	if left := e.Issued(3); left != amount.FromUint64(1e12) { // account 4's
		t.Errorf("%v is left", left)
	}
	wantRefusal(t, e, "deposit key=5 account=4 asset=3 amount=1 reference=more2", wire.ReasonNone)
}

// TestForgetWhenFull: where the venue's memory is full the oldest entries of all go, not the sender's.
func TestForgetWhenFull(t *testing.T) {
	e := testVenue(t)
	e.bounds.repeats = e.repeats.Len() + 20
	now := int64(1)
	send(t, e, fmt.Sprintf(orderLine, "gtc", 50, "open", now, now))
	for i := range 19 {
		now++
		send(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("a", i), now, now))
	}
	if e.repeats.Len() != e.bounds.repeats {
		t.Fatalf("%d entries, the limit is %d", e.repeats.Len(), e.bounds.repeats)
	}
	for i := range 10 {
		now++
		send(t, e, fmt.Sprintf(bobLine, fmt.Sprint("b", i), now, now))
		if n := e.repeats.Len(); n > e.bounds.repeats {
			t.Fatalf("%d entries, the limit is %d", n, e.bounds.repeats)
		}
	}
	repeated := func(line string) bool { return send(t, e, line)[0].Flags&wire.FlagRepeat != 0 }
	for i := range 10 {
		if !repeated(fmt.Sprintf(bobLine, fmt.Sprint("b", i), now, 21+i)) {
			t.Errorf("the newest are forgotten: b%d", i)
		}
	}
	if !repeated(fmt.Sprintf(orderLine, "gtc", 50, "open", now, 1)) {
		t.Error("an open order's id is forgotten")
	}
	for i := range 19 {
		line := fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("a", i), now, i+2)
		if i >= 10 && !repeated(line) {
			t.Errorf("a%d is forgotten, older ones had to go", i)
		} else if i < 10 {
			wantRefusal(t, e, line, wire.TooOld)
		}
	}
	wantRefusal(t, e, fmt.Sprintf(bobLine, "never", now, 2), wire.ReasonNone) // nothing of that account has been forgotten
	// What is remembered, and in which order, is part of the state.
	again := restore(t, snapshot(t, e.Freeze()))
	again.bounds = e.bounds
	for i := range 20 {
		line := fmt.Sprintf(bobLine, fmt.Sprint("c", i), now+int64(i), now+int64(i))
		send(t, e, line)
		send(t, again, line)
		want, _ := e.Hashes()
		if got, _ := again.Hashes(); got != want {
			t.Fatal("the restored engine forgets something else")
		}
	}
}

// TestForgetTransfersWhenFull: neither order requests nor transfers push the other sort out.
func TestForgetTransfersWhenFull(t *testing.T) {
	e := testVenue(t)
	transfers := e.past[transferQueue].n
	e.bounds.repeats = 2 * int(transfers)
	for i := range 50 {
		quick(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("a", i), i+1, i+1))
	}
	if e.past[transferQueue].n != transfers || e.past[orderQueue].n != transfers {
		t.Fatalf("%d transfers and %d order requests are remembered", e.past[transferQueue].n, e.past[orderQueue].n)
	}
	for i := range 50 {
		send(t, e, fmt.Sprintf("deposit key=5 account=3 asset=1 amount=1 reference=x%d t=%d sent=%d", i, i+100, i+100))
	}
	if e.past[transferQueue].n != transfers || e.past[orderQueue].n != transfers {
		t.Fatalf("%d transfers and %d order requests are remembered", e.past[transferQueue].n, e.past[orderQueue].n)
	}
	wantRefusal(t, e, "deposit key=5 account=3 asset=1 amount=1 reference=x0 sent=100", wire.TooOld)
	if send(t, e, "deposit key=5 account=3 asset=1 amount=1 reference=x49 sent=149")[0].Flags&wire.FlagRepeat == 0 {
		t.Error("the newest transfer is forgotten")
	}
}

// TestForgetOfAccount: the limit of one account, with open orders that step aside.
func TestForgetOfAccount(t *testing.T) {
	e := testVenue(t)
	e.bounds.repeatsPerAccount = 8
	for i := range 3 {
		send(t, e, fmt.Sprintf(orderLine, "gtc", 50, fmt.Sprint("open", i), i+1, i+1))
	}
	for i := range 40 {
		send(t, e, fmt.Sprintf(orderLine, "ioc", 50, fmt.Sprint("a", i), i+10, i+10))
		send(t, e, fmt.Sprintf(bobLine, fmt.Sprint("b", i%8), i+10, 0))
		if n := e.accounts.At(2).queue[orderQueue].n; n > 8+3 {
			t.Fatalf("%d requests are remembered", n)
		}
	}
	if n := e.accounts.At(4).queue[orderQueue].n; n != 8 {
		t.Errorf("%d requests of the other account are remembered", n)
	}
	for i := range 3 {
		if send(t, e, fmt.Sprintf(orderLine, "gtc", 50, fmt.Sprint("open", i), 60, i+1))[0].Flags&wire.FlagRepeat == 0 {
			t.Errorf("an open order's id is forgotten: open%d", i)
		}
	}
}

// TestBalancesFollowFromState: balances that nothing is in and nothing uses are not counted, so that a restored engine
// judges the limit as the first one does.
func TestBalancesFollowFromState(t *testing.T) {
	e := testVenue(t)
	before := e.balances.Len()
	play(t, e, `
withdraw key=5 account=2 asset=1 amount=1000000000000 reference=w1
deposit key=5 account=3 asset=4 amount=100 reference=d1
new_order key=2 account=3 instrument=2 side=buy type=limit tif=ioc price=1 qty=5`)
	if n := e.balances.Len(); n != before {
		t.Errorf("%d balances, one is gone and one came to %d", n, before)
	}
	play(t, e, "new_order key=2 account=3 instrument=2 side=buy type=limit tif=gtc price=1 qty=5 clientid=o")
	if n := e.balances.Len(); n != before+1 {
		t.Errorf("%d balances, an order uses one more than %d", n, before)
	}
	r := restore(t, snapshot(t, e.Freeze()))
	for _, e := range []*Engine{e, r} {
		if n := e.balances.Len(); n != before+1 {
			t.Errorf("%d balances, should be %d", n, before+1)
		}
		e.bounds.balances = before + 2
		order := "new_order key=2 account=3 instrument=2 side=buy type=limit tif=gtc price=1 qty=1"
		wantRefusal(t, e, "deposit key=5 account=3 asset=1 amount=1 reference=d2", wire.ReasonNone)
		wantRefusal(t, e, "deposit key=5 account=3 asset=2 amount=1 reference=d3", wire.TooManyObjects)
		wantRefusal(t, e, order, wire.TooManyObjects)
		wantRefusal(t, e, "cancel_order key=2 account=3 target.clientid=o", wire.ReasonNone)
		wantRefusal(t, e, "deposit key=5 account=3 asset=2 amount=1 reference=d4", wire.ReasonNone)
	}
	a, _ := e.Hashes()
	if b, _ := r.Hashes(); a != b {
		t.Error("the restored engine came to another state")
	}
}
