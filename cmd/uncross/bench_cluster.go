package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"uncross/bench"
	"uncross/gateway/auth"
	"uncross/internal/neutral/remote"
)

// benchCmds are the measurements: those of one process, or of one venue, are told by a word; the others are commands.
type benchCmds struct {
	Measure benchCmd        `cmd:"" default:"withargs" help:"Measure the book, the engine, the durable pipeline and the gateways (what \"uncross bench\" alone does)."`
	Cluster benchClusterCmd `cmd:"" help:"Measure three nodes: time without a leader, throughput beside one node, catching up, restarts, disk."`
	Soak    benchSoakCmd    `cmd:"" help:"Run three nodes for a long time under load and faults, in pieces that add up."`
}

type benchClusterCmd struct {
	Parts        []string `help:"What to measure: failover, hang, throughput, catchup, restart, disk (default: all)."`
	Dir          string   `type:"path" help:"Where the nodes get their temporary data directories (default: the system's place for such)."`
	Failovers    int      `default:"10" help:"How often the leader is killed (default: 10)."`
	Stops        int      `default:"5" help:"How often it is stopped (default: 5)."`
	Transfers    int      `default:"5" help:"How often leadership is transferred (default: 5)."`
	Hangs        int      `default:"2" help:"How often the leader's disk hangs; root alone can do that (default: 2)."`
	Rates        []int    `help:"Orders per second of the latency measurements (default: 500, 2000, 5000)."`
	Seconds      float64  `default:"5" help:"Length of each latency measurement (default: 5)."`
	Repeats      int      `default:"3" help:"Repetitions of the throughput measurement (default: 3)."`
	Sends        int      `name:"fix-orders" default:"20000" help:"Orders of each repetition of throughput, and that a follower misses (default: 20000)."`
	Window       int      `default:"500" help:"Orders that are sent ahead of their answers (default: 500)."`
	Orders       int      `default:"100000" help:"Open orders at a restart (default: 100000)."`
	Commands     int      `default:"200000" help:"Orders of each run that shows what the disk takes (default: 200000)."`
	HistoryBytes int64    `default:"16777216" help:"What the history is trimmed to in the second of these runs (default: 16 MiB)."`
}

// Help implements kong.HelpProvider.
func (benchClusterCmd) Help() string {
	return `Starts three "uncross serve" on loopback in a temporary directory, breaks them in the ways stated, and prints figures with their
method. Nothing is judged, but an acknowledged order that is lost or doubled, or states that differ, make the exit status 1. The defaults take
a few minutes; figures to keep are those of a machine with nothing else to do. Put --dir on the disk that they are for.

Examples
  uncross bench cluster --dir /var/lib/uncross
  uncross bench cluster --parts failover --failovers 50
  uncross bench cluster --parts restart,disk --orders 1000000 --commands 2000000`
}

// Validate implements kong.Validatable.
func (c *benchClusterCmd) Validate() error {
	for _, part := range c.Parts {
		if !slices.Contains(bench.ClusterParts, part) {
			return fmt.Errorf("--parts %s: there are %s", part, strings.Join(bench.ClusterParts, ", "))
		}
	}
	for _, rate := range c.Rates {
		if rate < 1 {
			return fmt.Errorf("--rates %d: a rate is at least 1 order a second", rate)
		}
	}
	if min(c.Failovers, c.Stops, c.Transfers, c.Hangs, c.Repeats, c.Sends, c.Window, c.Orders, c.Commands) < 1 || c.Seconds <= 0 || c.HistoryBytes < 1 {
		return errors.New("all numbers are greater than 0")
	}
	if c.Orders > benchMaxOrders {
		return fmt.Errorf("--orders %d: at most %d", c.Orders, benchMaxOrders)
	}
	return nil
}

// Run measures.
func (c *benchClusterCmd) Run(s *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	o := bench.ClusterOptions{
		Options: bench.Options{Dir: c.Dir, Rates: c.Rates, Seconds: c.Seconds, Repeats: c.Repeats},
		Program: program, Parts: c.Parts, Failovers: c.Failovers, Stops: c.Stops, Transfers: c.Transfers, Hangs: c.Hangs,
		Orders: c.Sends, Window: c.Window, Resting: c.Orders, Commands: c.Commands, HistoryBytes: c.HistoryBytes,
		Init: initBench, SetUp: setUpBench,
	}
	if bar := newProgress(s.err); bar.on {
		o.Progress = s.err
	}
	return bench.Cluster(ctx, s.out, o)
}

// The venue of a measurement of several nodes.
const (
	benchProbe = "probe"
	// benchSides is how many accounts of each side internal/neutral/remote makes.
	benchSides = 8
	// benchMaxOrders is what they may have open together: 65,536 each.
	benchMaxOrders = 2 * benchSides << 16
)

var benchPlan = venuePlan{
	assets:      []assetPlan{{"PRB", 0}, {"USD", 2}},
	instruments: []instrumentPlan{{"PRB-USD", "PRB", "USD", "0.01", "1", "1000000", "1000000", 0, 0}},
	firms:       []string{"bench"},
	members:     []memberPlan{{benchProbe, "bench", []money{{"USD", "1000000000"}}}},
}

func initBench(data string) error { return prepare(dataDir(data), "Uncross Bench") }

// setUpBench makes an account for small orders by REST, and a FIX session with many.
func setUpBench(ctx context.Context, data, url string) (v bench.ClusterVenue, err error) {
	d := dataDir(data)
	if err := (&setter{ctx: ctx, dir: d, url: url, plan: &benchPlan}).setUp(); err != nil {
		return v, err
	}
	if v.Operator, err = auth.LoadKey(d.key("operator")); err != nil {
		return v, err
	}
	if v.Trader, err = auth.LoadKey(d.key(benchProbe)); err != nil {
		return v, err
	}
	v.Account, v.Symbol = benchProbe, benchPlan.instruments[0].symbol
	password, err := auth.NewPassword()
	if err != nil {
		return v, err
	}
	place, err := remote.Prepare(ctx, remote.Config{URL: url, Symbol: benchSymbol, Operator: &v.Operator, FIX: &remote.FIX{CompID: benchCompID, Password: password}})
	if err != nil {
		return v, err
	}
	v.FIX = bench.FIXEndpoint{
		CompID: benchCompID, Target: remote.DefaultTarget, Password: password, Symbol: place.Symbol, Buyer: place.Buyer, Seller: place.Seller,
		Trades: true, Stop: func() error { return nil },
	}
	for i := range benchSides {
		v.Buys = append(v.Buys, place.Symbol+"/b"+strconv.Itoa(i+1))
		v.Sells = append(v.Sells, place.Symbol+"/s"+strconv.Itoa(i+1))
	}
	return v, nil
}
