package foreign

// maxRecent is how many are remembered in each half of a recent map.
const maxRecent = 1 << 16

// recent is a map that forgets: it holds at least the last maxRecent that were added and at most twice as many, so that a
// file of any length needs bounded memory.
type recent[K comparable, V any] struct{ young, old map[K]V }

func (r *recent[K, V]) add(k K, v V) {
	if r.young == nil || len(r.young) >= maxRecent {
		r.old, r.young = r.young, map[K]V{}
	}
	r.young[k] = v
}

// get returns what was added last for a key.
func (r *recent[K, V]) get(k K) (v V, ok bool) {
	if v, ok = r.young[k]; ok {
		return v, true
	}
	v, ok = r.old[k]
	return v, ok
}

func (r *recent[K, V]) has(k K) bool {
	_, ok := r.get(k)
	return ok
}
