package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
)

// feedTrader is the session that orders enter by.
type feedTrader struct {
	at      FIXEndpoint
	session *initiator.Initiator
	rnd     *rand.Rand
	number  int
	live    []feedOrder // that may rest, oldest first

	mu      sync.Mutex
	waiting map[string]time.Time // when the order of a client id was due
	answers *hdrhistogram.Histogram
	err     error // the first thing that should not have come
}

type feedOrder struct {
	id   string
	sell bool
}

// feedLoad is what became of the orders of a run.
type feedLoad struct {
	orders  int
	late    time.Duration           // the latest that one was given to the session
	answers *hdrhistogram.Histogram // from when an order was due to its report
}

func openFeedTrader(ctx context.Context, at FIXEndpoint) (*feedTrader, error) {
	f := &feedTrader{at: at, rnd: rand.New(rand.NewPCG(1, 2)), waiting: map[string]time.Time{}}
	var err error
	f.session, err = initiator.Open(initiator.Config{
		Address: at.Address, Sender: at.CompID, Target: at.Target, Password: at.Password, OnMessage: f.take,
		OnSession: func(e initiator.Event) {
			if e.Kind == initiator.Ended || e.Kind == initiator.GapFound {
				f.fail(fmt.Errorf("%v: %w", e.Kind, errors.Join(e.Err, errDisturbed)))
			}
		},
	})
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, fixPatience)
	defer cancel()
	if err := f.session.WaitLogon(limited); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *feedTrader) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), fixPatience)
	defer cancel()
	_ = f.session.Close(ctx) // the figures are there
	return nil
}

func (f *feedTrader) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// take is called by the session's goroutine.
func (f *feedTrader) take(m *message.Message, _ bool) {
	now := time.Now()
	kind, _ := m.Char(message.TagExecType)
	switch {
	case m.Type() == message.ExecutionReport && kind == '8':
		f.fail(fmt.Errorf("an order was refused: %q", m.Raw()))
	case m.Type() == message.ExecutionReport && kind == '0':
		id := m.String(message.TagClOrdID)
		f.mu.Lock()
		if due, ok := f.waiting[id]; ok {
			record(f.answers, int64(now.Sub(due)))
			delete(f.waiting, id)
		}
		f.mu.Unlock()
	}
}

// feedResting is how many orders rest, more or less, before cancels begin.
const feedResting = 200

// next fills in the next order or cancel, and returns its client id where a report of a new order is to come.
func (f *feedTrader) next(b *message.Body) (id string) {
	f.number++
	id = strconv.Itoa(f.number)
	if len(f.live) > feedResting && f.rnd.IntN(2) == 0 {
		k := f.rnd.IntN(len(f.live))
		o := f.live[k]
		f.live[k] = f.live[len(f.live)-1]
		f.live = f.live[:len(f.live)-1]
		b.Reset(message.OrderCancelRequest).Str(message.TagOrigClOrdID, o.id).Str(message.TagClOrdID, id)
		f.side(b, o.sell)
		return ""
	}
	o := feedOrder{id, f.rnd.IntN(2) == 0}
	price := fixPrice - 1 - f.rnd.Int64N(50) // bids rest below, asks above
	if crosses := f.rnd.IntN(3) == 0; o.sell != crosses {
		price = 2*fixPrice - price
	}
	b.Reset(message.NewOrderSingle).Str(message.TagClOrdID, id)
	f.side(b, o.sell)
	b.Int(message.TagOrderQty, 1+f.rnd.Int64N(10)).Char(message.TagOrdType, '2').Int(message.TagPrice, price).Char(message.TagTimeInForce, '1')
	f.live = append(f.live, o)
	return id
}

func (f *feedTrader) side(b *message.Body, sell bool) {
	account, side := f.at.Buyer, byte('1')
	if sell {
		account, side = f.at.Seller, '2'
	}
	b.Str(message.TagAccount, account).Str(message.TagSymbol, f.at.Symbol).Char(message.TagSide, side).Time(message.TagTransactTime, time.Now().UnixNano())
}

// load sends orders and cancels on a fixed schedule.
func (f *feedTrader) load(ctx context.Context, perSecond int, d time.Duration) (*feedLoad, error) {
	l := &feedLoad{orders: max(1, int(float64(perSecond)*d.Seconds())), answers: newHistogram()}
	f.mu.Lock()
	f.answers = l.answers
	clear(f.waiting)
	f.mu.Unlock()
	b := message.NewBody(message.NewOrderSingle)
	start := time.Now()
	for i := range l.orders {
		due := start.Add(time.Duration(float64(i) * (1e9 / float64(perSecond))))
		for wait := time.Until(due); wait > 0; wait = time.Until(due) {
			sleepFor(wait)
		}
		if id := f.next(b); id != "" {
			f.mu.Lock()
			f.waiting[id] = due
			f.mu.Unlock()
		}
		if _, err := f.session.Send(b); err != nil {
			return nil, err
		}
		l.late = max(l.late, time.Since(due))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, fixPatience)
	defer cancel()
	if err := f.session.RoundTrip(limited); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) > 0 && f.err == nil {
		f.err = fmt.Errorf("%d orders were not answered", len(f.waiting))
	}
	return l, f.err
}
