//go:build linux

package interop

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
	"uncross/internal/nodes"
)

// This file has a stock initiator live through changes of leader:
//
//	QuickFIX ══ ALICE1 (sells), BOB1 (buys), COPY1 (drop copy) ══► whichever of three nodes leads
//	carol ──── REST, trades with what rests, also while the engine is away ──► likewise
//
//	at the end: what the engine took = COPY2, a drop copy that nobody has read so far (number 1 to the last, over FIX)
//	                                 = trade reports, orders and fills of the history on each node

const (
	failoversDefault = 4 // UNCROSS_FIX_FAILOVERS asks for another number
	failoverSymbol   = "COIN-CASH"
	failoverPassword = "a-long-password"
	failoverPace     = 12 * time.Millisecond // between two messages of the engine's
	failoverWaiting  = 2000                  // messages without an answer, beyond which none are sent
	failoverPage     = 500
	failoverTold     = 40 // things that are wrong and printed
)

// failoverSessions are the engine's, and the accounts of those that trade.
var failoverSessions = []struct{ name, account, side string }{{"ALICE1", "alice", "2"}, {"BOB1", "bob", "1"}, {"COPY1", "", ""}}

// kinds are the ways in which a leader goes, in their turn. A node is down for a random time; sometimes it is back before
// another one leads.
var failoverKinds = []string{"kill", "transfer", "stop", "pause", "kill", "transfer", "kill", "stop"}

// TestQuickFIXFailover has the leader killed, stopped, paused, and leadership transferred, again and again, while an unmodified
// QuickFIX with the configuration of docs/fix.md trades. The engine comes back by itself, without a reset, and takes each report
// once. An engine that stops connecting ends its run, and another one begins: once, as a venue may be the reason.
func TestQuickFIXFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes and their ends take a while")
	}
	dictionary, program := dictionary(t), buildQuickfix(t)
	var stopped []string
	for len(stopped) < 2 {
		var f *failover
		t.Run(fmt.Sprint("engine ", len(stopped)+1), func(t *testing.T) {
			f = newFailover(t)
			f.play(dictionary, program)
		})
		if f == nil || f.stopped == "" {
			return
		}
		stopped = append(stopped, f.stopped)
	}
	t.Errorf("one engine may stop connecting, not two:\n%s", strings.Join(stopped, "\n"))
}

// play has an engine trade through the changes of leader, and holds what it took against what the nodes have.
func (f *failover) play(dictionary, program string) {
	t := f.t
	t.Helper()
	f.p = startProgram(t, exec.Command(program, f.settings(dictionary), dictionary))
	for _, s := range failoverSessions {
		f.book[s.name] = &booked{answers: map[string]int{}, reports: map[string]message{}}
	}
	f.p.logon("ALICE1", "BOB1", "COPY1")
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	defer over.Wait()
	defer stop()
	over.Go(func() { f.trade(ctx) })
	over.Go(func() { f.counterTrade(ctx) })
	watched, unwatch := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	defer watch.Wait()
	defer unwatch()
	watch.Go(func() { f.watchStores(watched) })

	for i, changed := 0, 0; changed < f.wanted(); i++ {
		if f.change(failoverKinds[i%len(failoverKinds)]) {
			changed++
		}
		if t.Failed() {
			return
		}
	}
	stop()
	over.Wait()
	f.settle()
	f.p.audit(slices.Concat(quickfixUsual, []string{"Timed out waiting for logon response", "Timed out waiting for heartbeat", "Sent test request", quickfixNotLoggedOn}))
	f.auditNumbers()
	f.auditReports()
	f.auditHistory()
	unwatch()
	watch.Wait()
	f.sum()
}

// failover is the test's state.
type failover struct {
	t     *testing.T
	c     *cluster
	p     *program
	carol *client.Client
	dir   string // of the engine's store
	begin time.Time

	read int                // lines that the book has
	book map[string]*booked // by session

	mu    sync.Mutex
	sent  map[string]string // session by ClOrdID, of every message but mass cancels
	taken int               // operations of carol's that were answered

	told    atomic.Int64 // what was wrong
	stopped string       // says that the engine has stopped connecting

	waits map[string][]time.Duration // from the change to each session's logon, by kind
	gaps  map[string][]time.Duration // from the change to the next leader, by kind
}

// newFailover starts three nodes with what the engine needs.
func newFailover(t *testing.T, flags ...string) *failover {
	t.Helper()
	f := &failover{t: t, c: newCluster(t, flags...), begin: time.Now(), book: map[string]*booked{}, sent: map[string]string{}}
	f.waits, f.gaps = map[string][]time.Duration{}, map[string][]time.Duration{}
	f.setUp()
	return f
}

