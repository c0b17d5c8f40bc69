package nodes

import "syscall"

// attributes put a process into a group of its own, so that the terminal's Ctrl-C reaches this one alone. Where this one is killed,
// or ended by a test's time-out, the system kills the process with it: nothing is left running.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
