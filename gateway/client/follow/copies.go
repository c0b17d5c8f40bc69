package follow

import (
	"cmp"
	"slices"
)

// Copies are all copies that a Follower keeps.
type Copies struct{ of map[Subscription]any }

func newCopies() *Copies { return &Copies{of: map[Subscription]any{}} }

// copyOf returns the copy of a channel, made new where there is none.
func copyOf[T any](c *Copies, s Subscription, make func() T) T {
	if v, ok := c.of[s]; ok {
		return v.(T)
	}
	v := make()
	c.of[s] = v
	return v
}

// look returns the copy of a channel, the zero value where there is none.
func look[T any](c *Copies, s Subscription) T {
	v, _ := c.of[s].(T)
	return v
}

// Book returns the copy of an instrument's price levels, nil where there is none.
func (c *Copies) Book(symbol string) *Book {
	return look[*Book](c, Subscription{Channel: ChannelBook, Symbol: symbol})
}

// Orders returns the copy of an instrument's orders, nil where there is none.
func (c *Copies) Orders(symbol string) *Orders {
	return look[*Orders](c, Subscription{Channel: ChannelOrders, Symbol: symbol})
}

// Tape returns the copy of an instrument's trades, nil where there is none.
func (c *Copies) Tape(symbol string) *Tape {
	return look[*Tape](c, Subscription{Channel: ChannelTrades, Symbol: symbol})
}

// Chart returns the copy of an instrument's candles of an interval, nil where there is none.
func (c *Copies) Chart(symbol, interval string) *Chart {
	return look[*Chart](c, Subscription{Channel: ChannelCandles, Symbol: symbol, Interval: interval})
}

// Latest returns the latest message of bbo, auction, status or statistics, nil where there is none.
func (c *Copies) Latest(channel, symbol string) *Message {
	l := look[*Latest](c, Subscription{Channel: channel, Symbol: symbol})
	if l == nil || !l.whole {
		return nil
	}
	return &l.Message
}

// Wallet is a copy of an account's balances.
type Wallet struct {
	Event    EventID // the last one that changed them
	balances map[string]Balance
}

// Balance returns the balance of an asset, "" in place of the numbers where nothing is known of it.
func (w *Wallet) Balance(asset string) Balance { return w.balances[asset] }

// All returns the balances by asset.
func (w *Wallet) All() []Balance {
	all := make([]Balance, 0, len(w.balances))
	for _, b := range w.balances {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b Balance) int { return cmp.Compare(a.Asset, b.Asset) })
	return all
}

// Apply takes the next message.
func (w *Wallet) Apply(m *Message) {
	if m.Snapshot || w.balances == nil {
		w.balances = map[string]Balance{}
	}
	for _, b := range m.Balances {
		w.balances[b.Asset] = b
	}
	w.Event = m.Event
}

// Wallet returns the copy of an account's balances, nil where there is none. It has what has come since the follower began: all of them
// where it began with a snapshot, or from the first event on.
func (c *Copies) Wallet(account string) *Wallet {
	return look[*Wallet](c, Subscription{Channel: ChannelBalances, Account: account})
}