// booked is what the engine took on one session.
type booked struct {
	logons  []time.Time
	on      bool
	answers map[string]int     // how often each ClOrdID was answered
	reports map[string]message // by ExecID
	twice   []string           // reports that came a second time
	since   int                // reports since the last logon, repeats aside
	again   int                // reports with PossDupFlag
}

// wrong notes that something is not as it must be. Where much is wrong, the first lines tell it.
func (f *failover) wrong(format string, args ...any) {
	f.t.Helper()
	if f.told.Add(1) <= failoverTold {
		f.t.Errorf(format, args...)
	}
}

func (f *failover) wanted() int {
	n, err := strconv.Atoi(os.Getenv("UNCROSS_FIX_FAILOVERS"))
	if err != nil {
		return failoversDefault
	}
	return n
}

// setUp makes accounts, money, an instrument and sessions.
func (f *failover) setUp() {
	f.t.Helper()
	c := f.c
	for _, firm := range []string{"broker", "other", "house"} {
		c.Make(c.Admin, "firms", object{"name": firm}, nil)
	}
	for _, code := range []string{"COIN", "CASH"} {
		c.Make(c.Admin, "assets", object{"code": code, "decimals": 0}, nil)
	}
	c.Make(c.Admin, "instruments", object{
		"symbol": failoverSymbol, "base": "COIN", "quote": "CASH", "tick": "1", "lot": "1", "min_price": "1", "max_price": "1000",
		"min_quantity": "1", "max_quantity": "1000", "maker_fee_bps": 2, "taker_fee_bps": 5,
	}, nil)
	c.Make(c.Admin, "instruments/"+failoverSymbol+"/phase", object{"phase": "continuous"}, nil)
	cashier := c.Client(c.User("cashier", "house", wire.Custodian))
	for _, who := range []struct{ name, firm, session string }{{"alice", "broker", "ALICE1"}, {"bob", "broker", "BOB1"}, {"carol", "other", ""}} {
		k := c.User(who.name, who.firm, wire.Trader)
		c.Make(c.Admin, "accounts", object{"name": who.name, "user": who.name}, nil)
		for _, asset := range []string{"COIN", "CASH"} {
			c.Make(cashier, "deposits", object{"account": who.name, "asset": asset, "amount": "1000000000000", "reference": "first-" + who.name + "-" + asset}, nil)
		}
		switch who.session {
		case "":
			f.carol = c.Client(k)
		default:
			c.Session(who.session, "trading", who.name, failoverPassword, k)
		}
		if who.name == "alice" {
			c.Session("COPY1", "drop_copy", "", failoverPassword, k)
			c.Session("COPY2", "drop_copy", "", failoverPassword, k)
		}
	}
	c.Level()
}

