package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/http"
	"uncross/internal/nodeid"
	"uncross/replication"
)

type serveCmd struct {
	Config string `type:"path" env:"UNCROSS_CONFIG" help:"YAML or JSON file with these settings by name. The command line comes before the environment, and that before the file."`
	Data   string `type:"path" env:"UNCROSS_DATA" default:"data" help:"Data directory; made where it is missing (default: data)."`
	Listen string `env:"UNCROSS_LISTEN" default:"127.0.0.1:8080" help:"Address to listen on; port 0 takes a free one (default: 127.0.0.1:8080)."`

	TLSCert string `type:"path" env:"UNCROSS_TLS_CERT" help:"Certificate chain in PEM; with --tls-key the interface speaks TLS."`
	TLSKey  string `type:"path" env:"UNCROSS_TLS_KEY" help:"Private key of the certificate in PEM."`

	LogLevel  slog.Level `env:"UNCROSS_LOG_LEVEL" default:"info" help:"Least important messages to log: debug, info, warn or error (default: info)."`
	LogFormat string     `env:"UNCROSS_LOG_FORMAT" enum:"text,json" default:"text" help:"Form of the log on standard error: text or json (default: text)."`

	Dev bool `env:"UNCROSS_DEV" help:"Development: prepare the data directory if needed, and set up keys, funded accounts and instruments. The address must be a loopback one."`

	NodeID        string        `env:"UNCROSS_NODE_ID" default:"node-1" help:"This node's name, kept for good (default: node-1)."`
	SnapshotBytes int64         `env:"UNCROSS_SNAPSHOT_BYTES" help:"Bytes of log after which a snapshot is taken, at least 64 KiB (default: 256 MiB)."`
	TrailingBytes int64         `env:"UNCROSS_TRAILING_BYTES" help:"Bytes of log kept behind a snapshot, for nodes that were away (default: a quarter of --snapshot-bytes where there are other nodes)."`
	HistorySync   time.Duration `env:"UNCROSS_HISTORY_SYNC" help:"Time between two fsyncs of the history, which a snapshot waits for (default: 1s)."`
	clusterFlags
	marketFlags
	Shutdown time.Duration `name:"shutdown-timeout" env:"UNCROSS_SHUTDOWN_TIMEOUT" default:"10s" help:"Longest wait for requests under way when the node is told to stop (default: 10s)."`

	MaxConnections      int           `env:"UNCROSS_MAX_CONNECTIONS" help:"Connections in all (default: 4096)."`
	MaxConnectionsPerIP int           `name:"max-connections-per-address" env:"UNCROSS_MAX_CONNECTIONS_PER_ADDRESS" help:"Connections of one address (default: 256)."`
	SessionRate         int           `env:"UNCROSS_SESSION_RATE" help:"Requests per second of one session (default: 50000)."`
	AnswerTimeout       time.Duration `env:"UNCROSS_ANSWER_TIMEOUT" help:"Longest wait for a command's answer before its outcome is told to be unknown (default: 5s)."`

	FixListen        string `env:"UNCROSS_FIX_LISTEN" help:"Address for FIX; port 0 takes a free one, and off is none (default: off, with --dev 127.0.0.1:9880)."`
	FixCompID        string `env:"UNCROSS_FIX_COMP_ID" default:"UNCROSS" help:"The venue's CompID (default: UNCROSS)."`
	FixPlain         bool   `env:"UNCROSS_FIX_PLAIN" help:"FIX without TLS although there is a certificate: something in front takes care of it."`
	FixResetAt       string `env:"UNCROSS_FIX_RESET_AT" placeholder:"HH:MM" help:"Time of day in UTC when the sequence numbers of all FIX sessions start again (default: never)."`
	FixRate          int    `env:"UNCROSS_FIX_RATE" help:"Messages per second of one FIX session; beyond, orders are refused (default: 50000)."`
	FixMaxConns      int    `name:"fix-max-connections" env:"UNCROSS_FIX_MAX_CONNECTIONS" help:"FIX connections in all (default: 4096)."`
	FixMaxConnsPerIP int    `name:"fix-max-connections-per-address" env:"UNCROSS_FIX_MAX_CONNECTIONS_PER_ADDRESS" help:"FIX connections of one address (default: 1024)."`
	FixSilent        bool   `env:"UNCROSS_FIX_SILENT" help:"At a node that does not lead, close FIX logons without saying which one does: for clients whose engine counts what comes before the answer to its logon."`

	AcceptClock   bool     `help:"The operator's word that the wall clock is right although it is far ahead of the venue's last time."`
	AcceptGap     bool     `name:"accept-history-gap" help:"The operator's word that the history may go on behind commands that it has lost; see docs/operations.md."`
	AcceptFixGap  bool     `help:"The operator's word that the FIX sessions may go on behind commands that their store has lost; see docs/operations.md."`
	Tripwire      string   `env:"UNCROSS_TRIPWIRE" type:"path" placeholder:"FILE" help:"File that tells how far the log was written; on another disk than the data it outlives the log there (default: wal.tripwire in the data directory)."`
	ResetTripwire bool     `help:"The operator's word that no acknowledged entry is missing from the log; see docs/operations.md."`
	Skip          []uint64 `help:"Log entries to leave out, the same on all nodes; see docs/operations.md."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `Runs until it is told to stop by SIGINT or SIGTERM; then it finishes what is under way and the exit status is 0. A
second signal, a second or more later, ends it at once, which loses nothing that was acknowledged. A data directory that
is not there is made; the venue begins once "uncross init" has given it an operator. The exit status is 1 when the node cannot
start or cannot go on, and 2 when the command line or the configuration is wrong.

Examples
  uncross serve --data data
  uncross serve --config uncross.yaml --listen 0.0.0.0:8443 --fix-listen 0.0.0.0:9880 --tls-cert chain.pem --tls-key key.pem
  uncross serve --dev --data dev/data

uncross.yaml
  data: /var/lib/uncross
  listen: 0.0.0.0:8443
  fix-listen: 0.0.0.0:9880
  tls-cert: /etc/uncross/chain.pem
  tls-key: /etc/uncross/key.pem`
}

// Run serves until a signal comes.
func (c *serveCmd) Run(s *streams) error {
	with := company{prepare: func() error { return nil }, enter: func(io.Writer, *addresses) error { return nil }, leave: func() {}}
	if c.Dev {
		with = devCompany(dataDir(c.Data))
	}
	return c.serve(s, with)
}

// company is what goes with a node in its process: the set-up of a venue to try, and the traders of a demonstration.
type company struct {
	prepare func() error                           // before the node opens its data; its addresses are taken
	enter   func(w io.Writer, at *addresses) error // once the node takes commands
	leave   func()                                 // before the node ends; enter may still be under way, or not have begun
	again   func(at *addresses) func() error       // what starts the program anew in its place; nil: serve's own, see serveCmd.again
}

// serve serves until a signal comes.
func (c *serveCmd) serve(s *streams, with company) error {
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(stop)
	d := dataDir(c.Data)
	at, err := c.listen()
	if err != nil {
		return err
	}
	defer at.close()
	if err := with.prepare(); err != nil {
		return err
	}
	if exists(filepath.Join(c.Data, restoring)) {
		return fmt.Errorf("%s: a restore was broken off here, what it had is in %s: empty the directory and restore again", c.Data, restoring)
	}
	if len(c.Peers) == 0 && len(c.Join) == 0 {
		if err := d.beginAlone(d.log(c.Tripwire)); err != nil {
			return err
		}
	}
	logger := newLogger(s.err, c.LogLevel, c.LogFormat)
	cl, err := c.joinCluster(s.out, d, at, logger, stop)
	if errors.Is(err, errToldToStop) {
		fmt.Fprintln(s.out, "stopped before the venue began here")
		return nil
	}
	if err != nil {
		return err
	}
	genesis, err := d.genesisToServe(d.log(c.Tripwire))
	if err != nil {
		return err
	}
	set := c.settings()
	if set.cluster, set.again = cl, c.again(at); with.again != nil {
		set.again = with.again(at)
	}
	if set.fix.tls = at.fixSecure; at.exposed() {
		logger.Warn("FIX without TLS on an address that others can reach: passwords can be read on the way", "address", at.fix.Addr().String())
	}
	n, err := openNode(d, set, genesis, logger)
	if err != nil {
		return err
	}
	serving, ready, end := make(chan error, 2), make(chan error, 1), make(chan struct{})
	go func() { serving <- n.server.Serve(at.http, at.secure) }()
	fmt.Fprintf(s.out, "listening on %s\n", at.url())
	if at.fix != nil {
		go func() { serving <- n.fix.Serve(at.fix) }()
		fmt.Fprintf(s.out, "FIX on %s\n", at.fix.Addr())
	}
	go func() { ready <- c.makeReady(s.out, n, genesis, at, with, end) }()

	err = untilTold(ready, serving, stop, logger, s.err)
	close(end)
	with.leave()
	return errors.Join(err, n.close(c.Shutdown))
}

// makeReady waits for the venue, lets in what goes with it, and tells that it is ready.
func (c *serveCmd) makeReady(w io.Writer, n *node, genesis wire.Genesis, at *addresses, with company, end <-chan struct{}) error {
	if err := n.initialise(genesis, end); err != nil {
		return err
	}
	if err := with.enter(w, at); err != nil {
		return err
	}
	if hasOperator(&genesis) {
		fmt.Fprintf(w, "ready: venue %q, command %d\n", genesis.Venue, n.replicas.Status().Seq)
	} else {
		fmt.Fprintf(w, "ready: the venue has no operator yet, so nobody may do anything. Stop the node, run\n  uncross init --data %s --key operator.key\nand serve again\n", c.Data)
	}
	return nil
}

// untilTold waits for a signal, or for what the node cannot go on after, which it returns.
func untilTold(ready, serving <-chan error, stop <-chan os.Signal, logger *slog.Logger, w io.Writer) error {
	for {
		select {
		case err := <-ready:
			if err != nil {
				return err
			}
			ready = nil
		case err := <-serving:
			return err
		case sig := <-stop:
			logger.Info("stopping", "signal", sig.String())
			go exitAtSecond(stop, w)
			return nil
		}
	}
}

// sameSignal is how long further signals are taken for the first one: a supervisor may send one to the process and to
// its group.
const sameSignal = time.Second

// exitAtSecond ends the process at a second signal.
func exitAtSecond(stop <-chan os.Signal, w io.Writer) {
	first := time.Now()
	for range stop {
		if time.Since(first) >= sameSignal {
			fmt.Fprintln(w, "uncross: stopped at once by a second signal")
			os.Exit(exitFailed)
		}
	}
}

// leastSnapshotBytes is the least --snapshot-bytes: what stays in the log behind a snapshot in any case counts towards the next.
const leastSnapshotBytes = 64 << 10

// Validate implements kong.Validatable: it refuses settings that do not go together, and numbers that mean nothing. For
// those that have their default in their own package, 0 stands for it.
func (c *serveCmd) Validate() error {
	for _, n := range []struct {
		flag  string
		value int64
	}{
		{"snapshot-bytes", c.SnapshotBytes}, {"trailing-bytes", c.TrailingBytes}, {"history-sync", int64(c.HistorySync)}, {"shutdown-timeout", int64(c.Shutdown)},
		{"max-connections", int64(c.MaxConnections)}, {"max-connections-per-address", int64(c.MaxConnectionsPerIP)},
		{"session-rate", int64(c.SessionRate)}, {"answer-timeout", int64(c.AnswerTimeout)}, {"fix-rate", int64(c.FixRate)},
		{"fix-max-connections", int64(c.FixMaxConns)}, {"fix-max-connections-per-address", int64(c.FixMaxConnsPerIP)},
		{"stream-max-connections", int64(c.StreamMaxConns)}, {"stream-max-connections-per-address", int64(c.StreamMaxConnsPerIP)},
		{"history-keep", int64(c.HistoryKeep)}, {"history-bytes", c.HistoryBytes}, {"candles-keep", int64(c.CandlesKeep)},
	} {
		if n.value < 0 {
			return fmt.Errorf("--%s is negative", n.flag)
		}
	}
	if all := cmp.Or(c.SnapshotBytes, replication.DefaultSnapshotBytes); c.TrailingBytes > all/2 {
		return fmt.Errorf("--trailing-bytes is more than half of the %d bytes after which a snapshot is taken", all)
	}
	if c.SnapshotBytes > 0 && c.SnapshotBytes < leastSnapshotBytes {
		return fmt.Errorf("--snapshot-bytes %d is below %d: there would be a snapshot after nearly every log entry", c.SnapshotBytes, leastSnapshotBytes)
	}
	if err := nodeid.Check(c.NodeID); err != nil {
		return fmt.Errorf("--node-id: %w", err)
	}
	if st, err := os.Stat(c.Tripwire); err == nil && st.IsDir() {
		return fmt.Errorf("--tripwire %s is a directory: name a file in it, which this node has to itself", c.Tripwire)
	}
	if err := c.clusterFlags.validate(c.NodeID); err != nil {
		return err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if c.Dev && c.TLSCert != "" {
		return errors.New("--dev does not go with TLS")
	}
	if err := c.validateAddress("listen", c.Listen); err != nil {
		return err
	}
	return c.validateFix()
}

// validateAddress refuses what is no address to listen on, or not one for a development venue.
func (c *serveCmd) validateAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--%s %s: %w", flag, address, err)
	}
	if c.Dev && !isLoopback(address) {
		return fmt.Errorf("--dev hands out funded keys and passwords: it listens on a loopback address only, not on %s", address)
	}
	return nil
}

// settings are what the node takes from the command line.
func (c *serveCmd) settings() nodeSettings {
	return nodeSettings{
		nodeID: c.NodeID, timeouts: c.timeouts(), diskTimeout: c.DiskTimeout, snapshotBytes: c.SnapshotBytes, trailingBytes: c.TrailingBytes, historySync: c.HistorySync, skip: c.Skip,
		acceptClock: c.AcceptClock, tripwire: c.Tripwire, resetTripwire: c.ResetTripwire, acceptGap: c.AcceptGap, acceptFixGap: c.AcceptFixGap,
		retain: c.retain(), stream: c.streamLimits(), fix: c.fixSettings(),
		limits: http.Limits{
			Conns: c.MaxConnections, ConnsPerIP: c.MaxConnectionsPerIP, SessionRate: c.SessionRate, Answer: c.AnswerTimeout,
		},
	}
}

func newLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// signPatience bounds the logon of sign.
const signPatience = 10 * time.Second

// patience returns a context that ends after d.
func patience(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
