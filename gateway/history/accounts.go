package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// accountList reads an account's two lists, fills and the rest, as one in the order of events. A walk goes one way only.
type accountList struct {
	its [2]*pebble.Iterator // of tagFill and tagAccount
	ok  [2]bool
	at  int // the one whose turn it is; -1: none
}

const accountKey = 1 + 4 + 12 + 1

func listAccount(r pebble.Reader, acc wire.AccountID, lo, hi uint64) (*accountList, error) {
	l := &accountList{}
	for i, tag := range [...]byte{tagFill, tagAccount} {
		prefix := newKey(tag).account(acc)
		o := pebble.IterOptions{LowerBound: append(key(nil), prefix...).u64(lo), UpperBound: prefix.after()}
		if hi != 0 {
			o.UpperBound = append(key(nil), prefix...).u64(hi)
		}
		it, err := r.NewIter(&o)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.its[i] = it
	}
	return l, nil
}

// each moves both and picks the one whose turn it is.
func (l *accountList) each(move func(*pebble.Iterator) bool, backward bool) bool {
	for i, it := range l.its {
		l.ok[i] = move(it)
	}
	return l.pick(backward)
}

func (l *accountList) pick(backward bool) bool {
	switch {
	case l.ok[0] && l.ok[1]:
		l.at = 0
		if second := bytes.Compare(l.its[0].Key()[1:], l.its[1].Key()[1:]) > 0; second != backward {
			l.at = 1
		}
	case l.ok[0]:
		l.at = 0
	case l.ok[1]:
		l.at = 1
	default:
		l.at = -1
	}
	return l.at >= 0
}

// start moves to the first record behind from (nil: of all), in the direction of reading. From is a key of either list.
func (l *accountList) start(from []byte, oldest bool) bool {
	return l.each(func(it *pebble.Iterator) bool {
		if from == nil {
			return start(it, nil, oldest)
		}
		tag := byte(tagFill)
		if it == l.its[1] {
			tag = tagAccount
		}
		return start(it, append([]byte{tag}, from[1:]...), oldest)
	}, !oldest)
}

func (l *accountList) step(oldest bool) bool {
	l.ok[l.at] = step(l.its[l.at], oldest)
	return l.pick(!oldest)
}

// Key returns the current key as one of tagAccount, so that keys of both lists compare.
func (l *accountList) key(dst []byte) []byte {
	return append(append(dst[:0], tagAccount), l.its[l.at].Key()[1:]...)
}

func (l *accountList) value() []byte { return l.its[l.at].Value() }

func (l *accountList) err() error {
	return errors.Join(l.its[0].Error(), l.its[1].Error())
}

// Close closes both lists.
func (l *accountList) Close() error {
	var err error
	for _, it := range l.its {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	return err
}

// AccountEvents returns up to limit of the events that concern an account, oldest first, from behind an event on: its
// orders accepted, rejected, replaced and canceled, its trades, deposits and withdrawals, and what the venue's account
// takes in fees. Last is where to go on; more says that there is something to go on to: call again with last as after.
//
// An event of which the account has two parts, a trade with itself, is never cut in two: a page may be one longer. The
// error is ErrTrimmed where events behind after are no longer kept or were never there (a gap): begin anew at Start.
func (s *Store) AccountEvents(acc wire.AccountID, after EventID, limit int) (es []AccountEvent, last EventID, more bool, err error) {
	if limit < 1 {
		return nil, after, false, ErrLimit
	}
	snap, done, err := s.snapshot()
	if err != nil {
		return nil, after, false, err
	}
	defer done()
	if err := s.keeps(after); err != nil {
		return nil, after, false, err
	}
	l, err := listAccount(snap, acc, after.Seq, 0)
	if err != nil {
		return nil, after, false, fmt.Errorf("history: read: %w", err)
	}
	defer l.Close()
	last = after
	from := append(newKey(tagAccount).account(acc).event(after.Seq, after.Ord), 0xff)
	var k []byte
	for ok := l.start(from, true); ok; ok = l.step(true) {
		if k = l.key(k); len(k) != accountKey {
			return nil, after, false, fmt.Errorf("%w: key %x", ErrDamaged, k)
		}
		id := idIn(k)
		if len(es) >= limit && id != last {
			return es, last, true, nil
		}
		c, err := parseConcern(l.value())
		if err != nil {
			return nil, after, false, err
		}
		if c.carried {
			continue
		}
		e, err := eventAt(snap, k[5:17])
		if err != nil {
			return nil, after, false, err
		}
		es = append(es, accountEvent(e, k[17], &c))
		last = id
	}
	return es, last, false, l.err()
}

func accountEvent(e wire.Event, side byte, c *concern) AccountEvent {
	a := AccountEvent{Event: e, Order: c.terms, Balances: append([]BalanceAfter(nil), c.balances[:c.n]...)}
	if side != sideFees {
		a.Side = wire.Side(side)
	}
	return a
}

// idIn reads the event id in a key of an account's list.
func idIn(k []byte) EventID {
	return EventID{binary.BigEndian.Uint64(k[5:]), binary.BigEndian.Uint32(k[13:])}
}

// eventAt reads the event whose id the 12 bytes of id are.
func eventAt(r pebble.Reader, id []byte) (wire.Event, error) {
	v, closer, err := r.Get(append(newKey(tagEvent), id...))
	if err != nil {
		return wire.Event{}, fmt.Errorf("history: read event %x: %w", id, err)
	}
	defer closer.Close()
	return parseEvent(v)
}

// Balances returns what an account has of every asset that it has ever had, in the order of assets, after the event at:
// AccountEvents behind it go on from there. In a store that was upgraded from format 1 and has a gap, how a balance is
// divided may be an estimate until the next deposit or withdrawal of the asset: then it says so. Nothing is estimated any more
// after a start from a snapshot of exactly the store's position.
func (s *Store) Balances(acc wire.AccountID) (at EventID, bs []BalanceAfter, err error) {
	snap, done, err := s.snapshot()
	if err != nil {
		return EventID{}, nil, err
	}
	defer done()
	pos, err := positionIn(snap)
	if err != nil {
		return EventID{}, nil, err
	}
	bs, err = balancesIn(snap, acc)
	return EventID{pos.seq, pos.ord}, bs, err
}

func balancesIn(r pebble.Reader, acc wire.AccountID) (bs []BalanceAfter, err error) {
	prefix := newKey(tagBalance).account(acc)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return nil, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	bs = []BalanceAfter{}
	for it.First(); it.Valid(); it.Next() {
		b, err := parseBalance(it.Value())
		if err != nil {
			return nil, err
		}
		if len(it.Key()) != len(prefix)+4 {
			return nil, fmt.Errorf("%w: key of a balance", ErrDamaged)
		}
		bs = append(bs, b.after(wire.AssetID(binary.BigEndian.Uint32(it.Key()[len(prefix):]))))
	}
	return bs, it.Error()
}

func positionIn(r pebble.Reader) (pos position, err error) {
	v, ok, err := get(r, metaPosition)
	if ok {
		pos, err = parsePosition(v)
	}
	return pos, err
}
