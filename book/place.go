package book

import (
	"iter"

	"uncross/internal/slab"
)

// The ends of the prices: what a market order is limited to.
const (
	maxPrice Price = 1<<63 - 1
	minPrice Price = -1 << 63
)

// Outcome says what became of an order.
type Outcome uint8

// The outcomes. The first four end a proper entry or amendment; with the others nothing has changed.
const (
	Rested  Outcome = 1 + iota // what did not trade rests in the book
	Filled                     // traded completely
	Dropped                    // what did not trade at once was dropped (IOC, market)
	Reduced                    // an amendment lowered the quantity; the order kept its priority

	Killed     // FOK: could not trade completely
	WouldTrade // post-only: would have traded
	Duplicate  // an order with this id rests in the book
	Unknown    // no order with this id rests in the book
	Overflow   // the quantities of the side could pass MaxSideQty
	Invalid    // side, time in force or quantity has no meaning
)

var outcomeNames = [...]string{
	Rested: "rested", Filled: "filled", Dropped: "dropped", Reduced: "reduced", Killed: "killed",
	WouldTrade: "would-trade", Duplicate: "duplicate", Unknown: "unknown", Overflow: "overflow", Invalid: "invalid",
}

// String returns the outcome's name, such as "would-trade".
func (o Outcome) String() string {
	if o == 0 || int(o) >= len(outcomeNames) {
		return "none"
	}
	return outcomeNames[o]
}

// Refused reports whether nothing has changed.
func (o Outcome) Refused() bool { return o == 0 || o >= Killed }

// Result is the outcome of an entry or an amendment. Left is the quantity that did not trade: with Rested and Reduced it
// rests, with Dropped it was dropped, and with a refusal it is all that was asked for.
type Result struct {
	Outcome Outcome
	Left    Qty
}

// Place enters a limit order: it trades what it can and then rests, is dropped or is killed as its time in force says. A
// post-only order is refused if it would trade. Fills are appended to the caller's buffer. Order.Priority is ignored.
//
// The checks come in this order: Invalid, Duplicate, Overflow (only where the order may rest), WouldTrade, Killed.
func (b *Book) Place(o Order, tif TimeInForce, postOnly bool, fills []Fill) (Result, []Fill) {
	if out := b.checkPlace(&o, tif, postOnly); out != 0 {
		return Result{out, o.Qty}, fills
	}
	r := Result{Outcome: Filled}
	r.Left, fills = b.match(o.Side, o.Price, o.Qty, fills)
	if r.Left > 0 && tif == GTC {
		r.Outcome = Rested
		o.Qty, o.Priority = r.Left, b.nextPriority()
		b.add(&o)
	} else if r.Left > 0 {
		r.Outcome = Dropped
	}
	b.settle()
	return r, fills
}

// checkPlace returns why an entry is refused, 0 if it is not.
func (b *Book) checkPlace(o *Order, tif TimeInForce, postOnly bool) Outcome {
	if tif < GTC || tif > FOK {
		return Invalid
	}
	if out := b.checkNew(o, tif == GTC); out != 0 {
		return out
	}
	if postOnly && b.Crosses(o.Side, o.Price) {
		return WouldTrade
	}
	if tif == FOK && b.Fillable(o.Side, o.Price, o.Qty) < o.Qty {
		return Killed
	}
	return 0
}

// checkNew returns why o cannot be entered, 0 if it can.
func (b *Book) checkNew(o *Order, rests bool) Outcome {
	if !o.Side.Valid() || o.Qty <= 0 {
		return Invalid
	}
	if _, dup := b.index.Get(uint64(o.ID)); dup {
		return Duplicate
	}
	if rests && o.Qty > MaxSideQty-b.side(o.Side).qty {
		return Overflow
	}
	return 0
}

// PlaceMarket enters a market order: it trades with whatever rests on the other side; what is left is dropped. The outcome
// is Filled, Dropped or Invalid.
func (b *Book) PlaceMarket(side Side, qty Qty, fills []Fill) (Result, []Fill) {
	if !side.Valid() || qty <= 0 {
		return Result{Invalid, qty}, fills
	}
	limit := maxPrice
	if side == Sell {
		limit = minPrice
	}
	left, fills := b.Match(side, limit, qty, fills)
	if left > 0 {
		return Result{Dropped, left}, fills
	}
	return Result{Outcome: Filled}, fills
}

// Rest puts an order at the end of its price's queue without matching, even where that leaves the book crossed: the entry of
// a call auction. The outcome is Rested, or, with nothing changed, Invalid, Duplicate or Overflow. Order.Priority is ignored.
func (b *Book) Rest(o Order) Outcome {
	if out := b.checkNew(&o, true); out != 0 {
		return out
	}
	o.Priority = b.nextPriority()
	b.add(&o)
	b.settle()
	return Rested
}

