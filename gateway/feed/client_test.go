package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/decimal"
	"uncross/gateway/feed/compact"
)

// told is a message as a client that knows nothing but docs/stream.md reads it.
type told struct {
	Channel, Type, Symbol, Interval string
	Sequence, Previous              uint64 `json:",string"`
	Time                            time.Time
	Part, Parts                     int
	Checksum                        *uint32
	Bids, Asks                      [][]any
	Changes                         [][]any
	Bid, Ask                        []any
	Trades                          json.RawMessage
	State, Price, Volume, Surplus   string
	SurplusSide                     string `json:"surplus_side"`
	Phase, Was                      string
	Candles                         []map[string]any
	Open, High, Low, Last, Change   string
	Notional                        string
	From                            time.Time
}

// client follows one topic in maps and lists, and holds its copy against the truth after every message.
type client struct {
	t     testing.TB
	s     *stage
	topic Topic
	enc   Encoding
	def   decimal.Instrument

	begun     bool
	last      told
	parts     int
	snapshots int
	messages  int
	summed    int                       // updates since the last checksum
	levels    map[string][2]string      // side+price → quantity, orders
	orders    map[string][]restingOrder // side → in priority order
	trades    []tradeAt
	candles   map[time.Time]string
	latest    string
}

func newClient(s *stage, topic Topic, enc Encoding) *client {
	s.truth.mu.Lock()
	defer s.truth.mu.Unlock()
	return &client{t: s.t, s: s, topic: topic, enc: enc, def: s.truth.defs[topic.Instrument]}
}

func (c *client) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("%v in encoding %d, message %d: %s", c.topic, c.enc, c.messages, fmt.Sprintf(format, args...))
}

// take reads a message, whichever its encoding, and applies it.
func (c *client) take(m *Message) {
	c.messages++
	if m.Binary() != (c.enc == Binary) {
		c.fail("it is in the other encoding")
	}
	var k told
	if c.enc == Binary {
		b, err := compact.Decode(m.Payload())
		if err != nil {
			c.fail("%v", err)
			return
		}
		k = c.words(&b)
	} else {
		d := json.NewDecoder(bytes.NewReader(m.Payload()))
		d.DisallowUnknownFields()
		d.UseNumber()
		if err := d.Decode(&k); err != nil || d.More() {
			c.fail("%v: %s", err, m.Payload())
			return
		}
		if k.Symbol != c.def.Symbol.String() {
			c.fail("symbol %s", k.Symbol)
		}
	}
	c.apply(&k)
}

// words writes a binary message as JSON would say it.
func (c *client) words(b *compact.Message) told {
	if b.Instrument != c.topic.Instrument || b.Channel != c.topic.Channel || b.Interval != c.topic.Interval {
		c.fail("it is of channel %v, instrument %d, interval %v", b.Channel, b.Instrument, b.Interval)
	}
	d := define(c.def)
	var e encoder
	text := e.json(nil, d, b)
	var k told
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&k); err != nil {
		c.fail("%v: %s", err, text)
	}
	return k
}

// apply checks that a message continues what there is, and applies it.
func (c *client) apply(k *told) {
	if k.Channel != c.topic.Channel.String() {
		c.fail("channel %s", k.Channel)
	}
	if k.Parts > 0 && k.Part > 1 {
		if k.Part != c.parts+1 || k.Sequence != c.last.Sequence || k.Type != c.last.Type || k.Previous != c.last.Previous {
			c.fail("part %d of %d after part %d", k.Part, k.Parts, c.parts)
		}
	} else if c.parts != 0 && k.Type != "snapshot" {
		c.fail("the rest of a message in parts does not come")
	} else if k.Type == "snapshot" {
		c.snapshots++
		c.begun, c.summed = true, 0
		c.levels, c.orders, c.candles = map[string][2]string{}, map[string][]restingOrder{}, map[time.Time]string{}
	} else if k.Type != "update" || !c.begun || k.Previous != c.last.Sequence || k.Sequence < k.Previous {
		c.fail("an %s from %d to %d after %d", k.Type, k.Previous, k.Sequence, c.last.Sequence)
	}
	c.parts = k.Part
	if k.Part == k.Parts {
		c.parts = 0
	}
	c.last = *k
	c.content(k)
	if c.parts == 0 {
		c.check(k)
	}
}

func (c *client) content(k *told) {
	for i, list := range [][][]any{k.Bids, k.Asks} {
		side := []string{"buy", "sell"}[i]
		for _, l := range list {
			if k.Channel == "book" {
				c.level(side, l)
			} else {
				c.orders[side] = append(c.orders[side], c.order(side, l))
			}
		}
	}
	for _, l := range k.Changes {
		c.change(l)
	}
	for _, l := range k.Candles {
		at, err := time.Parse(time.RFC3339, l["start"].(string))
		if err != nil {
			c.fail("%v", err)
		}
		c.candles[at] = fmt.Sprint(l["open"], l["high"], l["low"], l["close"], l["volume"], l["notional"], l["trades"])
	}
	if k.Channel == "trades" {
		c.trade(k)
	}
}

