package stream

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"uncross/engine/wire"
	"uncross/gateway/http"
)

// TestRequests goes through every request and its answer, and what is refused of each.
func TestRequests(t *testing.T) {
	v := open(t, Limits{})
	c := v.connect()
	c.ask(m{"op": "ping", "id": "p 1"})
	if a := c.answer("pong"); a["id"] != "p 1" {
		t.Errorf("%v", a)
	}
	for _, none := range []any{nil, ""} { // as good as absent
		c.ask(m{"op": "ping", "id": none})
		if a := c.answer("pong"); a["id"] != nil {
			t.Errorf("%v", a)
		}
	}
	c.ask(m{"op": "list"})
	if a := c.answer("subscriptions"); len(a["subscriptions"].([]any)) != 0 || a["id"] != nil {
		t.Errorf("%v", a)
	}
	a := c.subscribe(on("book", "XAU-USD"), with(on("candles", "XAU-USD"), "interval", "1m"), on("bbo", "*"))
	if got := fmt.Sprint(a["instruments"]); got != "[map[instrument:1 lot:0.001 symbol:XAU-USD tick:0.01] map[instrument:2 lot:0.001 symbol:XAG-USD tick:0.01]]" {
		t.Errorf("instruments %s", got)
	}
	if got := fmt.Sprint(a["subscriptions"]); got != "[map[channel:book symbol:XAU-USD] map[channel:candles interval:1m symbol:XAU-USD] map[channel:bbo symbol:XAU-USD] map[channel:bbo symbol:XAG-USD]]" {
		t.Errorf("subscriptions %s", got)
	}
	if v.told.readers() != 4 {
		t.Errorf("%d cursors", v.told.readers())
	}
	// Taken whole or not at all.
	c.say(`{"op":"subscribe","subscriptions":[{"channel":"trades","symbol":"XAU-USD"},{"channel":"trades","symbol":"NONE"}]}`)
	c.refused(wire.UnknownInstrument, "subscriptions[1].symbol")
	c.ask(m{"op": "unsubscribe", "subscriptions": []m{on("book", "XAU-USD"), on("trades", "XAU-USD")}})
	c.refused(http.InvalidValue, "subscriptions[1]")
	c.ask(m{"op": "list", "id": "l"})
	if a := c.answer("subscriptions"); len(a["subscriptions"].([]any)) != 4 {
		t.Errorf("after refused requests: %v", a)
	}
	c.ask(m{"op": "unsubscribe", "subscriptions": []m{on("bbo", "*"), with(on("candles", "XAU-USD"), "interval", "1m")}})
	if a := c.answer("unsubscribed"); len(a["subscriptions"].([]any)) != 3 {
		t.Errorf("%v", a)
	}
	if v.told.readers() != 1 || v.stream.Status() != (Counts{1, 1}) {
		t.Errorf("%d cursors, %+v", v.told.readers(), v.stream.Status())
	}
	for _, err := range []error{ErrNotReady, ErrNoInstrument} {
		v.told.mu.Lock()
		v.told.refuse = err
		v.told.mu.Unlock()
		c.ask(m{"op": "subscribe", "subscriptions": []m{on("bbo", "XAU-USD"), on("trades", "XAU-USD")}})
		c.refused(http.NotReady, "subscriptions[0]")
	}
	v.replaying.Store(true) // a name that is not known may become known
	c.ask(m{"op": "subscribe", "subscriptions": []m{on("bbo", "NOT-YET"), on("bbo", "*")}})
	c.refused(http.NotReady, "")
}

