package main

import (
	"errors"
	"io"
	"os"
	"time"

	"uncross/internal/foreign"
)

// foreignFlags are the flags of every replay of a foreign feed.
type foreignFlags struct {
	Strict bool   `help:"Exit with status 1 where the file has problems too, not only where something differs."`
	Events string `type:"path" placeholder:"FILE" help:"Write the events that were made of the feed, as JSON lines; - is standard output."`
}

// sink opens where events go; close is to be called at the end.
func (f *foreignFlags) sink(s *streams) (sink foreign.Sink, close func() error, err error) {
	if f.Events == "" {
		return nil, func() error { return nil }, nil
	}
	var out io.Writer = s.out
	done := func() error { return nil }
	if f.Events != "-" {
		file, err := os.Create(f.Events)
		if err != nil {
			return nil, nil, err
		}
		out, done = file, file.Close
	}
	w := foreign.NewEventWriter(out)
	return w.Write, func() error { return errors.Join(w.Flush(), done()) }, nil
}

// report is where the table goes: events on standard output leave no room for it there.
func (f *foreignFlags) report(s *streams) io.Writer {
	if f.Events == "-" {
		return s.err
	}
	return s.out
}

// foreignRun is a run over a foreign feed.
type foreignRun interface {
	Run(progress func(done uint64)) error
	Close()
}

// foreignResult is what came of it.
type foreignResult interface {
	OK() bool
	Report(w io.Writer, took time.Duration)
}

// run opens a feed, reads it to its end and reports. What the functions return is used in that order.
func (f *foreignFlags) run(s *streams, open func(foreign.Sink) (foreignRun, foreignResult, *foreign.Problems, error)) (err error) {
	sink, closeSink, err := f.sink(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSink()) }()
	feed, result, problems, err := open(sink)
	if err != nil {
		return err
	}
	defer feed.Close()
	bar := newProgress(s.err)
	start := time.Now()
	err = feed.Run(func(done uint64) { bar.show("%d messages", done) })
	bar.clear()
	// What was read before an error is told as well: a file that is cut off late is worth its table.
	result.Report(f.report(s), time.Since(start))
	if err != nil {
		return err
	}
	if !result.OK() || f.Strict && problems.Total() > 0 {
		return errSaid
	}
	return nil
}

type replayLobsterCmd struct {
	Messages  string `required:"" type:"path" placeholder:"FILE" help:"Message file, plain or gzip."`
	Orderbook string `required:"" type:"path" placeholder:"FILE" help:"Orderbook file of the same day and depth, plain or gzip."`
	foreignFlags
}

// Help implements kong.HelpProvider.
func (replayLobsterCmd) Help() string {
	return `Rebuilds the book from a day of LOBSTER's messages and holds it against every row of the orderbook file, and every
visible execution against the queue. The number of levels is that of the orderbook's columns. docs/foreign.md has the
rules. The exit status is 1 when a row differs.

Example
  uncross replay lobster --messages AMZN_2012-06-21_34200000_57600000_message_5.csv.gz \
      --orderbook AMZN_2012-06-21_34200000_57600000_orderbook_5.csv.gz`
}

// Run replays a day.
func (c *replayLobsterCmd) Run(s *streams) error {
	return c.run(s, func(sink foreign.Sink) (foreignRun, foreignResult, *foreign.Problems, error) {
		l, err := foreign.OpenLobster(c.Messages, c.Orderbook, sink)
		if err != nil {
			return nil, nil, nil, err
		}
		return l, &l.Result, &l.Result.Problems, nil
	})
}

type replayITCHCmd struct {
	File   string   `arg:"" type:"path" help:"File of ITCH 5.0 messages behind a two-byte length each, plain or gzip."`
	Symbol []string `placeholder:"SYMBOL" help:"Take the orders of these symbols alone; may be given several times, or with commas."`
	foreignFlags
}

// Help implements kong.HelpProvider.
func (replayITCHCmd) Help() string {
	return `Rebuilds the books of a NASDAQ TotalView-ITCH 5.0 file. Every execution in continuous trading must hit the best price
and the head of its queue, and no book may be locked or crossed; the exit status is 1 when it is otherwise. A file that
begins within the day names orders that it does not have: these are counted. docs/foreign.md has the rules.

Examples
  uncross replay itch 12302019.NASDAQ_ITCH50.gz                              every symbol
  uncross replay itch 12302019.NASDAQ_ITCH50.gz --symbol AAPL --symbol MSFT
  uncross replay itch 12302019.NASDAQ_ITCH50.gz --symbol AAPL --events - | head`
}

// Run replays a file.
func (c *replayITCHCmd) Run(s *streams) error {
	return c.run(s, func(sink foreign.Sink) (foreignRun, foreignResult, *foreign.Problems, error) {
		x, err := foreign.OpenITCH(c.File, c.Symbol, sink)
		if err != nil {
			return nil, nil, nil, err
		}
		return x, &x.Result, &x.Result.Problems, nil
	})
}

type replayMBOCmd struct {
	File     string `arg:"" type:"path" help:"File of Databento's MBO records as CSV, plain or gzip."`
	Book     string `type:"path" placeholder:"FILE" help:"File of levels of the same day, Databento's MBP-10 as CSV or another depth, to hold the books against."`
	Unlinked bool   `help:"Keep the books by A, C, M and R alone: executions make no trades."`
	foreignFlags
}

// Help implements kong.HelpProvider.
func (replayMBOCmd) Help() string {
	return `Rebuilds the books of a file of market by order, and holds them against a file of levels where there is one: price,
quantity and number of orders of every level. The exit status is 1 when a row differs. Fills are held against the queue,
which decides nothing: exchanges publish trades before the cancels that came first. docs/foreign.md has the rules.

Examples
  uncross replay mbo mbo.csv.gz --book mbp10.csv.gz
  uncross replay mbo esh4_20231225.mbo.csv.gz`
}

// Run replays a file.
func (c *replayMBOCmd) Run(s *streams) error {
	return c.run(s, func(sink foreign.Sink) (foreignRun, foreignResult, *foreign.Problems, error) {
		m, err := foreign.OpenMBO(c.File, foreign.MBOOptions{Book: c.Book, Unlinked: c.Unlinked, Sink: sink})
		if err != nil {
			return nil, nil, nil, err
		}
		return m, &m.Result, &m.Result.Problems, nil
	})
}
