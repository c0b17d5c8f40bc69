package fix_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
)

// conversation is a day of three clients, written down as docs/fix.md shows it: without the parts of header and trailer that say
// nothing, and with times and event numbers taken out.
type conversation struct {
	t       *testing.T
	v       *venue
	clients map[string]*rawClient
	out     strings.Builder
}

var masked = regexp.MustCompile(`\|(52|60|122|272|273|75|17|198|580|571)=([^|]*)`)

// plain takes out of a message what differs from one run to another.
func plain(m string) string {
	m = regexp.MustCompile(`^8=FIX\.4\.4\|9=\d+\|`).ReplaceAllString(m, "")
	m = regexp.MustCompile(`\|10=\d+\|$`).ReplaceAllString(m, "")
	m = masked.ReplaceAllStringFunc(m, func(f string) string {
		tag, value, _ := strings.Cut(f[1:], "=")
		switch {
		case tag == "17" || tag == "571":
			if value == "0" {
				return f
			}
			return "|" + tag + "=<event>" + strings.TrimLeft(value, "0123456789-")
		}
		return "|" + tag + "=<time>"
	})
	return regexp.MustCompile(`\|37=\d+-\d+`).ReplaceAllString(m, "|37=<event>")
}

func (c *conversation) say(what string) { c.out.WriteString("\n# " + what + "\n") }

func (c *conversation) send(who, msgType, fields string) {
	c.t.Helper()
	f := c.clients[who].frame(msgType, fields)
	c.out.WriteString(who + " > " + plain(strings.ReplaceAll(string(f), "\x01", "|")) + "\n")
	c.clients[who].send(msgType, fields)
}

// hear reads so many messages of a client.
func (c *conversation) hear(who string, n int) {
	c.t.Helper()
	for range n {
		m := c.clients[who].read()
		if m == "" {
			c.t.Fatalf("%s: the connection ended; so far:\n%s", who, c.out.String())
		}
		c.out.WriteString(who + " < " + plain(m) + "\n")
	}
}

func (c *conversation) phase(p wire.Phase) {
	c.v.do(operator, &wire.SetPhase{Instrument: 1, Phase: p, Reference: 2000})
}

