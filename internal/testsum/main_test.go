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
			has: []string{"a_test.go:1: wrong\n"}, last: "1 passed, 1 failed\n", lost: "p 1 TestA\n",
		},
		{
			name: "a subtest fails",
			in: `{"Action":"fail","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			last: "0 passed, 2 failed\n", lost: "p 0 TestA\n",
		},
		{
			name: "a package does not build",
			in: `{"Action":"build-output","ImportPath":"p","Output":"x.go:1:1: expected package\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"q","Test":"TestB"}`,
			has: []string{"expected package", "FAIL\tp [build failed]\n"}, last: "1 passed, 1 failed\n", lost: "p 0\n",
		},
		{
			name: "each package that failed has its own count",
			in: `{"Action":"pass","Package":"q","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestC"}
{"Action":"pass","Package":"q","Test":"TestA"}
{"Action":"fail","Package":"q","Test":"TestD"}
{"Action":"fail","Package":"q","Test":"TestB"}
{"Action":"pass","Package":"r","Test":"TestA"}
{"Action":"fail","Package":"p","Test":"TestD"}
{"Action":"fail","Package":"q"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"r"}`,
			last: "4 passed, 3 failed\n", lost: "p 1 TestD\nq 2 TestD TestB\n",
		},
		{
			name: "a panic ends a package, with the event of the test's end",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: boom\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}`,
			has: []string{"panic: boom\n", "FAIL\tp\t0.1s\n"}, last: "1 passed, 1 failed\n", lost: "p 1 TestB\n",
		},
		{
			name: "a panic ends a package after another test failed, without an event of the test's end",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestC","Output":"c_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestB/one","Output":"panic: boom\n"}
{"Action":"output","Package":"p","Test":"TestB/one","Output":"goroutine 8 [running]:\n"}
{"Action":"output","Package":"p","Test":"TestD","Output":"=== PAUSE TestD\n"}
{"Action":"fail","Package":"p"}`,
			has: []string{"wrong\n", "panic: boom\ngoroutine 8 [running]:\n"}, last: "1 passed, 1 failed\n", lost: "p 1 TestC TestB\n",
		},
		{
			name: "a panic between two tests, after one failed",
			in: `{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Output":"panic: boom\n"}
{"Action":"fail","Package":"p"}`,
			has: []string{"panic: boom\n"}, last: "0 passed, 1 failed\n", lost: "p 0 TestC\n",
		},
		{
			name: "a panic alone, without an event of the test's end",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"fatal error: all goroutines are asleep - deadlock!\n"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"q","Test":"TestB"}`,
			has: []string{"deadlock!\n", "1 packages failed outside"}, last: "2 passed, 1 failed\n", lost: "p 1 TestB\n",
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
			if got := s.lost(); got != c.lost {
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
