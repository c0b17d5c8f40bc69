package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
)

// clock is a clock that stands still until it is told.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.ns.Load()) }
func (c *clock) add(d time.Duration) { c.ns.Add(int64(d)) }

func newTestKey(t testing.TB) Key {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	k.ID, k.User, k.Role = 7, "alice", wire.Trader
	return k
}

// logon goes through a whole logon, JSON included, and returns both sides.
func logon(t testing.TB, s *Store, c *clock, k *Key) (*ClientSession, *Session) {
	t.Helper()
	p, err := NewLogon(k, uint64(c.now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p.Request())
	if err != nil {
		t.Fatal(err)
	}
	var r LogonRequest
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(k.Public(), c.now()); err != nil {
		t.Fatal(err)
	}
	server, answer, err := s.Open(&r)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(answer); err != nil {
		t.Fatal(err)
	}
	var a LogonAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	client, err := p.Complete(a)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// sent returns headers as they come out at the server.
func sent(t testing.TB, h Headers) *Headers {
	t.Helper()
	values := map[string]string{}
	h.Each(func(name, value string) { values[name] = value })
	got, err := ParseHeaders(values[HeaderSession], values[HeaderSeq], values[HeaderTime], values[HeaderMac])
	if err != nil {
		t.Fatal(err)
	}
	return &got
}

func TestSession(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{}, c.now)
	k := newTestKey(t)
	client, server := logon(t, s, c, &k)
	if server.Key() != 7 || server.ID() != client.ID() || !server.Expires().Equal(client.Expires()) {
		t.Errorf("server has key %d, session %s until %v; client %s until %v", server.Key(), server.ID(), server.Expires(), client.ID(), client.Expires())
	}
	for i := range 3000 {
		h := sent(t, client.Sign("POST", "/v1/orders?x=1", []byte("body"), c.now()))
		if got, err := s.Verify(h, "POST", "/v1/orders?x=1", []byte("body")); err != nil || got != server {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if other, _ := logon(t, s, c, &k); other.ID() == client.ID() || bytes.Equal(other.mac, client.mac) {
		t.Error("two sessions are equal")
	}
}

// The strings are part of the interface: other clients build them.
func TestSignedStrings(t *testing.T) {
	r := LogonRequest{Key: 7, Nonce: 1740830400000000000, ClientEphemeral: []byte{0xab, 0x01}}
	if got, want := string(r.AppendSigned(nil)), "uncross-logon-v1\n7\n1740830400000000000\nab01"; got != want {
		t.Errorf("logon %q, want %q", got, want)
	}
	got := string(AppendRequest(nil, "POST", "/v1/orders?a=b", 12, 1740830400000, []byte("{}")))
	want := "uncross-request-v1\nPOST\n/v1/orders?a=b\n12\n1740830400000\n44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	if got != want {
		t.Errorf("request %q, want %q", got, want)
	}
	text, err := json.Marshal(r)
	if want := `{"key":"7","nonce":"1740830400000000000","client_ephemeral":"qwE=","signature":null}`; err != nil || string(text) != want {
		t.Errorf("JSON %s, want %s", text, want)
	}
}

// Every part of a request that is changed on the way makes the MAC wrong, and uses up no sequence number.
func TestTampering(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{}, c.now)
	k := newTestKey(t)
	client, _ := logon(t, s, c, &k)
	other, _ := logon(t, s, c, &k)
	const method, target = "POST", "/v1/orders"
	body := []byte(`{"qty":"1"}`)
	good := *sent(t, client.Sign(method, target, body, c.now()))
	change := func(f func(h *Headers)) *Headers {
		h := good
		f(&h)
		return &h
	}
	for name, err := range map[string]error{
		"method":  second(s.Verify(&good, "PUT", target, body)),
		"path":    second(s.Verify(&good, method, "/v1/order", body)),
		"query":   second(s.Verify(&good, method, target+"?x=1", body)),
		"body":    second(s.Verify(&good, method, target, []byte(`{"qty":"2"}`))),
		"no body": second(s.Verify(&good, method, target, nil)),
		"seq":     second(s.Verify(change(func(h *Headers) { h.Seq++ }), method, target, body)),
		"time":    second(s.Verify(change(func(h *Headers) { h.TimeMs++ }), method, target, body)),
		"mac":     second(s.Verify(change(func(h *Headers) { h.Mac[31] ^= 1 }), method, target, body)),
		"session": second(s.Verify(change(func(h *Headers) { h.Session = other.ID() }), method, target, body)),
	} {
		if err != ErrBadMac {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	// A line break in one field must not make it two.
	forged := AppendRequest(nil, "POST", "/v1/orders\n5", 6, 7, nil)
	if bytes.Equal(forged, AppendRequest(nil, "POST", "/v1/orders", 5, 6, nil)) {
		t.Error("two requests have one string")
	}
	if _, err := s.Verify(&good, method, target, body); err != nil {
		t.Errorf("the untouched request: %v", err)
	}
	if _, err := s.Verify(&good, method, target, body); err != ErrReplayed {
		t.Errorf("the same request again: %v", err)
	}
}

func second(_ *Session, err error) error { return err }

// Of several errors the first in the documented order is told.
func TestPrecedence(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{}, c.now)
	k := newTestKey(t)
	client, _ := logon(t, s, c, &k)
	h := client.Sign("GET", "/", nil, c.now())
	if _, err := s.Verify(&h, "GET", "/", nil); err != nil {
		t.Fatal(err)
	}
	// From the last to the first: each step adds an error that hides the ones before.
	steps := []struct {
		spoil func()
		want  error
	}{
		{func() {}, ErrReplayed},
		{func() { h.Mac[0] ^= 1 }, ErrBadMac},
		{func() { c.add(time.Minute) }, ErrTimeWindow},
		{func() { c.add(time.Hour) }, ErrExpired},
		{func() { h.Session = strings.Repeat("0", 32) }, ErrUnknownSession},
	}
	for _, step := range steps {
		step.spoil()
		if _, err := s.Verify(&h, "GET", "/", nil); err != step.want {
			t.Errorf("got %v, want %v", err, step.want)
		}
	}
}

func TestTimeWindowEdges(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{}, c.now)
	k := newTestKey(t)
	client, _ := logon(t, s, c, &k)
	for _, step := range []struct {
		off  time.Duration
		want error
	}{
		{-5 * time.Second, nil}, {-5*time.Second - time.Millisecond, ErrTimeWindow},
		{5 * time.Second, nil}, {5*time.Second + time.Millisecond, ErrTimeWindow},
		{-24 * 365 * time.Hour, ErrTimeWindow},
	} {
		h := client.Sign("GET", "/", nil, c.now().Add(step.off))
		if _, err := s.Verify(&h, "GET", "/", nil); err != step.want {
			t.Errorf("%v off: %v, want %v", step.off, err, step.want)
		}
	}
	h := Headers{Session: client.ID(), Seq: 99, TimeMs: 1<<63 - 1}
	if _, err := s.Verify(&h, "GET", "/", nil); err != ErrTimeWindow {
		t.Errorf("the end of time: %v", err)
	}
}

func TestLogonVerify(t *testing.T) {
	c := newClock()
	k, thief := newTestKey(t), newTestKey(t)
	now := uint64(c.now().UnixNano())
	sign := func(nonce uint64) *LogonRequest {
		p, err := NewLogon(&k, nonce)
		if err != nil {
			t.Fatal(err)
		}
		r := p.Request()
		return &r
	}
	window := uint64(10 * time.Second)
	for name, step := range map[string]struct {
		r    *LogonRequest
		pub  [32]byte
		want error
	}{
		"good":                {sign(now), k.Public(), nil},
		"oldest":              {sign(now - window), k.Public(), nil},
		"too old":             {sign(now - window - 1), k.Public(), ErrLogonWindow},
		"newest":              {sign(now + window), k.Public(), nil},
		"too new":             {sign(now + window + 1), k.Public(), ErrLogonWindow},
		"not a time":          {sign(1<<64 - 1), k.Public(), ErrLogonWindow},
		"zero":                {sign(0), k.Public(), ErrLogonWindow},
		"another's key":       {sign(now), thief.Public(), ErrSignature},
		"no signature":        {&LogonRequest{Key: 7, Nonce: now, ClientEphemeral: make([]byte, 32)}, k.Public(), ErrSignature},
		"no ephemeral":        {&LogonRequest{Key: 7, Nonce: now}, k.Public(), ErrEphemeral},
		"all-zero public key": {sign(now), [32]byte{}, ErrSignature},
	} {
		if err := step.r.Verify(step.pub, c.now()); err != step.want {
			t.Errorf("%s: %v, want %v", name, err, step.want)
		}
	}
	for name, spoil := range map[string]func(r *LogonRequest){
		"key":       func(r *LogonRequest) { r.Key++ },
		"nonce":     func(r *LogonRequest) { r.Nonce++ },
		"ephemeral": func(r *LogonRequest) { r.ClientEphemeral[5] ^= 1 },
		"signature": func(r *LogonRequest) { r.Signature[5] ^= 1 },
		"cut short": func(r *LogonRequest) { r.Signature = r.Signature[:63] },
	} {
		r := sign(now)
		spoil(r)
		if err := r.Verify(k.Public(), c.now()); err != ErrSignature {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

// A client's X25519 key of small order would make the session's key known to everybody.
func TestWeakEphemeral(t *testing.T) {
	s := NewStore(Limits{}, newClock().now)
	for _, weak := range [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...)} {
		if _, _, err := s.Open(&LogonRequest{Key: 1, ClientEphemeral: weak}); err != ErrEphemeral {
			t.Errorf("%x: %v", weak[:2], err)
		}
	}
	k := newTestKey(t)
	p, err := NewLogon(&k, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]LogonAnswer{
		"weak key": {Session: strings.Repeat("a", 32), ServerEphemeral: make([]byte, 32)},
		"no key":   {Session: strings.Repeat("a", 32)},
		"no id":    {ServerEphemeral: bytes.Repeat([]byte{9}, 32)},
	} {
		if _, err := p.Complete(a); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestStoreLimits(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{Sessions: 3, PerKey: 2, TTL: time.Minute}, c.now)
	k1, k2 := newTestKey(t), newTestKey(t)
	k2.ID = 8
	first, _ := logon(t, s, c, &k1)
	kept, _ := logon(t, s, c, &k1)
	logon(t, s, c, &k1)
	check := func(client *ClientSession, want error) {
		t.Helper()
		h := client.Sign("GET", "/", nil, c.now())
		if _, err := s.Verify(&h, "GET", "/", nil); err != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	check(first, ErrUnknownSession) // the key's oldest made room
	check(kept, nil)
	logon(t, s, c, &k2)
	if s.Len() != 3 {
		t.Errorf("%d sessions", s.Len())
	}
	p, err := NewLogon(&k2, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Request()
	if _, _, err := s.Open(&r); err != ErrTooManySessions {
		t.Errorf("a fourth session: %v", err)
	}
	c.add(time.Minute - 1)
	check(kept, nil)
	c.add(1)
	check(kept, ErrExpired)
	if _, _, err := s.Open(&r); err != nil || s.Len() != 1 {
		t.Errorf("after expiry: %v, %d sessions", err, s.Len())
	}
	if n := s.DropKey(8); n != 1 || s.Len() != 0 || s.DropKey(8) != 0 {
		t.Errorf("dropped %d, left %d", n, s.Len())
	}
	again, _ := logon(t, s, c, &k1)
	if !s.End(again.ID()) || s.End(again.ID()) || s.Len() != 0 {
		t.Error("end of a session")
	}
	logon(t, s, c, &k1)
	c.add(time.Hour)
	if s.Purge() != 1 || s.Len() != 0 || len(s.byKey) != 0 {
		t.Error("purge")
	}
}

// TestDone: whatever takes a session out of the store closes its channel, and nothing else does.
func TestDone(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{PerKey: 2, TTL: time.Minute}, c.now)
	k, other := newTestKey(t), newTestKey(t)
	other.ID = 8
	over := func(n *Session) bool {
		select {
		case <-n.Done():
			return true
		default:
			return false
		}
	}
	_, first := logon(t, s, c, &k)
	_, second := logon(t, s, c, &k)
	_, kept := logon(t, s, c, &other)
	if over(first) || over(second) || over(kept) {
		t.Fatal("over at once")
	}
	_, third := logon(t, s, c, &k)
	if !over(first) || over(second) {
		t.Error("the oldest made room and does not know it")
	}
	if s.End(second.ID()); !over(second) || over(third) {
		t.Error("after End")
	}
	if s.DropKey(7); !over(third) || over(kept) {
		t.Error("after DropKey")
	}
	c.add(time.Minute)
	if over(kept) {
		t.Error("expiry alone is not seen by the channel")
	}
	if s.Purge(); !over(kept) {
		t.Error("after Purge")
	}
}

// A sequence number is good once, however many try at the same time.
func TestConcurrentReplay(t *testing.T) {
	c := newClock()
	s := NewStore(Limits{}, c.now)
	k := newTestKey(t)
	client, _ := logon(t, s, c, &k)
	var requests []Headers
	for range 200 {
		requests = append(requests, client.Sign("GET", "/", nil, c.now()))
	}
	var ok atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range requests {
				if _, err := s.Verify(&requests[i], "GET", "/", nil); err == nil {
					ok.Add(1)
				}
			}
		})
	}
	all.Wait()
	if ok.Load() != 200 {
		t.Errorf("%d accepted, want 200", ok.Load())
	}
}

func TestValidPublicKey(t *testing.T) {
	for range 50 {
		k := newTestKey(t)
		if pub := k.Public(); !ValidPublicKey(pub[:]) {
			t.Fatalf("%x refused", pub)
		}
	}
	bad := map[string][]byte{
		"empty":         nil,
		"short":         make([]byte, 31),
		"all zero":      make([]byte, 32),
		"neutral":       append([]byte{1}, make([]byte, 31)...),
		"not canonical": bytes.Repeat([]byte{0xff}, 32),
	}
	for i, y := range smallY {
		b := y.FillBytes(make([]byte, 32))
		for l, r := 0, 31; l < r; l, r = l+1, r-1 {
			b[l], b[r] = b[r], b[l]
		}
		bad[string(rune('0'+i))+" small order"] = b
	}
	for name, pub := range bad {
		if ValidPublicKey(pub) {
			t.Errorf("%s accepted", name)
		}
	}
	off := 0 // half of all y have no point
	for i := range 64 {
		pub := append([]byte{byte(i + 2)}, make([]byte, 31)...)
		if ValidPublicKey(pub) != decodes(pub) {
			t.Errorf("y = %d: accepted is %v, Ed25519 decodes it is %v", i+2, ValidPublicKey(pub), decodes(pub))
		}
		if !ValidPublicKey(pub) {
			off++
		}
	}
	if off < 16 || off > 48 {
		t.Errorf("%d of 64 are off the curve", off)
	}
}

// decodes asks the standard library: it tells a public key that is no point from a signature that does not fit.
func decodes(pub []byte) bool {
	sig := make([]byte, ed25519.SignatureSize)
	err := ed25519.VerifyWithOptions(pub, nil, sig, &ed25519.Options{})
	return err == nil || strings.Contains(err.Error(), "invalid signature")
}

func TestErrorsAreDistinct(t *testing.T) {
	all := []error{ErrLogonWindow, ErrEphemeral, ErrSignature, ErrTooManySessions, ErrNoSession, ErrHeader, ErrUnknownSession, ErrExpired, ErrTimeWindow, ErrBadMac, ErrReplayed}
	for i, a := range all {
		for j, b := range all {
			if (i == j) != errors.Is(a, b) {
				t.Errorf("%v and %v", a, b)
			}
		}
	}
}

// The points of order 8 double to those of order 4, whose y is 0: d·y⁴ + 2·y² - 1 = 0.
func TestSmallOrderConstants(t *testing.T) {
	for _, y := range smallY[3:] {
		y2 := new(big.Int).Exp(y, big.NewInt(2), curveP)
		v := new(big.Int).Mul(curveD, y2)
		v.Mul(v, y2).Add(v, y2).Add(v, y2).Sub(v, big.NewInt(1))
		if v.Mod(v, curveP).Sign() != 0 {
			t.Errorf("y = %x is not of order 8", y)
		}
	}
}
