package history

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"uncross/engine/wire"
)

// Statement is an account's ledger over a period. It adds up: of every asset, Opening plus what came in less what went out is
// Closing, to the smallest unit.
type Statement struct {
	Account wire.AccountID
	FromNs  int64 // the first time that is in it
	ToNs    int64 // the first one that is not; 0: the end
	// Position is the last command that is in it, where the period is not over before.
	Position uint64
	Entries  uint64
	Assets   []StatementAsset // in the order of assets: those that the account owned something of, or had entries in
}

// StatementAsset is what a statement says of one asset, in its smallest units.
type StatementAsset struct {
	Asset            wire.AssetID
	Opening, Closing wire.Amount
	Kinds            []KindTotal // in the order of kinds: those with entries
}

// KindTotal adds up the entries of one kind.
type KindTotal struct {
	Kind    EntryKind
	In, Out wire.Amount
	Entries uint64
}

// Statement draws up an account's statement of the time from fromNs (0: the beginning) until before toNs (0: the end), in
// nanoseconds since the Unix epoch. Before the first entry begin is called with the openings filled in, and then entry with
// every entry in order; either may be nil, and an error of theirs ends it. Its memory does not grow with the entries.
//
// The error is ErrTrimmed where the period begins before what is kept of the account, and ErrPeriod where it ends before it
// begins, or moves more of an asset than 128 bits can count. What happened in a gap is one entry of the kind Carry for each asset.
func (s *Store) Statement(acc wire.AccountID, fromNs, toNs int64, begin func(*Statement) error, entry func(*Entry) error) (*Statement, error) {
	if toNs != 0 && toNs < fromNs {
		return nil, fmt.Errorf("%w: it ends before it begins", ErrPeriod)
	}
	snap, done, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	defer done()
	st := &Statement{Account: acc, FromNs: fromNs, ToNs: toNs}
	pos, err := positionIn(snap)
	if err != nil {
		return nil, err
	}
	st.Position = pos.whole()
	first, err := firstEntry(snap, acc, fromNs)
	if err != nil {
		return nil, err
	}
	t, err := totalsBefore(snap, acc, first)
	if err != nil {
		return nil, err
	}
	for _, asset := range t.assets() {
		st.Assets = append(st.Assets, StatementAsset{Asset: asset, Opening: t[asset], Closing: t[asset]})
	}
	if begin != nil {
		if err := begin(st); err != nil {
			return nil, err
		}
	}
	return st, st.add(snap, first, entry)
}

// firstEntry returns the number of the account's first ledger entry of a time or later, which may be one that is yet to come.
func firstEntry(r pebble.Reader, acc wire.AccountID, fromNs int64) (uint64, error) {
	last, err := lastNumber(r, acc)
	if err != nil || last == 0 {
		return 1, err
	}
	g, err := edgeIn(r)
	if err != nil {
		return 0, err
	}
	if fromNs <= g.timeNs && g != (edge{}) {
		_, whole, err := get(r, newKey(tagLedger).account(acc).u64(1))
		if err != nil {
			return 0, err
		}
		if !whole {
			return 0, fmt.Errorf("%w: account %d is from time %d on", ErrTrimmed, acc, g.timeNs+1)
		}
	}
	if fromNs <= 0 {
		return 1, nil
	}
	n, err := firstAt(r, newKey(tagLedger).account(acc), fromNs, func(k, v []byte) (int64, error) {
		e, err := entryIn(acc, k, v)
		return e.TimeNs, err
	})
	if err != nil {
		return 0, err
	}
	return nextEntry(r, acc, n, last)
}

// nextEntry returns the number of the account's first ledger entry with the number n or a greater one that is there.
func nextEntry(r pebble.Reader, acc wire.AccountID, n, last uint64) (uint64, error) {
	prefix := newKey(tagLedger).account(acc)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: append(key(nil), prefix...).u64(n), UpperBound: prefix.after()})
	if err != nil {
		return 0, fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	if !it.First() {
		return last + 1, it.Error()
	}
	return numberIn(it.Key()), nil
}

// lastNumber returns the number of an account's last ledger entry, 0 where it has none.
func lastNumber(r pebble.Reader, acc wire.AccountID) (n uint64, err error) {
	v, ok, err := get(r, newKey(tagNumber).account(acc))
	if err != nil || !ok {
		return 0, err
	}
	f := fields{b: v}
	n = f.u64()
	return n, f.err("number of the last ledger entry")
}

// add goes through the entries of the period.
func (st *Statement) add(r pebble.Reader, first uint64, give func(*Entry) error) error {
	prefix := newKey(tagLedger).account(st.Account)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: append(key(nil), prefix...).u64(first), UpperBound: prefix.after()})
	if err != nil {
		return fmt.Errorf("history: read: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		e, err := entryIn(st.Account, it.Key(), it.Value())
		if err != nil {
			return err
		}
		if st.ToNs != 0 && e.TimeNs >= st.ToNs {
			break
		}
		if err := st.enter(&e); err != nil {
			return err
		}
		if give == nil {
			continue
		}
		if err := give(&e); err != nil {
			return err
		}
	}
	return it.Error()
}

// enter takes one entry in, which must fit the one before it.
func (st *Statement) enter(e *Entry) error {
	i, ok := slices.BinarySearchFunc(st.Assets, e.Asset, func(a StatementAsset, id wire.AssetID) int { return int(a.Asset) - int(id) })
	if !ok {
		st.Assets = slices.Insert(st.Assets, i, StatementAsset{Asset: e.Asset})
	}
	a := &st.Assets[i]
	k, fits := a.kind(e.Kind), false
	if e.Negative {
		a.Closing, ok = a.Closing.Sub(e.Amount)
		k.Out, fits = k.Out.Add(e.Amount)
	} else {
		a.Closing, ok = a.Closing.Add(e.Amount)
		k.In, fits = k.In.Add(e.Amount)
	}
	if !fits {
		return fmt.Errorf("%w: the entries of asset %d add up to more than can be counted", ErrPeriod, e.Asset)
	}
	if !ok || a.Closing != e.Total {
		return fmt.Errorf("%w: ledger entry %d of account %d does not add up", ErrDamaged, e.Number, e.Account)
	}
	k.Entries++
	st.Entries++
	return nil
}

func (a *StatementAsset) kind(kind EntryKind) *KindTotal {
	i, ok := slices.BinarySearchFunc(a.Kinds, kind, func(k KindTotal, kind EntryKind) int { return int(k.Kind) - int(kind) })
	if !ok {
		a.Kinds = slices.Insert(a.Kinds, i, KindTotal{Kind: kind})
	}
	return &a.Kinds[i]
}

// numberIn reads the number in a key that has it behind the account.
func numberIn(k []byte) uint64 { return binary.BigEndian.Uint64(k[5:]) }
