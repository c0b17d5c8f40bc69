package http

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// echoStream takes every connection over, answers the handshake and sends back what comes, until it is shut down.
type echoStream struct {
	refuse   *Error
	open     atomic.Int64
	shutdown chan struct{}
}

func (e *echoStream) Describe() []byte { return []byte("asyncapi: 3.0.0\n") }

func (e *echoStream) Upgrade(ctx *fasthttp.RequestCtx) *Error {
	if e.refuse != nil {
		ctx.Response.Header.Set("Sec-WebSocket-Version", "13")
		return e.refuse
	}
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		e.open.Add(1)
		defer e.open.Add(-1)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(c, c)
	})
	return nil
}

func (e *echoStream) Shutdown(context.Context) error {
	close(e.shutdown)
	return nil
}

// serveStream starts a server with a stream of its own on a venue.
func serveStream(t *testing.T, limits Limits, config *tls.Config) (v *venue, e *echoStream, s *Server, address string) {
	t.Helper()
	v = openVenue(t, limits)
	e = &echoStream{shutdown: make(chan struct{})}
	s, address, serve := v.beside(Config{Stream: e, Limits: patient(limits)}, config)
	serve()
	return v, e, s, address
}

const upgradeText = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

// dialText opens a connection and sends a text.
func dialText(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// dialStream does it and reads the head of the answer.
func dialStream(t *testing.T, address, text string) (net.Conn, *bufio.Reader, *nethttp.Response) {
	t.Helper()
	c := dialText(t, address, text)
	r := bufio.NewReader(c)
	a, err := nethttp.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, r, a
}

// TestStreamHasTime: the connection goes over whole, with what was sent right behind the handshake, and nothing limits its
// time. The handshake is sent before the server begins, so that it is in time itself.
func TestStreamHasTime(t *testing.T) {
	const short = 200 * time.Millisecond
	v := openVenue(t, Limits{})
	e := &echoStream{shutdown: make(chan struct{})}
	_, address, serve := v.beside(Config{Stream: e, Limits: Limits{ReadTimeout: short, IdleTimeout: short, WriteTime: short}}, nil)
	c := dialText(t, address, upgradeText+"behind it")
	serve()
	r := bufio.NewReader(c)
	a, err := nethttp.ReadResponse(r, nil)
	if err != nil || a.StatusCode != 101 {
		t.Fatalf("answered with %v, %v", a, err)
	}
	got := make([]byte, len("behind it"))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "behind it" {
		t.Fatalf("got %q, %v", got, err)
	}
	time.Sleep(500 * time.Millisecond) // longer than every time limit of HTTP
	if _, err := io.WriteString(c, "later"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, got[:5]); err != nil || string(got[:5]) != "later" {
		t.Fatalf("got %q, %v: a time limit of HTTP ended the stream", got[:5], err)
	}
	c.Close() // the server waits for it
}

// TestStreamRoutes: a connection that was taken over keeps its place among the connections until it ends.
func TestStreamRoutes(t *testing.T) {
	v, e, s, address := serveStream(t, Limits{ConnsPerIP: 2}, nil)
	first, _, a := dialStream(t, address, upgradeText)
	if a.StatusCode != 101 {
		t.Fatalf("answered with %d", a.StatusCode)
	}
	v.check.mu.Lock()
	v.check.used["GET /v1/stream"] = true
	v.check.mu.Unlock()
	second, _, a := dialStream(t, address, upgradeText)
	if a.StatusCode != 101 {
		t.Fatalf("answered with %d", a.StatusCode)
	}
	_, _, a = dialStream(t, address, upgradeText)
	if a.StatusCode != 429 {
		t.Errorf("a third connection of an address that may have two is answered with %d", a.StatusCode)
	}
	second.Close()
	waitFor(t, "the end of the second", func() bool { return e.open.Load() == 1 })
	var text []byte
	waitFor(t, "its place, which is given back right after", func() bool {
		var c net.Conn
		c, _, a = dialStream(t, address, "GET /asyncapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n")
		defer c.Close()
		text, _ = io.ReadAll(a.Body)
		return a.StatusCode != 429
	})
	v.check.exchange(t, "GET", "/asyncapi.yaml", nil, a, text)
	if a.StatusCode != 200 || string(text) != string(e.Describe()) {
		t.Errorf("asyncapi.yaml: %d %q", a.StatusCode, text)
	}
	first.Close()

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-e.shutdown:
	default:
		t.Error("the stream was not shut down")
	}
}

