package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"uncross/bench"
	"uncross/bench/flow"
	"uncross/gateway/auth"
	"uncross/internal/neutral/remote"
)

type benchCmd struct {
	What     string  `arg:"" optional:"" enum:"book,engine,pipeline,snapshot,fix,feed,all,fix-echo,feed-fanout" default:"all" help:"What to measure: book, engine, pipeline, snapshot, fix, feed or all (default: all). fix-echo and feed-fanout are what fix and feed start beside the venue."`
	Commands int     `default:"3000000" help:"Messages of the flow (default: 3000000)."`
	Orders   int     `default:"1000" help:"Orders that rest in the book (default: 1000)."`
	Repeats  int     `default:"5" help:"Repetitions of each throughput measurement (default: 5)."`
	Rates    []int   `help:"Commands per second of the latency measurements."`
	Seconds  float64 `help:"Length of each latency measurement (default: 2, of feed: 5)."`
	Profile  string  `type:"path" help:"File to write a CPU profile to."`
	Dir      string  `type:"path" help:"Where the pipeline, snapshot and the venue of fix make their temporary data directory (default: the system's)."`
	Window   int     `default:"500" help:"Orders that fix sends ahead of their answers to measure throughput (default: 500)."`
	Sends    int     `name:"fix-orders" default:"50000" help:"Orders of each throughput repetition of fix (default: 50000)."`

	Resting  int `default:"1000000" help:"Open orders in the state of snapshot (default: 1000000)."`
	Accounts int `default:"20000" help:"Accounts in the state of snapshot (default: 20000)."`
	Batch    int `default:"256" help:"Commands in each batch that is applied beside the snapshot (default: 256)."`

	Subscribers int `default:"1000" help:"Connections that feed makes to the stream (default: 1000)."`
	Slow        int `help:"Of them so many that read little (default: a twentieth)."`
	Flood       int `default:"2000" help:"Orders per second of the throughput runs of feed (default: 2000)."`
}

// Help implements kong.HelpProvider.
func (benchCmd) Help() string {
	return `Prints method, mix and figures; nothing is judged. The pipeline, snapshot, and the venue that fix and feed start, write with
fsync: put --dir on the disk that the figures are for. Feed needs as many open files as it has subscribers, and some more.

Examples
  uncross bench
  uncross bench pipeline --dir /var/lib/uncross --rates 50000,200000
  uncross bench snapshot --dir /var/lib/uncross --resting 2000000
  uncross bench fix --dir /var/lib/uncross
  uncross bench feed --subscribers 500 --rates 50,200`
}

// Validate implements kong.Validatable.
func (c *benchCmd) Validate() error {
	for _, rate := range c.Rates {
		if rate < 1 {
			return fmt.Errorf("--rates %d: a rate is at least 1 command a second", rate)
		}
	}
	if c.Commands < 1 || c.Orders < 1 || c.Repeats < 1 || c.Window < 1 || c.Sends < 1 || c.Flood < 1 || c.Resting < 1 || c.Accounts < 1 || c.Batch < 1 {
		return errors.New("--commands, --orders, --repeats, --window, --fix-orders, --flood, --resting, --accounts and --batch are greater than 0")
	}
	if c.Seconds < 0 || c.Slow < 0 || c.Subscribers <= c.Slow {
		return errors.New("--seconds and --slow are not below 0, and there are more --subscribers than slow ones")
	}
	return nil
}

// Run measures.
func (c *benchCmd) Run(s *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	switch c.What {
	case "fix-echo":
		return serveBeside(ctx, s.out, "FIX on ", bench.ServeEcho)
	case "feed-fanout":
		return serveBeside(ctx, s.out, "fan-out on ", bench.ServeFanout)
	}
	set := flow.Standard()
	set.Commands, set.Target = c.Commands, c.Orders
	o := bench.Options{Flow: set, Repeats: c.Repeats, Rates: c.Rates, Seconds: c.Seconds, Profile: c.Profile, Dir: c.Dir}
	if bar := newProgress(s.err); bar.on {
		o.Progress = s.err
	}
	for _, m := range []struct {
		name string
		run  func(context.Context, io.Writer, bench.Options) error
	}{{"book", bench.Book}, {"engine", bench.Engine}, {"pipeline", bench.Pipeline}, {"snapshot", c.snapshot}, {"fix", c.fix}, {"feed", c.feed}} {
		if c.What != "all" && c.What != m.name {
			continue
		}
		if err := m.run(ctx, s.out, o); err != nil {
			return err
		}
	}
	return nil
}

// snapshot measures the snapshot of a large state.
func (c *benchCmd) snapshot(ctx context.Context, w io.Writer, o bench.Options) error {
	return bench.Snapshot(ctx, w, bench.SnapshotOptions{Options: o, Orders: c.Resting, Accounts: c.Accounts, Batch: c.Batch})
}

// fix measures orders by FIX, with a venue and an echo that are processes of this program.
func (c *benchCmd) fix(ctx context.Context, w io.Writer, o bench.Options) error {
	return bench.FIX(ctx, w, bench.FIXOptions{Options: o, Orders: c.Sends, Window: c.Window, Echo: startEcho,
		Venue: func(ctx context.Context) (bench.FIXEndpoint, error) {
			at, err := startVenue(ctx, o.Dir)
			return at.FIXEndpoint, err
		}})
}

