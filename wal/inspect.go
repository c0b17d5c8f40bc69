package wal

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// contents is what a complete check of a store found.
type contents struct {
	st     state
	stable map[string][]byte
	sizes  []uint32 // of the records, from st.first on

	visiting bool // a visitor is running: its panics are its own
}

// visitor sees every sound record in order. raw and rec's slices are valid during the call.
type visitor func(rec *record, raw []byte) error

// openReadOnly opens the Pebble database in dir without changing a byte.
// Damage that makes Pebble panic comes back as an error.
func openReadOnly(dir string, fs vfs.FS) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it gave up: %v", p)
		}
	}()
	// Without a listener, damage found while reading would go to Fatalf; it comes back as an error anyway.
	events := &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	o := pebbleOptions(readOnlyFS{fs}, quietLogger{}, events)
	o.ReadOnly = true
	return pebble.Open(dir, o)
}

// quietLogger is for reading: errors come back as errors.
type quietLogger struct{}

func (quietLogger) Infof(string, ...any)  {}
func (quietLogger) Errorf(string, ...any) {}
func (quietLogger) Fatalf(format string, args ...any) {
	panic(pebbleError(format, args))
}

// inspect checks the whole database, read-only: identity, state, stable
// values, every record's checksum, chain and place, and the tripwires. There are none
// when the operator gave them up. What it returns besides damage is as far as it came.
func inspect(p *Place, id *identity, trips []*tripwire, visit visitor) (*contents, error) {
	c, err := inspectDB(p.pebble(), p.FS, id, visit)
	for _, t := range trips {
		if err == nil {
			err = checkTripwire(&c.st, id, t)
		}
	}
	var d *Damage
	if errors.As(err, &d) {
		d.locate(p.FS, p.pebble())
	}
	return c, err
}

func inspectDB(dir string, fs vfs.FS, id *identity, visit visitor) (c *contents, err error) {
	c = &contents{stable: map[string][]byte{}}
	defer func() {
		if c.visiting {
			return
		}
		if p := recover(); p != nil {
			err = pebbleDamage(0, fmt.Errorf("it gave up: %v", p))
		}
	}()
	db, err := openReadOnly(dir, fs)
	if err != nil {
		return c, pebbleDamage(0, err)
	}
	defer func() {
		if cerr := db.Close(); err == nil {
			err = cerr
		}
	}()
	if err := checkIdentity(db, id); err != nil {
		return c, err
	}
	if c.st, err = readState(db); err != nil {
		return c, err
	}
	if err := c.scanStable(db); err != nil {
		return c, err
	}
	return c, c.scanLog(db, visit)
}

// get is db.Get with a copied value; nil if there is none.
func get(db *pebble.DB, key []byte) ([]byte, error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b := bytes.Clone(v)
	return b, closer.Close()
}

func checkIdentity(db *pebble.DB, want *identity) error {
	b, err := get(db, keyIdentity)
	if err != nil {
		return pebbleDamage(0, err)
	}
	if b == nil {
		return damagef(0, 0, "the Pebble database holds no identity of a log store: it is another program's, or its oldest files are gone")
	}
	got, err := decodeIdentity(b)
	if errors.Is(err, errNewer) {
		return err
	}
	if err != nil {
		return damagef(0, 0, "in the Pebble database: %v", err)
	}
	if got != *want {
		d := damagef(0, 0, "the log belongs to store %s of cluster %q, its tripwire to store %s of cluster %q: files of two stores were mixed, or another log was put in the place of the tripwire's",
			got.storeID(), got.cluster, want.storeID(), want.cluster)
		d.Advice = adviceMixed
		return d
	}
	return nil
}

func readState(db *pebble.DB) (state, error) {
	b, err := get(db, keyState)
	if err != nil {
		return state{}, pebbleDamage(0, err)
	}
	if b == nil {
		return state{}, damagef(0, 0, "the state record is missing")
	}
	s, err := decodeState(b)
	if err != nil {
		return s, damagef(0, 0, "%v", err)
	}
	return s, nil
}

func (c *contents) scanStable(db *pebble.DB) (err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixStable}, UpperBound: []byte{prefixStable + 1}})
	if err != nil {
		return pebbleDamage(0, err)
	}
	defer closeIter(it, &err)
	return c.readStable(it)
}

func (c *contents) readStable(it *pebble.Iterator) error {
	var digest uint64
	for ok := it.First(); ok; ok = it.Next() {
		b, err := it.ValueAndErr()
		if err != nil {
			return pebbleDamage(0, err)
		}
		val, err := decodeStable(it.Key(), b)
		if err != nil {
			return damagef(0, 0, "%v", err)
		}
		key := string(it.Key()[1:])
		c.stable[key] = bytes.Clone(val)
		digest += stableHash(key, val)
	}
	if err := it.Error(); err != nil {
		return pebbleDamage(0, err)
	}
	if digest != c.st.stable {
		return damagef(0, 0, "raft's stable values (term and vote) are not the ones written last: one is missing or old")
	}
	return nil
}