// TestConversation is where the examples of docs/fix.md come from.
func TestConversation(t *testing.T) {
	v := openVenue(t, "", options{})
	c := &conversation{t: t, v: v, clients: map[string]*rawClient{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.out.String())
		}
	})
	for _, who := range []string{"TRADE1", "TRADE2", "DROP1", "MD1"} {
		c.clients[who] = v.dial(t, who)
	}
	const at = "60=20240101-00:00:00"
	c.say("logon")
	c.send("TRADE1", "A", "98=0|108=30|554="+password)
	c.hear("TRADE1", 1)
	c.clients["DROP1"].logon("")
	c.clients["TRADE2"].logon("")
	c.clients["MD1"].logon("")

	c.say("test request")
	c.send("TRADE1", "1", "112=are you there")
	c.hear("TRADE1", 1)

	c.say("a new order")
	c.send("TRADE1", "D", "11=a1|55=BTC/USD|54=1|"+at+"|38=2|40=2|44=100.00|59=1")
	c.hear("TRADE1", 1)
	c.hear("DROP1", 1)

	c.say("a partial fill, then a fill")
	c.send("TRADE2", "D", "11=b1|55=BTC/USD|54=2|"+at+"|38=0.5|40=2|44=100.00|59=3")
	c.hear("TRADE2", 2)
	c.hear("TRADE1", 1)
	c.hear("DROP1", 3)
	c.send("TRADE2", "D", "11=b2|55=BTC/USD|54=2|"+at+"|38=1.5|40=1")
	c.hear("TRADE2", 2)
	c.hear("TRADE1", 1)
	c.hear("DROP1", 3)

	c.say("an order that is not filled at once and may not rest")
	c.send("TRADE1", "D", "11=a2|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=90.00|59=3")
	c.hear("TRADE1", 2)

	c.say("a replace, and a cancel by the replaced order's id")
	c.send("TRADE1", "D", "11=a3|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=90.00|59=1")
	c.hear("TRADE1", 1)
	c.send("TRADE1", "G", "11=a4|41=a3|55=BTC/USD|54=1|"+at+"|38=1.5|40=2|44=91.00")
	c.hear("TRADE1", 1)
	c.send("TRADE1", "F", "11=a5|41=a3|55=BTC/USD|54=1|"+at)
	c.hear("TRADE1", 1)
	c.send("TRADE1", "F", "11=a6|41=a4|55=BTC/USD|54=1|"+at)
	c.hear("TRADE1", 1)

	c.say("refused orders")
	c.send("TRADE1", "D", "11=a7|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=90.01|59=1")
	c.hear("TRADE1", 1)
	c.send("TRADE1", "D", "11=a8|55=BTC/USD|54=1|"+at+"|38=900|40=2|44=90000.00|59=1|111=10")
	c.hear("TRADE1", 1)
	c.send("TRADE1", "D", "11=a4|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=90.00|59=1")
	c.hear("TRADE1", 1)

	c.say("post-only")
	c.send("TRADE2", "D", "11=b3|55=BTC/USD|54=2|"+at+"|38=1|40=2|44=100.00|59=1|18=6")
	c.hear("TRADE2", 1)
	c.send("TRADE1", "D", "11=a9|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=100.00|59=1|18=6")
	c.hear("TRADE1", 1)

	c.say("sent again, marked as possibly sent before: nothing new, the answer was given")
	c.send("TRADE2", "D", "11=b3|55=BTC/USD|54=2|"+at+"|38=1|40=2|44=100.00|59=1|18=6|97=Y")
	c.send("TRADE2", "1", "112=was there an answer?")
	c.hear("TRADE2", 1)

	c.say("order status, mass status, mass cancel")
	c.send("TRADE2", "H", "11=b3|55=BTC/USD|54=2|790=q1")
	c.hear("TRADE2", 1)
	c.send("TRADE2", "H", "11=nothing|55=BTC/USD|54=2|790=q2")
	c.hear("TRADE2", 1)
	c.send("TRADE2", "AF", "584=m1|585=7")
	c.hear("TRADE2", 1)
	c.send("TRADE2", "q", "11=b4|530=7|"+at)
	c.hear("TRADE2", 2)

	c.say("a market order by funds")
	c.send("TRADE2", "D", "11=b5|55=BTC/USD|54=2|"+at+"|38=0.01|40=2|44=100.00|59=1")
	c.hear("TRADE2", 1)
	c.send("TRADE1", "D", "11=a10|55=BTC/USD|54=1|"+at+"|152=50|40=1")
	c.hear("TRADE1", 2)
	c.hear("TRADE2", 1)

	c.say("a call auction")
	c.phase(wire.Auction)
	c.send("TRADE1", "D", "11=a11|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=101.00|59=1")
	c.hear("TRADE1", 1)
	c.send("TRADE2", "D", "11=b6|55=BTC/USD|54=2|"+at+"|38=1|40=2|44=99.00|59=1")
	c.hear("TRADE2", 1)
	c.phase(wire.Continuous)
	c.hear("TRADE1", 1)
	c.hear("TRADE2", 1)

	c.say("the operator takes orders out")
	c.send("TRADE1", "D", "11=a12|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=80.00|59=1")
	c.hear("TRADE1", 1)
	v.do(operator, &wire.MassCancel{Instrument: 1})
	c.hear("TRADE1", 1)

	c.say("messages that the venue does not take")
	c.send("TRADE1", "R", "131=r1|146=1|55=BTC/USD")
	c.hear("TRADE1", 1)
	c.send("TRADE1", "D", "11=a13|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=80.00|59=1|9999=x")
	c.hear("TRADE1", 1)
	c.send("MD1", "D", "11=d1|55=BTC/USD|54=1|"+at+"|38=1|40=2|44=80.00|59=1")
	c.hear("MD1", 1)

	c.say("instruments")
	c.send("TRADE1", "x", "320=x1|559=4")
	c.hear("TRADE1", 1)

	c.say("the trades of the day")
	c.settle()
	c.send("TRADE2", "AD", "568=t1|569=0|54=2|55=BTC/USD|11=b1")
	c.hear("TRADE2", 2)

	c.say("market data")
	c.send("MD1", "V", "262=md1|263=1|264=1|265=1|267=3|269=0|269=1|269=2|146=1|55=BTC/USD")
	c.hear("MD1", 1)
	c.send("MD1", "e", "324=st1|55=BTC/USD|263=1")
	c.hear("MD1", 1)
	c.send("TRADE2", "D", "11=b7|55=BTC/USD|54=2|"+at+"|38=1|40=2|44=120.00|59=1")
	c.hear("TRADE2", 1)
	c.hear("MD1", 1)

	c.say("messages are sent again: reports as they were, a gap fill for the others")
	c.send("TRADE1", "2", "7=1|16=4")
	c.hear("TRADE1", 3)

	c.say("logout")
	c.send("TRADE1", "5", "")
	c.hear("TRADE1", 1)

	asGolden(t, "testdata/conversation.golden", c.out.String())
}

// asGolden holds what was seen against a file.
func asGolden(t *testing.T, path, seen string) {
	t.Helper()
	if *rewriteDocs {
		if err := os.WriteFile(path, []byte(seen), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if seen != string(want) {
		t.Errorf("%s is no more what is seen (-docs writes it anew):\n%s", path, seen)
	}
}

// settle gives history time to have what was answered.
func (c *conversation) settle() {
	waitFor(c.t, "history has what the view has", func() bool { return c.v.hist.WaitFor(c.v.view.Applied(), time.Second) })
}
