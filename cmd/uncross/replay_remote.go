package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"uncross/gateway/auth"
	"uncross/internal/neutral/remote"
)

// remoteFlags are the flags of a replay on a server.
type remoteFlags struct {
	To           string        `xor:"how" help:"Address of a running server, such as http://127.0.0.1:8080; needs --operator-key."`
	OperatorKey  string        `type:"path" env:"UNCROSS_OPERATOR_KEY" help:"Key file of an operator, who makes what the replay needs and moves the phases."`
	CustodianKey string        `type:"path" env:"UNCROSS_CUSTODIAN_KEY" help:"Key file of a custodian, who funds the accounts (default: the operator makes a key for that)."`
	Symbol       string        `help:"Instrument to make on the server (default: the name of the files)."`
	Batch        int           `default:"100" help:"Orders and cancels in one request (default: 100)."`
	Patience     time.Duration `default:"2m" help:"Longest wait for one answer, with all repeats (default: 2m)."`
	caFlag
}

// Validate implements kong.Validatable.
func (c *remoteFlags) Validate() error {
	switch {
	case c.To != "" && c.OperatorKey == "":
		return errors.New("--to needs --operator-key")
	case c.Batch < 1 || c.Batch > remote.DefaultBatch:
		return fmt.Errorf("--batch %d: a server takes 1 to %d", c.Batch, remote.DefaultBatch)
	case c.Patience <= 0:
		return fmt.Errorf("--patience %v: greater than 0", c.Patience)
	}
	return nil
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
	set := remote.Config{URL: c.To, Prefix: c.Prefix, Symbol: c.Symbol, Operator: &operator, Roots: roots, Batch: c.Batch, Patience: c.Patience}
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
	r.Report(s.out, fmt.Sprintf("%s through the server at %s, durably", filepath.Base(c.Prefix), c.To), r.Took)
	fmt.Fprintf(s.out, "  %-12s %d of %d trades equal\n", "history", r.History.Equal, r.History.Total)
	if r.HistoryFirst != "" {
		fmt.Fprintf(s.out, "  %-12s the history's first one: %s\n", "", r.HistoryFirst)
	}
	fmt.Fprintf(s.out, "  %-12s %d answers of an earlier sending\n", "repeats", r.Repeats)
	fmt.Fprintf(s.out, "  %-12s full %s, business %s\n", "hashes", r.FullHash, r.BusinessHash)
	if !r.OK() {
		return errSaid
	}
	return nil
}
