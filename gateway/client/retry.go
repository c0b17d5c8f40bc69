package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The pauses before a repeat: doubling from the first to the longest. They are shorter than a Retry-After header asks
// for at "busy", which a venue gets over in milliseconds; at every other refusal the header is obeyed.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
	severalPause = 250 * time.Millisecond // the longest where there are several nodes: they have a new leader within a second
)

// DefaultPatience is how long a request is repeated that nobody answers.
const DefaultPatience = 2 * time.Minute

// pause waits before the next try, longer each time.
type pause struct {
	c     *Client
	next  time.Duration
	begin time.Time // of the tries
	tries int
}

// wait returns an error when it is enough.
func (p *pause) wait(ctx context.Context, err error) error {
	if p.tries++; p.c.patience > 0 && time.Since(p.begin) >= p.c.patience {
		return fmt.Errorf("client: given up after %d tries in %s at %s: %w", p.tries, time.Since(p.begin).Round(time.Second), p.c.known(), err)
	}
	longest := longestPause
	if p.c.several() {
		longest = severalPause
	}
	p.next = min(max(2*p.next, firstPause), longest)
	d := p.next
	var refused *Error
	if errors.As(err, &refused) && refused.Reason == "too_many_requests" {
		d = max(d, refused.retryAfter)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), err)
	case <-t.C:
		return nil
	}
}

func (c *Client) newPause() pause { return pause{c: c, begin: time.Now()} }

// again reports whether a request that ended with err may be repeated: it was refused for the moment, or there was no
// answer at all.
func again(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Temporary()
	}
	return !lasts(err)
}

// lasts reports whether an error is one of this side, or of what a server is, that a repeat does not mend.
func lasts(err error) bool {
	var key *permanentError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &key) || errors.As(err, &certificate)
}

// permanentError marks an error of this side that a repeat does not mend.
type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

// Until sends a signed request as Do does and repeats it until it is answered: after network errors, time-outs and
// refusals for the moment, with growing pauses, until ctx ends or Config.Patience is over. What it sends must be safe to repeat (see the package).
func (c *Client) Until(ctx context.Context, method, target string, in, out any) error {
	p := c.newPause()
	for {
		err := c.do(ctx, true, method, target, in, out)
		if !again(ctx, err) {
			return err
		}
		if e := p.wait(ctx, err); e != nil {
			return e
		}
	}
}

// Operation is one operation of a batch.
type Operation struct {
	Op                string `json:"op"` // new, cancel or replace
	Account           string `json:"account"`
	Symbol            string `json:"symbol,omitempty"` // new, replace
	Side              string `json:"side,omitempty"`
	Type              string `json:"type,omitempty"`
	TimeInForce       string `json:"time_in_force,omitempty"`
	PostOnly          bool   `json:"post_only,omitempty"`
	Price             string `json:"price,omitempty"`
	Quantity          string `json:"quantity,omitempty"`
	Funds             string `json:"funds,omitempty"`
	OrderID           string `json:"order_id,omitempty"`             // cancel, replace: by the venue's id …
	OrigClientOrderID string `json:"orig_client_order_id,omitempty"` // … or by the client's
	ClientOrderID     string `json:"client_order_id,omitempty"`      // of this operation
	SentAtNs          int64  `json:"sent_at_ns,omitempty,string"`    // when it was sent first
}

// Fill is one fill of an order.
type Fill struct {
	TradeID   string `json:"trade_id"`
	Price     string `json:"price"`
	Quantity  string `json:"quantity"`
	Notional  string `json:"notional"`
	Fee       string `json:"fee"`
	Liquidity string `json:"liquidity"`
}

// Order is the answer to an operation: the order as the operation left it, and the fills of the operation.
type Order struct {
	Repeat        bool   `json:"repeat"`
	Command       string `json:"command"`
	Time          string `json:"time"`
	OrderID       string `json:"order_id"`
	ClientOrderID string `json:"client_order_id,omitempty"`
	Account       string `json:"account"`
	Symbol        string `json:"symbol"`
	Side          string `json:"side"`
	Type          string `json:"type,omitempty"`
	TimeInForce   string `json:"time_in_force,omitempty"`
	PostOnly      bool   `json:"post_only,omitempty"`
	Price         string `json:"price,omitempty"`
	Quantity      string `json:"quantity,omitempty"`
	Funds         string `json:"funds,omitempty"`
	Status        string `json:"status"`
	Filled        string `json:"filled"`
	Remaining     string `json:"remaining"`
	Canceled      string `json:"canceled,omitempty"`
	CancelReason  string `json:"cancel_reason,omitempty"`
	KeptPriority  *bool  `json:"kept_priority,omitempty"`
	Notional      string `json:"notional,omitempty"`
	AveragePrice  string `json:"average_price,omitempty"`
	Fills         []Fill `json:"fills"`
	FillsComplete bool   `json:"fills_complete"`
}

// Result is the answer to one operation: an order or an error.
type Result struct {
	Status int    `json:"status"`
	Order  *Order `json:"order,omitempty"`
	Error  *Error `json:"error,omitempty"`
}

// Final reports whether the answer stands: a repeat would get the same.
func (r *Result) Final() bool { return r.Order != nil || r.Error != nil && !r.Error.Temporary() }

// Stamp gives every operation that has no time yet the present one. Do it once, before the first sending.
func (c *Client) Stamp(ops []Operation) {
	for i := range ops {
		if ops[i].SentAtNs == 0 {
			ops[i].SentAtNs = c.clock().UnixNano()
		}
	}
}

// Batch sends operations in their order, once.
func (c *Client) Batch(ctx context.Context, ops []Operation) ([]Result, error) {
	return c.batch(ctx, false, ops)
}

// batch is Batch; repeat says that it may be sent twice.
func (c *Client) batch(ctx context.Context, repeat bool, ops []Operation) ([]Result, error) {
	in := struct {
		Operations []Operation `json:"operations"`
	}{ops}
	var out struct {
		Results []Result `json:"results"`
	}
	if err := c.do(ctx, repeat, http.MethodPost, "/v1/orders/batch", in, &out); err != nil {
		return nil, err
	}
	if len(out.Results) != len(ops) {
		return nil, &permanentError{errors.New("client: the answer to a batch has another number of results")}
	}
	for i := range out.Results {
		if e := out.Results[i].Error; e != nil {
			e.Status = out.Results[i].Status
		}
	}
	return out.Results, nil
}

// Settle sends operations in their order and repeats those without a final answer until all have one, ctx ends, or nothing has moved for Config.Patience. The
// operations must have client order ids; those without a time get one. A "busy" on one holds back those after it, so
// the order of what is applied is that of ops. The results are the answers so far, also when an error is returned.
func (c *Client) Settle(ctx context.Context, ops []Operation) ([]Result, error) {
	c.Stamp(ops)
	results := make([]Result, len(ops))
	open := make([]int, len(ops)) // indexes without a final answer
	for i := range open {
		open[i] = i
	}
	p := c.newPause()
	for {
		send := make([]Operation, len(open))
		for k, i := range open {
			send[k] = ops[i]
		}
		got, err := c.batch(ctx, true, send)
		if err != nil && !again(ctx, err) {
			return results, err
		}
		var left []int
		for k, i := range open {
			if err == nil {
				results[i] = got[k]
			}
			if !results[i].Final() {
				left = append(left, i)
			}
		}
		switch {
		case len(left) == 0:
			return results, nil
		case len(left) < len(open):
			p = c.newPause() // it moves on
		}
		if open = left; err == nil {
			err = results[left[0]].Error
		}
		if e := p.wait(ctx, err); e != nil {
			return results, e
		}
	}
}
