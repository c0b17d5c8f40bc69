package history

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// trimEvents is how many events go in one step: a batch of some ten thousand deletions, which takes milliseconds.
const trimEvents = 512

// trimStep removes the oldest events, as long as they are to go, in one batch with all that hangs on them, and returns how
// many. The writer goes on meanwhile: nothing that is removed is ever written again, but for client ids, which are looked
// at again when the writer cannot be writing them.
func (s *Store) trimStep(goes func(id EventID, ns int64) bool) (n int, err error) {
	p := &pruning{s: s, b: s.db.NewBatch(), first: s.gone.Load().id, money: touched{}}
	defer p.b.Close()
	if err := p.events(goes); err != nil || p.n == 0 {
		return 0, err
	}
	for acc := range p.money.m {
		if err := p.ledger(acc); err != nil {
			return 0, err
		}
	}
	if err := p.commit(); err != nil {
		return 0, err
	}
	return p.n, nil
}

// pruning is one step.
type pruning struct {
	s     *Store
	b     *pebble.Batch
	first EventID // gone already
	last  edge    // goes with this step
	n     int
	money touched // accounts that may have ledger entries to go
	ids   []clientID
	edges map[wire.AccountID]uint64
}

// clientID is an account's client id that an order had.
type clientID struct {
	account wire.AccountID
	id      wire.Text
	order   wire.OrderID
}

func (p *pruning) events(goes func(EventID, int64) bool) error {
	lower := append(newKey(tagEvent).event(p.first.Seq, p.first.Ord), 0)
	it, err := p.s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: newKey(tagEvent).after()})
	if err != nil {
		return fmt.Errorf("history: trim: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok && p.n < trimEvents; ok = it.Next() {
		e, err := parseEvent(it.Value())
		if err != nil {
			return err
		}
		id := EventID{e.Seq, e.Ord}
		if !goes(id, e.TimeNs) {
			break
		}
		if err := p.event(&e); err != nil {
			return fmt.Errorf("history: trim event %d.%d: %w", e.Seq, e.Ord, err)
		}
		p.last, p.n = edge{id, e.TimeNs}, p.n+1
	}
	if err := it.Error(); err != nil || p.n == 0 {
		return err
	}
	upTo := append(newKey(tagEvent).event(p.last.id.Seq, p.last.id.Ord), 0)
	return p.b.DeleteRange(lower, upTo, nil)
}

// event removes what hangs on one event.
func (p *pruning) event(e *wire.Event) error {
	switch e.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(e)
		p.drop(concernKey(m.Account, e, 0))
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(e)
		return p.replaced(e, &m)
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(e)
		p.drop(concernKey(m.Account, e, 0))
		return p.ended(e, m.Order)
	case wire.EvTrade:
		var m wire.Trade
		m.GetEvent(e)
		return p.trade(e, &m)
	case wire.EvDeposited, wire.EvWithdrawn:
		var m wire.Transferred
		m.GetEvent(e)
		p.drop(concernKey(m.Account, e, 0))
		p.money.add(m.Account)
	case wire.EvRejected, wire.EvOrderRejected:
		if acc, ok := concerned(e); ok {
			p.drop(concernKey(acc, e, 0))
		}
	}
	return nil
}

// replaced lets go of the client id that the order had before.
func (p *pruning) replaced(e *wire.Event, m *wire.OrderReplaced) error {
	k := concernKey(m.Account, e, 0)
	v, ok, err := p.s.get(k)
	if err != nil {
		return err
	}
	if ok {
		c, err := parseConcern(v)
		if err != nil {
			return err
		}
		o, _, err := p.s.order(p.s.db, m.Order)
		if err != nil {
			return err
		}
		if c.terms.ClientID != o.ClientID { // it may have it again
			p.ids = append(p.ids, clientID{m.Account, c.terms.ClientID, m.Order})
		}
	}
	p.drop(k)
	return nil
}

func (p *pruning) trade(e *wire.Event, m *wire.Trade) error {
	p.drop(newKey(tagTrade).u32(uint32(m.Instrument)).event(e.Seq, e.Ord))
	p.drop(concernKey(m.BuyAccount, e, byte(wire.Buy)))
	p.drop(concernKey(m.SellAccount, e, byte(wire.Sell)))
	p.money.add(m.BuyAccount)
	p.money.add(m.SellAccount)
	if !m.BuyFee.IsZero() || !m.SellFee.IsZero() {
		p.drop(concernKey(wire.VenueAccount, e, sideFees))
		p.money.add(wire.VenueAccount)
	}
	if m.BuyLeft == 0 {
		if err := p.ended(e, m.BuyOrder); err != nil {
			return err
		}
	}
	if m.SellLeft == 0 {
		return p.ended(e, m.SellOrder)
	}
	return nil
}

