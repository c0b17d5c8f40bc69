package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/history"
	"uncross/gateway/http"
)

// TestLogin: what a login proves, and what it does not.
func TestLogin(t *testing.T) {
	v := open(t, Limits{})
	c := v.connect()
	c.ask(m{"op": "subscribe", "subscriptions": []m{private_("balances", "alice")}})
	c.refused(http.NotAuthenticated, "subscriptions[0]")
	if a := c.login("alice"); a["user"] != "alice" || a["role"] != "trader" || a["ended"] != nil {
		t.Errorf("%v", a)
	}
	c.subscribe(private_("executions", "alice"))
	c.ask(m{"op": "logout", "id": "out"})
	if a := c.answer("logged_out"); a["id"] != "out" || len(a["ended"].([]any)) != 1 {
		t.Errorf("%v", a)
	}
	c.ask(m{"op": "list"})
	if a := c.answer("subscriptions"); len(a["subscriptions"].([]any)) != 0 {
		t.Errorf("%v", a)
	}
	c.ask(m{"op": "subscribe", "subscriptions": []m{private_("balances", "alice")}})
	c.refused(http.NotAuthenticated, "")
}

// TestWrongLogins: sessions that are guessed, copied, over, or of others.
func TestWrongLogins(t *testing.T) {
	v := open(t, Limits{Logins: 100})
	c := v.connect()
	s := v.session("alice")
	good := v.proof(s)
	c.ask(good)
	c.answer("logged_in")
	h := s.Sign("GET", "/v1/orders", nil, v.clock.now())
	other := s.Sign("POST", "/v1/stream", nil, v.clock.now())
	late := s.Sign("GET", "/v1/stream", nil, v.clock.now().Add(-time.Minute))
	mallory := v.proof(v.session("bob"))
	for _, step := range []struct {
		what   string
		q      m
		reason wire.Reason
	}{
		{"the same again", good, http.ReplayedRequest},
		{"the proof of another address", loginOf(&h), http.BadSignature},
		{"the proof of another method", loginOf(&other), http.BadSignature},
		{"an old proof", loginOf(&late), http.OutsideTimeWindow},
		{"another's proof with this session", with(mallory, "session", good["session"]), http.BadSignature},
		{"a changed number", with(v.proof(s), "seq", "999"), http.BadSignature},
		{"no such session", with(v.proof(s), "session", strings.Repeat("0", 32)), http.UnknownSession},
	} {
		c.ask(step.q)
		if a := c.answer("error"); a["error"].(m)["code"] != float64(step.reason) {
			t.Errorf("%s: %v", step.what, a)
		}
	}
	c.say(`{"op":"login","session":"` + strings.Repeat("A", 32) + `","seq":"1","time":"1","mac":"x"}`)
	c.refused(http.MalformedAuth, "")
	// None of it has harmed the login that there was.
	c.subscribe(private_("executions", "alice"))

	over := v.session("alice")
	v.store.End(over.ID())
	c.ask(v.proof(over))
	c.refused(http.UnknownSession, "")
	v.clock.advance(16 * time.Minute)
	c.ask(m{"op": "ping"}) // and the login is over by now
	for {
		a := c.message()
		if a["type"] == "pong" {
			break
		}
		if a["type"] != "error" || a["error"].(m)["reason"] != "session_expired" {
			t.Errorf("%v", a)
		}
	}
	expired := v.proof(s)
	c.ask(expired)
	if a := c.answer("error"); a["error"].(m)["reason"] != "session_expired" && a["error"].(m)["reason"] != "unknown_session" {
		t.Errorf("%v", a)
	}
}

// TestGuessing: who logs in wrongly again and again is cut off, and locked out with that session.
func TestGuessing(t *testing.T) {
	v := open(t, Limits{Logins: 5})
	s := v.session("alice")
	for range 2 {
		c := v.connect()
		for i := range 5 {
			c.ask(with(with(v.proof(s), "mac", strings.Repeat("0", 64)), "id", "L"+itoa(i)))
			if a := c.refused(http.BadSignature, ""); a["id"] != "L"+itoa(i) {
				t.Errorf("%v", a)
			}
			if i < 4 {
				continue
			}
			g, err := c.receive() // answered once, and the next is the close frame
			if code, _ := ws.ParseCloseFrameData(g.payload); err != nil || g.op != ws.OpClose || code != ws.StatusPolicyViolation {
				t.Errorf("behind the last answer: %+v %s, %v", g, g.payload, err)
			}
		}
	}
	c := v.connect()
	c.ask(v.proof(s))
	c.refused(http.TooManyRequests, "")
	c.login("alice") // another session of hers
}

