package market

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"uncross/engine/wire"
)

const allSymbols = "146=3|55=A2-A1|55=A3-A1|55=A3-A2"

// lag reads with pauses, so that a small ring overruns it.
type lag struct {
	Source
	r *rand.Rand
}

func (l *lag) Read(dst []wire.Event, stop <-chan struct{}) (int, uint64, bool) {
	n := 1 + l.r.IntN(len(dst)-1)
	if l.r.IntN(3) == 0 {
		n = min(n, 3) // cuts commands
	}
	if l.r.IntN(20) == 0 {
		time.Sleep(time.Duration(l.r.IntN(30)) * time.Millisecond)
	}
	return l.Source.Read(dst[:n], stop)
}

// subscriber is a client with what it asked for.
type subscriber struct {
	*client
	key   SessionKey
	depth int
	full  bool
}

// Every subscriber, whenever it comes, sees books that there were, in their order, ends with the last one, and has every
// trade once and in order: also when the reader is overrun.
func TestSubscribersHaveWhatThereWas(t *testing.T) {
	for seed := range uint64(6) {
		overrun := seed%2 == 1
		t.Run(fmt.Sprintf("seed %d, overrun %v", seed, overrun), func(t *testing.T) {
			follow(t, seed, overrun)
		})
	}
}

func follow(t *testing.T, seed uint64, overrun bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	capacity, wrap := 1<<16, func(s Source) Source { return s }
	if overrun {
		capacity = 64
		wrap = func(s Source) Source { return &lag{s, rand.New(rand.NewPCG(seed, 2))} }
	}
	s := newStage(t, seed, capacity, Options{Interval: time.Millisecond}, wrap)
	s.setup()
	var subs []*subscriber
	steps := 4000
	if testing.Short() {
		steps = 1000
	}
	for i := range steps {
		s.step()
		if i%100 == 0 {
			subs = append(subs, s.join(r, SessionKey(i+1)))
		}
		if r.IntN(40) == 0 {
			time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
		}
		if r.IntN(300) == 0 {
			c := subs[r.IntN(len(subs))]
			c.mu.Lock()
			c.refuse = true
			c.mu.Unlock()
		}
		if r.IntN(300) == 0 {
			c := subs[r.IntN(len(subs))]
			s.m.Drop(c.key)
			c.mu.Lock()
			c.refuse = true
			c.mu.Unlock()
		}
	}
	s.quiet()
	lost := s.m.Status().Overruns
	if overrun && lost == 0 {
		t.Error("the reader was never overrun")
	}
	gone := 0
	for _, c := range subs {
		c.mu.Lock()
		if s.check(c); c.refuse {
			gone++
			if c.late > 1 {
				t.Errorf("session %d got %d messages after it took no more", c.key, c.late)
			}
		}
		c.mu.Unlock()
	}
	if st := s.m.Status(); st.Sessions < len(subs)-gone || st.Sessions > len(subs) || gone == 0 || st.Trades == 0 {
		t.Errorf("%d subscribers, %d gone: %+v", len(subs), gone, st)
	}
	for _, c := range subs {
		s.m.Drop(c.key)
	}
	if st := s.m.Status(); st.Sessions != 0 || st.Subscriptions != 0 || st.Instruments != 0 {
		t.Errorf("after all have left: %+v", st)
	}
	t.Logf("%d events lost, %+v", lost, s.m.Status())
}

func (s *stage) join(r *rand.Rand, k SessionKey) *subscriber {
	c := &subscriber{client: newClient(s.t), key: k, depth: depths[r.IntN(len(depths))], full: r.IntN(3) == 0}
	updates := 1
	if c.full {
		updates = 0
	}
	s.ask(k, c.client, fmt.Sprintf("V 262=md%d|263=1|264=%d|265=%d|267=3|269=0|269=1|269=2|%s", k%2, c.depth, updates, allSymbols))
	for _, sym := range []string{"A2-A1", "A3-A1", "A3-A2"} {
		s.ask(k, c.client, "e 324=st-"+sym+"|55="+sym+"|263=1")
	}
	return c
}

// check holds what a subscriber saw against what there was.
func (s *stage) check(c *subscriber) {
	for _, in := range s.truth.Instruments() {
		sym := in.Symbol.String()
		was := s.books[key(sym, c.depth)]
		at := 0
		for _, state := range c.states[sym] {
			for at < len(was) && was[at] != state {
				at++
			}
			if at == len(was) {
				s.t.Fatalf("session %d depth %d full %v: %s was never, or not then, %s", c.key, c.depth, c.full, sym, state)
			}
		}
		if len(c.states[sym]) == 0 {
			s.t.Fatalf("session %d has no book of %s", c.key, sym)
		}
		s.checkTrades(c, sym)
		if c.refuse {
			continue
		}
		if got, want := c.books[sym].String(), s.bookNow(in, c.depth); got != want {
			s.t.Errorf("session %d: %s ends as %s, is %s", c.key, sym, got, want)
		}
		phases := c.phases[sym]
		if last := phases[len(phases)-1]; last != strconv.Itoa(tradingStatus(in.Phase)) {
			s.t.Errorf("session %d: phase of %s ends as %s", c.key, sym, last)
		}
		if len(slices.Compact(slices.Clone(phases))) != len(phases) {
			s.t.Errorf("session %d: phases of %s: %v", c.key, sym, phases)
		}
	}
}

// checkTrades looks for the subscriber's trades as a part of all trades, without a hole, up to the last one.
func (s *stage) checkTrades(c *subscriber, sym string) {
	got, all := c.trades[sym], s.trades[sym]
	if len(got) > len(all) {
		s.t.Fatalf("session %d has %d of %d trades of %s", c.key, len(got), len(all), sym)
	}
	same := func(from int) bool {
		for i, g := range got {
			w := all[from+i]
			if g.id == "" {
				w.id = ""
			}
			if g != w {
				return false
			}
		}
		return true
	}
	if !c.refuse {
		if !same(len(all) - len(got)) {
			s.t.Errorf("session %d: trades of %s are not the last %d", c.key, sym, len(got))
		}
		return
	}
	for from := 0; from <= len(all)-len(got); from++ {
		if same(from) {
			return
		}
	}
	s.t.Errorf("session %d: trades of %s are not in a row", c.key, sym)
}
