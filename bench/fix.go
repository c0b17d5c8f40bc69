package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// FIXEndpoint is an acceptor that a measurement logs on to.
type FIXEndpoint struct {
	Address, CompID, Target, Password string
	Symbol, Buyer, Seller             string // an instrument in continuous trading, and a funded account for either side
	Trades                            bool   // orders that meet trade; otherwise an order is answered and that is all
	Reset                             bool   // the session begins with ResetSeqNumFlag: it may have been used before
	Stop                              func() error
}

// FIXOptions of a measurement. The zero value of a field stands for its default.
type FIXOptions struct {
	Options
	Orders int // of each throughput run; default 50,000; an even number
	Window int // orders sent ahead of their answers in a throughput run; default 500
	// Venue and Echo start what is measured, each as a process of its own: a venue as it is served, and an acceptor that
	// answers every order at once and does nothing else. They are called once.
	Venue, Echo func(ctx context.Context) (FIXEndpoint, error)
}

func (o FIXOptions) withDefaults() FIXOptions {
	o.Options = o.Options.withDefaults(1_000, 5_000, 10_000)
	if o.Orders <= 0 {
		o.Orders = 50_000
	}
	o.Orders += o.Orders % 2
	if o.Window <= 0 {
		o.Window = 500
	}
	return o
}

// FIX measures orders that come by FIX, from the client's side: round trips and throughput of one session, with a venue
// and with an echo in turn. It writes the figures to w.
func FIX(ctx context.Context, w io.Writer, o FIXOptions) (err error) {
	o = o.withDefaults()
	p := newProgress(o.Progress)
	defer p.clear()
	fmt.Fprintln(w, "uncross bench fix: orders by one FIX 4.4 session, from the client's side of a loopback connection")
	printMachine(w)
	printLoad(w, "at the start")
	fmt.Fprintf(w, `flow      limit orders of one lot at one price, buy and sell in turn: every second order trades with the one before it
method    our own client (package initiator) measures; a round trip is from NewOrderSingle (35=D) to its ExecutionReport 150=0
venue     "uncross serve" as a process of its own: session layer, dictionary, entry, sequencer, raft of one node, log with fsync,
          engine, numbers and bodies of the reports (outbox), reports; two fills of every trade come on the same session
echo      the same client and codec, and a process that answers every order with a report at once: no session store, no
          dictionary, no venue, no log, no fills. What it takes is the client, the two codecs and the loopback
included  the client's own work: building, storing and writing the order, reading and parsing the reports
excluded  logon, TLS, the network between two machines, other nodes
`)
	if err := printDisk(w, o.Dir); err != nil {
		return err
	}
	var clients []*fixClient
	defer func() {
		for _, c := range clients {
			err = errors.Join(err, c.close())
		}
	}()
	for _, s := range []struct {
		name  string
		start func(context.Context) (FIXEndpoint, error)
	}{{"venue", o.Venue}, {"echo", o.Echo}} {
		p.show("fix: starting the %s", s.name)
		c, err := openFIXClient(ctx, s.name, s.start)
		if err != nil {
			return err
		}
		clients = append(clients, c)
	}
	for _, part := range []func(context.Context, io.Writer, []*fixClient, FIXOptions, *progress) error{fixRoundTrips, fixLatency, fixThroughput} {
		if err := part(ctx, w, clients, o, p); err != nil {
			return err
		}
	}
	p.clear()
	fmt.Fprintln(w)
	printLoad(w, "at the end")
	return nil
}

// fixRoundTrips has one order under way at a time: the next one is sent when the one before is answered.
func fixRoundTrips(ctx context.Context, w io.Writer, clients []*fixClient, o FIXOptions, p *progress) error {
	type row struct {
		name string
		run  *fixRun
	}
	var rows []row
	for _, c := range clients {
		p.show("fix: round trips with the %s", c.name)
		r := &fixRun{window: 1, until: time.Duration(o.Seconds * float64(time.Second)), sinceSent: newHistogram()}
		if err := c.measure(ctx, r); err != nil {
			return err
		}
		rows = append(rows, row{c.name, r})
	}
	p.clear()
	fmt.Fprintf(w, "\nround trip with one order under way, the next one when it is answered (closed loop: waiting for a slow answer is not counted for the next)\n")
	t := newTable(w)
	fmt.Fprintln(t, "\torders\tp50\tp90\tp99\tp99.9\tp99.99\tmax\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", r.name, thousands(int(r.run.answered.Load())), quantiles(r.run.sinceSent))
	}
	t.Flush()
	fmt.Fprintf(w, "  venue p50 ÷ echo p50: %.1f\n", ratioOf(rows[0].run.sinceSent, rows[1].run.sinceSent))
	return nil
}

