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
	"strings"
	"syscall"

	"uncross/bench"
	"uncross/bench/flow"
	"uncross/gateway/auth"
	"uncross/internal/neutral/remote"
)

type benchCmd struct {
	What     string  `arg:"" optional:"" enum:"book,engine,pipeline,fix,all,fix-echo" default:"all" help:"What to measure: book, engine, pipeline, fix or all (default: all). fix-echo is the echo that fix starts beside the venue."`
	Commands int     `default:"3000000" help:"Messages of the flow (default: 3000000)."`
	Orders   int     `default:"1000" help:"Orders that rest in the book (default: 1000)."`
	Repeats  int     `default:"5" help:"Repetitions of each throughput measurement (default: 5)."`
	Rates    []int   `help:"Commands per second of the latency measurements."`
	Seconds  float64 `default:"2" help:"Length of each latency measurement (default: 2)."`
	Profile  string  `type:"path" help:"File to write a CPU profile to."`
	Dir      string  `type:"path" help:"Where the pipeline and the venue of fix make their temporary data directory (default: the system's)."`
	Window   int     `default:"500" help:"Orders that fix sends ahead of their answers to measure throughput (default: 500)."`
	Sends    int     `name:"fix-orders" default:"50000" help:"Orders of each throughput repetition of fix (default: 50000)."`
}

// Help implements kong.HelpProvider.
func (benchCmd) Help() string {
	return `Prints method, mix and figures; nothing is judged. The pipeline, and the venue that fix starts, write their log with
fsync: put --dir on the disk that the figures are for.

Examples
  uncross bench
  uncross bench pipeline --dir /var/lib/uncross --rates 50000,200000
  uncross bench fix --dir /var/lib/uncross`
}

// Validate implements kong.Validatable.
func (c *benchCmd) Validate() error {
	for _, rate := range c.Rates {
		if rate < 1 {
			return fmt.Errorf("--rates %d: a rate is at least 1 command a second", rate)
		}
	}
	if c.Commands < 1 || c.Orders < 1 || c.Repeats < 1 || !(c.Seconds > 0) || c.Window < 1 || c.Sends < 1 {
		return errors.New("--commands, --orders, --repeats, --seconds, --window and --fix-orders are greater than 0")
	}
	return nil
}

// Run measures.
func (c *benchCmd) Run(s *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if c.What == "fix-echo" {
		return serveEcho(ctx, s.out)
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
	}{{"book", bench.Book}, {"engine", bench.Engine}, {"pipeline", bench.Pipeline}, {"fix", c.fix}} {
		if c.What != "all" && c.What != m.name {
			continue
		}
		if err := m.run(ctx, s.out, o); err != nil {
			return err
		}
	}
	return nil
}

// fix measures orders by FIX, with a venue and an echo that are processes of this program.
func (c *benchCmd) fix(ctx context.Context, w io.Writer, o bench.Options) error {
	return bench.FIX(ctx, w, bench.FIXOptions{Options: o, Orders: c.Sends, Window: c.Window, Echo: startEcho,
		Venue: func(ctx context.Context) (bench.FIXEndpoint, error) { return startVenue(ctx, o.Dir) }})
}

// serveEcho is the echo's process.
func serveEcho(ctx context.Context, w io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		ln.Close()
	}()
	fmt.Fprintf(w, "FIX on %s\n", ln.Addr())
	return bench.ServeEcho(ln)
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

// Names of the measurement in its venue.
const (
	benchCompID = "BENCH"
	benchSymbol = "XYZ"
	// benchRate is above what one session can send: the throttle is not measured.
	benchRate = "10000000"
)

// startVenue starts a new venue below dir and makes a session and an instrument.
func startVenue(ctx context.Context, dir string) (at bench.FIXEndpoint, err error) {
	if dir, err = os.MkdirTemp(dir, "uncross-bench-*"); err != nil {
		return at, err
	}
	c, at, err := serveVenue(ctx, dir)
	if c == nil {
		return at, errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return at, errors.Join(err, c.stop())
	}
	return at, nil
}

// serveVenue starts the venue. The child is not nil where a process was started.
func serveVenue(ctx context.Context, dir string) (c *child, at bench.FIXEndpoint, err error) {
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
	c, err = startChild("serve", "--data", data, "--listen", "127.0.0.1:0", "--fix-listen", "127.0.0.1:0", "--fix-rate", benchRate, "--log-level", "warn")
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
	return c, bench.FIXEndpoint{
		Address: said[fix], CompID: benchCompID, Target: remote.DefaultTarget, Password: password,
		Symbol: place.Symbol, Buyer: place.Buyer, Seller: place.Seller, Trades: true, Stop: c.stop,
	}, err
}
