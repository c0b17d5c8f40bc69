package remote

import (
	"context"
	"fmt"
	"strconv"

	"uncross/book"
	"uncross/gateway/client"
	"uncross/internal/neutral"
)

// restDesk enters orders by the REST interface, in batches.
type restDesk struct {
	*Run
	pending []neutral.Command // not sent yet, of one phase
	ops     []client.Operation
}

func (r *restDesk) enter(ctx context.Context, c *neutral.Command) error {
	r.pending = append(r.pending, *c)
	if len(r.pending) == r.Batch {
		return r.settle(ctx)
	}
	return nil
}

// auction takes the trades from the history: also those of a change of phase whose answer was lost.
func (r *restDesk) auction(ctx context.Context, c *neutral.Command, after uint64) error {
	return r.trades(ctx, after, func(t *historyTrade) error {
		r.numbers[t.Command] = c.N
		trade, err := r.trade(t)
		r.out.Trades = append(r.out.Trades, trade)
		r.out.Price = trade.Price
		r.out.Volume += trade.Qty
		return err
	})
}

func (r *restDesk) finish(context.Context) error { return nil }

func (r *restDesk) close() {}

// settle sends what is pending and compares the answers.
func (r *restDesk) settle(ctx context.Context) error {
	if len(r.pending) == 0 {
		return nil
	}
	r.ops = r.ops[:0]
	for i := range r.pending {
		r.ops = append(r.ops, r.operation(&r.pending[i]))
	}
	ctx, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	results, err := r.trader.Settle(ctx, r.ops)
	if err != nil {
		return fmt.Errorf("commands %d to %d: %w", r.pending[0].N, r.pending[len(r.pending)-1].N, err)
	}
	for i := range results {
		c := &r.pending[i]
		if err := r.answer(ctx, c, &results[i]); err != nil {
			return fmt.Errorf("command %d: %w", c.N, err)
		}
		if err := r.check.Check(c, &r.out, nil); err != nil {
			return err
		}
	}
	r.pending = r.pending[:0]
	return nil
}

// operation is a command as the server takes it.
func (r *restDesk) operation(c *neutral.Command) client.Operation {
	o := client.Operation{Op: "new", Account: r.account(c), ClientOrderID: strconv.FormatUint(c.ID, 10)}
	if c.Kind == neutral.Cancel {
		o.Op, o.OrigClientOrderID, o.ClientOrderID = "cancel", o.ClientOrderID, "c"+strconv.FormatUint(c.N, 10)
		return o
	}
	o.Symbol, o.Side, o.Type, o.TimeInForce = r.symbol, c.Side.String(), "limit", c.TIF.String()
	o.Quantity = strconv.FormatInt(c.Qty, 10)
	if c.Market {
		o.Type = "market"
	} else {
		o.Price = r.prices().text(c.Price)
	}
	return o
}

// answer reads what came of an order or a cancel.
func (r *restDesk) answer(ctx context.Context, c *neutral.Command, res *client.Result) error {
	r.out = neutral.Outcome{Trades: r.out.Trades[:0]}
	if res.Error != nil {
		r.out.Refused = res.Error.Error()
		return nil
	}
	o := res.Order
	if o.Repeat {
		r.finished.Repeats++
	}
	if err := r.saw(o.Command); err != nil {
		return err
	}
	if c.Kind == neutral.Cancel {
		var err error
		r.out.Left, err = strconv.ParseInt(o.Canceled, 10, 64)
		return err
	}
	r.ids[o.OrderID], r.numbers[o.Command] = c.ID, c.N
	if !o.FillsComplete {
		return r.fillsFromHistory(ctx, c, o.Command)
	}
	for _, f := range o.Fills {
		t := neutral.Trade{N: c.N, Taker: c.Side}
		if c.Side == book.Buy {
			t.Buy = c.ID
		} else {
			t.Sell = c.ID
		}
		var err1, err2 error
		t.Price, err1 = r.prices().parse(f.Price)
		t.Qty, err2 = strconv.ParseInt(f.Quantity, 10, 64)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("a fill at price %q with quantity %q is not in the numbers of the set", f.Price, f.Quantity)
		}
		r.out.Trades = append(r.out.Trades, t)
	}
	return nil
}
