package http

import (
	"fmt"
	"strings"
	"testing"

	"uncross/engine/wire"
)

// TestBadOrders sends every kind of bad order. What the gateway refuses must not have entered the venue at all: the full
// hash is as before. What the venue refuses must have changed nothing: the business hash is as before.
func TestBadOrders(t *testing.T) {
	v := market(t, Limits{})
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "100", "1", "b-1"))
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-1"))
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "gone"))
	v.do("alice", "DELETE", "/v1/orders/by-client-id/gone?account=A", nil)
	good := limit("A", "buy", "95", "1", "x")
	market := m{"account": "A", "symbol": "BTC/USD", "side": "buy", "type": "market", "quantity": "1", "client_order_id": "x"}
	long := strings.Repeat("x", 37)
	for i, c := range []struct {
		order  m
		field  string
		value  any
		reason wire.Reason
	}{
		{good, "colour", "red", UnknownField},
		{good, "Price", "95", UnknownField}, // names are matched exactly
		{good, "account", nil, MissingField},
		{good, "symbol", nil, MissingField},
		{good, "side", nil, MissingField},
		{good, "type", nil, MissingField},
		{good, "price", nil, MissingField},
		{good, "quantity", nil, MissingField},
		{good, "client_order_id", nil, MissingField},
		{good, "client_order_id", "", MissingField},
		{good, "price", 95, WrongType},
		{good, "quantity", true, WrongType},
		{good, "account", []string{"A"}, WrongType},
		{good, "post_only", "yes", WrongType},
		{good, "side", "long", wire.InvalidSide},
		{good, "type", "stop", wire.InvalidOrderType},
		{good, "time_in_force", "day", wire.InvalidTimeInForce},
		{good, "sent_at_ns", "yesterday", InvalidValue},
		{good, "sent_at_ns", "18446744073709551615", InvalidValue},
		{good, "sent_at_ns", "1", wire.TooOld},
		{good, "client_order_id", long, wire.InvalidClientID},
		{good, "client_order_id", "tab\there", wire.InvalidClientID},
		{good, "client_order_id", "emoji 🙂", wire.InvalidClientID},
		{good, "client_order_id", " x", wire.InvalidClientID},
		{good, "account", "nobody", wire.UnknownAccount},
		{good, "account", long, wire.UnknownAccount},
		{good, "account", "B", wire.NotYourAccount},
		{good, "account", "venue", wire.NotYourAccount},
		{good, "symbol", "ETH/USD", wire.UnknownInstrument},
		{good, "symbol", "btc/usd", wire.UnknownInstrument},
		{good, "price", "95.01", PriceOffTick},
		{good, "price", "95.001", PriceOffTick},
		{good, "price", "0", NotPositive},
		{good, "price", "-95", NotPositive},
		{good, "price", "+95", NotADecimal},
		{good, "price", "9.5e1", NotADecimal},
		{good, "price", "95,00", NotADecimal},
		{good, "price", "NaN", NotADecimal},
		{good, "price", " 95", NotADecimal},
		{good, "price", ".5", NotADecimal},
		{good, "price", "0x5f", NotADecimal},
		{good, "price", "1" + strings.Repeat("0", 20), NumberTooLarge},
		{good, "price", "1" + strings.Repeat("0", 300), NumberTooLarge},
		{good, "price", "100000.05", wire.PriceOutOfRange},
		{good, "quantity", "0", NotPositive},
		{good, "quantity", "0.000", NotPositive},
		{good, "quantity", "-1", NotPositive},
		{good, "quantity", "0.0015", QuantityOffLot},
		{good, "quantity", "0.000000000000000001", QuantityOffLot},
		{good, "quantity", "9223372036854775.808", NumberTooLarge}, // 2^63 lots
		{good, "quantity", "9223372036854775.807", wire.QuantityOutOfRange},
		{good, "quantity", "1000.001", wire.QuantityOutOfRange},
		{good, "quantity", "0.01", wire.NotionalTooSmall},
		{set(good, "price", "100000"), "quantity", "1000", wire.InsufficientFunds}, // a notional that is far beyond 10^18
		{good, "funds", "100", wire.InvalidFunds},
		{market, "funds", "100", wire.InvalidFunds},
		{set(market, "quantity", nil), "funds", "0", NotPositive},
		{set(market, "quantity", nil), "funds", "0.000001", TooManyDecimals},
		{set(market, "quantity", nil), "funds", "1" + strings.Repeat("0", 60), NumberTooLarge},
		{set(market, "quantity", nil), "funds", "100000.00001", wire.InsufficientFunds},
		{market, "time_in_force", "gtc", wire.InvalidTimeInForce},
		{market, "post_only", true, wire.InvalidFlags},
		{set(good, "time_in_force", "ioc"), "post_only", true, wire.InvalidFlags},
		{good, "client_order_id", "a-1", wire.DuplicateClientID},
		{set(good, "price", "100"), "post_only", true, wire.WouldTrade},
	} {
		if c.reason < wire.FirstGatewayReason && c.field != "client_order_id" {
			c.order = set(c.order, "client_order_id", fmt.Sprint("bad-", i)) // refusals of the venue are remembered by id
		}
		v.unchanged(c.reason, fmt.Sprint(c.field, "=", c.value), func() {
			e := v.refused("alice", "POST", "/v1/orders", set(c.order, c.field, c.value), c.reason)
			if c.reason >= wire.FirstGatewayReason && e.Field != c.field {
				t.Errorf("%s=%v: the field is %q", c.field, c.value, e.Field)
			}
		})
	}
	v.unchanged(wire.RoleNotAllowed, "read-only key", func() {
		v.refused("alice-reads", "POST", "/v1/orders", good, wire.RoleNotAllowed)
	})

	replace := m{"account": "A", "symbol": "BTC/USD", "price": "91", "quantity": "1", "client_order_id": "r"}
	for _, c := range []struct {
		method, target string
		in             any
		reason         wire.Reason
	}{
		{"DELETE", "/v1/orders/by-client-id/gone?account=A", nil, wire.OrderNotOpen},
		{"DELETE", "/v1/orders/3?account=A", nil, wire.OrderNotOpen},
		{"DELETE", "/v1/orders/by-client-id/never?account=A", nil, wire.UnknownOrder},
		{"DELETE", "/v1/orders/4711?account=A", nil, wire.UnknownOrder},
		{"DELETE", "/v1/orders/1?account=A", nil, wire.UnknownOrder}, // bob's
		{"DELETE", "/v1/orders/2?account=B", nil, wire.NotYourAccount},
		{"DELETE", "/v1/orders/2", nil, MissingField},
		{"DELETE", "/v1/orders/2?account=A&acount=A", nil, UnknownParameter},
		{"DELETE", "/v1/orders/2?account=A&account=A", nil, UnknownParameter},
		{"DELETE", "/v1/orders/0?account=A", nil, InvalidValue},
		{"DELETE", "/v1/orders/02?account=A", nil, InvalidValue},
		{"DELETE", "/v1/orders/-2?account=A", nil, InvalidValue},
		{"DELETE", "/v1/orders/99999999999999999999?account=A", nil, InvalidValue},
		{"DELETE", "/v1/orders/by-client-id/" + long + "?account=A", nil, wire.InvalidClientID},
		{"DELETE", "/v1/orders/2?account=A&client_order_id=" + long, nil, wire.InvalidClientID},
		{"DELETE", "/v1/orders?account=A&client_order_id=a-1", nil, UnknownParameter}, // must not cancel all
		{"PUT", "/v1/orders/2", set(replace, "price", "91.01"), PriceOffTick},
		{"PUT", "/v1/orders/2", set(replace, "quantity", "0"), NotPositive},
		{"PUT", "/v1/orders/2", set(replace, "client_order_id", nil), MissingField},
		{"PUT", "/v1/orders/2", set(set(replace, "price", "90"), "client_order_id", "r1"), wire.NothingToChange},
		{"PUT", "/v1/orders/3", set(replace, "client_order_id", "r2"), wire.OrderNotOpen},
		{"PUT", "/v1/orders/1", set(replace, "client_order_id", "r3"), wire.UnknownOrder},
		{"PUT", "/v1/orders/2?x=1", replace, UnknownParameter},
		{"GET", "/v1/orders?account=B", nil, wire.NotYourAccount},
		{"GET", "/v1/orders?account=A&limit=1001", nil, InvalidValue},
		{"GET", "/v1/orders?account=A&limit=0", nil, InvalidValue},
		{"GET", "/v1/orders?account=A&cursor=x", nil, InvalidCursor},
		{"GET", "/v1/fills?account=A&cursor=x", nil, InvalidCursor},
		{"GET", "/v1/fills?account=A&sort=up", nil, InvalidValue},
		{"GET", "/v1/fills?account=B", nil, wire.NotYourAccount},
		{"GET", "/v1/balances?account=B", nil, wire.NotYourAccount},
		{"GET", "/v1/ledger?account=B", nil, wire.NotYourAccount},
		{"GET", "/v1/instruments/ETH", nil, wire.UnknownInstrument},
		{"GET", "/v1/nothing", nil, NoSuchRoute},
		{"GET", "/v1/orders/1/2", nil, NoSuchRoute},
		{"PUT", "/v1/orders", replace, MethodNotAllowed},
	} {
		v.unchanged(c.reason, c.method+" "+c.target, func() { v.refused("alice", c.method, c.target, c.in, c.reason) })
	}
	if strings.Contains(v.logs.String(), "level=ERROR") {
		t.Errorf("a client caused an error in the log:\n%s", v.logs.String())
	}
}

