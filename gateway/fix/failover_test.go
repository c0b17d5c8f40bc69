package fix_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uncross/gateway/fix"
	"uncross/gateway/fix/dictionary"
	"uncross/gateway/fix/message"
)

// dup sends a message a second time, under its number and with PossDupFlag.
func (c *rawClient) dup(msgType string, seq int, fields string) {
	c.t.Helper()
	first := message.AppendTime(nil, time.Now().Add(-time.Second).UnixNano())
	c.send(msgType, fmt.Sprintf("34=%d|43=Y|122=%s|", seq, first)+fields)
}

// rest reads to the end of the connection.
func (c *rawClient) rest() {
	c.t.Helper()
	for c.read() != "" {
	}
}

// TestNoCommandPassesOneThatWasLost is the hole that a lost command would leave: what its client has sent behind it must not
// be applied, or the number of the lost one counts as dealt with for ever.
func TestNoCommandPassesOneThatWasLost(t *testing.T) {
	lose := func(t *testing.T, deaf bool) (*cluster, *rawClient) {
		c := newCluster(t, options{})
		c.deaf = deaf
		c.lead(0)
		r := c.nodes[0]
		r.most.Store(1)
		a := c.dial(0, "TRADE1")
		a.logon("141=Y")
		r.held.Store(true)
		a.send("D", order("lost", "1", "100.00", "1"))
		waitFor(t, "the first order waits", func() bool { return r.queued() == 1 })
		a.send("D", order("behind", "1", "99.00", "1"))
		waitFor(t, "the second order waits", func() bool { return r.queued() == 2 })
		r.missing.Store(1)
		r.held.Store(false)
		return c, a
	}
	t.Run("planted", func(t *testing.T) { // the test sees the hole where there is one
		c, a := lose(t, true)
		a.rest()
		waitFor(t, "the number has passed", func() bool { return c.nodes[0].session("TRADE1").Numbers().NextIn == 4 })
	})
	for _, node := range []int{0, 1} { // the lead stays, or moves
		t.Run(fmt.Sprint("then at node ", node), func(t *testing.T) {
			c, a := lose(t, false)
			a.ends()
			if node != 0 {
				c.lead(node)
			}
			waitFor(t, "the seat is free", func() bool { return len(c.nodes[0].server.Status().Sessions) == 0 })
			if n := c.nodes[node].session("TRADE1").Numbers(); n.NextIn != 2 {
				t.Fatalf("%+v", n)
			}
			b := c.dial(node, "TRADE1")
			b.next = 4
			b.logon("")
			b.want("2", "7=2|16=0")
			b.dup("D", 2, order("lost", "1", "100.00", "1"))
			b.dup("D", 3, order("behind", "1", "99.00", "1"))
			b.want("8", "150=0|11=lost")
			b.want("8", "150=0|11=behind")
			c.settled()
		})
	}
}

// elsewhere expects to be told that another node leads (nil: none), and to be closed. It returns the message, as docs/fix.md
// shows it.
func (c *rawClient) elsewhere(leader *replica) string {
	c.t.Helper()
	m := c.want("j", "34=0|43=Y|45=1|372=A|380=4")
	address, text := "", "no node is known to lead at the moment: try again, here or at another one"
	if leader != nil {
		address, text = leader.addr, leader.name()+" leads: FIX at "+leader.addr
	}
	if tag(m, "379") != address || tag(m, "58") != text {
		c.t.Errorf("told %s, expected %q and %q", m, address, text)
	}
	if tag(m, "52") != tag(m, "122") {
		c.t.Errorf("a repeat whose first sending was at another time: %s", m)
	}
	var parsed message.Message
	if err := parsed.Parse([]byte(strings.ReplaceAll(m, "|", "\x01"))); err != nil {
		c.t.Error(err)
	} else if v := dictionary.Venue().Check(&parsed); v != nil {
		c.t.Errorf("%s (tag %d): %s", v.Text, v.Tag, m)
	}
	c.ends()
	return plain(m)
}

