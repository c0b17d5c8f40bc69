package ring

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// publishAll publishes the numbers from..to-1 in pieces of changing size, then closes the ring.
func publishAll(b *Broadcast[wide], count uint64, rng *rand.Rand, pause bool) {
	var buf []wide
	for i := uint64(0); i < count; {
		n := min(uint64(rng.IntN(400)), count-i)
		buf = buf[:0]
		for range n {
			buf = append(buf, makeWide(1, i))
			i++
		}
		b.Publish(buf)
		if pause && rng.IntN(50) == 0 {
			time.Sleep(20 * time.Microsecond) // lets readers fall asleep
		}
	}
	b.Close()
}

func TestBroadcastLossless(t *testing.T) {
	count := uint64(60_000)
	if testing.Short() {
		count = 5_000
	}
	for _, capacity := range []int{2, 16, 64, 1024} {
		b := NewBroadcast[wide](capacity)
		var wg sync.WaitGroup
		for i := range 3 {
			r := b.Reader("lossless", true)
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				dst := make([]wide, 300)
				next := uint64(0)
				for {
					n, lost, ok := r.Read(dst[:1+rng.IntN(300)], nil)
					if !ok {
						break
					}
					if lost != 0 {
						t.Errorf("a lossless reader lost %d", lost)
					}
					for j := range dst[:n] {
						if dst[j].number != next || !dst[j].whole() {
							t.Errorf("got number %d (whole: %v), want %d", dst[j].number, dst[j].whole(), next)
							return
						}
						next++
					}
					if rng.IntN(200) == 0 {
						time.Sleep(10 * time.Microsecond)
					}
				}
				if next != count {
					t.Errorf("capacity %d: read %d of %d", capacity, next, count)
				}
			})
		}
		publishAll(b, count, rand.New(rand.NewPCG(2, 3)), true)
		wg.Wait()
		if t.Failed() {
			return
		}
	}
}

// Lossy readers beside a lossless one: what they read and what they are told they lost must add up, in order and whole.
func TestBroadcastLossy(t *testing.T) {
	count := uint64(200_000)
	if testing.Short() {
		count = 20_000
	}
	for _, capacity := range []int{2, 32, 512} {
		b := NewBroadcast[wide](capacity)
		var wg sync.WaitGroup
		gate := b.Reader("lossless", true)
		wg.Go(func() {
			dst := make([]wide, 64)
			var got uint64
			for {
				n, _, ok := gate.Read(dst, nil)
				if !ok {
					break
				}
				got += uint64(n)
			}
			if got != count {
				t.Errorf("the lossless reader got %d of %d", got, count)
			}
		})
		for i := range 3 {
			r := b.Reader("lossy", false)
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(5, uint64(i)))
				dst := make([]wide, 100)
				var next, losses uint64
				for {
					n, lost, ok := r.Read(dst[:1+rng.IntN(100)], nil)
					next += lost
					losses += lost
					if !ok {
						break
					}
					for j := range dst[:n] {
						if dst[j].number != next || !dst[j].whole() {
							t.Errorf("got number %d (whole: %v), want %d", dst[j].number, dst[j].whole(), next)
							return
						}
						next++
					}
					if rng.IntN(4) == 0 {
						time.Sleep(time.Duration(rng.IntN(50)) * time.Microsecond)
					}
				}
				if next != count {
					t.Errorf("capacity %d: read and lost %d of %d", capacity, next, count)
				}
				t.Logf("capacity %d: reader %d lost %d of %d", capacity, i, losses, count)
			})
		}
		publishAll(b, count, rand.New(rand.NewPCG(2, 3)), false)
		wg.Wait()
	}
}

func TestBroadcastOverrunIsTold(t *testing.T) {
	b := NewBroadcast[int](64)
	r := b.Reader("slow", false)
	for i := range 1000 {
		b.Publish([]int{i})
	}
	if r.Lag() != 1000 {
		t.Fatalf("Lag = %d, want 1000", r.Lag())
	}
	dst := make([]int, 1000)
	n, lost, ok := r.Read(dst, nil)
	if !ok || lost != 968 || n != 32 || dst[0] != 968 || dst[31] != 999 {
		t.Fatalf("n=%d lost=%d ok=%v first=%d; want half the ring, 32, after losing 968", n, lost, ok, dst[0])
	}
	b.Publish([]int{1000})
	if n, lost, ok = r.Read(dst, nil); n != 1 || lost != 0 || !ok || dst[0] != 1000 {
		t.Fatalf("after the loss: n=%d lost=%d ok=%v %d", n, lost, ok, dst[0])
	}
}

