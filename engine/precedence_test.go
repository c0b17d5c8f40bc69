package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// scene is a command about to be applied to a venue, with everything that a fault may spoil.
type scene[T any] struct {
	e    *Engine
	key  wire.KeyID
	sent int64
	m    T
}

// fault makes a command refusable for one reason. Two faults can hold at once if they touch nothing in common.
type fault[T any] struct {
	reason  wire.Reason
	touches string
	do      func(*scene[T])
}

func (f *fault[T]) apart(g *fault[T]) bool {
	for _, w := range strings.Fields(f.touches) {
		if strings.Contains(" "+g.touches+" ", " "+w+" ") {
			return false
		}
	}
	return true
}

// covered collects the reasons that the tables show.
type covered map[wire.Reason]bool

// table applies every fault alone and every two that can hold at once: the smallest reason is the answer, and neither
// books nor money nor the number of open orders have changed.
func table[T any](t *testing.T, seen covered, name string, base func(*Engine) scene[T], put func(*T, *wire.Command), faults []fault[T]) {
	t.Helper()
	try := func(want wire.Reason, faults ...*fault[T]) {
		t.Helper()
		s := base(precedenceVenue(t))
		for _, f := range faults {
			f.do(&s)
		}
		var c wire.Command
		put(&s.m, &c)
		c.Key, c.TimeNs, c.SentNs = s.key, 10*RepeatWindow, s.sent
		_, before := s.e.Hashes()
		got := refusal(s.e.Apply(&c, nil))
		if got != want {
			t.Errorf("%s with %s: %v, want %v", name, names(faults), got, want)
		}
		if _, after := s.e.Hashes(); want != 0 && after != before {
			t.Errorf("%s with %s changed the books or the money", name, names(faults))
		}
	}
	try(wire.ReasonNone)
	for i := range faults {
		f := &faults[i]
		seen[f.reason] = true
		try(f.reason, f)
		for j := range i {
			if g := &faults[j]; f.apart(g) {
				try(min(f.reason, g.reason), f, g)
			}
		}
	}
}

func names[T any](faults []*fault[T]) string {
	s := []string{}
	for _, f := range faults {
		s = append(s, fmt.Sprint(f.reason))
	}
	return strings.Join(s, " and ")
}

// refusal returns the reason of a refusal, none for anything else.
func refusal(events []wire.Event) wire.Reason {
	m, _ := events[0].Refusal()
	return m.Reason
}

// precedenceVenue is the standard venue with instrument 3 (units of one, wide ranges, continuous), key 6 that is revoked,
// client id "used" of a buy order that rests (order 1), client id "gone" of an order that has ended (2), deposit "used",
// and session 1 (trading, key 2) with the name "used".
func precedenceVenue(t *testing.T) *Engine {
	t.Helper()
	e := testVenue(t)
	play(t, e, `
add_instrument key=1 symbol=WIDE base=3 quote=4 ticksize=1 lotsize=1 limits.minprice=10 limits.maxprice=1000000000000000000 limits.minqty=2 limits.maxqty=1000000000000000000 limits.minnotional=1
set_phase key=1 instrument=3 phase=continuous
add_key key=1 user=2 role=trader pub=6
revoke_key key=1 revoke=6
new_order key=2 account=2 instrument=3 side=buy type=limit tif=gtc price=50 qty=7 clientid=used
new_order key=2 account=2 instrument=3 side=buy type=limit tif=ioc price=50 qty=7 clientid=gone
deposit key=5 account=2 asset=1 amount=1 reference=used
withdraw key=5 account=2 asset=1 amount=1 reference=used
add_session key=1 of=2 kind=trading account=2 compid=used`)
	return e
}

// badText is no text that anybody could print.
func badText() (t wire.Text) {
	b := [37]byte{0: 200, 1: 7}
	t.GetBytes(b[:])
	return t
}

// common are the faults of who asks.
func common[T any](role wire.KeyID, more ...fault[T]) []fault[T] {
	return append([]fault[T]{
		{wire.NotInitialised, "key state time", func(s *scene[T]) { s.e = New() }},
		{wire.UnknownKey, "key", func(s *scene[T]) { s.key = 99 }},
		{wire.UnknownKey, "key", func(s *scene[T]) { s.key = wire.NoKey }},
		{wire.KeyRevoked, "key", func(s *scene[T]) { s.key = 6 }},
		{wire.RoleNotAllowed, "key", func(s *scene[T]) { s.key = role }},
	}, more...)
}

