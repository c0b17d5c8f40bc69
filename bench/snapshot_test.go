package bench

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
)

func TestSnapshotReport(t *testing.T) {
	var out bytes.Buffer
	err := Snapshot(t.Context(), &out, SnapshotOptions{
		Options: Options{Repeats: 2, Rates: []int{20_000}, Seconds: 0.05, Dir: t.TempDir()}, Orders: 2_000, Accounts: 50, Batch: 64,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2,000 open orders of 50 accounts", "Freeze, CPU", "Restore from bytes", "write and fsync", "bytes an order", "after the release"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

// heavyState is a state with many open orders, for benchmarks that leave it as heavy.
var heavyState = sync.OnceValues(func() (*heavy, *engine.Engine) {
	h, e := newHeavy(20_000, 8), engine.New()
	if err := h.fill(e, 500_000, func(int) {}); err != nil {
		panic(err)
	}
	return h, e
})

// ownTime measures do and reports this thread's processor time as well: what others do on the machine is not in that.
func ownTime(b *testing.B, do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var used time.Duration
	for b.Loop() {
		start := threadCPU()
		do()
		used += threadCPU() - start
	}
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
}

// BenchmarkBatch applies batches of 256 commands to a state with 500,000 orders: all in quiet, or each the first one after a
// Freeze, which has the most pages to copy.
func BenchmarkBatch(b *testing.B) {
	h, e := heavyState()
	var out []wire.Event
	for _, frozen := range []bool{false, true} {
		name := "quiet"
		if frozen {
			name = "frozen"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var used time.Duration
			for b.Loop() {
				b.StopTimer()
				batch := h.next(256)
				var img *engine.Image
				if frozen {
					img = e.Freeze()
				}
				b.StartTimer()
				start := threadCPU()
				var err error
				if out, err = e.ApplyBatch(batch, out[:0]); err != nil {
					b.Fatal(err)
				}
				used += threadCPU() - start
				if frozen {
					img.Release()
				}
			}
			b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
		})
	}
}

func BenchmarkFreeze(b *testing.B) {
	_, e := heavyState()
	ownTime(b, func() { e.Freeze().Release() })
}

func BenchmarkWriteImage(b *testing.B) {
	_, e := heavyState()
	img := e.Freeze()
	defer img.Release()
	ownTime(b, func() {
		n, err := img.WriteTo(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
	})
}

func BenchmarkRestore(b *testing.B) {
	_, e := heavyState()
	img := e.Freeze()
	var buf bytes.Buffer
	if _, err := img.WriteTo(&buf); err != nil {
		b.Fatal(err)
	}
	img.Release()
	b.SetBytes(int64(buf.Len()))
	ownTime(b, func() {
		if _, err := engine.Restore(bytes.NewReader(buf.Bytes())); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkAppendImage(b *testing.B) {
	_, e := heavyState()
	var out []wire.Event
	ownTime(b, func() {
		var c engine.ImageCursor
		for more := true; more; {
			out, more = e.AppendImage(&c, out[:0])
		}
	})
}
