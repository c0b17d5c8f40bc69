package http

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// TestTrading walks one order after another through the interface and looks at every answer.
func TestTrading(t *testing.T) {
	v := market(t, Limits{})
	a := v.do("bob", "POST", "/v1/orders", limit("B", "sell", "100.05", "2", "b-1"))
	want(t, a, map[string]string{"order_id": "1", "client_order_id": "b-1", "account": "B", "symbol": "BTC/USD", "side": "sell",
		"type": "limit", "time_in_force": "gtc", "price": "100.05", "quantity": "2", "status": "new", "filled": "0",
		"remaining": "2", "repeat": "false", "notional": "0", "average_price": "<absent>", "fills_complete": "true"})
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "100.10", "1", "b-2"))

	// Takes 2 at 100.05 and 0.5 at 100.10. The fee of 20 bp on 250.15 is 0.5003.
	a = v.do("alice", "POST", "/v1/orders", limit("A", "buy", "100.1", "2.5", "a-1"))
	want(t, a, map[string]string{"order_id": "3", "status": "filled", "filled": "2.5", "remaining": "0", "price": "100.10",
		"notional": "250.15", "average_price": "100.06", "fills.0.trade_id": "1", "fills.0.price": "100.05",
		"fills.0.quantity": "2", "fills.0.liquidity": "taker", "fills.0.fee": "0.4002", "fills.0.notional": "200.1",
		"fills.1.price": "100.10", "fills.1.quantity": "0.5", "fills.1.fee": "0.1001", "fills.2": "<absent>"})

	// The same again is answered as the first time; with other content it is refused.
	again := v.do("alice", "POST", "/v1/orders", limit("A", "buy", "100.1", "2.5", "a-1"))
	want(t, again, map[string]string{"repeat": "true", "order_id": "3", "command": text(a, "command"), "status": "filled",
		"filled": "2.5", "remaining": "0", "notional": "250.15", "average_price": "100.06", "fills.1.quantity": "0.5",
		"fills.2": "<absent>", "fills_complete": "true"})
	e := v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "100.1", "2.4", "a-1"), wire.DuplicateClientID)
	if !strings.Contains(e.Detail, "order 3") {
		t.Errorf("the detail %q does not name the order", e.Detail)
	}

	want(t, v.do("bob", "GET", "/v1/orders/2", nil), map[string]string{"status": "partially_filled", "filled": "0.5",
		"remaining": "0.5", "held": "0.5", "notional": "50.05", "average_price": "100.10", "client_order_id": "b-2"})
	want(t, v.do("bob", "GET", "/v1/orders/by-client-id/b-1?account=B", nil), map[string]string{"order_id": "1", "status": "filled"})
	want(t, v.do("alice", "GET", "/v1/orders/3", nil), map[string]string{"status": "filled", "filled": "2.5", "remaining": "0"})
	v.refused("bob", "GET", "/v1/orders/3", nil, wire.UnknownOrder)
	v.refused("alice", "GET", "/v1/orders/99", nil, wire.UnknownOrder)

	want(t, v.do("alice", "GET", "/v1/instruments/BTC%2FUSD/book", nil), map[string]string{"asks.0.price": "100.10",
		"asks.0.quantity": "0.5", "asks.0.orders": "1", "bids.0": "<absent>", "phase": "continuous"})
	want(t, v.do("alice", "GET", "/v1/instruments/BTC%2FUSD/trades?limit=1", nil), map[string]string{
		"items.0.trade_id": "2", "items.0.taker_side": "buy", "items.1": "<absent>"})
	want(t, v.do("alice", "GET", "/v1/instruments/BTC%2FUSD", nil), map[string]string{"last_price": "100.10", "last_quantity": "0.5"})

	// 100000 − 250.15 − 0.5003; the venue's account earned both fees.
	want(t, v.do("alice", "GET", "/v1/balances?account=A", nil), map[string]string{"items.0.asset": "BTC", "items.0.available": "2.5",
		"items.1.asset": "USD", "items.1.available": "99749.3497", "items.1.held": "0", "items.1.total": "99749.3497"})
	want(t, v.do("operator", "GET", "/v1/balances?account=venue", nil), map[string]string{"items.0.total": "0.75045"})

	want(t, v.do("bob", "PUT", "/v1/orders/2", m{"account": "B", "symbol": "BTC/USD", "price": "100.10", "quantity": "0.8", "client_order_id": "b-3"}),
		map[string]string{"kept_priority": "true", "quantity": "0.8", "filled": "0.5", "remaining": "0.3", "status": "partially_filled", "client_order_id": "b-3"})
	v.refused("bob", "PUT", "/v1/orders/by-client-id/b-3", m{"account": "B", "symbol": "BTC/USD", "price": "100.10", "quantity": "0.5", "client_order_id": "b-4"}, wire.QuantityBelowFilled)
	want(t, v.do("bob", "DELETE", "/v1/orders/by-client-id/b-3?account=B&client_order_id=c-1", nil), map[string]string{"order_id": "2",
		"status": "canceled", "canceled": "0.3", "filled": "0.5", "cancel_reason": "by_user", "repeat": "false", "client_order_id": "c-1"})
	want(t, v.do("bob", "DELETE", "/v1/orders/by-client-id/b-3?account=B&client_order_id=c-1", nil), map[string]string{"repeat": "true", "status": "canceled"})
	v.refused("bob", "DELETE", "/v1/orders/2?account=B", nil, wire.OrderNotOpen)
	want(t, v.do("bob", "GET", "/v1/orders/2", nil), map[string]string{"status": "canceled", "cancel_reason": "by_user", "remaining": "0"})

	// Market orders and times in force.
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "101", "1", "b-5"))
	want(t, v.do("alice", "POST", "/v1/orders", m{"account": "A", "symbol": "BTC/USD", "side": "buy", "type": "market", "funds": "50", "client_order_id": "a-2"}),
		map[string]string{"type": "market", "time_in_force": "ioc", "funds": "50", "status": "filled", "price": "<absent>", "quantity": "0.494"})
	want(t, v.do("alice", "POST", "/v1/orders", set(limit("A", "buy", "101", "1", "a-3"), "time_in_force", "ioc")), map[string]string{
		"status": "canceled", "filled": "0.506", "canceled": "0.494", "cancel_reason": "immediate_or_cancel", "remaining": "0"})
	want(t, v.do("alice", "POST", "/v1/orders", set(limit("A", "buy", "101", "1", "a-4"), "time_in_force", "fok")), map[string]string{
		"status": "canceled", "filled": "0", "canceled": "1", "cancel_reason": "fill_or_kill"})
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "101", "1", "b-6"))
	v.refused("alice", "POST", "/v1/orders", set(limit("A", "buy", "101", "1", "a-5"), "post_only", true), wire.WouldTrade)
	e = v.refused("alice", "POST", "/v1/orders", set(limit("A", "buy", "101", "1", "a-5"), "post_only", true), wire.WouldTrade)
	if !e.Repeat {
		t.Error("the same refusal again is not marked as a repeat")
	}
	want(t, v.do("alice", "POST", "/v1/orders", set(limit("A", "buy", "100", "1", "a-6"), "post_only", true)), map[string]string{"status": "new", "post_only": "true"})

	for i := range 3 {
		v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", fmt.Sprintf("a-1%d", i)))
	}
	page := v.do("alice", "GET", "/v1/orders?account=A&limit=2", nil)
	want(t, page, map[string]string{"more": "true", "items.0.client_order_id": "a-6", "items.1.client_order_id": "a-10"})
	page = v.do("alice-reads", "GET", "/v1/orders?account=A&limit=2&cursor="+text(page, "next"), nil)
	want(t, page, map[string]string{"more": "false", "items.0.client_order_id": "a-11", "items.1.client_order_id": "a-12", "items.2": "<absent>"})
	want(t, v.do("alice", "DELETE", "/v1/orders?account=A&symbol=BTC%2FUSD", nil), map[string]string{"canceled": "4"})
	want(t, v.do("alice", "GET", "/v1/orders?account=A", nil), map[string]string{"items.0": "<absent>", "more": "false"})
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-20"))
	want(t, v.do("alice", "PUT", "/v1/orders/by-client-id/a-20", m{"account": "A", "symbol": "BTC/USD", "price": "91", "quantity": "1", "client_order_id": "a-21"}),
		map[string]string{"kept_priority": "false", "price": "91.00", "status": "new"})
	open := v.do("alice", "GET", "/v1/orders/by-client-id/a-21?account=A", nil)
	want(t, v.do("alice", "DELETE", "/v1/orders/"+text(open, "order_id")+"?account=A", nil), map[string]string{"status": "canceled", "client_order_id": "<absent>"})
	want(t, v.do("operator", "POST", "/v1/admin/mass-cancel", m{"symbol": "BTC/USD"}), map[string]string{"canceled": "1"})
	v.histories()
}

