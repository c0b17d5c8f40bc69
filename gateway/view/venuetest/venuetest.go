// Package venuetest makes random command streams for tests of what is built from events. It is for tests only, and used
// by one goroutine at a time.
package venuetest

import (
	"fmt"
	"math/rand/v2"

	"uncross/engine/wire"
)

// Keys of the venue that Gen sets up.
const (
	operatorKey  = wire.OperatorKey
	custodianKey = wire.KeyID(2)
	firstTrader  = wire.KeyID(3) // key 2+n belongs to user n, who has the accounts 2n and 2n+1
)

// What the venue has after the set-up.
const (
	Traders     = 4
	Instruments = 3
	Assets      = 3
	Accounts    = 2*Traders + 1 // account 1 is the venue's
	Sessions    = Traders + 2   // session n is the trading session of trader n; the last two, the first trader's: drop copy and market data
)

type entered struct {
	order   wire.OrderID
	account wire.AccountID
}

// Cluster is the cluster id of every venue that Gen sets up.
var Cluster = [16]byte{1, 2, 3, 4, 5}

// Gen gives commands one after the other. After each, See must be told the events that it led to.
type Gen struct {
	r      *rand.Rand
	setup  []wire.Command
	past   []wire.Command // some earlier commands, for repeats
	open   []entered      // orders that may be open
	number uint64
	timeNs int64
	nonce  uint64
}

// New returns a generator of one of 2^64 streams.
func New(seed uint64) *Gen {
	g := &Gen{r: rand.New(rand.NewPCG(seed, 77)), timeNs: 1_700_000_000_000_000_000}
	g.prepare()
	return g
}

type body interface{ Put(*wire.Command) }

func command(key wire.KeyID, b body) wire.Command {
	c := wire.Command{Key: key}
	b.Put(&c)
	return c
}

func (g *Gen) prepare() {
	op := func(b body) { g.setup = append(g.setup, command(operatorKey, b)) }
	pub := func(n byte) [32]byte { return [32]byte{n, 99} }
	g.setup = append(g.setup, command(wire.NoKey, &wire.Genesis{Venue: wire.MustText("TEST"), ClusterID: Cluster, OperatorPub: pub(1)}))
	for i, decimals := range []uint8{2, 8, 18} {
		op(&wire.AddAsset{Code: wire.MustText(fmt.Sprint("A", i+1)), Decimals: decimals})
	}
	limits := wire.InstrumentLimits{MinPrice: 1, MaxPrice: 1000, MinQty: 1, MaxQty: 5000, MakerBps: 10, TakerBps: 25}
	op(&wire.AddInstrument{Symbol: wire.MustText("A2-A1"), Base: 2, Quote: 1, PriceDecimals: 2, TickSize: 5, LotSize: 100_000_000, Limits: limits})
	limits.MakerBps = 0
	op(&wire.AddInstrument{Symbol: wire.MustText("A3-A1"), Base: 3, Quote: 1, PriceDecimals: 0, TickSize: 1, LotSize: 10_000_000_000_000_000, Limits: limits})
	limits.TakerBps, limits.MinNotional = 0, 50
	op(&wire.AddInstrument{Symbol: wire.MustText("A3-A2"), Base: 3, Quote: 2, PriceDecimals: 8, TickSize: 1, LotSize: 1_000_000_000_000_000_000, Limits: limits})
	op(&wire.AddFirm{Name: wire.MustText("BROKER")})
	op(&wire.AddKey{User: wire.OperatorUser, Role: wire.Custodian, Pub: pub(2)})
	for i := range Traders {
		user := wire.UserID(i + 2)
		op(&wire.AddUser{Firm: 2, Name: wire.MustText(fmt.Sprint("user", i+1))})
		op(&wire.AddKey{User: user, Role: wire.Trader, Pub: pub(byte(3 + i))})
		op(&wire.AddAccount{User: user, Name: wire.MustText(fmt.Sprint("acc", 2*i+2))})
		op(&wire.AddAccount{User: user, Name: wire.MustText(fmt.Sprint("acc", 2*i+3))})
	}
	for a := 2; a <= Accounts; a++ {
		for s := 1; s <= Assets; s++ {
			g.setup = append(g.setup, g.transfer(wire.AccountID(a), wire.AssetID(s), 1_000_000_000_000, false))
		}
	}
	for i := range Traders {
		op(&wire.AddSession{
			Key: firstTrader + wire.KeyID(i), Kind: wire.TradingSession, Account: wire.AccountID(2*i + 2),
			CompID: wire.MustText(fmt.Sprint("COMP", i+1)), Password: password(1),
		})
	}
	op(&wire.AddSession{Key: firstTrader, Kind: wire.DropCopySession, CompID: wire.MustText("COPY1")})
	op(&wire.AddSession{Key: firstTrader, Kind: wire.MarketDataSession, CompID: wire.MustText("DATA1")})
	for i := range Instruments {
		op(&wire.SetPhase{Instrument: wire.InstrumentID(i + 1), Phase: wire.Continuous})
	}
}

