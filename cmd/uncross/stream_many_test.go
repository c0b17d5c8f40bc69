package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"uncross/gateway/client"
	"uncross/gateway/client/follow"
)

// How many subscribers TestManySubscribers has.
const (
	calmReaders    = 850 // fast, of an instrument with few orders
	busyReaders    = 100 // fast, of one with many
	trickleReaders = 20  // of the busy one's book and orders: they read a little at a time
	tapeReaders    = 15  // the same, of its trades
	sleepers       = 15  // never read while it lasts, book and trades
)

// crowdPatience bounds the time until the venue has dealt with the slow ones, on a machine that has much else to do.
const crowdPatience = 4 * time.Minute

// manyPlan has prices and quantities with many digits, so that messages are long.
var manyPlan = venuePlan{
	assets: []assetPlan{{"USD", 18}, {"ALPHA", 8}, {"BETA", 8}},
	instruments: []instrumentPlan{
		{symbol: "CALM", base: "ALPHA", quote: "USD", tick: "0.00000001", lot: "0.00000001", maxPrice: "1000000", maxQty: "1000000"},
		{symbol: "BUSY", base: "BETA", quote: "USD", tick: "0.00000001", lot: "0.00000001", maxPrice: "1000000", maxQty: "1000000"},
	},
	firms:   []string{"firm"},
	members: []memberPlan{{"anna", "firm", []money{{"USD", "100000000000"}, {"ALPHA", "100000000"}, {"BETA", "100000000"}}}},
}

// TestManySubscribers has 1,000 subscribers, 50 of them slow. The fast ones get everything: every update continues the one
// before, and all trades come. Of the slow ones those of the book are given new snapshots, those of the trades are cut off with
// 4001, and so is who reads nothing at all. Orders are answered all the while.
func TestManySubscribers(t *testing.T) {
	const connections = calmReaders + busyReaders + trickleReaders + tapeReaders + sleepers
	needFiles(t, connections+200)
	limit := strconv.Itoa(2 * connections)
	v := newVenue(t, "--max-connections", limit, "--max-connections-per-address", limit, "--stream-max-connections", limit, "--stream-max-connections-per-address", limit)
	v.mustStart()
	s := v.equip(&manyPlan)
	anna := mustClient(t, s, "anna")
	c := &crowd{t: t, url: v.url()}
	for range calmReaders {
		c.add(&member{symbol: "CALM", channels: []string{follow.ChannelBook, follow.ChannelTrades, follow.ChannelBBO}})
	}
	for i := range busyReaders {
		channels := []string{follow.ChannelBook, follow.ChannelTrades}
		if i < busyReaders/10 {
			channels = append(channels, follow.ChannelOrders)
		}
		c.add(&member{symbol: "BUSY", channels: channels, binary: i%2 == 1})
	}
	for range trickleReaders { // the orders make sure that more is sent than they read, however few batches the machine takes
		c.add(&member{symbol: "BUSY", channels: []string{follow.ChannelBook, follow.ChannelOrders}, slow: true})
	}
	for range tapeReaders {
		c.add(&member{symbol: "BUSY", channels: []string{follow.ChannelTrades}, slow: true})
	}
	for range sleepers {
		c.add(&member{symbol: "BUSY", channels: []string{follow.ChannelBook, follow.ChannelTrades}, slow: true, asleep: true})
	}
	c.connect()

	// Orders go on until the slow ones have been dealt with: those who are to be cut off are no longer among the venue's connections.
	const stay = calmReaders + busyReaders + trickleReaders
	ctx, stop := context.WithTimeout(t.Context(), crowdPatience)
	defer stop()
	begun := time.Now()
	var trading sync.WaitGroup
	var orders atomic.Int64
	for i := range 4 {
		trading.Go(func() { c.trade(ctx, anna, "BUSY", i, 100, 0, &orders) })
	}
	trading.Go(func() { c.trade(ctx, anna, "CALM", 0, 10, 100*time.Millisecond, &orders) })
	for ctx.Err() == nil && (!c.conflated() || v.status().Stream.Connections > stay) {
		time.Sleep(100 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Errorf("the slow ones are not dealt with after %v; there are %d connections", crowdPatience, v.status().Stream.Connections)
	}
	stop()
	trading.Wait()
	t.Logf("%d orders and cancels were answered in %v", orders.Load(), time.Since(begun).Round(100*time.Millisecond))
	c.finish(anna)
}

// needFiles makes room for so many open files here, and in the server, which inherits it.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Skip(err)
	}
	if l.Cur >= n {
		return
	}
	if l.Cur = min(n, l.Max); l.Cur < n || syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		t.Skipf("%d open files are needed, the limit is %d", n, l.Max)
	}
}

