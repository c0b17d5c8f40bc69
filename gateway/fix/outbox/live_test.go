package outbox

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/view/venuetest"
	"uncross/internal/ring"
)

// The whole chain with a ring, while connections follow their sessions: each sees every number of every epoch that it is
// there for once, in order, and is told when there is something new.
func TestFollowLive(t *testing.T) {
	o := options(t, vfs.NewMem())
	o.SyncEvery = time.Millisecond
	o.Retain = 2000
	s := open(t, o)
	b := ring.NewBroadcast[wire.Event](1024)
	src := b.Reader("outbox", true)
	var work sync.WaitGroup
	work.Go(func() {
		if err := s.Run(src, make(chan struct{})); err != nil {
			t.Error(err)
		}
	})
	g, e := newTraffic(8), engine.New()
	var out []wire.Event
	step := func() {
		c := g.next()
		out = e.Apply(&c, out[:0])
		g.g.See(out)
		b.Publish(out)
	}
	for range g.g.Setup() {
		step()
	}
	if !s.WaitFor(e.Seq(), time.Minute) {
		t.Fatal("the set-up does not arrive")
	}
	done := make(chan struct{})
	var followers sync.WaitGroup
	for id := wire.SessionID(1); id <= venuetest.Traders+1; id++ {
		x, ok := s.Session(id)
		if !ok {
			t.Fatalf("session %d is not there", id)
		}
		followers.Go(func() { follow(t, x, done) })
	}
	for range 3000 {
		step()
	}
	if !s.WaitFor(e.Seq(), time.Minute) {
		t.Fatalf("position %d of %d", s.Position(), e.Seq())
	}
	close(done)
	followers.Wait()
	b.Close()
	work.Wait()
	if s.Durable() != e.Seq() {
		t.Errorf("durable %d of %d after the end", s.Durable(), e.Seq())
	}
	closeStore(t, s)
}

func follow(t *testing.T, x *Session, done chan struct{}) {
	epoch, next := uint32(0), uint64(1)
	read := make([]Entry, 0, 16)
	for {
		n := x.Numbers()
		if n.Epoch != epoch {
			epoch, next = n.Epoch, 1
		}
		var err error
		read, err = x.Read(epoch, next, read)
		if errors.Is(err, ErrEpoch) {
			continue
		}
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range read {
			if e.Number != next {
				t.Errorf("number %d where %d comes next", e.Number, next)
				return
			}
			next = e.End()
		}
		for range x.OpenOrders(0, 10) {
			x.Answered()
			x.LoggedOn()
		}
		if len(read) > 0 {
			continue
		}
		select {
		case <-x.Changed():
		case <-done:
			if n := x.Numbers(); n.Epoch == epoch && n.NextOut == next {
				return
			}
		}
	}
}

// Answered counts commands, not events; Rejected says why no message came.
func TestAnswered(t *testing.T) {
	v := newVenue(t)
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	s.feed(t, v.es, 1)
	x, _ := s.Session(annSession)
	from := len(v.es)
	v.by(annSession, &wire.NewOrder{Account: ann, Instrument: 1, Side: wire.Buy, Type: wire.Limit, TIF: wire.IOC, Price: 400_000, Qty: 1, ClientID: wire.MustText("i1")})
	v.do(wire.OperatorKey, &wire.SetSession{Session: annSession, Fields: wire.SetSessionEnabled}, wire.Origin{})
	v.by(annSession, &wire.SessionMessage{Session: annSession, Kind: wire.SessionLogon})
	s.feed(t, v.es[from:], 1)
	if x.Answered() != 2 {
		t.Errorf("%d answered", x.Answered())
	}
	if n, why := x.Rejected(); n != 1 || why != wire.SessionDisabled {
		t.Errorf("%d rejected, %v", n, why)
	}
	if n := x.Numbers(); n.NextIn != 3 || n.NextOut != 3 || n.SinceNs == 0 {
		t.Errorf("numbers %+v: the order's two reports, and two messages that came in", n)
	}
	select {
	case <-x.Changed():
	default:
		t.Error("nobody was told")
	}
	if on, _ := x.LoggedOn(); on {
		t.Error("logged on by a logon that was refused")
	}
}

// Many sessions are cheap until they are used.
func TestManySessions(t *testing.T) {
	v := newVenue(t)
	for i := range 1000 {
		v.do(wire.OperatorKey, &wire.AddSession{Key: annKey, Kind: wire.TradingSession, Account: ann, CompID: wire.MustText(fmt.Sprint("S", i))}, wire.Origin{})
	}
	s := open(t, options(t, vfs.NewMem()))
	defer closeStore(t, s)
	s.feed(t, v.es, 1)
	x, ok := s.Session(1003)
	if !ok {
		t.Fatal("the last session is not there")
	}
	if cap(x.tail) != 0 || cap(x.w.fresh) != 0 {
		t.Error("a session that nobody uses takes memory for messages")
	}
	if _, ok := s.Session(1004); ok {
		t.Error("a session that is not there is found")
	}
}

// BenchmarkStore is the cost of an event of busy trading, with and without a drop copy; the disk is memory.
func BenchmarkStore(b *testing.B) {
	v := newVenue(b)
	from := len(v.es)
	for i := range 50_000 {
		v.by(annSession, &wire.NewOrder{Account: ann, Instrument: 1, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 400_000, Qty: 1, ClientID: wire.MustText(fmt.Sprint("a", i))})
		v.by(bobSession, &wire.NewOrder{Account: bob, Instrument: 1, Side: wire.Sell, Type: wire.Limit, TIF: wire.GTC, Price: 400_000, Qty: 1, ClientID: wire.MustText(fmt.Sprint("b", i))})
	}
	events := 0
	messages := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		s := open(b, options(b, vfs.NewMem()))
		s.feed(b, v.es[:from], 1)
		for es := v.es[from:]; len(es) > 0; {
			n := min(batchEvents, len(es))
			if err := s.w.store(es[:n]); err != nil {
				b.Fatal(err)
			}
			es = es[n:]
			events += n
		}
		for _, x := range s.sessions {
			messages += x.Numbers().NextOut - 1
		}
		closeStore(b, s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(messages), "ns/message")
}
