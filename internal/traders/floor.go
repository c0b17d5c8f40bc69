package traders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// Member is a trader with a user, a key and an account of its own at the venue.
type Member struct {
	Name   string // of the account
	Trader Trader
	Share  float64           // of all orders, as a part of the sum of all shares
	Key    *auth.Key         // of a trader
	FIX    *FIX              // where its orders go in; nil: by REST
	Home   map[string]string // by asset: what it has when its position is none
}

// Config describes a floor.
type Config struct {
	URL       string   // of the REST interface
	URLs      []string // of further nodes of the venue
	Scenes    []Scene
	Members   []Member
	Custodian *auth.Key
	Rate      float64 // orders, replaces and cancels of all members in one second, at most
	Seed      uint64
	Logger    *slog.Logger
}

// Floor runs the members.
type Floor struct {
	c         Config
	public    *client.Client
	custodian *client.Client
	all       []*Instrument
	last      []wire.Price
	feed      *Feed
	news      *News
	runners   []*runner
	counts    counts
}

// counts are what a floor has done so far.
type counts struct {
	orders, refused, deposits atomic.Uint64

	mu      sync.Mutex
	trouble error     // latest error of anybody
	since   time.Time // when that was
}

// Status tells what a floor has done and sees.
type Status struct {
	Orders   uint64 // orders, replaces and cancels that were answered
	Refused  uint64 // of them
	Deposits uint64 // of the custodian, where money ran low
	Trades   uint64 // of the venue, as far as the feed has seen
	Markets  []Market
	Trouble  error // what went wrong last, if that was in the last seconds
}

// Market is how an instrument stands.
type Market struct {
	Symbol, Last string // Last is "" before the first trade
	Phase        wire.Phase
}

// troubleLasts is how long an error is told.
const troubleLasts = 10 * time.Second

// Open looks at the venue, cancels what an earlier run has left, and logs everybody on. What it needs at the venue must be
// there: users, accounts, instruments, FIX sessions.
func Open(ctx context.Context, c Config) (f *Floor, err error) {
	f = &Floor{c: c}
	if f.public, err = client.New(f.client(nil)); err != nil {
		return nil, err
	}
	if f.custodian, err = client.New(f.client(c.Custodian)); err != nil {
		return nil, err
	}
	if f.all, f.last, err = Discover(ctx, f.public, c.Scenes); err != nil {
		return nil, err
	}
	f.feed = NewFeed(f.public, f.all)
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	whole := 0.0
	for i := range c.Members {
		whole += c.Members[i].Share
	}
	for i := range c.Members {
		r, err := f.seat(ctx, &c.Members[i], whole)
		if err != nil {
			return nil, err
		}
		f.runners = append(f.runners, r)
	}
	return f, nil
}

// client says how the venue is reached with a key.
func (f *Floor) client(k *auth.Key) client.Config {
	return client.Config{URL: f.c.URL, URLs: f.c.URLs, Key: k}
}

// seat makes a member ready.
func (f *Floor) seat(ctx context.Context, m *Member, whole float64) (*runner, error) {
	c, err := client.New(f.client(m.Key))
	if err != nil {
		return nil, err
	}
	r := &runner{floor: f, member: m, books: Books{client: c, account: m.Name, home: m.Home}}
	r.every = time.Duration(float64(time.Second) * whole / (f.c.Rate * m.Share))
	r.order = newRand(f.c.Seed, "turns of "+m.Name)
	if err := r.books.CancelAll(ctx); err != nil {
		return nil, fmt.Errorf("traders: canceling the orders that %s had: %w", m.Name, err)
	}
	n := newNames(time.Now())
	r.desk = &restDesk{client: c, account: m.Name, names: n}
	if m.FIX != nil {
		if r.desk, err = openFIX(ctx, *m.FIX, m.Name, n); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// leavePatience bounds how long a member takes to cancel its orders at the end.
const leavePatience = 5 * time.Second

// Run has everybody trade until ctx ends. Then they cancel their orders and log out.
func (f *Floor) Run(ctx context.Context) {
	f.news = NewNews(time.Now(), f.c.Seed, f.all, f.last)
	var everybody sync.WaitGroup
	everybody.Go(func() { f.feed.Run(ctx) })
	everybody.Go(func() { f.cashier(ctx) })
	for _, r := range f.runners {
		everybody.Go(func() {
			r.run(ctx)
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leavePatience)
			defer cancel()
			if err := r.books.CancelAll(last); err != nil {
				f.c.Logger.Warn("a trader's orders stay in the books; its next run cancels them", "trader", r.member.Name, "error", err)
			}
			r.desk.Close()
		})
	}
	everybody.Wait()
}

// close ends the connections of a floor that does not run.
func (f *Floor) close() {
	for _, r := range f.runners {
		r.desk.Close()
	}
}

// Status returns how it stands.
func (f *Floor) Status() Status {
	s := Status{
		Orders: f.counts.orders.Load(), Refused: f.counts.refused.Load(), Deposits: f.counts.deposits.Load(), Trades: f.feed.Trades(),
	}
	for _, in := range f.all {
		m := Market{Symbol: in.Symbol}
		if v, ok := f.feed.View(in.Symbol); ok {
			if m.Phase = v.Phase; len(v.Prints) > 0 {
				m.Last = in.Price(v.Prints[0].Price)
			}
		}
		s.Markets = append(s.Markets, m)
	}
	f.counts.mu.Lock()
	defer f.counts.mu.Unlock()
	if f.counts.trouble != nil && time.Since(f.counts.since) < troubleLasts {
		s.Trouble = f.counts.trouble
	}
	return s
}

// failed notes an error, unless it is that the floor closes.
func (f *Floor) failed(who string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	f.counts.mu.Lock()
	defer f.counts.mu.Unlock()
	f.counts.trouble, f.counts.since = fmt.Errorf("%s: %w", who, err), time.Now()
}