// tradeAhead is how many batches of one trader may be on their way to the fast readers: together much less than the feed keeps.
const tradeAhead = 4

// trade sends batches of orders that meet and orders that rest, and cancels of those, until ctx ends. Each batch is sent once:
// none may fail. It waits for the fast readers, which on a slow machine would be slow ones otherwise.
func (c *crowd) trade(ctx context.Context, by *client.Client, symbol string, who, batch int, pause time.Duration, answered *atomic.Int64) {
	t := c.t
	rnd := rand.New(rand.NewPCG(uint64(who), uint64(len(symbol))))
	var live []string
	var last []uint64 // command of each of the last batches
	for n := 0; ctx.Err() == nil; {
		var ops []client.Operation
		for range batch {
			n++
			o := client.Operation{Op: "new", Account: "anna", ClientOrderID: fmt.Sprintf("%s-%d-%d", symbol, who, n)}
			if len(live) > 500 || len(live) > 0 && rnd.IntN(4) == 0 {
				k := rnd.IntN(len(live))
				o.Op, o.OrigClientOrderID = "cancel", live[k]
				live[k] = live[len(live)-1]
				live = live[:len(live)-1]
				ops = append(ops, o)
				continue
			}
			o.Symbol, o.Type, o.TimeInForce = symbol, "limit", "gtc"
			o.Side = []string{"buy", "sell"}[rnd.IntN(2)]
			ticks := rnd.IntN(400) // bids below 500, asks above, and some that cross
			if cross := rnd.IntN(3) == 0; cross != (o.Side == "sell") {
				ticks += 500
			}
			o.Price = fmt.Sprintf("12345.00000%03d", ticks)
			o.Quantity = fmt.Sprintf("1.00000%03d", rnd.IntN(1000))
			live = append(live, o.ClientOrderID)
			ops = append(ops, o)
		}
		by.Stamp(ops)
		results, err := by.Batch(context.WithoutCancel(ctx), ops)
		if err != nil {
			t.Errorf("%s: %v", symbol, err)
			return
		}
		for i := range results {
			// An order that has traded cannot be canceled.
			if e := results[i].Error; e != nil && ops[i].Op == "new" {
				t.Errorf("%s: %+v: %v", symbol, ops[i], e)
				return
			}
		}
		answered.Add(int64(len(ops)))
		if at := lastNew(results, ops); at > 0 {
			last = append(last, at)
		}
		if len(last) > tradeAhead {
			c.keepUp(ctx, symbol, last[0])
			last = last[1:]
		}
		time.Sleep(pause)
	}
}

// lastNew is the command of the last order that was entered: whether it rests or meets another, it changes the book. 0: there was none.
func lastNew(results []client.Result, ops []client.Operation) (command uint64) {
	for i := range results {
		if o := results[i].Order; o != nil && ops[i].Op == "new" {
			command, _ = strconv.ParseUint(o.Command, 10, 64)
		}
	}
	return command
}

