package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"uncross/internal/nodes"
)

// throughput compares three nodes with one, by one FIX session to the leader, and with the disk alone.
func (b *clusterBench) throughput(ctx context.Context) error {
	type subject struct {
		*fixAtLeader
		speeds, perEntry []float64
		bytes, disk      []float64 // bytes of log for each order, and the disk's orders a second
	}
	all := []*subject{{}, {}}
	for i, s := range all {
		t, err := b.lay("throughput", []int{3, 1}[i])
		if err != nil {
			return err
		}
		defer b.close(t)
		v, err := b.begin(ctx, t)
		if err != nil {
			return err
		}
		s.fixAtLeader = &fixAtLeader{name: []string{"three nodes", "one node"}[i], t: t, at: v.FIX}
		defer s.close()
	}
	var runs []latencyRun
	for _, perSecond := range b.Rates {
		for _, s := range all {
			b.p.show("throughput: latency of %s at %s orders a second", s.name, rate(float64(perSecond)))
			r, err := s.measure(ctx, func() *fixRun {
				return &fixRun{want: max(2, int(float64(perSecond)*b.Seconds)/2*2), perSecond: perSecond, done: newHistogram(), sent: newHistogram()}
			})
			if err != nil {
				return err
			}
			runs = append(runs, latencyRun{subject: s.name, rate: perSecond, commands: r.want, late: r.late, pauses: r.sample, times: r.done})
		}
		times, late := tryDisk(b.dir, perSecond, b.Seconds)
		runs = append(runs, latencyRun{subject: "the disk: 4 KiB, fdatasync", rate: perSecond, commands: int(times.TotalCount()), late: late, times: times})
	}
	for rep := range b.Repeats {
		for i := range all {
			if rep%2 == 1 {
				i = len(all) - 1 - i
			}
			s := all[i]
			b.p.show("throughput: %s, repetition %d of %d", s.name, rep+1, b.Repeats)
			var before, after nodes.Status
			r, err := s.measure(ctx, func() *fixRun {
				before = s.standing
				return &fixRun{want: b.Orders, window: b.Window}
			})
			if err == nil {
				after, err = s.leader.Status(ctx)
			}
			if err != nil {
				return err
			}
			entries := int(after.Index - before.Index)
			bytes := int(after.Log.Bytes - before.Log.Bytes)
			s.speeds = append(s.speeds, float64(r.want)/r.took.Seconds())
			s.perEntry = append(s.perEntry, float64(r.want)/float64(max(entries, 1)))
			s.bytes = append(s.bytes, float64(bytes)/float64(r.want))
			took, err := appendAndSync(ctx, b.dir, entries, bytes)
			if err != nil {
				return err
			}
			s.disk = append(s.disk, float64(r.want)/took.Seconds())
		}
	}
	b.p.clear()
	printLatency(b.w, runs)
	fmt.Fprintf(b.w, `  by one FIX session to the leader, from when an order was due to its report 150=0, every second order trades; the other venue's nodes
  wait meanwhile. The disk's line is 4 KiB appended with fdatasync on the same schedule, alone. Collections and pauses are the client's

throughput: %d repetitions of %s orders, up to %s ahead of their answers, three nodes and one in turn
`, b.Repeats, thousands(b.Orders), thousands(b.Window))
	w := newTable(b.w)
	fmt.Fprintln(w, "\torders/s, median\tmin\tmax\torders an entry\tlog bytes an order\tthe disk alone, orders/s\tof it\t")
	for _, s := range all {
		var of []float64
		for i := range s.speeds {
			of = append(of, s.speeds[i]/s.disk[i])
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.0f\t%.0f\t%s\t%.2f\t\n", s.name, rate(median(s.speeds)), rate(slices.Min(s.speeds)), rate(slices.Max(s.speeds)),
			median(s.perEntry), median(s.bytes), rate(median(s.disk)), median(of))
	}
	w.Flush()
	var ratios []float64
	for i := range all[0].speeds {
		ratios = append(ratios, all[0].speeds[i]/all[1].speeds[i])
	}
	fmt.Fprintf(b.w, `  three nodes ÷ one node, within a repetition: median %.2f (%.2f–%.2f)
  the disk alone: behind each repetition, the same number of appends of the same bytes as its log entries, each with fdatasync, in one file
`, median(ratios), slices.Min(ratios), slices.Max(ratios))
	s, err := all[0].t.Level(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.disturbed > 0 {
			fmt.Fprintf(b.w, "  %d runs with %s were begun anew as another node came to lead: the machine had too much to do\n", s.disturbed, s.name)
		}
	}
	fmt.Fprintf(b.w, "  check: every order was answered once and every second one traded; the three nodes stand at command %s with the same hash\n", thousands(int(s.Command)))
	return nil
}

