package slab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type value struct {
	a, b uint64
	c    uint32
}

func TestAllocGivesZeroedValuesLastFreedFirst(t *testing.T) {
	s := NewPaged[value](4)
	var hs []Handle
	for i := range 10 {
		h := s.Alloc()
		if h != Handle(i+1) {
			t.Fatalf("handle %d, want %d", h, i+1)
		}
		*s.Mut(h) = value{a: uint64(h), b: 7, c: 9}
		hs = append(hs, h)
	}
	s.Free(hs[2])
	s.Free(hs[7])
	if s.Len() != 8 || s.Live(hs[2]) || s.Live(hs[7]) || !s.Live(hs[0]) || s.Live(0) || s.Live(99) {
		t.Fatalf("len %d after two frees, or liveness is wrong", s.Len())
	}
	for _, want := range []Handle{hs[7], hs[2], 11} {
		h := s.Alloc()
		if h != want {
			t.Fatalf("handle %d, want %d", h, want)
		}
		if *s.At(h) != (value{}) {
			t.Fatalf("value of handle %d is not zero: %+v", h, *s.At(h))
		}
	}
	if s.High() != 11 {
		t.Fatalf("high %d, want 11", s.High())
	}
}

func TestZeroSlabIsReady(t *testing.T) {
	var s Slab[value]
	if s.Freeze().Len() != 0 {
		t.Fatal("view of an empty slab is not empty")
	}
	h := s.Alloc()
	s.Mut(h).a = 3
	if s.At(h).a != 3 || len(s.page(h).slots) != DefaultPage {
		t.Fatal("zero slab does not hold a value in a page of the default size")
	}
}

func TestMisusePanics(t *testing.T) {
	must := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s did not panic", name)
			}
		}()
		f()
	}
	must("double free", func() {
		s := NewPaged[value](DefaultPage)
		h := s.Alloc()
		s.Free(h)
		s.Free(h)
	})
	must("freeing none", func() {
		s := NewPaged[value](DefaultPage)
		s.Alloc()
		s.Free(0)
	})
	must("odd page size", func() { NewPaged[value](100) })
	must("handle 0 in an index", func() { new(Index).Put(1, 0) })
}

func TestViewKeepsItsMoment(t *testing.T) {
	s := NewPaged[value](2)
	for i := range 8 {
		s.Mut(s.Alloc()).a = uint64(i)
	}
	v1 := s.Freeze()
	s.Mut(3).a = 100
	s.Free(4)
	v2 := s.Freeze()
	s.Mut(3).a = 200
	s.Mut(s.Alloc()).a = 300 // takes handle 4 again
	s.Alloc()

	if v1.At(3).a != 2 || !v1.Live(4) || v1.At(4).a != 3 || v1.Len() != 8 || v1.High() != 8 {
		t.Error("first view has changed")
	}
	if v2.At(3).a != 100 || v2.Live(4) || v2.Len() != 7 || v2.Live(9) {
		t.Error("second view has changed")
	}
	if s.At(3).a != 200 || s.At(4).a != 300 || s.Len() != 9 {
		t.Error("slab did not go on")
	}
}

func TestReleasedViewStopsCopies(t *testing.T) {
	s := NewPaged[value](2)
	for range 9 {
		s.Alloc()
	}
	v1, v2 := s.Freeze(), s.Freeze()
	before := &s.page(3).slots[0]
	v2.Release()
	s.Mut(3).a = 1
	if &s.page(3).slots[0] == before {
		t.Fatal("a page was not copied though the first view is not released")
	}
	v1.Release()
	before = &s.page(5).slots[0]
	s.Mut(5).a = 1
	if &s.page(5).slots[0] != before {
		t.Fatal("a page was copied though no view is left")
	}
	if len(s.views) != 0 {
		t.Fatalf("%d released views are kept", len(s.views))
	}
}