// Setup returns how many commands come before the venue trades.
func (g *Gen) Setup() int { return len(g.setup) }

func (g *Gen) transfer(a wire.AccountID, s wire.AssetID, amount uint64, out bool) wire.Command {
	g.number++
	m := wire.Transfer{Account: a, Asset: s, Amount: wire.Amount{Lo: amount}, Reference: wire.MustText(fmt.Sprint("ref", g.number))}
	if s == 3 {
		m.Amount.Hi = amount / 1_000_000_000 // beyond 64 bits
	}
	c := wire.Command{Key: custodianKey}
	if out {
		m.PutWithdraw(&c)
	} else {
		m.PutDeposit(&c)
	}
	return c
}

// Next returns the next command, stamped with its time.
func (g *Gen) Next() wire.Command {
	var c wire.Command
	if len(g.setup) > 0 {
		c, g.setup = g.setup[0], g.setup[1:]
	} else {
		c = g.random()
	}
	g.timeNs += g.r.Int64N(2_000_000)
	c.TimeNs = g.timeNs
	if _, _, _, ok := c.Origin.Session(); !ok {
		c.Origin = wire.Origin{Node: 5, Seq: g.number}
	}
	return c
}

// See looks for orders that later commands can name.
func (g *Gen) See(es []wire.Event) {
	for i := range es {
		if es[i].Kind == wire.EvOrderAccepted {
			var m wire.OrderAccepted
			m.GetEvent(&es[i])
			g.open = append(g.open, entered{m.Order, m.Account})
		}
	}
	if len(g.open) > 40 {
		g.open = g.open[20:]
	}
}

func (g *Gen) random() wire.Command {
	if len(g.past) > 0 && g.r.IntN(20) == 0 {
		return g.past[g.r.IntN(len(g.past))]
	}
	c := g.fresh()
	if len(g.past) < 100 {
		g.past = append(g.past, c)
	} else {
		g.past[g.r.IntN(100)] = c
	}
	return c
}

// trader returns a random trader's key and one of its accounts, seldom another's.
func (g *Gen) trader() (wire.KeyID, wire.AccountID) {
	user := g.r.IntN(Traders)
	acc := wire.AccountID(2 + 2*user + g.r.IntN(2))
	if g.r.IntN(50) == 0 {
		acc = wire.AccountID(g.r.IntN(Accounts + 3))
	}
	return firstTrader + wire.KeyID(user), acc
}

func (g *Gen) clientID() wire.Text {
	if g.r.IntN(4) == 0 {
		return wire.Text{}
	}
	g.number++
	return wire.MustText(fmt.Sprint("c", g.number))
}

// target names an order and, most of the time, its owner.
func (g *Gen) target() (wire.KeyID, wire.AccountID, wire.OrderRef) {
	key, acc := g.trader()
	switch n := g.r.IntN(20); {
	case len(g.open) == 0 || n == 0:
		return key, acc, wire.OrderRef{Order: wire.OrderID(g.r.Uint64N(50))}
	case n < 4 && g.number > 0:
		return key, acc, wire.OrderRef{ClientID: wire.MustText(fmt.Sprint("c", g.number-g.r.Uint64N(min(g.number, 60))))}
	}
	o := g.open[g.r.IntN(len(g.open))]
	if g.r.IntN(10) > 0 {
		key, acc = firstTrader+wire.KeyID((o.account-2)/2), o.account
	}
	return key, acc, wire.OrderRef{Order: o.order}
}

func (g *Gen) instrument() wire.InstrumentID { return wire.InstrumentID(1 + g.r.IntN(Instruments)) }
func (g *Gen) price() wire.Price             { return wire.Price(80 + g.r.IntN(20) + g.r.IntN(20)) }

func (g *Gen) fresh() wire.Command {
	key, acc := g.trader()
	switch n := g.r.IntN(1000); {
	case n < 580:
		return command(key, g.order(acc))
	case n < 600:
		return g.session()
	case n < 720:
		key, acc, target := g.target()
		return command(key, &wire.CancelOrder{Account: acc, Target: target, ClientID: g.clientID()})
	case n < 860:
		key, acc, target := g.target()
		return command(key, &wire.ReplaceOrder{Account: acc, Target: target, ClientID: g.clientID(), Price: g.price(), Qty: wire.Qty(1 + g.r.IntN(60))})
	case n < 865:
		return command(key, &wire.CancelAll{Account: acc, Instrument: wire.InstrumentID(g.r.IntN(Instruments + 1))})
	case n < 867:
		return command(operatorKey, &wire.MassCancel{Instrument: g.instrument()})
	case n < 900:
		return g.transfer(acc, wire.AssetID(1+g.r.IntN(Assets)), 1+g.r.Uint64N(1_000_000), g.r.IntN(2) == 0)
	case n < 930:
		return command(operatorKey, &wire.SetPhase{Instrument: g.instrument(), Phase: g.phase(), Reference: g.price()})
	case n < 940:
		key, acc, target := g.target()
		return command(key, &wire.QueryOrder{Account: acc, Target: target})
	case n < 960:
		return command(wire.NoKey, &wire.Tick{})
	case n < 970:
		g.nonce++
		return command(key, &wire.Logon{Nonce: g.nonce})
	}
	return g.admin()
}

