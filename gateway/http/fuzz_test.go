package http

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"uncross/gateway/auth"
)

// bytesConn is a connection whose client has sent everything and waits for the answers.
type bytesConn struct {
	in  bytes.Reader
	out bytes.Buffer
}

func (c *bytesConn) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *bytesConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *bytesConn) Close() error                     { return nil }
func (c *bytesConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *bytesConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *bytesConn) SetDeadline(time.Time) error      { return nil }
func (c *bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bytesConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzConnection sends any bytes over a connection: every answer is well-formed, none is 500, and the venue is as before.
func FuzzConnection(f *testing.F) {
	v := market(f, Limits{AddressRate: 1 << 30, AddressBump: 1 << 30})
	for _, s := range []string{
		ping, ping + ping, "GET /v1/instruments/BTC%2FUSD/book?level=1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/instruments/BTC%2FUSD/trades?sort=oldest&limit=1&cursor=1.0&from_ns=1&to_ns=2 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/instruments/BTC%2FUSD/candles?interval=1m&cursor=AQBLAAAAAQEY6-X9pUxEAA HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/statistics?limit=1&cursor=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/instruments/BTC%2FUSD/book?level=3&depth=1 HTTP/1.1\r\n\r\n",
		"POST /v1/logon HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/orders HTTP/1.1\r\nHost: x\r\nUncross-Session: 00\r\nUncross-Seq: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"GET /v1/time HTTP/1.0\r\n\r\n", "HEAD /v1/time HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n\x00",
	} {
		f.Add([]byte(s))
	}
	before := v.core.Status()
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := &bytesConn{in: *bytes.NewReader(sent)}
		_ = v.server.http.ServeConn(c)
		answers := bufio.NewReader(&c.out)
		for {
			if _, err := answers.Peek(1); err == io.EOF {
				break
			}
			request := &nethttp.Request{Method: "GET"}
			if bytes.HasPrefix(sent, []byte("HEAD ")) {
				return // its answers have no bodies
			}
			a, err := nethttp.ReadResponse(answers, request)
			if err != nil {
				if strings.Contains(string(sent), "HEAD ") || strings.Contains(string(sent), "100-continue") {
					return
				}
				t.Fatalf("%q: %v", sent, err)
			}
			body, err := io.ReadAll(a.Body)
			if err != nil {
				return // cut off by the end of input
			}
			if a.StatusCode == 500 || a.StatusCode >= 400 && !json.Valid(body) {
				t.Fatalf("%q: %d %s", sent, a.StatusCode, body)
			}
		}
		if v.core.Status() != before {
			t.Fatalf("%q changed the venue", sent)
		}
	})
}

// FuzzSignedRequest sends well-signed requests with any method, address and body: each is answered, none with 500, and
// nothing is ever logged as an error.
func FuzzSignedRequest(f *testing.F) {
	v := market(f, Limits{SessionRate: 1 << 30, SessionBump: 1 << 30})
	sessions := map[string]*auth.ClientSession{}
	for user, k := range v.raw {
		sessions[user] = v.logon(k)
	}
	order := string(jsonText(f, limit("A", "buy", "95", "1", "x")))
	f.Add(uint8(0), "POST", "/v1/orders", order)
	f.Add(uint8(0), "POST", "/v1/orders/batch", `{"operations":[`+order[:1]+`"op":"new",`+order[1:]+`,{"op":"cancel","account":"A","order_id":"1"}]}`)
	f.Add(uint8(0), "PUT", "/v1/orders/1", `{"account":"A","symbol":"BTC/USD","price":"91","quantity":"2","client_order_id":"y"}`)
	f.Add(uint8(0), "DELETE", "/v1/orders/by-client-id/x?account=A&sent_at_ns=1", "")
	f.Add(uint8(1), "GET", "/v1/ledger?account=A&cursor=00ff&sort=oldest&from_ns=1", "")
	f.Add(uint8(1), "GET", "/v1/admin/trades?cursor=1.2&limit=3", "")
	f.Add(uint8(1), "POST", "/v1/admin/instruments", `{"symbol":"B","base":"BTC","quote":"USD","tick":"0.05","lot":"1","min_price":"1","max_price":"2","min_quantity":"1","max_quantity":"2","maker_fee_bps":70000}`)
	f.Add(uint8(1), "POST", "/v1/admin/instruments/BTC%2FUSD/phase", `{"phase":"auction","reference_price":"1"}`)
	f.Add(uint8(2), "POST", "/v1/admin/deposits", `{"account":"A","asset":"USD","amount":"1","reference":"r"}`)
	users := []string{"alice", "operator", "custodian"}
	f.Fuzz(func(t *testing.T, who uint8, method, target, body string) {
		user := users[int(who)%len(users)]
		var ctx fasthttp.RequestCtx
		ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
		ctx.Request.Header.SetMethod(method)
		ctx.Request.Header.SetRequestURI(target)
		ctx.Request.SetBodyString(body)
		if body != "" {
			ctx.Request.Header.SetContentType("application/json")
		}
		h := sessions[user].Sign(method, target, []byte(body), v.clock.now())
		h.Each(func(name, value string) { ctx.Request.Header.Set(name, value) })
		v.server.handle(&ctx)
		code := ctx.Response.StatusCode()
		if code == 500 || code == 504 || target != "/openapi.yaml" && !json.Valid(ctx.Response.Body()) {
			t.Fatalf("%s %s %q: %d %s", method, target, body, code, ctx.Response.Body())
		}
		if code != 200 {
			v.check.valid(t, "ErrorBody", ctx.Response.Body())
		}
		if strings.Contains(string(ctx.Response.Body()), "unknown_session") {
			sessions[user] = v.logon(v.raw[user]) // it ended itself
		}
		if log := v.logs.String(); strings.Contains(log, "level=ERROR") {
			t.Fatalf("%s %s %q: %s", method, target, body, log)
		}
		v.logs.reset()
	})
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// logon opens a session for requests that are signed by hand.
func (v *venue) logon(k *auth.Key) *auth.ClientSession {
	v.t.Helper()
	p, err := auth.NewLogon(k, uint64(v.clock.now().UnixNano()))
	if err != nil {
		v.t.Fatal(err)
	}
	var answer auth.LogonAnswer
	r := p.Request()
	if err := postJSON(context.Background(), v.url+"/v1/logon", jsonText(v.t, &r), &answer); err != nil {
		v.t.Fatal(err)
	}
	s, err := p.Complete(answer)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

func postJSON(ctx context.Context, url string, body []byte, out any) error {
	r, err := nethttp.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	a, err := nethttp.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	return json.NewDecoder(a.Body).Decode(out)
}
