package history

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Report is what Verify found in a store.
type Report struct {
	Records  uint64 // of all kinds
	Position uint64 // last whole command stored
}

// Verify reads every record of the store in dir, with the checksums of all tables, and changes nothing. The store must not
// be in use. The error says what is damaged (ErrDamaged), or that this is no store; a directory that is not there is an
// empty store, as Open takes it.
func Verify(dir string, fs vfs.FS) (r Report, err error) {
	if fs == nil {
		fs = vfs.Default
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("history %s: %w", dir, err)
		}
	}()
	db, err := kind.View(dir, fs)
	if err != nil || db == nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return readAll(db)
}

func readAll(db *pebble.DB) (r Report, err error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return r, err
	}
	defer func() {
		if closing := it.Close(); closing != nil && err == nil {
			err = fmt.Errorf("%w: %w", ErrDamaged, closing)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return r, fmt.Errorf("%w: after %d records: %w", ErrDamaged, r.Records, err)
		}
		if string(it.Key()) == string(metaPosition) {
			p, err := parsePosition(v)
			if err != nil {
				return r, err
			}
			r.Position = p.whole()
		}
		r.Records++
	}
	if err := it.Error(); err != nil {
		return r, fmt.Errorf("%w: after %d records: %w", ErrDamaged, r.Records, err)
	}
	return r, nil
}
