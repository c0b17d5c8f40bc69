// Package client talks to the venue's REST interface: it logs on, signs requests, logs on again when a session has
// ended (also by a restart of the server), and repeats what was not answered until it is.
//
// A Client may be used from many goroutines. Requests that one goroutine sends after another's answer arrive in that
// order; to have several operations under way in a stated order, send them as one batch (Settle).
//
// A venue may run on several nodes. The client talks to one of them, goes to the leader where a node says that it is another,
// and to the next one where a node does not answer. It has a session at each node that it uses, and asks every node for at
// least what it has seen of another: what it reads never goes back. Where a node takes a request and is silent for a second, as
// a leader that is stopped or cut off is, the others are asked whether one of them leads, four times a second at most; when one does,
// the request is given up and repeated there, and a read goes there as well. What a Do sends that is more than a read is never
// sent twice: it waits for its answer, and only those after it go to the leader.
//
// Repeating is safe because orders, cancels and replaces carry a client order id and the time of their first sending,
// and transfers a reference: the venue answers a repeat with the answer of the first time and does nothing again. The
// times and ids are the caller's to choose; Stamp fills the times.
package client

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"uncross/gateway/auth"
)

// Config is what a Client is made of.
type Config struct {
	URL   string           // such as http://127.0.0.1:8080, without a path
	URLs  []string         // further nodes of the venue; with them URL may be empty
	Key   *auth.Key        // nil: public requests only
	Roots *x509.CertPool   // authorities that the server's certificate may be of; nil: the system's. Not with HTTP
	HTTP  *http.Client     // nil: one with a time-out of 10 s, and of 3 s until an answer begins where there are several nodes
	Clock func() time.Time // nil: time.Now
	// Patience is how long Until and Settle repeat what is not answered. 0: DefaultPatience; negative: as long as their context.
	Patience time.Duration
}

// Client is a client of one venue with one key.
type Client struct {
	key      *auth.Key
	http     *http.Client
	clock    func() time.Time
	patience time.Duration

	applied atomic.Uint64 // greatest command that an answer has shown
	nonce   atomic.Uint64 // of the latest logon

	mu    sync.Mutex // guards what follows
	nodes []*node    // those that were given, then those that were learned
	at    *node      // that is talked to
}

// New returns a client that has not logged on yet; it does so when it must.
func New(c Config) (*Client, error) {
	n := &Client{key: c.Key, http: c.HTTP, clock: c.Clock, patience: c.Patience}
	all := c.URLs
	if c.URL != "" || len(all) == 0 {
		all = append([]string{c.URL}, all...)
	}
	for _, u := range all {
		base, err := parseBase(u)
		if err != nil {
			return nil, err
		}
		n.learn(base)
	}
	n.at = n.nodes[0]
	if n.http == nil {
		n.http = newHTTP(c.Roots, len(n.nodes) > 1)
	}
	if n.clock == nil {
		n.clock = time.Now
	}
	if n.patience == 0 {
		n.patience = DefaultPatience
	}
	return n, nil
}

// Error is a refusal by the server.
type Error struct {
	Status     int    `json:"-"` // HTTP
	Code       int    `json:"code"`
	Reason     string `json:"reason"`
	Message    string `json:"message"`
	Detail     string `json:"detail,omitempty"`
	Field      string `json:"field,omitempty"`
	Repeat     bool   `json:"repeat,omitempty"`
	Leader     *Node  `json:"leader,omitempty"` // of not_leader: where commands are taken; nil: not known
	retryAfter time.Duration
}

// Node is where a node is reached. An address is empty where it is not known or not offered.
type Node struct {
	Node string `json:"node"`
	HTTP string `json:"http,omitempty"`
	FIX  string `json:"fix,omitempty"`
}

// Error returns the refusal in one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s: %s", e.Code, e.Reason, e.Message)
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Leader != nil {
		s += ": the leader is " + e.Leader.Node
		if e.Leader.HTTP != "" {
			s += " at " + e.Leader.HTTP
		}
	}
	return s
}

// Temporary reports whether the same request may be answered otherwise a little later: it was not applied, or nobody
// knows whether it was.
func (e *Error) Temporary() bool {
	switch e.Reason {
	case "busy", "not_ready", "not_leader", "shutting_down", "not_applied", "outcome_unknown", "behind",
		"too_many_requests", "too_many_connections", "too_many_sessions", "request_timeout", "stale_nonce":
		return true
	}
	return false
}

// sessionGone reports whether a new logon helps.
func (e *Error) sessionGone() bool {
	return e.Reason == "unknown_session" || e.Reason == "session_expired"
}

