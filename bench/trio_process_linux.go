package bench

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// allocated returns what a file takes on disk; files are made larger than what is in them.
func allocated(info fs.FileInfo) int64 {
	const block = 512
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * block
	}
	return info.Size()
}

// memoryOf returns what a process has in memory, in bytes, and how many files it has open; 0 where there is no such process.
func memoryOf(pid int) (rss int64, files int) {
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64) // 0 where it is no number
			rss = kib << 10
		}
	}
	if list, err := os.ReadDir(dir + "/fd"); err == nil {
		files = len(list)
	}
	return rss, files
}