// A lossy reader that holds a block pinned must neither hold up the producer nor see its values change.
func TestBroadcastPinnedBlock(t *testing.T) {
	b := NewBroadcast[int](32)
	b.Reader("slow", false)
	b.Publish([]int{0, 1, 2, 3})
	k := b.block(0).Load()
	if !k.pin(0) {
		t.Fatal("cannot pin the first block")
	}
	for i := 4; i < 1000; i++ {
		b.Publish([]int{i})
	}
	if k.values[0] != 0 || k.values[1] != 1 {
		t.Fatalf("a pinned block changed: %v", k.values)
	}
	if len(b.retired) != 1 {
		t.Fatalf("%d blocks retired, want 1", len(b.retired))
	}
	k.unpin()
	other := b.block(b.next).Load()
	other.pin(other.base)
	for i := range 64 {
		b.Publish([]int{1000 + i})
	}
	if len(b.retired) != 1 || b.retired[0] != other {
		t.Fatal("the block that was let go is not used again")
	}
}

func TestBroadcastLosslessHoldsTheProducer(t *testing.T) {
	b := NewBroadcast[int](32)
	r := b.Reader("slow", true)
	done := make(chan struct{})
	go func() {
		b.Publish(make([]int, 100)) // more than the ring holds: goes in pieces
		close(done)
	}()
	for !b.sleep.asleep.Load() {
		runtime.Gosched()
	}
	if b.Published() != 32 || b.LosslessLag() != 32 {
		t.Fatalf("published %d, lag %d; want 32", b.Published(), b.LosslessLag())
	}
	var got int
	dst := make([]int, 7)
	for got < 100 {
		n, lost, ok := r.Read(dst, nil)
		if lost != 0 || !ok {
			t.Fatalf("lost %d, ok %v", lost, ok)
		}
		got += n
	}
	<-done
	if b.LosslessLag() != 0 {
		t.Fatalf("lag %d after all was read", b.LosslessLag())
	}

	// Closing the reader frees a producer that waits for it.
	freed := make(chan struct{})
	go func() {
		b.Publish(make([]int, 100))
		close(freed)
	}()
	for !b.sleep.asleep.Load() {
		runtime.Gosched()
	}
	r.Close()
	r.Close()
	<-freed
	if _, _, ok := r.Read(dst, nil); ok {
		t.Fatal("a closed reader reads")
	}
}

func TestBroadcastClose(t *testing.T) {
	b := NewBroadcast[int](32)
	r := b.Reader("reader", true)
	asleep := b.Reader("asleep", false)
	ended := make(chan bool)
	b.Publish([]int{1, 2, 3})
	dst := make([]int, 2)
	go func() {
		got := make([]int, 8)
		asleep.Read(got, nil)
		_, _, ok := asleep.Read(got, nil)
		ended <- ok
	}()
	for !asleep.sleep.asleep.Load() {
		runtime.Gosched()
	}
	b.Close()
	b.Close()
	if <-ended {
		t.Fatal("the sleeping reader was not told of the end")
	}
	if n, _, ok := r.Read(dst, nil); n != 2 || !ok {
		t.Fatalf("n=%d ok=%v; what was published before the end must be read", n, ok)
	}
	if n, _, ok := r.Read(dst, nil); n != 1 || !ok || dst[0] != 3 {
		t.Fatalf("n=%d ok=%v", n, ok)
	}
	if n, _, ok := r.Read(dst, nil); n != 0 || ok {
		t.Fatalf("n=%d ok=%v after the end", n, ok)
	}
	b.Publish([]int{4})
	if n, _, ok := r.Read(dst, nil); n != 0 || ok {
		t.Fatalf("n=%d ok=%v: published after the end", n, ok)
	}

	// Closing the ring frees a producer that waits for room.
	full := NewBroadcast[int](2)
	full.Reader("stuck", true)
	freed := make(chan struct{})
	go func() {
		full.Publish(make([]int, 5))
		close(freed)
	}()
	for !full.sleep.asleep.Load() {
		runtime.Gosched()
	}
	full.Close()
	<-freed
}

