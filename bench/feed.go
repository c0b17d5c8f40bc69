package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// FeedEndpoint is a venue whose market data are measured: its address, and a FIX session by which orders enter it.
type FeedEndpoint struct {
	URL string
	FIXEndpoint
}

// FeedOptions of a measurement. The zero value of a field stands for its default. Rates are orders and cancels a second.
type FeedOptions struct {
	Options
	Subscribers int // connections; default 1,000
	Slow        int // of them so many that read little; default a twentieth
	Flood       int // orders and cancels a second of the throughput runs; default 2,000
	// Venue and Fanout start what is measured, each as a process of its own: a venue as it is served, and the yardstick (see
	// ServeFanout). They are called once.
	Venue  func(ctx context.Context) (FeedEndpoint, error)
	Fanout func(ctx context.Context) (address string, stop func() error, err error)
}

func (o FeedOptions) withDefaults() FeedOptions {
	if o.Seconds <= 0 {
		o.Seconds = 5
	}
	o.Options = o.Options.withDefaults(20, 100)
	if o.Subscribers <= 0 {
		o.Subscribers = 1000
	}
	if o.Slow <= 0 {
		o.Slow = o.Subscribers / 20
	}
	o.Slow = min(o.Slow, o.Subscribers-1)
	if o.Flood <= 0 {
		o.Flood = 2000
	}
	return o
}

// The encodings that are compared.
var feedForms = []struct {
	name   string
	binary bool
}{{"JSON", false}, {"binary", true}}

// feedRow is what one run came to.
type feedRow struct {
	rate  int
	form  string
	run   *feedRun
	load  *feedLoad
	plain *fanoutRun // as many messages of the same mean size, without a venue
}