// ended removes an order that ended with an event.
func (p *pruning) ended(e *wire.Event, id wire.OrderID) error {
	o, ok, err := p.s.order(p.s.db, id)
	if err != nil || !ok || o.Status.Open() || o.UpdatedSeq > e.Seq {
		return err
	}
	p.order(&o)
	return nil
}

// order removes an order with everything by which it is found.
func (p *pruning) order(o *Order) {
	p.drop(newKey(tagOrder).u64(uint64(o.ID)))
	p.drop(newKey(tagOfAccount).account(o.Account).u64(uint64(o.ID)))
	p.ids = append(p.ids, clientID{o.Account, o.ClientID, o.ID})
}

// ledger removes an account's ledger entries up to the step's last event, and keeps the totals behind them.
func (p *pruning) ledger(acc wire.AccountID) error {
	next, ok, err := p.s.firstKept(acc)
	if err != nil || !ok {
		return err
	}
	first, t := next, totals{}
	if next > 1 {
		v, ok, err := p.s.get(newKey(tagSums).account(acc).u64(next - 1))
		if err == nil && !ok {
			err = fmt.Errorf("%w: the totals of account %d behind its ledger entry %d are missing", ErrDamaged, acc, next-1)
		}
		if err != nil {
			return err
		}
		if t, err = parseTotals(v); err != nil {
			return err
		}
	}
	prefix := newKey(tagLedger).account(acc)
	it, err := p.s.db.NewIter(&pebble.IterOptions{LowerBound: append(key(nil), prefix...).u64(next), UpperBound: prefix.after()})
	if err != nil {
		return fmt.Errorf("history: trim: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		e, err := entryIn(acc, it.Key(), it.Value())
		if err != nil {
			return err
		}
		if e.Number != next {
			return fmt.Errorf("%w: ledger entry %d of account %d is missing", ErrDamaged, next, acc)
		}
		if p.last.id.Less(EventID{e.Seq, e.Ord}) {
			break
		}
		t.set(e.Asset, e.Total)
		p.drop(it.Key())
		next++
	}
	if err := it.Error(); err != nil || next == first {
		return err
	}
	for n := first - 1; n < next-1; n = (n/sumsEvery + 1) * sumsEvery { // the edge before, and the records between
		p.drop(newKey(tagSums).account(acc).u64(n))
	}
	p.edges = put(p.edges, acc, next)
	return p.b.Set(newKey(tagSums).account(acc).u64(next-1), t.append(nil), nil)
}

func put[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}

// firstKept returns the number of the account's first ledger entry that is there, false where there is none. It is
// remembered: in the store it lies behind everything that has been deleted.
func (s *Store) firstKept(acc wire.AccountID) (n uint64, ok bool, err error) {
	if n, ok := s.trim.next[acc]; ok {
		return n, true, nil
	}
	prefix := newKey(tagLedger).account(acc)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return 0, false, fmt.Errorf("history: trim: %w", err)
	}
	defer it.Close()
	if !it.First() {
		return 0, false, it.Error()
	}
	return numberIn(it.Key()), true, nil
}

func (p *pruning) commit() error {
	if err := p.b.Set(metaGone, p.last.append(nil), nil); err != nil {
		return err
	}
	was := p.s.gone.Load()
	p.s.gone.Store(&p.last) // before it is so: a reader may be told too early that something is gone, never too late
	if err := p.write(); err != nil {
		p.s.gone.Store(was)
		return err
	}
	if len(p.s.trim.next) > maxCachedAccounts {
		p.s.trim.next = nil
	}
	for acc, n := range p.edges {
		p.s.trim.next = put(p.s.trim.next, acc, n)
	}
	return nil
}

// write commits the batch, and with it the client ids of the orders that go.
func (p *pruning) write() error {
	p.s.commits.Lock()
	defer p.s.commits.Unlock()
	err := p.clientIDs()
	if err == nil {
		err = p.s.base.Guard(func() error { return p.b.Commit(pebble.NoSync) })
	}
	if err != nil {
		return fmt.Errorf("history: trim: %w", err)
	}
	return nil
}

// clientIDs removes client ids that no newer order has taken. Nobody else writes meanwhile.
func (p *pruning) clientIDs() error {
	for _, c := range p.ids {
		if c.id.IsEmpty() {
			continue
		}
		k := newKey(tagClientID).account(c.account).text(c.id)
		v, ok, err := p.s.get(k)
		if err != nil {
			return err
		}
		if ok && len(v) == 8 && wire.OrderID(binary.BigEndian.Uint64(v)) == c.order {
			p.drop(k)
		}
	}
	return nil
}

func (p *pruning) drop(k key) {
	if err := p.b.Delete(k, nil); err != nil {
		panic(err) // a batch in memory refuses only misuse
	}
}
