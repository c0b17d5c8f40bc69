package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/neutral/remote"
)

// This file is demo --day: a recorded day beside the simulated traders.

// longestSilence of a recording is waited for, in its own time.
const longestSilence = time.Minute

// dayDecimals is how many decimals the demonstration's yuan has; days of that many are in yuan.
const dayDecimals = 4

// recordedDay is how far it is.
type recordedDay struct {
	symbol   atomic.Pointer[string] // nil: it has not begun, or is over
	timeMs   atomic.Int64
	commands atomic.Uint64
}

// standing returns a part of the line about how things stand.
func (r *recordedDay) standing() []string {
	symbol := r.symbol.Load()
	if symbol == nil {
		return nil
	}
	at := time.UnixMilli(r.timeMs.Load()).UTC().Format(time.TimeOnly)
	return []string{fmt.Sprintf("%s is at %s, %d commands", *symbol, at, r.commands.Load())}
}

// replay sends the day and tells how its trades compare with the exchange's own.
func (d *demo) replay(v *setter) {
	err := d.sendDay(v)
	d.day.symbol.Store(nil)
	switch {
	case d.ctx.Err() != nil:
	case err != nil:
		d.say("the recorded day cannot be sent: %v\n", err)
	default:
		d.say("the day is over; the venue goes on\n")
	}
}

func (d *demo) sendDay(v *setter) error {
	symbol, err := d.freeSymbol(v.operator)
	if err != nil {
		return err
	}
	operator, err := auth.LoadKey(d.dir.key("operator"))
	if err != nil {
		return err
	}
	custodian, err := auth.LoadKey(d.dir.key(custodianName))
	if err != nil {
		return err
	}
	set := remote.Config{
		URL: v.url, URLs: v.further, Prefix: d.c.Day, Symbol: symbol, Operator: &operator, Custodian: &custodian,
		Base: symbol, PriceDecimals: d.c.DayDecimals, Progress: d.day.commands.Store,
		Pace: &remote.Pace{Speed: float64(d.c.Speed), Silence: longestSilence, Clock: d.day.timeMs.Store},
	}
	if set.PriceDecimals == dayDecimals {
		set.Quote = "CNY"
	}
	d.day.symbol.Store(&symbol)
	d.say("%s: the day %s at speed %v; silences of more than %v are taken for %v\n", symbol, filepath.Base(d.c.Day), d.c.Speed, longestSilence, longestSilence)
	r, err := remote.Do(d.ctx, set)
	if err != nil {
		return err
	}
	if err := closeDay(d.ctx, v, symbol); err != nil {
		return err
	}
	var report bytes.Buffer
	r.Report(&report, fmt.Sprintf("%s through the gateway, compared with the exchange's own", symbol), r.Took)
	fmt.Fprintf(&report, "  %-12s %d of %d trades equal\n", "history", r.History.Equal, r.History.Total)
	if r.HistoryFirst != "" {
		fmt.Fprintf(&report, "  %-12s the history's first one: %s\n", "", r.HistoryFirst)
	}
	d.say("%s", report.String())
	return nil
}

// closeDay closes the instrument of a day that is over: nobody is to wait for trades in it.
func closeDay(ctx context.Context, v *setter, symbol string) error {
	path := "/v1/admin/instruments/" + url.PathEscape(symbol) + "/phase"
	if err := v.operator.Until(ctx, "POST", path, object{"phase": wire.Closed.String()}, nil); err != nil {
		return fmt.Errorf("closing %s: %w", symbol, err)
	}
	return nil
}

// maxDays bounds how often one day can be sent to one venue.
const maxDays = 1000

// freeSymbol returns a symbol that no earlier start has used: the name of the files, with a number from the second time on.
func (d *demo) freeSymbol(c *client.Client) (string, error) {
	for n := 1; n <= maxDays; n++ {
		symbol := filepath.Base(d.c.Day)
		if n > 1 {
			symbol += fmt.Sprintf("-%d", n)
		}
		err := c.Until(d.ctx, "GET", "/v1/instruments/"+symbol, nil, nil)
		var refused *client.Error
		if errors.As(err, &refused) && refused.Reason == wire.UnknownInstrument.String() {
			return symbol, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("the day has been sent %d times; begin anew with --fresh", maxDays)
}
