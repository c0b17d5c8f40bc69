package engine

import (
	"testing"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// TestRandomCommands holds the engine's invariants under random commands, and its balances against a ledger that is kept
// from the events alone.
func TestRandomCommands(t *testing.T) {
	seeds, commands := uint64(6), 6_000
	if testing.Short() {
		seeds, commands = 2, 2_000
	}
	for seed := range seeds {
		e := New()
		ledger := newLedger()
		ledger.take(t, play(t, e, venueScript))
		f := newFlow(seed, e)
		var events []wire.Event
		kinds := map[wire.EventKind]int{}
		for i := range commands {
			c := f.next()
			events = e.Apply(&c, events[:0])
			checkFrame(t, e, &c, events)
			checkHash(t, e, &events[len(events)-1])
			ledger.take(t, events)
			for k := range events {
				kinds[events[k].Kind]++
			}
			if i%50 == 0 {
				if err := e.Validate(); err != nil {
					t.Fatalf("seed %d, command %d: %v", seed, i, err)
				}
				ledger.compare(t, e)
			}
		}
		for _, k := range []wire.EventKind{
			wire.EvRejected, wire.EvOrderRejected, wire.EvTrade, wire.EvOrderCanceled, wire.EvOrderReplaced, wire.EvUncrossed, wire.EvOrderState,
			wire.EvMassCanceled, wire.EvDeposited, wire.EvWithdrawn,
		} {
			if kinds[k] == 0 {
				t.Errorf("seed %d: no event of kind %d", seed, k)
			}
		}
	}
}

// checkFrame holds what every command's events have in common.
func checkFrame(t *testing.T, e *Engine, c *wire.Command, events []wire.Event) {
	t.Helper()
	if len(events) == 0 {
		t.Fatalf("command %d has no event", e.Seq())
	}
	for i := range events {
		ev := &events[i]
		last := ev.Flags&wire.FlagLast != 0
		if ev.Seq != e.Seq() || int(ev.Ord) != i || ev.TimeNs != e.Now() || ev.Origin != c.Origin || last != (i == len(events)-1) {
			t.Fatalf("event %d of command %d has a wrong header: %+v", i, e.Seq(), *ev)
		}
	}
}

// checkHash: every HashInterval-th command, and no other, ends with the state's hashes.
func checkHash(t *testing.T, e *Engine, last *wire.Event) {
	t.Helper()
	if due := e.Seq()%HashInterval == 0; due != (last.Kind == wire.EvStateHash) {
		t.Fatalf("command %d: a hash is due is %t", e.Seq(), due)
	} else if due {
		var m wire.StateHash
		m.GetEvent(last)
		if full, business := e.Hashes(); m.Full != full || m.Business != business {
			t.Fatalf("command %d: the event has other hashes", e.Seq())
		}
	}
}

// ledger is what a reader of the events knows about money.
type ledger struct {
	balances    map[uint64]*[2]wire.Amount // available, held
	orders      map[wire.OrderID]*ledgerOrder
	instruments map[wire.InstrumentID]wire.Instrument
}

type ledgerOrder struct {
	account    wire.AccountID
	instrument wire.InstrumentID
	side       wire.Side
	held       wire.Amount
}

func newLedger() *ledger {
	return &ledger{map[uint64]*[2]wire.Amount{}, map[wire.OrderID]*ledgerOrder{}, map[wire.InstrumentID]wire.Instrument{}}
}

func (l *ledger) at(a wire.AccountID, s wire.AssetID) *[2]wire.Amount {
	k := balanceKey(a, s)
	if l.balances[k] == nil {
		l.balances[k] = new([2]wire.Amount)
	}
	return l.balances[k]
}

func (l *ledger) payer(o *ledgerOrder) *[2]wire.Amount {
	in := l.instruments[o.instrument]
	if o.side == wire.Buy {
		return l.at(o.account, in.Quote)
	}
	return l.at(o.account, in.Base)
}

func (l *ledger) hold(o *ledgerOrder, a wire.Amount) {
	b := l.payer(o)
	b[0], b[1], o.held = b[0].MustSub(a), b[1].MustAdd(a), o.held.MustAdd(a)
}

func (l *ledger) release(o *ledgerOrder, a wire.Amount) {
	b := l.payer(o)
	b[0], b[1], o.held = b[0].MustAdd(a), b[1].MustSub(a), o.held.MustSub(a)
}

// take books a command's events.
func (l *ledger) take(t *testing.T, events []wire.Event) {
	t.Helper()
	for i := range events {
		ev := &events[i]
		if ev.Flags&wire.FlagRepeat != 0 {
			continue
		}
		switch ev.Kind {
		case wire.EvInstrument:
			var m wire.Instrument
			m.GetEvent(ev)
			l.instruments[m.ID] = m
		case wire.EvDeposited, wire.EvWithdrawn:
			var m wire.Transferred
			m.GetEvent(ev)
			b := l.at(m.Account, m.Asset)
			if ev.Kind == wire.EvDeposited {
				b[0] = b[0].MustAdd(m.Amount)
			} else {
				b[0] = b[0].MustSub(m.Amount)
			}
			if b[0] != m.Available || b[1] != m.Held {
				t.Fatalf("after a transfer the account has %v, the event says %+v", *b, m)
			}
		case wire.EvOrderAccepted:
			var m wire.OrderAccepted
			m.GetEvent(ev)
			o := &ledgerOrder{account: m.Account, instrument: m.Instrument, side: m.Side}
			l.orders[m.Order] = o
			l.hold(o, m.Held)
		case wire.EvOrderReplaced:
			var m wire.OrderReplaced
			m.GetEvent(ev)
			l.hold(l.orders[m.Order], m.Held)
			l.release(l.orders[m.Order], m.Released)
		case wire.EvOrderCanceled:
			var m wire.OrderCanceled
			m.GetEvent(ev)
			o := l.orders[m.Order]
			l.release(o, m.Released)
			if !o.held.IsZero() {
				t.Fatalf("order %d ended and holds %v", m.Order, o.held)
			}
			delete(l.orders, m.Order)
		case wire.EvTrade:
			var m wire.Trade
			m.GetEvent(ev)
			l.trade(t, &m)
		}
	}
}

func (l *ledger) trade(t *testing.T, m *wire.Trade) {
	t.Helper()
	in := l.instruments[m.Instrument]
	n, ok := amount.Product(uint64(m.Price), uint64(m.Qty)).Mul(in.Multiplier)
	if !ok || n != m.Notional {
		t.Fatalf("trade %d: notional %v, should be %v", m.Trade, m.Notional, n)
	}
	buy, sell := l.orders[m.BuyOrder], l.orders[m.SellOrder]
	base := amount.Product(uint64(m.Qty), uint64(in.LotSize))
	l.release(buy, m.BuyReleased)
	paid := n.MustAdd(m.BuyFee)
	b := l.payer(buy)
	b[1], buy.held = b[1].MustSub(paid), buy.held.MustSub(paid)
	b = l.at(buy.account, in.Base)
	b[0] = b[0].MustAdd(base)
	b = l.payer(sell)
	b[1], sell.held = b[1].MustSub(base), sell.held.MustSub(base)
	b = l.at(sell.account, in.Quote)
	b[0] = b[0].MustAdd(n.MustSub(m.SellFee))
	b = l.at(wire.VenueAccount, in.Quote)
	b[0] = b[0].MustAdd(m.BuyFee).MustAdd(m.SellFee)
	for _, end := range []struct {
		id   wire.OrderID
		o    *ledgerOrder
		left wire.Qty
	}{{m.BuyOrder, buy, m.BuyLeft}, {m.SellOrder, sell, m.SellLeft}} {
		if end.left == 0 {
			if !end.o.held.IsZero() {
				t.Fatalf("order %d is filled and holds %v", end.id, end.o.held)
			}
			delete(l.orders, end.id)
		}
	}
}

// compare holds the ledger against the engine.
func (l *ledger) compare(t *testing.T, e *Engine) {
	t.Helper()
	for k, b := range l.balances {
		available, held := e.Balance(wire.AccountID(k>>32), wire.AssetID(k))
		if available != b[0] || held != b[1] {
			t.Fatalf("account %d asset %d: engine has %v %v, the events say %v", k>>32, uint32(k), available, held, *b)
		}
	}
	open := 0
	for id, o := range l.orders {
		s, ok := e.Order(id)
		if !ok && !o.held.IsZero() {
			t.Fatalf("order %d is open for a reader of the events only", id)
		}
		if ok {
			open++
			if s.Held != o.held {
				t.Fatalf("order %d holds %v, the events say %v", id, s.Held, o.held)
			}
		}
	}
	if open != e.OpenOrders() {
		t.Fatalf("%d orders are open, a reader of the events knows %d", e.OpenOrders(), open)
	}
}
