package http

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	nethttp "net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// dial opens a connection that has sent one request and read its answer, so that the gateway surely has it.
func (v *venue) dial() net.Conn {
	v.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// exchangeOn sends a request on an open connection and returns the answer's status and body.
func exchangeOn(t testing.TB, c net.Conn, request string) (int, string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, c)
}

func readAnswer(t testing.TB, c net.Conn) (int, string) {
	t.Helper()
	a, err := nethttp.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(b)
}

const ping = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

// TestTooManyConnections opens more connections than there may be: the surplus is told so, and a place that becomes
// free is usable again.
func TestTooManyConnections(t *testing.T) {
	v := openVenue(t, Limits{ConnsPerIP: 3})
	var open []net.Conn
	for range 3 {
		c := v.dial()
		if code, body := exchangeOn(t, c, ping); code != 200 {
			t.Fatalf("%d %s", code, body)
		}
		open = append(open, c)
	}
	for range 5 {
		if code, body := readAnswer(t, v.dial()); code != 429 || !strings.Contains(body, "too_many_connections") {
			t.Errorf("%d %s", code, body)
		} else {
			v.check.valid(t, "ErrorBody", []byte(body))
		}
	}
	open[0].Close()
	waitFor(t, "a place becomes free", func() bool {
		code, _ := exchangeOn(t, v.dial(), ping)
		return code == 200
	})
}

// TestSlowRequests sends half requests and then nothing: they are ended, and others are served meanwhile. All of it is sent
// before the server begins, so that it is not the test that is too slow.
func TestSlowRequests(t *testing.T) {
	v := market(t, Limits{})
	_, address, serve := v.beside(Config{Limits: Limits{ReadTimeout: 300 * time.Millisecond, IdleTimeout: 300 * time.Millisecond}}, nil)
	v.url = "http://" + address
	before := v.core.Status()
	send := func(request string) net.Conn {
		c := v.dial()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		return c
	}
	var slow []net.Conn
	for _, half := range []string{
		"GET /healthz HTTP/1.1\r\nHost: x\r\n",
		"G",
		"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"account\"",
	} {
		slow = append(slow, send(half))
	}
	idle := send(ping)
	serve()
	if code, body := readAnswer(t, idle); code != 200 {
		t.Errorf("beside slow requests: %d %s", code, body)
	}
	for i, c := range slow {
		if code, body := readAnswer(t, c); code != 408 || !strings.Contains(body, "request_timeout") {
			t.Errorf("half request %d: %d %s", i, code, body)
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("half request %d: the connection goes on: %v", i, err)
		}
	}
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("an idle connection goes on: %v", err)
	}
	if v.core.Status() != before {
		t.Error("a half request changed the venue")
	}
}

