package http

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// waitFor waits until a condition that must come true does.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long: %s", what)
		}
	}
}

// TestSessions logs on, shows who it is, and logs off.
func TestSessions(t *testing.T) {
	v := market(t, Limits{})
	a := v.do("alice", "GET", "/v1/session", nil)
	want(t, a, map[string]string{"user": "alice", "role": "trader", "key": id(v.raw["alice"].ID)})
	want(t, v.do("alice", "DELETE", "/v1/session", nil), map[string]string{"ended": "true"})
	b := v.do("alice", "GET", "/v1/session", nil) // the client logs on again by itself
	if text(a, "session") == text(b, "session") {
		t.Error("the session goes on after its end")
	}
	v.clock.advance(16 * time.Minute)
	v.core.offset = 16 * time.Minute
	if c := v.do("alice", "GET", "/v1/session", nil); text(b, "session") == text(c, "session") {
		t.Error("the session goes on after it expired")
	}
}

// get sends a GET with the given headers over a fresh connection, and returns status line and body as one text.
func (v *venue) get(target, headers string) string {
	return v.rawExchange("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n")
}

// TestAuthenticationIsRefused sends requests with every kind of wrong authentication.
func TestAuthenticationIsRefused(t *testing.T) {
	v := market(t, Limits{})
	const target = "/v1/balances?account=A"
	mustRefuse := func(what, answer, reason string) {
		t.Helper()
		if !strings.HasPrefix(answer, "HTTP/1.1 401 ") || !strings.Contains(answer, `"reason":"`+reason+`"`) {
			t.Errorf("%s: want %s in %q", what, reason, answer)
		}
	}
	h, good := v.signedHeaders("alice", "GET", target, nil)
	if a := v.get(target, good); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Fatalf("a good request: %q", a)
	}
	v.clock.stop() // a second more and what is from the future is no longer
	before := v.core.Status()
	mustRefuse("the same request again", v.get(target, good), "replayed_request")
	mustRefuse("no headers", v.get(target, ""), "not_authenticated")
	mustRefuse("half of the headers", v.get(target, "Uncross-Session: "+h.Session+"\r\n"), "malformed_authentication")
	mustRefuse("a header twice", v.get(target, good+"Uncross-Seq: 1\r\n"), "malformed_authentication")
	_, other := v.signedHeaders("alice", "GET", "/v1/balances?account=B", nil)
	mustRefuse("another address", v.get(target, other), "bad_signature")
	_, post := v.signedHeaders("alice", "POST", target, nil)
	mustRefuse("another method", v.get(target, post), "bad_signature")
	h2, _ := v.signedHeaders("alice", "GET", target, nil)
	h2.Mac[7] ^= 1
	mustRefuse("a flipped bit", v.get(target, headerText(&h2)), "bad_signature")
	h3, _ := v.signedHeaders("alice", "GET", target, nil)
	h3.Session = strings.Repeat("0", len(h3.Session))
	mustRefuse("no such session", v.get(target, headerText(&h3)), "unknown_session")
	_, early := v.signedHeaders("alice", "GET", target, nil)
	v.clock.advance(6 * time.Second)
	mustRefuse("too old", v.get(target, early), "outside_time_window")
	v.clock.advance(-12 * time.Second)
	mustRefuse("from the future", v.get(target, early), "outside_time_window")
	v.clock.advance(6 * time.Second)
	_, late := v.signedHeaders("alice", "GET", target, nil)
	v.clock.advance(16 * time.Minute)
	mustRefuse("expired", v.get(target, late), "session_expired")
	v.clock.advance(-16 * time.Minute)
	if v.core.Status() != before {
		t.Error("a refused request changed the venue")
	}
}

