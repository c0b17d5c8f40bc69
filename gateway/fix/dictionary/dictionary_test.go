package dictionary

import (
	"encoding/xml"
	"strings"
	"testing"

	"uncross/gateway/fix/message"
)

const (
	ids   = "34=2|49=BROKER|52=20260102-03:04:05|56=UNCROSS|"
	order = "11=o1|55=BTC-EUR|54=1|60=20260102-03:04:05.123|38=1.5|40=2|44=100|"
)

// parse makes a message of fields written with '|'; what stands before and after them is filled in.
func parse(t testing.TB, fields string) *message.Message {
	t.Helper()
	m := &message.Message{}
	if err := m.Parse([]byte(strings.ReplaceAll("8=FIX.4.4|9=5|"+fields+"10=000|", "|", "\x01"))); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return m
}

func TestCheck(t *testing.T) {
	d := Venue()
	const none = -2
	for _, c := range []struct {
		name   string
		fields string
		reason int
		tag    int
	}{
		{"heartbeat", "35=0|" + ids, none, 0},
		{"logon", "35=A|" + ids + "98=0|108=30|141=Y|553=u|554=p|8013=Y|", none, 0},
		{"logon with data", "35=A|" + ids + "98=0|108=30|95=3|96=a=b|", none, 0},
		{"order", "35=D|" + ids + order, none, 0},
		{"order in another order", "35=D|49=BROKER|34=3|56=UNCROSS|52=20260102-03:04:05|40=1|55=X|60=20260102-03:04:05|54=1|21=3|11=id|", none, 0},
		{"routing", "35=D|" + ids + "115=a|116=b|144=c|" + order, none, 0},
		{"parties", "35=D|" + ids + "453=2|448=a|447=D|452=1|802=1|523=x|803=4|448=b|452=3|" + order, none, 0},
		{"group of none", "35=D|" + ids + "454=0|" + order, none, 0},
		{"hops", "35=D|" + ids + "627=1|628=H|629=20260102-03:04:05|" + order, none, 0},
		{"market data", "35=V|" + ids + "262=r|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=BTC-EUR|", none, 0},
		{"mass cancel of an account", "35=q|" + ids + "11=c|530=7|60=20260102-03:04:05|1=A-1|", none, 0},
		{"several conditions", "35=D|" + ids + order + "18=6 G|", none, 0},
		{"signature", "35=0|" + ids + "93=2|89=ab|", none, 0},
		{"type not in the file", "35=d|" + ids + "320=r|322=s|323=6|55=TBS|336=ONE|454=0|", none, 0},
		{"execution report", "35=8|" + ids + "37=id|17=id|150=0|39=0|55=X|54=1|151=100|14=0|6=0.0|", none, 0},

		{"unknown tag", "35=0|" + ids + "999=HI|", InvalidTag, 999},
		{"tag zero", "35=0|" + ids + "0=HI|", InvalidTag, 0},
		{"tag below zero", "35=0|" + ids + "-1=HI|", InvalidTag, -1},
		{"another's own tag", "35=0|" + ids + "5000=HI|", InvalidTag, 5000},
		{"unknown tag in a type not in the file", "35=d|" + ids + "957=HI|", InvalidTag, 957},
		{"our tag in another message", "35=0|" + ids + "8013=Y|", NotForThisType, 8013},
		{"standard's tag in another message", "35=0|" + ids + "55=MSFT|", NotForThisType, 55},
		{"standard's tag that no message of ours has", "35=0|" + ids + "199=1|", NotForThisType, 199},

		{"no TargetCompID", "35=0|34=2|49=BROKER|52=20260102-03:04:05|", RequiredMissing, 56},
		{"no ClOrdID", "35=D|49=B|34=3|56=U|52=20260102-03:04:05|40=1|60=20260102-03:04:05|54=1|21=3|", RequiredMissing, 11},
		{"header before body", "35=D|34=2|49=B|52=20260102-03:04:05|54=1|", RequiredMissing, 56},
		{"missing before wrong", "35=D|" + ids + "54=Q|", RequiredMissing, 11},
		{"in a group's entry", "35=V|" + ids + "262=r|263=1|264=1|265=1|267=1|269=0|146=0|", none, 0},

		{"empty", "35=0|34=2|49=B|52=20260102-03:04:05|56=|", NoValue, 56},
		{"empty header field before a wrong body field", "35=D|" + ids + "115=J|116=|" + order + "21=w|", NoValue, 116},
		{"empty in the trailer", "35=0|" + ids + "93=|89=x|", NoValue, 93},

		{"enumerated", "35=D|" + ids + "21=4|" + order, ValueIncorrect, 21},
		{"enumerated, longer values", "35=D|" + ids + order + "167=BOO|", ValueIncorrect, 167},
		{"enumerated, right", "35=D|" + ids + order + "167=CS|", none, 0},
		{"one of several", "35=D|" + ids + order + "18=6 ~|", ValueIncorrect, 18},
		{"two spaces", "35=D|" + ids + order + "18=6  G|", ValueIncorrect, 18},

		{"plus sign", "35=D|" + ids + "38=+200.00|11=o|55=X|54=1|60=20260102-03:04:05|40=1|", IncorrectFormat, 38},
		{"time", "35=D|" + ids + order + "126=20040415|", IncorrectFormat, 126},
		{"sequence number", "35=0|34=x|49=B|52=20260102-03:04:05|56=U|", IncorrectFormat, 34},
		{"boolean", "35=0|" + ids + "43=y|", IncorrectFormat, 43},
		{"character", "35=D|" + ids + "11=o|55=X|54=12|60=20260102-03:04:05|40=1|", IncorrectFormat, 54},
		{"data shorter than said", "35=A|" + ids + "98=0|108=30|95=9|96=abc|", IncorrectFormat, 95},
		{"length without data", "35=A|" + ids + "98=0|108=30|95=3|", IncorrectFormat, 95},

		{"type", "35=*|" + ids, InvalidMsgType, 0},
		{"type of another version", "35=BZ|" + ids, InvalidMsgType, 0},
		{"type before fields", "35=*|55=|", InvalidMsgType, 0},

		{"twice", "35=D|" + ids + "40=1|40=2|" + order, AppearsTwice, 40},
		{"header field twice", "35=0|" + ids + "34=3|", AppearsTwice, 34},
		{"twice, apart", "35=D|" + ids + order + "453=1|448=a|11=o2|", AppearsTwice, 11},

		{"body first", "35=D|11=id|21=3|40=1|54=1|55=MSFT|60=20260102-03:04:05|" + ids, OutOfOrder, 34},
		{"one body field first", "35=D|55=MSFT|" + ids + order, OutOfOrder, 34},
		{"trailer in the body", "35=D|" + ids + "93=1|89=x|" + order, OutOfOrder, 11},
		{"order before type", "35=*|55=X|" + ids, OutOfOrder, 34},

		{"group out of order", "35=D|" + ids + "453=1|448=a|452=1|447=D|" + order, GroupOutOfOrder, 447},
		{"group without its first field", "35=D|" + ids + "453=1|447=D|452=1|" + order, GroupOutOfOrder, 447},
		{"field twice in an entry", "35=D|" + ids + "453=1|448=a|452=1|452=3|" + order, GroupOutOfOrder, 452},
		{"count too great", "35=D|" + ids + order + "386=3|336=a|336=b|", GroupCountMistake, 386},
		{"count too small", "35=D|" + ids + order + "386=1|336=a|336=b|", GroupCountMistake, 386},
		{"count of zero with entries", "35=D|" + ids + order + "386=0|336=a|", GroupCountMistake, 386},
		{"count without entries", "35=D|" + ids + order + "386=2|", GroupCountMistake, 386},
		{"inner count", "35=D|" + ids + "453=1|448=a|802=2|523=x|" + order, GroupCountMistake, 802},
		{"value in a group", "35=D|" + ids + "453=1|448=a|452=none|" + order, IncorrectFormat, 452},
		{"group's field without a group", "35=D|" + ids + "448=a|" + order, NotForThisType, 448},
	} {
		v := d.Check(parse(t, c.fields))
		switch {
		case c.reason == none && v != nil:
			t.Errorf("%s: %+v, want no fault", c.name, *v)
		case c.reason != none && (v == nil || v.Reason != c.reason || v.Tag != c.tag || v.Text == "" || v.RefersToTag() == (c.reason == InvalidMsgType)):
			t.Errorf("%s: %+v, want 373=%d 371=%d", c.name, v, c.reason, c.tag)
		}
	}
}

