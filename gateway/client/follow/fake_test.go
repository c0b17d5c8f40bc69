package follow

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// fake is a small venue of one instrument that speaks docs/stream.md and the routes of REST that a follower needs. It does
// what the document says in the plainest way (texts, maps, everything encoded for everybody), so that it shares nothing with
// what is tested. Where spoil says so, messages to subscribers are lost.
type fake struct {
	t      *testing.T
	server *httptest.Server
	keys   *auth.Store
	key    auth.Key

	mu      sync.Mutex
	rnd     *rand.Rand
	command uint64
	orders  []*fakeOrder // in order of entry
	nextID  uint64
	trades  []fakeTrade
	subs    map[*fakeConn]map[Subscription]uint64 // the sequence that the subscriber has
	changed map[string]uint64                     // sequence by channel
	events  []fakeEvent
	money   int
	spoil   func(*fakeConn, string) spoiling
	parts   int // of a snapshot
	sums    int
	logins  int
	refuse  func(op fakeOp) string // an error body, "": none
}

type spoiling int

const (
	deliver spoiling = iota
	lose
	cut
)

type fakeOrder struct {
	id         uint64
	side       wire.Side
	price, qty int // ticks, lots
}

type fakeTrade struct {
	ID      string `json:"trade_id"`
	Command string `json:"command"`
	Time    string `json:"time"`
	Price   string `json:"price"`
	Qty     string `json:"quantity"`
	Taker   string `json:"taker_side"`
	id, cmd uint64
}

// fakeEvent is an event of the account "a": a trade with itself has two of one id.
type fakeEvent struct {
	id       EventID
	side     string
	balances []Balance
}

type fakeConn struct {
	conn    net.Conn
	writing sync.Mutex
	user    bool
}

const fakeSymbol = "X-Y"

func newFake(t *testing.T, seed uint64) *fake {
	t.Helper()
	f := newVenue(t, seed)
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	t.Cleanup(f.cutAll)
	return f
}

// newVenue returns one that nobody serves yet.
func newVenue(t *testing.T, seed uint64) *fake {
	t.Helper()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key.ID, key.Role = 7, wire.Trader
	return &fake{t: t, key: key, keys: auth.NewStore(auth.Limits{}, time.Now), rnd: rand.New(rand.NewPCG(seed, 1)), subs: map[*fakeConn]map[Subscription]uint64{}, changed: map[string]uint64{}, parts: 1, nextID: 1}
}

// price and quantity as the venue writes them: tick 0.05, lot 0.001.
func fakePrice(ticks int) string { return fmt.Sprintf("%d.%02d", ticks*5/100, ticks*5%100) }

func fakeQty(lots int) string {
	if s := strings.TrimRight(fmt.Sprintf("%d.%03d", lots/1000, lots%1000), "0"); lots != 0 {
		return strings.TrimSuffix(s, ".")
	}
	return "0"
}

// side returns the orders of a side in priority order.
func (f *fake) side(side wire.Side) []*fakeOrder {
	var out []*fakeOrder
	for _, o := range f.orders {
		if o.side == side {
			out = append(out, o)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		if side == wire.Buy {
			return out[i].price > out[j].price
		}
		return out[i].price < out[j].price
	})
	return out
}

type fakeLevel struct {
	price, qty, n int
}

func (f *fake) levels(side wire.Side) []fakeLevel {
	var out []fakeLevel
	for _, o := range f.side(side) {
		if n := len(out); n > 0 && out[n-1].price == o.price {
			out[n-1].qty += o.qty
			out[n-1].n++
		} else {
			out = append(out, fakeLevel{o.price, o.qty, 1})
		}
	}
	return out
}

func (f *fake) bookSum() uint32 {
	var s []string
	bids, asks := f.levels(wire.Buy), f.levels(wire.Sell)
	for i := range 10 {
		for _, side := range [][]fakeLevel{bids, asks} {
			if i < len(side) {
				s = append(s, fakePrice(side[i].price)+":"+fakeQty(side[i].qty))
			}
		}
	}
	return crc32.ChecksumIEEE([]byte(strings.Join(s, ":")))
}

func (f *fake) ordersSum() uint32 {
	var s []string
	for _, side := range []wire.Side{wire.Buy, wire.Sell} {
		for i, o := range f.side(side) {
			if i == 50 {
				break
			}
			s = append(s, strconv.FormatUint(o.id, 10)+":"+fakeQty(o.qty))
		}
	}
	return crc32.ChecksumIEEE([]byte(strings.Join(s, ":")))
}

