package bench

import (
	"os"
	"syscall"
)

// dataSync makes a file's content durable, and of what the system keeps about it only what that needs.
func dataSync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