func (c *client) level(side string, l []any) {
	key := side + " " + l[0].(string)
	if l[1].(string) == "0" {
		delete(c.levels, key)
		return
	}
	c.levels[key] = [2]string{l[1].(string), l[2].(json.Number).String()}
}

func (c *client) order(side string, l []any) restingOrder {
	id, _ := strconv.ParseUint(l[0].(string), 10, 64)
	p, err1 := c.def.ParsePrice(l[1].(string))
	q, err2 := c.def.ParseQty(l[2].(string))
	if err1 != nil || err2 != nil {
		c.fail("order %v", l)
	}
	return restingOrder{map[string]wire.Side{"buy": wire.Buy, "sell": wire.Sell}[side], wire.OrderID(id), p, q}
}

func (c *client) change(l []any) {
	side := l[1].(string)
	all := c.orders[side]
	id, _ := strconv.ParseUint(l[2].(string), 10, 64)
	at := slices.IndexFunc(all, func(o restingOrder) bool { return o.id == wire.OrderID(id) })
	switch action := l[0].(string); {
	case action == "add" && at < 0:
		o := c.order(side, l[2:])
		at = slices.IndexFunc(all, func(a restingOrder) bool {
			return side == "buy" && a.price < o.price || side == "sell" && a.price > o.price
		})
		if at < 0 {
			at = len(all)
		}
		c.orders[side] = slices.Insert(all, at, o)
	case action == "change" && at >= 0:
		o := c.order(side, l[2:])
		if o.price != all[at].price {
			c.fail("order %d moves", id)
		}
		all[at].qty = o.qty
	case action == "remove" && at >= 0 && l[4].(string) == "0":
		c.orders[side] = slices.Delete(all, at, at+1)
	default:
		c.fail("%v, and the order is at %d", l, at)
	}
}

func (c *client) trade(k *told) {
	var list []struct {
		ID       uint64 `json:"trade_id,string"`
		Command  uint64 `json:",string"`
		Time     time.Time
		Price    string
		Quantity string
		Taker    string `json:"taker_side"`
	}
	if err := json.Unmarshal(k.Trades, &list); err != nil {
		c.fail("%v", err)
	}
	if k.Type == "snapshot" {
		c.trades = nil
	}
	for _, t := range list {
		var m tradeAt
		m.Trade.Trade, m.seq, m.timeNs = wire.TradeID(t.ID), t.Command, t.Time.UnixNano()
		m.Price, _ = c.def.ParsePrice(t.Price)
		m.Qty, _ = c.def.ParseQty(t.Quantity)
		m.Taker = map[string]wire.Side{"buy": wire.Buy, "sell": wire.Sell, "none": 0}[t.Taker]
		c.trades = append(c.trades, m)
	}
	if n := len(list); n > 0 && list[n-1].Command != k.Sequence {
		c.fail("trades up to command %d, sequence %d", list[n-1].Command, k.Sequence)
	}
}

// check holds the copy against the engine's own at the sequence, and against the checksum.
func (c *client) check(k *told) {
	book := c.s.truth.bookBy(c.topic.Instrument, k.Sequence)
	switch c.topic.Channel {
	case Book:
		if book.seq != k.Sequence || book.seq > 0 && k.Time.UnixNano() != book.timeNs {
			c.fail("sequence %d at %v, the engine's book changed at %d", k.Sequence, k.Time, book.seq)
		}
		if want := c.levelsOf(book.orders); fmt.Sprint(want) != fmt.Sprint(c.levels) {
			c.fail("command %d:\n got %v\nwant %v", k.Sequence, c.levels, want)
		}
		c.sum(k, c.levelText())
	case Orders:
		if book.seq != k.Sequence {
			c.fail("sequence %d, the engine's book changed at %d", k.Sequence, book.seq)
		}
		if got := append(slices.Clone(c.orders["buy"]), c.orders["sell"]...); !equal(got, book.orders) {
			c.fail("command %d:\n got %v\nwant %v", k.Sequence, got, book.orders)
		}
		c.sum(k, c.orderText())
	case BBO:
		c.checkBest(k, book)
	case Auction, Status:
		c.checkState(k)
	case Trades:
		if k.Checksum != nil {
			c.fail("a checksum")
		}
	}
	c.latest = fmt.Sprint(k.Open, " ", k.High, " ", k.Low, " ", k.Last, " ", k.Change, " ", k.Volume, " ", k.Notional)
}

