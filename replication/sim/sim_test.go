package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds = flag.Int("sim.seeds", 40, "how many seeds are simulated")
	first = flag.Uint64("sim.first", 1, "the first seed")
)

// simulate runs one seed in a bubble. What the bubble complains about at its end is judged: the goroutines of a process
// that was ended in the middle of a write stay behind, and raft leaves futures unanswered when it stops. Any other
// goroutine that is left is an error.
func simulate(t *testing.T, o Options) (r *Result) {
	defer func() {
		if p := recover(); p != nil && (r == nil || !r.Leaked) {
			if left := leftBehind(); r == nil || len(left) > 0 {
				t.Fatalf("seed %d: %v\n%s", o.Seed, p, strings.Join(left, "\n\n"))
			}
		}
	}()
	synctest.Test(t, func(*testing.T) { r = Run(o) })
	return r
}

// leftBehind returns the stacks of the goroutines of the newest bubble, but for those that wait for a future of raft's.
func leftBehind() []string {
	stacks := make([]byte, 1<<24)
	newest, of := 0, make(map[int][]string)
	for s := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		head, _, _ := strings.Cut(s, "\n")
		_, bubble, found := strings.Cut(head, "synctest bubble ")
		n, err := strconv.Atoi(strings.TrimRight(bubble, "]:"))
		if !found || err != nil {
			continue
		}
		newest = max(newest, n)
		if !strings.Contains(s, "raft.(*deferError).Error") {
			of[n] = append(of[n], s)
		}
	}
	return of[newest]
}

func TestSimulation(t *testing.T) {
	if testing.Short() {
		*seeds = min(*seeds, 10)
	}
	begin := time.Now()
	var commands, starts, explained int
	for i := range *seeds {
		r := simulate(t, Options{Seed: *first + uint64(i)})
		commands += r.Commands
		starts += r.Starts
		explained += explain(t, r)
		if r.Failure != "" {
			t.Fatalf("seed %d: %s\nwhole trace: %s", r.o.Seed, r.Failure, keep(t, r))
		}
	}
	took := time.Since(begin)
	t.Logf("%d seeds from %d, %d commands, %d starts of nodes, %d histories explained, %.0f seeds a minute", *seeds, *first, commands, starts, explained, float64(*seeds)/took.Minutes())
}

// keep writes a run's trace to a file and returns its name.
func keep(t *testing.T, r *Result) string {
	t.Helper()
	f, err := os.CreateTemp("", fmt.Sprintf("sim-%d-*.txt", r.o.Seed))
	if err != nil {
		t.Fatal(err)
	}
	r.Write(f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
