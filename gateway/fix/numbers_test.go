package fix_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

// TestNumbersGoOnOverARestart ends the whole node between two connections: both numbers go on, what came meanwhile is sent
// again when it is asked for, and what only the old node had is a gap fill.
func TestNumbersGoOnOverARestart(t *testing.T) {
	v := openVenue(t, "", options{})
	a := v.dial(t, "TRADE1")
	a.logon("")                                  // in 1, out 1
	a.send("1", "112=x")                         // in 2
	a.want("0", "34=2|112=x")                    //
	a.send("D", order("o1", "1", "100.00", "3")) // in 3
	a.want("8", "34=3|150=0")
	a.send("0", "") // in 4: no command of its own
	a.logout()      // in 5, out 4

	b := v.dial(t, "TRADE2")
	b.logon("")
	b.send("D", order("s1", "2", "100.00", "1"))
	b.want("8", "150=0")
	b.want("8", "150=F") // TRADE1's out 5, sent to nobody
	b.nc.Close()
	v.restart()

	a2 := v.dial(t, "TRADE1")
	a2.next = 6
	a2.logon("")
	// The answer to the logon is number 6, and the client has seen 4.
	a2.send("2", "7=1|16=0")
	a2.want("4", "34=1|43=Y|123=Y|36=3")
	a2.want("8", "34=3|43=Y|150=0|11=o1")
	m := a2.want("4", "34=4|43=Y|36=5")
	if tag(m, "122") == "" {
		t.Errorf("a gap fill that repeats has no 122: %s", m)
	}
	a2.want("8", "34=5|43=Y|150=F|11=o1|32=1")
	a2.want("4", "34=6|43=Y|36=7")
	a2.send("1", "112=y")
	a2.want("0", "34=7|112=y")
	a2.logout()
}

// TestLogonNumbers covers too high, too low, reset, and the next expected number.
func TestLogonNumbers(t *testing.T) {
	v := openVenue(t, "", options{})
	a := v.dial(t, "TRADE1")
	a.next = 5
	if m := a.logon(""); tag(m, "34") != "1" {
		t.Fatalf("answer %s", m)
	}
	a.want("2", "34=2|7=1|16=0")
	a.send("1", "34=6|112=later") // too high again: not asked for again
	a.send("4", "34=1|43=Y|123=Y|36=6")
	a.want("0", "34=3|112=later")
	a.next = 7
	a.logout() // in 7, out 4

	low := v.dial(t, "TRADE1")
	low.next = 3
	low.send("A", "98=0|108=30|554="+password)
	low.want("5", "34=5|58=MsgSeqNum too low, expecting 8 but received 3")
	low.ends()

	next := v.dial(t, "TRADE1")
	next.next = 8
	if m := next.logon("789=3"); tag(m, "34") != "6" || tag(m, "789") != "9" {
		t.Fatalf("answer %s", m)
	}
	next.want("4", "34=3|43=Y|123=Y|36=6")
	next.send("1", "112=z")
	next.want("0", "34=7")
	next.logout() // out 8

	high := v.dial(t, "TRADE1")
	high.next = 11
	high.send("A", "98=0|108=30|789=50|554="+password)
	high.want("5", "34=9|58=NextExpectedMsgSeqNum too high, expecting 9 but received 50")
	high.ends()

	reset := v.dial(t, "TRADE1")
	if m := reset.logon("141=Y"); tag(m, "34") != "1" || tag(m, "141") != "Y" {
		t.Fatalf("answer %s", m)
	}
	reset.send("1", "112=a")
	reset.want("0", "34=2|112=a")
	reset.send("A", "34=1|98=0|108=20|141=Y|554="+password) // and once more, in the middle
	reset.want("A", "34=1|141=Y|108=20")
	reset.next = 2
	reset.send("1", "112=b")
	reset.want("0", "34=2|112=b")
	reset.logout()
}

