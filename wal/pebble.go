package wal

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/internal/orderedfs"
)

// pebbleFormat is named, not FormatNewest: a new Pebble must not raise the
// format of existing stores by itself. It is above FormatWALSyncChunks (020),
// from which on a WAL tells damage from its end.
const pebbleFormat = pebble.FormatValueSeparation // 024

const (
	memTableSize = 64 << 20 // few flushes, large tables: with a snapshot every 256 MiB entries are flushed before they are truncated
	blockCache   = 8 << 20  // raft reads the tail, which is in the store's own cache
)

// pebbleOptions are the settings shared by writing and read-only opening.
func pebbleOptions(fs vfs.FS, logger pebble.Logger, events *pebble.EventListener) *pebble.Options {
	o := &pebble.Options{
		FS:                          fs,
		Logger:                      logger,
		EventListener:               events,
		FormatMajorVersion:          pebbleFormat,
		CacheSize:                   blockCache,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               256 << 20,
		MaxOpenFiles:                256,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
	}
	for i := range o.Levels {
		// Payloads are dense binary; the writer's time is worth more than the space.
		o.Levels[i].Compression = func() *block.CompressionProfile { return block.NoCompression }
	}
	for i := range o.TargetFileSizes {
		o.TargetFileSizes[i] = 64 << 20
	}
	return o
}

// openForWriting opens dir with the wanted format. A database that is new or is raised to
// the format still writes its first WAL in the old one, so it is opened twice.
func openForWriting(dir string, fs vfs.FS, f *fataler) (*pebble.DB, error) {
	raise := true
	if _, err := fs.Stat(dir); err == nil {
		d, err := pebble.Peek(dir, fs)
		if err != nil {
			return nil, err
		}
		raise = !d.Exists || d.FormatMajorVersion < pebbleFormat
	}
	o := pebbleOptions(orderedfs.FS{FS: fs}, pebbleLogger{f}, fatalEvents(f))
	o.WithFSDefaults() // DiskSlow: Pebble measures the disk by itself only where it is given none
	open := func() (*pebble.DB, error) { return pebble.Open(dir, o) }
	if raise {
		db, err := open()
		if err != nil {
			return nil, err
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
	}
	return open()
}

// pebbleLogger sends Pebble's chatter to slog at debug level.
type pebbleLogger struct{ f *fataler }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.f.log.Debug("pebble", "message", lazy{format, args})
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.f.log.Warn("pebble", "message", lazy{format, args})
}

// Fatalf does not return: Pebble goes on as if all were well when it does.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.f.fail(pebbleError(format, args))
}

// pebbleError keeps the causes among args visible to errors.Is.
func pebbleError(format string, args []any) error {
	var causes []error
	for _, a := range args {
		if err, ok := a.(error); ok {
			causes = append(causes, err)
		}
	}
	return &formattedError{msg: fmt.Sprintf(format, args...), causes: causes}
}

type formattedError struct {
	msg    string
	causes []error
}

func (e *formattedError) Error() string   { return e.msg }
func (e *formattedError) Unwrap() []error { return e.causes }

// lazy formats only when somebody listens.
type lazy struct {
	format string
	args   []any
}

func (l lazy) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(l.format, l.args...)) }

// fatalEvents makes Pebble's background troubles fatal too: a flush that fails
// would otherwise be tried again for ever while the log grows.
func fatalEvents(f *fataler) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			f.fail(fmt.Errorf("wal: background work of Pebble failed: %w", err))
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			f.fail(fmt.Errorf("wal: %s is damaged: %w", i.Path, i.Details))
		},
		DiskSlow: func(i pebble.DiskSlowInfo) {
			// The watcher that calls this must not wait for a disk, and a log may be on one.
			go f.log.Warn("the disk is slow", "operation", i.OpType.String(), "file", i.Path, "took", i.Duration)
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			f.log.Warn("the log store stalls writes until compactions catch up", "reason", i.Reason)
		},
		WriteStallEnd: func() { f.log.Warn("the log store's write stall is over") },
		LowDiskSpace: func(i pebble.LowDiskSpaceInfo) {
			f.log.Warn("disk space is low", "info", i.String())
		},
	}
}
