package auth

import (
	"strings"
	"testing"
)

func TestParseHeaders(t *testing.T) {
	id, mac := strings.Repeat("a1", 16), strings.Repeat("0f", 32)
	for name, step := range map[string]struct {
		session, seq, time, mac string
		want                    error
	}{
		"good":             {id, "1", "1740830400000", mac, nil},
		"greatest":         {id, "18446744073709551615", "9223372036854775807", mac, nil},
		"unsigned":         {"", "", "", "", ErrNoSession},
		"no session":       {"", "1", "1", mac, ErrHeader},
		"no seq":           {id, "", "1", mac, ErrHeader},
		"no time":          {id, "1", "", mac, ErrHeader},
		"no mac":           {id, "1", "1", "", ErrHeader},
		"seq zero":         {id, "0", "1", mac, ErrHeader},
		"seq with zero":    {id, "01", "1", mac, ErrHeader},
		"seq signed":       {id, "+1", "1", mac, ErrHeader},
		"seq negative":     {id, "-1", "1", mac, ErrHeader},
		"seq too large":    {id, "18446744073709551616", "1", mac, ErrHeader},
		"seq spaced":       {id, " 1", "1", mac, ErrHeader},
		"seq underscored":  {id, "1_0", "1", mac, ErrHeader},
		"time too large":   {id, "1", "9223372036854775808", mac, ErrHeader},
		"session short":    {id[:31], "1", "1", mac, ErrHeader},
		"session not hex":  {id[:31] + "g", "1", "1", mac, ErrHeader},
		"session in upper": {strings.ToUpper(id), "1", "1", mac, ErrHeader},
		"mac short":        {id, "1", "1", mac[:63], ErrHeader},
		"mac long":         {id, "1", "1", mac + "0", ErrHeader},
		"mac in upper":     {id, "1", "1", strings.ToUpper(mac), ErrHeader},
	} {
		if _, err := ParseHeaders(step.session, step.seq, step.time, step.mac); err != step.want {
			t.Errorf("%s: %v, want %v", name, err, step.want)
		}
	}
}

// What is accepted has one form only.
func FuzzParseHeaders(f *testing.F) {
	id, mac := strings.Repeat("a1", 16), strings.Repeat("0f", 32)
	f.Add(id, "1", "1740830400000", mac)
	f.Add("", "", "", "")
	f.Add(strings.ToUpper(id), "01", "-1", mac[:10])
	f.Fuzz(func(t *testing.T, session, seq, timeMs, mac string) {
		h, err := ParseHeaders(session, seq, timeMs, mac)
		if err != nil {
			if err != ErrHeader && err != ErrNoSession {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		got := map[string]string{}
		h.Each(func(name, value string) { got[name] = value })
		if got[HeaderSession] != session || got[HeaderSeq] != seq || got[HeaderTime] != timeMs || got[HeaderMac] != mac {
			t.Fatalf("%q %q %q %q comes back as %q", session, seq, timeMs, mac, got)
		}
	})
}
