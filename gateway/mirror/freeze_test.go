package mirror

import (
	"slices"
	"sync"
	"testing"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/view/venuetest"
)

// A frozen book stays as it was while the books go on.
func TestFreeze(t *testing.T) {
	g, e, b := venuetest.New(4), engine.New(), New()
	var work sync.WaitGroup
	defer work.Wait()
	frozen := 0
	for n := range 4000 {
		c := g.Next()
		es := e.Apply(&c, nil)
		g.See(es)
		for i := range es {
			if _, err := b.Apply(&es[i], nil); err != nil {
				t.Fatal(err)
			}
		}
		k := b.Book(1)
		if k == nil || n%7 != 0 {
			continue
		}
		f := k.Freeze()
		var want [2][]Resting
		for i, side := range []wire.Side{wire.Buy, wire.Sell} {
			want[i] = slices.Collect(k.Orders(side))
			frozen += len(want[i])
		}
		work.Go(func() {
			defer f.Release()
			for i, side := range []wire.Side{wire.Buy, wire.Sell} {
				if got := slices.Collect(f.Orders(side)); !slices.Equal(got, want[i]) || f.Len(side) != len(got) {
					t.Errorf("%s: %v, was %v", side, got, want[i])
				}
			}
		})
	}
	if frozen == 0 {
		t.Error("nothing was frozen")
	}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
}
