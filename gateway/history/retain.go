package history

import (
	"context"
	"time"
)

// DefaultKept is how many of the latest commands are kept however much they take: whoever comes back after a while must
// find what it has missed.
const DefaultKept = 100_000

// minCandles is how long candles of a minute and more are kept at least: the last 24 hours are made of them.
const minCandles = 25 * time.Hour

// Retain says how long things are kept. The zero value keeps everything for ever.
//
// What is trimmed goes whole, oldest commands first: events, trades, fills, index records, ledger entries, and the orders that
// ended with it, with everything by which they are found. What stays whatever its age: open orders, balances, the totals
// behind the last ledger entry that went, so that a statement of any time that is kept has its opening balance, the
// position and the gaps. Candles shorter than a minute go with the trades; the others have an age of their own.
type Retain struct {
	Age      time.Duration // by the venue's own clock; 0: however old
	Bytes    int64         // of tables on disk; 0: however much
	Candles  time.Duration // age of candles of a minute and more, if more than Age and 25 hours; 0: for ever
	Commands uint64        // latest commands that Bytes does not touch; 0: DefaultKept
	Every    time.Duration // between looks; 0: a minute
}

// on reports whether anything is ever trimmed.
func (r *Retain) on() bool { return r.Age > 0 || r.Bytes > 0 || r.Candles > 0 }

func (r *Retain) defaults() {
	if r.Commands == 0 {
		r.Commands = DefaultKept
	}
	if r.Every <= 0 {
		r.Every = time.Minute
	}
	if r.Candles > 0 {
		r.Candles = max(r.Candles, r.Age, minCandles)
	}
}

// retainUntil is the goroutine that trims, until done is closed.
func (s *Store) retainUntil(done <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // what is under way ends as well
		<-done
		cancel()
	}()
	tick := time.NewTicker(s.o.Retain.Every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if err := s.retain(ctx); err != nil && ctx.Err() == nil {
				s.o.Logger.Error("the history store cannot be trimmed; it is tried again", "error", err)
			}
		}
	}
}

// retain looks once at what is to go, and removes it in small steps.
func (s *Store) retain(ctx context.Context) error {
	done, err := s.base.Use()
	if err != nil {
		return err
	}
	defer done()
	r, t := &s.o.Retain, &s.trim
	if r.Bytes > 0 {
		if err := s.measure(ctx); err != nil {
			return err
		}
	}
	whole, before := s.base.Position.Load(), int64(0)
	if r.Age > 0 {
		before = s.now.Load() - int64(r.Age)
	}
	goes := func(id EventID, ns int64) bool { return id.Seq <= whole && (ns < before || id.Seq <= t.upTo) }
	if err := s.trimAll(ctx, goes); err != nil {
		return err
	}
	if err := s.trimLost(ctx); err != nil {
		return err
	}
	return s.trimCandles(ctx)
}

// trimAll removes what goes, and rests after every step as long as the step took: half of a core and of the disk at most.
func (s *Store) trimAll(ctx context.Context, goes func(EventID, int64) bool) error {
	for {
		began := time.Now()
		n, err := s.trimStep(goes)
		if err != nil || n < trimEvents {
			return err
		}
		if !rest(ctx, time.Since(began)) {
			return ctx.Err()
		}
	}
}

// rest waits, and reports false when the context ends meanwhile.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
