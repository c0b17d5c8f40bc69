//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uncross/internal/nodes"
)

// roundsDefault is how many rounds there are; UNCROSS_ROUNDS asks for more, UNCROSS_ROUNDS_SEED for those of an earlier run,
// UNCROSS_ROUNDS_KINDS for some kinds of faults alone, by their names, and UNCROSS_ROUNDS_GROUND=0 for none that need root.
const roundsDefault = 5

// round is one fault and what comes of it.
type round struct {
	c    *trio
	load *load
	rnd  *rand.Rand
	said []string             // what was done
	own  map[*nodes.Node]bool // nodes whose errors are of this fault
	anew map[*nodes.Node]bool // nodes whose stores were made anew: they are read from the beginning
}

func newRound(c *trio, l *load, rnd *rand.Rand) *round {
	return &round{c: c, load: l, rnd: rnd, own: map[*nodes.Node]bool{}, anew: map[*nodes.Node]bool{}}
}

// TestRounds runs a cluster of three processes through one fault after the other while brokers trade over REST and FIX. After
// each fault the nodes must come to the same state, have every order that was acknowledged once, and answer a repeat as they did
// first; see load.check.
func TestRounds(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes and their faults take a while")
	}
	seed := setting(t, "UNCROSS_ROUNDS_SEED", uint64(time.Now().UnixNano()))
	rounds := setting(t, "UNCROSS_ROUNDS", roundsDefault)
	t.Logf("%d rounds drawn from UNCROSS_ROUNDS_SEED=%d", rounds, seed)
	c := newTrio(t, setting(t, "UNCROSS_ROUNDS_GROUND", 1) != 0, "--history-sync", "20ms", "--snapshot-bytes", "262144", "--trailing-bytes", "1")
	l := newLoad(t, c, seed)
	stood := watchDisk(t)
	l.begin()
	rnd := rand.New(rand.NewPCG(seed, 0))
	deck, kinds := []string(nil), kindsOfFaults(t, c)
	first := time.Now()
	for n := range rounds {
		if len(deck) == 0 { // every kind comes before one comes again
			deck = slices.Clone(kinds)
			rnd.Shuffle(len(deck), func(i, k int) { deck[i], deck[k] = deck[k], deck[i] })
		}
		kind := deck[0]
		deck = deck[1:]
		oneRound(t, c, l, rnd, int(n+1), kind, n+1 == rounds)
		if t.Failed() {
			t.Fatalf("round %d (%s) of UNCROSS_ROUNDS_SEED=%d", n+1, kind, seed)
		}
	}
	var refused []string
	for _, b := range l.rest {
		refused = append(refused, fmt.Sprintf("%s: %d operations, %d answers of an earlier sending, refused %v", b.account, b.sent, b.repeats, b.refused))
	}
	for _, b := range l.fix {
		refused = append(refused, fmt.Sprintf("%s: %d messages, %d reports, %d logons", b.account, b.sent, len(b.execs), b.logons))
	}
	// Two lines each time, and what holds up this process's own writes can hold up all three nodes.
	if n, own := uint64(l.tolerated[ownHang]), stood(); n > 2+rounds/25+6*own {
		t.Errorf("the machine's disk is said to have hung by itself in %d lines of %d rounds, and stood still %d times for this process", n, rounds, own)
	}
	t.Logf("%d rounds in %v, %d trades; ordinary errors: %v\n%s", rounds, time.Since(first).Round(time.Second), l.trades(), l.tolerated, strings.Join(refused, "\n"))
}

// kindsOfFaults are the names of those that can be had here.
func kindsOfFaults(t *testing.T, c *trio) []string {
	all := maps.Clone(faults)
	if c.ground != nil {
		maps.Copy(all, groundFaults)
	}
	names := slices.Sorted(maps.Keys(all))
	if want := os.Getenv("UNCROSS_ROUNDS_KINDS"); want != "" {
		wanted := strings.Split(want, ",")
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(wanted, name) })
	}
	if len(names) == 0 {
		t.Fatal("no kind of fault is left")
	}
	return names
}