// histories looks at what the trading left behind.
func (v *venue) histories() {
	t := v.t
	t.Helper()
	fills := v.do("alice", "GET", "/v1/fills?account=A&sort=oldest&limit=3", nil)
	want(t, fills, map[string]string{"items.0.trade_id": "1", "items.0.liquidity": "taker", "items.0.order_id": "3",
		"items.0.client_order_id": "a-1", "items.0.side": "buy", "items.2.trade_id": "3", "more": "true"})
	fills = v.do("alice", "GET", "/v1/fills?account=A&sort=oldest&limit=3&cursor="+text(fills, "next"), nil)
	want(t, fills, map[string]string{"items.0.trade_id": "4", "items.1": "<absent>", "more": "false"})
	want(t, v.do("bob", "GET", "/v1/fills?account=B&order_id=1", nil), map[string]string{"items.0.liquidity": "maker", "items.1": "<absent>"})
	want(t, v.do("custodian", "GET", "/v1/ledger?account=A&sort=oldest", nil), map[string]string{"items.0.kind": "deposit",
		"items.0.change": "100000", "items.0.reference": "in-0", "items.0.number": "1", "items.1.kind": "trade", "items.1.order_id": "3"})
	want(t, v.do("alice", "GET", "/v1/order-history?account=A&sort=oldest", nil), map[string]string{"items.0.client_order_id": "a-1", "items.0.status": "filled"})
	trades := v.do("operator", "GET", "/v1/admin/trades?limit=3", nil)
	want(t, trades, map[string]string{"items.0.trade_id": "1", "items.0.buy_account": "A", "items.0.sell_account": "B",
		"items.0.buy_fee": "0.4002", "items.0.sell_fee": "0.2001", "items.2.trade_id": "3", "more": "true", "complete_from": "1"})
	trades = v.do("operator", "GET", "/v1/admin/trades?limit=3&cursor="+text(trades, "next"), nil)
	want(t, trades, map[string]string{"items.0.trade_id": "4", "items.1": "<absent>", "more": "false"})
}

