package entry

import (
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/fix/report"
)

// line is a message and what it comes to.
type line struct{ in, want string }

func (v *venue) run(s *Session, lines []line) {
	v.t.Helper()
	for _, l := range lines {
		if got := v.ask(s, l.in); got != l.want {
			v.t.Errorf("%s\n got %s\nwant %s", l.in, got, l.want)
		}
	}
}

const (
	longID  = "1234567890123456789012345678901234567"
	at      = "|60=20240506-10:00:00"
	badID   = "Value is incorrect (out of range) for this tag: an id is 1 to 36 printable ASCII characters without spaces at the ends"
	limit   = "D|11=a|55=BTC/USD|54=1|40=2|44=100.05|38=0.5" + at
	limited = "new acc=2 in=1 buy limit gtc flags=0 price=2001 qty=500 funds=0 id=a"
)

func TestNewOrder(t *testing.T) {
	openVenue(t).run(session(), []line{
		{limit, limited},
		{limit + "|1=alice-main", limited},
		{limit + "|1=alice-spare|59=1", "new acc=4 in=1 buy limit gtc flags=0 price=2001 qty=500 funds=0 id=a"},
		{limit + "|59=3", "new acc=2 in=1 buy limit ioc flags=0 price=2001 qty=500 funds=0 id=a"},
		{limit + "|59=4", "new acc=2 in=1 buy limit fok flags=0 price=2001 qty=500 funds=0 id=a"},
		{limit + "|18=6", "new acc=2 in=1 buy limit gtc flags=1 price=2001 qty=500 funds=0 id=a"},
		{"D|11=a|55=ETH/USD|54=2|40=1|38=1" + at, "new acc=2 in=2 sell market ioc flags=0 price=0 qty=1000 funds=0 id=a"},
		{"D|11=a|55=BTC/USD|54=2|40=1|38=1|44=99" + at, "new acc=2 in=1 sell market ioc flags=0 price=1980 qty=1000 funds=0 id=a"},
		{"D|11=a|55=BTC/USD|54=2|40=1|38=1|59=4" + at, "new acc=2 in=1 sell market fok flags=0 price=0 qty=1000 funds=0 id=a"},
		{"D|11=a|55=BTC/USD|54=1|40=1|152=250.5" + at, "new acc=2 in=1 buy market ioc flags=0 price=0 qty=0 funds=25050000 id=a"},
		// what the engine refuses is the engine's to refuse
		{"D|11=a|55=BTC/USD|54=2|40=1|152=250|38=1|59=1" + at, "new acc=2 in=1 sell market gtc flags=0 price=0 qty=1000 funds=25000000 id=a"},
		{limit + "|15=USD|21=1|58=hello|47=A|528=A", "refused 6: unsupported_tag tag=47 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|15=USD|21=1|58=hello|528=A|583=x|63=0|64=20240507|453=1|448=me|447=D|452=3|81=0|854=0", limited},

		// numbers as FIX writes them
		{"D|11=a|55=BTC/USD|54=1|40=2|44=0100.050|38=.5" + at, limited},
		{"D|11=a|55=BTC/USD|54=1|40=2|44=100.|38=1." + at, "new acc=2 in=1 buy limit gtc flags=0 price=2000 qty=1000 funds=0 id=a"},

		// what is named
		{limit + "|1=nobody", "refused 6: unknown_account tag=1 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|1=bob-main", "refused 6: not_your_account tag=1 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "BTC", "XRP", 1), "refused 6: unknown_instrument tag=55 side=1 id=a target= symbol=XRP/USD"},
		{strings.Replace(limit, "|55=BTC/USD", "", 1), "refused 6: missing_tag tag=55 side=1 id=a target= symbol="},
		{limit + "|15=EUR", "refused 6: currency_mismatch tag=15 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "BTC/USD", strings.Repeat("X", 50), 1),
			"refused 6: unknown_instrument tag=55 side=1 id=a target= symbol=" + strings.Repeat("X", 36)},

		// numbers
		{strings.Replace(limit, "|44=100.05", "", 1), "refused 6: missing_tag tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "|38=0.5", "", 1), "refused 6: missing_tag tag=38 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", "100.04", 1), "refused 6: price_off_tick tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", "-100.05", 1), "refused 6: not_positive tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", "0", 1), "refused 6: not_positive tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", "1e3", 1), "refused 6: malformed_number tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", ".", 1), "refused 6: malformed_number tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", "", 1), "refused 6: malformed_number tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "100.05", strings.Repeat("9", 200), 1), "refused 6: number_too_large tag=44 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "38=0.5", "38=0.0005", 1), "refused 6: quantity_off_lot tag=38 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "38=0.5", "38=0", 1), "refused 6: not_positive tag=38 side=1 id=a target= symbol=BTC/USD"},
		{"D|11=a|55=BTC/USD|54=1|40=1|152=1.000001" + at, "refused 6: too_many_decimals tag=152 side=1 id=a target= symbol=BTC/USD"},
		{"D|11=a|55=BTC/USD|54=1|40=1|152=0" + at, "refused 6: not_positive tag=152 side=1 id=a target= symbol=BTC/USD"},

		// instructions that the venue does not have
		{limit + "|59=0", "refused 6: no_day_orders tag=59 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|59=6|126=20250101-00:00:00", "refused 6: unsupported_time_in_force tag=59 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|126=20250101-00:00:00", "refused 6: unsupported_tag tag=126 side=1 id=a target= symbol=BTC/USD"},
		{"D|11=a|55=BTC/USD|54=1|40=3|99=5|38=1" + at, "refused 6: unsupported_order_type tag=40 side=1 id=a target= symbol=BTC/USD"},
		{strings.Replace(limit, "54=1", "54=5", 1), "refused 6: unsupported_value tag=54 side=0 id=a target= symbol=BTC/USD"},
		{limit + "|18=1", "refused 6: unsupported_instruction tag=18 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|18=6 G", "refused 6: unsupported_instruction tag=18 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|21=3", limited},
		{limit + "|63=6", "refused 6: unsupported_value tag=63 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|110=0", limited},
		{limit + "|110=5", "refused 6: unsupported_value tag=110 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|9001=x", "refused 6: unsupported_tag tag=9001 side=1 id=a target= symbol=BTC/USD"},

		// ids that cannot be stored
		{strings.Replace(limit, "11=a", "11="+longID, 1), "reject 5 tag=11: " + badID},
		{strings.Replace(limit, "11=a", "11=a ", 1), "reject 5 tag=11: " + badID},
		{strings.Replace(limit, "11=a", "11=\xe9", 1) + "|99=1", "reject 5 tag=11: " + badID},
	})
}

