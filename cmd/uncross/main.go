// Command uncross is the exchange core: one binary for the server and for everything around it. Each subcommand is a file
// of this package; none holds logic of its own, they wire the packages together and print.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	exitFailed = 1 // the command did not succeed: a difference, damage, a refusal
	exitUsage  = 2 // the command line or the configuration is wrong
)

// cli is the command line.
type cli struct {
	Init    initCmd    `cmd:"" help:"Prepare a data directory and make the first operator key."`
	Serve   serveCmd   `cmd:"" help:"Run a node: take orders, keep them, match them, answer."`
	Demo    demoCmd    `cmd:"" help:"Run a venue to look at: instruments of several kinds, simulated traders, a user of your own."`
	Match   matchCmd   `cmd:"" help:"Run the engine on commands given as JSON lines: a sandbox, without disk or network."`
	Replay  replayCmd  `cmd:"" help:"Replay recorded order flow and compare with what the exchange made of it."`
	Verify  verifyCmd  `cmd:"" help:"Check the data of a stopped node: checksums, snapshots, a replay of the log, hashes."`
	Bench   benchCmds  `cmd:"" help:"Measure the book, the engine, the durable pipeline, the gateways, and a venue of three nodes."`
	Cluster clusterCmd `cmd:"" help:"Look after the nodes of a venue: status, members, leadership, snapshots."`
	Backup  backupCmd  `cmd:"" help:"Copy a running venue into one file."`
	Restore restoreCmd `cmd:"" help:"Make the data of a node from a backup."`
	Keygen  keygenCmd  `cmd:"" help:"Make a key file."`
	Sign    signCmd    `cmd:"" help:"Sign a request and print it for curl."`
	FIX     fixCmd     `cmd:"" name:"fix" help:"Talk FIX by hand: log on, send messages, print what comes back."`
	Stream  streamCmd  `cmd:"" help:"Follow market data and an account's events over a WebSocket."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams are what a command reads from and writes to; tests give their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run carries out one command line and returns the exit status.
func run(args []string, s streams) (status int) {
	type exited int
	defer func() {
		if v := recover(); v != nil {
			code, ok := v.(exited)
			if !ok {
				panic(v)
			}
			status = int(code)
		}
	}()
	var c cli
	parser, err := kong.New(&c,
		kong.Name("uncross"),
		kong.Description("An exchange core: takes orders, matches them, moves the money and tells everybody.\n\n"+
			"Run \"uncross <command> --help\" for what a command does, with examples."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Resolvers(&configResolver{}),
		kong.Bind(&s),
	)
	if err != nil {
		fmt.Fprintln(s.err, "uncross:", err)
		return exitFailed
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(s.err, "uncross:", err)
		fmt.Fprintln(s.err, "Run \"uncross --help\" or \"uncross <command> --help\".")
		return exitUsage
	}
	if err := ctx.Run(); err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(s.err, "uncross:", err)
		}
		return exitFailed
	}
	return 0
}

// errSaid is returned by a command that has already told why it failed.
var errSaid = errors.New("failed")
