package main

import (
	"fmt"
	"path/filepath"

	"uncross/internal/neutral"
)

type replayCmd struct {
	Neutral replayNeutralCmd `cmd:"" help:"Replay order flow in the neutral form: PREFIX.commands.csv and PREFIX.trades.csv, plain or .gz."`
	Lobster replayLobsterCmd `cmd:"" help:"Rebuild a book from a day of LOBSTER's messages and hold it against every row of the orderbook."`
	ITCH    replayITCHCmd    `cmd:"" name:"itch" help:"Rebuild the books of a NASDAQ TotalView-ITCH 5.0 file and hold every execution against the queue."`
	MBO     replayMBOCmd     `cmd:"" name:"mbo" help:"Rebuild the books of Databento's market by order and hold them against a file of levels."`
}

type replayNeutralCmd struct {
	Prefix string `arg:"" help:"Path of the files up to .commands.csv, .trades.csv and, where present, .snapshots.csv."`
	Book   bool   `xor:"how" help:"Through a book alone instead of the whole engine with funded accounts."`
	remoteFlags
}

// Help implements kong.HelpProvider.
func (replayNeutralCmd) Help() string {
	return `Carries out the commands and holds every trade, auction, cancel and snapshot against the exchange's own. Prints a
table with the first difference in its context; the exit status is 1 when something differs.

Examples
  uncross replay neutral data/601825_20230711                through the engine, in process
  uncross replay neutral --book data/601825_20230711         through a book alone
  uncross replay neutral --to http://127.0.0.1:8080 \
      --operator-key operator.key data/601825_20230711       through a running server, durably
  uncross replay neutral --to fix://DAY1:a-password@127.0.0.1:9880 --admin http://127.0.0.1:8080 \
      --operator-key operator.key data/601825_20230711       likewise, with every order by FIX; the session is made first.
                                                             UNCROSS_FIX_TO in the environment keeps the password out of
                                                             the command line: leave --to out then`
}

// Run replays a set.
func (c *replayNeutralCmd) Run(s *streams) error {
	if c.To != "" {
		return c.remote(s)
	}
	var d neutral.Driver = neutral.NewBookDriver()
	how := "book"
	if !c.Book {
		e, err := neutral.NewEngineDriver()
		if err != nil {
			return err
		}
		d, how = e, "engine with funded accounts"
	}
	bar := newProgress(s.err)
	r, took, err := neutral.Run(c.Prefix, d, func(done uint64) { bar.show("%d commands", done) })
	bar.clear()
	if err != nil {
		return err
	}
	r.Report(s.out, fmt.Sprintf("%s through the %s", filepath.Base(c.Prefix), how), took)
	if e, ok := d.(*neutral.EngineDriver); ok {
		full, business := e.Hashes()
		fmt.Fprintf(s.out, "  %-12s full %016x, business %016x\n", "hashes", full, business)
	}
	if !r.OK() {
		return errSaid
	}
	return nil
}
