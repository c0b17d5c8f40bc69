package entry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
	"uncross/gateway/history"
)

func TestStatus(t *testing.T) {
	v := openVenue(t)
	s := session()
	v.send(s, limit)                                                          // order 1, open
	v.send(s, "D|11=gone|55=BTC/USD|54=1|40=2|44=90|38=1"+at)                 // order 2
	v.send(s, "F|11=x|41=gone|55=BTC/USD|54=1"+at)                            // … canceled
	v.send(s, "D|11=hit|55=BTC/USD|54=2|40=2|44=100|38=0.25|1=alice-main"+at) // order 3, trades with order 1
	v.send(s, "D|11=old|55=BTC/USD|54=1|40=2|44=80|38=1"+at)                  // order 4
	v.send(s, "G|11=new|41=old|55=BTC/USD|54=1|40=2|44=81|38=1"+at)
	bobs := &Session{Def: wire.Session{ID: 2, Key: bobKey, Kind: wire.TradingSession, Account: bobMain}, User: bob, Firm: theFirm}
	v.send(bobs, "D|11=b|55=BTC/USD|54=1|40=2|44=50|38=1"+at) // order 5
	now := v.now()
	no := "8|37=NONE|%s17=0|150=I|39=8|%s|151=0|14=0|6=0|103=5|58=the account has no such order" + now
	const first = "37=1|11=a|17=0|150=I|39=1|%s1=alice-main|55=BTC/USD|54=1|38=0.5|40=2|44=100.05|59=1|151=0.25|14=0.25|6=100.05"
	v.run(s, []line{
		// an open order is the engine's to tell of, by its number
		{"H|11=a|55=BTC/USD|54=1", "query acc=2 order=1/a/1"},
		{"H|11=zzz|37=1|55=BTC/USD|54=1", "query acc=2 order=1/zzz/1"},
		{"H|37=1|54=1", "query acc=2 order=1//0"},
		// one that there is not is answered with what was asked
		{"H|11=never|55=BTC/USD|54=1", fmt.Sprintf(no, "11=never|", "1=alice-main|55=BTC/USD|54=1")},
		{"H|11=never|37=99|54=1", fmt.Sprintf(no, "11=never|", "1=alice-main|55=[N/A]|54=1")},
		{"H|37=99|54=2|55=BTC/USD", fmt.Sprintf(no, "", "1=alice-main|55=BTC/USD|54=2")},
		{"H|11=never|37=5|55=BTC/USD|54=1", fmt.Sprintf(no, "11=never|", "1=alice-main|55=BTC/USD|54=1")}, // bob's, open
		{"H|11=old|55=BTC/USD|54=1", fmt.Sprintf(no, "11=old|", "1=alice-main|55=BTC/USD|54=1")},          // it goes by another id since a replace
		{"H|11=old|55=BTC/USD|54=1|37=4", "query acc=2 order=4/old/1"},
		{"H|11=a|37=99|54=1", "refused 10: order_mismatch tag=0 side=0 id=a target= symbol=H"}, // order 1 is open
		{"H|11=a|55=ETH/USD|54=1", "refused 10: order_mismatch tag=0 side=0 id=a target= symbol=H"},
		// the engine has no room for 790
		{"H|11=a|55=BTC/USD|54=1|790=q1", "8|" + fmt.Sprintf(first, "790=q1|") + now},
		{"H|11=never|55=BTC/USD|54=1|790=q1", "8|37=NONE|11=never|17=0|150=I|39=8|790=q1|1=alice-main|55=BTC/USD|54=1|151=0|14=0|6=0|103=5|58=the account has no such order" + now},
		// an ended order is history's
		{"H|11=gone|55=BTC/USD|54=1", "8|37=2|11=gone|17=0|150=I|39=4|1=alice-main|55=BTC/USD|54=1|38=1|40=2|44=90.00|59=1|151=0|14=0|6=0" + now},
		{"H|11=any|37=3|55=BTC/USD|54=2|790=q2", "8|37=3|11=hit|17=0|150=I|39=2|790=q2|1=alice-main|55=BTC/USD|54=2|38=0.25|40=2|44=100.00|59=1|151=0|14=0.25|6=100.05" + now},
		// of another account, or another instrument
		{"H|11=gone|55=ETH/USD|54=1", fmt.Sprintf(no, "11=gone|", "1=alice-main|55=ETH/USD|54=1")},
		{"H|11=gone|55=BTC/USD|54=1|1=alice-spare", fmt.Sprintf(no, "11=gone|", "1=alice-spare|55=BTC/USD|54=1")},
		{"H|11=gone|55=BTC/USD|54=1|1=bob-main", "refused 10: not_your_account tag=1 side=0 id=gone target= symbol=H"},
		{"H|11=gone|55=XRP|54=1", "refused 10: unknown_instrument tag=55 side=0 id=gone target= symbol=H"},
		{"H|11=gone|55=BTC/USD|54=1|711=1", "refused 10: unsupported_tag tag=711 side=0 id=gone target= symbol=H"},
		{"H|11=" + longID + "|55=BTC/USD|54=1", "reject 5 tag=11: " + badID},
	})
	if es := v.send(s, "H|11=a|55=BTC/USD|54=1"); es[0].Kind != wire.EvOrderState {
		t.Errorf("event %d", es[0].Kind)
	}
}