func limits(e *Engine, id wire.InstrumentID) *wire.InstrumentLimits {
	return &e.instruments.Mut(handle(id)).def.Limits
}

func phase[T any](p wire.Phase) func(*scene[T]) {
	return func(s *scene[T]) { s.e.instruments.Mut(3).phase = p }
}

func empty[T any](s *scene[T]) {
	for _, a := range []wire.AssetID{1, 2, 3, 4} {
		s.e.debit(s.e.balance(2, a), s.e.available(2, a))
	}
}

func TestPrecedence(t *testing.T) {
	seen := covered{}
	t.Run("new order", func(t *testing.T) { precedenceNew(t, seen) })
	t.Run("cancel", func(t *testing.T) { precedenceCancel(t, seen) })
	t.Run("replace", func(t *testing.T) { precedenceReplace(t, seen) })
	t.Run("several orders", func(t *testing.T) { precedenceMass(t, seen) })
	t.Run("transfer", func(t *testing.T) { precedenceTransfer(t, seen) })
	t.Run("reference data", func(t *testing.T) { precedenceReference(t, seen) })
	t.Run("venue", func(t *testing.T) { precedenceVenueCommands(t, seen) })
	t.Run("sessions", func(t *testing.T) { precedenceSessions(t, seen) })
	for _, r := range wire.Reasons() {
		if !seen[r] {
			t.Errorf("no table shows %v", r)
		}
	}
}

func precedenceNew(t *testing.T, seen covered) {
	type m = wire.NewOrder
	base := func(e *Engine) scene[m] {
		return scene[m]{e: e, key: 2, m: m{
			Account: 2, Instrument: 3, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 100, Qty: 5, ClientID: wire.MustText("fresh"),
		}}
	}
	table(t, seen, "a new order", base, (*m).Put, common(5,
		fault[m]{wire.UnknownAccount, "account", func(s *scene[m]) { s.m.Account = 99 }},
		fault[m]{wire.NotYourAccount, "account", func(s *scene[m]) { s.m.Account = 4 }},
		fault[m]{wire.UnknownInstrument, "instrument", func(s *scene[m]) { s.m.Instrument = 99 }},
		fault[m]{wire.InvalidClientID, "id", func(s *scene[m]) { s.m.ClientID = badText() }},
		fault[m]{wire.TooOld, "sent id", func(s *scene[m]) { s.sent = 5 }}, // a remembered id is never too old
		fault[m]{wire.SentInFuture, "sent id", func(s *scene[m]) { s.sent = 10*RepeatWindow + FutureSent + 1 }},
		fault[m]{wire.DuplicateClientID, "id", func(s *scene[m]) { s.m.ClientID = wire.MustText("used") }},
		fault[m]{wire.InvalidSide, "side", func(s *scene[m]) { s.m.Side = 3 }},
		fault[m]{wire.InvalidOrderType, "type", func(s *scene[m]) { s.m.Type = 9 }},
		fault[m]{wire.InvalidTimeInForce, "tif", func(s *scene[m]) { s.m.TIF = 0 }},
		fault[m]{wire.InvalidTimeInForce, "type tif", func(s *scene[m]) { s.m.Type = wire.Market }},
		fault[m]{wire.InvalidFlags, "flags", func(s *scene[m]) { s.m.Flags = 0x80 }},
		fault[m]{wire.InvalidFlags, "flags tif", func(s *scene[m]) { s.m.Flags, s.m.TIF = wire.PostOnly, wire.IOC }},
		fault[m]{wire.InvalidFunds, "funds", func(s *scene[m]) { s.m.Funds = amount.FromUint64(9) }},
		fault[m]{wire.PriceOutOfRange, "price", func(s *scene[m]) { s.m.Price = 9 }},
		fault[m]{wire.PriceOutOfRange, "price", func(s *scene[m]) { s.m.Price = math.MinInt64 }},
		fault[m]{wire.QuantityOutOfRange, "qty", func(s *scene[m]) { s.m.Qty = math.MaxInt64 }},
		fault[m]{wire.QuantityOutOfRange, "qty", func(s *scene[m]) { s.m.Qty = -5 }},
		fault[m]{wire.NotionalTooSmall, "notional", func(s *scene[m]) { limits(s.e, 3).MinNotional = 501 }},
		fault[m]{wire.NotionalTooLarge, "price qty notional", func(s *scene[m]) { s.m.Price, s.m.Qty = 1<<55, 1<<50 }},
		fault[m]{wire.MarketClosed, "phase", phase[m](wire.Closed)},
		fault[m]{wire.MarketHalted, "phase", phase[m](wire.Halted)},
		fault[m]{wire.NotInAuction, "phase flags", func(s *scene[m]) { phase[m](wire.Auction)(s); s.m.Flags = wire.PostOnly }},
		fault[m]{wire.NotInAuction, "phase tif flags", func(s *scene[m]) { phase[m](wire.Auction)(s); s.m.TIF = wire.FOK }},
		fault[m]{wire.TooManyOpenOrders, "open", func(s *scene[m]) { s.e.accounts.Mut(2).open.n = MaxOpenOrdersPerAccount }},
		fault[m]{wire.InsufficientFunds, "money", empty[m]},
		fault[m]{wire.TooManyObjects, "balances book", func(s *scene[m]) { s.e.bounds.balances = s.e.balances.Len() + 1 }},
		fault[m]{wire.WouldTrade, "book flags", func(s *scene[m]) {
			play(t, s.e, "new_order key=3 account=4 instrument=3 side=sell type=limit tif=gtc price=100 qty=5")
			s.m.Flags = wire.PostOnly
		}},
	))
}