// TestLogonIsRefused sends logons with every kind of fault, and a good one twice.
func TestLogonIsRefused(t *testing.T) {
	v := market(t, Limits{})
	logon := func(change func(*auth.LogonRequest)) string {
		t.Helper()
		k := v.raw["alice"]
		p, err := auth.NewLogon(k, uint64(v.clock.now().UnixNano()))
		if err != nil {
			t.Fatal(err)
		}
		r := p.Request()
		change(&r)
		return v.logonRaw(&r)
	}
	before := v.core.Status().Seq
	for what, c := range map[string]struct {
		change func(*auth.LogonRequest)
		reason string
	}{
		"signature":     {func(r *auth.LogonRequest) { r.Signature[3] ^= 1 }, "bad_signature"},
		"nonce":         {func(r *auth.LogonRequest) { r.Nonce++ }, "bad_signature"},
		"another key":   {func(r *auth.LogonRequest) { r.Key = v.raw["bob"].ID }, "bad_signature"},
		"unknown key":   {func(r *auth.LogonRequest) { r.Key = 999 }, "unknown_key"},
		"old":           {func(r *auth.LogonRequest) { r.Nonce -= 11e9 }, "outside_time_window"},
		"short key":     {func(r *auth.LogonRequest) { r.ClientEphemeral = r.ClientEphemeral[1:] }, "invalid_value"},
		"no signature":  {func(r *auth.LogonRequest) { r.Signature = nil }, "missing_field"},
		"weak point":    {func(r *auth.LogonRequest) { r.ClientEphemeral = make([]byte, 32) }, "bad_signature"},
		"swapped point": {func(r *auth.LogonRequest) { r.ClientEphemeral[0] ^= 1 }, "bad_signature"},
	} {
		if a := logon(c.change); !strings.Contains(a, `"reason":"`+c.reason+`"`) {
			t.Errorf("%s: want %s in %q", what, c.reason, a)
		}
	}
	if got := v.core.Status().Seq; got != before {
		t.Errorf("%d commands entered the venue", got-before)
	}
	p, err := auth.NewLogon(v.raw["bob"], uint64(v.clock.now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	r := p.Request()
	if a := v.logonRaw(&r); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Fatalf("a good logon: %q", a)
	}
	if a := v.logonRaw(&r); !strings.Contains(a, `"reason":"stale_nonce"`) {
		t.Errorf("the same logon again: %q", a)
	}
	for range 10 {
		logon(func(r *auth.LogonRequest) { r.Signature[3] ^= 1 })
	}
	if a := logon(func(*auth.LogonRequest) {}); !strings.Contains(a, `"reason":"too_many_requests"`) {
		t.Errorf("after many failed logons: %q", a)
	}
	if strings.Contains(v.logs.String(), "ERROR") {
		t.Error("a client caused an error in the log")
	}
}

func (v *venue) logonRaw(r *auth.LogonRequest) string {
	v.t.Helper()
	b := jsonText(v.t, r)
	return v.rawExchange(fmt.Sprintf("POST /v1/logon HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(b), b))
}

// TestLogonWhileStarting logs on again and again at a node that is not ready, and with a clock that is off: neither says
// that the client is not who it says.
func TestLogonWhileStarting(t *testing.T) {
	v := market(t, Limits{})
	logon := func(off time.Duration) string {
		t.Helper()
		p, err := auth.NewLogon(v.raw["alice"], uint64(v.clock.now().Add(off).UnixNano()))
		if err != nil {
			t.Fatal(err)
		}
		r := p.Request()
		return v.logonRaw(&r)
	}
	v.core.notReady.Store(true)
	for range 15 {
		if a := logon(0); !strings.Contains(a, `"reason":"not_ready"`) {
			t.Fatalf("at a node that starts: %q", a)
		}
	}
	v.core.notReady.Store(false)
	for range 15 {
		if a := logon(-time.Minute); !strings.Contains(a, `"reason":"outside_time_window"`) {
			t.Fatalf("a minute late: %q", a)
		}
	}
	if a := logon(0); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Errorf("when it is ready: %q", a)
	}
}

// TestLogonAgainIsCounted sends the copy of a logon until it is no longer looked at.
func TestLogonAgainIsCounted(t *testing.T) {
	v := market(t, Limits{})
	p, err := auth.NewLogon(v.raw["alice"], uint64(v.clock.now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	r := p.Request()
	if a := v.logonRaw(&r); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Fatalf("a good logon: %q", a)
	}
	for range 10 {
		if a := v.logonRaw(&r); !strings.Contains(a, `"reason":"stale_nonce"`) {
			t.Fatalf("its copy: %q", a)
		}
	}
	before := v.core.Status().Seq
	if a := v.logonRaw(&r); !strings.Contains(a, `"reason":"too_many_requests"`) {
		t.Errorf("its copy after many: %q", a)
	}
	if got := v.core.Status().Seq; got != before {
		t.Errorf("%d commands entered the venue", got-before)
	}
}

// TestRevokedWhileLoggingOn revokes a key after its logon has been accepted and before there is a session to end.
func TestRevokedWhileLoggingOn(t *testing.T) {
	v := market(t, Limits{})
	alice := v.raw["alice"]
	hook := func(events []wire.Event) {
		for i := range events {
			if events[i].Kind != wire.EvAccepted {
				continue
			}
			var c wire.Command
			(&wire.RevokeKey{Key: alice.ID}).Put(&c)
			c.Key = wire.OperatorKey
			if err := v.core.Submit(&c); err != nil {
				t.Error(err)
			}
			waitFor(t, "the revocation is carried out", func() bool { return v.dropped.Load() == 1 })
			v.beforeReply.Store(nil)
			return
		}
	}
	before := v.store.Len()
	v.beforeReply.Store(&hook)
	p, err := auth.NewLogon(alice, uint64(v.clock.now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	r := p.Request()
	if a := v.logonRaw(&r); !strings.Contains(a, `"reason":"key_revoked"`) {
		t.Errorf("a logon with a key revoked meanwhile: %q", a)
	}
	if v.dropped.Load() != 1 {
		t.Error("the key was not revoked: the test is weaker than it looks")
	}
	if n := v.store.Len(); n != before {
		t.Errorf("%d sessions more", n-before)
	}
}

// TestRoles tries every route with every role: the route's access decides.
func TestRoles(t *testing.T) {
	v := market(t, Limits{})
	users := map[wire.Role]string{wire.Trader: "alice", wire.ReadOnly: "alice-reads", wire.Custodian: "custodian", wire.Operator: "operator"}
	before := v.core.Status()
	full := before.BusinessHash
	for _, r := range routeTable() {
		if r.access == public || r.path == "/v1/session" || r.path == "/v1/admin/snapshot" {
			continue
		}
		for role, user := range users {
			path := strings.NewReplacer("{order_id}", "77", "{client_order_id}", "none", "{symbol}", "NONE", "{key}", "77").Replace(r.path)
			var in any
			if r.body {
				in = m{"no such field": true}
			}
			err := v.plain(user).Do(context.Background(), r.method, path, in, nil)
			denied := err != nil && strings.Contains(err.Error(), "role_not_allowed")
			if allowed := r.access&(1<<role) != 0; denied == allowed {
				t.Errorf("%s %s as %s: %v", r.method, r.path, user, err)
			}
		}
	}
	if got := v.core.Status().BusinessHash; got != full {
		t.Error("something changed")
	}
}
