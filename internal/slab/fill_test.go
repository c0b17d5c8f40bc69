package slab

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestFillAgainstPut holds an index that was filled against one in which the same keys were put, of so many keys that the
// table has several parts, some of them more than once.
func TestFillAgainstPut(t *testing.T) {
	for _, n := range []int{0, 1, 5, 100, 30_000} {
		for _, space := range []uint64{uint64(n)/2 + 1, 1 << 63} {
			t.Run(fmt.Sprint(n, space), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(n), space))
				x, put := new(Index), new(Index)
				entries, want, was := make([]Entry, n), map[uint64]Handle{}, map[Handle]Handle{}
				for i := range entries {
					e := Entry{Key: r.Uint64N(space), H: Handle(i + 1)}
					if before := put.Put(e.Key, e.H); before != 0 {
						was[e.H] = before
					}
					entries[i], want[e.Key] = e, e.H
				}
				x.Fill(entries, func(h, before Handle) {
					if was[h] != before {
						t.Errorf("handle %d replaced %d, want %d", h, before, was[h])
					}
					delete(was, h)
				})
				if len(was) > 0 {
					t.Errorf("%d replaced handles were not told", len(was))
				}
				check(t, x, want)
				for k := range want { // it goes on as any other
					if !x.Delete(k) {
						t.Fatalf("key %d is not there", k)
					}
				}
				x.Put(7, 8)
				check(t, x, map[uint64]Handle{7: 8})
			})
		}
	}
}

func TestFillWantsAnEmptyIndex(t *testing.T) {
	x := new(Index)
	x.Put(1, 1)
	defer func() {
		if recover() == nil {
			t.Error("an index with a key was filled")
		}
	}()
	x.Fill(nil, nil)
}

func BenchmarkIndexFill(b *testing.B) {
	entries := make([]Entry, 1_000_000)
	for i := range entries {
		entries[i] = Entry{Key: uint64(i) * 7919, H: Handle(i + 1)}
	}
	for b.Loop() {
		new(Index).Fill(entries, nil)
	}
}