func precedenceCancel(t *testing.T, seen covered) {
	type m = wire.CancelOrder
	base := func(e *Engine) scene[m] {
		return scene[m]{e: e, key: 2, m: m{Account: 2, Target: wire.OrderRef{Order: 1}, ClientID: wire.MustText("fresh")}}
	}
	name := func(id string) func(*scene[m]) {
		return func(s *scene[m]) { s.m.Target = wire.OrderRef{ClientID: wire.MustText(id)} }
	}
	table(t, seen, "a cancel", base, (*m).Put, common(1,
		fault[m]{wire.UnknownAccount, "account", func(s *scene[m]) { s.m.Account = 99 }},
		fault[m]{wire.NotYourAccount, "account", func(s *scene[m]) { s.m.Account = 4 }},
		fault[m]{wire.InvalidClientID, "id", func(s *scene[m]) { s.m.ClientID = badText() }},
		fault[m]{wire.InvalidClientID, "target", func(s *scene[m]) { s.m.Target.ClientID = badText() }},
		fault[m]{wire.TooOld, "sent id", func(s *scene[m]) { s.sent = 5 }},
		fault[m]{wire.SentInFuture, "sent id", func(s *scene[m]) { s.sent = 10*RepeatWindow + FutureSent + 1 }},
		fault[m]{wire.DuplicateClientID, "id account", func(s *scene[m]) { s.m.ClientID = wire.MustText("used") }},
		fault[m]{wire.UnknownOrder, "target", func(s *scene[m]) { s.m.Target.Order = 99 }},
		fault[m]{wire.UnknownOrder, "target", name("never")},
		fault[m]{wire.UnknownOrder, "target", func(s *scene[m]) { s.m.Target = wire.OrderRef{} }},
		fault[m]{wire.UnknownOrder, "account", func(s *scene[m]) { s.m.Account = 3 }},             // its owner's other account
		fault[m]{wire.OrderNotOpen, "target account", func(s *scene[m]) { s.m.Target.Order = 2 }}, // whoever's it was
		fault[m]{wire.OrderNotOpen, "target account", name("gone")},
	))
	type q = wire.QueryOrder
	table(t, seen, "a query", func(e *Engine) scene[q] {
		return scene[q]{e: e, key: 4, m: q{Account: 2, Target: wire.OrderRef{Order: 1}}}
	}, (*q).Put, common(5,
		fault[q]{wire.UnknownAccount, "account", func(s *scene[q]) { s.m.Account = 0 }},
		fault[q]{wire.NotYourAccount, "account", func(s *scene[q]) { s.m.Account = 1 }},
		fault[q]{wire.InvalidClientID, "target", func(s *scene[q]) { s.m.Target.ClientID = badText() }},
		fault[q]{wire.UnknownOrder, "target", func(s *scene[q]) { s.m.Target.Order = 3 }},
		fault[q]{wire.OrderNotOpen, "target", func(s *scene[q]) { s.m.Target.Order = 2 }},
	))
}

