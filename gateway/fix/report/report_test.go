package report

import (
	"regexp"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/decimal"
)

const at = 1_700_000_000_123_456_789 // 2023-11-14 22:13:20.123456789 UTC

var (
	usd = wire.Asset{ID: 1, Code: wire.MustText("USD"), Decimals: 2}
	btc = wire.Asset{ID: 2, Code: wire.MustText("BTC"), Decimals: 8}
	// tick 0.5, lot 0.1: one tick times one lot is 5 cents
	coin  = decimal.New(wire.Instrument{ID: 1, Symbol: wire.MustText("BTC-USD"), Base: 2, Quote: 1, PriceDecimals: 1, TickSize: 5, LotSize: 10_000_000, Multiplier: 5}, btc, usd)
	named = Names{Account: wire.MustText("ANN"), Instrument: &coin, Quote: usd.Code}
	event = Exec{Seq: 42, Ord: 3, TimeNs: at}
)

func limit() *Order {
	return &Order{ID: 7, Account: 2, Instrument: 1, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 420_001, Qty: 30, ClientID: wire.MustText("a1")}
}

func want(t *testing.T, got []byte, text string) {
	t.Helper()
	if s := check(t, got); s != text {
		t.Errorf("\n     %s\nwant %s", s, text)
	}
}

func TestExecutionReports(t *testing.T) {
	o := limit()
	want(t, Accepted(nil, &event, o, &named),
		"8|37=7|11=a1|17=42-3|150=0|39=0|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|151=3|14=0|6=0|60=20231114-22:13:20.123456")

	o.Filled, o.Notional = 10, wire.Amount{Lo: 420_000 * 10 * 5}
	trade := wire.Trade{Trade: 5, Taker: wire.Sell, Price: 420_000, Qty: 10, BuyLeft: 20, BuyFee: wire.Amount{Lo: 123}, SellFee: wire.Amount{Lo: 1}}
	want(t, Traded(nil, &event, &trade, wire.Buy, o, &named),
		"8|37=7|11=a1|17=42-3B|150=F|39=1|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|31=210000.0|32=1|527=5|851=1|12=1.23|13=3|479=USD|75=20231114|151=2|14=1|6=210000.0|60=20231114-22:13:20.123456")
	o.Side = wire.Sell
	trade.Taker, trade.Price = 0, 420_000
	want(t, Copied(Traded(nil, &event, &trade, wire.Sell, o, &named)),
		"8|37=7|11=a1|17=42-3S|150=F|39=2|1=ANN|55=BTC-USD|54=2|38=3|40=2|44=210000.5|59=1|31=210000.0|32=1|527=5|12=0.01|13=3|479=USD|75=20231114|151=0|14=1|6=210000.0|60=20231114-22:13:20.123456|797=Y")

	o = limit()
	o.Flags, o.Filled, o.Notional = wire.PostOnly, 3, wire.Amount{Lo: 100}
	canceled := wire.OrderCanceled{Reason: wire.CanceledByOperator}
	want(t, Canceled(nil, &event, &canceled, AsTold, wire.Text{}, o, &named),
		"8|37=7|11=a1|17=42-3|150=4|39=4|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|18=6|151=0|14=0.3|6=3.333333333|378=8|58=canceled by the venue's operator|60=20231114-22:13:20.123456")
	canceled.Reason = wire.CanceledByUser
	o.ClientID = wire.Text{}
	want(t, Canceled(nil, &event, &canceled, AsTold, wire.MustText("c1"), o, &named),
		"8|37=7|11=c1|41=NONE|17=42-3|150=4|39=4|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|18=6|151=0|14=0.3|6=3.333333333|58=canceled by request|60=20231114-22:13:20.123456")
	o.ClientID = wire.MustText("a2")
	want(t, Replaced(nil, &event, wire.MustText("a1"), o, &named),
		"8|37=7|11=a2|41=a1|17=42-3|150=5|39=1|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|18=6|151=2.7|14=0.3|6=3.333333333|60=20231114-22:13:20.123456")
	if got := check(t, Replaced(nil, &event, o.ClientID, o, &named)); strings.Contains(got, "|41=") {
		t.Errorf("a replace that kept its id: %s", got)
	}

	funds := &Order{ID: 8, Side: wire.Buy, Type: wire.Market, TIF: wire.IOC, Qty: 4, Funds: wire.Amount{Lo: 123_456}, ClientID: wire.MustText("m1")}
	want(t, Accepted(nil, &event, funds, &named),
		"8|37=8|11=m1|17=42-3|150=0|39=0|1=ANN|55=BTC-USD|54=1|152=1234.56|40=1|59=3|151=0.4|14=0|6=0|60=20231114-22:13:20.123456")
}

