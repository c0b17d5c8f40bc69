package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"uncross/internal/neutral/remote"
	"uncross/internal/nodes/nodestest"
	"uncross/internal/recorded"
)

// fixKills is how often the server is killed while a day is replayed by FIX.
const fixKills = 5

// replayByFIX replays a set through a server's FIX port and checks what holds of every run.
func replayByFIX(t *testing.T, v *venue, address, prefix string, progress func(uint64)) remote.Result {
	t.Helper()
	r, err := remote.Do(context.Background(), remote.Config{
		URL: v.url(), Prefix: prefix, Symbol: "KILL", Operator: &v.operator, Progress: progress,
		FIX: &remote.FIX{Address: address, CompID: "REPLAY", Password: "a-long-password", DropCopy: "REPLAY-COPY"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() {
		t.Fatalf("first difference: %s\nof the history: %s\nof the reports: %s", r.First, r.HistoryFirst, r.FIX.First)
	}
	f := r.FIX
	switch {
	case r.Trades.Total == 0 || r.History != r.Trades || r.Cancels.Equal != r.Cancels.Total || r.Refused != 0 || r.Extra != 0:
		t.Errorf("counts: %+v", r)
	case f.Fills != 2*r.Trades.Total:
		t.Errorf("%d fills of %d trades: each has two sides", f.Fills, r.Trades.Total)
	case f.Repeats < f.Reports || f.Copies != f.Reports:
		t.Errorf("%d reports, %d of them again, %d copies", f.Reports, f.Repeats, f.Copies)
	}
	return r
}

// TestFIXReplayWithKills sends a whole day of Kweichow Moutai by FIX while the server is killed with SIGKILL again and
// again. The client does nothing but what a stock engine does: it connects again, and each side asks for the numbers that
// it lacks. At the end, every trade of the exchange has come as two execution reports, each once, with figures that follow
// from the fills, and the drop copy session has had the same reports.
func TestFIXReplayWithKills(t *testing.T) {
	prefix := filepath.Join(recorded.Dir(t), "sse_order_by_order", "600519_20230207")
	const commands = 58_432
	if testing.Short() {
		t.Skip("a whole day takes a while")
	}
	seed := setting(t, "UNCROSS_KILL_SEED", uint64(time.Now().UnixNano()))
	t.Logf("kills drawn from UNCROSS_KILL_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	address := nodestest.FreeAddress(t)
	v := newVenue(t, "--fix-listen", address, "--history-sync", "10ms")
	v.mustStart()
	k := &killer{venue: v, rnd: rnd, done: make(chan error, 1)}
	for i := range uint64(fixKills) { // one in each part of the day, so that none falls into the time of another
		const part = commands / fixKills
		k.at = append(k.at, i*part+1+rnd.Uint64N(part))
	}
	r := replayByFIX(t, v, address, prefix, k.progress)
	k.wait(t)
	t.Logf("%d kills, %d connections, %d reports that needed a second sending; %v", k.kills, r.FIX.Connections, r.FIX.Again, r.Took)
	if k.kills < 3 || r.FIX.Connections < uint64(k.kills) {
		t.Errorf("%d kills, %d connections", k.kills, r.FIX.Connections)
	}
	if r.FIX.Reports != 95_800 || r.Commands != commands { // a report of every order and cancel, two of every trade, one of every rest that was dropped
		t.Errorf("%d reports of %d commands", r.FIX.Reports, r.Commands)
	}
	checkStopped(t, v, r, syscall.SIGKILL)
}

// TestFIXReplayIsLikeREST replays a made-up flow by FIX and by REST: the business of both is the same.
func TestFIXReplayIsLikeREST(t *testing.T) {
	prefix := syntheticSet(t, 2000)
	address := nodestest.FreeAddress(t)
	v := newVenue(t, "--fix-listen", address)
	v.mustStart()
	byFIX := replayByFIX(t, v, address, prefix, nil)
	if byFIX.FIX.Again != 0 || byFIX.FIX.Connections != 1 {
		t.Errorf("%+v in a run without kills", byFIX.FIX)
	}
	checkStopped(t, v, byFIX, syscall.SIGTERM)

	w := newVenue(t)
	w.mustStart()
	if byREST := replayOn(t, w, prefix, nil); byREST.BusinessHash != byFIX.BusinessHash {
		t.Errorf("business hash %s by FIX, %s by REST", byFIX.BusinessHash, byREST.BusinessHash)
	}
}
