package wal

import (
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var errReadOnly = errors.New("wal: the file system is read-only here")

// readOnlyFS refuses everything that could change a byte. Pebble's own lock is
// left out, since taking it truncates a file; the store's lock guards it.
type readOnlyFS struct{ vfs.FS }

type nopCloser struct{}

func (nopCloser) Close() error { return nil }

func (f readOnlyFS) Unwrap() vfs.FS                     { return f.FS }
func (f readOnlyFS) Lock(string) (io.Closer, error)     { return nopCloser{}, nil }
func (f readOnlyFS) Link(string, string) error          { return errReadOnly }
func (f readOnlyFS) Remove(string) error                { return errReadOnly }
func (f readOnlyFS) RemoveAll(string) error             { return errReadOnly }
func (f readOnlyFS) Rename(string, string) error        { return errReadOnly }
func (f readOnlyFS) MkdirAll(string, os.FileMode) error { return errReadOnly }

func (f readOnlyFS) Create(string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errReadOnly
}

func (f readOnlyFS) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return nil, errReadOnly
}

func (f readOnlyFS) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errReadOnly
}
