package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
)

// fixPatience bounds the wait for an answer; more means that something is wrong.
const fixPatience = 30 * time.Second

// fixClient is one session that orders are sent by. One goroutine sends, the session's own one reads.
type fixClient struct {
	name    string
	at      FIXEndpoint
	session *initiator.Initiator
	runs    int
	current atomic.Pointer[fixRun]
	broken  atomic.Pointer[error] // the first thing that should not have come
}

// fixRun is one measurement: what is asked for, and what came of it.
type fixRun struct {
	want      int           // orders; 0: as many as until takes
	until     time.Duration // want 0: how long orders are sent
	perSecond int           // 0: no schedule
	window    int           // orders under way at most; 0: no bound

	done      *hdrhistogram.Histogram // nanoseconds from when an order was due until it was answered; nil: not measured
	sent      *hdrhistogram.Histogram // until it was given to the session
	sinceSent *hdrhistogram.Histogram // from when it was given to the session until it was answered

	order func(b *message.Body, i int) // makes order i, but for its client id; nil: buy and sell in turn, at one price

	name     string // begins the client order ids
	start    time.Time
	room     chan struct{} // a token for every order that may be under way; nil: no bound
	times    []atomic.Int64
	answered atomic.Int64
	fills    atomic.Int64
	last     chan struct{} // closed with the answer to the last order
	took     time.Duration // from the start to the last answer
	late     time.Duration // of the last answer
	sample   sample
}

// openFIXClient starts an endpoint and logs on to it.
func openFIXClient(ctx context.Context, name string, start func(context.Context) (FIXEndpoint, error)) (*fixClient, error) {
	at, err := start(ctx)
	if err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	c := &fixClient{name: name, at: at}
	c.session, err = initiator.Open(initiator.Config{
		Address: at.Address, Sender: at.CompID, Target: at.Target, Password: at.Password, Reset: at.Reset,
		OnMessage: c.take,
		OnSession: func(e initiator.Event) {
			if e.Kind == initiator.Ended || e.Kind == initiator.GapFound {
				c.fail(fmt.Errorf("%v: %w", e.Kind, errors.Join(e.Err, errDisturbed)))
			}
		},
	})
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, fixPatience)
		defer cancel()
		err = c.session.WaitLogon(limited)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the %s: %w", name, err), c.close())
	}
	return c, nil
}

// errDisturbed says that figures of a session that was cut would mean nothing.
var errDisturbed = errors.New("the session was disturbed")

func (c *fixClient) close() error {
	c.current.Store(nil)
	if c.session != nil {
		ctx, cancel := context.WithTimeout(context.Background(), fixPatience)
		defer cancel()
		_ = c.session.Close(ctx) // the figures are there; the endpoint's own end tells whether it is well
	}
	return c.at.Stop()
}

func (c *fixClient) fail(err error) { c.broken.CompareAndSwap(nil, &err) }

func (c *fixClient) failure() error {
	if p := c.broken.Load(); p != nil {
		return fmt.Errorf("the %s: %w", c.name, *p)
	}
	return nil
}

// take is called by the session's goroutine.
func (c *fixClient) take(m *message.Message, repeat bool) {
	r := c.current.Load()
	kind, _ := m.Char(message.TagExecType)
	switch {
	case r == nil || repeat || m.Type() != message.ExecutionReport:
		c.fail(fmt.Errorf("an unexpected message: %q", m.Raw()))
	case kind == '0':
		id, _ := m.Get(message.TagClOrdID)
		text, ok := bytes.CutPrefix(id, []byte(r.name))
		i, err := strconv.Atoi(string(text))
		if !ok || err != nil {
			c.fail(fmt.Errorf("a report of another order: %q", m.Raw()))
			return
		}
		r.answer(i)
	case kind == 'F':
		r.fills.Add(1)
	default:
		c.fail(fmt.Errorf("an unexpected report: %q", m.Raw()))
	}
}

// due returns when order i is due after the start.
func (r *fixRun) due(i int) time.Duration { return (&pace{perSecond: r.perSecond}).due(i) }

// answer takes note of the answer to order i. The session's goroutine alone calls it.
func (r *fixRun) answer(i int) {
	now := time.Since(r.start)
	if r.done != nil {
		r.late = now - r.due(i)
		record(r.done, int64(r.late))
	}
	if r.sinceSent != nil {
		record(r.sinceSent, int64(now)-r.times[0].Load()) // one order is under way
	}
	if r.answered.Add(1) == int64(r.want) {
		r.took = now
		close(r.last)
	}
	if r.room != nil {
		r.room <- struct{}{}
	}
}

