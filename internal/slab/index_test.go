package slab

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// check fails unless x holds exactly what want holds and is well formed.
func check(t *testing.T, x *Index, want map[uint64]Handle) {
	t.Helper()
	if x.Len() != len(want) {
		t.Fatalf("len %d, want %d", x.Len(), len(want))
	}
	for k, h := range want {
		if got, ok := x.Get(k); !ok || got != h {
			t.Fatalf("key %d: handle %d %v, want %d", k, got, ok, h)
		}
	}
	n, over := 0, 0
	for i := range x.n {
		for b := x.bucket(i); ; b = x.over.At(b.next) {
			gap := false
			for j := range b.keys {
				if b.vals[j] == 0 {
					gap = true
					continue
				}
				n++
				if gap {
					t.Fatalf("bucket %d has a used place after an empty one", i)
				}
				if x.home(b.keys[j]) != x.bucket(i) {
					t.Fatalf("key %d is in the wrong chain", b.keys[j])
				}
			}
			if b.next == 0 {
				break
			}
			over++
		}
	}
	if n != len(want) || over != x.over.Len() {
		t.Fatalf("%d keys and %d overflow buckets in chains, want %d and %d", n, over, len(want), x.over.Len())
	}
}

func TestIndexAgainstMap(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			x, want := new(Index), map[uint64]Handle{}
			space := uint64(1) << (3 + r.IntN(10))
			stride := uint64(1) << r.IntN(50)
			for step := range 5000 {
				key := r.Uint64N(space) * stride
				switch r.IntN(5) {
				case 0, 1, 2:
					h := Handle(step + 1)
					if was := x.Put(key, h); was != want[key] {
						t.Fatalf("step %d: put of %d replaced %d, want %d", step, key, was, want[key])
					}
					want[key] = h
				case 3:
					_, was := want[key]
					if x.Delete(key) != was {
						t.Fatalf("step %d: delete of %d, want %v", step, key, was)
					}
					delete(want, key)
				case 4:
					h, ok := x.Get(key)
					if w, was := want[key]; ok != was || h != w {
						t.Fatalf("step %d: get of %d: %d %v, want %d %v", step, key, h, ok, w, was)
					}
				}
				if step%500 == 0 {
					check(t, x, want)
				}
			}
			check(t, x, want)
		})
	}
}

func TestIndexEdges(t *testing.T) {
	x := new(Index)
	if _, ok := x.Get(0); ok || x.Delete(0) {
		t.Fatal("an empty index knows a key")
	}
	want := map[uint64]Handle{0: 1, math.MaxUint64: math.MaxUint32, 1 << 63: 7}
	for k, h := range want {
		x.Put(k, h)
	}
	check(t, x, want)
	if _, ok := x.Get(5); ok {
		t.Fatal("a key that was never put is found")
	}
}

// TestIndexLongChain puts keys that all hash to the same bucket, so that overflow buckets come and go.
func TestIndexLongChain(t *testing.T) {
	x, want := new(Index), map[uint64]Handle{}
	var keys []uint64
	for k := uint64(0); len(keys) < 200; k++ {
		if hashKey(k)&0xfff == 5 {
			keys = append(keys, k)
		}
	}
	for i, k := range keys {
		x.Put(k, Handle(i+1))
		want[k] = Handle(i + 1)
	}
	check(t, x, want)
	for i, k := range keys {
		if i%3 != 0 {
			x.Delete(k)
			delete(want, k)
		}
	}
	check(t, x, want)
	for _, k := range keys {
		x.Delete(k)
	}
	check(t, x, nil)
	if x.over.Len() != 0 {
		t.Fatalf("%d overflow buckets are left", x.over.Len())
	}
}

func TestIndexGrowsWithoutStall(t *testing.T) {
	x := new(Index)
	for k := range uint64(100_000) {
		before := x.n
		x.Put(k, 1)
		if x.n > before+1 && before > 0 {
			t.Fatalf("one insertion added %d buckets", x.n-before)
		}
	}
	longest := 0
	for i := range x.n {
		n := 1
		for b := x.bucket(i); b.next != 0; b = x.over.At(b.next) {
			n++
		}
		longest = max(longest, n)
	}
	if longest > 5 {
		t.Fatalf("a chain has %d buckets", longest)
	}
}

func TestIndexSteadyStateAllocatesNothing(t *testing.T) {
	x := new(Index)
	for k := range uint64(10_000) {
		x.Put(k, 1)
	}
	k := uint64(10_000)
	n := testing.AllocsPerRun(50_000, func() {
		x.Delete(k - 10_000)
		x.Put(k, 1)
		k++
	})
	if n != 0 {
		t.Fatalf("%v allocations per run", n)
	}
}

func BenchmarkIndexGet(b *testing.B) {
	for _, size := range []uint64{1000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			x := new(Index)
			for k := range size {
				x.Put(k, Handle(k+1))
			}
			k := uint64(0)
			for b.Loop() {
				if _, ok := x.Get(k % size); !ok {
					b.Fatal("lost a key")
				}
				k += 7919
			}
		})
	}
}

func BenchmarkIndexPutDelete(b *testing.B) {
	x := new(Index)
	for k := range uint64(100_000) {
		x.Put(k, 1)
	}
	k := uint64(100_000)
	for b.Loop() {
		x.Put(k, 1)
		x.Delete(k - 100_000)
		k++
	}
}