func precedenceReplace(t *testing.T, seen covered) {
	type m = wire.ReplaceOrder
	base := func(e *Engine) scene[m] {
		return scene[m]{e: e, key: 2, m: m{
			Account: 2, Target: wire.OrderRef{Order: 1}, ClientID: wire.MustText("fresh"), Price: 60, Qty: 9,
		}}
	}
	sell := "new_order key=3 account=4 instrument=3 side=sell type=limit tif=%s price=%d qty=%d"
	table(t, seen, "a replace", base, (*m).Put, common(1,
		fault[m]{wire.UnknownAccount, "account", func(s *scene[m]) { s.m.Account = 99 }},
		fault[m]{wire.NotYourAccount, "account", func(s *scene[m]) { s.m.Account = 4 }},
		fault[m]{wire.InvalidClientID, "id", func(s *scene[m]) { s.m.ClientID = badText() }},
		fault[m]{wire.TooOld, "sent id", func(s *scene[m]) { s.sent = 5 }},
		fault[m]{wire.SentInFuture, "sent id", func(s *scene[m]) { s.sent = 10*RepeatWindow + FutureSent + 1 }},
		fault[m]{wire.DuplicateClientID, "id", func(s *scene[m]) { s.m.ClientID = wire.MustText("gone") }},
		fault[m]{wire.PriceOutOfRange, "price", func(s *scene[m]) { s.m.Price = 0 }},
		// The instrument's own range is known only where the order is.
		fault[m]{wire.PriceOutOfRange, "price target account", func(s *scene[m]) { s.m.Price = 9 }},
		fault[m]{wire.QuantityOutOfRange, "qty", func(s *scene[m]) { s.m.Qty = -1 }},
		fault[m]{wire.QuantityOutOfRange, "qty target account", func(s *scene[m]) { s.m.Qty = 1 }},
		fault[m]{wire.NotionalTooSmall, "notional target account", func(s *scene[m]) { limits(s.e, 3).MinNotional = 1e6 }},
		fault[m]{wire.NotionalTooLarge, "price qty notional target account", func(s *scene[m]) { s.m.Price, s.m.Qty = 1<<55, 1<<50 }},
		fault[m]{wire.UnknownOrder, "target", func(s *scene[m]) { s.m.Target.Order = 99 }},
		fault[m]{wire.OrderNotOpen, "target account", func(s *scene[m]) { s.m.Target.Order = 2 }},
		fault[m]{wire.QuantityBelowFilled, "qty target account phase", func(s *scene[m]) {
			play(t, s.e, fmt.Sprintf(sell, "ioc", 50, 3))
			s.m.Qty = 3
		}},
		fault[m]{wire.NothingToChange, "price qty target account", func(s *scene[m]) { s.m.Price, s.m.Qty = 50, 7 }},
		fault[m]{wire.MarketClosed, "phase target account", phase[m](wire.Closed)},
		fault[m]{wire.MarketHalted, "phase target account", phase[m](wire.Halted)},
		fault[m]{wire.NotInAuction, "phase flags target account", func(s *scene[m]) {
			phase[m](wire.Auction)(s)
			h, _ := s.e.byOrder.Get(1)
			s.e.orders.Mut(h).flags = wire.PostOnly
		}},
		fault[m]{wire.InsufficientFunds, "money target account", empty[m]},
		fault[m]{wire.WouldTrade, "book flags target account", func(s *scene[m]) {
			play(t, s.e, fmt.Sprintf(sell, "gtc", 60, 2))
			h, _ := s.e.byOrder.Get(1)
			s.e.orders.Mut(h).flags = wire.PostOnly
		}},
	))
}

func precedenceMass(t *testing.T, seen covered) {
	type m = wire.CancelAll
	table(t, seen, "cancel all", func(e *Engine) scene[m] {
		return scene[m]{e: e, key: 2, m: m{Account: 2, Instrument: 3}}
	}, (*m).Put, common(4,
		fault[m]{wire.UnknownAccount, "account", func(s *scene[m]) { s.m.Account = 99 }},
		fault[m]{wire.NotYourAccount, "account", func(s *scene[m]) { s.m.Account = 4 }},
		fault[m]{wire.UnknownInstrument, "instrument", func(s *scene[m]) { s.m.Instrument = 99 }},
	))
	type k = wire.MassCancel
	table(t, seen, "mass cancel", func(e *Engine) scene[k] {
		return scene[k]{e: e, key: 1, m: k{Instrument: 3}}
	}, (*k).Put, common(2,
		fault[k]{wire.UnknownInstrument, "instrument", func(s *scene[k]) { s.m.Instrument = 0 }},
	))
}

