package follow

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"uncross/internal/memnet"
)

// quietNode is a node on whose stream nothing happens. It answers subscriptions, and pings with words; nothing at all where there
// are none. It is a server in memory, of synctest's clock: what it answers takes no time.
type quietNode struct {
	*httptest.Server
	words string
	leads atomic.Bool
	asked atomic.Int64 // whether it leads
	conns atomic.Int64
	begin time.Time

	mu    sync.Mutex
	pings []time.Duration // when it was pinged
}

func (n *quietNode) pinged() []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.pings)
}

func newQuietNode(t *testing.T, words string) *quietNode {
	t.Helper()
	n := &quietNode{words: words, begin: time.Now()}
	n.Server = memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
			answer := fmt.Appendf(nil, `{"type":"subscribed","id":%q}`, op.ID)
			if op.Op == "ping" {
				n.mu.Lock()
				n.pings = append(n.pings, time.Since(n.begin))
				n.mu.Unlock()
				answer = fmt.Appendf(nil, `{"type":"pong","id":%q,%s}`, op.ID, n.words)
			}
			if n.words != "" {
				_ = wsutil.WriteServerText(conn, answer)
			}
		}
	}))
	return n
}

// follow opens a follower of the node that knows the others as well.
func (n *quietNode) follow(t *testing.T, l *log, others ...string) *Follower {
	t.Helper()
	f, err := Open(Config{Dial: DialConfig{URL: n.URL, URLs: others, Socket: memnet.Dial}, OnMessage: l.message, OnEvent: l.event}, subscriptions(t, "book:X-Y")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// TestLeavesTheSilent: a stream on which nothing comes, not even the answer to a ping, goes on at the leader, once there is one.
func TestLeavesTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVenue(t, 1)
		var leads atomic.Bool
		leader := memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				v.ServeHTTP(w, r)
			} else if !leads.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		mute, third := newQuietNode(t, ""), newQuietNode(t, "")
		l := &log{}
		n := mute.follow(t, l, third.URL, leader.URL)
		begin := time.Now()
		time.Sleep(firstSilence + pongTime + 3*seekAgain/2)
		if l.seen(Disconnected) != 0 || third.asked.Load() != 2 || mute.asked.Load() != 0 {
			t.Errorf("before there was a leader: %d ends; asked %d times", l.seen(Disconnected), third.asked.Load())
		}
		leads.Store(true)
		await(t, "the channel at the leader", func() bool { return l.seen(Subscribed) == 1 })
		found := firstSilence + pongTime + 2*seekAgain
		if d := time.Since(begin); d < found || d > found+2*tickEvery+2*firstBackOff {
			t.Errorf("it took %v", d)
		}
		l.mu.Lock()
		said := fmt.Sprint(l.errs)
		l.mu.Unlock()
		if !strings.Contains(said, "has been silent for") || third.conns.Load() != 0 || !slices.Equal(mute.pinged(), []time.Duration{firstSilence}) || n.Counts().Connections != 2 {
			t.Errorf("%s; %d connections to the third node, pings at %v, %+v", said, third.conns.Load(), mute.pinged(), n.Counts())
		}
	})
}

// TestLeavesTheCutOff: a node that answers and has not heard of a leader for long is left for the leader.
func TestLeavesTheCutOff(t *testing.T) {
	for _, words := range []string{`"role":"follower","leader_age_ms":2500`, `"role":"follower"`} {
		synctest.Test(t, func(t *testing.T) {
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
		})
	}
}

// TestQuietAndWell: a node that answers pings is stayed with, is asked ever more seldom, and nobody else is asked.
func TestQuietAndWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		well, other := newQuietNode(t, `"role":"follower","leader_age_ms":20`), newQuietNode(t, "")
		other.leads.Store(true)
		l := &log{}
		well.follow(t, l, other.URL)
		alone := newQuietNode(t, `"role":"leader"`)
		alone.follow(t, &log{})
		time.Sleep(DefaultQuiet - time.Second)
		want := []time.Duration{1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second, 47 * time.Second}
		if !slices.Equal(well.pinged(), want) || well.conns.Load() != 1 || other.asked.Load() != 0 || l.seen(Disconnected) != 0 {
			t.Errorf("pings at %v, %d connections, the other was asked %d times", well.pinged(), well.conns.Load(), other.asked.Load())
		}
		if len(alone.pinged()) != 0 || alone.conns.Load() != 1 {
			t.Errorf("the only node was pinged at %v, over %d connections", alone.pinged(), alone.conns.Load())
		}
	})
}
