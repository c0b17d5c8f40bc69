package initiator

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

func mustSend(t *testing.T, i *Initiator, b *message.Body) uint64 {
	t.Helper()
	seq, err := i.Send(b)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func mustLogOn(t *testing.T, i *Initiator) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := i.WaitLogon(ctx); err != nil {
		t.Fatal(err)
	}
}

// awaitNumbers waits for the next numbers: one is noted once its message has been handed over.
func awaitNumbers(t *testing.T, i *Initiator, in, out uint64) {
	t.Helper()
	var gotIn, gotOut uint64
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if gotIn, gotOut = i.Numbers(); gotIn == in && gotOut == out {
			return
		}
	}
	t.Errorf("next numbers %d in, %d out, expected %d and %d", gotIn, gotOut, in, out)
}

// TestLogonOrderLogout is a session without anything unusual.
func TestLogonOrderLogout(t *testing.T) {
	d := newDesk(t)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	i, n := d.open(func(c *Config) {
		c.Password, c.Key, c.Reset = "secret", private, true
		c.LogonFields = func(b *message.Body) { b.Str(message.TagText, "hello") }
	})
	if _, err := i.Send(order("early")); !errors.Is(err, ErrNotLoggedOn) {
		t.Errorf("before the logon: %v", err)
	}
	c := d.accept()
	m := c.want(message.Logon, 1, message.TagSenderCompID, "ME", message.TagTargetCompID, "VENUE", message.TagHeartBtInt, "30",
		message.TagResetSeqNumFlag, "Y", message.TagUsername, "ME", message.TagPassword, "secret", message.TagText, "hello")
	ns, _ := m.Time(message.TagSendingTime)
	signature, _ := m.Get(message.TagRawData)
	if !ed25519.Verify(public, SigningText(ns, 1, "ME", "VENUE"), signature) {
		t.Error("the signature is wrong")
	}
	c.say(logonAnswer().Bool(message.TagResetSeqNumFlag, true))
	mustLogOn(t, i)
	if seq := mustSend(t, i, order("1")); seq != 2 {
		t.Errorf("the first order has number %d", seq)
	}
	c.want(message.NewOrderSingle, 2, message.TagClOrdID, "1", message.TagPossDupFlag, "")
	c.say(report("x1"))
	c.say(message.NewBody(message.TestRequest).Str(message.TagTestReqID, "are you there"))
	c.say(message.NewBody(message.Reject).Str(message.TagText, "no"))
	c.want(message.Heartbeat, 3, message.TagTestReqID, "are you there")
	n.awaitTexts(t, "8 x1", "3 ")
	awaitNumbers(t, i, 5, 4)
	closed := make(chan error, 1)
	go func() { closed <- i.Close(t.Context()) }()
	c.want(message.Logout, 4)
	c.say(message.NewBody(message.Logout))
	if err := <-closed; err != nil {
		t.Error(err)
	}
	n.awaitEvent(t, LoggedOut)
	if _, err := i.Send(order("2")); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// TestNumbersGoOn cuts the connection: what was sent meanwhile comes as repeats on the next one, and the numbers go on.
func TestNumbersGoOn(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	mustSend(t, i, order("1"))
	first := c.want(message.NewOrderSingle, 2).String(message.TagSendingTime)
	c.conn.Close()
	n.awaitEvent(t, Ended)
	mustSend(t, i, order("2"))

	c2 := d.accept()
	c2.seq = 2
	m := c2.want(message.Logon, 4, message.TagResetSeqNumFlag, "")
	_ = m
	c2.say(logonAnswer())
	mustLogOn(t, i)
	// It has had number 1 alone, and asks for all.
	c2.say(message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, 1).Uint(message.TagEndSeqNo, 0))
	c2.want(message.SequenceReset, 1, message.TagGapFillFlag, "Y", message.TagNewSeqNo, "2", message.TagPossDupFlag, "Y")
	c2.want(message.NewOrderSingle, 2, message.TagClOrdID, "1", message.TagPossDupFlag, "Y", message.TagOrigSendingTime, first)
	c2.want(message.NewOrderSingle, 3, message.TagClOrdID, "2", message.TagPossDupFlag, "Y", message.TagOrigSendingTime, "*")
	c2.want(message.SequenceReset, 4, message.TagGapFillFlag, "Y", message.TagNewSeqNo, "5")
	mustSend(t, i, order("3"))
	c2.want(message.NewOrderSingle, 5, message.TagClOrdID, "3", message.TagPossDupFlag, "")
	if e := n.awaitEvent(t, Resending); e.From != 1 || e.To != 4 {
		t.Errorf("%+v", e)
	}
}