// TestHugeBody announces and sends a body far beyond the limit.
func TestHugeBody(t *testing.T) {
	v := openVenue(t, Limits{})
	v.answered("POST /v1/logon HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"+strings.Repeat("x", 1000), BodyTooLarge)
	chunk := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"
	v.answered("POST /v1/logon HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat(chunk, 4)+"0\r\n\r\n", BodyTooLarge)
	v.answered("POST /v1/logon HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", MalformedRequest)
}

// TestBusy fills the core: a command is refused at once, changes nothing, and is taken when there is room again.
func TestBusy(t *testing.T) {
	v := market(t, Limits{})
	v.core.busyAfter.Store(0)
	before := v.core.Status()
	e := v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-1"), Busy)
	if e.Status != 503 {
		t.Errorf("status %d", e.Status)
	}
	v.refused("alice", "DELETE", "/v1/orders?account=A", nil, Busy)
	if v.core.Status() != before {
		t.Error("a refused command changed the venue")
	}
	v.core.busyAfter.Store(-1)
	want(t, v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-1")), map[string]string{"status": "new", "repeat": "false"})
}

// TestOutcomeUnknown holds answers back: the request ends as unknown, and the repeat with the same id gets the answer.
func TestOutcomeUnknown(t *testing.T) {
	v := market(t, Limits{PerSession: 4})
	v.do("alice", "GET", "/v1/session", nil)
	v.do("bob", "POST", "/v1/orders", limit("B", "sell", "100", "1", "b-1"))
	v.core.silent.Store(true)
	v.server.limits.Answer = 200 * time.Millisecond
	order := set(limit("A", "buy", "100", "1", "a-1"), "sent_at_ns", fmt.Sprint(time.Now().UnixNano()))
	if e := v.refused("alice", "POST", "/v1/orders", order, OutcomeUnknown); e.Status != 504 {
		t.Errorf("status %d", e.Status)
	}
	// All operations of a batch share the time.
	var ops []client.Operation
	for i := range 3 {
		ops = append(ops, client.Operation{Op: "new", Account: "A", Symbol: "BTC/USD", Side: "buy", Type: "limit", Price: "90", Quantity: "1", ClientOrderID: fmt.Sprint("x", i)})
	}
	r, err := v.keys["alice"].Batch(context.Background(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r {
		if outcome(&r[i]) != "outcome_unknown" {
			t.Errorf("operation %d: %s", i, outcome(&r[i]))
		}
	}
	if n := v.server.replies.open.Load(); n != 0 {
		t.Errorf("%d entries are still open", n)
	}
	v.server.limits.Answer = patience
	v.core.release()
	want(t, v.do("alice", "POST", "/v1/orders", order), map[string]string{"repeat": "true", "status": "filled", "filled": "1",
		"fills.0.trade_id": "1", "fills.0.liquidity": "taker", "fills_complete": "true"})
	results, err := v.keys["alice"].Settle(context.Background(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if o := results[i].Order; o == nil || !o.Repeat || o.Status != "new" {
			t.Errorf("operation %d: %+v", i, results[i])
		}
	}
}

// TestRefusedLater ends the wait for a command that the core took and then dropped.
func TestRefusedLater(t *testing.T) {
	v := market(t, Limits{})
	v.do("alice", "GET", "/v1/session", nil)
	v.core.silent.Store(true)
	done := make(chan error, 1)
	go func() {
		done <- v.keys["alice"].Do(context.Background(), "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-1"), nil)
	}()
	waitFor(t, "the command is under way", func() bool { return v.server.replies.open.Load() == 1 })
	v.server.Refused(wire.Origin{Node: v.server.replies.node + 2, Seq: v.server.replies.next.Load()}, errTestBusy) // somebody else's
	v.server.Refused(wire.Origin{Node: v.server.replies.node, Seq: v.server.replies.next.Load()}, errTestBusy)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("got %v", err)
	}
	v.core.release()
	want(t, v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-1")), map[string]string{"repeat": "true"})
}

// TestInFlightLimits refuses commands beyond those that may wait.
func TestInFlightLimits(t *testing.T) {
	v := market(t, Limits{PerSession: 2, InFlight: 3})
	v.do("alice", "GET", "/v1/session", nil)
	v.do("bob", "GET", "/v1/session", nil)
	v.core.silent.Store(true)
	var waiting sync.WaitGroup
	send := func(user, account, id string) {
		waiting.Go(func() {
			if err := v.keys[user].Do(context.Background(), "POST", "/v1/orders", limit(account, "buy", "90", "1", id), nil); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	send("alice", "A", "a-1")
	send("alice", "A", "a-2")
	waitFor(t, "two are under way", func() bool { return v.server.replies.open.Load() == 2 })
	v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-3"), TooManyRequests)
	send("bob", "B", "b-1")
	waitFor(t, "three are under way", func() bool { return v.server.replies.open.Load() == 3 })
	v.refused("bob", "POST", "/v1/orders", limit("B", "buy", "90", "1", "b-2"), Busy)
	v.core.release()
	waiting.Wait()
	want(t, v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-3")), map[string]string{"status": "new"})
}

// TestCancelsAreShedLast keeps an eighth of the places for cancels.
func TestCancelsAreShedLast(t *testing.T) {
	for name, l := range map[string]Limits{"in all": {InFlight: 8}, "of a session": {PerSession: 8}} {
		t.Run(name, func(t *testing.T) {
			v := market(t, l)
			v.do("alice", "GET", "/v1/session", nil)
			v.do("alice", "POST", "/v1/orders", limit("A", "buy", "80", "1", "resting"))
			v.core.silent.Store(true)
			var waiting sync.WaitGroup
			send := func(method, target string, body any) {
				waiting.Go(func() {
					if err := v.keys["alice"].Do(context.Background(), method, target, body, nil); err != nil {
						t.Errorf("%s %s: %v", method, target, err)
					}
				})
			}
			for i := range 7 {
				send("POST", "/v1/orders", limit("A", "buy", "90", "1", fmt.Sprintf("a-%d", i)))
			}
			waitFor(t, "seven are under way", func() bool { return v.server.replies.open.Load() == 7 })
			reason := Busy
			if l.PerSession != 0 {
				reason = TooManyRequests
			}
			v.refused("alice", "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-7"), reason)
			send("DELETE", "/v1/orders/by-client-id/resting?account=A", nil)
			waitFor(t, "the cancel is under way", func() bool { return v.server.replies.open.Load() == 8 })
			v.core.release()
			waiting.Wait()
		})
	}
}

// TestRates refuses requests beyond the rate of a session and of an address.
func TestRates(t *testing.T) {
	v := market(t, Limits{SessionRate: 1, SessionBump: 20, AddressRate: 1, AddressBump: 40})
	v.do("alice", "GET", "/v1/session", nil)
	v.clock.stop() // rates are by it
	refusals := 0
	for range 30 {
		if err := v.keys["alice"].Do(context.Background(), "GET", "/v1/session", nil, nil); err != nil {
			if !strings.Contains(err.Error(), "too_many_requests") {
				t.Fatal(err)
			}
			refusals++
		}
	}
	if refusals < 5 {
		t.Errorf("only %d of 31 requests were refused", refusals)
	}
	refusals = 0
	for range 60 {
		if strings.Contains(v.get("/v1/nothing", ""), "too_many_requests") {
			refusals++
		}
	}
	if refusals < 10 {
		t.Errorf("only %d of 60 requests were refused", refusals)
	}
	v.clock.advance(60 * time.Second)
	refusals = 0
	for range 60 {
		if strings.Contains(v.get("/v1/time", "Uncross-Session: x\r\n"), "too_many_requests") {
			refusals++
		}
	}
	if refusals < 10 {
		t.Errorf("with a header that nobody looks at, only %d of 60 requests were refused", refusals)
	}
	v.clock.advance(60 * time.Second)
	if a := v.get("/v1/time", ""); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Errorf("after a rest: %q", a)
	}
}

// TestThrottleForgets bounds what a throttle remembers.
func TestThrottleForgets(t *testing.T) {
	th := newThrottle[int](1, 2, 10)
	now := time.Unix(1000, 0)
	for k := range 1000 {
		if !th.take(k, now, 1) {
			t.Fatalf("key %d is refused", k)
		}
		if len(th.buckets) > 10 {
			t.Fatalf("%d keys", len(th.buckets))
		}
	}
	if th.take(999, now, 2) || !th.take(999, now, 1) || th.take(999, now, 1) {
		t.Error("the bucket of the last key is wrong")
	}
	if th.purge(now.Add(10 * time.Second)); len(th.buckets) != 0 {
		t.Errorf("%d keys after a rest", len(th.buckets))
	}
}

// TestAddressOf puts the addresses of one IPv6 host together.
func TestAddressOf(t *testing.T) {
	for in, w := range map[string]string{"10.1.2.3": "10.1.2.3", "::ffff:10.1.2.3": "10.1.2.3", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::"} {
		if got := addressOf(netip.MustParseAddr(in)).String(); got != w {
			t.Errorf("%s: %s, want %s", in, got, w)
		}
	}
}

// TestShutdown refuses commands while what is under way still ends.
func TestShutdown(t *testing.T) {
	v := market(t, Limits{})
	v.do("alice", "GET", "/v1/session", nil)
	v.core.silent.Store(true)
	done := make(chan error, 1)
	go func() {
		done <- v.keys["alice"].Do(context.Background(), "POST", "/v1/orders", limit("A", "buy", "90", "1", "a-1"), nil)
	}()
	waitFor(t, "the command is under way", func() bool { return v.server.replies.open.Load() == 1 })
	ended := make(chan error, 1)
	go func() { ended <- v.server.Shutdown(context.Background()) }()
	waitFor(t, "the shutdown begins", v.server.stopping.Load)
	v.core.release()
	if err := <-done; err != nil {
		t.Errorf("the command under way: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// TestTLS serves over TLS 1.2 and later, and not below.
func TestTLS(t *testing.T) {
	v := openVenue(t, Limits{})
	cert, key, pool := selfSigned(t)
	config, err := TLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := New(Config{Core: v.core, View: v.view, History: v.hist, Sessions: v.store})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- secure.Serve(ln, config) }()
	c := nethttp.Client{Transport: &nethttp.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	a, err := c.Get("https://" + ln.Addr().String() + "/v1/time")
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	if a.StatusCode != 200 || a.Header.Get("Strict-Transport-Security") == "" || a.TLS.Version < tls.VersionTLS12 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	c.CloseIdleConnections()
	if _, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	if err := secure.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := TLSConfig(cert, cert); err == nil {
		t.Error("a certificate without its key is taken")
	}
}

func selfSigned(t testing.TB) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return certFile, keyFile, pool
}