// TestFollower holds a node that does not lead against what is said of it: sessions with numbers in the log are told who
// leads, and closed, and lose no number; a stranger is closed without a word; market data is served, and ends when the node
// is cut off.
func TestFollower(t *testing.T) {
	c := newCluster(t, options{limits: fix.Limits{LeaderSilence: time.Minute}})
	c.lead(0)
	for range 3 {
		for _, name := range []string{"DROP1", "TRADE1"} {
			a := c.dial(1, name)
			a.send("A", "98=0|108=30|554="+password)
			m := a.elsewhere(c.nodes[0])
			if name == "TRADE1" {
				asGolden(t, "testdata/elsewhere.golden", "TRADE1 < "+strings.ReplaceAll(m, c.nodes[0].addr, "a.venue.example:9880")+"\n")
			}
		}
		for _, address := range []string{"49=NOBODY", "56=ELSEWHERE"} {
			a := c.dial(1, "TRADE1")
			a.send("A", address+"|98=0|108=30|554="+password)
			a.ends()
		}
	}
	if n := strings.Count(c.logs.String(), "logons were turned away"); n != 1 {
		t.Errorf("%d lines:\n%s", n, c.logs)
	}
	a := c.dial(0, "TRADE1")
	a.logon("")
	a.send("D", order("a1", "1", "100.00", "1"))
	a.want("8", "34=2|150=0|11=a1")
	c.settled()

	md := c.dial(1, "MD1")
	md.logon("")
	md.send("V", "262=r1|263=1|264=0|265=1|267=1|269=0|146=1|55=BTC/USD")
	md.want("W", "262=r1|270=100.00")
	a.send("D", order("a2", "1", "101.00", "1"))
	md.want("X", "262=r1|270=101.00")
	a.want("8", "11=a2")

	c.lead(2) // market data sessions stay where they are
	a.ends()
	md.send("1", "112=still there?")
	md.want("0", "112=still there?")

	c.nodes[1].contact.Store(int64(time.Hour))
	md.want("5", "58=this node is cut off from the others, its market data would be old: try another one")
	md.send("5", "")
	md.ends()
	md = c.dial(1, "MD1")
	md.send("A", "98=0|108=30|554="+password)
	md.elsewhere(c.nodes[2])
}

// TestNobodyLeads has clients come while there is no leader, and to one that does not take orders yet: it does not send
// them to itself.
func TestNobodyLeads(t *testing.T) {
	c := newCluster(t, options{})
	for range 2 {
		a := c.dial(1, "TRADE1")
		a.send("A", "98=0|108=30|141=Y|554="+password)
		a.elsewhere(nil)
		c.mu.Lock()
		c.leader = 1 // elected, and not open
		c.mu.Unlock()
	}
}

// TestSilentFollower has a node that is not to say who leads.
func TestSilentFollower(t *testing.T) {
	c := newCluster(t, options{silent: true})
	c.lead(0)
	a := c.dial(1, "TRADE1")
	a.send("A", "98=0|108=30|554="+password)
	a.ends()
}

// TestUnseenReportsComeFromTheNewLeader takes the lead away with reports under way, and has the client ask for them.
func TestUnseenReportsComeFromTheNewLeader(t *testing.T) {
	c := newCluster(t, options{})
	c.lead(0)
	a, b := c.dial(0, "TRADE1"), c.dial(0, "TRADE2")
	a.logon("")
	b.logon("")
	a.send("D", order("a1", "1", "100.00", "5"))
	first := a.want("8", "34=2|11=a1|150=0")
	c.nodes[0].server.LeadershipChanged(false) // its clients are gone, and it does not know yet that it leads no more
	a.ends()
	b.ends()
	b = c.dial(0, "TRADE2")
	b.next = 2
	b.logon("")
	b.send("D", order("b1", "2", "100.00", "2"))
	b.want("8", "11=b1|150=0")
	b.want("8", "11=b1|150=F")
	c.lead(1)
	b.ends()

	a = c.dial(1, "TRADE1")
	a.next = 3
	a.logon("") // its number shows that something is missing
	a.send("2", "7=2|16=0")
	again := a.want("8", "34=2|43=Y|11=a1|150=0|17="+tag(first, "17")+"|122="+tag(first, "52"))
	if body := func(m string) string { return m[strings.Index(m, "|37="):strings.Index(m, "|10=")] }; body(again) != body(first) {
		t.Errorf("the repeat differs:\n%s\n%s", first, again)
	}
	trade := a.want("8", "34=3|43=Y|11=a1|150=F|32=2")
	a.want("4", "123=Y")
	c.lead(2)
	a.ends()
	a = c.dial(2, "TRADE1")
	a.next = 5
	a.logon("")
	a.want("2", "7=4") // the request was no command: its number went with the node
	a.send("2", "7=3|16=3")
	if m := a.want("8", "34=3|43=Y|150=F|122="+tag(trade, "122")); tag(m, "17") != tag(trade, "17") {
		t.Errorf("another ExecID: %s", m)
	}
	c.settled()
}

