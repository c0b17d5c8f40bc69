package fix_test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix"
	"uncross/gateway/fix/message"
)

// step is what one byte of a fuzzed sequence does. Every message is well formed; what varies is what it is and when.
func (c *rawClient) step(b byte) {
	ahead := func(n int) string { return fmt.Sprintf("34=%d|", max(0, int(c.next)+n)) }
	now := string(message.AppendTime(nil, c.v.now().UnixNano()))
	id := fmt.Sprintf("z%d", b)
	var kind, fields string
	switch b % 24 {
	case 0:
		kind = "0"
	case 1:
		kind, fields = "1", "112=t"
	case 2:
		kind, fields = "2", "7=1|16=0"
	case 3:
		kind, fields = "2", ahead(3)+"7=2|16=3"
	case 4:
		kind, fields = "4", fmt.Sprintf("123=Y|36=%d", c.next+3)
	case 5:
		kind, fields = "4", fmt.Sprintf("36=%d", c.next+1)
	case 6:
		kind, fields = "4", ahead(2)+fmt.Sprintf("123=Y|36=%d", c.next+4)
	case 7:
		kind, fields = "D", order(id, "1", "10.00", "1")
	case 8:
		kind, fields = "D", ahead(2)+order(id, "1", "10.00", "1")
	case 9:
		kind, fields = "D", ahead(-1)+"43=Y|122="+now+"|"+order(id, "2", "10.00", "1")
	case 10:
		kind, fields = "F", "11=c"+id+"|41="+id+"|55=BTC/USD|54=1|60="+now
	case 11:
		kind, fields = "G", "11=g"+id+"|41="+id+"|55=BTC/USD|54=1|60="+now+"|38=2|40=2|44=9.00"
	case 12:
		kind, fields = "q", "11=q"+id+"|530=7|60="+now
	case 13:
		kind, fields = "H", "11="+id+"|55=BTC/USD|54=1"
	case 14:
		kind, fields = "AF", "584="+id+"|585=7"
	case 15:
		kind, fields = "V", "262="+id+"|263=1|264=0|265=1|267=1|269=0|146=1|55=BTC/USD"
	case 16:
		kind, fields = "x", "320="+id+"|559=4"
	case 17:
		kind, fields = "A", "98=0|108=30|554="+password
	case 18:
		kind, fields = "A", "34=1|98=0|108=30|141=Y|554="+password
	case 19:
		kind, fields = "3", "45=1|373=5"
	case 20:
		kind, fields = "5", ""
	case 21:
		kind, fields = "1", ahead(-1)+"112=low"
	case 22:
		kind, fields = "j", "372=8|380=0"
	case 23:
		kind, fields = "0", "49=OTHER"
	}
	_, _ = c.nc.Write(c.frame(kind, fields))
	switch {
	case kind == "A" && strings.HasPrefix(fields, "34=1|"):
		c.next = 2
	case kind == "4" && !strings.HasPrefix(fields, "34="):
		c.next, _ = strconv.ParseUint(fields[strings.LastIndex(fields, "=")+1:], 10, 64)
	case !strings.HasPrefix(fields, "34="):
		c.next++
	}
}

// FuzzSequences sends valid messages in any order. Whatever comes: what the venue sends has numbers without a hole or a
// repetition, and afterwards the session can be logged on to again, at the number that the log says.
func FuzzSequences(f *testing.F) {
	f.Add([]byte{7, 2, 1, 20})
	f.Add([]byte{8, 7, 7, 9, 2, 18, 7, 3, 4, 1})
	f.Add([]byte{7, 31, 10, 11, 12, 13, 14, 15, 16, 5, 6, 0, 19, 22, 1, 23})
	f.Add([]byte{18, 18, 7, 18, 15, 7, 18, 1})
	f.Add([]byte{17})
	f.Add([]byte{21})
	v := openVenue(f, "", options{limits: fix.Limits{ResendAgain: time.Millisecond}})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 40 {
			steps = steps[:40]
		}
		c := v.dial(t, "TRADE1")
		c.logon("141=Y")
		done := make(chan string, 1)
		go func() { done <- c.watch() }()
		for _, b := range steps {
			c.step(b)
		}
		c.step(20)
		select {
		case fault := <-done:
			if fault != "" {
				t.Fatalf("%v: %s", steps, fault)
			}
		case <-time.After(patience):
			t.Fatalf("%v: the Logout is not answered", steps)
		}
		def, _ := v.view.SessionByCompID("TRADE1")
		x, _ := v.outbox.Session(def.ID)
		c.nc.Close()
		waitFor(t, "the connection has ended", func() bool { return v.server.Status().Connections == 0 })
		v.barrier(t)
		if on, _ := x.LoggedOn(); on {
			t.Fatalf("%v: the session is still logged on by the log", steps)
		}
		again := v.dial(t, "TRADE1")
		again.next = x.Numbers().NextIn
		again.send("A", "98=0|108=30|554="+password)
		if m := again.read(); tag(m, "35") != "A" {
			t.Fatalf("%v: then %s", steps, m)
		}
		again.logout()
	})
}

// watch reads to the connection's end and returns what is wrong with the numbers of what came.
func (c *rawClient) watch() string {
	next := uint64(2)
	for {
		f, err := c.r.Next()
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return "no end"
			}
			return ""
		}
		m := strings.ReplaceAll(string(f), "\x01", "|")
		if tag(m, "43") == "Y" {
			continue
		}
		seq, _ := strconv.ParseUint(tag(m, "34"), 10, 64)
		if tag(m, "35") == "A" && seq == 1 {
			next = 1
		}
		if seq != next {
			return fmt.Sprintf("number %d instead of %d: %s", seq, next, m)
		}
		next++
	}
}

// barrier waits until all that was submitted is applied and in the outbox.
func (v *venue) barrier(t *testing.T) {
	t.Helper()
	before := v.view.Applied()
	var c wire.Command
	(&wire.SetPhase{Instrument: 1, Phase: wire.Continuous}).Put(&c)
	c.Key = operator
	if err := v.node.Submit(&c); err != nil {
		t.Fatal(err)
	}
	if !v.view.WaitFor(before+1, patience) || !v.outbox.WaitFor(v.node.Status().Seq, patience) {
		t.Fatal("the node does not come to an end")
	}
}
