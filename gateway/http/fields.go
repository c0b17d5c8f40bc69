package http

import (
	"fmt"
	"strconv"
	"strings"

	"uncross/engine/wire"
)

// fields takes the members of one request object, or the parameters of one query, by name. The first refusal is kept;
// done reports it, or else a member that nobody asked for. So every handler reads as a list of what it takes, and what
// it does not take is refused.
type fields struct {
	object *jsonValue // of a body, or nil
	query  []param    // of a query
	err    *Error
}

type param struct {
	name, value string
	used        bool
}

// keep records the first refusal.
func (f *fields) keep(e *Error) {
	if f.err == nil {
		f.err = e
	}
}

// find returns the member of that name, marked as taken.
func (f *fields) find(name string) *jsonValue {
	if f.object == nil {
		return nil
	}
	for i := range f.object.fields {
		if m := &f.object.fields[i]; m.name == name {
			m.used = true
			if m.value.kind == jsonNull {
				return nil
			}
			return &m.value
		}
	}
	return nil
}

// optional returns a string member or parameter, "" when it is absent.
func (f *fields) optional(name string) string {
	if f.object == nil {
		for i := range f.query {
			if p := &f.query[i]; p.name == name {
				p.used = true
				return p.value
			}
		}
		return ""
	}
	v := f.find(name)
	if v == nil {
		return ""
	}
	if v.kind != jsonString {
		f.keep(refuseField(WrongType, name, "a string is needed, this is "+v.kind.String()))
		return ""
	}
	return v.text
}

// text returns a string member or parameter that must be there and not be empty.
func (f *fields) text(name string) string {
	s := f.optional(name)
	if s == "" {
		f.keep(refuseField(MissingField, name, ""))
	}
	return s
}

// flag returns a boolean member, false when it is absent.
func (f *fields) flag(name string) bool {
	v := f.find(name)
	if v == nil {
		return false
	}
	if v.kind != jsonBool {
		f.keep(refuseField(WrongType, name, "true or false is needed, this is "+v.kind.String()))
	}
	return v.truth
}

// small returns a member that is a whole JSON number from 0 to most, or def when it is absent. Only what is surely
// exact in every JSON reader is a JSON number; identifiers, times and quantities are strings.
func (f *fields) small(name string, most, def int) int {
	v := f.find(name)
	if v == nil {
		return def
	}
	if v.kind != jsonNumber {
		f.keep(refuseField(WrongType, name, "a number is needed, this is "+v.kind.String()))
		return def
	}
	n, err := strconv.ParseUint(v.text, 10, 32)
	if err != nil || n > uint64(most) {
		f.keep(refuseField(InvalidValue, name, "a whole number from 0 to "+strconv.Itoa(most)+" is needed"))
		return def
	}
	return int(n)
}

// count returns a query parameter that is a whole number from 1 to most, or def when it is absent.
func (f *fields) count(name string, most, def int) int {
	s := f.optional(name)
	if s == "" {
		return def
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 1 || n > uint64(most) {
		f.keep(refuseField(InvalidValue, name, "a whole number from 1 to "+strconv.Itoa(most)+" is needed"))
		return def
	}
	return int(n)
}

// number returns a string member or parameter that is a whole number of 64 bits, 0 when it is absent.
func (f *fields) number(name string) uint64 {
	s := f.optional(name)
	if s == "" {
		return 0
	}
	n, err := parseNumber(s)
	if err != nil {
		err.Field = name
		f.keep(err)
	}
	return n
}

// parseNumber reads an identifier: digits only, no leading zero.
func parseNumber(s string) (uint64, *Error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || s[0] == '+' || len(s) > 1 && s[0] == '0' {
		return 0, refuse(InvalidValue, "a whole number in digits is needed")
	}
	return n, nil
}

// nanos returns a string member that is a time in nanoseconds since the Unix epoch, 0 when it is absent.
func (f *fields) nanos(name string) int64 {
	n := f.number(name)
	if n > 1<<63-1 {
		f.keep(refuseField(InvalidValue, name, "not a time in nanoseconds since 1970"))
		return 0
	}
	return int64(n)
}

// before returns a parameter that is a time which is not in what is asked for any more, 0 when it is absent. Before the time 0
// nothing has happened, as before the nanosecond behind it.
func (f *fields) before(name string) int64 {
	n := f.nanos(name)
	if n == 0 && f.optional(name) != "" {
		return 1
	}
	return n
}

// period returns the parameters from_ns and to_ns, 0 where one is absent. A period that ends before it begins is refused, not
// empty: somebody has mixed up the two.
func (f *fields) period() (fromNs, toNs int64) {
	fromNs, toNs = f.nanos("from_ns"), f.before("to_ns")
	if toNs != 0 && toNs < fromNs {
		f.keep(refuseField(InvalidValue, "to_ns", endsTooSoon))
	}
	return fromNs, toNs
}

const endsTooSoon = "the period ends before it begins"

// name returns a member or parameter that is a wire.Text, refused with reason when it is not one.
func (f *fields) name(field string, reason wire.Reason, needed bool) wire.Text {
	s := f.optional(field)
	if s == "" {
		if needed {
			f.keep(refuseField(MissingField, field, ""))
		}
		return wire.Text{}
	}
	t, ok := wire.ParseText(s)
	if !ok {
		f.keep(refuseField(reason, field, ""))
	}
	return t
}

// choice returns the one of values whose String is the member's text, and refuses another with reason.
func choice[T fmt.Stringer](f *fields, name string, reason wire.Reason, values ...T) (v T) {
	s := f.text(name)
	if s == "" {
		return v
	}
	words := make([]string, len(values))
	for i, v := range values {
		if words[i] = v.String(); words[i] == s {
			return v
		}
	}
	f.keep(refuseField(reason, name, "one of "+strings.Join(words, ", ")+" is needed"))
	return v
}

// done returns the first refusal, or one for a member or parameter that nothing took.
func (f *fields) done() *Error {
	if f.err != nil {
		return f.err
	}
	if f.object != nil {
		for i := range f.object.fields {
			if m := &f.object.fields[i]; !m.used {
				return refuseField(UnknownField, shorten(m.name), "")
			}
		}
	}
	for i := range f.query {
		if p := &f.query[i]; !p.used {
			return refuseField(UnknownParameter, shorten(p.name), "")
		}
	}
	return nil
}
