package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/fix"
	"uncross/internal/neutral"
	"uncross/internal/nodes"
	"uncross/internal/traders"
	"uncross/wal"
)

type demoCmd struct {
	Data      string `type:"path" default:"demo" help:"Folder of the demonstration: the node's data in data, the keys in keys. It goes on where it was (default: demo)."`
	Fresh     bool   `help:"Begin anew: what an earlier demonstration has made in the folder is removed, and nothing else."`
	Listen    string `default:"127.0.0.1:8080" help:"Address to listen on, a loopback one; port 0 takes a free one (default: 127.0.0.1:8080)."`
	FixListen string `default:"127.0.0.1:9880" help:"Address for FIX, a loopback one (default: 127.0.0.1:9880)."`

	Nodes int `placeholder:"N" help:"Nodes of the venue: 1, 3 or 5; the others than the first are processes of their own (default: 1, later as many as the folder has)."`

	Rate       orderRate     `default:"50" help:"Orders, replaces and cancels of all simulated traders in one second; 0: there are none (default: 50)."`
	Seed       uint64        `default:"1" help:"What the traders' random numbers begin with (default: 1)."`
	TradingDay time.Duration `default:"4m" help:"Length of a day of NOVA-EUR, with an opening and a closing auction and a halt (default: 4m)."`

	Day         string `type:"path" placeholder:"PREFIX" help:"Send a recorded day as well: path of the files of a set up to .commands.csv, in the form of uncross replay neutral."`
	Speed       speed  `default:"10x" help:"How fast: a multiple such as 10x, or max (default: 10x)."`
	DayDecimals int    `default:"4" help:"How many of the last digits of the recorded prices are behind the point (default: 4)."`

	LogLevel slog.Level `default:"warn" help:"Least important messages of the node to log: debug, info, warn or error (default: warn)."`
}

// Help implements kong.HelpProvider.
func (demoCmd) Help() string {
	return `A venue with instruments of several kinds and simulated traders, who come through the gateways as anybody could: makers,
takers, followers of trends and noise. There is a user of your own, with money; what to try next is printed. The traders decide
alike with the same seed. It runs until it is told to stop by SIGINT or SIGTERM, and goes on at the next start.

With --nodes 3 the venue runs on three nodes, so that one can be killed while the trades go on: node-1 in this process, node-2 and
node-3 as processes of their own, which end with it. Their addresses and process ids are printed, with what to try.

With --day a recorded day is sent to an instrument of its own at the speed of --speed, with its auctions. Where the recording is
silent for more than a minute, as at lunch, it is taken for one minute. At the end every trade is compared with the exchange's own.

Examples
  uncross demo
  uncross demo --rate 200 --seed 7 --fresh
  uncross demo --nodes 3 --data demo3
  uncross demo --day data/601825_20230711 --speed 10x    with data/601825_20230711.commands.csv, .trades.csv
  uncross demo --day data/601825_20230711 --speed max --rate 0`
}

// orderRate is a number of orders a second.
type orderRate float64

// Decode implements kong.MapperValue: kong itself takes the -1 of "--rate -1" for another flag and says so, which is no help
// to those who meant a number.
func (r *orderRate) Decode(ctx *kong.DecodeContext) error {
	text := ctx.Scan.Pop().String()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%q is no number of orders a second", text)
	}
	*r = orderRate(v)
	return nil
}

// speed is a multiple of a recording's own; 0 is as fast as it goes.
type speed float64

// maxSpeed is the word for it.
const maxSpeed = "max"

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *speed) UnmarshalText(text []byte) error {
	if string(text) == maxSpeed {
		*s = 0
		return nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "x"), 64)
	if err != nil || !(v >= 0.01 && v <= 1e6) {
		return fmt.Errorf("%q is no speed: a multiple from 0.01x to 1000000x, such as 10x, or %s", text, maxSpeed)
	}
	*s = speed(v)
	return nil
}

// String returns it as it is written.
func (s speed) String() string {
	if s == 0 {
		return maxSpeed
	}
	return strconv.FormatFloat(float64(s), 'g', -1, 64) + "x"
}

// Bounds of the flags.
const (
	maxDemoRate   = 1000
	minTradingDay = 10 * time.Second
)

