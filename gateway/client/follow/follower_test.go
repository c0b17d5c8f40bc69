package follow

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/gateway/client"
)

// log is what a follower has told.
type log struct {
	mu     sync.Mutex
	trades []uint64
	events []string // executions, with their sides
	kinds  map[EventKind]int
	errs   []error
}

func (l *log) message(m *Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range m.Trades {
		l.trades = append(l.trades, t.ID)
	}
	if m.Execution != nil {
		l.events = append(l.events, m.Event.String()+m.Execution.Side)
	}
}

func (l *log) event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kinds == nil {
		l.kinds = map[EventKind]int{}
	}
	l.kinds[e.Kind]++
	l.errs = append(l.errs, e.Err)
}

func (l *log) seen(k EventKind) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kinds[k]
}

// await returns when done says so; the test fails when that takes unreasonably long.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func (f *fake) client() *client.Client {
	f.t.Helper()
	c, err := client.New(client.Config{URL: f.server.URL, Key: &f.key})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// follower opens a follower of the fake.
func (f *fake) follower(l *log, subs ...Subscription) *Follower {
	f.t.Helper()
	n, err := Open(Config{Dial: DialConfig{URL: f.server.URL}, Client: f.client(), OnMessage: l.message, OnEvent: l.event, BackOff: 50 * time.Millisecond}, subs...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(n.Close)
	return n
}

func subscriptions(t *testing.T, texts ...string) (subs []Subscription) {
	t.Helper()
	for _, text := range texts {
		s, err := ParseSubscription(text)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, s)
	}
	return subs
}

// TestFollowsThroughTrouble follows a venue that loses messages, mixes up books and cuts connections at random: at the end
// the copies are REST's books, the tape has every trade once and in order, and every event of the account came once.
func TestFollowsThroughTrouble(t *testing.T) {
	var gaps, filled atomic.Uint64
	t.Cleanup(func() { // when all seeds are through
		if !t.Failed() && (gaps.Load() == 0 || filled.Load() == 0) {
			t.Errorf("there was no trouble: %d gaps, %d trades from REST", gaps.Load(), filled.Load())
		}
	})
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			f := newFake(t, seed)
			f.parts, f.sums = 1+int(seed%3), 5
			for range 300 {
				f.act()
			}
			f.spoil = func(_ *fakeConn, channel string) spoiling {
				switch n := f.rnd.IntN(3000); {
				case n < 30 && channel != ChannelExecutions && channel != ChannelBalances:
					return lose
				case n == 30:
					return cut
				}
				return deliver
			}
			l := &log{}
			n := f.follower(l, subscriptions(t, "book:X-Y", "orders:X-Y", "trades:X-Y@0", "executions:a@0.0", "balances:a@0.0")...)
			for i := range 3000 {
				f.act()
				if i%5 == 0 {
					time.Sleep(time.Millisecond)
				}
				if i%700 == 0 {
					n.Drop()
				}
			}
			f.mu.Lock()
			f.spoil = nil
			last, trades, events := f.changed[ChannelBook], len(f.trades), len(f.events)
			f.mu.Unlock()
			f.settle(t, n, last, trades, events, l)
			f.compare(t, n, l)
			c := n.Counts()
			t.Logf("%+v", c)
			if c.Connections < 2 || c.Proofs == 0 {
				t.Errorf("there was no trouble: %+v", c)
			}
			gaps.Add(c.Gaps)
			filled.Add(c.Filled)
		})
	}
}

// settle waits until the follower has everything; a loss at the very end shows only with the next message.
func (f *fake) settle(t *testing.T, n *Follower, last uint64, trades, events int, l *log) {
	t.Helper()
	await(t, "the copies are up to date", func() bool {
		f.act()
		time.Sleep(2 * time.Millisecond)
		f.mu.Lock()
		defer f.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		ok := len(l.trades) == len(f.trades) && len(l.events) == len(f.events) && len(f.trades) >= trades && len(f.events) >= events
		n.Read(func(c *Copies) {
			b, o := c.Book(fakeSymbol), c.Orders(fakeSymbol)
			w := c.Wallet("a")
			ok = ok && b != nil && b.Whole() && b.Sequence() >= last && b.Sequence() == f.changed[ChannelBook] && o != nil && o.Whole() && o.Sequence() == b.Sequence() &&
				w != nil && w.Balance("Y").Available == fmt.Sprint(f.money)
		})
		return ok
	})
}

