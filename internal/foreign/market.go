package foreign

import (
	"fmt"

	"uncross/engine/amount"
	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// FirstOwnNumber is the first of the order numbers that a feed does not give: those of incoming orders that are only known
// by what they traded, of what rested before the file begins, and of orders whose own number is taken or out of range.
const FirstOwnNumber wire.OrderID = 1 << 62

// MaxQty is the greatest quantity of one order that is taken from a feed, in lots.
const MaxQty = 1 << 53

// Sink takes the events that an importer makes, in order. The event is valid during the call only.
type Sink func(e *wire.Event) error

// Market turns what a feed tells into the events that the engine would have emitted, and gives them to its own books.
//
// Its methods are called with what the books say already: an order that rests, a quantity that it has. An error of the books
// or of the sink is kept in err, and stops everything.
type Market struct {
	books   *mirror.Books
	sink    Sink
	event   wire.Event
	seq     uint64 // the last command
	timeNs  int64
	trade   wire.TradeID
	own     wire.OrderID // the last number of the market's own
	names   names
	ended   recent[Name, uint64]         // orders that rested and are gone, with the command that ended them; see over
	cleared map[wire.InstrumentID]uint64 // the command that cleared a book last
	changes []mirror.Change
	events  uint64
	err     error
}

func newMarket(sink Sink) *Market {
	return &Market{
		books: mirror.New(), sink: sink, own: FirstOwnNumber - 1, names: newNames(), cleared: map[wire.InstrumentID]uint64{},
	}
}

// Books returns the books as far as they are built.
func (m *Market) Books() *mirror.Books { return m.books }

// begin begins a command.
func (m *Market) begin() {
	m.seq++
	m.event.Ord = 0
}

// send gives the event at hand to the books and to the sink.
func (m *Market) send(last bool) {
	if m.err != nil {
		return
	}
	e := &m.event
	e.Seq, e.TimeNs, e.Flags = m.seq, m.timeNs, 0
	if last {
		e.Flags = wire.FlagLast
	}
	if m.changes, m.err = m.books.Apply(e, m.changes[:0]); m.err != nil {
		m.err = fmt.Errorf("event %d.%d: %w", e.Seq, e.Ord, m.err)
		return
	}
	m.events++
	if m.sink != nil {
		m.err = m.sink(e)
	}
	e.Ord++
}

// number returns a number of the market's own.
func (m *Market) number() wire.OrderID {
	m.own++
	return m.own
}

// define tells an instrument. Its price tick is the feed's unit, its lot one of the feed's.
func (m *Market) define(id wire.InstrumentID, symbol wire.Text, decimals uint8) {
	m.begin()
	def := wire.Instrument{ID: id, Symbol: symbol, PriceDecimals: decimals, TickSize: 1, LotSize: 1, Multiplier: 1}
	def.PutEvent(&m.event)
	m.send(true)
}

// setPhase tells a phase, unless it is the one that holds.
func (m *Market) setPhase(id wire.InstrumentID, p wire.Phase) {
	was := m.books.Book(id).Phase()
	if p == was {
		return
	}
	m.begin()
	changed := wire.PhaseChanged{Instrument: id, Phase: p, Was: was}
	changed.PutEvent(&m.event)
	m.send(true)
}

// fits reports whether an order may come to rest in a book.
func (m *Market) fits(in wire.InstrumentID, side wire.Side, qty wire.Qty) bool {
	return qty > 0 && qty <= MaxQty && m.books.Book(in).Total(side) <= 1<<62-qty
}

// enter makes an order rest under a number of the market's own.
func (m *Market) enter(in wire.InstrumentID, side wire.Side, price wire.Price, qty wire.Qty) wire.OrderID {
	id := m.number()
	m.rest(in, mirror.Resting{Order: id, Side: side, Price: price, Qty: qty})
	return id
}

// enterAs makes an order rest under the name that the feed has for it, which is not in use.
func (m *Market) enterAs(name Name, side wire.Side, price wire.Price, qty wire.Qty) {
	id := wire.OrderID(name.Number)
	if _, _, taken := m.books.Order(id); taken || id == 0 || id >= FirstOwnNumber {
		id = m.number()
		m.names.give(name, id)
	}
	m.rest(name.Instrument, mirror.Resting{Order: id, Side: side, Price: price, Qty: qty})
}

// rename makes the feed's new name for an order known, in place of its old one.
func (m *Market) rename(id wire.OrderID, name Name) {
	if old := m.names.of(name.Instrument, id); old != name {
		m.end(old)
	}
	if wire.OrderID(name.Number) == id {
		m.names.forget(id)
		return
	}
	m.names.give(name, id)
}

func (m *Market) rest(in wire.InstrumentID, r mirror.Resting) {
	m.begin()
	m.accept(in, r, wire.GTC)
	m.send(true)
}

// accept puts the event of an order's entry.
func (m *Market) accept(in wire.InstrumentID, r mirror.Resting, tif wire.TIF) {
	accepted := wire.OrderAccepted{Order: r.Order, Instrument: in, Side: r.Side, Type: wire.Limit, TIF: tif, Price: r.Price, Qty: r.Qty}
	accepted.PutEvent(&m.event)
}

// find returns the resting order that the feed names.
func (m *Market) find(name Name) (mirror.Resting, bool) {
	id, ok := m.names.order(name)
	if !ok {
		return mirror.Resting{}, false
	}
	k := m.books.Book(name.Instrument)
	if k == nil {
		return mirror.Resting{}, false
	}
	return k.Order(id)
}

// cancel takes an order away.
func (m *Market) cancel(in wire.InstrumentID, r mirror.Resting) {
	m.begin()
	m.canceled(in, r, wire.CanceledByUser)
	m.send(true)
	m.gone(in, r.Order)
}

// lose takes an order away of which the feed does not tell what becomes of it.
func (m *Market) lose(in wire.InstrumentID, r mirror.Resting) {
	name := m.names.of(in, r.Order)
	m.cancel(in, r)
	m.ended.add(name, 0) // gone, but not over
}

// gone forgets an order that does not rest any more, but for its name.
func (m *Market) gone(in wire.InstrumentID, id wire.OrderID) {
	m.end(m.names.of(in, id))
	m.names.forget(id)
}

// end notes that an order of a name is no more.
func (m *Market) end(name Name) { m.ended.add(name, m.seq) }

// over reports whether an order has been and the feed has told its end, so that it does not come to rest once more. What was
// there when its book was cleared, or before that, may come again.
func (m *Market) over(name Name) bool {
	at, _ := m.ended.get(name)
	return at > m.cleared[name.Instrument]
}

func (m *Market) canceled(in wire.InstrumentID, r mirror.Resting, why wire.CancelReason) {
	gone := wire.OrderCanceled{Order: r.Order, Instrument: in, Side: r.Side, Reason: why, Left: r.Qty}
	gone.PutEvent(&m.event)
}

// reduce takes up to qty lots off an order, which keeps its place.
func (m *Market) reduce(in wire.InstrumentID, r mirror.Resting, qty wire.Qty) {
	if qty >= r.Qty {
		m.cancel(in, r)
		return
	}
	m.begin()
	done := wire.OrderReplaced{
		Order: r.Order, Instrument: in, Side: r.Side, KeptPriority: 1, Price: r.Price, Qty: r.Qty - qty, Left: r.Qty - qty,
	}
	done.PutEvent(&m.event)
	m.send(true)
}

// move gives an order another price or quantity, behind all others there.
func (m *Market) move(in wire.InstrumentID, r mirror.Resting, price wire.Price, qty wire.Qty) {
	m.begin()
	done := wire.OrderReplaced{Order: r.Order, Instrument: in, Side: r.Side, Price: price, Qty: qty, Left: qty}
	done.PutEvent(&m.event)
	m.send(true)
}

// execute lets an order that is known by this trade alone take up to qty lots of a resting one.
func (m *Market) execute(in wire.InstrumentID, r mirror.Resting, price wire.Price, qty wire.Qty) {
	qty = min(qty, r.Qty)
	taker := mirror.Resting{Order: m.number(), Side: r.Side.Opposite(), Price: price, Qty: qty}
	m.begin()
	m.accept(in, taker, wire.IOC)
	m.send(false)
	buy, sell := r, taker
	if r.Side == wire.Sell {
		buy, sell = taker, r
	}
	m.traded(in, taker.Side, price, qty, buy, sell)
	m.send(true)
	if qty == r.Qty {
		m.gone(in, r.Order)
	}
}

// traded puts the event of a trade between two orders as they were before it.
func (m *Market) traded(in wire.InstrumentID, taker wire.Side, price wire.Price, qty wire.Qty, buy, sell mirror.Resting) {
	m.trade++
	t := wire.Trade{
		Trade: m.trade, Instrument: in, Taker: taker, Price: price, Qty: qty,
		BuyOrder: buy.Order, SellOrder: sell.Order, BuyLeft: buy.Qty - qty, SellLeft: sell.Qty - qty,
	}
	if price > 0 {
		t.Notional = amount.Product(uint64(price), uint64(qty))
	}
	t.PutEvent(&m.event)
}

// announce tells an auction's result whose trades the feed does not tell one by one.
func (m *Market) announce(in wire.InstrumentID, price wire.Price, qty wire.Qty) {
	m.begin()
	told := wire.Uncrossed{Instrument: in, Price: price, Volume: qty}
	told.PutEvent(&m.event)
	m.send(true)
}

// auction trades resting orders at one price, as an auction does. Both sides add up to the same, and no order has less than
// it trades.
func (m *Market) auction(in wire.InstrumentID, price wire.Price, buys, sells []fill) {
	var volume wire.Qty
	for _, f := range buys {
		volume += f.qty
	}
	m.begin()
	told := wire.Uncrossed{Instrument: in, Price: price, Volume: volume}
	told.PutEvent(&m.event)
	m.send(volume == 0)
	for volume > 0 && m.err == nil {
		buy, sell := &buys[0], &sells[0]
		qty := min(buy.qty, sell.qty)
		m.traded(in, 0, price, qty, m.resting(buy.order), m.resting(sell.order))
		volume -= qty
		m.send(volume == 0)
		for _, id := range [2]wire.OrderID{buy.order, sell.order} {
			if _, _, rests := m.books.Order(id); !rests {
				m.gone(in, id)
			}
		}
		if buy.qty -= qty; buy.qty == 0 {
			buys = buys[1:]
		}
		if sell.qty -= qty; sell.qty == 0 {
			sells = sells[1:]
		}
	}
}

// resting returns an order that rests.
func (m *Market) resting(id wire.OrderID) mirror.Resting {
	_, r, _ := m.books.Order(id)
	return r
}

// fill is an order's part in an auction.
type fill struct {
	order wire.OrderID
	qty   wire.Qty
}

// clear cancels everything in a book, buys before sells, as a mass cancel does.
func (m *Market) clear(in wire.InstrumentID) (n uint64) {
	k := m.books.Book(in)
	m.begin()
	m.cleared[in] = m.seq
	for _, side := range [2]wire.Side{wire.Buy, wire.Sell} {
		for r, ok := k.First(side); ok && m.err == nil; r, ok = k.First(side) {
			m.canceled(in, r, wire.CanceledByOperator)
			m.send(false)
			m.gone(in, r.Order)
			n++
		}
	}
	done := wire.MassCanceled{Instrument: in, Count: n}
	done.PutEvent(&m.event)
	m.send(true)
	return n
}