// Every rule that refuses a field by name does so, in every message that it is for.
func TestRefusedByName(t *testing.T) {
	v := openVenue(t)
	for _, r := range RefusedByName() {
		for _, m := range []line{{limit, "D"}, {"F|11=b|41=a|55=BTC/USD|54=1" + at, "F"}, {"G|11=b|41=a|55=BTC/USD|54=1|40=2|44=1|38=1" + at, "G"}} {
			if got, ok := ruleOf(m.want, r.Tag); !ok || got.Treatment != Refused {
				continue
			}
			var out Outcome
			v.h.Handle(session(), parse(t, m.in+"|"+itoa(r.Tag)+"=1"), &out)
			if out.Do != Refuse || int(out.Refusal.Arg) != r.Tag {
				t.Errorf("%s with %d: %s", m.want, r.Tag, v.tell(&out))
			}
		}
	}
}

// A field is ruled about once in each message, every rule says why, and what is used has a place in a request.
func TestRules(t *testing.T) {
	if len(rules) > 255 {
		t.Fatalf("%d rules do not fit a table", len(rules))
	}
	for _, msgType := range messageTypes {
		seen := map[int]bool{}
		for _, r := range rules {
			if r.Types != "" && !hasWord(r.Types, msgType) {
				continue
			}
			if seen[r.Tag] {
				t.Errorf("%s: two rules for %d", msgType, r.Tag)
			}
			seen[r.Tag] = true
			if r.Why == "" || r.Name == "" || r.Treatment == 0 || IsFrame(r.Tag) {
				t.Errorf("rule of %d: %+v", r.Tag, r)
			}
			if r.Treatment == Used && new(request).slot(r.Tag) == nil {
				t.Errorf("%d is used and has no place", r.Tag)
			}
			if got, ok := ruleOf(msgType, r.Tag); !ok || got != r {
				t.Errorf("%s: rule of %d is %+v", msgType, r.Tag, got)
			}
		}
	}
	if len(Accepted())+len(RefusedByName()) != len(rules) {
		t.Error("a rule is neither accepted nor refused")
	}
}

