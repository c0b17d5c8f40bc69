package message

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
)

// frame builds a frame from fields written with '|', with the right length and sum.
func frame(fields string) []byte {
	body := strings.ReplaceAll(fields, "|", "\x01")
	f := []byte("8=FIX.4.4\x019=" + itoa(len(body)) + "\x01" + body)
	f = append(f, "10="...)
	f = appendDigits(f, int(CheckSum(f[:len(f)-3])), 3)
	return append(f, soh)
}

func itoa(n int) string {
	var b [20]byte
	i := len(b)
	for ; n > 9; n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	i--
	b[i] = byte('0' + n)
	return string(b[i:])
}

// Tags of which the venue makes no use.
const (
	tagExpireTime = 126
	tagPartyID    = 448
	tagPartyRole  = 452
)

func TestParse(t *testing.T) {
	var m Message
	f := frame("35=D|34=12|49=A|56=B|52=20260102-03:04:05.123456|11=x|54=1|43=Y|126=|-1=HI|0=z|44=-5|453=2|448=p|447=D|448=q|452=3|")
	if err := m.Parse(f); err != nil {
		t.Fatal(err)
	}
	if n, ok := m.Seq(); m.Type() != NewOrderSingle || n != 12 || !ok {
		t.Errorf("type %q seq %d %v", m.Type(), n, ok)
	}
	if ns, ok := m.Time(TagSendingTime); !ok || ns != time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC).UnixNano() {
		t.Errorf("time %d %v", ns, ok)
	}
	if v, ok := m.Get(tagExpireTime); !ok || len(v) != 0 {
		t.Errorf("empty value: %q %v", v, ok)
	}
	if v := m.String(-1) + m.String(0); v != "HIz" {
		t.Errorf("odd tags: %q", v)
	}
	if n, ok := m.Int(TagPrice); n != -5 || !ok {
		t.Errorf("int %d %v", n, ok)
	}
	if c, ok := m.Char(TagSide); c != '1' || !ok || !m.Bool(TagPossDupFlag) || m.Bool(TagPossResend) {
		t.Errorf("char %c %v", c, ok)
	}
	var parties []string
	m.Group(TagNoPartyIDs, tagPartyID, func(fields []Field) {
		id, _ := Find(fields, tagPartyID)
		role, _ := Find(fields, tagPartyRole)
		parties = append(parties, string(id)+":"+string(role))
	})
	if got := strings.Join(parties, ","); got != "p:,q:3" {
		t.Errorf("parties %q", got)
	}
	if !bytes.Equal(m.Raw(), f) {
		t.Error("raw differs")
	}
}

func TestParseRefusesWhatIsNoRowOfFields(t *testing.T) {
	for _, row := range []string{"35", "35=D", "=D|", "35D|", "x=1|", "4garbled9=TW|", "1234567890=x|", "-=1|", "--1=1|", " 1=2|", "|", "1=2||"} {
		if _, err := AppendFields(nil, []byte(strings.ReplaceAll(row, "|", "\x01"))); err != ErrSyntax {
			t.Errorf("%q: %v", row, err)
		}
	}
}

func TestDataFieldsMayHoldSOH(t *testing.T) {
	var m Message
	b := NewBody(Logon).Int(TagEncryptMethod, 0).Data(TagRawDataLength, TagRawData, []byte("a\x0110=000\x01b")).Bool(TagResetSeqNumFlag, true)
	f := AppendMessage(nil, &Header{Sender: "A", Target: "B", Seq: 1}, b)
	if err := m.Parse(f); err != nil {
		t.Fatal(err)
	}
	if v := m.String(TagRawData); v != "a\x0110=000\x01b" || !m.Bool(TagResetSeqNumFlag) {
		t.Errorf("data %q", v)
	}
	got, err := NewReader(bytes.NewReader(f), 0).Next()
	if err != nil || !bytes.Equal(got, f) {
		t.Errorf("reader: %q %v", got, err)
	}
}

func TestDataLengthThatIsWrongIsNotBelieved(t *testing.T) {
	for _, n := range []string{"2", "99", "x", "", "4", "18446744073709551615"} {
		var m Message
		if err := m.Parse(frame("35=A|95=" + n + "|96=abc|141=Y|")); err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		if v := m.String(TagRawData); v != "abc" || !m.Bool(TagResetSeqNumFlag) {
			t.Errorf("length %q: data %q", n, v)
		}
	}
}

