package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

func be32(b []byte) uint32           { return binary.BigEndian.Uint32(b) }
func le32(b []byte, n uint32) []byte { return binary.LittleEndian.AppendUint32(b, n) }

// Session returns a session's numbers and messages; market data sessions have none.
func (s *Store) Session(id wire.SessionID) (*Session, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	x := s.w.numbered(id)
	return x, x != nil
}

// readStored reads messages that are not in memory any more. to is where the tail began: everything below it is written.
func (s *Store) readStored(x *Session, epoch uint32, from, to uint64, dst []Entry, room int) ([]Entry, error) {
	done, err := s.base.Use()
	if err != nil {
		return dst, err
	}
	defer done()
	key := func(n uint64) key { return newKey(tagMessage).message(x.id, epoch, n) }
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: key(0), UpperBound: key(to)})
	if err != nil {
		return dst, fmt.Errorf("outbox: read: %w", err)
	}
	dst, err = collect(it, it.SeekLT(key(from+1)), from, to, dst, room)
	if closing := it.Close(); err == nil && closing != nil {
		err = fmt.Errorf("outbox: read: %w", closing)
	}
	if x.Numbers().Epoch != epoch { // they started again while this was reading
		return dst[:0], ErrEpoch
	}
	return dst, err
}

// collect reads entries that cover the numbers from one on; ok: the iterator is at the last entry at or before it. Where nothing is stored at or before it, what was there has
// been dropped as too old, and a local entry stands for it. A hole anywhere else is damage.
func collect(it *pebble.Iterator, ok bool, from, to uint64, dst []Entry, room int) ([]Entry, error) {
	older := ok
	if !ok {
		ok = it.First()
	}
	for next := from; next < to && len(dst) < room; ok = it.Next() {
		if !ok {
			if it.Error() != nil {
				return dst, fmt.Errorf("outbox: read: %w", it.Error())
			}
			return appendDropped(dst, next, to, older)
		}
		e, err := readEntry(it)
		if err != nil {
			return dst, err
		}
		if e.Number > next {
			if dst, err = appendDropped(dst, next, e.Number, older); err != nil || len(dst) >= room {
				return dst, err
			}
			next = e.Number
		}
		older = true
		if e.End() <= next {
			continue // the one that was looked for lies behind it
		}
		dst = append(dst, e.from(next))
		next = e.End()
	}
	return dst, nil
}

func readEntry(it *pebble.Iterator) (Entry, error) {
	v, err := it.ValueAndErr()
	if err != nil {
		return Entry{}, fmt.Errorf("outbox: read: %w", err)
	}
	k := it.Key()
	if len(k) != messageKeySize {
		return Entry{}, fmt.Errorf("%w: key of a message", ErrDamaged)
	}
	return parseEntry(binary.BigEndian.Uint64(k[messageKeySize-8:]), bytes.Clone(v))
}

// appendDropped stands for the messages of a range of numbers that are not kept any more.
func appendDropped(dst []Entry, from, to uint64, older bool) ([]Entry, error) {
	if older {
		return dst, fmt.Errorf("%w: the messages from number %d to %d are not there", ErrDamaged, from, to-1)
	}
	return append(dst, Entry{Number: from, Count: uint32(min(to-from, math.MaxUint32)), Local: true}), nil
}

// Gaps returns every run of commands that the store has nothing of, oldest first.
func (s *Store) Gaps() ([]Gap, error) {
	done, err := s.base.Use()
	if err != nil {
		return nil, err
	}
	defer done()
	var gaps []Gap
	err = s.scan(tagGap, 9, func(k, v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("%w: gap", ErrDamaged)
		}
		gaps = append(gaps, Gap{binary.BigEndian.Uint64(k[1:]), binary.LittleEndian.Uint64(v)})
		return nil
	})
	return gaps, err
}

// scan gives every record of a tag, whose keys have one length, in order.
func (s *Store) scan(tag byte, length int, each func(k, v []byte) error) error {
	prefix := newKey(tag)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return fmt.Errorf("outbox: read: %w", err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var v []byte
		if v, err = it.ValueAndErr(); err == nil {
			if len(it.Key()) != length {
				err = fmt.Errorf("%w: key of tag %c", ErrDamaged, tag)
			} else {
				err = each(it.Key(), v)
			}
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

// get returns a copy of a value.
func (s *Store) get(k key) ([]byte, bool, error) { return get(s.db, k) }

func get(r pebble.Reader, k key) ([]byte, bool, error) {
	v, closer, err := r.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("outbox: read: %w", err)
	}
	v = append([]byte(nil), v...)
	return v, true, closer.Close()
}
