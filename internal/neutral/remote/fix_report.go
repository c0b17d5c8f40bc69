package remote

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/big"
	"strconv"
	"strings"

	"uncross/book"
	"uncross/gateway/fix/message"
	"uncross/internal/neutral"
)

// Values of ExecType (150) and OrdStatus (39).
const (
	execNew      = '0'
	execCanceled = '4'
	execRejected = '8'
	execTrade    = 'F'

	statusNew      = '0'
	statusPartly   = '1'
	statusFilled   = '2'
	statusCanceled = '4'
	statusRejected = '8'
)

// fixReport is what the run looks at of a message.
type fixReport struct {
	msgType, clOrd, orig, orderID, execID, account, symbol, match, avgPx, text string
	qty, cum, leaves, lastPx, lastQty, price                                   string
	execType, status, side, liquidity                                          byte

	seq      uint64
	possDup  bool
	repeat   bool
	hash     uint64 // of all fields but those that differ from one sending to another
	business uint64 // of the fields that a drop copy has alike
}

// hashSeed is one for the process: hashes are compared within a run alone.
var hashSeed = maphash.MakeSeed()

// parseReport reads a message; the fixReport does not keep it.
func parseReport(m *message.Message, repeat bool) fixReport {
	r := fixReport{msgType: m.Type(), possDup: m.Bool(message.TagPossDupFlag), repeat: repeat}
	r.seq, _ = m.Seq()
	var all, business maphash.Hash
	all.SetSeed(hashSeed)
	business.SetSeed(hashSeed)
	add := func(h *maphash.Hash, f *message.Field) {
		h.WriteString(strconv.Itoa(f.Tag))
		h.WriteByte('=')
		h.Write(f.Value)
		h.WriteByte(1)
	}
	for i := range m.Fields {
		f := &m.Fields[i]
		switch f.Tag {
		case message.TagBeginString, message.TagBodyLength, message.TagCheckSum, message.TagPossDupFlag, message.TagSendingTime, message.TagOrigSendingTime:
			continue // of the sending, not of the message
		}
		add(&all, f)
		if r.set(f) {
			add(&business, f)
		}
	}
	r.hash, r.business = all.Sum64(), business.Sum64()
	return r
}

// set keeps a field, and reports whether a drop copy must have it alike.
func (r *fixReport) set(f *message.Field) (alike bool) {
	var char *byte
	switch f.Tag {
	case message.TagClOrdID:
		r.clOrd = string(f.Value)
		return false
	case message.TagOrigClOrdID:
		r.orig = string(f.Value)
		return false
	case message.TagText:
		r.text = string(f.Value)
		return false
	case message.TagOrderID:
		r.orderID = string(f.Value)
	case message.TagExecID:
		r.execID = string(f.Value)
	case message.TagAccount:
		r.account = string(f.Value)
	case message.TagSymbol:
		r.symbol = string(f.Value)
	case message.TagSecondaryExecID:
		r.match = string(f.Value)
	case message.TagAvgPx:
		r.avgPx = string(f.Value)
	case message.TagOrderQty:
		r.qty = string(f.Value)
	case message.TagCumQty:
		r.cum = string(f.Value)
	case message.TagLeavesQty:
		r.leaves = string(f.Value)
	case message.TagLastPx:
		r.lastPx = string(f.Value)
	case message.TagLastQty:
		r.lastQty = string(f.Value)
	case message.TagPrice:
		r.price = string(f.Value)
	case message.TagExecType:
		char = &r.execType
	case message.TagOrdStatus:
		char = &r.status
	case message.TagSide:
		char = &r.side
	case message.TagLastLiquidityInd:
		char = &r.liquidity
	case message.TagTransactTime, message.TagTradeDate, message.TagCommission, message.TagCommType, message.TagTimeInForce, message.TagOrdType:
	default:
		return false
	}
	if char != nil && len(f.Value) == 1 {
		*char = f.Value[0]
	}
	return true
}

// command is the venue's number of the command that the report tells of: an ExecID begins with it.
func (r *fixReport) command() string {
	command, _, _ := strings.Cut(r.execID, "-")
	return command
}

// String shows the report in a difference.
func (r *fixReport) String() string {
	return fmt.Sprintf("35=%s 34=%d 17=%s 37=%s 11=%s 41=%s 150=%c 39=%c 54=%c 38=%s 14=%s 151=%s 6=%s 31=%s 32=%s 527=%s 1=%s 58=%s",
		r.msgType, r.seq, r.execID, r.orderID, r.clOrd, r.orig, orQuestion(r.execType), orQuestion(r.status), orQuestion(r.side),
		r.qty, r.cum, r.leaves, r.avgPx, r.lastPx, r.lastQty, r.match, r.account, r.text)
}

