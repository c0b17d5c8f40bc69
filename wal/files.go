package wal

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Finding is something in a store's files that is not as this program writes it, although all that the log holds may be read.
type Finding struct {
	File   string
	Offset int64 // -1: the file as a whole
	What   string
	// Expected is what a process that was killed leaves behind; the next start clears it away.
	Expected bool
}

func (f Finding) String() string {
	if f.Offset < 0 {
		return fmt.Sprintf("%s: %s", f.File, f.What)
	}
	return fmt.Sprintf("%s, byte %d: %s", f.File, f.Offset, f.What)
}

// What the findings say.
const (
	saysFlipped     = "this is damaged: what was written behind it is there"
	saysCutOrBroken = "what follows cannot be read: it is damaged, or a write was cut off there by a crash. Nothing that was acknowledged depends on it"
	saysMark        = "the mark of the log's end is damaged"
	saysCut         = "a write was cut off here. If it had been acknowledged, the tripwire would tell"
	saysOptions     = "this is not what this version of the program writes: it is damaged, or of another version"
	saysNotEmpty    = "this file is to be empty"
	saysUnknown     = "this is no file of the log"
	saysLeft        = "this is left of something that was cut off; the next start removes it"
	saysSlot        = "this block is damaged, or torn by a power cut. The other one is sound, and the next start writes both anew"
	saysPadding     = "this byte is to be zero"
	saysSize        = "this file has %d bytes, and is to have %d"
	saysFormer      = "this tripwire was to be moved; the next start completes that"
)

// inspection looks at a store's files one by one, beside what the log in them says.
type inspection struct {
	fs    vfs.FS
	found []Finding
}

func (x *inspection) add(path string, offset int, what string) {
	x.found = append(x.found, Finding{File: path, Offset: int64(offset), What: what})
}

// expect adds what a process that was killed leaves.
func (x *inspection) expect(path string, offset int, what string) {
	x.found = append(x.found, Finding{File: path, Offset: int64(offset), What: what, Expected: true})
}

// findings looks at every file of the store but the tables, each of whose blocks is read anyway.
func findings(p *Place, trips []*tripwire) ([]Finding, error) {
	x := &inspection{fs: p.FS}
	for i, t := range trips {
		if i > 0 {
			x.expect(t.path, -1, saysFormer)
		}
		x.tripwire(t)
	}
	err := x.each(p.Dir, func(name, path string) error {
		switch name {
		case nameLock, namePebble, nameFormerTripwire:
			return nil
		}
		x.add(path, -1, saysUnknown)
		return nil
	})
	return x.found, errors.Join(err, x.pebble(p.pebble()))
}

func (x *inspection) each(dir string, look func(name, path string) error) error {
	names, err := x.fs.List(dir)
	slices.Sort(names)
	for _, name := range names {
		if err == nil {
			err = look(name, x.fs.PathJoin(dir, name))
		}
	}
	return err
}

// tripwire holds every byte of a tripwire file against what is written there.
func (x *inspection) tripwire(t *tripwire) {
	if len(t.raw) != tripSize {
		x.add(t.path, -1, fmt.Sprintf(saysSize, len(t.raw), tripSize))
	}
	for i, sound := range t.valid {
		if !sound {
			x.add(t.path, (1+i)*tripBlock, saysSlot)
		}
	}
	if at := t.unclean(); at >= 0 {
		x.add(t.path, at, saysPadding)
	}
}

func (x *inspection) empty(path string) error {
	st, err := x.fs.Stat(path)
	if err == nil && st.Size() != 0 {
		x.add(path, 0, saysNotEmpty)
	}
	return err
}

var (
	walName      = regexp.MustCompile(`^(\d{6,})\.log$`)
	manifestName = regexp.MustCompile(`^MANIFEST-\d{6,}$`)
	optionsName  = regexp.MustCompile(`^OPTIONS-\d{6,}$`)
	tableName    = regexp.MustCompile(`^\d{6,}\.sst$`)
	draftName    = regexp.MustCompile(`\.dbtmp$`)
	emptyName    = regexp.MustCompile(`^(LOCK|marker\.format-version\.\d{6,}\.\d{3}|marker\.manifest\.\d{6,}\.MANIFEST-\d{6,})$`)
)

// pebble looks at the files of the database, whether it still needs them or not.
func (x *inspection) pebble(dir string) error {
	newest := ""
	if err := x.each(dir, func(name, _ string) error {
		if walName.MatchString(name) {
			newest = name
		}
		return nil
	}); err != nil {
		return err
	}
	return x.each(dir, func(name, path string) error {
		var err error
		switch {
		case walName.MatchString(name):
			err = x.wal(name, path, name == newest)
		case manifestName.MatchString(name):
			err = x.manifest(path)
		case optionsName.MatchString(name):
			err = x.options(path)
		case emptyName.MatchString(name):
			err = x.empty(path)
		case draftName.MatchString(name):
			x.expect(path, -1, saysLeft)
		case !tableName.MatchString(name):
			x.add(path, -1, saysUnknown)
		}
		return err
	})
}

// wal reads a WAL to its end. A process that was killed leaves the newest one without its mark: whether its last records are
// there is for the tripwire to say.
func (x *inspection) wal(name, path string, newest bool) error {
	b, err := readFile(x.fs, path)
	if err != nil {
		return err
	}
	number, err := strconv.ParseUint(walName.FindStringSubmatch(name)[1], 10, 32)
	if err != nil {
		return err
	}
	f := &chunkFile{b: b, isWAL: true, number: uint32(number)}
	end, marked := f.end()
	switch {
	case marked || end == len(b):
	case f.promised(end):
		x.add(path, end, saysFlipped)
	case f.almostMarked(end):
		x.add(path, end, saysMark)
	case f.reused(end):
	case newest || f.cutOff(end):
		x.expect(path, end, saysCut)
	default:
		x.add(path, end, saysCutOrBroken)
	}
	return nil
}

// manifest reads a MANIFEST to its end, an earlier one too.
func (x *inspection) manifest(path string) error {
	b, err := readFile(x.fs, path)
	if err != nil {
		return err
	}
	f := &chunkFile{b: b}
	switch end, _ := f.end(); {
	case end == len(b):
	case f.promised(end):
		x.add(path, end, saysFlipped)
	default:
		x.add(path, end, saysCutOrBroken)
	}
	return nil
}

// options compares Pebble's OPTIONS with those of this program.
func (x *inspection) options(path string) error {
	b, err := readFile(x.fs, path)
	if err != nil {
		return err
	}
	want := writtenOptions()
	for at := range max(len(b), len(want)) {
		if at >= len(b) || at >= len(want) || b[at] != want[at] {
			x.add(path, at, saysOptions)
			break
		}
	}
	return nil
}

// writtenOptions is the content of the file OPTIONS.
func writtenOptions() string {
	o := pebbleOptions(vfs.Default, quietLogger{}, nil)
	o.EnsureDefaults()
	return o.String()
}

// leftTables are the tables that the database does not name.
func leftTables(dir string, fs vfs.FS, named []string) ([]Finding, error) {
	x := &inspection{fs: fs}
	err := x.each(dir, func(name, path string) error {
		if tableName.MatchString(name) && !slices.Contains(named, name) {
			x.expect(path, -1, saysLeft)
		}
		return nil
	})
	return x.found, err
}
