package view

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/view/venuetest"
)

// queueOf returns an instrument's orders in the engine's own order.
func queueOf(e *engine.Engine, id wire.InstrumentID) (all []Resting) {
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		for o := range e.Book(id).Orders(side) {
			all = append(all, Resting{Order: o.ID, Side: side, Price: o.Price, Qty: o.Qty})
		}
	}
	return all
}

// The picture has the engine's orders in the engine's order, and says which command changed a book or a phase last; a view
// that began with an image goes on alike.
func TestPictureAgainstEngine(t *testing.T) {
	for seed := range uint64(6) {
		g, e := venuetest.New(seed), engine.New()
		v, late := New(Options{}), New(Options{})
		books, phases, was := map[wire.InstrumentID]change{}, map[wire.InstrumentID]change{}, map[wire.InstrumentID]wire.Phase{}
		results := map[wire.InstrumentID]wire.Uncrossed{}
		before := map[wire.InstrumentID]string{}
		var imaged uint64
		for n := range 2500 {
			c := g.Next()
			es := e.Apply(&c, nil)
			g.See(es)
			if err := v.Apply(es); err != nil {
				t.Fatal(err)
			}
			if imaged > 0 {
				if err := late.Apply(es); err != nil {
					t.Fatal(err)
				}
			} else if n == 1000 {
				imaged = e.Seq()
				if err := late.Apply(image(e)); err != nil {
					t.Fatal(err)
				}
			}
			for i := range es {
				switch {
				case es[i].Flags&wire.FlagRepeat != 0:
				case es[i].Kind == wire.EvPhase:
					var m wire.PhaseChanged
					if m.GetEvent(&es[i]); m.Phase != m.Was {
						results[m.Instrument] = wire.Uncrossed{}
					}
				case es[i].Kind == wire.EvUncrossed:
					var m wire.Uncrossed
					m.GetEvent(&es[i])
					results[m.Instrument] = m
				}
			}
			p := v.Picture()
			if p.Seq != e.Seq() || p.TimeNs != e.Now() {
				t.Fatalf("a picture as of %d, %d", p.Seq, p.TimeNs)
			}
			for i, in := range p.Instruments {
				if in.Result != results[in.ID] {
					t.Fatalf("command %d, instrument %d: result %+v, want %+v", e.Seq(), in.ID, in.Result, results[in.ID])
				}
				want := queueOf(e, in.ID)
				if !slices.Equal(in.Orders, want) {
					t.Fatalf("command %d, instrument %d:\n got %v\nwant %v", e.Seq(), in.ID, in.Orders, want)
				}
				at := change{e.Seq(), e.Now()}
				if now := fmt.Sprint(want); now != before[in.ID] && !(now == "[]" && before[in.ID] == "") {
					before[in.ID], books[in.ID] = now, at
				}
				if last := p.Instruments[i].Phase; was[in.ID] == 0 {
					was[in.ID] = last
				} else if last != was[in.ID] {
					if in.Was != was[in.ID] {
						t.Fatalf("was %v, want %v", in.Was, was[in.ID])
					}
					was[in.ID], phases[in.ID] = last, at
				}
				if got := (change{in.Sequence, in.BookNs}); got != books[in.ID] {
					t.Fatalf("command %d, instrument %d: book of %+v, want %+v", e.Seq(), in.ID, got, books[in.ID])
				}
				if got := (change{in.PhaseSeq, in.PhaseNs}); got != phases[in.ID] {
					t.Fatalf("command %d, instrument %d: phase of %+v, want %+v", e.Seq(), in.ID, got, phases[in.ID])
				}
				if b, _ := v.Book(in.ID, 1); b.Sequence != in.Sequence {
					t.Fatalf("the book says %d, the picture %d", b.Sequence, in.Sequence)
				}
			}
			if imaged == 0 || n%10 != 0 {
				continue
			}
			for _, in := range late.Picture().Instruments {
				if !slices.Equal(in.Orders, queueOf(e, in.ID)) || in.Sequence != max(imaged, books[in.ID].seq) || in.PhaseSeq != max(imaged, phases[in.ID].seq) {
					t.Fatalf("after an image at %d, command %d: book of %d, phase of %d, %v", imaged, e.Seq(), in.Sequence, in.PhaseSeq, in.Orders)
				}
			}
		}
	}
}

// A picture is of one command while the writer goes on.
func TestPictureWhileTheViewGoesOn(t *testing.T) {
	g, e, v := venuetest.New(2), engine.New(), New(Options{})
	var was sync.Map // command → every order
	picture := func(p Picture) string {
		all := ""
		for _, in := range p.Instruments {
			all += fmt.Sprint(in.ID, in.Orders)
		}
		return all
	}
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			p := v.Picture()
			if want, ok := was.Load(p.Seq); ok && want != picture(p) {
				t.Errorf("command %d:\n got %s\nwant %s", p.Seq, picture(p), want)
				return
			}
		}
	})
	for range 3000 {
		c := g.Next()
		es := e.Apply(&c, nil)
		g.See(es)
		all := ""
		if e.Seq() > uint64(venuetest.Instruments+4) {
			for id := wire.InstrumentID(1); id <= venuetest.Instruments; id++ {
				all += fmt.Sprint(id, queueOf(e, id))
			}
			was.Store(e.Seq(), all)
		}
		if err := v.Apply(es); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	work.Wait()
}
