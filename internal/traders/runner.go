package traders

import (
	"context"
	"math/rand/v2"
	"time"

	"uncross/engine/wire"
)

// runner has one member take its turns, one instrument after the other.
type runner struct {
	floor  *Floor
	member *Member
	books  Books
	desk   Desk
	every  time.Duration // between two actions, on average
	order  *rand.Rand    // of the instruments
	round  []int         // instruments still to visit before all have been
}

// Pacing.
const (
	shortestTurn = 100 * time.Millisecond // between two turns in which nothing was done
	answerTime   = 5 * time.Second        // longest wait for the answers of one turn
	afterFailure = 500 * time.Millisecond // pause after a turn that went wrong
	mostSaved    = 500 * time.Millisecond // of time that was not used for actions
)

func (r *runner) run(ctx context.Context) {
	due := time.Now()
	for ctx.Err() == nil {
		n, err := r.turn(ctx)
		if err != nil {
			r.floor.failed(r.member.Name, err)
			pause(ctx, afterFailure)
		}
		if saved := time.Now().Add(-mostSaved); due.Before(saved) {
			due = saved
		}
		if n > 0 {
			due = due.Add(time.Duration(n) * r.every)
		} else if idle := time.Now().Add(shortestTurn); due.Before(idle) {
			due = idle
		}
		pause(ctx, time.Until(due))
	}
}

// next chooses an instrument: all of them once, in some order, then again.
func (r *runner) next() *Instrument {
	if len(r.round) == 0 {
		r.round = r.order.Perm(len(r.floor.all))
	}
	i := r.round[0]
	r.round = r.round[1:]
	return r.floor.all[i]
}

// turn is one turn; it returns how many actions were sent.
func (r *runner) turn(ctx context.Context) (n int, err error) {
	in := r.next()
	v, ok := r.floor.feed.View(in.Symbol)
	if !ok || v.Phase != wire.Continuous && v.Phase != wire.Auction {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if v.Open, err = r.books.Open(ctx, in); err != nil {
		return 0, err
	}
	if v.Position, err = r.books.Position(ctx, in); err != nil {
		return 0, err
	}
	v.Fair = r.floor.news.Fair(in.Symbol)
	actions := r.member.Trader.Decide(&v)
	if len(actions) == 0 {
		return 0, nil
	}
	refused, err := r.desk.Do(ctx, in, actions)
	if err == nil {
		r.floor.counts.orders.Add(uint64(len(actions)))
		r.floor.counts.refused.Add(uint64(refused))
	}
	return len(actions), err
}