// TestGapIsFilledInOrder sends messages ahead of a gap: they are dealt with in order once it is filled, by repeats or by
// gap fill, and asked for once.
func TestGapIsFilledInOrder(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	now := string(message.AppendTime(nil, time.Now().UnixNano()))
	c.send("D", "34=4|"+order("o4", "1", "99.00", "1"))
	c.want("2", "34=2|7=2|16=0")
	c.send("D", "34=5|"+order("o5", "1", "99.00", "1"))
	c.send("2", "34=6|7=1|16=0") // served at once
	c.want("4", "34=1|36=3")
	c.send("D", "34=2|43=Y|122="+now+"|"+order("o2", "1", "99.00", "1"))
	c.want("8", "34=3|11=o2")
	c.send("4", "34=3|43=Y|122="+now+"|123=Y|36=4")
	c.want("8", "34=4|11=o4")
	c.want("8", "34=5|11=o5")
	c.send("D", "34=4|43=Y|122="+now+"|"+order("o4", "1", "99.00", "1")) // a repeat of what was done: ignored
	c.next = 7
	c.send("1", "112=end")
	c.want("0", "34=6|112=end")
	c.send("4", "36=3") // reset mode, lower
	c.want("3", "34=7|373=5|372=4|!371")
	c.send("4", "34=1|36=20")
	c.next = 20
	c.send("1", "112=far")
	c.want("0", "34=8|112=far")
	c.send("4", "123=Y|36=20")
	c.want("3", "34=9|373=5")
	c.send("1", "34=5|112=low")
	c.want("5", "34=10|58=MsgSeqNum too low, expecting 22 but received 5")
	c.ends()
}

// TestResendOverPages asks for more messages than a page has, while orders go on.
func TestResendOverPages(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	const n = 700
	var all []byte
	for i := range n {
		all = append(all, c.frame("D", order(fmt.Sprint("r", i), "1", "50.00", "1"))...)
		c.next++
	}
	c.write(all)
	for i := range n {
		c.want("8", fmt.Sprintf("34=%d|150=0|11=r%d", i+2, i))
	}
	c.send("2", "7=1|16=0")
	c.send("D", order("live", "1", "50.00", "1"))
	c.want("4", "34=1|36=2|43=Y")
	for i := range n {
		c.want("8", fmt.Sprintf("34=%d|43=Y|11=r%d", i+2, i))
	}
	c.want("8", fmt.Sprintf("34=%d|11=live|!43", n+2))
	c.send("2", fmt.Sprintf("7=%d|16=%d", n+1, n+1))
	c.want("8", fmt.Sprintf("34=%d|43=Y", n+1))
	c.logout()
}

// TestRepeatedOrders sends an order again in every way that FIX has.
func TestRepeatedOrders(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	c.send("D", order("o1", "1", "99.00", "1"))
	c.want("8", "34=2|150=0")
	c.send("D", "97=Y|"+order("o1", "1", "99.00", "1"))
	c.send("D", "97=Y|"+order("o2", "1", "99.00", "1"))
	c.want("8", "34=3|150=0|11=o2")
	c.send("D", order("o1", "1", "99.00", "1"))
	c.want("8", "34=4|150=8|39=8|103=6|11=o1")
	c.send("D", "43=Y|"+order("o3", "1", "99.00", "1"))
	c.want("3", "34=5|371=122|373=1|372=D")
	c.send("D", "43=Y|122=20990101-00:00:00|"+order("o3", "1", "99.00", "1"))
	c.want("3", "34=6|373=10")
	c.want("5", "34=7")
	c.send("5", "")
	c.ends()
}

// TestDailyReset lets the clock pass the reset time: live sessions are told, and all numbers start again, also of a session
// that is not connected.
func TestDailyReset(t *testing.T) {
	at, passed := inAnHour()
	v := openVenue(t, "", options{resetAt: at})
	a, b, md := v.dial(t, "TRADE1"), v.dial(t, "TRADE2"), v.dial(t, "MD1")
	a.logon("")
	b.logon("")
	md.logon("")
	b.logout()
	v.offset.Store(int64(passed))
	for _, c := range []*rawClient{a, md} {
		c.want("5", "58=daily reset of the sequence numbers")
		c.send("5", "")
		c.ends()
	}
	fresh := func(compID string) func() bool {
		def, _ := v.view.SessionByCompID(compID)
		return func() bool {
			x, ok := v.outbox.Session(def.ID)
			return ok && x.Numbers().NextIn == 1 && x.Numbers().NextOut == 1 && x.Numbers().Epoch == 1
		}
	}
	waitFor(t, "TRADE1 starts again", fresh("TRADE1"))
	waitFor(t, "TRADE2 starts again", fresh("TRADE2"))
}

// TestRefusedByTheCore lets the core refuse a command that it had taken.
func TestRefusedByTheCore(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	def, _ := v.view.SessionByCompID("TRADE1")
	v.server.Refused(wire.SessionOrigin(def.ID, 1, 1, false), fmt.Errorf("leadership lost"))
	c.ends()
	c2 := v.dial(t, "TRADE1")
	c2.next = 2
	if m := c2.logon(""); !strings.Contains(m, "|35=A|") {
		t.Fatal(m)
	}
	c2.logout()
}
