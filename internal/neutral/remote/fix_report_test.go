package remote

import (
	"math/big"
	"strings"
	"testing"

	"uncross/book"
	"uncross/gateway/fix/message"
	"uncross/internal/neutral"
)

// field is a tag and its value.
type field struct {
	tag   int
	value string
}

// day is four reports of two orders that trade: a buy of 10 at 100 that rests, and a sell of 3 at 99.
func day() [][]field {
	report := func(execType, status, id, order, exec, account, side, price, qty, cum, leaves, avg string, more ...field) []field {
		return append([]field{
			{message.TagExecType, execType}, {message.TagOrdStatus, status}, {message.TagClOrdID, id}, {message.TagOrderID, order},
			{message.TagExecID, exec}, {message.TagAccount, account}, {message.TagSymbol, "X"}, {message.TagSide, side}, {message.TagPrice, price},
			{message.TagOrderQty, qty}, {message.TagCumQty, cum}, {message.TagLeavesQty, leaves}, {message.TagAvgPx, avg},
		}, more...)
	}
	fill := func(liquidity string) []field {
		return []field{{message.TagLastPx, "100"}, {message.TagLastQty, "3"}, {message.TagSecondaryExecID, "1"}, {message.TagLastLiquidityInd, liquidity}}
	}
	return [][]field{
		report("0", "0", "1", "7", "1-0", "b", "1", "100", "10", "0", "10", "0"),
		report("0", "0", "2", "8", "2-0", "s", "2", "99", "3", "0", "3", "0"),
		report("F", "1", "1", "7", "2-1B", "b", "1", "100", "10", "3", "7", "100", fill("1")...),
		report("F", "2", "2", "8", "2-1S", "s", "2", "99", "3", "3", "0", "100", fill("2")...),
	}
}

// parsed makes the report that a session would hand over.
func parsed(t *testing.T, seq uint64, dup bool, fields []field) *fixReport {
	t.Helper()
	b := message.NewBody(message.ExecutionReport)
	for _, f := range fields {
		b.Str(f.tag, f.value)
	}
	var m message.Message
	h := message.Header{Sender: "V", Target: "C", Seq: seq, PossDup: dup, SendingNs: int64(seq)}
	if dup {
		h.OrigSendingNs, h.SendingNs = h.SendingNs, 99
	}
	if err := m.Parse(message.AppendMessage(nil, &h, b)); err != nil {
		t.Fatal(err)
	}
	r := parseReport(&m, false)
	return &r
}

// checkDay gives the reports to a check and returns the trades and the first difference.
func checkDay(t *testing.T, reports []*fixReport) (trades []neutral.Trade, first string, result FIXResult) {
	t.Helper()
	k := newReportCheck("X", &result)
	k.expect(&neutral.Command{N: 1, ID: 1, Side: book.Buy, Price: 100, Qty: 10}, "b", '1')
	k.expect(&neutral.Command{N: 2, ID: 2, Side: book.Sell, Price: 99, Qty: 3}, "s", '2')
	for _, r := range reports {
		fresh, err := k.arrived(r)
		if err != nil {
			t.Fatal(err)
		}
		if !fresh {
			continue
		}
		if o := k.report(r); o != nil && r.execType == execTrade {
			if trade, ok := k.trade(r, o); ok {
				trades = append(trades, trade)
			}
		}
	}
	k.whole()
	return trades, result.First, result
}

// TestReportCheck takes reports that are right, and finds every field that is not.
func TestReportCheck(t *testing.T) {
	numbered := func(reports [][]field) (out []*fixReport) {
		for i, fields := range reports {
			out = append(out, parsed(t, uint64(i+1), false, fields))
		}
		return out
	}
	trades, first, result := checkDay(t, append(numbered(day()), parsed(t, 3, true, day()[2])))
	if first != "" || len(trades) != 1 || trades[0] != (neutral.Trade{Buy: 1, Sell: 2, Price: 100, Qty: 3, Taker: book.Sell}) {
		t.Fatalf("trades %v, difference %q", trades, first)
	}
	if result != (FIXResult{Reports: 4, Fills: 2, Repeats: 1}) {
		t.Errorf("%+v", result)
	}

	for i, fields := range day() {
		for k, f := range fields {
			if f.tag == message.TagOrderID && i < 2 || f.tag == message.TagExecID {
				continue // the venue's to choose
			}
			changed := day()
			changed[i][k].value = "9"
			if _, first, _ := checkDay(t, numbered(changed)); first == "" {
				t.Errorf("report %d: tag %d is 9 instead of %q, and nothing is found", i+1, f.tag, f.value)
			}
		}
	}
	twice := day()
	twice[1][4].value = twice[0][4].value
	for name, reports := range map[string][]*fixReport{
		"the same ExecID":           numbered(twice),
		"again":                     append(numbered(day()), parsed(t, 5, false, day()[3])),
		"number without the flag":   append(numbered(day()), parsed(t, 2, false, day()[1])),
		"repeat that is not alike":  append(numbered(day()), parsed(t, 2, true, day()[3])),
		"one side of a trade alone": numbered(day())[:3],
		"no first report":           numbered(day())[1:],
		"after the end": append(numbered(day()), parsed(t, 5, false, append([]field{{message.TagExecType, "4"}, {message.TagOrdStatus, "4"},
			{message.TagExecID, "3-0"}, {message.TagLeavesQty, "0"}}, day()[3][2:]...))),
	} {
		if _, first, _ := checkDay(t, reports); first == "" {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

func TestAverage(t *testing.T) {
	for _, c := range []struct {
		text     string
		notional int64
		qty      int64
		wrong    string
	}{
		{"0", 0, 0, ""}, {"100", 300, 3, ""}, {"33.33333333", 100, 3, ""}, {"66.66666666", 200, 3, ""}, {"0.5", 1, 2, ""}, {"0.50", 1, 2, ""},
		{"66.66666667", 200, 3, "expected"}, {"33.333333333", 100, 3, "decimals"}, {"33.3333333", 100, 3, "expected"}, {"", 0, 0, "no number"},
		{".5", 1, 2, "no number"}, {"-0", 0, 0, "no number"}, {"1e2", 100, 1, "no number"}, {"1_0", 10, 1, "no number"},
	} {
		why := averageIs(c.text, big.NewInt(c.notional), c.qty)
		if (why == "") != (c.wrong == "") || !strings.Contains(why, c.wrong) {
			t.Errorf("%q for %d / %d: %q, expected %q", c.text, c.notional, c.qty, why, c.wrong)
		}
	}
}
