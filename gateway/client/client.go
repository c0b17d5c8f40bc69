// Package client talks to the venue's REST interface: it logs on, signs requests, logs on again when a session has
// ended (also by a restart of the server), and repeats what was not answered until it is.
//
// A Client may be used from many goroutines. Requests that one goroutine sends after another's answer arrive in that
// order; to have several operations under way in a stated order, send them as one batch (Settle).
//
// Repeating is safe because orders, cancels and replaces carry a client order id and the time of their first sending,
// and transfers a reference: the venue answers a repeat with the answer of the first time and does nothing again. The
// times and ids are the caller's to choose; Stamp fills the times.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"uncross/gateway/auth"
)

// Config is what a Client is made of.
type Config struct {
	URL   string           // such as http://127.0.0.1:8080, without a path
	Key   *auth.Key        // nil: public requests only
	Roots *x509.CertPool   // authorities that the server's certificate may be of; nil: the system's. Not with HTTP
	HTTP  *http.Client     // nil: one with a time-out of 10 s
	Clock func() time.Time // nil: time.Now
}

// Client is a client of one venue with one key.
type Client struct {
	base  string
	key   *auth.Key
	http  *http.Client
	clock func() time.Time

	mu      sync.Mutex
	session *auth.ClientSession
	nonce   uint64
}

// New returns a client that has not logged on yet; it does so when it must.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("client: %q is no address of a server such as http://127.0.0.1:8080", c.URL)
	}
	n := &Client{base: u.Scheme + "://" + u.Host, key: c.Key, http: c.HTTP, clock: c.Clock}
	if n.http == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64
		t.Proxy = nil
		t.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
		n.http = &http.Client{Timeout: 10 * time.Second, Transport: t}
	}
	if n.clock == nil {
		n.clock = time.Now
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
	retryAfter time.Duration
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
	return s
}

// Temporary reports whether the same request may be answered otherwise a little later: it was not applied, or nobody
// knows whether it was.
func (e *Error) Temporary() bool {
	switch e.Reason {
	case "busy", "not_ready", "not_leader", "shutting_down", "not_applied", "outcome_unknown",
		"too_many_requests", "too_many_connections", "too_many_sessions", "request_timeout", "stale_nonce":
		return true
	}
	return false
}

// sessionGone reports whether a new logon helps.
func (e *Error) sessionGone() bool {
	return e.Reason == "unknown_session" || e.Reason == "session_expired"
}

// Logon opens a session, in place of the one that there may be.
func (c *Client) Logon(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logon(ctx)
}

// logon opens a session; the lock is held, so that one logon serves all who wait for it.
func (c *Client) logon(ctx context.Context) error {
	if c.key == nil {
		return &permanentError{errors.New("client: this request needs a key")}
	}
	// The nonce is the time, and greater than every earlier one also when the clock stands still.
	c.nonce = max(c.nonce+1, uint64(c.clock().UnixNano()))
	pending, err := auth.NewLogon(c.key, c.nonce)
	if err != nil {
		return err
	}
	body, err := json.Marshal(pending.Request())
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	var answer auth.LogonAnswer
	if err := c.send(ctx, http.MethodPost, "/v1/logon", body, nil, &answer); err != nil {
		return fmt.Errorf("logon: %w", err)
	}
	c.session, err = pending.Complete(answer)
	return err
}

// current returns the session, after a logon when there is none or gone is the one that there is.
func (c *Client) current(ctx context.Context, gone *auth.ClientSession) (*auth.ClientSession, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || c.session == gone || !c.clock().Before(c.session.Expires()) {
		if err := c.logon(ctx); err != nil {
			return nil, err
		}
	}
	return c.session, nil
}

// Public sends a request without a session. Target is the path with its query. out may be nil.
func (c *Client) Public(ctx context.Context, method, target string, out any) error {
	return c.send(ctx, method, target, nil, nil, out)
}

// Do sends one signed request, and once more after a new logon when its session is gone. in, when not nil, is sent as
// JSON; the answer is read into out, when not nil. A refusal is an *Error.
func (c *Client) Do(ctx context.Context, method, target string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("client: %w", err)
		}
	}
	session, err := c.current(ctx, nil)
	if err != nil {
		return err
	}
	err = c.send(ctx, method, target, body, session, out)
	var refused *Error
	if errors.As(err, &refused) && refused.sessionGone() {
		if session, err = c.current(ctx, session); err != nil {
			return err
		}
		err = c.send(ctx, method, target, body, session, out)
	}
	return err
}

// Sign returns the headers that sign one request, for tools that send it themselves. It logs on first when needed.
func (c *Client) Sign(ctx context.Context, method, target string, body []byte) (auth.Headers, error) {
	session, err := c.current(ctx, nil)
	if err != nil {
		return auth.Headers{}, err
	}
	return session.Sign(method, target, body, c.clock()), nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// send sends one request and reads its answer.
func (c *Client) send(ctx context.Context, method, target string, body []byte, session *auth.ClientSession, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+target, bytes.NewReader(body))
	if err != nil {
		return &permanentError{fmt.Errorf("client: %w", err)}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if session != nil {
		h := session.Sign(method, r.URL.RequestURI(), body, c.clock())
		h.Each(r.Header.Set)
	}
	a, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
	if err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return refusal(a, text)
	}
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

// refusal makes an Error from an answer.
func refusal(a *http.Response, text []byte) error {
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
	return body.Error
}
