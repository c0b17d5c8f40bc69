package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"uncross/bench"
	"uncross/bench/flow"
)

type benchCmd struct {
	What     string  `arg:"" optional:"" enum:"book,engine,pipeline,all" default:"all" help:"What to measure: book, engine, pipeline or all (default: all)."`
	Commands int     `default:"3000000" help:"Messages of the flow (default: 3000000)."`
	Orders   int     `default:"1000" help:"Orders that rest in the book (default: 1000)."`
	Repeats  int     `default:"5" help:"Repetitions of each throughput measurement (default: 5)."`
	Rates    []int   `help:"Commands per second of the latency measurements."`
	Seconds  float64 `default:"2" help:"Length of each latency measurement (default: 2)."`
	Profile  string  `type:"path" help:"File to write a CPU profile to."`
	Dir      string  `type:"path" help:"Where the pipeline makes its temporary data directory (default: the system's)."`
}

// Help implements kong.HelpProvider.
func (benchCmd) Help() string {
	return `Prints method, mix and figures; nothing is judged. The pipeline writes its log with fsync: put --dir on the disk that
the figures are for.

Examples
  uncross bench
  uncross bench pipeline --dir /var/lib/uncross --rates 50000,200000`
}

// Validate implements kong.Validatable.
func (c *benchCmd) Validate() error {
	for _, rate := range c.Rates {
		if rate < 1 {
			return fmt.Errorf("--rates %d: a rate is at least 1 command a second", rate)
		}
	}
	if c.Commands < 1 || c.Orders < 1 || c.Repeats < 1 || !(c.Seconds > 0) {
		return errors.New("--commands, --orders, --repeats and --seconds are greater than 0")
	}
	return nil
}

// Run measures.
func (c *benchCmd) Run(s *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	set := flow.Standard()
	set.Commands, set.Target = c.Commands, c.Orders
	o := bench.Options{Flow: set, Repeats: c.Repeats, Rates: c.Rates, Seconds: c.Seconds, Profile: c.Profile, Dir: c.Dir}
	if bar := newProgress(s.err); bar.on {
		o.Progress = s.err
	}
	for _, m := range []struct {
		name string
		run  func(context.Context, io.Writer, bench.Options) error
	}{{"book", bench.Book}, {"engine", bench.Engine}, {"pipeline", bench.Pipeline}} {
		if c.What != "all" && c.What != m.name {
			continue
		}
		if err := m.run(ctx, s.out, o); err != nil {
			return err
		}
	}
	return nil
}
