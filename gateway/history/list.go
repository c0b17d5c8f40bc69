package history

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// listing describes one list: where its keys are, and how to read an item.
type listing[T any] struct {
	prefix key
	length int                                // of a key
	lo, hi uint64                             // of the u64 behind the prefix: lo ≤ it < hi. hi 0: no bound
	item   func(k, v []byte) (T, bool, error) // false: left out by the query
}

// walk goes over records in one direction.
type walk interface {
	start(from []byte, oldest bool) bool // to the first one behind from; nil: to the first one there is
	step(oldest bool) bool
	key(dst []byte) []byte
	value() []byte
	err() error
	Close() error
}

// page reads one page of a list.
func page[T any](r pebble.Reader, l listing[T], q *Query) (Page[T], error) {
	o := pebble.IterOptions{LowerBound: append(key(nil), l.prefix...).u64(l.lo), UpperBound: l.prefix.after()}
	if l.hi != 0 {
		o.UpperBound = append(key(nil), l.prefix...).u64(l.hi)
	}
	return pageOf(l, q, func() (walk, error) {
		it, err := r.NewIter(&o)
		return records{it}, err
	})
}

// pageOf reads one page of a list that is walked as open says.
func pageOf[T any](l listing[T], q *Query, open func() (walk, error)) (Page[T], error) {
	p := Page[T]{Items: []T{}, Next: q.Cursor}
	limit := q.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 1 || limit > MaxLimit {
		return p, ErrLimit
	}
	var from []byte
	if q.Cursor != "" {
		var err error
		if from, err = decodeCursor(q.Cursor, l.prefix, l.length, q.Oldest); err != nil {
			return p, err
		}
	}
	if l.hi != 0 && l.lo >= l.hi {
		return p, nil
	}
	w, err := open()
	if err != nil {
		return p, fmt.Errorf("history: read: %w", err)
	}
	defer w.Close()
	var k []byte
	for n, ok := 0, w.start(from, q.Oldest); ok; n, ok = n+1, w.step(q.Oldest) {
		if len(p.Items) == limit || n == scanBudget {
			p.More = true
			break
		}
		if k = w.key(k); len(k) != l.length {
			return p, fmt.Errorf("%w: key %x", ErrDamaged, k)
		}
		item, wanted, err := l.item(k, w.value())
		if err != nil {
			return p, err
		}
		if wanted {
			p.Items = append(p.Items, item)
		}
		from = append(from[:0], k...)
	}
	if err := w.err(); err != nil {
		return p, fmt.Errorf("history: read: %w", err)
	}
	if from != nil {
		p.Next = encodeCursor(from, q.Oldest)
	}
	return p, nil
}

// records walks over one iterator.
type records struct{ it *pebble.Iterator }

func (r records) start(from []byte, oldest bool) bool { return start(r.it, from, oldest) }
func (r records) step(oldest bool) bool               { return step(r.it, oldest) }
func (r records) key(dst []byte) []byte               { return append(dst[:0], r.it.Key()...) }
func (r records) value() []byte                       { return r.it.Value() }
func (r records) err() error                          { return r.it.Error() }
func (r records) Close() error                        { return r.it.Close() }

// start moves to the first key of a page: the one behind from, in the direction of reading.
func start(it *pebble.Iterator, from []byte, oldest bool) bool {
	switch {
	case oldest && from == nil:
		return it.First()
	case oldest:
		return it.SeekGE(append(append([]byte(nil), from...), 0))
	case from == nil:
		return it.Last()
	}
	return it.SeekLT(from)
}

func step(it *pebble.Iterator, oldest bool) bool {
	if oldest {
		return it.Next()
	}
	return it.Prev()
}

// firstAt returns the smallest number n such that nothing of the list from n on happened before t: times grow with the
// u64 behind the prefix. It is a binary search over the numbers.
func firstAt(r pebble.Reader, prefix key, t int64, timeOf func(k, v []byte) (int64, error)) (uint64, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return 0, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	number := func() uint64 { return binary.BigEndian.Uint64(it.Key()[len(prefix):]) }
	if !it.Last() {
		return math.MaxUint64, it.Error()
	}
	lo, hi := uint64(0), number()+1 // the answer is in [lo, hi]; hi: behind everything
	for lo < hi {
		mid := lo + (hi-lo)/2
		if !it.SeekGE(append(key(nil), prefix...).u64(mid)) {
			if err := it.Error(); err != nil {
				return 0, err
			}
			hi = mid
			continue
		}
		at, err := timeOf(it.Key(), it.Value())
		if err != nil {
			return 0, err
		}
		if at >= t {
			hi = mid
		} else {
			lo = number() + 1
		}
	}
	return lo, nil
}

// bounds turns a query's times into numbers of a list.
func bounds(r pebble.Reader, q *Query, prefix key, timeOf func(k, v []byte) (int64, error)) (lo, hi uint64, err error) {
	if q.FromNs > 0 {
		if lo, err = firstAt(r, prefix, q.FromNs, timeOf); err != nil {
			return 0, 0, err
		}
	}
	if q.ToNs > 0 {
		if hi, err = firstAt(r, prefix, q.ToNs, timeOf); err != nil {
			return 0, 0, err
		}
		hi = max(hi, 1) // 0 would mean no bound
	}
	if hi != 0 {
		lo = min(lo, hi)
	}
	return lo, hi, nil
}
