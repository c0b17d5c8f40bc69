package history

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// Trades returns a page of an instrument's trades.
func (s *Store) Trades(in wire.InstrumentID, q Query) (Page[Trade], error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Page[Trade]{}, err
	}
	defer done()
	lo, hi, err := bounds(snap, &q, newKey(tagEvent), timeOfEvent)
	if err != nil {
		return Page[Trade]{}, err
	}
	prefix := newKey(tagTrade).u32(uint32(in))
	return page(snap, listing[Trade]{prefix: prefix, length: len(prefix) + 12, lo: lo, hi: hi, item: func(k, _ []byte) (Trade, bool, error) {
		t, err := tradeAt(snap, k[len(prefix):])
		return t, true, err
	}}, &q)
}

// Fills returns a page of an account's fills.
func (s *Store) Fills(acc wire.AccountID, q Query) (Page[Fill], error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Page[Fill]{}, err
	}
	defer done()
	lo, hi, err := bounds(snap, &q, newKey(tagEvent), timeOfEvent)
	if err != nil {
		return Page[Fill]{}, err
	}
	if q.Order != 0 { // its fills lie between its entry and its last change
		o, ok, err := s.order(snap, q.Order)
		if err != nil {
			return Page[Fill]{}, err
		}
		if !ok || o.Account != acc {
			return Page[Fill]{Items: []Fill{}, Next: q.Cursor}, nil
		}
		lo = max(lo, o.EnteredSeq)
		if end := o.UpdatedSeq + 1; hi == 0 || hi > end {
			hi = max(end, lo)
		}
	}
	prefix := newKey(tagFill).account(acc)
	return page(snap, listing[Fill]{prefix: prefix, length: len(prefix) + 13, lo: lo, hi: hi, item: func(k, v []byte) (Fill, bool, error) {
		f, err := fillAt(snap, acc, k[len(prefix):], v)
		wanted := (q.Instrument == 0 || f.Instrument == q.Instrument) && (q.Order == 0 || f.Order == q.Order)
		return f, wanted, err
	}}, &q)
}

// Orders returns a page of an account's orders, in the order of entry.
func (s *Store) Orders(acc wire.AccountID, q Query) (Page[Order], error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Page[Order]{}, err
	}
	defer done()
	lo, hi, err := bounds(snap, &q, newKey(tagOrder), func(k, v []byte) (int64, error) {
		o, err := parseOrder(wire.OrderID(binary.BigEndian.Uint64(k[1:])), v)
		return o.EnteredNs, err
	})
	if err != nil {
		return Page[Order]{}, err
	}
	prefix := newKey(tagOfAccount).account(acc)
	return page(snap, listing[Order]{prefix: prefix, length: len(prefix) + 8, lo: lo, hi: hi, item: func(k, _ []byte) (Order, bool, error) {
		id := wire.OrderID(binary.BigEndian.Uint64(k[len(prefix):]))
		o, ok, err := s.order(snap, id)
		if err == nil && !ok {
			err = fmt.Errorf("%w: order %d is in its account's list alone", ErrDamaged, id)
		}
		return o, q.Instrument == 0 || o.Instrument == q.Instrument, err
	}}, &q)
}

// Ledger returns a page of an account's ledger entries.
func (s *Store) Ledger(acc wire.AccountID, q Query) (Page[Entry], error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Page[Entry]{}, err
	}
	defer done()
	prefix := newKey(tagLedger).account(acc)
	entry := func(k, v []byte) (Entry, error) { return parseEntry(acc, binary.BigEndian.Uint64(k[len(prefix):]), v) }
	lo, hi, err := bounds(snap, &q, prefix, func(k, v []byte) (int64, error) {
		e, err := entry(k, v)
		return e.TimeNs, err
	})
	if err != nil {
		return Page[Entry]{}, err
	}
	return page(snap, listing[Entry]{prefix: prefix, length: len(prefix) + 8, lo: lo, hi: hi, item: func(k, v []byte) (Entry, bool, error) {
		e, err := entry(k, v)
		wanted := (q.Instrument == 0 || e.Instrument == q.Instrument) && (q.Order == 0 || e.Order == q.Order)
		return e, wanted, err
	}}, &q)
}

// Order returns an order by the venue's id.
func (s *Store) Order(id wire.OrderID) (Order, bool, error) {
	done, err := s.base.Use()
	if err != nil {
		return Order{}, false, err
	}
	defer done()
	return s.order(s.db, id)
}

// OrderByClientID returns the latest order of an account that has, or had before it was replaced, a client id.
func (s *Store) OrderByClientID(acc wire.AccountID, id wire.Text) (Order, bool, error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return Order{}, false, err
	}
	defer done()
	v, ok, err := get(snap, newKey(tagClientID).account(acc).text(id))
	if err != nil || !ok || id.IsEmpty() {
		return Order{}, false, err
	}
	if len(v) != 8 {
		return Order{}, false, fmt.Errorf("%w: client id %q of account %d", ErrDamaged, id, acc)
	}
	return s.order(snap, wire.OrderID(binary.BigEndian.Uint64(v)))
}

func (s *Store) order(r pebble.Reader, id wire.OrderID) (Order, bool, error) {
	v, ok, err := get(r, newKey(tagOrder).u64(uint64(id)))
	if err != nil || !ok {
		return Order{}, false, err
	}
	o, err := s.parseOrder(id, v)
	return o, err == nil, err
}