// TestAccess: who may read what, with the answers of the REST interface.
func TestAccess(t *testing.T) {
	v := open(t, Limits{Wrong: 100})
	for _, step := range []struct {
		who, channel, account string
		reason                wire.Reason
	}{
		{"alice", "executions", "alice", 0}, {"alice", "balances", "alice", 0}, {"alice", "balances", "alice-2", 0},
		{"alice", "executions", "bob", wire.NotYourAccount}, {"alice", "balances", "bob", wire.NotYourAccount},
		{"alice", "executions", "nobody", wire.UnknownAccount}, {"alice", "balances", strings.Repeat("x", 36), wire.UnknownAccount},
		{"alice-reads", "executions", "alice", 0}, {"alice-reads", "balances", "alice-2", 0}, {"alice-reads", "balances", "bob", wire.NotYourAccount},
		{"operator", "executions", "bob", 0}, {"operator", "balances", "alice", 0}, {"operator", "balances", "nobody", wire.UnknownAccount},
		{"custodian", "balances", "alice", 0}, {"custodian", "executions", "alice", wire.RoleNotAllowed},
		{"custodian", "executions", "nobody", wire.RoleNotAllowed}, {"alice-custody", "executions", "alice", wire.RoleNotAllowed},
	} {
		c := v.connect()
		c.login(step.who)
		c.ask(m{"op": "subscribe", "subscriptions": []m{private_(step.channel, step.account)}})
		if step.reason == 0 {
			c.answer("subscribed")
		} else {
			c.refused(step.reason, "")
		}
		c.net.Close()
	}
}

// TestSecondLogin: a new session of the same user carries on what it may read; that of another ends it all.
func TestSecondLogin(t *testing.T) {
	v := open(t, Limits{})
	c := v.connect()
	c.login("alice")
	c.subscribe(private_("executions", "alice"), with(private_("balances", "alice-2"), "after", "0.0"), on("status", "XAU-USD"))
	if a := c.login("alice-again"); a["ended"] != nil {
		t.Errorf("the same user: %v", a)
	}
	id := v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
	if a := c.message(); a["client_order_id"] != id {
		t.Errorf("%v", a)
	}
	if a := c.login("alice-custody"); fmt.Sprint(a["ended"].([]any)[0].(m)["channel"]) != "executions" || len(a["ended"].([]any)) != 1 {
		t.Errorf("the same user in a role that sees no orders: %v", a)
	}
	if a := c.login("bob"); len(a["ended"].([]any)) != 1 {
		t.Errorf("another user: %v", a)
	}
	c.subscribe(private_("executions", "bob"))
	if a := c.login("operator"); len(a["ended"].([]any)) != 1 { // who could read it as well
		t.Errorf("another user: %v", a)
	}
	c.ask(m{"op": "list"})
	if a := c.answer("subscriptions"); fmt.Sprint(a["subscriptions"]) != "[map[channel:status symbol:XAU-USD]]" {
		t.Errorf("%v", a)
	}
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 200, Qty: 1})
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
	v.told.tell(Topic{Channel: Phases, Instrument: gold}, phases("XAU-USD", 1, 0))
	if a := c.message(); a["channel"] != "status" {
		t.Errorf("after the second login: %v", a)
	}
}

