package storage

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What a store's directory is called beside itself while it is replaced.
const (
	nextEnding = ".next" // the copy that takes its place
	oldEnding  = ".old"  // what it was
)

// Replace puts a checked copy of a store, the directory with, in the place of the store in dir, which must not be in use, or
// may be missing. Both must be on one file system. The copy is moved, and the old store removed.
//
//	with ─▶ dir.next,  dir ─▶ dir.old,  dir.next ─▶ dir,  dir.old removed
//
// Each step is durable before the next one begins. Once dir.next is there Recover, at the next start, brings it to the end;
// before that nothing has happened. A copy without FORMAT, or of another kind of store than the one in dir, is refused.
func Replace(dir, with string) error { return replace(vfs.Default, dir, with) }

func replace(fs vfs.FS, dir, with string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("replacing %s by %s: %w", dir, with, err)
		}
	}()
	if err := finish(fs, dir); err != nil {
		return err
	}
	text, err := readFormat(fs, with)
	if err != nil {
		return fmt.Errorf("the copy is not whole: %w", err)
	}
	was, err := readFormat(fs, dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil && family(was) != family(text) {
		return fmt.Errorf("one is of the format %q, the other of %q", was, text)
	}
	if err := unused(fs, dir); err != nil {
		return err
	}
	if err := move(fs, with, dir+nextEnding); err != nil {
		return err
	}
	return finish(fs, dir)
}

// family is a format without its version.
func family(format string) string { return format[:strings.LastIndexByte(format, ' ')+1] }

// unused refuses a store whose database is open.
func unused(fs vfs.FS, dir string) error {
	path := fs.PathJoin(dir, Database)
	if there, err := exists(fs, path); err != nil || !there {
		return err
	}
	lock, err := fs.Lock(fs.PathJoin(path, "LOCK"))
	if err != nil {
		return fmt.Errorf("it is in use: %w", err)
	}
	return lock.Close()
}

// Recover brings a Replace to its end that was cut off. It is called before anything looks at the store in dir; Kind.Open
// does so, too.
func Recover(dir string) error { return finish(vfs.Default, dir) }

func finish(fs vfs.FS, dir string) error {
	next, err := exists(fs, dir+nextEnding)
	if err != nil {
		return err
	}
	was, err := exists(fs, dir)
	if err != nil {
		return err
	}
	old, err := exists(fs, dir+oldEnding)
	if err != nil {
		return err
	}
	if old && !next && !was {
		return fmt.Errorf("%s is missing, and %s is there: the store has been taken away while it was being replaced; move either back", dir, dir+oldEnding)
	}
	if next && was {
		if old { // left by an earlier one
			if err := removeAll(fs, dir+oldEnding); err != nil {
				return err
			}
		}
		if err := move(fs, dir, dir+oldEnding); err != nil {
			return err
		}
		old = true
	}
	if next {
		if err := move(fs, dir+nextEnding, dir); err != nil {
			return err
		}
	}
	if old {
		return removeAll(fs, dir+oldEnding)
	}
	return nil
}

// move renames a directory durably.
func move(fs vfs.FS, from, to string) error {
	if err := fs.Rename(from, to); err != nil {
		return err
	}
	err := syncDir(fs, fs.PathDir(to))
	if fs.PathDir(from) != fs.PathDir(to) {
		err = errors.Join(err, syncDir(fs, fs.PathDir(from)))
	}
	return err
}

func removeAll(fs vfs.FS, dir string) error {
	return errors.Join(fs.RemoveAll(dir), syncDir(fs, fs.PathDir(dir)))
}
