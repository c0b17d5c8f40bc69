package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uncross/book"
	"uncross/gateway/client"
	"uncross/internal/neutral"
	"uncross/internal/neutral/remote"
	"uncross/internal/recorded"
)

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// killRounds is how often each set is replayed with kills; UNCROSS_KILL_ROUNDS asks for more, UNCROSS_KILL_SEED for the
// kills of an earlier run.
const (
	killRounds   = 2
	killsInRound = 6
)

// TestKill replays a real day through the real binary while that is killed again and again. See killAgainAndAgain.
func TestKill(t *testing.T) {
	prefix := filepath.Join(recorded.Dir(t), "sse_order_by_order", "601825_20230711")
	killAgainAndAgain(t, prefix, 11236, setting(t, "UNCROSS_KILL_ROUNDS", killRounds))
}

// TestKillSynthetic does the same with a flow that is made here.
func TestKillSynthetic(t *testing.T) {
	const commands = 4000
	killAgainAndAgain(t, syntheticSet(t, commands), commands, killRounds)
}

// killAgainAndAgain shows that nothing acknowledged is lost and nothing is done twice: a server is killed with SIGKILL
// at random moments of a replay and started again, while the client repeats what was not answered. At the end there are
// exactly the exchange's trades, the business hash is that of a run without kills, and verify computes the full hash
// that the node itself had.
func killAgainAndAgain(t *testing.T, prefix string, commands, rounds uint64) {
	calm := newVenue(t)
	calm.mustStart()
	reference := replayOn(t, calm, prefix, nil)
	if reference.Repeats != 0 {
		t.Errorf("%d repeats in a run without kills", reference.Repeats)
	}
	checkStopped(t, calm, reference, syscall.SIGTERM)

	seed := setting(t, "UNCROSS_KILL_SEED", uint64(time.Now().UnixNano()))
	for round := range rounds {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			t.Logf("kills drawn from UNCROSS_KILL_SEED=%d, round %d", seed, round+1)
			rnd := rand.New(rand.NewPCG(seed, round))
			// Every other round, snapshots are taken and the log is cut while all that goes on.
			snapshots := round%2 == 1
			var flags []string
			if snapshots {
				flags = []string{"--history-sync", "10ms"} // a snapshot waits for it
			}
			v := newVenue(t, flags...)
			v.mustStart()
			k := &killer{venue: v, rnd: rnd, done: make(chan error, 1)}
			for range killsInRound {
				k.at = append(k.at, 1+rnd.Uint64N(commands))
			}
			stopSnapshots := func() {}
			if snapshots {
				stopSnapshots = k.takeSnapshots(t)
			}
			r := replayOn(t, v, prefix, k.progress)
			k.wait(t)
			stopSnapshots()
			t.Logf("%d kills, %d answers of an earlier sending, %d snapshots", k.kills, r.Repeats, len(v.snapshots()))
			if n := len(v.snapshots()); snapshots != (n > 0) {
				t.Errorf("%d snapshots", n)
			}
			if k.kills == 0 {
				t.Error("the server was never killed")
			}
			if r.BusinessHash != reference.BusinessHash {
				t.Errorf("business hash %s, without kills %s", r.BusinessHash, reference.BusinessHash)
			}
			sig := syscall.SIGTERM
			if round%2 == 0 {
				sig = syscall.SIGKILL
			}
			checkStopped(t, v, r, sig)
		})
	}
}