// Validate implements kong.Validatable.
func (c *demoCmd) Validate() error {
	switch {
	case c.Rate < 0:
		return fmt.Errorf("--rate %v is negative: 0 to %d orders a second, and 0 is no simulated traders", c.Rate, maxDemoRate)
	case !(c.Rate <= maxDemoRate):
		return fmt.Errorf("--rate %v: 0 to %d; to measure the venue there is uncross bench", c.Rate, maxDemoRate)
	case c.TradingDay < minTradingDay:
		return fmt.Errorf("--trading-day %v: at least %v", c.TradingDay, minTradingDay)
	case c.DayDecimals < 0 || c.DayDecimals > 9:
		return fmt.Errorf("--day-decimals %d: 0 to 9", c.DayDecimals)
	}
	switch c.Nodes {
	case 0, 1, 3, mostDemoNodes:
	default:
		return fmt.Errorf("--nodes %d: 1, 3 or %d; an even number survives no more losses than the odd one below it", c.Nodes, mostDemoNodes)
	}
	for flag, address := range map[string]string{"listen": c.Listen, "fix-listen": c.FixListen} {
		if err := new(serveCmd).validateAddress(flag, address); err != nil {
			return err
		}
		if !isLoopback(address) {
			return fmt.Errorf("--%s %s: the demonstration hands out funded keys and a password that everybody knows: it listens on a loopback address only", flag, address)
		}
	}
	return nil
}

// server are the settings of the node.
func (c *demoCmd) server() *serveCmd {
	return &serveCmd{
		Data: filepath.Join(c.Data, "data"), Listen: c.Listen, Dev: true, LogLevel: c.LogLevel, NodeID: "node-1", Shutdown: 10 * time.Second,
		FixListen: c.FixListen, FixCompID: fix.DefaultCompID,
	}
}