// compare holds everything that the follower has against the fake.
func (f *fake) compare(t *testing.T, n *Follower, l *log) {
	t.Helper()
	in, err := FetchInstrument(t.Context(), f.client(), fakeSymbol)
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []int{2, 3} {
		rest, err := FetchBook(t.Context(), f.client(), in, level, 1000)
		if err != nil {
			t.Fatal(err)
		}
		n.Read(func(c *Copies) {
			if level == 2 {
				if d := c.Book(fakeSymbol).Diff(rest); d != "" {
					t.Error(d)
				}
			}
			if d := c.Orders(fakeSymbol).Diff(rest); d != "" {
				t.Error(d)
			}
		})
	}
	for i, id := range l.trades {
		if id != uint64(i+1) {
			t.Fatalf("trade %d came at place %d", id, i+1)
		}
	}
	var want []string
	for _, e := range f.events {
		want = append(want, e.id.String()+e.side)
	}
	if !slices.Equal(l.events, want) {
		t.Errorf("events %v, want %v", l.events, want)
	}
	n.Read(func(c *Copies) {
		tape := c.Tape(fakeSymbol)
		latest := tape.Latest()
		if last, _ := tape.Last(); tape.Count() != uint64(len(f.trades)) || latest[len(latest)-1] != last || last.ID != uint64(len(f.trades)) {
			t.Errorf("%d trades on the tape, the last one %+v", tape.Count(), last)
		}
	})
}

// TestWrongChecksum: a copy that has another checksum is not kept.
func TestWrongChecksum(t *testing.T) {
	f := newFake(t, 1)
	for range 50 {
		f.act()
	}
	l := &log{}
	n := f.follower(l, subscriptions(t, "book:X-Y")...)
	await(t, "a book", func() bool { return n.Counts().Proofs == 1 })
	f.mu.Lock()
	f.command++
	f.changed[ChannelBook] = f.command
	f.publish(ChannelBook, func() object { return object{"bids": [][]any{}, "asks": [][]any{}, "checksum": f.bookSum() + 1} })
	f.mu.Unlock()
	await(t, "a new snapshot", func() bool { return n.Counts().Proofs == 2 })
	if l.seen(Gap) != 1 || n.Counts().Gaps != 1 || !slices.ContainsFunc(l.errs, func(err error) bool { return errors.Is(err, ErrChecksum) }) {
		t.Errorf("%v", l.errs)
	}
}

// TestRefusals: a subscription that is refused for good ends alone; one that is refused for now is made again.
func TestRefusals(t *testing.T) {
	f := newFake(t, 1)
	f.act()
	busy := 2
	f.refuse = func(op fakeOp) string {
		for i, s := range op.Subscriptions {
			if s.Symbol == "NONE" {
				return fmt.Sprintf(`{"code":40,"reason":"unknown_instrument","message":"no","field":"subscriptions[%d].symbol"}`, i)
			}
		}
		if busy > 0 && op.Op == "subscribe" {
			busy--
			return `{"code":1053,"reason":"not_ready","message":"wait"}`
		}
		return ""
	}
	l := &log{}
	n := f.follower(l, subscriptions(t, "book:NONE", "book:X-Y", "trades:NONE", "orders:X-Y")...)
	await(t, "both books", func() bool {
		ok := false
		n.Read(func(c *Copies) { ok = c.Book(fakeSymbol) != nil && c.Orders(fakeSymbol) != nil })
		return ok
	})
	if l.seen(Refused) != 2 || l.seen(Subscribed) != 2 || n.Counts().Connections != 1 {
		t.Errorf("%v, %v", l.kinds, l.errs)
	}
	n.Unsubscribe(subscriptions(t, "book:X-Y")...)
	await(t, "the copy is gone", func() bool {
		ok := false
		n.Read(func(c *Copies) { ok = c.Book(fakeSymbol) == nil })
		return ok
	})
	await(t, "the venue knows", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, subs := range f.subs {
			return len(subs) == 1
		}
		return false
	})
}