func precedenceTransfer(t *testing.T, seen covered) {
	type m = wire.Transfer
	base := func(e *Engine) scene[m] {
		return scene[m]{e: e, key: 5, m: m{Account: 2, Asset: 1, Amount: amount.FromUint64(10), Reference: wire.MustText("fresh")}}
	}
	faults := func(more ...fault[m]) []fault[m] {
		return common(2, append(more,
			fault[m]{wire.UnknownAccount, "account", func(s *scene[m]) { s.m.Account = 99 }},
			fault[m]{wire.UnknownAsset, "asset", func(s *scene[m]) { s.m.Asset = 99 }},
			fault[m]{wire.TooOld, "sent id", func(s *scene[m]) { s.sent = 5 }},
			fault[m]{wire.SentInFuture, "sent id", func(s *scene[m]) { s.sent = 10*RepeatWindow + FutureSent + 1 }},
			fault[m]{wire.DuplicateClientID, "id", func(s *scene[m]) { s.m.Reference = wire.MustText("used") }},
			fault[m]{wire.InvalidReference, "id", func(s *scene[m]) { s.m.Reference = wire.Text{} }},
			fault[m]{wire.InvalidReference, "id", func(s *scene[m]) { s.m.Reference = badText() }},
			fault[m]{wire.InvalidAmount, "amount", func(s *scene[m]) { s.m.Amount = wire.Amount{} }},
			fault[m]{wire.TooManyObjects, "balances", func(s *scene[m]) { s.e.bounds.balances = s.e.balances.Len() }},
		)...)
	}
	table(t, seen, "a deposit", base, (*m).PutDeposit, faults(
		fault[m]{wire.IssueTooLarge, "amount", func(s *scene[m]) { s.m.Amount = wire.Amount{Hi: 1 << 56} }},
		fault[m]{wire.IssueTooLarge, "amount", func(s *scene[m]) { s.m.Amount = wire.Amount{Hi: 1<<56 - 1, Lo: math.MaxUint64} }},
	))
	table(t, seen, "a withdrawal", base, (*m).PutWithdraw, faults(
		fault[m]{wire.InsufficientFunds, "amount money", empty[m]},
		fault[m]{wire.InsufficientFunds, "amount", func(s *scene[m]) { s.m.Amount = amount.FromUint64(1e12 + 1) }},
	))
}