func TestMassStatus(t *testing.T) {
	v := openVenue(t)
	s := session()
	v.run(s, []line{{"AF|584=m|585=7", "8|37=NONE|17=0|150=I|39=8|584=m|911=0|912=Y|55=[N/A]|54=7|151=0|14=0|6=0" + v.now()}})
	v.send(s, "D|11=a|55=BTC/USD|54=1|40=2|44=100|38=1"+at)
	v.send(s, "D|11=b|55=ETH/USD|54=2|40=2|44=200|38=2"+at)
	v.send(s, "D|11=c|55=BTC/USD|54=2|40=2|44=300|38=3|1=alice-spare|18=6"+at)
	now := v.now()
	a := "8|37=1|11=a|17=0|150=I|39=0|584=m|911=%d|912=%s|1=alice-main|55=BTC/USD|54=1|38=1|40=2|44=100.00|59=1|151=1|14=0|6=0" + now
	b := "8|37=2|11=b|17=0|150=I|39=0|584=m|911=%d|912=%s|1=alice-main|55=ETH/USD|54=2|38=2|40=2|44=200.00|59=1|151=2|14=0|6=0" + now
	c := "8|37=3|11=c|17=0|150=I|39=0|584=m|911=%d|912=%s|1=alice-spare|55=BTC/USD|54=2|38=3|40=2|44=300.00|59=1|18=6|151=3|14=0|6=0" + now
	v.run(s, []line{
		{"AF|584=m|585=7", fmt.Sprintf(a+"\n"+b+"\n"+c, 3, "N", 3, "N", 3, "Y")},
		{"AF|584=m|585=7|1=alice-main", fmt.Sprintf(a+"\n"+b, 2, "N", 2, "Y")},
		{"AF|584=m|585=1|55=BTC/USD", fmt.Sprintf(a+"\n"+c, 2, "N", 2, "Y")},
		{"AF|584=m|585=1|55=BTC/USD|54=1", fmt.Sprintf(a, 1, "Y")},
		{"AF|584=m|585=1|55=ETH/USD|54=1", "8|37=NONE|17=0|150=I|39=8|584=m|911=0|912=Y|55=ETH/USD|54=1|151=0|14=0|6=0" + now},
		{"AF|584=m|585=1", "refused 10: missing_tag tag=55 side=0 id=m target= symbol=AF"},
		{"AF|584=m|585=7|55=BTC/USD", "refused 10: unsupported_scope tag=55 side=0 id=m target= symbol=AF"},
		{"AF|584=m|585=8", "refused 10: unsupported_scope tag=585 side=0 id=m target= symbol=AF"},
		{"AF|584=m|585=7|1=bob-main", "refused 10: not_your_account tag=1 side=0 id=m target= symbol=AF"},
		{"AF|584=" + longID + "|585=8", "refused 10: unsupported_scope tag=585 side=0 id= target= symbol=AF"},
	})
	v.h = New(Config{View: v.view, History: v.hist, MaxOrders: 2})
	v.run(s, []line{
		{"AF|584=m|585=7", "refused 10: too_many_answers tag=0 side=0 id=m target= symbol=AF"},
		{"AF|584=m|585=7|1=alice-main", fmt.Sprintf(a+"\n"+b, 2, "N", 2, "Y")},
	})
}

// now is the venue's time as messages have it.
func (v *venue) now() string {
	return "|60=" + string(message.AppendTime(nil, v.timeNs))
}

// An answer may take as long as its reader: an order that ends meanwhile is reported as it ended, and the count holds.
func TestMassStatusWhileOrdersEnd(t *testing.T) {
	v := openVenue(t)
	s := session()
	const n = 3*listPage/2 + 7
	for i := range n {
		v.send(s, fmt.Sprintf("D|11=o%d|55=BTC/USD|54=1|40=2|44=%d|38=1%s", i, 10+i%50, at))
	}
	var out Outcome
	v.h.Handle(s, parse(t, "AF|584=m|585=7"), &out)
	got := 0
	for b := range out.Answers {
		if got == 0 {
			v.send(s, "F|11=f|41=o"+fmt.Sprint(n-1)+"|54=1|55=BTC/USD"+at)
			v.send(s, "G|11=g|41=o"+fmt.Sprint(n-2)+"|54=1|55=BTC/USD|40=2|44=5|38=7"+at)
		}
		text := tellBody(t, b)
		status, last := "0", "N"
		if got == n-1 {
			status, last = "4", "Y"
		}
		id := fmt.Sprint("o", got)
		if got == n-2 {
			id = "g"
		}
		want := fmt.Sprintf("8|37=%d|11=%s|17=0|150=I|39=%s|584=m|911=%d|912=%s|", got+1, id, status, n, last)
		if !strings.HasPrefix(text, want) {
			t.Fatalf("answer %d\n got %s\nwant %s", got, text, want)
		}
		got++
	}
	if got != n {
		t.Errorf("%d answers, want %d", got, n)
	}
	for range out.Answers { // an answer may be left at any message
		break
	}
}