// Logon opens a session at the node that is talked to, in place of the one that there may be.
func (c *Client) Logon(ctx context.Context) error {
	n := c.here()
	n.mu.Lock()
	defer n.mu.Unlock()
	return c.logon(ctx, n)
}

// logon opens a session at a node, whose lock is held, so that one logon serves all who wait for it.
func (c *Client) logon(ctx context.Context, n *node) error {
	if c.key == nil {
		return &permanentError{errors.New("client: this request needs a key")}
	}
	pending, err := auth.NewLogon(c.key, c.nextNonce())
	if err != nil {
		return err
	}
	body, err := json.Marshal(pending.Request())
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	var answer auth.LogonAnswer
	if err := c.send(ctx, n, http.MethodPost, "/v1/logon", body, nil, &answer); err != nil {
		return fmt.Errorf("logon: %w", err)
	}
	n.session, err = pending.Complete(answer)
	return err
}

// nextNonce returns the time, and more than every earlier nonce also when the clock stands still.
func (c *Client) nextNonce() uint64 {
	for {
		last := c.nonce.Load()
		next := max(last+1, uint64(c.clock().UnixNano()))
		if c.nonce.CompareAndSwap(last, next) {
			return next
		}
	}
}

// sessionAt returns the session at a node, after a logon when there is none or gone is the one that there is.
func (c *Client) sessionAt(ctx context.Context, n *node, gone *auth.ClientSession) (*auth.ClientSession, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.session == nil || n.session == gone || !c.clock().Before(n.session.Expires()) {
		if err := c.logon(ctx, n); err != nil {
			return nil, err
		}
	}
	return n.session, nil
}

// Public sends a request without a session. Target is the path with its query. out may be nil. It goes on to another node as
// Do does.
func (c *Client) Public(ctx context.Context, method, target string, out any) error {
	reads := method == http.MethodGet
	return c.round(ctx, reads, func(w *watch) (bool, error) {
		w.bind(!reads)
		return !reads, c.send(w.ctx, w.n, method, target, nil, nil, out)
	})
}

// Do sends one signed request, and once more after a new logon when its session is gone. in, when not nil, is sent as
// JSON; the answer is read into out, when not nil. A refusal is an *Error. It goes to the leader where a node says that it is
// another, and to the next node where one has not taken it; with an error that leaves open whether it was taken it ends,
// unless it only reads.
func (c *Client) Do(ctx context.Context, method, target string, in, out any) error {
	return c.do(ctx, false, method, target, in, out)
}

// do is Do; repeat says that the request may be sent twice, as what only reads may be in any case.
func (c *Client) do(ctx context.Context, repeat bool, method, target string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("client: %w", err)
		}
	}
	repeat = repeat || method == http.MethodGet
	return c.round(ctx, repeat, func(w *watch) (bool, error) {
		open, err := c.signed(w, !repeat, method, target, body, out)
		return open && method != http.MethodGet, err
	})
}

// signed sends one signed request to a node. With an error, open reports whether the request may have been taken. A logon may be
// given up at any time, the request itself not where it is to be sent once.
func (c *Client) signed(w *watch, once bool, method, target string, body []byte, out any) (open bool, err error) {
	session, err := c.sessionAt(w.ctx, w.n, nil)
	if err != nil {
		return false, err
	}
	w.bind(once)
	err = c.send(w.ctx, w.n, method, target, body, session, out)
	var refused *Error
	if errors.As(err, &refused) && refused.sessionGone() {
		w.bind(false)
		if session, err = c.sessionAt(w.ctx, w.n, session); err != nil {
			return false, err
		}
		w.bind(once)
		err = c.send(w.ctx, w.n, method, target, body, session, out)
	}
	return true, err
}

// Sign returns the headers that sign one request to the node that is talked to (URL), for tools that send it themselves. It logs on first when needed.
func (c *Client) Sign(ctx context.Context, method, target string, body []byte) (auth.Headers, error) {
	session, err := c.sessionAt(ctx, c.here(), nil)
	if err != nil {
		return auth.Headers{}, err
	}
	return session.Sign(method, target, body, c.clock()), nil
}

// Session returns the session at the node that is talked to, after a logon where there is none, or where not is the one that there is: it is about to end,
// or the server does not know it any more. Those who sign by themselves, such as a stream's login, take it.
func (c *Client) Session(ctx context.Context, not *auth.ClientSession) (*auth.ClientSession, error) {
	return c.sessionAt(ctx, c.here(), not)
}