func precedenceReference(t *testing.T, seen covered) {
	fresh, used := wire.MustText("fresh"), wire.MustText("BTC")
	type a = wire.AddAsset
	table(t, seen, "add asset", func(e *Engine) scene[a] {
		return scene[a]{e: e, key: 1, m: a{Code: fresh}}
	}, (*a).Put, common(2,
		fault[a]{wire.InvalidName, "name", func(s *scene[a]) { s.m.Code = badText() }},
		fault[a]{wire.InvalidName, "name", func(s *scene[a]) { s.m.Code = wire.Text{} }},
		fault[a]{wire.DuplicateName, "name", func(s *scene[a]) { s.m.Code = used }},
		fault[a]{wire.InvalidDecimals, "decimals", func(s *scene[a]) { s.m.Decimals = 19 }},
	))
	type f = wire.AddFirm
	table(t, seen, "add firm", func(e *Engine) scene[f] {
		return scene[f]{e: e, key: 1, m: f{Name: fresh}}
	}, (*f).Put, common(2, fault[f]{wire.InvalidName, "name", func(s *scene[f]) { s.m.Name = wire.Text{} }}))
	type u = wire.AddUser
	table(t, seen, "add user", func(e *Engine) scene[u] {
		return scene[u]{e: e, key: 1, m: u{Firm: 2, Name: fresh}}
	}, (*u).Put, common(2,
		fault[u]{wire.UnknownFirm, "firm", func(s *scene[u]) { s.m.Firm = 99 }},
		fault[u]{wire.InvalidName, "name", func(s *scene[u]) { s.m.Name = badText() }},
		fault[u]{wire.DuplicateName, "name firm", func(s *scene[u]) { s.m.Name, s.m.Firm = wire.MustText("ann"), 1 }},
	))
	type c = wire.AddAccount
	table(t, seen, "add account", func(e *Engine) scene[c] {
		return scene[c]{e: e, key: 1, m: c{User: 2, Name: fresh}}
	}, (*c).Put, common(2,
		fault[c]{wire.UnknownUser, "user", func(s *scene[c]) { s.m.User = 99 }},
		fault[c]{wire.InvalidName, "name", func(s *scene[c]) { s.m.Name = badText() }},
		fault[c]{wire.DuplicateName, "name user", func(s *scene[c]) { s.m.Name, s.m.User = wire.MustText("ann-1"), 3 }},
	))
	type k = wire.AddKey
	table(t, seen, "add key", func(e *Engine) scene[k] {
		return scene[k]{e: e, key: 1, m: k{User: 2, Role: wire.Trader, Pub: [32]byte{9}}}
	}, (*k).Put, common(2,
		fault[k]{wire.UnknownUser, "user", func(s *scene[k]) { s.m.User = 99 }},
		fault[k]{wire.InvalidRole, "role", func(s *scene[k]) { s.m.Role = 9 }},
		fault[k]{wire.InvalidPublicKey, "pub", func(s *scene[k]) { s.m.Pub = [32]byte{} }},
		fault[k]{wire.DuplicateKey, "pub role", func(s *scene[k]) { s.m.Pub, s.m.Role = [32]byte{31: 2}, wire.ReadOnly }},
	))
	type i = wire.AddInstrument
	table(t, seen, "add instrument", func(e *Engine) scene[i] {
		return scene[i]{e: e, key: 1, m: i{
			Symbol: fresh, Base: 3, Quote: 4, TickSize: 1, LotSize: 1,
			Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 9, MinQty: 1, MaxQty: 9},
		}}
	}, (*i).Put, common(2,
		fault[i]{wire.UnknownAsset, "quote", func(s *scene[i]) { s.m.Quote = 99 }},
		fault[i]{wire.UnknownAsset, "base", func(s *scene[i]) { s.m.Base = 0 }},
		fault[i]{wire.InvalidName, "name", func(s *scene[i]) { s.m.Symbol = wire.Text{} }},
		fault[i]{wire.DuplicateName, "name", func(s *scene[i]) { s.m.Symbol = wire.MustText("BTC-USD") }},
		fault[i]{wire.InvalidDecimals, "decimals", func(s *scene[i]) { s.m.PriceDecimals = 19 }},
		fault[i]{wire.InvalidTickOrLot, "tick", func(s *scene[i]) { s.m.TickSize = 0 }},
		fault[i]{wire.InvalidTickOrLot, "lot", func(s *scene[i]) { s.m.LotSize = -1 }},
		fault[i]{wire.InvalidTickOrLot, "tick lot", func(s *scene[i]) { s.m.TickSize, s.m.LotSize = 1<<62, 3 }},
		fault[i]{wire.InvalidTickOrLot, "decimals", func(s *scene[i]) { s.m.PriceDecimals = 1 }},
		fault[i]{wire.InvalidLimits, "limits", func(s *scene[i]) { s.m.Limits.MinQty = 10 }},
		fault[i]{wire.InvalidLimits, "limits", func(s *scene[i]) { s.m.Limits.MaxPrice = MaxPrice + 1 }},
		fault[i]{wire.InvalidFee, "fee", func(s *scene[i]) { s.m.Limits.TakerBps = 1_001 }},
		fault[i]{wire.TooManyObjects, "many", func(s *scene[i]) {
			for s.e.instruments.Len() < MaxInstruments {
				s.e.instruments.Alloc()
			}
		}},
		fault[i]{wire.TooManyObjects, "many", func(s *scene[i]) { s.e.bounds.balances = s.e.balances.Len() }},
		fault[i]{wire.InvalidPair, "base quote many", func(s *scene[i]) { s.m.Quote = 3 }},
	))
	type l = wire.SetInstrument
	table(t, seen, "set instrument", func(e *Engine) scene[l] {
		return scene[l]{e: e, key: 1, m: l{
			Instrument: 3, Fields: wire.AllLimits,
			Limits: wire.InstrumentLimits{MinPrice: 1, MaxPrice: 9, MinQty: 1, MaxQty: 9},
		}}
	}, (*l).Put, common(2,
		fault[l]{wire.UnknownInstrument, "instrument", func(s *scene[l]) { s.m.Instrument = 99 }},
		fault[l]{wire.InvalidLimits, "limits", func(s *scene[l]) { s.m.Limits.MinPrice = 0 }},
		fault[l]{wire.InvalidLimits, "fields fee", func(s *scene[l]) { s.m.Fields = 0 }},
		fault[l]{wire.InvalidLimits, "fields", func(s *scene[l]) { s.m.Fields = 0x80 | wire.AllLimits }},
		fault[l]{wire.InvalidLimits, "fields fee limits", func(s *scene[l]) { // 10 is the least price that stays
			s.m.Fields = wire.SetMaxPrice
		}},
		fault[l]{wire.InvalidFee, "fee", func(s *scene[l]) { s.m.Limits.MakerBps = 1_001 }},
	))
}