// oneRound has one fault, and checks.
func oneRound(t *testing.T, c *trio, l *load, rnd *rand.Rand, n int, kind string, last bool) {
	t.Helper()
	r := newRound(c, l, rnd)
	for _, p := range c.Nodes {
		p.Note("round %d: %s", n, kind)
	}
	fault := faults[kind]
	if fault == nil {
		fault = groundFaults[kind]
	}
	begin, acks := time.Now(), l.acks.Load()
	l.longestPause()
	c.watch.without()
	r.sleep(100, 500)
	fault(r)
	r.goOn()
	without, changes := c.watch.without()
	pause := l.longestPause()
	s := l.check(func(p *nodes.Node) bool { return last || r.anew[p] })
	var ended, errs []string
	for _, p := range c.Nodes {
		alone, complaints := c.ownEnds(p), p.Complaints()
		if r.own[p] {
			ended = append(ended, alone...)
			continue
		}
		errs = append(append(errs, alone...), complaints...)
	}
	for _, e := range errs {
		if kind := ordinary(e); kind != "" {
			l.tolerated[kind]++
		} else {
			t.Errorf("nothing of this fault: %s", e)
		}
	}
	t.Logf("round %d %s: %s; %.2f s without a leader, %.2f s without an answer, %d changes; %d answers, command %d; %.1f s",
		n, kind, strings.Join(r.said, ", "), without.Seconds(), pause.Seconds(), changes, l.acks.Load()-acks, s.Command, time.Since(begin).Seconds())
	for _, e := range ended {
		t.Logf("  %s", e)
	}
}

// ownHang is what a node ends with when the machine's disk stands still by itself, under other work: no fault of the node's.
const ownHang = "the disk hangs: "

// stoodStill is how long a small write and its fsync may take before a disk, or a machine, counts as having stood still.
const stoodStill = time.Second

// watchDisk writes and syncs a little, again and again, on the disk that the nodes are on, until the test ends. The function that it
// returns tells how often that stood still.
func watchDisk(t *testing.T) (stood func() uint64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "watched"))
	if err != nil {
		t.Fatal(err)
	}
	var times atomic.Uint64
	var watching sync.WaitGroup
	watching.Go(func() {
		for t.Context().Err() == nil {
			begin := time.Now()
			_, err := f.WriteAt(make([]byte, 4096), 0)
			if err = errors.Join(err, f.Sync()); err != nil {
				t.Error(err)
				return
			}
			if time.Since(begin) > stoodStill {
				times.Add(1)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		watching.Wait()
		f.Close()
	})
	return times.Load
}

// ordinary returns what raft complains of in a line that is about another node than the one that says it, or about one that goes
// on from a snapshot; and ownHang: "" for every other line.
func ordinary(line string) string {
	if strings.Contains(line, ownHang) {
		return ownHang
	}
	if !strings.Contains(line, "part=raft") {
		return ""
	}
	for _, kind := range []string{
		"failed to heartbeat to", "failed to appendEntries to", "failed to make requestVote RPC", "failed to make timeout now request",
		"failed to send snapshot to", "failed to install snapshot", "log not found", "peer has newer term", "the node has failed",
	} {
		if strings.Contains(line, kind) {
			return kind
		}
	}
	return ""
}

func (r *round) say(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// sleep waits a random time between two numbers of milliseconds, and returns it.
func (r *round) sleep(from, to int) time.Duration {
	d := time.Duration(from+r.rnd.IntN(to-from)) * time.Millisecond
	time.Sleep(d)
	return d.Round(10 * time.Millisecond)
}

// goOn waits until orders are taken again, and a little more of them are.
func (r *round) goOn() {
	r.c.Leader()
	after := r.load.acks.Load() + 10
	r.c.Await("answers after the fault", func() bool { return r.load.acks.Load() > after })
	r.sleep(100, 600)
}

func (r *round) follower() *nodes.Node { return r.pick(r.c.others(r.c.Leader())) }

func (r *round) any() *nodes.Node {
	if r.rnd.IntN(2) == 0 {
		return r.c.Leader()
	}
	return r.follower()
}

func (r *round) pick(of []*nodes.Node) *nodes.Node { return of[r.rnd.IntN(len(of))] }

// role says whether a node leads, in words.
func (r *round) role(p *nodes.Node) string {
	if p.Leads(r.c.T.Context()) {
		return "leader " + p.Name
	}
	return p.Name
}