func (c *client) levelsOf(orders []restingOrder) map[string][2]string {
	type sum struct {
		qty wire.Qty
		n   int
	}
	sums := map[string]sum{}
	for _, o := range orders {
		key := o.side.String() + " " + c.def.Price(o.price)
		sums[key] = sum{sums[key].qty + o.qty, sums[key].n + 1}
	}
	out := map[string][2]string{}
	for k, v := range sums {
		out[k] = [2]string{c.def.Qty(v.qty), strconv.Itoa(v.n)}
	}
	return out
}

func (c *client) checkBest(k *told, book bookAt) {
	levels := c.levelsOf(book.orders)
	for i, got := range [][]any{k.Bid, k.Ask} {
		side := wire.Side(i + 1)
		at := slices.IndexFunc(book.orders, func(o restingOrder) bool { return o.side == side })
		if (at < 0) != (got == nil) {
			c.fail("best %v: %v of %v", side, got, book.orders)
			continue
		}
		if at < 0 {
			continue
		}
		price := c.def.Price(book.orders[at].price)
		want := levels[side.String()+" "+price]
		if fmt.Sprint(got) != fmt.Sprintf("[%s %s %s]", price, want[0], want[1]) {
			c.fail("command %d: best %v is %v, want %s %v", k.Sequence, side, got, price, want)
		}
	}
}

func (c *client) checkState(k *told) {
	c.s.truth.mu.Lock()
	defer c.s.truth.mu.Unlock()
	facts := c.s.truth.of[c.topic.Instrument]
	if c.topic.Channel == Status {
		i := len(facts.phases) - 1
		for i >= 0 && facts.phases[i].seq > k.Sequence {
			i--
		}
		want := phaseAt{phase: wire.Closed, was: wire.Closed}
		if i >= 0 {
			want = facts.phases[i]
		}
		if k.Sequence != want.seq || k.Phase != want.phase.String() || k.Was != want.was.String() {
			c.fail("command %d: %s after %s, want %+v", k.Sequence, k.Phase, k.Was, want)
		}
		return
	}
	i := len(facts.auctions) - 1
	for i >= 0 && facts.auctions[i].seq > k.Sequence {
		i--
	}
	want := auctionAt{name: "none"}
	if i >= 0 {
		want = facts.auctions[i]
	}
	side := "none"
	if want.state.SurplusSide != 0 {
		side = want.state.SurplusSide.String()
	}
	price := ""
	if want.state.Volume > 0 {
		price = c.def.Price(want.state.Price)
	}
	if got := fmt.Sprint(k.State, k.Price, k.Volume, k.Surplus, k.SurplusSide); got !=
		fmt.Sprint(want.name, price, c.def.Qty(want.state.Volume), c.def.Qty(want.state.Surplus), side) {
		c.fail("command %d: auction %s, want %+v", k.Sequence, got, want)
	}
}

// sum checks a checksum, where there is one, and that there is one often enough.
func (c *client) sum(k *told, text string) {
	if k.Checksum == nil {
		if c.summed++; c.summed >= 100 || k.Type == "snapshot" {
			c.fail("no checksum for %d updates", c.summed)
		}
		return
	}
	c.summed = 0
	if got := crc32.ChecksumIEEE([]byte(text)); got != *k.Checksum {
		c.fail("checksum %d of %q, want %d", got, text, *k.Checksum)
	}
}

// price and quantity in a checksum: text, or ticks and lots.
func (c *client) numbers(p, q string) string {
	if c.enc == JSON {
		return p + ":" + q
	}
	ticks, _ := c.def.ParsePrice(p)
	lots, _ := c.def.ParseQty(q)
	return fmt.Sprintf("%d:%d", ticks, lots)
}

func (c *client) levelText() string {
	var sides [2][]wire.Price
	for key := range c.levels {
		side, text, _ := strings.Cut(key, " ")
		p, _ := c.def.ParsePrice(text)
		i := map[string]int{"buy": 0, "sell": 1}[side]
		sides[i] = append(sides[i], p)
	}
	slices.Sort(sides[0])
	slices.Reverse(sides[0])
	slices.Sort(sides[1])
	var words []string
	for i := range 10 {
		for k, side := range []string{"buy", "sell"} {
			if i < len(sides[k]) {
				p := c.def.Price(sides[k][i])
				words = append(words, c.numbers(p, c.levels[side+" "+p][0]))
			}
		}
	}
	return strings.Join(words, ":")
}

func (c *client) orderText() string {
	var words []string
	for _, side := range []string{"buy", "sell"} {
		all := c.orders[side]
		for _, o := range all[:min(len(all), 50)] {
			qty := c.def.Qty(o.qty)
			if c.enc == Binary {
				qty = strconv.FormatInt(int64(o.qty), 10)
			}
			words = append(words, fmt.Sprintf("%d:%s", o.id, qty))
		}
	}
	return strings.Join(words, ":")
}