// TestWrongRequests: each is answered with what is wrong, and changes nothing.
func TestWrongRequests(t *testing.T) {
	v := open(t, Limits{Wrong: 1000, RequestBump: 1000})
	c := v.connect()
	sub := func(s string) string { return `{"op":"subscribe","id":"x","subscriptions":[` + s + `]}` }
	for _, step := range []struct {
		text   string
		reason wire.Reason
		field  string
	}{
		{``, http.MalformedJSON, ""},
		{`garbage`, http.MalformedJSON, ""},
		{`[]`, http.MalformedJSON, ""},
		{`null`, http.MalformedJSON, ""},
		{`{"op":"ping"`, http.MalformedJSON, ""},
		{`{"op":"ping"}{}`, http.MalformedJSON, ""},
		{`{"op":"ping","op":"ping"}`, http.DuplicateField, "op"},
		{strings.Repeat("[", 8000), http.MalformedJSON, ""},
		{strings.Repeat(`{"a":`, 2000), http.MalformedJSON, ""},
		{`{}`, http.MissingField, "op"},
		{`{"op":7}`, http.WrongType, "op"},
		{`{"op":"PING"}`, http.InvalidValue, "op"},
		{`{"op":"` + strings.Repeat("x", 9000) + `"}`, http.InvalidValue, "op"},
		{`{"op":"ping","x":1}`, http.UnknownField, "x"},
		{`{"op":"ping","id":7}`, http.WrongType, "id"},
		{`{"op":"ping","id":"` + strings.Repeat("x", 37) + `"}`, http.InvalidValue, "id"},
		{`{"op":"ping","id":"ü"}`, http.InvalidValue, "id"},
		{`{"op":"ping","id":"\u0007"}`, http.InvalidValue, "id"},
		{`{"op":"list","subscriptions":[]}`, http.UnknownField, "subscriptions"},
		{`{"op":"logout"}`, http.NotAuthenticated, ""},
		{`{"op":"subscribe"}`, http.MissingField, "subscriptions"},
		{sub(``), http.BatchTooLarge, "subscriptions"},
		{sub(`7`), http.WrongType, "subscriptions[0]"},
		{sub(`{}`), http.MissingField, "subscriptions[0].channel"},
		{sub(`{"channel":"nothing","symbol":"XAU-USD"}`), http.InvalidValue, "subscriptions[0].channel"},
		{sub(`{"channel":"invalid","symbol":"XAU-USD"}`), http.InvalidValue, "subscriptions[0].channel"},
		{sub(`{"channel":"book"}`), http.MissingField, "subscriptions[0].symbol"},
		{sub(`{"channel":"book","symbol":7}`), http.WrongType, "subscriptions[0].symbol"},
		{sub(`{"channel":"book","symbol":"xau-usd"}`), wire.UnknownInstrument, "subscriptions[0].symbol"},
		{sub(`{"channel":"book","symbol":"` + strings.Repeat("x", 5000) + `"}`), wire.UnknownInstrument, "subscriptions[0].symbol"},
		{sub(`{"channel":"book","symbol":"*"}`), http.InvalidValue, "subscriptions[0].symbol"},
		{sub(`{"channel":"trades","symbol":"*"}`), http.InvalidValue, "subscriptions[0].symbol"},
		{sub(`{"channel":"book","symbol":"XAU-USD","interval":"1m"}`), http.UnknownField, "subscriptions[0].interval"},
		{sub(`{"channel":"book","symbol":"XAU-USD","account":"alice"}`), http.UnknownField, "subscriptions[0].account"},
		{sub(`{"channel":"candles","symbol":"XAU-USD"}`), http.MissingField, "subscriptions[0].interval"},
		{sub(`{"channel":"candles","symbol":"XAU-USD","interval":"2m"}`), http.InvalidValue, "subscriptions[0].interval"},
		{sub(`{"channel":"book","symbol":"XAU-USD"},{"channel":"book","symbol":"XAU-USD"}`), http.InvalidValue, "subscriptions[1]"},
		{sub(`{"channel":"bbo","symbol":"*"},{"channel":"bbo","symbol":"XAG-USD"}`), http.InvalidValue, "subscriptions[1]"},
		{sub(`{"channel":"executions"}`), http.MissingField, "subscriptions[0].account"},
		{sub(`{"channel":"executions","account":"alice"}`), http.NotAuthenticated, "subscriptions[0]"},
		{sub(`{"channel":"executions","account":"alice","symbol":"XAU-USD"}`), http.UnknownField, "subscriptions[0].symbol"},
		{sub(`{"channel":"executions","account":"alice","after":"1"}`), http.InvalidValue, "subscriptions[0].after"},
		{sub(`{"channel":"executions","account":"alice","after":"01.0"}`), http.InvalidValue, "subscriptions[0].after"},
		{sub(`{"channel":"executions","account":"alice","after":"1.4294967296"}`), http.InvalidValue, "subscriptions[0].after"},
		{`{"op":"unsubscribe","subscriptions":[{"channel":"book","symbol":"XAU-USD"}]}`, http.InvalidValue, "subscriptions[0]"},
		{`{"op":"unsubscribe","subscriptions":[{"channel":"bbo","symbol":"*"}]}`, http.InvalidValue, "subscriptions[0]"},
		{`{"op":"unsubscribe","subscriptions":[{"channel":"executions","account":"alice","after":"1.0"}]}`, http.UnknownField, "subscriptions[0].after"},
		{`{"op":"login"}`, http.MissingField, "session"},
		{`{"op":"login","session":"","seq":"1","time":"1","mac":"x"}`, http.MissingField, "session"},
		{`{"op":"login","session":"x","seq":1,"time":"1","mac":"x"}`, http.WrongType, "seq"},
	} {
		c.say(step.text)
		a := c.refused(step.reason, step.field)
		if strings.Contains(step.text, `"id":"x"`) && a["id"] != "x" {
			t.Errorf("%.60s: the id did not come back: %v", step.text, a)
		}
	}
	if v.told.readers() != 0 || v.stream.Status().Subscriptions != 0 {
		t.Error("a wrong request has begun something")
	}
}

