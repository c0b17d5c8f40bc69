package foreign

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"uncross/engine/wire"
)

// EventWriter writes events as JSON, one object a line, in the words of the sandbox's output. Numbers are text: order, trade
// and instrument numbers as they are, prices as decimals, quantities in lots. What does not belong to an event is left out.
type EventWriter struct {
	w    *bufio.Writer
	json *json.Encoder
	def  map[wire.InstrumentID]wire.Instrument
}

// NewEventWriter returns a writer to w. Flush is to be called at the end.
func NewEventWriter(w io.Writer) *EventWriter {
	b := bufio.NewWriterSize(w, inputBuffer)
	return &EventWriter{w: b, json: json.NewEncoder(b), def: map[wire.InstrumentID]wire.Instrument{}}
}

// Flush writes what is buffered.
func (w *EventWriter) Flush() error { return w.w.Flush() }

// eventLine is one line.
type eventLine struct {
	Seq        string `json:"seq"`
	Ord        string `json:"ord"`
	Time       string `json:"time"`
	Event      string `json:"event"`
	Instrument string `json:"instrument,omitempty"`
	Symbol     string `json:"symbol,omitempty"`
	Tick       string `json:"tick,omitempty"`
	Phase      string `json:"phase,omitempty"`
	Was        string `json:"was,omitempty"`
	Order      string `json:"order,omitempty"`
	Side       string `json:"side,omitempty"`
	Type       string `json:"type,omitempty"`
	TIF        string `json:"tif,omitempty"`
	Kept       bool   `json:"kept_priority,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Trade      string `json:"trade,omitempty"`
	Taker      string `json:"taker,omitempty"`
	Price      string `json:"price,omitempty"`
	Qty        string `json:"qty,omitempty"`
	Left       string `json:"left,omitempty"`
	BuyOrder   string `json:"buy_order,omitempty"`
	SellOrder  string `json:"sell_order,omitempty"`
	BuyLeft    string `json:"buy_left,omitempty"`
	SellLeft   string `json:"sell_left,omitempty"`
	Volume     string `json:"volume,omitempty"`
	Count      string `json:"count,omitempty"`
	Last       bool   `json:"last,omitempty"`
}

// Write writes one event. It is a Sink.
func (w *EventWriter) Write(e *wire.Event) error {
	l := eventLine{
		Seq: unsigned(e.Seq), Ord: unsigned(e.Ord), Time: strconv.FormatInt(e.TimeNs, 10), Last: e.Flags&wire.FlagLast != 0,
	}
	switch e.Kind {
	case wire.EvInstrument:
		var m wire.Instrument
		m.GetEvent(e)
		w.def[m.ID] = m
		l.Event, l.Tick = "instrument", w.price(m.ID, wire.Price(m.TickSize))
		w.name(&l, m.ID)
	case wire.EvPhase:
		var m wire.PhaseChanged
		m.GetEvent(e)
		l.Event, l.Phase, l.Was = "phase", m.Phase.String(), m.Was.String()
		w.name(&l, m.Instrument)
	case wire.EvUncrossed:
		var m wire.Uncrossed
		m.GetEvent(e)
		l.Event, l.Price, l.Volume = "uncrossed", w.price(m.Instrument, m.Price), lots(m.Volume)
		w.name(&l, m.Instrument)
	case wire.EvMassCanceled:
		var m wire.MassCanceled
		m.GetEvent(e)
		l.Event, l.Count = "mass_canceled", unsigned(m.Count)
		w.name(&l, m.Instrument)
	default:
		if !w.order(&l, e) {
			return fmt.Errorf("foreign: an event of kind %d has no form", e.Kind)
		}
	}
	return w.json.Encode(&l)
}

// order describes the events of orders.
func (w *EventWriter) order(l *eventLine, e *wire.Event) bool {
	switch e.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(e)
		l.Event, l.Order, l.Side, l.Type, l.TIF = "order_accepted", unsigned(m.Order), m.Side.String(), m.Type.String(), m.TIF.String()
		l.Price, l.Qty = w.price(m.Instrument, m.Price), lots(m.Qty)
		w.name(l, m.Instrument)
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(e)
		l.Event, l.Order, l.Side, l.Kept = "order_replaced", unsigned(m.Order), m.Side.String(), m.KeptPriority != 0
		l.Price, l.Qty, l.Left = w.price(m.Instrument, m.Price), lots(m.Qty), lots(m.Left)
		w.name(l, m.Instrument)
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(e)
		l.Event, l.Order, l.Side, l.Reason, l.Left = "order_canceled", unsigned(m.Order), m.Side.String(), m.Reason.String(), lots(m.Left)
		w.name(l, m.Instrument)
	case wire.EvTrade:
		var m wire.Trade
		m.GetEvent(e)
		l.Event, l.Trade, l.Price, l.Qty = "trade", unsigned(m.Trade), w.price(m.Instrument, m.Price), lots(m.Qty)
		l.BuyOrder, l.SellOrder, l.BuyLeft, l.SellLeft = unsigned(m.BuyOrder), unsigned(m.SellOrder), lots(m.BuyLeft), lots(m.SellLeft)
		if m.Taker.Valid() {
			l.Taker = m.Taker.String()
		}
		w.name(l, m.Instrument)
	default:
		return false
	}
	return true
}

func (w *EventWriter) name(l *eventLine, id wire.InstrumentID) {
	l.Instrument, l.Symbol = unsigned(id), w.def[id].Symbol.String()
}

func (w *EventWriter) price(id wire.InstrumentID, p wire.Price) string {
	return decimal(p, int(w.def[id].PriceDecimals))
}

// decimal writes a price of so many decimals.
func decimal(p wire.Price, decimals int) string {
	sign, n := "", uint64(p)
	if p < 0 {
		sign, n = "-", -n
	}
	scale := uint64(1)
	for range decimals {
		scale *= 10
	}
	return fmt.Sprintf("%s%d.%0*d", sign, n/scale, decimals, n%scale)
}

func unsigned[T ~uint64 | ~uint32](n T) string { return strconv.FormatUint(uint64(n), 10) }

func lots(q wire.Qty) string { return strconv.FormatInt(int64(q), 10) }
