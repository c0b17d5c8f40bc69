package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"uncross/bench"
	"uncross/gateway/auth"
	"uncross/internal/neutral/remote"
)

type benchSoakCmd struct {
	Dir          string        `required:"" type:"path" help:"Directory of the soak: data, state and report are kept in it, and the next run goes on there."`
	For          time.Duration `default:"20m" help:"Length of this piece (default: 20m)."`
	Rate         int           `default:"200" help:"Orders and cancels a second, half of them by REST and half by FIX (default: 200)."`
	Every        time.Duration `default:"30s" help:"Time between two samples (default: 30s)."`
	FaultEvery   time.Duration `default:"15s" help:"Longest time between two faults while all is well (default: 15s)."`
	HistoryBytes int64         `default:"536870912" help:"What the nodes trim their history to (default: 512 MiB)."`
	Report       string        `type:"path" placeholder:"FILE" help:"Write what the pieces so far came to, in Markdown, and run none."`
}

// Help implements kong.HelpProvider.
func (benchSoakCmd) Help() string {
	return `Runs three nodes under mixed load by REST, FIX and streams, kills, stops, halts and snapshots them, samples memory, open files
and disk, and at the end asks all nodes for every acknowledged order. A piece that is broken off counts for nothing; whole ones in one
directory add up. The exit status is 1 when an order is lost or doubled, states differ, or a node does not come back.

Examples
  uncross bench soak --dir soak --for 20m
  uncross bench soak --dir soak --report soak.md`
}

// Validate implements kong.Validatable.
func (c *benchSoakCmd) Validate() error {
	if c.For <= 0 || c.Every <= 0 || c.FaultEvery < 3 || c.Rate < 1 || c.HistoryBytes < 1 {
		return errors.New("--for, --every, --fault-every, --rate and --history-bytes are greater than 0")
	}
	return nil
}

// Run runs one piece, or writes the report.
func (c *benchSoakCmd) Run(s *streams) error {
	if c.Report != "" {
		var text bytes.Buffer
		wrong := bench.SoakReport(&text, c.Dir)
		if text.Len() == 0 {
			return wrong
		}
		return errors.Join(os.WriteFile(c.Report, text.Bytes(), 0o644), wrong)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	o := bench.SoakOptions{
		Program: program, Dir: c.Dir, For: c.For, Rate: c.Rate, Every: c.Every, FaultEvery: c.FaultEvery, HistoryBytes: c.HistoryBytes,
		Init: initBench, SetUp: setUpSoak,
	}
	if bar := newProgress(s.err); bar.on {
		o.Progress = s.err
	}
	return bench.Soak(ctx, s.out, o)
}

var soakMoney = []money{{"SOA", "1000000000"}, {"SOB", "1000000000"}, {"USD", "1000000000000"}}

// soakPlan is the venue of a soak: whole units of everything. The password is for a venue that listens on loopback addresses only.
var soakPlan = venuePlan{
	assets: []assetPlan{{"SOA", 0}, {"SOB", 0}, {"USD", 0}},
	instruments: []instrumentPlan{
		{"SOA-USD", "SOA", "USD", "1", "1", "1000000", "1000000", 0, 0},
		{"SOB-USD", "SOB", "USD", "1", "1", "1000000", "1000000", 0, 0},
	},
	firms: []string{"soak"},
	members: []memberPlan{
		{"rest-1", "soak", soakMoney}, {"rest-2", "soak", soakMoney}, {"rest-3", "soak", soakMoney}, {"rest-4", "soak", soakMoney},
		{"fix-1", "soak", soakMoney}, {"fix-2", "soak", soakMoney},
	},
	sessions: []sessionPlan{{"SOAK1", "fix-1", "trading", "fix-1"}, {"SOAK2", "fix-2", "trading", "fix-2"}},
	password: "uncross-soak",
}

// setUpSoak makes the venue, where it is not there yet.
func setUpSoak(ctx context.Context, data, url string) (v bench.SoakVenue, err error) {
	d := dataDir(data)
	if err := (&setter{ctx: ctx, dir: d, url: url, plan: &soakPlan}).setUp(); err != nil {
		return v, err
	}
	if v.Operator, err = auth.LoadKey(d.key("operator")); err != nil {
		return v, err
	}
	for _, in := range soakPlan.instruments {
		v.Symbols = append(v.Symbols, in.symbol)
	}
	for _, m := range soakPlan.members {
		if !strings.HasPrefix(m.name, "rest-") {
			continue
		}
		k, err := auth.LoadKey(d.key(m.name))
		if err != nil {
			return v, fmt.Errorf("the key of %s: %w", m.name, err)
		}
		v.Traders = append(v.Traders, bench.SoakTrader{Account: m.name, Key: k})
	}
	for _, x := range soakPlan.sessions {
		v.Sessions = append(v.Sessions, bench.SoakSession{Account: x.account, CompID: x.compID, Target: remote.DefaultTarget, Password: soakPlan.password})
	}
	return v, nil
}
