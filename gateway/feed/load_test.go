package feed

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/view/venuetest"
)

// everyTopic returns every topic of an instrument; of candles a few intervals.
func everyTopic(id wire.InstrumentID) (all []Topic) {
	for c := Book; c <= Statistics; c++ {
		if c != Candles {
			all = append(all, Topic{Channel: c, Instrument: id})
		}
	}
	for _, i := range []candles.Interval{candles.S1, candles.S15, candles.D1} {
		all = append(all, Topic{Channel: Candles, Instrument: id, Interval: i})
	}
	return all
}

// quick are intervals that make much happen in a short test.
func quick(o Options) Options {
	o.BookInterval, o.AuctionInterval, o.CandlesInterval, o.StatisticsInterval = time.Millisecond, 2*time.Millisecond, 3*time.Millisecond, 5*time.Millisecond
	return o
}

// Whatever happens, and however often the feed's reader is overrun and its subscribers sleep: after every message, a client that
// knows nothing but the messages has the engine's book at that sequence, every trade, and the candles and statistics of them.
func TestUnderLoad(t *testing.T) {
	for name, c := range map[string]config{
		"overrun":         {seed: 1, capacity: 64, source: losing},
		"overrun, view":   {seed: 2, capacity: 256, noHistory: true, source: losing},
		"never":           {seed: 3, capacity: 1 << 16},
		"little is kept":  {seed: 4, capacity: 1024, options: Options{LogBytes: 2000, LogMessages: 8}},
		"overrun, larger": {seed: 5, capacity: 128, source: losing},
		"seldom overrun":  {seed: 6, capacity: 1 << 12, source: losing},
	} {
		t.Run(name, func(t *testing.T) { underLoad(t, c) })
	}
}

func underLoad(t *testing.T, c config) {
	commands := 12_000
	if testing.Short() {
		commands = 3_000
	}
	c.options = quick(c.options)
	s := newStage(t, c)
	s.setup()
	var clients []*client
	var readings []*reading
	done := make(chan struct{})
	var work sync.WaitGroup
	begin := func(seed uint64, pause time.Duration) {
		for id := wire.InstrumentID(1); id <= venuetest.Instruments; id++ {
			for _, topic := range everyTopic(id) {
				for _, enc := range []Encoding{JSON, Binary} {
					k := newClient(s, topic, enc)
					r := s.read(topic, enc, pause, seed, k.take)
					clients, readings = append(clients, k), append(readings, r)
					work.Go(func() { r.run(done) })
				}
			}
		}
	}
	begin(1, 0)
	dice := rand.New(rand.NewPCG(c.seed, 1))
	for n := 0; n < commands; {
		for range 1 + dice.IntN(400) { // a burst, after which the feed catches up or does not
			s.step()
			n++
		}
		for quiet := dice.IntN(3); quiet == 0 && dice.IntN(60) > 0; n++ { // one command after the other
			s.step()
			s.caughtUp()
		}
		if n > commands/3 && len(readings) == len(everyTopic(1))*2*venuetest.Instruments {
			begin(2, 20*time.Millisecond)
		}
	}
	s.quiet()
	close(done)
	work.Wait()
	slow, snapshots := 0, 0
	for i, k := range clients {
		snapshots += k.snapshots
		if readings[i].err == ErrSlow && k.topic.Channel == Trades {
			slow++
			continue
		}
		if readings[i].err != nil {
			k.fail("%v", readings[i].err)
		}
		k.finish()
	}
	for id := wire.InstrumentID(1); id <= venuetest.Instruments; id++ {
		v, _ := s.view.Book(id, 0)
		if b, ok := s.f.Orders(id, 1<<20); !ok || b.Sequence != v.Sequence || b.Sequence != s.truth.bookBy(id, s.e.Seq()).seq {
			t.Errorf("instrument %d: the feed's book is of %d, the view's of %d", id, b.Sequence, v.Sequence)
		}
	}
	st := s.f.Status()
	t.Logf("%+v; %d snapshots, %d of %d cut off", st, snapshots, slow, len(clients))
	if c.source != nil && st.Overruns == 0 {
		t.Error("the reader was never overrun: the test is weaker than it looks")
	}
	if st.Readers != 0 || st.Broken != 0 || c.options.LogMessages == 0 && slow > 0 {
		t.Errorf("%+v; %d cut off", st, slow)
	}
}
