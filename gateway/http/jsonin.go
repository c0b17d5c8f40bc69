package http

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads request bodies. The standard decoder matches names without regard to case, lets the last of two equal
// names win and turns bad UTF-8 into question marks; for orders all three are traps, so bodies are read here, strictly
// by RFC 8259: one value, UTF-8, no duplicate names, no depth beyond maxDepth.

// maxDepth bounds the nesting of a body: batch object, list, operation.
const maxDepth = 4

type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

func (k jsonKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// jsonValue is one parsed value.
type jsonValue struct {
	kind   jsonKind
	truth  bool
	text   string // of a string, unescaped; of a number, as written
	items  []jsonValue
	fields []jsonField
}

type jsonField struct {
	name  string
	value jsonValue
	used  bool
}

// parseObject reads a whole body that must be one object.
func parseObject(body []byte) (*jsonValue, *Error) {
	p := jsonParser{b: body}
	p.space()
	if p.at == len(body) {
		return nil, refuse(MalformedJSON, "the body is empty")
	}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at != len(body) {
		return nil, p.fail("something follows the object")
	}
	if v.kind != jsonObject {
		return nil, refuse(MalformedJSON, "the body is "+v.kind.String()+", not an object")
	}
	return &v, nil
}

type jsonParser struct {
	b  []byte
	at int
}

func (p *jsonParser) fail(what string) *Error {
	return refuse(MalformedJSON, what+" at byte "+strconv.Itoa(p.at))
}

func (p *jsonParser) space() {
	for p.at < len(p.b) {
		switch p.b[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *jsonParser) peek() byte {
	if p.at < len(p.b) {
		return p.b[p.at]
	}
	return 0
}

func (p *jsonParser) value(depth int) (v jsonValue, err *Error) {
	if depth > maxDepth {
		return v, p.fail("nested too deeply")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.str()
		return jsonValue{kind: jsonString, text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case p.word("true"):
		return jsonValue{kind: jsonBool, truth: true}, nil
	case p.word("false"):
		return jsonValue{kind: jsonBool}, nil
	case p.word("null"):
		return jsonValue{kind: jsonNull}, nil
	case p.at >= len(p.b):
		return v, p.fail("the body ends in the middle of a value")
	}
	return v, p.fail("no JSON value")
}

func (p *jsonParser) word(w string) bool {
	if len(p.b)-p.at < len(w) || string(p.b[p.at:p.at+len(w)]) != w {
		return false
	}
	p.at += len(w)
	return true
}

func (p *jsonParser) object(depth int) (v jsonValue, err *Error) {
	v.kind = jsonObject
	p.at++
	p.space()
	if p.peek() == '}' {
		p.at++
		return v, nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return v, p.fail("a field's name is missing")
		}
		name, err := p.str()
		if err != nil {
			return v, err
		}
		for i := range v.fields {
			if v.fields[i].name == name {
				return v, refuseField(DuplicateField, shorten(name), "")
			}
		}
		if len(v.fields) == maxFields {
			return v, p.fail("an object has too many fields")
		}
		p.space()
		if p.peek() != ':' {
			return v, p.fail("a colon is missing")
		}
		p.at++
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.fields = append(v.fields, jsonField{name: name, value: item})
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			return v, nil
		default:
			return v, p.fail("a comma or a closing brace is missing")
		}
	}
}

// maxFields bounds an object's fields, so that the search for duplicates stays cheap.
const maxFields = 64

func (p *jsonParser) array(depth int) (v jsonValue, err *Error) {
	v.kind = jsonArray
	p.at++
	p.space()
	if p.peek() == ']' {
		p.at++
		return v, nil
	}
	for {
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return v, nil
		default:
			return v, p.fail("a comma or a closing bracket is missing")
		}
	}
}

func (p *jsonParser) number() (v jsonValue, err *Error) {
	start := p.at
	digits := func() int {
		n := 0
		for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
			p.at++
			n++
		}
		return n
	}
	if p.peek() == '-' {
		p.at++
	}
	lead := p.peek()
	if n := digits(); n == 0 || n > 1 && lead == '0' {
		return v, p.fail("not a JSON number")
	}
	if p.peek() == '.' {
		p.at++
		if digits() == 0 {
			return v, p.fail("not a JSON number")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if digits() == 0 {
			return v, p.fail("not a JSON number")
		}
	}
	return jsonValue{kind: jsonNumber, text: string(p.b[start:p.at])}, nil
}

// str reads a string. The common one without escapes is copied once.
func (p *jsonParser) str() (string, *Error) {
	p.at++
	start := p.at
	for p.at < len(p.b) {
		switch c := p.b[p.at]; {
		case c == '"':
			s := string(p.b[start:p.at])
			if !utf8.ValidString(s) {
				return "", p.fail("not UTF-8 before the string that ends")
			}
			p.at++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("a control character in a string")
		}
		p.at++
	}
	return "", p.fail("a string without its end")
}

// escaped goes on with a string whose first escape is at the parser's place.
func (p *jsonParser) escaped(start int) (string, *Error) {
	s := append([]byte(nil), p.b[start:p.at]...)
	for p.at < len(p.b) {
		c := p.b[p.at]
		switch {
		case c == '"':
			if !utf8.Valid(s) {
				return "", p.fail("not UTF-8 before the string that ends")
			}
			p.at++
			return string(s), nil
		case c < 0x20:
			return "", p.fail("a control character in a string")
		case c != '\\':
			s = append(s, c)
			p.at++
			continue
		}
		p.at++
		r, ok := p.escape()
		if !ok {
			return "", p.fail("a wrong escape in a string")
		}
		s = utf8.AppendRune(s, r)
	}
	return "", p.fail("a string without its end")
}

// escape reads what follows a backslash.
func (p *jsonParser) escape() (rune, bool) {
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		r, ok := p.hex4()
		if !ok || !utf16.IsSurrogate(r) {
			return r, ok
		}
		if p.peek() != '\\' {
			return 0, false
		}
		p.at++
		if p.peek() != 'u' {
			return 0, false
		}
		p.at++
		low, ok := p.hex4()
		if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
			return pair, true
		}
	}
	return 0, false
}

func (p *jsonParser) hex4() (r rune, ok bool) {
	if len(p.b)-p.at < 4 {
		return 0, false
	}
	for range 4 {
		c := p.b[p.at]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
		p.at++
	}
	return r, true
}

// shorten bounds what of a client's text goes back in an error.
func shorten(s string) string {
	if len(s) <= 64 {
		return s
	}
	cut := 64
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
