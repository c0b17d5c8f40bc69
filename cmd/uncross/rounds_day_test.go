//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uncross/internal/neutral/remote"
	"uncross/internal/nodes"
	"uncross/internal/recorded"
)

// dayKills is how often the leader is killed while a day is replayed.
const dayKills = 6

// TestDayThroughFailovers replays a real day on three nodes, by REST and by FIX, while whoever leads is killed again and again.
// What comes out are exactly the exchange's trades, the business hash of a venue of one node without kills, and the same full hash
// on all nodes, which verify computes anew from what each has on disk.
func TestDayThroughFailovers(t *testing.T) {
	if testing.Short() {
		t.Skip("a day through three processes takes a while")
	}
	prefix := filepath.Join(recorded.Dir(t), "sse_order_by_order", "601825_20230711")
	const commands = 11236
	calm := newVenue(t)
	calm.mustStart()
	reference := replayOn(t, calm, prefix, nil)
	calm.stop(syscall.SIGKILL)
	seed := setting(t, "UNCROSS_ROUNDS_SEED", uint64(time.Now().UnixNano()))
	for i, by := range []string{"REST", "FIX"} {
		t.Run(by, func(t *testing.T) {
			t.Logf("kills drawn from UNCROSS_ROUNDS_SEED=%d", seed)
			c := newTrio(t, false, "--history-sync", "20ms", "--snapshot-bytes", "524288", "--trailing-bytes", "1")
			k := &leaderKiller{c: c, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
			for part := range uint64(dayKills) { // one in each part of the day
				k.at = append(k.at, part*commands/dayKills+1+k.rnd.Uint64N(commands/dayKills))
			}
			first := c.Leader()
			set := remote.Config{URL: first.URL(), URLs: c.URLs(), Prefix: prefix, Symbol: "KILL", Operator: &c.Operator, Progress: k.progress}
			if by == "FIX" {
				set.FIX = &remote.FIX{Address: first.FIX, Further: c.FIX(), CompID: "REPLAY", Password: "a-long-password", DropCopy: "REPLAY-COPY"}
			}
			r, err := remote.Do(t.Context(), set)
			k.over.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if !r.OK() || r.Trades.Total == 0 || r.History != r.Trades || r.Cancels.Equal != r.Cancels.Total {
				t.Errorf("first difference: %s\nof the history: %s\ncounts: %+v", r.First, r.HistoryFirst, r)
			}
			if by == "FIX" && (r.FIX.First != "" || r.FIX.Fills != 2*r.Trades.Total || r.FIX.Copies != r.FIX.Reports) {
				t.Errorf("reports: %+v", r.FIX)
			}
			if by == "REST" && r.BusinessHash != reference.BusinessHash {
				t.Errorf("business hash %s, of one node without kills %s", r.BusinessHash, reference.BusinessHash)
			}
			s := c.Level()
			without, changes := c.watch.without()
			t.Logf("%d trades in %v, %d kills, %d leaders, at most %v without one", r.Trades.Total, r.Took.Round(time.Millisecond), k.kills, changes, without.Round(time.Millisecond))
			if k.kills == 0 { // an idle machine may be through the day before most of them
				t.Errorf("only %d kills", k.kills)
			}
			c.verify(s.FullHash)
		})
	}
}

// verify stops all nodes, and holds what each has on disk against a full hash.
func (c *trio) verify(full string) {
	c.T.Helper()
	for _, p := range c.Nodes {
		c.kill(p, syscall.SIGKILL)
		v := venue{t: c.T, program: c.Program, data: p.Data}
		if lines, status, text := v.verify(); status != 0 || lines["result"] != "sound" || lines["full hash"] != full {
			c.T.Errorf("%s: full hash %s; verify ends with %d and says\n%s", p.Name, full, status, text)
		}
	}
}

// leaderKiller kills whoever leads while a replay is at given commands.
type leaderKiller struct {
	c     *trio
	rnd   *rand.Rand
	at    []uint64
	kills int
	busy  sync.Mutex
	over  sync.WaitGroup
}

// progress is told how far the replay has come.
func (k *leaderKiller) progress(done uint64) {
	if len(k.at) == 0 || done < k.at[0] || !k.busy.TryLock() {
		return
	}
	k.at = k.at[1:]
	k.kills++
	pause, down := k.rnd.IntN(15), k.rnd.IntN(1000)
	k.over.Go(func() {
		defer k.busy.Unlock()
		time.Sleep(time.Duration(pause) * time.Millisecond)
		for _, p := range k.c.Nodes {
			if p.Leads(context.Background()) {
				k.c.kill(p, syscall.SIGKILL)
				time.Sleep(time.Duration(down) * time.Millisecond)
				k.c.start(p)
				break
			}
		}
		k.c.check(k.c.Venue.Venue.Ready(context.Background())) // so that the next kill leaves a majority
	})
}

// TestStartsAnewFromSnapshot: a follower that is behind the beginning of the log is sent a snapshot and goes on from that in the
// same process. What the snapshot has not, history and FIX store, it fetches; then it leads, and has everything to say that the
// accounts ask for.
func TestStartsAnewFromSnapshot(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes take a while")
	}
	c := newTrio(t, false, "--history-sync", "20ms", "--trailing-bytes", "1")
	l := newLoad(t, c, 1)
	l.begin()
	r := newRound(c, l, rand.New(rand.NewPCG(1, 1)))
	r.goOn()
	p := r.follower()
	at := r.behind(p)
	c.start(p)
	pid, began := p.PID(), startTime(t, p)
	c.Await(p.Name+" starts anew", func() bool { return p.Count(anewWord) > 0 && p.Count("listening on") > 2 })
	r.goOn()
	l.check(func(o *nodes.Node) bool { return o == p })
	if p.PID() != pid || startTime(t, p) != began {
		t.Errorf("the process is another one: %d, was %d", p.PID(), pid)
	}
	s, err := p.Status(t.Context())
	if err != nil || s.History.From > 1 {
		t.Errorf("its history is complete from command %d, %v", s.History.From, err)
	}
	t.Logf("%s was at entry %d, its log begins at %d now; fetched %d stores", p.Name, at, s.Log.First, p.Count("the store is fetched"))
	c.insist("cluster", "transfer", p.Name)
	c.Await(p.Name+" leads", func() bool { return p.Leads(t.Context()) })
	r.goOn()
	l.gate.Lock()
	for _, b := range l.fix {
		b.settle()
		b.askAgain(true)
	}
	l.gate.Unlock()
	if s := l.check(func(*nodes.Node) bool { return true }); c.Leader() != p {
		t.Errorf("%s leads no more: %+v", p.Name, s)
	}
	for _, o := range c.Nodes {
		for _, e := range o.Complaints() {
			if ordinary(e) == "" {
				t.Error(e)
			}
		}
	}
}

// startTime is when a process began, as the kernel has it: the same process id with another time is another process.
func startTime(t *testing.T, p *nodes.Node) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, behind, _ := strings.Cut(string(text), ") ")
	return strings.Fields(behind)[19]
}
