package http

import (
	"strings"
	"sync/atomic"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// keyID returns the number of a client's key.
func (v *venue) keyID(name string) string { return id(v.raw[name].ID) }

// newSession returns the body that defines a session.
func newSession(v *venue, compID, key, kind string) m {
	body := m{"comp_id": compID, "key": v.keyID(key), "kind": kind}
	if account, ok := map[string]string{"alice": "A", "bob": "B"}[key]; ok && kind == "trading" {
		body["account"] = account
	}
	return body
}

// TestSequencedSessions takes a session through its life: defined, listed, changed.
func TestSequencedSessions(t *testing.T) {
	v := market(t, Limits{})
	const op, path = "operator", "/v1/admin/sessions"

	// The venue makes a password and shows it once.
	a := v.do(op, "POST", path, newSession(v, "ALICE1", "alice", "trading"))
	want(t, a, map[string]string{"session_id": "1", "comp_id": "ALICE1", "kind": "trading", "key": v.keyID("alice"), "user": "alice",
		"account": "A", "enabled": "true", "sign_only": "false", "repeat": "<absent>", "live": "<absent>"})
	made := text(a, "password")
	if len(made) != 32 {
		t.Fatalf("the venue made the password %q", made)
	}
	v.holdsPassword("ALICE1", made, true)

	// The same again is the session that there is; its password stays and is not shown.
	for _, again := range []m{
		newSession(v, "ALICE1", "alice", "trading"),
		set(newSession(v, "ALICE1", "alice", "trading"), "password", "another-one"),
	} {
		a = v.do(op, "POST", path, again)
		want(t, a, map[string]string{"session_id": "1", "repeat": "true", "password": "<absent>"})
		if !strings.Contains(text(a, "detail"), "has not been changed") {
			t.Errorf("the answer to a repeat does not say that the password stays: %v", a)
		}
	}
	v.holdsPassword("ALICE1", made, true)
	v.holdsPassword("ALICE1", "another-one", false)

	// A password of the operator's own is never shown; sign_only means that there is none.
	a = v.do(op, "POST", path, set(newSession(v, "BOB1", "bob", "trading"), "password", "of-my-own!"))
	want(t, a, map[string]string{"session_id": "2", "password": "<absent>", "account": "B", "detail": "<absent>", "sign_only": "false"})
	v.holdsPassword("BOB1", "of-my-own!", true)
	a = v.do(op, "POST", path, set(newSession(v, "DROP", "alice-reads", "drop_copy"), "sign_only", true))
	want(t, a, map[string]string{"kind": "drop_copy", "sign_only": "true", "password": "<absent>", "account": "<absent>"})
	a = v.do(op, "POST", path, newSession(v, "MD/1", "alice-reads", "market_data"))
	want(t, a, map[string]string{"kind": "market_data", "comp_id": "MD/1"})

	// Changes: what is not given stays.
	a = v.do(op, "PATCH", path+"/ALICE1", m{"enabled": false})
	want(t, a, map[string]string{"enabled": "false", "sign_only": "false", "password": "<absent>"})
	v.holdsPassword("ALICE1", made, true)
	a = v.do(op, "PATCH", path+"/ALICE1", m{"new_password": true})
	want(t, a, map[string]string{"enabled": "false"})
	if next := text(a, "password"); len(next) != 32 || next == made {
		t.Errorf("the venue made the password %q", next)
	} else {
		v.holdsPassword("ALICE1", next, true)
		v.holdsPassword("ALICE1", made, false)
	}
	a = v.do(op, "PATCH", path+"/ALICE1", m{"password": "mine-then", "enabled": true})
	want(t, a, map[string]string{"enabled": "true", "password": "<absent>"})
	v.holdsPassword("ALICE1", "mine-then", true)
	a = v.do(op, "PATCH", path+"/MD%2F1", m{"sign_only": true})
	want(t, a, map[string]string{"sign_only": "true", "comp_id": "MD/1"})

	// The list has everything but secrets.
	l := v.do(op, "GET", path+"?limit=3", nil)
	want(t, l, map[string]string{"more": "true", "next": "3", "items.0.comp_id": "ALICE1", "items.1.comp_id": "BOB1", "items.2.comp_id": "DROP",
		"items.0.password": "<absent>", "items.0.live": "<absent>"})
	l = v.do(op, "GET", path+"?cursor=3", nil)
	want(t, l, map[string]string{"more": "false", "items.0.comp_id": "MD/1", "items.1": "<absent>"})

	for _, secret := range []string{made, "of-my-own!", "mine-then", "another-one"} {
		if strings.Contains(v.logs.String(), secret) {
			t.Error("a password is in the log")
		}
	}
}

// holdsPassword fails the test unless a session's stored hash fits a password, or does not.
func (v *venue) holdsPassword(compID, password string, fits bool) {
	v.t.Helper()
	s, ok := v.view.SessionByCompID(compID)
	if !ok || s.Password.Scheme != auth.Argon2id {
		v.t.Fatalf("%s: %v, scheme %d", compID, ok, s.Password.Scheme)
	}
	if auth.VerifyPassword(s.Password, password) != fits {
		v.t.Errorf("%s: the password fits: %v", compID, !fits)
	}
}

func TestSequencedSessionsRefused(t *testing.T) {
	v := market(t, Limits{})
	const op, path = "operator", "/v1/admin/sessions"
	v.do(op, "POST", path, newSession(v, "ALICE1", "alice", "trading"))
	for _, c := range []struct {
		user, method, path string
		in                 m
		reason             wire.Reason
		field              string
	}{
		{"alice", "POST", path, newSession(v, "X", "alice", "trading"), wire.RoleNotAllowed, ""},
		{"custodian", "GET", path, nil, wire.RoleNotAllowed, ""},
		{"alice", "PATCH", path + "/ALICE1", m{"enabled": false}, wire.RoleNotAllowed, ""},
		{op, "POST", path, m{"key": "2", "kind": "trading"}, MissingField, "comp_id"},
		{op, "POST", path, m{"comp_id": "X", "kind": "trading"}, MissingField, "key"},
		{op, "POST", path, m{"comp_id": "X", "key": "2"}, MissingField, "kind"},
		{op, "POST", path, newSession(v, " X", "alice", "trading"), wire.InvalidName, "comp_id"},
		{op, "POST", path, newSession(v, "X", "alice", "fast"), wire.InvalidSession, "kind"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "key", 2), WrongType, "key"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "key", "4294967296"), InvalidValue, "key"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "key", "99"), wire.UnknownKey, "key"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "account", "Z"), wire.UnknownAccount, "account"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "password", ""), InvalidValue, "password"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "password", "short"), InvalidValue, "password"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "password", 12345678), WrongType, "password"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "password", "with a space"), InvalidValue, "password"},
		{op, "POST", path, set(set(newSession(v, "X", "alice", "trading"), "password", "long-enough"), "sign_only", true), InvalidValue, "password"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "new_password", true), UnknownField, "new_password"},
		{op, "POST", path, newSession(v, "ALICE1", "bob", "trading"), wire.DuplicateName, ""},
		{op, "POST", path, newSession(v, "ALICE1", "alice", "drop_copy"), wire.DuplicateName, ""},
		{op, "POST", path, newSession(v, "X", "operator", "drop_copy"), wire.InvalidSession, ""},
		{op, "POST", path, set(newSession(v, "X", "alice", "drop_copy"), "account", "A"), wire.InvalidSession, ""},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "account", nil), MissingField, "account"},
		{op, "POST", path, set(newSession(v, "X", "alice", "trading"), "account", "B"), wire.NotYourAccount, ""},
		{op, "PATCH", path + "/NOBODY", m{"enabled": false}, wire.UnknownSession, "comp_id"},
		{op, "PATCH", path + "/ALICE1", m{}, MissingField, ""},
		{op, "PATCH", path + "/ALICE1", m{"sign_only": false}, MissingField, ""},
		{op, "PATCH", path + "/ALICE1", m{"enabled": "yes"}, WrongType, "enabled"},
		{op, "PATCH", path + "/ALICE1", m{"password": "short"}, InvalidValue, "password"},
		{op, "PATCH", path + "/ALICE1", m{"password": "long-enough", "new_password": true}, InvalidValue, "password"},
		{op, "PATCH", path + "/ALICE1", m{"sign_only": true, "new_password": true}, InvalidValue, "password"},
		{op, "PATCH", path + "/ALICE1", m{"kind": "drop_copy", "enabled": true}, UnknownField, "kind"},
	} {
		var in any
		if c.in != nil {
			in = c.in
		}
		e := v.refused(c.user, c.method, c.path, in, c.reason)
		if e.Field != c.field {
			t.Errorf("%s %s %v: refused for the field %q, want %q", c.method, c.path, c.in, e.Field, c.field)
		}
		for _, secret := range []string{"with a space", "long-enough"} {
			if strings.Contains(e.Error(), secret) {
				t.Errorf("a refusal has the password: %v", e)
			}
		}
	}
	if l := v.do(op, "GET", path, nil); text(l, "items", "1") != "<absent>" {
		t.Errorf("a refusal defined a session: %v", l)
	}
}