// TestGap has messages come before their turn.
func TestGap(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	c.seq = 4
	c.say(report("4"))
	c.say(report("5"))
	c.seq = 8
	c.say(report("8"))
	c.want(message.ResendRequest, 2, message.TagBeginSeqNo, "2", message.TagEndSeqNo, "3")
	dup := message.Header{Seq: 2, PossDup: true, OrigSendingNs: time.Now().UnixNano()}
	c.sayAs(message.NewBody(message.SequenceReset).Bool(message.TagGapFillFlag, true).Uint(message.TagNewSeqNo, 3), dup)
	dup.Seq = 3
	c.sayAs(report("3"), dup)
	c.want(message.ResendRequest, 3, message.TagBeginSeqNo, "6", message.TagEndSeqNo, "7")
	dup.Seq = 6
	c.sayAs(message.NewBody(message.SequenceReset).Bool(message.TagGapFillFlag, true).Uint(message.TagNewSeqNo, 8), dup)
	n.awaitTexts(t, "8 3", "8 4", "8 5", "8 8")
	// Repeats that nobody needs are told to be such; administrative ones are passed over.
	dup.Seq = 3
	c.sayAs(report("3"), dup)
	dup.Seq = 2
	c.sayAs(message.NewBody(message.Heartbeat), dup)
	c.say(report("9"))
	n.awaitTexts(t, "8 3", "8 4", "8 5", "8 8", "8 3 repeat", "8 9")
	awaitNumbers(t, i, 10, 4)
}

// TestHeldIsBounded drops what comes too early and asks for it again.
func TestHeldIsBounded(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(func(c *Config) { c.Limits.Held = 1 })
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	c.seq = 3
	c.say(report("3"))
	c.say(report("4")) // dropped
	c.want(message.ResendRequest, 2, message.TagBeginSeqNo, "2", message.TagEndSeqNo, "2")
	c.sayAs(report("2"), message.Header{Seq: 2, PossDup: true})
	n.awaitTexts(t, "8 2", "8 3")
	c.want(message.ResendRequest, 3, message.TagBeginSeqNo, "4", message.TagEndSeqNo, "4")
	c.say(report("5"))
	c.sayAs(report("4"), message.Header{Seq: 4, PossDup: true})
	n.awaitTexts(t, "8 2", "8 3", "8 4", "8 5")
}

// TestGapAtLogon misses messages while it was away, and is asked for some at the same time.
func TestGapAtLogon(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	mustSend(t, i, order("1"))
	c.want(message.NewOrderSingle, 2)
	c.conn.Close()
	c = d.accept()
	c.seq = 4
	c.logon(3)
	c.want(message.ResendRequest, 4, message.TagBeginSeqNo, "2", message.TagEndSeqNo, "3")
	// Its own resend request comes before the gap is closed, and is answered at once.
	c.say(message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, 2).Uint(message.TagEndSeqNo, 0))
	c.want(message.NewOrderSingle, 2, message.TagPossDupFlag, "Y")
	c.want(message.SequenceReset, 3, message.TagNewSeqNo, "5")
	c.sayAs(report("2"), message.Header{Seq: 2, PossDup: true})
	c.sayAs(report("3"), message.Header{Seq: 3, PossDup: true})
	c.say(report("6"))
	n.awaitTexts(t, "8 2", "8 3", "8 6")
	awaitNumbers(t, i, 7, 5)
}

// TestSequenceReset takes a higher number without regard to the message's own, and no lower one.
func TestSequenceReset(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	c.sayAs(message.NewBody(message.SequenceReset).Uint(message.TagNewSeqNo, 20), message.Header{Seq: 1})
	c.seq = 20
	c.say(report("20"))
	n.awaitTexts(t, "8 20")
	c.sayAs(message.NewBody(message.SequenceReset).Uint(message.TagNewSeqNo, 5), message.Header{Seq: 21})
	c.want(message.Logout, 2)
	n.awaitEvent(t, Ended)
}