// TestSessionEnds: however a session ends, what it read ends with it, and the client is told why. The rest stays.
func TestSessionEnds(t *testing.T) {
	v := open(t, Limits{})
	for name, step := range map[string]struct {
		who    string
		end    func(s *auth.ClientSession)
		reason string
	}{
		"ended": {"alice", func(s *auth.ClientSession) { v.store.End(s.ID()) }, "unknown_session"},
		"expired": {"bob", func(s *auth.ClientSession) {
			v.clock.advance(s.Expires().Sub(v.clock.now()) - 50*time.Millisecond)
			v.stream.mu.Lock()
			defer v.stream.mu.Unlock()
			for c := range v.stream.conns {
				c.poke() // the clock was put forward: how long it is to the end is to be worked out anew
			}
		}, "session_expired"},
		"revoked": {"alice-reads", func(*auth.ClientSession) {
			v.submit(wire.OperatorKey, &wire.RevokeKey{Key: v.keys["alice-reads"].ID})
		}, "key_revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			account := strings.TrimSuffix(step.who, "-reads")
			c := v.connect()
			s := v.session(step.who)
			c.ask(v.proof(s))
			c.answer("logged_in")
			c.subscribe(private_("executions", account), with(private_("balances", account), "after", "0.0"), on("status", "XAU-USD"))
			for a := c.message(); a["channel"] != "balances"; {
				t.Fatalf("%v", a)
			}
			c.ask(m{"op": "ping", "id": "now"})
			for c.message()["id"] != "now" {
			}
			step.end(s)
			a := c.answer("error")
			if a["error"].(m)["reason"] != step.reason || len(a["ended"].([]any)) != 2 || a["id"] != nil {
				t.Errorf("%v", a)
			}
			v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
			v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 200, Qty: 1})
			topic := Topic{Channel: Phases, Instrument: gold}
			v.told.tell(topic, phases("XAU-USD", 7, 0))
			for {
				a := c.message()
				if a["channel"] != "status" {
					t.Fatalf("after the end: %v", a)
				}
				if a["sequence"] == "8" {
					break
				}
			}
			c.ask(m{"op": "list"})
			if a := c.answer("subscriptions"); len(a["subscriptions"].([]any)) != 1 {
				t.Errorf("%v", a)
			}
			v.told.mu.Lock()
			v.told.topics[topic].log = nil
			v.told.mu.Unlock()
		})
	}
}

