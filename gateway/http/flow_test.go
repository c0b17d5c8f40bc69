package http

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"uncross/gateway/client"
)

// pass lets time go by, for the venue and for its clients.
func (v *venue) pass(d time.Duration) {
	v.core.mu.Lock()
	v.core.offset += d
	v.core.mu.Unlock()
	v.clock.advance(d)
}

// references are what a hostile client may write into a transfer; a number comes behind.
var references = []string{"=1+1 ", "+1 ", "-1 ", "@SUM(A1) ", "'quoted ", `=HYPERLINK("http://x.y","z") `, "a,b ", `say "hi" `, "plain "}

// secondInstrument adds ETH/USD to the venue, and ETH to B.
func (v *venue) secondInstrument() {
	v.t.Helper()
	v.do("operator", "POST", "/v1/admin/assets", m{"code": "ETH", "decimals": 3})
	v.do("operator", "POST", "/v1/admin/instruments", m{"symbol": "ETH/USD", "base": "ETH", "quote": "USD", "tick": "0.01", "lot": "0.01",
		"min_price": "0.01", "max_price": "1000", "min_quantity": "0.01", "max_quantity": "1000", "maker_fee_bps": 1, "taker_fee_bps": 7})
	v.do("operator", "POST", "/v1/admin/instruments/ETH%2FUSD/phase", m{"phase": "continuous"})
	v.do("custodian", "POST", "/v1/admin/deposits", m{"account": "B", "asset": "ETH", "amount": "500", "reference": "eth"})
}

// live lets the venue live a while: orders of both accounts that trade with each other and with themselves, replaces,
// cancels, transfers with the references of people, an auction, and time that goes by. What is refused does not matter.
func (v *venue) live(t *testing.T, rnd *rand.Rand, steps int) {
	t.Helper()
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	price := func(symbol string) string {
		if symbol == "BTC/USD" {
			return fmt.Sprintf("%d.%02d", 99+rnd.IntN(3), 5*rnd.IntN(20))
		}
		return fmt.Sprintf("10.%02d", rnd.IntN(9))
	}
	attempt := func(user, method, target string, in any) {
		t.Helper()
		var refused *client.Error
		if err := v.keys[user].Do(context.Background(), method, target, in, nil); err != nil && !asError(err, &refused) {
			t.Fatalf("%s %s: %v", method, target, err)
		}
	}
	for i := range steps {
		n := fmt.Sprint("f", i)
		account, user := "A", "alice"
		if rnd.IntN(2) == 0 {
			account, user = "B", "bob"
		}
		symbol := pick("BTC/USD", "BTC/USD", "ETH/USD")
		switch rnd.IntN(20) {
		case 0:
			attempt("custodian", "POST", "/v1/admin/"+pick("deposits", "withdrawals"), m{"account": account, "asset": pick("USD", "BTC", "ETH"),
				"amount": fmt.Sprint(1 + rnd.IntN(5)), "reference": pick(references...) + n})
		case 1, 2:
			attempt(user, "DELETE", "/v1/orders/by-client-id/f"+fmt.Sprint(rnd.IntN(i+1))+"?account="+account, nil)
		case 3, 4:
			attempt(user, "PUT", "/v1/orders/by-client-id/f"+fmt.Sprint(rnd.IntN(i+1)), m{"account": account, "symbol": symbol, "price": price(symbol),
				"quantity": fmt.Sprint(1 + rnd.IntN(3)), "client_order_id": n})
		case 5:
			v.pass(time.Duration(rnd.Int64N(int64(40 * time.Second))))
		case 6:
			path := "/v1/admin/instruments/" + strings.ReplaceAll(symbol, "/", "%2F") + "/phase"
			attempt("operator", "POST", path, m{"phase": pick("auction", "continuous")})
			attempt(user, "POST", "/v1/orders", set(set(limit(account, pick("buy", "sell"), price(symbol), "0.5", n), "symbol", symbol), "post_only", false))
			attempt("operator", "POST", path, m{"phase": "continuous"})
		default:
			o := set(limit(account, pick("buy", "sell"), price(symbol), fmt.Sprint(1+rnd.IntN(30))+"."+fmt.Sprint(rnd.IntN(10)), n), "symbol", symbol)
			attempt(user, "POST", "/v1/orders", set(o, "time_in_force", pick("gtc", "gtc", "ioc")))
		}
	}
}

// every reads a whole list, page by page, of pages of any size.
func every(t *testing.T, c *client.Client, target string) (all []map[string]any) {
	t.Helper()
	for item, err := range client.Pages[map[string]any](context.Background(), c, target) {
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		all = append(all, item)
	}
	return all
}

// decimalOf reads a decimal number exactly.
func decimalOf(t *testing.T, v any) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(fmt.Sprint(v))
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	return r
}

// seeds are those of the random venues.
func seeds(t *testing.T) []uint64 {
	if testing.Short() {
		return []uint64{1}
	}
	return []uint64{1, 2, 3}
}
