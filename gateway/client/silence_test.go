package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"uncross/internal/memnet"
)

// patient returns a client that would wait for a hanging node for long.
func (v *fakeVenue) patient() *Client {
	v.t.Helper()
	return v.client(Config{HTTP: overMemory(20 * time.Second)})
}

// hold has a node apply orders and not answer them, until the function that is returned is called.
func (n *fakeNode) hold() (release func()) {
	n.v.mu.Lock()
	defer n.v.mu.Unlock()
	held := make(chan struct{})
	n.holds = held
	return func() {
		n.v.mu.Lock()
		defer n.v.mu.Unlock()
		n.holds = nil
		close(held)
	}
}

// questions is how often a node is asked about one that has been silent since a moment.
func questions(begin time.Time) int64 {
	return int64((time.Since(begin)-silentAfter)/askAgain) + 1
}

func (v *fakeVenue) applied(id string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.orders[id]
}

// took fails where something took more or less time.
func took(t *testing.T, begin time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(begin); d != want {
		t.Errorf("it took %v, not %v", d, want)
	}
}

// TestLeavesTheSilent has a node that takes requests and never answers, while another one leads: what may be repeated is
// repeated there, a logon, an order and a read alike.
func TestLeavesTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		v.leads(2)
		v.all[0].hangs.Store(true)
		c := v.patient()
		begin := time.Now()
		var a fakeOrder
		if err := c.Until(t.Context(), "POST", "/v1/orders", fakeOrder{ID: "1"}, &a); err != nil || a.ID != "1" || a.Repeat {
			t.Fatal(err, a)
		}
		took(t, begin, silentAfter)
		if one, two := v.all[1].leads.Load(), v.all[2].leads.Load(); one > 1 || two != 1 || c.URL() != v.all[2].server.URL {
			t.Errorf("%d and %d questions, and the client is at %s", one, two, c.URL())
		}
		// With a session there, reads and batches.
		c.mu.Lock()
		c.at = c.nodes[0]
		c.mu.Unlock()
		c.nodes[0].session = c.nodes[2].session
		var read struct{ Node string }
		begin = time.Now()
		if err := c.Do(t.Context(), "GET", "/v1/x", nil, &read); err != nil || read.Node != "2" {
			t.Error(err, read)
		}
		took(t, begin, silentAfter)
		c.mu.Lock()
		c.at = c.nodes[0]
		c.mu.Unlock()
		begin = time.Now()
		if err := c.Public(t.Context(), "GET", "/v1/x", &read); err != nil || read.Node != "2" {
			t.Error(err, read)
		}
		took(t, begin, silentAfter)
		// The next request does not go to the silent node first.
		begin = time.Now()
		came := v.all[0].came.Load()
		if err := c.Do(t.Context(), "GET", "/v1/x", nil, &read); err != nil || v.all[0].came.Load() != came || came != 3 {
			t.Error(err, came, v.all[0].came.Load())
		}
		took(t, begin, 0)
	})
}

// TestSilentAppliedOnce has a leader that applies an order, loses its office and stays silent.
func TestSilentAppliedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		release := v.all[0].hold()
		defer release()
		c := v.patient()
		time.AfterFunc(silentAfter+askAgain+1, func() { v.leads(1) })
		begin := time.Now()
		var a fakeOrder
		if err := c.Until(t.Context(), "POST", "/v1/orders", fakeOrder{ID: "1"}, &a); err != nil || a.ID != "1" || !a.Repeat {
			t.Error(err, a)
		}
		took(t, begin, silentAfter+2*askAgain)
		if v.applied("1") != 1 || c.URL() != v.all[1].server.URL {
			t.Errorf("applied %d times; the client is at %s", v.applied("1"), c.URL())
		}
		if n := v.all[1].leads.Load(); n != questions(begin) {
			t.Errorf("a node was asked %d times", n)
		}
	})
}

