package http

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

const bookPath = "/v1/instruments/BTC%2FUSD/book"

// TestBookOrderByOrder looks at a book of single orders: priority, what keeps it and what loses it, and the command that
// changed the book last.
func TestBookOrderByOrder(t *testing.T) {
	v := market(t, Limits{})
	want(t, v.do("alice", "GET", bookPath+"?level=3", nil), map[string]string{"sequence": "0", "bids.0": "<absent>", "asks.0": "<absent>", "auction": "<absent>"})
	var last map[string]any
	for i, o := range []m{
		limit("B", "sell", "100.10", "1", "s1"), limit("B", "sell", "100.05", "2", "s2"), limit("B", "sell", "100.10", "3", "s3"),
		limit("A", "buy", "99", "1", "b1"), limit("A", "buy", "99", "2", "b2"), limit("A", "buy", "99.5", "4", "b3"),
	} {
		last = v.do([]string{"bob", "alice"}[i/3], "POST", "/v1/orders", o)
	}
	all := map[string]string{"asks.0.order_id": "2", "asks.0.price": "100.05", "asks.0.quantity": "2", "asks.1.order_id": "1", "asks.2.order_id": "3",
		"asks.3": "<absent>", "bids.0.order_id": "6", "bids.1.order_id": "4", "bids.2.order_id": "5", "phase": "continuous",
		"symbol": "BTC/USD", "sequence": text(last, "command"), "as_of": text(last, "command")}
	want(t, v.do("alice", "GET", bookPath+"?level=3", nil), all)
	want(t, v.do("alice", "GET", bookPath+"?level=3&depth=1", nil), map[string]string{"asks.0.order_id": "2", "asks.1": "<absent>", "bids.1": "<absent>"})
	for _, level := range []string{"1", "2"} {
		want(t, v.do("alice", "GET", bookPath+"?level="+level, nil), map[string]string{"sequence": text(last, "command"), "auction": "<absent>",
			"asks.0.price": "100.05", "asks.0.orders": "1"})
	}
	// Less of it keeps the place, another price loses it. A trade takes from the first one. What changes no book leaves the
	// sequence as it is.
	v.do("bob", "PUT", "/v1/orders/1", m{"account": "B", "symbol": "BTC/USD", "price": "100.10", "quantity": "0.5", "client_order_id": "s4"})
	v.do("alice", "PUT", "/v1/orders/4", m{"account": "A", "symbol": "BTC/USD", "price": "99", "quantity": "1.5", "client_order_id": "b4"})
	last = v.do("alice", "POST", "/v1/orders", set(limit("A", "buy", "100.05", "0.7", "b5"), "time_in_force", "ioc"))
	v.do("custodian", "POST", "/v1/admin/deposits", m{"account": "A", "asset": "USD", "amount": "1", "reference": "more"})
	want(t, v.do("alice", "GET", bookPath+"?level=3", nil), map[string]string{"asks.0.order_id": "2", "asks.0.quantity": "1.3",
		"asks.1.order_id": "1", "asks.1.quantity": "0.5", "bids.1.order_id": "5", "bids.2.order_id": "4", "bids.2.quantity": "1.5",
		"sequence": text(last, "command")})
	want(t, v.do("alice", "GET", bookPath, nil), map[string]string{"sequence": text(last, "command")})

	v.market.fallBehind(true)
	v.refused("alice", "GET", bookPath+"?level=3", nil, NotReady)
	v.market.fallBehind(false)
	for query, reason := range map[string]wire.Reason{"?level=4": InvalidValue, "?level=0": InvalidValue, "?depth=0": InvalidValue,
		"?level=3&depth=1001": InvalidValue, "?level=3&cursor=1": UnknownParameter} {
		v.refused("alice", "GET", bookPath+query, nil, reason)
	}
}