// act makes one random command and publishes what it changed.
func (f *fake) act() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.command++
	before := map[wire.Side][]fakeLevel{wire.Buy: f.levels(wire.Buy), wire.Sell: f.levels(wire.Sell)}
	var changes [][]any
	made := len(f.trades)
	if len(f.orders) > 0 && f.rnd.IntN(3) == 0 {
		i := f.rnd.IntN(len(f.orders))
		o := f.orders[i]
		if o.qty > 1 && f.rnd.IntN(2) == 0 {
			o.qty -= 1 + f.rnd.IntN(o.qty-1)
			changes = append(changes, f.change("change", o))
		} else {
			f.orders = append(f.orders[:i:i], f.orders[i+1:]...)
			o.qty = 0
			changes = append(changes, f.change("remove", o))
		}
	} else {
		changes = f.enter(&fakeOrder{id: f.nextID, side: wire.Side(1 + f.rnd.IntN(2)), price: 1000 + f.rnd.IntN(30), qty: 1 + f.rnd.IntN(5000)})
	}
	f.changed[ChannelBook], f.changed[ChannelOrders] = f.command, f.command
	levels := map[string][][]any{}
	for side, name := range map[wire.Side]string{wire.Buy: "bids", wire.Sell: "asks"} {
		levels[name] = diffFake(before[side], f.levels(side))
	}
	sum := f.sums > 0 && f.rnd.IntN(f.sums) == 0
	f.publish(ChannelBook, func() object {
		o := object{"bids": levels["bids"], "asks": levels["asks"]}
		if sum {
			o["checksum"] = f.bookSum()
		}
		return o
	})
	f.publish(ChannelOrders, func() object {
		o := object{"changes": changes}
		if sum {
			o["checksum"] = f.ordersSum()
		}
		return o
	})
	// The trades of a command go out in messages of two.
	for news := f.trades[made:]; len(news) > 0; news = news[min(2, len(news)):] {
		f.changed[ChannelTrades] = f.command
		f.publish(ChannelTrades, func() object { return object{"trades": news[:min(2, len(news))]} })
	}
	f.accountEvent()
}

type object = map[string]any

func (f *fake) change(kind string, o *fakeOrder) []any {
	return []any{kind, o.side.String(), strconv.FormatUint(o.id, 10), fakePrice(o.price), fakeQty(o.qty)}
}

// enter matches an order against the other side and rests what is left.
func (f *fake) enter(o *fakeOrder) (changes [][]any) {
	f.nextID++
	for _, m := range f.side(3 - o.side) {
		if o.qty == 0 || o.side == wire.Buy && m.price > o.price || o.side == wire.Sell && m.price < o.price {
			break
		}
		n := min(o.qty, m.qty)
		o.qty -= n
		m.qty -= n
		id := uint64(len(f.trades) + 1)
		f.trades = append(f.trades, fakeTrade{ID: strconv.FormatUint(id, 10), Command: strconv.FormatUint(f.command, 10), Time: "2026-01-02T15:04:05.000000006Z",
			Price: fakePrice(m.price), Qty: fakeQty(n), Taker: o.side.String(), id: id, cmd: f.command})
		if m.qty > 0 {
			changes = append(changes, f.change("change", m))
			continue
		}
		changes = append(changes, f.change("remove", m))
		for i, x := range f.orders {
			if x == m {
				f.orders = append(f.orders[:i:i], f.orders[i+1:]...)
				break
			}
		}
	}
	if o.qty > 0 {
		f.orders = append(f.orders, o)
		changes = append(changes, f.change("add", o))
	}
	return changes
}

func levelJSON(l fakeLevel) []any { return []any{fakePrice(l.price), fakeQty(l.qty), l.n} }

func diffFake(before, after []fakeLevel) [][]any {
	out := [][]any{}
	was := map[int]fakeLevel{}
	for _, l := range before {
		was[l.price] = l
	}
	for _, l := range after {
		if was[l.price] != l {
			out = append(out, levelJSON(l))
		}
		delete(was, l.price)
	}
	for price := range was {
		out = append(out, levelJSON(fakeLevel{price, 0, 0}))
	}
	return out
}

// publish sends an update to all subscribers of a channel.
func (f *fake) publish(channel string, body func() object) {
	s := Subscription{Channel: channel, Symbol: fakeSymbol}
	for c, subs := range f.subs {
		was, ok := subs[s]
		if !ok {
			continue
		}
		o := body()
		o["channel"], o["type"], o["symbol"], o["time"] = channel, "update", fakeSymbol, "1790000000000000000"
		o["previous"], o["sequence"] = strconv.FormatUint(was, 10), strconv.FormatUint(f.changed[channel], 10)
		subs[s] = f.changed[channel]
		if was == f.changed[channel] {
			c.send(o) // it goes on with a command: nothing shows that it was the last, so that it must not be lost
			continue
		}
		f.deliver(c, channel, o)
	}
}

