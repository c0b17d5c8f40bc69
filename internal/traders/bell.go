package traders

import (
	"context"
	"net/url"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// day is a trading day in parts of its length.
var day = []struct {
	phase wire.Phase
	part  float64
}{
	{wire.Auction, 0.14}, // opening
	{wire.Continuous, 0.32},
	{wire.Halted, 0.06},  // a halt, as for news
	{wire.Auction, 0.10}, // and the auction after it
	{wire.Continuous, 0.20},
	{wire.Auction, 0.12}, // closing
	{wire.Closed, 0.06},  // night
}

// Bell moves an instrument through the phases of one day after the other. What it rings with is an operator's client.
type Bell struct {
	Operator *client.Client
	Symbol   string
	Day      time.Duration // length of a day
	Rung     func(wire.Phase)
}

// Run rings until ctx ends; the instrument stays in the phase that it is in. It returns the error of a ring that failed.
func (b Bell) Run(ctx context.Context) error {
	for {
		for _, d := range day {
			body := map[string]string{"phase": d.phase.String()}
			err := b.Operator.Until(ctx, "POST", "/v1/admin/instruments/"+url.PathEscape(b.Symbol)+"/phase", body, nil)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			if b.Rung != nil {
				b.Rung(d.phase)
			}
			pause(ctx, time.Duration(d.part*float64(b.Day)))
		}
	}
}