func TestFormats(t *testing.T) {
	for k, values := range map[kind][2][]string{
		integer:   {{"0", "-5", "007"}, {"-", "+1", "1.0", "", " 1", "1-"}},
		natural:   {{"0", "00012"}, {"-1", "x"}},
		decimal:   {{"0", "1.5", "-1.5", "002000.00", ".5", "5.", "-.5"}, {".", "-", "-.", "1.2.3", "1,5", "1e5", "+1", "1.-5"}},
		char:      {{"x"}, {"xy"}},
		boolean:   {{"Y", "N"}, {"y", "1", "YN"}},
		timestamp: {{"20260102-03:04:05", "20260102-03:04:05.123456789"}, {"20260102", "20261302-03:04:05", "20260102-03:04"}},
		timeOnly:  {{"03:04:05", "23:59:60.123"}, {"24:00:00", "03:04", "03:04:05.", "03:60:00", "aa:bb:cc", "03:04:05.1234567890"}},
		date:      {{"20260102", "18991231"}, {"20261302", "20260132", "2026012", "2026010a", "20260100"}},
		monthYear: {{"202601", "20260131", "202601w5"}, {"202613", "20260132", "202601w6", "2026", "202601x1"}},
		text:      {{"anything at all"}, nil},
		data:      {{"a\x01b"}, nil},
	} {
		for _, v := range values[0] {
			if !k.fits([]byte(v)) {
				t.Errorf("kind %d refuses %q", k, v)
			}
		}
		for _, v := range values[1] {
			if k.fits([]byte(v)) {
				t.Errorf("kind %d accepts %q", k, v)
			}
		}
	}
}