func (f *fake) deliver(c *fakeConn, channel string, o object) {
	if f.spoil != nil {
		switch f.spoil(c, channel) {
		case lose:
			return
		case cut:
			c.conn.Close()
			return
		}
	}
	c.send(o)
}

func (c *fakeConn) send(o object) {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = wsutil.WriteServerText(c.conn, text) // a connection that was cut
}

// snapshot sends what a subscription begins with.
func (f *fake) snapshot(c *fakeConn, s Subscription) {
	o := object{"channel": s.Channel, "type": "snapshot", "symbol": fakeSymbol, "time": "1790000000000000000", "sequence": strconv.FormatUint(f.changed[s.Channel], 10)}
	f.subs[c][s.key()] = f.changed[s.Channel]
	switch s.Channel {
	case ChannelBook, ChannelOrders:
		f.sides(c, s, o)
	case ChannelTrades:
		o["trades"] = f.trades[max(0, len(f.trades)-100):]
		f.deliver(c, s.Channel, o)
	case ChannelExecutions, ChannelBalances:
		f.resume(c, s)
	}
}

// sides sends the snapshot of a book in parts.
func (f *fake) sides(c *fakeConn, s Subscription, o object) {
	sides, sum := [2][][]any{}, f.bookSum()
	for i, side := range []wire.Side{wire.Buy, wire.Sell} {
		if s.Channel == ChannelBook {
			for _, l := range f.levels(side) {
				sides[i] = append(sides[i], levelJSON(l))
			}
			continue
		}
		sum = f.ordersSum()
		for _, r := range f.side(side) {
			sides[i] = append(sides[i], []any{strconv.FormatUint(r.id, 10), fakePrice(r.price), fakeQty(r.qty)})
		}
	}
	for part := range f.parts {
		m := object{}
		for k, v := range o {
			m[k] = v
		}
		if f.parts > 1 {
			m["part"], m["parts"] = part+1, f.parts
		}
		for i, name := range []string{"bids", "asks"} {
			n := len(sides[i])
			m[name] = append([][]any{}, sides[i][n*part/f.parts:n*(part+1)/f.parts]...)
		}
		if part == f.parts-1 {
			m["checksum"] = sum
		}
		f.deliver(c, s.Channel, m)
	}
}

// accountEvent makes an event of the account: every third is a trade with itself, which has two messages.
func (f *fake) accountEvent() {
	f.money++
	e := fakeEvent{id: EventID{f.command, uint32(f.rnd.IntN(3))}, side: "buy", balances: []Balance{{"Y", strconv.Itoa(f.money), "0"}}}
	events := []fakeEvent{e}
	if f.command%3 == 0 {
		e.side = "sell"
		events = append(events, e)
	}
	f.events = append(f.events, events...)
	for c, subs := range f.subs {
		for s := range subs {
			if s.Private() {
				for _, e := range events {
					f.deliver(c, s.Channel, e.message(s.Channel))
				}
			}
		}
	}
}

func (e *fakeEvent) message(channel string) object {
	o := object{"channel": channel, "type": "update", "account": "a", "event": e.id.String(), "time": "1790000000000000000"}
	if channel == ChannelExecutions {
		o["kind"], o["side"] = "trade", e.side
	} else {
		o["reason"], o["balances"] = "trade", e.balances
	}
	return o
}

func (f *fake) resume(c *fakeConn, s Subscription) {
	if s.After == "" {
		if s.Channel == ChannelBalances {
			last := EventID{}
			if n := len(f.events); n > 0 {
				last = f.events[n-1].id
			}
			f.deliver(c, s.Channel, object{"channel": s.Channel, "type": "snapshot", "account": "a", "event": last.String(), "balances": []Balance{{"Y", strconv.Itoa(f.money), "0"}}})
		}
		return
	}
	after, err := ParseEventID(s.After)
	if err != nil {
		f.t.Error(err)
	}
	for i := range f.events {
		if after.Before(f.events[i].id) {
			f.deliver(c, s.Channel, f.events[i].message(s.Channel))
		}
	}
}

func (f *fake) cutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.subs {
		c.conn.Close()
	}
}

