package http

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// sells enters so many sell orders of bob, of one each.
func (v *venue) sells(n int, price string) {
	v.t.Helper()
	for i := range n {
		v.do("bob", "POST", "/v1/orders", limit("B", "sell", price, "1", fmt.Sprint("s-", price, "-", i)))
	}
}

// sameAnswer fails the test unless a repeat's answer is that of the first time.
func sameAnswer(t *testing.T, first, again m) {
	t.Helper()
	if text(first, "repeat") != "false" || text(again, "repeat") != "true" {
		t.Errorf("repeat: %v at first, then %v", first["repeat"], again["repeat"])
	}
	for _, a := range []m{first, again} {
		for k := range a {
			if k != "repeat" && fmt.Sprint(first[k]) != fmt.Sprint(again[k]) {
				t.Errorf("%s: %v at first, %v when repeated", k, first[k], again[k])
			}
		}
	}
}

// TestRepeatIsAnsweredAlike repeats orders with fewer fills than an answer has, as many, and more; with and without a
// rest, which is canceled or stays.
func TestRepeatIsAnsweredAlike(t *testing.T) {
	for fills := 2; fills <= 6; fills++ {
		for rest := range 2 {
			for _, tif := range []string{"gtc", "ioc"} {
				v := market(t, Limits{Fills: 3})
				v.sells(fills, "100")
				o := set(limit("A", "buy", "100", fmt.Sprint(fills+rest), "b"), "time_in_force", tif)
				first := v.do("alice", "POST", "/v1/orders", o)
				want(t, first, map[string]string{"filled": fmt.Sprint(fills), "fills_complete": fmt.Sprint(fills <= 3)})
				if tif == "ioc" && rest > 0 {
					want(t, first, map[string]string{"status": "canceled", "canceled": "1", "cancel_reason": "immediate_or_cancel"})
				}
				sameAnswer(t, first, v.do("alice", "POST", "/v1/orders", o))
			}
		}
	}
}

// TestRepeatAfterMoreTrades repeats an order of which more has traded since: what is not known any more is left out.
func TestRepeatAfterMoreTrades(t *testing.T) {
	v := market(t, Limits{Fills: 3})
	v.sells(6, "100")
	o := limit("A", "buy", "100", "8", "b")
	first := v.do("alice", "POST", "/v1/orders", o)
	v.sells(2, "99")
	again := v.do("alice", "POST", "/v1/orders", o)
	want(t, again, map[string]string{"status": "partially_filled", "filled": "6", "remaining": "2", "fills_complete": "false",
		"notional": "<absent>", "average_price": "<absent>", "canceled": "<absent>", "time": text(first, "time")})
	if fmt.Sprint(first["fills"]) != fmt.Sprint(again["fills"]) {
		t.Errorf("fills: %v at first, %v when repeated", first["fills"], again["fills"])
	}
}

// TestRepeatOfReplace repeats a replace that traded.
func TestRepeatOfReplace(t *testing.T) {
	v := market(t, Limits{Fills: 3})
	v.sells(3, "100")
	v.do("alice", "POST", "/v1/orders", limit("A", "buy", "90", "4", "b"))
	r := m{"account": "A", "symbol": "BTC/USD", "price": "100", "quantity": "4", "client_order_id": "b2"}
	first := v.do("alice", "PUT", "/v1/orders/by-client-id/b", r)
	want(t, first, map[string]string{"filled": "3", "remaining": "1", "fills_complete": "true", "notional": "300"})
	sameAnswer(t, first, v.do("alice", "PUT", "/v1/orders/by-client-id/b", r))
}

// TestUnknownOfOneOperation tells a batch that the outcome of its first operation is unknown: the others are waited for.
func TestUnknownOfOneOperation(t *testing.T) {
	v := market(t, Limits{})
	v.do("bob", "GET", "/v1/session", nil)
	v.core.silent.Store(true)
	var ops []client.Operation
	for i := range 3 {
		ops = append(ops, client.Operation{Op: "new", Account: "B", Symbol: "BTC/USD", Side: "sell", Type: "limit", Price: "103", Quantity: "1", ClientOrderID: fmt.Sprint("x", i)})
	}
	var r []client.Result
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err = v.keys["bob"].Batch(context.Background(), ops)
	}()
	replies := v.server.replies
	waitFor(t, "the batch is under way", func() bool { return replies.open.Load() == 3 })
	v.server.Refused(wire.Origin{Node: replies.node, Seq: replies.next.Load() - 2}, errors.New("leadership lost"))
	v.core.release()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []string{"outcome_unknown", "new", "new"} {
		if got := outcome(&r[i]); got != w {
			t.Errorf("operation %d: %s, want %s", i, got, w)
		}
	}
}