// settings writes the engine's configuration: the one that docs/fix.md shows, with our hosts, paths and sessions, and with every
// check of the engine's switched on.
func (f *failover) settings(dictionary string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "fix.md"))
	if err != nil {
		f.t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```ini\n")
	shown, _, _ := strings.Cut(rest, "```")
	defaults, session, ok2 := strings.Cut(shown, "[SESSION]\n")
	if !ok || !ok2 || !strings.Contains(defaults, "SocketConnectHost2=") {
		f.t.Fatal("docs/fix.md shows no configuration for three nodes")
	}
	f.dir = f.t.TempDir()
	ours := map[string]string{"FileStorePath": f.dir, "DataDictionary": dictionary}
	for i, n := range f.c.Nodes {
		host, port, _ := strings.Cut(n.FIX, ":")
		suffix := strconv.Itoa(i)
		if i == 0 {
			suffix = ""
		}
		ours["SocketConnectHost"+suffix], ours["SocketConnectPort"+suffix] = host, port
	}
	var b strings.Builder
	put := func(lines string, ours map[string]string) {
		for line := range strings.Lines(lines) {
			if key, _, _ := strings.Cut(line, "="); ours[key] != "" {
				line = key + "=" + ours[key] + "\n"
			}
			b.WriteString(line)
		}
	}
	put(defaults, ours)
	b.WriteString("ValidateFieldsOutOfOrder=Y\nValidateFieldsHaveValues=Y\nValidateUserDefinedFields=Y\nCheckLatency=Y\nCheckCompID=Y\n")
	fmt.Fprintf(&b, "Password=%s\n", failoverPassword)
	for _, s := range failoverSessions {
		b.WriteString("[SESSION]\n")
		put(session, map[string]string{"SenderCompID": s.name})
	}
	path := filepath.Join(f.dir, "engine.cfg")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// trade has the engine send one message after the other, whether it has a connection or not.
func (f *failover) trade(ctx context.Context) {
	recent := map[string][]string{}
	for n := 1; ctx.Err() == nil; n++ {
		time.Sleep(failoverPace)
		s := failoverSessions[n%2]
		name := fmt.Sprintf("%s-%d", s.account, n)
		f.mu.Lock()
		waits := len(f.sent)
		for _, b := range f.book {
			waits -= len(b.answers)
		}
		if waits < failoverWaiting {
			f.sent[name] = s.name
		}
		f.mu.Unlock()
		if waits >= failoverWaiting {
			continue
		}
		order := fmt.Sprintf("55=%s|54=%s|40=2|44=%d|38=%d|60=%s", failoverSymbol, s.side, 95+rand.IntN(11), 1+rand.IntN(20), now())
		list := recent[s.name]
		switch kind := rand.IntN(10); {
		case kind < 2 && len(list) > 20: // cancel what may rest
			i := rand.IntN(len(list))
			order = fmt.Sprintf("35=F|11=%s|41=%s|55=%s|54=%s|60=%s", name, list[i], failoverSymbol, s.side, now())
			list = slices.Delete(list, i, i+1)
		case kind == 2 && len(list) > 20:
			i := rand.IntN(len(list))
			order, list[i] = fmt.Sprintf("35=G|11=%s|41=%s|%s", name, list[i], order), name
		case kind == 3:
			order = fmt.Sprintf("35=D|11=%s|%s|59=3", name, order)
		default:
			order = fmt.Sprintf("35=D|11=%s|%s|59=1", name, order)
			list = append(list, name)
		}
		recent[s.name] = list[max(0, len(list)-60):]
		if _, err := fmt.Fprintf(f.p.stdin, "send %s %s\n", s.name, order); err != nil {
			f.wrong("the engine takes no more lines: %v", err)
			return
		}
	}
}

// counterTrade has carol take what rests, by REST: she finds the next leader sooner than the engine does, and so causes reports
// that the engine is not there to get.
func (f *failover) counterTrade(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		op := client.Operation{Op: "new", Account: "carol", Symbol: failoverSymbol, Type: "limit", TimeInForce: "ioc",
			Side: "buy", Price: "106", Quantity: strconv.Itoa(1 + rand.IntN(10)), ClientOrderID: fmt.Sprint("carol-", n)}
		if n%2 == 0 {
			op.Side, op.Price = "sell", "94"
		}
		ops := []client.Operation{op}
		f.carol.Stamp(ops)
		bound, cancel := f.c.bound()
		results, err := f.carol.Settle(bound, ops)
		cancel()
		if err != nil || results[0].Order == nil {
			f.wrong("%s: %v %+v", op.ClientOrderID, err, results)
			return
		}
		f.mu.Lock()
		f.taken++
		f.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
	}
}

// watchStores looks at the engine's files: numbers never go back, and a store is never made anew.
func (f *failover) watchStores(ctx context.Context) {
	type numbers struct{ out, in int }
	last, made := map[string]numbers{}, map[string]string{}
	for ; ctx.Err() == nil; time.Sleep(nodes.Look) {
		for _, s := range failoverSessions {
			base := filepath.Join(f.dir, "FIX.4.4-"+s.name+"-UNCROSS.")
			text, err := os.ReadFile(base + "seqnums")
			var n numbers
			if _, scan := fmt.Sscanf(string(text), "%d : %d", &n.out, &n.in); err != nil || scan != nil {
				f.wrong("%s: %v, %v in %q", s.name, err, scan, text)
				return
			}
			if was := last[s.name]; n.out < was.out || n.in < was.in {
				f.wrong("%s: the store's numbers went from %+v to %+v", s.name, was, n)
			}
			last[s.name] = n
			created, err := os.ReadFile(base + "session")
			if was, ok := made[s.name]; err != nil || ok && was != string(created) {
				f.wrong("%s: the store was made at %q, and now at %q: %v", s.name, was, created, err)
			}
			made[s.name] = string(created)
		}
	}
}

