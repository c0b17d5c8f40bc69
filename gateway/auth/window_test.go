package auth

import (
	"math/rand/v2"
	"testing"
)

func TestWindowEdges(t *testing.T) {
	var w window
	for _, step := range []struct {
		seq  uint64
		want bool
	}{
		{0, false}, {1, true}, {1, false}, {5, true}, {3, true}, {3, false}, {2, true}, {4, true}, {4, false},
		{1024, true}, {1, false}, {1025, true}, {2, false}, {6, true}, {6, false},
		{2048, true}, {1024, false}, {1026, true}, {1025, false}, // 1025 used, 1024 too far behind
		{1 << 40, true}, {2048, false}, {1<<40 - 1023, true}, {1<<40 - 1024, false},
		{1<<64 - 1, true}, {1<<64 - 1, false}, {1<<64 - 1024, true}, {1 << 40, false},
	} {
		if got := w.take(step.seq); got != step.want {
			t.Errorf("take(%d) = %v", step.seq, got)
		}
	}
}

// The ring of bits does what a set of all used numbers does.
func TestWindowAgainstSet(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var w window
		used, greatest := map[uint64]bool{}, uint64(0)
		at := uint64(1)
		for range 3000 {
			switch r.IntN(20) {
			case 0:
				at += r.Uint64N(3000)
			default:
				at += r.Uint64N(4)
			}
			seq := at - min(at, r.Uint64N(1400))
			if r.IntN(2) == 0 {
				seq = at
			}
			want := seq != 0 && !used[seq] && (seq > greatest || greatest-seq < windowSize)
			if got := w.take(seq); got != want {
				t.Fatalf("seed %d: take(%d) = %v with %d the greatest", seed, seq, got, greatest)
			}
			if want {
				used[seq] = true
				greatest = max(greatest, seq)
			}
		}
	}
}
