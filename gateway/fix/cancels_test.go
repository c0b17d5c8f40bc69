package fix_test

import (
	"fmt"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
)

// TestRevokedKeyKeepsOrders ends a session that cancels on disconnect by revoking its key: nobody may cancel for that key any
// more, and the log says how many orders stay.
func TestRevokedKeyKeepsOrders(t *testing.T) {
	v := openVenue(t, "", options{
		warned: `level=WARN msg="fix: open orders stay although the session cancels on disconnect: its key has been revoked; the operator cancels them" session=TRADE1 asked=0 left=20`,
	})
	c := v.dial(t, "TRADE1")
	c.logon("141=Y|8013=Y")
	for i := range 20 {
		c.send("D", order(fmt.Sprint("o", i), "1", "10.00", "1"))
		c.want("8", "150=0")
	}
	v.do(operator, &wire.RevokeKey{Key: 2})
	c.want("5", "58=the key of the session has been revoked")
	c.send("5", "")
	c.ends()
	v.barrier(t)
	if n := v.open(); n != 20 {
		t.Errorf("%d open orders, want 20", n)
	}
	v.restart() // and no second warning
}

// TestDisabledSessionCancels ends a session that cancels on disconnect by disabling it: its orders go, more than a page of
// them, and the log tells the truth.
func TestDisabledSessionCancels(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.dial(t, "TRADE1")
	c.logon("141=Y|8013=Y")
	const n = 600
	for i := range n {
		c.send("D", order(fmt.Sprint("o", i), "1", "10.00", "1"))
	}
	for range n {
		c.want("8", "150=0")
	}
	v.do(operator, &wire.SetSession{Session: 1, Fields: wire.SetSessionEnabled})
	for range n {
		c.want("8", "150=4")
	}
	c.want("5", "58=the session has been disabled")
	c.send("5", "")
	c.ends()
	if v.open() != 0 {
		t.Errorf("%d orders are open", v.open())
	}
	v.logged(t, fmt.Sprintf(`level=INFO msg="fix: canceled on disconnect" session=TRADE1 asked=%d left=0`, n))
}

// TestCancelsThatAreNotTaken ends a session while the core takes nothing: a warning says how many orders are left.
func TestCancelsThatAreNotTaken(t *testing.T) {
	v := openVenue(t, "", options{
		limits: fix.Limits{CancelWait: 50 * time.Millisecond, BusyWait: 50 * time.Millisecond},
		warned: `level=WARN msg="fix: open orders could not be canceled on disconnect; the operator cancels them" session=TRADE1 asked=0 left=1`,
	})
	c := v.dial(t, "TRADE1")
	c.logon("141=Y|8013=Y")
	c.send("D", order("o", "1", "10.00", "1"))
	c.want("8", "150=0")
	v.core.busy.Store(1 << 40)
	c.nc.Close()
	waitFor(t, "the connection has ended", func() bool { return v.server.Status().Connections == 0 })
	v.core.busy.Store(0)
	v.server.SetCancelWait(patience) // the next cancel is to be taken, and answered
	if v.open() != 1 {
		t.Errorf("%d orders are open", v.open())
	}
	// The end could not be noted in the log either: the next logon finds it, and carries out what was asked for.
	again := v.dial(t, "TRADE1")
	again.next = 3
	again.logon("")
	waitFor(t, "the order is canceled", func() bool { return v.open() == 0 })
	v.logged(t, `level=INFO msg="fix: canceled on disconnect" session=TRADE1 asked=1 left=0`)
}