func quantiles(h *hdrhistogram.Histogram) string {
	text := ""
	for _, q := range percentiles {
		text += fmt.Sprintf("%v\t", round(time.Duration(h.ValueAtQuantile(q))))
	}
	return text + fmt.Sprint(round(time.Duration(h.Max())))
}

func ratioOf(a, b *hdrhistogram.Histogram) float64 {
	return float64(a.ValueAtQuantile(50)) / float64(max(b.ValueAtQuantile(50), 1))
}

// fixLatency sends on a fixed schedule, whatever has been answered.
func fixLatency(ctx context.Context, w io.Writer, clients []*fixClient, o FIXOptions, p *progress) error {
	var runs []latencyRun
	for _, perSecond := range o.Rates {
		for _, c := range clients {
			p.show("fix: latency of the %s at %s orders a second", c.name, rate(float64(perSecond)))
			r := &fixRun{want: max(2, int(float64(perSecond)*o.Seconds)/2*2), perSecond: perSecond, done: newHistogram(), sent: newHistogram()}
			if err := c.measure(ctx, r); err != nil {
				return err
			}
			runs = append(runs,
				latencyRun{subject: c.name, rate: perSecond, commands: r.want, late: r.late, pauses: r.sample, times: r.done},
				latencyRun{subject: c.name + ", sent", rate: perSecond, commands: r.want, pauses: r.sample, times: r.sent})
		}
	}
	p.clear()
	printLatency(w, runs)
	fmt.Fprintln(w, "  from when an order was due to its report 150=0 at the client; sent is how late the client gave it to its session, and is part of it.\n  Collections and pauses are the client's")
	return nil
}

// fixThroughput sends as fast as the window allows, the venue and the echo in turn.
func fixThroughput(ctx context.Context, w io.Writer, clients []*fixClient, o FIXOptions, p *progress) error {
	speeds := make([][]float64, len(clients))
	executions := make([][]float64, len(clients))
	for rep := range o.Repeats {
		for i := range clients {
			if rep%2 == 1 {
				i = len(clients) - 1 - i
			}
			p.show("fix: throughput of the %s, repetition %d of %d", clients[i].name, rep+1, o.Repeats)
			r := &fixRun{want: o.Orders, window: o.Window}
			if err := clients[i].measure(ctx, r); err != nil {
				return err
			}
			speeds[i] = append(speeds[i], float64(r.want)/r.took.Seconds())
			executions[i] = append(executions[i], float64(r.answered.Load()+r.fills.Load())/r.took.Seconds())
		}
	}
	p.clear()
	fmt.Fprintf(w, "\nthroughput: %d repetitions of %s orders, up to %s ahead of their answers\n", o.Repeats, thousands(o.Orders), thousands(o.Window))
	t := newTable(w)
	fmt.Fprintln(t, "\torders/s, median\tmin\tmax\texecution reports/s, median\t")
	for i, c := range clients {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", c.name, rate(median(speeds[i])), rate(slices.Min(speeds[i])), rate(slices.Max(speeds[i])), rate(median(executions[i])))
	}
	t.Flush()
	ratios := make([]float64, o.Repeats)
	for rep := range ratios {
		ratios[rep] = speeds[0][rep] / speeds[1][rep]
	}
	fmt.Fprintf(w, "  venue ÷ echo, within a repetition: median %.2f\n", median(ratios))
	fmt.Fprintln(w, "  check: every order was answered once; the venue reported both sides of a trade for every second order, the echo none")
	return nil
}