func precedenceVenueCommands(t *testing.T, seen covered) {
	type p = wire.SetPhase
	table(t, seen, "set phase", func(e *Engine) scene[p] {
		return scene[p]{e: e, key: 1, m: p{Instrument: 3, Phase: wire.Halted}}
	}, (*p).Put, common(2,
		fault[p]{wire.UnknownInstrument, "instrument", func(s *scene[p]) { s.m.Instrument = 99 }},
		fault[p]{wire.PriceOutOfRange, "reference", func(s *scene[p]) { s.m.Reference = -1 }},
		fault[p]{wire.InvalidPhase, "phase", func(s *scene[p]) { s.m.Phase = 9 }},
	))
	type r = wire.SetRules
	table(t, seen, "set rules", func(e *Engine) scene[r] {
		return scene[r]{e: e, key: 1, m: r{Version: wire.CurrentRules}}
	}, (*r).Put, common(2, fault[r]{wire.UnsupportedRules, "version", func(s *scene[r]) { s.m.Version = 9 }}))
	type k = wire.RevokeKey
	table(t, seen, "revoke key", func(e *Engine) scene[k] {
		return scene[k]{e: e, key: 1, m: k{Key: 2}}
	}, (*k).Put, common(2,
		fault[k]{wire.UnknownKey, "target key", func(s *scene[k]) { s.m.Key = 99 }},
		fault[k]{wire.LastOperatorKey, "target", func(s *scene[k]) { s.m.Key = 1 }},
	))
	type l = wire.Logon
	table(t, seen, "logon", func(e *Engine) scene[l] {
		return scene[l]{e: e, key: 2, m: l{Nonce: 5}}
	}, (*l).Put, []fault[l]{
		{wire.NotInitialised, "key state", func(s *scene[l]) { s.e = New() }},
		{wire.UnknownKey, "key", func(s *scene[l]) { s.key = 99 }},
		{wire.KeyRevoked, "key", func(s *scene[l]) { s.key = 6 }},
		{wire.StaleNonce, "nonce", func(s *scene[l]) { s.m.Nonce = 0 }},
	})
	type g = wire.Genesis
	table(t, seen, "genesis", func(*Engine) scene[g] {
		return scene[g]{e: New(), m: g{Venue: wire.MustText("v"), OperatorPub: [32]byte{1}}}
	}, (*g).Put, []fault[g]{
		{wire.AlreadyInitialised, "state", func(s *scene[g]) { s.e = precedenceVenue(t) }},
		{wire.UnknownKey, "key", func(s *scene[g]) { s.key = 1 }},
		{wire.InvalidName, "name", func(s *scene[g]) { s.m.Venue = wire.Text{} }},
		{wire.InvalidPublicKey, "pub", func(s *scene[g]) { s.m.OperatorPub = [32]byte{} }},
	})
	type tick = wire.Tick
	table(t, seen, "tick", func(e *Engine) scene[tick] { return scene[tick]{e: e} }, (*tick).Put, []fault[tick]{
		{wire.UnknownKey, "key", func(s *scene[tick]) { s.key = 99 }},
		{wire.KeyRevoked, "key", func(s *scene[tick]) { s.key = 6 }},
		{wire.RoleNotAllowed, "key", func(s *scene[tick]) { s.key = 1 }},
	})
}