func TestStatus(t *testing.T) {
	o := limit()
	want(t, Status(nil, at, o, wire.StatusNew, &named, &Question{Request: "q\x011"}),
		"8|37=7|11=a1|17=0|150=I|39=0|790=q?1|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|151=3|14=0|6=0|60=20231114-22:13:20.123456")
	want(t, Status(nil, at, o, wire.StatusCanceled, &named, &Question{Mass: "m", Total: 9, Last: true}),
		"8|37=7|11=a1|17=0|150=I|39=4|584=m|911=9|912=Y|1=ANN|55=BTC-USD|54=1|38=3|40=2|44=210000.5|59=1|151=0|14=0|6=0|60=20231114-22:13:20.123456")
	want(t, NoStatus(nil, at, &wire.OrderRejected{}, &Names{}, &Question{Mass: "m", Last: true}),
		"8|37=NONE|17=0|150=I|39=8|584=m|911=0|912=Y|55=[N/A]|54=7|151=0|14=0|6=0|60=20231114-22:13:20.123456")
	state := wire.OrderState{Order: 7, Side: wire.Buy, Type: wire.Limit, TIF: wire.GTC, Price: 420_001, Qty: 30, ClientID: o.ClientID}
	if got := FromState(&state); string(Status(nil, at, &got, wire.StatusNew, &named, nil)) != string(Status(nil, at, o, wire.StatusNew, &named, nil)) {
		t.Error("an order of a state is another")
	}
}

// A refused order can have had anything in it.
func TestRefusals(t *testing.T) {
	bad := wire.OrderRejected{Command: wire.CmdNewOrder, Reason: wire.InvalidOrderType, Side: 9, Type: 77, TIF: 88, Price: -5, Qty: -9, Instrument: 1}
	want(t, Rejected(nil, &event, &bad, &named),
		"8|37=NONE|17=42-3|150=8|39=8|1=ANN|55=BTC-USD|54=7|151=0|14=0|6=0|103=11|58=the order type is not known|60=20231114-22:13:20.123456")
	bad = wire.OrderRejected{Command: wire.CmdReplaceOrder, Reason: wire.UnknownOrder}
	want(t, CancelRejected(nil, &event, &bad, &Names{}),
		"9|37=NONE|11=NONE|41=NONE|39=8|434=2|102=1|58=the account has no such order|60=20231114-22:13:20.123456")
	want(t, MassCanceled(nil, &event, &wire.MassCanceled{Instrument: 1, Count: 3}, &MassRequest{ID: wire.MustText("q1")}, &named),
		"r|11=q1|37=42-3|530=1|531=1|533=3|55=BTC-USD|60=20231114-22:13:20.123456")
	want(t, MassCancelRejected(nil, &event, &wire.OrderRejected{Reason: wire.RoleNotAllowed}, &MassRequest{}, &Names{}),
		"r|37=42-3|530=7|531=0|58=the key's role does not allow this|60=20231114-22:13:20.123456")
}

