package wal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Place says where a store's files are.
type Place struct {
	Dir string // of the log
	// Tripwire is the tripwire file: on another disk than the log's it outlives that one. Its directory must be there. Empty
	// is DefaultTripwire(Dir).
	Tripwire string
	FS       vfs.FS // nil is the disk
}

// DefaultTripwire is the tripwire file of the log in dir where none is named: beside dir, so that it stays when dir is lost,
// emptied or replaced.
func DefaultTripwire(dir string) string { return strings.TrimRight(dir, "/") + ".tripwire" }

func (p *Place) defaults() {
	if p.FS == nil {
		p.FS = vfs.Default
	}
	if p.Tripwire == "" {
		p.Tripwire = DefaultTripwire(p.Dir)
	}
}

func (p *Place) inside(name string) string { return p.FS.PathJoin(p.Dir, name) }

func (p *Place) pebble() string { return p.inside(namePebble) }

// formerTripwires are where the tripwire may still lie: the default, when another file is named only now, and inside the log's
// directory, where the first version had it.
func (p *Place) formerTripwires() []string {
	return slices.DeleteFunc([]string{DefaultTripwire(p.Dir), p.inside(nameFormerTripwire)}, p.isTripwire)
}

// isTripwire reports whether path is the tripwire's place, by that name or by another one for the same file.
func (p *Place) isTripwire(path string) bool {
	if path == p.Tripwire || p.FS != vfs.Default {
		return path == p.Tripwire
	}
	a, errA := os.Stat(path)
	b, errB := os.Stat(p.Tripwire)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// check refuses places in which a tripwire is of no use.
func (p *Place) check() error {
	if p.Tripwire != DefaultTripwire(p.Dir) && strings.HasPrefix(p.Tripwire, strings.TrimRight(p.Dir, "/")+"/") {
		return fmt.Errorf("the tripwire file %s would be lost with the log; give one outside of its directory (--tripwire)", p.Tripwire)
	}
	return nil
}

// findTripwires reads every tripwire file that there is, the one in its place first. While one is moved there are two for a
// moment; the log must have reached each.
func (p *Place) findTripwires() ([]*tripwire, error) {
	var found []*tripwire
	for _, path := range append([]string{p.Tripwire}, p.formerTripwires()...) {
		t, err := readTripwire(p.FS, path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// dropFormerTripwires removes the tripwire files that are not in their place, durably. There is a newer one in its place.
func (p *Place) dropFormerTripwires() error {
	for _, path := range p.formerTripwires() {
		err := p.FS.Remove(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err = errors.Join(err, syncDir(p.FS, p.FS.PathDir(path))); err != nil {
			return fmt.Errorf("removing the tripwire file from its former place: %w", err)
		}
	}
	return nil
}

// Missing says what was durable in a log that is not there: the directory is missing, empty, or in the middle of its creation,
// but a tripwire tells of writes. It is nil where that is not so.
func Missing(p Place) *Damage {
	p.defaults()
	kind, err := classify(&p)
	if err != nil || kind == dirStore {
		return nil
	}
	var d *Damage
	errors.As(missing(&p), &d)
	return d
}

// judge says what the directory is; an error refuses it. A log that has gone is not begun anew.
func judge(p *Place) (dirKind, error) {
	kind, err := classify(p)
	if err == nil && kind != dirStore {
		err = missing(p)
	}
	return kind, err
}

// canCreate refuses to make a store whose tripwire file cannot be made. The usual place is made with the store.
func (p *Place) canCreate() error {
	dir := p.FS.PathDir(p.Tripwire)
	if _, err := p.FS.Stat(dir); p.Tripwire != DefaultTripwire(p.Dir) && err != nil {
		return fmt.Errorf("the directory of the tripwire file, %s, is not there (a disk that is not mounted?): %w", dir, err)
	}
	return nil
}

// missing is the error of a log that is to be created, where a tripwire says that there was one.
func missing(p *Place) error {
	found, err := p.findTripwires()
	if err != nil {
		return err
	}
	for _, t := range found {
		last, sound := t.newest()
		switch {
		case !sound:
			return t.damage("there is no log in %s, and both blocks of the tripwire file are damaged, so it cannot be told whether there was one", p.Dir)
		case last.seq > firstWrite:
			return t.damage("there is no log in %s, but one was there: the tripwire says that write %d was durable, with entries up to %d", p.Dir, last.seq, last.last)
		}
	}
	return nil
}

// damage is what is found wrong with the help of t, where there is no log.
func (t *tripwire) damage(format string, args ...any) *Damage {
	return &Damage{File: t.path, Offset: -1, What: fmt.Sprintf(format, args...), Advice: adviceMissing}
}

type dirKind int

const (
	dirEmpty dirKind = iota // or not there
	dirCreating
	dirStore
)

// classify says what the directory is by its names alone; an error refuses it.
func classify(p *Place) (dirKind, error) {
	names, err := p.FS.List(p.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return dirEmpty, nil
	}
	if err != nil {
		return 0, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == nameLock })
	slices.Sort(names)
	has := func(name string) bool { return slices.Contains(names, name) }
	switch {
	case len(names) == 0:
		return dirEmpty, nil
	case has(nameCreating):
		return dirCreating, nil
	case has(namePebble):
		return dirStore, nil
	case has(nameFormerTripwire):
		return 0, damagef(0, 0, "the directory %q with the log itself is missing", namePebble)
	case slices.ContainsFunc(names, func(n string) bool { return n == "CURRENT" || strings.HasPrefix(n, "MANIFEST-") }):
		return 0, fmt.Errorf("%w but another program's Pebble database; it was not touched, give another directory", ErrNotStore)
	}
	return 0, fmt.Errorf("%w and not empty (it holds %s); it was not touched, give an empty directory", ErrNotStore, some(names))
}

func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
