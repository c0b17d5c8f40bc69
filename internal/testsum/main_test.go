package main

import (
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		name, in, last, lost string
		has                  []string
		hasNot               string
		ok                   bool
	}{
		{
			name: "all pass",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			has: []string{"ok  \tp\t0.1s\n"}, hasNot: "noise", last: "1 passed, 0 failed\n", ok: true,
		},
		{
			name: "one fails",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"a_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}`,
			has: []string{"a_test.go:1: wrong\n"}, last: "1 passed, 1 failed\n", lost: "p TestA\n",
		},
		{
			name: "a subtest fails",
			in: `{"Action":"fail","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			last: "0 passed, 2 failed\n", lost: "p TestA\n",
		},
		{
			name: "a package does not build",
			in: `{"Action":"build-output","ImportPath":"p","Output":"x.go:1:1: expected package\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"q","Test":"TestB"}`,
			has: []string{"expected package", "FAIL\tp [build failed]\n"}, last: "1 passed, 1 failed\n", lost: "p\n",
		},
		{
			name: "a skip is named",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: no data\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}`,
			has: []string{"skipped: p", "no data", "1 skipped"}, last: "1 passed, 0 failed\n", ok: true,
		},
		{name: "no test at all", in: `go: cannot find main module`, has: []string{"cannot find"}, last: "0 passed, 0 failed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			ok := s.close()
			if got := s.lost.String(); got != c.lost {
				t.Errorf("failed are %q, expected %q", got, c.lost)
			}
			if ok != c.ok || !strings.HasSuffix(out.String(), c.last) {
				t.Errorf("ok %v, output\n%s\nexpected ok %v and the last line %q", ok, out.String(), c.ok, c.last)
			}
			for _, h := range c.has {
				if !strings.Contains(out.String(), h) {
					t.Errorf("output lacks %q:\n%s", h, out.String())
				}
			}
			if c.hasNot != "" && strings.Contains(out.String(), c.hasNot) {
				t.Errorf("output has %q:\n%s", c.hasNot, out.String())
			}
		})
	}
}