func TestKnowsAndHandles(t *testing.T) {
	d := Venue()
	knows := func(typ string) bool {
		_, ok := d.messages[typ]
		return ok
	}
	for _, typ := range []string{"D", "8", "d", "BH", "A", "AE"} {
		if !knows(typ) {
			t.Errorf("%s is not known", typ)
		}
	}
	for _, typ := range []string{"", "*", "BI", "DD", "AAA"} {
		if knows(typ) || d.Handles(typ) {
			t.Errorf("%q is known or handled", typ)
		}
	}
	for _, typ := range []string{"A", "0", "1", "2", "3", "4", "5", "D", "F", "G", "H", "AF", "q", "V", "x", "e", "AD", "j"} {
		if !d.Handles(typ) || !knows(typ) {
			t.Errorf("%s is not handled", typ)
		}
	}
	for _, typ := range []string{"8", "9", "r", "W", "X", "Y", "y", "f", "AQ", "AE", "d"} {
		if d.Handles(typ) {
			t.Errorf("%s is handled", typ)
		}
	}
}

// The table of tags that were seen is an array on the stack.
func TestOwnTagsFit(t *testing.T) {
	if room := len(tagSet{}) * 64; len(Venue().tags) > room {
		t.Errorf("%d tags, room for %d", len(Venue().tags), room)
	}
}

