package feed

import (
	"errors"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/feed/compact"
	"uncross/gateway/mirror"
	"uncross/gateway/view"
)

// resync loads the books as of a command that is at least need, and what is missing of the trades up to there. It is the start,
// and what follows when events are missing or contradict the books. It returns false when stop was closed first.
func (f *Feed) resync(need uint64, why error, stop <-chan struct{}) bool {
	anew := !f.ready || errors.Is(why, errImage)
	broken := errors.Is(why, mirror.ErrBroken)
	for {
		if !f.waitFor(f.o.View, need, stop) {
			return false
		}
		p := f.o.View.Picture()
		books, err := load(&p)
		if err == nil {
			var lacks []missed
			if lacks, err = f.lacks(&p, anew, stop); err == nil {
				f.install(&p, books, lacks, anew || broken)
				f.counts.resyncs.Add(1)
				return true
			}
		}
		f.o.Logger.Warn("the books of the market data cannot be loaded; it is tried again", "command", p.Seq, "error", err)
		if pause(brokenPause, stop) {
			return false
		}
	}
}

// waiter is what one can wait for to have a command.
type waiter interface {
	WaitFor(seq uint64, timeout time.Duration) bool
}

func (f *Feed) waitFor(w waiter, seq uint64, stop <-chan struct{}) bool {
	for !w.WaitFor(seq, viewWait) {
		if stopped(stop) {
			return false
		}
	}
	return !stopped(stop)
}

func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// pause waits, and reports whether stop was closed meanwhile.
func pause(d time.Duration, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	case <-time.After(d):
		return false
	}
}

// load builds the books of a picture.
func load(p *view.Picture) (*mirror.Books, error) {
	books := mirror.New()
	for i := range p.Instruments {
		in := &p.Instruments[i]
		s := mirror.LoadState{
			Instrument: in.Instrument.Instrument.Instrument, Phase: in.Phase, LastPrice: in.Last.Price, Sequence: in.Sequence,
			Orders: make([]mirror.Resting, len(in.Orders)),
		}
		for j, o := range in.Orders {
			s.Orders[j] = mirror.Resting(o)
		}
		if err := books.Load(s); err != nil {
			return nil, err
		}
	}
	return books, nil
}

// lacks finds out what every market has missed as of a picture.
func (f *Feed) lacks(p *view.Picture, anew bool, stop <-chan struct{}) ([]missed, error) {
	if f.o.History != nil && !f.waitFor(f.o.History, p.Seq, stop) {
		return nil, errStopped
	}
	all := make([]missed, len(p.Instruments))
	for i := range p.Instruments {
		m := f.market(p.Instruments[i].ID)
		fresh := m == nil
		if fresh {
			m = &market{}
		}
		var err error
		if all[i], err = f.missedBy(m, &p.Instruments[i], p.Seq, anew || fresh); err != nil {
			return nil, err
		}
	}
	return all, nil
}

var errStopped = errors.New("stopped")

// install puts what was loaded in the place of what there was.
func (f *Feed) install(p *view.Picture, books *mirror.Books, lacks []missed, anew bool) {
	f.mu.Lock()
	for _, a := range f.o.View.Assets() {
		f.assets[a.ID] = a
	}
	f.books = books
	now := f.o.Clock()
	for i := range p.Instruments {
		in := &p.Instruments[i]
		m := f.market(in.ID)
		if m == nil {
			m = f.newMarket(in.ID, define(in.Instrument.Instrument))
			f.markets = append(f.markets, m)
		}
		m.def = define(in.Instrument.Instrument)
		f.setBook(m, books.Book(in.ID), in, anew || m.touched)
		f.setPhase(m, in)
		f.catchUp(m, &lacks[i], now)
		m.touched = false
	}
	f.touched = f.touched[:0]
	f.seq, f.timeNs, f.ord, f.whole, f.ready = p.Seq, p.TimeNs, 0, true, true
	f.settle(now)
}

// setBook gives a market its book. Where that is not the one that readers know, they need new snapshots.
func (f *Feed) setBook(m *market, k *mirror.Book, in *view.BookState, anew bool) {
	m.book = k
	if !anew && m.bookAt.seq == in.Sequence {
		return
	}
	m.bookAt = change{in.Sequence, in.BookNs}
	for _, c := range [...]Channel{Book, Orders} {
		if t := m.topic(c, 0); t.active() {
			t.restart = true
			f.news(t)
		}
	}
	if best := m.bestNow(); best != m.best || !f.ready {
		m.best, m.bestAt = best, m.bookAt
		f.news(m.topic(BBO, 0))
	}
	if in.Phase == wire.Auction {
		f.news(m.topic(Auction, 0))
	}
}

// setPhase gives a market its phase, and what the auction before it came to: of a command that was seen in part, the phase
// may be known and the result not.
func (f *Feed) setPhase(m *market, in *view.BookState) {
	at := change{in.PhaseSeq, in.PhaseNs}
	var result compact.AuctionState
	if in.Result.Instrument != 0 {
		result = resultOf(&in.Result)
	}
	if f.ready && at == m.phaseAt && result == m.result {
		return
	}
	m.phase, m.was, m.phaseAt, m.result = in.Phase, in.Was, at, result
	f.news(m.topic(Status, 0))
	f.news(m.topic(Auction, 0))
}
