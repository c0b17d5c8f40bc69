package follow

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// quietNode is a node on whose stream nothing happens. It answers pings with words, or nothing at all where there are none.
type quietNode struct {
	*httptest.Server
	words  string
	leads  atomic.Bool
	asked  atomic.Int64 // whether it leads
	pinged atomic.Int64
	conns  atomic.Int64
}

func newQuietNode(t *testing.T, words string) *quietNode {
	t.Helper()
	n := &quietNode{words: words}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != Path {
			if n.asked.Add(1); !n.leads.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		up := ws.HTTPUpgrader{Protocol: func(p string) bool { return p == ProtocolJSON }}
		conn, _, _, err := up.Upgrade(r, w)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for n.conns.Add(1); ; {
			text, err := wsutil.ReadClientText(conn)
			if err != nil {
				return
			}
			var op fakeOp
			if err := json.Unmarshal(text, &op); err != nil {
				t.Error(err)
			}
			if op.Op == "ping" {
				n.pinged.Add(1)
				if n.words != "" {
					_ = wsutil.WriteServerText(conn, fmt.Appendf(nil, `{"type":"pong","id":%q,%s}`, op.ID, n.words))
				}
			}
		}
	}))
	t.Cleanup(n.Close)
	return n
}

// follow opens a follower of the node that knows the others as well.
func (n *quietNode) follow(t *testing.T, l *log, others ...string) *Follower {
	t.Helper()
	f, err := Open(Config{Dial: DialConfig{URL: n.URL, URLs: others}, OnMessage: l.message, OnEvent: l.event}, subscriptions(t, "book:X-Y")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// TestLeavesTheSilent: a stream on which nothing comes, not even the answer to a ping, goes on at the leader, once there is one.
func TestLeavesTheSilent(t *testing.T) {
	t.Parallel()
	v := newFake(t, 1)
	var leads atomic.Bool
	leader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			v.ServeHTTP(w, r)
		} else if !leads.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer leader.Close()
	defer v.cutAll()
	mute, third := newQuietNode(t, ""), newQuietNode(t, "")
	l := &log{}
	begin := time.Now()
	n := mute.follow(t, l, third.URL, leader.URL)
	time.Sleep(firstSilence + pongTime + 700*time.Millisecond)
	if l.seen(Disconnected) != 0 || third.asked.Load() == 0 || third.asked.Load() > 3 || mute.asked.Load() != 0 {
		t.Errorf("before there was a leader: %d ends; asked %d times", l.seen(Disconnected), third.asked.Load())
	}
	leads.Store(true)
	await(t, "the channel at the leader", func() bool { return l.seen(Subscribed) == 1 })
	if d := time.Since(begin); d > firstSilence+pongTime+3*time.Second {
		t.Errorf("it took %v", d)
	}
	l.mu.Lock()
	said := fmt.Sprint(l.errs)
	l.mu.Unlock()
	if !strings.Contains(said, "has been silent for") || third.conns.Load() != 0 || mute.pinged.Load() != 1 || n.Counts().Connections != 2 {
		t.Errorf("%s; %d connections to the third node, %d pings, %+v", said, third.conns.Load(), mute.pinged.Load(), n.Counts())
	}
}

// TestLeavesTheCutOff: a node that answers and has not heard of a leader for long is left for the leader.
func TestLeavesTheCutOff(t *testing.T) {
	t.Parallel()
	for _, words := range []string{`"role":"follower","leader_age_ms":2500`, `"role":"follower"`} {
		alone, leader := newQuietNode(t, words), newQuietNode(t, `"node":"n"`)
		leader.leads.Store(true)
		l := &log{}
		alone.follow(t, l, leader.URL)
		await(t, "a connection to the leader", func() bool { return leader.conns.Load() == 1 })
		l.mu.Lock()
		said := fmt.Sprint(l.errs)
		l.mu.Unlock()
		if !strings.Contains(said, "has not heard of a leader for long") {
			t.Error(said)
		}
	}
}

// TestQuietAndWell: a node that answers pings is stayed with, is asked ever more seldom, and nobody else is asked.
func TestQuietAndWell(t *testing.T) {
	t.Parallel()
	well, other := newQuietNode(t, `"role":"follower","leader_age_ms":20`), newQuietNode(t, "")
	other.leads.Store(true)
	l := &log{}
	well.follow(t, l, other.URL)
	alone := newQuietNode(t, "")
	alone.follow(t, &log{})
	time.Sleep(4 * time.Second) // at 1 s and 3 s; then at 7 s
	if n := well.pinged.Load(); n < 1 || n > 2 || well.conns.Load() != 1 || other.asked.Load() != 0 || l.seen(Disconnected) != 0 {
		t.Errorf("%d pings, %d connections, the other was asked %d times", n, well.conns.Load(), other.asked.Load())
	}
	if n := alone.pinged.Load(); n != 0 {
		t.Errorf("the only node was pinged %d times", n)
	}
}