func orQuestion(c byte) byte {
	if c == 0 {
		return '?'
	}
	return c
}

// fixOrder is an order as the run itself follows it, by its fills alone.
type fixOrder struct {
	id       uint64 // in the set
	side     byte
	account  string
	price    string // "": none
	qty, cum int64
	notional big.Int // sum of price times quantity of the fills
	venue    string  // the venue's id, once it is known
	entered  bool
	over     bool
}

// reportCheck holds every report against what the run knows by itself: that messages come once, that an order's figures
// follow from its fills, that its ids hang together. It notes the first thing that is wrong.
type reportCheck struct {
	symbol string
	result *FIXResult
	orders map[uint64]*fixOrder
	execs  map[string]uint64 // hash of what a drop copy has alike by ExecID
	bodies map[uint64]uint64 // hash by number
	open   map[uint64]bool   // numbers that were asked for again and have not come
	half   *fixReport        // one side of a trade whose other side is to come next
}

func newReportCheck(symbol string, result *FIXResult) reportCheck {
	return reportCheck{symbol: symbol, result: result, orders: map[uint64]*fixOrder{}, execs: map[string]uint64{}, bodies: map[uint64]uint64{}}
}

// differ notes the first difference.
func (k *reportCheck) differ(r *fixReport, format string, args ...any) {
	if k.result.First == "" {
		k.result.First = fmt.Sprintf(format, args...) + "\n      " + r.String()
	}
}

// expect notes an order that is being sent.
func (k *reportCheck) expect(c *neutral.Command, account string, side byte) {
	o := &fixOrder{id: c.ID, side: side, account: account, qty: c.Qty}
	if !c.Market {
		o.price = strconv.FormatInt(c.Price, 10)
	}
	k.orders[c.ID] = o
}

// arrived reports whether a message is a new one. One that came before must be the same.
func (k *reportCheck) arrived(r *fixReport) (fresh bool, err error) {
	switch r.msgType {
	case message.ExecutionReport, message.OrderCancelReject:
	default:
		return false, fmt.Errorf("the server answered with a message of type %s: %s", r.msgType, r.text)
	}
	before, came := k.bodies[r.seq]
	if !came {
		if r.repeat {
			k.differ(r, "a repeat of a message that never came")
		}
		if r.possDup {
			k.result.Again++
		}
		k.bodies[r.seq] = r.hash
		k.result.Reports++
		return true, nil
	}
	delete(k.open, r.seq)
	switch {
	case !r.possDup:
		k.differ(r, "number %d came twice without PossDupFlag", r.seq)
	case before != r.hash:
		k.differ(r, "number %d came again and is not the same", r.seq)
	default:
		k.result.Repeats++
	}
	return false, nil
}

// wanted notes that messages are asked for again, and returns how to tell how many of them have not come.
func (k *reportCheck) wanted(from, to uint64) (missing func() int) {
	k.open = map[uint64]bool{}
	for seq := from; seq <= to; seq++ {
		if _, ok := k.bodies[seq]; ok {
			k.open[seq] = true
		}
	}
	return func() int { return len(k.open) }
}

// report holds a report against its order, whose state it brings up to it, and returns the order; nil when there is none,
// or nothing more to say about it.
func (k *reportCheck) report(r *fixReport) *fixOrder {
	if r.msgType == message.OrderCancelReject {
		return nil // the run counts it as refused
	}
	if _, ok := k.execs[r.execID]; ok || r.execID == "" {
		k.differ(r, "the ExecID has been used before")
	}
	k.execs[r.execID] = r.business
	name := r.clOrd
	if r.orig != "" {
		name = r.orig
	}
	id, _ := strconv.ParseUint(name, 10, 64)
	o := k.orders[id]
	if o == nil {
		k.differ(r, "no order has this client id")
		return nil
	}
	if o.over {
		k.differ(r, "the order has ended already")
	}
	leaves := o.qty - o.cum
	want := byte(statusNew)
	switch r.execType {
	case execNew:
		if o.entered {
			k.differ(r, "the order entered twice")
		}
		o.entered, o.venue = true, r.orderID
	case execRejected:
		o.over = true
		return nil
	case execTrade:
		k.fill(r, o)
		leaves, want = o.qty-o.cum, statusPartly
		if leaves == 0 {
			want, o.over = statusFilled, true
		}
	case execCanceled:
		leaves, want, o.over = 0, statusCanceled, true
	default:
		k.differ(r, "an ExecType that is not expected")
		return nil
	}
	k.holds(r, o, leaves, want)
	return o
}