func TestRefusedByTheGateway(t *testing.T) {
	x := event
	x.Origin = wire.SessionOrigin(1, 0, 12, false)
	m := wire.SessionMessage{Side: wire.Sell, Reason: PriceOffTick, Arg: 44, ClientID: wire.MustText("a1"), Target: wire.MustText("a0")}
	copy(m.Symbol[:], "X\x02=Y")
	m.Kind = wire.RefusedNewOrder
	want(t, Refused(nil, &x, &m),
		"8|37=NONE|11=a1|17=42-3|150=8|39=8|55=X?=Y|54=2|151=0|14=0|6=0|103=99|58=the price is not a multiple of the instrument's tick (tag 44)|60=20231114-22:13:20.123456")
	m.Kind = wire.RefusedReplace
	want(t, Refused(nil, &x, &m),
		"9|37=NONE|11=a1|41=a0|39=8|434=2|102=99|58=the price is not a multiple of the instrument's tick (tag 44)|60=20231114-22:13:20.123456")
	m.Kind, m.Reason, m.Arg = wire.RefusedMessage, UnsupportedMsg, 0
	copy(m.Symbol[:], "AA\x00")
	m.Symbol[3] = 0
	want(t, Refused(nil, &x, &m), "j|45=12|372=AA|379=a1|380=3|58=Unsupported Message Type")
	m.Kind = wire.RefusedMassCancel
	m.Symbol, m.Target = [36]byte{}, wire.Text{}
	want(t, Refused(nil, &x, &m), "r|11=a1|37=42-3|530=7|531=0|58=Unsupported Message Type|60=20231114-22:13:20.123456")
	m.Target = wire.MustText("6")
	want(t, Refused(nil, &x, &m), "r|11=a1|37=42-3|530=6|531=0|58=Unsupported Message Type|60=20231114-22:13:20.123456")
	m.Target = wire.Text{}
	copy(m.Symbol[:], "ETH")
	want(t, Refused(nil, &x, &m), "r|11=a1|37=42-3|530=1|531=0|58=Unsupported Message Type|55=ETH|60=20231114-22:13:20.123456")
	m.Kind = wire.SessionLogon
	if got := Refused(nil, &x, &m); got != nil {
		t.Errorf("no refusal: %q", got)
	}
}

// A 9 and an 8 never say of an order that is open that it is not.
func TestNamedOrders(t *testing.T) {
	m := wire.SessionMessage{Kind: wire.RefusedReplace, Reason: PriceOffTick, Arg: 44, ClientID: wire.MustText("a1"), Target: wire.MustText("a0")}
	o := Named{Order: 7, Status: wire.StatusPartiallyFilled, Account: wire.MustText("ANN")}
	want(t, RefusedChange(nil, &event, &m, o),
		"9|37=7|11=a1|41=a0|39=1|1=ANN|434=2|102=99|58=the price is not a multiple of the instrument's tick (tag 44)|60=20231114-22:13:20.123456")
	m.Kind, m.Reason, m.Arg = wire.RefusedCancel, OrderMismatch, 54
	want(t, RefusedChange(nil, &event, &m, o),
		"9|37=7|11=a1|41=a0|39=1|1=ANN|434=1|102=99|58=the order's ids, side and symbol do not name one and the same order (tag 54)|60=20231114-22:13:20.123456")
	unknown := wire.OrderRejected{Command: wire.CmdCancelOrder, Reason: wire.UnknownOrder, Order: 7, Status: wire.StatusNew, ClientID: m.ClientID, Target: m.Target}
	want(t, CancelRejected(nil, &event, &unknown, &named),
		"9|37=NONE|11=a1|41=a0|39=8|1=ANN|434=1|102=1|58=the account has no such order|60=20231114-22:13:20.123456")
	want(t, NoStatus(nil, at, &unknown, &named, nil),
		"8|37=NONE|11=a0|17=0|150=I|39=8|1=ANN|55=BTC-USD|54=7|151=0|14=0|6=0|103=5|58=the account has no such order|60=20231114-22:13:20.123456")
	x := event
	x.Origin = wire.SessionOrigin(1, 0, 12, false)
	unknown.Reason = wire.OrderNotOpen
	want(t, StatusRefused(nil, &x, &unknown), "j|45=12|372=H|379=a0|380=0|58=the order is no longer open")
}

// What a refusal notes of the order that it names comes back, and a symbol is not taken for it.
func TestTarget(t *testing.T) {
	var m wire.SessionMessage
	copy(m.Symbol[:], "BTC-USD")
	if acc, id := Target(&m); acc != 0 || id != 0 {
		t.Errorf("a symbol names order %d of %d", id, acc)
	}
	PutTarget(&m, 1<<31+5, 1<<63+7)
	if acc, id := Target(&m); acc != 1<<31+5 || id != 1<<63+7 || m.SymbolText() != "" {
		t.Errorf("order %d of %d, symbol %q", id, acc, m.SymbolText())
	}
}