// TestAuction ends a call auction by uncrossing.
func TestAuction(t *testing.T) {
	v := market(t, Limits{})
	phase := "/v1/admin/instruments/BTC%2FUSD/phase"
	want(t, v.do("operator", "POST", phase, m{"phase": "auction"}), map[string]string{"phase": "auction", "was": "continuous", "uncrossed": "<absent>"})
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "99", "2", "b-1"))
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "101", "3", "a-1"))
	v.refused("alice", "POST", "/v1/orders", set(limit("A", "buy", "101", "1", "a-2"), "time_in_force", "ioc"), wire.NotInAuction)
	want(t, v.do("operator", "POST", phase, m{"phase": "continuous", "reference_price": "100"}), map[string]string{"phase": "continuous",
		"was": "auction", "uncrossed.volume": "2", "uncrossed.surplus": "1", "uncrossed.surplus_side": "buy", "uncrossed.trades": "1",
		"uncrossed.price": "101.00"})
	want(t, v.do("alice", "GET", "/v1/fills?account=A", nil), map[string]string{"items.0.liquidity": "auction"})
	want(t, v.do("operator", "POST", phase, m{"phase": "halted"}), map[string]string{"phase": "halted"})
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "101", "1", "a-3"), wire.MarketHalted)
	v.do("operator", "POST", phase, m{"phase": "closed"})
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "101", "1", "a-4"), wire.MarketClosed)
}

