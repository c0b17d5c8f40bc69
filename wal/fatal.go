package wal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
)

// ErrFailed is wrapped by every error after a write failed. In production the
// process has ended by then.
var ErrFailed = errors.New("wal: an earlier write failed")

// ErrDiskFull is wrapped by a fatal error whose cause is a full disk.
var ErrDiskFull = errors.New("wal: no space left on the disk of the log")

// fataler ends the process once, and remembers that it should have ended.
type fataler struct {
	log    *slog.Logger
	fn     func(error)
	failed atomic.Pointer[error]
}

// err is nil, or says that the store failed.
func (f *fataler) err() error {
	if p := f.failed.Load(); p != nil {
		return fmt.Errorf("%w: %w", ErrFailed, *p)
	}
	return nil
}

// fail reports err and does not return.
func (f *fataler) fail(err error) {
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: %w; free some space and start again, what was acknowledged is safe", ErrDiskFull, err)
	}
	f.failed.CompareAndSwap(nil, &err)
	f.log.Error("the log store cannot go on", "error", err)
	if f.fn == nil {
		os.Exit(1)
	}
	f.fn(err)
	// Going on would acknowledge what may not be on the disk.
	panic(fmt.Sprintf("wal: Options.Fatal returned after: %v", err))
}
