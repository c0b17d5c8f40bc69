package auth

// windowSize is how far a sequence number may be behind the greatest that has been used.
const windowSize = 1024

// window remembers which sequence numbers have been used. It is a ring of bits:
//
//	     greatest-1023            greatest
//	older │  0 1 1 0 … 1 1 0 1 1 1 1 │ newer
//	refused   1: used                   free
//
// The zero value has used nothing. It is not safe for concurrent use.
type window struct {
	greatest uint64
	used     [windowSize / 64]uint64
}

// take marks seq as used, and reports false where it had been, is zero, or is too far behind.
func (w *window) take(seq uint64) bool {
	if seq == 0 {
		return false
	}
	if seq > w.greatest {
		if seq-w.greatest >= windowSize {
			clear(w.used[:])
		} else {
			for s := w.greatest + 1; s < seq; s++ {
				w.used[s/64%uint64(len(w.used))] &^= 1 << (s % 64)
			}
		}
		w.greatest = seq
	} else {
		if w.greatest-seq >= windowSize {
			return false
		}
		if w.used[seq/64%uint64(len(w.used))]&(1<<(seq%64)) != 0 {
			return false
		}
	}
	w.used[seq/64%uint64(len(w.used))] |= 1 << (seq % 64)
	return true
}