// TestTooLow ends the connection over a number that was used already.
func TestTooLow(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	c.say(report("2"))
	n.awaitTexts(t, "8 2")
	c.sayAs(report("other"), message.Header{Seq: 2})
	c.want(message.Logout, 2, message.TagText, "MsgSeqNum too low, expecting 3 but received 2")
	if e := n.awaitEvent(t, Ended); !strings.Contains(e.Err.Error(), "too low") {
		t.Error(e.Err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.texts) != 1 {
		t.Errorf("messages %q", n.texts)
	}
}

// TestRefusedLogon says why, and tries again.
func TestRefusedLogon(t *testing.T) {
	d := newDesk(t)
	i, _ := d.open(nil)
	c := d.accept()
	c.want(message.Logon, 1)
	c.say(message.NewBody(message.Logout).Str(message.TagText, "wrong password"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var refused *RefusedError
	if err := i.WaitLogon(ctx); !errors.As(err, &refused) || refused.Text != "wrong password" {
		t.Fatal(err)
	}
	awaitNumbers(t, i, 2, 2) // the refusal has a number
	c = d.accept()
	c.seq = 2
	c.logon(2)
	i.wait(ctx, func() (bool, error) { return i.refusal == nil, nil })
	mustLogOn(t, i)
}

// TestTheyLogOut answers the logout and comes back.
func TestTheyLogOut(t *testing.T) {
	d := newDesk(t)
	i, _ := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	c.say(message.NewBody(message.Logout).Str(message.TagText, "end of day"))
	c.want(message.Logout, 2)
	c = d.accept()
	c.seq = 3
	c.logon(3)
	mustLogOn(t, i)
}

// TestRoundTrip loses the first question with its connection and the second to a gap fill.
func TestRoundTrip(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(nil)
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	got := make(chan error, 1)
	go func() { got <- i.RoundTrip(t.Context()) }()
	c.want(message.TestRequest, 2)
	c.conn.Close()
	c = d.accept()
	c.seq = 2
	c.logon(3)
	c.want(message.TestRequest, 4)
	c.say(message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, 2).Uint(message.TagEndSeqNo, 0))
	c.want(message.SequenceReset, 2, message.TagNewSeqNo, "5")
	id := c.want(message.TestRequest, 5).String(message.TagTestReqID)
	c.say(report("before"))
	c.say(message.NewBody(message.Heartbeat).Str(message.TagTestReqID, id))
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	n.awaitTexts(t, "8 before")
}

// TestHeartbeats is the silence of both sides.
func TestHeartbeats(t *testing.T) {
	d := newDesk(t)
	i, n := d.open(func(c *Config) { c.HeartBtInt = time.Second })
	c := d.accept()
	c.logon(1, message.TagHeartBtInt, "1")
	mustLogOn(t, i)
	seen := map[string]bool{} // which comes first is a matter of the machine's speed
	for seq := uint64(2); !seen[message.Heartbeat] || !seen[message.TestRequest]; seq++ {
		m := c.next(seq, "a heartbeat or a test request")
		asks := m.String(message.TagTestReqID) != ""
		if asks && m.Type() != message.TestRequest || !asks && m.Type() != message.Heartbeat {
			t.Fatalf("instead of a heartbeat or a test request: %s", show(m))
		}
		seen[m.Type()] = true
	}
	if e := n.awaitEvent(t, Ended); !errors.Is(e.Err, errSilent) {
		t.Error(e.Err)
	}
}

// TestBusy bounds what waits for the socket.
func TestBusy(t *testing.T) {
	d := newDesk(t)
	i, _ := d.open(func(c *Config) { c.Limits.Unsent = 10 })
	c := d.accept()
	c.logon(1)
	mustLogOn(t, i)
	b := message.NewBody(message.NewOrderSingle).Str(message.TagText, strings.Repeat("x", 1<<20))
	for range 100 {
		if _, err := i.Send(b); errors.Is(err, ErrBusy) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("100 MiB were taken for a socket that nobody reads")
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{Address: "127.0.0.1:1", Sender: "A", Target: "B"}
	for name, change := range map[string]func(*Config){
		"address": func(c *Config) { c.Address = "" }, "sender": func(c *Config) { c.Sender = "" },
		"interval": func(c *Config) { c.HeartBtInt = time.Millisecond }, "key": func(c *Config) { c.Key = ed25519.PrivateKey{1} },
	} {
		c := good
		change(&c)
		if i, err := Open(c); err == nil {
			i.Close(t.Context())
			t.Errorf("%s: no error", name)
		}
	}
}

// TestWaitFirst tells at once why there is no logon.
func TestWaitFirst(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	first := func(d *desk, play func()) error {
		t.Helper()
		i, err := Open(Config{Address: d.ln.Addr().String(), Sender: "ME", Target: "VENUE"})
		if err != nil {
			t.Fatal(err)
		}
		play()
		err = i.WaitFirst(ctx)
		if e := i.Close(ctx); e != nil {
			t.Errorf("closing: %v", e)
		}
		return err
	}
	d := newDesk(t)
	answer := func() {
		c := d.accept()
		c.logon(1)
		go func() {
			_, _ = c.in.Next() // the logout
			c.conn.Close()
		}()
	}
	if err := first(d, answer); err != nil {
		t.Errorf("a logon that is answered: %v", err)
	}
	if err := first(d, func() { c := d.accept(); c.want(message.Logon, 1); c.conn.Close() }); !errors.Is(err, errUntold) {
		t.Errorf("a connection that is closed: %v", err)
	}
	var refused *RefusedError
	err := first(d, func() {
		c := d.accept()
		c.want(message.Logon, 1)
		c.say(message.NewBody(message.Logout).Str(message.TagText, "no"))
	})
	if !errors.As(err, &refused) || refused.Text != "no" {
		t.Errorf("a logon that is refused: %v", err)
	}
	d.ln.Close()
	if err := first(d, func() {}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port that is closed: %v", err)
	}
}
