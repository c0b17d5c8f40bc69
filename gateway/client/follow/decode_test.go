package follow

import (
	"errors"
	"hash/crc32"
	"reflect"
	"slices"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/candles"
	"uncross/gateway/feed/compact"
)

const answerText = `{"type":"subscribed","id":"1","subscriptions":[],"instruments":[{"instrument":7,"symbol":"X","tick":"0.05","lot":"0.001"}]}`

func knowing(t testing.TB) *decoder {
	t.Helper()
	d := newDecoder()
	if a, m, err := d.decode([]byte(answerText)); err != nil || m != nil || a.Type != "subscribed" || a.ID != "1" {
		t.Fatalf("%+v, %v", a, err)
	}
	return d
}

func ptr[T any](v T) *T { return &v }

// TestBothForms reads messages of every public channel in both forms: they say the same, but for what only text can say.
func TestBothForms(t *testing.T) {
	d := knowing(t)
	head := func(channel string) string {
		return `{"channel":"` + channel + `","type":"update","symbol":"X","previous":"4","sequence":"6","time":"1970-01-01T00:00:00.000000009Z",`
	}
	base := compact.Message{Instrument: 7, Sequence: 6, Previous: 4, TimeNs: 9}
	with := func(c compact.Channel, set func(*compact.Message)) []byte {
		m := base
		m.Channel = c
		set(&m)
		return m.Append(nil)
	}
	for _, c := range []struct {
		text   string
		binary []byte
		want   Message
	}{
		{
			head("book") + `"part":2,"parts":3,"bids":[["1.00","0.5",2]],"asks":[["1.05","0",0]],"checksum":5}`,
			with(compact.Book, func(m *compact.Message) {
				m.Part, m.Parts, m.Summed, m.Checksum = 2, 3, true, 5
				m.Levels = []compact.Level{{Side: wire.Buy, Price: 20, Qty: 500, Orders: 2}, {Side: wire.Sell, Price: 21}}
			}),
			Message{Part: 2, Parts: 3, Checksum: ptr(uint32(5)), Bids: []Level{{20, 500, 2}}, Asks: []Level{{Price: 21}}},
		},
		{
			head("orders") + `"changes":[["add","buy","9","1.00","0.5"],["change","sell","8","1.05","0.1"],["remove","sell","7","1.10","0"]]}`,
			with(compact.Orders, func(m *compact.Message) {
				m.Orders = []compact.Order{{Action: compact.Add, Side: wire.Buy, Order: 9, Price: 20, Qty: 500},
					{Action: compact.Change, Side: wire.Sell, Order: 8, Price: 21, Qty: 100}, {Action: compact.Remove, Side: wire.Sell, Order: 7, Price: 22}}
			}),
			Message{Changes: []Change{{Added, wire.Buy, Order{9, 20, 500}}, {Changed, wire.Sell, Order{8, 21, 100}}, {Removed, wire.Sell, Order{7, 22, 0}}}},
		},
		{
			head("bbo") + `"bid":["1.00","0.5",2],"ask":null}`,
			with(compact.BBO, func(m *compact.Message) {
				m.Levels = []compact.Level{{Side: wire.Buy, Price: 20, Qty: 500, Orders: 2}}
			}),
			Message{Bids: []Level{{20, 500, 2}}},
		},
		{
			head("trades") + `"trades":[{"trade_id":"3","command":"6","time":"1970-01-01T00:00:00.000000008Z","price":"1.00","quantity":"2","taker_side":"sell"}]}`,
			with(compact.Trades, func(m *compact.Message) {
				m.Trades = []compact.Trade{{Trade: 3, Command: 6, TimeNs: 8, Price: 20, Qty: 2000, Taker: wire.Sell}}
			}),
			Message{Trades: []Trade{{3, 6, 8, 20, 2000, wire.Sell}}},
		},
		{
			head("auction") + `"state":"indicative","price":"1.00","volume":"2","surplus":"0.1","surplus_side":"buy"}`,
			with(compact.Auction, func(m *compact.Message) {
				m.Auction = compact.AuctionState{State: compact.Indicative, Price: 20, Volume: 2000, Surplus: 100, SurplusSide: wire.Buy}
			}),
			Message{Auction: &Auction{"indicative", 20, 2000, 100, wire.Buy}},
		},
		{
			head("status") + `"phase":"halted","was":"continuous"}`,
			with(compact.Status, func(m *compact.Message) {
				m.Status = compact.StatusState{Phase: wire.Halted, Was: wire.Continuous}
			}),
			Message{Status: &Status{"halted", "continuous"}},
		},
		{
			head("candles") + `"interval":"1m","candles":[{"start":"1970-01-01T00:01:00Z","open":"1.00","high":"1.10","low":"0.95","close":"1.05","volume":"2.5","notional":"7","trades":3}]}`,
			with(compact.Candles, func(m *compact.Message) {
				m.Interval = candles.M1
				m.Candles = []candles.Candle{{StartNs: 60e9, Open: 20, High: 22, Low: 19, Close: 21, Volume: wire.Amount{Lo: 2500}, Notional: wire.Amount{Lo: 7}, Trades: 3}}
			}),
			Message{Interval: "1m", Candles: []Candle{{60e9, 20, 22, 19, 21, "2.5", "7", 3}}},
		},
		{
			head("statistics") + `"open":"1.00","high":"1.10","low":"0.95","last":"1.05","volume":"2.5","notional":"7","trades":3,"from":"1970-01-01T00:01:00Z"}`,
			with(compact.Statistics, func(m *compact.Message) {
				m.Statistics = candles.Statistics{FromNs: 60e9, Open: 20, High: 22, Low: 19, Last: 21, Volume: wire.Amount{Lo: 2500}, Notional: wire.Amount{Lo: 7}, Trades: 3}
			}),
			Message{Statistics: &Statistics{20, 22, 19, 21, "", "2.5", "7", 3, "1970-01-01T00:01:00Z"}},
		},
	} {
		_, text, err := d.decode([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		packed, err := d.decodeBinary(c.binary)
		if err != nil {
			t.Errorf("%s: %v", text.Channel, err)
			continue
		}
		c.want.Channel, c.want.Symbol, c.want.Instrument, c.want.Previous, c.want.Sequence, c.want.TimeNs = text.Channel, "X", d.byName["X"], 4, 6, 9
		for i, m := range []*Message{text, packed} {
			if m.Binary != (i == 1) || len(m.Raw) == 0 {
				t.Errorf("%s: %+v", m.Channel, m)
			}
			m.Raw, m.Binary = nil, false
			for _, list := range []*[]Level{&m.Bids, &m.Asks} {
				*list = slices.Clip(*list)
				if len(*list) == 0 {
					*list = nil
				}
			}
			if !reflect.DeepEqual(*m, c.want) {
				t.Errorf("%s: %+v, expected %+v", m.Channel, *m, c.want)
			}
		}
	}
}

// TestNotUnderstood: what a venue never sends is an error, not a copy that is wrong.
func TestNotUnderstood(t *testing.T) {
	d := knowing(t)
	for _, text := range []string{
		``, `[]`, `{"channel":"book","asks":[["","",0]]}`, `{"channel":"book","symbol":"Y","bids":[]}`, `{"channel":"other","symbol":"X"}`,
		`{"channel":"book","symbol":"X","bids":[["1.00","0.5"]]}`, `{"channel":"book","symbol":"X","bids":[["1.01","0.5",1]]}`,
		`{"channel":"book","symbol":"X","bids":[["1.00","-1",1]]}`, `{"channel":"book","symbol":"X","bids":[[1,2,3,4,5,6]]}`,
		`{"channel":"book","symbol":"X","bids":["1.00"]}`, `{"channel":"book","symbol":"X","bids":[[{"a":1}]]}`, `{"channel":"book","symbol":"X","bids":[["a\"b","1",1]]}`,
		`{"channel":"orders","symbol":"X","type":"update","changes":[["swap","buy","1","1.00","1"]]}`,
		`{"channel":"orders","symbol":"X","type":"update","changes":[["add","none","1","1.00","1"]]}`,
		`{"channel":"trades","symbol":"X","trades":[{"trade_id":"x"}]}`, `{"channel":"status","symbol":"X","phase":7}`,
		`{"channel":"executions","account":"a","event":"12"}`, `{"channel":"book","symbol":"X","time":"yesterday"}`,
		`{"type":"subscribed","instruments":[{"symbol":"Z","tick":"0","lot":"1"}]}`,
	} {
		if a, m, err := d.decode([]byte(text)); err == nil {
			t.Errorf("%s: %+v, %+v", text, a, m)
		}
	}
	other := compact.Message{Channel: compact.Book, Instrument: 8}
	below := compact.Message{Channel: compact.Trades, Instrument: 7, Trades: []compact.Trade{{Trade: 1, Price: -1}}}
	for _, b := range [][]byte{nil, make([]byte, 48), other.Append(nil), below.Append(nil)} {
		if m, err := d.decodeBinary(b); err == nil {
			t.Errorf("%x: %+v", b, m)
		}
	}
}

// TestChecksums holds the checksums to the document's words.
func TestChecksums(t *testing.T) {
	d := knowing(t)
	b, o := NewBook(), NewOrders()
	apply := func(text string) {
		t.Helper()
		_, m, err := d.decode([]byte(text))
		if err == nil && m.Channel == ChannelBook {
			err = b.Apply(m)
		} else if err == nil {
			err = o.Apply(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	apply(`{"channel":"book","type":"snapshot","symbol":"X","sequence":"1","bids":[["1.00","0.5",1],["0.95","2",1]],"asks":[["1.05","1.25",1]]}`)
	apply(`{"channel":"orders","type":"snapshot","symbol":"X","sequence":"1","bids":[["7","1.00","0.5"],["3","0.95","2"]],"asks":[["5","1.05","1.25"]]}`)
	for _, c := range []struct {
		got  uint32
		text string
	}{
		{b.Checksum(false), "1.00:0.5:1.05:1.25:0.95:2"},
		{b.Checksum(true), "20:500:21:1250:19:2000"},
		{o.Checksum(false), "7:0.5:3:2:5:1.25"},
		{o.Checksum(true), "7:500:3:2000:5:1250"},
	} {
		if want := crc32.ChecksumIEEE([]byte(c.text)); c.got != want {
			t.Errorf("%s: %d, expected %d", c.text, c.got, want)
		}
	}
	if NewBook().Checksum(false) != 0 || NewOrders().Checksum(true) != 0 {
		t.Error("an empty book has a checksum")
	}
}

// TestGaps: a copy does not take what does not continue it.
func TestGaps(t *testing.T) {
	in := knowing(t).byName["X"]
	update := func(previous, sequence uint64, part, parts int) *Message {
		return &Message{Channel: ChannelBook, Instrument: in, Previous: previous, Sequence: sequence, Part: part, Parts: parts}
	}
	snapshot := func(part, parts int) *Message {
		return &Message{Channel: ChannelBook, Instrument: in, Snapshot: true, Sequence: 5, Part: part, Parts: parts}
	}
	for name, messages := range map[string][]*Message{
		"before a snapshot":      {update(5, 6, 0, 0)},
		"behind another":         {snapshot(0, 0), update(6, 7, 0, 0)},
		"the second part first":  {snapshot(2, 2)},
		"a part is missing":      {snapshot(1, 3), snapshot(3, 3)},
		"an update in the parts": {snapshot(1, 2), update(5, 6, 0, 0)},
		"a part of another":      {snapshot(0, 0), update(5, 6, 1, 2), update(5, 7, 2, 2)},
		"beyond the parts":       {snapshot(1, 1), snapshot(2, 1)},
	} {
		for what, apply := range map[string]func(*Message) error{"book": NewBook().Apply, "orders": NewOrders().Apply} {
			var err error
			for _, m := range messages {
				if err != nil {
					t.Errorf("%s, %s: too early", what, name)
				}
				err = apply(m)
			}
			if !errors.Is(err, ErrGap) && !errors.Is(err, ErrBroken) {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
	}
	b := NewBook()
	for i, m := range []*Message{snapshot(1, 2), snapshot(2, 2), update(5, 6, 1, 2), update(5, 6, 2, 2), update(6, 9, 0, 0)} {
		if err := b.Apply(m); err != nil || b.Whole() != (i == 1 || i >= 3) {
			t.Errorf("message %d: %v, whole %v", i, err, b.Whole())
		}
	}
	o := NewOrders()
	for _, c := range []Change{{Changed, wire.Buy, Order{1, 20, 1}}, {Removed, wire.Buy, Order{1, 20, 0}}, {Added, wire.Buy, Order{1, 20, 0}}} {
		if err := o.Apply(snapshot(0, 0)); err != nil {
			t.Fatal(err)
		}
		m := update(5, 6, 0, 0)
		m.Changes = []Change{c}
		if err := o.Apply(m); !errors.Is(err, ErrBroken) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// FuzzDecode reads any text and any bytes: an answer, a message, or an error, and copies that can be asked for what they are.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(answerText))
	f.Add([]byte(`{"channel":"book","type":"snapshot","symbol":"X","sequence":"1","bids":[["1.00","0.5",1]],"asks":[["1.05","1.25",1]],"checksum":1}`))
	f.Add([]byte(`{"channel":"orders","type":"update","symbol":"X","previous":"1","sequence":"2","changes":[["add","buy","1","1.00","1"],["remove","buy","1","1.00","0"]]}`))
	f.Add([]byte(`{"channel":"trades","type":"update","symbol":"X","trades":[{"trade_id":"1","command":"2","time":"5","price":"1.00","quantity":"1"}]}`))
	f.Add([]byte(`{"channel":"balances","type":"update","account":"a","event":"1.2","balances":[{"asset":"A","available":"1","held":"2"}]}`))
	m := compact.Message{Channel: compact.Book, Instrument: 7, Snapshot: true, Levels: []compact.Level{{Side: wire.Buy, Price: 1, Qty: 2, Orders: 3}}}
	f.Add(m.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := knowing(t)
		book, orders, tape := NewBook(), NewOrders(), NewTape(0, false)
		look := func(m *Message) {
			switch m.Channel {
			case ChannelBook:
				if book.Apply(m) == nil && book.Whole() {
					book.Checksum(false)
					for _, l := range book.Levels(wire.Buy, 0, nil) {
						_ = m.Instrument.Price(l.Price) + m.Instrument.Qty(l.Qty)
					}
				}
			case ChannelOrders:
				if orders.Apply(m) == nil && orders.Whole() {
					orders.Checksum(true)
				}
			case ChannelTrades:
				_, _ = tape.Apply(m)
			}
		}
		if _, m, err := d.decode(b); err == nil && m != nil {
			look(m)
		}
		if m, err := d.decodeBinary(b); err == nil {
			look(m)
		}
	})
}
