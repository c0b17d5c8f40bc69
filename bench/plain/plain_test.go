package plain_test

import (
	"testing"

	"uncross/bench/flow"
	"uncross/bench/plain"
)

// The plain book makes the trades that the generator's own book made.
func TestPlainBookOnTheFlow(t *testing.T) {
	cfg := flow.Standard()
	if testing.Short() {
		cfg.Commands /= 10
	}
	f := flow.Generate(cfg)
	b := plain.New()
	var trades []plain.Trade
	var tally flow.Tally
	var levels, orders int
	for i := range f.Commands {
		c := &f.Commands[i]
		switch c.Kind {
		case flow.NewGTC, flow.NewIOC:
			trades = b.Place(c.ID, c.Side, c.Price, c.Qty, c.Kind == flow.NewIOC, trades[:0])
		case flow.Cancel:
			trades = trades[:0]
			if !b.Cancel(c.ID) {
				t.Fatalf("message %d cancels order %d, which does not rest", i, c.ID)
			}
		case flow.Move:
			trades = b.Move(c.ID, c.Price, trades[:0])
		}
		if i < f.FillLen {
			continue
		}
		for _, x := range trades {
			tally.Add(x.Maker, x.Taker, x.Price, x.Qty)
		}
		levels += b.Levels()
		orders += b.Len()
	}
	if tally != f.Trades {
		t.Errorf("got  %v\nwant %v", tally, f.Trades)
	}
	if testing.Short() {
		return // the means below are those of the whole flow
	}
	// The recipe states 1,015 orders on 779 levels; when a mean is taken is its own affair.
	n := float64(len(f.Bench()))
	if mean := float64(orders) / n; mean < 1010 || mean > 1020 {
		t.Errorf("%.1f orders rest on average, want about 1,015", mean)
	}
	if mean := float64(levels) / n; mean < 775 || mean > 783 {
		t.Errorf("%.1f levels on average, want about 779", mean)
	}
	t.Logf("%.2f orders on %.2f levels", float64(orders)/n, float64(levels)/n)
}
