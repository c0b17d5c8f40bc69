package stream

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	nethttp "net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestHandshakes: what is no handshake is answered by HTTP, and nothing is taken over.
func TestHandshakes(t *testing.T) {
	v := open(t, Limits{})
	whole := handshakeText + "\r\n"
	change := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%q is not in the handshake", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	add := func(header string) string { return handshakeText + header + "\r\n\r\n" }
	for request, status := range map[string]int{
		change("Upgrade: websocket\r\n", ""):                            426,
		change("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"):            426,
		change("Connection: Upgrade\r\n", ""):                           426,
		change("Connection: Upgrade\r\n", "Connection: keep-alive\r\n"): 426,
		change("Sec-WebSocket-Version: 13\r\n", ""):                     426,
		change("Version: 13", "Version: 8"):                             426,
		change("Version: 13", "Version: 013"):                           426,
		add("Sec-WebSocket-Version: 13"):                                400,
		change("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""):   400,
		change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"):      400,
		change("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ"):    400,
		change("dGhlIHNhbXBsZSBub25jZQ==", "!!!!"):                      400,
		add("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="):              400,
		change("HTTP/1.1", "HTTP/1.0"):                                  400,
		add("Sec-WebSocket-Protocol: chat, superchat"):                  400,
		add("Sec-WebSocket-Protocol: chat, @@"):                         400,
		add("Sec-WebSocket-Extensions: permessage-deflate; ="):          400,
		change("GET", "POST"):                                           405,
		change("GET", "OPTIONS"):                                        405,
		change("/v1/stream", "/v1/stream?token=1"):                      400,
		add("Content-Length: 2") + "{}":                                 400,
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n":          400,
	} {
		c := v.try(request)
		body, _ := io.ReadAll(io.LimitReader(c.head.Body, 4096))
		if c.head.StatusCode != status || !bytes.Contains(body, []byte(`"code"`)) {
			t.Errorf("%q is answered with %d %s, want %d", request, c.head.StatusCode, body, status)
		}
		if status == 426 && c.head.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%q: the answer does not say what to upgrade to: %v", request, c.head.Header)
		}
		c.net.Close()
	}
	for _, good := range []string{
		change("Upgrade: websocket", "Upgrade: WebSocket"),
		change("Connection: Upgrade", "Connection: keep-alive, uPGRADE"),
		add("Origin: https://elsewhere.example"),
		add("Sec-WebSocket-Extensions: x-unknown; a=\"b c\", permessage-bzip2"),
	} {
		c := v.try(good)
		if c.head.StatusCode != 101 || c.head.Header.Get("Sec-WebSocket-Protocol") != "" || c.head.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("%q is answered with %d %v", good, c.head.StatusCode, c.head.Header)
		}
		c.net.Close()
	}
	eventually(t, "they are all gone", func() bool { return v.stream.Status().Connections == 0 })
}

// TestNegotiation: the subprotocol and the compression that come of offers.
func TestNegotiation(t *testing.T) {
	v := open(t, Limits{})
	const deflate = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for header, want := range map[string]string{
		"Sec-WebSocket-Protocol: uncross.json.v1":                                                                 "uncross.json.v1|",
		"Sec-WebSocket-Protocol: x, uncross.binary.v1, uncross.json.v1":                                           "uncross.binary.v1|",
		"Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: uncross.json.v1":                                    "uncross.json.v1|",
		"Sec-WebSocket-Extensions: permessage-deflate":                                                            "|" + deflate,
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits":                                    "|" + deflate,
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10; server_no_context_takeover":     "|" + deflate,
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15":                                 "|" + deflate + "; server_max_window_bits=15",
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10":                                 "|",
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, permessage-deflate":             "|" + deflate,
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits":                                    "|",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=16":                                 "|",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=7":                                  "|",
		"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover=1":                              "|",
		"Sec-WebSocket-Extensions: permessage-deflate; unknown":                                                   "|",
		"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_no_context_takeover":    "|",
		"Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover": "|" + deflate,
	} {
		c := v.connect(header + "\r\n")
		if got := c.head.Header.Get("Sec-WebSocket-Protocol") + "|" + c.head.Header.Get("Sec-WebSocket-Extensions"); got != want {
			t.Errorf("%s comes to %q, want %q", header, got, want)
		}
		c.ask(m{"op": "ping"})
		c.answer("pong")
		c.net.Close()
	}
}

