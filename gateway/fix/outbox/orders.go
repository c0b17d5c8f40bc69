package outbox

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// order is an open order with the session that entered it and its places in that session's list.
type order struct {
	OpenOrder
	session    wire.SessionID // 0: none
	stored     bool           // its session is, or may be, on the disk
	prev, next slab.Handle
	chain      slab.Handle // next with an equal hash of account and client id
}

// orders is the table of all open orders: also of those that no session entered, for drop copies and for requests that
// name them.
type orders struct {
	slab    slab.Slab[order]
	index   slab.Index // order id
	clients slab.Index // hash of account and client id: first of a chain
}

// list is a session's open orders, in the order of ids.
type list struct{ first, last slab.Handle }

func (t *orders) add(o order) slab.Handle {
	h := t.slab.Alloc()
	*t.slab.Mut(h) = o
	t.index.Put(uint64(o.ID), h)
	t.chainIn(h)
	return h
}

// find returns an open order for changing, nil where there is none.
func (t *orders) find(id wire.OrderID) (slab.Handle, *order) {
	h, ok := t.index.Get(uint64(id))
	if !ok {
		return 0, nil
	}
	return h, t.slab.Mut(h)
}

// link puts an order behind the others of its session: ids only grow.
func (t *orders) link(l *list, h slab.Handle) {
	o := t.slab.Mut(h)
	o.prev = l.last
	if l.last != 0 {
		t.slab.Mut(l.last).next = h
	} else {
		l.first = h
	}
	l.last = h
}

// drop takes an order out; l is its session's list, nil where it has none.
func (t *orders) drop(l *list, h slab.Handle) {
	o := t.slab.Mut(h)
	if l != nil {
		if o.prev != 0 {
			t.slab.Mut(o.prev).next = o.next
		} else {
			l.first = o.next
		}
		if o.next != 0 {
			t.slab.Mut(o.next).prev = o.prev
		} else {
			l.last = o.prev
		}
	}
	t.chainOut(h)
	t.index.Delete(uint64(o.ID))
	t.slab.Free(h)
}

// Order returns an open order and the session that entered it, 0 where no session did.
func (s *Store) Order(id wire.OrderID) (OpenOrder, wire.SessionID, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.orders.index.Get(uint64(id))
	if !ok {
		return OpenOrder{}, 0, false
	}
	o := s.orders.slab.At(h)
	return o.OpenOrder, o.session, true
}

// OpenOrders returns up to limit of the open orders that the session entered, in the order of ids, from the first one
// after a given id on (0: from the start). A page that follows one whose last order has ended meanwhile takes a walk from
// the start.
func (x *Session) OpenOrders(after wire.OrderID, limit int) []OpenOrder {
	s := x.s
	var page []OpenOrder
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := x.w.open.first
	if at, ok := s.orders.index.Get(uint64(after)); ok && s.orders.slab.At(at).session == x.id {
		h = s.orders.slab.At(at).next
	}
	for ; h != 0 && len(page) < limit; h = s.orders.slab.At(h).next {
		if o := s.orders.slab.At(h); o.ID > after {
			page = append(page, o.OpenOrder)
		}
	}
	return page
}
