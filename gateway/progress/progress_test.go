package progress

import (
	"sync"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	var p Number
	if p.Load() != 0 || !p.WaitFor(0, 0) || p.WaitFor(1, 0) || p.WaitFor(1, time.Millisecond) {
		t.Error("a new number is not 0")
	}
	var waiting sync.WaitGroup
	for n := range uint64(100) {
		waiting.Go(func() {
			if !p.WaitFor(n, 20*time.Second) || p.Load() < n {
				t.Errorf("waited for %d, got %d", n, p.Load())
			}
		})
	}
	for n := range uint64(100) {
		p.Set(n)
	}
	waiting.Wait()
	if p.Load() != 99 || p.WaitFor(100, time.Millisecond) {
		t.Errorf("%d at the end", p.Load())
	}
}
