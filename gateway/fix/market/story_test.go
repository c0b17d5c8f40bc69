package market

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/story.golden anew")

// recorder writes down what is pushed.
type recorder struct {
	*client
	out *strings.Builder
}

func (r recorder) Push(bodies []message.Body) bool {
	for i := range bodies {
		fmt.Fprintln(r.out, "push  ", show(&bodies[i]))
	}
	return r.client.Push(bodies)
}

// The golden story is the messages of a short day, as docs/fix.md shows them.
func TestStory(t *testing.T) {
	s := newStage(t, 1, 1<<12, Options{Interval: time.Nanosecond}, nil) // trades and book go together whatever the time
	s.setup()
	var out strings.Builder
	c := recorder{newClient(t), &out}
	ask := func(text string) {
		fmt.Fprintln(&out, "\nasked ", strings.TrimSuffix(text, "|"))
		for _, b := range s.m.Request(1, c, request(t, text)) {
			checkBody(t, &b)
			fmt.Fprintln(&out, "answer", show(&b))
		}
	}
	clock := int64(1_700_000_100_000_000_000)
	do := func(what string, key wire.KeyID, b interface{ Put(*wire.Command) }) {
		fmt.Fprintln(&out, "\n#", what)
		cmd := wire.Command{Key: key, TimeNs: clock}
		clock += 1_500_000_000
		b.Put(&cmd)
		s.do(&cmd)
		if s.buf[0].Kind == wire.EvOrderRejected || s.buf[0].Kind == wire.EvRejected {
			t.Fatalf("%s: refused", what)
		}
		s.quiet()
	}
	order := func(acc wire.AccountID, side wire.Side, px wire.Price, qty wire.Qty) *wire.NewOrder {
		return &wire.NewOrder{Account: acc, Instrument: 1, Side: side, Type: wire.Limit, TIF: wire.GTC, Price: px, Qty: qty}
	}
	ask("V 262=none|263=0|264=0|267=1|269=0|146=1|55=NO-SUCH")
	ask("V 262=once|263=0|264=0|267=3|269=0|269=1|269=2|146=2|55=A2-A1|55=A3-A1")
	do("a bid", 3, order(2, wire.Buy, 100, 10))
	do("an offer", 4, order(4, wire.Sell, 110, 5))
	ask("V 262=md1|263=1|264=2|265=1|267=3|269=0|269=1|269=2|146=1|55=A2-A1")
	ask("e 324=st1|55=A2-A1|263=1")
	do("a second bid at the same price", 4, order(4, wire.Buy, 100, 3))
	do("a better bid", 4, order(5, wire.Buy, 101, 4))
	do("one better still: the third level is out of sight", 3, order(2, wire.Buy, 102, 1))
	do("a sale that takes two levels and a part", 3, order(3, wire.Sell, 100, 8))
	do("halted", wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Halted})
	do("an auction", wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Auction, Reference: 100})
	do("a bid above the offer, which only an auction's book has", 4, order(4, wire.Buy, 111, 2))
	do("open: the auction's trades", wire.OperatorKey, &wire.SetPhase{Instrument: 1, Phase: wire.Continuous})
	ask("V 262=md1|263=1|264=1|265=0|267=1|269=0|146=1|55=A2-A1")
	ask("V 262=md1|263=2|264=2|267=1|269=0|146=1|55=A2-A1")
	do("nobody is told", 3, order(2, wire.Buy, 99, 1))
	ask("V 262=md2|263=1|264=1|265=0|267=2|269=0|269=2|146=1|55=A2-A1")
	do("a sale", 3, order(3, wire.Sell, 100, 1))
	ask("e 324=st2|55=NO-SUCH|263=0")
	ask("e 324=st1|55=A2-A1|263=2")
	ask("e 324=st1|55=A2-A1|263=2")

	const path = "testdata/story.golden"
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the story has changed (-rewrite writes it anew):\n%s", out.String())
	}
}
