package engine

import (
	"fmt"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// flow makes random commands for the standard venue: mostly orders around a price, with everything else mixed in, valid
// and not. The same seed gives the same commands.
type flow struct {
	r        dice
	now      int64
	ids      int
	e        *Engine // it looks at, to name orders that are open
	previous []wire.Command
	origin   uint64
	sessions bool // it makes commands about sessions too
}

func newFlow(seed uint64, e *Engine) *flow {
	return &flow{r: dice(seed), now: 1_000_000_000, e: e}
}

// dice is SplitMix64, written out: golden values must not depend on a Go version's generator.
type dice uint64

func (d *dice) Uint64() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) IntN(n int) int { return int(d.Uint64() % uint64(n)) }

func (f *flow) oneIn(n int) bool { return f.r.IntN(n) == 0 }

func (f *flow) next() (c wire.Command) {
	f.now += int64(f.r.IntN(1_000_000))
	if f.oneIn(2_000) {
		f.now += RepeatWindow / 3
	}
	if f.oneIn(20) && len(f.previous) > 0 {
		c = f.previous[f.r.IntN(len(f.previous))]
	} else if f.sessions && f.oneIn(12) {
		c = f.session()
	} else {
		c = f.make()
	}
	f.origin++
	c.TimeNs, c.Origin = f.now-int64(f.r.IntN(1_000)), wire.Origin{Node: 9, Seq: f.origin}
	if f.oneIn(3) {
		c.SentNs = f.now - int64(f.r.IntN(1_000_000))
	}
	if len(f.previous) < 500 {
		f.previous = append(f.previous, c)
	} else {
		f.previous[f.r.IntN(500)] = c
	}
	return c
}

func (f *flow) make() (c wire.Command) {
	account, key := wire.AccountID(2), wire.KeyID(2)
	if f.oneIn(2) {
		account, key = 4, 3
	}
	if f.oneIn(6) {
		account, key = 3, 2
	}
	if f.oneIn(100) {
		account = wire.AccountID(f.r.IntN(6))
	}
	if f.oneIn(100) {
		key = wire.KeyID(f.r.IntN(8))
	}
	switch n := f.r.IntN(100); {
	case n < 55:
		f.newOrder(account).Put(&c)
	case n < 72:
		(&wire.CancelOrder{Account: account, Target: f.target(account), ClientID: f.id(4)}).Put(&c)
	case n < 88:
		(&wire.ReplaceOrder{
			Account: account, Target: f.target(account), ClientID: f.id(2), Price: f.price(), Qty: f.qty(),
		}).Put(&c)
	case n < 90:
		(&wire.QueryOrder{Account: account, Target: f.target(account)}).Put(&c)
	case n < 94:
		key = f.venueCommand(&c)
	case n < 97:
		key = 5
		t := wire.Transfer{
			Account: account, Asset: wire.AssetID(1 + f.r.IntN(4)), Amount: amount.FromUint64(uint64(f.r.IntN(50_000_000))),
			Reference: f.id(10),
		}
		if f.oneIn(2) {
			t.PutDeposit(&c)
		} else {
			t.PutWithdraw(&c)
		}
	case n < 98:
		(&wire.Logon{Nonce: uint64(f.r.IntN(1_000))}).Put(&c)
	default:
		if f.oneIn(30) {
			(&wire.CancelAll{Account: account, Instrument: wire.InstrumentID(f.r.IntN(3))}).Put(&c)
		} else {
			key = wire.NoKey
			(&wire.Tick{}).Put(&c)
		}
	}
	c.Key = key
	return c
}

// venueCommand makes one of an operator's commands, and returns the key for it.
func (f *flow) venueCommand(c *wire.Command) wire.KeyID {
	in := wire.InstrumentID(1 + f.r.IntN(2))
	switch f.r.IntN(8) {
	case 0, 1, 2:
		(&wire.SetPhase{Instrument: in, Phase: wire.Phase(2 + f.r.IntN(3)), Reference: wire.Price(f.r.IntN(2) * 100)}).Put(c)
	case 3, 4:
		(&wire.SetPhase{Instrument: in, Phase: wire.Continuous}).Put(c)
	case 5:
		(&wire.SetInstrument{Instrument: in, Fields: wire.AllLimits, Limits: wire.InstrumentLimits{
			MinPrice: 1, MaxPrice: 1_000_000, MinQty: 1, MaxQty: 1_000_000, MinNotional: uint64(f.r.IntN(100)),
			MakerBps: uint16(f.r.IntN(50)), TakerBps: uint16(f.r.IntN(100)),
		}}).Put(c)
	case 6:
		if f.oneIn(20) {
			(&wire.MassCancel{Instrument: in}).Put(c)
			return 1
		}
		(&wire.AddUser{Firm: wire.FirmID(f.r.IntN(4)), Name: wire.MustText(fmt.Sprintf("user%d", f.r.IntN(40)))}).Put(c)
	case 7:
		(&wire.AddAccount{User: wire.UserID(f.r.IntN(5)), Name: wire.MustText(fmt.Sprintf("account%d", f.r.IntN(40)))}).Put(c)
	}
	return 1
}

