package bench

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// This file counts what became of orders: each that was acknowledged is to be there once, on every node.

// series are orders of one account whose client order ids are a prefix and a number. It may be used from many goroutines.
type series struct {
	account, prefix string

	mu    sync.Mutex
	acked []bool
	many  int                // that are acknowledged
	seen  map[string][]uint8 // by node: how often each is there
}

func newSeries(account, prefix string) *series {
	return &series{account: account, prefix: prefix, seen: map[string][]uint8{}}
}

// next returns the number of another order.
func (s *series) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = append(s.acked, false)
	return len(s.acked) - 1
}

func (s *series) id(i int) string { return s.prefix + strconv.Itoa(i) }

// ack notes that order i was acknowledged.
func (s *series) ack(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.acked[i] {
		s.acked[i] = true
		s.many++
	}
}

// found notes an order that a node has, where it is one of these.
func (s *series) found(node, id string) {
	text, ok := strings.CutPrefix(id, s.prefix)
	i, err := strconv.Atoi(text)
	if !ok || err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen[node]
	for i >= len(seen) {
		seen = append(seen, 0)
	}
	seen[i] = min(seen[i]+1, 2)
	s.seen[node] = seen
}

// count is what a census has found.
type count struct {
	orders, acked int
	lost, doubled int
	first         string // what was wrong first
}

func (c *count) add(o count) {
	c.orders, c.acked, c.lost, c.doubled = c.orders+o.orders, c.acked+o.acked, c.lost+o.lost, c.doubled+o.doubled
	if c.first == "" {
		c.first = o.first
	}
}

func (c *count) wrong() bool { return c.lost+c.doubled > 0 }

func (c *count) String() string {
	text := fmt.Sprintf("%s orders acknowledged of %s sent: %d lost, %d doubled", thousands(c.acked), thousands(c.orders), c.lost, c.doubled)
	if c.first != "" {
		text += " (first: " + c.first + ")"
	}
	return text
}

// count holds what was acknowledged against what the nodes have.
func (s *series) count(nodes []string) (c count) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.orders, c.acked = len(s.acked), s.many
	wrong := func(n *int, i int, node, what string) {
		if *n++; c.first == "" {
			c.first = fmt.Sprintf("order %s of %s is %s on %s", s.id(i), s.account, what, node)
		}
	}
	for i, acked := range s.acked {
		lost, doubled := false, false
		for _, node := range nodes {
			times := uint8(0)
			if i < len(s.seen[node]) {
				times = s.seen[node][i]
			}
			if acked && times == 0 && !lost {
				lost = true
				wrong(&c.lost, i, node, "not there")
			}
			if times > 1 && !doubled {
				doubled = true
				wrong(&c.doubled, i, node, "there more than once")
			}
		}
	}
	return c
}

// census reads the order history of accounts on every node, each time from where it stopped.
type census struct {
	trio    *nodes.Venue
	readers []*client.Client // by node
	at      map[string]reached
}

// reached is how far the history of an account was read on a node.
type reached struct {
	order uint64
	ns    int64
}

// newCensus reads with an operator's key: it may see every account.
func newCensus(t *nodes.Venue, operator *auth.Key) (*census, error) {
	c := &census{trio: t, at: map[string]reached{}}
	for _, n := range t.Nodes {
		reader, err := client.New(client.Config{URL: n.URL(), Key: operator, Patience: nodes.Patience})
		if err != nil {
			return nil, err
		}
		c.readers = append(c.readers, reader)
	}
	return c, nil
}

// read reads what has come since the last time. The account of each series is read once.
func (c *census) read(ctx context.Context, all []*series) error {
	of := map[string][]*series{}
	for _, s := range all {
		of[s.account] = append(of[s.account], s)
	}
	for i, n := range c.trio.Nodes {
		for account, those := range of {
			key := n.Name + " " + account
			at := c.at[key]
			target := "/v1/order-history?sort=oldest&limit=1000&account=" + url.QueryEscape(account)
			if at.ns > 0 {
				target += "&from_ns=" + strconv.FormatInt(at.ns, 10)
			}
			type order struct {
				ID      uint64    `json:"order_id,string"`
				Client  string    `json:"client_order_id"`
				Entered time.Time `json:"entered"`
			}
			for o, err := range client.Pages[order](ctx, c.readers[i], target) {
				if err != nil {
					return fmt.Errorf("asking %s for the orders of %s: %w", n.Name, account, err)
				}
				if o.ID <= at.order {
					continue
				}
				at = reached{o.ID, o.Entered.UnixNano()}
				for _, s := range those {
					s.found(n.Name, o.Client)
				}
			}
			c.at[key] = at
		}
	}
	return nil
}

// count reads once more and counts.
func (c *census) count(ctx context.Context, all []*series) (total count, err error) {
	if err := c.read(ctx, all); err != nil {
		return total, err
	}
	var nodes []string
	for _, n := range c.trio.Nodes {
		nodes = append(nodes, n.Name)
	}
	for _, s := range all {
		total.add(s.count(nodes))
	}
	return total, nil
}

// sent returns how many orders there are.
func (s *series) sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acked)
}
