package nodeid

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for s, good := range map[string]bool{
		"node-1": true, "a": true, "N_1.example/x": true, strings.Repeat("n", Max): true,
		"": false, "a b": false, " a": false, "a\n": false, "nöde": false, "\x7f": false, strings.Repeat("n", Max+1): false,
	} {
		if err := Check(s); (err == nil) != good || Valid(s) != good {
			t.Errorf("%q: %v", s, err)
		}
	}
}
