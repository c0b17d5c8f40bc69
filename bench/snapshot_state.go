package bench

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"uncross/engine"
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// The state that snapshots are measured on. Accounts trade in two instruments each; prices lie around the middle, so that
// nothing trades while the books fill, and a third of what was entered has been canceled again: freed places are spread over
// all memory, and the memory of repeats holds twice as many requests as there are open orders.
const (
	heavyMid    = 1_000_000 // ticks
	heavySpread = 10        // ticks from the middle to the best price that rests
	heavyMean   = 400       // ticks from there to an order, in the mean
	heavyQty    = 100       // lots at most
)

// heavy makes commands for a state with many open orders, always the same ones for the same size.
type heavy struct {
	accounts, instruments int

	r     *rand.Rand
	count uint64       // commands so far
	last  wire.OrderID // entered
	open  []heavyOrder // as far as it knows: what has traded is still in it
	batch []byte       // the last one
	seq   uint64       // of the last batch
	c     wire.Command // the last one
}

type heavyOrder struct {
	id         wire.OrderID
	account    int // from 0
	instrument wire.InstrumentID
	side       wire.Side
}

func newHeavy(accounts, instruments int) *heavy {
	return &heavy{accounts: accounts, instruments: instruments, r: rand.New(rand.NewPCG(5, 1_000_000))}
}

// command sets h.c, filled in by put.
func (h *heavy) command(key wire.KeyID, put func(*wire.Command)) {
	h.count++
	h.c = wire.Command{}
	put(&h.c)
	h.c.Key = key
	h.c.TimeNs = firstTime + int64(h.count)*timeBetween
	h.c.Origin = wire.Origin{Node: 1, Seq: h.count}
}

// id returns a client id as brokers make them: a random UUID.
func (h *heavy) id() wire.Text {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:], h.r.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], h.r.Uint64())
	var t [36]byte
	hex.Encode(t[:8], raw[:4])
	hex.Encode(t[9:13], raw[4:6])
	hex.Encode(t[14:18], raw[6:8])
	hex.Encode(t[19:23], raw[8:10])
	hex.Encode(t[24:], raw[10:])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return wire.MustText(string(t[:]))
}

// enter makes a new order that rests.
func (h *heavy) enter() {
	account := h.r.IntN(h.accounts)
	o := heavyOrder{account: account, instrument: h.traded(account), side: wire.Buy + wire.Side(h.r.IntN(2))}
	h.last++
	o.id = h.last
	h.open = append(h.open, o)
	h.order(o, h.price(o.side), wire.GTC)
}

// cross makes an order of a few lots that trades with the best ones of the other side.
func (h *heavy) cross() {
	account := h.r.IntN(h.accounts)
	o := heavyOrder{account: account, instrument: h.traded(account), side: wire.Buy + wire.Side(h.r.IntN(2))}
	h.last++
	price := wire.Price(heavyMid / 2)
	if o.side == wire.Buy {
		price = heavyMid * 3 / 2
	}
	h.order(o, price, wire.IOC)
}

func (h *heavy) order(o heavyOrder, price wire.Price, tif wire.TIF) {
	m := wire.NewOrder{
		Account: accountOf(o.account), Instrument: o.instrument, Side: o.side, Type: wire.Limit, TIF: tif,
		Price: price, Qty: 1 + wire.Qty(h.r.IntN(heavyQty)), ClientID: h.id(),
	}
	h.command(keyOf(o.account), m.Put)
}

// cancel makes the cancel of any open order.
func (h *heavy) cancel() {
	i := h.r.IntN(len(h.open))
	o := h.open[i]
	h.open[i] = h.open[len(h.open)-1]
	h.open = h.open[:len(h.open)-1]
	m := wire.CancelOrder{Account: accountOf(o.account), Target: wire.OrderRef{Order: o.id}, ClientID: h.id()}
	h.command(keyOf(o.account), m.Put)
}

// move makes a replace of any open order.
func (h *heavy) move() {
	o := h.open[h.r.IntN(len(h.open))]
	m := wire.ReplaceOrder{
		Account: accountOf(o.account), Target: wire.OrderRef{Order: o.id}, ClientID: h.id(), Price: h.price(o.side), Qty: 1 + wire.Qty(h.r.IntN(heavyQty)),
	}
	h.command(keyOf(o.account), m.Put)
}

// traded returns one of the two instruments that an account trades in.
func (h *heavy) traded(account int) wire.InstrumentID {
	return wire.InstrumentID(1 + (account+h.r.IntN(2))%h.instruments)
}