// keepUp waits until all fast readers of an instrument have its book as of a command. One whose connection has ended is judged in the end.
func (c *crowd) keepUp(ctx context.Context, symbol string, command uint64) {
	for _, m := range c.members {
		for m.symbol == symbol && !m.slow && m.at.Load() < command && m.ended() == nil && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// crowd is all subscribers.
type crowd struct {
	t       *testing.T
	url     string
	members []*member
	running sync.WaitGroup
	awake   chan struct{} // closed when the slow ones read on as fast as they can
}

func (c *crowd) add(m *member) { c.members = append(c.members, m) }

// member is one subscriber. It looks at messages without taking them apart: a thousand do so on a small machine.
type member struct {
	symbol   string
	channels []string
	binary   bool
	slow     bool // its socket holds little, and it reads a little at a time
	asleep   bool // it reads nothing

	conn      *follow.Conn
	sequences map[string]string // the last one of each channel
	at        atomic.Uint64     // the one of the book, or of the orders where these are behind it
	trades    atomic.Int64
	updates   int64
	snapshots atomic.Int64 // beyond the first of each channel
	books     atomic.Int64 // of these, the book's
	broken    string       // the first thing that did not fit
	end       atomic.Pointer[error]
	cut       error // how it had ended when all was over, nil when it had not
}

// connect connects and subscribes all members, and starts them.
func (c *crowd) connect() {
	c.t.Helper()
	c.awake = make(chan struct{})
	dialing := make(chan *member)
	var dials sync.WaitGroup
	for range 16 {
		dials.Go(func() {
			for m := range dialing {
				if err := c.dial(m); err != nil {
					c.t.Error(err)
				}
			}
		})
	}
	for _, m := range c.members {
		dialing <- m
	}
	close(dialing)
	dials.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	c.t.Cleanup(func() {
		for _, m := range c.members {
			m.conn.Close()
		}
		c.running.Wait()
	})
	for _, m := range c.members {
		c.running.Go(func() { m.read(c.awake) })
	}
}

// Reads of who is slow: a little, now and then. It is enough for a ping to come through all that the system holds before the next one.
const (
	slowBytes  = 1 << 10
	slowPause  = 30 * time.Millisecond
	slowSocket = 4 << 10
)

// slowConn is a socket of which little is read at a time until it is awake.
type slowConn struct {
	net.Conn
	m     *member
	awake chan struct{}
}

func (s *slowConn) Read(b []byte) (int, error) {
	select {
	case <-s.awake:
		return s.Conn.Read(b)
	default:
	}
	begun, pause := time.Now(), slowPause
	if s.m.asleep {
		pause = time.Hour
	}
	select {
	case <-s.awake:
		return s.Conn.Read(b)
	case <-time.After(pause):
	}
	due := slowBytes * int(time.Since(begun)/pause) // more where the machine lets it wait for longer
	return s.Conn.Read(b[:min(len(b), due)])
}

func (c *crowd) dial(m *member) error {
	set := follow.DialConfig{URL: c.url, Binary: m.binary, Quiet: time.Minute}
	var slow *slowConn
	if m.slow {
		set.Socket = func(ctx context.Context, network, address string) (net.Conn, error) {
			d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
				var err error
				control := raw.Control(func(fd uintptr) {
					err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, slowSocket)
				})
				return errors.Join(control, err)
			}}
			conn, err := d.DialContext(ctx, network, address)
			slow = &slowConn{Conn: conn, m: m, awake: make(chan struct{})}
			close(slow.awake) // until the upgrade is answered
			return slow, err
		}
	}
	var err error
	if m.conn, err = follow.Dial(c.t.Context(), set); err != nil {
		return err
	}
	if slow != nil {
		slow.awake = c.awake
	}
	m.sequences = map[string]string{}
	var subs []follow.Subscription
	for _, channel := range m.channels {
		subs = append(subs, follow.Subscription{Channel: channel, Symbol: m.symbol})
	}
	return m.conn.Send(object{"op": "subscribe", "id": "1", "subscriptions": subs})
}

// read reads until the connection ends.
func (m *member) read(awake chan struct{}) {
	if m.asleep {
		<-awake
	}
	for {
		payload, binary, err := m.conn.Read()
		if err != nil {
			m.end.Store(&err)
			return
		}
		if binary {
			m.look(binaryHead(payload))
		} else {
			m.look(textHead(payload))
		}
	}
}

// head is what the crowd looks at of a message.
type head struct {
	channel, sequence, previous string
	snapshot                    bool
	trades                      int
}

