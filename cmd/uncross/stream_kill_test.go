package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/client/follow"
	"uncross/gateway/feed"
)

// equip makes a running venue what a plan says, with the keys of its members beside the data directory.
func (v *venue) equip(plan *venuePlan) *setter {
	v.t.Helper()
	d := dataDir(v.data)
	if err := os.MkdirAll(d.keys(), 0o700); err != nil {
		v.t.Fatal(err)
	}
	if err := auth.SaveKey(d.key("operator"), v.operator); err != nil {
		v.t.Fatal(err)
	}
	s := &setter{ctx: v.t.Context(), dir: d, url: v.url(), plan: plan}
	if err := s.setUp(); err != nil {
		v.t.Fatal(err)
	}
	return s
}

func mustClient(t *testing.T, s *setter, name string) *client.Client {
	t.Helper()
	c, err := s.client(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// followPlan has instruments whose numbers are written differently, and two traders.
var followPlan = venuePlan{
	assets: []assetPlan{{"USD", 8}, {"COIN", 8}, {"SHARE", 0}, {"BOND", 2}},
	instruments: []instrumentPlan{
		{symbol: "COIN-USD", base: "COIN", quote: "USD", tick: "0.05", lot: "0.0001", maxPrice: "1000000", maxQty: "1000", makerBps: 2, takerBps: 5},
		{symbol: "SHARE-USD", base: "SHARE", quote: "USD", tick: "1", lot: "100", maxPrice: "1000000", maxQty: "1000000", makerBps: 0, takerBps: 1},
		{symbol: "BOND-USD", base: "BOND", quote: "USD", tick: "0.00001", lot: "0.01", maxPrice: "1000", maxQty: "1000000", makerBps: 1, takerBps: 1},
	},
	firms: []string{"firm"},
	members: []memberPlan{
		{"anna", "firm", []money{{"USD", "1000000000000"}, {"COIN", "1000000"}, {"SHARE", "100000000"}, {"BOND", "10000000"}}},
		{"bert", "firm", []money{{"USD", "1000000000000"}, {"COIN", "1000000"}, {"SHARE", "100000000"}, {"BOND", "10000000"}}},
	},
}

// flood sends random orders and cancels of one instrument, now fast, now with a rest, until ctx ends. Nothing that was answered is
// left open; what is not answered is sent again.
func flood(ctx context.Context, t *testing.T, in *instrumentPlan, traders []*client.Client, rnd *rand.Rand, sent *atomic.Int64) {
	where, err := follow.NewInstrument(0, in.symbol, in.tick, in.lot)
	if err != nil {
		t.Error(err)
		return
	}
	number := 0
	var live [2][]string // client order ids that may rest
	for ctx.Err() == nil {
		who := rnd.IntN(2)
		var ops []client.Operation
		for range 1 + rnd.IntN(60) {
			number++
			id := fmt.Sprintf("%s-%d", in.symbol, number)
			o := client.Operation{Op: "new", Account: followPlan.members[who].name, ClientOrderID: id}
			if n := len(live[who]); n > 0 && rnd.IntN(5) < 2 {
				k := rnd.IntN(n)
				o.Op, o.OrigClientOrderID = "cancel", live[who][k]
				live[who][k] = live[who][n-1]
				live[who] = live[who][:n-1]
				ops = append(ops, o)
				continue
			}
			o.Symbol, o.Side, o.Type, o.TimeInForce = in.symbol, []string{"buy", "sell"}[rnd.IntN(2)], "limit", "gtc"
			price := 1000 + rnd.Int64N(60) // both sides of 1,030
			if price < 1030 == (o.Side == "sell") && rnd.IntN(4) > 0 {
				price = 2060 - price
			}
			o.Price = where.Price(wire.Price(max(price, 1)))
			o.Quantity = where.Qty(wire.Qty(1 + rnd.Int64N(50)))
			if rnd.IntN(6) == 0 {
				o.TimeInForce = "ioc"
			} else {
				live[who] = append(live[who], id)
			}
			ops = append(ops, o)
		}
		// What was begun is brought to its end, also when the flood is over: a batch that nobody knows the outcome of would
		// be applied or not.
		if _, err := traders[who].Settle(context.WithoutCancel(ctx), ops); err != nil {
			t.Errorf("%s: %v", in.symbol, err)
			return
		}
		sent.Add(int64(len(ops)))
		if rnd.IntN(3) == 0 {
			time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
		}
	}
}

// diary is what a follower has been told.
type diary struct {
	follower *follow.Follower
	witness  *follow.Witness
	ready    chan struct{}

	mu         sync.Mutex
	trades     map[string][]follow.Trade
	executions []*follow.Message
	balances   []*follow.Message
	events     map[follow.EventKind]int
	unwanted   []follow.Event
}

func openDiary(t *testing.T, c follow.Config, subs []follow.Subscription) *diary {
	t.Helper()
	d := &diary{witness: follow.NewWitness(2000), ready: make(chan struct{}), trades: map[string][]follow.Trade{}, events: map[follow.EventKind]int{}}
	c.OnMessage, c.OnEvent = d.message, d.event
	var err error
	if d.follower, err = follow.Open(c, subs...); err != nil {
		t.Fatal(err)
	}
	close(d.ready)
	t.Cleanup(d.follower.Close)
	return d
}

func (d *diary) message(m *follow.Message) {
	<-d.ready
	d.witness.Saw(d.follower.Copies(), m)
	d.mu.Lock()
	defer d.mu.Unlock()
	keep := *m
	keep.Raw = nil
	switch m.Channel {
	case follow.ChannelTrades:
		d.trades[m.Symbol] = append(d.trades[m.Symbol], m.Trades...)
	case follow.ChannelExecutions:
		d.executions = append(d.executions, &keep)
	case follow.ChannelBalances:
		d.balances = append(d.balances, &keep)
	}
}

// tradesOf is how many trades of an instrument have come.
func (d *diary) tradesOf(symbol string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.trades[symbol])
}

func (d *diary) event(e follow.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events[e.Kind]++
	if e.Kind == follow.Refused || e.Kind == follow.Trimmed {
		d.unwanted = append(d.unwanted, e)
	}
}

// watcher asks REST for the book of an instrument again and again, and holds the copies of the same sequence against it.
type watcher struct {
	in      *follow.Instrument
	rest    *client.Client
	diaries func() []*diary
	pending []*follow.RESTBook

	mu  sync.Mutex
	met map[string]int // by one of proofs
}

// proofs are what is held against REST's book of an instrument, and the level of that.
var proofs = []string{"book, level 2", "orders, level 2", "orders, level 3"}

// fewest returns how often that of proofs met REST's book which did so least often.
func (w *watcher) fewest() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.met[proofs[0]]
	for _, what := range proofs {
		n = min(n, w.met[what])
	}
	return n
}