func precedenceSessions(t *testing.T, seen covered) {
	type a = wire.AddSession
	table(t, seen, "add session", func(e *Engine) scene[a] {
		return scene[a]{e: e, key: 1, m: a{Key: 2, Kind: wire.TradingSession, Account: 2, CompID: wire.MustText("fresh")}}
	}, (*a).Put, common(2,
		fault[a]{wire.UnknownKey, "of key account", func(s *scene[a]) { s.m.Key = 99 }},
		fault[a]{wire.UnknownKey, "of key account", func(s *scene[a]) { s.m.Key = wire.NoKey }},
		fault[a]{wire.UnknownAccount, "account kind", func(s *scene[a]) { s.m.Account = 99 }},
		fault[a]{wire.UnknownAccount, "account kind", func(s *scene[a]) { s.m.Account = 0 }},
		fault[a]{wire.NotYourAccount, "account kind of", func(s *scene[a]) { s.m.Account = 4 }},
		fault[a]{wire.NotYourAccount, "account kind of", func(s *scene[a]) { s.m.Key = 3 }},
		fault[a]{wire.InvalidName, "name", func(s *scene[a]) { s.m.CompID = badText() }},
		fault[a]{wire.InvalidName, "name", func(s *scene[a]) { s.m.CompID = wire.Text{} }},
		fault[a]{wire.DuplicateName, "name account", func(s *scene[a]) { s.m.CompID, s.m.Account = wire.MustText("used"), 3 }},
		fault[a]{wire.DuplicateName, "name account kind", func(s *scene[a]) {
			s.m.CompID, s.m.Kind, s.m.Account = wire.MustText("used"), wire.DropCopySession, 0
		}},
		fault[a]{wire.TooManyObjects, "many name", func(s *scene[a]) {
			for s.e.sessions.Len() < MaxSessions {
				s.e.sessions.Alloc()
			}
		}},
		fault[a]{wire.InvalidSession, "kind account", func(s *scene[a]) { s.m.Kind = 0 }},
		fault[a]{wire.InvalidSession, "kind account", func(s *scene[a]) { s.m.Kind, s.m.Account = 4, 0 }},
		fault[a]{wire.InvalidSession, "kind account", func(s *scene[a]) { s.m.Kind = wire.DropCopySession }},
		fault[a]{wire.InvalidSession, "kind account", func(s *scene[a]) { s.m.Kind = wire.MarketDataSession }},
		fault[a]{wire.InvalidSession, "of account kind", func(s *scene[a]) { // a custodian
			s.m.Key, s.m.Kind, s.m.Account = 5, wire.DropCopySession, 0
		}},
		fault[a]{wire.InvalidSession, "of account", func(s *scene[a]) { s.m.Key = 6 }}, // revoked
	))
	type c = wire.SetSession
	table(t, seen, "set session", func(e *Engine) scene[c] {
		return scene[c]{e: e, key: 1, m: c{Session: 1, Fields: wire.SetSessionEnabled | wire.SetSessionPassword}}
	}, (*c).Put, common(2,
		fault[c]{wire.UnknownSession, "session", func(s *scene[c]) { s.m.Session = 0 }},
		fault[c]{wire.UnknownSession, "session", func(s *scene[c]) { s.m.Session = 2 }},
		fault[c]{wire.InvalidSession, "fields", func(s *scene[c]) { s.m.Fields = 0x80 }},
		fault[c]{wire.InvalidSession, "fields", func(s *scene[c]) { s.m.Enabled = 2 }},
	))
	type m = wire.SessionMessage
	table(t, seen, "a session's message", func(e *Engine) scene[m] {
		return scene[m]{e: e, key: 2, m: m{Session: 1, Kind: wire.SessionNumbers, Arg: 1, ClientID: wire.MustText("fresh")}}
	}, (*m).Put, common(1,
		fault[m]{wire.RoleNotAllowed, "key", func(s *scene[m]) { s.key = 5 }},
		fault[m]{wire.UnknownSession, "session", func(s *scene[m]) { s.m.Session = 2 }},
		fault[m]{wire.NotYourSession, "session key", func(s *scene[m]) { s.key = 3 }},
		fault[m]{wire.NotYourSession, "session key", func(s *scene[m]) { s.key = 4 }}, // another key of the same user
		fault[m]{wire.SessionDisabled, "session", func(s *scene[m]) { s.e.sessions.Mut(1).def.Enabled = 0 }},
		fault[m]{wire.InvalidClientID, "id", func(s *scene[m]) { s.m.ClientID = badText() }},
		fault[m]{wire.InvalidClientID, "target", func(s *scene[m]) { s.m.Target = badText() }},
		fault[m]{wire.InvalidSession, "arg", func(s *scene[m]) { s.m.Arg = 0 }},
		fault[m]{wire.InvalidSession, "kind", func(s *scene[m]) { s.m.Kind = 0 }},
		fault[m]{wire.InvalidSession, "kind", func(s *scene[m]) { s.m.Kind = wire.AnnouncedMassCancel + 1 }},
	))
}