// measure carries out a run and checks that everything came once.
func (c *fixClient) measure(ctx context.Context, r *fixRun) error {
	c.runs++
	r.name = fmt.Sprintf("%d-", c.runs)
	r.last, r.times = make(chan struct{}), make([]atomic.Int64, 1)
	if r.window > 0 {
		r.room = make(chan struct{}, r.window+1)
		for range r.window {
			r.room <- struct{}{}
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.start = time.Now()
	c.current.Store(r)
	sent, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	if r.want == 0 { // until the time was over: all are answered but perhaps the last
		if err := c.await(ctx, func() bool { return r.answered.Load() == int64(sent) }); err != nil {
			return err
		}
	} else if err := c.awaitLast(ctx, r); err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	r.sample = difference(&before, &after, r.took)
	limited, cancel := context.WithTimeout(ctx, fixPatience)
	defer cancel()
	if err := errors.Join(c.session.RoundTrip(limited), c.failure()); err != nil {
		return err
	}
	fills := int64(0)
	if c.at.Trades {
		fills = int64(sent)
	}
	if a, f := r.answered.Load(), r.fills.Load(); a != int64(sent) || f != fills {
		return fmt.Errorf("the %s: %d orders, %d answers, %d fills; expected %d", c.name, sent, a, f, fills)
	}
	return nil
}

// send sends the orders of a run and returns how many they were.
func (c *fixClient) send(ctx context.Context, r *fixRun) (sent int, err error) {
	b := message.NewBody(message.NewOrderSingle)
	for ; ; sent++ {
		// An even number of orders: every one has met its other side then.
		if r.want > 0 && sent == r.want || r.want == 0 && sent%2 == 0 && sent > 0 && time.Since(r.start) >= r.until {
			return sent, nil
		}
		if r.perSecond > 0 {
			for wait := r.due(sent) - time.Since(r.start); wait > 0; wait = r.due(sent) - time.Since(r.start) {
				sleepFor(wait)
			}
		}
		if r.room != nil {
			if err := c.takeRoom(ctx, r); err != nil {
				return sent, err
			}
		}
		c.order(b, r, sent)
		r.times[0].Store(int64(time.Since(r.start)))
		for {
			_, err := c.session.Send(b)
			if err == nil {
				break
			}
			if !errors.Is(err, initiator.ErrBusy) {
				return sent, err
			}
			time.Sleep(busyPause)
		}
		if r.sent != nil {
			record(r.sent, int64(time.Since(r.start)-r.due(sent)))
		}
		if sent%(1<<10) == 0 {
			if err := errors.Join(ctx.Err(), c.failure()); err != nil {
				return sent, err
			}
		}
	}
}

// takeRoom waits for room in the window.
func (c *fixClient) takeRoom(ctx context.Context, r *fixRun) error {
	select {
	case <-r.room:
		return nil
	default:
	}
	for end := time.Now().Add(fixPatience); ; {
		select {
		case <-r.room:
			return nil
		case <-time.After(time.Second):
			if err := errors.Join(ctx.Err(), c.failure()); err != nil {
				return err
			}
			if time.Now().After(end) {
				return fmt.Errorf("the %s: no answer for %v", c.name, fixPatience)
			}
		}
	}
}

// order fills in order i of a run.
func (c *fixClient) order(b *message.Body, r *fixRun, i int) {
	account, side := c.at.Buyer, byte('1')
	if i%2 == 1 {
		account, side = c.at.Seller, '2'
	}
	b.Reset(message.NewOrderSingle)
	b.Close(strconv.AppendInt(append(b.Open(message.TagClOrdID), r.name...), int64(i), 10))
	if r.order != nil {
		r.order(b, i)
		return
	}
	b.Str(message.TagAccount, account).Str(message.TagSymbol, c.at.Symbol).Char(message.TagSide, side)
	b.Time(message.TagTransactTime, time.Now().UnixNano()).Int(message.TagOrderQty, 1)
	b.Char(message.TagOrdType, '2').Int(message.TagPrice, fixPrice).Char(message.TagTimeInForce, '1')
}

// fixPrice is every order's limit.
const fixPrice = 1_000

// await looks every millisecond whether something has come to be.
func (c *fixClient) await(ctx context.Context, done func() bool) error {
	for end := time.Now().Add(fixPatience); !done(); time.Sleep(time.Millisecond) {
		if err := errors.Join(ctx.Err(), c.failure()); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the %s: no answer for %v", c.name, fixPatience)
		}
	}
	return nil
}

// awaitLast waits for the last answer, as long as answers come.
func (c *fixClient) awaitLast(ctx context.Context, r *fixRun) error {
	for before := int64(-1); ; {
		select {
		case <-r.last:
			return nil
		case <-time.After(fixPatience):
			if now := r.answered.Load(); now == before {
				return fmt.Errorf("the %s: no answer for %v", c.name, fixPatience)
			} else {
				before = now
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.failure(); err != nil {
			return err
		}
	}
}
