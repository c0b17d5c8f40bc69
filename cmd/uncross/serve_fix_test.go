package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/fix/message"
)

// fixClient is the least that can log on by FIX.
type fixClient struct {
	t    *testing.T
	conn net.Conn
	in   *message.Reader
	name string
	seq  uint64
}

func newFIXClient(t *testing.T, conn net.Conn, name string) *fixClient {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &fixClient{t: t, conn: conn, in: message.NewReader(conn, 1<<16), name: name}
}

func (c *fixClient) send(b *message.Body) {
	c.t.Helper()
	c.seq++
	h := message.Header{Sender: c.name, Target: "UNCROSS", Seq: c.seq, SendingNs: time.Now().UnixNano()}
	if _, err := c.conn.Write(message.AppendMessage(nil, &h, b)); err != nil {
		c.t.Error(err)
	}
}

// logon sends a logon that starts both numbers again.
func (c *fixClient) logon(password string) {
	c.t.Helper()
	c.seq = 0
	c.send(message.NewBody(message.Logon).Int(message.TagEncryptMethod, 0).Int(message.TagHeartBtInt, 30).
		Bool(message.TagResetSeqNumFlag, true).Str(message.TagUsername, c.name).Str(message.TagPassword, password))
}

// next returns the next message, or nothing when the connection has ended.
func (c *fixClient) next() (m message.Message, ok bool) {
	frame, err := c.in.Next()
	if err != nil {
		return m, false
	}
	if err := m.Parse(append([]byte(nil), frame...)); err != nil {
		c.t.Error(err)
		return m, false
	}
	return m, true
}

func (c *fixClient) want(msgType string) message.Message {
	c.t.Helper()
	m, ok := c.next()
	if !ok || m.Type() != msgType {
		c.t.Fatalf("got %q (%s), expected %s", m.Type(), m.String(message.TagText), msgType)
	}
	return m
}

