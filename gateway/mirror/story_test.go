package mirror

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"uncross/engine/wire"
)

// TestStories runs the story files in testdata/stories: each command of a file is one event for books that last for the file,
// and the text below it is what the event changed, or what it contradicts. Run with -rewrite to write the outputs anew.
//
//	instrument id=1 · phase in=1 phase=2
//	accepted order=1 side=buy price=10 qty=5 [tif=ioc]
//	trade buy=1 sell=2 price=10 qty=3 [taker=sell] [buy-left=2] [sell-left=0]
//	canceled order=1 side=buy left=2
//	replaced order=1 side=buy price=10 left=2 [kept]
//	image · image-instrument phase=3 last=10 · image-order order=1 side=buy price=10 qty=5 [filled=1]
//	book                                            everything that the books say
//
// An event is of command seq, 0 where it is not given; "last" flags it so, "repeat" as an answer given again.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		b := New()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s := story{t, d}
			if d.Cmd == "book" {
				return print(b)
			}
			e := s.event()
			changes, err := b.Apply(&e, nil)
			var out strings.Builder
			for _, c := range changes {
				fmt.Fprintf(&out, "%s %s %d: %d at %d\n", c.Kind, c.Side, c.Order, c.Qty, c.Price)
			}
			if err != nil {
				fmt.Fprintln(&out, err)
			}
			if err := b.Validate(); err != nil {
				t.Fatalf("%s: %v", d.Pos, err)
			}
			if out.Len() == 0 {
				return "nothing\n"
			}
			return out.String()
		})
	})
}

type story struct {
	t *testing.T
	d *datadriven.TestData
}

func (s *story) number(name string) (n int64) {
	if s.d.HasArg(name) {
		s.d.ScanArgs(s.t, name, &n)
	}
	return n
}

// in returns the instrument, 1 where it is not given.
func (s *story) in() wire.InstrumentID {
	if s.d.HasArg("in") {
		return wire.InstrumentID(s.number("in"))
	}
	return 1
}

func (s *story) side(name string) wire.Side {
	var text string
	if s.d.HasArg(name) {
		s.d.ScanArgs(s.t, name, &text)
	}
	switch text {
	case "buy":
		return wire.Buy
	case "sell":
		return wire.Sell
	}
	return 0
}

func (s *story) event() (e wire.Event) {
	order, price := wire.OrderID(s.number("order")), wire.Price(s.number("price"))
	qty, left := wire.Qty(s.number("qty")), wire.Qty(s.number("left"))
	switch s.d.Cmd {
	case "instrument":
		m := wire.Instrument{ID: wire.InstrumentID(s.number("id"))}
		m.PutEvent(&e)
	case "phase":
		m := wire.PhaseChanged{Instrument: s.in(), Phase: wire.Phase(s.number("phase"))}
		m.PutEvent(&e)
	case "accepted":
		m := wire.OrderAccepted{Order: order, Instrument: s.in(), Side: s.side("side"), TIF: wire.GTC, Price: price, Qty: qty}
		if s.d.HasArg("tif") {
			m.TIF = wire.IOC
		}
		m.PutEvent(&e)
	case "trade":
		m := wire.Trade{
			Trade: 1, Instrument: s.in(), Taker: s.side("taker"), Price: price, Qty: qty,
			BuyOrder: wire.OrderID(s.number("buy")), SellOrder: wire.OrderID(s.number("sell")),
			BuyLeft: wire.Qty(s.number("buy-left")), SellLeft: wire.Qty(s.number("sell-left")),
		}
		m.PutEvent(&e)
	case "canceled":
		m := wire.OrderCanceled{Order: order, Instrument: s.in(), Side: s.side("side"), Left: left}
		m.PutEvent(&e)
	case "replaced":
		m := wire.OrderReplaced{Order: order, Instrument: s.in(), Side: s.side("side"), Price: price, Left: left}
		if s.d.HasArg("kept") {
			m.KeptPriority = 1
		}
		m.PutEvent(&e)
	case "image":
		m := wire.Image{}
		m.PutEvent(&e, wire.EvImageBegin)
		e.Flags = wire.FlagImage
	case "image-instrument":
		m := wire.InstrumentState{Instrument: s.in(), Phase: wire.Phase(s.number("phase")), LastPrice: wire.Price(s.number("last"))}
		m.PutEvent(&e)
		e.Flags = wire.FlagImage
	case "image-order":
		m := wire.OrderState{Order: order, Instrument: s.in(), Side: s.side("side"), Price: price, Qty: qty, Filled: wire.Qty(s.number("filled"))}
		m.PutEvent(&e)
		e.Flags = wire.FlagImage
	default:
		s.d.Fatalf(s.t, "no such event")
	}
	e.Seq = uint64(s.number("seq"))
	if s.d.HasArg("last") {
		e.Flags |= wire.FlagLast
	}
	if s.d.HasArg("repeat") {
		e.Flags |= wire.FlagRepeat
	}
	return e
}

// print shows everything that the books say.
func print(b *Books) string {
	var out strings.Builder
	for _, id := range b.Instruments() {
		k := b.Book(id)
		fmt.Fprintf(&out, "instrument %d: %s, last %d, sequence %d\n", id, k.Phase(), k.LastPrice(), k.Sequence())
		for _, side := range []wire.Side{wire.Buy, wire.Sell} {
			for _, l := range k.Levels(side, 0, nil) {
				fmt.Fprintf(&out, "  %s %d: %d of %d\n", side, l.Price, l.Qty, l.Orders)
			}
			for r := range k.Orders(side) {
				fmt.Fprintf(&out, "    %d: %d at %d, %d ahead\n", r.Order, r.Qty, r.Price, k.Ahead(r.Order))
			}
		}
		if a, ok := k.Auction(); ok {
			fmt.Fprintf(&out, "  auction: %d at %d, surplus %d %s\n", a.Volume, a.Price, a.Surplus, a.SurplusSide)
		}
	}
	return out.String()
}