// TestOrder: the answer to a subscription comes before its first message, and after the answer to its end comes none, whatever
// is being published meanwhile.
func TestOrder(t *testing.T) {
	v := open(t, Limits{RequestRate: 1 << 20, RequestBump: 1 << 20})
	topic := Topic{Channel: Phases, Instrument: gold}
	stop, done := make(chan struct{}), make(chan struct{})
	v.told.keep = 50
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				v.told.tell(topic, phases("XAU-USD", i, 0))
				if i%20 == 19 {
					time.Sleep(time.Millisecond)
				}
			}
		}
	}()
	c := v.connect()
	for range 100 {
		c.ask(m{"op": "subscribe", "subscriptions": []m{on("status", "XAU-USD")}})
		if a := c.message(); a["type"] != "subscribed" {
			t.Fatalf("before the answer: %v", a)
		}
		for range 5 {
			if a := c.message(); a["channel"] != "status" {
				t.Fatalf("got %v", a)
			}
		}
		c.ask(m{"op": "unsubscribe", "subscriptions": []m{on("status", "XAU-USD")}})
		for c.message()["type"] != "unsubscribed" {
		}
	}
	close(stop)
	<-done
	c.ask(m{"op": "list"})
	if a := c.message(); a["type"] != "subscriptions" {
		t.Fatalf("after the end of the last subscription: %v", a)
	}
}

// TestBeginAnew: who subscribes to what it has gets it from the start again, and has it once.
func TestBeginAnew(t *testing.T) {
	v := open(t, Limits{})
	topic := Topic{Channel: Phases, Instrument: gold}
	v.told.tell(topic, phases("XAU-USD", 1, 0))
	c := v.connect()
	for range 3 {
		c.subscribe(on("status", "XAU-USD"))
		if a := c.message(); a["sequence"] != "2" {
			t.Fatalf("%v", a)
		}
	}
	v.told.tell(topic, phases("XAU-USD", 2, 0))
	if a := c.message(); a["sequence"] != "3" {
		t.Fatalf("%v", a)
	}
	c.ask(m{"op": "list"})
	if a := c.answer("subscriptions"); len(a["subscriptions"].([]any)) != 1 || v.told.readers() != 1 {
		t.Errorf("%v, %d cursors", a, v.told.readers())
	}
}

