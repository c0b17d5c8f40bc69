package fix_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
)

// open returns how many open orders there are.
func (v *venue) open() int { return v.view.Status().OpenOrders }

// TestCancelOnDisconnect ends sessions in every way: their open orders are canceled where that was asked for.
func TestCancelOnDisconnect(t *testing.T) {
	limits := map[string]fix.Limits{"half": {FrameTimeout: 200 * time.Millisecond}, "shutdown": {LogoutTimeout: 200 * time.Millisecond}}
	for name, end := range map[string]func(v *venue, c *rawClient){
		"logout": func(v *venue, c *rawClient) {
			c.send("5", "")
			c.want("8", "150=4|11=o1") // the report comes before the Logout
			c.want("8", "150=4|11=o2")
			c.want("5", "")
			c.ends()
		},
		"closed":   func(v *venue, c *rawClient) { c.nc.Close() },
		"half":     func(v *venue, c *rawClient) { c.write([]byte("8=FIX.4.4\x019=100\x0135=0")); c.ends() },
		"too low":  func(v *venue, c *rawClient) { c.send("0", "34=1") },
		"shutdown": func(v *venue, c *rawClient) { v.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t, "", options{limits: limits[name]})
			other := v.online(t, "TRADE2")
			other.send("D", order("stays", "1", "10.00", "1"))
			other.want("8", "150=0")
			c := v.dial(t, "TRADE1")
			c.logon("141=Y|8013=Y")
			c.send("D", order("o1", "1", "10.00", "1"))
			c.want("8", "150=0")
			c.send("D", order("o2", "1", "10.00", "1"))
			c.want("8", "150=0")
			end(v, c)
			waitFor(t, "the orders are canceled", func() bool { return v.open() == 1 })
		})
	}
}

// TestCancelOnDisconnectAfterAKill finds a session logged on in the log, with nobody there.
func TestCancelOnDisconnectAfterAKill(t *testing.T) {
	v := openVenue(t, "", options{})
	def, _ := v.view.SessionByCompID("TRADE1")
	// What a node leaves behind that is killed: a logon and an order without an end.
	var c wire.Command
	(&wire.SessionMessage{Session: def.ID, Kind: wire.SessionLogon, Arg: uint16(wire.CancelOnDisconnect)}).Put(&c)
	c.Key, c.Origin = def.Key, wire.SessionOrigin(def.ID, 0, 1, false)
	if err := v.node.Submit(&c); err != nil {
		t.Fatal(err)
	}
	(&wire.NewOrder{Account: 2, Instrument: 1, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 100, Qty: 1, ClientID: wire.MustText("left")}).Put(&c)
	c.Key, c.Origin = def.Key, wire.SessionOrigin(def.ID, 0, 2, false)
	if err := v.node.Submit(&c); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the order is there", func() bool { return v.open() == 1 })
	v.restart()
	waitFor(t, "the order is canceled", func() bool { return v.open() == 0 })
	x, _ := v.outbox.Session(def.ID)
	waitFor(t, "the session is logged on no more", func() bool { on, _ := x.LoggedOn(); return !on })
	a := v.dial(t, "TRADE1")
	a.next = 3
	a.logon("")
	a.send("2", "7=2|16=0")
	a.want("8", "34=2|150=0|11=left|43=Y")
	a.want("8", "34=3|150=4|11=left|43=Y")
	a.want("4", "34=4|36=5")
}

// TestSecondLogon lets a second connection log on: it is closed, and where the first one does not answer a test request
// it is closed too.
func TestSecondLogon(t *testing.T) {
	for wait := 300 * time.Millisecond; !secondLogon(t, wait); wait *= 4 {
		if wait > 10*time.Second {
			t.Fatalf("a client that answers is closed, although it has %v", wait)
		}
		t.Logf("%v is too short for this machine", wait)
	}
}