func (h *heavy) price(s wire.Side) wire.Price {
	away := wire.Price(heavySpread + min(h.r.ExpFloat64()*heavyMean, heavyMid/4))
	if s == wire.Buy {
		return heavyMid - away
	}
	return heavyMid + away
}

func accountOf(n int) wire.AccountID { return wire.VenueAccount + 1 + wire.AccountID(n) }

func keyOf(n int) wire.KeyID { return custodianKey + 1 + wire.KeyID(n) }

// fill makes the venue in e and enters orders until so many are open. say is called now and then with how many are.
func (h *heavy) fill(e *engine.Engine, orders int, say func(open int)) error {
	var out []wire.Event
	var refused error
	apply := func() {
		out = e.Apply(&h.c, out[:0])
		if out[0].Kind == wire.EvRejected && refused == nil {
			refused = fmt.Errorf("command %d of the state was refused", h.count)
		}
	}
	h.setUp(apply)
	for refused == nil && len(h.open) < orders {
		h.enter()
		apply()
		if h.r.IntN(3) == 0 {
			h.cancel()
			apply()
		}
		if h.count%(1<<16) == 0 {
			say(len(h.open))
		}
	}
	if refused == nil && e.OpenOrders() != orders {
		return fmt.Errorf("the state has %d open orders, not %d", e.OpenOrders(), orders)
	}
	return refused
}

// setUp makes the instruments, and for every account a user, a key and money.
func (h *heavy) setUp(apply func()) {
	do := func(key wire.KeyID, put func(*wire.Command)) {
		h.command(key, put)
		apply()
	}
	pub := func(n int) (p [32]byte) { copy(p[:], fmt.Sprintf("public key %d", n)); return p }
	operator := func(put func(*wire.Command)) { do(wire.OperatorKey, put) }
	do(wire.NoKey, (&wire.Genesis{Venue: wire.MustText("bench"), ClusterID: [16]byte{1}, OperatorPub: pub(0)}).Put)
	operator((&wire.AddAsset{Code: wire.MustText("USD"), Decimals: 2}).Put)
	for i := range h.instruments {
		operator((&wire.AddAsset{Code: wire.MustText(fmt.Sprintf("X%d", i))}).Put)
		operator((&wire.AddInstrument{
			Symbol: wire.MustText(fmt.Sprintf("X%d-USD", i)), Base: wire.AssetID(2 + i), Quote: quoteAsset, PriceDecimals: 2, TickSize: 1, LotSize: 1,
			Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 2 * heavyMid, MinQty: 1, MaxQty: 1_000_000, MakerBps: makerBps, TakerBps: takerBps},
		}).Put)
		operator((&wire.SetPhase{Instrument: wire.InstrumentID(i + 1), Phase: wire.Continuous}).Put)
	}
	operator((&wire.AddFirm{Name: wire.MustText("members")}).Put)
	operator((&wire.AddUser{Firm: members, Name: wire.MustText("custodian")}).Put)
	operator((&wire.AddKey{User: custodianUser, Role: wire.Custodian, Pub: pub(1)}).Put)
	for n := range h.accounts {
		user := custodianUser + 1 + wire.UserID(n)
		name := wire.MustText(fmt.Sprintf("trader %d", n+1))
		operator((&wire.AddUser{Firm: members, Name: name}).Put)
		operator((&wire.AddKey{User: user, Role: wire.Trader, Pub: pub(n + 2)}).Put)
		operator((&wire.AddAccount{User: user, Name: name}).Put)
		for _, asset := range []wire.AssetID{quoteAsset, wire.AssetID(2 + n%h.instruments), wire.AssetID(2 + (n+1)%h.instruments)} {
			t := wire.Transfer{Account: accountOf(n), Asset: asset, Amount: amount.FromUint64(1 << 50), Reference: wire.MustText(fmt.Sprintf("first %d", asset))}
			do(custodianKey, t.PutDeposit)
		}
	}
}

// next makes a batch of so many commands on the state, 40 % new orders, 40 % cancels, 15 % replaces and 5 % that trade, each
// of any account and any open order. It returns the batch in wire form, valid until the next call.
func (h *heavy) next(commands int) []byte {
	h.seq++
	h.batch = wire.Batch{Term: 1, Sequence: h.seq, Count: uint32(commands)}.AppendHeader(h.batch[:0])
	for range commands {
		switch n := h.r.IntN(100); {
		case n < 40:
			h.enter()
		case n < 80:
			h.cancel()
		case n < 95:
			h.move()
		default:
			h.cross()
		}
		h.batch = wire.AppendCommand(h.batch, &h.c)
	}
	return h.batch
}
