package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uncross/gateway/client"
	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
	"uncross/internal/nodes"
)

// This file has the load of a soak: orders and cancels by REST and by FIX, and reads.

// How the load trades.
const (
	soakPrice  = 10_000 // of the middle, in ticks
	soakSpread = 8      // ticks to both sides of the orders that trade
	soakAway   = 50     // ticks behind these of those that rest
	soakOpen   = 40     // orders of a trader that may rest; the oldest is cancelled then
	soakBatch  = 5      // operations of a request by REST
	soakRead   = 200 * time.Millisecond
	soakAnswer = 90 * time.Second // for what is under way at the end
	soakKeep   = 50_000           // own FIX messages that can be sent again
)

// soakLoad is the load of one piece.
type soakLoad struct {
	soak     *soak
	traders  []*soakTrader
	sessions []*soakFIX
	answered atomic.Int64

	gate   sync.RWMutex // held for writing while the load waits
	stop   chan struct{}
	over   sync.WaitGroup
	closed sync.Once

	mu      sync.Mutex
	tallies map[string]int64 // of what came, by its name
}

type soakTrader struct {
	SoakTrader
	load    *soakLoad
	client  *client.Client
	readers map[*nodes.Node]*client.Client // of one node each
	series  *series
	open    []string // client ids of orders that may rest, oldest first
	cancel  int
}

type soakFIX struct {
	SoakSession
	load    *soakLoad
	session *initiator.Initiator
	series  *series
	open    []string

	mu       sync.Mutex
	answered map[int]bool
	execs    map[string]bool
}

func openSoakLoad(ctx context.Context, s *soak) (*soakLoad, error) {
	l := &soakLoad{soak: s, stop: make(chan struct{}), tallies: map[string]int64{}}
	prefix := func(kind string, i int) string { return fmt.Sprintf("%s%d.%d-", kind, s.piece, i) }
	for i, t := range s.v.Traders {
		c, err := client.New(client.Config{URLs: s.trio.URLs(), Key: &t.Key, Patience: -1})
		if err != nil {
			return nil, err
		}
		l.traders = append(l.traders, &soakTrader{SoakTrader: t, load: l, client: c, readers: map[*nodes.Node]*client.Client{}, series: newSeries(t.Account, prefix("r", i))})
	}
	for i, v := range s.v.Sessions {
		f := &soakFIX{SoakSession: v, load: l, series: newSeries(v.Account, prefix("f", i)), answered: map[int]bool{}, execs: map[string]bool{}}
		store, err := initiator.OpenFile(filepath.Join(s.Dir, "fix-"+v.CompID), soakKeep)
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		f.session, err = initiator.Open(initiator.Config{
			Addresses: s.trio.FIX(), Sender: v.CompID, Target: v.Target, Password: v.Password, Store: store, OnMessage: f.take,
			OnSession: func(e initiator.Event) {
				l.tally("fix: "+e.Kind.String(), 1)
				if e.Kind == initiator.StoreLost {
					s.fail(fmt.Errorf("FIX session %s: %w", v.CompID, e.Err))
				}
			},
		})
		if err != nil {
			return nil, errors.Join(err, store.Close(), l.close())
		}
		l.sessions = append(l.sessions, f)
		limited, cancel := context.WithTimeout(ctx, nodes.Patience)
		err = f.session.WaitLogon(limited)
		cancel()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("FIX session %s: %w", v.CompID, err), l.close())
		}
	}
	return l, nil
}

// start lets the load begin.
func (l *soakLoad) start() {
	half := float64(l.soak.Rate) / 2
	for _, t := range l.traders {
		every := time.Duration(soakBatch * float64(time.Second) * float64(len(l.traders)) / half)
		l.over.Go(func() { l.each(every, t.trade) })
	}
	for _, f := range l.sessions {
		every := time.Duration(float64(time.Second) * float64(len(l.sessions)) / half)
		l.over.Go(func() { l.each(every, f.trade) })
	}
	l.over.Go(func() { l.each(soakRead, l.read) })
}

// each does something again and again until the load ends or something fails. What is late is not made up for.
func (l *soakLoad) each(every time.Duration, do func() error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		l.gate.RLock()
		err := do()
		l.gate.RUnlock()
		if err != nil {
			l.soak.fail(err)
			return
		}
	}
}

// pause lets the load wait, once what is under way by REST is answered, and returns what lets it go on.
func (l *soakLoad) pause() (resume func()) {
	l.gate.Lock()
	return l.gate.Unlock
}

