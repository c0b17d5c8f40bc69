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
