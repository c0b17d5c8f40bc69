// Package orderedfs makes Pebble's marker files safe on file systems that keep no order between the entries of a directory.
//
// Threading: an FS may be used by any number of goroutines, as the one below it.
package orderedfs

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS syncs the directory before one of Pebble's marker files is created or removed. Pebble syncs it only once, after both. A
// power cut in between could otherwise leave the marker of a manifest that is not there, or no marker at all, and the
// database could not be opened.
type FS struct{ vfs.FS }

// Unwrap implements vfs.FS.
func (f FS) Unwrap() vfs.FS { return f.FS }

// Create implements vfs.FS.
func (f FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.beforeMarker(name); err != nil {
		return nil, err
	}
	return f.FS.Create(name, c)
}

// Remove implements vfs.FS.
func (f FS) Remove(name string) error {
	if err := f.beforeMarker(name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f FS) beforeMarker(name string) error {
	if !strings.HasPrefix(f.PathBase(name), "marker.") {
		return nil
	}
	d, err := f.OpenDir(f.PathDir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
