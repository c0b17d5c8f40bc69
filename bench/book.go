package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"uncross/bench/flow"
)

// Book measures package book beside the plain book and writes the figures to w. It first checks that both make the
// trades that the flow's generator made, and fails when one does not.
func Book(ctx context.Context, w io.Writer, o Options) error {
	o = o.withDefaults(100_000, 500_000, 1_000_000)
	if err := o.Flow.Validate(); err != nil {
		return err
	}
	p := newProgress(o.Progress)
	defer p.clear()
	p.show("generating the flow")
	f := flow.Generate(o.Flow)
	subjects := []subject{&bookSubject{flow: f}, &plainSubject{flow: f}}

	p.clear()
	fmt.Fprintln(w, "uncross bench book: the order book alone, beside a plain one (google/btree of pointers, container/list, map)")
	printMachine(w)
	printLoad(w, "at the start")
	printFlow(w, f)
	fmt.Fprintln(w, `method    one goroutine calls the book with one command after the other, in memory
included  finding the order, matching, making and deleting levels, writing fills to a buffer
excluded  generating and decoding commands, accounts and money, the log, the network`)
	return measure(ctx, w, f, subjects, o, p)
}

// measure runs every measurement that a flow in memory allows.
func measure(ctx context.Context, w io.Writer, f *flow.Flow, subjects []subject, o Options, p *progress) error {
	if err := check(ctx, f, subjects, p); err != nil {
		return err
	}
	n := len(f.Bench())
	p.clear()
	fmt.Fprintf(w, "check     every subject makes the generator's trades: %v\n", f.Trades)
	samples, err := throughput(ctx, subjects, n, o.Repeats, p)
	if err != nil {
		return err
	}
	p.clear()
	printThroughput(w, subjects, n, samples)
	runs, err := latency(ctx, subjects, n, o, p)
	if err != nil {
		return err
	}
	p.clear()
	printLatency(w, runs)
	fmt.Fprintln(w, "  (no work) is the same schedule with nothing to do: what the machine and others on it add by themselves")
	fmt.Fprintf(w, "  reading the clock takes %v, once in every figure\n", clockCost())
	if err := whereTheTimeGoes(ctx, w, subjects, n, o, p); err != nil {
		return err
	}
	p.clear()
	fmt.Fprintln(w)
	printLoad(w, "at the end")
	return nil
}

func whereTheTimeGoes(ctx context.Context, w io.Writer, subjects []subject, n int, o Options, p *progress) error {
	for i, s := range subjects {
		times, err := byKind(ctx, s, n, p)
		if err != nil {
			return err
		}
		p.clear()
		printKinds(w, s, times)
		raw, err := sampleCPU(ctx, s, n, time.Duration(o.Seconds*profileRuns*float64(time.Second)), p)
		if err != nil {
			return err
		}
		p.clear()
		if err := printProfile(w, s.name(), raw, measuredLabel); err != nil {
			return err
		}
		if i == 0 {
			if err := saveProfile(raw, o.Profile); err != nil {
				return err
			}
		}
	}
	return nil
}

// printFlow writes which flow is measured and its mix as counted.
func printFlow(w io.Writer, f *flow.Flow) {
	c := f.Config
	n := len(f.Bench())
	mix := flow.Mix(f.Bench())
	fmt.Fprintf(w, "flow      one instrument, %s commands after a fill of %s orders (not measured), %s users, seed %d\n", thousands(n), thousands(f.FillLen), thousands(int(c.Users)), c.Seed)
	fmt.Fprintf(w, "mix       new gtc %s, new ioc %s, cancel %s, move %s\n", percent(mix[flow.NewGTC], n), percent(mix[flow.NewIOC], n), percent(mix[flow.Cancel], n), percent(mix[flow.Move], n))
}
