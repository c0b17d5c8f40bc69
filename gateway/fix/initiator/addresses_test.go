package initiator

import (
	"context"
	"net"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

// TestSeveralAddresses has a node that is not there, one that closes every connection without a word, and one that serves:
// the session gets there, and goes on with its numbers at another one when that one ends.
func TestSeveralAddresses(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	follower, leader := newDesk(t), newDesk(t)
	i, n := leader.open(func(c *Config) {
		c.Address, c.Addresses = gone.Addr().String(), []string{follower.ln.Addr().String(), leader.ln.Addr().String()}
	})
	f := follower.accept()
	f.want(message.Logon, 1)
	f.conn.Close()
	c := leader.accept()
	c.logon(2) // the one that was not answered took a number
	mustLogOn(t, i)
	mustSend(t, i, order("1"))
	c.want(message.NewOrderSingle, 3)
	c.conn.Close()
	n.awaitEvent(t, Ended)

	f = follower.accept() // which leads now
	f.seq = 2
	f.logon(4, message.TagResetSeqNumFlag, "")
	mustLogOn(t, i)
	mustSend(t, i, order("2"))
	f.want(message.NewOrderSingle, 5)
}

// elsewhere is what a node says that does not lead.
func elsewhere(address string) *message.Body {
	return message.NewBody(message.BusinessMessageReject).Str(message.TagRefMsgType, message.Logon).
		Str(message.TagBusinessRejectRefID, address).Char(message.TagBusinessRejectReason, '4').Str(message.TagText, "node-2 leads")
}

// sendOn answers a logon by naming another node.
func (c *call) sendOn(seq uint64, address string) {
	c.t.Helper()
	c.want(message.Logon, seq)
	now := time.Now().UnixNano()
	c.sayAs(elsewhere(address), message.Header{Seq: 0, PossDup: true, OrigSendingNs: now})
	c.conn.Close()
}

// TestGoesToTheLeader has a node that does not lead name one that is not in the list: the session goes there at once, with
// its numbers, and when that connection ends it begins with the list again.
func TestGoesToTheLeader(t *testing.T) {
	follower, leader := newDesk(t), newDesk(t)
	i, n := follower.open(nil)
	follower.accept().sendOn(1, leader.ln.Addr().String())
	c := leader.accept()
	c.logon(2)
	mustLogOn(t, i)
	if in, out := i.Numbers(); in != 2 || out != 3 {
		t.Errorf("the next numbers are %d and %d", in, out)
	}
	if err := n.awaitEvent(t, Ended).Err; leaderIn(err) != leader.ln.Addr().String() {
		t.Errorf("the first connection ended with %v", err)
	}
	c.conn.Close()
	follower.accept().logon(3)
}

// TestIsNotSentInCircles has two nodes each name the other: both are asked in turn, after the pause, and what is said of
// that is why there is no logon.
func TestIsNotSentInCircles(t *testing.T) {
	a, b := newDesk(t), newDesk(t)
	pauses, over := make(chan time.Duration, 2), make(chan time.Time)
	i, _ := a.open(func(c *Config) {
		c.after = func(d time.Duration) <-chan time.Time {
			pauses <- d
			return over
		}
	})
	a.accept().sendOn(1, b.ln.Addr().String())
	b.accept().sendOn(2, a.ln.Addr().String())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := i.WaitFirst(ctx); leaderIn(err) != a.ln.Addr().String() {
		t.Errorf("no logon, for %v", err)
	}
	select {
	case d := <-pauses:
		if d != i.c.Limits.BackOff/firstPause {
			t.Errorf("a pause of %v", d)
		}
	case <-ctx.Done():
		t.Fatal("a node was asked again at once")
	}
	over <- time.Now()
	a.accept().want(message.Logon, 3)
}

// TestNobodyLeads has a node say that it knows of no leader: the next one is tried.
func TestNobodyLeads(t *testing.T) {
	first, second := newDesk(t), newDesk(t)
	i, _ := first.open(func(c *Config) { c.Addresses = []string{second.ln.Addr().String()} })
	first.accept().sendOn(1, "")
	second.accept().logon(2)
	mustLogOn(t, i)
}
