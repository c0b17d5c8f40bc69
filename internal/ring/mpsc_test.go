package ring

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// wide is as large as the values that the rings carry. All words are derived from the first two, so that a torn value
// is found.
type wide struct {
	from, number uint64
	rest         [22]uint64
}

func makeWide(from, number uint64) wide {
	w := wide{from: from, number: number}
	for i := range w.rest {
		w.rest[i] = from<<32 ^ number + uint64(i)
	}
	return w
}

func (w *wide) whole() bool { return *w == makeWide(w.from, w.number) }

func TestMPSCKeepsOrderAndBound(t *testing.T) {
	q := NewMPSC[int](4)
	dst := make([]int, 8)
	next := 0
	for round := range 100 { // many times around, starting at every place
		for i := range 4 {
			v := round*1000 + i
			if !q.TryPush(&v, 0) {
				t.Fatalf("round %d: push %d refused with %d of %d in use", round, i, q.Len(), q.Cap())
			}
		}
		if v := 9; q.TryPush(&v, 0) {
			t.Fatal("a full queue took a value")
		}
		if q.Len() != 4 {
			t.Fatalf("Len = %d, want 4", q.Len())
		}
		if n := q.Drain(dst[:3]); n != 3 {
			t.Fatalf("Drain took %d, want 3", n)
		}
		if n := q.Drain(dst[3:]); n != 1 {
			t.Fatalf("Drain took %d, want 1", n)
		}
		for i := range 4 {
			if dst[i] != round*1000+i {
				t.Fatalf("round %d: got %v", round, dst[:4])
			}
		}
		// One more, so that the next round starts at another place.
		next++
		q.TryPush(&next, 0)
		if n := q.Drain(dst); n != 1 || dst[0] != next {
			t.Fatalf("got %d values, %v; want %d", n, dst[:n], next)
		}
	}
	if n := q.Drain(dst); n != 0 {
		t.Fatalf("an empty queue gave %d values", n)
	}
}

func TestMPSCReserve(t *testing.T) {
	q := NewMPSC[int](8)
	v := 1
	pushed := 0
	for q.TryPush(&v, 3) {
		pushed++
	}
	if pushed != 5 {
		t.Fatalf("with 3 of 8 places reserved %d values went in, want 5", pushed)
	}
	for range 3 {
		if !q.TryPush(&v, 0) {
			t.Fatal("a reserved place was refused to a value without reserve")
		}
	}
	if q.TryPush(&v, 0) {
		t.Fatal("a full queue took a value")
	}
	if q.TryPush(&v, 8) {
		t.Fatal("a reserve of the whole queue took a value")
	}
}

func TestMPSCManyProducers(t *testing.T) {
	const producers = 8
	each := uint64(20_000)
	if testing.Short() {
		each = 2_000
	}
	q := NewMPSC[wide](64)
	var wg sync.WaitGroup
	for p := range uint64(producers) {
		wg.Go(func() {
			for i := range each {
				v := makeWide(p, i)
				for !q.TryPush(&v, int(p)) {
					runtime.Gosched()
				}
				if i%997 == 0 {
					time.Sleep(10 * time.Microsecond) // lets the consumer fall asleep
				}
			}
		})
	}
	var next [producers]uint64
	dst := make([]wide, 48)
	for got := uint64(0); got < producers*each; {
		if !q.Wait(nil) {
			t.Fatal("Wait without stop returned false")
		}
		n := q.Drain(dst)
		if n == 0 {
			t.Fatal("Wait said that there is something, Drain found nothing")
		}
		for i := range dst[:n] {
			v := &dst[i]
			if !v.whole() {
				t.Fatalf("torn value of producer %d", v.from)
			}
			if v.number != next[v.from] {
				t.Fatalf("producer %d: got number %d, want %d", v.from, v.number, next[v.from])
			}
			next[v.from]++
		}
		got += uint64(n)
	}
	wg.Wait()
	if q.Len() != 0 {
		t.Fatalf("%d values left", q.Len())
	}
}

// A producer and a consumer that hand one value back and forth, so that the consumer is about to sleep, asleep or just
// awake when the value comes. A lost wake-up hangs the test.
func TestMPSCWakesTheSleeper(t *testing.T) {
	q, back := NewMPSC[int](2), NewMPSC[int](2)
	rounds := 20_000
	if testing.Short() {
		rounds = 2_000
	}
	go func() {
		var v [1]int
		for range rounds {
			q.Wait(nil)
			q.Drain(v[:])
			back.TryPush(&v[0], 0)
		}
	}()
	var v [1]int
	for i := range rounds {
		for range i % 300 { // moves the moment of the push
			runtime.KeepAlive(v)
		}
		if !q.TryPush(&i, 0) {
			t.Fatal("refused")
		}
		back.Wait(nil)
		back.Drain(v[:])
		if v[0] != i {
			t.Fatalf("got %d, want %d", v[0], i)
		}
	}
}

func TestMPSCStop(t *testing.T) {
	q := NewMPSC[int](2)
	stop := make(chan struct{})
	done := make(chan bool)
	go func() { done <- q.Wait(stop) }()
	for !q.sleep.asleep.Load() {
		runtime.Gosched()
	}
	close(stop)
	if <-done {
		t.Fatal("Wait returned true though there was nothing")
	}
	v := 7
	q.TryPush(&v, 0)
	if q.Wait(stop) {
		t.Fatal("Wait returned true after stop")
	}
	var dst [2]int
	if n := q.Drain(dst[:]); n != 1 || dst[0] != 7 {
		t.Fatalf("what was left after stop: %v", dst[:n])
	}
	q.TryPush(&v, 0)
	if !q.Wait(nil) {
		t.Fatal("a wait after a stopped one does not work")
	}
}

func TestCapacity(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 3, 100} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("capacity %d was taken", n)
				}
			}()
			NewMPSC[int](n)
		}()
	}
}

func TestMPSCAllocatesNothing(t *testing.T) {
	q := NewMPSC[wide](8)
	var v wide
	dst := make([]wide, 8)
	stop := make(chan struct{})
	if n := testing.AllocsPerRun(1000, func() {
		q.TryPush(&v, 1)
		q.Wait(stop)
		q.Drain(dst)
	}); n != 0 {
		t.Fatalf("%v allocations per value", n)
	}
}
