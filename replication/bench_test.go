package replication

import (
	"runtime"
	"testing"

	"uncross/engine/wire"
)

// BenchmarkDurable is the whole way in one process: Submit, sequencer, raft, log with fsync on the test's disk, engine,
// event ring, one lossless reader that counts. Three quarters of the commands are orders, one quarter cancels.
func BenchmarkDurable(b *testing.B) {
	dir := b.TempDir()
	log := openWAL(b, dir)
	cfg := config(b, dir, log)
	cfg.SnapshotBytes = DefaultSnapshotBytes
	benchmark(b, cfg, func() {
		if err := log.Close(); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkMemory is the same with a log in memory: what the way costs without its disk.
func BenchmarkMemory(b *testing.B) {
	benchmark(b, config(b, b.TempDir(), newMemLog()), func() {})
}

func benchmark(b *testing.B, cfg Config, closeLog func()) {
	n, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	r, total := n.Events().Reader("count", true), uint64(len(setup())+b.N)
	all, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]wire.Event, 4096)
		for {
			k, _, ok := r.Read(buf, nil)
			if !ok {
				return
			}
			if last := buf[k-1]; last.Flags&wire.FlagLast != 0 && last.Seq == total {
				close(all)
			}
		}
	}()
	if err := n.Start(); err != nil {
		b.Fatal(err)
	}
	await(b, "the node is ready", n.Ready)
	submit(b, n, setup())
	commands := flow(1, b.N)
	b.ResetTimer()
	for i := range commands {
		for n.Submit(&commands[i]) != nil {
			runtime.Gosched()
		}
	}
	<-all
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
	b.ReportMetric(float64(b.N)/float64(n.Status().Batches), "commands/entry")
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
	<-done
	closeLog()
}
