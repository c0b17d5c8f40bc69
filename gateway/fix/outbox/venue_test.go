package outbox

import (
	"fmt"
	"testing"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/gateway/fix/report"
)

// venue is an engine with an instrument and three sessions, for stories: ann's and bob's trading sessions 1 and 2, of two
// firms, and a drop copy of ann's firm, 3. cat, of ann's firm, has no session.
type venue struct {
	e  *engine.Engine
	es []wire.Event
	ns int64
	in [8]uint64
}

const (
	annKey, bobKey, catKey, copyKey         = wire.KeyID(3), wire.KeyID(4), wire.KeyID(5), wire.KeyID(6)
	ann, bob, cat                           = wire.AccountID(2), wire.AccountID(3), wire.AccountID(4)
	annSession, bobSession, dropped, second = wire.SessionID(1), wire.SessionID(2), wire.SessionID(3), wire.SessionID(4)
)

type putter interface{ Put(*wire.Command) }

func newVenue(t testing.TB) *venue {
	v := &venue{e: engine.New(), ns: 1_700_000_000_000_000_000}
	text := wire.MustText
	v.do(0, &wire.Genesis{Venue: text("TEST"), ClusterID: [16]byte{1, 2, 3, 4, 5}, OperatorPub: [32]byte{1}}, wire.Origin{})
	op := func(b putter) { v.do(wire.OperatorKey, b, wire.Origin{}) }
	op(&wire.AddAsset{Code: text("USD"), Decimals: 2})
	op(&wire.AddAsset{Code: text("BTC"), Decimals: 8})
	limits := wire.InstrumentLimits{MinPrice: 1, MaxPrice: 10_000_000, MinQty: 1, MaxQty: 1_000_000, MakerBps: 10, TakerBps: 20}
	op(&wire.AddInstrument{Symbol: text("BTC-USD"), Base: 2, Quote: 1, PriceDecimals: 1, TickSize: 5, LotSize: 10_000_000, Limits: limits})
	op(&wire.AddFirm{Name: text("ALPHA")})
	op(&wire.AddFirm{Name: text("BETA")})
	op(&wire.AddKey{User: wire.OperatorUser, Role: wire.Custodian, Pub: [32]byte{2}})
	for i, firm := range []wire.FirmID{2, 3, 2} {
		user := wire.UserID(i + 2)
		op(&wire.AddUser{Firm: firm, Name: text([]string{"ann", "bob", "cat"}[i])})
		op(&wire.AddKey{User: user, Role: wire.Trader, Pub: [32]byte{byte(3 + i)}})
		op(&wire.AddAccount{User: user, Name: text([]string{"ANN", "BOB", "CAT"}[i])})
	}
	op(&wire.AddKey{User: 2, Role: wire.ReadOnly, Pub: [32]byte{6}})
	for a := ann; a <= cat; a++ {
		for s := wire.AssetID(1); s <= 2; s++ {
			c := wire.Command{Key: 2}
			(&wire.Transfer{Account: a, Asset: s, Amount: wire.Amount{Lo: 1e12}, Reference: text(fmt.Sprint(a, "-", s))}).PutDeposit(&c)
			v.apply(c)
		}
	}
	op(&wire.AddSession{Key: annKey, Kind: wire.TradingSession, Account: ann, CompID: text("ANN1")})
	op(&wire.AddSession{Key: bobKey, Kind: wire.TradingSession, Account: bob, CompID: text("BOB1")})
	op(&wire.AddSession{Key: copyKey, Kind: wire.DropCopySession, CompID: text("COPY")})
	op(&wire.SetPhase{Instrument: 1, Phase: wire.Continuous})
	for i := range v.es {
		if v.es[i].Kind == wire.EvRejected {
			var m wire.Rejected
			m.GetEvent(&v.es[i])
			t.Fatalf("set-up: %v: %v", m.Command, m.Reason)
		}
	}
	return v
}

func (v *venue) apply(c wire.Command) []wire.Event {
	v.ns += 1_000_000
	c.TimeNs = v.ns
	from := len(v.es)
	v.es = v.e.Apply(&c, v.es)
	return v.es[from:]
}

// do applies a command.
func (v *venue) do(k wire.KeyID, b putter, o wire.Origin) []wire.Event {
	c := wire.Command{Key: k, Origin: o}
	b.Put(&c)
	return v.apply(c)
}

// keyOf is the key of a session.
func keyOf(s wire.SessionID) wire.KeyID {
	return []wire.KeyID{0, annKey, bobKey, copyKey, 6}[s]
}

// by applies a command that comes by a session.
func (v *venue) by(s wire.SessionID, b putter) []wire.Event {
	v.in[s]++
	return v.do(keyOf(s), b, wire.SessionOrigin(s, 0, v.in[s], false))
}

func (v *venue) send(s wire.SessionID, m *wire.SessionMessage, o wire.Origin) {
	key := keyOf(min(s, 4))
	if v.ns == 0 {
		key = wire.KeyID(2 + s) // of venuetest
	}
	v.do(key, m, o)
}

// local takes numbers for messages that are not stored.
func (v *venue) local(s wire.SessionID, n uint16) {
	m := wire.SessionMessage{Session: s, Kind: wire.SessionNumbers, Arg: n}
	copy(m.Symbol[:], fmt.Sprint("token ", v.in[s]))
	v.by(s, &m)
}

func (v *venue) refuse(s wire.SessionID, id string) {
	v.by(s, &wire.SessionMessage{Session: s, Kind: wire.RefusedNewOrder, Side: wire.Buy, Reason: 1102, Arg: 44, ClientID: wire.MustText(id)})
}

// refuseChange refuses a cancel or replace at the gateway.
func (v *venue) refuseChange(s wire.SessionID, k wire.SessionMessageKind, id, target string, acc wire.AccountID, order wire.OrderID) {
	m := wire.SessionMessage{Session: s, Kind: k, Reason: report.PriceOffTick, Arg: 44, ClientID: wire.MustText(id), Target: wire.MustText(target)}
	report.PutTarget(&m, acc, order)
	v.by(s, &m)
}
