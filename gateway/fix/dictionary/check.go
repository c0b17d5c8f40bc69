package dictionary

import (
	"strconv"

	"uncross/gateway/fix/message"
)

// Check returns the message's first fault by the order in the package comment, nil when it has none. Of a message whose
// type is the standard's but not in the file, only what can be said without knowing its fields is checked.
func (d *Dictionary) Check(m *message.Message) *Violation {
	bodyAt, trailerAt, misplaced := d.parts(m.Fields)
	if misplaced >= 0 {
		return NewViolation(OutOfOrder, m.Fields[misplaced].Tag)
	}
	body, known := d.messages[m.Type()]
	if !known {
		return NewViolation(InvalidMsgType, 0)
	}
	// One walk over everything; what it finds counts only if no required field is missing.
	h := walk{d: d, rest: m.Fields[:bodyAt]}
	h.top(d.header)
	t := walk{d: d, rest: m.Fields[trailerAt:]}
	t.top(d.trailer)
	b := walk{d: d, rest: m.Fields[bodyAt:trailerAt]}
	if body == nil {
		b.loose()
	} else {
		b.top(body)
	}
	for _, part := range [...]struct {
		w *walk
		b *block
	}{{&h, d.header}, {&t, d.trailer}, {&b, body}} {
		if tag := part.w.missing(part.b); tag != 0 {
			return NewViolation(RequiredMissing, tag)
		}
	}
	for _, w := range [...]*walk{&h, &t, &b} {
		if w.faulty {
			return NewViolation(w.reason, w.tag)
		}
	}
	return nil
}

// parts returns where the body and the trailer begin, and the field that is not in its part, -1 when all are.
func (d *Dictionary) parts(fields []message.Field) (bodyAt, trailerAt, misplaced int) {
	bodyAt, trailerAt = len(fields), len(fields)
	at := inHeader
	for i := range fields {
		switch p := d.tags[d.index(fields[i].Tag)].place; {
		case p == at:
		case p == inHeader, at == inTrailer:
			return 0, 0, i
		default:
			if at == inHeader {
				bodyAt = i
			}
			if p == inTrailer {
				trailerAt = i
			}
			at = p
		}
	}
	return bodyAt, trailerAt, -1
}

// walk goes through one part of a message and keeps the first fault.
type walk struct {
	d      *Dictionary
	rest   []message.Field // not yet looked at
	seen   tagSet
	faulty bool
	reason int
	tag    int
}

// tagSet has room for the index of every tag of the standard and for some of our own; see TestOwnTagsFit.
type tagSet [(lastStandardTag + 64) / 64]uint64

// mark adds an index and reports whether it was there before.
func (s *tagSet) mark(i int) (before bool) {
	before = s.has(i)
	s[i/64] |= 1 << (i % 64)
	return before
}

func (s *tagSet) has(i int) bool { return s[i/64]>>(i%64)&1 == 1 }

func (w *walk) fault(reason, tag int) {
	if !w.faulty {
		w.faulty, w.reason, w.tag = true, reason, tag
	}
}

// top walks through the fields of a block that is not a group's.
func (w *walk) top(b *block) {
	for len(w.rest) > 0 {
		f := &w.rest[0]
		i := w.d.index(f.Tag)
		if i != 0 && w.seen.mark(i) {
			w.fault(AppearsTwice, f.Tag)
		}
		w.value(f, i)
		at := b.find(w.d, f.Tag)
		if at < 0 {
			w.fault(NotForThisType, f.Tag)
		}
		w.rest = w.rest[1:]
		if at >= 0 && b.slots[at].group != nil {
			w.group(f, b.slots[at].group, b)
		}
	}
}

// loose looks at values only.
func (w *walk) loose() {
	for ; len(w.rest) > 0; w.rest = w.rest[1:] {
		w.value(&w.rest[0], w.d.index(w.rest[0].Tag))
	}
}

// value checks a field on its own; i is its tag's index.
func (w *walk) value(f *message.Field, i int) {
	rule := &w.d.tags[i]
	switch {
	case len(f.Value) == 0:
		w.fault(NoValue, f.Tag)
	case !rule.kind.fits(f.Value):
		w.fault(IncorrectFormat, f.Tag)
	case !rule.allows(f.Value):
		w.fault(ValueIncorrect, f.Tag)
	case i == 0:
		w.fault(InvalidTag, f.Tag)
	case message.DataTag(f.Tag) != 0:
		w.length(f)
	}
}

// length checks that a length field is followed by data of that length.
func (w *walk) length(f *message.Field) {
	n, err := strconv.Atoi(string(f.Value))
	if err != nil || len(w.rest) < 2 || w.rest[1].Tag != message.DataTag(f.Tag) || len(w.rest[1].Value) != n {
		w.fault(IncorrectFormat, f.Tag)
	}
}

// group walks through a group's entries up to the first field that is not the group's. outer is the block that the
// counter is in: a field that both have ends the group when it can not continue an entry.
func (w *walk) group(counter *message.Field, g, outer *block) {
	entries, last := 0, -1
	for len(w.rest) > 0 {
		f := &w.rest[0]
		at := g.find(w.d, f.Tag)
		if at < 0 || at > 0 && (last < 0 || at <= last) && outer.find(w.d, f.Tag) >= 0 {
			break
		}
		switch {
		case at == 0:
			w.entryEnds(g, last)
			entries++
			last = -1
		case last < 0: // an entry must begin with the group's first field
			w.fault(GroupOutOfOrder, f.Tag)
			entries++
		case at <= last:
			w.fault(GroupOutOfOrder, f.Tag)
		}
		w.value(f, w.d.index(f.Tag))
		if missed := g.next[last+1]; missed < at {
			w.fault(RequiredMissing, g.slots[missed].tag)
		}
		last = at
		w.rest = w.rest[1:]
		if inner := g.slots[at].group; inner != nil {
			w.group(f, inner, g)
		}
	}
	w.entryEnds(g, last)
	if n, err := strconv.Atoi(string(counter.Value)); err != nil || n != entries {
		w.fault(GroupCountMistake, counter.Tag)
	}
}

// entryEnds checks that no required field is left out behind slot last; -1: there was no entry.
func (w *walk) entryEnds(g *block, last int) {
	if last < 0 {
		return
	}
	if missed := g.next[last+1]; missed < len(g.slots) {
		w.fault(RequiredMissing, g.slots[missed].tag)
	}
}

// missing returns the first required tag of a block that was not seen, 0 when all were.
func (w *walk) missing(b *block) int {
	if b == nil {
		return 0
	}
	for _, i := range b.required {
		if tag := b.slots[i].tag; !w.seen.has(w.d.index(tag)) {
			return tag
		}
	}
	return 0
}
