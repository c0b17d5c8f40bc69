package fix

import (
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/fix/outbox"
)

// The newest waiter is served first, of each subject only the newest waits, and a place that nobody wants is free again.
func TestQueue(t *testing.T) {
	q := queue{free: 1}
	if q.enter("first") != nil {
		t.Fatal("a free place was not given")
	}
	a, b := q.enter("a"), q.enter("b")
	a2, c := q.enter("a"), q.enter("c")
	if mine := <-a.turn; mine {
		t.Error("the older one of a subject was served")
	}
	q.giveUp(c)
	q.release()
	if len(b.turn) != 0 || len(c.turn) != 0 || !<-a2.turn {
		t.Error("the newest was not served first")
	}
	q.release()
	q.giveUp(b) // it was given the place as it gave up
	if q.free != 1 || len(q.waiting) != 0 {
		t.Errorf("%d free, %d waiting; want 1 and 0", q.free, len(q.waiting))
	}
}

// A token of another process is not this connection's, whatever its numbers.
func TestTokenOfAnotherProcess(t *testing.T) {
	c := &conn{s: &Server{name: [8]byte{1}}, key: 7}
	var m wire.SessionMessage
	c.token(&m, 9)
	e := outbox.Entry{}
	copy(e.Token[:], m.Symbol[:])
	if n, ok := c.tokenOf(&e); n != 9 || !ok {
		t.Errorf("its own token is read as %d, %v", n, ok)
	}
	for _, other := range []*conn{{s: &Server{name: [8]byte{2}}, key: 7}, {s: c.s, key: 8}} {
		if _, ok := other.tokenOf(&e); ok {
			t.Error("somebody else's token is taken for its own")
		}
	}
}

// A recording of a signed logon is worth nothing.
func TestSignedAgain(t *testing.T) {
	const start = 100
	p := &seat{}
	for i, c := range []struct {
		ns   int64
		seq  uint64
		want bool
	}{
		{start, 1, false}, {start + 1, 1, true}, {start + 1, 1, false}, {start + 1, 2, true}, {start + 1, 1, false},
		{start, 9, false}, {start + 2, 1, true}, {start + 1, 5, false},
	} {
		if got := p.signed(c.ns, c.seq, start); got != c.want {
			t.Errorf("logon %d at %d with number %d: %v", i, c.ns, c.seq, got)
		}
	}
}

// That nothing more can be said overrides a Logout that was asked for before, and not the other way round.
func TestAtOnceOverridesALogout(t *testing.T) {
	c := &conn{}
	c.makeChannels()
	c.requestEnd(ending{logout: true, text: "a"})
	c.requestEnd(ending{cause: "b"})
	c.requestEnd(ending{logout: true, text: "c"})
	if e := c.how(); e.logout || e.cause != "b" {
		t.Errorf("it ends with %+v", e)
	}
}
