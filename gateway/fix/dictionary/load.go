package dictionary

import (
	"encoding/xml"
	"errors"
	"fmt"
	"sync"

	"uncross/gateway/fix/message"
)

// lastStandardTag is the greatest tag of FIX 4.4. All from 1 on count as the standard's own, whether or not a message
// of ours has them: a tag among them in the wrong message is "not defined for this message type", not "invalid".
const lastStandardTag = 956

// Dictionary is the rules of one file.
type Dictionary struct {
	tags     []tagRule // by index
	own      []int     // tags above lastStandardTag; index is lastStandardTag+1+position
	header   *block
	trailer  *block
	messages map[string]*block // by MsgType; nil for types of the standard that the file does not have
}

// tagRule is what a tag's value may be.
type tagRule struct {
	kind   kind
	place  place
	chars  *charSet        // enumerated values of one character
	values map[string]bool // enumerated values, when some are longer
}

// place is the part of a message that a tag belongs to.
type place uint8

const (
	inBody place = iota
	inHeader
	inTrailer
)

// block is a row of fields: a message's, a group's entry, or the header.
type block struct {
	slots    []slot
	byIndex  []uint16 // slot+1 by a tag's index; 0: not here. Only of messages, header and trailer
	required []int    // slots that must be there
	next     []int    // next[i]: the first required slot from i on, len(slots) when there is none
}

// slot is a field's place in a block.
type slot struct {
	tag      int
	required bool
	group    *block // of a group's counter: its entries
}

// Venue returns the venue's dictionary.
var Venue = sync.OnceValue(func() *Dictionary {
	d, err := load(source)
	if err != nil {
		panic(fmt.Sprintf("dictionary: built-in file: %v", err))
	}
	return d
})

// otherTypes are the messages of FIX 4.4 that the file leaves out: known, so not an invalid MsgType, and not handled.
var otherTypes = []string{
	"6", "7", "B", "C", "E", "J", "K", "L", "M", "N", "P", "Q", "R", "S", "T", "Z",
	"a", "b", "c", "d", "g", "h", "i", "k", "l", "m", "n", "o", "p", "s", "t", "u", "v", "w", "z",
	"AA", "AB", "AC", "AG", "AH", "AI", "AJ", "AK", "AL", "AM", "AN", "AO", "AP", "AR", "AS", "AT", "AU", "AV", "AW", "AX", "AY", "AZ",
	"BA", "BB", "BC", "BD", "BE", "BF", "BG", "BH",
}

// load reads a file in QuickFIX's format and makes the tables.
func load(file []byte) (*Dictionary, error) {
	var f xmlFile
	if err := xml.Unmarshal(file, &f); err != nil {
		return nil, err
	}
	l := loader{d: &Dictionary{messages: map[string]*block{}}, numbers: map[string]int{}, components: map[string][]xmlPart{}}
	if err := l.fields(f.Fields); err != nil {
		return nil, err
	}
	for _, c := range f.Components {
		l.components[c.Name] = c.Parts
	}
	for _, t := range otherTypes {
		l.d.messages[t] = nil
	}
	l.d.header = l.dense(f.Header.Parts, inHeader)
	l.d.trailer = l.dense(f.Trailer.Parts, inTrailer)
	for _, m := range f.Messages {
		if l.d.messages[m.Type] != nil || m.Type == "" {
			l.fail("message type %q twice or empty", m.Type)
		}
		l.d.messages[m.Type] = l.dense(m.Parts, inBody)
	}
	return l.d, errors.Join(l.errs...)
}

