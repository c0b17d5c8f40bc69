package outbox

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Report is what Verify found in an outbox.
type Report struct {
	Records  uint64 // of all kinds
	Messages uint64 // of all sessions, local ones included
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
			err = fmt.Errorf("outbox %s: %w", dir, err)
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
		if err := r.check(it.Key(), v); err != nil {
			return r, fmt.Errorf("after %d records: %w", r.Records, err)
		}
		r.Records++
	}
	if err := it.Error(); err != nil {
		return r, fmt.Errorf("%w: after %d records: %w", ErrDamaged, r.Records, err)
	}
	return r, nil
}

// check reads one record.
func (r *Report) check(k, v []byte) error {
	if len(k) == 0 {
		return fmt.Errorf("%w: an empty key", ErrDamaged)
	}
	var err error
	switch {
	case k[0] == tagMeta:
		err = r.checkMeta(k, v)
	case k[0] == tagGap:
		if len(k) != 9 || len(v) != 8 || binary.BigEndian.Uint64(k[1:]) > binary.LittleEndian.Uint64(v) {
			err = fmt.Errorf("%w: a gap", ErrDamaged)
		}
	case k[0] == tagSession:
		if len(k) != 5 {
			return fmt.Errorf("%w: key of a session", ErrDamaged)
		}
		_, err = parseRecord(v)
	case k[0] == tagMessage:
		r.Messages++
		if len(k) != messageKeySize {
			return fmt.Errorf("%w: key of a message", ErrDamaged)
		}
		_, err = parseEntry(binary.BigEndian.Uint64(k[messageKeySize-8:]), v)
	case k[0] == tagEnded:
		if len(k) != 9 || len(v) != endingSize {
			err = fmt.Errorf("%w: how an order ended", ErrDamaged)
		}
	case k[0] == tagOrder:
		if len(k) != 9 || len(v) != 4 {
			err = fmt.Errorf("%w: an order's session", ErrDamaged)
		}
	default:
		err = fmt.Errorf("%w: a record of an unknown kind, %#x", ErrDamaged, k[0])
	}
	return err
}

// checkMeta reads a record about the store itself.
func (r *Report) checkMeta(k, v []byte) error {
	ok := false
	switch string(k) {
	case string(metaPosition):
		p, err := parsePosition(v)
		r.Position = p.whole()
		return err
	case string(metaCluster):
		ok = len(v) == 16
	case string(metaEnded):
		ok = len(v) == 8
	}
	if !ok {
		return fmt.Errorf("%w: record %q about the store", ErrDamaged, k)
	}
	return nil
}