// Run runs the demonstration until a signal comes.
func (c *demoCmd) Run(s *streams) error {
	if c.Day != "" { // what is wrong with the name is told at once
		day, err := neutral.OpenCommands(c.Day)
		if err != nil {
			return err
		}
		day.Close()
	}
	serve := c.server()
	d := &demo{c: c, folder: demoFolder(c.Data), dir: dataDir(serve.Data), out: s.out, bar: newProgress(s.out)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	defer d.cancel()
	if err := d.findNodes(); err != nil {
		return err
	}
	d.asNode(serve)
	said := d.standardError(s.err)
	d.logger = newLogger(said, c.LogLevel, "text")
	defer d.endChildren() // the node of this process has handed leadership over to them before
	err := serve.serve(&streams{s.in, s.out, said}, company{prepare: d.prepare, enter: d.enter, leave: d.leave, again: d.again})
	if errors.Is(err, syscall.EADDRINUSE) {
		if len(d.had) > 0 {
			return fmt.Errorf("%w: another server listens there, perhaps another demonstration, or one of this one's nodes that was started by hand; the nodes' addresses are in %s", err, d.folder.nodes())
		}
		err = fmt.Errorf("%w: another server listens there, perhaps another demonstration; choose other addresses with --listen and --fix-listen", err)
	}
	return err
}

// demo is a demonstration that runs: the traders, the recorded day, and what is told of them.
type demo struct {
	c      *demoCmd
	folder demoFolder
	dir    dataDir // of the first node
	out    io.Writer
	bar    *progress // on the terminal, if there is one
	logger *slog.Logger

	ctx      context.Context // ends when all are to leave
	cancel   context.CancelFunc
	entering sync.Mutex // held while enter is under way
	running  sync.WaitGroup
	saying   sync.Mutex // whoever prints

	floor  *traders.Floor // nil without traders
	before uint64         // number of the venue's last trade when they came
	day    recordedDay

	had   []demoNode // nodes of the folder; none: one node, or nothing yet
	nodes []demoNode // that there are; none: one node

	folks    sync.Mutex    // guards what follows
	children []*nodes.Node // the others
	ending   bool          // they are told to
}

// demoVenue is the venue's name.
const demoVenue = "Uncross Demo"

// prepare makes the data directory, or sees to it that the one that is there is a demonstration's, and starts the other nodes.
func (d *demo) prepare() error {
	if err := d.prepareFolder(); err != nil {
		return err
	}
	if err := prepare(d.dir, demoVenue); err != nil {
		return err
	}
	return d.startChildren()
}

func (d *demo) prepareFolder() error {
	for _, folder := range []string{d.c.Data, string(d.dir), d.dir.keys()} {
		if err := isFolder(folder); err != nil {
			return err
		}
	}
	if err := d.folder.refuseTakenSettings(); err != nil {
		return err
	}
	if exists(dataDir(d.c.Data).genesis()) {
		return fmt.Errorf("%s is a node's data directory; give the demonstration a folder of its own with --data", d.c.Data)
	}
	g, err := d.dir.readGenesis()
	there := !errors.Is(err, os.ErrNotExist)
	switch {
	case there && err != nil:
		return err
	case there && g.Venue.String() != demoVenue:
		return fmt.Errorf("%s holds the venue %q, which is no demonstration; choose another folder with --data", d.c.Data, g.Venue)
	case there && d.c.Fresh:
		if err := d.remove(cluster(&g)); err != nil {
			return err
		}
		return d.keepNodes()
	case there && !exists(d.dir.key("operator")):
		return fmt.Errorf("the keys of the demonstration are not in %s: begin anew with --fresh", d.dir.keys())
	case !there: // not even an operator's key is taken over: a later --fresh would remove it
		if err := refuseTaken(d.dir, nothing, nothing); err != nil {
			return err
		}
		if err := d.refuseTakenNodes(); err != nil {
			return err
		}
		return d.keepNodes()
	}
	return d.refuseNodes()
}

// remove removes a demonstration, unless it runs or others have put something into its folders.
func (d *demo) remove(cluster string) error {
	dirs := []dataDir{d.dir}
	for _, name := range demoNames() {
		dirs = append(dirs, d.folder.data(name))
	}
	for _, dir := range dirs {
		if !exists(dir.wal()) {
			continue
		}
		w, err := wal.Open(dir.wal(), wal.Options{Cluster: cluster, Logger: d.logger, Fatal: func(error) {}})
		if errors.Is(err, wal.ErrLocked) {
			return fmt.Errorf("%s: %w", d.c.Data, err)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			d.logger.Warn("what is removed was damaged", "error", err)
		}
	}
	return removeKnown(d.folder, d.dir)
}

// enter sets up the venue, lets the traders in, begins the recorded day and tells what there is to try.
func (d *demo) enter(w io.Writer, at *addresses) error {
	d.entering.Lock()
	defer d.entering.Unlock()
	ctx, cancel := context.WithTimeout(d.ctx, devPatience)
	defer cancel()
	v := &setter{ctx: ctx, dir: d.dir, url: at.url(), plan: &demoPlan}
	v.further, _ = d.further()
	v.progress = func(done, of int) { d.bar.show("setting up: %d of %d", done, of) }
	err := v.setUp()
	d.bar.clear()
	if err != nil {
		return fmt.Errorf("set-up of the demonstration: %w", err)
	}
	if d.c.Rate > 0 {
		if d.floor, err = d.openFloor(ctx, at); err != nil {
			return err
		}
		if d.before, err = latestTrade(ctx, v.operator); err != nil {
			return err
		}
	}
	if d.ctx.Err() != nil {
		return d.ctx.Err()
	}
	if err := d.writeSettings(at); err != nil {
		return err
	}
	d.explain(w, at)
	if d.floor != nil {
		d.running.Go(func() { d.floor.Run(d.ctx) })
		d.running.Go(func() { d.ring(v.operator) })
	}
	if d.c.Day != "" {
		d.running.Go(func() { d.replay(v) })
	}
	if len(d.nodes) > 0 {
		d.running.Go(func() { d.tellLeader(at) })
	}
	d.running.Go(d.tell)
	return nil
}

// leave has everybody go.
func (d *demo) leave() {
	d.cancel()
	d.entering.Lock()
	defer d.entering.Unlock()
	d.running.Wait()
}

// openFloor seats the traders.
func (d *demo) openFloor(ctx context.Context, at *addresses) (*traders.Floor, error) {
	custodian, err := auth.LoadKey(d.dir.key(custodianName))
	if err != nil {
		return nil, err
	}
	urls, fixes := d.further()
	members := demoTraders(d.c.Seed)
	for i := range members {
		m := &members[i]
		k, err := auth.LoadKey(d.dir.key(m.Name))
		if err != nil {
			return nil, err
		}
		if m.Key = &k; m.FIX != nil {
			m.FIX.Address, m.FIX.Addresses, m.FIX.Target, m.FIX.Password = at.fix.Addr().String(), fixes, at.fixCompID, demoPlan.password
		}
	}
	return traders.Open(ctx, traders.Config{
		URL: at.url(), URLs: urls, Scenes: demoScenes, Members: members, Custodian: &custodian, Rate: float64(d.c.Rate), Seed: d.c.Seed, Logger: d.logger,
	})
}

// latestTrade returns the number of the venue's last trade, 0 before the first: those of all instruments are numbered together.
func latestTrade(ctx context.Context, c *client.Client) (last uint64, err error) {
	type instrument struct {
		Symbol string `json:"symbol"`
	}
	for in, err := range client.Pages[instrument](ctx, c, "/v1/instruments") {
		if err != nil {
			return 0, err
		}
		var latest struct {
			Items []struct {
				ID uint64 `json:"trade_id,string"`
			} `json:"items"`
		}
		if err := c.Until(ctx, "GET", "/v1/instruments/"+url.PathEscape(in.Symbol)+"/trades?limit=1", nil, &latest); err != nil {
			return 0, err
		}
		for _, t := range latest.Items {
			last = max(last, t.ID)
		}
	}
	return last, nil
}

// ring moves the instrument with auctions through its days.
func (d *demo) ring(operator *client.Client) {
	bell := traders.Bell{Operator: operator, Symbol: demoAuctions, Day: d.c.TradingDay}
	if err := bell.Run(d.ctx); err != nil {
		d.logger.Error("the phases of an instrument cannot be moved any more", "symbol", demoAuctions, "error", err)
	}
}