// session makes a command about sessions. One in three that the venue may come to have is of the first trader.
func (f *flow) session() (c wire.Command) {
	key := wire.KeyID(2 + f.r.IntN(3))
	name := wire.MustText(fmt.Sprint("comp", f.r.IntN(30)))
	s := wire.SessionID(f.r.IntN(f.e.sessions.Len() + 2))
	if def, ok := f.e.Session(s); ok && !f.oneIn(10) {
		key = def.Key
	}
	password := wire.Password{Scheme: uint8(f.r.IntN(3)), Salt: [16]byte{byte(f.r.IntN(256))}, Hash: [32]byte{31: byte(f.r.IntN(256))}}
	switch n := f.r.IntN(12); {
	case n < 2:
		m := wire.AddSession{Key: key, Kind: wire.SessionKind(f.r.IntN(5)), CompID: name, Password: password}
		if m.Kind <= wire.TradingSession || f.oneIn(10) {
			m.Account = wire.AccountID(f.r.IntN(5))
		}
		m.Put(&c)
		key = 1
	case n < 3:
		(&wire.SetSession{
			Session: s, Fields: wire.SessionFields(f.r.IntN(5)), Enabled: uint8(f.r.IntN(3)), Password: password,
		}).Put(&c)
		key = 1
	default:
		m := wire.SessionMessage{
			Session: s, Kind: wire.SessionMessageKind(f.r.IntN(14)), Side: wire.Side(f.r.IntN(3)),
			Reason: wire.InvalidSide, Arg: uint16(f.r.IntN(9)), ClientID: f.id(2), Target: f.id(2),
		}
		copy(m.Symbol[:], "BTC-USD")
		m.Put(&c)
	}
	if f.oneIn(50) {
		key = wire.KeyID(f.r.IntN(8))
	}
	c.Key = key
	return c
}

func (f *flow) newOrder(account wire.AccountID) *wire.NewOrder {
	m := &wire.NewOrder{
		Account: account, Instrument: wire.InstrumentID(1 + f.r.IntN(2)), Side: wire.Side(1 + f.r.IntN(2)),
		Type: wire.Limit, TIF: wire.GTC, Price: f.price(), Qty: f.qty(), ClientID: f.id(3),
	}
	switch f.r.IntN(12) {
	case 0:
		m.TIF = wire.IOC
	case 1:
		m.TIF = wire.FOK
	case 2:
		m.Flags = wire.PostOnly
	case 3, 4:
		m.Type, m.TIF = wire.Market, wire.IOC
		if f.oneIn(2) {
			m.TIF = wire.FOK
		}
		if f.oneIn(2) {
			m.Price = 0
		}
	case 5:
		m.Type, m.TIF, m.Qty, m.Side, m.Price = wire.Market, wire.IOC, 0, wire.Buy, 0
		m.Funds = amount.FromUint64(uint64(f.r.IntN(200_000)))
		if f.oneIn(4) {
			m.Price = f.price()
		}
	}
	if f.oneIn(60) { // anything
		m.Side, m.Type = wire.Side(f.r.IntN(4)), wire.OrderType(f.r.IntN(4))
		m.TIF, m.Flags = wire.TIF(f.r.IntN(5)), wire.OrderFlags(f.r.IntN(3))
		m.Price, m.Qty = wire.Price(f.r.Uint64()), wire.Qty(f.r.Uint64())
		m.Funds = wire.Amount{Hi: f.r.Uint64() >> uint(f.r.IntN(65)), Lo: f.r.Uint64()}
	}
	return m
}

func (f *flow) price() wire.Price { return wire.Price(90 + f.r.IntN(21)) }
func (f *flow) qty() wire.Qty     { return wire.Qty(1 + f.r.IntN(1<<uint(1+f.r.IntN(8)))) }

// id makes a client id: none, a new one, or, once in a while, one that is in use.
func (f *flow) id(none int) wire.Text {
	switch {
	case f.oneIn(none):
		return wire.Text{}
	case f.oneIn(50):
		return wire.MustText(fmt.Sprint("c", f.r.IntN(f.ids+1)))
	}
	f.ids++
	return wire.MustText(fmt.Sprint("c", f.ids))
}

// target names an order, mostly an open one of the account.
func (f *flow) target(account wire.AccountID) (ref wire.OrderRef) {
	if f.oneIn(5) || !has(f.e.accounts, account) {
		return wire.OrderRef{Order: f.e.orderID - min(f.e.orderID, wire.OrderID(f.r.IntN(20)))}
	}
	h := f.e.accounts.At(handle(account)).open.tail
	for n := f.r.IntN(12); h != 0; n-- {
		o := f.e.orders.At(h)
		ref = wire.OrderRef{Order: o.id}
		if !o.clientID.IsEmpty() && f.oneIn(2) {
			ref = wire.OrderRef{ClientID: o.clientID}
		}
		if n == 0 {
			break
		}
		h = o.prev
	}
	return ref
}
