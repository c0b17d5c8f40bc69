package history

import (
	"encoding/binary"
	"fmt"

	"uncross/engine/wire"
)

// newOrder returns the place of an order that has no record yet.
func (w *writer) newOrder(id wire.OrderID) *Order {
	h := w.orders.Alloc()
	w.orderIndex.Put(uint64(id), h)
	c := w.orders.Mut(h)
	c.ID, c.dirty = id, true
	w.dirty = append(w.dirty, h)
	return &c.Order
}

// order returns an order's record for changing; it must exist.
func (w *writer) order(id wire.OrderID) (*Order, error) {
	o, ok, err := w.findOrder(id)
	if err == nil && !ok {
		err = fmt.Errorf("%w: order %d is not known", ErrDamaged, id)
	}
	return o, err
}

func (w *writer) findOrder(id wire.OrderID) (*Order, bool, error) {
	if h, ok := w.orderIndex.Get(uint64(id)); ok {
		c := w.orders.Mut(h)
		if !c.dirty {
			c.dirty = true
			w.dirty = append(w.dirty, h)
		}
		return &c.Order, true, nil
	}
	v, ok, err := w.s.get(w.key(tagOrder).u64(uint64(id)))
	if err != nil || !ok {
		return nil, false, err
	}
	known, err := parseOrder(id, v)
	if err != nil {
		return nil, false, err
	}
	o := w.newOrder(id)
	*o = known
	return o, true, nil
}

func (w *writer) balance(at accountAsset) (balance, error) {
	if b, ok := w.balances.get(at); ok {
		return b, nil
	}
	v, ok, err := w.s.get(w.key(tagBalance).account(at.account).u32(uint32(at.asset)))
	if err != nil {
		return balance{}, err
	}
	var b balance
	if ok {
		if b, err = parseBalance(v); err != nil {
			return b, err
		}
	}
	w.balances.learn(at, b)
	return b, nil
}

func (w *writer) number(acc wire.AccountID) (uint64, error) {
	if n, ok := w.numbers.get(acc); ok {
		return n, nil
	}
	v, ok, err := w.s.get(w.key(tagNumber).account(acc))
	if err != nil {
		return 0, err
	}
	var n uint64
	if ok {
		f := fields{b: v}
		n = f.u64()
		if err := f.err("number of the last ledger entry"); err != nil {
			return 0, err
		}
	}
	w.numbers.learn(acc, n)
	return n, nil
}

// flush adds every changed record to the batch and lets go of orders that have ended.
func (w *writer) flush() {
	for _, h := range w.dirty {
		c := w.orders.Mut(h)
		c.dirty = false
		w.set(w.key(tagOrder).u64(uint64(c.ID)), appendOrder(w.v[:0], &c.Order))
		if !c.Status.Open() {
			w.orderIndex.Delete(uint64(c.ID))
			w.orders.Free(h)
		}
	}
	w.dirty = w.dirty[:0]
	w.balances.flush(func(at accountAsset, b balance) {
		w.set(w.key(tagBalance).account(at.account).u32(uint32(at.asset)), b.append(w.v[:0]))
	})
	w.numbers.flush(func(acc wire.AccountID, n uint64) {
		w.set(w.key(tagNumber).account(acc), binary.LittleEndian.AppendUint64(w.v[:0], n))
	})
	w.candles.flush(w.setCandle)
}

// kept holds values by key, and which of them have changed since the last flush.
type kept[K comparable, V any] struct {
	m     map[K]keptValue[V]
	dirty []K
}

type keptValue[V any] struct {
	v     V
	dirty bool
}

func newKept[K comparable, V any]() kept[K, V] { return kept[K, V]{m: map[K]keptValue[V]{}} }

func (t *kept[K, V]) get(k K) (V, bool) {
	c, ok := t.m[k]
	return c.v, ok
}

// learn keeps a value that is on the disk.
func (t *kept[K, V]) learn(k K, v V) { t.m[k] = keptValue[V]{v: v} }

// change keeps a value that is to be written.
func (t *kept[K, V]) change(k K, v V) {
	if !t.m[k].dirty {
		t.dirty = append(t.dirty, k)
	}
	t.m[k] = keptValue[V]{v, true}
}

func (t *kept[K, V]) flush(write func(K, V)) {
	for _, k := range t.dirty {
		v := t.m[k].v
		write(k, v)
		t.learn(k, v)
	}
	t.dirty = t.dirty[:0]
}
