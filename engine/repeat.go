package engine

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// Repeats. A request that carries an id is remembered with its answer, under (account, space, id). Order requests (new,
// replace, cancel) share one space, so that a client id is used once in an account; deposits and withdrawals have one
// each, with their references as ids.
//
//	venue   ─ order requests ─▶ [oldest] ⇄ [ ] ⇄ [ ] ⇄ [ ] ⇄ [newest]      forgotten from the oldest end
//	account ─ its own ────────▶    └────────────▶ [ ] ───────▶ [ ]
//
// Order requests and transfers stand in queues of their own, each entry in two: the venue's and its account's. An account
// remembers RepeatsPerAccount order requests and as many transfers, all accounts together MaxRepeats of both. Order
// requests are forgotten after RepeatWindow, transfers however old only where there are too many. Forgetting is lazy: each
// new entry looks at the two oldest of its account's queue and at the two oldest of the venue, so that what an account
// left behind goes while others trade. Where the venue's memory is full, the oldest entries go, whosever they are, of the
// sort of which there are more: neither sort pushes the other out. An entry whose order is open under that id is not
// forgotten but goes to the newest end, so a queue may grow beyond its limit by open orders.
//
// What has been forgotten must not be applied a second time: an account knows the greatest sent time of what it forgot
// (its horizon), and refuses an id that it does not know when the client says that it was first sent before that, or
// before the window. A time far in the future is refused too: it could not be compared with a horizon later on. A client
// that does not say when it first sent a request (SentNs 0) is taken to send it now, and has no such protection once the
// entry is gone.

// space is a set of ids.
type space uint8

const (
	orderIDs    space = 1
	deposits    space = 2
	withdrawals space = 3
)

// The queues of an account.
const (
	orderQueue = iota
	transferQueue
	queues
)

// The lists that an entry stands in.
const (
	ofAccount = iota
	ofVenue
)

func (s space) queue() int {
	if s == orderIDs {
		return orderQueue
	}
	return transferQueue
}

// memory is how the running command will be remembered.
type memory struct {
	remembered bool // it has an id that has not been used
	space      space
	id         wire.Text
	print      [2]uint64 // fingerprint of its content
	index      uint64    // hash of account, space and id
	sent       int64
}

// repeat is a remembered request and its answer. What its command repeats is not in it.
type repeat struct {
	place      uint64 // grows along each list
	account    wire.AccountID
	space      space
	command    wire.CommandKind
	answer     wire.EventKind
	status     wire.OrderStatus // of a new order or a replace, when its command was done
	side       wire.Side        // replace, cancel
	kept       uint8            // replace
	reason     wire.Reason      // refusal
	instrument wire.InstrumentID
	id         wire.Text
	print      [2]uint64
	seq        uint64
	sent       int64
	order      wire.OrderID
	qty        wire.Qty    // new: total; replace and cancel: left
	filled     wire.Qty    // when its command was done
	amount     wire.Amount // new, replace: held; cancel: released; transfer: available
	second     wire.Amount // replace: released; transfer: held
	index      uint64
	same       slab.Handle // next with equal index
	links      [2]link     // ofAccount, ofVenue
	hash       uint64
}

func (r *repeat) in(which int) *link { return &r.links[which] }

// fingerprint returns 128 bits of the command's content: its kind and body. Who sent it, when, and over which gateway is
// no content.
func (e *Engine) fingerprint(c *wire.Command) (print [2]uint64) {
	x := mix(tagRequest, uint64(c.Kind))
	y := mix(tagRequest+prime3, uint64(c.Kind))
	for i := 0; i < len(c.Body); i += 8 {
		w := word8(c.Body[i : i+8])
		x, y = mix(x, w), mix(y, w^x)
	}
	return [2]uint64{seal(x), seal(y)}
}

func (e *Engine) requestHash(a wire.AccountID, s space, id *wire.Text) uint64 {
	h := mix(mix(tagRequest, word8(e.venue.ClusterID[:8])), word8(e.venue.ClusterID[8:]))
	return seal(mixText(mix(h, uint64(a)<<8|uint64(s)), id))
}

// recall returns the remembered request of an id.
func (e *Engine) recall(a wire.AccountID, s space, id *wire.Text, index uint64) (slab.Handle, *repeat) {
	h, _ := e.byRequest.Get(index)
	return e.recallFrom(h, a, s, id)
}

// recallFrom is recall in the chain that begins with entry h.
func (e *Engine) recallFrom(h slab.Handle, a wire.AccountID, s space, id *wire.Text) (slab.Handle, *repeat) {
	for ; h != 0; h = e.repeats.At(h).same {
		r := e.repeats.At(h)
		if r.account == a && r.space == s && r.id == *id {
			return h, r
		}
	}
	return 0, nil
}

// recognise judges the id of the running command, which names its account already. It returns the first request where the
// command repeats it. Otherwise the command is set to be remembered. The entry is valid until anything changes.
func (e *Engine) recognise(c *wire.Command, s space, id *wire.Text) (*repeat, wire.Reason) {
	q := &e.running
	index := e.requestHash(q.account, s, id)
	print := e.fingerprint(c)
	_, first := e.recall(q.account, s, id, index)
	if first != nil {
		if first.print == print {
			return first, wire.ReasonNone
		}
		q.order = first.order
		return nil, wire.DuplicateClientID
	}
	sent := c.SentNs
	switch horizon := e.accounts.At(handle(q.account)).queue[s.queue()].horizon; {
	case sent <= 0:
		sent = e.now
	case sent <= horizon || sent < e.now-RepeatWindow:
		return nil, wire.TooOld
	case sent > e.now+FutureSent:
		return nil, wire.SentInFuture
	}
	q.memory = memory{remembered: true, space: s, id: *id, print: print, index: index, sent: sent}
	return nil, wire.ReasonNone
}

