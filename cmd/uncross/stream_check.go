package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"uncross/gateway/client"
	"uncross/gateway/client/follow"
)

// How uncross stream --check looks: at REST's book so often, against the latest states of the copy.
const (
	checkEvery  = 250 * time.Millisecond
	checkTell   = 10 * time.Second
	checkStates = 512
	checkDepth  = 1000 // levels of a side, as many as REST gives
)

// checker holds copies of books against REST's.
type checker struct {
	w       *watch
	rest    *client.Client
	witness *follow.Witness
	follow  *follow.Follower
	subs    []follow.Subscription
	running sync.WaitGroup
	begun   chan struct{}
}

func newChecker(w *watch, rest *client.Client) (*checker, error) {
	k := &checker{w: w, rest: rest, witness: follow.NewWitness(checkStates), begun: make(chan struct{})}
	for _, s := range w.subs {
		if s.Channel == follow.ChannelBook || s.Channel == follow.ChannelOrders {
			k.subs = append(k.subs, s)
		}
	}
	if len(k.subs) == 0 {
		return nil, errors.New("--check holds books against REST: there is no book: or orders: among the channels")
	}
	return k, nil
}

// saw takes note of what a copy is now.
func (k *checker) saw(m *follow.Message) {
	<-k.begun
	k.witness.Saw(k.follow.Copies(), m)
}

func (k *checker) start(ctx context.Context, f *follow.Follower) {
	k.follow = f
	close(k.begun)
	for _, s := range k.subs {
		k.running.Go(func() { k.check(ctx, s) })
	}
}

func (k *checker) wait() { k.running.Wait() }

// check holds one copy against REST until the end, and tells now and then how that goes.
func (k *checker) check(ctx context.Context, s follow.Subscription) {
	var in *follow.Instrument
	var waiting *follow.RESTBook
	equal, told := 0, time.Time{}
	for {
		select {
		case <-ctx.Done():
			k.w.say("%v: %d times equal to REST's book of the same sequence", s, equal)
			return
		case <-time.After(checkEvery):
		}
		// The answer of the last look: the copy has had time to come there.
		if waiting != nil {
			met, difference := k.witness.Hold(s.Channel, waiting)
			if difference != "" {
				k.w.fail(fmt.Errorf("%v: the copy is not REST's book: %s", s, difference))
				return
			}
			if met {
				if equal++; time.Since(told) >= checkTell {
					told = time.Now()
					k.w.say("%v: proved, the copy is REST's book at sequence %d; %d times so far", s, waiting.Sequence, equal)
				}
			}
		}
		waiting = nil
		var err error
		if in == nil {
			in, err = follow.FetchInstrument(ctx, k.rest, s.Symbol)
		}
		if err == nil {
			level := 2
			if s.Channel == follow.ChannelOrders {
				level = 3
			}
			waiting, err = follow.FetchBook(ctx, k.rest, in, level, checkDepth)
		}
		var refused *client.Error
		if errors.As(err, &refused) && !refused.Temporary() {
			k.w.fail(fmt.Errorf("%v: REST's book: %w", s, err))
			return
		}
	}
}
