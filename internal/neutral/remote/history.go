package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"uncross/book"
	"uncross/internal/neutral"
)

// historyTrade is a trade as the venue's history has it.
type historyTrade struct {
	Command string `json:"command"`
	Price   string `json:"price"`
	Qty     string `json:"quantity"`
	Taker   string `json:"taker_side"`
	Buy     string `json:"buy_order_id"`
	Sell    string `json:"sell_order_id"`
}

// errEnough ends a walk of the history early.
var errEnough = errors.New("enough")

// trades calls fn with the instrument's trades of the commands after a number, in their order.
func (r *Run) trades(ctx context.Context, after uint64, fn func(*historyTrade) error) error {
	cursor := fmt.Sprintf("%d.%d", after, uint32(1<<32-1))
	for {
		page, cancel := context.WithTimeout(ctx, r.Patience)
		var a struct {
			Items []historyTrade `json:"items"`
			More  bool           `json:"more"`
			Next  string         `json:"next"`
		}
		target := "/v1/admin/trades?limit=1000&symbol=" + url.QueryEscape(r.symbol) + "&cursor=" + cursor
		err := r.operator.Until(page, "GET", target, nil, &a)
		cancel()
		if err != nil {
			return fmt.Errorf("reading the history: %w", err)
		}
		for i := range a.Items {
			if err := fn(&a.Items[i]); err != nil {
				return err
			}
		}
		if !a.More {
			return nil
		}
		cursor = a.Next
	}
}

// trade is a trade of the history in the set's own numbers.
func (r *Run) trade(t *historyTrade) (neutral.Trade, error) {
	out := neutral.Trade{N: r.numbers[t.Command], Buy: r.ids[t.Buy], Sell: r.ids[t.Sell]}
	switch t.Taker {
	case "buy":
		out.Taker = book.Buy
	case "sell":
		out.Taker = book.Sell
	}
	var err1, err2 error
	out.Price, err1 = r.prices().parse(t.Price)
	out.Qty, err2 = strconv.ParseInt(t.Qty, 10, 64)
	if err1 != nil || err2 != nil || out.N == 0 || out.Buy == 0 || out.Sell == 0 {
		return out, fmt.Errorf("the history has a trade that no answer accounts for: %+v", *t)
	}
	return out, nil
}

// fillsFromHistory reads the trades of a command whose answer did not have them all.
func (r *Run) fillsFromHistory(ctx context.Context, c *neutral.Command, command string) error {
	seq, err := strconv.ParseUint(command, 10, 64)
	if err != nil {
		return err
	}
	err = r.trades(ctx, seq-1, func(t *historyTrade) error {
		if t.Command != command {
			return errEnough
		}
		trade, err := r.trade(t)
		r.out.Trades = append(r.out.Trades, trade)
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// compareHistory holds every trade of the venue's history against the exchange's own, in their order.
func (r *Run) compareHistory(ctx context.Context) error {
	want, err := neutral.OpenTrades(r.Prefix)
	if err != nil {
		return err
	}
	defer want.Close()
	differ := func(format string, args ...any) {
		if r.finished.HistoryFirst == "" {
			r.finished.HistoryFirst = fmt.Sprintf(format, args...)
		}
	}
	count := &r.finished.History
	var w neutral.Trade
	err = r.trades(ctx, 0, func(t *historyTrade) error {
		got, err := r.trade(t)
		if err != nil {
			differ("%v", err)
		}
		switch err := want.Next(&w); {
		case err == io.EOF:
			differ("the history has a trade more than the exchange: %v", got)
			return nil
		case err != nil:
			return err
		}
		count.Total++
		if got != w {
			differ("the history has\n      %v\n    the exchange has\n      %v", got, w)
			return nil
		}
		count.Equal++
		return nil
	})
	if err != nil {
		return err
	}
	for {
		switch err := want.Next(&w); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		count.Total++
		differ("the history lacks: %v", w)
	}
}