// finish holds a client against the truth after everything has been read.
func (c *client) finish() {
	c.s.truth.mu.Lock()
	facts := *c.s.truth.of[c.topic.Instrument]
	c.s.truth.mu.Unlock()
	if c.parts != 0 || c.snapshots == 0 {
		c.fail("%d snapshots, %d parts", c.snapshots, c.parts)
	}
	var end uint64
	switch c.topic.Channel {
	case Book, Orders:
		if n := len(facts.books); n > 0 {
			end = facts.books[n-1].seq
		}
	case Status:
		if n := len(facts.phases); n > 0 {
			end = facts.phases[n-1].seq
		}
	case Trades, Candles, Statistics:
		if n := len(facts.trades); n > 0 {
			end = facts.trades[n-1].seq
		}
	default:
		end = c.last.Sequence
	}
	if c.last.Sequence != end {
		c.fail("it ends at %d, and should at %d", c.last.Sequence, end)
	}
	switch c.topic.Channel {
	case Trades:
		c.finishTrades(facts.trades)
	case Candles:
		c.finishCandles(facts.trades)
	case Statistics:
		c.finishStatistics(facts.trades)
	}
}

// finishTrades checks that a client has every trade from its first one on.
func (c *client) finishTrades(all []tradeAt) {
	if len(c.trades) == 0 {
		if len(all) > 0 {
			c.fail("no trade of %d", len(all))
		}
		return
	}
	first := slices.IndexFunc(all, func(t tradeAt) bool { return t.Trade.Trade == c.trades[0].Trade.Trade })
	if first < 0 || len(all)-first != len(c.trades) {
		c.fail("%d trades from place %d of %d on", len(c.trades), first, len(all))
		return
	}
	for i, t := range c.trades {
		w := all[first+i]
		if t.Trade.Trade != w.Trade.Trade || t.seq != w.seq || t.timeNs != w.timeNs || t.Price != w.Price || t.Qty != w.Qty || t.Taker != w.Taker {
			c.fail("trade %+v, want %+v", t, w)
		}
	}
}

func (c *client) finishCandles(all []tradeAt) {
	want := map[time.Time]*candles.Candle{}
	for _, t := range all {
		step := int64(c.topic.Interval.Duration())
		at := time.Unix(0, t.timeNs/step*step).UTC()
		k := want[at]
		if k == nil {
			k = &candles.Candle{Open: t.Price, High: t.Price, Low: t.Price}
			want[at] = k
		}
		k.High, k.Low, k.Close = max(k.High, t.Price), min(k.Low, t.Price), t.Price
		k.Volume = k.Volume.MustAdd(wire.Amount{Lo: uint64(t.Qty)})
		k.Notional = k.Notional.MustAdd(t.Notional)
		k.Trades++
	}
	for at, got := range c.candles {
		k := want[at]
		if k == nil {
			c.fail("a candle at %v without trades", at)
			continue
		}
		if w := fmt.Sprint(c.def.Price(k.Open), c.def.Price(k.High), c.def.Price(k.Low), c.def.Price(k.Close), c.volume(k.Volume), quoteText(&c.def, k.Notional), k.Trades); got != w {
			c.fail("candle %v is %s, want %s", at, got, w)
		}
	}
	if n := len(all); n > 0 {
		step := int64(c.topic.Interval.Duration())
		if at := time.Unix(0, all[n-1].timeNs/step*step).UTC(); c.candles[at] == "" {
			c.fail("no candle at %v", at)
		}
	}
}

func (c *client) volume(lots wire.Amount) string {
	units, _ := lots.Mul(uint64(c.def.LotSize))
	return string(c.def.AppendBase(nil, units))
}

func quoteText(d *decimal.Instrument, a wire.Amount) string { return string(d.AppendQuote(nil, a)) }

// finishStatistics adds all trades up: none of them is a day old.
func (c *client) finishStatistics(all []tradeAt) {
	if len(all) == 0 {
		return
	}
	high, low := all[0].Price, all[0].Price
	var volume, notional amount.Amount
	for _, t := range all {
		high, low = max(high, t.Price), min(low, t.Price)
		volume = volume.MustAdd(wire.Amount{Lo: uint64(t.Qty)})
		notional = notional.MustAdd(t.Notional)
	}
	open, last := all[0].Price, all[len(all)-1].Price
	change := c.def.Price(max(last-open, open-last))
	if last < open {
		change = "-" + change
	}
	want := fmt.Sprint(c.def.Price(open), " ", c.def.Price(high), " ", c.def.Price(low), " ", c.def.Price(last), " ", change, " ",
		c.volume(volume), " ", quoteText(&c.def, notional))
	if c.latest != want {
		c.fail("statistics %s, want %s", c.latest, want)
	}
}
