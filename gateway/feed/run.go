package feed

import (
	"errors"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// Run publishes until stop is closed or the ring ends. It is to be called once. src is attached before whatever Options.Ready
// waits for. It returns nil: what goes wrong is healed, counted and logged.
func (f *Feed) Run(src Source, stop <-chan struct{}) error {
	in := newIntake(src, stop)
	defer f.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var alarm time.Time // what the timer is set to
	for {
		var next time.Time
		select {
		case b, ok := <-in.full:
			if !ok {
				return nil
			}
			f.batch(b, stop)
			in.empty <- b.events[:cap(b.events)]
			if next = f.next(); !next.Before(alarm) {
				continue
			}
		case <-timer.C:
			f.tick(stop)
			next = f.next()
		}
		alarm = next
		timer.Reset(max(next.Sub(f.o.Clock()), shortest))
	}
}

// end lets those go who wait for the rest of a command.
func (f *Feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.wholly.Broadcast()
}

// batch takes in what was read at once.
func (f *Feed) batch(b batch, stop <-chan struct{}) {
	if len(b.events) == 0 {
		return
	}
	f.seen = max(f.seen, b.events[len(b.events)-1].Seq)
	if !f.ready {
		return
	}
	at, err := b.events[0].Seq, error(nil)
	if b.lost > 0 {
		f.counts.overruns.Add(b.lost)
		err = errOverrun
	}
	for {
		if err != nil {
			if f.report(at, err); !f.resync(at, err, stop) {
				return
			}
		}
		f.mu.Lock()
		if at, err = f.apply(b.events); err == nil {
			f.settle(f.o.Clock())
			return
		}
		f.mu.Unlock()
	}
}

var errOverrun = errors.New("the reader was overrun")

// report says why the books are loaded anew.
func (f *Feed) report(at uint64, err error) {
	if errors.Is(err, mirror.ErrBroken) {
		f.counts.broken.Add(1)
		f.o.Logger.Warn("the events contradict the books of the market data; they are loaded anew", "command", at, "error", err)
		return
	}
	f.o.Logger.Debug("the books of the market data are loaded anew", "command", at, "reason", err)
}

// settle publishes what is due, and lets everybody see how far the books are. It is called with the mutex, and lets it go.
func (f *Feed) settle(now time.Time) {
	f.publishDue(now)
	if f.whole {
		for _, l := range f.hungry {
			l.mu.Lock()
			f.wakes = l.rouse(f.wakes)
			l.mu.Unlock()
		}
		clear(f.hungry)
		f.hungry = f.hungry[:0]
		f.wholly.Broadcast()
	}
	seq := f.seq
	f.waking = f.unlockAndWake(f.waking)
	if seq > f.applied.Load() {
		f.applied.Set(seq)
	}
}

// tick publishes what has come due, moves the 24 hours on, and loads the books where that is still to be done.
func (f *Feed) tick(stop <-chan struct{}) {
	if !f.ready {
		if !f.o.Ready() || !f.o.View.Status().Initialised || !f.resync(f.seen, errStart, stop) {
			return
		}
	} else if at := f.o.View.Applied(); !f.settled && at > f.seq {
		// Before the first event, the view alone tells of what was published before the ring was read.
		f.resync(at, errStart, stop)
	}
	f.mu.Lock()
	now := f.o.Clock()
	f.step(now)
	f.settle(now)
}

// next returns when tick is to be called next.
func (f *Feed) next() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.o.Clock().Add(longest)
	if !f.settled {
		next = f.o.Clock().Add(coldInterval)
	}
	if len(f.later) > 0 && f.later[0].at.Before(next) && f.whole {
		next = f.later[0].at
	}
	return next
}

var errStart = errors.New("the start")

// batch is events that were read at once.
type batch struct {
	events []wire.Event
	lost   uint64 // just before them
}

// intake reads the ring into buffers, so that it is overrun later while the books are loaded.
type intake struct {
	full  chan batch // closed at the end
	empty chan []wire.Event
}

func newIntake(src Source, stop <-chan struct{}) *intake {
	const buffers = MaxBacklog / readEvents
	in := &intake{full: make(chan batch, buffers), empty: make(chan []wire.Event, buffers)}
	go in.read(src, stop)
	return in
}

// read makes buffers as they are needed.
func (in *intake) read(src Source, stop <-chan struct{}) {
	defer close(in.full)
	for made := 0; ; {
		var buf []wire.Event
		select {
		case buf = <-in.empty:
		default:
			if made < cap(in.empty) {
				made++
				buf = make([]wire.Event, readEvents)
				break
			}
			select {
			case buf = <-in.empty:
			case <-stop:
				return
			}
		}
		n, lost, ok := src.Read(buf, stop)
		if n > 0 || lost > 0 {
			in.full <- batch{buf[:n], lost}
		} else {
			in.empty <- buf
		}
		if !ok {
			return
		}
	}
}