// watch asks until ctx ends.
func (w *watcher) watch(ctx context.Context, t *testing.T) {
	for n := 0; ctx.Err() == nil; n++ {
		r, err := follow.FetchBook(ctx, w.rest, w.in, 2+n%2, 1000)
		if err == nil { // the server may be down
			w.pending = append(w.pending, r)
		}
		// An answer waits a while, so that the copies can have come to its sequence.
		if len(w.pending) > 100 {
			w.hold(t, w.pending[0])
			w.pending = w.pending[1:]
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, r := range w.pending {
		w.hold(t, r)
	}
	w.pending = nil
}

func (w *watcher) hold(t *testing.T, r *follow.RESTBook) (all bool) {
	t.Helper()
	channels, all := []string{follow.ChannelBook, follow.ChannelOrders}, true
	if r.HasOrders {
		channels = channels[1:]
	}
	for i, d := range w.diaries() {
		for _, channel := range channels {
			met, difference := d.witness.Hold(channel, r)
			if difference != "" {
				t.Errorf("follower %d, %s %s: %s", i+1, channel, w.in.Symbol, difference)
			}
			if all = all && met; met {
				w.mu.Lock()
				w.met[fmt.Sprintf("%s, level %d", channel, map[bool]int{false: 2, true: 3}[r.HasOrders])]++
				w.mu.Unlock()
			}
		}
	}
	return all
}

// TestFollowThroughKills follows three instruments and an account through floods of orders, SIGKILLs of the server and lost
// connections, with three followers: one in JSON, one in the binary form and compressed, and one that comes late and reads
// the trades of before from REST. At every sequence that a follower and REST
// both name, the copy of the levels and the copy of the orders are REST's book. At the end all of REST's trades have come,
// each once, and every event of the account, which adds up to REST's fills, orders and balances.
func TestFollowThroughKills(t *testing.T) {
	v := newVenue(t)
	v.mustStart()
	s := v.equip(&followPlan)
	anna, bert := mustClient(t, s, "anna"), mustClient(t, s, "bert")
	var public, private []follow.Subscription
	for _, in := range followPlan.instruments {
		public = append(public, follow.Subscription{Channel: follow.ChannelBook, Symbol: in.symbol},
			follow.Subscription{Channel: follow.ChannelOrders, Symbol: in.symbol},
			follow.Subscription{Channel: follow.ChannelTrades, Symbol: in.symbol, After: "0"})
	}
	private = append(private, follow.Subscription{Channel: follow.ChannelExecutions, Account: "anna", After: "0.0"},
		follow.Subscription{Channel: follow.ChannelBalances, Account: "anna", After: "0.0"})
	diaries := []*diary{
		openDiary(t, follow.Config{Dial: follow.DialConfig{URL: v.url()}, Client: anna, BackOff: 100 * time.Millisecond}, slices.Concat(public, private)),
		openDiary(t, follow.Config{Dial: follow.DialConfig{URL: v.url(), Binary: true, Compress: true}, Client: bert, BackOff: 100 * time.Millisecond}, public),
	}
	var joining sync.Mutex // guards diaries
	everybody := func() []*diary {
		joining.Lock()
		defer joining.Unlock()
		return slices.Clone(diaries)
	}
	seed := setting(t, "UNCROSS_KILL_SEED", uint64(time.Now().UnixNano()))
	t.Logf("UNCROSS_KILL_SEED=%d", seed)

	ctx, stop := context.WithCancel(t.Context())
	looking, stopLooking := context.WithCancel(t.Context())
	defer stop()
	defer stopLooking()
	var sent atomic.Int64
	var floods, looks sync.WaitGroup
	watchers := make([]*watcher, len(followPlan.instruments))
	for i := range followPlan.instruments {
		plan := &followPlan.instruments[i]
		in, err := follow.FetchInstrument(t.Context(), anna, plan.symbol)
		if err != nil {
			t.Fatal(err)
		}
		w := &watcher{in: in, rest: anna, diaries: everybody, met: map[string]int{}}
		watchers[i] = w
		looks.Go(func() { w.watch(looking, t) })
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		floods.Go(func() { flood(ctx, t, plan, []*client.Client{anna, bert}, rnd, &sent) })
	}
	rnd := rand.New(rand.NewPCG(seed, 100))
	const kills = 3
	for n := range kills {
		if n == 1 {
			awaitFollowers(t, "more trades than a snapshot has", func() bool {
				return !slices.ContainsFunc(followPlan.instruments, func(p instrumentPlan) bool { return diaries[0].tradesOf(p.symbol) <= 2*feed.SnapshotTrades })
			})
			late := openDiary(t, follow.Config{Dial: follow.DialConfig{URL: v.url(), Compress: true}, Client: bert, BackOff: 100 * time.Millisecond}, public)
			joining.Lock()
			diaries = append(diaries, late)
			joining.Unlock()
		}
		awaitFollowers(t, "all connected", func() bool {
			return !slices.ContainsFunc(diaries, func(d *diary) bool { return d.follower.Counts().Connections == 0 })
		})
		time.Sleep(time.Duration(1200+rnd.IntN(800)) * time.Millisecond)
		diaries[rnd.IntN(len(diaries))].follower.Drop()
		time.Sleep(time.Duration(300+rnd.IntN(500)) * time.Millisecond)
		v.stop(syscall.SIGKILL)
		var before []uint64
		for _, d := range diaries {
			before = append(before, d.follower.Counts().Connections)
		}
		v.mustStart()
		awaitFollowers(t, "all connected again", func() bool {
			for i, d := range diaries {
				if d.follower.Counts().Connections == before[i] {
					return false
				}
			}
			return true
		})
	}
	// It goes on until the copies have met REST's books behind the last kill, too.
	var before []int
	for _, w := range watchers {
		before = append(before, w.fewest())
	}
	awaitFollowers(t, "copies held against REST's books", func() bool {
		for i, w := range watchers {
			if w.fewest() < before[i]+10 {
				return false
			}
		}
		return true
	})
	stop()
	floods.Wait()

	awaitFollowers(t, "all where REST is", func() bool {
		return !slices.ContainsFunc(watchers, func(w *watcher) bool { return !w.atEnd(t) })
	})
	stopLooking()
	looks.Wait()
	for i, d := range diaries {
		t.Logf("follower %d: %+v, %v", i+1, d.follower.Counts(), d.events)
		if c := d.follower.Counts(); c.Connections < kills || c.Proofs == 0 || len(d.unwanted) > 0 || i == 2 && c.Filled == 0 {
			t.Errorf("follower %d: %+v, %v", i+1, c, d.unwanted)
		}
	}
	for _, w := range watchers {
		t.Logf("%s: equal %v", w.in.Symbol, w.met)
		holdTrades(t, w, diaries)
	}
	t.Logf("%d orders and cancels, %d executions, %d changes of balances", sent.Load(), len(diaries[0].executions), len(diaries[0].balances))
	holdAccount(t, anna, diaries[0])
}

// followPatience bounds the wait for followers that are on their way, also on a machine that has much else to do.
const followPatience = time.Minute

// awaitFollowers waits until something is so of followers.
func awaitFollowers(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(followPatience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the followers are still not so: %s", what)
		}
	}
}

// atEnd reports whether all followers have what REST has: the book, the orders, and as many trades.
func (w *watcher) atEnd(t *testing.T) bool {
	last := wholeTape(t, w)
	for _, level := range []int{2, 3} {
		r, err := follow.FetchBook(t.Context(), w.rest, w.in, level, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range w.diaries() {
			for _, channel := range []string{follow.ChannelBook, follow.ChannelOrders}[level-2:] {
				if met, _ := d.witness.Hold(channel, r); !met {
					return false
				}
			}
			if d.tradesOf(w.in.Symbol) < len(last) {
				return false
			}
		}
	}
	return true
}

// wholeTape reads all trades of an instrument from REST.
func wholeTape(t *testing.T, w *watcher) (all []follow.Trade) {
	t.Helper()
	_, err := follow.EachTrade(t.Context(), w.rest, w.in, 0, 0, func(page []follow.Trade) bool {
		all = append(all, page...)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// holdTrades holds the trades that have come against REST's whole history.
func holdTrades(t *testing.T, w *watcher, diaries []*diary) {
	t.Helper()
	want := wholeTape(t, w)
	if len(want) == 0 {
		t.Errorf("%s: no trade", w.in.Symbol)
	}
	for i, d := range diaries {
		got := d.trades[w.in.Symbol]
		for k := range max(len(got), len(want)) {
			if k >= len(got) || k >= len(want) || got[k] != want[k] {
				t.Errorf("follower %d, %s: %d trades came, REST has %d; the first difference is at place %d: %v and %v", i+1, w.in.Symbol, len(got), len(want), k,
					at(got, k), at(want, k))
				break
			}
		}
	}
}

func at[T any](list []T, i int) any {
	if i < len(list) {
		return list[i]
	}
	return "none"
}

// holdAccount holds the executions and balances that have come against what REST tells of the account.
func holdAccount(t *testing.T, c *client.Client, d *diary) {
	t.Helper()
	type fill struct {
		TradeID  string `json:"trade_id"`
		OrderID  string `json:"order_id"`
		Side     string `json:"side"`
		Price    string `json:"price"`
		Quantity string `json:"quantity"`
		Notional string `json:"notional"`
		Fee      string `json:"fee"`
	}
	want := []fill{}
	for f, err := range client.Pages[fill](t.Context(), c, "/v1/fills?account=anna&sort=oldest&limit=1000") {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, f)
	}
	got := []fill{}
	accepted, canceled, seen := map[string]int{}, map[string]int{}, map[string]bool{}
	last := follow.EventID{}
	for _, m := range d.executions {
		x := m.Execution
		if name := m.Event.String() + x.Side; m.Event.Before(last) || seen[name] {
			t.Errorf("event %v of side %q came twice, or too late", m.Event, x.Side)
		} else {
			seen[name], last = true, m.Event
		}
		switch x.Kind {
		case "fill":
			got = append(got, fill{x.TradeID, x.OrderID, x.Side, x.Price, x.Quantity, x.Notional, x.Fee})
		case "accepted":
			accepted[x.OrderID]++
		case "canceled":
			canceled[x.OrderID]++
		}
	}
	// REST lists a trade with oneself in its own order of the two sides.
	bySide := func(list []fill) {
		slices.SortStableFunc(list, func(a, b fill) int {
			if a.TradeID != b.TradeID {
				return 0
			}
			return strings.Compare(a.Side, b.Side)
		})
	}
	bySide(got)
	bySide(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d fills came, REST has %d", len(got), len(want))
	}
	type order struct {
		OrderID string `json:"order_id"`
		Status  string `json:"status"`
	}
	orders := 0
	for o, err := range client.Pages[order](t.Context(), c, "/v1/order-history?account=anna&sort=oldest&limit=1000") {
		if err != nil {
			t.Fatal(err)
		}
		orders++
		if ended := map[bool]int{true: 1}[o.Status == "canceled"]; accepted[o.OrderID] != 1 || canceled[o.OrderID] != ended {
			t.Errorf("order %s is %s: %d times accepted, %d times canceled", o.OrderID, o.Status, accepted[o.OrderID], canceled[o.OrderID])
		}
	}
	if orders != len(accepted) {
		t.Errorf("%d orders were accepted, REST has %d", len(accepted), orders)
	}
	for b, err := range client.Pages[follow.Balance](t.Context(), c, "/v1/balances?account=anna") {
		if err != nil {
			t.Fatal(err)
		}
		d.follower.Read(func(k *follow.Copies) {
			if own := k.Wallet("anna").Balance(b.Asset); own != b {
				t.Errorf("the copy has %+v, REST %+v", own, b)
			}
		})
	}
	holdChanges(t, c, d)
}

// holdChanges holds every change of the balances against REST's list of them.
func holdChanges(t *testing.T, c *client.Client, d *diary) {
	t.Helper()
	type change struct {
		Event    string           `json:"event"`
		Reason   string           `json:"reason"`
		Balances []follow.Balance `json:"balances"`
	}
	var want, got []string
	for x, err := range client.Pages[change](t.Context(), c, "/v1/balance-changes?account=anna&sort=oldest&limit=1000") {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(x))
	}
	for _, m := range d.balances {
		got = append(got, fmt.Sprint(change{m.Event.String(), m.Reason, m.Balances}))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%d changes of balances came, REST has %d; the first difference is at place %d: %v and %v", len(got), len(want), i, at(got, i), at(want, i))
			return
		}
	}
}
