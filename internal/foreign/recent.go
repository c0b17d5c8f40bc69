package foreign

// maxRecent is how many are remembered in each half of a recent set.
const maxRecent = 1 << 16

// recent is a set that forgets: it holds at least the last maxRecent that were added and at most twice as many, so that a
// file of any length needs bounded memory.
type recent[K comparable] struct{ young, old map[K]struct{} }

func (r *recent[K]) add(k K) {
	if r.young == nil || len(r.young) >= maxRecent {
		r.old, r.young = r.young, map[K]struct{}{}
	}
	r.young[k] = struct{}{}
}

func (r *recent[K]) has(k K) bool {
	if _, ok := r.young[k]; ok {
		return true
	}
	_, ok := r.old[k]
	return ok
}
