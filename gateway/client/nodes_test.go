package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/internal/memnet"
)

// fakeVenue is several nodes that apply orders once by their client order id, as real ones do. They are servers in memory, of
// synctest's clock: an answer takes no time. That clock stands still also for a goroutine that waits for a lock, such as a second
// one for its logon: where a node hangs, one alone logs on.
type fakeVenue struct {
	t   *testing.T
	key *auth.Key
	all []*fakeNode

	mu     sync.Mutex
	leader int            // index; negative: none
	orders map[string]int // by client order id: how often it was applied
	seq    uint64
}

// fakeNode is one of them.
type fakeNode struct {
	v      *fakeVenue
	n      int
	store  *auth.Store
	server *httptest.Server
	behind atomic.Uint64 // commands that it lacks
	came   atomic.Int64  // requests of any kind
	asked  atomic.Int64  // orders that came here
	hangs  atomic.Bool
	holds  chan struct{} // orders are applied and not answered before it is closed; nil: they are. Under the venue's lock
	leads  atomic.Int64  // how often it was asked whether it leads
	loses  atomic.Int64  // answers that are not sent after the order was applied
}

func newFakeVenue(t *testing.T, nodes int) *fakeVenue {
	t.Helper()
	k, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	k.ID, k.Role = 7, wire.Trader
	v := &fakeVenue{t: t, key: &k, orders: map[string]int{}}
	for i := range nodes {
		n := &fakeNode{v: v, n: i, store: auth.NewStore(auth.Limits{}, time.Now)}
		n.server = memnet.Serve(t, n)
		v.all = append(v.all, n)
	}
	return v
}

func (v *fakeVenue) urls() (all []string) {
	for _, n := range v.all {
		all = append(all, n.server.URL)
	}
	return all
}

// client returns a client that gives a hanging node up soon.
func (v *fakeVenue) client(c Config) *Client {
	v.t.Helper()
	if c.URL == "" {
		c.URLs = v.urls()
	}
	c.Key = v.key
	if c.HTTP == nil {
		c.HTTP = overMemory(300 * time.Millisecond)
	}
	n, err := New(c)
	if err != nil {
		v.t.Fatal(err)
	}
	return n
}