// TestBehindHandshake: nothing is lost of what a client sends in one piece with its handshake.
func TestBehindHandshake(t *testing.T) {
	v := open(t, Limits{})
	var b strings.Builder
	b.WriteString(handshakeText + "\r\n")
	for range 30 {
		b.Write(frame(text, true, []byte(`{"op":"ping","id":"`+strings.Repeat("x", 36)+`"}`)))
	}
	c := v.try(b.String())
	for range 30 {
		c.answer("pong")
	}
	// The same where other requests came first.
	c = v.try("GET /v1/time HTTP/1.1\r\nHost: x\r\n\r\n" + b.String())
	if _, err := io.Copy(io.Discard, c.head.Body); err != nil {
		t.Fatal(err)
	}
	a, err := nethttp.ReadResponse(c.r, nil)
	if err != nil || a.StatusCode != 101 {
		t.Fatalf("%v, %v", a, err)
	}
	for range 30 {
		c.answer("pong")
	}
}

// TestBrokenFrames: each breaks a rule, and the connection is closed with the code for it.
func TestBrokenFrames(t *testing.T) {
	v := open(t, Limits{})
	huge := func(first byte, n uint64) []byte {
		return binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, n)
	}
	mask := []byte{1, 2, 3, 4}
	good := []byte(`{"op":"ping"}`)
	list := Deflate([]byte(`{"op":"list"`+strings.Repeat(" ", 2000)+`}`), false)
	for name, step := range map[string]struct {
		sent    []byte
		deflate bool
		code    ws.StatusCode
	}{
		"not masked":                      {frame(text, false, good), false, 1002},
		"not masked, empty":               {frame(text, false, nil), false, 1002},
		"not masked control":              {frame(ping, false, nil), false, 1002},
		"RSV1 without the extension":      {frame(text|0x40, true, good), false, 1002},
		"RSV2":                            {frame(text|0x20, true, good), true, 1002},
		"RSV3":                            {frame(text|0x10, true, good), true, 1002},
		"RSV1 of a ping":                  {frame(ping|0x40, true, good), true, 1002},
		"RSV1 of a continuation":          {append(frame(part, true, good), frame(last|0x40, true, good)...), true, 1002},
		"opcode 3":                        {frame(0x83, true, good), false, 1002},
		"opcode 7":                        {frame(0x87, true, good), false, 1002},
		"opcode 11":                       {frame(0x8b, true, nil), false, 1002},
		"opcode 15":                       {frame(0x8f, true, nil), false, 1002},
		"a ping of 126 bytes":             {frame(ping, true, make([]byte, 126)), false, 1002},
		"a close of 126 bytes":            {frame(shut, true, make([]byte, 126)), false, 1002},
		"a ping in fragments":             {frame(ping&0x7f, true, nil), false, 1002},
		"a close in fragments":            {frame(shut&0x7f, true, nil), false, 1002},
		"continuation of nothing":         {frame(last, true, good), false, 1002},
		"middle of nothing":               {frame(middle, true, good), false, 1002},
		"text inside a message":           {append(frame(part, true, good), frame(text, true, good)...), false, 1002},
		"binary":                          {frame(bin, true, good), false, 1003},
		"binary in fragments":             {frame(bin&0x7f, true, good), false, 1003},
		"not UTF-8":                       {frame(text, true, []byte("{\"op\":\"\xff\"}")), false, 1007},
		"half a character":                {frame(text, true, []byte("\xe2\x82")), false, 1007},
		"a surrogate":                     {frame(text, true, []byte("\xed\xa0\x80")), false, 1007},
		"a short length in 16 bits":       {append([]byte{text, 0x80 | 126, 0, 13, 0, 0, 0, 0}, good...), false, 1002},
		"a length of 125 in 16 bits":      {append([]byte{text, 0x80 | 126, 0, 125, 0, 0, 0, 0}, make([]byte, 125)...), false, 1002},
		"a short length in 64 bits":       {append(append(huge(text, 13), 0, 0, 0, 0), good...), false, 1002},
		"a length of 65535 in 64 bits":    {append(huge(part, 1<<16-1), mask...), false, 1002},
		"a ping's length in 16 bits":      {[]byte{ping, 0x80 | 126, 0, 0, 0, 0, 0, 0}, false, 1002},
		"one byte too many":               {frame(text, true, make([]byte, 16<<10+1)), false, 1009},
		"a length of 64 bits":             {append(huge(text, 1<<62), mask...), false, 1009},
		"a length with the highest bit":   {append(huge(text, 1<<63), mask...), false, 1002},
		"a length of a gigabyte":          {append(huge(part, 1<<30), mask...), false, 1009},
		"many empty fragments":            {append(frame(part, true, nil), bytes.Repeat(frame(middle, true, nil), 100)...), false, 1009},
		"fragments that come to too much": {append(frame(part, true, make([]byte, 10_000)), frame(middle, true, make([]byte, 10_000))...), false, 1009},
		"no deflate data":                 {frame(text|0x40, true, []byte{0xff, 0xff, 0xff}), true, 1007},
		"deflate data that is cut":        {frame(text|0x40, true, list[4:12]), true, 1007},
		"a zip bomb":                      {frame(text|0x40, true, bomb(t, 50<<20)), true, 1009},
		"a zip bomb in fragments":         {append(frame(part|0x40, true, bomb(t, 10<<20)[:5000]), frame(last, true, bomb(t, 10<<20)[5000:])...), true, 1009},
		"half a close code":               {frame(shut, true, []byte{3}), false, 1002},
		"close code 0":                    {frame(shut, true, []byte{0, 0}), false, 1002},
		"close code 1005":                 {frame(shut, true, []byte{3, 0xed}), false, 1002},
		"close code 1016":                 {frame(shut, true, []byte{3, 0xf8}), false, 1002},
		"close code 5000":                 {frame(shut, true, []byte{0x13, 0x88}), false, 1002},
		"a close reason that is no UTF-8": {frame(shut, true, []byte{3, 0xe8, 0xff}), false, 1007},
		"a good close":                    {frame(shut, true, []byte{3, 0xe8, 'b', 'y', 'e'}), false, 1000},
		"a close of the application":      {frame(shut, true, []byte{0x0f, 0xa0}), false, 4000},
	} {
		t.Run(name, func(t *testing.T) {
			headers := []string{}
			if step.deflate {
				headers = append(headers, offersDeflate)
			}
			c := v.connect(headers...)
			c.t = t
			c.raw(append(frame(ping, true, nil), step.sent...))
			if g, err := c.receive(); err != nil || g.op != ws.OpPong {
				t.Fatalf("%+v, %v", g, err)
			}
			// What follows is not looked at.
			c.raw(frame(text, true, good))
			c.closedWith(step.code)
		})
	}
	c := v.connect()
	c.raw(frame(shut, true, nil)) // a close without a code is answered by one
	if g, err := c.receive(); err != nil || g.op != ws.OpClose || len(g.payload) != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	eventually(t, "they are all gone", func() bool { return v.stream.Status().Connections == 0 })
}

