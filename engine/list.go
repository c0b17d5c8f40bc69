package engine

import "uncross/internal/slab"

// list is the head, tail and length of a list that is linked through a slab.
type list struct {
	head, tail slab.Handle
	n          uint32
}

// link is a record's place in a list.
type link struct{ prev, next slab.Handle }

// linked is a record that has a place in lists, which are told apart by a number.
type linked[T any] interface {
	*T
	in(which int) *link
}

// push puts a record at the tail.
func push[T any, P linked[T]](s *slab.Slab[T], l *list, which int, h slab.Handle) {
	*P(s.Mut(h)).in(which) = link{prev: l.tail}
	if l.tail != 0 {
		P(s.Mut(l.tail)).in(which).next = h
	} else {
		l.head = h
	}
	l.tail = h
	l.n++
}

// trail and lead are push in two walks over all records: trail goes over them in their order, then lead from the last to the
// first. Where a push writes into the record before, which may lie anywhere and would have to be waited for, they write into
// the one record only.
func trail[T any, P linked[T]](l *list, which int, r P, h slab.Handle) {
	r.in(which).prev = l.tail
	l.tail = h
	l.n++
}

func lead[T any, P linked[T]](l *list, which int, r P, h slab.Handle) {
	r.in(which).next = l.head
	l.head = h
}

// unlink takes a record out.
func unlink[T any, P linked[T]](s *slab.Slab[T], l *list, which int, h slab.Handle) {
	at := *P(s.At(h)).in(which)
	if at.prev != 0 {
		P(s.Mut(at.prev)).in(which).next = at.next
	} else {
		l.head = at.next
	}
	if at.next != 0 {
		P(s.Mut(at.next)).in(which).prev = at.prev
	} else {
		l.tail = at.prev
	}
	l.n--
}
