package reference

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
	"uncross/gateway/history"
)

func TestSecurityList(t *testing.T) {
	v := market(t)
	entryOf := func(base string) string {
		return "55=" + base + "/USD|107=" + base + " in USD|870=8|871=99|872=base=" + base + "|871=99|872=tick=0.05|871=99|872=min_price=0.05" +
			"|871=99|872=max_price=100000.00|871=99|872=max_quantity=1000|871=99|872=min_notional=1.5|871=99|872=maker_fee_bps=10" +
			"|871=99|872=taker_fee_bps=20|15=USD|561=0.001|562=0.005"
	}
	for _, s := range []*entry.Session{trading(2), dropCopy(2), marketData()} {
		v.run(s, []line{
			{"x|320=r|559=4", "y|320=r|322=1|560=0|393=2|893=Y|146=2|" + entryOf("BTC") + "|" + entryOf("ETH")},
			{"x|320=r|559=0|55=ETH/USD|263=0", "y|320=r|322=1|560=0|393=1|893=Y|146=1|" + entryOf("ETH")},
			{"x|320=r|559=0|55=XRP/USD", "y|320=r|322=1|560=2"},
			{"x|320=r|559=0", "y|320=r|322=1|560=2"},
			{"x|320=r|559=4|263=1", "y|320=r|322=1|560=5"},
			{"x|320=r|559=1|167=CS", "y|320=r|322=1|560=5"},
		})
	}
}

func TestSecurityListPages(t *testing.T) {
	v := openVenue(t)
	v.run(trading(2), []line{{"x|320=r|559=4", "y|320=r|322=1|560=2"}})
	v.do(wire.OperatorKey, &wire.AddAsset{Code: wire.MustText("BTC"), Decimals: 8})
	v.do(wire.OperatorKey, &wire.AddAsset{Code: wire.MustText("USD"), Decimals: 5})
	for i := range 2*PageSize + 1 {
		v.instrument(fmt.Sprint("S", i), 1)
	}
	pages := strings.Split(v.ask(trading(2), "x|320=r|559=4"), "\n")
	if len(pages) != 3 {
		t.Fatalf("%d pages", len(pages))
	}
	next := 0
	for i, page := range pages {
		n, last := PageSize, "N"
		if i == 2 {
			n, last = 1, "Y"
		}
		want := fmt.Sprintf("y|320=r|322=%d|560=0|393=101|893=%s|146=%d|55=S%d|", i+1, last, n, next)
		if !strings.HasPrefix(page, want) || strings.Count(page, "|55=") != n {
			t.Errorf("page %d: %.120s, want %s", i, page, want)
		}
		next += n
	}
	v.instrument("LAST", 1)
	if got := v.ask(trading(2), "x|320=r|559=0|55=S100"); !strings.Contains(got, "|393=1|893=Y|146=1|55=S100|") {
		t.Error(got)
	}
}

// fill is an AE as it is expected.
func fill(seq uint64, ord int, side byte, trade int, status byte, symbol, qty, price string, at int64, order int, id, acc, fee, gross, last string) string {
	code := map[byte]byte{'B': '1', 'S': '2'}[side]
	return fmt.Sprintf("AE|571=%d-%d%c|487=0|856=0|568=r|828=0|150=F|912=%s|880=%d|17=%d-%d%c|39=%c|570=N|55=%s|32=%s|31=%s|75=%s|60=%s|573=0|552=1|54=%c|37=%d|11=%s|1=%s|15=USD|12=%s|13=3|479=USD|381=%s",
		seq, ord, side, last, trade, seq, ord, side, status, symbol, qty, price, message.AppendDate(nil, at), message.AppendTime(nil, at), code, order, id, acc, fee, gross)
}