// bomb makes a small compressed message that is a large one.
func bomb(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for range n >> 20 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = w.Flush()
	if b.Len() > 64<<10 {
		t.Fatalf("a bomb of %d bytes", b.Len())
	}
	return bytes.TrimSuffix(b.Bytes(), flushTail)[:min(b.Len()-4, 16<<10)]
}

// TestWholeFrames: what is unusual and right.
func TestWholeFrames(t *testing.T) {
	v := open(t, Limits{})
	for _, deflate := range []bool{false, true} {
		c := v.connect(map[bool]string{true: offersDeflate}[deflate])
		request := `{"op":"ping","id":"euro"}`
		var in []byte
		for i := range len(request) { // a byte a frame, with pings between; 32 fragments are taken
			first := byte(middle)
			switch i {
			case 0:
				first = part
			case len(request) - 1:
				first = last
			}
			in = append(in, frame(first, true, []byte{request[i]})...)
			if i%8 == 0 {
				in = append(in, frame(ping, true, []byte{byte(i)})...)
			}
		}
		for _, b := range in { // a byte a packet, more or less
			c.raw([]byte{b})
		}
		pongs := 0
		for {
			g, err := c.receive()
			v.must(err)
			if g.op == ws.OpPong {
				pongs++
				continue
			}
			if !strings.Contains(string(g.payload), `"id":"euro"`) || pongs != (len(request)+6)/8 {
				t.Errorf("%s after %d pongs", g.payload, pongs)
			}
			break
		}
		// The least length that takes 16 bits; and an empty fragment is one all the same.
		c.say(`{"op":"ping"` + strings.Repeat(" ", 126-13) + `}`)
		c.answer("pong")
		c.raw(append(frame(part, true, []byte(`{"op":"ping"}`)), frame(last, true, nil)...))
		c.answer("pong")
		largest := `{"op":"ping"` + strings.Repeat(" ", 16<<10-13) + `}`
		c.say(largest)
		c.answer("pong")
		if !deflate {
			continue
		}
		packed := Deflate([]byte(largest), false)[2:]
		c.raw(frame(text|0x40, true, packed))
		c.answer("pong")
		c.raw(append(frame(part|0x40, true, packed[:7]), frame(last, true, packed[7:])...))
		c.answer("pong")
	}
}

