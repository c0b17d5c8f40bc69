package engine

import (
	"errors"
	"strconv"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// broken is an invariant that does not hold, with the number of the object that it was found at.
func broken(what string, id uint64) error {
	return errors.New("engine: " + what + " (at " + strconv.FormatUint(id, 10) + ")")
}

// CheckConservation reports an asset whose balances do not sum to what was deposited less what was withdrawn.
func (e *Engine) CheckConservation() error {
	sums := make([]wire.Amount, e.assets.Len()+1)
	for h := slab.Handle(1); h <= e.balances.High(); h++ {
		b := e.balances.At(h)
		sum, ok1 := sums[b.asset].Add(b.available)
		sum, ok2 := sum.Add(b.held)
		if !ok1 || !ok2 {
			return broken("the balances of an asset are more than can be counted", uint64(b.asset))
		}
		sums[b.asset] = sum
	}
	for h := slab.Handle(1); int(h) <= e.assets.Len(); h++ {
		if sums[h] != e.assets.At(h).issued {
			return broken("the balances of an asset do not sum to what was issued of it", uint64(h))
		}
	}
	return nil
}

// Validate recomputes every invariant of the state from scratch and reports the first that does not hold. Its time and
// memory grow with the whole state.
func (e *Engine) Validate() error {
	checks := []func() error{
		e.CheckConservation, e.validateTerms, e.validateBalances, e.validateOrders, e.validateLists,
		e.validateBooks, e.validateRepeats, e.validateDefinitions,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// validateTerms recomputes both incremental sums.
func (e *Engine) validateTerms() error {
	sum := terms(e.assets, (*asset).term) + terms(e.instruments, (*instrument).term) + terms(e.firms, (*firm).term) +
		terms(e.users, (*user).term) + terms(e.keys, (*key).term) + terms(e.accounts, (*account).term) +
		terms(e.orders, (*order).term) + terms(e.repeats, (*repeat).term) + terms(e.sessions, (*session).term)
	if sum != e.sum {
		return broken("the full hash is not that of the state", e.seq)
	}
	if terms(e.balances, (*balance).term) != e.money {
		return broken("the money hash is not that of the balances", e.seq)
	}
	return nil
}

func terms[T any](s *slab.Slab[T], term func(*T) uint64) (sum uint64) {
	for h := slab.Handle(1); h <= s.High(); h++ {
		if s.Live(h) {
			sum += term(s.At(h))
		}
	}
	return sum
}

// validateBalances holds every balance against its account's open orders.
func (e *Engine) validateBalances() error {
	held := make([]wire.Amount, e.balances.High()+1)
	uses := make([]uint32, e.balances.High()+1)
	for h := slab.Handle(1); h <= e.instruments.High(); h++ {
		uses[e.instruments.At(h).feeTo]++
	}
	for h := slab.Handle(1); h <= e.orders.High(); h++ {
		if e.orders.Live(h) {
			o := e.orders.At(h)
			sum, ok := held[o.pays()].Add(o.held)
			if !ok {
				return broken("orders hold more than can be counted, account", uint64(o.account))
			}
			held[o.pays()] = sum
			uses[o.base]++
			uses[o.quote]++
		}
	}
	for h := slab.Handle(1); h <= e.balances.High(); h++ {
		b := e.balances.At(h)
		if !e.balances.Live(h) && uses[h] == 0 {
			continue
		}
		if b.uses != uses[h] || uses[h] == 0 && b.isEmpty() {
			return broken("a balance is used by others than it counts, account", uint64(b.account))
		}
		if b.held != held[h] {
			return broken("a balance holds something else than its orders do, account", uint64(b.account))
		}
		if at, ok := e.byBalance.Get(balanceKey(b.account, b.asset)); !ok || at != h {
			return broken("a balance is not in the index, account", uint64(b.account))
		}
	}
	if e.byBalance.Len() != e.balances.Len() {
		return broken("the index of balances has other balances", uint64(e.byBalance.Len()))
	}
	return nil
}

func (e *Engine) validateOrders() error {
	for h := slab.Handle(1); h <= e.orders.High(); h++ {
		if !e.orders.Live(h) {
			continue
		}
		o := e.orders.At(h)
		id := uint64(o.id)
		in := e.instruments.At(handle(o.instrument))
		rests, found := e.book(o.instrument).Get(o.id)
		at, indexed := e.byOrder.Get(id)
		switch {
		case o.left() < 1 || o.filled < 0 || o.slack >= part || o.id > e.orderID:
			return broken("an open order is out of bounds", id)
		case o.held != o.mustHold(in):
			return broken("an order does not hold what it needs", id)
		case !found || rests != o.resting(h):
			return broken("an open order is not as its book has it", id)
		case !indexed || at != h:
			return broken("an open order is not in the index", id)
		case e.balances.At(o.base).asset != in.def.Base || e.balances.At(o.quote).asset != in.def.Quote,
			e.balances.At(o.base).account != o.account || e.balances.At(o.quote).account != o.account:
			return broken("an order has the wrong balances", id)
		}
	}
	if e.byOrder.Len() != e.orders.Len() {
		return broken("the index of orders has other orders", uint64(e.byOrder.Len()))
	}
	return nil
}

// validateLists walks the open orders of every account.
func (e *Engine) validateLists() error {
	total := 0
	for id := 1; id <= e.accounts.Len(); id++ {
		l := e.accounts.At(slab.Handle(id)).open
		prev, last, n := slab.Handle(0), wire.OrderID(0), uint32(0)
		for h := l.head; h != 0; h = e.orders.At(h).next {
			o := e.orders.At(h)
			if int(o.account) != id || o.prev != prev || o.id <= last {
				return broken("an account's open orders are linked wrongly", uint64(id))
			}
			prev, last = h, o.id
			n++
		}
		if l.tail != prev || l.n != n || n > MaxOpenOrdersPerAccount {
			return broken("an account's open orders are counted wrongly", uint64(id))
		}
		total += int(n)
	}
	if total != e.orders.Len() {
		return broken("an open order is in no account's list", uint64(total))
	}
	return nil
}

func (e *Engine) validateBooks() error {
	total, sum := 0, uint64(0)
	for i, b := range e.books {
		if err := b.Validate(); err != nil {
			return err
		}
		total += b.Len()
		sum += bookTerm(wire.InstrumentID(i+1), b)
	}
	if err := e.validateCrossed(); err != nil {
		return err
	}
	if total != e.orders.Len() {
		return broken("the books have other orders", uint64(total))
	}
	if sum != e.bookSum {
		return broken("the books' hash is not that of the books", e.seq)
	}
	return nil
}

func (e *Engine) validateCrossed() error {
	for i, b := range e.books {
		phase := e.instruments.At(slab.Handle(i + 1)).phase
		if (phase == wire.Continuous || phase == wire.Closed) && b.Crossed() {
			return broken("an instrument is crossed outside an auction", uint64(i+1))
		}
	}
	return nil
}

// validateRepeats walks the memory of the venue and of every account.
func (e *Engine) validateRepeats() error {
	ofAll, ofAccounts := 0, 0
	for k := range queues {
		if err := e.validateQueue(&e.past[k], ofVenue, k, 0); err != nil {
			return err
		}
		ofAll += int(e.past[k].n)
		for id := 1; id <= e.accounts.Len(); id++ {
			l := &e.accounts.At(slab.Handle(id)).queue[k].list
			if err := e.validateQueue(l, ofAccount, k, wire.AccountID(id)); err != nil {
				return err
			}
			ofAccounts += int(l.n)
		}
	}
	if ofAll != e.repeats.Len() || ofAccounts != e.repeats.Len() {
		return broken("a remembered request is in no queue", uint64(e.repeats.Len()))
	}
	return nil
}

// validateQueue walks one list of remembered requests, of an account or of all (0).
func (e *Engine) validateQueue(l *list, which, queue int, id wire.AccountID) error {
	prev, place, n := slab.Handle(0), uint64(0), uint32(0)
	for h := l.head; h != 0; h = e.repeats.At(h).links[which].next {
		r := e.repeats.At(h)
		found, _ := e.recall(r.account, r.space, &r.id, r.index)
		if id != 0 && r.account != id || r.space.queue() != queue || r.links[which].prev != prev ||
			r.place <= place || r.place > e.place || found != h {
			return broken("remembered requests are filed wrongly, account", uint64(id))
		}
		prev, place = h, r.place
		n++
	}
	if l.tail != prev || l.n != n {
		return broken("remembered requests are counted wrongly, account", uint64(id))
	}
	return nil
}

func (e *Engine) validateDefinitions() error {
	operators := 0
	for id := 1; id <= e.keys.Len(); id++ {
		if k := &e.keys.At(slab.Handle(id)).def; k.Role == wire.Operator && k.Revoked == 0 {
			operators++
		}
	}
	if operators != e.operators || e.rules != 0 && operators == 0 {
		return broken("the operator keys are counted wrongly", uint64(e.operators))
	}
	if len(e.books) != e.instruments.Len() {
		return broken("an instrument has no book", uint64(len(e.books)))
	}
	return nil
}
