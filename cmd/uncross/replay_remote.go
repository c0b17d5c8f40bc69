package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"uncross/gateway/auth"
	"uncross/internal/neutral/remote"
)

// remoteFlags are the flags of a replay on a server.
type remoteFlags struct {
	To           string        `xor:"how" help:"Address of a running server, such as http://127.0.0.1:8080, or fix://COMPID:PASSWORD@127.0.0.1:9880 (fixs:// with TLS) with --admin; needs --operator-key. With --admin and without --to the environment variable UNCROSS_FIX_TO is the address, so that its password is not in the command line."`
	Admin        string        `help:"With --to fix://…: address of the server's REST interface, where the operator makes what the replay needs, the FIX session as well."`
	Target       string        `default:"UNCROSS" help:"With --to fix://…: the venue's CompID (default: UNCROSS)."`
	Window       int           `default:"1000" help:"With --to fix://…: orders and cancels sent ahead of the answers (default: 1000)."`
	DropCopy     bool          `default:"true" negatable:"" help:"With --to fix://…: hold a drop copy session's reports against the trading session's (default: yes)."`
	OperatorKey  string        `type:"path" env:"UNCROSS_OPERATOR_KEY" help:"Key file of an operator, who makes what the replay needs and moves the phases."`
	CustodianKey string        `type:"path" env:"UNCROSS_CUSTODIAN_KEY" help:"Key file of a custodian, who funds the accounts (default: the operator makes a key for that)."`
	Symbol       string        `help:"Instrument to make on the server (default: the name of the files)."`
	Batch        int           `default:"100" help:"Orders and cancels in one request (default: 100)."`
	Patience     time.Duration `default:"2m" help:"Longest wait for one answer, with all repeats (default: 2m)."`
	caFlag
}

// Validate implements kong.Validatable.
func (c *remoteFlags) Validate() error {
	if c.To == "" && c.Admin != "" { // for itself the variable, which uncross fix reads as well, makes no replay a remote one
		c.To = os.Getenv("UNCROSS_FIX_TO")
	}
	switch {
	case c.To != "" && c.OperatorKey == "":
		return errors.New("--to needs --operator-key")
	case c.Batch < 1 || c.Batch > remote.DefaultBatch:
		return fmt.Errorf("--batch %d: a server takes 1 to %d", c.Batch, remote.DefaultBatch)
	case c.Patience <= 0:
		return fmt.Errorf("--patience %v: greater than 0", c.Patience)
	case c.Window < 1:
		return fmt.Errorf("--window %d: at least 1", c.Window)
	}
	f, err := c.fix(nil)
	if err == nil && (f != nil) != (c.Admin != "") {
		err = errors.New("--admin goes with --to fix://…, and that needs it")
	}
	return err
}

// dropCopySuffix makes the drop copy session's name from the trading session's.
const dropCopySuffix = "-COPY"

// fix reads a fix:// address; it returns nil for any other.
func (c *remoteFlags) fix(roots *x509.CertPool) (*remote.FIX, error) {
	if !isFixURL(c.To) {
		return nil, nil
	}
	to, err := parseFixURL(c.To)
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	f := &remote.FIX{Address: to.address, CompID: to.compID, Password: to.password, Target: c.Target, Window: c.Window}
	if to.tls {
		f.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	if c.DropCopy {
		f.DropCopy = f.CompID + dropCopySuffix
	}
	return f, nil
}

// remote replays on a server.
func (c *replayNeutralCmd) remote(s *streams) error {
	roots, err := c.roots()
	if err != nil {
		return err
	}
	operator, err := auth.LoadKey(c.OperatorKey)
	if err != nil {
		return err
	}
	fix, err := c.fix(roots)
	if err != nil {
		return err
	}
	rest, shown := c.To, c.To
	if fix != nil {
		rest, shown = c.Admin, "fix://"+fix.CompID+"@"+fix.Address
	}
	set := remote.Config{URL: rest, FIX: fix, Prefix: c.Prefix, Symbol: c.Symbol, Operator: &operator, Roots: roots, Batch: c.Batch, Patience: c.Patience}
	if set.Symbol == "" {
		set.Symbol = filepath.Base(c.Prefix)
	}
	if c.CustodianKey != "" {
		k, err := auth.LoadKey(c.CustodianKey)
		if err != nil {
			return err
		}
		set.Custodian = &k
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	bar := newProgress(s.err)
	set.Progress = func(done uint64) { bar.show("%d commands", done) }
	r, err := remote.Do(ctx, set)
	bar.clear()
	if err != nil {
		return err
	}
	r.Report(s.out, fmt.Sprintf("%s through the server at %s, durably", filepath.Base(c.Prefix), shown), r.Took)
	fmt.Fprintf(s.out, "  %-12s %d of %d trades equal\n", "history", r.History.Equal, r.History.Total)
	if r.HistoryFirst != "" {
		fmt.Fprintf(s.out, "  %-12s the history's first one: %s\n", "", r.HistoryFirst)
	}
	if r.FIX == nil {
		fmt.Fprintf(s.out, "  %-12s %d answers of an earlier sending\n", "repeats", r.Repeats)
	} else {
		printFIX(s.out, r.FIX)
	}
	fmt.Fprintf(s.out, "  %-12s full %s, business %s\n", "hashes", r.FullHash, r.BusinessHash)
	if !r.OK() {
		return errSaid
	}
	return nil
}

// printFIX prints what the FIX sessions have seen.
func printFIX(w io.Writer, f *remote.FIXResult) {
	fmt.Fprintf(w, "  %-12s %d, each once; %d of them fills, whose CumQty, AvgPx and LeavesQty were computed anew\n", "reports", f.Reports, f.Fills)
	fmt.Fprintf(w, "  %-12s %d messages came again when they were asked for, each the same; %d reached the client only at a second sending\n", "repeats", f.Repeats, f.Again)
	fmt.Fprintf(w, "  %-12s %d\n", "connections", f.Connections)
	if f.Copies > 0 {
		fmt.Fprintf(w, "  %-12s %d reports, the same ones\n", "drop copy", f.Copies)
	}
	if f.First != "" {
		fmt.Fprintf(w, "  %-12s the first report that is wrong: %s\n", "", f.First)
	}
}
