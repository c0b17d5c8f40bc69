package fix_test

import (
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
)

// inAnHour returns a reset time that is an hour away, and the offset of a clock that has passed it.
func inAnHour() (*fix.DailyTime, time.Duration) {
	at := time.Now().UTC().Add(time.Hour)
	return &fix.DailyTime{Hour: at.Hour(), Minute: at.Minute(), Second: at.Second()}, 61 * time.Minute
}

// TestMissedReset has the reset time pass while the node is down after a kill. The client is back at once: its first logon
// finds numbers that start at 1, and nothing takes them away afterwards, neither under it nor when it leaves.
func TestMissedReset(t *testing.T) {
	at, passed := inAnHour()
	v := openVenue(t, "", options{resetAt: at})
	def, _ := v.view.SessionByCompID("TRADE1")
	a := v.dial(t, "TRADE1")
	a.logon("")
	a.send("D", order("o1", "1", "10.00", "1"))
	a.want("8", "34=2|150=0")
	a.logout()
	// What a node leaves behind that is killed: a logon without an end.
	var c wire.Command
	(&wire.SessionMessage{Session: def.ID, Kind: wire.SessionLogon}).Put(&c)
	c.Key, c.Origin = def.Key, wire.SessionOrigin(def.ID, 0, 4, false)
	if err := v.node.Submit(&c); err != nil {
		t.Fatal(err)
	}
	idle := v.dial(t, "TRADE2")
	idle.logon("")
	idle.logout()
	for epoch := uint32(1); epoch <= 3; epoch++ {
		v.stop()
		v.offset.Store(int64(passed + time.Duration(epoch-1)*24*time.Hour))
		v.start()
		b := v.dial(t, "TRADE1")
		b.again(t, "34=1")
		x, _ := v.outbox.Session(def.ID)
		if n := x.Numbers(); n.Epoch != epoch || n.NextIn != 2 || n.NextOut != 2 {
			t.Fatalf("day %d: numbers %+v", epoch, n)
		}
		v.others(t)
		b.send("1", "112=still here") // the schedule has been through: it left this session alone
		b.want("0", "34=2|112=still here")
		b.nc.Close()
		waitFor(t, "the session has ended", func() bool { on, _ := x.LoggedOn(); return !on })
		b = v.dial(t, "TRADE1")
		b.next = 3
		b.again(t, "34=3")
		b.nc.Close()
		waitFor(t, "the session has ended again", func() bool { on, _ := x.LoggedOn(); return !on })
		if n := x.Numbers(); n.Epoch != epoch || n.NextIn != 4 || n.NextOut != 4 {
			t.Fatalf("day %d: in the end the numbers are %+v", epoch, n)
		}
		// For the next day's schedule.
		b = v.dial(t, "TRADE2")
		b.again(t, "34=1")
		b.logout()
	}
}

// again logs on until the node takes it: while it starts nothing is answered.
func (c *rawClient) again(t *testing.T, want string) {
	t.Helper()
	for until := time.Now().Add(patience); ; {
		c.send("A", "98=0|108=30|554="+password)
		if m := c.read(); m != "" {
			if !has(m, "35=A|"+want) {
				t.Fatalf("want a Logon %s, got %s", want, m)
			}
			return
		}
		if time.Now().After(until) {
			t.Fatal("no logon is answered")
		}
		next := c.next - 1
		*c = *c.v.dial(t, c.compID)
		c.next = next
	}
}

// others waits until the schedule has reset TRADE2, which nobody uses, so that it has looked at every session.
func (v *venue) others(t *testing.T) {
	t.Helper()
	def, _ := v.view.SessionByCompID("TRADE2")
	x, ok := v.outbox.Session(def.ID)
	if !ok {
		t.Fatal("no TRADE2")
	}
	waitFor(t, "the schedule has looked at every session", func() bool { return x.Numbers().NextIn == 1 })
}

// TestResetInTheLogon lets the time pass between two connections while the node runs: whichever comes first, the schedule or
// the logon, the client starts at 1. While the core takes nothing the logon is closed without a word, and takes no number.
func TestResetInTheLogon(t *testing.T) {
	at, passed := inAnHour()
	v := openVenue(t, "", options{resetAt: at, limits: fix.Limits{BusyWait: 50 * time.Millisecond}})
	a := v.dial(t, "TRADE1")
	a.logon("")
	a.logout()
	v.core.busy.Store(1 << 40)
	v.offset.Store(int64(passed))
	shut := v.dial(t, "TRADE1")
	shut.send("A", "98=0|108=30|554="+password)
	shut.ends()
	def, _ := v.view.SessionByCompID("TRADE1")
	x, _ := v.outbox.Session(def.ID)
	if n := x.Numbers(); n.Epoch != 0 || n.NextIn != 3 || n.NextOut != 3 {
		t.Fatalf("numbers %+v after a logon that nobody could take", n)
	}
	v.core.busy.Store(0)
	b := v.dial(t, "TRADE1")
	b.again(t, "34=1")
	b.send("1", "112=x")
	b.want("0", "34=2|112=x")
	b.logout()
	if n := x.Numbers(); n.Epoch != 1 || n.NextIn != 4 || n.NextOut != 4 {
		t.Errorf("numbers %+v", n)
	}
}

// TestResetOnce has a live session logged out at the time; when it logs on again at once it stays on with its new numbers.
func TestResetOnce(t *testing.T) {
	at, passed := inAnHour()
	v := openVenue(t, "", options{resetAt: at})
	b := v.dial(t, "TRADE2")
	b.logon("")
	a := v.dial(t, "TRADE1")
	a.logon("")
	v.offset.Store(int64(passed))
	a.want("5", "34=2|58=daily reset of the sequence numbers")
	a.send("5", "")
	a.ends()
	b.want("5", "34=2|58=daily reset of the sequence numbers")
	b.send("5", "")
	a = v.dial(t, "TRADE1")
	a.again(t, "34=1")
	b.ends()
	v.others(t)
	a.send("1", "112=still here")
	a.want("0", "34=2|112=still here")
	a.logout()
}