// TestWithoutMarketData asks a server that publishes none.
func TestWithoutMarketData(t *testing.T) {
	v := market(t, Limits{})
	v.server.market = nil
	if e := v.refused("alice", "GET", bookPath+"?level=3", nil, NotOffered); e.Field != "level" || e.Status != 501 {
		t.Errorf("%+v", e)
	}
	v.refused("alice", "GET", "/v1/instruments/BTC%2FUSD/statistics", nil, NotOffered)
	v.refused("alice", "GET", "/v1/statistics", nil, NotOffered)
	v.do("operator", "POST", "/v1/admin/instruments/BTC%2FUSD/phase", m{"phase": "auction"})
	want(t, v.do("alice", "GET", bookPath, nil), map[string]string{"phase": "auction", "auction": "<absent>"})
	want(t, v.do("alice", "GET", "/v1/status", nil), map[string]string{"feed": "<absent>", "stream": "<absent>", "history.kept_from": "1"})
}

// TestStatusOfFeedAndStream shows what the publisher and the stream say of themselves.
func TestStatusOfFeedAndStream(t *testing.T) {
	v := market(t, Limits{})
	v.server.streamStatus = func() StreamStatus { return StreamStatus{Connections: 4, Subscriptions: 9} }
	want(t, v.do("alice", "GET", "/v1/status", nil), map[string]string{"feed.ready": "true", "feed.topics": "2",
		"feed.readers": "3", "feed.messages": fmt.Sprint(1 << 60), "feed.slow_readers": "5", "stream.connections": "4", "stream.subscriptions": "9"})
}

// TestAuctionIndication looks at a book while an auction is on: the indication is what uncrossing then comes to.
func TestAuctionIndication(t *testing.T) {
	v := market(t, Limits{})
	const phase = "/v1/admin/instruments/BTC%2FUSD/phase"
	v.do("operator", "POST", phase, m{"phase": "auction"})
	want(t, v.do("alice", "GET", bookPath, nil), map[string]string{"phase": "auction", "auction.volume": "0", "auction.price": "<absent>", "auction.surplus_side": "none"})
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "99", "2", "b-1"))
	last := v.do("alice", "POST", "/v1/orders", limit("A", "buy", "101", "3", "a-1"))
	for _, level := range []string{"1", "2", "3"} {
		want(t, v.do("alice", "GET", bookPath+"?level="+level, nil), map[string]string{"auction.price": "101.00", "auction.volume": "2", "auction.surplus": "1",
			"auction.surplus_side": "buy", "auction.sequence": text(last, "command"), "sequence": text(last, "command")})
	}
	want(t, v.do("operator", "POST", phase, m{"phase": "continuous"}), map[string]string{"uncrossed.price": "101.00", "uncrossed.volume": "2"})
	want(t, v.do("alice", "GET", bookPath, nil), map[string]string{"phase": "continuous", "auction": "<absent>"})
}

