package history

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
	"uncross/gateway/candles"
)

// trimLost removes the orders that ended inside the last gap, once everything before the gap's end is gone: no event will
// ever tell of their end.
func (s *Store) trimLost(ctx context.Context) error {
	from := s.from.Load()
	if from == 1 || s.trim.lost == from || s.gone.Load().id.Seq < from {
		return nil
	}
	for next := wire.OrderID(0); ; {
		p := &pruning{s: s, b: s.db.NewBatch()}
		more, err := p.lost(&next)
		if err == nil && !p.b.Empty() {
			err = p.write()
		}
		p.b.Close()
		if err != nil {
			return err
		}
		if !more {
			s.trim.lost = from
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// lost looks at some orders from one on.
func (p *pruning) lost(next *wire.OrderID) (more bool, err error) {
	it, err := p.s.db.NewIter(&pebble.IterOptions{LowerBound: newKey(tagOrder).u64(uint64(*next)), UpperBound: newKey(tagOrder).after()})
	if err != nil {
		return false, fmt.Errorf("history: trim: %w", err)
	}
	defer it.Close()
	ok := it.First()
	for n := 0; ok && n < trimEvents; n, ok = n+1, it.Next() {
		o, err := p.s.parseOrder(wire.OrderID(binary.BigEndian.Uint64(it.Key()[1:])), it.Value())
		if err != nil {
			return false, err
		}
		if o.Lost {
			p.order(&o)
		}
		*next = o.ID + 1
	}
	return ok, it.Error()
}

// trimCandles removes candles that are too old: those below a minute with the trades, the others by their own age.
func (s *Store) trimCandles(ctx context.Context) error {
	fine, coarse := s.gone.Load().timeNs, int64(0)
	if age := s.o.Retain.Candles; age > 0 {
		coarse = s.now.Load() - int64(age)
	}
	if s.trim.fine == fine && s.trim.coarse == coarse {
		return nil
	}
	ids, err := s.instruments()
	if err != nil {
		return err
	}
	for _, in := range ids {
		for _, iv := range candles.Intervals() {
			before := fine
			if iv >= candles.M1 {
				before = coarse
			}
			if before <= 0 {
				continue
			}
			if err := s.trimCandlesOf(in, iv, iv.Start(before)); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	s.trim.fine, s.trim.coarse = fine, coarse
	return nil
}

// trimCandlesOf removes an instrument's candles of an interval that begin before a time, if there are any.
func (s *Store) trimCandlesOf(in wire.InstrumentID, iv candles.Interval, before int64) error {
	from, to := candleKey(newKey(tagCandle), in, iv), candleKey(newKey(tagCandle), in, iv).u64(uint64(before))
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("history: trim: %w", err)
	}
	some := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil || !some {
		return err
	}
	return s.base.Guard(func() error { return s.db.DeleteRange(from, to, pebble.NoSync) })
}

func (s *Store) instruments() (ids []wire.InstrumentID, err error) {
	prefix := newKey(tagInstrument)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefix.after()})
	if err != nil {
		return nil, fmt.Errorf("history: trim: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if len(it.Key()) != 5 {
			return nil, fmt.Errorf("%w: key %x", ErrDamaged, it.Key())
		}
		ids = append(ids, wire.InstrumentID(binary.BigEndian.Uint32(it.Key()[1:])))
	}
	return ids, it.Error()
}
