package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range and precision of the histograms: 1 ns to a minute, three digits.
const (
	histogramMax    = int64(time.Minute)
	histogramDigits = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, histogramMax, histogramDigits)
}

func record(h *hdrhistogram.Histogram, ns int64) {
	h.RecordValue(min(max(ns, 1), histogramMax)) // never out of range
}

// latencyRun is one subject at one rate.
type latencyRun struct {
	subject  string
	rate     int
	commands int
	late     time.Duration // by how much the last command was done after it was due
	pauses   sample
	times    *hdrhistogram.Histogram // nanoseconds from when a command was due to when it was done
}

// latency runs every subject, and beside them one that does no work, at every rate on a fixed schedule: command i is due
// at i/rate. One goroutine waits for each moment by looking at the clock, so that waking up is no part of the figures.
func latency(ctx context.Context, subjects []subject, n int, o Options, p *progress) ([]latencyRun, error) {
	var runs []latencyRun
	for _, perSecond := range o.Rates {
		count := min(n, int(float64(perSecond)*o.Seconds))
		for _, s := range slices.Concat(subjects, []subject{nothing{}}) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p.show("%s: latency at %s commands a second", s.name(), rate(float64(perSecond)))
			runs = append(runs, schedule(s, count, perSecond))
		}
	}
	return runs, nil
}

func schedule(s subject, count, perSecond int) latencyRun {
	s.reset()
	took := make([]int64, count)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for i := range took {
		due := time.Duration(float64(i) * (1e9 / float64(perSecond)))
		for time.Since(start) < due {
		}
		s.run(i, i+1)
		took[i] = int64(time.Since(start) - due)
	}
	runtime.ReadMemStats(&after)
	r := latencyRun{subject: s.name(), rate: perSecond, commands: count, times: newHistogram()}
	r.pauses = difference(&before, &after, 0)
	for _, ns := range took {
		record(r.times, ns)
	}
	if count > 0 {
		r.late = time.Duration(took[count-1])
	}
	return r
}

// percentiles are those that every latency table shows, beside the maximum.
var percentiles = []float64{50, 90, 99, 99.9, 99.99}

func printLatency(w io.Writer, runs []latencyRun) {
	fmt.Fprintf(w, "\nlatency of a command, from when it was due on a fixed schedule to when it was done\n")
	t := newTable(w)
	fmt.Fprintln(t, "rate/s\t\tcommands\tp50\tp90\tp99\tp99.9\tp99.99\tmax\tGC cycles\tworst pause\t")
	for _, r := range runs {
		fmt.Fprintf(t, "%s\t%s\t%s\t", rate(float64(r.rate)), r.subject, thousands(r.commands))
		for _, q := range percentiles {
			fmt.Fprintf(t, "%v\t", round(time.Duration(r.times.ValueAtQuantile(q))))
		}
		fmt.Fprintf(t, "%v\t%d\t%v\t\n", round(time.Duration(r.times.Max())), r.pauses.gcs, round(r.pauses.gcWorst))
	}
	t.Flush()
	for _, r := range runs {
		if r.late > time.Millisecond {
			fmt.Fprintf(w, "  %s at %s/s was %v late at the end of the run\n", r.subject, rate(float64(r.rate)), round(r.late))
		}
	}
}

// clockCost returns how long it takes to read the clock.
func clockCost() time.Duration {
	const reads = 100_000
	start := time.Now()
	for range reads {
		time.Since(start)
	}
	return time.Since(start) / reads
}
