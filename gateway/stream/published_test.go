package stream

import (
	"fmt"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/feed/compact"
)

// everything subscribes to all channels of gold.
func everything() []m {
	all := []m{with(on("candles", "XAU-USD"), "interval", "1s")}
	for _, name := range []string{"book", "orders", "bbo", "trades", "auction", "status", "statistics"} {
		all = append(all, on(name, "XAU-USD"))
	}
	return all
}

// live has a little of everything happen.
func (v *venue) live() {
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 10_000, Qty: 2_000})
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 10_100, Qty: 2_000})
	v.order("bob", wire.NewOrder{Side: wire.Sell, Price: 10_000, Qty: 500})
	v.submit(wire.OperatorKey, &wire.SetPhase{Instrument: gold, Phase: wire.Auction})
	v.order("alice", wire.NewOrder{Side: wire.Buy, Price: 10_200, Qty: 100})
	v.submit(wire.OperatorKey, &wire.SetPhase{Instrument: gold, Phase: wire.Continuous})
}

// subscribeWhenReady subscribes as soon as the feed has its books.
func (c *client) subscribeWhenReady(all []m) {
	c.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c.ask(m{"op": "subscribe", "subscriptions": all})
		if c.message()["type"] == "subscribed" {
			return
		}
	}
	c.t.Fatal("the feed is not ready")
}

// TestPublished: the publisher's own messages of every channel come through a connection as asyncapi.yaml says, snapshots first.
func TestPublished(t *testing.T) {
	v := openWith(t, options{published: true, limits: Limits{RequestRate: 1000, RequestBump: 1000, Wrong: 1000}})
	v.live()
	for _, headers := range []string{"", offersDeflate} {
		c := v.connect(headers)
		c.subscribeWhenReady(everything())
		seen := map[string]int{}
		for len(seen) < 16 {
			a := c.message()
			channel, typ := a["channel"].(string), a["type"].(string)
			if seen[channel+" "+typ]++; typ == "update" && seen[channel+" snapshot"] == 0 {
				t.Errorf("no snapshot before %v", a)
			}
			if len(seen) >= 8 {
				v.live()
			}
		}
	}
}

// TestParts: what is too large for one message comes in parts, snapshots and updates, and each part is as asyncapi.yaml says.
func TestParts(t *testing.T) {
	v := openWith(t, options{published: true, limits: Limits{RequestRate: 1000, RequestBump: 1000, Wrong: 1000}})
	const n = 1300 // bids at as many prices; a part has 1000
	for i := range n {
		v.order("alice", wire.NewOrder{Side: wire.Buy, Price: wire.Price(1 + i), Qty: 1})
	}
	c := v.connect()
	c.subscribeWhenReady([]m{on("book", "XAU-USD"), on("orders", "XAU-USD")})
	parts := func(typ string, entries func(m) []any) {
		t.Helper()
		got := map[any][]any{}
		for len(got["book"]) < n || len(got["orders"]) < n {
			a := c.message()
			had := len(got[a["channel"]])
			if part := float64(1 + had/1000); a["type"] != typ || a["part"] != part || a["parts"] != 2. || had == 0 && a["checksum"] != nil {
				t.Fatalf("behind %d entries: %v of %v, part %v of %v", had, a["type"], a["channel"], a["part"], a["parts"])
			}
			got[a["channel"]] = append(got[a["channel"]], entries(a)...)
		}
		if len(got["book"]) != n || len(got["orders"]) != n {
			t.Errorf("%d levels and %d orders", len(got["book"]), len(got["orders"]))
		}
	}
	parts("snapshot", func(a m) []any { return a["bids"].([]any) })
	v.submit(v.keys["alice"].ID, &wire.CancelAll{Account: alice, Instrument: gold})
	parts("update", func(a m) []any {
		if a["channel"] == "orders" {
			return a["changes"].([]any)
		}
		return a["bids"].([]any)
	})
}

// TestBinary: with the other subprotocol the public channels come in the binary form, and everything else as ever.
func TestBinary(t *testing.T) {
	v := openWith(t, options{published: true, limits: Limits{RequestRate: 1000, RequestBump: 1000, Wrong: 1000}})
	v.live()
	c := v.connect("Sec-WebSocket-Protocol: " + ProtocolBinary + "\r\n")
	c.subscribeWhenReady(everything())
	seen := map[string]bool{}
	for len(seen) < 16 {
		message, err := compact.Decode(c.next())
		if err != nil || message.Instrument != gold {
			t.Fatalf("%+v, %v", message, err)
		}
		seen[fmt.Sprint(message.Channel, message.Snapshot)] = true
		if len(seen) >= 8 {
			v.live()
		}
	}
	c.ask(v.proof(v.session("alice")))
	c.ask(m{"op": "subscribe", "subscriptions": []m{private_("balances", "alice")}})
	for texts := 0; texts < 3; { // two answers and the snapshot
		if b := c.next(); b[0] == '{' {
			texts++
		}
	}
}
