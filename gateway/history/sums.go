package history

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// sumsEvery is how many ledger entries of an account lie between two records of its totals: what a statement has to read
// at most before the period that it is about.
const sumsEvery = 1024

// totals is what an account owns of each asset that it has something of.
type totals map[wire.AssetID]wire.Amount

func (t totals) set(asset wire.AssetID, a wire.Amount) {
	if a.IsZero() {
		delete(t, asset)
	} else {
		t[asset] = a
	}
}

func (t totals) append(v []byte) []byte {
	for _, asset := range t.assets() {
		v = binary.AppendUvarint(v, uint64(asset))
		v = appendShort(v, t[asset])
	}
	return v
}

func (t totals) assets() []wire.AssetID {
	ids := make([]wire.AssetID, 0, len(t))
	for asset := range t {
		ids = append(ids, asset)
	}
	slices.Sort(ids)
	return ids
}

func parseTotals(v []byte) (totals, error) {
	t := totals{}
	f := fields{b: v}
	for len(f.b) > 0 && !f.bad {
		asset := wire.AssetID(f.uvarint())
		t[asset] = f.short()
	}
	return t, f.err("totals")
}

// sums records an account's totals behind its ledger entry of a number.
func (w *writer) sums(acc wire.AccountID, number uint64) error {
	stored, err := balancesIn(w.s.db, acc)
	if err != nil {
		return err
	}
	t := totals{}
	for _, b := range stored {
		t.set(b.Asset, b.Available.MustAdd(b.Held))
	}
	for _, at := range w.balances.dirty {
		if at.account == acc {
			b, _ := w.balances.get(at)
			t.set(at.asset, b.total())
		}
	}
	w.set(w.key(tagSums).account(acc).u64(number), t.append(w.v[:0]))
	return nil
}

// totalsBefore returns an account's totals before its ledger entry of a number: the latest record of them, and the
// entries between.
func totalsBefore(r pebble.Reader, acc wire.AccountID, number uint64) (totals, error) {
	at, t, err := sumsBefore(r, acc, number)
	if err != nil {
		return nil, err
	}
	prefix := newKey(tagLedger).account(acc)
	lower := append(key(nil), prefix...).u64(at + 1)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: append(key(nil), prefix...).u64(number)})
	if err != nil {
		return nil, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	next := at + 1
	for it.First(); it.Valid(); it.Next() {
		e, err := entryIn(acc, it.Key(), it.Value())
		if err != nil {
			return nil, err
		}
		if e.Number != next {
			break
		}
		t.set(e.Asset, e.Total)
		next++
	}
	if next < number && it.Error() == nil {
		return nil, fmt.Errorf("%w: ledger entry %d of account %d is missing", ErrDamaged, next, acc)
	}
	return t, it.Error()
}

// sumsBefore returns the latest record of an account's totals that is behind none of its entries from a number on, and
// the number of the entry that it is behind.
func sumsBefore(r pebble.Reader, acc wire.AccountID, number uint64) (at uint64, t totals, err error) {
	prefix := newKey(tagSums).account(acc)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: append(key(nil), prefix...).u64(number)})
	if err != nil {
		return 0, nil, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	if !it.Last() {
		return 0, totals{}, it.Error()
	}
	if len(it.Key()) != len(prefix)+8 {
		return 0, nil, fmt.Errorf("%w: key of totals", ErrDamaged)
	}
	t, err = parseTotals(it.Value())
	return numberIn(it.Key()), t, err
}

// entryIn reads a ledger entry.
func entryIn(acc wire.AccountID, k, v []byte) (Entry, error) {
	if len(k) != 1+4+8 {
		return Entry{}, fmt.Errorf("%w: key %x", ErrDamaged, k)
	}
	return parseEntry(acc, numberIn(k), v)
}
