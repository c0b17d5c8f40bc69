package http

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"uncross/gateway/history"
)

// TestWhatIsKept trims the history of a venue. Every list says from when on it is kept, a statement of before is refused and
// says from when on there is one, and that one adds up. A command of before is answered as at first when it is repeated, but
// for what only the history knew.
func TestWhatIsKept(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 5))
	v := openVenueKeeping(t, Limits{}, 0, history.Retain{Age: time.Hour, Every: 5 * time.Millisecond})
	v.setUp()
	v.secondInstrument()
	const gone = "fills_complete time notional"
	replace := m{"account": "A", "symbol": "BTC/USD", "price": "2", "quantity": "1", "client_order_id": "replaced"}
	commands := []struct {
		method, target string
		body           any
		lost           string // fields that only the history knew
	}{
		{"POST", "/v1/orders", limit("A", "buy", "1", "1", "open"), "fills_complete"},
		{"POST", "/v1/orders", set(limit("A", "buy", "1", "1", "ended"), "time_in_force", "ioc"), gone + " cancel_reason"},
		{"POST", "/v1/orders", limit("A", "buy", "1", "1", "entered"), gone},
		{"PUT", "/v1/orders/by-client-id/entered", replace, gone},
		{"DELETE", "/v1/orders/by-client-id/replaced?account=A&client_order_id=canceled", nil, "time"},
	}
	var first []m
	for _, c := range commands {
		first = append(first, v.do("alice", c.method, c.target, c.body))
	}
	v.live(t, rnd, 150)
	old := v.do("alice", "GET", "/v1/fills?account=A&limit=1", nil)
	want(t, old, map[string]string{"kept_from": "1", "kept_since": "<absent>", "more": "true"})
	before := v.core.Status().Seq
	v.pass(2 * time.Hour)
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "200", "1", "after"))
	waitFor(t, "the history is trimmed", func() bool { return v.hist.Kept().From == before+1 })
	kept := v.hist.Kept()
	fields := map[string]string{"kept_from": id(kept.From), "kept_since": stamp(kept.FromNs), "complete_from": "1"}
	for _, path := range []string{"/v1/fills?account=A", "/v1/order-history?account=A", "/v1/ledger?account=A", "/v1/balance-changes?account=A",
		"/v1/instruments/BTC%2FUSD/candles?interval=1s", "/v1/instruments/BTC%2FUSD/trades?sort=oldest"} {
		answer := v.do("alice", "GET", path, nil)
		want(t, answer, fields)
		if !strings.Contains(path, "order-history") { // the open orders stay
			want(t, answer, map[string]string{"items.0": "<absent>", "more": "false"})
		}
	}
	want(t, v.do("operator", "GET", "/v1/admin/trades", nil), fields)
	want(t, v.do("alice", "GET", "/v1/fills?account=A&cursor="+text(old, "next"), nil), map[string]string{"items.0": "<absent>", "kept_since": stamp(kept.FromNs)})
	want(t, v.do("alice", "GET", "/v1/status", nil)["history"], map[string]string{"kept_from": id(kept.From)})

	for _, query := range []string{"", "&format=csv", "&from_ns=1", "&from_ns=" + id(uint64(kept.FromNs-1))} {
		e := v.refused("alice", "GET", "/v1/statement?account=A"+query, nil, HistoryTrimmed)
		if e.Status != 410 || !strings.Contains(e.Detail, id(uint64(kept.FromNs))) {
			t.Errorf("%+v", e)
		}
	}
	for i, c := range commands {
		again := v.do("alice", c.method, c.target, c.body)
		for field := range first[i] {
			same := text(again, field) == text(first[i], field)
			if lost := slices.Contains(strings.Fields("repeat "+c.lost), field); same == lost {
				t.Errorf("%s %s: %s is %s at first, %s when repeated", c.method, c.target, field, text(first[i], field), text(again, field))
			}
		}
	}
	v.live(t, rnd, 60)
	s := v.statement(t, "alice", "A", "&from_ns="+id(uint64(kept.FromNs)), rnd)
	if s.opening["USD"] == "0" || s.opening["USD"] == "" || len(s.entries) == 0 {
		t.Errorf("opens with %v, %d entries", s.opening, len(s.entries))
	}
	for _, b := range v.do("alice", "GET", "/v1/balances?account=A", nil)["items"].([]any) {
		if s.closing[text(b, "asset")] != text(b, "total") {
			t.Errorf("closes with %v, the balance is %v", s.closing, b)
		}
	}
	if strings.Contains(v.logs.String(), "level=ERROR") {
		t.Errorf("a client caused an error in the log:\n%s", v.logs.String())
	}
}