// remember files the answer r of the running command, if it has an id, and forgets what is due.
func (e *Engine) remember(r repeat) {
	q := &e.running
	if !q.remembered {
		return
	}
	r.account, r.space, r.command = q.account, q.space, q.kind
	r.id, r.print, r.index = q.id, q.print, q.index
	r.seq, r.sent = e.seq, q.sent
	e.place++
	r.place = e.place
	h := e.repeats.Alloc()
	*e.repeats.Mut(h) = r
	e.file(h)
	e.forgetOfAccount(r.account, r.space.queue())
	e.forgetOfVenue()
}

// file puts a new entry into the index and at the newest end of its queues.
func (e *Engine) file(h slab.Handle) {
	r := e.repeats.Mut(h)
	r.same = e.byRequest.Put(r.index, h)
	e.append(h)
	e.rehashRepeat(h)
}

func (e *Engine) append(h slab.Handle) {
	r := e.repeats.At(h)
	a, k := handle(r.account), r.space.queue()
	push(e.repeats, &e.accounts.Mut(a).queue[k].list, ofAccount, h)
	push(e.repeats, &e.past[k], ofVenue, h)
}

func (e *Engine) unlink(h slab.Handle) {
	r := e.repeats.At(h)
	a, k := handle(r.account), r.space.queue()
	unlink(e.repeats, &e.accounts.Mut(a).queue[k].list, ofAccount, h)
	unlink(e.repeats, &e.past[k], ofVenue, h)
}

// forgetOfAccount looks at the two oldest entries of an account's queue, which are due where it has too many.
func (e *Engine) forgetOfAccount(a wire.AccountID, queue int) {
	for range 2 {
		if q := &e.accounts.At(handle(a)).queue[queue]; q.n > e.bounds.repeatsPerAccount {
			e.pass(q.head)
		}
	}
}

// forgetOfVenue looks at the two oldest entries of the venue, which are due where it has too many, and where they are order
// requests that are too old.
func (e *Engine) forgetOfVenue() {
	for range 2 {
		full, queue := e.repeats.Len() > e.bounds.repeats, orderQueue
		if full && e.past[transferQueue].n > e.past[orderQueue].n {
			queue = transferQueue
		}
		h := e.past[queue].head
		if h == 0 || !full && e.repeats.At(h).sent >= e.now-RepeatWindow {
			return
		}
		e.pass(h)
	}
}

// pass forgets an entry that is due, or renews it where it names an open order.
func (e *Engine) pass(h slab.Handle) {
	if e.namesOpenOrder(e.repeats.At(h)) {
		e.renew(h)
	} else {
		e.forget(h)
	}
}

// namesOpenOrder reports whether the entry is how an open order is found by its client id.
func (e *Engine) namesOpenOrder(r *repeat) bool {
	if r.answer != wire.EvOrderAccepted && r.answer != wire.EvOrderReplaced {
		return false
	}
	h, open := e.byOrder.Get(uint64(r.order))
	return open && e.orders.At(h).clientID == r.id
}

// renew moves an entry to the newest end.
func (e *Engine) renew(h slab.Handle) {
	e.unlink(h)
	e.place++
	e.repeats.Mut(h).place = e.place
	e.append(h)
	e.rehashRepeat(h)
}

// forget removes an entry and moves the account's horizon.
func (e *Engine) forget(h slab.Handle) {
	e.unlink(h)
	r := *e.repeats.At(h)
	if first, _ := e.byRequest.Get(r.index); first != h {
		for e.repeats.At(first).same != h {
			first = e.repeats.At(first).same
		}
		e.repeats.Mut(first).same = r.same
	} else if r.same != 0 {
		e.byRequest.Put(r.index, r.same)
	} else {
		e.byRequest.Delete(r.index)
	}
	e.sum -= r.hash
	e.repeats.Free(h)
	q := &e.accounts.Mut(handle(r.account)).queue[r.space.queue()]
	if r.sent > q.horizon {
		q.horizon = r.sent
		e.rehashAccount(r.account)
	}
}

func (e *Engine) rehashRepeat(h slab.Handle) {
	r := e.repeats.Mut(h)
	e.refile(&r.hash, r.term())
}

func (r *repeat) term() uint64 {
	x := mix(mix(tagRepeat, r.place), uint64(r.account)<<32|uint64(r.instrument))
	x = mix(x, uint64(r.space)|uint64(r.command)<<8|uint64(r.answer)<<16|uint64(r.status)<<24|
		uint64(r.side)<<32|uint64(r.kept)<<40|uint64(r.reason)<<48)
	x = mixText(x, &r.id)
	x = mix(mix(x, r.print[0]), r.print[1])
	x = mix(mix(x, r.seq), uint64(r.sent))
	x = mix(mix(mix(x, uint64(r.order)), uint64(r.qty)), uint64(r.filled))
	return seal(mixAmount(mixAmount(x, r.amount), r.second))
}

// outcome is what the first request came to.
func (r *repeat) outcome() wire.Outcome {
	return wire.Outcome{Seq: r.seq, Status: r.status, Filled: r.filled}
}
