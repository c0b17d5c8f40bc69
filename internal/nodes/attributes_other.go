//go:build !linux

package nodes

import "syscall"

// attributes put a process into a group of its own, so that the terminal's Ctrl-C reaches this one alone.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