// secondLogon reports false where the first connection has ended before it could show that it is alive: within wait.
func secondLogon(t *testing.T, wait time.Duration) bool {
	v := openVenue(t, "", options{limits: fix.Limits{NudgeWait: wait}})
	a := v.online(t, "TRADE1")
	said := func(fields string) bool {
		t.Helper()
		m := a.read()
		if m != "" && !has(m, fields) {
			t.Fatalf("want %s, got %s", fields, m)
		}
		return m != ""
	}
	second := v.dial(t, "TRADE1")
	second.next = 2
	second.send("A", "98=0|108=30|554="+password)
	second.ends()
	if !said("35=1|34=2|112=UNCROSS-1") {
		return false
	}
	_, _ = a.nc.Write(append(a.frame("0", "112=UNCROSS-1"), a.frame("1", "34=3|112=still here")...)) // alive
	if !said("35=0|34=3|112=still here") {
		return false
	}
	time.Sleep(wait + wait/4)
	third := v.dial(t, "TRADE1")
	third.next = 4
	third.send("A", "98=0|108=30|554=wrong") // not even nudged
	third.ends()
	a.next = 4
	_, _ = a.nc.Write(a.frame("1", "112=and here"))
	if !said("35=0|34=4|112=and here") {
		return false
	}
	fourth := v.dial(t, "TRADE1")
	fourth.send("A", "34=5|98=0|108=30|554="+password)
	fourth.ends()
	if !said("35=1|34=5") {
		return false
	}
	a.ends() // nothing was sent in time
	again := v.dial(t, "TRADE1")
	again.next = 5
	again.logon("")
	again.logout()
	return true
}

// TestLogonsRefused covers who is let in, and with what words the others are not.
func TestLogonsRefused(t *testing.T) {
	v := openVenue(t, "", options{})
	const unknown = "58=logon refused: the CompIDs or the credentials are wrong"
	for _, c := range []struct{ compID, target, fields, number, text string }{
		{"NOBODY", ourID, "98=0|108=30|554=x", "34=1", unknown},
		{"TRADE1", "OTHER", "98=0|108=30|554=" + password, "34=1", unknown},
		{"TRADE1", ourID, "98=0|108=30|554=x", "34=1", unknown},
		{"TRADE1", ourID, "98=0|108=30", "34=2", unknown},
		{"TRADE1", ourID, "98=0|108=30|553=bob|554=" + password, "34=3", unknown},
		{"TRADE1", ourID, "98=0|108=30|554=" + password + "|52=20010101-00:00:00", "34=4", "58=SendingTime accuracy problem"},
		{"TRADE1", ourID, "98=0|554=" + password, "34=5", "58=Required tag missing (tag 108)"},
		{"TRADE1", ourID, "98=0|108=0|554=" + password, "34=6", "58=HeartBtInt (108) must be 1 to 120 seconds"},
		{"TRADE1", ourID, "98=0|108=30|141=Y|34=7|554=" + password, "34=7", "58=MsgSeqNum must be 1 with ResetSeqNumFlag (141)"},
		{"MD1", ourID, "98=0|108=30|34=7|554=" + password, "34=1", "58=a market data session begins at MsgSeqNum 1"},
	} {
		r := v.dial(t, c.compID)
		r.target = c.target
		r.send("A", c.fields)
		r.want("5", c.number+"|"+c.text)
		r.ends()
	}
	for name, raw := range map[string]string{
		"not a logon": "heartbeat", "not FIX": "GET / HTTP/1.1\r\n\r\n8=FIX.4.4\x0110=000\x01", "version": "version",
	} {
		r := v.dial(t, "TRADE1")
		switch raw {
		case "heartbeat":
			r.send("0", "")
		case "version":
			r.send("A", "8=FIX.4.2|98=0|108=30|554="+password)
		default:
			r.write([]byte(raw))
		}
		if m := r.read(); m != "" {
			t.Errorf("%s: %s", name, m)
		}
	}
	ok := v.dial(t, "TRADE1")
	ok.logon("553=alice|141=Y")
	v.do(operator, &wire.SetSession{Session: 1, Fields: wire.SetSessionEnabled})
	ok.want("5", "34=2|58=the session has been disabled")
	ok.send("5", "") // it has seen everything: it may be told more
	ok.ends()
	off := v.dial(t, "TRADE1")
	off.next = 3
	off.send("A", "98=0|108=30|554="+password)
	off.want("5", "34=3|58=the session is disabled")
	off.ends()
	v.do(operator, &wire.SetSession{Session: 1, Fields: wire.SetSessionEnabled, Enabled: 1})
	for range 12 { // guesses are slowed down
		r := v.dial(t, "TRADE2")
		r.send("A", "98=0|108=30|554=guess")
		r.read()
	}
	locked := v.dial(t, "TRADE2")
	locked.send("A", "98=0|108=30|554="+password)
	locked.ends()
}

