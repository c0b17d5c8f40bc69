//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"

	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// This file holds the histories of all nodes against each other, and against what the brokers know.

// orderItem is an order of the history.
type orderItem struct {
	OrderID  string `json:"order_id"`
	ClientID string `json:"client_order_id"`
	Side     string `json:"side"`
	Quantity int    `json:"quantity,string"`
	Status   string `json:"status"`
	Filled   int    `json:"filled,string"`
}

type orderList struct {
	listing
	all map[string]orderItem // by order id
}

// fillItem is a fill of the history.
type fillItem struct {
	TradeID  string `json:"trade_id"`
	OrderID  string `json:"order_id"`
	Side     string `json:"side"`
	Price    string `json:"price"`
	Quantity int    `json:"quantity,string"`
}

type fillList struct {
	listing
	all map[string]fillItem // by trade id and side
}

// histories reads the orders and fills of all accounts on all nodes, and holds them against each other and against what the
// brokers know. whole are the nodes whose lists are read from their beginning. There is silence, and the nodes are level.
func (l *load) histories(whole func(*nodes.Node) bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*loadPatience)
	defer cancel()
	for k, p := range l.c.Nodes {
		n := l.c.ClientAt(p, &l.c.Operator)
		for account := range l.orders {
			if err := l.account(ctx, n, account, k == 0, whole(p)); err != nil {
				l.wrong("%s: %v", p.Name, err)
			}
		}
	}
	l.holdOrders()
	l.holdFills()
}

// account reads one account's lists on one node.
func (l *load) account(ctx context.Context, n *client.Client, account string, makes, whole bool) error {
	orders, fills, of := l.orders[account], l.fills[account], "?account="+account
	seen := map[string]bool{}
	err := orders.read(ctx, n, "/v1/order-history"+of, makes, whole, func(item json.RawMessage) (bool, error) {
		var o orderItem
		if err := json.Unmarshal(item, &o); err != nil {
			return false, err
		}
		if seen[o.OrderID] {
			return false, fmt.Errorf("%s: order %s is in the history twice", account, o.OrderID)
		}
		seen[o.OrderID] = true
		if makes {
			orders.all[o.OrderID] = o
		}
		return o.Status != "open" && o.Status != "new" && o.Status != "partially_filled", nil
	})
	if err != nil {
		return err
	}
	clear(seen)
	return fills.read(ctx, n, "/v1/fills"+of, makes, whole, func(item json.RawMessage) (bool, error) {
		var f fillItem
		if err := json.Unmarshal(item, &f); err != nil {
			return false, err
		}
		key := f.TradeID + f.Side
		if seen[key] {
			return false, fmt.Errorf("%s: the %s of trade %s is in the history twice", account, f.Side, f.TradeID)
		}
		seen[key] = true
		if makes {
			fills.all[key] = f
		}
		return true, nil
	})
}

// holdOrders holds the history's orders against the brokers' answers: each that was accepted is there, and no other.
func (l *load) holdOrders() {
	hold := func(account string, known map[string]string) {
		all := l.orders[account].all
		for id, name := range known {
			if _, ok := all[id]; !ok {
				l.wrong("%s: order %s (%s) was accepted, and is not in the history", account, id, name)
			}
		}
		for id, o := range all {
			if _, ok := known[id]; !ok {
				l.wrong("%s: the history has order %s (%s), which nobody has an answer to", account, id, o.ClientID)
			}
		}
	}
	for _, b := range l.rest {
		hold(b.account, b.orders)
	}
	for _, b := range l.fix {
		b.mu.Lock()
		known := map[string]string{}
		for id, o := range b.orders {
			known[id] = o.name
			if h, ok := l.orders[b.account].all[id]; ok && h.Filled != o.filled {
				l.wrong("%s: order %s is filled %d, the reports say %d", b.account, o.name, h.Filled, o.filled)
			}
		}
		b.mu.Unlock()
		hold(b.account, known)
	}
}

// holdFills holds the two sides of every trade against each other, and the fills of each order against the order.
func (l *load) holdFills() {
	trades, bought, sold := map[string]fillItem{}, 0, 0
	for account, list := range l.fills {
		filled := map[string]int{}
		for _, f := range list.all {
			filled[f.OrderID] += f.Quantity
			if f.Side == "buy" {
				bought += f.Quantity
			} else {
				sold += f.Quantity
			}
			o, ok := trades[f.TradeID]
			switch {
			case !ok:
				trades[f.TradeID] = f
			case o.Side == f.Side || o.Price != f.Price || o.Quantity != f.Quantity:
				l.wrong("the sides of trade %s are %+v and %+v", f.TradeID, o, f)
			default:
				delete(trades, f.TradeID)
			}
		}
		for id, o := range l.orders[account].all {
			if filled[id] != o.Filled {
				l.wrong("%s: order %s is filled %d, its fills are %d", account, id, o.Filled, filled[id])
			}
		}
	}
	if bought != sold || len(trades) > 0 {
		l.wrong("bought %d, sold %d; %d trades have one side", bought, sold, len(trades))
	}
}

// trades counts the trades that the history has.
func (l *load) trades() (n int) {
	for _, list := range l.fills {
		n += len(list.all)
	}
	return n / 2
}
