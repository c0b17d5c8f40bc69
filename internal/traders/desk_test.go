package traders

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
	"uncross/gateway/decimal"
	"uncross/gateway/fix/message"
)

// acts are one action of every sort on an instrument with a tick of 0.01 and a lot of 100.
var acts = []struct {
	action Action
	rest   client.Operation
	fix    string
}{
	{
		Action{Verb: Enter, Side: wire.Buy, Price: 2540, Qty: 3, TIF: wire.GTC, PostOnly: true},
		client.Operation{Op: "new", Side: "buy", Type: "limit", TimeInForce: "gtc", PostOnly: true, Price: "25.40", Quantity: "300", Symbol: "COARSE"},
		"D|11=x-1|1=a|55=COARSE|54=1|60=T|38=300|40=2|44=25.40|59=1|18=6",
	}, {
		Action{Verb: Enter, Side: wire.Sell, Qty: 1, TIF: wire.IOC},
		client.Operation{Op: "new", Side: "sell", Type: "market", TimeInForce: "ioc", Quantity: "100", Symbol: "COARSE"},
		"D|11=x-2|1=a|55=COARSE|54=2|60=T|38=100|40=1|59=3",
	}, {
		Action{Verb: Replace, Order: Order{ID: "7", ClientID: "c"}, Side: wire.Sell, Price: 2541, Qty: 2},
		client.Operation{Op: "replace", OrderID: "7", Price: "25.41", Quantity: "200", Symbol: "COARSE"},
		"G|41=c|37=7|11=x-3|1=a|55=COARSE|54=2|60=T|38=200|40=2|44=25.41",
	}, {
		Action{Verb: Cancel, Order: Order{ID: "7", ClientID: "c", Qty: 2}, Side: wire.Sell},
		client.Operation{Op: "cancel", OrderID: "7"},
		"F|41=c|37=7|11=x-4|1=a|55=COARSE|54=2|60=T|38=200",
	},
}

// TestWords holds how actions are put to the venue, by REST and by FIX.
func TestWords(t *testing.T) {
	in := testInstrument(t, scenes[0])
	rest := restDesk{account: "a", names: names{prefix: "x-"}}
	fix := fixDesk{account: "a", names: names{prefix: "x-"}, body: message.NewBody(message.NewOrderSingle)}
	for i, a := range acts {
		want := a.rest
		want.Account, want.ClientOrderID = "a", "x-"+string(rune('1'+i))
		if got := rest.operation(in, &a.action); !reflect.DeepEqual(got, want) {
			t.Errorf("by REST\n%+v, expected\n%+v", got, want)
		}
		b := fix.message(in, &a.action)
		fields := append([]string{b.Type()}, strings.Split(strings.TrimSuffix(string(b.Raw()), "\x01"), "\x01")...)
		for k, f := range fields {
			if strings.HasPrefix(f, "60=") {
				fields[k] = "60=T"
			}
		}
		if got := strings.Join(fields, "|"); got != a.fix {
			t.Errorf("by FIX\n%s, expected\n%s", got, a.fix)
		}
	}
}

// TestNames holds that the ids of two runs differ.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for run := range int64(10) {
		n := newNames(time.UnixMilli(1_700_000_000_000 + run))
		for range 100 {
			id := n.next()
			if seen[id] || len(id) > wire.MaxTextLength {
				t.Fatalf("the id %q comes twice, or is too long", id)
			}
			seen[id] = true
		}
	}
}

// TestShortfalls holds what the custodian pays in.
func TestShortfalls(t *testing.T) {
	home := map[string]string{"BTC": "20", "USD": "1000000", "CNY": "500"}
	decimals := map[string]uint8{"BTC": 8, "USD": 10, "CNY": 4}
	has := []balance{{"BTC", "3.99999999"}, {"USD", "200000"}, {"ETH", "0"}}
	need := shortfalls(home, has, decimals)
	slices.SortFunc(need, func(a, b balance) int { return strings.Compare(a.Asset, b.Asset) })
	if want := []balance{{"BTC", "16.00000001"}, {"CNY", "500"}}; !reflect.DeepEqual(need, want) {
		t.Errorf("needs %v, expected %v", need, want)
	}
}

// TestNewInstrument refuses a scene in which nothing could be traded.
func TestNewInstrument(t *testing.T) {
	d := decimal.Instrument{Instrument: wire.Instrument{PriceDecimals: 2, TickSize: 5, LotSize: 1}}
	good := Scene{Symbol: "X", Home: "25.40", Sigma: 1e-4, Spread: 1, Step: 1, Size: 1}
	if _, err := NewInstrument(d, "X", "Y", good); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*Scene){
		func(s *Scene) { s.Home = "25.41" }, func(s *Scene) { s.Home = "" }, func(s *Scene) { s.Size = 0 },
		func(s *Scene) { s.Spread = 0 }, func(s *Scene) { s.Step = 0 }, func(s *Scene) { s.Sigma = 0 },
	} {
		s := good
		if spoil(&s); s == good {
			t.Fatal("nothing was spoilt")
		}
		if _, err := NewInstrument(d, "X", "Y", s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}
