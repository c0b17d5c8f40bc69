package wal

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"
)

// benchDir is WAL_BENCH_DIR if given (the usual temporary directory may be in memory).
func benchDir(b *testing.B) string {
	if d := os.Getenv("WAL_BENCH_DIR"); d != "" {
		d, err := os.MkdirTemp(d, "wal-bench-")
		must(b, err)
		b.Cleanup(func() { _ = os.RemoveAll(d) })
		return d
	}
	return b.TempDir()
}

// BenchmarkStoreLogs compares one durable entry with a plain append and fdatasync of as
// many bytes, the floor of the disk, in the same run.
func BenchmarkStoreLogs(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 256 << 10} {
		name := strconv.Itoa(size>>10) + "KiB"
		b.Run(name+"/plain", func(b *testing.B) { benchPlain(b, size) })
		b.Run(name+"/store", func(b *testing.B) { benchStore(b, size) })
	}
}

func benchPlain(b *testing.B, size int) {
	f, err := os.Create(filepath.Join(benchDir(b), "plain"))
	must(b, err)
	defer func() { must(b, f.Close()) }()
	data := entry(1, 1, size).Data
	b.SetBytes(int64(size))
	b.ResetTimer()
	for range b.N {
		_, err := f.Write(data)
		must(b, err)
		must(b, unix.Fdatasync(int(f.Fd())))
	}
}

func benchStore(b *testing.B, size int) {
	s, err := Open(filepath.Join(benchDir(b), "log"), testOptions(b, nil))
	must(b, err)
	defer mustClose(b, s)
	l := entry(1, 1, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		l.Index = uint64(i + 1)
		must(b, s.StoreLog(l))
		// A snapshot now and then, as in a node that runs for long.
		if i%1000 == 999 {
			must(b, s.DeleteRange(1, uint64(i-100)))
		}
	}
	b.StopTimer()
}

func BenchmarkGetLogCached(b *testing.B) {
	s, err := Open(filepath.Join(benchDir(b), "log"), testOptions(b, nil))
	must(b, err)
	defer mustClose(b, s)
	must(b, s.StoreLogs(entries(1, 100, 1, 4096)))
	var l raft.Log
	b.ReportAllocs()
	for i := range b.N {
		must(b, s.GetLog(uint64(1+i%100), &l))
	}
}

// BenchmarkOpen opens, and so verifies, a store of 64 MiB.
func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(benchDir(b), "log")
	s, err := Open(dir, testOptions(b, nil))
	must(b, err)
	for i := uint64(1); i <= 1024; i += 32 {
		must(b, s.StoreLogs(entries(i, i+31, 1, 64<<10)))
	}
	b.SetBytes(s.Bytes())
	mustClose(b, s)
	b.ResetTimer()
	for range b.N {
		s, err := Open(dir, testOptions(b, nil))
		must(b, err)
		b.StopTimer()
		mustClose(b, s)
		b.StartTimer()
	}
}
