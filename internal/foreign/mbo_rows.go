package foreign

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"time"

	"uncross/engine/wire"
)

// mboDecimals is the number of decimals of prices: Databento's are whole numbers of 10⁻⁹.
const mboDecimals = 9

// noPrice stands for a price that is not there.
const noPrice wire.Price = math.MaxInt64

// mboColumns are the places of a file's columns, -1 for those that it does not have.
type mboColumns struct {
	width                                                                                  int
	time, action, side, price, size, order, flags, sequence, publisher, instrument, symbol int
	whole                                                                                  bool // prices are in price_e9, whole numbers of 10⁻⁹
}

// find reads the header. An empty text says that it has what is needed.
func (c *mboColumns) find(header [][]byte, orders bool) string {
	at := func(names ...string) int {
		return slices.IndexFunc(header, func(h []byte) bool { return slices.Contains(names, string(h)) })
	}
	c.width = len(header)
	c.time, c.action, c.side = at("ts_event", "ts_event_ns"), at("action"), at("side")
	c.price, c.size, c.order = at("price", "price_e9"), at("size"), at("order_id")
	c.flags, c.sequence = at("flags"), at("sequence")
	c.publisher, c.instrument, c.symbol = at("publisher_id"), at("instrument_id"), at("symbol")
	c.whole = c.price >= 0 && string(header[c.price]) == "price_e9"
	if c.time < 0 {
		return "the header has no column ts_event"
	}
	if orders && (c.action < 0 || c.side < 0 || c.price < 0 || c.size < 0 || c.order < 0) {
		return "the header does not have all of the columns action, side, price, size and order_id"
	}
	return ""
}

// mboKey is what a record of orders and a row of levels have in common.
type mboKey struct {
	instrument uint64 // publisher and instrument
	timeNs     int64
	sequence   uint64
}

// before reports whether k comes before o in a day.
func (k mboKey) before(o mboKey) bool {
	return k.timeNs < o.timeNs || k.timeNs == o.timeNs && k.sequence < o.sequence
}

// mboRecord is one record.
type mboRecord struct {
	mboKey
	action byte
	side   wire.Side // 0: none
	price  wire.Price
	size   wire.Qty
	order  uint64
	flags  uint64
}

// The flags of records that matter here.
const (
	mboTopOfBook = 64 // a level of the best prices, not an order
	mboSnapshot  = 32 // part of a snapshot
)

// key reads what identifies a record.
func (c *mboColumns) key(f [][]byte) (k mboKey, wrong string) {
	if len(f) != c.width {
		return k, fmt.Sprintf("%d columns, expected %d", len(f), c.width)
	}
	var ok bool
	if k.timeNs, ok = moment(f[c.time]); !ok {
		return k, fmt.Sprintf("ts_event is %q, neither nanoseconds nor a time such as 2026-01-02T15:04:05.000000001Z", f[c.time])
	}
	publisher, ok1 := optional(f, c.publisher)
	instrument, ok2 := optional(f, c.instrument)
	sequence, ok3 := optional(f, c.sequence)
	if !ok1 || !ok2 || !ok3 || publisher > math.MaxUint16 || instrument > math.MaxUint32 {
		return k, "publisher_id, instrument_id or sequence is not a number of its kind"
	}
	k.instrument, k.sequence = publisher<<32|instrument, sequence
	return k, ""
}

// record reads a record; an empty text says that it is good.
func (c *mboColumns) record(f [][]byte) (r mboRecord, wrong string) {
	if r.mboKey, wrong = c.key(f); wrong != "" {
		return r, wrong
	}
	if len(f[c.action]) != 1 || !bytes.Contains([]byte("ACMTFRN"), f[c.action]) {
		return r, fmt.Sprintf("action is %q, expected one of A C M T F R N", f[c.action])
	}
	r.action = f[c.action][0]
	switch string(f[c.side]) {
	case "B":
		r.side = wire.Buy
	case "A":
		r.side = wire.Sell
	case "N":
	default:
		return r, fmt.Sprintf("side is %q, expected B, A or N", f[c.side])
	}
	var ok [4]bool
	var size uint64
	r.price, ok[0] = price(f[c.price], c.whole)
	size, ok[1] = optional(f, c.size)
	r.order, ok[2] = optional(f, c.order)
	r.flags, ok[3] = optional(f, c.flags)
	for i, name := range [4]string{"price", "size", "order_id", "flags"} {
		if !ok[i] {
			return r, name + " is not a number of its kind"
		}
	}
	r.size = wire.Qty(min(size, MaxQty+1))
	return r, r.check()
}

// check judges what a record of its action must have.
func (r *mboRecord) check() string {
	switch r.action {
	case 'A', 'M':
		if r.side == 0 || r.price == noPrice {
			return "an order without a side or a price"
		}
	case 'R', 'N':
		return ""
	}
	if r.size <= 0 || r.size > MaxQty {
		return "size is 0 or too large"
	}
	return ""
}

// optional reads a number from 0 up in a column that the file may not have.
func optional(f [][]byte, at int) (uint64, bool) {
	if at < 0 {
		return 0, true
	}
	n := uint64(0)
	for _, c := range f[at] {
		if c < '0' || c > '9' || n > (math.MaxUint64-9)/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(f[at]) > 0
}

// price reads a price: a decimal where it has a point, else a whole number of 10⁻⁹. Databento's greatest number, and nothing,
// stand for none.
func price(b []byte, whole bool) (wire.Price, bool) {
	if len(b) == 0 {
		return noPrice, true
	}
	if whole || bytes.IndexByte(b, '.') < 0 {
		n, ok := integer(b)
		return wire.Price(n), ok
	}
	n, ok := fixed(b, mboDecimals)
	return wire.Price(n), ok
}

// moment reads nanoseconds since the Unix epoch, or a time in RFC 3339.
func moment(b []byte) (int64, bool) {
	if bytes.IndexByte(b, '-') < 0 {
		return integer(b)
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}
