package market

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
	"uncross/gateway/fix/message"
	"uncross/gateway/view"
)

// Values of MDEntryType (269) and MDUpdateAction (279).
const (
	typeBid   = '0'
	typeOffer = '1'
	typeTrade = '2'

	actionNew    = '0'
	actionChange = '1'
	actionDelete = '2'
)

const soh = 1

// rendered is a number of entries of a repeating group, ready to be sent.
type rendered struct {
	fields []byte
	n      int
}

func (r *rendered) add(o rendered) {
	r.fields = append(r.fields, o.fields...)
	r.n += o.n
}

// open begins a field, close ends it.
func open(b []byte, tag int) []byte { return append(strconv.AppendInt(b, int64(tag), 10), '=') }

func char(b []byte, tag int, c byte) []byte { return append(open(b, tag), c, soh) }

func number(b []byte, tag, n int) []byte {
	return append(strconv.AppendInt(open(b, tag), int64(n), 10), soh)
}

func text(b []byte, tag int, s string) []byte { return append(append(open(b, tag), s...), soh) }

// wholeOf renders levels for a snapshot.
func wholeOf(d *decimal.Instrument, bid, ask []view.Level, want kinds) rendered {
	var r rendered
	if want&bids != 0 {
		r.levels(d, typeBid, bid)
	}
	if want&offers != 0 {
		r.levels(d, typeOffer, ask)
	}
	return r
}

func (r *rendered) levels(d *decimal.Instrument, kind byte, levels []view.Level) {
	for i := range levels {
		l := &levels[i]
		b := char(r.fields, message.TagMDEntryType, kind)
		b = append(d.AppendPrice(open(b, message.TagMDEntryPx), l.Price), soh)
		r.fields = sizes(b, d, l, i+1)
		r.n++
	}
}

// sizes renders what a level has beside its price.
func sizes(b []byte, d *decimal.Instrument, l *view.Level, position int) []byte {
	b = append(d.AppendQty(open(b, message.TagMDEntrySize), l.Qty), soh)
	b = number(b, message.TagNumberOfOrders, l.Orders)
	return number(b, message.TagMDEntryPositionNo, position)
}

// changed renders an entry of an update. An entry is known by its side and price for as long as it exists.
func (r *rendered) change(d *decimal.Instrument, symbol string, action, kind byte, l *view.Level, position int) {
	id := byte('B')
	if kind == typeOffer {
		id = 'S'
	}
	b := char(r.fields, message.TagMDUpdateAction, action)
	b = char(b, message.TagMDEntryType, kind)
	b = append(d.AppendPrice(append(open(b, message.TagMDEntryID), id), l.Price), soh)
	b = text(b, message.TagSymbol, symbol)
	b = append(d.AppendPrice(open(b, message.TagMDEntryPx), l.Price), soh)
	if action != actionDelete {
		b = sizes(b, d, l, position)
	}
	r.fields = b
	r.n++
}

// tradesOf renders trades for a snapshot.
func tradesOf(d *decimal.Instrument, ts []view.Trade) rendered {
	var r rendered
	for i := range ts {
		r.fields = tradeFields(char(r.fields, message.TagMDEntryType, typeTrade), d, &ts[i])
		r.n++
	}
	return r
}

// tradeUpdate renders a trade for an update.
func (r *rendered) tradeUpdate(d *decimal.Instrument, symbol string, t *view.Trade) {
	b := char(r.fields, message.TagMDUpdateAction, actionNew)
	b = char(b, message.TagMDEntryType, typeTrade)
	b = append(strconv.AppendUint(open(b, message.TagMDEntryID), uint64(t.ID), 10), soh)
	b = text(b, message.TagSymbol, symbol)
	r.fields = tradeFields(b, d, t)
	r.n++
}

func tradeFields(b []byte, d *decimal.Instrument, t *view.Trade) []byte {
	b = append(d.AppendPrice(open(b, message.TagMDEntryPx), t.Price), soh)
	b = append(d.AppendQty(open(b, message.TagMDEntrySize), t.Qty), soh)
	return when(b, t.TimeNs)
}

// when renders the day (272) and the time of day (273), UTC with microseconds.
func when(b []byte, ns int64) []byte {
	b = append(message.AppendDate(open(b, message.TagMDEntryDate), ns), soh)
	b = open(b, message.TagMDEntryTime)
	start := len(b)
	b = message.AppendTime(b, ns)
	n := copy(b[start:], b[start+len("YYYYMMDD-"):])
	return append(b[:start+n], soh)
}

// snapshot is the message W.
func snapshot(id, symbol string, parts ...rendered) message.Body {
	size, n := 64+len(id)+len(symbol), 0
	for i := range parts {
		size += len(parts[i].fields)
		n += parts[i].n
	}
	b := head(size, message.MarketDataSnapshotFullRefresh, id)
	b = text(b, message.TagSymbol, symbol)
	b = number(b, message.TagNoMDEntries, n)
	for i := range parts {
		b = append(b, parts[i].fields...)
	}
	return body(b)
}

// update is the message X.
func update(id string, entries rendered) message.Body {
	b := head(48+len(id)+len(entries.fields), message.MarketDataIncrementalRefresh, id)
	b = number(b, message.TagNoMDEntries, entries.n)
	return body(append(b, entries.fields...))
}

func head(size int, msgType, id string) []byte {
	b := append(make([]byte, 0, size), msgType...)
	return text(append(b, soh), message.TagMDReqID, id)
}

func body(stored []byte) message.Body {
	b, err := message.ParseBody(stored)
	if err != nil {
		panic("market: a message of its own cannot be read: " + err.Error())
	}
	return b
}

// levelsOf renders the levels that a stream's subscribers have.
func levelsOf(st *stream) rendered {
	if st.line == nil {
		return rendered{}
	}
	return wholeOf(&st.in.Instrument.Instrument, st.line.bids, st.line.asks, st.want)
}

// delta is the entries that bring one side of a book from what was sent to what is.
type delta struct {
	gone, new rendered
}

// compare works a side's difference out. before says whether a price is ahead of another one.
func (e *delta) compare(d *decimal.Instrument, symbol string, kind byte, was, is []view.Level, before func(a, b wire.Price) bool) {
	e.gone, e.new = rendered{fields: e.gone.fields[:0]}, rendered{fields: e.new.fields[:0]}
	for i, j := 0, 0; i < len(was) || j < len(is); {
		switch {
		case j == len(is) || i < len(was) && before(was[i].Price, is[j].Price):
			e.gone.change(d, symbol, actionDelete, kind, &was[i], 0)
			i++
		case i == len(was) || before(is[j].Price, was[i].Price):
			e.new.change(d, symbol, actionNew, kind, &is[j], j+1)
			j++
		default:
			if was[i] != is[j] {
				e.new.change(d, symbol, actionChange, kind, &is[j], j+1)
			}
			i++
			j++
		}
	}
}

func higher(a, b wire.Price) bool { return a > b }
func lower(a, b wire.Price) bool  { return a < b }