// feed measures market data, with a venue and a yardstick that are processes of this program.
func (c *benchCmd) feed(ctx context.Context, w io.Writer, o bench.Options) error {
	conns := strconv.Itoa(2 * (c.Subscribers + 100))
	return bench.Feed(ctx, w, bench.FeedOptions{Options: o, Subscribers: c.Subscribers, Slow: c.Slow, Flood: c.Flood, Fanout: startFanout,
		Venue: func(ctx context.Context) (bench.FeedEndpoint, error) {
			return startVenue(ctx, o.Dir, "--max-connections", conns, "--max-connections-per-address", conns,
				"--stream-max-connections", conns, "--stream-max-connections-per-address", conns)
		}})
}

// serveBeside is the process of what is measured beside a venue. It says where it is.
func serveBeside(ctx context.Context, w io.Writer, where string, serve func(net.Listener) error) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		ln.Close()
	}()
	fmt.Fprintf(w, "%s%s\n", where, ln.Addr())
	return serve(ln)
}

// child is a process of this program that a measurement starts.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  bytes.Buffer // on standard error
	dir   string       // removed at the end; "": none
}

func startChild(args ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(program, args...)}
	c.cmd.Stderr = &c.said
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// until reads what the child says up to a line that begins with the last of the words, and returns what follows each of them.
func (c *child) until(words ...string) (rest map[string]string, err error) {
	rest = map[string]string{}
	for c.lines.Scan() {
		for _, word := range words {
			if after, ok := strings.CutPrefix(c.lines.Text(), word); ok {
				rest[word] = after
			}
		}
		if _, ok := rest[words[len(words)-1]]; ok {
			go func() { // the rest is of no interest, and must not fill the pipe
				for c.lines.Scan() {
				}
			}()
			return rest, nil
		}
	}
	return nil, errors.New("it ended before it was ready")
}

// stop ends the child and says how that went.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	err := c.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(c.cmd.Args[1:2], " "), err, &c.said)
	}
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

func startEcho(context.Context) (bench.FIXEndpoint, error) {
	c, err := startChild("bench", "fix-echo")
	if err != nil {
		return bench.FIXEndpoint{}, err
	}
	said, err := c.until("FIX on ")
	if err != nil {
		return bench.FIXEndpoint{}, errors.Join(err, c.stop())
	}
	return bench.FIXEndpoint{Address: said["FIX on "], CompID: benchCompID, Target: bench.EchoTarget, Symbol: benchSymbol, Buyer: "buyer", Seller: "seller", Stop: c.stop}, nil
}

func startFanout(context.Context) (address string, stop func() error, err error) {
	c, err := startChild("bench", "feed-fanout")
	if err != nil {
		return "", nil, err
	}
	said, err := c.until("fan-out on ")
	if err != nil {
		return "", nil, errors.Join(err, c.stop())
	}
	return said["fan-out on "], c.stop, nil
}

// Names of the measurement in its venue.
const (
	benchCompID = "BENCH"
	benchSymbol = "XYZ"
	// benchRate is above what one session can send: the throttle is not measured.
	benchRate = "10000000"
)

// startVenue starts a new venue below dir and makes a session and an instrument.
func startVenue(ctx context.Context, dir string, flags ...string) (at bench.FeedEndpoint, err error) {
	if dir, err = os.MkdirTemp(dir, "uncross-bench-*"); err != nil {
		return at, err
	}
	c, at, err := serveVenue(ctx, dir, flags)
	if c == nil {
		return at, errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return at, errors.Join(err, c.stop())
	}
	return at, nil
}

// serveVenue starts the venue. The child is not nil where a process was started.
func serveVenue(ctx context.Context, dir string, flags []string) (c *child, at bench.FeedEndpoint, err error) {
	data, keyFile := filepath.Join(dir, "data"), filepath.Join(dir, "operator.key")
	if _, err := initialise(dataDir(data), keyFile, "Uncross Bench", true); err != nil {
		return nil, at, err
	}
	operator, err := auth.LoadKey(keyFile)
	if err != nil {
		return nil, at, err
	}
	password, err := auth.NewPassword()
	if err != nil {
		return nil, at, err
	}
	c, err = startChild(append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0", "--fix-rate", benchRate, "--log-level", "warn"}, flags...)...)
	if err != nil {
		return nil, at, err
	}
	c.dir = dir
	const rest, fix = "listening on ", "FIX on "
	said, err := c.until(rest, fix, "ready:")
	if err != nil {
		return c, at, err
	}
	place, err := remote.Prepare(ctx, remote.Config{URL: said[rest], Symbol: benchSymbol, Operator: &operator, FIX: &remote.FIX{CompID: benchCompID, Password: password}})
	return c, bench.FeedEndpoint{URL: said[rest], FIXEndpoint: bench.FIXEndpoint{
		Address: said[fix], CompID: benchCompID, Target: remote.DefaultTarget, Password: password,
		Symbol: place.Symbol, Buyer: place.Buyer, Seller: place.Seller, Trades: true, Stop: c.stop,
	}}, err
}