type loader struct {
	d          *Dictionary
	numbers    map[string]int // tag by name
	components map[string][]xmlPart
	errs       []error
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// fields makes the table of tags.
func (l *loader) fields(fields []xmlField) error {
	d := l.d
	for _, f := range fields {
		if f.Number > lastStandardTag {
			d.own = append(d.own, f.Number)
		}
	}
	d.tags = make([]tagRule, lastStandardTag+1+len(d.own))
	for _, f := range fields {
		i := d.index(f.Number)
		k, ok := kinds[f.Type]
		if i == 0 || !ok || l.numbers[f.Name] != 0 || d.tags[i].kind != anyValue {
			return fmt.Errorf("field %d %s: bad number or type %q, or twice", f.Number, f.Name, f.Type)
		}
		l.numbers[f.Name] = f.Number
		d.tags[i].kind = k
		if f.Number != message.TagMsgType { // other types than listed are the message table's to judge
			d.tags[i].enumerate(f.Values)
		}
	}
	return nil
}

func (r *tagRule) enumerate(values []xmlValue) {
	if len(values) == 0 {
		return
	}
	set, long := charSet{}, map[string]bool{}
	single := true
	for _, v := range values {
		long[v.Enum] = true
		if len(v.Enum) == 1 {
			set.add(v.Enum[0])
		} else {
			single = false
		}
	}
	if single {
		r.chars = &set
	} else {
		r.values = long
	}
}

// dense makes the block of a message, the header or the trailer.
func (l *loader) dense(parts []xmlPart, p place) *block {
	b := l.block(parts)
	b.byIndex = make([]uint16, len(l.d.tags))
	for i, s := range b.slots {
		x := l.d.index(s.tag)
		if b.byIndex[x] != 0 {
			l.fail("tag %d twice in a block", s.tag)
		}
		b.byIndex[x] = uint16(i + 1)
	}
	l.placeAll(b, p)
	return b
}

// placeAll marks where the tags of a block belong. Header and trailer come first, so that a message with one of their
// tags is found out.
func (l *loader) placeAll(b *block, p place) {
	for _, s := range b.slots {
		r := &l.d.tags[l.d.index(s.tag)]
		if r.place != inBody && r.place != p {
			l.fail("tag %d belongs to two parts of a message", s.tag)
		}
		r.place = p
		if s.group != nil {
			l.placeAll(s.group, p)
		}
	}
}

func (l *loader) block(parts []xmlPart) *block {
	b := &block{}
	l.add(b, parts, true)
	b.next = make([]int, len(b.slots)+1)
	b.next[len(b.slots)] = len(b.slots)
	for i := len(b.slots) - 1; i >= 0; i-- {
		b.next[i] = b.next[i+1]
		if b.slots[i].required {
			b.next[i] = i
		}
	}
	for i := b.next[0]; i < len(b.slots); i = b.next[i+1] {
		b.required = append(b.required, i)
	}
	return b
}

// add appends the slots of parts. What is required in a component that is not is not required.
func (l *loader) add(b *block, parts []xmlPart, required bool) {
	for _, p := range parts {
		needed := required && p.Required == "Y"
		if p.XMLName.Local == "component" {
			inner, ok := l.components[p.Name]
			if !ok {
				l.fail("component %s is not defined", p.Name)
			}
			l.add(b, inner, needed)
			continue
		}
		tag := l.numbers[p.Name]
		if tag == 0 {
			l.fail("field %s is not defined", p.Name)
			continue
		}
		s := slot{tag: tag, required: needed}
		if p.XMLName.Local == "group" {
			s.group = l.block(p.Parts)
			if len(s.group.slots) == 0 || l.d.tags[l.d.index(tag)].kind != count {
				l.fail("group %s is empty or its field no NUMINGROUP", p.Name)
			}
		}
		b.slots = append(b.slots, s)
	}
}

// index returns a tag's place in the table of tags, 0 for tags that are neither the standard's nor ours.
func (d *Dictionary) index(tag int) int {
	if tag >= 1 && tag <= lastStandardTag {
		return tag
	}
	for i, t := range d.own {
		if t == tag {
			return lastStandardTag + 1 + i
		}
	}
	return 0
}

// find returns a tag's slot in the block, -1 when it is not there.
func (b *block) find(d *Dictionary, tag int) int {
	if b.byIndex != nil {
		return int(b.byIndex[d.index(tag)]) - 1
	}
	for i := range b.slots {
		if b.slots[i].tag == tag {
			return i
		}
	}
	return -1
}

// Handles reports whether the venue takes messages of this type from clients; another known one is answered with a
// BusinessMessageReject (380=3, unsupported message type). A client's own BusinessMessageReject is taken, and needs no
// answer.
func (d *Dictionary) Handles(msgType string) bool {
	switch msgType {
	case message.NewOrderSingle, message.OrderCancelRequest, message.OrderCancelReplaceRequest, message.OrderStatusRequest,
		message.OrderMassStatusRequest, message.OrderMassCancelRequest, message.MarketDataRequest,
		message.SecurityListRequest, message.SecurityStatusRequest, message.TradeCaptureReportRequest,
		message.BusinessMessageReject:
		return true
	}
	return message.IsAdmin(msgType)
}
