package fix_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/fix/message"
)

const unknown = "58=logon refused: the CompIDs or the credentials are wrong"

// TestStrangersLearnNothingElse sends logons with faults and without the right credentials: the faults are not told.
func TestStrangersLearnNothingElse(t *testing.T) {
	v := openVenue(t, "", options{})
	for i, fields := range []string{
		"98=0|108=30|52=20010101-00:00:00|554=wrong", "98=0|554=wrong", "98=0|108=30|9999=x|554=wrong", "98=9|108=30|554=wrong",
		"98=0|108=30", "98=0|108=30|141=Y|34=7|554=wrong", "98=0|108=30|553=nobody|554=" + password,
	} {
		for _, compID := range []string{"TRADE1", "NOBODY"} {
			c := v.dial(t, compID)
			c.send("A", fields)
			number := "34=1"
			if compID == "TRADE1" {
				number = fmt.Sprintf("34=%d", i+1)
			}
			c.want("5", number+"|"+unknown)
			c.ends()
		}
	}
	if n := v.hashed.Load(); n != 14 { // as slow for one as for the other
		t.Errorf("%d passwords were hashed, want 14", n)
	}
}

// TestRefusalWhileAReportWaits refuses logons while a fill waits for the client, which counts every Logout as QuickFIX does:
// it is told nothing then, so that it asks for the fill at its next logon.
func TestRefusalWhileAReportWaits(t *testing.T) {
	v := openVenue(t, "", options{})
	a := v.online(t, "TRADE1")
	a.send("D", order("waits", "1", "100.00", "1"))
	a.want("8", "34=2|150=0")
	a.logout() // in 3, out 3

	refused := func(fields, want string) {
		t.Helper()
		c := v.dial(t, "TRADE1")
		c.next = 4
		c.send("A", fields)
		if want != "" {
			c.want("5", want)
		}
		c.ends()
	}
	refused("98=0|108=30|554=wrong", "34=4|"+unknown) // nothing waits but Logouts
	refused("98=0|108=999|554="+password, "34=5|58=HeartBtInt (108) must be 1 to 120 seconds")

	b := v.online(t, "TRADE2")
	b.send("D", order("fills", "2", "100.00", "1"))
	b.want("8", "150=0")
	b.want("8", "150=F") // TRADE1's out 6
	refused("98=0|108=30|554=wrong", "")
	refused("98=0|108=999|554="+password, "")
	v.do(operator, &wire.SetSession{Session: 1, Fields: wire.SetSessionEnabled})
	waitFor(t, "the session is disabled", func() bool { d, _ := v.view.SessionByCompID("TRADE1"); return d.Enabled == 0 })
	refused("98=0|108=30|554="+password, "")
	v.do(operator, &wire.SetSession{Session: 1, Fields: wire.SetSessionEnabled, Enabled: 1})
	waitFor(t, "the session is enabled", func() bool { d, _ := v.view.SessionByCompID("TRADE1"); return d.Enabled == 1 })
	refused("98=0|108=30|34=1|554="+password, "34=7|58=MsgSeqNum too low, expecting 5 but received 1") // a person has to act
	refused("98=0|108=30|789=8|554=wrong", "34=8|"+unknown)                                            // who says that it has them all is told
	refused("98=0|108=30|789=8|554=wrong", "")
	refused("98=0|108=30|34=1|141=Y|554=wrong", "34=9|"+unknown) // and who gives up what there was

	c := v.dial(t, "TRADE1")
	c.next = 5
	c.logon("") // out 10
	c.send("2", "7=6|16=0")
	c.want("8", "34=6|43=Y|150=F|11=waits")
	c.want("4", "34=7|36=11")
	c.logout()
}

