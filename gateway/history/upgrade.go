package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
	"uncross/gateway/storage"
)

// The formats that Open brings up to date. The second one says that somebody has begun to.
const (
	formatOne       = "uncross history 1"
	formatUpgrading = "uncross history 1 to 2"
)

// upgrade makes of a store of format 1 one of format 2. Format 1 had neither candles, nor what is held, nor an index of an
// account's events, nor totals between the ledger entries; all of it follows from the events and the ledger:
//
//	FORMAT: 1 to 2 ─▶ old balances, leftovers removed ─▶ the ledger, account by account: totals
//	      ─▶ the events in order: balances, candles, index, fills ─▶ balances held against the ledger ─▶ FORMAT: 2
//
// It writes in batches. After a crash it begins anew: what it writes does not depend on what it wrote before. Events,
// orders, the ledger and the position are not touched.
//
// Images are not stored, so that behind a gap nothing says how a balance was divided: all of it then counts as available,
// marked as an estimate, until the engine tells: with a deposit or withdrawal, or with a snapshot of exactly where the store
// is. Of an order that came with an image, what it asked for is told as its record has it.
type upgrade struct {
	w    *writer
	dir  string
	gaps []Gap
	// carried are, for each gap, the totals behind it. They are kept for stores with gaps only.
	carried []map[accountAsset]wire.Amount
	orders  map[wire.OrderID]OrderTerms // those that are open
}

// upgraded brings the store up to date where its format is an older one.
func (s *Store) upgraded(dir string, w *writer) error {
	format, err := storage.FormatOf(s.o.FS, dir)
	if err != nil || format == Format {
		return err
	}
	u := &upgrade{w: w, dir: dir, orders: map[wire.OrderID]OrderTerms{}}
	if u.gaps, err = gapsIn(s.db); err != nil {
		return err
	}
	w.upgrading = true
	if err := u.run(); err != nil {
		return fmt.Errorf("upgrade from %q: %w", format, err)
	}
	w.upgrading = false
	w.forget()
	return nil
}

func (u *upgrade) run() error {
	log := u.w.s.o.Logger
	log.Info("the history store is brought up to date; this is done once, and begins anew if it is stopped", "format", Format, "commands", u.w.pos.seq)
	if err := storage.SetFormat(u.w.s.o.FS, u.dir, formatUpgrading); err != nil {
		return err
	}
	for _, step := range []func() error{u.clear, u.ledger, u.events, u.compare} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := u.w.s.db.LogData(nil, pebble.Sync); err != nil {
		return err
	}
	if err := storage.SetFormat(u.w.s.o.FS, u.dir, Format); err != nil {
		return err
	}
	log.Info("the history store is up to date", "format", Format)
	return nil
}

// batch has fill put records into a batch, and commits it.
func (u *upgrade) batch(fill func() error) error {
	u.w.b = u.w.s.db.NewBatch()
	defer u.w.b.Close()
	if err := fill(); err != nil {
		return err
	}
	u.w.flush()
	u.w.news.clear()
	return u.w.s.commit(u.w.b)
}