// TestBatch holds a batch to its order, and to stopping at the first operation that is not taken.
func TestBatch(t *testing.T) {
	v := market(t, Limits{})
	ctx := context.Background()
	ops := []client.Operation{
		{Op: "new", Account: "B", Symbol: "BTC/USD", Side: "sell", Type: "limit", Price: "100", Quantity: "1", ClientOrderID: "1"},
		{Op: "new", Account: "B", Symbol: "BTC/USD", Side: "sell", Type: "limit", Price: "100.01", Quantity: "1", ClientOrderID: "2"},
		{Op: "replace", Account: "B", Symbol: "BTC/USD", OrigClientOrderID: "1", Price: "101", Quantity: "2", ClientOrderID: "3"},
		{Op: "cancel", Account: "B", OrigClientOrderID: "3", ClientOrderID: "4"},
		{Op: "cancel", Account: "B", OrigClientOrderID: "3", ClientOrderID: "5"},
		{Op: "new", Account: "B", Symbol: "BTC/USD", Side: "sell", Type: "limit", Price: "102", Quantity: "1", ClientOrderID: "6"},
	}
	r, err := v.keys["bob"].Batch(ctx, ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []string{"new", "price_off_tick", "new", "canceled", "order_not_open", "new"} {
		if got := outcome(&r[i]); got != w {
			t.Errorf("operation %d: %s, want %s", i, got, w)
		}
	}
	if r[2].Order.Quantity != "2" || r[2].Order.ClientOrderID != "3" || *r[2].Order.KeptPriority || r[1].Status != 400 {
		t.Errorf("%+v", r[2].Order)
	}

	// Busy at the third: the first two are applied, nothing after them.
	v.core.busyAfter.Store(2)
	ops = ops[:0]
	for i := range 5 {
		ops = append(ops, client.Operation{Op: "new", Account: "B", Symbol: "BTC/USD", Side: "sell", Type: "limit", Price: "103", Quantity: "1", ClientOrderID: fmt.Sprint("x", i)})
	}
	if r, err = v.keys["bob"].Batch(ctx, ops); err != nil {
		t.Fatal(err)
	}
	for i, w := range []string{"new", "new", "busy", "busy", "busy"} {
		if got := outcome(&r[i]); got != w {
			t.Errorf("operation %d: %s, want %s", i, got, w)
		}
	}
	if r[4].Status != 503 || !strings.Contains(r[4].Error.Detail, "not applied") {
		t.Errorf("%+v", r[4].Error)
	}
	v.refused("bob", "POST", "/v1/orders", limit("B", "sell", "103", "1", "x9"), Busy)

	// The client repeats until all are applied, each once and in order.
	v.core.busyAfter.Store(3)
	done := make(chan error, 1)
	go func() {
		results, err := v.keys["bob"].Settle(ctx, ops)
		for i := range results {
			if w := results[i].Order; err == nil && (w == nil || w.ClientOrderID != ops[i].ClientOrderID) {
				err = fmt.Errorf("operation %d: %+v", i, results[i])
			}
		}
		done <- err
	}()
	waitFor(t, "the core refuses", func() bool { return v.core.busyAfter.Load() == 0 })
	v.core.busyAfter.Store(-1)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	open := v.do("bob", "GET", "/v1/orders?account=B", nil)
	for i, w := range []string{"6", "x0", "x1", "x2", "x3", "x4"} {
		if got := text(open, "items", fmt.Sprint(i), "client_order_id"); got != w {
			t.Errorf("open order %d is %s, want %s", i, got, w)
		}
	}

	for _, c := range []struct {
		body   m
		reason wire.Reason
	}{
		{m{}, MissingField}, {m{"operations": "x"}, WrongType}, {m{"operations": []m{}}, BatchTooLarge},
		{m{"operations": make([]m, 101)}, BatchTooLarge}, {m{"operations": []m{}, "more": 1}, UnknownField},
	} {
		v.refused("bob", "POST", "/v1/orders/batch", c.body, c.reason)
	}
	var out struct{ Results []client.Result }
	bad := m{"operations": []any{"x", m{}, m{"op": "burn"}, m{"op": "cancel", "account": "B"}, m{"op": "cancel", "account": "B", "order_id": "1", "price": "1"}}}
	if err := v.plain("bob").Do(ctx, "POST", "/v1/orders/batch", bad, &out); err != nil {
		t.Fatal(err)
	}
	for i, w := range []string{"wrong_type", "missing_field", "invalid_value", "missing_field", "unknown_field"} {
		if got := outcome(&out.Results[i]); got != w {
			t.Errorf("operation %d: %s, want %s", i, got, w)
		}
	}
}

// plain returns a client of a user that holds nothing against openapi.yaml.
func (v *venue) plain(user string) *client.Client {
	v.t.Helper()
	c, err := client.New(client.Config{URL: v.url, Key: v.raw[user], Clock: v.clock.now})
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

func outcome(r *client.Result) string {
	if r.Error != nil {
		return r.Error.Reason
	}
	return r.Order.Status
}

// TestAdmin defines everything twice: the second time is a repeat, and other content is refused.
func TestAdmin(t *testing.T) {
	v := market(t, Limits{})
	const op = "operator"
	key := m{"user": "alice", "role": "trader", "public_key": base64.StdEncoding.EncodeToString(pubOf(v, "alice"))}
	instrument := m{"symbol": "BTC/USD", "base": "BTC", "quote": "USD", "tick": "0.05", "lot": "0.001",
		"min_price": "0.05", "max_price": "100000", "min_quantity": "0.001", "max_quantity": "1000", "min_notional": "1",
		"maker_fee_bps": 10, "taker_fee_bps": 20}
	for _, c := range []struct {
		user, path string
		body       m
		field      string
		other      any
		reason     wire.Reason
	}{
		{op, "/v1/admin/assets", m{"code": "BTC", "decimals": 8}, "decimals", 7, wire.DuplicateName},
		{op, "/v1/admin/instruments", instrument, "max_quantity", "999", wire.DuplicateName},
		{op, "/v1/admin/firms", m{"name": "Broker"}, "name", " x", wire.InvalidName},
		{op, "/v1/admin/users", m{"name": "alice", "firm": "Broker"}, "firm", "Nobody", wire.UnknownFirm},
		{op, "/v1/admin/keys", key, "role", "read-only", wire.DuplicateKey},
		{op, "/v1/admin/accounts", m{"name": "A", "user": "alice"}, "user", "bob", wire.DuplicateName},
		{"custodian", "/v1/admin/deposits", m{"account": "A", "asset": "USD", "amount": "100000", "reference": "in-0"}, "amount", "1", wire.DuplicateClientID},
	} {
		want(t, v.do(c.user, "POST", c.path, c.body), map[string]string{"repeat": "true"})
		v.refused(c.user, "POST", c.path, set(c.body, c.field, c.other), c.reason)
	}
	want(t, v.do("custodian", "POST", "/v1/admin/withdrawals", m{"account": "A", "asset": "USD", "amount": "0.5", "reference": "out-1"}),
		map[string]string{"available": "99999.5", "held": "0", "repeat": "false", "amount": "0.5"})
	v.refused("custodian", "POST", "/v1/admin/withdrawals", m{"account": "A", "asset": "USD", "amount": "100000", "reference": "out-2"}, wire.InsufficientFunds)
	want(t, v.do(op, "PATCH", "/v1/admin/instruments/BTC%2FUSD", m{"max_price": "200", "taker_fee_bps": 0}),
		map[string]string{"max_price": "200.00", "min_price": "0.05", "taker_fee_bps": "0", "maker_fee_bps": "10", "phase": "continuous"})
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "200.05", "1", "a-1"), wire.PriceOutOfRange)
	v.refused(op, "PATCH", "/v1/admin/instruments/BTC%2FUSD", m{"min_price": "300"}, wire.InvalidLimits)
	v.refused(op, "PATCH", "/v1/admin/instruments/ETH%2FUSD", m{"min_price": "300"}, wire.UnknownInstrument)

	want(t, v.do(op, "GET", "/v1/admin/firms", nil), map[string]string{"items.0.name": "Test Venue", "items.1.name": "Broker", "more": "false"})
	users := v.do(op, "GET", "/v1/admin/users?limit=2", nil)
	want(t, users, map[string]string{"items.1.name": "alice", "items.1.firm": "Broker", "more": "true", "next": "2"})
	want(t, v.do(op, "GET", "/v1/admin/users?limit=2&cursor=2", nil), map[string]string{"items.0.name": "bob", "items.1.name": "custodian", "more": "false"})
	want(t, v.do(op, "GET", "/v1/admin/keys", nil), map[string]string{"items.0.role": "operator", "items.1.user": "alice", "items.1.revoked": "false"})
	want(t, v.do(op, "GET", "/v1/admin/accounts", nil), map[string]string{"items.0.name": "venue", "items.1.name": "A", "items.2.user": "bob"})
	want(t, v.do("bob", "GET", "/v1/accounts", nil), map[string]string{"items.0.name": "B", "items.1": "<absent>"})
	if v.do(op, "POST", "/v1/admin/snapshot", nil); v.core.snapshots.Load() != 1 {
		t.Error("no snapshot was asked for")
	}

	// A revoked key's sessions are gone at once, and it cannot log on again.
	n := id(v.raw["bob"].ID)
	v.do("bob", "GET", "/v1/session", nil)
	want(t, v.do(op, "DELETE", "/v1/admin/keys/"+n, nil), map[string]string{"key": n, "revoked": "true"})
	v.refused("bob", "GET", "/v1/session", nil, wire.KeyRevoked)
	v.refused(op, "DELETE", "/v1/admin/keys/1", nil, wire.LastOperatorKey)
	if e := v.refused(op, "DELETE", "/v1/admin/keys/77", nil, wire.UnknownKey); e.Status != 404 {
		t.Errorf("an unknown key of somebody else is answered with %d", e.Status)
	}
	v.refused(op, "DELETE", "/v1/admin/keys/x", nil, InvalidValue)
}