// TestGrowthAfterFreeze: new pages go into leaves that a view shares, and into new ones.
func TestGrowthAfterFreeze(t *testing.T) {
	s := NewPaged[value](2)
	for range 9 {
		s.Mut(s.Alloc()).a = 1
	}
	v := s.Freeze()
	shared := s.dir[0]
	for range 20 * leafPages {
		s.Mut(s.Alloc()).a = 2
	}
	if s.dir[0] == shared || v.dir[0] != shared || len(v.dir) != 1 || shared.pages[5].slots != nil {
		t.Error("growing wrote to a leaf that a view shares")
	}
	if v.Len() != 9 || v.High() != 9 || v.Live(10) {
		t.Error("the view has grown")
	}
	for h := Handle(1); h <= s.High(); h++ {
		if want := min(2, 1+uint64(h)/10); s.At(h).a != want {
			t.Fatalf("handle %d holds %d, want %d", h, s.At(h).a, want)
		}
	}
}

// TestLeafIsCopiedOnce: writes to several pages of a leaf that a view shares copy the leaf with the first one only, and none
// where the view is released.
func TestLeafIsCopiedOnce(t *testing.T) {
	s := NewPaged[value](2)
	for range 2*leafPages + 1 {
		s.Alloc()
	}
	v := s.Freeze()
	s.Mut(1).a = 1
	first := s.dir[0]
	s.Mut(5).a = 1
	if first == v.dir[0] || s.dir[0] != first {
		t.Error("the leaf is shared, or was copied again")
	}
	if &first.pages[1].slots[0] != &v.dir[0].pages[1].slots[0] {
		t.Error("a page that nobody wrote to was copied")
	}
	v.Release()
	w := s.Freeze()
	w.Release()
	s.Mut(7).a = 1
	if s.dir[0] != first {
		t.Error("a leaf was copied though no view is left")
	}
}

// TestViewsOfManyLeaves: several views at a time of a slab of many leaves keep their values whatever is written.
func TestViewsOfManyLeaves(t *testing.T) {
	const n = 40 * leafPages
	r := rand.New(rand.NewPCG(3, 4))
	s := NewPaged[value](4)
	now := make([]uint64, n+1)
	for range n {
		s.Alloc()
	}
	type kept struct {
		v    *View[value]
		want []uint64
	}
	var views []kept
	for step := range 200 {
		for range r.IntN(60) {
			h := Handle(1 + r.IntN(n))
			now[h] = uint64(step)
			s.Mut(h).a = uint64(step)
		}
		if r.IntN(2) == 0 {
			views = append(views, kept{s.Freeze(), slices.Clone(now)})
		}
		if len(views) > r.IntN(5) {
			i := r.IntN(len(views))
			views[i].v.Release()
			views = slices.Delete(views, i, i+1)
		}
		for _, k := range views {
			for h := Handle(1); h <= n; h++ {
				if k.v.At(h).a != k.want[h] {
					t.Fatalf("step %d: handle %d of a view is %d, want %d", step, h, k.v.At(h).a, k.want[h])
				}
			}
		}
	}
}

func TestViewIsReadWhileTheSlabGoesOn(t *testing.T) {
	s := NewPaged[value](64)
	for i := range 10000 {
		*s.Mut(s.Alloc()) = value{a: uint64(i), b: uint64(i) * 3}
	}
	v := s.Freeze()
	sum := make(chan uint64)
	go func() {
		var n uint64
		for h := Handle(1); h <= v.High(); h++ {
			if v.Live(h) {
				n += v.At(h).a + v.At(h).b
			}
		}
		v.Release()
		sum <- n
	}()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		switch h := Handle(r.IntN(int(s.High())) + 1); {
		case s.Live(h) && r.IntN(2) == 0:
			s.Free(h)
		case s.Live(h):
			s.Mut(h).b = 1
		default:
			s.Alloc()
		}
	}
	if got, want := <-sum, uint64(4*10000*9999/2); got != want {
		t.Fatalf("the view's values sum to %d, want %d", got, want)
	}
}