// Feed measures market data from the subscribers' side: delay at fixed rates of orders, and how much gets to them when the
// books change all the time. It writes the figures to w.
func Feed(ctx context.Context, w io.Writer, o FeedOptions) (err error) {
	o = o.withDefaults()
	p := newProgress(o.Progress)
	defer p.clear()
	fmt.Fprintf(w, "uncross bench feed: market data to %s subscribers, %s of them slow, over WebSockets on the loopback\n", thousands(o.Subscribers), thousands(o.Slow))
	printMachine(w)
	printLoad(w, "at the start")
	printFeedMethod(w, o)
	if err := printDisk(w, o.Dir); err != nil {
		return err
	}
	p.show("feed: starting the venue")
	at, err := o.Venue(ctx)
	if err != nil {
		return fmt.Errorf("starting the venue: %w", err)
	}
	defer func() { err = errors.Join(err, at.Stop()) }()
	address, stop, err := o.Fanout(ctx)
	if err != nil {
		return fmt.Errorf("starting the yardstick: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	trader, err := openFeedTrader(ctx, at.FIXEndpoint)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, trader.close()) }()

	// The book is full before anything is measured.
	if _, err := trader.load(ctx, feedFill, time.Second); err != nil {
		return err
	}
	m := &feedBench{o: o, at: at, fanout: address, trader: trader, p: p}
	var delays, floods []feedRow
	for _, perSecond := range o.Rates {
		for _, form := range feedForms {
			row, err := m.measure(ctx, perSecond, form.name, form.binary, delayChannels)
			if err != nil {
				return err
			}
			delays = append(delays, row)
		}
	}
	for _, form := range feedForms {
		row, err := m.measure(ctx, o.Flood, form.name, form.binary, floodChannels)
		if err != nil {
			return err
		}
		floods = append(floods, row)
	}
	p.clear()
	printDelays(w, delays)
	printDelivered(w, "delivered at these rates", delays)
	printDelivered(w, fmt.Sprintf("delivered with the book alone, which changes all the time (%s orders a second): the venue publishes it every 10 ms at most", rate(float64(o.Flood))), floods)
	fmt.Fprintln(w)
	printLoad(w, "at the end")
	return nil
}

// The channels of a subscriber: all three where delay is measured; where as much as possible is sent, only one that may be
// conflated.
var (
	delayChannels = []string{"trades", "bbo", "book"}
	floodChannels = []string{"book"}
)

func printFeedMethod(w io.Writer, o FeedOptions) {
	fmt.Fprintf(w, `flow      one instrument, by one FIX session at a fixed rate whatever is answered: half are limit orders around one price of which a third
          trades at once, half cancels of orders that rest
readers   every subscriber is a connection of this process with the channels trades, bbo and book; a slow one reads 1 KiB every
          100 ms from a socket that holds little. Subscriptions and first snapshots are over before a run begins
delay     from the time in a message, which the venue's sequencer stamps on the command before it is written to the log, until this
          process has the whole message. So it includes the log's fsync, the engine, the publisher, and for book and bbo what is left of
          the 10 ms in which it gathers changes (the time is that of the last change). Both clocks are this machine's
order     for comparison, from when an order was due until its ExecutionReport was read here: what the same command takes to
          its owner. Market data are behind the commit by what their delay exceeds it, more or less
yardstick a process of this program that writes messages of the same mean size at the same rate to as many plain TCP
          connections, one write each, in a loop; delay from when a message was due. It is what sockets, system and readers take without a venue
included  reading and finding the time in each message, of all fast subscribers, by the same two or more cores as the venue
excluded  TLS, compression, the network between two machines
runs      %v s each
`, o.Seconds)
}

// feedBench is what the runs share.
type feedBench struct {
	o      FeedOptions
	at     FeedEndpoint
	fanout string
	trader *feedTrader
	p      *progress
}

// measure makes one run with the venue, and one of the same shape with the yardstick.
func (m *feedBench) measure(ctx context.Context, perSecond int, form string, binary bool, channels []string) (row feedRow, err error) {
	m.p.show("feed: %s, %s orders a second, connecting", form, rate(float64(perSecond)))
	row = feedRow{rate: perSecond, form: form, run: newFeedRun(m.o.Subscribers-m.o.Slow, m.o.Slow, binary, channels)}
	defer row.run.close()
	if err := row.run.connect(ctx, m.at.URL, m.at.Symbol); err != nil {
		return row, err
	}
	m.p.show("feed: %s, %s orders a second", form, rate(float64(perSecond)))
	runtime.GC()
	row.run.begin()
	if row.load, err = m.trader.load(ctx, perSecond, time.Duration(m.o.Seconds*float64(time.Second))); err != nil {
		return row, err
	}
	row.run.end(feedTail)
	if err := row.run.check(); err != nil {
		return row, err
	}
	row.run.close()
	// The yardstick: as many messages a second to each as a subscriber had in the run, of their mean size.
	m.p.show("feed: the yardstick")
	each := float64(row.run.messages.Load()) / float64(row.run.fast) / row.run.took.Seconds()
	row.plain, err = runFanout(ctx, m.fanout, row.run.fast, int(row.run.bytes.Load()/max(row.run.messages.Load(), 1)), each, m.o.Seconds)
	return row, err
}

// feedFill is how many orders and cancels fill the book.
const feedFill = 1000

// feedTail is how long messages are waited for after the last order.
const feedTail = 300 * time.Millisecond

func printDelays(w io.Writer, rows []feedRow) {
	fmt.Fprintln(w, "\ndelay to a fast subscriber")
	t := newTable(w)
	fmt.Fprintln(t, "orders/s\tform\tof\tmessages\tp50\tp90\tp99\tp99.9\tp99.99\tmax\t")
	for _, r := range rows {
		line := func(form, of string, h *hdrhistogram.Histogram) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", rate(float64(r.rate)), form, of, thousands(int(h.TotalCount())), quantiles(h))
		}
		for _, channel := range r.run.channels {
			line(r.form, channel, r.run.delays(channel))
		}
		line("FIX", "order", r.load.answers)
		line("yardstick", "plain", r.plain.delays)
	}
	t.Flush()
	for _, r := range rows {
		if r.load.late > time.Millisecond {
			fmt.Fprintf(w, "  orders at %s/s went out up to %v late\n", rate(float64(r.rate)), round(r.load.late))
		}
	}
}

func printDelivered(w io.Writer, title string, rows []feedRow) {
	fmt.Fprintf(w, "\n%s\n", title)
	t := newTable(w)
	fmt.Fprintln(t, "orders/s\tform\tmessages/s\tMB/s\tbytes a message\tto each/s\tfast: new snapshots\tcut off\tslow: new snapshots\tcut off\tyardstick messages/s\tMB/s\t")
	for _, r := range rows {
		n, b, s := float64(r.run.messages.Load()), float64(r.run.bytes.Load()), r.run.took.Seconds()
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1f\t%.0f\t%.0f\t%d\t%d\t%d\t%d\t%s\t%.1f\t\n", rate(float64(r.rate)), r.form, rate(n/s), b/s/1e6, b/max(n, 1), n/s/float64(r.run.fast),
			r.run.snapshots[0].Load(), r.run.cut[0].Load(), r.run.snapshots[1].Load(), r.run.cut[1].Load(),
			rate(float64(r.plain.messages)/r.plain.took.Seconds()), float64(r.plain.bytes)/r.plain.took.Seconds()/1e6)
	}
	t.Flush()
	fmt.Fprintln(w, "  to the fast ones alone; bytes with the frames' headers. A new snapshot is one that was not asked for: the reader had fallen behind. A slow one is\n  dealt with only when what it has not read is more than its socket (some 256 KiB) and the topic (1 MiB) hold: a longer run\n  (--seconds) shows that. Check: every update of a fast subscriber continued the message before it")
}