func TestGroupBounds(t *testing.T) {
	count := func(fields string) (n int) {
		var m Message
		if err := m.Parse(frame(fields)); err != nil {
			t.Fatal(err)
		}
		m.Group(TagNoMDEntryTypes, TagMDEntryType, func([]Field) { n++ })
		return n
	}
	for fields, want := range map[string]int{
		"35=V|":                   0,
		"35=V|267=0|":             0,
		"35=V|267=x|269=0|":       0,
		"35=V|267=2|269=0|":       1,
		"35=V|267=1|269=0|269=1|": 1,
		"35=V|267=2|55=A|269=0|":  0,
		"35=V|267=2|269=0|269=1|": 2,
	} {
		if got := count(fields); got != want {
			t.Errorf("%s: %d entries, want %d", fields, got, want)
		}
	}
}

func TestAppendMessage(t *testing.T) {
	at := time.Date(2026, 10, 31, 23, 59, 59, 999_999_999, time.UTC).UnixNano()
	b := NewBody(ExecutionReport).Str(TagClOrdID, "x1").Str(TagText, "").Text(TagAccount, wire.MustText("A-1")).Uint(TagLastQty, 7)
	b.Close(append(b.Open(TagPrice), "10.50"...))
	h := Header{Sender: "UNCROSS", Target: "BROKER", Seq: 42, SendingNs: at, PossDup: true, OrigSendingNs: at - nsPerSecond, PossResend: true, Routing: []byte("128=JCD\x01")}
	got := strings.ReplaceAll(string(AppendMessage(nil, &h, b)), "\x01", "|")
	want := "8=FIX.4.4|9=133|35=8|34=42|43=Y|49=UNCROSS|52=20261031-23:59:59.999999|56=BROKER|97=Y|122=20261031-23:59:58.999999|128=JCD|11=x1|1=A-1|32=7|44=10.50|10=057|"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if _, err := NewReader(strings.NewReader(strings.ReplaceAll(got, "|", "\x01")), 0).Next(); err != nil {
		t.Error(err)
	}
}

func TestTextCannotEndAField(t *testing.T) {
	b := NewBody(Reject).Str(TagText, "a\x01b\x01").Bytes(TagTestReqID, []byte("\x01"))
	if got := string(b.Raw()); got != "58=a?b?\x01112=?\x01" {
		t.Errorf("%q", got)
	}
}