// TestSubscriptionLimits: so many in a request, so many on a connection; what is there already does not count twice.
func TestSubscriptionLimits(t *testing.T) {
	v := open(t, Limits{Subscriptions: 6, Private: 2, Request: 4})
	c := v.connect()
	c.say(`{"op":"subscribe","subscriptions":[` + strings.Repeat(`{"channel":"book","symbol":"XAU-USD"},`, 4) + `{"channel":"book","symbol":"XAU-USD"}]}`)
	c.refused(http.BatchTooLarge, "subscriptions")
	c.say(`{"op":"subscribe","subscriptions":[` + strings.Repeat(`{"channel":"book","symbol":"XAU-USD"},`, 380) + `1]}`)
	c.refused(http.BatchTooLarge, "subscriptions")
	c.subscribe(on("bbo", "*"), on("statistics", "*"))
	c.ask(m{"op": "subscribe", "subscriptions": []m{on("status", "*"), on("book", "XAU-USD")}})
	c.refused(http.TooManySubscribed, "subscriptions")
	c.subscribe(on("status", "*"))
	c.subscribe(on("status", "*"), on("bbo", "XAU-USD"))
	if v.told.readers() != 6 {
		t.Errorf("%d cursors", v.told.readers())
	}
	c.ask(m{"op": "unsubscribe", "subscriptions": []m{on("status", "*"), on("bbo", "*"), on("statistics", "*")}})
	c.answer("unsubscribed")
	c.login("alice")
	c.subscribe(private_("executions", "alice"), with(private_("balances", "alice"), "after", "0.0"))
	c.ask(m{"op": "subscribe", "subscriptions": []m{private_("executions", "alice-2")}})
	for {
		a := c.message()
		if a["type"] == "error" {
			if a["error"].(m)["reason"] != "too_many_subscriptions" {
				t.Errorf("%v", a)
			}
			break
		}
	}
}

// TestCompression: the frames that all share are compressed once, where it pays, for those who negotiated it.
func TestCompression(t *testing.T) {
	v := open(t, Limits{})
	topic := Topic{Channel: Phases, Instrument: gold}
	small, large := phases("XAU-USD", 1, 0), phases("XAU-USD", 2, 3000)
	plain, packed := v.connect(), v.connect(offersDeflate)
	if packed.head.Header.Get("Sec-WebSocket-Extensions") != "permessage-deflate; server_no_context_takeover; client_no_context_takeover" {
		t.Fatalf("negotiated %q", packed.head.Header.Get("Sec-WebSocket-Extensions"))
	}
	for _, c := range []*client{plain, packed} {
		c.subscribe(on("status", "XAU-USD"))
	}
	v.told.tell(topic, small)
	v.told.tell(topic, large)
	for _, c := range []*client{plain, packed} {
		a, err := c.receive()
		v.must(err)
		b, err := c.receive()
		v.must(err)
		if string(a.payload) != small || string(b.payload) != large || a.rsv1 || b.rsv1 != (c == packed) {
			t.Errorf("got %v %v, compressed %v", len(a.payload), len(b.payload), b.rsv1)
		}
	}
	if plain.wire.Load() < 3000 || packed.wire.Load() > 1500 {
		t.Errorf("%d bytes plain, %d compressed", plain.wire.Load(), packed.wire.Load())
	}
	// Answers are compressed too, and requests may be.
	for range 40 {
		packed.ask(m{"op": "subscribe", "subscriptions": []m{on("bbo", "*"), on("status", "*"), on("statistics", "*"), on("trades", "XAG-USD"), on("book", "XAG-USD")}})
		if packed.message()["type"] == "subscribed" {
			break
		}
	}
	request := Deflate([]byte(`{"op":"list","id":"z"`+strings.Repeat(" ", 2000)+`}`), false)
	body := request[2:]
	if len(body) > 125 {
		t.Fatalf("a request of %d bytes", len(body))
	}
	packed.raw(frame(text|compressedBit, true, body))
	for {
		if a := packed.message(); a["type"] == "subscriptions" {
			if a["id"] != "z" {
				t.Errorf("%v", a)
			}
			break
		}
	}
}

