package auth

import (
	"fmt"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	c := newClock()
	g := NewGuard(GuardOptions{Failures: 3, Window: time.Minute, Lockout: 2 * time.Minute, Subjects: 4}, c.now)
	allowed := func(subject string) bool {
		_, ok := g.Allow(subject)
		return ok
	}
	g.Failed("a")
	g.Failed("a")
	if !allowed("a") {
		t.Error("locked out after two")
	}
	c.add(time.Minute) // the two are forgotten
	g.Failed("a")
	g.Failed("a")
	if !allowed("a") {
		t.Error("old failures count")
	}
	g.Failed("a")
	if wait, ok := g.Allow("a"); ok || wait != 2*time.Minute {
		t.Errorf("third failure: %v, %v", wait, ok)
	}
	if !allowed("b") {
		t.Error("another subject is locked out")
	}
	c.add(2*time.Minute - 1)
	if allowed("a") {
		t.Error("let in early")
	}
	c.add(1)
	if !allowed("a") {
		t.Error("not let in again")
	}
	g.Failed("b")
	g.Failed("b")
	g.Succeeded("b")
	g.Failed("b")
	g.Failed("b")
	if !allowed("b") {
		t.Error("failures before a success count")
	}
	for i := range 1000 {
		g.Failed(fmt.Sprint(i))
	}
	if len(g.entries) != 4 || g.recent.Len() != 4 {
		t.Errorf("%d subjects are remembered", len(g.entries))
	}
}