func TestStoredBody(t *testing.T) {
	b := NewBody(TradeCaptureReport).Char(TagSide, '1').Bool(TagPossDupFlag, false)
	stored := b.AppendTo([]byte("before"))[len("before"):]
	got, err := ParseBody(stored)
	if err != nil || got.Type() != TradeCaptureReport || !bytes.Equal(got.Raw(), b.Raw()) || got.Len() != len(stored) {
		t.Errorf("%v %q %q", err, got.Type(), got.Raw())
	}
	c := got.Clone()
	c.Reset(Logout)
	if got.Type() != TradeCaptureReport {
		t.Error("a clone shares memory")
	}
	for _, bad := range []string{"", "\x01", "D", "D\x0111=x", strings.Repeat("D", 17) + "\x01"} {
		if _, err := ParseBody([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestTimes(t *testing.T) {
	base := time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC).UnixNano()
	for text, want := range map[string]int64{
		"20260228-23:59:59":           base,
		"20260228-23:59:59.5":         base + 500_000_000,
		"20260228-23:59:59.123":       base + 123_000_000,
		"20260228-23:59:59.123456":    base + 123_456_000,
		"20260228-23:59:59.123456789": base + 123_456_789,
		"20260228-23:59:60":           base + nsPerSecond,
		"20240229-00:00:00":           time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixNano(),
	} {
		if got, ok := ParseTime([]byte(text)); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, ok, want)
		}
	}
	for _, bad := range []string{"", "20260228", "20260229-00:00:00", "20261301-00:00:00", "20260100-00:00:00", "00000000-00:00:00",
		"20260228-24:00:00", "20260228-23:60:00", "20260228-23:59:61", "20260228 23:59:59", "20260228-23:59:59.", "20260228-23:59:59,1",
		"20260228-23:59:59.1234567890", "19691231-00:00:00", "22620101-00:00:00", "2026022a-00:00:00", "20260228-2a:00:00", "20260228-23-59-59", "20260228-23:59:59Z"} {
		if _, ok := ParseTime([]byte(bad)); ok {
			t.Errorf("%q accepted", bad)
		}
	}
	if got := string(AppendTime(nil, -5)); got != "19700101-00:00:00.000000" {
		t.Error(got)
	}
}

func TestDatesAgreeWithTheStandardLibrary(t *testing.T) {
	for at := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= lastYear; at = at.AddDate(0, 0, 1) {
		want := at.Format("20060102")
		if got := string(AppendDate(nil, at.UnixNano())); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if days, ok := ParseDate([]byte(want)); !ok || days*secondsPerDay != at.Unix() {
			t.Fatalf("%s: day %d %v", want, days, ok)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "007": 7, "18446744073709551615": 1<<64 - 1} {
		if got, ok := parseUint([]byte(text)); !ok || got != want {
			t.Errorf("%s: %d %v", text, got, ok)
		}
	}
	for _, bad := range []string{"", "-1", "+1", "1.0", "18446744073709551616", "99999999999999999999", "1 "} {
		if _, ok := parseUint([]byte(bad)); ok {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	h := Header{Sender: "UNCROSS", Target: "BROKER", Seq: 42, SendingNs: 1e18}
	b, m := NewBody(NewOrderSingle), Message{}
	var out []byte
	build := func() {
		b.Reset(NewOrderSingle).Str(TagClOrdID, "order-1").Char(TagSide, '1').Uint(TagOrderQty, 100).Time(TagTransactTime, 1e18).Int(TagPrice, -1)
		out = AppendMessage(out[:0], &h, b)
	}
	build()
	stream := bytes.Repeat(out, 50)
	src := bytes.NewReader(stream)
	r := NewReader(src, 4096)
	read := func() {
		src.Reset(stream)
		for range 50 {
			f, err := r.Next()
			if err != nil || m.Parse(f) != nil || m.Type() != NewOrderSingle {
				t.Fatal(err)
			}
			if _, ok := m.Seq(); !ok || !r.Pending() && src.Len() > len(stream) {
				t.Fatal("no number")
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(100, build); n != 0 {
		t.Errorf("build: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("read: %v allocations", n)
	}
}

func TestCheckSum(t *testing.T) {
	v := bytes.Repeat([]byte{0xff, 0x01, 0x80, 0x7f, 0xfe}, 400)
	for n := range v {
		var want byte
		for _, c := range v[:n] {
			want += c
		}
		if got := CheckSum(v[:n]); got != want {
			t.Fatalf("%d bytes: %d, want %d", n, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	f := frame("35=D|34=12|49=BROKER|52=20260102-03:04:05.123456|56=UNCROSS|11=order-000001|21=1|38=100|40=2|44=21345.50|54=1|55=BTC-EUR|59=1|60=20260102-03:04:05.123456|")
	var m Message
	b.SetBytes(int64(len(f)))
	for b.Loop() {
		if m.Parse(f) != nil {
			b.Fatal("parse")
		}
	}
}

func BenchmarkRead(b *testing.B) {
	f := frame("35=D|34=12|49=BROKER|52=20260102-03:04:05.123456|56=UNCROSS|11=order-000001|21=1|38=100|40=2|44=21345.50|54=1|55=BTC-EUR|59=1|60=20260102-03:04:05.123456|")
	stream := bytes.Repeat(f, 100)
	src := bytes.NewReader(stream)
	r := NewReader(src, 4096)
	b.SetBytes(int64(len(f)))
	for i := 0; b.Loop(); i++ {
		if i%100 == 0 {
			src.Reset(stream)
		}
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	h := Header{Sender: "UNCROSS", Target: "BROKER", Seq: 42, SendingNs: 1e18}
	body := NewBody(ExecutionReport)
	var out []byte
	for b.Loop() {
		body.Reset(ExecutionReport).Str(TagClOrdID, "order-1").Char(TagSide, '1').Uint(TagOrderQty, 100).Time(TagTransactTime, 1e18)
		out = AppendMessage(out[:0], &h, body)
	}
}