// TestFairness: while one subscription has far more than a connection takes, the others get their turns.
func TestFairness(t *testing.T) {
	v := open(t, Limits{Round: 8 << 10, Turn: 1 << 10})
	for i := range 4000 {
		v.told.tell(Topic{Channel: Phases, Instrument: gold}, phases("XAU-USD", i, 500))
	}
	for i := range 100 {
		v.told.tell(Topic{Channel: Phases, Instrument: silver}, phases("XAG-USD", i, 500))
	}
	c := v.connect()
	c.subscribe(on("status", "*"))
	counts := map[any]int{}
	for counts["XAG-USD"] < 100 {
		counts[c.message()["symbol"]]++
	}
	if counts["XAU-USD"] > 200 {
		t.Errorf("%d messages of one came before 100 of the other", counts["XAU-USD"])
	}
}

// TestSlowReaders: those who do not read are cut off, and nobody else notices. Who does read is told no more at a time than the
// system holds for it, so that it may read as slowly as the machine has it.
func TestSlowReaders(t *testing.T) {
	v := open(t, Limits{Write: time.Second, Round: 64 << 10})
	v.told.keep = 2000
	topic, trades := Topic{Channel: Phases, Instrument: gold}, Topic{Channel: Trades, Instrument: gold}
	good := v.connect()
	good.subscribe(on("status", "XAU-USD"))
	v.stream.limits.SendBuffer = 16 << 10
	var stuck []*client
	for range 20 {
		c := v.connect()
		c.subscribe(on("status", "XAU-USD"))
		stuck = append(stuck, c)
	}
	const n, atOnce = 12_000, 100
	for i := range n {
		v.told.tell(topic, phases("XAU-USD", i, 1000))
		if (i+1)%atOnce != 0 {
			continue
		}
		for at := i + 1 - atOnce; at <= i; at++ {
			if a := good.message(); a["previous"] != itoa(at) {
				t.Fatalf("%v, want %d", a, at)
			}
		}
	}
	eventually(t, "those who do not read are gone", func() bool { return v.stream.Status().Connections == 1 })
	for _, c := range stuck {
		c.closed() // what the system still held, perhaps, and the end
	}
	good.ask(m{"op": "ping"})
	good.answer("pong")

	// A channel that cannot be conflated: who lost something is told so.
	slow := v.connect()
	slow.subscribe(on("trades", "XAU-USD"))
	v.told.mu.Lock()
	v.told.topics[trades].first = 5 // the five before are gone
	v.told.mu.Unlock()
	v.told.tell(trades, phases("XAU-USD", 1, 0))
	slow.closedWith(closeTooSlow)
}

// TestPings: the server asks, and closes where nobody answers.
func TestPings(t *testing.T) {
	open(t, Limits{Ping: 50 * time.Millisecond}).connect().closedWith(closeNoPong)
	// A client's own.
	v := open(t, Limits{})
	c := v.connect()
	c.raw(frame(ping, true, []byte("are you there")))
	for {
		g, err := c.receive()
		v.must(err)
		if g.op == ws.OpPong {
			if string(g.payload) != "are you there" {
				t.Errorf("%q", g.payload)
			}
			break
		}
	}
}

