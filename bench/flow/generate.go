package flow

import (
	"math"

	"uncross/book"
)

// Bounds of the generator, as in the original.
const (
	checkEvery  = 512     // messages between counts of the resting orders, and how many of the oldest orders are targets
	maxSpread   = 10_000  // ticks; greatest deviation of new prices
	moveShare   = 0.01    // of the distance to the last price that a move covers
	hashSymbol  = -177277 // the seed is a hash of symbol and seed
	hashSeed    = 10_037
	hashSeedAdd = 198_267
)

// generator draws messages one after the other and keeps the book that they act on.
type generator struct {
	cfg      Config
	rng      *random
	book     *orders
	targets  targets
	flow     *Flow
	measured bool // the fill is over

	min, max, last, spread int64 // ticks
	half                   int   // orders to rest on each side
	known                  [3]int
	seenFull               bool
}

// Generate returns the flow of a configuration. It panics when the configuration is not valid.
func Generate(cfg Config) *Flow {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	g := newGenerator(cfg)
	refresh := min(checkEvery, cfg.Target+1)
	for i := range cfg.Target + cfg.Commands {
		if i < cfg.Target {
			g.newGTC()
		} else {
			g.measured = true
			g.message()
		}
		if i > 0 && i%refresh == 0 {
			g.count()
		}
	}
	g.flow.priceRange()
	return g.flow
}

func newGenerator(cfg Config) *generator {
	const symbol = 0
	h := int32(31) + int32(symbol)*hashSymbol
	seed := 31*h + (cfg.Seed*hashSeed + hashSeedAdd)
	g := &generator{cfg: cfg, rng: newRandom(int64(seed)), half: cfg.Target / 2}
	// The two draws of the first price are made even when it is given.
	first := int64(math.Pow(10, 3.3+g.rng.float64()*1.5+g.rng.float64()*1.5))
	if cfg.Price != 0 {
		first = int64(cfg.Price)
	}
	g.spread = min(int64(float64(first)*0.05), maxSpread)
	g.min, g.max, g.last = first-5*g.spread, first+5*g.spread, first
	g.book = newOrders(g.max + g.spread)
	g.flow = &Flow{Config: cfg, FillLen: cfg.Target, Commands: make([]Command, 0, cfg.Target+cfg.Commands)}
	return g
}

// message draws one message of the bench phase.
func (g *generator) message() {
	side := g.drawSide()
	lack := g.half - g.known[side]
	grow := lack > 0
	fast := !g.seenFull || lack > min(checkEvery, g.half*3/4)
	if !grow {
		g.seenFull = true
	}
	bound := int32(40)
	if grow {
		bound = 10
		if fast {
			bound = 2
		}
	}
	q := g.rng.intn(bound)
	live := g.targets.len(g.book)
	switch {
	case q < 2 || live == 0:
		if grow {
			g.newGTC()
		} else {
			g.newIOC()
		}
	case q == 2:
		g.cancel(g.targets.at(int(g.rng.intn(int32(live)))))
	default:
		g.move(g.targets.at(int(g.rng.intn(int32(live)))))
	}
}

func (g *generator) drawSide() book.Side {
	if g.rng.intn(4) >= 2 {
		return book.Buy
	}
	return book.Sell
}

func (g *generator) drawUser() uint32 { return 1 + uint32(g.rng.intn(g.cfg.Users)) }

func (g *generator) drawQty() int64 {
	return int64(1 + g.rng.intn(6)*g.rng.intn(6)*g.rng.intn(6))
}

func (g *generator) newGTC() {
	side, user := g.drawSide(), g.drawUser()
	u := g.rng.float64()
	width := 1 + int32(u*u*float64(g.spread))
	sum := int32(0)
	for range 4 {
		sum += g.rng.intn(width)
	}
	offset := int64(sum/4*2 - width)
	if (offset > 0) != (side == book.Sell) {
		offset = -offset
	}
	price, qty := g.last+offset, g.drawQty()
	id := g.book.add(side, price, qty, user)
	g.emit(NewGTC, id)
	g.match(id, price)
	if g.book.all[id].qty > 0 {
		g.book.rest(id)
	}
}

func (g *generator) newIOC() {
	side, user := g.drawSide(), g.drawUser()
	g.rng.intn(32) // the original makes a fill-or-kill order of one in 32; drawn and ignored here
	price := g.max
	if side == book.Sell {
		price = g.min
	}
	id := g.book.add(side, price, g.drawQty(), user)
	g.emit(NewIOC, id)
	g.match(id, price)
	if o := &g.book.all[id]; o.qty > 0 {
		o.qty = 0
		g.count()
	}
}

func (g *generator) cancel(id int32) {
	g.emit(Cancel, id)
	g.book.unlink(id)
	g.book.all[id].qty = 0
	g.targets.remove(id)
}

// move shifts an order towards the last price by a share of the distance, a tick at least.
func (g *generator) move(id int32) {
	o := &g.book.all[id]
	step := float64(g.last-o.price) * moveShare
	var d int64
	switch {
	case o.price > g.last:
		d = int64(math.Floor(step))
	case o.price < g.last:
		d = int64(math.Ceil(step))
	default:
		d = int64(g.rng.intn(2))*2 - 1
	}
	g.book.unlink(id)
	o.price = min(o.price+d, g.max)
	g.emit(Move, id)
	g.match(id, o.price)
	if o.qty > 0 {
		g.book.rest(id)
	} else {
		g.targets.remove(id)
	}
}

// match trades an order against the other side up to a limit.
func (g *generator) match(taker int32, limit int64) {
	for g.book.all[taker].qty > 0 {
		maker := g.book.best(g.book.all[taker].side.Opposite(), limit)
		if maker == 0 {
			return
		}
		m, t := &g.book.all[maker], &g.book.all[taker]
		qty := min(m.qty, t.qty)
		m.qty -= qty
		t.qty -= qty
		g.last = min(max(m.price, g.min), g.max)
		if g.measured {
			g.flow.Trades.Add(book.OrderID(maker), book.OrderID(taker), book.Price(m.price), book.Qty(qty))
		}
		if m.qty == 0 {
			g.book.unlink(maker)
			g.targets.remove(maker)
		}
	}
}

// count takes note of how many orders rest.
func (g *generator) count() { g.known = g.book.resting }

func (g *generator) emit(kind Kind, id int32) {
	o := &g.book.all[id]
	g.flow.Commands = append(g.flow.Commands, Command{
		Kind: kind, Side: o.side, ID: book.OrderID(id), Price: book.Price(o.price), Qty: book.Qty(o.qty), User: o.user,
	})
}

func (f *Flow) priceRange() {
	f.MinPrice, f.MaxPrice = f.Commands[0].Price, f.Commands[0].Price
	for i := range f.Commands {
		f.MinPrice = min(f.MinPrice, f.Commands[i].Price)
		f.MaxPrice = max(f.MaxPrice, f.Commands[i].Price)
	}
}
