package foreign

import "testing"

// TestRecent holds that a map has the last ones that were added with what was added last, and forgets.
func TestRecent(t *testing.T) {
	var r recent[int, int]
	if r.has(0) {
		t.Error("an empty map has 0")
	}
	for i := range 5 * maxRecent {
		r.add(i, i)
		if n := len(r.young) + len(r.old); n > 2*maxRecent {
			t.Fatalf("%d are remembered", n)
		}
		for _, last := range []int{i, max(i-maxRecent+1, 0)} {
			if v, ok := r.get(last); !ok || v != last {
				t.Fatalf("of %d there is %d behind %d", last, v, i)
			}
		}
	}
	if r.has(0) {
		t.Error("nothing is forgotten")
	}
	last := 5*maxRecent - maxRecent // in the older half
	if r.add(last, -1); r.young[last] != -1 {
		t.Error("what is added again does not become young")
	}
	if v, _ := r.get(last); v != -1 {
		t.Errorf("of %d there is %d still", last, v)
	}
}
