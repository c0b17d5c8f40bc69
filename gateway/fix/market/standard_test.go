package market

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"uncross/gateway/fix/message"
)

// rule is what FIX 4.4 allows in a message: of the fields that we send the required ones (with !), the order of a group's, and each one's
// form.
type rule struct {
	fields string // of the message, in front of the group
	group  string // counter, then the entry's fields; the first one begins an entry
}

var standard = map[string]rule{
	"W": {"262 55!", "268 269! 270 271 272 273 346 290"},
	"X": {"262", "268 279! 269 278 55 270 271 272 273 346 290"},
	"Y": {"262! 281 58", ""},
	"f": {"324 55! 325 326 31 60 58", ""},
	"j": {"45 372! 379 380! 58", ""},
}

const (
	decimalForm = `\d+(\.\d+)?`
	textForm    = `[\x20-\x7e]+`
)

var forms = map[int]string{
	262: textForm, 55: textForm, 268: `\d+`, 269: `[012]`, 279: `[012]`, 278: textForm, 270: decimalForm, 271: decimalForm,
	272: `\d{8}`, 273: `\d\d:\d\d:\d\d\.\d{6}`, 346: `\d+`, 290: `[1-9]\d*`, 281: `[0-9ABC]`, 58: textForm, 324: textForm,
	325: `[YN]`, 326: `2|17|18|20|21`, 31: decimalForm, 60: `\d{8}-\d\d:\d\d:\d\d\.\d{6}`, 45: `\d+`, 372: textForm, 379: textForm, 380: `[01]`,
}

var compiled = func() map[int]*regexp.Regexp {
	m := map[int]*regexp.Regexp{}
	for tag, f := range forms {
		m[tag] = regexp.MustCompile("^(" + f + ")$")
	}
	return m
}()

// checkBody holds a message against the standard: tags, what is required, order in groups, counts and forms.
func checkBody(t testing.TB, b *message.Body) {
	t.Helper()
	r, ok := standard[b.Type()]
	if !ok {
		t.Errorf("type %s", b.Type())
		return
	}
	fields, err := message.AppendFields(nil, b.Raw())
	if err != nil {
		t.Errorf("%s: %v", show(b), err)
		return
	}
	for _, f := range fields {
		if p := compiled[f.Tag]; p == nil || !p.Match(f.Value) {
			t.Errorf("%s: tag %d has %q", show(b), f.Tag, f.Value)
			return
		}
	}
	rest := inOrder(t, b, fields, r.fields)
	group := strings.Fields(r.group)
	if len(group) == 0 {
		if len(rest) > 0 {
			t.Errorf("%s: left over %v", show(b), rest)
		}
		return
	}
	if len(rest) == 0 || strconv.Itoa(rest[0].Tag) != group[0] {
		t.Errorf("%s: no %s", show(b), group[0])
		return
	}
	n, _ := strconv.Atoi(string(rest[0].Value))
	rest = rest[1:]
	for range n {
		rest = inOrder(t, b, rest, strings.Join(group[1:], " "))
	}
	if len(rest) > 0 {
		t.Errorf("%s: more than %d entries", show(b), n)
	}
}

// inOrder takes the fields of a list, in its order, from the front.
func inOrder(t testing.TB, b *message.Body, fields []message.Field, list string) []message.Field {
	t.Helper()
	for _, name := range strings.Fields(list) {
		tag, required := strings.CutSuffix(name, "!")
		if len(fields) > 0 && strconv.Itoa(fields[0].Tag) == tag {
			fields = fields[1:]
		} else if required {
			t.Errorf("%s: %s is missing", show(b), tag)
		}
	}
	return fields
}
