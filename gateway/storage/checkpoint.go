package storage

import (
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// checkpointTries is how often a copy is made anew that cannot be opened.
const checkpointTries = 3

// Checkpoint makes a copy of the store in dir, which must be missing, while the store goes on, and returns the last whole
// command in it. That is at least the one that was stored at the call. read gives the position of a database. Tables are
// shared with the copy by hard links where the file system has them.
//
// The copy is on disk when Checkpoint returns. The file FORMAT is written last: a directory without it is what is left of a
// Checkpoint that was cut off, and no store. With an error nothing is left.
//
// Pebble copies its log while it is being written. Where the log is written over an older file, the copy may have a newer
// part behind an older one, and then looks damaged, or ends too early: so the copy is opened, for reading only, and made
// again where it has not what it must have. After a flush there is little log to copy.
func (s *Store) Checkpoint(dir string, read func(pebble.Reader) (uint64, error)) (position uint64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: checkpoint in %s: %w", s.kind.Short, dir, err)
		}
	}()
	done, err := s.Use()
	if err != nil {
		return 0, err
	}
	defer done()
	fs := s.o.FS
	if there, err := exists(fs, dir); there || err != nil {
		return 0, errors.Join(err, errors.New("the directory is there already"))
	}
	if err := s.sync(); err != nil {
		return 0, err
	}
	least := s.Durable()
	for range checkpointTries {
		if position, err = s.copyTo(dir, least, read); err == nil {
			return position, nil
		}
		if gone := fs.RemoveAll(dir); gone != nil || !errors.Is(err, errCopy) {
			return 0, errors.Join(err, gone)
		}
	}
	return 0, err
}

// errCopy is wrapped where a copy is not whole, and another one may be.
var errCopy = errors.New("the copy is not whole")

// copyTo makes a copy and looks whether it has the commands up to least.
func (s *Store) copyTo(dir string, least uint64, read func(pebble.Reader) (uint64, error)) (uint64, error) {
	fs := s.o.FS
	if err := s.Guard(s.DB.Flush); err != nil {
		return 0, err
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	to := fs.PathJoin(dir, Database)
	if err := s.Guard(func() error { return s.DB.Checkpoint(to, pebble.WithFlushedWAL()) }); err != nil {
		return 0, err
	}
	position, err := positionOf(fs, to, read)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", errCopy, err)
	case position < least:
		return 0, fmt.Errorf("%w: it ends at command %d, and the store had command %d", errCopy, position, least)
	}
	return position, SetFormat(fs, dir, s.kind.Format)
}

// positionOf reads how far a closed database is. Opening it reads all of its log.
func positionOf(fs vfs.FS, dir string, read func(pebble.Reader) (uint64, error)) (position uint64, err error) {
	defer func() {
		if p := recover(); p != nil { // Pebble's way to say that it cannot go on; see quiet
			err = fmt.Errorf("%v", p)
		}
	}()
	db, err := viewDatabase(fs, dir)
	if err != nil {
		return 0, err
	}
	position, err = read(db)
	return position, errors.Join(err, db.Close())
}

func exists(fs vfs.FS, path string) (bool, error) {
	_, err := fs.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