// TestBursts: what may be sent at once after a rest may be sent in one piece, however few answers wait at a time.
func TestBursts(t *testing.T) {
	for _, answers := range []int{0, 1} {
		v := open(t, Limits{Answers: answers})
		n := v.stream.limits.RequestBump
		c := v.connect()
		c.raw(bytes.Repeat(frame(text, true, []byte(`{"op":"ping"}`)), n))
		for range n {
			c.answer("pong")
		}
		c = v.connect()
		c.raw(bytes.Repeat(frame(ping, true, []byte("x")), n))
		for i := range n {
			if g, err := c.receive(); err != nil || g.op != ws.OpPong {
				t.Fatalf("answer %d of %d: %+v, %v", i, n, g, err)
			}
		}
	}
}

// conn returns the only connection that there is.
func (v *venue) conn() (only *conn) {
	v.t.Helper()
	eventually(v.t, "the connection is there", func() bool {
		v.stream.mu.Lock()
		defer v.stream.mu.Unlock()
		for only = range v.stream.conns {
		}
		return only != nil
	})
	return only
}

// unread connects a client that asks for lists, n in all, and has not begun to read.
func (v *venue) unread(n int) (*client, *conn) {
	v.t.Helper()
	c := v.connect()
	served := v.conn()
	c.subscribe(on("bbo", "*"), on("status", "*"), on("statistics", "*"))
	go func() {
		for i := range n {
			if _, err := c.net.Write(frame(text, true, []byte(`{"op":"list","id":"`+itoa(i)+`"}`))); err != nil {
				return
			}
		}
	}()
	return c, served
}

func (c *conn) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers)
}

// TestUnreadAnswers: from who does not read no more is read, and others are served; who reads after all gets every answer.
func TestUnreadAnswers(t *testing.T) {
	v := open(t, Limits{RequestRate: 1 << 20, RequestBump: 1 << 20, SendBuffer: 4 << 10, Answers: 8})
	const n = 20_000
	c, served := v.unread(n)
	eventually(t, "no more answers may wait", func() bool { return served.waiting() == v.stream.limits.Answers })
	other := v.connect()
	other.ask(m{"op": "ping"})
	other.answer("pong")
	if n := served.waiting(); n > v.stream.limits.Answers || served.closing() {
		t.Errorf("%d answers wait", n)
	}
	for i := range n {
		if g, err := c.receive(); err != nil || !bytes.Contains(g.payload, []byte(`"id":"`+itoa(i)+`"`)) {
			t.Fatalf("answer %d: %s, %v", i, g.payload, err)
		}
	}
}

// TestFloods: too many requests, or wrong ones, or answers that nobody reads.
func TestFloods(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		v := open(t, Limits{RequestRate: 1, RequestBump: 10, Wrong: 5})
		c := v.connect()
		for range 100 {
			c.say(`{"op":"ping"}`)
		}
		c.closedWith(ws.StatusPolicyViolation)
	})
	t.Run("pings", func(t *testing.T) {
		v := open(t, Limits{RequestRate: 1, RequestBump: 10, Wrong: 5})
		for _, op := range []byte{ping, pong} {
			c := v.connect()
			for range 100 {
				c.raw(frame(op, true, nil))
			}
			c.closedWith(ws.StatusPolicyViolation)
		}
	})
	t.Run("wrong requests", func(t *testing.T) {
		v := open(t, Limits{Wrong: 5})
		c := v.connect()
		for range 3 { // a right one in between
			for range 4 {
				c.say(`garbage`)
				c.answer("error")
			}
			c.ask(m{"op": "ping"})
			c.answer("pong")
		}
		for range 5 {
			c.say(`garbage`)
			c.answer("error")
		}
		c.closedWith(ws.StatusPolicyViolation)
	})
	t.Run("answers", func(t *testing.T) {
		v := open(t, Limits{RequestRate: 1 << 20, RequestBump: 1 << 20, SendBuffer: 4 << 10, Write: 200 * time.Millisecond})
		c, served := v.unread(100_000)
		eventually(t, "it is closed", served.closing)
		served.mu.Lock()
		if served.ending.code != closeTooSlow || len(served.answers) > v.stream.limits.Answers {
			t.Errorf("%+v with %d answers", served.ending, len(served.answers))
		}
		served.mu.Unlock()
		eventually(t, "its place is free", func() bool { return v.stream.Status().Connections == 0 })
		c.closed()
	})
}