// Restore puts orders into an empty book with the priorities that they had, as Rest would one after the other. They must come
// by ascending Priority; false means that they do not, or that Rest would refuse one, and the book is of no use then.
func (b *Book) Restore(orders iter.Seq[Order]) bool {
	var ids []slab.Entry
	for o := range orders {
		if o.Priority <= b.priority || !o.Side.Valid() || o.Qty <= 0 || o.Qty > MaxSideQty-b.side(o.Side).qty {
			return false
		}
		b.priority = o.Priority
		ids = append(ids, slab.Entry{Key: uint64(o.ID), H: b.store(&o)})
		b.follow()
	}
	unique := true
	b.index.Fill(ids, func(slab.Handle, slab.Handle) { unique = false })
	return unique
}

// Priority returns the last priority that was given.
func (b *Book) Priority() uint64 { return b.priority }

// SetPriority makes the next priority follow p. It is for the end of a restore: p must be what Priority returned when the
// orders were saved. A lower p than that of a resting order is ignored.
func (b *Book) SetPriority(p uint64) { b.priority = max(b.priority, p) }

// Cancel takes an order out of the book and returns it; false if it does not rest there.
func (b *Book) Cancel(id OrderID) (Order, bool) {
	h, ok := b.index.Get(uint64(id))
	if !ok {
		return Order{}, false
	}
	o := b.orders.Mut(h)
	was := o.public()
	b.unlink(o)
	b.index.Delete(uint64(id))
	b.orders.Free(h)
	b.settle()
	return was, true
}

// Amend changes the price and the remaining quantity of a resting order. A lower quantity at the same price keeps the
// priority (Reduced). Everything else, an amendment that changes nothing included, loses it: the order leaves its queue, may
// trade like a new one, and rests at the end of the queue. With postOnly such an amendment is refused if it would trade.
//
// The checks come in this order: Unknown, Invalid (left is not positive), Overflow, WouldTrade. After a refusal the order
// rests as before.
func (b *Book) Amend(id OrderID, price Price, left Qty, postOnly bool, fills []Fill) (Result, []Fill) {
	h, out := b.checkAmend(id, left)
	if out != 0 {
		return Result{out, left}, fills
	}
	o := b.orders.Mut(h)
	if price == o.price && left < o.qty {
		b.reduce(o, left)
		return Result{Reduced, left}, fills
	}
	if postOnly && b.Crosses(o.side, price) {
		return Result{WouldTrade, left}, fills
	}
	b.unlink(o)
	left, fills = b.match(o.side, price, left, fills)
	if left > 0 {
		b.relink(h, o, price, left)
		return Result{Rested, left}, fills
	}
	b.index.Delete(uint64(id))
	b.orders.Free(h)
	b.settle()
	return Result{Outcome: Filled}, fills
}

// AmendResting is Amend for a call auction: the order never trades, and may rest crossed. The outcome is Reduced, Rested,
// Unknown, Invalid or Overflow.
func (b *Book) AmendResting(id OrderID, price Price, left Qty) Outcome {
	h, out := b.checkAmend(id, left)
	if out != 0 {
		return out
	}
	o := b.orders.Mut(h)
	if price == o.price && left < o.qty {
		b.reduce(o, left)
		return Reduced
	}
	b.unlink(o)
	b.relink(h, o, price, left)
	return Rested
}

// checkAmend finds the order of an amendment, or returns why that is refused.
func (b *Book) checkAmend(id OrderID, left Qty) (slab.Handle, Outcome) {
	h, ok := b.index.Get(uint64(id))
	if !ok {
		return 0, Unknown
	}
	if left <= 0 {
		return 0, Invalid
	}
	if o := b.orders.At(h); left > o.qty && left-o.qty > MaxSideQty-b.side(o.side).qty {
		return 0, Overflow
	}
	return h, 0
}

// reduce lowers the quantity of an order that keeps its place.
func (b *Book) reduce(o *order, left Qty) {
	l := b.side(o.side)
	lv := &b.blocks.Mut(o.block).levels[(int64(o.price)^l.flip)&blockMask]
	b.hash -= o.hash()
	lv.qty -= o.qty - left
	l.qty -= o.qty - left
	o.qty = left
	b.hash += o.hash()
	b.settle()
}

// relink puts an unlinked order, with a new price and quantity, at the end of its queue.
func (b *Book) relink(h slab.Handle, o *order, price Price, left Qty) {
	o.price, o.qty, o.priority = price, left, b.nextPriority()
	b.link(h, o)
	b.settle()
}
