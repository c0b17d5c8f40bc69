package feed

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
)

// TestStories runs the story files in testdata/stories: each command of a file moves one venue, and the text below it is
// every message that the readers got by it. Run with -rewrite to write the outputs anew.
//
//	subscribe name=b channel=book [interval=1m] [binary]     also: close name=b
//	order side=buy price=90 qty=5 [tif=ioc] [in=1]
//	cancel order=1 · replace order=1 price=90 qty=3
//	phase phase=auction [in=1]
//	instrument symbol=NEW · limits                          a new one; other limits of instrument 1
//	wait for=10ms
//	missed                                                   the next command is not shown to the feed, the one after comes with a loss
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{h: newHand(t, Options{})}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.h.t, s.d = t, t, d
			return s.run()
		})
	})
}

type story struct {
	t     *testing.T
	h     *hand
	d     *datadriven.TestData
	names []string
	by    map[string]*Reader
	lost  uint64
}

func (s *story) run() string {
	switch s.d.Cmd {
	case "subscribe":
		s.subscribe()
	case "close":
		s.by[s.text("name")].Close()
		delete(s.by, s.text("name"))
	case "order":
		o := limit(s.side(), wire.Price(s.number("price")), wire.Qty(s.number("qty")))
		o.Instrument = s.in()
		if s.d.HasArg("tif") {
			o.TIF = wire.IOC
		}
		s.do(trader, o)
	case "cancel":
		s.do(trader, &wire.CancelOrder{Account: account, Target: s.target()})
	case "replace":
		s.do(trader, &wire.ReplaceOrder{Account: account, Target: s.target(), Price: wire.Price(s.number("price")), Qty: wire.Qty(s.number("qty"))})
	case "phase":
		phases := map[string]wire.Phase{"closed": wire.Closed, "auction": wire.Auction, "continuous": wire.Continuous, "halted": wire.Halted}
		s.do(wire.OperatorKey, &wire.SetPhase{Instrument: s.in(), Phase: phases[s.text("phase")]})
	case "instrument":
		s.do(wire.OperatorKey, &wire.AddInstrument{
			Symbol: wire.MustText(s.text("symbol")), Base: 2, Quote: 1, PriceDecimals: 2, TickSize: 1, LotSize: 100_000_000,
			Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 1000, MinQty: 1, MaxQty: 5000},
		})
	case "limits":
		s.do(wire.OperatorKey, &wire.SetInstrument{Instrument: 1, Fields: wire.AllLimits, Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 500, MinQty: 1, MaxQty: 50}})
	case "missed":
		s.lost = 1
	case "wait":
		d, err := time.ParseDuration(s.text("for"))
		if err != nil {
			s.t.Fatal(err)
		}
		s.h.wait(d)
	default:
		s.t.Fatalf("%s: no such command", s.d.Cmd)
	}
	return s.got()
}

func (s *story) subscribe() {
	topic := Topic{Instrument: s.in()}
	topic.Channel, _ = ParseChannel(s.text("channel"))
	if s.d.HasArg("interval") {
		topic.Interval, _ = candles.Parse(s.text("interval"))
	}
	enc := JSON
	if s.d.HasArg("binary") {
		enc = Binary
	}
	r, err := s.h.f.Subscribe(topic, enc, func() {})
	if err != nil {
		s.t.Fatalf("%s: %v", s.d.Pos, err)
	}
	if s.by == nil {
		s.by = map[string]*Reader{}
	}
	s.names = append(s.names, s.text("name"))
	s.by[s.text("name")] = r
}

// do carries a command out. Whatever comes after a missed one comes with its loss.
func (s *story) do(key wire.KeyID, b body) {
	s.t.Helper()
	es := s.h.unseen(key, b)
	switch s.lost {
	case 0:
		s.h.see(es)
	case 1:
		s.lost = uint64(len(es)) + 1
	default:
		s.h.f.batch(batch{es, s.lost - 1}, nil)
		s.lost = 0
	}
}

// got returns what the readers got, in the order in which they subscribed.
func (s *story) got() string {
	var out strings.Builder
	for _, name := range s.names {
		r := s.by[name]
		if r == nil {
			continue
		}
		got, err := r.Next(nil, 1<<30)
		for _, m := range got {
			fmt.Fprintf(&out, "%s: %s\n", name, s.words(m))
		}
		if err != nil {
			fmt.Fprintf(&out, "%s: %v\n", name, err)
		}
	}
	if out.Len() == 0 {
		return "nothing\n"
	}
	return out.String()
}

func (s *story) words(m *Message) string {
	if !m.Binary() {
		if !json.Valid(m.Payload()) {
			s.t.Errorf("%s: not JSON: %s", s.d.Pos, m.Payload())
		}
		return string(m.Payload())
	}
	if _, err := compact.Decode(m.Payload()); err != nil {
		s.t.Errorf("%s: %v", s.d.Pos, err)
	}
	return fmt.Sprintf("%x", m.Payload())
}

func (s *story) number(name string) (n int64) {
	s.t.Helper()
	s.d.ScanArgs(s.t, name, &n)
	return n
}

func (s *story) text(name string) (v string) {
	s.t.Helper()
	s.d.ScanArgs(s.t, name, &v)
	return v
}

func (s *story) in() wire.InstrumentID {
	if s.d.HasArg("in") {
		return wire.InstrumentID(s.number("in"))
	}
	return 1
}

func (s *story) side() wire.Side {
	return map[string]wire.Side{"buy": wire.Buy, "sell": wire.Sell}[s.text("side")]
}

func (s *story) target() wire.OrderRef { return wire.OrderRef{Order: wire.OrderID(s.number("order"))} }
