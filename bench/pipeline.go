package bench

import (
	"context"
	"fmt"
	"io"
	"slices"

	"uncross/bench/flow"
)

// Pipeline measures the whole durable way of a command in one process: input ring, sequencer, raft of one node, the log
// on disk with fsync, engine, event ring, one lossless reader. It writes the figures to w.
func Pipeline(ctx context.Context, w io.Writer, o Options) error {
	o = o.withDefaults(10_000, 50_000, 100_000, 200_000)
	if err := o.Flow.Validate(); err != nil {
		return err
	}
	p := newProgress(o.Progress)
	defer p.clear()
	p.show("generating the flow")
	f := flow.Generate(o.Flow)
	d := newDay(f, true)

	p.clear()
	fmt.Fprintln(w, "uncross bench pipeline: input ring, sequencer, raft of one node, log with fsync, engine, event ring, one lossless reader")
	printMachine(w)
	printLoad(w, "at the start")
	printFlow(w, f)
	printVenue(w)
	fmt.Fprintln(w, `method    one goroutine submits, one reads events; a command is done when the last of its events is read, after its entry is durable
included  batching, encoding, raft, the log and its fsync, decoding, the engine, both rings, snapshots that become due
excluded  making commands, gateway, authentication, network, other nodes`)
	if err := printDisk(w, o.Dir); err != nil {
		return err
	}
	if err := pipelineThroughput(ctx, w, f, d, o, p); err != nil {
		return err
	}
	if err := pipelineLatency(ctx, w, d, o, p); err != nil {
		return err
	}
	p.clear()
	fmt.Fprintln(w)
	printLoad(w, "at the end")
	return nil
}

// pipelineThroughput submits everything as fast as it is taken, in a new venue each time.
func pipelineThroughput(ctx context.Context, w io.Writer, f *flow.Flow, d day, o Options, p *progress) error {
	n := len(d.bench)
	var runs []nodeRun
	for rep := range o.Repeats {
		p.show("pipeline: repetition %d of %d", rep+1, o.Repeats)
		r, err := runNode(ctx, d, o.Dir, pace{count: n})
		if err != nil {
			return err
		}
		if r.trades != f.Trades {
			return fmt.Errorf("the pipeline does not make the flow's trades: it made %v, the generator %v", r.trades, f.Trades)
		}
		runs = append(runs, r)
	}
	p.clear()
	fmt.Fprintf(w, "check     every repetition makes the generator's trades: %v\n", f.Trades)
	printNodeRuns(w, runs, n)

	p.show("pipeline: CPU profile")
	raw, err := profiled(func() error {
		_, err := runNode(ctx, d, o.Dir, pace{count: n})
		return err
	})
	if err != nil {
		return err
	}
	p.clear()
	if err := printProfile(w, "the pipeline, all goroutines of the same once more", raw, ""); err != nil {
		return err
	}
	return saveProfile(raw, o.Profile)
}

func printNodeRuns(w io.Writer, runs []nodeRun, n int) {
	fmt.Fprintf(w, "\nthroughput: %d repetitions of %s commands, each in a new venue, submitted as fast as they are taken\n", len(runs), thousands(n))
	var speeds []float64
	var all nodeRun
	for _, r := range runs {
		speeds = append(speeds, float64(n)/r.took.Seconds())
		all.add(r)
	}
	commands := float64(n * len(runs))
	t := newTable(w)
	fmt.Fprintln(t, "median/s\tmin/s\tmax/s\tcommands an entry\tentries/s\tallocs each\tbytes each\tGC cycles\tpauses\tworst\tsnapshots\t")
	fmt.Fprintf(t, "%s\t%s\t%s\t%.0f\t%.0f\t%.3f\t%.0f\t%d\t%v\t%v\t%d\t\n", rate(median(speeds)), rate(slices.Min(speeds)), rate(slices.Max(speeds)),
		commands/float64(max(all.entries, 1)), float64(all.entries)/all.took.Seconds(), float64(all.mallocs)/commands, float64(all.bytes)/commands,
		all.gcs, round(all.gcPauses), round(all.gcWorst), all.snapshots)
	t.Flush()
	fmt.Fprintf(w, "  a command takes %.0f bytes in the log", float64(all.encoded)/commands)
	if all.written > 0 {
		fmt.Fprintf(w, "; %.0f bytes were written to disk for it, compaction and snapshots included", float64(all.written)/commands)
	}
	fmt.Fprintf(w, "\n  \"busy\" was answered %s times, and the command submitted again\n", thousands(all.busy))
}

// pipelineLatency submits on a fixed schedule, in a new venue for each rate.
func pipelineLatency(ctx context.Context, w io.Writer, d day, o Options, p *progress) error {
	var runs []latencyRun
	for _, perSecond := range o.Rates {
		p.show("pipeline: latency at %s commands a second", rate(float64(perSecond)))
		count := min(len(d.bench), int(float64(perSecond)*o.Seconds))
		plan := pace{count: count, perSecond: perSecond, done: newHistogram(), sent: newHistogram()}
		r, err := runNode(ctx, d, o.Dir, plan)
		if err != nil {
			return err
		}
		runs = append(runs,
			latencyRun{subject: "answered", rate: perSecond, commands: count, late: r.late, pauses: r.sample, times: plan.done},
			latencyRun{subject: "submitted", rate: perSecond, commands: count, pauses: r.sample, times: plan.sent})
	}
	p.clear()
	printLatency(w, runs)
	fmt.Fprintln(w, "  submitted is how late the submitting goroutine was by itself: waking up, and waiting where the answer was \"busy\"; it is part of answered")
	return nil
}