func TestEveryComponentAndFieldIsUsed(t *testing.T) {
	var f xmlFile
	if err := xml.Unmarshal(source, &f); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	var walk func(parts []xmlPart)
	walk = func(parts []xmlPart) {
		for _, p := range parts {
			used[p.Name] = true
			walk(p.Parts)
		}
	}
	walk(f.Header.Parts)
	walk(f.Trailer.Parts)
	for _, m := range append(f.Messages, f.Components...) {
		walk(m.Parts)
	}
	for _, c := range f.Components {
		if !used[c.Name] {
			t.Errorf("component %s is not used", c.Name)
		}
	}
	for _, field := range f.Fields {
		if !used[field.Name] {
			t.Errorf("field %s is not used", field.Name)
		}
	}
}

func TestLoadRefusesBadFiles(t *testing.T) {
	const head, tail = `<fix><header/><trailer/>`, `</fix>`
	for name, file := range map[string]string{
		"no xml":                 "x",
		"unknown type":           head + `<fields><field number="1" name="A" type="THING"/></fields>` + tail,
		"number twice":           head + `<fields><field number="1" name="A" type="INT"/><field number="1" name="B" type="INT"/></fields>` + tail,
		"name twice":             head + `<fields><field number="1" name="A" type="INT"/><field number="2" name="A" type="INT"/></fields>` + tail,
		"number zero":            head + `<fields><field number="0" name="A" type="INT"/></fields>` + tail,
		"field without meaning":  head + `<messages><message msgtype="D"><field name="A"/></message></messages><fields/>` + tail,
		"component without body": head + `<messages><message msgtype="D"><component name="A"/></message></messages><fields/>` + tail,
		"group is no count":      head + `<messages><message msgtype="D"><group name="A"><field name="A"/></group></message></messages><fields><field number="1" name="A" type="INT"/></fields>` + tail,
		"message twice":          head + `<messages><message msgtype="D"/><message msgtype="D"/></messages><fields/>` + tail,
		"tag twice":              head + `<messages><message msgtype="D"><field name="A"/><field name="A"/></message></messages><fields><field number="1" name="A" type="INT"/></fields>` + tail,
		"header's tag in a body": `<fix><header><field name="A"/></header><trailer/><messages><message msgtype="D"><field name="A"/></message></messages><fields><field number="1" name="A" type="INT"/></fields>` + tail,
	} {
		if _, err := load([]byte(file)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestGoodMessagesDoNotAllocate(t *testing.T) {
	d := Venue()
	for _, fields := range []string{
		"35=D|" + ids + "453=2|448=a|447=D|452=1|448=b|452=3|18=6 G|" + order,
		"35=A|" + ids + "98=0|108=30|95=3|96=abc|8013=Y|",
		"35=V|" + ids + "262=r|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=BTC-EUR|",
	} {
		m := parse(t, fields)
		if n := testing.AllocsPerRun(100, func() {
			if v := d.Check(m); v != nil {
				t.Fatal(*v)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", fields, n)
		}
	}
}

// FuzzCheck: whatever parses can be checked, and a fault names a reason that has a text.
func FuzzCheck(f *testing.F) {
	f.Add("35=D|" + ids + "453=2|448=a|447=D|452=1|802=1|523=x|803=4|448=b|452=3|" + order)
	f.Add("35=V|" + ids + "262=r|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=BTC-EUR|")
	f.Add("35=AE|" + ids + "571=1|552=2|54=1|37=x|453=1|448=a|54=2|")
	f.Fuzz(func(t *testing.T, fields string) {
		m := &message.Message{}
		if m.Parse([]byte(strings.ReplaceAll(fields, "|", "\x01"))) != nil {
			return
		}
		if v := Venue().Check(m); v != nil && v.Text == "" {
			t.Fatalf("%+v", *v)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	m := parse(b, "35=D|"+ids+"21=1|59=1|"+order)
	d := Venue()
	for b.Loop() {
		if d.Check(m) != nil {
			b.Fatal("fault")
		}
	}
}