// closeIter reports damage found at closing, if none was before.
func closeIter(it *pebble.Iterator, err *error) {
	if cerr := it.Close(); *err == nil && cerr != nil {
		*err = pebbleDamage(0, cerr)
	}
}

func (c *contents) scanLog(db *pebble.DB, visit visitor) (err error) {
	lower, upper := logBounds()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return pebbleDamage(0, err)
	}
	defer closeIter(it, &err)
	return c.readLog(it, visit)
}

func (c *contents) readLog(it *pebble.Iterator, visit visitor) error {
	w := walker{next: c.st.first, first: c.st.first, hash: c.st.baseHash}
	var total uint64
	for ok := it.First(); ok; ok = it.Next() {
		raw, err := it.ValueAndErr()
		if err != nil {
			return pebbleDamage(w.lastGood(), err)
		}
		if c.st.empty() {
			return damagef(0, 0, "the log should be empty, but holds the key %x", it.Key())
		}
		rec, err := w.step(it.Key(), raw)
		if err != nil {
			return err
		}
		c.sizes = append(c.sizes, uint32(len(raw)))
		total += uint64(len(raw))
		if visit != nil {
			c.visiting = true
			err := visit(&rec, raw)
			c.visiting = false
			if err != nil {
				return err
			}
		}
	}
	if err := it.Error(); err != nil {
		return pebbleDamage(w.lastGood(), err)
	}
	return c.checkEnd(&w, total)
}

// checkEnd compares where the records end with the state.
func (c *contents) checkEnd(w *walker, total uint64) error {
	switch {
	case c.st.empty():
		return nil
	case w.lastGood() < c.st.last:
		return damagef(w.next, w.lastGood(), "records %d to %d are missing", w.next, c.st.last)
	case w.lastGood() > c.st.last:
		return damagef(c.st.last+1, c.st.last, "there are records after the last one, up to %d", w.lastGood())
	case w.hash != c.st.lastHash || total != c.st.bytes:
		return damagef(c.st.last, 0, "the log's hash or size is not the one in the state record")
	}
	return nil
}

// walker checks records one after the other.
type walker struct {
	next, first uint64 // index expected next; of the first record
	hash        uint64 // of the record before it
}

// lastGood is the last index checked; 0 if none.
func (w *walker) lastGood() uint64 {
	if w.next == w.first {
		return 0
	}
	return w.next - 1
}

func (w *walker) step(key, raw []byte) (record, error) {
	index, ok := logIndex(key)
	switch {
	case !ok:
		return record{}, damagef(0, w.lastGood(), "there is a key that is no log key: %x", key)
	case index < w.next:
		return record{}, damagef(index, 0, "there is a record before the first index %d", w.first)
	case index > w.next:
		return record{}, damagef(w.next, w.lastGood(), "records %d to %d are missing", w.next, index-1)
	}
	rec, err := decodeRecord(raw)
	switch {
	case err != nil:
		return rec, damagef(index, w.lastGood(), "%v", err)
	case rec.index != index:
		return rec, damagef(index, w.lastGood(), "the record is the one of index %d", rec.index)
	case rec.prev != w.hash:
		return rec, damagef(index, w.lastGood(), "the hash chain is broken: this record does not follow the one before it")
	}
	w.hash = chainHash(raw)
	w.next++
	return rec, nil
}

// checkTripwire compares the state found in Pebble with the one that was durable.
func checkTripwire(st *state, id *identity, trip *tripwire) error {
	t, ok := trip.newest()
	switch {
	case trip.id != *id:
		return damagef(0, 0, "there are tripwire files of two stores, one of store %s in %s", trip.id.storeID(), trip.path)
	case !ok:
		d := damagef(0, 0, "both blocks of the tripwire file are damaged, so it cannot be told whether the newest writes are still there")
		d.Advice = adviceTripwire
		return d
	case st.seq < t.seq:
		d := damagef(0, st.last, "the log ends at index %d (write %d), but index %d (write %d) was durable: the newest writes are gone",
			st.last, st.seq, t.last, t.seq)
		d.cause = errLostTail
		return d
	case st.seq == t.seq && *st != t:
		return damagef(0, 0, "write %d is another one in the tripwire file than in Pebble (last index %d there, %d here): files of two times were mixed",
			st.seq, t.last, st.last)
	}
	return nil
}