// TestGapsOnBothSides has both sides ask at a logon: no gap fill goes across the venue's Logon or what came behind it, so
// that an engine which has taken these out of their turn loses nothing.
func TestGapsOnBothSides(t *testing.T) {
	v := openVenue(t, "", options{})
	a := v.online(t, "TRADE1")
	a.send("D", order("waits", "1", "100.00", "1"))
	a.want("8", "34=2|150=0")
	a.nc.Close()
	waitFor(t, "the session has ended", func() bool { return len(v.server.Status().Sessions) == 0 })
	b := v.online(t, "TRADE2")
	b.send("D", order("fills", "2", "100.00", "1"))
	b.want("8", "150=0")
	b.want("8", "150=F") // TRADE1's out 3

	c := v.dial(t, "TRADE1")
	c.next = 9
	c.send("A", "98=0|108=30|554="+password)
	c.want("A", "34=4")
	c.want("2", "34=5|7=3|16=0")
	c.send("2", "34=10|7=1|16=0")
	c.want("4", "34=1|36=2|43=Y")
	c.want("8", "34=2|150=0|43=Y")
	c.want("8", "34=3|150=F|43=Y")
	c.want("4", "34=4|36=5|43=Y")
	c.want("4", "34=5|36=6|43=Y")
	c.send("4", "34=3|43=Y|123=Y|36=11|122=20240101-00:00:00")
	c.next = 11
	for i := range 80 {
		c.send("1", fmt.Sprint("112=t", i))
		c.want("0", fmt.Sprint("34=", 6+i))
	}
	c.send("2", "7=5|16=0")
	for n := 5; n <= 4+64; n++ {
		c.want("4", fmt.Sprintf("34=%d|36=%d", n, n+1))
	}
	c.want("4", "34=69|36=86")
	c.logout()
}

// TestPasswordIsRemembered logs on again and again: the password is hashed once, until it is changed.
func TestPasswordIsRemembered(t *testing.T) {
	v := openVenue(t, "", options{})
	next := uint64(1)
	try := func(pw, answer string) {
		t.Helper()
		c := v.dial(t, "TRADE1")
		c.next = next
		c.send("A", "98=0|108=30|554="+pw)
		c.want(answer, "")
		if answer == "A" {
			c.logout()
			next = c.next
		}
	}
	// Events of a session that has just ended may come before the change that is waited for.
	change := func(m wire.SetSession, seen func(wire.Session) bool) {
		t.Helper()
		m.Session = 1
		v.do(operator, &m)
		waitFor(t, "the session is changed", func() bool { d, _ := v.view.SessionByCompID("TRADE1"); return seen(d) })
	}
	setPassword := func(p wire.Password) {
		t.Helper()
		change(wire.SetSession{Fields: wire.SetSessionPassword, Password: p}, func(d wire.Session) bool { return d.Password == p })
	}
	hashes := func(want int64) {
		t.Helper()
		if n := v.hashed.Swap(0); n != want {
			t.Errorf("%d hashes, want %d", n, want)
		}
	}
	try(password, "A")
	try(password, "A")
	try(password, "A")
	hashes(1)
	try("wrong", "5")
	try("wrong", "5")
	hashes(2) // a wrong one is never quick
	try(password, "A")
	hashes(0)
	setPassword(hashed("another"))
	try(password, "5")
	try("another", "A")
	try(password, "5")
	hashes(3)
	setPassword(wire.Password{}) // none any more
	try("another", "5")
	setPassword(hashed("another"))
	change(wire.SetSession{Fields: wire.SetSessionEnabled}, func(d wire.Session) bool { return d.Enabled == 0 })
	c := v.dial(t, "TRADE1")
	c.next = next
	c.send("A", "98=0|108=30|554=another")
	c.want("5", "58=the session is disabled")
}

// TestGuessesAtOnce makes a great many guesses at the same time: not more are judged than one after the other.
func TestGuessesAtOnce(t *testing.T) {
	v := openVenue(t, "", options{})
	hook := func() { time.Sleep(5 * time.Millisecond) }
	v.hashing.Store(&hook)
	var all sync.WaitGroup
	for range 200 {
		c := v.dial(t, "TRADE1")
		all.Go(func() {
			_, _ = c.nc.Write(c.frame("A", "98=0|108=30|554=guess"))
			_, _ = c.r.Next()
			c.nc.Close()
		})
	}
	all.Wait()
	most := int64(10 + auth.MaxHashing())
	if n := v.hashed.Load(); n == 0 || n > most {
		t.Errorf("%d guesses were judged, want at most %d", n, most)
	}
	x, _ := v.outbox.Session(1)
	if n := x.Numbers().NextOut; n > uint64(most)+1 {
		t.Errorf("guesses have taken %d numbers", n-1)
	}
}

