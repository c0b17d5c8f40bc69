package view

import (
	"fmt"
	"hash/maphash"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// order is an open order with its places in its account's list and in its chain of equal client id hashes.
type order struct {
	Order
	prev, next slab.Handle
	chain      slab.Handle
	priority   uint64 // place in the queue: of two orders of one price the smaller number trades first; 0: it is given with the next rest
	inBook     bool
}

// addOrder puts a new order behind the account's others: ids only grow.
func (s *state) addOrder(o Order) slab.Handle {
	h := s.orders.Alloc()
	s.orders.Mut(h).Order = o
	s.orderIndex.Put(uint64(o.ID), h)
	s.chainIn(h)
	s.link(h)
	return h
}

func (s *state) link(h slab.Handle) {
	o := s.orders.Mut(h)
	a := at(s.accounts, o.Account)
	o.prev = a.last
	if a.last != 0 {
		s.orders.Mut(a.last).next = h
	} else {
		a.first = h
	}
	a.last = h
	a.open++
}

// dropOrder takes an order out of everything.
func (s *state) dropOrder(h slab.Handle) {
	o := s.orders.Mut(h)
	s.outOfBook(o)
	s.chainOut(h)
	s.orderIndex.Delete(uint64(o.ID))
	a := at(s.accounts, o.Account)
	if o.prev != 0 {
		s.orders.Mut(o.prev).next = o.next
	} else {
		a.first = o.next
	}
	if o.next != 0 {
		s.orders.Mut(o.next).prev = o.prev
	} else {
		a.last = o.prev
	}
	a.open--
	if s.entering == h {
		s.entering = 0
	}
	s.orders.Free(h)
}

// order returns the handle of an order that must be there.
func (s *state) order(id wire.OrderID) slab.Handle {
	h, ok := s.orderIndex.Get(uint64(id))
	if !ok {
		panic(fmt.Sprintf("view: order %d is not open", id))
	}
	return h
}

// intoBook adds what is left of an order to its level, behind the others there unless it has kept its priority.
func (s *state) intoBook(o *order) {
	if o.priority == 0 {
		s.priority++
		o.priority = s.priority
	}
	s.side(o).add(o.Price, o.Left, 1)
	o.inBook = true
}

func (s *state) outOfBook(o *order) {
	if o.inBook {
		s.side(o).add(o.Price, -o.Left, -1)
		o.inBook = false
	}
}

func (s *state) side(o *order) *levels {
	in := s.instrument(o.Instrument)
	if o.Side == wire.Buy {
		return &in.bids
	}
	return &in.asks
}

// clientKey hashes an account's client id. Clients choose ids freely, so the hash is a seeded one.
func (s *state) clientKey(acc wire.AccountID, id wire.Text) uint64 {
	return maphash.Comparable(s.seed, struct {
		acc wire.AccountID
		id  wire.Text
	}{acc, id})
}

func (s *state) chainIn(h slab.Handle) {
	o := s.orders.Mut(h)
	if o.ClientID.IsEmpty() {
		return
	}
	key := s.clientKey(o.Account, o.ClientID)
	o.chain, _ = s.clientIndex.Get(key)
	s.clientIndex.Put(key, h)
}

func (s *state) chainOut(h slab.Handle) {
	o := s.orders.Mut(h)
	if o.ClientID.IsEmpty() {
		return
	}
	key := s.clientKey(o.Account, o.ClientID)
	first, _ := s.clientIndex.Get(key)
	switch {
	case first == h && o.chain == 0:
		s.clientIndex.Delete(key)
	case first == h:
		s.clientIndex.Put(key, o.chain)
	default:
		for p := first; p != 0; p = s.orders.At(p).chain {
			if s.orders.At(p).chain == h {
				s.orders.Mut(p).chain = o.chain
				break
			}
		}
	}
	o.chain = 0
}

// byClientID returns an account's open order of a client id, 0 where there is none.
func (s *state) byClientID(acc wire.AccountID, id wire.Text) slab.Handle {
	if id.IsEmpty() {
		return 0
	}
	h, _ := s.clientIndex.Get(s.clientKey(acc, id))
	for h != 0 {
		o := s.orders.At(h)
		if o.Account == acc && o.ClientID == id {
			return h
		}
		h = o.chain
	}
	return 0
}
