package fix_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
)

// TestResetWithinAResend starts the numbers again while a resend is half written to a client that reads slowly: the rest of
// it is nobody's, and the session goes on with the answer as number 1.
func TestResetWithinAResend(t *testing.T) {
	for name, orders := range map[string]int{"one page": 200, "several pages": 600} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t, "", options{})
			c := v.hand(t).dial(t, "TRADE1", nil)
			c.logon("141=Y")
			for i := range orders {
				c.send("D", order(fmt.Sprint("r", i), "1", "50.00", "1"))
				c.want("8", "150=0")
			}
			c.send("2", "7=1|16=0")
			first := make([]byte, 1) // the writer is within the resend now
			if _, err := io.ReadFull(c.nc, first); err != nil {
				t.Fatal(err)
			}
			c.send("A", "34=1|98=0|108=30|141=Y|554="+password)
			x, _ := v.outbox.Session(1)
			waitFor(t, "the numbers begin again", func() bool { return x.Numbers().Epoch == 2 })
			c.r = message.NewReader(io.MultiReader(bytes.NewReader(first), c.nc), 1<<20)
			for {
				m := c.read()
				if m == "" {
					t.Fatalf("ended: %s", v.logs.String())
				}
				if tag(m, "35") == "A" {
					if tag(m, "34") != "1" {
						t.Errorf("the answer is %s", m)
					}
					break
				}
			}
			c.next = 2
			c.logout()
		})
	}
}

// TestLostOrderIsAskedFor: a core that takes neither an order nor its refusal, but then the end of the session: the order is
// asked for at the next logon.
func TestLostOrderIsAskedFor(t *testing.T) {
	v := openVenue(t, "", options{limits: fix.Limits{BusyWait: 50 * time.Millisecond}})
	c := v.online(t, "TRADE1")
	shut := func(cmd *wire.Command) bool { return !isSession(cmd, wire.SessionLogout) }
	v.core.full.Store(&shut)
	c.send("D", order("o1", "1", "10.00", "1")) // number 2
	c.ends()
	waitFor(t, "the connection has ended", func() bool { return v.server.Status().Connections == 0 })
	v.core.full.Store(nil)
	again := v.dial(t, "TRADE1")
	again.next = 3
	again.logon("")
	again.want("2", "7=2|16=0")
}

// TestRefusedOrderIsAskedFor: a command that the core took and then refused is likewise asked for.
func TestRefusedOrderIsAskedFor(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	c.send("1", "112=before") // number 2
	c.want("0", "112=before")
	x, _ := v.outbox.Session(1)
	n := x.Numbers()
	var lost wire.Command
	v.core.lose.Store(&lost)
	c.send("D", order("o1", "1", "10.00", "1")) // number 3
	waitFor(t, "the order was taken", func() bool { return v.core.lose.Load() == nil })
	v.server.Refused(lost.Origin, fmt.Errorf("not applied"))
	c.ends()
	waitFor(t, "the connection has ended", func() bool { return v.server.Status().Connections == 0 })
	if now := x.Numbers(); now.NextIn != n.NextIn {
		t.Errorf("the next inbound number was %d and is %d", n.NextIn, now.NextIn)
	}
	again := v.dial(t, "TRADE1")
	again.next = 4
	again.logon("")
	again.want("2", "7=3|16=0")
}
