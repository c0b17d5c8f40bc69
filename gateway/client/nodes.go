package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"uncross/gateway/auth"
)

// This file has which of a venue's nodes is talked to.

const (
	mostNodes   = 16              // that are known; further leaders are not gone to
	avoidFailed = time.Second     // a node that did not answer is not gone to for so long, where there is another
	answerTime  = 3 * time.Second // until an answer begins, where there are several nodes
	dialTime    = 2 * time.Second
	requestTime = 10 * time.Second // from a request to the end of its answer
)

// node is a node of the venue.
type node struct {
	base   string    // such as http://127.0.0.1:8080
	failed time.Time // when it did not answer; under the client's lock
	asking *asking   // the latest time that the others were asked, since it was silent; under the client's lock

	mu      sync.Mutex
	session *auth.ClientSession
}

// parseBase returns an address in the form that the client uses.
func parseBase(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", fmt.Errorf("client: %q is no address of a server such as http://127.0.0.1:8080", text)
	}
	return u.Scheme + "://" + u.Host, nil
}

// newHTTP returns the way to the nodes. Where there are several, one that hangs is given up sooner.
func newHTTP(roots *x509.CertPool, several bool) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.Proxy = nil
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if several {
		t.ResponseHeaderTimeout = answerTime
		t.DialContext = (&net.Dialer{Timeout: dialTime}).DialContext
	}
	return &http.Client{Timeout: requestTime, Transport: t}
}

// learn returns the node of an address, nil when there are too many already. The lock is held, or the client is new.
func (c *Client) learn(base string) *node {
	for _, n := range c.nodes {
		if n.base == base {
			return n
		}
	}
	if len(c.nodes) == mostNodes {
		return nil
	}
	n := &node{base: base}
	c.nodes = append(c.nodes, n)
	return n
}

// here returns the node that is talked to.
func (c *Client) here() *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// several reports whether the venue is known to have more than one node.
func (c *Client) several() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.nodes) > 1
}

// known returns the nodes in words.
func (c *Client) known() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.base)
	}
	return strings.Join(all, ", ")
}

// round sends a request to the node that is talked to and, where that has not taken it and another may, to another: each
// node once, the leader twice. send reports with an error whether the request may have been taken after all; where it may be
// sent twice, repeat, it goes on to the leader also from a node that is silent.
func (c *Client) round(ctx context.Context, repeat bool, send func(w *watch) (open bool, err error)) error {
	var asked map[*node]int
	for {
		n := c.here()
		open, err := c.watched(ctx, n, send)
		if err == nil {
			c.answered(n)
			return nil
		}
		if asked == nil {
			asked = map[*node]int{}
		}
		asked[n]++
		var silent *silentError
		if errors.As(err, &silent) && ctx.Err() == nil && (repeat || !open) && asked[c.here()] < 2 {
			continue // it is at the leader by now
		}
		if silent != nil || ctx.Err() != nil || !c.elsewhere(n, asked, open, err) {
			return err
		}
	}
}

// elsewhere goes to another node where one may do better than the one that ended with err, and reports whether the request
// may be sent there at once.
func (c *Client) elsewhere(n *node, asked map[*node]int, open bool, err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		switch refused.Reason {
		case "not_leader":
			return c.goToLeader(n, asked, refused.Leader)
		case "not_ready", "shutting_down", "behind":
			return c.goOn(n, asked)
		}
		return false
	}
	if lasts(err) {
		return false
	}
	c.mu.Lock()
	n.failed = time.Now()
	c.mu.Unlock()
	// Whoever was not reached has not taken it.
	var dial *net.OpError
	reached := !errors.As(err, &dial) || dial.Op != "dial"
	return c.goOn(n, asked) && (!open || !reached)
}

// answered notes that a node can be reached.
func (c *Client) answered(n *node) {
	c.mu.Lock()
	n.failed = time.Time{}
	c.mu.Unlock()
}

// goToLeader goes to the leader that a node has named, or else to the next node.
func (c *Client) goToLeader(n *node, asked map[*node]int, leader *Node) bool {
	if leader == nil || leader.HTTP == "" {
		return c.goOn(n, asked)
	}
	to := c.named(n, leader.HTTP)
	c.mu.Lock()
	good := to != nil && to != n && time.Since(to.failed) >= avoidFailed
	if good && c.at == n {
		c.at = to
	}
	c.mu.Unlock()
	if !good {
		return c.goOn(n, asked)
	}
	return asked[to] < 2
}

// named returns the node of an address that a node has named, nil where it is not to be gone to: nobody is led from TLS to plain
// text.
func (c *Client) named(by *node, address string) *node {
	base, err := parseBase(address)
	if err != nil || strings.HasPrefix(by.base, "https:") && !strings.HasPrefix(base, "https:") {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.learn(base)
}

// goOn goes to the node behind n, and reports whether the request has not been sent there yet. Those that have just failed to
// answer are left out, unless n is one of them and there is no other. Where another goroutine has gone on already, that is
// where it goes.
func (c *Client) goOn(n *node, asked map[*node]int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at != n {
		return asked[c.at] == 0
	}
	var at int
	for i := range c.nodes {
		if c.nodes[i] == n {
			at = i
		}
	}
	lately := func(n *node) bool { return time.Since(n.failed) < avoidFailed }
	var first, again *node
	for i := 1; i < len(c.nodes); i++ {
		to := c.nodes[(at+i)%len(c.nodes)]
		switch {
		case lately(to) && !lately(n):
		case asked[to] > 0 || lately(to):
			again = cmp.Or(again, to)
		default:
			first = cmp.Or(first, to)
		}
	}
	if c.at = cmp.Or(first, again, n); first != nil {
		return true
	}
	return again != nil && asked[again] == 0
}
