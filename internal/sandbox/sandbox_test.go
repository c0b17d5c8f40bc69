package sandbox

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the outputs of the examples in docs/match.md anew")

const doc = "../../docs/match.md"

// run gives lines to a fresh sandbox and returns what it writes, wrong lines included, as "error: …".
func run(t *testing.T, input string) string {
	t.Helper()
	var out bytes.Buffer
	s, err := New(&out)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(strings.NewReader(input), func(bad error) bool {
		out.WriteString("error: " + bad.Error() + "\n")
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Validate(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	inputFence  = "```json input\n"
	outputFence = "```json output\n"
	fence       = "```\n"
)

// TestDocumentedExamples runs every input block of docs/match.md and compares with the output block that follows it.
func TestDocumentedExamples(t *testing.T) {
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	var fresh strings.Builder
	examples := 0
	for rest := string(text); ; {
		before, after, ok := strings.Cut(rest, inputFence)
		fresh.WriteString(before)
		if !ok {
			break
		}
		input, after, _ := strings.Cut(after, fence)
		between, after, ok := strings.Cut(after, outputFence)
		if !ok {
			t.Fatalf("an input block without an output block:\n%s", input)
		}
		want, after, _ := strings.Cut(after, fence)
		got := run(t, input)
		fresh.WriteString(inputFence + input + fence + between + outputFence + got + fence)
		if got != want && !*rewrite {
			t.Errorf("the example\n%s\ngives\n%s\nand not, as documented,\n%s", input, got, want)
		}
		examples++
		rest = after
	}
	if examples < 5 {
		t.Errorf("only %d examples", examples)
	}
	if *rewrite {
		if err := os.WriteFile(doc, []byte(fresh.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// members returns the JSON names of a struct's fields, those of embedded structs included.
func members(typ reflect.Type) (names []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			names = append(names, members(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// TestEveryMemberIsDocumented looks for each command with each of its members, and for each member of the output, in the
// tables of docs/match.md.
func TestEveryMemberIsDocumented(t *testing.T) {
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.HasPrefix(line, "| `") {
			rows[strings.Trim(cells[1], " `")] += line
		}
	}
	for cmd, make := range requests {
		row, ok := rows[cmd]
		if !ok {
			t.Errorf("the command %s has no row", cmd)
		}
		for _, m := range members(reflect.TypeOf(make()).Elem()) {
			if !strings.Contains(row, "`"+m+"`") && !slices.Contains([]string{"cmd", "time", "by"}, m) {
				t.Errorf("the row of %s lacks its member %s", cmd, m)
			}
		}
	}
	for _, typ := range []any{output{}, level{}, balance{}} {
		for _, m := range members(reflect.TypeOf(typ)) {
			if _, ok := rows[m]; !ok {
				t.Errorf("the output member %s has no row", m)
			}
		}
	}
}

// setUp is a market with two funded accounts.
const setUp = `{"cmd":"asset","code":"BTC","decimals":8}
{"cmd":"asset","code":"USD","decimals":2}
{"cmd":"instrument","symbol":"BTC-USD","base":"BTC","quote":"USD","tick":"0.50","lot":"0.1"}
{"cmd":"phase","symbol":"BTC-USD","phase":"continuous"}
{"cmd":"account","name":"alice"}
{"cmd":"account","name":"bob"}
{"cmd":"deposit","account":"alice","asset":"USD","amount":"1000"}
{"cmd":"deposit","account":"bob","asset":"BTC","amount":"5"}
`

// TestWrongLines holds the messages about lines that cannot be understood; nothing of them reaches the engine.
func TestWrongLines(t *testing.T) {
	clean := run(t, setUp+`{"cmd":"hash"}`)
	lastLine := func(s string) string {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		return lines[len(lines)-1]
	}
	for _, c := range []struct{ line, says string }{
		{`{"cmd":"new"`, "line 9: not a JSON object"},
		{`[1]`, "line 9: not a JSON object"},
		{`{}`, `line 9: member "cmd" is missing`},
		{`{"cmd":"buy"}`, `line 9: unknown cmd "buy"; there are: account, asset`},
		{`{"cmd":"tick","at":"1"}`, `unknown field "at"`},
		{`{"cmd":"tick"} {}`, "not a JSON object"},
		{`{"cmd":"tick","time":"noon"}`, `time "noon" is neither`},
		{`{"cmd":"tick","by":"carol"}`, `by: there is no key "carol"`},
		{`{"cmd":"new","account":"carol","symbol":"BTC-USD","side":"buy","price":"1","qty":"1"}`, `there is no account "carol"`},
		{`{"cmd":"new","symbol":"BTC-USD","side":"buy","price":"1","qty":"1"}`, `member "account" is missing`},
		{`{"cmd":"new","account":"alice","symbol":"ETH-USD","side":"buy","price":"1","qty":"1"}`, `there is no instrument "ETH-USD"`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"up","price":"1","qty":"1"}`, `side "up" is neither`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","type":"stop","price":"1","qty":"1"}`, `type "stop" is neither`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","tif":"day","price":"1","qty":"1"}`, `tif "day" is none of`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":"1.25","qty":"1"}`, `price "1.25": not a multiple of the instrument's tick`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":"1","qty":"0.001"}`, `qty "0.001": not a multiple of the instrument's lot`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":"1","qty":"-1"}`, `qty "-1": not a plain decimal number`},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":1,"qty":"1"}`, "cannot unmarshal number"},
		{`{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":"1","qty":"1","client_id":"é"}`, "client_id"},
		{`{"cmd":"cancel","account":"alice"}`, `one of "order" and "client_id"`},
		{`{"cmd":"cancel","account":"alice","order":"x"}`, `order "x" is not the number`},
		{`{"cmd":"phase","symbol":"BTC-USD","phase":"lunch"}`, `phase "lunch" is none of`},
		{`{"cmd":"deposit","account":"alice","asset":"USD","amount":"0.001"}`, `amount "0.001": more decimals`},
		{`{"cmd":"key","name":"k","user":"alice","role":"king"}`, `role "king" is none of`},
		{`{"cmd":"user","name":"u","firm":"f"}`, `there is no firm "f"`},
		{`{"cmd":"instrument","symbol":"X","base":"BTC","quote":"USD","tick":"0","lot":"1"}`, `tick "0": not above zero`},
		{`{"cmd":"instrument","symbol":"X","base":"BTC","quote":"USD","tick":"1","lot":"1","max_price":"0.5"}`, `max_price "0.5"`},
	} {
		got := run(t, setUp+c.line+"\n"+`{"cmd":"hash"}`)
		if !strings.Contains(got, "error: line 9: ") || !strings.Contains(got, c.says) {
			t.Errorf("%s gives\n%s\nexpected %q", c.line, got, c.says)
		}
		if want := strings.Replace(lastLine(clean), `"line":9`, `"line":10`, 1); lastLine(got) != want {
			t.Errorf("%s changed the state: %s, expected %s", c.line, lastLine(got), want)
		}
	}
}

// TestStopsAtAWrongLine shows that Run ends where it is told to.
func TestStopsAtAWrongLine(t *testing.T) {
	var out bytes.Buffer
	s, err := New(&out)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(strings.NewReader("\n# note\nx\n{\"cmd\":\"tick\"}\n"), func(error) bool { return false })
	if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, out.String())
	}
}

// fullDisk refuses every write.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestOutputThatFails ends the run even where wrong lines are passed over.
func TestOutputThatFails(t *testing.T) {
	s, err := New(fullDisk{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(strings.NewReader("{\"cmd\":\"hash\"}\n"), func(error) bool { return true })
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v", err)
	}
}

// TestSameInputSameOutput runs one input twice; time comes from the input alone.
func TestSameInputSameOutput(t *testing.T) {
	input := setUp + `{"cmd":"new","account":"bob","symbol":"BTC-USD","side":"sell","price":"100","qty":"2"}
{"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":"100","qty":"1","time":"2026-11-22T09:30:00Z"}
{"cmd":"hash"}
`
	a, b := run(t, input), run(t, input)
	if a != b || !strings.Contains(a, `"event":"trade"`) || !strings.Contains(a, `"time":"1795339800000000000"`) {
		t.Errorf("first\n%s\nsecond\n%s", a, b)
	}
}

// TestBy sends commands with another key than the one that fits.
func TestBy(t *testing.T) {
	got := run(t, setUp+`{"cmd":"new","by":"bob","account":"alice","symbol":"BTC-USD","side":"buy","price":"1","qty":"1"}
{"cmd":"phase","by":"alice","symbol":"BTC-USD","phase":"halted"}
{"cmd":"deposit","by":"operator","account":"alice","asset":"USD","amount":"1"}
`)
	for _, reason := range []string{"not_your_account", "role_not_allowed"} {
		if !strings.Contains(got, `"reason":"`+reason+`"`) {
			t.Errorf("no %s in\n%s", reason, got)
		}
	}
	if n := strings.Count(got, `"event":"rejected"`); n != 3 {
		t.Errorf("%d refusals, expected 3:\n%s", n, got)
	}
}