func TestTradeReports(t *testing.T) {
	v := market(t)
	const ack, none = "AQ|568=r|569=0|749=0|750=0|55=[N/A]\n", "AQ|568=r|569=0|748=0|749=0|750=1|55=[N/A]"
	v.run(trading(2), []line{{"AD|568=r|569=0", none}})

	v.order(2, 1, wire.Sell, 2000, 1000, "a") // order 1
	one := v.order(3, 1, wire.Buy, 2000, 400, "b")
	oneAt := v.timeNs
	v.order(4, 2, wire.Buy, 1000, 500, "c") // order 3
	two := v.order(2, 2, wire.Sell, 1000, 500, "d")
	twoAt := v.timeNs
	v.timeNs += int64(24 * time.Hour)
	three := v.order(4, 1, wire.Buy, 2000, 600, "e") // order 5
	threeAt := v.timeNs

	// user 2 sold twice on the first day, once on the second
	f1 := func(last string) string {
		return fill(one, 1, 'S', 1, '1', "BTC/USD", "0.4", "100.00", oneAt, 1, "a", "acc2", "0.04", "40", last)
	}
	f2 := func(last string) string {
		return fill(two, 1, 'S', 2, '2', "ETH/USD", "0.5", "50.00", twoAt, 4, "d", "acc2", "0.05", "25", last)
	}
	f3 := func(last string) string {
		return fill(three, 1, 'S', 3, '2', "BTC/USD", "0.6", "100.00", threeAt, 1, "a", "acc2", "0.06", "60", last)
	}
	b1 := func(last string) string {
		return fill(one, 1, 'B', 1, '2', "BTC/USD", "0.4", "100.00", oneAt, 2, "b", "acc3", "0.08", "40", last)
	}
	b2 := func(last string) string {
		return fill(two, 1, 'B', 2, '2', "ETH/USD", "0.5", "50.00", twoAt, 3, "c", "acc4", "0.025", "25", last)
	}
	b3 := func(last string) string {
		return fill(three, 1, 'B', 3, '2', "BTC/USD", "0.6", "100.00", threeAt, 5, "e", "acc4", "0.12", "60", last)
	}
	stamp := func(ns int64) string { return string(message.AppendTime(nil, ns)) }
	v.run(trading(2), []line{
		{"AD|568=r|569=0", ack + f3("Y")}, // the venue's present day
		{"AD|568=r|569=0|263=0|580=1|75=20240506|58=please|725=0", ack + f1("N") + "\n" + f2("Y")},
		{"AD|568=r|569=0|580=2|75=20240506|75=20240507", ack + f1("N") + "\n" + f2("N") + "\n" + f3("Y")},
		{"AD|568=r|569=0|580=1|75=20240505", none},
		{"AD|568=r|569=0|580=1|75=20240506|60=" + stamp(oneAt), ack + f1("N") + "\n" + f2("Y")},
		{"AD|568=r|569=0|580=1|75=20240506|60=" + stamp(oneAt+1000), ack + f2("Y")},
		{"AD|568=r|569=0|580=2|75=20240506|60=" + stamp(oneAt) + "|75=20240506|60=" + stamp(oneAt), ack + f1("Y")},
		{"AD|568=r|569=0|580=2|75=20240506|60=" + stamp(oneAt+1000) + "|75=20240507|60=" + stamp(threeAt), ack + f2("N") + "\n" + f3("Y")},
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|55=ETH/USD", "AQ|568=r|569=1|749=0|750=0|55=ETH/USD\n" + f2("Y")},
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|37=1", "AQ|568=r|569=1|749=0|750=0|55=[N/A]\n" + f1("N") + "\n" + f3("Y")},
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|11=d", "AQ|568=r|569=1|749=0|750=0|55=[N/A]\n" + f2("Y")},
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|11=d|37=1", "AQ|568=r|569=1|748=0|749=0|750=1|55=[N/A]"},
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|37=2", "AQ|568=r|569=1|748=0|749=0|750=1|55=[N/A]"}, // another user's
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|54=1", "AQ|568=r|569=1|748=0|749=0|750=1|55=[N/A]"},
	})
	both := "AD|568=r|569=0|580=2|75=20240506|75=20240507"
	v.run(trading(3), []line{{both, ack + b1("Y")}})
	v.run(dropCopy(3), []line{
		{both, ack + f1("N") + "\n" + f2("N") + "\n" + f3("N") + "\n" + b1("Y")},
		{"AD|568=r|569=1|580=2|75=20240506|75=20240507|54=1", "AQ|568=r|569=1|749=0|750=0|55=[N/A]\n" + b1("Y")},
	})
	v.run(dropCopy(4), []line{{both, ack + b2("N") + "\n" + b3("Y")}})
	v.run(marketData(), []line{{both, "refused 10: not_on_this_session id=r symbol=AD"}})
}

func TestTradeReportRefusals(t *testing.T) {
	v := market(t)
	no := func(kind string, result int, symbol, text string) string {
		return fmt.Sprintf("AQ|568=r|569=%s|749=%d|750=2|55=%s|58=%s", kind, result, symbol, text)
	}
	const dates = "one date or time, or a first and a last one, is needed (tag "
	v.run(trading(2), []line{
		{"AD|568=r|569=2", no("2", 8, "[N/A]", "only all trades (0) and matched trades (1) can be asked for (tag 569)")},
		{"AD|568=r|569=0|55=XRP", no("0", 1, "XRP", "there is no such instrument (tag 55)")},
		{"AD|568=r|569=0|263=1", no("0", 99, "[N/A]", "there is no subscription to trade reports: execution reports and drop copy tell of them as they happen (tag 263)")},
		{"AD|568=r|569=0|453=1|448=x|447=D|452=1", no("0", 3, "[N/A]", "trades are not found by parties (tag 453)")},
		{"AD|568=r|569=0|725=1", no("0", 4, "[N/A]", "the answer comes by this session (tag 725)")},
		{"AD|568=r|569=0|880=7", no("0", 99, "[N/A]", "trades are not found by this (tag 880)")},
		{"AD|568=r|569=0|54=5", no("0", 99, "[N/A]", "buy (1) or sell (2) is needed (tag 54)")},
		{"AD|568=r|569=0|37=x", no("0", 99, "[N/A]", "not an order of this venue (tag 37)")},
		{"AD|568=r|569=0|37=0", no("0", 99, "[N/A]", "not an order of this venue (tag 37)")},
		{"AD|568=r|569=0|11=" + strings.Repeat("x", 37), no("0", 99, "[N/A]", "not a client order id of this venue (tag 11)")},
		{"AD|568=r|569=0|580=1|75=20241301", no("0", 99, "[N/A]", dates+"75)")},
		{"AD|568=r|569=0|580=3|75=20240101|75=20240101|75=20240101", no("0", 99, "[N/A]", dates+"75)")},
		{"AD|568=r|569=0|580=1|75=20240101|60=yesterday", no("0", 99, "[N/A]", dates+"60)")},
		{"AD|568=r|569=0|580=2|75=20240102|75=20240101", no("0", 99, "[N/A]", "the last date or time is before the first one (tag 580)")},
		{"AD|568=r|569=0|580=2|75=20240101|75=20240108", no("0", 99, "[N/A]", "one request spans 7 days at most (tag 580)")},
		{"AD|568=r|569=0|580=1|75=22620101", no("0", 99, "[N/A]", dates+"75)")},
	})
	for _, ok := range []string{"580=2|75=20240101|75=20240107", "580=1|75=19700101", "580=1|75=22611231"} {
		if got := v.ask(trading(2), "AD|568=r|569=0|"+ok); !strings.HasPrefix(got, "AQ|568=r|569=0|748=0|") {
			t.Errorf("%s: %s", ok, got)
		}
	}
}

