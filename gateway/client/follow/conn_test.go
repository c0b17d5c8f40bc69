package follow

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"uncross/gateway/client"
)

// served returns a connection to a server that sends the given bytes after the upgrade and, where there are some, nothing behind
// them; and the server's end of it, to read what the client sends.
func served(t *testing.T, set DialConfig, b []byte) (*Conn, net.Conn) {
	t.Helper()
	ends := make(chan net.Conn, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := ws.HTTPUpgrader{Protocol: func(string) bool { return true }}
		answer := http.Header{}
		if strings.Contains(r.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
			answer.Set("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
		}
		up.Header = answer
		conn, _, _, err := up.Upgrade(r, w)
		if err != nil {
			t.Error(err)
			return
		}
		ends <- conn
		if _, _ = conn.Write(b); len(b) > 0 {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}))
	t.Cleanup(s.Close)
	set.URL = s.URL
	n, err := Dial(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	end := <-ends
	t.Cleanup(func() { end.Close() })
	return n, end
}

// frameOf is a frame by its first byte: FIN 0x80, RSV1 0x40, and the opcode.
func frameOf(first byte, payload string) []byte {
	switch n := len(payload); {
	case n < 126:
		return append([]byte{first, byte(n)}, payload...)
	case n < 1<<16:
		return append(binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(n)), payload...)
	default:
		return append(binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(n)), payload...)
	}
}

func deflated(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(text))
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// TestMessages reads messages in one frame, in several, between pings, long, empty, and compressed ones.
func TestMessages(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	var b []byte
	for _, f := range [][]byte{
		frameOf(0x81, "one"), frameOf(0x01, "tw"), frameOf(0x89, "are you there"), frameOf(0x80, "o"), frameOf(0x82, "\x01\x02"), frameOf(0x81, ""),
		frameOf(0x81, long), frameOf(0xc1, deflated(t, long)), frameOf(0xc2, deflated(t, "short")), frameOf(0x41, deflated(t, "parts")[:3]), frameOf(0x80, deflated(t, "parts")[3:]),
		frameOf(0x88, "\x0f\xa1too slow"),
	} {
		b = append(b, f...)
	}
	n, end := served(t, DialConfig{Compress: true}, b)
	if !n.Compressed() || n.Binary() {
		t.Error("not what was agreed on")
	}
	for _, want := range []struct {
		text   string
		binary bool
	}{{"one", false}, {"two", false}, {"\x01\x02", true}, {"", false}, {long, false}, {long, false}, {"short", true}, {"parts", false}} {
		got, isBinary, err := n.Read()
		if err != nil || string(got) != want.text || isBinary != want.binary {
			t.Fatalf("%.20q, %v, %v; expected %.20q", got, isBinary, err, want.text)
		}
	}
	var closed *CloseError
	if _, _, err := n.Read(); !errors.As(err, &closed) || closed.Code != TooSlow || closed.Reason != "too slow" || !strings.Contains(err.Error(), "4001: too slow") {
		t.Errorf("%v", err)
	}
	if n.Received() != int64(len(b)) {
		t.Errorf("%d bytes, %d were sent", n.Received(), len(b))
	}
	// The pong has the ping's payload, and the close frame the code; both are masked.
	_ = end.SetReadDeadline(time.Now().Add(time.Minute))
	for _, want := range []struct {
		code ws.OpCode
		text string
	}{{ws.OpPong, "are you there"}, {ws.OpClose, "\x0f\xa1"}} {
		h, err := ws.ReadHeader(end)
		payload := make([]byte, h.Length)
		if _, e := io.ReadFull(end, payload); err != nil || e != nil {
			t.Fatal(err, e)
		}
		if ws.Cipher(payload, h.Mask, 0); h.OpCode != want.code || !h.Masked || string(payload) != want.text {
			t.Errorf("%+v %q", h, payload)
		}
	}
}

// TestWrongFrames: what is not as RFC 6455 says ends the connection, and nothing is set aside for what is only claimed.
func TestWrongFrames(t *testing.T) {
	masked := append([]byte{0x81, 0x81, 1, 2, 3, 4}, 'x')
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"masked":               {masked, errProtocol},
		"reserved opcode":      {frameOf(0x83, "x"), errProtocol},
		"reserved control":     {frameOf(0x8b, ""), errProtocol},
		"compressed unasked":   {frameOf(0xc1, "x"), errProtocol},
		"continues nothing":    {frameOf(0x80, "x"), errProtocol},
		"begins in the middle": {append(frameOf(0x01, "x"), frameOf(0x81, "y")...), errProtocol},
		"fragmented ping":      {frameOf(0x09, "x"), errProtocol},
		"long ping":            {frameOf(0x89, strings.Repeat("x", 126)), errProtocol},
		"over the limit":       {frameOf(0x81, strings.Repeat("x", 1001)), errTooLarge},
		"over it in parts":     {append(frameOf(0x01, strings.Repeat("x", 600)), frameOf(0x80, strings.Repeat("x", 600))...), errTooLarge},
		"huge claim":           {binary.BigEndian.AppendUint64([]byte{0x81, 127}, 1<<62), errTooLarge},
		"cut":                  {frameOf(0x81, "hello")[:4], io.ErrUnexpectedEOF},
	} {
		n, _ := served(t, DialConfig{MaxMessage: 1000}, c.b)
		if got, _, err := n.Read(); !errors.Is(err, c.want) {
			t.Errorf("%s: %.20q, %v", name, got, err)
		}
	}
	n, _ := served(t, DialConfig{MaxMessage: 1000, Compress: true}, frameOf(0xc1, deflated(t, strings.Repeat("x", 1_000_000))))
	if _, _, err := n.Read(); !errors.Is(err, errTooLarge) {
		t.Errorf("a bomb: %v", err)
	}
	n, _ = served(t, DialConfig{Compress: true}, frameOf(0xc1, "\xff\xff\xff"))
	if _, _, err := n.Read(); !errors.Is(err, errProtocol) {
		t.Errorf("no deflate: %v", err)
	}
}

// TestQuiet: a server that says nothing is given up.
func TestQuiet(t *testing.T) {
	n, _ := served(t, DialConfig{Quiet: 20 * time.Millisecond}, nil)
	var timeout net.Error
	if _, _, err := n.Read(); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v", err)
	}
}

// TestUpgradeRefused gives the venue's own words.
func TestUpgradeRefused(t *testing.T) {
	body := `{"error":{"code":1052,"reason":"too_many_connections","message":"too many connections"}}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(429)
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	var refused *client.Error
	if _, err := Dial(context.Background(), DialConfig{URL: s.URL}); !errors.As(err, &refused) || refused.Status != 429 || refused.Reason != "too_many_connections" || !refused.Temporary() {
		t.Errorf("%v", err)
	}
	body = "gone fishing"
	if _, err := Dial(context.Background(), DialConfig{URL: s.URL}); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("%v", err)
	}
}

func TestBaseURL(t *testing.T) {
	for text, want := range map[string]string{
		"http://h:1": "http://h:1", "ws://h:1/": "http://h:1", "wss://h/v1/stream": "https://h", "https://h": "https://h",
	} {
		if got, err := BaseURL(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "h:1", "ftp://h", "http://", "http://h/v1", "http://h?x", "://"} {
		if got, err := BaseURL(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}