// TestExecutions goes through what can happen to orders.
func TestExecutions(t *testing.T) {
	v := open(t, Limits{})
	c := v.connect()
	c.login("alice")
	c.subscribe(private_("executions", "alice"))
	want := func(fields m) m {
		t.Helper()
		a := c.message()
		for k, w := range fields {
			if fmt.Sprint(a[k]) != fmt.Sprint(w) {
				t.Errorf("%s is %v, want %v in %v", k, a[k], w, a)
			}
		}
		return a
	}
	first := v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 10_000, Qty: 2_000, Flags: wire.PostOnly})
	a := want(m{"kind": "accepted", "client_order_id": first, "symbol": "XAU-USD", "side": "buy", "order_type": "limit", "time_in_force": "gtc",
		"post_only": true, "price": "100.00", "quantity": "2", "filled": "0", "remaining": "2"})
	order := a["order_id"]
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 10_000, Qty: 500})
	want(m{"kind": "fill", "order_id": order, "client_order_id": first, "side": "buy", "price": "100.00", "quantity": "0.5", "filled": "0.5",
		"remaining": "1.5", "liquidity": "maker", "notional": "50", "fee": "0.05"})
	v.submit(v.keys["alice"].ID, &wire.ReplaceOrder{Account: alice, Target: wire.OrderRef{ClientID: wire.MustText(first)}, ClientID: wire.MustText("r-1"), Price: 10_100, Qty: 3_000})
	want(m{"kind": "replaced", "order_id": order, "client_order_id": "r-1", "price": "101.00", "quantity": "3", "filled": "0.5", "remaining": "2.5", "kept_priority": false})
	v.submit(v.keys["alice"].ID, &wire.CancelOrder{Account: alice, Target: wire.OrderRef{ClientID: wire.MustText("r-1")}})
	want(m{"kind": "canceled", "order_id": order, "client_order_id": "r-1", "canceled": "2.5", "filled": "0.5", "remaining": "0", "cancel_reason": "by_user", "price": "101.00", "quantity": "3"})
	// A market order by funds that takes what is there, and the rest leaves.
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 10_200, Qty: 100})
	v.order("alice", wire.NewOrder{Side: wire.Buy, Type: wire.Market, TIF: wire.IOC, Funds: wire.Amount{Lo: 100_000_000}})
	want(m{"kind": "accepted", "order_type": "market", "time_in_force": "ioc", "price": nil, "funds": "1000"})
	want(m{"kind": "fill", "liquidity": "taker", "quantity": "0.1"})
	v.order("alice", wire.NewOrder{Side: wire.Buy, Type: wire.Market, TIF: wire.IOC, Price: 20_000, Qty: 10})
	want(m{"kind": "accepted"})
	want(m{"kind": "canceled", "cancel_reason": "no_liquidity"})
	// Refused.
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 900_000, Qty: 900_000})
	want(m{"kind": "rejected", "command": "new", "side": "buy", "order_type": "limit", "price": "9000.00", "quantity": "900",
		"reason": m{"code": int(wire.InsufficientFunds), "reason": "insufficient_funds"}})
	v.submit(v.keys["alice"].ID, &wire.CancelOrder{Account: alice, Target: wire.OrderRef{ClientID: wire.MustText("nothing")}})
	want(m{"kind": "rejected", "command": "cancel"})
	v.order("alice", wire.NewOrder{Instrument: 77, Side: wire.Buy, Price: 1, Qty: 1})
	want(m{"kind": "rejected", "command": "new", "symbol": nil})
	// With oneself: both sides.
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 5_000, Qty: 10})
	v.order("alice", wire.NewOrder{Side: wire.Sell, Price: 5_000, Qty: 10})
	want(m{"kind": "accepted", "side": "buy"})
	want(m{"kind": "accepted", "side": "sell"})
	b := want(m{"kind": "fill", "side": "buy", "liquidity": "maker"})
	want(m{"kind": "fill", "side": "sell", "liquidity": "taker", "event": b["event"], "trade_id": b["trade_id"]})
	// An auction.
	v.submit(wire.OperatorKey, &wire.SetPhase{Instrument: gold, Phase: wire.Auction})
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 7_000, Qty: 10})
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 6_000, Qty: 10})
	v.submit(wire.OperatorKey, &wire.SetPhase{Instrument: gold, Phase: wire.Continuous})
	want(m{"kind": "accepted"})
	want(m{"kind": "fill", "liquidity": "auction"})
	// A mass cancel.
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 10})
	v.submit(wire.OperatorKey, &wire.MassCancel{Instrument: gold})
	want(m{"kind": "accepted"})
	want(m{"kind": "canceled", "cancel_reason": "by_operator"})
	// What is given again is not told again.
	v.submit(v.keys["alice"].ID, &wire.NewOrder{Account: alice, Instrument: gold, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 100, Qty: 7, ClientID: wire.MustText("once")})
	v.submit(v.keys["alice"].ID, &wire.NewOrder{Account: alice, Instrument: gold, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 100, Qty: 7, ClientID: wire.MustText("once")})
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 8})
	want(m{"kind": "accepted", "client_order_id": "once"})
	want(m{"kind": "accepted", "quantity": "0.008"})
}