func pubOf(v *venue, name string) []byte {
	p := v.raw[name].Public()
	return p[:]
}

// TestPublic reads what needs no session.
func TestPublic(t *testing.T) {
	v := market(t, Limits{})
	c := v.client(nil)
	get := func(target string) (out map[string]any) {
		t.Helper()
		if err := c.Public(context.Background(), "GET", target, &out); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		return out
	}
	want(t, get("/healthz"), map[string]string{"status": "ok"})
	want(t, get("/readyz"), map[string]string{"status": "ready"})
	want(t, get("/v1/status"), map[string]string{"venue": "Test Venue", "ready": "true", "version": "test",
		"count.instruments": "1", "cluster_id": "01020300000000000000000000000000"})
	want(t, get("/v1/assets"), map[string]string{"items.0.code": "BTC", "items.0.decimals": "8", "items.1.code": "USD"})
	want(t, get("/v1/instruments"), map[string]string{"items.0.symbol": "BTC/USD", "items.0.tick": "0.05", "items.0.lot": "0.001",
		"items.0.min_notional": "1", "items.0.max_price": "100000.00"})
	want(t, get("/v1/instruments/BTC%2FUSD/book?level=1"), map[string]string{"symbol": "BTC/USD"})
	if s := text(get("/v1/time"), "time_ns"); len(s) != 19 {
		t.Errorf("time_ns %q", s)
	}
	if n := len(get("/v1/reasons")["items"].([]any)); n != len(Reasons()) {
		t.Errorf("%d reasons, want %d", n, len(Reasons()))
	}
	var description []byte
	if err := c.Public(context.Background(), "GET", "/openapi.yaml", &description); err != nil || !bytes.Equal(description, openAPI) {
		t.Errorf("openapi.yaml is not served as it is: %v", err)
	}
	v.core.notReady.Store(true)
	var body map[string]any
	if err := c.Public(context.Background(), "GET", "/readyz", &body); err == nil || !strings.Contains(err.Error(), "not_ready") {
		t.Errorf("readyz of a node that is not ready: %v", err)
	}
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "100", "1", "a-1"), NotReady)
}

// TestEveryRouteIsAnswered fails when a route has no test that gets a 200 from it: those are what is held against
// openapi.yaml.
func TestEveryRouteIsAnswered(t *testing.T) {
	c := loadContract(t)
	for _, run := range []func(*testing.T){TestTrading, TestAuction, TestBatch, TestAdmin, TestPublic, TestSessions, TestSequencedSessions, TestStreamRoutes,
		TestCandlesAndStatistics, TestAccountsOfOthers, TestClusterRoutes} {
		run(t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range routeTable() {
		if !c.used[r.method+" "+r.path] {
			t.Errorf("%s %s was never answered with 200 or taken over", r.method, r.path)
		}
	}
}
