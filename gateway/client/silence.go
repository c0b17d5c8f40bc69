package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// This file has what is done about a node that takes a request and says nothing: a leader that is stopped or cut off, or whose
// disk hangs, does not close its connections. Where several nodes are known, the others are then asked whether one of them leads.
// As long as answers begin in time nobody is asked.

const (
	silentAfter = time.Second            // from a request to the first byte of its answer; then the others are asked
	leadsTime   = 500 * time.Millisecond // for their answers
	askAgain    = 250 * time.Millisecond // between two times that one client asks about one node, where the answers are there by then
)

// silentError ends a request that a node has not answered while another one leads.
type silentError struct{ base, leader string }

// Error implements error.
func (e *silentError) Error() string {
	return fmt.Sprintf("client: %s has been silent for %v, and %s leads", e.base, silentAfter, e.leader)
}

// watch is the eye on one request at one node.
type watch struct {
	c      *Client
	n      *node
	ctx    context.Context // of the request; ends when it is given up
	cancel context.CancelCauseFunc
	timer  *time.Timer
	heard  atomic.Bool // an answer has begun, and no further exchange has
	bound  atomic.Bool // what is under way must not be sent twice: it is not given up
}

// watched has send send a request to a node, and gives it up where the node is silent and another one leads. The client then
// goes to that one.
func (c *Client) watched(ctx context.Context, n *node, send func(w *watch) (open bool, err error)) (open bool, err error) {
	w := &watch{c: c, n: n, ctx: ctx}
	if !c.several() {
		return send(w)
	}
	ctx, w.cancel = context.WithCancelCause(ctx)
	defer w.cancel(nil)
	w.ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { // the first one is the request itself, or the logon before it
			if w.heard.Swap(false) {
				w.timer.Reset(silentAfter)
			}
		},
		GotFirstResponseByte: func() {
			w.heard.Store(true)
			w.timer.Stop()
		},
	})
	w.timer = time.AfterFunc(silentAfter, w.look)
	defer w.timer.Stop()
	open, err = send(w)
	var silent *silentError
	var refused *Error
	if err != nil && errors.As(context.Cause(ctx), &silent) && !errors.As(err, &refused) && !lasts(err) {
		err = silent
	}
	return open, err
}

// bind says that what is sent from now on must not be sent twice, or that it may be.
func (w *watch) bind(once bool) { w.bound.Store(once) }

// look asks the other nodes until one leads, or the request has ended. A request that must not be sent twice is left where it
// is; those that follow go to the leader.
func (w *watch) look() {
	for !w.heard.Load() && w.ctx.Err() == nil {
		if leader := w.c.otherLeader(w.ctx, w.n); leader != nil && !w.heard.Load() {
			w.c.leave(w.n, leader)
			if !w.bound.Load() {
				w.cancel(&silentError{w.n.base, leader.base})
			}
			return
		}
		select {
		case <-w.ctx.Done():
		case <-time.After(askAgain):
		}
	}
}

// leave goes from a node that does not answer to the leader.
func (c *Client) leave(n, leader *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.failed = time.Now()
	if c.at == n {
		c.at = leader
	}
}

// asking is one time that the other nodes are asked.
type asking struct {
	begun  time.Time
	done   chan struct{}
	leader *node // nil: none says so; after done
}

// answered reports whether the answers are there, or no longer waited for.
func (a *asking) answered() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// otherLeader returns the node other than n that says that it leads, nil where none does. All who want to know it at about the
// same time share the answers.
func (c *Client) otherLeader(ctx context.Context, n *node) *node {
	c.mu.Lock()
	a := n.asking
	if a == nil || a.answered() && time.Since(a.begun) >= askAgain {
		a = &asking{begun: time.Now(), done: make(chan struct{})}
		n.asking = a
		var others []*node
		for _, o := range c.nodes {
			if o != n {
				others = append(others, o)
			}
		}
		go c.ask(a, others)
	}
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.leader
	case <-ctx.Done():
		return nil
	}
}

// ask asks nodes side by side. A leader that one of them names is a node that is asked the next time.
func (c *Client) ask(a *asking, nodes []*node) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(context.Background(), leadsTime)
	defer cancel()
	leads := make(chan *node, len(nodes))
	for _, n := range nodes {
		go func() {
			yes, named := Leads(ctx, c.http, n.base)
			if yes {
				leads <- n
				return
			}
			c.named(n, named)
			leads <- nil
		}()
	}
	for range nodes {
		if a.leader = <-leads; a.leader != nil {
			return
		}
	}
}

// Leads asks the node at an address such as http://127.0.0.1:8080 whether it leads. Where it does not, it may name the one that
// it takes for the leader.
func Leads(ctx context.Context, with *http.Client, address string) (yes bool, named string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz?leader=1", nil)
	if err != nil {
		return false, ""
	}
	a, err := with.Do(r)
	if err != nil {
		return false, ""
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(a.Body, maxThrown)) // so that the connection can be used again
	return a.StatusCode == http.StatusOK, a.Header.Get("Uncross-Leader")
}

// maxThrown bounds what is read of an answer that is thrown away.
const maxThrown = 64 << 10