// clear removes what is made anew.
func (u *upgrade) clear() error {
	return u.batch(func() error {
		for _, tag := range []byte{tagBalance, tagAccount, tagCandle, tagSums} {
			if err := u.w.b.DeleteRange(newKey(tag), newKey(tag).after(), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// every goes through the records of a prefix in batches.
func (u *upgrade) every(prefix key, do func(k, v []byte) error) error {
	it, err := u.w.s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; {
		err = u.batch(func() error {
			for n := 0; ok && n < batchEvents; n, ok = n+1, it.Next() {
				if err := do(it.Key(), it.Value()); err != nil {
					return err
				}
			}
			return nil
		})
		if len(u.w.balances.m) > maxCachedAccounts {
			u.w.forget()
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

// ledger goes through every account's ledger: totals now and then, and what the gaps carried.
func (u *upgrade) ledger() error {
	u.carried = make([]map[accountAsset]wire.Amount, len(u.gaps))
	for i := range u.carried {
		u.carried[i] = map[accountAsset]wire.Amount{}
	}
	var of ledgerWalk
	return u.every(newKey(tagLedger), func(k, v []byte) error {
		if len(k) != 1+4+8 {
			return fmt.Errorf("%w: key %x", ErrDamaged, k)
		}
		e, err := parseEntry(wire.AccountID(binary.BigEndian.Uint32(k[1:])), numberIn(k), v)
		if err != nil {
			return err
		}
		if of.totals == nil || of.account != e.Account {
			of = ledgerWalk{account: e.Account, totals: totals{}}
		}
		return u.entry(&of, &e)
	})
}

// ledgerWalk is where the walk through the ledger is.
type ledgerWalk struct {
	account wire.AccountID
	totals  totals
	carry   EventID // of the last index record for a carried balance
}

func (u *upgrade) entry(of *ledgerWalk, e *Entry) error {
	of.totals.set(e.Asset, e.Total)
	for i, g := range u.gaps {
		if e.Seq <= g.To {
			u.carried[i][accountAsset{e.Account, e.Asset}] = e.Total
		}
	}
	if e.Kind == Carry {
		u.carry(of, e)
	}
	if e.Number%sumsEvery == 0 {
		u.w.set(u.w.key(tagSums).account(e.Account).u64(e.Number), of.totals.append(u.w.v[:0]))
	}
	return nil
}

// carry indexes what a gap changed. In format 1 several entries may have the id of the image's end.
func (u *upgrade) carry(of *ledgerWalk, e *Entry) {
	at := wire.Event{Seq: e.Seq, Ord: e.Ord}
	if of.carry.Seq == at.Seq && at.Ord <= of.carry.Ord {
		at.Ord = of.carry.Ord + 1
	}
	of.carry = EventID{at.Seq, at.Ord}
	b := balance{available: e.Total, estimated: !e.Total.IsZero()}
	c := concern{carried: true, timeNs: e.TimeNs}
	c.changed(b.after(e.Asset))
	u.w.concerns(e.Account, &at, 0, &c)
}

// events goes through every event stored.
func (u *upgrade) events() error {
	told, gap := uint64(0), 0
	err := u.every(newKey(tagEvent), func(_, v []byte) error {
		e, err := parseEvent(v)
		if err != nil {
			return err
		}
		for ; gap < len(u.gaps) && u.gaps[gap].To < e.Seq; gap++ {
			if err := u.cross(gap); err != nil {
				return err
			}
		}
		if e.Seq >= told+1_000_000 {
			told = e.Seq
			u.w.s.o.Logger.Info("the history store is being brought up to date", "command", e.Seq, "of", u.w.pos.seq)
		}
		if err := u.event(&e); err != nil {
			return fmt.Errorf("event %d.%d: %w", e.Seq, e.Ord, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.batch(func() error {
		for ; gap < len(u.gaps); gap++ {
			if err := u.cross(gap); err != nil {
				return err
			}
		}
		return nil
	})
}

// cross takes over the totals behind a gap. What was open before it may be so no longer.
func (u *upgrade) cross(gap int) error {
	u.w.set(metaEstimates, nil)
	u.w.estimates = true
	for at, total := range u.carried[gap] {
		u.w.balances.change(at, balance{available: total, estimated: !total.IsZero()})
	}
	clear(u.orders)
	return nil
}

// event does with one event what the writer does with it, but for what format 1 has.
func (u *upgrade) event(e *wire.Event) error {
	switch e.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(e)
		in, err := u.w.instrument(m.Instrument)
		if err != nil {
			return err
		}
		u.orders[m.Order] = OrderTerms{m.ClientID, m.Price, m.Qty}
		return u.w.held(e, m.Account, heldAsset(in, m.Side), m.Held, wire.Amount{}, &concern{})
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(e)
		c, in, err := u.about(m.Order, m.Instrument)
		if err != nil {
			return err
		}
		u.orders[m.Order] = OrderTerms{m.ClientID, m.Price, m.Qty}
		return u.w.held(e, m.Account, heldAsset(in, m.Side), m.Held, m.Released, &c)
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(e)
		c, in, err := u.about(m.Order, m.Instrument)
		if err != nil {
			return err
		}
		delete(u.orders, m.Order)
		return u.w.held(e, m.Account, heldAsset(in, m.Side), wire.Amount{}, m.Released, &c)
	case wire.EvTrade:
		return u.trade(e)
	case wire.EvDeposited, wire.EvWithdrawn:
		return u.w.transferred(e)
	case wire.EvRejected, wire.EvOrderRejected:
		u.w.refused(e)
	}
	return nil
}

// about returns what an order asked for, as an index record, and its instrument.
func (u *upgrade) about(id wire.OrderID, instrument wire.InstrumentID) (c concern, in *wire.Instrument, err error) {
	c.hasTerms = true
	if c.terms, err = u.terms(id); err != nil {
		return c, nil, err
	}
	in, err = u.w.instrument(instrument)
	return c, in, err
}

// terms returns what an order asked for. Of an order that came with an image nothing but its record tells.
func (u *upgrade) terms(id wire.OrderID) (OrderTerms, error) {
	if t, ok := u.orders[id]; ok {
		return t, nil
	}
	o, ok, err := u.w.s.order(u.w.s.db, id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: order %d is not known", ErrDamaged, id)
	}
	return o.terms(), err
}

func (u *upgrade) trade(e *wire.Event) error {
	var m wire.Trade
	m.GetEvent(e)
	in, err := u.w.instrument(m.Instrument)
	if err != nil {
		return err
	}
	if err := u.w.candles.add(u.w.s, &m, e.TimeNs, u.w.setCandle); err != nil {
		return err
	}
	for _, s := range [...]struct {
		side wire.Side
		id   wire.OrderID
		acc  wire.AccountID
		left wire.Qty
	}{{wire.Buy, m.BuyOrder, m.BuyAccount, m.BuyLeft}, {wire.Sell, m.SellOrder, m.SellAccount, m.SellLeft}} {
		t, err := u.terms(s.id)
		if err != nil {
			return err
		}
		if t.ClientID, err = u.fillID(e, s.acc, s.side); err != nil {
			return err
		}
		if err := u.w.settle(e, &m, in, s.side, t); err != nil {
			return err
		}
		if s.left == 0 {
			delete(u.orders, s.id)
		}
	}
	return u.w.feeIncome(e, &m, in)
}

// fillID returns the client id that a fill is stored with, in either format.
func (u *upgrade) fillID(e *wire.Event, acc wire.AccountID, side wire.Side) (wire.Text, error) {
	v, ok, err := u.w.s.get(append(newKey(tagFill).account(acc).event(e.Seq, e.Ord), byte(side)))
	if err != nil {
		return wire.Text{}, err
	}
	if !ok {
		return wire.Text{}, fmt.Errorf("%w: the fill is missing", ErrDamaged)
	}
	if len(v) > 0 && v[0] < headEnd {
		c, err := parseConcern(v)
		return c.terms.ClientID, err
	}
	f := fields{b: v}
	id := f.text()
	return id, f.err("fill")
}

// compare holds every account's balances against the end of its ledger.
func (u *upgrade) compare() error {
	return u.every(newKey(tagNumber), func(k, _ []byte) error {
		if len(k) != 1+4 {
			return fmt.Errorf("%w: key %x", ErrDamaged, k)
		}
		return addsUp(u.w.s.db, wire.AccountID(binary.BigEndian.Uint32(k[1:])))
	})
}

// addsUp holds an account's balances against the end of its ledger.
func addsUp(r pebble.Reader, acc wire.AccountID) error {
	last, err := lastNumber(r, acc)
	if err != nil {
		return err
	}
	want, err := totalsBefore(r, acc, last+1)
	if err != nil {
		return err
	}
	bs, err := balancesIn(r, acc)
	if err != nil {
		return err
	}
	got := totals{}
	for _, b := range bs {
		got.set(b.Asset, b.Available.MustAdd(b.Held))
	}
	if !slices.Equal(got.append(nil), want.append(nil)) {
		return fmt.Errorf("%w: the balances of account %d are not what its ledger says", ErrDamaged, acc)
	}
	return nil
}
