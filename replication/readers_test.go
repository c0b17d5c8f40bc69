package replication

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"uncross/engine/wire"
	"uncross/internal/ring"
)

// A lossless reader whose disk hangs would have the leader lead on and answer that it is busy, and a follower stand still. The
// node ends; a leader has a successor.
func TestReaderThatStandsStill(t *testing.T) {
	for _, c := range []struct {
		name    string
		leading bool
		limit   time.Duration
	}{
		{"leader", true, time.Second},
		{"follower", false, time.Second},
		{"leader, without the remedy", true, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newTrio(t, "a", "b", "c")
				k.change = func(cfg *Config) { cfg.ReaderTimeout, cfg.EventCapacity = c.limit, 256 }
				l := k.startAll()
				k.carry(l, dayOf(1, 50))
				k.everywhere(50)
				p := l
				if !c.leading {
					p = k.others(l)[0]
				}
				p.expected = true
				stuck := p.Events().Reader("history", true)
				defer stuck.Close()
				more := flow(2, 400)
				for i := range more {
					if err := l.Submit(&more[i]); err != nil {
						break // busy
					}
					time.Sleep(time.Millisecond)
				}
				if c.limit == time.Hour {
					await(t, "the venue to be busy", func() bool { return errors.Is(l.Submit(&more[0]), ErrBusy) })
					time.Sleep(8 * ClusterTimeouts.Heartbeat)
					if !l.Leading() || l.failed() != nil {
						t.Errorf("the node that is busy does not lead on, %v: the trap is not there", l.failed())
					}
					return
				}
				if err := p.end(t, ErrReader); !contains(err, `"history"`) {
					t.Errorf("ended with %v", err)
				}
				stuck.Close() // its process is gone
				if c.leading {
					l = k.leader(p)
				}
				k.carry(l, flow(3, 20))
			})
		})
	}
}

// watched runs watchReaders on a ring of its own, and returns when, if at all, the node ended within an hour.
func watched(t *testing.T, run func(*ring.Broadcast[wire.Event], *Node)) (ended time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{events: ring.NewBroadcast[wire.Event](64), stop: make(chan struct{}), began: time.Now()}
		n.cfg.ReaderTimeout = DefaultReaderTimeout
		var at atomic.Int64
		n.cfg.Fatal = func(error) { at.Store(int64(n.now())) }
		go n.watchReaders()
		run(n.events, n)
		close(n.stop)
		synctest.Wait()
		ended = time.Duration(at.Load())
	})
	return ended
}

// The end comes in time; who has nothing to read, or reads slowly, is let be, and so is one that is lossy.
func TestWhoIsTakenForAReaderThatStandsStill(t *testing.T) {
	if got := watched(t, func(b *ring.Broadcast[wire.Event], _ *Node) {
		b.Reader("stuck", true)
		b.Publish(make([]wire.Event, 3))
		time.Sleep(time.Hour)
	}); got < DefaultReaderTimeout || got > DefaultReaderTimeout*(readerLooks+1)/readerLooks { // one look may come before it
		t.Errorf("one that stood still from the beginning: %s", got)
	}
	if got := watched(t, func(b *ring.Broadcast[wire.Event], _ *Node) {
		r := b.Reader("slow", true)
		b.Reader("lossy", false)
		idle := b.Reader("quick", true)
		buf := make([]wire.Event, 64)
		for range 100 {
			b.Publish(make([]wire.Event, 2))
			idle.Read(buf, nil)
			time.Sleep(DefaultReaderTimeout * 9 / 10)
			for range 2 {
				r.Read(buf[:1], nil)
			}
			time.Sleep(10 * DefaultReaderTimeout) // nothing to read
		}
		for range 60 { // always behind
			b.Publish(make([]wire.Event, 1))
		}
		idle.Read(buf, nil)
		for range 59 {
			time.Sleep(DefaultReaderTimeout * 9 / 10)
			r.Read(buf[:1], nil)
		}
	}); got != 0 {
		t.Errorf("a slow one ended the node after %s", got)
	}
}
