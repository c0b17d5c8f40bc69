package view

import (
	"cmp"
	"slices"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Balance returns an account's balance of one asset; zero where it never had any.
func (v *View) Balance(acc wire.AccountID, asset wire.AssetID) Balance {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if h, ok := v.s.balanceIndex.Get(uint64(acc)<<32 | uint64(asset)); ok {
		return v.s.balances.At(h).Balance
	}
	return Balance{Asset: asset}
}

// Balances returns an account's balances of every asset that it has or had, in the order of asset ids.
func (v *View) Balances(acc wire.AccountID) []Balance {
	out := []Balance{}
	v.mu.RLock()
	if a := at(v.s.accounts, acc); a != nil {
		for h := a.balances; h != 0; h = v.s.balances.At(h).next {
			out = append(out, v.s.balances.At(h).Balance)
		}
	}
	v.mu.RUnlock()
	slices.SortFunc(out, func(a, b Balance) int { return cmp.Compare(a.Asset, b.Asset) })
	return out
}

// Order returns an open order by the venue's id.
func (v *View) Order(id wire.OrderID) (Order, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	h, _ := v.s.orderIndex.Get(uint64(id))
	return v.s.openOrder(h)
}

// OrderByClientID returns an account's open order by its latest client id.
func (v *View) OrderByClientID(acc wire.AccountID, id wire.Text) (Order, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.s.openOrder(v.s.byClientID(acc, id))
}

func (s *state) openOrder(h slab.Handle) (Order, bool) {
	if h == 0 {
		return Order{}, false
	}
	return s.orders.At(h).Order, true
}

// OpenOrders returns up to limit of an account's open orders, in one instrument or in all (0), in the order of ids from
// the first one after a given id (0: from the start). more tells that there are further ones.
func (v *View) OpenOrders(acc wire.AccountID, in wire.InstrumentID, after wire.OrderID, limit int) (orders []Order, more bool) {
	orders = []Order{}
	v.mu.RLock()
	defer v.mu.RUnlock()
	a := at(v.s.accounts, acc)
	if a == nil {
		return orders, false
	}
	h := a.first
	if last, ok := v.s.orderIndex.Get(uint64(after)); ok && v.s.orders.At(last).Account == acc {
		h = v.s.orders.At(last).next
	}
	for ; h != 0; h = v.s.orders.At(h).next {
		o := v.s.orders.At(h)
		if o.ID <= after || (in != 0 && o.Instrument != in) {
			continue
		}
		if len(orders) >= limit {
			return orders, true
		}
		orders = append(orders, o.Order)
	}
	return orders, false
}

// Book returns the best levels of an instrument, up to depth on each side (0: all).
func (v *View) Book(id wire.InstrumentID, depth int) (Book, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := at(v.s.instruments, id)
	if p == nil {
		return Book{}, false
	}
	return Book{
		Instrument: id, Seq: v.s.seq, TimeNs: v.s.timeNs, Sequence: (*p).book.seq,
		Bids: (*p).bids.best(depth, true), Asks: (*p).asks.best(depth, false),
	}, true
}

// Trades returns up to limit of an instrument's latest trades, newest first.
func (v *View) Trades(id wire.InstrumentID, limit int) ([]Trade, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := at(v.s.instruments, id)
	if p == nil {
		return nil, false
	}
	return (*p).trades.latest(max(limit, 0)), true
}

// TimeNs returns the engine time of the last command that reads see.
func (v *View) TimeNs() int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.s.timeNs
}

// Status returns the view's own state in numbers.
func (v *View) Status() Status {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s := v.s
	st := Status{
		Initialised: s.initialised, Venue: s.venue.Venue, ClusterID: s.venue.ClusterID, Applied: s.seq, TimeNs: s.timeNs,
		HashSeq: s.hashSeq, Hash: s.hash, Assets: len(s.assets), Instruments: len(s.instruments), Firms: len(s.firms),
		Users: len(s.users), Keys: len(s.keys), Accounts: len(s.accounts), OpenOrders: s.orders.Len(),
		Sessions: len(s.sessions),
	}
	if f := at(s.firms, wire.VenueFirm); f != nil && st.Venue.IsEmpty() {
		st.Venue = f.Name
	}
	return st
}