// parseOrder reads an order, and whether its end is lost.
func (s *Store) parseOrder(id wire.OrderID, v []byte) (Order, error) {
	o, err := parseOrder(id, v)
	// An image stamps every order that it has with its own command, the one before CompleteFrom.
	o.Lost = o.Status.Open() && o.UpdatedSeq+1 < s.from.Load()
	return o, err
}

// Events returns up to limit of the stored events of one command, in order. There are none of a command that only
// repeated an answer. The error is ErrTrimmed where they are no longer kept.
func (s *Store) Events(seq uint64, limit int) ([]wire.Event, error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	defer done()
	if g := s.gone.Load(); *g != (edge{}) && seq <= g.id.Seq {
		return nil, fmt.Errorf("%w: all that is behind command %d is", ErrTrimmed, g.id.Seq)
	}
	prefix := newKey(tagEvent).u64(seq)
	it, err := snap.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return nil, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	var es []wire.Event
	for ok := it.First(); ok && len(es) < limit; ok = it.Next() {
		e, err := parseEvent(it.Value())
		if err != nil {
			return nil, err
		}
		es = append(es, e)
	}
	return es, it.Error()
}

// VenueTrades returns up to limit trades of the venue in order, behind an event: of one instrument, or of all when in
// is 0. Last is where to go on; more says that there is something to go on to. It looks at no more than scanBudget events
// of any kind, so that there may be few trades, even none, and more. Behind an event that is no longer kept it begins with
// the first trade that is; Kept tells.
func (s *Store) VenueTrades(after EventID, in wire.InstrumentID, limit int) (trades []Trade, last EventID, more bool, err error) {
	done, err := s.base.Use()
	if err != nil {
		return nil, after, false, err
	}
	defer done()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: newKey(tagEvent).event(after.Seq, after.Ord), UpperBound: newKey(tagEvent).after()})
	if err != nil {
		return nil, after, false, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	last = after
	looked := 0
	for ok := it.First(); ok; ok = it.Next() {
		at, err := parseEventID(it.Key())
		if err != nil {
			return nil, after, false, err
		}
		if at == after {
			continue
		}
		if looked == scanBudget {
			return trades, last, true, nil
		}
		looked++
		if v := it.Value(); len(v) > 0 && wire.EventKind(v[0]) == wire.EvTrade {
			t, err := parseTrade(v)
			if err != nil {
				return nil, after, false, err
			}
			if in == 0 || t.Instrument == in {
				if len(trades) == limit {
					return trades, last, true, nil
				}
				trades = append(trades, t)
			}
		}
		last = at
	}
	return trades, last, false, it.Error()
}

// parseEventID reads the key of an event.
func parseEventID(k []byte) (EventID, error) {
	if len(k) != 13 {
		return EventID{}, fmt.Errorf("%w: key of an event", ErrDamaged)
	}
	return EventID{binary.BigEndian.Uint64(k[1:]), binary.BigEndian.Uint32(k[9:])}, nil
}

func timeOfEvent(_, v []byte) (int64, error) { return eventTime(v) }

// tradeAt reads the trade whose event id the 12 bytes of id are.
func tradeAt(r pebble.Reader, id []byte) (Trade, error) {
	v, closer, err := r.Get(append(newKey(tagEvent), id...))
	if err != nil {
		return Trade{}, fmt.Errorf("history: read trade %x: %w", id, err)
	}
	defer closer.Close()
	return parseTrade(v)
}

func parseTrade(v []byte) (Trade, error) {
	e, err := parseEvent(v)
	if err == nil && e.Kind != wire.EvTrade {
		err = fmt.Errorf("%w: event %d.%d is not a trade", ErrDamaged, e.Seq, e.Ord)
	}
	t := Trade{Seq: e.Seq, Ord: e.Ord, TimeNs: e.TimeNs}
	if err == nil {
		t.Trade.GetEvent(&e)
	}
	return t, err
}

// fillAt reads the fill whose event id and side the 13 bytes of id are.
func fillAt(r pebble.Reader, acc wire.AccountID, id, value []byte) (Fill, error) {
	t, err := tradeAt(r, id[:12])
	if err != nil {
		return Fill{}, err
	}
	c, err := parseConcern(value)
	if err != nil {
		return Fill{}, err
	}
	f := Fill{
		Account: acc, Instrument: t.Instrument, ClientID: c.terms.ClientID, Side: wire.Side(id[12]), Liquidity: Maker,
		Order: t.BuyOrder, Left: t.BuyLeft, Fee: t.BuyFee, Price: t.Price, Qty: t.Qty, Notional: t.Notional,
		Trade: t.Trade.Trade, Seq: t.Seq, Ord: t.Ord, TimeNs: t.TimeNs,
	}
	if f.Side == wire.Sell {
		f.Order, f.Left, f.Fee = t.SellOrder, t.SellLeft, t.SellFee
	}
	switch t.Taker {
	case 0:
		f.Liquidity = Crossed
	case f.Side:
		f.Liquidity = Taker
	}
	return f, nil
}

// get returns a copy of a value.
func (s *Store) get(k key) ([]byte, bool, error) { return get(s.db, k) }

func get(r pebble.Reader, k key) ([]byte, bool, error) {
	v, closer, err := r.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("history: read: %w", err)
	}
	v = append([]byte(nil), v...)
	return v, true, closer.Close()
}