// ServeHTTP serves the stream and the routes of REST.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case Path:
		f.stream(w, r)
	case "/v1/logon":
		f.logon(w, r)
	case "/v1/instruments/" + fakeSymbol + "/trades":
		f.listTrades(w, r)
	case "/v1/instruments/" + fakeSymbol + "/book":
		f.showBook(w, r)
	case "/v1/instruments/" + fakeSymbol:
		fmt.Fprintf(w, `{"symbol":%q,"tick":"0.05","lot":"0.001"}`, fakeSymbol)
	default:
		w.WriteHeader(404)
		fmt.Fprint(w, `{"error":{"code":1,"reason":"no_such_route","message":"no"}}`)
	}
}

func (f *fake) logon(w http.ResponseWriter, r *http.Request) {
	var in auth.LogonRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		f.t.Error(err)
	}
	_, a, err := f.keys.Open(&in)
	if err != nil {
		f.t.Error(err)
	}
	_ = json.NewEncoder(w).Encode(a)
}

func (f *fake) listTrades(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := EventID{}
	if c := r.URL.Query().Get("cursor"); c != "" {
		after, _ = ParseEventID(c)
	}
	// The ordinal of a trade is its number here.
	items, more, next := []fakeTrade{}, false, ""
	for _, tr := range f.trades {
		if id := (EventID{tr.cmd, uint32(tr.id)}); after.Before(id) {
			if len(items) == 7 { // small pages
				more = true
				break
			}
			items, next = append(items, tr), id.String()
		}
	}
	_ = json.NewEncoder(w).Encode(object{"items": items, "more": more, "next": next, "as_of": strconv.FormatUint(f.command, 10)})
}

func (f *fake) showBook(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := object{"symbol": fakeSymbol, "phase": "continuous", "sequence": strconv.FormatUint(f.changed[ChannelBook], 10), "as_of": strconv.FormatUint(f.command, 10)}
	depth, _ := strconv.Atoi(r.URL.Query().Get("depth"))
	for side, name := range map[wire.Side]string{wire.Buy: "bids", wire.Sell: "asks"} {
		list := []object{}
		if r.URL.Query().Get("level") == "3" {
			for _, x := range f.side(side) {
				list = append(list, object{"order_id": strconv.FormatUint(x.id, 10), "price": fakePrice(x.price), "quantity": fakeQty(x.qty)})
			}
		} else {
			for _, l := range f.levels(side) {
				list = append(list, object{"price": fakePrice(l.price), "quantity": fakeQty(l.qty), "orders": l.n})
			}
		}
		o[name] = list[:min(depth, len(list))]
	}
	_ = json.NewEncoder(w).Encode(o)
}

type fakeOp struct {
	Op, ID, Session, Seq, Time, Mac string
	Subscriptions                   []Subscription
}

// stream serves one connection.
func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	up := ws.HTTPUpgrader{Protocol: func(p string) bool { return p == ProtocolJSON }}
	conn, _, _, err := up.Upgrade(r, w)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer conn.Close()
	c := &fakeConn{conn: conn}
	f.mu.Lock()
	f.subs[c] = map[Subscription]uint64{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.subs, c)
		f.mu.Unlock()
	}()
	for {
		text, err := wsutil.ReadClientText(conn)
		if err != nil {
			return
		}
		var op fakeOp
		if err := json.Unmarshal(text, &op); err != nil {
			f.t.Error(err)
		}
		f.answer(c, op)
	}
}

func (f *fake) answer(c *fakeConn, op fakeOp) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		if body := f.refuse(op); body != "" {
			c.send(object{"type": "error", "id": op.ID, "error": json.RawMessage(body)})
			return
		}
	}
	switch op.Op {
	case "login":
		h, err := auth.ParseHeaders(op.Session, op.Seq, op.Time, op.Mac)
		if err == nil {
			_, err = f.keys.Verify(&h, "GET", Path, nil)
		}
		if err != nil {
			c.send(object{"type": "error", "id": op.ID, "error": object{"code": 1, "reason": "unknown_session", "message": err.Error()}})
			return
		}
		f.logins++
		c.user = true
		c.send(object{"type": "logged_in", "id": op.ID})
	case "subscribe":
		for _, s := range op.Subscriptions {
			if s.Private() && !c.user {
				f.t.Errorf("%v without a login", s)
			}
		}
		c.send(object{"type": "subscribed", "id": op.ID, "subscriptions": op.Subscriptions,
			"instruments": []object{{"instrument": 1, "symbol": fakeSymbol, "tick": "0.05", "lot": "0.001"}}})
		for _, s := range op.Subscriptions {
			f.snapshot(c, s)
		}
	case "unsubscribe":
		for _, s := range op.Subscriptions {
			delete(f.subs[c], s.key())
		}
		c.send(object{"type": "unsubscribed", "id": op.ID, "subscriptions": op.Subscriptions})
	}
}
