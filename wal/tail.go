package wal

// Tail is how many of the last entries have no more than so many bytes together.
func (s *Store) Tail(bytes int64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := uint64(0)
	for i := len(s.sizes) - 1; i >= 0; i-- {
		if bytes -= int64(s.sizes[i]); bytes < 0 {
			break
		}
		n++
	}
	return n
}
