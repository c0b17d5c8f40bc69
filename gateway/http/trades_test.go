package http

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
	"uncross/gateway/history"
)

// asError is errors.As for refusals.
func asError(err error, target **client.Error) bool { return errors.As(err, target) }

// TestTradesBackToTheStart reads the trades of random venues in pages of all sizes, in both directions, and in pieces of
// time, with a view that remembers few of them: they are always the same ones, each once.
func TestTradesBackToTheStart(t *testing.T) {
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		v := openVenueKeeping(t, Limits{}, 1+rnd.IntN(20), history.Retain{})
		v.setUp()
		v.secondInstrument()
		v.live(t, rnd, 500)
		public := v.client(nil)
		for _, symbol := range []string{"BTC/USD", "ETH/USD"} {
			path := "/v1/instruments/" + symbol[:3] + "%2FUSD/trades"
			var want []map[string]any
			for _, tr := range every(t, v.keys["operator"], "/v1/admin/trades?symbol="+symbol+"&limit=50") {
				want = append(want, m{"trade_id": tr["trade_id"], "command": tr["command"], "time": tr["time"], "price": tr["price"],
					"quantity": tr["quantity"], "taker_side": tr["taker_side"]})
			}
			if len(want) < 30 {
				t.Fatalf("seed %d: %d trades", seed, len(want))
			}
			newest := slices.Clone(want)
			slices.Reverse(newest)
			for _, limit := range []int{1, 2, 3, 7, 20, len(want), len(want) + 1, 1000} {
				for query, list := range map[string][]map[string]any{"": newest, "&sort=newest": newest, "&sort=oldest": want} {
					if got := every(t, public, fmt.Sprintf("%s?limit=%d%s", path, limit, query)); !reflect.DeepEqual(got, list) {
						t.Errorf("seed %d, pages of %d%s: %d trades, want %d", seed, limit, query, len(got), len(list))
					}
				}
			}
			at := rnd.IntN(len(want))
			for want[at]["time"] == want[max(at-1, 0)]["time"] && at > 0 {
				at--
			}
			middle := nanosOf(t, want[at]["time"])
			if got := every(t, public, path+"?limit=4&from_ns="+middle); !reflect.DeepEqual(got, newest[:len(want)-at]) {
				t.Errorf("seed %d: from %s on: %d trades, want %d", seed, middle, len(got), len(want)-at)
			}
			if got := every(t, public, path+"?limit=4&sort=oldest&to_ns="+middle); len(got) != at || at > 0 && !reflect.DeepEqual(got, want[:at]) {
				t.Errorf("seed %d: before %s: %d trades, want %d", seed, middle, len(got), at)
			}
		}
	}
}

// nanosOf turns a time of an answer into a parameter.
func nanosOf(t *testing.T, instant any) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(instant))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(at.UnixNano())
}

// TestTradesPagesWhileTrading pages back while more trades come: a walk sees each older trade once, and none twice.
func TestTradesPagesWhileTrading(t *testing.T) {
	v := market(t, Limits{})
	trade := func(n int) {
		v.do("bob", "POST", "/v1/orders", limit("B", "sell", "100", "0.1", fmt.Sprint("s", n)))
		v.do("alice", "POST", "/v1/orders", limit("A", "buy", "100", "0.1", fmt.Sprint("b", n)))
	}
	for n := range 20 {
		trade(n)
	}
	const path = "/v1/instruments/BTC%2FUSD/trades?limit=3"
	page := v.do("alice", "GET", path, nil)
	var ids []string
	for n := 20; ; n++ {
		for i := range page["items"].([]any) {
			ids = append(ids, text(page, "items", fmt.Sprint(i), "trade_id"))
		}
		if page["more"] == false {
			break
		}
		trade(n)
		page = v.do("alice", "GET", path+"&cursor="+text(page, "next"), nil)
	}
	var older []string
	for n := 20; n > 0; n-- {
		older = append(older, fmt.Sprint(n))
	}
	if !slices.Equal(ids, older) {
		t.Errorf("trades %v, want %v", ids, older)
	}
	// An oldest-first walk that has ended goes on with what has been added since.
	last := v.do("alice", "GET", path[:len(path)-1]+"1000&sort=oldest", nil)
	trade(1000)
	more := v.do("alice", "GET", path+"&sort=oldest&cursor="+text(last, "next"), nil)
	want(t, more, map[string]string{"items.0.trade_id": fmt.Sprint(len(last["items"].([]any)) + 1), "items.1": "<absent>", "more": "false"})
}

// TestTradesBadInput asks for what cannot be.
func TestTradesBadInput(t *testing.T) {
	v := market(t, Limits{})
	const path = "/v1/instruments/BTC%2FUSD/trades"
	want(t, v.do("alice", "GET", path, nil), map[string]string{"more": "false", "items.0": "<absent>", "next": "<absent>",
		"complete_from": "1", "kept_from": "1", "kept_since": "<absent>"})
	for query, reason := range map[string]wire.Reason{
		"?cursor=x": InvalidCursor, "?cursor=1": InvalidCursor, "?cursor=1.x": InvalidCursor, "?cursor=-1.0": InvalidCursor,
		"?cursor=1.4294967296": InvalidCursor, "?cursor=18446744073709551615.0": InvalidCursor, "?cursor=999999.0": InvalidCursor,
		"?sort=up": InvalidValue, "?limit=0": InvalidValue, "?limit=1001": InvalidValue, "?from_ns=x": InvalidValue,
		"?to_ns=18446744073709551615": InvalidValue, "?order_id=1": UnknownParameter,
	} {
		v.refused("alice", "GET", path+query, nil, reason)
	}
	v.refused("alice", "GET", "/v1/instruments/NO/trades?limit=1&cursor=1.0", nil, wire.UnknownInstrument)
}

// TestBeforeTheBeginning: before the time 0 nothing has happened.
func TestBeforeTheBeginning(t *testing.T) {
	v := market(t, Limits{})
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "100", "0.1", "s"))
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "100", "0.1", "b"))
	for _, path := range []string{"/v1/instruments/BTC%2FUSD/trades?", "/v1/fills?account=A&", "/v1/ledger?account=A&"} {
		if n := len(v.do("alice", "GET", path+"to_ns=0", nil)["items"].([]any)); n != 0 {
			t.Errorf("%sto_ns=0: %d items", path, n)
		}
		if n := len(v.do("alice", "GET", path+"limit=10", nil)["items"].([]any)); n == 0 {
			t.Errorf("%s: nothing", path)
		}
	}
	if a := v.do("alice", "GET", "/v1/statement?account=A&to_ns=0", nil); text(a, "count") != "0" || text(a, "to") == "" {
		t.Errorf("%v", a)
	}
}

// TestReadsWaitForTheLog: what a node shows while it is reading its log has been answered beyond; nothing is shown then.
func TestReadsWaitForTheLog(t *testing.T) {
	v := market(t, Limits{})
	v.do("alice", "GET", "/v1/session", nil) // logs on
	v.core.notReady.Store(true)
	v.server.caught.Store(false)
	for _, path := range []string{"/v1/instruments", "/v1/instruments/BTC%2FUSD/book", "/v1/instruments/NOPE/trades", "/v1/balances?account=A"} {
		v.refused("alice", "GET", path, nil, NotReady)
	}
	v.do("alice", "GET", "/v1/status", nil)
	v.core.notReady.Store(false)
	v.do("alice", "GET", "/v1/instruments", nil)
	v.core.notReady.Store(true) // later on reads go on while no commands are taken
	v.do("alice", "GET", "/v1/instruments", nil)
}