// textField returns the text behind a name.
func textField(b []byte, name string) string {
	_, rest, ok := bytes.Cut(b, []byte(name))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

func textHead(b []byte) head {
	front := b[:min(len(b), 400)]
	h := head{channel: textField(front, `"channel":"`), sequence: textField(front, `"sequence":"`), previous: textField(front, `"previous":"`)}
	switch textField(front, `"type":"`) {
	case "snapshot":
		h.snapshot = true
	case "update":
	default:
		return head{} // the answer to the subscription
	}
	if h.channel == follow.ChannelTrades {
		h.trades = bytes.Count(b, []byte(`"trade_id":`))
	}
	return h
}

// binaryHead reads the header that docs/stream.md describes.
func binaryHead(b []byte) head {
	number := func(at, size int) uint64 {
		n := uint64(0)
		for i := size - 1; i >= 0; i-- {
			n = n<<8 | uint64(b[at+i])
		}
		return n
	}
	h := head{channel: follow.Channels[b[1]-1], snapshot: b[2]&1 != 0, sequence: fmt.Sprint(number(8, 8)), previous: fmt.Sprint(number(16, 8))}
	if h.channel == follow.ChannelTrades {
		h.trades = int(number(40, 4))
	}
	return h
}

// look checks that a message continues what there was.
func (m *member) look(h head) {
	if h.channel == "" {
		return
	}
	last, known := m.sequences[h.channel]
	switch {
	case h.snapshot && known && last == h.sequence: // a further part of it, or a new one of the same
	case h.snapshot && known:
		m.snapshots.Add(1)
		if h.channel == follow.ChannelBook {
			m.books.Add(1)
		}
	case h.snapshot:
	case !known || h.previous != last && h.sequence != last:
		if m.broken == "" {
			m.broken = fmt.Sprintf("%s: an update continues %s, the last message was %s", h.channel, h.previous, last)
		}
	default:
		m.updates++
	}
	m.sequences[h.channel] = h.sequence
	m.trades.Add(int64(h.trades))
	m.at.Store(m.behind())
}

// behind is the lowest sequence among those of book and orders that it follows.
func (m *member) behind() uint64 {
	lowest := uint64(math.MaxUint64)
	for _, channel := range m.channels {
		if channel == follow.ChannelBook || channel == follow.ChannelOrders {
			at, _ := strconv.ParseUint(m.sequences[channel], 10, 64) // 0 where nothing has come yet
			lowest = min(lowest, at)
		}
	}
	return lowest
}

func (m *member) ended() error {
	if p := m.end.Load(); p != nil {
		return *p
	}
	return nil
}

func (m *member) tape() bool { return slices.Contains(m.channels, follow.ChannelTrades) }

// conflated reports whether every slow reader of the book has had a new snapshot.
func (c *crowd) conflated() bool {
	return !slices.ContainsFunc(c.members, func(m *member) bool { return m.slow && !m.tape() && m.books.Load() == 0 })
}

// finish wakes the slow ones up and holds what everybody has.
func (c *crowd) finish(rest *client.Client) {
	t := c.t
	t.Helper()
	close(c.awake)
	trades := map[string]int64{}
	books := map[string]uint64{}
	for _, plan := range manyPlan.instruments {
		in, err := follow.FetchInstrument(t.Context(), rest, plan.symbol)
		if err != nil {
			t.Fatal(err)
		}
		trades[plan.symbol] = int64(len(wholeTape(t, &watcher{in: in, rest: rest})))
		r, err := follow.FetchBook(t.Context(), rest, in, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		books[plan.symbol] = r.Sequence
	}
	c.settle(trades, books)
	for _, m := range c.members {
		m.cut = m.ended() // what comes from here on is of our own making
		m.conn.Close()
	}
	c.running.Wait()
	kinds := map[string]int{}
	for _, m := range c.members {
		kinds[m.judge(t, trades[m.symbol], books[m.symbol])]++
	}
	t.Logf("%v; %v trades", kinds, trades)
}

// settle waits until all who stay have what REST has, and all who are cut off have come to their end.
func (c *crowd) settle(trades map[string]int64, books map[string]uint64) {
	awaitFollowers(c.t, "all with what REST has, or at their end", func() bool {
		return !slices.ContainsFunc(c.members, func(m *member) bool {
			switch {
			case m.ended() != nil:
				return false
			case m.slow && m.tape():
				return true
			}
			return m.at.Load() < books[m.symbol] || m.tape() && m.trades.Load() < trades[m.symbol]
		})
	})
}

// judge holds what a member has had against what it was to have, and says in a word how it fared. It has ended.
func (m *member) judge(t *testing.T, trades int64, book uint64) string {
	t.Helper()
	var closed *follow.CloseError
	tooSlow := errors.As(m.cut, &closed) && closed.Code == follow.TooSlow
	last := m.sequences[follow.ChannelBook]
	switch {
	case m.broken != "":
		t.Errorf("a reader of %s: %s", m.symbol, m.broken)
		return "broken"
	case !m.slow:
		if m.cut != nil || m.trades.Load() != trades || m.snapshots.Load() != 0 || m.updates == 0 || last != fmt.Sprint(book) {
			t.Errorf("a fast reader of %s: %v, %d of %d trades, %d new snapshots, the book at %s, REST's at %d", m.symbol, m.cut, m.trades.Load(), trades,
				m.snapshots.Load(), last, book)
		}
		return "fast, complete"
	case m.asleep:
		// The socket was full: there may have been no room for the close frame.
		if m.cut == nil || m.trades.Load() >= trades {
			t.Errorf("one that slept: %v, %d of %d trades", m.cut, m.trades.Load(), trades)
		}
		return "asleep, cut off"
	case m.tape():
		if !tooSlow {
			t.Errorf("a slow reader of trades ends with %v", m.cut)
		}
		return "slow, cut off"
	}
	if m.cut != nil || m.books.Load() == 0 || last != fmt.Sprint(book) {
		t.Errorf("a slow reader of the book: %v, %d new snapshots, at %s, REST's book at %d", m.cut, m.books.Load(), last, book)
	}
	return "slow, conflated"
}
