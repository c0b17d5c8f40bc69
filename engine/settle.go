package engine

import (
	"uncross/book"
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// resting returns the order as its book knows it; the book hands the handle back in fills.
func (o *order) resting(h slab.Handle) book.Order {
	return book.Order{ID: o.id, Side: o.side, Price: o.price, Qty: o.left(), Data: uint64(h), Priority: o.priority}
}

// settleFills settles what the taker t traded with resting orders, in the order of the fills. t is an order that is
// entering, or the record in the slab of one that is replaced: the caller puts it away or hashes it again.
func (e *Engine) settleFills(t *order) {
	in := e.instruments.At(handle(t.instrument))
	for i := range e.fills {
		f := &e.fills[i]
		h := slab.Handle(f.MakerData)
		m := e.orders.Mut(h)
		fill := fill{in: in, taker: t.side, price: f.Price, qty: f.Qty}
		if t.side == wire.Buy {
			fill.buy, fill.sell, fill.buyRate, fill.sellRate = t, m, t.taker, m.maker
		} else {
			fill.buy, fill.sell, fill.buyRate, fill.sellRate = m, t, m.maker, t.taker
		}
		e.settle(&fill)
		e.after(h, m)
	}
	e.lastTrade(t.instrument, e.fills)
}

// after puts away a resting order that has traded.
func (e *Engine) after(h slab.Handle, o *order) {
	if o.left() == 0 {
		e.drop(h)
		return
	}
	e.rehashOrder(o)
}

func (e *Engine) lastTrade(id wire.InstrumentID, fills []book.Fill) {
	if len(fills) == 0 {
		return
	}
	f := &fills[len(fills)-1]
	e.setLast(id, f.Price, f.Qty)
}

func (e *Engine) setLast(id wire.InstrumentID, p wire.Price, q wire.Qty) {
	in := e.instruments.Mut(handle(id))
	in.lastPrice, in.lastQty = p, q
	e.rehashInstrument(id)
}

// fill is one trade about to be settled.
type fill struct {
	in                *instrument
	buy, sell         *order
	buyRate, sellRate uint16
	taker             wire.Side
	price             wire.Price
	qty               wire.Qty
}

// settle moves the money of one fill at once: the buyer pays notional and fee out of its hold and gets back what it does
// not need any more, the seller gives its lots and receives the notional less its fee, the venue receives both fees.
func (e *Engine) settle(f *fill) {
	n := worth(f.price, f.qty, f.in.def.Multiplier)
	base := lots(f.qty, f.in)
	t := wire.Trade{
		Instrument: f.in.def.ID, Taker: f.taker, Price: f.price, Qty: f.qty,
		BuyOrder: f.buy.id, SellOrder: f.sell.id, BuyAccount: f.buy.account, SellAccount: f.sell.account,
		Notional: n, BuyFee: f.buy.pay(n, f.buyRate), SellFee: f.sell.pay(n, f.sellRate),
	}
	paid := n.MustAdd(t.BuyFee)
	t.BuyReleased = f.buy.bought(f.qty, n, paid, f.in.def.Multiplier)
	e.spend(f.buy.quote, paid, t.BuyReleased)
	e.credit(f.buy.base, base)

	f.sell.filled += f.qty
	f.sell.notional = f.sell.notional.MustAdd(n)
	f.sell.held = f.sell.held.MustSub(base)
	e.spend(f.sell.base, base, wire.Amount{})
	e.credit(f.sell.quote, n.MustSub(t.SellFee))
	e.credit(f.in.feeTo, t.BuyFee.MustAdd(t.SellFee))

	e.tradeID++
	t.Trade, t.BuyLeft, t.SellLeft = e.tradeID, f.buy.left(), f.sell.left()
	e.chainTrade(&t)
	t.PutEvent(e.emit())
}

// bought counts a fill on a buy order that has paid for it and returns what its hold does not need any more.
func (o *order) bought(q wire.Qty, n, paid wire.Amount, multiplier uint64) (released wire.Amount) {
	o.filled += q
	o.notional = o.notional.MustAdd(n)
	left := o.held.MustSub(paid)
	o.held = left
	if !o.exact {
		o.held = o.needs(o.left(), multiplier)
	}
	return left.MustSub(o.held)
}

// chainTrade folds a trade into the business hash.
func (e *Engine) chainTrade(t *wire.Trade) {
	h := mix(mix(mix(tagTrade, e.chain), uint64(t.Trade)), uint64(t.Instrument)<<8|uint64(t.Taker))
	h = mix(mix(h, uint64(t.BuyOrder)), uint64(t.SellOrder))
	h = mix(mix(h, uint64(t.Price)), uint64(t.Qty))
	e.chain = seal(mixAmount(mixAmount(mixAmount(h, t.Notional), t.BuyFee), t.SellFee))
}