// TestBalances: a snapshot, and what an account has after each event; it comes out as the view has it.
func TestBalances(t *testing.T) {
	v := open(t, Limits{})
	c := v.connect()
	c.login("alice")
	c.subscribe(private_("balances", "alice"))
	a := c.message()
	if a["type"] != "snapshot" || fmt.Sprint(a["balances"]) != "[map[asset:USD available:10000 held:0] map[asset:XAU available:1000000 held:0] map[asset:XAG available:1000000 held:0]]" {
		t.Fatalf("%v", a)
	}
	held := map[string]string{}
	note := func(a m) {
		for _, b := range a["balances"].([]any) {
			held[b.(m)["asset"].(string)] = b.(m)["available"].(string) + " " + b.(m)["held"].(string)
		}
	}
	note(a)
	buy := v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 10_000, Qty: 20})
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 10_000, Qty: 10})
	v.submit(v.keys["alice"].ID, &wire.ReplaceOrder{Account: alice, Target: wire.OrderRef{ClientID: wire.MustText(buy)}, Price: 9_000, Qty: 20, ClientID: wire.MustText("r")})
	v.submit(v.keys["alice"].ID, &wire.CancelOrder{Account: alice, Target: wire.OrderRef{ClientID: wire.MustText("r")}})
	v.deposit(alice, 1, 777)
	var out wire.Command
	(&wire.Transfer{Account: alice, Asset: 2, Amount: wire.Amount{Lo: 5}, Reference: wire.MustText("out")}).PutWithdraw(&out)
	v.apply(v.keys["custodian"].ID, &out)
	for _, reason := range []string{"order", "trade", "replace", "cancel", "deposit", "withdrawal"} {
		a := c.message()
		if a["reason"] != reason {
			t.Errorf("%v, want %s", a, reason)
		}
		note(a)
	}
	for _, b := range v.view.Balances(alice) {
		of, _ := v.view.Asset(b.Asset)
		if want := amountText(b.Available, of.Decimals) + " " + amountText(b.Held, of.Decimals); held[of.Code.String()] != want {
			t.Errorf("%s is %s, want %s", of.Code, held[of.Code.String()], want)
		}
	}
	// The venue's own account has the fees.
	o := v.connect()
	o.login("operator")
	venue, _ := v.view.Account(1)
	o.subscribe(with(private_("balances", venue.Name.String()), "after", "0.0"), with(private_("executions", venue.Name.String()), "after", "0.0"))
	if a := o.message(); a["reason"] != "fee_income" {
		t.Errorf("%v", a)
	}
}

// TestResume: a stream that is cut anywhere and gone on with from the last event seen gives each event once, in order.
func TestResume(t *testing.T) {
	v := open(t, Limits{RequestBump: 10_000, Turn: 300})
	for i := range 150 {
		side := wire.Buy
		if i%2 == 1 {
			side = wire.Sell
		}
		v.order("alice", wire.NewOrder{Side: side, Price: 5_000, Qty: 1}) // half of them trade with the other half
	}
	read := func(c *client, after string, n int) (all []string) {
		c.login("alice")
		c.subscribe(with(private_("executions", "alice"), "after", after))
		for len(all) < n {
			a := c.message()
			all = append(all, fmt.Sprint(a["event"], " ", a["kind"], " ", a["side"]))
		}
		return all
	}
	whole := read(v.connect(), "0.0", 300)
	if len(whole) != 300 { // 150 accepted, 75 trades of two sides each
		t.Fatalf("%d events", len(whole))
	}
	var pieced []string
	after := "0.0"
	for size := 1; len(pieced) < len(whole); size = size%17 + 3 {
		c := v.connect()
		got := read(c, after, min(size, len(whole)-len(pieced)))
		c.net.Close()
		// An event of two parts may have been cut in two: it is told again whole, and the client knows it by its id.
		if n := len(got); n > 1 && strings.Contains(got[n-1], "fill buy") {
			got = got[:n-1]
		}
		pieced = append(pieced, got...)
		after, _, _ = strings.Cut(got[len(got)-1], " ")
	}
	if strings.Join(pieced, "\n") != strings.Join(whole, "\n") {
		t.Errorf("pieced together:\n%v\nwhole:\n%v", pieced, whole)
	}
	// The future, and what comes.
	c := v.connect()
	c.login("alice")
	c.ask(m{"op": "subscribe", "subscriptions": []m{with(private_("executions", "alice"), "after", "99999999.0")}})
	c.refused(http.InvalidValue, "subscriptions[0].after")
	end := eventText(v.hist.End())
	if a := c.subscribe(private_("executions", "alice")); a["subscriptions"].([]any)[0].(m)["after"] != end {
		t.Errorf("begins at %v, want %s", a, end)
	}
	id := v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
	if a := c.message(); a["client_order_id"] != id {
		t.Errorf("%v", a)
	}
}