// SessionAt does the same at the node of an address, which becomes one of those that the client knows.
func (c *Client) SessionAt(ctx context.Context, address string, not *auth.ClientSession) (*auth.ClientSession, error) {
	base, err := parseBase(address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	n := c.learn(base)
	c.mu.Unlock()
	if n == nil {
		return nil, &permanentError{fmt.Errorf("client: %s is one node too many", base)}
	}
	return c.sessionAt(ctx, n, not)
}

// URL returns the address of the node that is talked to.
func (c *Client) URL() string { return c.here().base }

// HasKey reports whether the client can log on.
func (c *Client) HasKey() bool { return c.key != nil }

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// readAll reads an answer. One of more bytes is an error: a part of it is not what was asked for, also where it is no JSON.
func readAll(body io.Reader, most int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	if len(text) > most {
		return nil, &permanentError{fmt.Errorf("client: an answer of more than %d bytes is not read", most)}
	}
	return text, err
}

// send sends one request to a node and reads its answer.
func (c *Client) send(ctx context.Context, n *node, method, target string, body []byte, session *auth.ClientSession, out any) error {
	a, err := c.exchange(ctx, c.http, n, method, target, body, session)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	text, err := readAll(a.Body, maxAnswer)
	if err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return c.refusal(a, text)
	}
	c.sees(a)
	if out == nil {
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = text
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return &permanentError{fmt.Errorf("client: %s %s: the answer is not understood: %w", method, target, err)}
	}
	return nil
}

// exchange sends one request to a node; the answer's body is the caller's to read and close.
func (c *Client) exchange(ctx context.Context, with *http.Client, n *node, method, target string, body []byte, session *auth.ClientSession) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, n.base+target, bytes.NewReader(body))
	if err != nil {
		return nil, &permanentError{fmt.Errorf("client: %w", err)}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if seen := c.applied.Load(); seen > 0 && c.several() && (method == http.MethodGet || session == nil) {
		r.Header.Set("Uncross-Min-Applied", strconv.FormatUint(seen, 10))
	}
	if session != nil {
		h := session.Sign(method, r.URL.RequestURI(), body, c.clock())
		h.Each(r.Header.Set)
	}
	return with.Do(r)
}

// Seen returns the greatest command that an answer has shown.
func (c *Client) Seen() uint64 { return c.applied.Load() }

// See has the answers to come show a command, as Seen of another client gave it: what one has done the other then finds, at
// whichever node.
func (c *Client) See(command uint64) {
	for last := c.applied.Load(); command > last; last = c.applied.Load() {
		if c.applied.CompareAndSwap(last, command) {
			return
		}
	}
}

// sees notes how far an answer was.
func (c *Client) sees(a *http.Response) {
	if n, err := strconv.ParseUint(a.Header.Get("Uncross-Applied"), 10, 64); err == nil {
		c.See(n)
	}
}

// refusal makes an Error from an answer.
func (c *Client) refusal(a *http.Response, text []byte) error {
	var body struct {
		Error *Error `json:"error"`
	}
	if err := json.Unmarshal(text, &body); err != nil || body.Error == nil {
		return fmt.Errorf("client: the server answered %s without saying why", a.Status)
	}
	body.Error.Status = a.StatusCode
	if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil {
		body.Error.retryAfter = time.Duration(s) * time.Second
	}
	if body.Error.Reason == "behind" && a.Header.Get("Uncross-Role") == "" {
		c.applied.Store(0) // not even the leader has it: the venue was restored from a backup
	}
	return body.Error
}

// stalled bounds how long a download waits for more.
const stalled = 3 * time.Minute

// Download sends one signed GET to the node that is talked to, without repeats, and copies an answer of any length to w. It
// returns how much came; an answer that is cut off is an error.
func (c *Client) Download(ctx context.Context, target string, w io.Writer) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(stalled, func() { cancel(errors.New("client: nothing has come for " + stalled.String())) })
	defer late.Stop()
	n := c.here()
	session, err := c.sessionAt(ctx, n, nil)
	if err != nil {
		return 0, err
	}
	patient := *c.http
	patient.Timeout = 0
	if t, ok := patient.Transport.(*http.Transport); ok && t.ResponseHeaderTimeout > 0 {
		t = t.Clone()
		t.ResponseHeaderTimeout = 0
		patient.Transport = t
		defer t.CloseIdleConnections()
	}
	a, err := c.exchange(ctx, &patient, n, http.MethodGet, target, nil, session)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		text, err := readAll(a.Body, maxAnswer)
		if err != nil {
			return 0, err
		}
		return 0, c.refusal(a, text)
	}
	size, err := io.Copy(w, &stirring{a.Body, late})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return size, err
}

// stirring is a body whose every piece puts the end of patience off.
type stirring struct {
	from io.Reader
	late *time.Timer
}

func (s *stirring) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.late.Reset(stalled)
	return n, err
}
