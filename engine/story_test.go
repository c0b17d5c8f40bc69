package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"uncross/engine/wire"
)

// TestStories plays the files of testdata. Directives:
//
//	new       a fresh engine; with "venue" as argument, the standard venue of the tests
//	apply     commands, one a line; answers with their events
//	money     the balances that are not zero
//	book      the orders of an instrument's book, bids then asks, in priority order
//	image     the whole state as an image
//
// After every directive the engine is validated. "go test -run Stories -rewrite" writes the files anew.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		e := New()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out := ""
			switch d.Cmd {
			case "new":
				e = New()
				if d.HasArg("venue") {
					e = testVenue(t)
				}
			case "apply":
				for line := range strings.Lines(d.Input) {
					if line = strings.TrimSpace(line); line == "" {
						continue
					}
					c, err := parseCommand(line)
					if err != nil {
						d.Fatalf(t, "%v", err)
					}
					out += show(e.Apply(&c, nil))
				}
			case "money":
				out = showMoney(e)
			case "book":
				var id int
				d.ScanArgs(t, "instrument", &id)
				out = showBook(e, wire.InstrumentID(id))
			case "image":
				out = show(wholeImage(e))
			default:
				d.Fatalf(t, "no directive %q", d.Cmd)
			}
			if err := e.Validate(); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return out
		})
	})
}

func show(events []wire.Event) (s string) {
	for i := range events {
		s += showEvent(&events[i]) + "\n"
	}
	return s
}

func showMoney(e *Engine) (s string) {
	for a := 1; a <= e.accounts.Len(); a++ {
		for k := 1; k <= e.assets.Len(); k++ {
			available, held := e.Balance(wire.AccountID(a), wire.AssetID(k))
			if !available.IsZero() || !held.IsZero() {
				s += fmt.Sprintf("account=%d asset=%d available=%s held=%s\n", a, k, available, held)
			}
		}
	}
	return s
}

func showBook(e *Engine, id wire.InstrumentID) (s string) {
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		for o := range e.Book(id).Orders(side) {
			s += fmt.Sprintf("%s order=%d price=%d left=%d\n", o.Side, o.ID, o.Price, o.Qty)
		}
	}
	return s
}

func wholeImage(e *Engine) (events []wire.Event) {
	var c ImageCursor
	for more := true; more; {
		events, more = e.AppendImage(&c, events)
	}
	return events
}