// TestSlabAgainstModel runs random calls against a plain map, with views that are compared at the end.
func TestSlabAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewPaged[value](4)
		model := map[Handle]uint64{}
		var handles []Handle
		type frozen struct {
			v    *View[value]
			want map[Handle]uint64
		}
		var views []frozen
		next := uint64(1)
		pick := func(t *rapid.T) int { return rapid.IntRange(0, len(handles)-1).Draw(t, "which") }
		t.Repeat(map[string]func(*rapid.T){
			"alloc": func(t *rapid.T) {
				h := s.Alloc()
				if _, dup := model[h]; dup || h == 0 || *s.At(h) != (value{}) {
					t.Fatalf("bad new handle %d", h)
				}
				s.Mut(h).a = next
				model[h] = next
				next++
				handles = append(handles, h)
			},
			"free": func(t *rapid.T) {
				if len(handles) == 0 {
					t.Skip()
				}
				i := pick(t)
				s.Free(handles[i])
				delete(model, handles[i])
				handles[i] = handles[len(handles)-1]
				handles = handles[:len(handles)-1]
			},
			"write": func(t *rapid.T) {
				if len(handles) == 0 {
					t.Skip()
				}
				h := handles[pick(t)]
				s.Mut(h).a = next
				model[h] = next
				next++
			},
			"freeze": func(t *rapid.T) {
				want := map[Handle]uint64{}
				for h, a := range model {
					want[h] = a
				}
				views = append(views, frozen{s.Freeze(), want})
			},
			"release": func(t *rapid.T) {
				if len(views) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(views)-1).Draw(t, "view")
				views[i].v.Release()
				views = append(views[:i], views[i+1:]...)
			},
			"": func(t *rapid.T) {
				if s.Len() != len(model) {
					t.Fatalf("len %d, want %d", s.Len(), len(model))
				}
				for h, a := range model {
					if !s.Live(h) || s.At(h).a != a {
						t.Fatalf("handle %d: %d, want %d", h, s.At(h).a, a)
					}
				}
				for _, f := range views {
					n := 0
					for h := Handle(1); h <= f.v.High(); h++ {
						if !f.v.Live(h) {
							continue
						}
						n++
						if a, ok := f.want[h]; !ok || f.v.At(h).a != a {
							t.Fatalf("view: handle %d has changed", h)
						}
					}
					if n != len(f.want) || n != f.v.Len() {
						t.Fatalf("view holds %d values, want %d", n, len(f.want))
					}
				}
			},
		})
	})
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	s := NewPaged[value](DefaultPage)
	var hs [2000]Handle
	for i := range hs {
		hs[i] = s.Alloc()
	}
	n := testing.AllocsPerRun(100, func() {
		for _, h := range hs {
			s.Free(h)
		}
		for i := range hs {
			hs[i] = s.Alloc()
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations per run", n)
	}
}

func BenchmarkAllocFree(b *testing.B) {
	s := NewPaged[[7]uint64](DefaultPage)
	for range 100_000 {
		s.Alloc()
	}
	for b.Loop() {
		h := s.Alloc()
		s.Mut(h)[0] = 1
		s.Free(h)
	}
}

// BenchmarkFirstWrite writes to 1,000 values, all over a slab of 1,000,000 that has been frozen: most writes copy a page.
func BenchmarkFirstWrite(b *testing.B) {
	for _, size := range []int{4, 8, 16, 256} {
		b.Run(fmt.Sprintf("page of %d", size), func(b *testing.B) {
			s := NewPaged[[21]uint64](size)
			for range 1_000_000 {
				s.Alloc()
			}
			r := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				v := s.Freeze()
				for range 1_000 {
					s.Mut(Handle(1 + r.IntN(1_000_000)))[0]++
				}
				v.Release()
			}
		})
	}
}

func BenchmarkFreeze(b *testing.B) {
	for _, size := range []int{4, 256} {
		b.Run(fmt.Sprintf("page of %d", size), func(b *testing.B) {
			s := NewPaged[[21]uint64](size)
			for range 1_000_000 {
				s.Alloc()
			}
			for b.Loop() {
				s.Freeze().Release()
			}
		})
	}
}
