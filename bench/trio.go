package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"uncross/gateway/auth"
	"uncross/internal/nodes"
)

// ClusterParts are the parts of the measurement of three nodes, in their order.
var ClusterParts = []string{"failover", "hang", "throughput", "catchup", "restart", "disk"}

// ClusterVenue is what the venue of a measurement has.
type ClusterVenue struct {
	Operator    auth.Key // of the venue
	Trader      auth.Key // of Account
	Account     string   // small orders of the probe are its; funded
	Symbol      string   // in which they are, in continuous trading at prices far above 0.01
	FIX         FIXEndpoint
	Buys, Sells []string // accounts of the FIX session's key that may each have many open orders
}

// ClusterOptions of the measurement of three nodes. The zero value of a field stands for its default.
type ClusterOptions struct {
	Options
	Program string   // of which the nodes are processes
	Parts   []string // default: ClusterParts

	Failovers int // SIGKILLs of the leader; default 10
	Stops     int // graceful stops of it; default 5
	Transfers int // of leadership; default 5
	Hangs     int // of its disk; default 2

	Orders       int   // of each repetition of throughput, and that a follower misses; default 20,000
	Window       int   // orders ahead of their answers; default 500
	Resting      int   // open orders at a restart; default 100,000
	Commands     int   // of each run that fills the disk; default 200,000
	HistoryBytes int64 // what the history is trimmed to in one of these runs; default 16 MiB

	// Init prepares the data directory of a new venue.
	Init func(data string) error
	// SetUp makes what a new venue has, by way of the node that leads. The keys are made beside the data directory.
	SetUp func(ctx context.Context, data, url string) (ClusterVenue, error)
}

func (o ClusterOptions) withDefaults() ClusterOptions {
	o.Options = o.Options.withDefaults(500, 2_000, 5_000)
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Failovers, 10)
	set(&o.Stops, 5)
	set(&o.Transfers, 5)
	set(&o.Hangs, 2)
	set(&o.Orders, 20_000)
	o.Orders += o.Orders % 2
	set(&o.Window, 500)
	set(&o.Resting, 100_000)
	set(&o.Commands, 200_000)
	if o.HistoryBytes <= 0 {
		o.HistoryBytes = 16 << 20
	}
	if len(o.Parts) == 0 {
		o.Parts = ClusterParts
	}
	return o
}

// clusterBench is one measurement of three nodes.
type clusterBench struct {
	ClusterOptions
	w   io.Writer
	p   *progress
	dir string
}

// Cluster measures a venue of three nodes, each a process: how long clients are without a leader, throughput and latency beside one
// node and beside the disk, catching up, restarts, and what the disk takes. It writes the figures to w. That an acknowledged
// order is lost or doubled, or that states differ, is an error.
func Cluster(ctx context.Context, w io.Writer, o ClusterOptions) (err error) {
	o = o.withDefaults()
	b := &clusterBench{ClusterOptions: o, w: w, p: newProgress(o.Progress)}
	defer b.p.clear()
	if b.dir, err = os.MkdirTemp(o.Dir, "uncross-bench-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	fmt.Fprintln(w, "uncross bench cluster: three nodes of one venue, each \"uncross serve\" as a process, on loopback")
	printMachine(w)
	printLoad(w, "at the start")
	fmt.Fprintf(w, `nodes     default settings and time-outs; TCP on loopback without TLS between nodes, all data on one disk, all processes and the
          clients on the same cores: with machines of their own nodes do not take time from each other
parts     %s; each with a new venue
`, strings.Join(o.Parts, ", "))
	if err := printDisk(w, b.dir); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"failover", b.failover}, {"hang", b.hang}, {"throughput", b.throughput}, {"catchup", b.catchUp}, {"restart", b.restart}, {"disk", b.disk}} {
		if !slices.Contains(o.Parts, part.name) {
			continue
		}
		begin := time.Now()
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		b.p.clear()
		fmt.Fprintf(w, "  (%s took %v)\n", part.name, time.Since(begin).Round(time.Second))
	}
	fmt.Fprintln(w)
	printLoad(w, "at the end")
	return nil
}

// lay lays out the nodes of a new venue, in a folder of their own.
func (b *clusterBench) lay(name string, count int, flags ...string) (*nodes.Venue, error) {
	dir, err := os.MkdirTemp(b.dir, name+"-")
	if err != nil {
		return nil, err
	}
	return lay(b.Program, dir, count, flags...)
}

// begin starts the nodes of a new venue and makes what it has.
func (b *clusterBench) begin(ctx context.Context, t *nodes.Venue) (v ClusterVenue, err error) {
	b.p.show("starting %d nodes", len(t.Nodes))
	if err := b.Init(t.Nodes[0].Data); err != nil {
		return v, err
	}
	if err := t.Up(ctx); err != nil {
		return v, err
	}
	leader, err := t.Leader(ctx)
	if err != nil {
		return v, err
	}
	return b.SetUp(ctx, t.Nodes[0].Data, leader.URL())
}

// close ends the nodes, and removes what they have left on disk where nothing went wrong.
func (b *clusterBench) close(t *nodes.Venue) {
	t.End()
	_ = os.RemoveAll(t.Dir) // what is left goes with the whole directory
}

// errCensus says that the venue has broken its word.
var errCensus = errors.New("ACKNOWLEDGED ORDERS ARE LOST OR DOUBLED")

// account waits for the nodes to be level, counts what became of the orders of some series on all of them, and prints that.
func (b *clusterBench) account(ctx context.Context, t *nodes.Venue, v *ClusterVenue, all ...*series) error {
	b.p.show("asking all nodes for every order")
	s, err := t.Level(ctx)
	if err != nil {
		return err
	}
	c, err := newCensus(t, &v.Operator)
	if err != nil {
		return err
	}
	found, err := c.count(ctx, all)
	if err != nil {
		return err
	}
	b.p.clear()
	fmt.Fprintf(b.w, "  check: %v. Asked for on all %d nodes, which stand at command %s with the same hash\n", &found, len(t.Nodes), thousands(int(s.Command)))
	if found.wrong() {
		return errCensus
	}
	return nil
}

// spans are durations that are told together.
type spans []time.Duration

func (s spans) at(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// String returns median, nine tenths and the worst.
func (s spans) String() string {
	var v []float64
	for _, d := range s {
		v = append(v, float64(d))
	}
	return fmt.Sprintf("%v\t%v\t%v\t", round(time.Duration(median(v))), round(s.at(0.9)), round(slices.Max(s)))
}