// An order that leaves says why.
func TestCauses(t *testing.T) {
	for _, c := range []struct {
		reason wire.CancelReason
		why    Cause
		want   string
	}{
		{wire.CanceledByUser, AsTold, "canceled by request"},
		{wire.CanceledByUser, OnDisconnect, "canceled on disconnect"},
		{wire.CanceledByAccount, AsTold, "canceled by a mass cancel of the account's orders"},
		{wire.CanceledByAccount, OfInstrument, "canceled with all of the account's orders in the instrument"},
		{wire.CanceledByAccount, OfAll, "canceled with all of the account's orders"},
		{wire.CanceledByOperator, AsTold, "canceled by the venue's operator"},
	} {
		got := check(t, Canceled(nil, &event, &wire.OrderCanceled{Reason: c.reason}, c.why, wire.Text{}, limit(), &named))
		if !strings.Contains(got, "|58="+c.want+"|") {
			t.Errorf("%v: %s", c.want, got)
		}
	}
}

// Every reason, the engine's and the gateway's, has a name of its own, a sentence, and values that FIX 4.4 knows.
func TestReasons(t *testing.T) {
	names := map[string]bool{}
	for _, r := range append(wire.Reasons(), Reasons()...) {
		name := ReasonName(r)
		if names[name] || !regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`).MatchString(name) || name == "unknown_reason" {
			t.Errorf("reason %d is named %q", r, name)
		}
		names[name] = true
		if s := ReasonSentence(r); s == "" || s == "refused" || strings.ContainsAny(s, "\x01|") {
			t.Errorf("reason %d says %q", r, s)
		}
		check(t, Rejected(nil, &event, &wire.OrderRejected{Reason: r}, &named))
		check(t, CancelRejected(nil, &event, &wire.OrderRejected{Reason: r}, &named))
		check(t, MassCancelRejected(nil, &event, &wire.OrderRejected{Reason: r}, &MassRequest{Kind: '1'}, &named))
		check(t, Refused(nil, &event, &wire.SessionMessage{Kind: wire.RefusedMessage, Reason: r, Symbol: [36]byte{'D'}}))
	}
	for _, r := range Reasons() {
		if r < 1100 || r > 1199 {
			t.Errorf("reason %d is outside this gateway's range", r)
		}
	}
	if ReasonName(64_000) != "unknown_reason" || ReasonSentence(64_000) == "" || CodesOf(64_000) != otherCodes {
		t.Error("a reason that nobody knows")
	}
	for r := range reasonCodes {
		if ReasonName(r) == "unknown_reason" {
			t.Errorf("there are values for reason %d, which there is not", r)
		}
	}
}

// AvgPx is exact where it can be, and rounded down otherwise.
func TestAverage(t *testing.T) {
	for _, c := range []struct {
		notional wire.Amount
		qty      wire.Qty
		want     string
	}{
		{wire.Amount{}, 0, "0"},
		{wire.Amount{Lo: 5}, 1, "0.5"},
		{wire.Amount{Lo: 420_001 * 5 * 3}, 3, "210000.5"},
		{wire.Amount{Lo: 5 * 3}, 2, "0.75"},
		{wire.Amount{Lo: 5 * 2}, 3, "0.333333333"},
		{wire.Amount{Lo: 5 * 4}, 3, "0.666666666"},
		{wire.Amount{Hi: 1}, 1 << 60, "1.6"},
	} {
		if got := string(appendAverage(nil, &Order{Filled: c.qty, Notional: c.notional}, &named)); got != c.want {
			t.Errorf("%v over %d: %s, want %s", c.notional, c.qty, got, c.want)
		}
	}
}

// A report of an order that trades is written without garbage.
func TestNoGarbage(t *testing.T) {
	o := limit()
	o.Filled, o.Notional = 10, wire.Amount{Lo: 420_000 * 10 * 5}
	trade := wire.Trade{Trade: 5, Taker: wire.Sell, Price: 420_000, Qty: 10, BuyLeft: 20, BuyFee: wire.Amount{Lo: 123}}
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { Traded(buf, &event, &trade, wire.Buy, o, &named) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTraded(b *testing.B) {
	o := limit()
	o.Filled, o.Notional = 10, wire.Amount{Lo: 420_000 * 10 * 5}
	trade := wire.Trade{Trade: 5, Taker: wire.Sell, Price: 420_000, Qty: 10, BuyLeft: 20, BuyFee: wire.Amount{Lo: 123}}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		Traded(buf, &event, &trade, wire.Buy, o, &named)
	}
}