// TestSignedLogon signs with the session's key, raw and in base64; a signature is good once.
func TestSignedLogon(t *testing.T) {
	v := openVenue(t, "", options{})
	sign := func(c *rawClient, fields string, key string, encode bool) string {
		at := string(message.AppendTime(nil, v.now().UnixNano()))
		text := strings.Join([]string{at, "A", fmt.Sprint(c.next), c.compID, ourID}, "\x01")
		sig := string(ed25519.Sign(v.keys[key].Private, []byte(text)))
		if encode {
			sig = base64.StdEncoding.EncodeToString([]byte(sig))
		}
		return fmt.Sprintf("52=%s|98=0|108=30|%s95=%d|96=%s", at, fields, len(sig), sig)
	}
	a := v.dial(t, "SIGNED1")
	fields := sign(a, "", "alice", true)
	a.send("A", fields)
	a.want("A", "34=1")
	a.logout()
	again := v.dial(t, "SIGNED1")
	again.send("A", fields)
	again.want("5", "34=3")
	forged := v.dial(t, "SIGNED1")
	forged.next = 3
	forged.send("A", sign(forged, "", "bob", true))
	forged.want("5", "34=4")
	plain := v.dial(t, "SIGNED1")
	plain.next = 3
	plain.send("A", "98=0|108=30|554="+password)
	plain.want("5", "34=5")
	both := v.dial(t, "TRADE1")
	both.send("A", sign(both, "554="+password+"|", "alice", true))
	both.want("A", "34=1")
	both.logout()
	wrong := v.dial(t, "TRADE1")
	wrong.next = 3
	wrong.send("A", sign(wrong, "554=wrong|", "alice", true))
	wrong.want("5", "34=3")
}

// TestHeartbeats waits for ours, and shows none of its own.
func TestHeartbeats(t *testing.T) {
	v := openVenue(t, "", options{})
	for _, compID := range []string{"TRADE1", "MD1"} {
		c := v.dial(t, compID)
		c.send("A", "98=0|108=1|141=Y|554="+password)
		c.want("A", "34=1|108=1")
		seen := map[string]int{}
		for {
			m := c.read()
			kind := tag(m, "35")
			seen[kind]++
			if kind == "5" {
				if !strings.Contains(m, "58=no message for ") {
					t.Errorf("%s", m)
				}
				break
			}
		}
		c.ends()
		if seen["0"] == 0 || seen["1"] != 1 {
			t.Errorf("%s: messages by type %v, want some heartbeats and one test request", compID, seen)
		}
	}
}

// TestSlowReader lets a client ask for everything again and read nothing: it is cut off, and its memory with it.
func TestSlowReader(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{WriteTimeout: 300 * time.Millisecond}})
	c := v.online(t, "TRADE1")
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(64 << 10)
	}
	go func() {
		for i := range 200_000 {
			if _, err := c.nc.Write(c.frame("D", fmt.Sprintf("34=%d|", i+2)+order(fmt.Sprint("s", i), "1", "10.00", "1"))); err != nil {
				return
			}
		}
	}()
	waitFor(t, "the slow reader is cut off", func() bool { return len(v.server.Status().Sessions) == 0 && v.server.Status().Connections == 0 })
	next := v.dial(t, "TRADE1")
	next.logon("141=Y")
	next.logout()
}

