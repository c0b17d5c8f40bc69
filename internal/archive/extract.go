package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Extract unpacks an archive into dir, which must be empty or missing, and returns its manifest. When it returns without an
// error everything is on disk, and ManifestName is there: it is written last, so that a directory without it is what is left
// of an Extract that was cut off. With an error it leaves nothing in dir.
//
// Nil limits are the defaults. The stream must end with the archive: what sends one over a connection closes its side.
func Extract(r io.Reader, dir string, o *Limits) (Manifest, error) {
	made, err := vacant(dir)
	if err != nil {
		return Manifest{}, fmt.Errorf("archive: %w", err)
	}
	x := extraction{dir: dir, dirs: map[string]struct{}{dir: {}}}
	if o == nil {
		o = &Limits{}
	}
	m, err := read(r, *o, x.create)
	if err == nil {
		err = x.finish(m)
	}
	if err != nil {
		return Manifest{}, errors.Join(err, x.undo(made))
	}
	return m, nil
}

// vacant makes a directory where there is none, and refuses one that is not empty.
func vacant(dir string) (made bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true, os.MkdirAll(dir, 0o700)
	case err == nil && len(entries) > 0:
		return false, fmt.Errorf("%s is not empty (it has %q); give an empty directory", dir, entries[0].Name())
	}
	return false, err
}

// extraction is an Extract that is going on.
type extraction struct {
	dir  string
	dirs map[string]struct{} // made, and not yet synced
}

// create makes a member's file, and the directories that it is in.
func (x *extraction) create(name string, _ int64) (io.WriteCloser, error) {
	file := filepath.Join(x.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	for d := filepath.Dir(file); d != x.dir; d = filepath.Dir(d) {
		x.dirs[d] = struct{}{}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return syncedFile{f}, nil
}

// syncedFile is on disk when it is closed.
type syncedFile struct{ *os.File }

func (f syncedFile) Close() error { return errors.Join(f.Sync(), f.File.Close()) }

// finish makes the directories durable, and then the manifest.
func (x *extraction) finish(m Manifest) error {
	for d := range x.dirs {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	text, err := m.encode()
	if err != nil {
		return err
	}
	f, err := x.create(ManifestName, int64(len(text)))
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close(), syncDir(x.dir), syncDir(filepath.Dir(x.dir)))
}

// undo removes what was written.
func (x *extraction) undo(made bool) error {
	if made {
		return os.RemoveAll(x.dir)
	}
	entries, err := os.ReadDir(x.dir)
	for _, e := range slices.Backward(entries) {
		err = errors.Join(err, os.RemoveAll(filepath.Join(x.dir, e.Name())))
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
