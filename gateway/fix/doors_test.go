package fix_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
)

// dialFrom connects from another loopback address.
func (v *venue) dialFrom(t *testing.T, ip, compID string) *rawClient {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	nc, err := d.Dial("tcp", v.addr)
	if err != nil {
		t.Skipf("no connection from %s on this system: %v", ip, err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(3 * patience))
	return &rawClient{t: t, v: v, nc: nc, r: message.NewReader(nc, 1<<20), compID: compID, target: ourID, next: 1}
}

// loggedOn waits until so many sessions count as logged on: their clients may have the answer sooner.
func (v *venue) loggedOn(n int) {
	v.t.Helper()
	waitFor(v.t, "the sessions count as logged on", func() bool { return strings.Count(v.logs.String(), "fix: logged on") == n })
}

// TestOneAddressKeepsNobodyOut has an address take all it can get before a logon: its share. Others log on meanwhile, and it
// too once there is room again.
func TestOneAddressKeepsNobodyOut(t *testing.T) {
	share := fix.DefaultLimits().PreLogonPerIP
	v := openVenue(t, "", options{limits: fix.Limits{PreLogon: share + 1}})
	var idle []*rawClient
	for range share {
		idle = append(idle, v.dial(t, "TRADE1"))
	}
	waitFor(t, "the share is taken", func() bool { return v.server.Status().Connections == share })
	for range 3 {
		v.dial(t, "TRADE1").ends()
	}
	other := v.dialFrom(t, "127.0.0.2", "TRADE2")
	other.logon("")
	v.dial(t, "TRADE1").ends()
	idle[0].logon("") // one has logged on: its place is free
	v.loggedOn(2)
	next := v.dial(t, "DROP1")
	next.logon("")
	idle[1].nc.Close() // one has left
	waitFor(t, "it has left", func() bool { return v.server.Status().Connections == share+1 })
	last := v.dial(t, "MD1")
	last.logon("")
	for _, c := range []*rawClient{other, idle[0], next, last} {
		c.logout()
	}
}

// TestMassLogon logs a thousand sessions of one address on at once, within the limits that hold by default, by clients that
// try again when they are closed.
func TestMassLogon(t *testing.T) {
	const n = 1000
	v := openVenue(t, "", options{})
	for i := range n {
		v.do(operator, &wire.AddSession{Key: 2, Kind: wire.TradingSession, Account: 2, CompID: wire.MustText(fmt.Sprint("S", i)), Password: hashed(password)})
	}
	waitFor(t, "the outbox knows the sessions", func() bool { return v.outbox.Position() >= v.view.Applied() })
	var clients sync.WaitGroup
	var turnedAway, latest atomic.Int64
	latest.Store(time.Now().UnixNano())
	for i := range n {
		clients.Go(func() {
			// A client tries for as long as some get on.
			for ; time.Since(time.Unix(0, latest.Load())) < patience; time.Sleep(20 * time.Millisecond) {
				nc, err := net.Dial("tcp", v.addr)
				if err != nil {
					continue
				}
				_ = nc.SetDeadline(time.Now().Add(patience))
				c := &rawClient{t: t, v: v, nc: nc, r: message.NewReader(nc, 1<<10), compID: fmt.Sprint("S", i), target: ourID, next: 1}
				_, _ = nc.Write(c.frame("A", "98=0|108=120|554="+password))
				if m := c.read(); has(m, "35=A") {
					latest.Store(time.Now().UnixNano())
					t.Cleanup(func() { nc.Close() })
					return
				}
				turnedAway.Add(1)
				nc.Close()
			}
			t.Errorf("S%d did not get on", i)
		})
	}
	clients.Wait()
	if got := len(v.server.Status().Sessions); got != n {
		t.Errorf("%d sessions are logged on, want %d", got, n)
	}
	t.Logf("%d tries were turned away", turnedAway.Load())
}
