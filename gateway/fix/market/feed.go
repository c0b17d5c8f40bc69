package market

import (
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/view"
)

// How many events are read at once, and how long the view may be behind before the sender looks whether it is to stop.
const (
	readEvents = 1024
	viewWait   = 100 * time.Millisecond
)

// Run feeds subscribers until stop is closed or the ring ends, and returns when nothing more is pushed. It is to be
// called once.
func (m *Market) Run(stop <-chan struct{}) {
	var work sync.WaitGroup
	ended := make(chan struct{})
	src := m.source()
	work.Go(func() { m.send(stop, ended) })
	m.readAll(src, stop)
	close(ended)
	work.Wait()
}

// readAll notes what happens. It waits for nothing but the mutex, so that it is overrun as late as possible.
func (m *Market) readAll(src Source, stop <-chan struct{}) {
	buf := make([]wire.Event, readEvents)
	for {
		n, lost, ok := src.Read(buf, stop)
		m.note(buf[:n], lost)
		if !ok {
			return
		}
	}
}

// note takes events in. The first events of all may begin inside a command, like the ones after an overrun.
func (m *Market) note(events []wire.Event, lost uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.overruns += lost
	if len(events) == 0 {
		return
	}
	if lost > 0 || !m.settled {
		m.settled = true
		m.seen = max(m.seen, events[0].Seq)
		m.lookAtAll()
	}
	for i := range events {
		e := &events[i]
		m.seen = max(m.seen, e.Seq)
		if e.Flags&wire.FlagImage != 0 {
			m.noteImage(e)
			continue
		}
		if e.Flags&wire.FlagRepeat == 0 {
			m.noteEvent(e)
		}
		if e.Flags&wire.FlagLast != 0 {
			m.read = max(m.read, e.Seq)
		}
	}
	if len(m.waiting) > 0 {
		m.wake() // what waits may be part of a command that is complete only now
	}
}

func (m *Market) lookAtAll() {
	for _, in := range m.instruments {
		in.pending, in.phases = nil, nil
		m.look(in)
	}
}

// noteImage deals with a view that begins anew: everything is compared, and trades may be missing for good.
func (m *Market) noteImage(e *wire.Event) {
	if e.Kind != wire.EvImageEnd {
		return
	}
	var i wire.Image
	i.GetEvent(e)
	m.seen, m.read = max(m.seen, i.Seq), max(m.read, i.Seq)
	m.lookAtAll()
	for _, in := range m.instruments {
		in.afresh = true
	}
}

func (m *Market) noteEvent(e *wire.Event) {
	switch e.Kind {
	case wire.EvOrderAccepted:
		var b wire.OrderAccepted
		b.GetEvent(e)
		m.noteBook(b.Instrument, e.Seq)
	case wire.EvOrderCanceled:
		var b wire.OrderCanceled
		b.GetEvent(e)
		m.noteBook(b.Instrument, e.Seq)
	case wire.EvOrderReplaced:
		var b wire.OrderReplaced
		b.GetEvent(e)
		m.noteBook(b.Instrument, e.Seq)
	case wire.EvTrade:
		var b wire.Trade
		b.GetEvent(e)
		m.noteBook(b.Instrument, e.Seq)
		m.noteTrade(e, &b)
	case wire.EvPhase:
		var b wire.PhaseChanged
		b.GetEvent(e)
		if in := m.instruments[b.Instrument]; in != nil && e.Seq > in.phaseOf {
			in.phases = append(in.phases, phaseAt{b.Phase, e.Seq, e.TimeNs})
			m.wait(in)
		}
	}
}

func (m *Market) noteBook(id wire.InstrumentID, seq uint64) {
	in := m.instruments[id]
	if in == nil || seq <= in.bookSeq {
		return
	}
	in.changed, in.change = true, seq
	m.wait(in)
}

func (m *Market) noteTrade(e *wire.Event, b *wire.Trade) {
	in := m.instruments[b.Instrument]
	switch {
	case in == nil || e.Seq <= in.told: // nobody wants it, or everybody has it
	case len(in.pending) == MaxPendingTrades:
		in.pending = nil
		m.look(in)
	default:
		in.pending = append(in.pending, view.Trade{
			ID: b.Trade, Seq: e.Seq, Ord: e.Ord, TimeNs: e.TimeNs, Price: b.Price, Qty: b.Qty, Taker: b.Taker,
		})
		m.wait(in)
	}
}

// send is the sender: it sends what is due and sleeps until something else is.
func (m *Market) send(stop, ended <-chan struct{}) {
	timer := time.NewTimer(m.o.Interval)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ended:
			return
		case <-m.poke:
		case <-timer.C:
		}
		timer.Reset(m.pass())
	}
}

// pass sends what is due, in step with the view, and returns for how long nothing will be unless the reader wakes the
// sender. The mutex is let go between instruments: the reader is not to be held up by all of them.
func (m *Market) pass() time.Duration {
	m.mu.Lock()
	upTo, needs := m.read, m.needs
	m.mu.Unlock()
	if !m.view.WaitFor(max(upTo, needs), viewWait) {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sleep := time.Hour
	if !m.settled {
		m.sweep()
		sleep = m.o.Interval
	}
	now := time.Now()
	list := m.waiting
	m.waiting = nil
	for _, in := range list {
		wait, again := m.serve(in, upTo, now)
		if again {
			m.waiting = append(m.waiting, in)
			sleep = min(sleep, wait)
		} else {
			in.queued = false
		}
		m.mu.Unlock()
		m.mu.Lock()
	}
	return max(sleep, 0)
}

// sweep compares everything when the view has gone on: before the ring's first event the view alone tells what happens.
func (m *Market) sweep() {
	if at := m.view.Applied(); at != m.swept {
		m.swept = at
		m.lookAtAll()
	}
}
