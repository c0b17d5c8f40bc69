package follow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"uncross/gateway/client"
)

// request is one that is not answered yet.
type request struct {
	topics []*topic // to be subscribed; nil: something else
	login  bool
	ping   bool
	sent   time.Time
}

// op is a request in JSON.
type op struct {
	Op            string         `json:"op"`
	ID            string         `json:"id,omitempty"`
	Subscriptions []Subscription `json:"subscriptions,omitempty"`
	Session       string         `json:"session,omitempty"`
	Seq           string         `json:"seq,omitempty"`
	Time          string         `json:"time,omitempty"`
	Mac           string         `json:"mac,omitempty"`
}

// send sends a request and takes note of it.
func (f *Follower) send(o op, r request) error {
	f.requests++
	o.ID = strconv.FormatUint(f.requests, 10)
	r.sent = time.Now()
	f.pending[f.requests] = r
	for _, t := range r.topics {
		t.request = f.requests
	}
	return f.conn.Send(o)
}

// ask sends the requests that are due. A subscription that the venue has begins anew.
func (f *Follower) ask(now time.Time) error {
	var subscribe []*topic
	private := false
	for _, t := range f.order {
		if t.sub.Private() {
			if private = true; f.login.state != loginDone {
				continue
			}
		}
		if t.state == idle && !now.Before(t.due) {
			subscribe = append(subscribe, t)
		}
	}
	if private {
		f.prove(now)
	}
	for part := range slices.Chunk(subscribe, perRequest) {
		subs := make([]Subscription, 0, len(part))
		for _, t := range part {
			s := t.sub.key()
			if s.Private() {
				s.After = t.place.resume()
			}
			subs = append(subs, s)
			t.state = asked
		}
		if err := f.send(op{Op: "subscribe", Subscriptions: subs}, request{topics: slices.Clone(part)}); err != nil {
			return err
		}
	}
	return nil
}

// late gives the connection up when a request is not answered.
func (f *Follower) late(now time.Time) error {
	for _, r := range f.pending {
		if now.Sub(r.sent) > answerTime {
			return fmt.Errorf("follow: a request was not answered in %v", answerTime)
		}
	}
	return nil
}

// drop takes a topic away.
func (f *Follower) drop(t *topic) {
	delete(f.topics, t.sub.key())
	f.order = slices.DeleteFunc(f.order, func(o *topic) bool { return o == t })
	f.mu.Lock()
	for s := range f.copies.of {
		if s == t.sub.key() || t.sub.Symbol == All && s.Channel == t.sub.Channel {
			delete(f.copies.of, s)
		}
	}
	f.mu.Unlock()
	if t.state != idle || t.open {
		_ = f.send(op{Op: "unsubscribe", Subscriptions: []Subscription{t.sub.key()}}, request{}) // the connection ends with the same error at the next read
	}
}

// answered deals with the answer to a request.
func (f *Follower) answered(a *answer) {
	id, _ := strconv.ParseUint(a.ID, 10, 64)
	r, known := f.pending[id]
	delete(f.pending, id)
	if r.ping { // whatever the answer is
		f.silence.pong(&a.pongAnswer)
		return
	}
	f.silence.heard()
	switch {
	case a.Type == "error" && a.Error == nil:
		a.Error = &client.Error{Reason: "unknown", Message: "an error without a word"}
		fallthrough
	case a.Type == "error":
		f.refusal(a.Error, id, r, known)
	case a.Type == "logged_in" && r.login:
		f.loggedIn()
	case a.Type == "subscribed":
		for _, t := range r.topics {
			if t.request == id && t.state == asked {
				t.state, t.open, t.once = live, true, true
				f.begins(t, a)
				f.c.OnEvent(Event{Kind: Subscribed, Subscription: t.sub})
			}
		}
	}
}

// begins takes note of where the venue says that a private channel begins.
func (f *Follower) begins(t *topic, a *answer) {
	for _, s := range a.Subscriptions {
		if s.key() == t.sub.key() && t.place.seen == 0 && t.place.after == "" {
			t.place.after = s.After
		}
	}
}

// refusal deals with an error message.
func (f *Follower) refusal(e *client.Error, id uint64, r request, known bool) {
	now := time.Now()
	switch {
	case r.login:
		f.loginRefused(e, now)
	case !known:
		// It answers no request: the session has ended, and with it the private subscriptions.
		f.loginRefused(e, now)
		for _, t := range f.order {
			if t.sub.Private() && t.state != idle {
				t.state, t.open = idle, false
			}
		}
	default:
		bad := wrongOne(e, r.topics)
		for i, t := range r.topics {
			if t.request != id || t.state != asked {
				continue
			}
			if bad >= 0 && i != bad {
				t.state, t.due = idle, now // it was refused for another's sake
				continue
			}
			if e.Temporary() || t.once && mayPass(e.Reason) {
				t.trouble(now.Add(requestPause))
				continue
			}
			t.state = idle
			f.drop(t)
			f.c.OnEvent(Event{Kind: Refused, Subscription: t.sub, Err: e})
		}
	}
}

// mayPass reports whether a refusal of what was granted before may pass: a venue that has been started again reads its log, and
// knows the names and events in it when it has come so far.
func mayPass(reason string) bool {
	switch reason {
	case "unknown_instrument", "unknown_account", "invalid_value", "not_your_account":
		return true
	}
	return false
}

// wrongOne returns which subscription of a request an error is about, -1 when it does not say so.
func wrongOne(e *client.Error, topics []*topic) int {
	_, rest, ok := strings.Cut(e.Field, "subscriptions[")
	number, _, ok2 := strings.Cut(rest, "]")
	n, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil || n < 0 || n >= len(topics) {
		return -1
	}
	return n
}

// asError returns the refusal in an error, nil when there is none.
func asError(err error) *client.Error {
	var e *client.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
