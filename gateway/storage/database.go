package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/internal/orderedfs"
)

// pebbleFormat is named, so that a newer Pebble does not raise the format of existing stores by itself.
const pebbleFormat = pebble.FormatValueSeparation

// database opens the database in a directory that Prepare has accepted, and makes it where there is none. The first log of a
// new database is still written in an older format, in which damage looks like the log's end, so a new one is opened twice.
func (k *Kind) database(dir string, o Options, fail func(error)) (*pebble.DB, error) {
	dir = o.FS.PathJoin(dir, Database)
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref()
	options := &pebble.Options{
		FS: orderedfs.FS{FS: o.FS}, Logger: logger{k, o.Logger, fail}, FormatMajorVersion: pebbleFormat, Cache: cache,
		MemTableSize: o.MemTable, MemTableStopWritesThreshold: 4, L0CompactionThreshold: 4, L0StopWritesThreshold: 24,
		MaxOpenFiles: 512,
		// A second compaction where the first one takes long, so that one by hand does not hold up the writers.
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 2 },
		EventListener:              k.events(o.Logger, fail),
	}
	options.WithFSDefaults() // DiskSlow: Pebble measures the disk by itself only where it is given none
	found, err := pebble.Peek(dir, o.FS)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, k.unreadable(err)
	}
	isNew := found == nil || !found.Exists
	if isNew {
		if err := k.remains(o.FS, dir); err != nil {
			return nil, k.unreadable(err)
		}
	}
	db, err := pebble.Open(dir, options)
	if err == nil && (isNew || found.FormatMajorVersion < pebbleFormat) {
		if err = db.Close(); err == nil {
			db, err = pebble.Open(dir, options)
		}
	}
	if err != nil {
		return nil, k.unreadable(err)
	}
	return db, nil
}

func (k *Kind) unreadable(err error) error {
	return fmt.Errorf("%w (damaged, or in use by another process; %s)", err, k.Repair)
}

// remains refuses a directory that has data but not the file that says which of them are the database: Pebble would begin
// a new one there, with no more in it than the last log has.
func (k *Kind) remains(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, name := range names {
		table := strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
		if !table && !strings.HasSuffix(name, ".log") {
			continue
		}
		i, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		if table || i.Size() > 0 { // an empty log is left by a start that was cut off
			return fmt.Errorf("%w: %s has data (%s), but the file marker.manifest that names the database's parts is missing", k.Damaged, dir, name)
		}
	}
	return nil
}

// View opens the database of a store that is not in use for reading, and changes nothing. A directory that is not there is
// an empty store: db is nil.
func (k *Kind) View(dir string, fs vfs.FS) (db *pebble.DB, err error) {
	switch there, err := exists(fs, dir+nextEnding); {
	case err != nil:
		return nil, err
	case there:
		return nil, fmt.Errorf("%w: it is being replaced by %s; the next start of the node finishes that", k.Damaged, dir+nextEnding)
	}
	if _, err := fs.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	text, err := readFormat(fs, dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", k.Damaged, err)
	}
	if !k.reads(text) {
		return nil, fmt.Errorf("%w: it says %q, this program reads %q", k.Other, text, k.Format)
	}
	if db, err = viewDatabase(fs, fs.PathJoin(dir, Database)); err != nil {
		return nil, fmt.Errorf("%w: %w", k.Damaged, err)
	}
	return db, nil
}

func viewDatabase(fs vfs.FS, dir string) (*pebble.DB, error) {
	return pebble.Open(dir, &pebble.Options{
		FS: fs, ReadOnly: true, Logger: quiet{}, FormatMajorVersion: pebbleFormat,
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}, // the default one ends the process
	})
}

// events makes what goes wrong in Pebble's background fatal too: a flush that fails would otherwise be tried for ever.
func (k *Kind) events(log *slog.Logger, fail func(error)) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { fail(k.background(err)) },
		// A damaged block fails the read that met it, and no more: the venue does not stop for what somebody looks up.
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			log.Error(k.Name+" is damaged: what lies there cannot be read; stop the node, and "+k.Repair, "file", i.Path, "error", i.Details)
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			log.Warn(k.Name+" stalls writes until compactions catch up", "reason", i.Reason)
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			log.Warn("the disk is slow", "operation", i.OpType.String(), "file", i.Path, "took", i.Duration)
		},
	}
}

// logger sends Pebble's chatter to the log at debug level.
type logger struct {
	k    *Kind
	log  *slog.Logger
	fail func(error)
}

func (l logger) Infof(format string, args ...any) {
	l.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Warn("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf does not return: Pebble goes on as if all were well when it does.
func (l logger) Fatalf(format string, args ...any) {
	err := l.k.ended(format, args)
	l.fail(err)
	panic(err)
}

// quiet leaves it to errors to say what is wrong.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("storage: "+format, args...))
}