// fill adds a fill to an order.
func (k *reportCheck) fill(r *fixReport, o *fixOrder) {
	price, err1 := strconv.ParseInt(r.lastPx, 10, 64)
	qty, err2 := strconv.ParseInt(r.lastQty, 10, 64)
	if err1 != nil || err2 != nil || price <= 0 || qty <= 0 || qty > o.qty-o.cum {
		k.differ(r, "a fill that cannot be: the order has %d of %d", o.cum, o.qty)
		return
	}
	k.result.Fills++
	o.cum += qty
	var n big.Int
	o.notional.Add(&o.notional, n.Mul(big.NewInt(price), big.NewInt(qty)))
}

// holds compares all that every report of an order says.
func (k *reportCheck) holds(r *fixReport, o *fixOrder, leaves int64, status byte) {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	for _, f := range []struct{ name, got, want string }{
		{"OrderID", r.orderID, o.venue},
		{"Symbol", r.symbol, k.symbol},
		{"Account", r.account, o.account},
		{"Side", string(r.side), string(o.side)},
		{"Price", r.price, o.price},
		{"OrderQty", r.qty, number(o.qty)},
		{"CumQty", r.cum, number(o.cum)},
		{"LeavesQty", r.leaves, number(leaves)},
		{"OrdStatus", string(r.status), string(status)},
	} {
		if f.got != f.want {
			k.differ(r, "%s is %q, expected %q", f.name, f.got, f.want)
		}
	}
	if !o.entered {
		k.differ(r, "a report of an order that has not entered")
	}
	if why := averageIs(r.avgPx, &o.notional, o.cum); why != "" {
		k.differ(r, "AvgPx: %s", why)
	}
}

// averageDecimals is how many decimals an average has at most for prices in whole numbers (docs/fix.md).
const averageDecimals = 8

// averageIs returns what is wrong about an average price, "" when nothing is: it is the notional divided by the quantity,
// cut off behind averageDecimals decimals.
func averageIs(text string, notional *big.Int, qty int64) string {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > averageDecimals {
		return "it has more than 8 decimals"
	}
	got, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", averageDecimals-len(fraction)), 10)
	if !ok || whole == "" || bytes.ContainsAny([]byte(text), "+-_") {
		return "it is no number"
	}
	want := new(big.Int)
	if qty > 0 {
		want.Exp(big.NewInt(10), big.NewInt(averageDecimals), nil).Mul(want, notional).Quo(want, big.NewInt(qty))
	}
	if got.Cmp(want) != 0 {
		return fmt.Sprintf("it is %s, expected %s with the point moved %d places", text, want, averageDecimals)
	}
	return ""
}

// trade puts the two sides of a trade together; ok is false for the first of them.
func (k *reportCheck) trade(r *fixReport, o *fixOrder) (t neutral.Trade, ok bool) {
	if k.half == nil {
		if r.side != '1' {
			k.differ(r, "a trade whose buyer is not told first")
		}
		k.half = r
		return t, false
	}
	buy := k.half
	k.half = nil
	if buy.match != r.match || r.match == "" || buy.side == r.side || buy.lastPx != r.lastPx || buy.lastQty != r.lastQty {
		k.differ(r, "it does not fit the other side of its trade:\n      %v", buy)
		return t, false
	}
	t.Sell = o.id
	t.Buy, _ = strconv.ParseUint(buy.clOrd, 10, 64)
	t.Price, _ = strconv.ParseInt(r.lastPx, 10, 64)
	t.Qty, _ = strconv.ParseInt(r.lastQty, 10, 64)
	switch string([]byte{orQuestion(buy.liquidity), orQuestion(r.liquidity)}) {
	case "21":
		t.Taker = book.Buy
	case "12":
		t.Taker = book.Sell
	case "??", "33": // an auction
	default:
		k.differ(r, "LastLiquidityInd of the two sides: %c and %c", orQuestion(buy.liquidity), orQuestion(r.liquidity))
	}
	return t, true
}

// whole says that all reports of a command are here.
func (k *reportCheck) whole() {
	if k.half != nil {
		k.differ(k.half, "the trade's other side is missing")
		k.half = nil
	}
}