// change makes leadership go to another node, and waits until the engine is back. It reports whether another node leads.
func (f *failover) change(kind string) bool {
	f.t.Helper()
	f.c.Ready()
	f.await("all sessions to be on, and get new reports", func(b *booked) bool { return b.on && b.since >= 20 })
	time.Sleep(time.Duration(rand.IntN(800)) * time.Millisecond)
	old, hit := f.c.Leader(), time.Now()
	down := time.Duration(rand.IntN(1200)) * time.Millisecond
	var next *nodes.Node
	switch kind {
	case "kill", "stop":
		f.c.Must(old.Stop(map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGTERM}[kind]))
		if down < 300*time.Millisecond { // it may be back before another one leads
			time.Sleep(down)
			f.c.Must(old.Start())
			next = f.c.Leader()
			break
		}
		next = f.c.Leader(old)
		f.gap(kind, hit)
		time.Sleep(down)
		f.c.Must(old.Start())
	case "pause": // as a machine that hangs: connections stay, and nobody answers
		old.Signal(syscall.SIGSTOP)
		next = f.c.Leader(old)
		f.gap(kind, hit)
		time.Sleep(down)
		old.Signal(syscall.SIGCONT)
	case "transfer":
		f.c.Make(f.c.Admin, "cluster/transfer", object{}, nil)
		next = f.c.Leader()
		f.gap(kind, hit)
	}
	f.await("all sessions to be on again after "+kind, func(b *booked) bool {
		return b.on && len(b.logons) > 0 && b.logons[len(b.logons)-1].After(hit)
	})
	for _, name := range slices.Sorted(maps.Keys(f.book)) {
		b := f.book[name]
		i := slices.IndexFunc(b.logons, func(at time.Time) bool { return at.After(hit) })
		f.waits[kind] = append(f.waits[kind], b.logons[i].Sub(hit))
	}
	return next != old
}

func (f *failover) gap(kind string, hit time.Time) {
	f.gaps[kind] = append(f.gaps[kind], time.Since(hit))
}

// await waits until something is so for all sessions.
func (f *failover) await(what string, ok func(*booked) bool) {
	f.t.Helper()
	begun := time.Now()
	f.c.Await(what, func() bool {
		f.update()
		for name, b := range f.book {
			if !ok(b) {
				f.tries(name, begun)
				return false
			}
		}
		return true
	})
}

// engineIdle is for how long the engine may try no Logon on a session that is not on. It is to try every second, and once in
// some two hundred changes of leader it was seen to stop for good, with nothing from it at any node: twice in one test is not that.
const engineIdle = 45 * time.Second

// tries ends the run where the engine has stopped trying by itself: there is nothing more to be seen of the venue then.
func (f *failover) tries(name string, since time.Time) {
	f.t.Helper()
	if f.book[name].on || time.Since(since) < engineIdle {
		return
	}
	for _, l := range slices.Backward(f.p.all()) {
		if l.name == name && l.word == "out" && l.message().has("35=A") {
			since = l.at
			break
		}
	}
	if time.Since(since) > engineIdle {
		f.stopped = fmt.Sprintf("QuickFIX has sent no Logon on %s for %v: it has stopped connecting (all it said is in %s)", name, engineIdle, f.p.keep())
		f.t.Skip(f.stopped)
	}
}

// update reads what the engine has said since the last call.
func (f *failover) update() {
	lines := f.p.since(f.read)
	f.read += len(lines)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range lines {
		b := f.book[l.name]
		if b == nil {
			continue
		}
		switch l.word {
		case "on":
			b.on, b.since = true, 0
			b.logons = append(b.logons, l.at)
		case "off":
			b.on = false
		case "app":
			b.take(l.message())
		}
	}
}

// take takes a message that the engine has given to its application.
func (b *booked) take(m message) {
	answers := false
	switch m.get("35") {
	case "8":
		if m.get("43") == "Y" {
			b.again++
		} else {
			b.since++
		}
		if _, ok := b.reports[m.get("17")]; ok {
			b.twice = append(b.twice, string(m))
		}
		b.reports[m.get("17")] = m
		switch m.get("150") {
		case "0", "8", "5":
			answers = true
		case "4":
			answers = m.get("41") != ""
		}
	case "9", "r":
		answers = true
	}
	if answers {
		b.answers[m.get("11")]++
	}
}

// settle waits until everything that was sent is answered, and cancels what is open.
func (f *failover) settle() {
	f.t.Helper()
	defer func() {
		if f.t.Failed() {
			f.unanswered()
		}
	}()
	f.c.Ready()
	answered := func() bool {
		f.update()
		f.mu.Lock()
		defer f.mu.Unlock()
		for name, session := range f.sent {
			if f.book[session].answers[name] == 0 {
				return false
			}
		}
		return true
	}
	f.c.Await("an answer to everything", answered)
	for _, s := range failoverSessions {
		if s.account != "" {
			name := s.account + "-all"
			f.mu.Lock()
			f.sent[name] = s.name
			f.mu.Unlock()
			f.p.send(s.name, "35=q|11=%s|530=7|60=%s", name, now())
		}
	}
	f.c.Await("an answer to the mass cancels", answered)
	f.c.Level()
}

// unanswered says what waits.
func (f *failover) unanswered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(f.sent)) {
		if f.book[f.sent[name]].answers[name] == 0 {
			f.t.Logf("%s has no answer", name)
		}
	}
}
