package ring

import "testing"

// The slowest reader is the lossless one that is furthest behind, and none that has read everything.
func TestSlowest(t *testing.T) {
	b := NewBroadcast[int](64)
	first, second := b.Reader("first", true), b.Reader("second", true)
	b.Reader("lossy", false)
	if r, at := b.Slowest(); r != nil || at != 0 {
		t.Errorf("an empty ring: %v at %d", r, at)
	}
	b.Publish(make([]int, 10))
	buf := make([]int, 7)
	first.Read(buf, nil)
	if r, at := b.Slowest(); r != second || at != 0 {
		t.Errorf("%v at %d", r, at)
	}
	second.Read(buf, nil)
	second.Read(buf, nil)
	if r, at := b.Slowest(); r != first || at != 7 {
		t.Errorf("%v at %d", r, at)
	}
	first.Close()
	if r, at := b.Slowest(); r != nil || at != 10 {
		t.Errorf("everything is read: %v at %d", r, at)
	}
}
