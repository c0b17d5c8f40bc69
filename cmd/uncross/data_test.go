package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes/nodestest"
)

// TestDevKeepsPhases starts a development venue again: a halt and an auction that somebody is trying out go on.
func TestDevKeepsPhases(t *testing.T) {
	dir := t.TempDir()
	v := &venue{t: t, program: nodestest.Program(t), data: filepath.Join(dir, "data"), address: "127.0.0.1:0", flags: []string{"--dev", "--fix-listen", "127.0.0.1:0"}}
	t.Cleanup(v.end)
	v.mustStart()
	k, err := auth.LoadKey(dataDir(v.data).key("operator"))
	if err != nil {
		t.Fatal(err)
	}
	phases := map[string]string{"ACME-USD": "auction", "ETH-USD": "halted", "BTC-USD": "continuous"}
	operator := func() *client.Client {
		c, err := client.New(client.Config{URL: v.url(), Key: &k})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for symbol, phase := range phases {
		if err := operator().Until(t.Context(), "POST", "/v1/admin/instruments/"+symbol+"/phase", object{"phase": phase}, nil); err != nil {
			t.Fatal(err)
		}
	}
	v.stop(syscall.SIGTERM)
	v.mustStart()
	for symbol, want := range phases {
		var in struct {
			Phase string `json:"phase"`
		}
		if err := operator().Until(t.Context(), "GET", "/v1/instruments/"+symbol, nil, &in); err != nil {
			t.Fatal(err)
		}
		if in.Phase != want {
			t.Errorf("%s is %s after a restart, it was %s", symbol, in.Phase, want)
		}
	}
}

// TestDamageBesideTheLog has verify and serve judge what lies beside the log: genesis.json, the history and the FIX store.
func TestDamageBesideTheLog(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	v.stop(syscall.SIGTERM)
	if lines, status, text := v.verify(); status != 0 || !strings.HasSuffix(lines["history"], "to command 1") || !strings.HasSuffix(lines["FIX store"], "to command 1") {
		t.Fatalf("a sound node: status %d\n%s", status, text)
	}
	d := dataDir(v.data)
	for _, c := range []struct {
		file       string
		from, to   string
		verifySays string // "" where only serve, which knows the venue, can tell
		serveSays  string
	}{
		{d.genesis(), `"cluster_id": "`, `"cluster_id": "0`, "not a genesis file", "not a genesis file"},
		{d.genesis(), `"venue": "U`, `"venue": "V`, "", "has been changed or is damaged"},
		{filepath.Join(d.history(), "FORMAT"), "history 2", "history 9", `it says "uncross history 9"`, "history 9"},
		{filepath.Join(d.fix(), "FORMAT"), "outbox 1", "outbox 9", `it says "uncross outbox 9"`, "outbox 9"},
	} {
		whole, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Replace(whole, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(changed, whole) {
			t.Fatalf("%s has no %q", c.file, c.from)
		}
		if err := os.WriteFile(c.file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, status, text := v.verify(); c.verifySays != "" && (status != exitFailed || !strings.Contains(text, c.verifySays) || !strings.Contains(text, "DAMAGED")) {
			t.Errorf("%s with %q: verify ends with %d\n%s", c.file, c.to, status, text)
		}
		if err := v.start(); err == nil || !strings.Contains(err.Error(), c.serveSays) {
			t.Errorf("%s with %q: serve: %v", c.file, c.to, err)
			v.stop(syscall.SIGKILL)
		}
		if err := os.WriteFile(c.file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v.mustStart()
}