// TestPingsInTime: who answers every ping just in time is asked for ever, and who answers one no longer is closed when the next
// is due.
func TestPingsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{limits: DefaultLimits(), clock: time.Now, log: slog.New(slog.DiscardHandler)}
		near, far := net.Pipe()
		defer near.Close()
		begin := time.Now()
		c := &client{t: t, net: near, r: bufio.NewReader(near)}
		over := make(chan struct{})
		go func() {
			defer close(over)
			s.newConn(far, &handshake{}).run()
			far.Close()
		}()
		for n := range 100 {
			g, err := c.receive()
			if err != nil || g.op != ws.OpPing || time.Since(begin) != time.Duration(n+1)*s.limits.Ping {
				t.Fatalf("after %v: %+v, %v", time.Since(begin), g, err)
			}
			time.Sleep(s.limits.Ping - 1)
			c.raw(frame(pong, true, []byte("of nothing")))
			c.raw(frame(pong, true, g.payload))
		}
		if g, err := c.receive(); err != nil || g.op != ws.OpPing {
			t.Fatalf("%+v, %v", g, err)
		}
		c.raw(frame(pong, true, []byte("of nothing")))
		c.closedWith(closeNoPong)
		if took := time.Since(begin); took != 102*s.limits.Ping {
			t.Errorf("closed after %v", took)
		}
		near.Close()
		<-over
	})
}

// TestShutdown: every stream is told, and waited for.
func TestShutdown(t *testing.T) {
	v := open(t, Limits{})
	var all []*client
	for range 10 {
		c := v.connect()
		c.subscribe(on("status", "*"))
		all = append(all, c)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.shutdown()
	}()
	for _, c := range all {
		c.closedWith(ws.StatusGoingAway)
	}
	<-done
	if v.stream.Status().Connections != 0 || v.told.readers() != 0 {
		t.Errorf("left over: %+v, %d cursors", v.stream.Status(), v.told.readers())
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if err := v.stream.Shutdown(over); err != nil {
			t.Fatalf("with nobody there: %v", err)
		}
	}
}

// TestShutdownOfSilent: a client that does not take part in the closing, nor reads, does not hold it up.
func TestShutdownOfSilent(t *testing.T) {
	v := open(t, Limits{Close: 100 * time.Millisecond, SendBuffer: 4 << 10})
	c := v.connect()
	c.subscribe(on("status", "*"))
	go func() {
		for i := range 3000 {
			v.told.tell(Topic{Channel: Phases, Instrument: gold}, phases("XAU-USD", i, 10_000))
		}
	}()
	c.receive()
	v.connect()
	v.shutdown()
	if v.stream.Status().Connections != 0 {
		t.Errorf("%+v", v.stream.Status())
	}
	if err := v.stream.enter(&conn{s: v.stream}); err == nil || err.Reason != http.ShuttingDown {
		t.Errorf("a connection is taken after the end: %v", err)
	}
}

// TestFeedFails: what is the node's fault is told as that.
func TestFeedFails(t *testing.T) {
	v := open(t, Limits{})
	c := v.connect()
	c.subscribe(on("status", "XAU-USD"))
	v.stream.mu.Lock()
	for conn := range v.stream.conns {
		conn.mu.Lock()
		conn.lost(conn.order[0], fmt.Errorf("wrapped: %w", ErrNotReady))
		conn.mu.Unlock()
	}
	v.stream.mu.Unlock()
	c.closedWith(ws.StatusGoingAway)
}

// TestPanic: a fault of the program costs the connection that meets it, and nobody else.
func TestPanic(t *testing.T) {
	v := open(t, Limits{})
	v.faulty = true
	other := v.connect()
	other.subscribe(on("status", "XAU-USD"))
	v.told.broken.Store(true)
	c := v.connect()
	c.say(`{"op":"subscribe","subscriptions":[{"channel":"book","symbol":"XAU-USD"}]}`)
	if code, _ := c.closed(); code != 0 {
		t.Errorf("closed with %d", code)
	}
	eventually(t, "it is gone", func() bool { return v.stream.Status().Connections == 1 })
	if !strings.Contains(v.logs.String(), "made the gateway panic") {
		t.Error("it was not logged")
	}
	other.ask(m{"op": "ping"})
	other.answer("pong")
}
