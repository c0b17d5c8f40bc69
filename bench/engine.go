package bench

import (
	"context"
	"fmt"
	"io"

	"uncross/bench/flow"
)

// Engine measures the engine alone, with and without client order ids, and the book beside it, and writes the figures to
// w. It first checks that all make the trades that the flow's generator made.
func Engine(ctx context.Context, w io.Writer, o Options) error {
	o = o.withDefaults(50_000, 200_000, 500_000)
	if err := o.Flow.Validate(); err != nil {
		return err
	}
	p := newProgress(o.Progress)
	defer p.clear()
	p.show("generating the flow")
	f := flow.Generate(o.Flow)
	subjects := []subject{
		&engineSubject{title: "engine", flow: f, day: newDay(f, true)},
		&engineSubject{title: "no client ids", flow: f, day: newDay(f, false)},
		&bookSubject{flow: f},
	}

	p.clear()
	fmt.Fprintln(w, "uncross bench engine: the engine alone, beside the same without client order ids, and the book")
	printMachine(w)
	printLoad(w, "at the start")
	printFlow(w, f)
	printVenue(w)
	fmt.Fprintln(w, `method    one goroutine calls Engine.Apply with one command after the other, in memory
included  rights, repeats, risk, holding funds, the book, settlement with fees, state hashes, events into a buffer
excluded  making, encoding and decoding commands, the log, the network, readers of the events`)
	return measure(ctx, w, f, subjects, o, p)
}

func printVenue(w io.Writer) {
	fmt.Fprintf(w, "venue     each user has an account, funded, and a key; fees %d/%d basis points; a move is a replace; every request has a client id unless stated otherwise\n", makerBps, takerBps)
}
