package foreign

import "testing"

// TestRecent holds that a set has the last ones that were added, and forgets.
func TestRecent(t *testing.T) {
	var r recent[int]
	if r.has(0) {
		t.Error("an empty set has 0")
	}
	for i := range 5 * maxRecent {
		r.add(i)
		if n := len(r.young) + len(r.old); n > 2*maxRecent {
			t.Fatalf("%d are remembered", n)
		}
		for _, last := range []int{i, max(i-maxRecent+1, 0)} {
			if !r.has(last) {
				t.Fatalf("%d is forgotten behind %d", last, i)
			}
		}
	}
	if r.has(0) {
		t.Error("nothing is forgotten")
	}
}