// replayOn replays a set on a server and checks that all is as the exchange has it.
func replayOn(t *testing.T, v *venue, prefix string, progress func(uint64)) remote.Result {
	t.Helper()
	r, err := remote.Do(context.Background(), remote.Config{
		URL: v.url(), Prefix: prefix, Symbol: "KILL", Operator: &v.operator, Progress: progress,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() {
		t.Fatalf("first difference: %s\nof the history: %s", r.First, r.HistoryFirst)
	}
	if r.Trades.Total == 0 || r.History != r.Trades || r.Cancels.Equal != r.Cancels.Total {
		t.Fatalf("counts: %+v", r)
	}
	return r
}

// checkStopped stops the server and holds what verify finds on disk against the node's own word.
func checkStopped(t *testing.T, v *venue, r remote.Result, sig syscall.Signal) {
	t.Helper()
	own := v.status()
	said, err := v.stop(sig)
	if sig == syscall.SIGTERM && err != nil {
		t.Errorf("told to stop, the server ends with %v:\n%s", err, said)
	}
	lines, status, text := v.verify()
	if status != 0 || lines["result"] != "sound" || lines["full hash"] != own.FullHash || lines["business"] != own.BusinessHash {
		t.Errorf("the node's full hash %s, business %s; verify ends with %d and says\n%s", own.FullHash, own.BusinessHash, status, text)
	}
	if own.BusinessHash != r.BusinessHash {
		t.Errorf("business hash %s at the end of the replay, %s afterwards", r.BusinessHash, own.BusinessHash)
	}
}

// killer kills the server while a replay is at given commands.
type killer struct {
	venue *venue
	rnd   *rand.Rand
	at    []uint64
	kills int
	busy  sync.Mutex
	done  chan error
}

// progress is told how far the replay has come.
func (k *killer) progress(done uint64) {
	for i, at := range k.at {
		if at != done {
			continue
		}
		k.at[i] = 0
		if !k.busy.TryLock() {
			return // the server is being killed at this moment
		}
		k.kills++
		// The batch with this command is about to be sent: from here to its answer takes some milliseconds.
		pause := time.Duration(k.rnd.Int64N(int64(15 * time.Millisecond)))
		go func() {
			defer k.busy.Unlock()
			time.Sleep(pause)
			k.venue.stop(syscall.SIGKILL)
			if err := k.venue.start(); err != nil {
				select {
				case k.done <- err:
				default:
				}
			}
		}()
		return
	}
}

// takeSnapshots takes one snapshot after the other until the function that it returns is called.
func (k *killer) takeSnapshots(t *testing.T) (stop func()) {
	operator, err := client.New(client.Config{URL: k.venue.url(), Key: &k.venue.operator})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = operator.Until(ctx, "POST", "/v1/admin/snapshot", nil, nil) // a kill may cut it off; the next one follows
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// wait returns when the last restart is over.
func (k *killer) wait(t *testing.T) {
	t.Helper()
	k.busy.Lock()
	defer k.busy.Unlock()
	select {
	case err := <-k.done:
		t.Fatal(err)
	default:
	}
}

// syntheticSet writes a set of random orders and cancels, with a call auction at the start and one at the end. Its
// trades are those that the book alone makes: what is shown with it is that a server loses and doubles nothing.
func syntheticSet(t *testing.T, n int) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	prefix := filepath.Join(t.TempDir(), "synthetic")
	d := neutral.NewBookDriver()
	commands := "n,exch_seq,time_ms,cmd,id,side,otype,tif,price,qty,src\n"
	trades := "n,exch_seq,time_ms,buy_id,sell_id,price,qty,taker\n"
	live := map[uint64]book.Side{}
	var order []uint64
	for i := 1; i <= n; i++ {
		c := neutral.Command{N: uint64(i), Kind: neutral.New, ID: uint64(i), Side: book.Side(1 + rnd.IntN(2)), TIF: book.GTC,
			Price: int64(1000 + rnd.IntN(40)), Qty: int64(1 + rnd.IntN(100))}
		auction := i < n/10 || i > n-n/10
		switch {
		case i == n/10 || i == n:
			c = neutral.Command{N: uint64(i), Kind: neutral.Uncross}
		case len(order) > 0 && rnd.IntN(4) == 0:
			c = neutral.Command{N: uint64(i), Kind: neutral.Cancel, ID: order[rnd.IntN(len(order))]}
			c.Side = live[c.ID]
		case auction:
			c.Kind = neutral.Enter
		case rnd.IntN(5) == 0:
			c.TIF = book.IOC
		}
		var out neutral.Outcome
		if err := d.Apply(&c, &out); err != nil {
			t.Fatal(err)
		}
		if c.Kind == neutral.Cancel && out.Refused != "" {
			// It has traded meanwhile: an order in its place.
			c = neutral.Command{N: uint64(i), Kind: neutral.New, ID: uint64(i), Side: book.Buy, TIF: book.IOC, Price: 1, Qty: 1}
			if auction {
				c.Kind, c.TIF = neutral.Enter, book.GTC
			}
			out = neutral.Outcome{}
			if err := d.Apply(&c, &out); err != nil {
				t.Fatal(err)
			}
		}
		if c.TIF == book.GTC {
			live[c.ID], order = c.Side, append(order, c.ID)
		}
		commands += commandRow(&c, &out)
		for _, tr := range out.Trades {
			trades += fmt.Sprintf("%d,0,0,%d,%d,%d,%d,%s\n", tr.N, tr.Buy, tr.Sell, tr.Price, tr.Qty, letter(tr.Taker, "N"))
		}
	}
	for name, text := range map[string]string{"commands": commands, "trades": trades} {
		if err := os.WriteFile(prefix+"."+name+".csv", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return prefix
}

func letter(s book.Side, otherwise string) string {
	if !s.Valid() {
		return otherwise
	}
	return strings.ToUpper(s.String()[:1])
}

func commandRow(c *neutral.Command, out *neutral.Outcome) string {
	switch c.Kind {
	case neutral.Uncross:
		return fmt.Sprintf("%d,0,0,X,,,,,%d,%d,O\n", c.N, out.Price, out.Volume)
	case neutral.Cancel:
		return fmt.Sprintf("%d,0,0,C,%d,%s,,,,%d,O\n", c.N, c.ID, letter(c.Side, ""), out.Left)
	}
	return fmt.Sprintf("%d,0,0,%c,%d,%s,L,%s,%d,%d,O\n", c.N, c.Kind, c.ID, letter(c.Side, ""), strings.ToUpper(c.TIF.String()), c.Price, c.Qty)
}
