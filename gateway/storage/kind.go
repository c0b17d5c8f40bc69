package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Names in a store's directory.
const (
	FormatFile = "FORMAT"
	formatNew  = "FORMAT.new"
	Database   = "pebble"
)

// Kind is a sort of store: how it is called, and what its errors say.
type Kind struct {
	Name   string   // in messages, such as "the history"
	Short  string   // what its errors begin with, such as "history"
	Family string   // what the formats of all its versions begin with
	Format string   // what FORMAT says; it changes with the layout of keys or values
	Older  []string // formats that the store itself brings up to date once it is open, and then calls SetFormat

	Foreign error // wrapped where the directory or its data are of something else
	Other   error // wrapped where it is of another version
	Damaged error // wrapped where it cannot be read
	Closed  error // returned after Close

	Renew  string // what to do about one of another version, or ""
	Repair string // what to do about a damaged one
}

// Prepare makes a new store's directory, and refuses one that is not a store of this kind and version. It changes nothing
// where it refuses.
func (k *Kind) Prepare(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	text, err := readFormat(fs, dir)
	switch {
	case err == nil && k.reads(text):
		return nil
	case err == nil && strings.HasPrefix(text, k.Family):
		return fmt.Errorf("%w: it says %q, this program reads %q; use the program that wrote it%s", k.Other, text, k.Format, k.Renew)
	case err == nil:
		return fmt.Errorf("%w: its %s says %q; give another directory", k.Foreign, FormatFile, text)
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	for _, name := range names {
		if name != formatNew { // left by a start that was cut off
			return fmt.Errorf("%w: the directory has %q and no %s; give an empty directory", k.Foreign, name, FormatFile)
		}
	}
	return SetFormat(fs, dir, k.Format)
}

// reads reports whether a store of a format can be opened.
func (k *Kind) reads(format string) bool {
	return format == k.Format || slices.Contains(k.Older, format)
}

// Cluster refuses the data of another cluster; zero stands for one that is not known.
func (k *Kind) Cluster(known, id [16]byte) error {
	if known != id && known != [16]byte{} && id != [16]byte{} {
		return fmt.Errorf("%w: it belongs to cluster %x, this node to %x; give each its own directory", k.Foreign, known, id)
	}
	return nil
}

// FormatOf returns the format of a store that Prepare has accepted.
func FormatOf(fs vfs.FS, dir string) (string, error) { return readFormat(fs, dir) }

func readFormat(fs vfs.FS, dir string) (string, error) {
	f, err := fs.Open(fs.PathJoin(dir, FormatFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 100))
	return strings.TrimSpace(string(text)), err
}

// SetFormat writes what a store's format is. It is there, and on disk, or as it was.
func SetFormat(fs vfs.FS, dir, format string) error {
	f, err := fs.Create(fs.PathJoin(dir, formatNew), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(format + "\n"))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(fs.PathJoin(dir, formatNew), fs.PathJoin(dir, FormatFile)); err != nil {
		return err
	}
	return errors.Join(syncDir(fs, dir), syncDir(fs, fs.PathDir(dir))) // the directory's own name is in its parent
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
