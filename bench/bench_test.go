package bench

import (
	"sync"
	"testing"

	"uncross/bench/flow"
)

var standardFlow = sync.OnceValue(func() *flow.Flow { return flow.Generate(flow.Standard()) })

// runBenchmark applies the standard flow's commands to s, again and again; making and filling it is not measured.
func runBenchmark(b *testing.B, s subject) {
	n := len(standardFlow().Bench())
	b.ReportAllocs()
	b.StopTimer()
	b.ResetTimer() // making the flow is not measured
	for done := 0; done < b.N; {
		s.reset()
		now := min(n, b.N-done)
		b.StartTimer()
		s.run(0, now)
		b.StopTimer()
		done += now
	}
}

func BenchmarkBook(b *testing.B) { runBenchmark(b, &bookSubject{flow: standardFlow()}) }

func BenchmarkPlain(b *testing.B) { runBenchmark(b, &plainSubject{flow: standardFlow()}) }

func BenchmarkEngine(b *testing.B) {
	runBenchmark(b, &engineSubject{title: "engine", flow: standardFlow(), day: newDay(standardFlow(), true)})
}