// TestThrottle sends more than the limit: orders are refused first, cancels later, and far too much ends it.
func TestThrottle(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{MessagesPerSecond: 1, Burst: 10}})
	c := v.online(t, "TRADE1")
	v.still.Store(v.now().UnixNano()) // ten orders may take a second
	for i := range 10 {
		c.send("D", order(fmt.Sprint("t", i), "1", "10.00", "1"))
		c.want("8", "150=0")
	}
	c.send("D", order("over", "1", "10.00", "1"))
	c.want("8", "150=8|11=over|58=more requests than the limit; slow down")
	c.send("F", "11=c1|41=t1|55=BTC/USD|54=1|60=20240101-00:00:00|")
	c.want("8", "150=4|41=t1")
	c.send("x", "320=q|559=4|")
	c.want("j", "380=0|372=x|379=q")
	for {
		c.send("D", order("over", "1", "10.00", "1"))
		m := c.read()
		if tag(m, "35") == "5" {
			if tag(m, "58") != "far more messages than the limit" {
				t.Error(m)
			}
			break
		}
		if tag(m, "150") != "8" {
			t.Fatal(m)
		}
	}
	c.ends()
}

// TestBusyCore lets the core be full: an order is refused as busy, a cancel is tried until it is taken.
func TestBusyCore(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	c.send("D", order("o1", "1", "10.00", "1"))
	c.want("8", "150=0")
	v.core.busy.Store(3)
	c.send("D", order("o2", "1", "10.00", "1"))
	c.want("8", "150=8|11=o2|58=the venue is busy; this was not applied")
	v.core.busy.Store(5)
	c.send("F", "11=c1|41=o1|55=BTC/USD|54=1|60=20240101-00:00:00|")
	c.want("8", "150=4|41=o1")
	c.send("D", order("o2", "1", "10.00", "1"))
	c.want("8", "150=0|11=o2")
	v.core.frozen.Store(true) // not ready: no logon
	n := v.dial(t, "TRADE2")
	n.send("A", "98=0|108=30|554="+password)
	n.ends()
	v.core.frozen.Store(false)
	c.logout()
}

// TestKinds covers what each kind of session may do, and that market data sessions have numbers of their own.
func TestKinds(t *testing.T) {
	v := openVenue(t, "", options{})
	d := v.online(t, "DROP1")
	d.send("D", order("o1", "1", "10.00", "1"))
	d.want("j", "34=2|45=2|372=D|379=o1|380=6")
	d.send("V", "262=r|263=0|264=1|267=2|269=0|269=1|146=1|55=BTC/USD|")
	d.want("j", "34=3|372=V|379=r|380=6")
	d.send("8", "37=1|17=1|150=0|39=0|55=BTC/USD|54=1|151=1|14=0|6=0|")
	d.want("j", "34=4|372=8|380=3")
	d.send("j", "372=8|380=0|")
	d.send("7", "") // no type of message
	a := v.online(t, "TRADE1")
	a.send("D", order("o1", "1", "10.00", "1"))
	a.want("8", "150=0")
	d.want("j", "34=5|372=7|380=3")
	d.want("8", "34=6|150=0|11=o1")
	d.logout()

	for _, compID := range []string{"MD1", "TRADE2"} {
		md := v.online(t, compID)
		md.send("V", "262=r|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=BTC/USD|")
		md.want("W", "34=2|262=r|55=BTC/USD|269=0")
		a.send("D", order("x"+compID, "1", map[string]string{"MD1": "11.00", "TRADE2": "12.00"}[compID], "1"))
		a.want("8", "150=0")
		md.want("X", "34=3|262=r|269=0")
		md.send("2", "7=1|16=0")
		md.want("4", "34=1|43=Y|123=Y|36=4")
		md.send("x", "320=q|559=4|")
		md.want("y", "34=4|320=q|55=BTC/USD")
		md.logout()
	}
}

// TestReverseRoute leads a reject back to where the message came from.
func TestReverseRoute(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	c.send("0", "115=JCD|116=CS|144=CHI|999=HI|")
	c.want("3", "128=JCD|129=CS|145=CHI|371=999|373=0|45=2")
	c.send("0", "128=JCD|129=|999=HI|")
	c.want("3", "115=JCD|!116|371=129|373=4|45=3")
}

// TestShutdown tells everybody, and waits for the answers.
func TestShutdown(t *testing.T) {
	v := openVenue(t, "", options{})
	a, b := v.online(t, "TRADE1"), v.online(t, "MD1")
	idle := v.dial(t, "TRADE2")
	var told sync.WaitGroup
	for _, c := range []*rawClient{a, b} {
		told.Go(func() {
			c.want("5", "58=the venue is closing")
			c.send("5", "")
			c.ends()
		})
	}
	v.stop()
	told.Wait()
	if m := idle.read(); m != "" {
		t.Error(m)
	}
	v.start()
}