// TestCancelOnDisconnectWhenTheLeaderGoes has the new leader cancel what the sessions of the old one wanted canceled,
// although their clients do not come back.
func TestCancelOnDisconnectWhenTheLeaderGoes(t *testing.T) {
	c := newCluster(t, options{})
	c.lead(0)
	a, b := c.dial(0, "TRADE1"), c.dial(0, "TRADE2")
	a.logon("8013=Y")
	b.logon("")
	for i := range 3 {
		a.send("D", order(fmt.Sprint("a", i), "1", "100.00", "1"))
		a.want("8", "150=0")
	}
	b.send("D", order("b", "1", "99.00", "1"))
	b.want("8", "150=0")
	c.lead(1)
	a.rest()
	b.rest()
	x, y := c.nodes[1].session("TRADE1"), c.nodes[1].session("TRADE2")
	waitFor(t, "the new leader has canceled", func() bool { on, _ := x.LoggedOn(); return !on && len(x.OpenOrders(0, 10)) == 0 })
	waitFor(t, "the other session has ended too", func() bool { on, _ := y.LoggedOn(); return !on })
	if n := len(y.OpenOrders(0, 10)); n != 1 {
		t.Errorf("%d orders of the session that wanted them kept", n)
	}
	a = c.dial(1, "TRADE1")
	a.next = 5
	a.logon("789=5")
	for i := range 3 {
		a.want("8", fmt.Sprintf("34=%d|43=Y|150=4|11=a%d", 5+i, i))
	}
	c.settled()
}

// TestDailyResetOverChangesOfLeader moves the lead all through the time of the reset: it is carried out once.
func TestDailyResetOverChangesOfLeader(t *testing.T) {
	at := time.Now().UTC().Add(time.Hour).Truncate(time.Second)
	c := newCluster(t, options{resetAt: &fix.DailyTime{Hour: at.Hour(), Minute: at.Minute(), Second: at.Second()}})
	c.lead(0)
	a := c.dial(0, "TRADE1")
	a.logon("")
	a.send("D", order("a", "1", "99.00", "1"))
	a.want("8", "150=0")
	c.ahead.Store(int64(time.Until(at.Add(-300 * time.Millisecond))))
	for i := 1; c.now().Before(at.Add(1200 * time.Millisecond)); i++ {
		time.Sleep(150 * time.Millisecond)
		c.move(i % 3)
	}
	c.lead(1)
	x := c.nodes[1].session("TRADE1")
	waitFor(t, "the numbers begin again", func() bool { return x.Numbers().Epoch > 0 })
	a = c.dial(1, "TRADE1")
	a.logon("")
	if n := x.Numbers(); n.Epoch != 1 || n.NextIn != 2 || n.NextOut != 2 {
		t.Errorf("%+v", n)
	}
	// The schedule is looked at once more, by a leader of a new era: it has been when a session that began before the time ends.
	passed := c.ahead.Swap(0)
	md := c.dial(1, "MD1")
	md.logon("")
	c.ahead.Store(passed)
	c.lead(1)
	a.ends()
	md.want("5", "58=daily reset of the sequence numbers")
	a = c.dial(1, "TRADE1")
	a.next = 2
	a.logon("")
	a.send("1", "112=x")
	a.want("0", "34=3|112=x")
	if n := x.Numbers(); n.Epoch != 1 {
		t.Errorf("reset once more: %+v", n)
	}
	c.settled()
}
