package feed

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/view"
	"uncross/gateway/view/venuetest"
)

// benchVenue is a hand whose commands come from venuetest's generator.
func benchVenue(b *testing.B) (*hand, *venuetest.Gen) {
	h := newHand(b, Options{BookInterval: time.Nanosecond, AuctionInterval: time.Nanosecond, CandlesInterval: time.Nanosecond, StatisticsInterval: time.Nanosecond})
	g := venuetest.New(1)
	for range g.Setup() {
		g.Next()
	}
	return h, g
}

// BenchmarkPublish is the feed's work for events that come in portions as they do under load: what one costs, with a number of
// readers of every topic but candles of three instruments, in turn in JSON and in the binary form. Reading is not in it, but
// the waking is.
func BenchmarkPublish(b *testing.B) {
	for _, readers := range []int{0, 1, 2, 1000} {
		b.Run(fmt.Sprintf("%d readers", readers), func(b *testing.B) {
			h, g := benchVenue(b)
			var all []*Reader
			for n := range readers {
				for id := wire.InstrumentID(1); id <= venuetest.Instruments; id++ {
					for c := Book; c <= Statistics; c++ {
						if c == Candles {
							continue
						}
						r, err := h.f.Subscribe(Topic{Channel: c, Instrument: id}, Encoding(n%2), func() {})
						if err != nil {
							b.Fatal(err)
						}
						all = append(all, r)
					}
				}
			}
			var dst []*Message
			read := func() {
				for _, r := range all {
					dst, _ = r.Next(dst[:0], 1<<30)
				}
			}
			read()
			b.ReportAllocs()
			events := 0
			before := h.f.Status().Messages
			for b.Loop() {
				b.StopTimer()
				var es []wire.Event
				for range 100 { // about what comes within a millisecond
					c := g.Next()
					n := len(es)
					es = h.e.Apply(&c, es)
					g.See(es[n:])
				}
				if err := h.view.Apply(es); err != nil {
					b.Fatal(err)
				}
				h.now = h.now.Add(time.Millisecond)
				events += len(es)
				b.StartTimer()
				h.see(es)
				b.StopTimer()
				read()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			b.ReportMetric(float64(h.f.Status().Messages-before)/float64(events), "messages/event")
		})
	}
}

// BenchmarkRead is what a reader pays for a message that others have had made.
func BenchmarkRead(b *testing.B) {
	h := newHand(b, Options{})
	r := h.subscribe(Orders, JSON)
	h.read(r)
	for range 1000 {
		h.order(wire.Buy, 90, 1)
	}
	end := r.l.end()
	var dst []*Message
	b.ReportAllocs()
	for b.Loop() {
		r.at = end - 10
		dst, _ = r.Next(dst[:0], 1<<30)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(10*b.N), "ns/message")
}

// BenchmarkLargeBook is a book of a million orders: how long its snapshot takes, how long the publisher is held up by it, and
// how long the books take to load.
func BenchmarkLargeBook(b *testing.B) {
	const orders = 1_000_000
	h := newHand(b, Options{})
	p := view.Picture{Seq: h.e.Seq() + 1, Instruments: h.view.Picture().Instruments}
	for n := range orders {
		side := wire.Side(1 + n%2)
		price := wire.Price(1 + n%400)
		if side == wire.Sell {
			price += 500
		}
		p.Instruments[0].Orders = append(p.Instruments[0].Orders, view.Resting{Order: wire.OrderID(n + 1), Side: side, Price: price, Qty: 1 + wire.Qty(n%7)})
	}
	slices.SortStableFunc(p.Instruments[0].Orders, func(a, b view.Resting) int { return int(a.Side) - int(b.Side) })
	p.Instruments[0].Sequence = p.Seq
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			books, err := load(&p)
			if err != nil {
				b.Fatal(err)
			}
			h.f.install(&p, books, make([]missed, len(p.Instruments)), true)
		}
	})
	for _, enc := range []Encoding{JSON, Binary} {
		b.Run(fmt.Sprintf("snapshot in encoding %d", enc), func(b *testing.B) {
			var held time.Duration
			bytes := 0
			for b.Loop() {
				b.StopTimer()
				h.f.mu.Lock()
				h.f.restart(h.f.market(1).topic(Orders, 0))
				h.f.mu.Unlock()
				r := h.subscribe(Orders, enc)
				b.StartTimer()
				done := make(chan struct{})
				go func() {
					defer close(done)
					got, err := r.Next(nil, 1<<40)
					if err != nil {
						b.Error(err)
					}
					bytes = 0
					for _, m := range got {
						bytes += m.Size()
					}
				}()
				for running := true; running; { // what the publisher would wait
					at := time.Now()
					h.f.mu.Lock()
					held = max(held, time.Since(at))
					h.f.mu.Unlock()
					select {
					case <-done:
						running = false
					default:
						time.Sleep(100 * time.Microsecond)
					}
				}
				r.Close()
			}
			b.ReportMetric(float64(held.Microseconds())/1000, "ms-held")
			b.ReportMetric(float64(bytes)/1e6, "MB")
		})
	}
}