// TestServeFIX defines a session through the operators' interface and uses it over TLS: with the right password, with a
// wrong one, disabled, with a new one, without TLS. No password is in the log, at any level.
func TestServeFIX(t *testing.T) {
	v, _, roots := secureVenue(t, "--fix-listen", "127.0.0.1:0", "--log-level", "debug")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	operator, err := client.New(client.Config{URL: "https://" + v.address, Key: &v.operator, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	admin := func(method, path string, in, out any) {
		t.Helper()
		if err := operator.Until(ctx, method, "/v1/admin/"+path, in, out); err != nil {
			t.Fatal(err)
		}
	}
	trader, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	pub := trader.Public()
	var made struct{ Key, Password string }
	admin("POST", "firms", object{"name": "Broker"}, nil)
	admin("POST", "users", object{"name": "alice", "firm": "Broker"}, nil)
	admin("POST", "keys", object{"user": "alice", "role": wire.Trader.String(), "public_key": base64.StdEncoding.EncodeToString(pub[:])}, &made)
	admin("POST", "accounts", object{"name": "A", "user": "alice"}, nil)
	admin("POST", "sessions", object{"comp_id": "ALICE", "key": made.Key, "kind": "trading", "account": "A"}, &made)
	if len(made.Password) != 32 {
		t.Fatalf("the venue made the password %q", made.Password)
	}
	dial := func() *fixClient {
		t.Helper()
		conn, err := tls.Dial("tcp", v.fix, &tls.Config{RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		return newFIXClient(t, conn, "ALICE")
	}
	type states struct {
		Items []struct {
			Live struct {
				LoggedOn bool   `json:"logged_on"`
				NextIn   string `json:"next_in"`
			}
		}
	}

	c := dial()
	c.logon("not-the-password")
	if m := c.want(message.Logout); m.String(message.TagText) == "" {
		t.Error("the answer to a wrong password does not say why")
	}
	c.conn.Close()
	c = dial()
	c.logon(made.Password)
	c.want(message.Logon)
	c.send(message.NewBody(message.TestRequest).Str(message.TagTestReqID, "there"))
	if m := c.want(message.Heartbeat); m.String(message.TagTestReqID) != "there" {
		t.Errorf("the heartbeat answers %q", m.String(message.TagTestReqID))
	}
	var s states
	if admin("GET", "sessions", nil, &s); len(s.Items) != 1 || !s.Items[0].Live.LoggedOn || s.Items[0].Live.NextIn != "3" {
		t.Errorf("the list of sessions says %+v", s)
	}

	admin("PATCH", "sessions/ALICE", object{"enabled": false}, nil)
	c.want(message.Logout)
	c.send(message.NewBody(message.Logout))
	if m, ok := c.next(); ok {
		t.Errorf("after its end the session has %s", m.Type())
	}
	for s.Items[0].Live.LoggedOn {
		if ctx.Err() != nil {
			t.Fatal("a session that has been disabled stays logged on")
		}
		s = states{}
		admin("GET", "sessions", nil, &s)
	}
	c = dial()
	c.logon(made.Password)
	if m, ok := c.next(); ok && m.Type() == message.Logon {
		t.Error("a session that is disabled was logged on")
	}
	old := made.Password
	admin("PATCH", "sessions/ALICE", object{"enabled": true, "new_password": true}, &made)
	c = dial()
	c.logon(made.Password)
	c.want(message.Logon)

	plain, err := net.Dial("tcp", v.fix)
	if err != nil {
		t.Fatal(err)
	}
	if p := newFIXClient(t, plain, "ALICE"); p != nil {
		p.logon(made.Password)
		if m, ok := p.next(); ok {
			t.Errorf("without TLS there is an answer: %s", m.Type())
		}
	}

	last := make(chan string)
	go func() {
		m, _ := c.next()
		c.send(message.NewBody(message.Logout))
		last <- m.Type()
	}()
	said, err := v.stop(syscall.SIGTERM)
	if err != nil {
		t.Errorf("told to stop: %v", err)
	}
	if told := <-last; told != message.Logout {
		t.Errorf("the end of the server is told with %q", told)
	}
	for _, secret := range []string{old, made.Password, "not-the-password"} {
		if strings.Contains(said, secret) {
			t.Error("a password is in the log")
		}
	}
	if lines, status, text := v.verify(); status != 0 || !strings.Contains(lines["FIX store"], "records, to command") {
		t.Errorf("verify: status %d\n%s", status, text)
	}
}

// TestServeWithoutFIX: nothing is listened on unless it is asked for, or the venue is one for development.
func TestServeWithoutFIX(t *testing.T) {
	for _, c := range []struct {
		serve serveCmd
		want  string
	}{
		{serveCmd{}, ""}, {serveCmd{Dev: true}, fixDev}, {serveCmd{Dev: true, FixListen: "off"}, ""},
		{serveCmd{FixListen: "127.0.0.1:1"}, "127.0.0.1:1"}, {serveCmd{Dev: true, FixListen: "127.0.0.1:1"}, "127.0.0.1:1"},
	} {
		if got := c.serve.fixAddress(); got != c.want {
			t.Errorf("%+v listens on %q, expected %q", fmt.Sprint(c.serve.Dev, " ", c.serve.FixListen), got, c.want)
		}
	}
	v := newVenue(t)
	v.mustStart()
	if v.fix != "" {
		t.Errorf("FIX on %s", v.fix)
	}
}

// TestFIXSettingsWithoutFIX: a setting of FIX is refused where nothing says that FIX is to be spoken; switched off by name, it
// may stay.
func TestFIXSettingsWithoutFIX(t *testing.T) {
	base := serveCmd{Listen: "127.0.0.1:0", NodeID: "n", FixCompID: "UNCROSS"}
	if err := base.Validate(); err != nil {
		t.Fatal(err)
	}
	for flag, set := range map[string]func(*serveCmd){
		"comp-id":                     func(c *serveCmd) { c.FixCompID = "OTHER" },
		"plain":                       func(c *serveCmd) { c.FixPlain = true },
		"reset-at":                    func(c *serveCmd) { c.FixResetAt = "22:00" },
		"rate":                        func(c *serveCmd) { c.FixRate = 1 },
		"max-connections":             func(c *serveCmd) { c.FixMaxConns = 1 },
		"max-connections-per-address": func(c *serveCmd) { c.FixMaxConnsPerIP = 1 },
	} {
		c := base
		set(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "--fix-"+flag+" without FIX") {
			t.Errorf("--fix-%s without FIX: %v", flag, err)
		}
		for _, listen := range []string{fixOff, "127.0.0.1:0"} {
			if c.FixListen = listen; c.Validate() != nil {
				t.Errorf("--fix-%s with --fix-listen %s: %v", flag, listen, c.Validate())
			}
		}
		c.FixListen, c.Dev = "", true
		if err := c.Validate(); err != nil {
			t.Errorf("--fix-%s with --dev: %v", flag, err)
		}
	}
}

// TestFIXAddress shows where clients are sent who log on at another node: nowhere that leads them to their own machine.
func TestFIXAddress(t *testing.T) {
	for listens, told := range map[string]string{"127.0.0.1:9880": "127.0.0.1:9880", "10.0.0.1:1": "10.0.0.1:1", "0.0.0.0:9880": "", "[::]:9880": ""} {
		at, err := net.ResolveTCPAddr("tcp", listens)
		if err != nil {
			t.Fatal(err)
		}
		if got := tellable(at); got != told {
			t.Errorf("%s is told as %q, expected %q", listens, got, told)
		}
	}
	for args, says := range map[string]string{"--fix-advertise=venue.example": "--fix-advertise", "--fix-silent": "--fix-silent without FIX"} {
		if status, _, said := call("", "serve", "--raft-addr", "127.0.0.1:0", args); status != exitUsage || !strings.Contains(said, says) {
			t.Errorf("%s: status %d, %q", args, status, said)
		}
	}
}
