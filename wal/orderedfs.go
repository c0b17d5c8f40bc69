package wal

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderedFS syncs the directory before one of Pebble's marker files is created
// or removed. Pebble syncs it only once, after both. On a file system that keeps no order between the
// entries of a directory, a power cut in between could leave the marker of a
// manifest that is not there, or no marker at all, and the database could not be opened.
type orderedFS struct{ vfs.FS }

func (f orderedFS) Unwrap() vfs.FS { return f.FS }

func (f orderedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.beforeMarker(name); err != nil {
		return nil, err
	}
	return f.FS.Create(name, c)
}

func (f orderedFS) Remove(name string) error {
	if err := f.beforeMarker(name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f orderedFS) beforeMarker(name string) error {
	if !strings.HasPrefix(f.PathBase(name), "marker.") {
		return nil
	}
	return syncDir(f.FS, f.PathDir(name))
}
