package reference

import (
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
)

// MaxTradeDays is how many days one request for trades may span.
const MaxTradeDays = 7

// Values of TradeRequestResult (749).
const (
	unknownInstrument  = 1
	invalidParties     = 3
	invalidTransport   = 4
	typeNotSupported   = 8
	otherTradeFault    = 99
	inBand             = "0" // ResponseTransportType (725): by this session
	day                = 24 * time.Hour
	tagResponseChannel = 725
)

// query is a request for trades taken apart.
type query struct {
	id, kind string // 568, 569
	symbol   string // 55
	clientID wire.Text
	order    wire.OrderID
	side     wire.Side
	in       wire.InstrumentID
	from, to int64 // nanoseconds since the Unix epoch: from ≤ a trade's time < to

	dates, times []int64 // of the group 580
	result       int     // 749
	text         string  // why not
}

// fault notes why a request cannot be answered, when it is the first.
func (q *query) fault(result int, text string) {
	if q.text == "" {
		q.result, q.text = result, text
	}
}

// readQuery takes a request for trades apart. A criterion that the venue does not have is a fault: leaving it out would
// give other trades than were asked for.
func (h *Handler) readQuery(m *message.Message) (q query) {
	for i := range m.Fields {
		q.field(m.Fields[i].Tag, string(m.Fields[i].Value))
	}
	switch q.kind {
	case allTrades, matchingTrades:
	default:
		q.fault(typeNotSupported, "only all trades (0) and matched trades (1) can be asked for (tag 569)")
	}
	if q.symbol != "" {
		in, ok := h.view.InstrumentBySymbol(q.symbol)
		if !ok {
			q.fault(unknownInstrument, "there is no such instrument (tag 55)")
		}
		q.in = in.ID
	}
	q.window(h.view.TimeNs())
	return q
}

// field reads one field.
func (q *query) field(tag int, v string) {
	switch tag {
	case message.TagTradeRequestID:
		q.id = v
	case message.TagTradeRequestType:
		q.kind = v
	case message.TagSubscriptionRequestType:
		if v != snapshotOnly {
			q.fault(otherTradeFault, "there is no subscription to trade reports: execution reports and drop copy tell of them as they happen (tag 263)")
		}
	case message.TagSymbol:
		q.symbol = v
	case message.TagSide:
		q.readSide(v)
	case message.TagOrderID:
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil || n == 0 {
			q.fault(otherTradeFault, "not an order of this venue (tag 37)")
		}
		q.order = wire.OrderID(n)
	case message.TagClOrdID:
		t, ok := wire.ParseText(v)
		if !ok {
			q.fault(otherTradeFault, "not a client order id of this venue (tag 11)")
		}
		q.clientID = t
	case message.TagTradeDate:
		days, ok := message.ParseDate([]byte(v))
		q.moment(&q.dates, days*int64(day), ok, tag)
	case message.TagTransactTime:
		ns, ok := message.ParseTime([]byte(v))
		q.moment(&q.times, ns, ok, tag)
	case message.TagNoDates, message.TagText, message.TagEncodedTextLen, message.TagEncodedText:
	case message.TagNoPartyIDs:
		q.fault(invalidParties, "trades are not found by parties (tag 453)")
	case tagResponseChannel:
		if v != inBand {
			q.fault(invalidTransport, "the answer comes by this session (tag 725)")
		}
	default:
		if !entry.IsFrame(tag) {
			q.fault(otherTradeFault, "trades are not found by this (tag "+strconv.Itoa(tag)+")")
		}
	}
}

func (q *query) readSide(v string) {
	switch v {
	case "1":
		q.side = wire.Buy
	case "2":
		q.side = wire.Sell
	default:
		q.fault(otherTradeFault, "buy (1) or sell (2) is needed (tag 54)")
	}
}

// moment notes a date or time of the group 580.
func (q *query) moment(list *[]int64, ns int64, ok bool, tag int) {
	if !ok || len(*list) == 2 {
		q.fault(otherTradeFault, "one date or time, or a first and a last one, is needed (tag "+strconv.Itoa(tag)+")")
		return
	}
	*list = append(*list, ns)
}

// window works out the time that a request spans: two times as they are; one time up to the end of its day; days whole;
// without any of them the venue's present day. Days are in UTC.
func (q *query) window(nowNs int64) {
	switch {
	case len(q.times) == 2:
		q.from, q.to = q.times[0], q.times[1]+1
	case len(q.times) == 1:
		q.from, q.to = q.times[0], endOfDay(q.times[0])
	case len(q.dates) > 0:
		q.from, q.to = q.dates[0], endOfDay(q.dates[len(q.dates)-1])
	default:
		q.to = endOfDay(nowNs)
		q.from = q.to - int64(day)
	}
	switch {
	case q.from >= q.to:
		q.fault(otherTradeFault, "the last date or time is before the first one (tag 580)")
	case q.from < 0:
		q.fault(otherTradeFault, "there was no venue before 1970 (tag 580)")
	case q.to-q.from > MaxTradeDays*int64(day):
		q.fault(otherTradeFault, "one request spans "+strconv.Itoa(MaxTradeDays)+" days at most (tag 580)")
	}
}

// endOfDay returns the first nanosecond of the UTC day after the one of ns.
func endOfDay(ns int64) int64 {
	t := time.Unix(0, ns).UTC()
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC).UnixNano()
}