// leads makes another node the leader.
func (v *fakeVenue) leads(n int) {
	v.mu.Lock()
	v.leader = n
	v.mu.Unlock()
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.came.Add(1)
	if n.hangs.Load() {
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is seen
		<-r.Context().Done()
		return
	}
	v := n.v
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.leader != n.n {
		w.Header().Set("Uncross-Role", "follower")
	}
	applied := v.seq - n.behind.Load()
	w.Header().Set("Uncross-Applied", fmt.Sprint(applied))
	var least uint64
	if text := r.Header.Get("Uncross-Min-Applied"); text != "" {
		fmt.Sscan(text, &least)
	}
	switch {
	case r.URL.Path == "/readyz":
		if n.leads.Add(1); v.leader != n.n {
			refuse(w, 503, "not_leader")
		}
	case least > applied:
		refuse(w, 503, "behind")
	case r.URL.Path == "/v1/logon":
		var l auth.LogonRequest
		if err := json.NewDecoder(r.Body).Decode(&l); err != nil {
			v.t.Error(err)
		}
		_, a, err := n.store.Open(&l)
		if err != nil {
			v.t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(a)
	case r.Method == "GET":
		fmt.Fprintf(w, `{"node":"%d","as_of":"%d"}`, n.n, applied)
	default:
		n.order(w, r)
	}
}

func (n *fakeNode) order(w http.ResponseWriter, r *http.Request) {
	v := n.v
	body := json.RawMessage{}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		v.t.Error(err)
	}
	h, err := auth.ParseHeaders(r.Header.Get(auth.HeaderSession), r.Header.Get(auth.HeaderSeq), r.Header.Get(auth.HeaderTime), r.Header.Get(auth.HeaderMac))
	if err == nil {
		_, err = n.store.Verify(&h, r.Method, r.URL.RequestURI(), body)
	}
	if err != nil {
		refuse(w, 401, "unknown_session")
		return
	}
	n.asked.Add(1)
	if v.leader != n.n {
		w.WriteHeader(503)
		if v.leader < 0 {
			fmt.Fprint(w, `{"error":{"code":1062,"reason":"not_leader","message":"words"}}`)
			return
		}
		fmt.Fprintf(w, `{"error":{"code":1062,"reason":"not_leader","message":"words","leader":{"node":"n","http":%q}}}`, v.all[v.leader].server.URL)
		return
	}
	var in struct {
		ID string `json:"client_order_id"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		v.t.Error(err)
	}
	again := v.orders[in.ID] > 0
	if !again {
		v.orders[in.ID]++
		v.seq++
		w.Header().Set("Uncross-Applied", fmt.Sprint(v.seq))
	}
	if n.loses.Add(-1) >= 0 {
		panic(http.ErrAbortHandler)
	}
	if hold := n.holds; hold != nil {
		v.mu.Unlock()
		select {
		case <-hold:
		case <-r.Context().Done():
		}
		v.mu.Lock()
	}
	fmt.Fprintf(w, `{"client_order_id":%q,"repeat":%v}`, in.ID, again)
}

type fakeOrder struct {
	ID     string `json:"client_order_id"`
	Repeat bool   `json:"repeat"`
}

// TestFollowsTheLeader: a client that knows a follower alone goes to the leader that it names, and stays there.
func TestFollowsTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		v.leads(2)
		c := v.client(Config{URL: v.all[0].server.URL})
		for i := range 3 {
			var a fakeOrder
			if err := c.Do(context.Background(), "POST", "/v1/orders", fakeOrder{ID: fmt.Sprint(i)}, &a); err != nil || a.ID != fmt.Sprint(i) {
				t.Fatal(err, a)
			}
		}
		if n := v.all[0].asked.Load(); n != 1 || c.URL() != v.all[2].server.URL {
			t.Errorf("the follower was asked %d times, and the client is at %s", n, c.URL())
		}
		v.leads(1)
		if err := c.Do(context.Background(), "POST", "/v1/orders", fakeOrder{ID: "3"}, nil); err != nil || c.URL() != v.all[1].server.URL {
			t.Error(err, c.URL())
		}
	})
}

// TestAnswersOnce: answers are lost, leaders go and hang, and each order is applied once and answered.
func TestAnswersOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		c := v.client(Config{})
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		steps := []func(){
			func() { v.all[0].loses.Store(2) },
			func() { v.leads(-1); time.AfterFunc(50*time.Millisecond, func() { v.leads(1) }) },
			func() { v.all[1].loses.Store(1); time.AfterFunc(20*time.Millisecond, func() { v.leads(0) }) },
			func() { v.all[0].hangs.Store(true); time.AfterFunc(100*time.Millisecond, func() { v.leads(2) }) },
			func() { v.all[1].server.CloseClientConnections(); v.all[1].server.Close() },
			func() { v.all[2].store.DropKey(7) },
			func() { v.all[0].hangs.Store(false); v.leads(0) },
		}
		for i, step := range steps {
			step()
			var a fakeOrder
			if err := c.Until(ctx, "POST", "/v1/orders", fakeOrder{ID: fmt.Sprint(i)}, &a); err != nil || a.ID != fmt.Sprint(i) {
				t.Fatalf("step %d: %v %+v", i, err, a)
			}
			if i == 0 && !a.Repeat {
				t.Error("the answer that was lost has not been asked for again")
			}
		}
		for id, n := range v.orders {
			if n != 1 {
				t.Errorf("order %s was applied %d times", id, n)
			}
		}
		if len(v.orders) != len(steps) {
			t.Errorf("%d orders, want %d", len(v.orders), len(steps))
		}
	})
}

// TestDoLeavesOpen: a request that changes something and may have been taken is not sent to another node by Do.
func TestDoLeavesOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 2)
		c := v.client(Config{})
		if err := c.Logon(context.Background()); err != nil {
			t.Fatal(err)
		}
		v.all[0].loses.Store(1)
		if err := c.Do(context.Background(), "POST", "/v1/orders", fakeOrder{ID: "1"}, nil); err == nil {
			t.Error("a lost answer is no error")
		}
		if v.all[1].asked.Load() != 0 || c.URL() != v.all[1].server.URL {
			t.Errorf("sent to the other node %d times; the client is at %s", v.all[1].asked.Load(), c.URL())
		}
		// What only reads, or has certainly not arrived, is.
		v.all[1].server.Close()
		var a struct{ Node string }
		if err := c.Do(context.Background(), "GET", "/v1/x", nil, &a); err != nil || a.Node != "0" {
			t.Error(err, a)
		}
		if err := c.Public(context.Background(), "GET", "/v1/x", &a); err != nil || a.Node != "0" {
			t.Error(err, a)
		}
	})
}

// TestNeverReadsBack: what a client has seen of one node it sees of every other, or is told that it cannot.
func TestNeverReadsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 2)
		c := v.client(Config{Patience: 200 * time.Millisecond})
		if err := c.Do(context.Background(), "POST", "/v1/orders", fakeOrder{ID: "1"}, nil); err != nil {
			t.Fatal(err)
		}
		v.all[1].behind.Store(1)
		v.all[0].server.Close()
		if err := c.Until(context.Background(), "GET", "/v1/x", nil, nil); err == nil || !strings.Contains(err.Error(), "given up after") {
			t.Errorf("%v", err)
		}
		v.all[1].behind.Store(0)
		var a struct {
			AsOf uint64 `json:"as_of,string"`
		}
		if err := c.Until(context.Background(), "GET", "/v1/x", nil, &a); err != nil || a.AsOf != 1 {
			t.Error(err, a)
		}
		// A leader that is behind has been restored: the client goes on from there.
		v.leads(1)
		v.all[1].behind.Store(1)
		if err := c.Until(context.Background(), "GET", "/v1/x", nil, &a); err != nil || a.AsOf != 0 {
			t.Error(err, a)
		}
	})
}

// TestGivesUp: retries are bounded, and the error says what was tried and what came last.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		v.leads(-1)
		c := v.client(Config{Patience: 150 * time.Millisecond})
		begin := time.Now()
		err := c.Until(context.Background(), "POST", "/v1/orders", fakeOrder{ID: "1"}, nil)
		var refused *Error
		if !errors.As(err, &refused) || refused.Reason != "not_leader" {
			t.Fatalf("%v", err)
		}
		for _, part := range append(v.urls(), "given up after", "not_leader") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		if d := time.Since(begin); d < 150*time.Millisecond || d > 150*time.Millisecond+severalPause {
			t.Errorf("it took %v", d)
		}
		var asked int64
		for _, n := range v.all {
			asked += n.asked.Load()
		}
		if asked < 3 || asked > 3*20 {
			t.Errorf("%d requests in %v", asked, time.Since(begin))
		}
		if _, err := c.Settle(context.Background(), []Operation{{Op: "new", ClientOrderID: "1"}}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "given up after") {
			t.Errorf("%v", err)
		}
	})
}

// TestStaysWithTLS: nobody is led from TLS to plain text, nor to what is no address.
func TestStaysWithTLS(t *testing.T) {
	for _, to := range []string{"http://127.0.0.1:1", "ftp://x", "https://x/path", "", ":"} {
		c, err := New(Config{URL: "https://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		if c.goToLeader(c.here(), map[*node]int{c.here(): 1}, &Node{Node: "n", HTTP: to}) || c.URL() != "https://127.0.0.1:1" || len(c.nodes) != 1 {
			t.Errorf("led to %q", to)
		}
	}
	c, err := New(Config{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		c.goToLeader(c.here(), map[*node]int{}, &Node{Node: "n", HTTP: fmt.Sprintf("http://10.0.0.1:%d", i+1)})
	}
	if len(c.nodes) != mostNodes {
		t.Errorf("%d nodes are remembered", len(c.nodes))
	}
}

// TestManyAtOnce: goroutines that share a client go to the new leader together, and nothing is applied twice.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newFakeVenue(t, 3)
		c := v.client(Config{})
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := range 40 {
					if g == 0 && i%10 == 5 {
						v.leads(i / 10 % 3)
					}
					if err := c.Until(ctx, "POST", "/v1/orders", fakeOrder{ID: fmt.Sprintf("%d-%d", g, i)}, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if len(v.orders) != 8*40 {
			t.Errorf("%d orders", len(v.orders))
		}
	})
}