// TestLogsInAgain: the venue forgets the session, says so, and the private channel goes on where it was.
func TestLogsInAgain(t *testing.T) {
	f := newFake(t, 1)
	f.act()
	l := &log{}
	f.follower(l, subscriptions(t, "executions:a@0.0")...)
	have := func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.events) == len(f.events)
	}
	await(t, "the first event", have)
	f.keys.DropKey(f.key.ID)
	f.mu.Lock()
	for c, subs := range f.subs {
		clear(subs)
		c.user = false
		c.send(object{"type": "error", "error": object{"code": 1031, "reason": "session_expired", "message": "over"}})
	}
	f.mu.Unlock()
	for range 5 {
		f.act()
	}
	await(t, "all events", have)
	if f.logins != 2 || l.seen(LoginFailed) != 1 {
		t.Errorf("%d logins, %v", f.logins, l.errs)
	}
	if _, err := Open(Config{Dial: DialConfig{URL: f.server.URL}}, subscriptions(t, "balances:a")...); !errors.Is(err, errNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

// TestKeyIsNotKnown: a login that no other session can mend ends the private channels, and nothing else.
func TestKeyIsNotKnown(t *testing.T) {
	f := newFake(t, 1)
	f.act()
	f.refuse = func(op fakeOp) string {
		if op.Op == "login" {
			return `{"code":1036,"reason":"key_revoked","message":"no"}`
		}
		return ""
	}
	l := &log{}
	n := f.follower(l, subscriptions(t, "executions:a", "balances:a", "book:X-Y")...)
	await(t, "both are refused", func() bool { return l.seen(Refused) == 2 })
	await(t, "the book", func() bool { return n.Counts().Proofs > 0 })
	if l.seen(Disconnected) != 0 {
		t.Errorf("%v", l.errs)
	}
}

// TestNoVenue: a follower of nothing says why, goes on trying, and can be closed.
func TestNoVenue(t *testing.T) {
	f := newFake(t, 1)
	f.server.Close()
	l := &log{}
	n := f.follower(l, subscriptions(t, "book:X-Y")...)
	await(t, "three tries", func() bool { return l.seen(Disconnected) >= 3 })
	n.Close()
	if err := l.errs[0]; err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

// TestGoesToTheNextNode: where one node is gone the channels go on at the next, private ones after a login there.
func TestGoesToTheNextNode(t *testing.T) {
	f := newFake(t, 3)
	other := httptest.NewServer(f)
	defer other.Close()
	for range 100 {
		f.act()
	}
	l := &log{}
	n, err := Open(Config{
		Dial:   DialConfig{URL: "http://127.0.0.1:1", URLs: []string{other.URL, f.server.URL}},
		Client: f.client(), OnMessage: l.message, OnEvent: l.event, BackOff: 50 * time.Millisecond,
	}, subscriptions(t, "book:X-Y", "orders:X-Y", "trades:X-Y@0", "executions:a@0.0", "balances:a@0.0")...)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	await(t, "a login at the second node", func() bool { return l.seen(LoggedIn) == 1 })
	other.Listener.Close()
	f.cutAll()
	for range 100 {
		f.act()
	}
	await(t, "a login at the third node", func() bool { return l.seen(LoggedIn) == 2 })
	f.mu.Lock()
	last, trades, events := f.changed[ChannelBook], len(f.trades), len(f.events)
	f.mu.Unlock()
	f.settle(t, n, last, trades, events, l)
	f.compare(t, n, l)
	if _, err := Open(Config{Dial: DialConfig{URL: f.server.URL, URLs: []string{"x"}}}); err == nil {
		t.Error("an address that is none was taken")
	}
}