func TestCancelAndReplace(t *testing.T) {
	v := openVenue(t)
	s := session()
	v.send(s, limit)                                                      // order 1
	v.send(s, "D|11=p|55=BTC/USD|54=2|40=2|44=200|38=1|18=6"+at)          // order 2
	v.send(s, "D|11=e|55=ETH/USD|54=1|40=2|44=100|38=1|1=alice-spare"+at) // order 3
	bobs := &Session{Def: wire.Session{ID: 2, Key: bobKey, Kind: wire.TradingSession, Account: bobMain}, User: bob, Firm: theFirm}
	v.send(bobs, "D|11=a|55=BTC/USD|54=1|40=2|44=50|38=1"+at) // order 4
	const f, g = "F|11=c|41=a|55=BTC/USD|54=1" + at, "G|11=c|41=a|55=BTC/USD|54=1|40=2|44=99|38=2" + at
	v.run(s, []line{
		{f, "cancel acc=2 order=0/a/1 id=c"},
		{f + "|37=1", "cancel acc=2 order=1/a/1 id=c"},
		{f + "|37=18446744073709551617", "cancel acc=2 order=0/a/1 id=c"}, // 2^64 and one is not one
		{f + "|37=NONE|38=0.5|58=why", "cancel acc=2 order=0/a/1 id=c"},
		{"F|11=c|41=a|54=1" + at, "cancel acc=2 order=0/a/0 id=c"},
		{"F|11=c|41=unseen|37=77|55=ETH/USD|54=2" + at, "cancel acc=2 order=77/unseen/2 id=c"}, // may be on its way
		{"F|11=c|41=renamed|37=1|55=BTC/USD|54=1" + at, "cancel acc=2 order=1/renamed/1 id=c"},
		{"F|11=c|41=x|37=4|55=BTC/USD|54=2" + at, "cancel acc=2 order=4/x/1 id=c"}, // bob's: the engine says unknown
		{"F|11=c|41=e|55=ETH/USD|54=1|1=alice-spare" + at, "cancel acc=4 order=0/e/2 id=c"},
		{f + "|37=2", "refused 7: order_mismatch tag=41 side=1 id=c target=a acc=2 order=2"},
		{strings.Replace(f, "54=1", "54=2", 1), "refused 7: order_mismatch tag=54 side=2 id=c target=a acc=2 order=0"},
		{"F|11=c|41=x|37=1|55=BTC/USD|54=2" + at, "refused 7: order_mismatch tag=54 side=2 id=c target=x acc=2 order=1"},
		{f + "|1=bob-main", "refused 7: not_your_account tag=1 side=1 id=c target=a acc=3 order=0"},
		{strings.Replace(f, "BTC", "XRP", 1), "refused 7: unknown_instrument tag=55 side=1 id=c target=a acc=2 order=0"},
		{f + "|66=list", "refused 7: unsupported_tag tag=66 side=1 id=c target=a acc=2 order=0"},
		{strings.Replace(f, "41=a", "41="+longID, 1), "reject 5 tag=41: " + badID},

		{g, "replace acc=2 order=0/a/1 price=1980 qty=2000 id=c"},
		{g + "|37=1|59=1|15=USD", "replace acc=2 order=1/a/1 price=1980 qty=2000 id=c"},
		{strings.Replace(g, "|54=1", "|54=2|18=6", 1) + "|37=2", "refused 8: order_mismatch tag=41 side=2 id=c target=a acc=2 order=2"},
		{"G|11=c|41=p|55=BTC/USD|54=2|40=2|44=99|38=2|18=6" + at, "replace acc=2 order=0/p/1 price=1980 qty=2000 id=c"},
		{g + "|18=6", "refused 8: unsupported_change tag=18 side=1 id=c target=a acc=2 order=0"},
		{g + "|59=0", "refused 8: no_day_orders tag=59 side=1 id=c target=a acc=2 order=0"},
		{g + "|59=3", "refused 8: unsupported_change tag=59 side=1 id=c target=a acc=2 order=0"},
		{strings.Replace(g, "40=2", "40=1", 1), "refused 8: unsupported_change tag=40 side=1 id=c target=a acc=2 order=0"},
		{strings.Replace(g, "|44=99", "", 1), "refused 8: missing_tag tag=44 side=1 id=c target=a acc=2 order=0"},
		{strings.Replace(g, "|38=2", "", 1), "refused 8: missing_tag tag=38 side=1 id=c target=a acc=2 order=0"},
		{strings.Replace(g, "|55=BTC/USD", "", 1), "refused 8: missing_tag tag=55 side=1 id=c target=a acc=2 order=0"},
		{strings.Replace(g, "99", "99.01", 1), "refused 8: price_off_tick tag=44 side=1 id=c target=a acc=2 order=0"},
		{g + "|152=5", "refused 8: unsupported_tag tag=152 side=1 id=c target=a acc=2 order=0"},
	})
	first := func(es []wire.Event, want wire.EventKind) {
		t.Helper()
		if es[0].Kind != want {
			t.Errorf("event %d, want %d", es[0].Kind, want)
		}
	}
	first(v.send(s, g), wire.EvOrderReplaced)
	first(v.send(s, strings.Replace(f, "11=c|41=a", "11=d|41=c", 1)), wire.EvOrderCanceled)
	first(v.send(s, "F|11=n|41=e|55=BTC/USD|54=1|1=alice-spare"+at), wire.EvOrderRejected) // of another instrument
	first(v.send(s, "F|11=o|41=x|37=4|55=BTC/USD|54=1"+at), wire.EvOrderRejected)
}

