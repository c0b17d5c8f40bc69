package history

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// importing is an image that goes beyond what the store has. It is taken over in as many batches as it takes; the
// position moves with the last one. An image that a crash cuts off is taken over again, and finds its own writes.
type importing struct {
	seq  uint64
	seen map[accountAsset]struct{}
}

// imageEvent takes over what an image says that the store has not seen happen, and skips an image that tells no news.
func (w *writer) imageEvent(e *wire.Event) error {
	if e.Kind == wire.EvImageBegin {
		var m wire.Image
		m.GetEvent(e)
		w.skip = m.Seq <= w.pos.whole()
		w.image = nil
		w.heal = w.skip && w.estimates && w.pos.last && m.Seq == w.pos.seq
		if has := w.pos.whole(); !w.skip && has > 0 && !w.s.o.AcceptGap {
			return fmt.Errorf("%w: it ends at command %d, and the node's snapshot has command %d: the store has lost its end. Nothing was changed. What to do: restore the history directory from a backup; or move it away, and the history begins anew at the snapshot; or accept the gap (serve --accept-history-gap)",
				ErrGap, has, m.Seq)
		}
		if !w.skip {
			w.image = &importing{seq: m.Seq, seen: map[accountAsset]struct{}{}}
			w.s.o.Logger.Warn("the history store takes over an image: what happened before it is missing",
				"missing_from", w.pos.whole()+1, "missing_to", m.Seq)
		}
		return nil
	}
	if w.skip {
		return w.learn(e)
	}
	if w.image == nil {
		return fmt.Errorf("%w: an image without its beginning", ErrGap)
	}
	switch e.Kind {
	case wire.EvVenue:
		return w.venue(e)
	case wire.EvInstrument:
		w.define(e)
	case wire.EvImageBalance:
		var m wire.Balance
		m.GetEvent(e)
		at := accountAsset{m.Account, m.Asset}
		w.image.seen[at] = struct{}{}
		return w.carry(e, at, balance{available: m.Available, held: m.Held})
	case wire.EvOrderState:
		return w.imageOrder(e)
	case wire.EvImageEnd:
		return w.imageEnd(e)
	}
	return nil
}

// learn takes from an image of exactly where the store is how the balances are divided that are estimates.
func (w *writer) learn(e *wire.Event) error {
	if !w.heal {
		return nil
	}
	switch e.Kind {
	case wire.EvImageBalance:
		var m wire.Balance
		m.GetEvent(e)
		at, told := accountAsset{m.Account, m.Asset}, balance{available: m.Available, held: m.Held}
		b, err := w.balance(at)
		if err != nil || !b.estimated {
			return err
		}
		if b.total() != told.total() {
			return fmt.Errorf("%w: account %d has %v of asset %d here, %v in the engine", ErrDamaged, m.Account, b.total(), m.Asset, told.total())
		}
		w.balances.change(at, told)
	case wire.EvImageEnd:
		w.exact()
	}
	return nil
}

// exact forgets that there were estimates.
func (w *writer) exact() {
	if w.estimates {
		w.estimates, w.heal = false, false
		w.unset(metaEstimates)
	}
}

// carry brings an account's balance to what the image says, with one ledger entry for the difference of the total.
func (w *writer) carry(e *wire.Event, at accountAsset, want balance) error {
	b, err := w.balance(at)
	if err != nil || b == want {
		return err
	}
	w.balances.change(at, want)
	news := *e
	news.Seq = w.image.seq
	c := concern{carried: true, timeNs: e.TimeNs}
	c.changed(want.after(at.asset))
	w.concerns(at.account, &news, 0, &c)
	was, is := b.total(), want.total()
	if was == is {
		return nil
	}
	entry := Entry{Account: at.account, Kind: Carry, Asset: at.asset}
	if was.Less(is) {
		entry.Amount = is.MustSub(was)
	} else {
		entry.Amount, entry.Negative = was.MustSub(is), true
	}
	return w.enter(&news, &entry, is)
}

// imageOrder takes over an open order.
func (w *writer) imageOrder(e *wire.Event) error {
	var m wire.OrderState
	m.GetEvent(e)
	o, known, err := w.findOrder(m.Order)
	if err != nil {
		return err
	}
	if !known {
		o = w.newOrder(m.Order)
		o.EnteredSeq = w.image.seq
	}
	o.Partial = o.Partial || !known || o.Filled != m.Filled || o.Qty != m.Qty || o.Price != m.Price
	o.Account, o.Instrument, o.Side, o.Type, o.TIF, o.Flags = m.Account, m.Instrument, m.Side, m.Type, m.TIF, m.Flags
	o.Status, o.Price, o.Qty, o.Left, o.Filled = m.Status, m.Price, m.Qty, m.Qty-m.Filled, m.Filled
	o.Notional, o.EnteredNs, o.ClientID = m.Notional, m.EnteredNs, m.ClientID
	o.UpdatedNs, o.UpdatedSeq = e.TimeNs, w.image.seq
	w.indexOrder(o)
	return nil
}

// imageEnd takes the balances that the image does not have to zero, and moves the position behind the image.
func (w *writer) imageEnd(e *wire.Event) error {
	var m wire.Image
	m.GetEvent(e)
	if m.Seq != w.image.seq {
		return fmt.Errorf("%w: an image of command %d ends as one of %d", ErrGap, w.image.seq, m.Seq)
	}
	if err := w.clearUnseen(e); err != nil {
		return err
	}
	var to [8]byte
	binary.LittleEndian.PutUint64(to[:], m.Seq)
	w.set(w.key(tagGap).u64(w.pos.whole()+1), to[:])
	binary.LittleEndian.PutUint64(to[:], m.Seq+1)
	w.set(metaFrom, to[:])
	w.pos = position{seq: m.Seq, ord: ^uint32(0), last: true}
	w.now, w.end = e.TimeNs, EventID{w.pos.seq, w.pos.ord}
	w.s.from.Store(m.Seq + 1)
	w.exact()
	w.image = nil
	return nil
}

func (w *writer) clearUnseen(e *wire.Event) error {
	prefix := newKey(tagBalance)
	it, err := w.s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return err
	}
	defer it.Close()
	news := *e // each change has an id of its own: the image's end is its last event
	for it.First(); it.Valid(); it.Next() {
		k := it.Key()
		if len(k) != 9 {
			return fmt.Errorf("%w: key of a balance", ErrDamaged)
		}
		at := accountAsset{wire.AccountID(binary.BigEndian.Uint32(k[1:])), wire.AssetID(binary.BigEndian.Uint32(k[5:]))}
		if _, ok := w.image.seen[at]; !ok {
			if err := w.carry(&news, at, balance{}); err != nil {
				return err
			}
			news.Ord++
		}
	}
	return it.Error()
}

// Gaps returns every run of commands that the store has nothing of, oldest first.
func (s *Store) Gaps() ([]Gap, error) {
	done, err := s.base.Use()
	if err != nil {
		return nil, err
	}
	defer done()
	return gapsIn(s.db)
}

func gapsIn(r pebble.Reader) ([]Gap, error) {
	prefix := newKey(tagGap)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return nil, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	var gaps []Gap
	for it.First(); it.Valid(); it.Next() {
		if len(it.Key()) != 9 || len(it.Value()) != 8 {
			return nil, fmt.Errorf("%w: gap", ErrDamaged)
		}
		gaps = append(gaps, Gap{binary.BigEndian.Uint64(it.Key()[1:]), binary.LittleEndian.Uint64(it.Value())})
	}
	return gaps, it.Error()
}
