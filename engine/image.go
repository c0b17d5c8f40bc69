package engine

import (
	"slices"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// ImagePiece is how many events AppendImage appends at most in one call.
const ImagePiece = 4096

// ImageCursor is how far an image has been given. The zero cursor begins one. The engine must not change meanwhile.
type ImageCursor struct {
	stage   int
	at      int
	ord     uint32
	handles []slab.Handle // of the stage's objects, where they are not in order by themselves
	seen    uint64        // what touch returned
}

// AppendImage appends the next piece of an image of the whole state to out, and reports whether more follows. The events
// carry FlagImage, the number and time of the last command, and an Ord of their own; the last one carries FlagLast.
//
//	ImageBegin, Venue, Asset…, (Instrument, ImageInstrument)…, Firm…, User…, Key…, Account…, Session…, ImageBalance…, OrderState…, ImageEnd
//
// Balances stand by account and asset and are left out where nothing is in them; orders stand by instrument, bids before
// asks, in priority order. Two engines in the same state give the same image.
func (e *Engine) AppendImage(c *ImageCursor, out []wire.Event) ([]wire.Event, bool) {
	e.out = out
	for full := len(out) + ImagePiece; len(e.out) < full && c.stage < len(stages); {
		s := &stages[c.stage]
		if c.at == 0 && s.begin != nil {
			s.begin(e, c)
		}
		if c.at == s.count(e, c) {
			c.stage++
			c.at = 0
			continue
		}
		s.put(e, c, c.at)
		c.at++
	}
	out, e.out = e.out, nil
	return out, c.stage < len(stages)
}

// stages are the parts of an image in their order.
var stages = [...]struct {
	begin func(*Engine, *ImageCursor)
	count func(*Engine, *ImageCursor) int
	put   func(*Engine, *ImageCursor, int)
}{
	{nil, once, func(e *Engine, c *ImageCursor, _ int) { e.frameImage(c, wire.EvImageBegin) }},
	{nil, (*Engine).venues, func(e *Engine, c *ImageCursor, _ int) { e.venue.PutEvent(e.emitImage(c)) }},
	{nil, func(e *Engine, _ *ImageCursor) int { return e.assets.Len() }, func(e *Engine, c *ImageCursor, i int) {
		e.assets.At(slab.Handle(i + 1)).def.PutEvent(e.emitImage(c))
	}},
	{nil, func(e *Engine, _ *ImageCursor) int { return 2 * e.instruments.Len() }, (*Engine).imageInstrument},
	{nil, func(e *Engine, _ *ImageCursor) int { return e.firms.Len() }, func(e *Engine, c *ImageCursor, i int) {
		e.firms.At(slab.Handle(i + 1)).def.PutEvent(e.emitImage(c))
	}},
	{nil, func(e *Engine, _ *ImageCursor) int { return e.users.Len() }, func(e *Engine, c *ImageCursor, i int) {
		e.users.At(slab.Handle(i + 1)).def.PutEvent(e.emitImage(c))
	}},
	{nil, func(e *Engine, _ *ImageCursor) int { return e.keys.Len() }, func(e *Engine, c *ImageCursor, i int) {
		e.keys.At(slab.Handle(i + 1)).def.PutEvent(e.emitImage(c))
	}},
	{nil, func(e *Engine, _ *ImageCursor) int { return e.accounts.Len() }, func(e *Engine, c *ImageCursor, i int) {
		e.accounts.At(slab.Handle(i + 1)).def.PutEvent(e.emitImage(c))
	}},
	{nil, func(e *Engine, _ *ImageCursor) int { return e.sessions.Len() }, func(e *Engine, c *ImageCursor, i int) {
		e.sessions.At(slab.Handle(i + 1)).def.PutEvent(e.emitImage(c))
	}},
	{(*Engine).listBalances, listed, (*Engine).imageBalance},
	{(*Engine).listOrders, listed, (*Engine).imageOrder},
	{nil, once, func(e *Engine, c *ImageCursor, _ int) {
		e.frameImage(c, wire.EvImageEnd)
		e.out[len(e.out)-1].Flags |= wire.FlagLast
	}},
}

func once(*Engine, *ImageCursor) int { return 1 }

func listed(_ *Engine, c *ImageCursor) int { return len(c.handles) }

// venues returns the number of venues, 0 or 1.
func (e *Engine) venues(*ImageCursor) int {
	if e.rules == 0 {
		return 0
	}
	return 1
}

func (e *Engine) emitImage(c *ImageCursor) *wire.Event {
	e.out = append(e.out, wire.Event{Flags: wire.FlagImage, Ord: c.ord, Seq: e.seq, TimeNs: e.now})
	c.ord++
	return &e.out[len(e.out)-1]
}

func (e *Engine) frameImage(c *ImageCursor, k wire.EventKind) {
	m := wire.Image{Seq: e.seq, OpenOrders: uint64(e.orders.Len()), Accounts: uint64(e.accounts.Len())}
	m.PutEvent(e.emitImage(c), k)
}

// imageInstrument gives an instrument's definition at even places and its changing part at odd ones.
func (e *Engine) imageInstrument(c *ImageCursor, i int) {
	in := e.instruments.At(slab.Handle(i/2 + 1))
	if i%2 == 0 {
		in.def.PutEvent(e.emitImage(c))
		return
	}
	m := wire.InstrumentState{Instrument: in.def.ID, Phase: in.phase, LastPrice: in.lastPrice, LastQty: in.lastQty}
	m.PutEvent(e.emitImage(c))
}

func (e *Engine) listBalances(c *ImageCursor) {
	c.handles = c.handles[:0]
	for h := slab.Handle(1); h <= e.balances.High(); h++ {
		if !e.balances.At(h).isEmpty() {
			c.handles = append(c.handles, h)
		}
	}
	slices.SortFunc(c.handles, func(a, b slab.Handle) int {
		x, y := e.balances.At(a), e.balances.At(b)
		if balanceKey(x.account, x.asset) < balanceKey(y.account, y.asset) {
			return -1
		}
		return 1
	})
}

func (e *Engine) imageBalance(c *ImageCursor, i int) {
	b := e.balances.At(c.handles[i])
	m := wire.Balance{Account: b.account, Asset: b.asset, Available: b.available, Held: b.held}
	m.PutEvent(e.emitImage(c))
}

func (e *Engine) listOrders(c *ImageCursor) {
	c.handles = c.handles[:0]
	for id := 1; id <= e.instruments.Len(); id++ {
		c.handles = e.walk(wire.InstrumentID(id), c.handles)
	}
}

func (e *Engine) imageOrder(c *ImageCursor, i int) {
	if i%fetched == 0 {
		for _, h := range c.handles[i:min(i+fetched, len(c.handles))] {
			c.seen += e.orders.At(h).touch()
		}
	}
	m := e.orders.At(c.handles[i]).state()
	m.PutEvent(e.emitImage(c))
}