// TestCandlesAndStatistics makes candles of every interval and the statistics of random venues anew from their trades.
func TestCandlesAndStatistics(t *testing.T) {
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		v := market(t, Limits{})
		v.secondInstrument()
		v.live(t, rnd, 250)
		v.pass(23 * time.Hour)
		v.live(t, rnd, 1) // so that time has passed for the engine
		public := v.client(nil)
		trades := map[string][]map[string]any{}
		for _, tr := range every(t, v.keys["operator"], "/v1/admin/trades") {
			trades[text(tr, "symbol")] = append(trades[text(tr, "symbol")], tr)
		}
		statistics := map[string]map[string]any{}
		for _, s := range every(t, public, "/v1/statistics?limit=1") {
			statistics[text(s, "symbol")] = s
		}
		for symbol, list := range trades {
			path := "/v1/instruments/" + strings.ReplaceAll(symbol, "/", "%2F")
			for _, iv := range candles.Intervals() {
				c := candlesOf(t, list, func(ns int64) int64 { return iv.Start(ns) })
				got := every(t, public, fmt.Sprintf("%s/candles?interval=%s&sort=oldest&limit=%d", path, iv, 1+rnd.IntN(40)))
				if !reflect.DeepEqual(got, c) {
					t.Fatalf("seed %d, %s of %s: %d candles\n%v, want %d\n%v", seed, iv, symbol, len(got), got, len(c), c)
				}
				if len(c) > 2 {
					mid := nanosOf(t, c[1]["start"])
					if got := every(t, public, fmt.Sprintf("%s/candles?interval=%s&limit=3&from_ns=%s", path, iv, mid)); len(got) != len(c)-1 || !reflect.DeepEqual(got[0], c[len(c)-1]) {
						t.Errorf("seed %d, %s of %s from the second on: %d, want %d", seed, iv, symbol, len(got), len(c)-1)
					}
				}
			}
			s := v.do("alice", "GET", path+"/statistics", nil)
			s["as_of"] = statistics[symbol]["as_of"] // a logon lies between
			if !reflect.DeepEqual(s, statistics[symbol]) {
				t.Errorf("one by one %v, in the list %v", s, statistics[symbol])
			}
			from, _ := time.Parse(time.RFC3339Nano, text(s, "from"))
			in := 0
			for ; in < len(list); in++ {
				if at, _ := time.Parse(time.RFC3339Nano, text(list[in], "time")); !at.Before(from) {
					break
				}
			}
			day := candlesOf(t, list[in:], func(int64) int64 { return 0 })
			switch {
			case len(day) == 0:
				want(t, s, map[string]string{"trades": "0", "volume": "0", "open": "<absent>", "high": "<absent>", "low": "<absent>"})
			default:
				change := new(big.Rat).Sub(decimalOf(t, day[0]["close"]), decimalOf(t, day[0]["open"]))
				if decimalOf(t, s["change"]).Cmp(change) != 0 {
					t.Errorf("seed %d: %v, want a change of %v", seed, s, change)
				}
				for of, what := range map[string]string{"open": "open", "high": "high", "low": "low", "last": "close", "volume": "volume",
					"notional": "notional", "trades": "trades"} {
					if text(s, of) != text(day[0], what) {
						t.Errorf("seed %d: %s is %v, want %v", seed, of, s[of], day[0][what])
					}
				}
			}
		}
		for query, reason := range map[string]wire.Reason{"": MissingField, "?interval=2m": InvalidValue, "?interval=1m&cursor=x": InvalidCursor,
			"?interval=1m&sort=x": InvalidValue} {
			v.refused("alice", "GET", "/v1/instruments/BTC%2FUSD/candles"+query, nil, reason)
		}
		v.refused("alice", "GET", "/v1/instruments/NO/candles?interval=1m", nil, wire.UnknownInstrument)
		v.refused("alice", "GET", "/v1/instruments/NO/statistics", nil, wire.UnknownInstrument)
	}
}

// candlesOf adds up trades of the venue's list in buckets, oldest first, with numbers as text and big rationals alone.
func candlesOf(t *testing.T, trades []map[string]any, start func(ns int64) int64) (all []map[string]any) {
	t.Helper()
	var volume, notional *big.Rat
	for i, tr := range trades {
		at, err := time.Parse(time.RFC3339Nano, text(tr, "time"))
		if err != nil {
			t.Fatal(err)
		}
		begin := stamp(start(at.UnixNano()))
		if i == 0 || all[len(all)-1]["start"] != begin {
			all = append(all, m{"start": begin, "open": tr["price"], "high": tr["price"], "low": tr["price"], "trades": 0.0})
			volume, notional = new(big.Rat), new(big.Rat)
		}
		c := all[len(all)-1]
		if p := decimalOf(t, tr["price"]); p.Cmp(decimalOf(t, c["high"])) > 0 {
			c["high"] = tr["price"]
		} else if p.Cmp(decimalOf(t, c["low"])) < 0 {
			c["low"] = tr["price"]
		}
		c["close"], c["trades"] = tr["price"], c["trades"].(float64)+1
		c["volume"] = plainText(volume.Add(volume, decimalOf(t, tr["quantity"])))
		c["notional"] = plainText(notional.Add(notional, decimalOf(t, tr["notional"])))
	}
	return all
}

// plainText writes a decimal without zeros at the end.
func plainText(r *big.Rat) string {
	s := r.FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
