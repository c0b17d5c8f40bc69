package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestFixBody(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for text, want := range map[string]string{
		"D|11=a|55=BTC-USD|60=20260101-00:00:00": "D|11=a|55=BTC-USD|60=20260101-00:00:00|",
		"35=D|11=a|":                             "D|11=a|60=20260102-03:04:05.000006|",
		"V|262=1|146=2|55=X|55=Y":                "V|262=1|146=2|55=X|55=Y|",
		"F|11=b|41=a=b|58=with = in":             "F|11=b|41=a=b|58=with = in|60=20260102-03:04:05.000006|",
	} {
		b, err := fixBody(text, now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := strings.ReplaceAll(string(b.AppendTo(nil)), "\x01", "|"); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for _, bad := range []string{"", "11=a|55=X", "D|x", "D|11=", "D|0=a", "D|=a", "D||11=a"} {
		if _, err := fixBody(bad, now); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestParseFixURL(t *testing.T) {
	got, err := parseFixURL("fixs://ALICE1:pass%20word@127.0.0.1:9880")
	if want := (fixURL{compID: "ALICE1", password: "pass word", address: "127.0.0.1:9880", tls: true}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"http://a:b@h:1", "fix://a@h:1", "fix://:b@h:1", "fix://a:b@h", "fix://a:b@h:1/x", "fix://a:se%cret@h:1", "alice"} {
		if _, err := parseFixURL(bad); err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestFixWithoutALogon tells at once why there is none, and takes the address from wherever it is.
func TestFixWithoutALogon(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	to := "fix://ALICE1:a-secret@" + address
	check := func(what string, args ...string) {
		t.Helper()
		status, _, says := call("", args...)
		if status != exitFailed || strings.Count(says, "connection refused") != 1 || !strings.Contains(says, address) || strings.Contains(says, "secret") {
			t.Errorf("%s: status %d, %s", what, status, says)
		}
	}
	check("argument", "fix", to, "0|112=x")
	check("flag", "fix", "--to", to, "0|112=x")
	if status, _, says := call("", "fix", "0|112=x"); status != exitFailed || !strings.Contains(says, errFixURL.Error()) {
		t.Errorf("no address: status %d, %s", status, says)
	}
	t.Setenv("UNCROSS_FIX_TO", to)
	check("environment", "fix", "0|112=x")
	t.Setenv("UNCROSS_FIX_TO", "fix://OTHER:x@127.0.0.1:1")
	check("argument before the environment", "fix", to)
}

// TestReplayToFromTheEnvironment: the variable is an address only where a replay by FIX is asked for.
func TestReplayToFromTheEnvironment(t *testing.T) {
	t.Setenv("UNCROSS_FIX_TO", "fix://ALICE1:a-secret@127.0.0.1:1")
	with := remoteFlags{Admin: "http://127.0.0.1:2", OperatorKey: "k", Batch: 1, Window: 1, Patience: 1}
	if err := with.Validate(); err != nil || with.To != "fix://ALICE1:a-secret@127.0.0.1:1" {
		t.Errorf("with --admin: %v, to %q", err, with.To)
	}
	without := remoteFlags{Batch: 1, Window: 1, Patience: 1}
	if err := without.Validate(); err != nil || without.To != "" {
		t.Errorf("without --admin: %v, to %q", err, without.To)
	}
}
