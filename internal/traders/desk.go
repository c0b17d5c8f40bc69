package traders

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
	"uncross/gateway/decimal"
)

// Desk is a trader's way to the venue.
type Desk interface {
	// Do sends actions in their order and returns how many were refused, once all are answered.
	Do(ctx context.Context, in *Instrument, actions []Action) (refused int, err error)
	// Close ends the connection.
	Close()
}

// Books is what a trader reads of its own account.
type Books struct {
	client  *client.Client
	account string
	home    map[string]string // by asset: what the account has at home
}

// openOrders is how many open orders are read: a trader never has more.
const openOrders = 100

// Open returns the trader's open orders in an instrument, in order of entry.
func (b *Books) Open(ctx context.Context, in *Instrument) ([]Order, error) {
	var a struct {
		Items []struct {
			ID       string `json:"order_id"`
			ClientID string `json:"client_order_id"`
			Side     string `json:"side"`
			Price    string `json:"price"`
			Qty      string `json:"quantity"`
			Left     string `json:"remaining"`
			PostOnly bool   `json:"post_only"`
		} `json:"items"`
	}
	target := "/v1/orders?account=" + url.QueryEscape(b.account) + "&symbol=" + url.QueryEscape(in.Symbol) + "&limit=" + strconv.Itoa(openOrders)
	if err := b.client.Do(ctx, "GET", target, nil, &a); err != nil {
		return nil, err
	}
	all := make([]Order, 0, len(a.Items))
	for _, item := range a.Items {
		o := Order{ID: item.ID, ClientID: item.ClientID, Side: wire.Sell, PostOnly: item.PostOnly}
		if item.Side == wire.Buy.String() {
			o.Side = wire.Buy
		}
		var err error
		if o.Price, o.Qty, err = numbers(in, item.Price, item.Qty); err != nil {
			return nil, err
		}
		if o.Left, err = in.ParseQty(item.Left); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// balance is what an account has of an asset, held amounts included.
type balance struct {
	Asset string `json:"asset"`
	Total string `json:"total"`
}

// balances asks for what an account has.
func balances(ctx context.Context, c *client.Client, account string) ([]balance, error) {
	var a struct {
		Items []balance `json:"items"`
	}
	err := c.Do(ctx, "GET", "/v1/balances?account="+url.QueryEscape(account), nil, &a)
	return a.Items, err
}

// Position returns the lots above or below home.
func (b *Books) Position(ctx context.Context, in *Instrument) (wire.Qty, error) {
	all, err := balances(ctx, b.client, b.account)
	if err != nil {
		return 0, err
	}
	has := "0"
	if i := slices.IndexFunc(all, func(x balance) bool { return x.Asset == in.Base }); i >= 0 {
		has = all[i].Total
	}
	now, err1 := lotsOf(in, has)
	home, err2 := lotsOf(in, b.home[in.Base])
	return now - home, errors.Join(err1, err2)
}

// lotsOf returns how many whole lots an amount of the base asset is.
func lotsOf(in *Instrument, amount string) (wire.Qty, error) {
	a, err := decimal.ParseAmount(amount, in.BaseDecimals)
	if err != nil {
		return 0, err
	}
	n, _ := a.DivRem(uint64(in.LotSize))
	return wire.Qty(n.Lo), nil // an account of the demonstration has far less than 2^63 lots
}

// CancelAll cancels every open order of the account.
func (b *Books) CancelAll(ctx context.Context) error {
	return b.client.Until(ctx, "DELETE", "/v1/orders?account="+url.QueryEscape(b.account), nil, nil)
}

// names makes client order ids that no earlier run has used.
type names struct {
	prefix string
	n      uint64
}

func newNames(now time.Time) names {
	return names{prefix: strconv.FormatInt(now.UnixMilli(), 36) + "-"}
}

func (n *names) next() string {
	n.n++
	return n.prefix + strconv.FormatUint(n.n, 10)
}

// restDesk sends a turn as one batch.
type restDesk struct {
	client  *client.Client
	account string
	names   names
	ops     []client.Operation
}

// Do implements Desk.
func (d *restDesk) Do(ctx context.Context, in *Instrument, actions []Action) (refused int, err error) {
	d.ops = d.ops[:0]
	for i := range actions {
		d.ops = append(d.ops, d.operation(in, &actions[i]))
	}
	results, err := d.client.Settle(ctx, d.ops)
	for i := range results {
		if results[i].Error != nil {
			refused++
		}
	}
	return refused, err
}

// operation is an action as the REST interface takes it.
func (d *restDesk) operation(in *Instrument, a *Action) client.Operation {
	o := client.Operation{Account: d.account, ClientOrderID: d.names.next()}
	if a.Verb == Cancel {
		o.Op, o.OrderID = "cancel", a.Order.ID
		return o
	}
	o.Symbol, o.Quantity = in.Symbol, in.Qty(a.Qty)
	if a.Price != 0 {
		o.Price = in.Price(a.Price)
	}
	if a.Verb == Replace {
		o.Op, o.OrderID = "replace", a.Order.ID
		return o
	}
	o.Op, o.Side, o.Type, o.TimeInForce, o.PostOnly = "new", a.Side.String(), "limit", a.TIF.String(), a.PostOnly
	if a.Price == 0 {
		o.Type = "market"
	}
	return o
}

// Close implements Desk.
func (d *restDesk) Close() {}