// TestBatchWaitsForEach: that the outcome of one operation is unknown does not end the wait for the others of its batch; that
// the time is over does.
func TestBatchWaitsForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 5 * time.Second
		r := newReplies(1, 10)
		run := func(n int) (origins []wire.Origin, ended chan string) {
			b := batchRun{q: &request{s: &Server{limits: Limits{Answer: most}, replies: r}}, results: make([]batchResult, n)}
			for range n {
				p, o := r.expect()
				b.replies, origins = append(b.replies, p), append(origins, o)
			}
			ended = make(chan string, 1)
			go func() {
				b.collect()
				var reasons []string
				for i := range b.results {
					reasons = append(reasons, b.results[i].Error.Reason)
				}
				ended <- strings.Join(reasons, " ")
			}()
			return origins, ended
		}
		of, ended := run(3)
		r.refuse(of[0], OutcomeUnknown)
		time.Sleep(most - 1)
		synctest.Wait()
		if len(ended) > 0 {
			t.Errorf("the batch did not wait for the others: %s", <-ended)
		}
		r.refuse(of[1], Busy)
		r.refuse(of[2], NotReady)
		if got := <-ended; got != "outcome_unknown busy not_ready" {
			t.Errorf("the batch ends with %s", got)
		}
		begin := time.Now()
		of, ended = run(4)
		r.refuse(of[0], Busy)
		r.refuse(of[3], Busy)
		if got := <-ended; got != "busy outcome_unknown outcome_unknown busy" || time.Since(begin) != most {
			t.Errorf("after %v the batch ends with %s", time.Since(begin), got)
		}
	})
}

// TestWaitsOfOneRequest gives all waits of a request one time.
func TestWaitsOfOneRequest(t *testing.T) {
	const most = 20 * time.Millisecond
	q := &request{s: &Server{limits: Limits{ReadWait: most}}}
	var given time.Duration
	for range 100 {
		q.await(func(_ uint64, timeout time.Duration) bool {
			given += timeout
			time.Sleep(timeout)
			return false
		}, 1)
	}
	if given > most || given == 0 {
		t.Errorf("100 waits had %v, all together have %v", given, most)
	}
}

// TestConcurrentChanges changes two limits of an instrument at once: neither change undoes the other.
func TestConcurrentChanges(t *testing.T) {
	v := market(t, Limits{})
	const path = "/v1/admin/instruments/BTC%2FUSD"
	for i := range 50 {
		var both sync.WaitGroup
		fee, qty := 1+i%9, fmt.Sprint(100+i)
		for _, change := range []m{{"maker_fee_bps": fee}, {"max_quantity": qty}} {
			both.Go(func() {
				if err := v.keys["operator"].Do(context.Background(), "PATCH", path, change, nil); err != nil {
					t.Errorf("%v: %v", change, err)
				}
			})
		}
		both.Wait()
		want(t, v.do("operator", "GET", "/v1/instruments/BTC%2FUSD", nil), map[string]string{"maker_fee_bps": fmt.Sprint(fee), "max_quantity": qty})
	}
	v.refused("operator", "PATCH", path, m{}, wire.InvalidLimits)
	want(t, v.do("operator", "GET", "/v1/instruments/BTC%2FUSD", nil), map[string]string{"taker_fee_bps": "20", "min_price": "0.05", "min_notional": "1"})
}

// TestSentInFuture refuses what was sent later than now.
func TestSentInFuture(t *testing.T) {
	v := market(t, Limits{})
	o := limit("A", "buy", "90", "1", "a-1")
	ahead := func(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).UnixNano()) }
	if e := v.refused("alice", "POST", "/v1/orders", set(o, "sent_at_ns", ahead(2*time.Minute)), wire.SentInFuture); e.Status != 400 {
		t.Errorf("status %d", e.Status)
	}
	v.do("alice", "POST", "/v1/orders", set(o, "sent_at_ns", ahead(30*time.Second)))
}