// TestThousandSessions has a thousand connections logged on at once, with two goroutines and little memory each, and all
// of them are served.
func TestThousandSessions(t *testing.T) {
	const n = 1000
	v := openVenue(t, "", options{limits: fix.Limits{PreLogon: n, PreLogonPerIP: n, ConnsPerIP: n}})
	for i := range n {
		v.addSession(fmt.Sprint("S", i), 2, wire.TradingSession, 2)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	conns := make([]net.Conn, n)
	frames := func(i int) *rawClient {
		return &rawClient{t: t, v: v, compID: fmt.Sprint("S", i), target: ourID, next: 1}
	}
	read := func(i int, kind string) {
		t.Helper()
		b := make([]byte, 512)
		k, err := conns[i].Read(b)
		if m := strings.ReplaceAll(string(b[:k]), "\x01", "|"); err != nil || !strings.Contains(m, "|35="+kind+"|") {
			t.Fatalf("session %d: %v %s, want 35=%s", i, err, m, kind)
		}
	}
	for i := range n {
		nc, err := net.Dial("tcp", v.addr)
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = nc
		t.Cleanup(func() { nc.Close() })
		_ = nc.SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := nc.Write(frames(i).frame("A", "98=0|108=120|554="+password)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		read(i, "A")
	}
	if got := len(v.server.Status().Sessions); got != n {
		t.Errorf("%d sessions are logged on, want %d", got, n)
	}
	if g := runtime.NumGoroutine() - goroutines; g > 2*n+50 {
		t.Errorf("%d goroutines for %d connections", g, n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := int64(after.HeapAlloc-before.HeapAlloc) / n; per > 64<<10 {
		t.Errorf("%d bytes of heap a connection", per)
	} else {
		t.Logf("%d bytes of heap a connection", per)
	}
	for i := range n {
		c := frames(i)
		c.next = 2
		if _, err := conns[i].Write(c.frame("D", order(fmt.Sprint("k", i), "1", "10.00", "1"))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		read(i, "8")
	}
}

// TestDoors counts connections: too many in all, and too many before logon, are closed. One that does not log on in time makes
// room.
func TestDoors(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{Conns: 3, PreLogon: 2}})
	left := func(n int) {
		t.Helper()
		waitFor(t, "connections are left", func() bool { return v.server.Status().Connections == n })
	}
	a := v.online(t, "TRADE1")
	v.loggedOn(1)
	one, two := v.dial(t, "TRADE2"), v.dial(t, "TRADE2")
	left(3)
	v.dial(t, "TRADE2").ends()
	one.nc.Close()
	two.nc.Close()
	left(1)
	b := v.online(t, "TRADE2")
	c := v.online(t, "DROP1")
	v.dial(t, "MD1").ends()
	for _, c := range []*rawClient{a, b, c} {
		c.logout()
	}

	v.o.limits.LogonTimeout = 100 * time.Millisecond
	v.restart()
	one, two = v.dial(t, "TRADE2"), v.dial(t, "TRADE2")
	one.ends()
	two.ends()
	left(0)
	a = v.dial(t, "MD1")
	a.again(t, "34=1")
	a.logout()
}

// TestLogoutWithoutAnswer has a client that does not answer a Logout: it is waited for, for a limited time. Its numbers are in no
// log, so that the time is the client's alone.
func TestLogoutWithoutAnswer(t *testing.T) {
	t.Parallel()
	const wait = time.Second
	v := openVenue(t, "", options{limits: fix.Limits{LogoutTimeout: wait}})
	c := v.online(t, "MD1")
	begun := time.Now()
	v.do(operator, &wire.SetSession{Session: 4, Fields: wire.SetSessionEnabled})
	c.want("5", "58=the session has been disabled")
	c.ends()
	if took := time.Since(begun); took < wait {
		t.Errorf("closed after %v, the client has %v", took, wait)
	}
}

// TestAheadIsBounded sends far more messages ahead of a gap than are kept, and then fills it: what was dropped is asked
// for again, and everything happens once and in order.
func TestAheadIsBounded(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{AheadMessages: 10}})
	c := v.online(t, "TRADE1")
	at := func(n int) string { return fmt.Sprintf("34=%d|", n) + order(fmt.Sprint("n", n), "1", "10.00", "1") }
	for n := 3; n < 103; n++ {
		c.send("D", at(n))
	}
	c.want("2", "34=2|7=2|16=0")
	c.send("D", at(2))
	out := 3
	for n := 2; n < 13; n++ {
		c.want("8", fmt.Sprintf("34=%d|11=n%d", out, n))
		out++
	}
	c.send("0", "34=103")
	c.want("2", fmt.Sprintf("34=%d|7=13|16=0", out))
	out++
	now := string(message.AppendTime(nil, time.Now().UnixNano()))
	for n := 13; n < 103; n++ {
		c.send("D", "43=Y|122="+now+"|"+at(n))
		c.want("8", fmt.Sprintf("34=%d|11=n%d", out, n))
		out++
	}
	c.next = 104
	c.send("1", "112=end")
	c.want("0", fmt.Sprintf("34=%d|112=end", out))
}

// TestKeyRevoked ends a session whose key is revoked, with a Logout that has a number.
func TestKeyRevoked(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	v.do(operator, &wire.RevokeKey{Key: 2})
	c.want("5", "34=2|58=the key of the session has been revoked")
	c.send("5", "")
	c.ends()
	again := v.dial(t, "TRADE1")
	again.next = 3
	again.send("A", "98=0|108=30|554="+password)
	again.want("5", "34=3|58=the key of the session has been revoked")
}

// TestMassCancel asks for a mass cancel and for the state of many orders.
func TestMassCancel(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	const n = 300
	for i := range n {
		c.send("D", order(fmt.Sprint("m", i), "1", "10.00", "1"))
	}
	c.send("AF", "584=all|585=7|")
	for i := range n {
		c.want("8", fmt.Sprintf("34=%d|150=0|11=m%d", i+2, i))
	}
	for i := range n {
		c.want("8", fmt.Sprintf("34=%d|150=I|584=all|911=%d", n+i+2, n))
	}
	c.send("q", "11=q1|530=7|60=20240101-00:00:00|")
	for i := range n {
		c.want("8", fmt.Sprintf("34=%d|150=4|11=m%d", 2*n+i+2, i))
	}
	c.want("r", fmt.Sprintf("34=%d|11=q1|531=7|533=%d", 3*n+2, n))
	c.logout()
}

// TestMarketDataTooFast gives a connection no room for market data: it is told so and closed.
func TestMarketDataTooFast(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{PushBytes: 20}})
	c := v.online(t, "MD1")
	c.send("V", "262=r|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=BTC/USD|")
	c.want("5", "58=slow reader: market data could not be delivered")
	c.ends()
	if n := v.server.Status().Market.Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestDurableNumberFollows sends many messages that cause no command: the number in the log does not lag for ever.
func TestDurableNumberFollows(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	for range 1500 {
		c.send("0", "")
	}
	x, _ := v.outbox.Session(1)
	waitFor(t, "the number moves on", func() bool { return x.Numbers().NextIn > 1000 })
	c.send("1", "112=x")
	c.want("0", "34=2|112=x") // it took no outbound number
}

// After a logon that resets the numbers every order is one command, as before it: no number has to be moved on that the log has
// from the orders.
func TestCommandsAfterAReset(t *testing.T) {
	v := openVenue(t, "", options{})
	commands := func() uint64 {
		c := v.dial(t, "TRADE1")
		c.logon("141=Y")
		v.barrier(t)
		before := v.node.Status().Seq
		for i := range 50 {
			c.send("D", order(fmt.Sprint(before, "-", i), "1", "10.00", "1"))
			c.want("8", "150=0")
		}
		v.barrier(t)
		n := v.node.Status().Seq - before
		c.logout()
		return n
	}
	for session := range 3 {
		if n := commands(); n > 51 { // the reset is one
			t.Errorf("session %d: %d commands for 50 orders", session, n)
		}
	}
}
