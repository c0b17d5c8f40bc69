package engine

import (
	"strconv"

	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// A snapshot's records are first put into their slabs, in their order, so that their handles are the numbers from 1. What
// leads from one to another then follows for all of them together: a step for each record would wait for memory each time.

// fileOrders puts the orders into their accounts' lists, the index and their books.
func (l *loader) fileOrders() error {
	e := l.e
	ids := make([]slab.Entry, e.orders.High())
	for h := e.orders.High(); h > 0; h-- {
		o := e.orders.Mut(h)
		lead(&l.open[o.account-1], 0, o, h)
		ids[h-1] = slab.Entry{Key: uint64(o.id), H: h}
	}
	e.byOrder.Fill(ids, nil)
	for i, open := range l.open {
		e.accounts.Mut(slab.Handle(i + 1)).open = open
	}
	for i := range e.books {
		if err := l.fileBook(i); err != nil {
			return err
		}
	}
	return nil
}

// fileBook fills the book of an instrument, from 0, with its orders.
func (l *loader) fileBook(i int) error {
	e, pending, last := l.e, l.pending[i], wire.OrderID(0)
	sortKeyed(pending)
	full := e.books[i].Restore(func(yield func(book.Order) bool) {
		for i, p := range pending {
			if i%fetched == 0 {
				for _, p := range pending[i:min(i+fetched, len(pending))] {
					l.seen += e.orders.At(p.h).touch()
				}
			}
			o := e.orders.At(p.h)
			if last = o.id; !yield(o.resting(p.h)) {
				return
			}
		}
	})
	if n := len(pending); !full || n > 0 && pending[n-1].key > l.priorities[i] {
		return secOrders.fault("order " + strconv.FormatUint(uint64(last), 10) + " does not go into its book")
	}
	e.books[i].SetPriority(l.priorities[i])
	e.rehashBook(wire.InstrumentID(i + 1))
	return nil
}

// fileRepeats puts the remembered requests into their accounts' queues and the index.
func (l *loader) fileRepeats() error {
	e := l.e
	hashes := make([]slab.Entry, e.repeats.High())
	for h := e.repeats.High(); h > 0; h-- {
		r := e.repeats.Mut(h)
		lead(&l.queues[r.account-1][r.space.queue()], ofAccount, r, h)
		hashes[h-1] = slab.Entry{Key: r.index, H: h}
	}
	for i := range l.queues {
		a := e.accounts.Mut(slab.Handle(i + 1))
		for k := range queues {
			a.queue[k].list = l.queues[i][k]
		}
	}
	twice := false
	e.byRequest.Fill(hashes, func(h, was slab.Handle) {
		r := e.repeats.Mut(h)
		if _, first := e.recallFrom(was, r.account, r.space, &r.id); first != nil {
			twice = true
		}
		r.same = was
	})
	if twice {
		return secRepeats.fault("an id stands twice")
	}
	return nil
}
