package bench

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// How the disk is tried: as the log writes to it in a venue with little to do.
const (
	diskWrites = 200
	diskWrite  = 4 << 10 // bytes
	// diskTooFast is below what any disk takes to make bytes durable.
	diskTooFast = 20 * time.Microsecond
)

// printDisk writes how long a small durable write takes where the log will be: the floor of every answer.
func printDisk(w io.Writer, dir string) error {
	f, err := os.CreateTemp(dir, "uncross-bench-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	times := newHistogram()
	b := make([]byte, diskWrite)
	for range diskWrites {
		start := time.Now()
		if _, err := f.Write(b); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		record(times, int64(time.Since(start)))
	}
	mid := time.Duration(times.ValueAtQuantile(50))
	fmt.Fprintf(w, "disk      appending %d bytes with fsync takes %v (p50), %v (p99): the floor of a durable answer\n",
		diskWrite, round(mid), round(time.Duration(times.ValueAtQuantile(99))))
	if mid < diskTooFast {
		fmt.Fprintln(w, "          THIS IS NO DISK: the file system does not wait for one; choose another directory for figures that mean something")
	}
	return nil
}

// bytesWritten returns what this process has had written to disks, or 0 where the system does not tell.
func bytesWritten() int64 {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "write_bytes:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(v), 10, 64) // 0 where it is no number
			return n
		}
	}
	return 0
}
