package stream

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// TestFrame: every length has its shortest form, and comes out as it went in.
func TestFrame(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 1<<16 - 1, 1 << 16, 1<<16 + 1, 3 << 20} {
		payload := bytes.Repeat([]byte{'x'}, n)
		for _, binary := range []bool{false, true} {
			b := Frame(payload, binary)
			r := bytes.NewReader(b)
			h, err := ws.ReadHeader(r)
			want := ws.Header{Fin: true, OpCode: ws.OpText, Length: int64(n)}
			if binary {
				want.OpCode = ws.OpBinary
			}
			if err != nil || h != want || ws.HeaderSize(h) != len(b)-n || r.Len() != n || !bytes.HasSuffix(b, payload) || cap(b) != len(b) {
				t.Errorf("%d bytes: %+v, %v", n, h, err)
			}
		}
	}
}

// TestDeflate: a compressed form is smaller and comes out as it went in; where it would not be, there is none.
func TestDeflate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for _, step := range []struct {
		payload []byte
		packs   bool
	}{
		{nil, false}, {bytes.Repeat([]byte("x"), CompressFrom-1), false}, {bytes.Repeat([]byte("x"), CompressFrom), true},
		{noise, false}, {[]byte(strings.Repeat(`["64000.00","0.5",2],`, 5000)), true}, {append(bytes.Repeat([]byte("x"), 3000), noise...), true},
	} {
		b := Deflate(step.payload, true)
		if (b != nil) != step.packs {
			t.Errorf("%d bytes: compressed is %v", len(step.payload), b != nil)
		}
		if b == nil {
			continue
		}
		in := bytes.NewReader(b)
		h, err := ws.ReadHeader(in)
		if err != nil || !h.Fin || !h.Rsv1() || h.OpCode != ws.OpBinary || int(h.Length) != in.Len() || len(b) >= len(Frame(step.payload, true)) {
			t.Errorf("%+v, %v", h, err)
		}
		got, err := inflate(b[len(b)-in.Len():], len(step.payload))
		if err != nil || !bytes.Equal(got, step.payload) {
			t.Errorf("%d bytes came out as %d, %v", len(step.payload), len(got), err)
		}
		if _, err := inflate(b[len(b)-in.Len():], len(step.payload)-1); err == nil {
			t.Error("more than the limit came out")
		}
	}
}

// FuzzFrames: whatever bytes a client sends, what comes out of them is bounded and UTF-8, or an error. Frames are read alike
// however they arrive.
func FuzzFrames(f *testing.F) {
	for _, b := range [][]byte{
		frame(text, true, []byte(`{"op":"ping"}`)), frame(ping, true, nil), frame(shut, true, []byte{3, 0xe8}),
		append(frame(part, true, []byte("a")), frame(last, true, []byte("b"))...),
		frame(text|0x40, true, Deflate([]byte(strings.Repeat("ab", 2000)), false)[2:]),
		{text, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0xff, 0xff}, {},
	} {
		f.Add(b, true)
		f.Add(b, false)
	}
	limits := Limits{}.withDefaults()
	f.Fuzz(func(t *testing.T, b []byte, deflate bool) {
		type outcome struct {
			op      ws.OpCode
			payload string
			err     string
		}
		read := func(in inbound) (all []outcome) {
			for {
				op, payload, err := in.next()
				if cap(in.body) > 4*limits.Message {
					t.Fatalf("room for %d bytes", cap(in.body))
				}
				if err != nil {
					return append(all, outcome{err: err.Error()})
				}
				if len(payload) > limits.Message || op.IsControl() && len(payload) > 125 || op != ws.OpText && !op.IsControl() {
					t.Fatalf("%v of %d bytes", op, len(payload))
				}
				if op == ws.OpClose {
					_, _ = closeReason(payload)
				}
				all = append(all, outcome{op: op, payload: string(payload)})
			}
		}
		whole := read(inbound{r: bytes.NewReader(b), deflate: deflate, limits: &limits})
		bits := read(inbound{r: &dripping{b: b}, deflate: deflate, limits: &limits})
		if len(whole) != len(bits) {
			t.Fatalf("whole %q, in bits %q", whole, bits)
		}
		for i := range whole {
			if whole[i] != bits[i] {
				t.Fatalf("whole %q, in bits %q", whole[i], bits[i])
			}
		}
	})
}

// dripping gives one byte at a time.
type dripping struct{ b []byte }

func (d *dripping) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.b) == 0 {
		return bytes.NewReader(nil).Read(p)
	}
	p[0] = d.b[0]
	d.b = d.b[1:]
	return 1, nil
}

// FuzzRequest: whatever text a client sends is a request or refused, and what is taken is within the limits.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"op":"ping","id":"1"}`, `{"op":"list"}`, `{"op":"logout"}`, `{"op":"login","session":"a","seq":"1","time":"2","mac":"b"}`,
		`{"op":"subscribe","subscriptions":[{"channel":"book","symbol":"X"},{"channel":"candles","symbol":"X","interval":"1m"}]}`,
		`{"op":"subscribe","subscriptions":[{"channel":"executions","account":"a","after":"12.0"}]}`,
		`{"op":"unsubscribe","subscriptions":[{"channel":"bbo","symbol":"*"}]}`, `{}`, `[`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text, 100)
		if len(r.id) > maxID || !printable(r.id) || len(r.wanted) > 100 {
			t.Fatalf("%+v", r)
		}
		if err != nil {
			if err.Reason == 0 || err.Status() < 400 {
				t.Fatalf("%+v", err)
			}
			return
		}
		switch r.op {
		case "subscribe", "unsubscribe":
			if len(r.wanted) == 0 {
				t.Fatal("subscriptions to nothing")
			}
		case "login":
			for _, p := range r.proof {
				if p == "" {
					t.Fatalf("%+v", r)
				}
			}
		case "list", "ping", "logout":
		default:
			t.Fatalf("taken: %q", r.op)
		}
		for _, w := range r.wanted {
			if w.channel.private() != (w.account != "") || w.channel.private() != (w.symbol == "") || (w.channel == Candles) != w.interval.Valid() {
				t.Fatalf("%+v", w)
			}
		}
	})
}

// FuzzExtensions: whatever is offered, what is answered was offered.
func FuzzExtensions(f *testing.F) {
	for _, s := range []string{"permessage-deflate", `permessage-deflate; client_max_window_bits="15", x`, "a;b=c;d", ",", "=", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		answer, err := chooseExtensions([][]byte{line})
		if answer != "" && (err != nil || !bytes.Contains(line, []byte("permessage-deflate"))) {
			t.Fatalf("%q for %q, %v", answer, line, err)
		}
		if strings.Contains(answer, "window") != strings.Contains(answer, "server_max_window_bits=15") {
			t.Fatalf("%q", answer)
		}
		_, _ = chooseProtocol([][]byte{line})
	})
}