// TestHistoryFails: what the history cannot give is told by what it is.
func TestHistoryFails(t *testing.T) {
	v := open(t, Limits{})
	for _, step := range []struct {
		err    error
		reason wire.Reason
		code   ws.StatusCode
	}{
		{fmt.Errorf("%w: all behind 7.0 is", history.ErrTrimmed), http.HistoryTrimmed, closeTooSlow},
		{history.ErrClosed, http.ShuttingDown, ws.StatusGoingAway},
		{errors.New("the disk is gone"), http.Internal, ws.StatusInternalServerError},
	} {
		v.faulty = step.reason == http.Internal
		v.broken.err.Store(nil)
		c, live := v.connect(), v.connect()
		c.login("alice")
		live.login("alice")
		live.subscribe(private_("executions", "alice"))
		id := v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
		if a := live.message(); a["client_order_id"] != id {
			t.Errorf("%v", a)
		}
		v.broken.err.Store(&step.err)
		c.ask(m{"op": "subscribe", "subscriptions": []m{with(private_("executions", "alice"), "after", "1.0")}})
		c.refused(step.reason, "")
		v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
		live.closedWith(step.code)
	}
}

// TestOthers: whatever others do, an account's stream has its own events alone.
func TestOthers(t *testing.T) {
	v := open(t, Limits{})
	a, b := v.connect(), v.connect()
	a.login("alice")
	b.login("bob")
	a.subscribe(private_("executions", "alice"), with(private_("balances", "alice"), "after", eventText(v.hist.End())))
	b.subscribe(private_("executions", "bob"), with(private_("balances", "bob"), "after", eventText(v.hist.End())))
	for i := range 50 {
		v.order("alice", wire.NewOrder{Side: wire.Buy, Price: wire.Price(5_000 + i), Qty: 1})
		v.order("bob", wire.NewOrder{Side: wire.Sell, Price: wire.Price(5_010 - i), Qty: 2})
	}
	for name, c := range map[string]*client{"alice": a, "bob": b} {
		c.ask(m{"op": "ping", "id": "end"})
		other := map[string]string{"alice": "bob", "bob": "alice"}[name]
		for n := 0; ; n++ {
			text := string(c.next())
			if strings.Contains(text, other) {
				t.Fatalf("%s is told of %s: %s", name, other, text)
			}
			if strings.Contains(text, `"pong"`) && n > 0 {
				break
			}
			if strings.Contains(text, `"pong"`) {
				c.ask(m{"op": "ping", "id": "end"})
			}
		}
	}
}

// TestBacklog: a private reader that had been at the end and is too far behind it is cut off; one that has yet to come to the
// end is not.
func TestBacklog(t *testing.T) {
	v := open(t, Limits{Backlog: 100, SendBuffer: 4 << 10, Round: 1 << 10, Turn: 512, Ping: 100 * time.Millisecond, Write: time.Minute})
	for range 150 {
		v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
	}
	p := &private{s: v.stream, key: key{Topic: Topic{Channel: Executions}, account: alice}, name: "alice", cancel: func() {}}
	turn := func() (more bool) {
		_, more, err := p.next(nil, 512)
		v.must(err)
		return more
	}
	for turn() {
		if late, err := p.late(); late || err != nil {
			t.Fatalf("late before it has been at the end: %v", err)
		}
	}
	for range 80 {
		v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
	}
	behind := func() int {
		n, err := v.hist.Behind(alice, p.after, 1000)
		v.must(err)
		return n
	}
	if n := behind(); n != 80 {
		t.Errorf("%d behind", n)
	}
	if late, err := p.late(); late || err != nil {
		t.Errorf("late with 80 behind: %v", err)
	}
	for range 200 {
		v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 100, Qty: 1})
	}
	turn()
	if n := behind(); n != 180 {
		t.Errorf("%d behind", n)
	}
	if late, err := p.late(); !late || err != nil {
		t.Errorf("not late: %v", err)
	}
	if n, err := v.hist.Behind(alice, p.after, 50); n != 50 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for turn() {
	}
	if late, err := p.late(); late || err != nil {
		t.Errorf("late at the end: %v", err)
	}
	// An idle account's place goes on with the venue.
	idle := &private{s: v.stream, key: key{Topic: Topic{Channel: Executions}, account: alice2}, cancel: func() {}}
	_, _, err := idle.next(nil, 512)
	v.must(err)
	if idle.after != v.hist.End() {
		t.Errorf("%v, the end is %v", idle.after, v.hist.End())
	}
}
