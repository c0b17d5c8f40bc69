package main

import (
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