// A long answer is read page by page, and tells each fill once.
func TestTradeReportPages(t *testing.T) {
	v := market(t)
	const n = fillsPage + 50
	v.order(2, 1, wire.Sell, 2000, 20*n, "rest")
	for i := range n {
		v.order(4, 1, wire.Buy, 2000, 20, fmt.Sprint("hit", i))
		v.timeNs -= int64(time.Second) // stay inside the day
	}
	lines := strings.Split(v.ask(trading(2), "AD|568=r|569=0"), "\n")
	if len(lines) != n+1 {
		t.Fatalf("%d messages, want %d", len(lines), n+1)
	}
	for i, l := range lines[1:] {
		if !strings.Contains(l, fmt.Sprintf("|880=%d|", i+1)) || strings.Contains(l, "|912=Y|") != (i == n-1) {
			t.Fatalf("message %d: %s", i+1, l)
		}
	}
}

// failing is a history that fails after some pages.
type failing struct {
	History
	left int
}

func (f *failing) Fills(acc wire.AccountID, q history.Query) (history.Page[history.Fill], error) {
	if f.left--; f.left < 0 {
		return history.Page[history.Fill]{}, errors.New("broken")
	}
	return f.History.Fills(acc, q)
}

func (f *failing) OrderByClientID(wire.AccountID, wire.Text) (o history.Order, ok bool, err error) {
	return o, false, errors.New("broken")
}

// An answer that history cannot finish has no last message, and one that it cannot begin is a refusal.
func TestBrokenHistory(t *testing.T) {
	v := market(t)
	v.order(2, 1, wire.Sell, 2000, 100, "a")
	v.order(3, 1, wire.Buy, 2000, 50, "b")
	v.order(3, 1, wire.Buy, 2000, 50, "c")
	v.h = New(Config{View: v.view, History: &failing{v.hist, 1}})
	if got := v.ask(dropCopy(2), "AD|568=r|569=0"); strings.Count(got, "\n") != 1 || strings.Contains(got, "912=Y") {
		t.Error(got)
	}
	refused := func(kind string) string {
		return "AQ|568=r|569=" + kind + "|749=99|750=2|55=[N/A]|58=the trades cannot be told at the moment: ask again"
	}
	if got := v.ask(trading(2), "AD|568=r|569=1|11=a"); got != refused("1") {
		t.Error(got)
	}
	v.h = New(Config{View: v.view, History: behind{v.hist}})
	if got := v.ask(trading(2), "AD|568=r|569=0"); got != refused("0") {
		t.Error(got)
	}
}

// behind is a history that does not have what the view has.
type behind struct{ History }

func (behind) WaitFor(uint64, time.Duration) bool { return false }

func FuzzHandle(f *testing.F) {
	f.Add("AD|568=r|569=0|580=2|75=20240506|60=20240506-10:00:00|75=20240507|55=BTC/USD|54=1|37=1|11=a")
	f.Add("x|320=r|559=4")
	v := market(f)
	v.order(2, 1, wire.Sell, 2000, 100, "a")
	v.order(3, 1, wire.Buy, 2000, 50, "b")
	f.Fuzz(func(t *testing.T, fields string) {
		var m message.Message
		if m.Parse([]byte("8=FIX.4.4\x019=0\x0135="+strings.ReplaceAll(fields, "|", "\x01")+"\x01")) != nil {
			return
		}
		if t := m.Type(); t != message.SecurityListRequest && t != message.TradeCaptureReportRequest {
			return
		}
		var out entry.Outcome
		v.h.Handle(dropCopy(2), &m, &out)
		n := 0
		for b := range out.Answers {
			n++
			if stored := b.AppendTo(nil); len(stored) == 0 || stored[len(stored)-1] != 1 {
				t.Errorf("%q", stored)
			}
		}
		if n == 0 {
			t.Error("no answer")
		}
	})
}
