package bench

import (
	"syscall"
	"time"
)

// sleepFor sleeps in the kernel: time.Sleep wakes up to a millisecond late in a process that is otherwise idle.
func sleepFor(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&left, nil) // a signal may wake it early: the caller looks at the clock again
}