// TestConnectionLimits: so many in all and of an address; a place is given back however the connection ends.
func TestConnectionLimits(t *testing.T) {
	v := open(t, Limits{Conns: 8, ConnsPerIP: 4})
	var all []*client
	for range 4 {
		all = append(all, v.connect())
	}
	for range 10 {
		c := v.try(handshakeText + "\r\n")
		body, _ := io.ReadAll(c.head.Body)
		if c.head.StatusCode != 429 || !bytes.Contains(body, []byte("too_many_connections")) || c.head.Header.Get("Retry-After") == "" {
			t.Fatalf("answered with %d %s", c.head.StatusCode, body)
		}
	}
	all[0].net.Close()
	all[1].raw(frame(shut, true, nil))
	all[2].raw(frame(text, false, nil))
	all[3].net.(interface{ CloseWrite() error }).CloseWrite()
	eventually(t, "their places are free", func() bool { return v.stream.Status().Connections == 0 })
	for range 4 {
		c := v.connect()
		c.ask(m{"op": "ping"})
		c.answer("pong")
	}
}

// TestSlowHandshake: a handshake that does not come to its end is not waited for.
func TestSlowHandshake(t *testing.T) {
	v := openWith(t, options{rest: restLimits(100 * time.Millisecond)})
	c := v.dial()
	for _, b := range []byte(handshakeText) {
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	_, err := io.Copy(io.Discard, c) // 408, and the end
	if err != nil && !isReset(err) {
		t.Error(err)
	}
	if n := v.stream.Status().Connections; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestNoLeaks: thousands of connections that end in all ways leave neither goroutines nor cursors nor places.
func TestNoLeaks(t *testing.T) {
	v := openWith(t, options{limits: Limits{Close: 50 * time.Millisecond}, rest: openRest()})
	before := runtime.NumGoroutine()
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	for i := range rounds {
		c := v.connect()
		switch i % 5 {
		case 0:
			c.net.Close()
			continue
		case 1:
			c.subscribe(on("status", "*"))
			c.raw(frame(shut, true, nil))
			c.closed()
		case 2:
			c.say(`{"op":"subscribe","subscriptions":[{"channel":"bbo","symbol":"*"}]}`)
		case 3:
			c.raw(frame(text, true, []byte(`{"op"`))[:7]) // in the middle of a frame
		case 4:
			c.raw(frame(bin, true, nil))
			c.closed()
		}
		c.net.Close()
	}
	eventually(t, "they are all gone", func() bool {
		return v.stream.Status().Connections == 0 && v.told.readers() == 0 && runtime.NumGoroutine() <= before+20
	})
	if v.stream.Status() != (Counts{}) || len(v.stream.byAddress) != 0 {
		t.Errorf("left over: %+v", v.stream.Status())
	}
}

// TestNoAllocationBeforeTheLimit: a frame that only declares a length takes no room for it.
func TestNoAllocationBeforeTheLimit(t *testing.T) {
	limits := Limits{Message: 64 << 20, Fragments: 4}.withDefaults()
	head := append(binary.BigEndian.AppendUint64([]byte{text, 0x80 | 127}, 60<<20), 1, 2, 3, 4)
	n := testing.AllocsPerRun(10, func() {
		in := inbound{r: bytes.NewReader(head), limits: &limits}
		if _, _, err := in.next(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if cap(in.body) > readPiece {
			t.Fatalf("room for %d bytes", cap(in.body))
		}
	})
	if n > 20 {
		t.Errorf("%v allocations", n)
	}
}