// TestSilentSentOnce: a Do that is more than a read waits for its answer and is sent to no other node; those after it are.
func TestSilentSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 2)
		release := v.all[0].hold()
		c := v.patient()
		time.AfterFunc(300*time.Millisecond, func() { v.leads(1) })
		var a fakeOrder
		ended := make(chan error, 1)
		go func() { ended <- c.Do(t.Context(), "POST", "/v1/orders", fakeOrder{ID: "1"}, &a) }()
		time.Sleep(silentAfter)
		synctest.Wait()
		if c.URL() != v.all[1].server.URL {
			t.Errorf("the client is at %s", c.URL())
		}
		var read struct{ Node string }
		if err := c.Do(t.Context(), "GET", "/v1/x", nil, &read); err != nil || read.Node != "1" {
			t.Error(err, read)
		}
		release()
		if err := <-ended; err != nil || a.ID != "1" || a.Repeat {
			t.Error(err, a)
		}
		if n := v.all[1].asked.Load(); n != 0 || v.applied("1") != 1 {
			t.Errorf("sent to the other node %d times, applied %d times", n, v.applied("1"))
		}
		// Before it is sent, while the client logs on, nothing can be sent twice.
		v.all[0].hangs.Store(true)
		c = v.patient()
		if err := c.Do(t.Context(), "POST", "/v1/orders", fakeOrder{ID: "2"}, &a); err != nil || a.ID != "2" {
			t.Error(err, a)
		}
	})
}

// TestSilentAlone: a leader that is slow, and that no other node has followed, is waited for; the questions are few however
// many requests wait.
func TestSilentAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		release := v.all[0].hold()
		c := v.patient()
		slow := silentAfter + 6*askAgain - 1
		time.AfterFunc(slow, release)
		begin := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := c.Until(t.Context(), "POST", "/v1/orders", fakeOrder{ID: fmt.Sprint(i)}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		took(t, begin, slow)
		if n := v.all[1].leads.Load(); n != 6 || n != questions(begin) || v.all[0].leads.Load() != 0 {
			t.Errorf("the other was asked %d times, the leader %d times", n, v.all[0].leads.Load())
		}
		if c.URL() != v.all[0].server.URL || len(v.orders) != 20 {
			t.Errorf("the client is at %s; %d orders", c.URL(), len(v.orders))
		}
	})
}

// TestNoQuestions: while answers begin in time nobody is asked, however long they go on.
func TestNoQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var questions atomic.Int64
		other := memnet.Serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { questions.Add(1) }))
		slow := memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, part := range []string{`{"a":`, `"b"`, `}`} {
				fmt.Fprint(w, part)
				w.(http.Flusher).Flush()
				time.Sleep(silentAfter / 2)
			}
		}))
		way := newHTTP(nil, true)
		way.Transport.(*http.Transport).DialContext = memnet.Dial
		c, err := New(Config{URLs: []string{slow.URL, other.URL}, HTTP: way})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		var a struct{ A string }
		if err := c.Public(t.Context(), "GET", "/v1/x", &a); err != nil || a.A != "b" || questions.Load() != 0 {
			t.Error(err, a, questions.Load())
		}
		took(t, begin, 3*silentAfter/2)
	})
}

// TestSilentEnds: where nobody leads, and where the caller has enough, a silent request ends as ever.
func TestSilentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 2)
		v.leads(-1)
		for _, n := range v.all {
			n.hangs.Store(true)
		}
		c := v.patient()
		ctx, cancel := context.WithTimeout(t.Context(), 1700*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if err := c.Until(ctx, "GET", "/v1/x", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		took(t, begin, 1700*time.Millisecond)
	})
}

// TestLedOn: the leader that another node names is found although nobody has given its address.
func TestLedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		v.leads(2)
		v.all[0].hangs.Store(true)
		names := memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Uncross-Leader", v.all[2].server.URL)
			refuse(w, 503, "not_leader")
		}))
		c := v.client(Config{URL: v.all[0].server.URL, URLs: []string{names.URL}, HTTP: overMemory(20 * time.Second)})
		var read struct{ Node string }
		if err := c.Do(t.Context(), "GET", "/v1/x", nil, &read); err != nil || read.Node != "2" {
			t.Error(err, read)
		}
	})
}