// TestStreamRefusals: what keeps a connection from being taken over is answered as everything else.
func TestStreamRefusals(t *testing.T) {
	v, e, _, address := serveStream(t, Limits{}, nil)
	for text, status := range map[string]int{
		strings.Replace(upgradeText, "GET", "POST", 1):                                        405,
		strings.Replace(upgradeText, "stream", "stream?x=1", 1):                               400,
		strings.Replace(upgradeText, "\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx", 1):         400,
		strings.Replace(upgradeText, "/v1/stream", "/v1/streams", 1):                          404,
		strings.Replace(upgradeText, "/v1/stream", "/v1/stream"+strings.Repeat("x", 3000), 1): 414,
	} {
		_, _, a := dialStream(t, address, text)
		body, _ := io.ReadAll(a.Body)
		if a.StatusCode != status {
			t.Errorf("%q is answered with %d, want %d: %s", text[:40], a.StatusCode, status, body)
		}
		v.check.valid(t, "ErrorBody", body)
	}
	e.refuse = Refuse(UpgradeRequired, "Sec-WebSocket-Version", "13 is needed")
	_, r, a := dialStream(t, address, upgradeText)
	body, _ := io.ReadAll(a.Body)
	v.check.exchange(t, "GET", "/v1/stream", nil, a, body)
	if a.StatusCode != 426 || a.Header.Get("Sec-WebSocket-Version") != "13" || r.Buffered() > 0 {
		t.Errorf("refused with %d, %v", a.StatusCode, a.Header)
	}
	if e.open.Load() != 0 {
		t.Error("a refused connection was taken over")
	}
	for _, path := range []string{"/v1/stream", "/asyncapi.yaml"} { // of a server without a stream
		_, _, a := dialStream(t, strings.TrimPrefix(v.url, "http://"), strings.Replace(upgradeText, "/v1/stream", path, 1))
		if a.StatusCode != 404 {
			t.Errorf("%s of a server without a stream is answered with %d", path, a.StatusCode)
		}
	}
}

// TestObject: other gateways read JSON as strictly as bodies are read here.
func TestObject(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":"x","list":[{"b":"y"}]}`:              "",
		`{"a":"x","list":[{"b":"y"}],"other":1}`:    "unknown_field other",
		`{"a":"x","list":[{"b":"y"},{"b":"y"},{}]}`: "batch_too_large list",
		`{"a":"x","list":[]}`:                       "batch_too_large list",
		`{"a":"x","list":{}}`:                       "wrong_type list",
		`{"a":"x","list":["y"]}`:                    "wrong_type list[0]",
		`{"a":"x"}`:                                 "missing_field list",
		`{"list":[{"b":"y"}]}`:                      "missing_field a",
		`{"a":1,"list":[{"b":"y"}]}`:                "wrong_type a",
		`{"a":"x","a":"x","list":[{"b":"y"}]}`:      "duplicate_field a",
		`[]`:                                        "malformed_json ",
		`{"a"`:                                      "malformed_json ",
	} {
		o, err := ParseObject([]byte(text))
		if err == nil {
			o.Text("a")
			for _, item := range o.Objects("list", 2) {
				if item.Optional("b") != "y" {
					t.Errorf("%s: read wrongly", text)
				}
			}
			err = o.Done()
		}
		got := ""
		if err != nil {
			got = ReasonName(err.Reason) + " " + err.Field
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