// A refusal for a reason of the caller's says of the message what Handle's own would.
func TestRefuse(t *testing.T) {
	v := openVenue(t)
	s := session()
	for _, l := range []line{
		{limit, "refused 6: busy tag=0 side=1 id=a target= symbol=BTC/USD"},
		{"F|11=c|41=a|37=9|55=BTC/USD|54=2" + at, "refused 7: busy tag=0 side=2 id=c target=a acc=2 order=9"},
		{"F|11=c|41=a|54=2|66=list|1=alice-spare" + at, "refused 7: busy tag=0 side=2 id=c target=a acc=4 order=0"},
		{"G|11=" + longID + "|41=a|54=2|1=nobody" + at, "refused 8: busy tag=0 side=2 id= target=a acc=0 order=0"},
		{"q|11=m|530=1|55=ETH/USD" + at, "refused 9: busy tag=0 side=0 id=m target=1 symbol=ETH/USD"},
		{"F|11=c |41= a|54=1" + at, "refused 7: busy tag=0 side=1 id= target= acc=2 order=0"},
		{"H|11=a|54=1", "refused 10: busy tag=0 side=0 id=a target= symbol=H"},
		{"AF|584=m|585=7", "refused 10: busy tag=0 side=0 id=m target= symbol=AF"},
	} {
		var out Outcome
		v.h.Refuse(s, parse(t, l.in), report.Busy, &out)
		if got := v.tell(&out); got != l.want {
			t.Errorf("%s\n got %s\nwant %s", l.in, got, l.want)
		}
	}
	s.Def.Kind = wire.DropCopySession
	var out Outcome
	v.h.Refuse(s, parse(t, limit), report.TooManyRequests, &out)
	if got := v.tell(&out); got != "refused 10: too_many_requests tag=0 side=0 id=a target= symbol=D" {
		t.Error(got)
	}
}

func TestMassCancel(t *testing.T) {
	v := openVenue(t)
	const q = "q|11=m" + at
	v.run(session(), []line{
		{q + "|530=7", "cancel-all acc=2 in=0"},
		{q + "|530=1|55=ETH/USD", "cancel-all acc=2 in=2"},
		{q + "|530=7|1=alice-spare|58=all", "cancel-all acc=4 in=0"},
		{q + "|530=1", "refused 9: missing_tag tag=55 side=0 id=m target=1 symbol="},
		{q + "|530=1|55=XRP", "refused 9: unknown_instrument tag=55 side=0 id=m target=1 symbol=XRP"},
		{q + "|530=7|55=ETH/USD", "refused 9: unsupported_scope tag=55 side=0 id=m target=7 symbol=ETH/USD"},
		{q + "|530=3|460=4", "refused 9: unsupported_scope tag=530 side=0 id=m target=3 symbol="},
		{q + "|530=7|54=1", "refused 9: unsupported_tag tag=54 side=0 id=m target=7 symbol="},
		{q + "|530=7|1=bob-main", "refused 9: not_your_account tag=1 side=0 id=m target=7 symbol="},
		{"q|11=" + longID + "|530=7" + at, "reject 5 tag=11: " + badID},
	})
	var out Outcome
	v.h.Handle(session(), parse(t, q+"|530=7"), &out)
	if a := out.Announce; !out.Announced || a.Kind != wire.AnnouncedMassCancel || a.ClientID.String() != "m" || a.Arg != '7' {
		t.Errorf("announced %+v", a)
	}
	v.h.Handle(session(), parse(t, limit), &out)
	if out.Announced {
		t.Error("an order is announced")
	}
	if es := v.send(session(), q+"|530=7"); es[0].Kind != wire.EvMassCanceled {
		t.Errorf("event %d", es[0].Kind)
	}
}

// Only trading sessions have orders; a session without an account of its own has to name one.
func TestSessions(t *testing.T) {
	v := openVenue(t)
	s := session()
	s.Def.Account = 0
	v.run(s, []line{
		{limit, "refused 6: no_account tag=1 side=1 id=a target= symbol=BTC/USD"},
		{limit + "|1=alice-main", limited},
	})
	for _, kind := range []wire.SessionKind{wire.DropCopySession, wire.MarketDataSession} {
		s.Def.Kind = kind
		v.run(s, []line{
			{limit, "refused 10: not_on_this_session tag=0 side=0 id=a target= symbol=D"},
			{"F|11=" + longID, "refused 10: not_on_this_session tag=0 side=0 id= target= symbol=F"},
			{"AF|584=s|585=7", "refused 10: not_on_this_session tag=0 side=0 id=s target= symbol=AF"},
		})
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// ruleOf returns the rule for a field of a message type.
func ruleOf(msgType string, tag int) (FieldRule, bool) {
	t := tables[msgType]
	if t == nil || tag <= 0 || tag >= len(t) || t[tag].rule == 0 {
		return FieldRule{}, false
	}
	return rules[t[tag].rule-1], true
}