func (l *soakLoad) tally(what string, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tallies[what] += n
}

func (l *soakLoad) counts() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.tallies)
}

func (l *soakLoad) series() (all []*series) {
	for _, t := range l.traders {
		all = append(all, t.series)
	}
	for _, f := range l.sessions {
		all = append(all, f.series)
	}
	return all
}

// end stops the load, and waits until everything is answered.
func (l *soakLoad) end(ctx context.Context) error {
	l.closed.Do(func() { close(l.stop) })
	l.over.Wait()
	for _, f := range l.sessions {
		for begin := time.Now(); ; time.Sleep(nodes.Look) {
			f.mu.Lock()
			sent, answered := f.series.sent(), len(f.answered)
			f.mu.Unlock()
			if answered == sent {
				break
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if time.Since(begin) > soakAnswer {
				return fmt.Errorf("FIX session %s: %d of %d orders are answered, %v after the last was sent", f.CompID, answered, sent, soakAnswer)
			}
		}
		limited, cancel := context.WithTimeout(ctx, soakAnswer)
		err := f.session.RoundTrip(limited)
		cancel()
		if err != nil {
			return fmt.Errorf("FIX session %s: %w", f.CompID, err)
		}
	}
	return nil
}

// close ends the sessions; a load that is not over is broken off.
func (l *soakLoad) close() error {
	l.closed.Do(func() { close(l.stop) })
	for _, f := range l.sessions {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = f.session.Close(ctx) // the venue may be gone already; the numbers are in the store
		cancel()
	}
	return nil
}

// random returns an order's symbol, side, price and time in force. Half of the orders rest away from the middle until they are cancelled,
// the others meet each other around it.
func (l *soakLoad) random() (symbol string, buy bool, price int, ioc bool) {
	symbols := l.soak.v.Symbols
	symbol, buy = symbols[rand.IntN(len(symbols))], rand.IntN(2) == 0
	if rand.IntN(2) == 0 {
		away := soakSpread + 1 + rand.IntN(soakAway)
		if buy {
			away = -away
		}
		return symbol, buy, soakPrice + away, false
	}
	return symbol, buy, soakPrice + rand.IntN(2*soakSpread+1) - soakSpread, rand.IntN(3) == 0
}

// trade sends a batch by REST and repeats what is not answered until it is.
func (t *soakTrader) trade() error {
	var ops []client.Operation
	numbers := make([]int, soakBatch)
	for i := range numbers {
		if numbers[i] = -1; len(t.open) >= soakOpen {
			t.cancel++
			ops = append(ops, client.Operation{Op: "cancel", Account: t.Account, OrigClientOrderID: t.open[0], ClientOrderID: "c" + t.series.prefix + strconv.Itoa(t.cancel)})
			t.open = t.open[1:]
			continue
		}
		numbers[i] = t.series.next()
		symbol, buy, price, ioc := t.load.random()
		op := client.Operation{Op: "new", Account: t.Account, Symbol: symbol, Side: "sell", Type: "limit", TimeInForce: "gtc",
			Price: strconv.Itoa(price), Quantity: strconv.Itoa(1 + rand.IntN(5)), ClientOrderID: t.series.id(numbers[i])}
		if buy {
			op.Side = "buy"
		}
		if ioc {
			op.TimeInForce = "ioc"
		} else {
			t.open = append(t.open, op.ClientOrderID)
		}
		ops = append(ops, op)
	}
	// The load's end waits for what is under way: it is bounded by the piece, not by a patience.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := time.AfterFunc(soakAnswer, cancel)
	defer late.Stop()
	results, err := t.client.Settle(ctx, ops)
	if err != nil {
		return fmt.Errorf("REST, %s: no answer for %v: %w", t.Account, soakAnswer, err)
	}
	for i, r := range results {
		switch {
		case r.Order != nil && numbers[i] >= 0:
			t.series.ack(numbers[i])
			t.load.answered.Add(1)
			t.load.tally("rest: orders", 1)
			t.load.tally("rest: fills", int64(len(r.Order.Fills)))
		case r.Order != nil:
			t.load.tally("rest: cancels", 1)
		case numbers[i] >= 0:
			return fmt.Errorf("REST, %s: order %s is refused: %w", t.Account, ops[i].ClientOrderID, r.Error)
		default:
			t.load.tally("rest: cancels that came too late", 1)
		}
		if r.Order != nil && r.Order.Repeat {
			t.load.tally("rest: answers to a repeat", 1)
		}
	}
	return nil
}

// read asks any node for lists, as clients do beside trading.
func (l *soakLoad) read() error {
	t := l.traders[rand.IntN(len(l.traders))]
	paths := []string{"/v1/balances", "/v1/orders", "/v1/order-history", "/v1/fills", "/v1/ledger"}
	n := l.soak.trio.Nodes[rand.IntN(len(l.soak.trio.Nodes))]
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c := t.readers[n]
	if c == nil {
		var err error
		if c, err = client.New(client.Config{URL: n.URL(), Key: &t.Key}); err != nil {
			return err
		}
		t.readers[n] = c
	}
	if c.Do(ctx, "GET", paths[rand.IntN(len(paths))]+"?account="+t.Account, nil, nil) == nil {
		l.tally("rest: reads answered", 1)
	} else {
		l.tally("rest: reads not answered (the node is away)", 1)
	}
	return nil
}

// trade sends an order by FIX, or a cancel.
func (f *soakFIX) trade() error {
	b := message.NewBody(message.NewOrderSingle)
	now := time.Now().UnixNano()
	symbol, buy, price, ioc := f.load.random()
	side := byte('2')
	if buy {
		side = '1'
	}
	if len(f.open) >= soakOpen {
		id, symbolAndSide, _ := strings.Cut(f.open[0], " ")
		f.open = f.open[1:]
		b.Reset(message.OrderCancelRequest).Str(message.TagOrigClOrdID, id).Str(message.TagClOrdID, "c"+id).Str(message.TagAccount, f.Account)
		b.Str(message.TagSymbol, symbolAndSide[1:]).Char(message.TagSide, symbolAndSide[0]).Time(message.TagTransactTime, now)
		return f.send(b)
	}
	id := f.series.id(f.series.next())
	b.Str(message.TagClOrdID, id).Str(message.TagAccount, f.Account).Str(message.TagSymbol, symbol).Char(message.TagSide, side)
	b.Time(message.TagTransactTime, now).Int(message.TagOrderQty, int64(1+rand.IntN(5))).Char(message.TagOrdType, '2').Int(message.TagPrice, int64(price))
	if ioc {
		b.Char(message.TagTimeInForce, '3')
	} else {
		b.Char(message.TagTimeInForce, '1')
		f.open = append(f.open, id+" "+string(side)+symbol)
	}
	return f.send(b)
}

func (f *soakFIX) send(b *message.Body) error {
	for {
		_, err := f.session.Send(b)
		if !errors.Is(err, initiator.ErrBusy) {
			return err
		}
		time.Sleep(busyPause)
	}
}

// take is called by the session's goroutine.
func (f *soakFIX) take(m *message.Message, repeat bool) {
	l := f.load
	if repeat {
		l.tally("fix: messages that came again", 1)
		return
	}
	id, _ := m.Get(message.TagClOrdID)
	text, ours := strings.CutPrefix(string(id), f.series.prefix)
	kind, _ := m.Char(message.TagExecType)
	switch {
	case m.Type() == message.OrderCancelReject:
		l.tally("fix: cancels that came too late", 1)
		return
	case m.Type() != message.ExecutionReport:
		l.soak.fail(fmt.Errorf("FIX session %s: an unexpected message: %q", f.CompID, m.Raw()))
		return
	case kind == '8':
		l.soak.fail(fmt.Errorf("FIX session %s: an order is refused: %q", f.CompID, m.Raw()))
		return
	}
	exec, _ := m.Get(message.TagExecID)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.execs[string(exec)] {
		l.soak.fail(fmt.Errorf("FIX session %s: a report came twice: %q", f.CompID, m.Raw()))
	}
	f.execs[string(exec)] = true
	l.tally("fix: reports", 1)
	switch kind {
	case 'F':
		l.tally("fix: fills", 1)
	case '0':
		i, err := strconv.Atoi(text)
		if !ours || err != nil {
			l.tally("fix: answers of an earlier piece", 1)
			return
		}
		if f.answered[i] {
			l.soak.fail(fmt.Errorf("FIX session %s: an order is answered twice: %q", f.CompID, m.Raw()))
		}
		f.answered[i] = true
		f.series.ack(i)
		l.answered.Add(1)
		l.tally("fix: orders", 1)
	}
}