// states is a Sequenced of the test's own.
type states struct{ n atomic.Uint64 }

func (s *states) Sequenced() func(id wire.SessionID) (SequencedState, bool) {
	return func(id wire.SessionID) (SequencedState, bool) {
		return SequencedState{LoggedOn: true, Remote: "127.0.0.1:5", Since: 1e18, NextIn: s.n.Load(), NextOut: 7}, id == 2
	}
}

func TestSequencedState(t *testing.T) {
	v := market(t, Limits{})
	now := &states{}
	now.n.Store(41)
	v.server.sequenced = now
	v.do("operator", "POST", "/v1/admin/sessions", newSession(v, "ALICE1", "alice", "trading"))
	v.do("operator", "POST", "/v1/admin/sessions", newSession(v, "BOB1", "bob", "trading"))
	want(t, v.do("operator", "GET", "/v1/admin/sessions", nil), map[string]string{"items.0.live": "<absent>",
		"items.1.live.logged_on": "true", "items.1.live.next_in": "41", "items.1.live.next_out": "7",
		"items.1.live.remote": "127.0.0.1:5", "items.1.live.since": "2001-09-09T01:46:40.000000000Z"})
}

// TestGatewayOrigin: the number that the gateway gives itself is never taken for a session's.
func TestGatewayOrigin(t *testing.T) {
	v := market(t, Limits{})
	if _, _, _, ok := (wire.Origin{Node: v.server.replies.node, Seq: 1}).Session(); ok || v.server.replies.node == 0 {
		t.Errorf("the gateway's number is %x", v.server.replies.node)
	}
}
