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

// page reads one page of a list.
func page[T any](s *Store, l listing[T], q *Query) (Page[T], error) {
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
	o := pebble.IterOptions{LowerBound: append(key(nil), l.prefix...).u64(l.lo), UpperBound: l.prefix.after()}
	if l.hi != 0 {
		o.UpperBound = append(key(nil), l.prefix...).u64(l.hi)
	}
	if l.hi != 0 && l.lo >= l.hi {
		return p, nil
	}
	it, err := s.db.NewIter(&o)
	if err != nil {
		return p, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	for n, ok := 0, start(it, from, q.Oldest); ok; n, ok = n+1, step(it, q.Oldest) {
		if len(p.Items) == limit || n == scanBudget {
			p.More = true
			break
		}
		k := it.Key()
		if len(k) != l.length {
			return p, fmt.Errorf("%w: key %x", ErrDamaged, k)
		}
		item, wanted, err := l.item(k, it.Value())
		if err != nil {
			return p, err
		}
		if wanted {
			p.Items = append(p.Items, item)
		}
		from = append(from[:0], k...)
	}
	if err := it.Error(); err != nil {
		return p, fmt.Errorf("history: read: %w", err)
	}
	if from != nil {
		p.Next = encodeCursor(from, q.Oldest)
	}
	return p, nil
}

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
func (s *Store) firstAt(prefix key, t int64, timeOf func(k, v []byte) (int64, error)) (uint64, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
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
func (s *Store) bounds(q *Query, prefix key, timeOf func(k, v []byte) (int64, error)) (lo, hi uint64, err error) {
	if q.FromNs > 0 {
		if lo, err = s.firstAt(prefix, q.FromNs, timeOf); err != nil {
			return 0, 0, err
		}
	}
	if q.ToNs > 0 {
		if hi, err = s.firstAt(prefix, q.ToNs, timeOf); err != nil {
			return 0, 0, err
		}
		hi = max(hi, 1) // 0 would mean no bound
	}
	if hi != 0 {
		lo = min(lo, hi)
	}
	return lo, hi, nil
}