// fixAtLeader is a FIX session at the node that leads.
type fixAtLeader struct {
	name      string
	t         *nodes.Venue
	at        FIXEndpoint
	leader    *nodes.Node
	standing  nodes.Status // of the leader when the latest run began
	c         *fixClient
	runs      int // so far
	disturbed int // of them begun anew
}

// mostDisturbed is how often one run is begun anew because another node leads.
const mostDisturbed = 5

// measure carries out a run, and does it again where another node came to lead meanwhile.
func (f *fixAtLeader) measure(ctx context.Context, run func() *fixRun) (r *fixRun, err error) {
	for range mostDisturbed {
		if f.c == nil {
			if f.leader, err = f.t.Leader(ctx); err != nil {
				return nil, err
			}
			at, runs := f.at, f.runs
			at.Address, at.Reset = f.leader.FIX, true
			if f.c, err = openFIXClient(ctx, f.name, func(context.Context) (FIXEndpoint, error) { return at, nil }); err != nil {
				f.c = nil
				continue
			}
			f.c.runs = runs // the orders have other ids
		}
		if f.standing, err = f.leader.Status(ctx); err != nil {
			return nil, err
		}
		r = run()
		if err = f.c.measure(ctx, r); !errors.Is(err, errDisturbed) || ctx.Err() != nil {
			return r, err
		}
		f.close()
		f.disturbed++
	}
	return nil, err
}

func (f *fixAtLeader) close() {
	if f.c != nil {
		f.runs = f.c.runs
		_ = f.c.close() // the figures are there
		f.c = nil
	}
}

// appendAndSync appends so many bytes in so many equal parts to a file, each with fdatasync, and returns how long that took.
func appendAndSync(ctx context.Context, dir string, parts, bytes int) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "append-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	part := make([]byte, max(bytes/max(parts, 1), 1))
	begin := time.Now()
	for range parts {
		if _, err := f.Write(part); err != nil {
			return 0, err
		}
		if err := dataSync(f); err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return max(time.Since(begin), 1), nil
}

// tryDisk appends 4 KiB with fdatasync on a fixed schedule, and stops at one that fails. What is late is due at its time all the same,
// up to one append for each that is due: the log puts what waits into one entry, so this does as well.
func tryDisk(dir string, perSecond int, seconds float64) (times *hdrhistogram.Histogram, late time.Duration) {
	times = newHistogram()
	f, err := os.Create(filepath.Join(dir, "append"))
	if err != nil {
		return times, 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	runtime.GC()
	part, p := make([]byte, diskWrite), pace{perSecond: perSecond}
	count := int(float64(perSecond) * seconds)
	begin := time.Now()
	for i := 0; i < count; {
		if wait := p.due(i) - time.Since(begin); wait > 0 {
			sleepFor(wait)
			continue
		}
		due := i // those that are due by now go together
		for now := time.Since(begin); due < count && p.due(due) <= now; due++ {
		}
		if _, err := f.Write(part); err != nil {
			return times, late
		}
		if err := dataSync(f); err != nil {
			return times, late
		}
		for done := time.Since(begin); i < due; i++ {
			late = done - p.due(i)
			record(times, int64(late))
		}
	}
	return times, late
}
