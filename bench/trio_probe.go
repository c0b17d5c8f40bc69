package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// prober sends a small order at every moment of a fixed schedule, whatever has been answered, and repeats each until it is: what
// a venue's clients see of its nodes' failures. The orders meet nothing and are over at once.
type prober struct {
	series *series
	symbol string
	client *client.Client
	stop   context.CancelFunc
	over   sync.WaitGroup

	started time.Time

	mu     sync.Mutex
	acks   []probeAck
	failed error        // the first answer that should not have come
	left   atomic.Int64 // orders that are not answered
}

// probeAck is an answer: when it came, and when its order was sent first; since the prober's start.
type probeAck struct{ at, sent time.Duration }

const (
	probeEvery = 5 * time.Millisecond
	// probeAhead is how many orders may be without an answer: those of twenty seconds.
	probeAhead = 4096
)

// startProber begins to send.
func startProber(ctx context.Context, urls []string, key *auth.Key, account, symbol, prefix string) (*prober, error) {
	p := &prober{series: newSeries(account, prefix), symbol: symbol, started: time.Now()}
	var err error
	if p.client, err = client.New(client.Config{URLs: urls, Key: key, Patience: nodes.Patience}); err != nil {
		return nil, err
	}
	if err := p.client.Logon(ctx); err != nil {
		return nil, err
	}
	var sending context.Context
	sending, p.stop = context.WithCancel(ctx)
	p.over.Go(func() { p.send(ctx, sending) })
	return p, nil
}

// send sends until it is told to stop; what is under way then is seen to its end.
func (p *prober) send(ctx, sending context.Context) {
	var orders sync.WaitGroup
	defer orders.Wait()
	for i := 0; sending.Err() == nil; i++ {
		if wait := time.Duration(i)*probeEvery - time.Since(p.started); wait > 0 {
			time.Sleep(wait)
		}
		if p.left.Load() >= probeAhead {
			continue
		}
		p.left.Add(1)
		orders.Go(func() {
			defer p.left.Add(-1)
			p.order(ctx)
		})
	}
}

func (p *prober) order(ctx context.Context) {
	i, sent := p.series.next(), time.Now()
	err := p.client.Until(ctx, http.MethodPost, "/v1/orders", map[string]any{
		"account": p.series.account, "symbol": p.symbol, "side": "buy", "type": "limit", "time_in_force": "ioc", "price": "0.01", "quantity": "1",
		"client_order_id": p.series.id(i), "sent_at_ns": strconv.FormatInt(sent.UnixNano(), 10),
	}, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.failed == nil && ctx.Err() == nil {
			p.failed = fmt.Errorf("order %s: %w", p.series.id(i), err)
		}
		return
	}
	p.series.ack(i)
	p.acks = append(p.acks, probeAck{time.Since(p.started), sent.Sub(p.started)})
}

// end stops sending, waits for all answers, and says whether any was wrong.
func (p *prober) end() error {
	p.stop()
	p.over.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// How a gap is looked for.
const (
	gapBefore = 200 * time.Millisecond // what came so long before counts
	gapAfter  = 300 * time.Millisecond // so long the answers have to go on
	gapWait   = 45 * time.Second       // for the first answer
)

// gap makes something happen, and returns the longest time between two answers one after the other, from before it until an order
// that was sent behind it is answered.
func (p *prober) gap(ctx context.Context, happen func() error) (time.Duration, error) {
	begin := time.Since(p.started)
	if err := happen(); err != nil {
		return 0, err
	}
	behind := time.Since(p.started)
	for {
		p.mu.Lock()
		failed, acks := p.failed, p.acks
		p.mu.Unlock()
		back := slices.IndexFunc(acks, func(a probeAck) bool { return a.sent > behind })
		now := time.Since(p.started)
		switch {
		case errors.Join(ctx.Err(), failed) != nil:
			return 0, errors.Join(ctx.Err(), failed)
		case back >= 0 && now-acks[back].at >= gapAfter:
			return longestGap(acks, begin-gapBefore), nil
		case now-behind > gapWait:
			return 0, fmt.Errorf("no order that was sent since is answered for %v", gapWait)
		}
		time.Sleep(nodes.Look)
	}
}

// longestGap returns the longest time between two answers from a moment on.
func longestGap(acks []probeAck, from time.Duration) (longest time.Duration) {
	var last time.Duration
	for i, a := range acks {
		if i > 0 && a.at >= from {
			longest = max(longest, a.at-last)
		}
		last = a.at
	}
	return longest
}

// forget lets go of the answers so far but for the last one, so that looking for a gap stays short.
func (p *prober) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acks = slices.Clone(p.acks[max(0, len(p.acks)-1):])
}
