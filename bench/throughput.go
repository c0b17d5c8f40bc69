package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// sample is one repetition of one subject.
type sample struct {
	took     time.Duration
	mallocs  uint64
	bytes    uint64
	gcs      uint32
	gcPauses time.Duration // all, together
	gcWorst  time.Duration
}

// throughput runs all n commands through every subject in turn, as often as stated. The order of the subjects turns
// around from one repetition to the next.
func throughput(ctx context.Context, subjects []subject, n, repeats int, p *progress) ([][]sample, error) {
	samples := make([][]sample, len(subjects))
	for rep := range repeats {
		for i := range subjects {
			if rep%2 == 1 {
				i = len(subjects) - 1 - i
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p.show("%s: repetition %d of %d", subjects[i].name(), rep+1, repeats)
			samples[i] = append(samples[i], measureOnce(subjects[i], n))
		}
	}
	return samples, nil
}

func measureOnce(s subject, n int) sample {
	s.reset()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	s.run(0, n)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return difference(&before, &after, took)
}

func difference(before, after *runtime.MemStats, took time.Duration) sample {
	r := sample{
		took:     took,
		mallocs:  after.Mallocs - before.Mallocs,
		bytes:    after.TotalAlloc - before.TotalAlloc,
		gcs:      after.NumGC - before.NumGC,
		gcPauses: time.Duration(after.PauseTotalNs - before.PauseTotalNs),
	}
	kept := uint32(len(after.PauseNs)) // the latest pauses; the worst of more is not known
	for k := after.NumGC - min(r.gcs, kept); k < after.NumGC; k++ {
		r.gcWorst = max(r.gcWorst, time.Duration(after.PauseNs[k%kept]))
	}
	return r
}

func printThroughput(w io.Writer, subjects []subject, n int, samples [][]sample) {
	fmt.Fprintf(w, "\nthroughput: %d repetitions of %s commands", len(samples[0]), thousands(n))
	if len(subjects) > 1 {
		fmt.Fprint(w, ", the subjects in turn")
	}
	fmt.Fprintln(w)
	t := newTable(w)
	fmt.Fprintln(t, "\tmedian/s\tmin/s\tmax/s\tns each\tallocs each\tbytes each\tGC cycles\tpauses\tworst\t")
	for i, s := range subjects {
		speeds := speedsOf(samples[i], n)
		mid := median(speeds)
		var total sample
		for _, x := range samples[i] {
			total.mallocs += x.mallocs
			total.bytes += x.bytes
			total.gcs += x.gcs
			total.gcPauses += x.gcPauses
			total.gcWorst = max(total.gcWorst, x.gcWorst)
		}
		all := float64(n * len(samples[i]))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.0f\t%.4f\t%.1f\t%d\t%v\t%v\t\n", s.name(), rate(mid), rate(slices.Min(speeds)), rate(slices.Max(speeds)), 1e9/mid,
			float64(total.mallocs)/all, float64(total.bytes)/all, total.gcs, round(total.gcPauses), round(total.gcWorst))
	}
	t.Flush()
	for other := 1; other < len(subjects); other++ {
		printRatio(w, subjects[0], subjects[other], samples[0], samples[other])
	}
}

// printRatio compares two subjects repetition by repetition.
func printRatio(w io.Writer, a, b subject, as, bs []sample) {
	v, format := ratios(as, bs), "  %s is %.2f times as fast as %s"
	if median(v) < 1 {
		v, format = ratios(bs, as), "  %s takes %.2f times as long as %s"
	}
	fmt.Fprintf(w, format+" (median of the repetitions' ratios; min %.2f, max %.2f)\n", a.name(), median(v), b.name(), slices.Min(v), slices.Max(v))
}

// ratios returns how many times as long each repetition of b took as the same of a.
func ratios(a, b []sample) []float64 {
	var v []float64
	for i := range a {
		v = append(v, b[i].took.Seconds()/a[i].took.Seconds())
	}
	return v
}

func speedsOf(samples []sample, n int) []float64 {
	var speeds []float64
	for _, x := range samples {
		speeds = append(speeds, float64(n)/x.took.Seconds())
	}
	return speeds
}

// newTable returns a writer that lines up columns between tabs, to the right.
func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}
