package bench

import (
	"fmt"

	"uncross/bench/flow"
	"uncross/engine/amount"
	"uncross/engine/wire"
)

// Who is who in the venue that the flow trades in. User n of the flow, from 1, has the n-th key, user and account after
// the venue's own.
const (
	custodianUser wire.UserID       = wire.OperatorUser + 1
	custodianKey  wire.KeyID        = wire.OperatorKey + 1
	members       wire.FirmID       = wire.VenueFirm + 1
	quoteAsset    wire.AssetID      = 1
	baseAsset     wire.AssetID      = 2
	instrument    wire.InstrumentID = 1
)

// Fees of the instrument in basis points, and what every account is given of each asset: enough for any flow.
const (
	makerBps = 10
	takerBps = 20
	funds    = 1 << 60
)

// Times stamped on commands for the engine alone, nanoseconds since the Unix epoch: noon, and one command a microsecond.
const (
	firstTime   int64 = 1_767_225_600_000_000_000
	timeBetween int64 = 1_000
)

// bookOf returns the key and the account of a user of the flow.
func bookOf(user uint32) (wire.KeyID, wire.AccountID) {
	return custodianKey + wire.KeyID(user), wire.VenueAccount + wire.AccountID(user)
}

// commandList collects commands with their origins and times.
type commandList struct{ all []wire.Command }

// add appends a command of a key, filled in by put. Origin.Seq numbers the commands from 1.
func (l *commandList) add(key wire.KeyID, put func(*wire.Command)) {
	n := int64(len(l.all))
	l.all = append(l.all, wire.Command{})
	c := &l.all[n]
	put(c)
	c.Key = key
	c.TimeNs = firstTime + n*timeBetween
	c.Origin = wire.Origin{Node: 1, Seq: uint64(n) + 1}
}

// setUp appends the commands that make the venue: one instrument in continuous trading, and for every user of the flow a
// key and a funded account.
func (l *commandList) setUp(f *flow.Flow) {
	pub := func(n uint32) (p [32]byte) { copy(p[:], fmt.Sprintf("public key %d", n)); return p }
	operator := func(put func(*wire.Command)) { l.add(wire.OperatorKey, put) }
	l.add(wire.NoKey, (&wire.Genesis{Venue: wire.MustText("bench"), ClusterID: [16]byte{1}, OperatorPub: pub(0)}).Put)
	operator((&wire.AddAsset{Code: wire.MustText("USD"), Decimals: 2}).Put)
	operator((&wire.AddAsset{Code: wire.MustText("XYZ")}).Put)
	operator((&wire.AddInstrument{
		Symbol: wire.MustText("XYZ-USD"), Base: baseAsset, Quote: quoteAsset, PriceDecimals: 2, TickSize: 1, LotSize: 1,
		Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 2 * f.MaxPrice, MinQty: 1, MaxQty: 1_000_000, MakerBps: makerBps, TakerBps: takerBps},
	}).Put)
	operator((&wire.AddFirm{Name: wire.MustText("members")}).Put)
	operator((&wire.AddUser{Firm: members, Name: wire.MustText("custodian")}).Put)
	operator((&wire.AddKey{User: custodianUser, Role: wire.Custodian, Pub: pub(1)}).Put)
	for n := range uint32(f.Config.Users) {
		user := custodianUser + wire.UserID(n+1)
		_, account := bookOf(n + 1)
		name := wire.MustText(fmt.Sprintf("trader %d", n+1))
		operator((&wire.AddUser{Firm: members, Name: name}).Put)
		operator((&wire.AddKey{User: user, Role: wire.Trader, Pub: pub(n + 2)}).Put)
		operator((&wire.AddAccount{User: user, Name: name}).Put)
		for _, asset := range []wire.AssetID{quoteAsset, baseAsset} {
			t := wire.Transfer{Account: account, Asset: asset, Amount: amount.FromUint64(funds), Reference: wire.MustText(fmt.Sprintf("first %d", asset))}
			l.add(custodianKey, t.PutDeposit)
		}
	}
	operator((&wire.SetPhase{Instrument: instrument, Phase: wire.Continuous}).Put)
}

// trade appends the flow's commands. The engine numbers orders from 1 in the order of entry as the flow does, so that
// their ids are the same; the check of the trades proves it. With client ids every request has one of its own.
func (l *commandList) trade(f *flow.Flow, clientIDs bool) {
	total := make([]wire.Qty, 1, len(f.Commands)) // of every order: a replace names the new total
	for i := range f.Commands {
		c := &f.Commands[i]
		key, account := bookOf(c.User)
		var id wire.Text
		if clientIDs {
			id = wire.MustText(fmt.Sprintf("request-%d", i))
		}
		switch c.Kind {
		case flow.NewGTC, flow.NewIOC:
			total = append(total, c.Qty)
			tif := wire.GTC
			if c.Kind == flow.NewIOC {
				tif = wire.IOC
			}
			l.add(key, (&wire.NewOrder{
				Account: account, Instrument: instrument, Side: c.Side, Type: wire.Limit, TIF: tif, Price: c.Price, Qty: c.Qty, ClientID: id,
			}).Put)
		case flow.Cancel:
			l.add(key, (&wire.CancelOrder{Account: account, Target: wire.OrderRef{Order: c.ID}, ClientID: id}).Put)
		case flow.Move:
			l.add(key, (&wire.ReplaceOrder{Account: account, Target: wire.OrderRef{Order: c.ID}, ClientID: id, Price: c.Price, Qty: total[c.ID]}).Put)
		}
	}
}

// day is all that a venue is sent: what makes it and fills its book, which is not measured, and the bench phase.
type day struct{ before, bench []wire.Command }

func newDay(f *flow.Flow, clientIDs bool) day {
	var l commandList
	l.setUp(f)
	ready := len(l.all) + f.FillLen
	l.all = append(make([]wire.Command, 0, len(l.all)+len(f.Commands)), l.all...)
	l.trade(f, clientIDs)
	return day{before: l.all[:ready], bench: l.all[ready:]}
}

// tallyTrade adds a trade event to a tally.
func tallyTrade(t *flow.Tally, e *wire.Event) {
	var x wire.Trade
	x.GetEvent(e)
	maker, taker := x.SellOrder, x.BuyOrder
	if x.Taker == wire.Sell {
		maker, taker = taker, maker
	}
	t.Add(maker, taker, x.Price, x.Qty)
}