// TestTheDeadAreNotHashed lets clients go while their logons wait: their passwords are not verified.
func TestTheDeadAreNotHashed(t *testing.T) {
	v := openVenue(t, "", options{})
	begun, goOn := make(chan struct{}), make(chan struct{})
	hook := func() { begun <- struct{}{}; <-goOn }
	v.hashing.Store(&hook)
	var busy []*rawClient
	for i := range auth.MaxHashing() {
		c := v.dial(t, []string{"TRADE1", "TRADE2", "DROP1", "MD1", "NOBODY"}[i%5])
		c.send("A", "98=0|108=30|554=guess")
		<-begun
		busy = append(busy, c)
	}
	dead := v.dial(t, "SIGNED1")
	dead.send("A", "98=0|108=30|554=guess")
	dead.nc.Close()
	waitFor(t, "the logon of a dead client is dropped", func() bool { return strings.Contains(v.logs.String(), "the client has gone") })
	early := v.dial(t, "SIGNED1") // and what a living one sends meanwhile is kept
	early.send("A", "98=0|108=30|554=guess")
	early.send("0", "")
	v.hashing.Store(nil)
	close(goOn)
	for _, c := range busy {
		c.want("5", unknown)
	}
	early.want("5", unknown)
	if n, want := v.hashed.Load(), int64(auth.MaxHashing()+1); n != want {
		t.Errorf("%d hashes, want %d", n, want)
	}
}

// TestSignedRecording sends a recorded logon again after a restart.
func TestSignedRecording(t *testing.T) {
	v := openVenue(t, "", options{})
	at := string(message.AppendTime(nil, v.now().UnixNano()))
	sig := base64.StdEncoding.EncodeToString(ed25519.Sign(v.keys["alice"].Private, []byte(strings.Join([]string{at, "A", "1", "SIGNED1", ourID}, "\x01"))))
	fields := fmt.Sprintf("52=%s|98=0|108=30|141=Y|95=%d|96=%s", at, len(sig), sig)
	a := v.dial(t, "SIGNED1")
	a.send("A", fields)
	a.want("A", "34=1")
	a.logout()
	v.restart()
	again := v.dial(t, "SIGNED1")
	again.send("A", fields)
	again.want("5", unknown)
	again.ends()
}

// TestDisabledMeanwhile disables a session while its password is being verified.
func TestDisabledMeanwhile(t *testing.T) {
	v := openVenue(t, "", options{})
	hook := func() { v.do(operator, &wire.SetSession{Session: 4, Fields: wire.SetSessionEnabled}) }
	v.hashing.Store(&hook)
	c := v.dial(t, "MD1")
	c.send("A", "98=0|108=30|554="+password)
	c.want("5", "58=the session is disabled")
	c.ends()
}

// TestResetWhileBusy has the numbers begin again in the middle of a session while the core has no room for the answer to the logon and a heartbeat is due:
// the answer to the logon is number 1 all the same.
func TestResetWhileBusy(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.dial(t, "TRADE1")
	c.send("A", "98=0|108=1|141=Y|554="+password)
	c.want("A", "34=1")
	c.send("V", "262=r|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=BTC/USD|")
	c.want("W", "34=2")
	full := func(cmd *wire.Command) bool {
		var m wire.SessionMessage
		m.Get(cmd)
		return cmd.Kind == wire.CmdSessionMessage && m.Kind == wire.SessionLogon
	}
	v.core.full.Store(&full)
	c.send("A", "34=1|98=0|108=1|141=Y|554="+password)
	time.Sleep(1200 * time.Millisecond)
	c.next = 2
	c.send("1", "112=x") // a sign of life, before it is late
	v.core.full.Store(nil)
	c.want("A", "34=1|141=Y")
	for want := 2; ; want++ {
		m := c.read()
		if tag(m, "34") != fmt.Sprint(want) {
			t.Fatalf("want number %d: %s", want, m)
		}
		if tag(m, "112") == "x" {
			break
		}
	}
}