// unchanged runs something that must change nothing: not even the count of commands, when the gateway refuses it.
func (v *venue) unchanged(reason wire.Reason, what string, run func()) {
	v.t.Helper()
	before := v.core.Status()
	run()
	after := v.core.Status()
	if before.BusinessHash != after.BusinessHash {
		v.t.Errorf("%s: the venue changed", what)
	}
	if reason >= wire.FirstGatewayReason && before != after {
		v.t.Errorf("%s: a command entered the venue", what)
	}
}

// TestBadBodies sends bodies that are no JSON object of the right shape, and requests that are no good HTTP.
func TestBadBodies(t *testing.T) {
	v := market(t, Limits{})
	const path = "/v1/orders"
	v.do("alice", "GET", "/v1/session", nil) // logs on
	for _, c := range []struct {
		headers, body string
		reason        wire.Reason
	}{
		{"", ``, MalformedJSON},
		{"", `   `, MalformedJSON},
		{"", `{`, MalformedJSON},
		{"", `{"account":"A"`, MalformedJSON},
		{"", `{"account":"A",}`, MalformedJSON},
		{"", `{"account":"A"} x`, MalformedJSON},
		{"", `{"account":"A"}{"account":"A"}`, MalformedJSON},
		{"", `[]`, MalformedJSON},
		{"", `null`, MalformedJSON},
		{"", `"A"`, MalformedJSON},
		{"", `{'account':'A'}`, MalformedJSON},
		{"", `{"account":"A" /* c */}`, MalformedJSON},
		{"", "{\"account\":\"A\n\"}", MalformedJSON},
		{"", "{\"account\":\"\xff\"}", MalformedJSON},
		{"", `{"account":"\ud800"}`, MalformedJSON},
		{"", `{"account":"\x41"}`, MalformedJSON},
		{"", `{"price":01}`, MalformedJSON},
		{"", `{"price":1.}`, MalformedJSON},
		{"", `{"price":NaN}`, MalformedJSON},
		{"", "\xef\xbb\xbf{}", MalformedJSON},
		{"", `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, MalformedJSON},
		{"", `{"account":"A","account":"B"}`, DuplicateField},
		{"", `{"account":"A","\u0061ccount":"B"}`, DuplicateField},
		{"", `{}`, MissingField},
		{"Content-Type: text/plain\r\n", `{}`, UnsupportedMedia},
		{"Content-Encoding: gzip\r\n", `{}`, UnsupportedMedia},
		{"", `{"account":"` + strings.Repeat("A", 64<<10) + `"}`, BodyTooLarge},
	} {
		v.unchanged(c.reason, c.body, func() {
			_, h := v.signedHeaders("alice", "POST", path, []byte(c.body))
			if !strings.Contains(c.headers, "Content-Type") {
				h += "Content-Type: application/json\r\n"
			}
			v.answered(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%sContent-Length: %d\r\n\r\n%s",
				path, h, c.headers, len(c.body), c.body), c.reason)
		})
	}
	close := " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	for _, c := range []struct {
		request string
		reason  wire.Reason
	}{
		{"GET /v1/instruments/%zz" + close + "\r\n", MalformedRequest},
		{"GET /v1/instruments/%2" + close + "\r\n", MalformedRequest},
		{"GET /v1/instruments?x=%zz" + close + "\r\n", MalformedRequest},
		{"GET //v1/time" + close + "\r\n", NoSuchRoute},
		{"GET /v1/time/" + close + "\r\n", NoSuchRoute},
		{"GET /v1/../v1/time" + close + "\r\n", NoSuchRoute},
		{"GET http://elsewhere/v1/time" + close + "\r\n", MalformedRequest},
		{"GET /v1/time?x=1" + close + "\r\n", UnknownParameter},
		{"GET /v1/time" + close + "Content-Length: 2\r\n\r\n{}", MalformedRequest},
		{"POST /v1/time" + close + "Content-Length: 0\r\n\r\n", MethodNotAllowed},
		{"GET /v1/time?" + strings.Repeat("x", 3000) + close + "\r\n", URLTooLong},
		{"GET /v1/time" + close + "X: " + strings.Repeat("x", 9000) + "\r\n\r\n", HeaderTooLarge},
		{"NONSENSE\r\n\r\n", MalformedRequest},
	} {
		v.unchanged(c.reason, c.request, func() { v.answered(c.request, c.reason) })
	}
}

// answered sends a request as it is, and fails the test unless it is refused for the reason with its status.
func (v *venue) answered(request string, reason wire.Reason) {
	v.t.Helper()
	a := v.rawExchange(request)
	i := info(reason)
	if !strings.HasPrefix(a, fmt.Sprintf("HTTP/1.1 %d ", i.status)) || !strings.Contains(a, `"reason":"`+i.name+`"`) {
		if len(request) > 300 {
			request = request[:300]
		}
		v.t.Errorf("%q: want %d %s, got %q", request, i.status, i.name, a)
		return
	}
	body := a[strings.Index(a, "\r\n\r\n")+4:]
	v.check.valid(v.t, "ErrorBody", []byte(body))
}

// TestLargeNotional enters an order whose price times quantity, in smallest units, does not fit 64 bits.
func TestLargeNotional(t *testing.T) {
	v := market(t, Limits{})
	const op = "operator"
	v.do(op, "POST", "/v1/admin/assets", m{"code": "WEI", "decimals": 18})
	v.do(op, "POST", "/v1/admin/instruments", m{"symbol": "BTC/WEI", "base": "BTC", "quote": "WEI", "tick": "1", "lot": "1",
		"min_price": "1", "max_price": "1000000000000000000", "min_quantity": "1", "max_quantity": "1000000000000000000"})
	v.do(op, "POST", "/v1/admin/instruments/BTC%2FWEI/phase", m{"phase": "continuous"})
	v.do("custodian", "POST", "/v1/admin/deposits", m{"account": "A", "asset": "WEI", "amount": "1000000", "reference": "wei"})
	o := set(limit("A", "buy", "1000", "900", "w-1"), "symbol", "BTC/WEI") // 9·10^23 smallest units
	want(t, v.do("alice", "POST", "/v1/orders", o), map[string]string{"status": "new"})
	want(t, v.do("alice", "GET", "/v1/orders/by-client-id/w-1?account=A", nil), map[string]string{"held": "900000"})
	for i, c := range []struct {
		price, quantity string
		reason          wire.Reason
	}{
		{"1000000000000000000", "1000000000000000000", wire.NotionalTooLarge}, // 10^54 smallest units
		{"9223372036854775807", "9223372036854775807", wire.PriceOutOfRange},
		{"1000000000000000000", "1", wire.NotionalTooLarge},
		{"1000000000", "1", wire.InsufficientFunds},
	} {
		o := set(limit("A", "buy", c.price, c.quantity, fmt.Sprint("w-bad-", i)), "symbol", "BTC/WEI")
		v.unchanged(c.reason, c.price+"×"+c.quantity, func() { v.refused("alice", "POST", "/v1/orders", o, c.reason) })
	}
	v.unchanged(wire.IssueTooLarge, "deposit", func() {
		v.refused("custodian", "POST", "/v1/admin/deposits", m{"account": "A", "asset": "WEI", "amount": "9999999999999999999", "reference": "wei-2"}, wire.IssueTooLarge)
	})
	v.unchanged(NumberTooLarge, "deposit", func() {
		v.refused("custodian", "POST", "/v1/admin/deposits", m{"account": "A", "asset": "WEI", "amount": "999999999999999999999999", "reference": "wei-2"}, NumberTooLarge)
	})
}

// TestEverySymbol: what stands for every instrument at the stream does not become one; where a log of an earlier version has it as
// one, that is an instrument as any other.
func TestEverySymbol(t *testing.T) {
	v := market(t, Limits{})
	asked := m{"symbol": "*", "base": "BTC", "quote": "USD", "tick": "0.05", "lot": "0.001",
		"min_price": "0.05", "max_price": "100", "min_quantity": "0.001", "max_quantity": "10"}
	if e := v.refused("operator", "POST", "/v1/admin/instruments", asked, wire.InvalidName); e.Field != "symbol" || e.Detail == "" {
		t.Errorf("%+v", e)
	}
	if n := len(v.do("alice", "GET", "/v1/instruments", nil)["items"].([]any)); n != 1 {
		t.Errorf("%d instruments", n)
	}
	old := v.do("operator", "POST", "/v1/admin/instruments", set(asked, "symbol", "**"))
	def, _ := v.view.InstrumentBySymbol("**")
	var c wire.Command
	(&wire.AddInstrument{Symbol: wire.MustText("*"), Base: def.Base, Quote: def.Quote, PriceDecimals: def.PriceDecimals, TickSize: def.TickSize,
		LotSize: def.LotSize, Limits: def.Limits}).Put(&c)
	c.Key = wire.OperatorKey
	if err := v.core.Submit(&c); err != nil {
		t.Fatal(err)
	}
	again := v.do("operator", "POST", "/v1/admin/instruments", asked)
	if again["repeat"] != true || again["tick"] != old["tick"] {
		t.Errorf("%v", again)
	}
	v.do("operator", "POST", "/v1/admin/instruments/%2A/phase", m{"phase": "continuous"})
	v.do("bob", "POST", "/v1/orders", set(limit("B", "sell", "50", "0.1", "old-1"), "symbol", "*"))
	if a := v.do("alice", "GET", "/v1/instruments/*/book", nil); text(a, "symbol") != "*" || text(a, "asks", "0", "price") != "50.00" {
		t.Errorf("%v", a)
	}
}