func TestBroadcastStop(t *testing.T) {
	b := NewBroadcast[int](32)
	r := b.Reader("reader", true)
	stop := make(chan struct{})
	done := make(chan bool)
	dst := make([]int, 1)
	go func() {
		_, _, ok := r.Read(dst, stop)
		done <- ok
	}()
	for !r.sleep.asleep.Load() {
		runtime.Gosched()
	}
	close(stop)
	if <-done {
		t.Fatal("Read returned ok though it was stopped")
	}
	b.Publish([]int{5})
	if n, _, ok := r.Read(dst, nil); n != 1 || !ok || dst[0] != 5 {
		t.Fatalf("a read after a stopped one: n=%d ok=%v", n, ok)
	}
}

// Readers come and go while the producer runs; a lossless one must see an unbroken run from where it came in.
func TestBroadcastAttachWhileRunning(t *testing.T) {
	count := uint64(300_000)
	if testing.Short() {
		count = 30_000
	}
	b := NewBroadcast[wide](64)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(9, uint64(i)))
			dst := make([]wide, 32)
			for range 100 {
				r := b.Reader("guest", true)
				first, next := true, uint64(0)
				for range 1 + rng.IntN(20) {
					n, lost, ok := r.Read(dst, nil)
					if !ok {
						break
					}
					if first {
						next, first = dst[0].number, false
					}
					for j := range dst[:n] {
						if lost != 0 || dst[j].number != next || !dst[j].whole() {
							t.Errorf("got number %d, want %d (lost %d)", dst[j].number, next, lost)
							return
						}
						next++
					}
				}
				r.Close()
			}
		})
	}
	publishAll(b, count, rand.New(rand.NewPCG(2, 3)), false)
	wg.Wait()
	if n := len(*b.readers.Load()); n != 0 {
		t.Fatalf("%d readers are still attached", n)
	}
}

// A reader that answers every value, so that it is about to sleep, asleep or just awake when the next one comes. A lost
// wake-up hangs the test.
func TestBroadcastWakesTheSleeper(t *testing.T) {
	b, back := NewBroadcast[int](2), NewMPSC[int](2)
	r := b.Reader("reader", true)
	rounds := 20_000
	if testing.Short() {
		rounds = 2_000
	}
	go func() {
		dst := make([]int, 1)
		for range rounds {
			r.Read(dst, nil)
			back.TryPush(&dst[0], 0)
		}
	}()
	got := make([]int, 1)
	for i := range rounds {
		b.Publish([]int{i})
		back.Wait(nil)
		if back.Drain(got); got[0] != i {
			t.Fatalf("got %d, want %d", got[0], i)
		}
	}
}

func TestBroadcastAllocatesNothing(t *testing.T) {
	b := NewBroadcast[wide](64)
	r := b.Reader("reader", true)
	vs := make([]wide, 10)
	dst := make([]wide, 10)
	stop := make(chan struct{})
	if n := testing.AllocsPerRun(1000, func() {
		b.Publish(vs)
		for got := 0; got < len(vs); {
			n, _, _ := r.Read(dst, stop)
			got += n
		}
	}); n != 0 {
		t.Fatalf("%v allocations per publish", n)
	}
}

func BenchmarkMPSC(b *testing.B) {
	q := NewMPSC[[160]byte](1 << 12)
	var v [160]byte
	dst := make([][160]byte, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q.TryPush(&v, 0)
		if i%64 == 63 {
			q.Drain(dst)
		}
	}
}

func BenchmarkBroadcast(b *testing.B) {
	ring := NewBroadcast[[192]byte](1 << 12)
	r := ring.Reader("reader", true)
	vs := make([][192]byte, 64)
	dst := make([][192]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		ring.Publish(vs)
		for got := 0; got < len(vs); {
			n, _, _ := r.Read(dst, nil)
			got += n
		}
	}
}