// brokenHistory cannot be read.
type brokenHistory struct{}

func (brokenHistory) Order(wire.OrderID) (o history.Order, ok bool, err error) {
	return o, false, errors.New("broken")
}
func (brokenHistory) OrderByClientID(wire.AccountID, wire.Text) (o history.Order, ok bool, err error) {
	return o, false, errors.New("broken")
}
func (brokenHistory) WaitFor(uint64, time.Duration) bool { return false }

// lateHistory has nothing yet.
type lateHistory struct{ brokenHistory }

func (lateHistory) Order(wire.OrderID) (o history.Order, ok bool, err error) { return o, false, nil }
func (lateHistory) OrderByClientID(wire.AccountID, wire.Text) (o history.Order, ok bool, err error) {
	return o, false, nil
}

// Without history an answer is refused, or ends without its last message; it is never made up.
func TestBrokenHistory(t *testing.T) {
	v := openVenue(t)
	s := session()
	v.send(s, limit)
	v.send(s, strings.Replace(limit, "11=a", "11=b", 1))
	v.h = New(Config{View: v.view, History: brokenHistory{}})
	v.run(s, []line{{"H|11=gone|55=BTC/USD|54=1", "refused 10: unavailable tag=0 side=0 id=gone target= symbol=H"}})
	v.h = New(Config{View: v.view, History: lateHistory{}}) // what it does not find may be there
	v.run(s, []line{{"H|11=gone|55=BTC/USD|54=1", "refused 10: unavailable tag=0 side=0 id=gone target= symbol=H"}})
	v.h = New(Config{View: v.view, History: brokenHistory{}})
	var out Outcome
	v.h.Handle(s, parse(t, "AF|584=m|585=7"), &out)
	got := 0
	for b := range out.Answers {
		if text := tellBody(t, b); strings.Contains(text, "912=Y") {
			t.Errorf("the last: %s", text)
		}
		if got++; got == 1 {
			v.send(s, "F|11=f|41=b|54=1|55=BTC/USD"+at)
		}
	}
	if got != 1 {
		t.Errorf("%d answers", got)
	}
}

// Whatever fields a message has, it comes to something, and to nothing that cannot be stored.
func FuzzHandle(f *testing.F) {
	for _, l := range []string{limit, "F|11=c|41=a|55=BTC/USD|54=1", "G|11=c|41=a|55=BTC/USD|54=1|40=2|44=99|38=2", "H|11=a|37=1",
		"AF|584=m|585=7", "q|11=m|530=1|55=BTC/USD", "D|11=\x00|55=|54=|38=.|44=-"} {
		f.Add(l)
	}
	v := openVenue(f)
	v.send(session(), limit)
	f.Fuzz(func(t *testing.T, fields string) {
		typ, _, _ := strings.Cut(fields, "|")
		var m message.Message
		if !Handles(typ) || m.Parse([]byte("8=FIX.4.4\x019=0\x0135="+strings.ReplaceAll(fields, "|", "\x01")+"\x01")) != nil || !Handles(m.Type()) {
			return
		}
		var out Outcome
		v.h.Handle(session(), &m, &out)
		switch out.Do {
		case Submit:
			if out.Command.Kind == 0 {
				t.Error("no command")
			}
		case Refuse:
			if r := &out.Refusal; !r.Kind.Valid() || r.Reason == 0 || !r.ClientID.Valid() || !r.Target.Valid() {
				t.Errorf("%+v", r)
			}
		case Answer:
			for b := range out.Answers {
				tellBody(t, b)
			}
		case Reject:
			if out.Violation.Text == "" {
				t.Error("no text")
			}
		default:
			t.Errorf("nothing: %q", fields)
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	v := openVenue(b)
	s := session()
	v.send(s, limit)
	for _, l := range []struct{ name, in string }{
		{"new", "D|11=20240506-000001234|55=BTC/USD|54=1|40=2|44=100.05|38=0.5|59=1" + at},
		{"cancel", "F|11=20240506-000001234|41=a|55=BTC/USD|54=1" + at},
		{"replace", "G|11=20240506-000001234|41=a|55=BTC/USD|54=1|40=2|44=99|38=2" + at},
	} {
		b.Run(l.name, func(b *testing.B) {
			m := parse(b, l.in)
			var out Outcome
			b.ReportAllocs()
			for b.Loop() {
				v.h.Handle(s, m, &out)
			}
			if out.Do != Submit {
				b.Fatal(v.tell(&out))
			}
		})
	}
}