// password returns the n-th of some passwords.
func password(n int) wire.Password {
	return wire.Password{Scheme: 1, Salt: [16]byte{byte(n)}, Hash: [32]byte{byte(n), 2}}
}

// session makes a command about a session, or a message of one.
func (g *Gen) session() wire.Command {
	id := wire.SessionID(1 + g.r.IntN(Sessions+1))
	switch g.r.IntN(5) {
	case 0:
		user := g.r.IntN(Traders)
		return command(operatorKey, &wire.AddSession{
			Key: firstTrader + wire.KeyID(user), Kind: wire.SessionKind(1 + g.r.IntN(2)), Account: wire.AccountID(2 + 2*user),
			CompID: wire.MustText(fmt.Sprint("MORE", g.r.IntN(20))), Password: password(g.r.IntN(3)),
		})
	case 1:
		return command(operatorKey, &wire.SetSession{
			Session: id, Fields: wire.SessionFields(g.r.IntN(4)), Enabled: uint8(g.r.IntN(5)+3) / 4, Password: password(g.r.IntN(3)),
		})
	}
	key := firstTrader
	if id <= Traders {
		key += wire.KeyID(id - 1)
	}
	g.number++
	m := &wire.SessionMessage{
		Session: id, Kind: wire.SessionMessageKind(1 + g.r.IntN(10)), Arg: uint16(1 + g.r.IntN(3)),
		Reason: wire.UnknownOrder, ClientID: g.clientID(),
	}
	copy(m.Symbol[:], "A2-A1")
	c := command(key, m)
	c.Origin = wire.SessionOrigin(id, 1, g.number, false)
	return c
}

func (g *Gen) order(acc wire.AccountID) *wire.NewOrder {
	o := &wire.NewOrder{
		Account: acc, Instrument: g.instrument(), Side: wire.Side(1 + g.r.IntN(2)), Type: wire.Limit, TIF: wire.GTC,
		Price: g.price(), Qty: wire.Qty(1 + g.r.IntN(60)), ClientID: g.clientID(),
	}
	switch g.r.IntN(12) {
	case 0:
		o.TIF = wire.IOC
	case 1:
		o.TIF = wire.FOK
	case 2:
		o.Flags = wire.PostOnly
	case 3:
		o.Type, o.TIF, o.Price = wire.Market, wire.IOC, 0
	case 4:
		o.Type, o.TIF = wire.Market, wire.IOC
	case 5:
		o.Type, o.TIF, o.Side, o.Price, o.Qty = wire.Market, wire.IOC, wire.Buy, 0, 0
		o.Funds = wire.Amount{Lo: g.r.Uint64N(50_000_000)}
	case 6:
		o.Qty = wire.Qty(g.r.Int64()) >> g.r.IntN(63)
	}
	return o
}

func (g *Gen) phase() wire.Phase {
	if g.r.IntN(2) == 0 {
		return wire.Continuous
	}
	return wire.Phase(1 + g.r.IntN(4))
}

// admin changes definitions, also ones that are refused.
func (g *Gen) admin() wire.Command {
	switch g.r.IntN(6) {
	case 0:
		limits := wire.InstrumentLimits{
			MinPrice: 1, MaxPrice: 1000, MinQty: 1, MaxQty: 5000,
			MakerBps: uint16(g.r.IntN(100)), TakerBps: uint16(g.r.IntN(1001)),
		}
		return command(operatorKey, &wire.SetInstrument{Instrument: g.instrument(), Fields: wire.AllLimits, Limits: limits})
	case 1:
		return command(operatorKey, &wire.AddKey{User: wire.UserID(1 + g.r.IntN(6)), Role: wire.ReadOnly, Pub: [32]byte{byte(g.r.IntN(200)), 7}})
	case 2:
		return command(operatorKey, &wire.RevokeKey{Key: firstTrader + Traders + wire.KeyID(g.r.IntN(20))})
	case 3:
		return command(operatorKey, &wire.AddFirm{Name: wire.MustText(fmt.Sprint("firm", g.r.IntN(20)))})
	case 4:
		return command(operatorKey, &wire.AddAccount{User: wire.UserID(1 + g.r.IntN(5)), Name: wire.MustText(fmt.Sprint("more", g.r.IntN(20)))})
	}
	return command(operatorKey, &wire.AddUser{Firm: 2, Name: wire.MustText(fmt.Sprint("other", g.r.IntN(20)))})
}
