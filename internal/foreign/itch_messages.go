package foreign

import (
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// dispatch carries out a message that has the length of its type.
func (x *ITCH) dispatch() {
	switch x.message[0] {
	case 'S':
		x.systemEvent()
	case 'R':
		x.instrument(11, wire.Closed)
	case 'H':
		x.tradingAction()
	case 'A', 'F':
		x.add()
	case 'E':
		x.execution(0)
	case 'C':
		x.execution(32)
	case 'X':
		x.cancel()
	case 'D':
		x.remove()
	case 'U':
		x.replace()
	case 'Q':
		x.cross()
	}
	// All others do not change a book: Y, L, V, W, K, J, h, P, B, I, N, O.
}

// systemEvent notes whether the file has the day's beginning.
func (x *ITCH) systemEvent() {
	switch code := x.message[11]; code {
	case 'O':
		x.started = true
	case 'S', 'Q', 'M', 'E', 'C':
	default:
		x.problem("bad message", "a system event %q", code)
	}
}

// tradingAction tells a phase: halted or paused; quotation only, where orders rest and nothing trades; trading.
func (x *ITCH) tradingAction() {
	phase := wire.Phase(0)
	switch state := x.message[19]; state {
	case 'H', 'P':
		phase = wire.Halted
	case 'Q':
		phase = wire.Auction
	case 'T':
		phase = wire.Continuous
	default:
		x.problem("bad message", "a trading action %q", state)
		return
	}
	if id := x.instrument(11, phase); id != 0 {
		x.market.setPhase(id, phase)
	}
}

// named returns the order that the message at hand names. Where there is none it is counted.
func (x *ITCH) named(at int) (name Name, r mirror.Resting, ok bool) {
	name.Number = x.number(at, 8)
	if x.stocks[x.locate()].skipped {
		x.Result.Skipped++
		return name, r, false
	}
	if name.Instrument = x.instrument(0, 0); name.Instrument != 0 {
		if r, ok = x.market.find(name); ok {
			return name, r, true
		}
	}
	x.Result.Unknown[x.message[0]]++
	switch {
	case x.market.ended.has(name):
		x.problem("unknown order", "%c of order %d, which is gone already", x.message[0], name.Number)
	case x.started:
		x.problem("unknown order", "%c of order %d, which has not been added", x.message[0], name.Number)
	}
	if t := x.message[0]; t == 'D' || t == 'U' {
		x.market.end(name) // whatever it was, it is gone now
	}
	return name, r, false
}

func (x *ITCH) add() {
	id := x.instrument(24, wire.Continuous)
	if id == 0 {
		if x.stocks[x.locate()].skipped {
			x.Result.Skipped++
		}
		return
	}
	name := Name{id, x.number(11, 8)}
	side := wire.Side(0)
	switch x.message[19] {
	case 'B':
		side = wire.Buy
	case 'S':
		side = wire.Sell
	default:
		x.problem("bad message", "order %d has the side %q", name.Number, x.message[19])
		return
	}
	qty, price := wire.Qty(x.number(20, 4)), wire.Price(x.number(32, 4))
	if r, ok := x.market.find(name); ok {
		x.problem("duplicate order", "order %d rests already, %d at %d", name.Number, r.Qty, r.Price)
		return
	}
	if x.market.over(name) { // a number is unique in a day
		x.problem("duplicate order", "order %d, which is gone already, is added", name.Number)
		return
	}
	if price == 0 || !x.market.fits(id, side, qty) {
		x.problem("bad message", "order %d of %d shares at %d", name.Number, qty, price)
		return
	}
	x.market.enterAs(name, side, price, qty)
	x.look(id)
}

// execution takes shares off a resting order. priceAt is where the message has a price of its own, 0 where it has none.
func (x *ITCH) execution(priceAt int) {
	if x.repeated() {
		return
	}
	name, r, ok := x.named(11)
	if !ok {
		return
	}
	qty, price := wire.Qty(x.number(19, 4)), r.Price
	crossing := x.Books().Book(name.Instrument).Phase() != wire.Continuous
	if priceAt > 0 {
		price = wire.Price(x.number(priceAt, 4))
		crossing = crossing || x.message[31] == 'N' // not printable: a cross message tells the whole
	}
	if qty == 0 || qty > r.Qty || price == 0 {
		x.problem("contradiction", "%d shares of order %d at %d, where %d rest", qty, name.Number, price, r.Qty)
		if qty == 0 || price == 0 {
			return
		}
	}
	if crossing {
		x.Result.Crossing++
	} else {
		x.priority(name, r)
	}
	x.market.execute(name.Instrument, r, price, qty)
	x.look(name.Instrument)
}

// repeated reports whether an execution's match number, which is unique in a day, has come before. 0 stands for none.
func (x *ITCH) repeated() bool {
	match := x.number(23, 8)
	if match == 0 || x.stocks[x.locate()].skipped {
		return false
	}
	if x.matches.has(match) {
		x.problem("duplicate execution", "match %d once more, with order %d", match, x.number(11, 8))
		return true
	}
	x.matches.add(match, struct{}{})
	return false
}

// priority judges whether an execution hits the order whose turn it is.
func (x *ITCH) priority(name Name, r mirror.Resting) {
	k := x.Books().Book(name.Instrument)
	first, _ := k.First(r.Side)
	x.Result.Executions.add(first.Order == r.Order)
	if first.Order != r.Order {
		x.differ("an execution of order %d, %s %d at %d with %d ahead of it there, while order %d, %d at %d, is first",
			name.Number, r.Side, r.Qty, r.Price, k.Ahead(r.Order), first.Order, first.Qty, first.Price)
	}
}

func (x *ITCH) cancel() {
	name, r, ok := x.named(11)
	if !ok {
		return
	}
	qty := wire.Qty(x.number(19, 4))
	if qty == 0 || qty > r.Qty {
		x.problem("contradiction", "a cancel of %d shares of order %d, where %d rest", qty, name.Number, r.Qty)
		if qty == 0 {
			return
		}
	}
	x.market.reduce(name.Instrument, r, qty)
	x.look(name.Instrument)
}

func (x *ITCH) remove() {
	if name, r, ok := x.named(11); ok {
		x.market.cancel(name.Instrument, r)
		x.look(name.Instrument)
	}
}

// replace gives an order a new number, price and quantity; it loses its place.
func (x *ITCH) replace() {
	name, r, ok := x.named(11)
	if !ok {
		return
	}
	next := Name{name.Instrument, x.number(19, 8)}
	qty, price := wire.Qty(x.number(27, 4)), wire.Price(x.number(31, 4))
	if _, taken := x.market.find(next); taken && next != name {
		x.problem("duplicate order", "order %d is replaced by %d, which rests already", name.Number, next.Number)
		return
	}
	if x.market.over(next) {
		x.problem("duplicate order", "order %d is replaced by %d, which is gone already", name.Number, next.Number)
		return
	}
	if price == 0 || qty > r.Qty && !x.market.fits(name.Instrument, r.Side, qty-r.Qty) || qty == 0 || qty > MaxQty {
		x.problem("bad message", "order %d is replaced by %d shares at %d", name.Number, qty, price)
		return
	}
	x.market.move(name.Instrument, r, price, qty)
	x.market.rename(r.Order, next)
	x.look(name.Instrument)
}

// cross tells the result of an auction.
func (x *ITCH) cross() {
	id := x.instrument(19, wire.Continuous)
	price, shares := x.number(27, 4), x.number(11, 8)
	switch {
	case id == 0:
	case shares > MaxQty:
		x.problem("bad message", "a cross of %d shares", shares)
	case shares > 0:
		x.market.announce(id, wire.Price(price), wire.Qty(shares))
	}
}

// look checks that a book that has just changed is not locked or crossed.
func (x *ITCH) look(id wire.InstrumentID) {
	k := x.Books().Book(id)
	x.Result.States++
	if k.Phase() == wire.Continuous && k.Crossed() {
		x.Result.Crossed++
		buy, _ := k.Best(wire.Buy)
		sell, _ := k.Best(wire.Sell)
		x.differ("the book is locked or crossed: %d to buy at %d, %d to sell at %d", buy.Qty, buy.Price, sell.Qty, sell.Price)
	}
}

// differ keeps the first difference.
func (x *ITCH) differ(format string, args ...any) {
	if x.Result.First == "" {
		x.Result.First = fmt.Sprintf("%s, %s: ", x.where(), x.stocks[x.locate()].symbol) + fmt.Sprintf(format, args...)
	}
}
